"""One row per file: everything lakekit knows of a table, from its listing and footers.

It must not be changed once made: a refresh makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from lakekit.errors import ArchivedFile, InvalidArgument, LakekitError
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.cast import cast_array
from lakekit.manifest.drift import Drift, find_drift
from lakekit.manifest.fetch import fetch_footers
from lakekit.manifest.footers import Footer, Unreadable
from lakekit.manifest.frame import build_files_frame
from lakekit.manifest.listing import Listing, sort_objects
from lakekit.manifest.partitions import Partitioning, read_partitions
from lakekit.manifest.refusals import describe_absence, describe_archived, find_archived
from lakekit.manifest.schema import FileKind, TableSchema, unify_schemas

if TYPE_CHECKING:
    from lakekit.storage import Store, StoredObject

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

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                what = f"{name}={getattr(self, name)!r} is not a choice."
                raise InvalidArgument(what, hint=f"it is {' or '.join(map(repr, choices))}.")
        if self.schema is not None and not isinstance(self.schema, pa.Schema):
            what = f"schema is a {type(self.schema).__name__}, not a pyarrow.Schema."
            raise InvalidArgument(what, hint='write pyarrow.schema([("id", pyarrow.int64()), …]).')


@dataclass(frozen=True)
class Manifest:
    """The files of a table, their partitions and the schema over all of them.

    Attributes:
        name: the table's name.
        url: the table's address.
        files: one row per data file, sorted by path; the columns are those of ``table.files``.
        partitioning: keys, types and values by folder.
        schema: columns, types and how files supply them.
        kinds: the distinct schemas of the files.
        problems: for files that cannot be read, the error to raise when one is asked for.
        skipped: path and reason of what was left out.
        is_partial: whether data files were left out, so that answers lack their rows.
        is_delta: whether a Delta log lies there, whose removed files a listing cannot tell from data.
    """

    name: str
    url: str
    files: pl.DataFrame
    partitioning: Partitioning
    schema: TableSchema
    kinds: tuple[FileKind, ...]
    problems: Mapping[str, LakekitError]
    skipped: pl.DataFrame
    is_partial: bool
    is_delta: bool
    footers: FooterCache = field(repr=False, compare=False)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The row of each path in ``files``."""
        return {path: index for index, path in enumerate(self.files["path"].to_list())}

    @cached_property
    def drift(self) -> Drift:
        """What differs between the files."""
        return find_drift(self.name, self.schema, self.kinds)


def read_manifest(
    store: Store, name: str, options: TableOptions, cache: FooterCache, *, progress: Callable[[int, int], None]
) -> Manifest:
    """The manifest of what lies under the store's address.

    Args:
        store: where.
        name: the table's name, for messages.
        options: how to take partitions, types and bad files.
        cache: footers kept from before.
        progress: called with (files done, files in all); the second grows while the files are listed.

    Raises:
        NoFilesFound: no Parquet file there.
        CorruptFile, EncryptedFile, ArchivedFile: no file there can be read; else such an error waits for a query.
        PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey, ColumnNameConflict: see their modules.
    """
    listing = sort_objects(store.list_objects(on_progress=lambda count: progress(0, count)))
    found = _sort_outcomes(listing, _read_files(store, listing, name, cache, progress), options)
    if not found.footers:
        raise next(iter(found.problems.values()), None) or describe_absence(store, listing, found.skipped)
    cache.keep_only((item.path, item.etag) for item in listing.files)
    paths = [item.path for item in found.files]
    partitioning = read_partitions(paths, declared=options.partitions, template=options.template)
    kinds = _find_kinds(paths, found)
    schema = unify_schemas(
        kinds,
        dict(zip(partitioning.keys, partitioning.types, strict=True)),
        declared=options.schema,
        conflicts_as_text=options.on_type_conflict == "string",
        holds=_judge_by_bounds(found.footers),
    )
    return Manifest(
        name=name,
        url=store.address.url,
        files=build_files_frame(found.files, found.footers, partitioning, schema),
        partitioning=partitioning,
        schema=schema,
        kinds=tuple(kinds),
        problems=found.problems,
        skipped=pl.DataFrame(found.skipped, schema={"path": pl.String, "reason": pl.String}, orient="row"),
        is_partial=found.is_partial,
        is_delta=listing.delta_log,
        footers=cache,
    )


_Outcome = Footer | Unreadable | None


def _read_files(
    store: Store, listing: Listing, name: str, cache: FooterCache, progress: Callable[[int, int], None]
) -> dict[str, _Outcome]:
    """For each path its footer, why the file cannot be read, or None where it is no Parquet file by content."""
    archived = find_archived(store, listing.files)
    errors = describe_archived(archived, listing.files, name)
    asked = [item for item in listing.files if item.path not in errors]
    outcomes = fetch_footers(store, asked, cache, on_progress=lambda done: progress(done, len(asked)))
    return outcomes | {path: Unreadable(error) for path, error in errors.items()}


@dataclass(frozen=True)
class _Findings:
    """The files of a table and what reading them gave.

    Attributes:
        files: those of the table.
        footers: of files that can be read.
        known: those, and the footers of files whose data cannot be read.
        problems: why a file cannot be read.
        skipped: path and reason of what was left out.
        is_partial: whether data files were left out.
    """

    files: list[StoredObject]
    footers: dict[str, Footer]
    known: dict[str, Footer]
    problems: dict[str, LakekitError]
    skipped: list[tuple[str, str]]
    is_partial: bool


def _sort_outcomes(listing: Listing, outcomes: Mapping[str, _Outcome], options: TableOptions) -> _Findings:
    files, footers, known, problems, skipped, left_out = [], {}, {}, {}, [], []
    for item in listing.files:
        outcome = outcomes[item.path]
        if outcome is None:
            skipped.append((item.path, "not Parquet by its content"))
        elif isinstance(outcome, Footer):
            files.append(item)
            footers[item.path] = known[item.path] = outcome
        elif _is_skipped(outcome.error, options):
            left_out.append((item.path, outcome.error.what))
        else:
            files.append(item)
            problems[item.path] = outcome.error
            if outcome.footer is not None:
                known[item.path] = outcome.footer
    skipped = [(item.path, "not Parquet by its name") for item in listing.foreign] + skipped + left_out
    return _Findings(files, footers, known, problems, sorted(skipped), bool(left_out))


def _is_skipped(error: LakekitError, options: TableOptions) -> bool:
    return (options.on_archived if isinstance(error, ArchivedFile) else options.on_bad_file) == "skip"


def _find_kinds(paths: Sequence[str], found: _Findings) -> list[FileKind]:
    """The distinct schemas, in the order of their first path, those of unreadable files too."""
    by_schema: dict[str, list[str]] = {}
    for path in paths:
        if path in found.known:
            by_schema.setdefault(found.known[path].schema_id, []).append(path)
    kinds = []
    for schema_id, where in by_schema.items():
        example = next((path for path in where if path in found.footers), where[0])
        footer = found.known[example]
        kinds.append(FileKind(schema_id, footer.schema, tuple(where), example, footer.is_doubtful))
    return kinds


def _judge_by_bounds(footers: Mapping[str, Footer]) -> Callable[[str, str, pa.DataType], bool]:
    """Whether bounds prove that a type holds all values of a column in the files of a schema."""
    by_schema: dict[str, list[Footer]] = {}
    for footer in footers.values():
        by_schema.setdefault(footer.schema_id, []).append(footer)

    def holds(schema_id: str, column: str, kind: pa.DataType) -> bool:
        valued = [footer for footer in by_schema.get(schema_id, ()) if not _is_all_null(footer, column)]
        stats = [footer.stats.get(column) for footer in valued]
        if any(entry is None or entry.min is None for entry in stats):
            return False
        bounds = [bound for entry in stats for bound in (entry.min, entry.max)]
        try:
            return not bounds or bool(cast_array(pa.array(bounds, valued[0].schema.field(column).type), kind))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return False

    return holds


def _is_all_null(footer: Footer, column: str) -> bool:
    stats = footer.stats.get(column)
    return footer.rows == 0 or (stats is not None and stats.null_count == footer.rows)
