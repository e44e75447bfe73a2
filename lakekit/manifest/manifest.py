"""One row per file: everything lakekit knows of a table, from its listing and footers.

It must not be changed once made: a refresh makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.errors import ArchivedFile, LakekitError, NoFilesFound
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.cast import cast_array
from lakekit.manifest.drift import Drift, find_drift
from lakekit.manifest.fetch import fetch_footers
from lakekit.manifest.footers import Footer, Unreadable
from lakekit.manifest.listing import Listing, sort_objects
from lakekit.manifest.partitions import Partitioning, read_partitions
from lakekit.manifest.schema import FileKind, TableSchema, unify_schemas
from lakekit.manifest.types import EXACT_FLOAT64_INTEGER
from lakekit.units import format_bytes, format_number_of

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
                known = " or ".join(map(repr, choices))
                raise ValueError(f"{name}={getattr(self, name)!r} is not a choice. Hint: it is {known}.")


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
        by_id = self.files.filter(pl.col("schema_id").is_not_null()).group_by("schema_id").agg("path")
        return find_drift(self.name, self.schema, self.kinds, dict(by_id.iter_rows()))


def read_manifest(
    store: Store, name: str, options: TableOptions, cache: FooterCache, *, progress: Callable[[int, int], None]
) -> Manifest:
    """The manifest of what lies under the store's address.

    Args:
        store: where.
        name: the table's name, for messages.
        options: how to take partitions, types and bad files.
        cache: footers kept from before.
        progress: called with (files done, files in all).

    Raises:
        NoFilesFound: no Parquet file there.
        CorruptFile, EncryptedFile, ArchivedFile: no file there can be read; else such an error waits for a query.
        PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey, ColumnNameConflict: see their modules.
    """
    listing = sort_objects(store.list_objects())
    archived = {item.path for item in listing.files if item.is_archived and not store.is_restored(item.path)}
    asked = [item for item in listing.files if item.path not in archived]
    total = len(asked)
    found = fetch_footers(store, asked, cache, on_progress=lambda done: progress(done, total))
    problems = {path: outcome.error for path, outcome in found.items() if isinstance(outcome, Unreadable)}
    problems |= _archived_errors([item for item in listing.files if item.path in archived], listing.files, name)
    skipped = _list_foreign(listing, found)
    left_out = [path for path, error in sorted(problems.items()) if _is_skipped(error, options)]
    skipped += [(path, problems.pop(path).what) for path in left_out]
    gone = {path for path, _ in skipped}
    files = [item for item in listing.files if item.path not in gone]
    footers = {path: outcome for path, outcome in found.items() if isinstance(outcome, Footer)}
    if not footers:
        raise next(iter(problems.values()), None) or _no_files(store, listing, skipped)
    known = {path: _known_footer(outcome) for path, outcome in found.items() if path not in gone}
    cache.keep_only((item.path, item.etag) for item in files)
    partitioning = read_partitions(
        [item.path for item in files], declared=options.partitions, template=options.template
    )
    kinds = _find_kinds(files, known, problems)
    schema = unify_schemas(
        kinds,
        dict(zip(partitioning.keys, partitioning.types, strict=True)),
        declared=options.schema,
        conflicts_as_text=options.on_type_conflict == "string",
        is_exact=_exactness(footers),
    )
    return Manifest(
        name=name,
        url=store.address.url,
        files=_build_frame(files, footers, partitioning, schema),
        partitioning=partitioning,
        schema=schema,
        kinds=tuple(kinds),
        problems=problems,
        skipped=pl.DataFrame(skipped, schema={"path": pl.String, "reason": pl.String}, orient="row"),
        is_partial=bool(left_out),
        is_delta=listing.delta_log,
        footers=cache,
    )


def _archived_errors(
    archived: Sequence[StoredObject], files: Sequence[StoredObject], name: str
) -> dict[str, LakekitError]:
    if not archived:
        return {}
    classes = " and ".join(sorted({item.storage_class for item in archived}))
    size = format_bytes(sum(item.size_bytes for item in archived))
    return {
        item.path: ArchivedFile(
            f"{item.path} of {name} is archived in {item.storage_class}; so are {len(archived):,} of "
            f"{format_number_of(len(files), 'file')} ({size}, {classes}).",
            hint='restore them first, or leave them out with on_archived="skip" (the table is then partial).',
        )
        for item in archived
    }


def _is_skipped(error: LakekitError, options: TableOptions) -> bool:
    return (options.on_archived if isinstance(error, ArchivedFile) else options.on_bad_file) == "skip"


def _list_foreign(listing: Listing, found: Mapping[str, Footer | Unreadable | None]) -> list[tuple[str, str]]:
    by_name = [(item.path, "not Parquet by its name") for item in listing.foreign]
    return by_name + [(path, "not Parquet by its content") for path, outcome in sorted(found.items()) if outcome is None]


def _no_files(store: Store, listing: Listing, skipped: Sequence[tuple[str, str]]) -> NoFilesFound:
    root = store.find_root_file()
    if root is not None:
        return NoFilesFound(
            f"{store.address.url} is a file, and a table is a folder or prefix of files.",
            hint=f"open {store.address.url.rpartition('/')[0] or '/'}.",
        )
    reason = f" All data files were left out: {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
    return NoFilesFound(
        f"No Parquet file under {store.address.url}/ ({listing.describe()}).{reason}", hint=_suggest_folders(store)
    )


def _suggest_folders(store: Store) -> str:
    from lakekit.storage import open_store

    parent, _, name = store.address.url.rstrip("/").rpartition("/")
    here = [f"{folder}/" for folder in store.list_folders()][:5]
    if here:
        return f"folders in it: {', '.join(here)}."
    try:
        beside = open_store(parent, store.storage).list_folders()
    except (LakekitError, ValueError):
        beside = []
    beside = [f"{folder}/" for folder in beside if folder != name][:5]
    return f"folders that exist beside it: {', '.join(beside)}." if beside else "check the address."


def _known_footer(outcome: Footer | Unreadable | None) -> Footer | None:
    return outcome.footer if isinstance(outcome, Unreadable) else outcome


def _find_kinds(
    files: Sequence[StoredObject], known: Mapping[str, Footer | None], problems: Mapping[str, LakekitError]
) -> list[FileKind]:
    """The distinct schemas, those of unreadable files too; an example that can be read stands for each, if there is."""
    paths: dict[str, list[str]] = {}
    for item in files:
        footer = known.get(item.path)
        if footer is not None:
            paths.setdefault(footer.schema_id, []).append(item.path)
    kinds = []
    for schema_id, where in paths.items():
        example = next((path for path in where if path not in problems), where[0])
        kinds.append(FileKind(schema_id, known[example].schema, len(where), example))
    return kinds


def _exactness(footers: Mapping[str, Footer]) -> Callable[[str, str], bool]:
    """Whether statistics prove that all whole numbers of a column, in files of a schema, are exact as doubles."""
    by_schema: dict[str, list[Footer]] = {}
    for footer in footers.values():
        by_schema.setdefault(footer.schema_id, []).append(footer)

    def is_exact(schema_id: str, column: str) -> bool:
        return all(_is_exact(footer, column) for footer in by_schema.get(schema_id, ()))

    return is_exact


def _is_exact(footer: Footer, column: str) -> bool:
    stats = footer.stats.get(column)
    if footer.rows == 0 or (stats is not None and stats.null_count == footer.rows):
        return True
    if stats is None or stats.min is None:
        return False
    return -EXACT_FLOAT64_INTEGER <= stats.min and stats.max <= EXACT_FLOAT64_INTEGER


def _build_frame(
    files: Sequence[StoredObject],
    footers: Mapping[str, Footer],
    partitioning: Partitioning,
    schema: TableSchema,
) -> pl.DataFrame:
    known = [footers.get(item.path) for item in files]
    values = [partitioning.values_of(item.path) for item in files]
    partition = pa.StructArray.from_arrays(
        [pa.array([row[i] for row in values], kind) for i, kind in enumerate(partitioning.types)],
        names=list(partitioning.keys),
    ) if partitioning.keys else pa.nulls(len(files))
    columns = {
        "path": pa.array([item.path for item in files], pa.string()),
        "size_bytes": pa.array([item.size_bytes for item in files], pa.int64()),
        "modified_at": pa.array([item.modified_at for item in files], pa.timestamp("us", "UTC")),
        "etag": pa.array([item.etag for item in files], pa.string()),
        "storage_class": pa.array([item.storage_class for item in files], pa.string()),
        "rows": pa.array([footer and footer.rows for footer in known], pa.int64()),
        "row_groups": pa.array([footer and footer.row_groups for footer in known], pa.int32()),
        "schema_id": pa.array([footer and footer.schema_id for footer in known], pa.string()),
        "partition": partition,
        "stats": _build_stats(known, schema),
    }
    return pl.from_arrow(pa.table(columns))


def _build_stats(known: Sequence[Footer | None], schema: TableSchema) -> pa.Array:
    columns = [field for field in schema.file_columns if not pa.types.is_nested(field.type)]
    if not columns:
        return pa.nulls(len(known))
    built = [_build_column_stats(known, column, schema) for column in columns]
    return pa.StructArray.from_arrays(built, names=[column.name for column in columns])


def _build_column_stats(known: Sequence[Footer | None], column: pa.Field, schema: TableSchema) -> pa.Array:
    stats = [footer and footer.stats.get(column.name) for footer in known]
    ids = [footer and footer.schema_id for footer in known]
    bounds = [_bound_array(stats, ids, known, column, side, schema) for side in ("min", "max")]
    nulls = pa.array([entry and entry.null_count for entry in stats], pa.int64())
    return pa.StructArray.from_arrays([*bounds, nulls], names=["min", "max", "null_count"])


def _bound_array(
    stats: Sequence[Any], ids: Sequence[str | None], known: Sequence[Footer | None], column: pa.Field, side: str,
    schema: TableSchema,
) -> pa.Array:
    """The bounds of one column as its table's type; those of files that supply it otherwise are unknown."""
    parts: list[pa.Array] = []
    order: list[int] = []
    for schema_id in dict.fromkeys(key for key in ids if key):
        if schema.supplies[schema_id][column.name] not in ("same", "widened"):
            continue
        where = [index for index, key in enumerate(ids) if key == schema_id and stats[index] is not None]
        if not where:
            continue
        kind = known[where[0]].schema.field(column.name).type
        try:
            parts.append(cast_array(pa.array([getattr(stats[index], side) for index in where], kind), column.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            continue
        order += where
    rest = sorted(set(range(len(stats))) - set(order))
    whole = pa.concat_arrays([*parts, pa.nulls(len(rest), column.type)])
    return whole.take(pa.array(np.argsort(order + rest)))
