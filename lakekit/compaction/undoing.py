"""The version before, restored: a lake or Glue reads a table where it was, a Delta table its former files.

It must not delete a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakekit.compaction.history import find_last_swap, read_commits
from lakekit.compaction.in_place import open_files
from lakekit.compaction.leases import hold_lease
from lakekit.compaction.log import open_log, swap
from lakekit.compaction.switching import move_glue_table, undo_entry
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    from lakekit.lake import Lake
    from lakekit.table import Table


def undo(target: Table | Lake, name: str | None = None, *, glue: tuple[str, str] | None = None) -> None:
    """Take back the last switch, or the last compaction in place; the rows are the same before and after.

    Args:
        target: a lake, to let it read one of its tables where it was read before; or a table.
        name: of a lake, the table.
        glue: of a table whose Glue table was switched, the names of its database and table there.

    Raises:
        InvalidArgument: there is nothing to take back.
        IncompleteTable: rows would be lost: some came since, or the originals were retired.
        StaleFile: rows of a Delta table that was compacted in place were changed since.
        StorageFailed: a compaction or retirement of it is under way.

    Example:
        >>> import lakekit as lk
        >>> lk.compaction.undo(lk.open_lake("data/sample/lake"), "weather")
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: weather was never switched: it is read in its own folder.
    """
    catalog = getattr(target, "_catalog", None)
    if catalog is not None:
        if name is None:
            raise InvalidArgument("A lake has many tables.", hint='name one: undo(lake, "events").')
        undo_entry(catalog, name)
        return
    if glue is not None:
        _undo_glue(target, glue)
        return
    undo_in_place(target)


def undo_in_place(table: Table) -> int:
    """The version at which a Delta table names the originals of its last compaction again; later rows stay.

    Raises:
        InvalidArgument: it was not compacted in place.
        IncompleteTable: originals were retired.
        StaleFile: the new files were changed since, such as by a delete.
    """
    address, storage = table.store.address, table.store.storage
    open_log(address, storage)  # refuses what is no Delta table, before a lease is put there
    with hold_lease(address, storage):  # a retirement under way would remove what is named again
        log = open_log(address, storage)
        last = find_last_swap(read_commits(address, storage))
        if last is None:
            what = f"{table.name} was not compacted in place, as far as its log tells."
            raise InvalidArgument(what, hint="where a lake or Glue was switched, give the lake, or glue=.")
        before, after = (open_log(address, storage, number).files for number in (last.number - 1, last.number))
        originals, made = [before[path] for path in sorted(last.removes)], [after[path] for path in sorted(last.adds)]
        open_files(table, last.removes)
        return swap(log, made, originals, {"undoes": last.number})


def _undo_glue(table: Table, glue: tuple[str, str]) -> None:
    storage, (database, name) = table.store.storage, glue
    found = storage.boto3("glue").get_table(DatabaseName=database, Name=name)["Table"]
    before = found.get("Parameters", {}).get("lakekit.location_before")
    if before is None:
        raise InvalidArgument(f"{database}.{name} was never switched.")
    move_glue_table(storage, glue, found["StorageDescriptor"]["Location"], before)
