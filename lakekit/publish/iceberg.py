"""A table as Iceberg: metadata over the files that are there, written from the manifest, with no request for data.

It must not write data, nor let a reader take a value that lakekit does not: what it cannot tell so is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument, StaleFile
from lakekit.manifest.listing import is_hidden
from lakekit.publish.iceberg_catalog import IcebergCatalog
from lakekit.publish.iceberg_commit import (
    Change,
    Identifier,
    commit,
    is_worth_another_look,
    list_data_files,
    load_base,
    merge_columns,
    refuse_base,
)
from lakekit.publish.iceberg_files import Difference, FileFacts, find_difference, list_facts
from lakekit.publish.iceberg_types import choose_columns
from lakekit.publish.plans import PublishPlan, refuse_source
from lakekit.storage.address import parse_address
from lakekit.storage.secret import scrub_secrets
from lakekit.table import Table, require_table
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as PyIcebergTable

ATTEMPTS = 5  # commits that are tried, each after a new look, where others publish at the same time
FOLDER = "_iceberg"  # below a table, for its metadata; hidden from lakekit, Hive, Spark and Athena by its "_"


@dataclass(frozen=True)
class IcebergSnapshot:
    """What an Iceberg table is after it was published.

    Attributes:
        identifier: its name in the catalog, such as "nyc.flights".
        snapshot_id: of its current snapshot.
        metadata_location: the file that describes it, for readers without the catalog.
        files_added, files_removed: by this; a file that was written over counts as both.
    """

    identifier: str
    snapshot_id: int | None
    metadata_location: str
    files_added: int
    files_removed: int


@dataclass(frozen=True, repr=False)
class IcebergPlan(PublishPlan):
    """What publishing a table as Iceberg would write. Nothing has been written.

    Attributes:
        identifier: the table's name in the catalog, such as "nyc.flights".
        location: the address below which its metadata lies, or will lie.
        changes: what it would do, in words: pairs of an action and a subject.
        warnings: sentences, on what other readers need or do not see.
        added, replaced, gone: addresses of files that come in, that were written over, and that go out.
    """

    identifier: str
    location: str
    changes: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    gone: tuple[str, ...]
    _table: Table
    _catalog: IcebergCatalog
    _base: Any = field(compare=False)
    _change: Change = field(compare=False)

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._base is None or self._change.new_columns or self._change.difference)

    def run(self) -> IcebergSnapshot:
        """Commit it, whole or not at all: one snapshot; then what the table is.

        Where another commit came first, or an answer was lost, the files are listed again and what is left to do is
        done, up to 5 times; no file comes in twice.

        Raises:
            StaleFile: others committed before each of the tries; nothing of this was written.
            AccessDenied, StorageFailed: the catalog, or the place of the metadata, refuses.
            InvalidArgument, TypeConflict, …: as :func:`iceberg`, of what another commit made of the table.
        """
        plan, begun, why = self, {}, ""
        for _ in range(ATTEMPTS):
            if not plan:
                break
            with plan._catalog.open() as catalog:
                try:
                    return plan._tell(commit(catalog, plan._base, plan._change, begun), begun)
                except Exception as exc:
                    if not is_worth_another_look(exc):
                        raise
                    why = scrub_secrets(f"{type(exc).__name__}: {exc}").partition("\n")[0]
            plan = _plan(plan._table, plan._change.identifier, plan._catalog, plan.location)
        if plan:
            what = f"Others committed to {self.identifier} before each of {ATTEMPTS} tries, or it failed ({why})."
            raise StaleFile(what, hint="plan again.")
        return plan._tell(plan._base, begun)

    def _tell(self, there: PyIcebergTable, begun: Mapping[int, Difference]) -> IcebergSnapshot:
        """What the table is; files count where its snapshot is one that this began."""
        snapshot = there.current_snapshot()
        number = snapshot.snapshot_id if snapshot else None
        done = begun.get(number) or Difference((), (), (), 0)
        added, removed = (len(found) + len(done.replaced) for found in (done.added, done.gone))
        return IcebergSnapshot(self.identifier, number, there.metadata_location, added, removed)

    def _describe(self) -> str:
        what = "to be created" if self._base is None else "to be changed" if self else "nothing to change"
        return f"Iceberg table {self.identifier} in {self._catalog!r}: {what}"


def iceberg(
    table: Table,
    identifier: str | Sequence[str],
    *,
    catalog: str | Path | Mapping[str, str] | Catalog | None = None,
    location: str | None = None,
) -> IcebergPlan:
    """The plan by which a table's files become an Iceberg table where they are, or what changed since comes into it.

    Its prefix is listed anew; no data file is read or written. Keys that stand in paths alone are told as partition
    values, from which the specification lets readers take them (pyiceberg 0.12, Polars 2.1 and DuckDB 1.5 do). The
    table stays what lakekit reads by listing: publish again when files came, went or were written over.

    Args:
        table: in a folder or on S3.
        identifier: the name in the catalog, such as "nyc.flights"; its namespace is created if it is not there.
        catalog: a SQLite file, such as "catalog.sqlite" (with a slash or such an ending); the name of a catalog that
            pyiceberg is configured for; properties for its ``load_catalog``, such as ``{"type": "glue"}`` or
            ``{"type": "rest", "uri": …}``; or a Catalog of pyiceberg's. If not given, the SQLite file that
            ``LAKEKIT_ICEBERG_CATALOG`` names, else ``iceberg.sqlite`` in the user's data folder.
        location: the address for its metadata; ``_iceberg`` below the table if not given, which readers of plain
            Parquet pass over. Give another where the table's place must not be written to.

    Returns:
        A plan that prints; ``.run()`` carries it out. Where nothing is to change it is false.

    Raises:
        InvalidArgument: a type or key that Iceberg cannot hold, a name in the catalog that is another's, a table
            changed by another engine, or one of which it cannot be told what lies under its address.
        TypeConflict: a column whose types are not promoted to one: numbers become wider, and nothing else.
        CorruptFile, EncryptedFile, ArchivedFile: a file that cannot be read, unless the table was opened to skip such.
        MissingPackage: pyiceberg is not installed.
        AccessDenied, StorageFailed: the catalog refuses.

    Example:
        >>> import tempfile, lakekit as lk
        >>> flights, place = lk.open_table("data/sample/lake/flights"), tempfile.mkdtemp()
        >>> plan = lk.publish.iceberg(flights, "nyc.flights", catalog=f"{place}/catalog.sqlite", location=place)
        >>> plan.changes[-1]
        ('add files', '31 files (796 KiB), the first date=2013-03-01/part-0.parquet')
        >>> plan.run().files_added
        31
    """
    require_table(table)
    parts = tuple(identifier.split(".")) if isinstance(identifier, str) else tuple(identifier)
    if len(parts) < 2 or not all(isinstance(part, str) and part for part in parts):
        what = f"{identifier!r} names no table of a catalog."
        raise InvalidArgument(what, hint='write "namespace.table".')
    refuse_source(table, "a snapshot")
    _refuse_metadata(table)
    return _plan(table, parts, IcebergCatalog(catalog, table.store), location)


def _refuse_metadata(table: Table) -> None:
    if table.manifest.names is not None:
        what = f"{table.url} is an Iceberg table as it is, with metadata of its own."
        raise InvalidArgument(what, hint="name that in a catalog, such as with pyiceberg's register_table(…).")


def _plan(table: Table, identifier: Identifier, catalog: IcebergCatalog, location: str | None) -> IcebergPlan:
    """The plan as things are now: the catalog is asked before the files are listed, or another's files would go out."""
    name, base, there = ".".join(identifier), None, []
    if catalog.is_there:
        with catalog.open() as opened:
            base = load_base(opened, identifier)
            there = list_data_files(base) if base is not None else []
    seen = Table(table.store, table.name, table.options)
    for error in seen.manifest.problems.values():
        raise error
    keys = tuple(seen.manifest.schema.keys)
    if base is not None:
        refuse_base(base, table.url, keys)
    columns, changed = merge_columns(base, choose_columns(seen.manifest), keys)
    difference = find_difference(list_facts(seen, columns), there, base and base.metadata, seen)
    location = _choose_location(table, base, location)
    change = Change(identifier, location, table.url, columns, keys, tuple(changed), difference)
    changes = [] if base is not None else [("create table", f"{name} at {location}, {_tell_columns(columns, keys)}")]
    changes += [("change column", f"{column}: {what}") for column, what in changed.items()]
    changes += _tell_files(difference, table.url)
    return IcebergPlan(
        name, location, tuple(changes), tuple(_warn(seen, difference)),
        tuple(one.path for one in difference.added), tuple(one.path for one in difference.replaced), difference.gone,
        table, catalog, base, change,
    )  # fmt: skip


def _choose_location(table: Table, base: Any, location: str | None) -> str:
    """Where the metadata lies.

    Raises:
        InvalidArgument: it lies elsewhere already, or would lie among the files that are read as data.
    """
    there = base.location() if base is not None else None
    wanted = parse_address(location).url if location else there or table.store.address.join(FOLDER)
    if there is not None and wanted != there:
        raise InvalidArgument(f"The table's metadata lies at {there}, not at {wanted}.", hint="leave location= out.")
    below = f"{wanted}/metadata/".removeprefix(f"{table.url.rstrip('/')}/")
    if below != f"{wanted}/metadata/" and not is_hidden(f"{below}0.avro", 1):
        what = f"{wanted} is among the data of {table.url}, where readers of plain Parquet would find the metadata."
        raise InvalidArgument(what, hint=f'leave location= out, for "{FOLDER}", or give an address elsewhere.')
    return wanted


def _tell_columns(columns: Mapping[str, Any], keys: Sequence[str]) -> str:
    by = f" by {', '.join(keys)}" if keys else ""
    return f"{format_number_of(len(columns), 'column')}{by}"


def _tell_files(difference: Difference, root: str) -> Iterator[tuple[str, str]]:
    def tell(found: Sequence[FileFacts]) -> str:
        size = format_bytes(sum(one.size_bytes for one in found))
        return f"{format_number_of(len(found), 'file')} ({size}), the first {found[0].path.removeprefix(f'{root}/')}"

    if difference.added:
        yield "add files", tell(difference.added)
    if difference.replaced:
        yield "replace files", f"{tell(difference.replaced)}; they were written over"
    if difference.gone:
        first = difference.gone[0].removeprefix(f"{root}/")
        yield (
            "drop files",
            f"{format_number_of(len(difference.gone), 'file')} no longer in the table, the first {first}",
        )


def _warn(table: Table, difference: Difference) -> Iterator[str]:
    if table.skipped.height:
        named = f"{table.skipped['path'][0]}: {table.skipped['reason'][0]}"
        yield f"Not part of it: {format_number_of(table.skipped.height, 'file')}, such as {named}."
    supplies = table.manifest.schema.supplies.values()
    wider = sorted({name for supply in supplies for name, how in supply.items() if how == "widened"})
    if wider:
        yield f"Narrower in some files, which readers of Iceberg widen: {', '.join(wider)}."
    if difference.foreign:
        yield f"Of other engines, and not known to lakekit: {format_number_of(difference.foreign, 'file')}; they stay."
