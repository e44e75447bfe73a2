"""One row per file: everything lakekit knows of a table, from its listing and footers.

It must not be changed once made: a refresh makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from lakekit.arguments import require_choice
from lakekit.errors import InvalidArgument, LakekitError
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.cast import cast_array
from lakekit.manifest.drift import Drift, find_drift
from lakekit.manifest.fetch import FooterSource
from lakekit.manifest.fields import FieldNames
from lakekit.manifest.findings import Findings, find_out, leave_out
from lakekit.manifest.frame import Known, build_entries, build_stats, find_bounds
from lakekit.manifest.listing import Listing, list_table
from lakekit.manifest.logged import LoggedFiles, ReadLog
from lakekit.manifest.partitions import Folders, Partitioning, find_folders, read_partitions
from lakekit.manifest.paths import PathList, find_path
from lakekit.manifest.refusals import describe_absence
from lakekit.manifest.schema import FileKind, TableSchema, unify_schemas
from lakekit.storage.inventory import format_moment
from lakekit.units import format_bytes, format_count, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Store

_CHOICES = {
    "on_bad_file": ("raise", "skip"),
    "on_type_conflict": ("raise", "string"),
    "on_archived": ("raise", "skip"),
}


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What the caller of open_table chose; see there."""

    partitions: Mapping[str, Any] | None = None
    template: str | None = None
    schema: pa.Schema | None = None
    on_bad_file: str = "raise"
    on_type_conflict: str = "raise"
    on_archived: str = "raise"
    as_of: int | datetime | None = None
    metadata: str | Callable[[], str] | None = None  # of an Iceberg table, its path or what tells that
    ignore_log: bool = False  # for publishing alone, which looks for files that the log does not name
    allow_incomplete: bool = False  # for compaction alone, which looks at what it has written

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            require_choice(name, getattr(self, name), choices)
        if self.schema is not None and not isinstance(self.schema, pa.Schema):
            what = f"schema is a {type(self.schema).__name__}, not a pyarrow.Schema."
            raise InvalidArgument(what, hint='write pyarrow.schema([("id", pyarrow.int64()), …]).')


@dataclass(frozen=True)
class Manifest:
    """The files of a table, their partitions and the schema over all of them.

    Attributes:
        name: the table's name.
        url: the table's address.
        entries: one row per data file, sorted by path; the columns are those of ``table.files`` but its statistics.
        folders: those of the files.
        partitioning: keys, types and values by folder.
        schema: columns, types and how files supply them.
        kinds: the distinct schemas of the files.
        problems: for files that cannot be read, the error to raise when one is asked for.
        skipped: path and reason of what was left out, size_bytes, and rows where they are known.
        is_partial: whether data files were left out, so that answers lack their rows.
        is_delta: whether a Delta log lies there that was not read: a listing cannot tell removed files from data.
        listed_at: as of when the listing is; None for now.
        footers: the footer of each file, by path and etag.
        known: what statistics are put together from.
        version: which one of the table's log this is; None without a log.
        log: what the version is of, in words.
        names: of columns, where the log knows them by numbers.
    """

    name: str
    url: str
    entries: pl.DataFrame
    folders: Folders = field(repr=False)
    partitioning: Partitioning
    schema: TableSchema
    kinds: tuple[FileKind, ...]
    problems: Mapping[str, LakekitError]
    skipped: pl.DataFrame
    is_partial: bool
    is_delta: bool
    listed_at: datetime | None
    footers: FooterSource = field(repr=False, compare=False)
    known: Known = field(repr=False, compare=False)
    version: int | None = None
    log: str = "Delta log"
    names: FieldNames | None = field(default=None, repr=False)

    @cached_property
    def files(self) -> pl.DataFrame:
        """One row per data file, sorted by path; the columns are those of ``table.files``.

        The statistics are put together when this is first asked for; ``entries`` has all other columns.
        """
        return self.entries.with_columns(build_stats(self.known, self.schema))

    def find_values(self, key: str) -> pl.Series:
        """The value of a partition key in each file; the series is not called like it, as Polars might take that for
        a pattern.
        """
        return self.entries["partition"].struct.unnest()[key].alias("value")

    def find_stats(self, column: str) -> tuple[pl.Series, pl.Series, pl.Series] | None:
        """Lowest value, highest value and number of NULLs of one column in each file; None for a nested column.

        As ``files["stats"]`` has them, and without those of all other columns.
        """
        if column not in self._stats:
            built = build_stats(self.known, self.schema, column).struct.unnest()
            self._stats[column] = built[column].alias("stats") if column in built.columns else None
        found = self._stats[column]
        return None if found is None else tuple(found.struct.field(name) for name in ("min", "max", "null_count"))

    @cached_property
    def _stats(self) -> dict[str, pl.Series | None]:
        return {}

    def describe_source(self) -> list[tuple[str, str]]:
        """Who told which files there are, where that was not a listing of now: pairs of a label and a text."""
        facts = []
        if self.listed_at is not None:
            facts.append(("listed", f"by the S3 Inventory report of {format_moment(self.listed_at)}"))
        if self.version is not None:
            facts.append(("version", f"{self.version} of its {self.log}"))
        if self.is_delta:
            note = "a Delta log lies here that cannot be read; files that it removed are read as well"
            facts.append(("note", note))
        return facts

    def describe_left_out(self) -> str:
        """How many data files were left out, in words."""
        left_out = self.skipped.filter(~self.skipped["reason"].str.starts_with("not Parquet"))
        rows = left_out["rows"]
        known = f" of {format_count(rows.sum())} rows" if rows.null_count() == 0 else ""
        size = format_bytes(left_out["size_bytes"].sum())
        return f"{format_number_of(left_out.height, 'file')} left out ({size}{known})"

    @cached_property
    def positions(self) -> dict[str, int]:
        """The row of each path in ``files``; to find a few, :meth:`find` is quicker."""
        return {path: index for index, path in enumerate(self.entries["path"].to_list())}

    def find(self, path: str) -> int | None:
        """The row of a path in ``files``; None for one that is not there."""
        return find_path(self.entries["path"], path)

    @cached_property
    def drift(self) -> Drift:
        """What differs between the files."""
        return find_drift(self.name, self.schema, self.kinds)


def read_manifest(
    store: Store,
    name: str,
    options: TableOptions,
    cache: FooterCache,
    *,
    progress: Callable[[int, int], None],
    read_log: ReadLog | None = None,
) -> Manifest:
    """The manifest of what lies under the store's address.

    Args:
        store: where.
        name: the table's name, for messages.
        options: how to take partitions, types and bad files.
        cache: footers, and what they say, kept from before.
        progress: called with (files done, files in all); the second grows while the files are listed.
        read_log: what reads the log of a table that has one; without it, a listing tells the files.

    Raises:
        NoFilesFound: no Parquet file there.
        CorruptFile, EncryptedFile, ArchivedFile: no file there can be read; else such an error waits for a query.
        PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey, ColumnNameConflict: see their modules.
    """
    listing = list_table(store, on_progress=lambda count: progress(0, count), read_log=read_log)
    if not options.allow_incomplete:
        listing.refuse_incomplete(store.address.url)
    found = leave_out(listing, *find_out(store, listing, name, cache, progress=progress), options)
    known, files, log = found.known, found.known.listed, listing.log
    _refuse_nothing(store, listing, found)
    there = log.listed if log else listing.files  # other versions need their footers, too
    cache.keep_only(there.select("path", "etag").iter_rows())
    folders = find_folders(files["path"])
    partitioning = _find_partitions(log, folders, files["path"], options)
    footers = FooterSource(store, files, cache, log.names if log else None)
    known, kinds = _name_kinds(log, known, footers)
    schema = _unify(log, kinds, partitioning, known, options)
    return Manifest(
        name=name,
        url=store.address.url,
        entries=build_entries(known, partitioning, folders),
        folders=folders,
        partitioning=partitioning,
        schema=schema,
        kinds=tuple(kinds),
        problems=found.problems,
        skipped=found.skipped,
        is_partial=found.is_partial,
        is_delta=listing.delta_log,
        listed_at=getattr(store, "listed_at", None),
        footers=footers,
        known=known,
        **({"version": log.version, "log": log.log, "names": log.names} if log else {}),
    )


def _refuse_nothing(store: Store, listing: Listing, found: Findings) -> None:
    """Raise where no file can be read, and a table is more than its columns."""
    files, log = found.known.listed, listing.log
    is_empty = log is not None and log.may_be_empty and not log.files.height
    if found.known.told["place"].null_count() == files.height and not is_empty:
        raise next(iter(found.problems.values()), None) or describe_absence(store, listing, found.skipped.rows())


def _name_kinds(log: LoggedFiles | None, known: Known, footers: FooterSource) -> tuple[Known, list[FileKind]]:
    """The distinct schemas, with the names that a log has for columns; and what is known, likewise."""
    kinds = _find_kinds(known)
    if log is None:
        return known, kinds
    stored = [kind.schema for kind in kinds]
    known = log.rename_kinds(known, footers)
    return known, log.prune_kinds(_find_kinds(known), stored)


def _find_partitions(
    log: LoggedFiles | None, folders: Folders, paths: pl.Series, options: TableOptions
) -> Partitioning:
    if log is None:
        return read_partitions(folders, declared=options.partitions, template=options.template)
    log.refuse_options(options.partitions, options.template)
    return log.read_partitions(folders, paths.to_list())


def _unify(
    log: LoggedFiles | None, kinds: list[FileKind], partitioning: Partitioning, known: Known, options: TableOptions
) -> TableSchema:
    """The schema of all files: as declared, else with the columns of the log, where there is one."""
    declared = options.schema
    if log is not None and declared is None:
        declared = log.choose_columns(kinds)
    return unify_schemas(
        kinds,
        dict(zip(partitioning.keys, partitioning.types, strict=True)),
        declared=declared,
        conflicts_as_text=options.on_type_conflict == "string",
        holds=_judge_by_bounds(known),
    )


def _find_kinds(known: Known) -> list[FileKind]:
    """The distinct schemas, in the order of their first path, those of unreadable files too."""
    paths = known.listed["path"]
    kinds = []
    for number, kind in enumerate(known.kinds):
        where, readable = known.find_files(number, readable=False), known.find_files(number)
        if len(where):
            example = paths[int(readable[0] if len(readable) else where[0])]
            file_kind = FileKind(kind.schema_id, kind.schema, PathList(paths, where), example, kind.is_doubtful)
            kinds.append((where[0], file_kind))
    return [kind for _, kind in sorted(kinds, key=lambda pair: pair[0])]


def _judge_by_bounds(known: Known) -> Callable[[str, str, pa.DataType], bool]:
    """Whether bounds prove that a type holds all values of a column in the files of a schema."""
    numbers = {kind.schema_id: number for number, kind in enumerate(known.kinds)}

    def holds(schema_id: str, column: str, to_type: pa.DataType) -> bool:
        kind = known.kinds[numbers[schema_id]]
        where = known.find_files(numbers[schema_id])
        where = where[known.rows[where] > 0]
        bounds = find_bounds(known, kind, where, column)
        if bounds is None:
            return not len(where)
        low, high, nulls = bounds
        is_all_null = nulls.fill_null(-1).to_numpy(zero_copy_only=False) == known.rows[where]
        if (low.is_null().to_numpy(zero_copy_only=False) & ~is_all_null).any():
            return False
        try:
            cast_array(low, to_type)
            cast_array(high, to_type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return False
        return True

    return holds
