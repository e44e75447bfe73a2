"""The one step by which readers go from a table to its compacted copy, and the one that leads back.

It must not move data, and not switch to anything that is not verified, or that lacks a file of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakekit.compaction.copying import find_copy
from lakekit.errors import IncompleteTable, InvalidArgument, StaleFile
from lakekit.storage.address import parse_address
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from lakekit.catalog import Catalog
    from lakekit.storage import Storage
    from lakekit.table import Table


def switch_entry(catalog: Catalog, name: str, url: str) -> None:
    """Let a lake read a table from its copy; see ``Lake.switch``."""
    catalog.refresh()
    table, address = catalog.tables[name], parse_address(url)
    if table.url == address.url:
        return
    check_copy(table, address.url, table.store.storage if address.scheme == table.store.address.scheme else None)
    _put_entry(catalog, name, address.url)


def undo_entry(catalog: Catalog, name: str) -> None:
    """Let a lake read a table from where it was read before the last switch."""
    catalog.refresh()
    entry = catalog.places.get(name)
    if entry is None:
        raise InvalidArgument(f"{name} was never switched: it is read in its own folder.")
    _, verified, found = find_copy(parse_address(entry.url), catalog.tables[name].store.storage)
    since = found.objects.keys() - {output[0] for output in verified["outputs"]}
    if since:
        what = f"{entry.url} holds {format_number_of(len(since), 'file')} that came after the switch: {min(since)}."
        raise IncompleteTable(what, hint="they would no longer be read: put them where the table was before, too.")
    catalog.open_at(entry.before, name)
    _put_entry(catalog, name, entry.before)


def _put_entry(catalog: Catalog, name: str, url: str) -> None:
    entry = catalog.places.get(name)
    try:
        catalog.entries.put(name, url, before=catalog.tables[name].url, number=entry.number + 1 if entry else 1)
    except StaleFile:
        catalog.refresh()
        if catalog.tables[name].url != url:  # another was faster, with something else
            raise
    catalog.refresh()


def check_copy(table: Table, url: str, storage: Storage | None) -> None:
    """Raise where a copy is not all that the table is now.

    Args:
        table: is refreshed.
        url: of the copy.
        storage: how to reach the copy.

    Raises:
        IncompleteTable: it is not verified, was changed since, or lacks files.
        InvalidArgument: it is no copy of this table.
    """
    begun, verified, found = find_copy(parse_address(url), storage)
    if begun["source"] != table.url:
        raise InvalidArgument(f"{url} is a copy of {begun['source']}, and not of {table.url}.")
    outputs = {path: etag for path, etag, *_ in verified["outputs"]}
    changed = sorted(set(outputs.items()) ^ {(one.path, one.etag) for one in found.objects.values()})
    if changed:
        what = f"The copy {url} is not as it was verified: {changed[0][0]} was changed, added or is gone."
        raise IncompleteTable(what, hint="make another copy.")
    table.refresh()
    copied = {path: etag for _, _, sources in begun["bins"] for path, etag, *_ in sources}
    now = dict(table.manifest.entries.select("path", "etag").iter_rows())
    missing = sorted(path for path, etag in now.items() if copied.get(path) != etag)
    if missing:
        what = f"The copy {url} lacks {format_number_of(len(missing), 'file')} of {table.url}, such as {missing[0]}."
        raise IncompleteTable(
            what,
            hint='archived files must be restored, or left out by on_archived="skip"; for files '
            "that came since, make another copy once nothing is written there any more.",
        )
    gone = sorted(copied.keys() - now.keys())
    if gone:
        what = f"{format_number_of(len(gone), 'file')} of {table.url}, such as {gone[0]}, went after {url} was made."
        raise IncompleteTable(what, hint="make another copy.")


def switch(table: Table, to: str, *, glue: tuple[str, str]) -> None:
    """Let Athena and all who ask the Glue Data Catalog read a table from its copy: one UpdateTable call.

    Args:
        table: the table that is read now.
        to: the address of a copy that ``run`` has finished.
        glue: names of the database and of the table in the catalog.

    Raises:
        IncompleteTable, InvalidArgument: the copy is not all that the table is now; or the catalog has partitions of
            its own for the table, which can only change one after another, so that readers would see a mix.

    Example:
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> lk.compaction.switch(weather, "build/weather", glue=("lake", "weather"))
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: .../build/weather is no copy that lk.compaction made.
        Hint: plan(table, into=…) makes one.
    """
    storage = table.store.storage
    check_copy(table, to, storage)
    move_glue_table(storage, glue, table.url, to)


def move_glue_table(storage: Storage, glue: tuple[str, str], before: str, to: str) -> None:
    """Set where a table of the Glue Data Catalog lies, if it lies where it should."""
    client, (database, name) = storage.boto3("glue"), glue
    try:
        found = client.get_table(DatabaseName=database, Name=name)["Table"]
        partitions = client.get_partitions(DatabaseName=database, TableName=name, MaxResults=1)["Partitions"]
    except client.exceptions.EntityNotFoundException as exc:
        raise InvalidArgument(
            f"Glue has no table {database}.{name}.", hint="check both names, and the region."
        ) from exc
    place = found["StorageDescriptor"]["Location"]
    if parse_address(place).url != parse_address(before).url:
        raise InvalidArgument(f"{database}.{name} in Glue lies at {place}, and not at {before}.")
    if partitions:
        what = f"{database}.{name} has partitions in Glue, each with an address of its own: no one call moves them all."
        raise InvalidArgument(what, hint="use partition projection, or make a second table over the copy.")
    keys = (
        "Name",
        "Description",
        "Owner",
        "Retention",
        "StorageDescriptor",
        "PartitionKeys",
        "TableType",
        "Parameters",
    )
    changed = {key: found[key] for key in keys if key in found}
    slash = "/" if place.endswith("/") else ""
    changed["StorageDescriptor"] = found["StorageDescriptor"] | {"Location": f"{to.rstrip('/')}{slash}"}
    changed["Parameters"] = found.get("Parameters", {}) | {"lakekit.location_before": place}
    version = {"VersionId": found["VersionId"]} if "VersionId" in found else {}
    client.update_table(DatabaseName=database, TableInput=changed, **version)
