"""The version before, restored: a lake or Glue reads a table where it was, a Delta table its former files.

It must not delete a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    raise InvalidArgument(
        f"{target.name} was not compacted in place.", hint="give the lake or glue= that was switched."
    )


def _undo_glue(table: Table, glue: tuple[str, str]) -> None:
    storage, (database, name) = table.store.storage, glue
    found = storage.boto3("glue").get_table(DatabaseName=database, Name=name)["Table"]
    before = found.get("Parameters", {}).get("lakekit.location_before")
    if before is None:
        raise InvalidArgument(f"{database}.{name} was never switched.")
    move_glue_table(storage, glue, found["StorageDescriptor"]["Location"], before)
