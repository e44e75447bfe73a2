"""What statistics say of a column, file by file or row group by row group: its bounds, and whether it may hold NULL.

It must not say more than is sure: what is unknown may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.cast import cast_array
from lakekit.manifest.damage import list_leaves
from lakekit.manifest.footers import read_metadata, read_schema
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.schema import FileKind
from lakekit.manifest.stats import ColumnStats, collect_stats, list_bounded_columns
from lakekit.manifest.types import normalize_type

_NOT_BOUNDS = (pa.ArrowException, TypeError, ValueError, OverflowError)  # bounds that no value of the type can have
_NO_STATS = ColumnStats(None, None, None)
_ALL_NEEDS = ("nothing", "order", "decimal order")  # what the bounds of a file that is not doubtful meet


@dataclass(frozen=True)
class ColumnBounds:
    """What is known of one column in each of many files, or row groups.

    Attributes:
        type: the table's type of the column.
        low: no value there is below; None where that is unknown. NaN apart.
        high: no value there is above, likewise.
        has_value: whether a row may hold a value, NaN apart.
        has_nan: whether a row may hold NaN.
        has_null: whether a row may hold NULL.
    """

    type: pa.DataType
    low: pl.Series
    high: pl.Series
    has_value: np.ndarray
    has_nan: np.ndarray
    has_null: np.ndarray


def read_file_bounds(manifest: Manifest, column: str) -> ColumnBounds:
    """What is known of a column in each file of a manifest, in their order.

    Of files that cannot be read, and of columns whose reading may be an error, nothing is known.

    Args:
        manifest: the table.
        column: one of its columns; a partition key has its exact value.
    """
    kind = manifest.schema.arrow.field(column).type
    if column in manifest.schema.keys:
        return _bound_key(kind, manifest.find_values(column))
    low, high, nulls = _read_stats(manifest, column)
    rows = manifest.entries["rows"]
    is_unknown = _find_supplies(manifest, column, "checked", "conflict")
    floats = [found.schema_id for found in manifest.kinds if _is_floating(found, column)]
    is_unknown |= find_unreadable(manifest)
    return _bound_values(kind, (low, high), (nulls, rows), is_unknown, _find_ids(manifest, floats))


def true_or_unknown(flags: pl.Series) -> np.ndarray:
    """Bools of a series of them, true where it has None."""
    return (flags.fill_null(True) if flags.null_count() else flags).to_numpy()


def find_unreadable(manifest: Manifest) -> np.ndarray:
    """Which files cannot be read, or not for certain."""
    found = manifest.entries["rows"].is_null().to_numpy(writable=True)
    for path in manifest.problems:
        found[manifest.find(path)] = True
    return found


def _read_stats(manifest: Manifest, column: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Lowest, highest and count of NULL of a column in each file; nothing else knows how a manifest holds them."""
    found = manifest.find_stats(column)
    if found is None:
        is_missing = pl.Series(_find_supplies(manifest, column, "missing"))
        nothing = pl.Series([None], dtype=pl.Null).new_from_index(0, manifest.entries.height)
        return nothing, nothing, _keep_where(is_missing, manifest.entries["rows"])
    return found


def _keep_where(mask: pl.Series, values: pl.Series) -> pl.Series:
    """The values where the mask is true, None elsewhere."""
    return pl.select(pl.when(mask).then(values)).to_series()


def _find_supplies(manifest: Manifest, column: str, *supplies: str) -> np.ndarray:
    """Which files supply a column in one of these ways."""
    return _find_ids(manifest, [name for name, how in manifest.schema.supplies.items() if how[column] in supplies])


def _find_ids(manifest: Manifest, ids: Iterable[str]) -> np.ndarray:
    """Which files have one of these schemas."""
    names = list(ids)
    if not names:
        return np.zeros(manifest.entries.height, bool)
    return manifest.entries["schema_id"].is_in(names).fill_null(False).to_numpy(writable=True)


def _is_floating(kind: FileKind, column: str) -> bool:
    return column in kind.types and pa.types.is_floating(kind.types[column])


def _bound_key(kind: pa.DataType, values: pl.Series) -> ColumnBounds:
    is_null, is_nan = np.zeros((2, len(values)), bool)
    if values.null_count():
        is_null = values.is_null().to_numpy()
    if values.dtype.is_float():
        is_nan = values.is_nan().fill_null(False).to_numpy()
        values = values.fill_nan(None)
    return ColumnBounds(kind, values, values, ~is_null & ~is_nan, is_nan, is_null)


def _bound_values(
    kind: pa.DataType,
    bounds: tuple[pl.Series, pl.Series],
    counts: tuple[pl.Series, pl.Series],
    is_unknown: np.ndarray,
    is_floating: np.ndarray,
) -> ColumnBounds:
    """Bounds as statistics tell them.

    Args:
        kind: the table's type of the column.
        bounds: lowest and highest.
        counts: rows that are NULL, and rows in all.
        is_unknown: where nothing of this counts.
        is_floating: where NaN may be, which no statistics tell.
    """
    low, high = bounds
    if is_unknown.any():
        low, high = (_keep_where(pl.Series(~is_unknown), series) for series in bounds)
    nulls, rows = counts
    has_null = true_or_unknown(nulls > 0) | is_unknown
    has_value = true_or_unknown(nulls < rows) | is_unknown
    return ColumnBounds(kind, low, high, has_value, has_value & (is_floating | is_unknown), has_null)


class _OneGroup:
    """One row group of a footer, as if it were all."""

    num_row_groups = 1

    def __init__(self, metadata: pq.FileMetaData, number: int):
        self._group = metadata.row_group(number)
        self.rows = self._group.num_rows

    def row_group(self, number: int) -> pq.RowGroupMetaData:
        return self._group


def read_group_bounds(manifest: Manifest, path: str, footer: bytes, columns: Sequence[str]) -> dict[str, ColumnBounds]:
    """What is known of some columns in each row group of one file.

    Args:
        manifest: the table.
        path: the file, one that can be read.
        footer: its footer (Thrift, length, magic).
        columns: columns of the table.
    """
    metadata = read_metadata(footer)
    schema_id = manifest.entries["schema_id"][manifest.find(path)]
    kind = next(kind for kind in manifest.kinds if kind.schema_id == schema_id)
    leaves = list_bounded_columns(read_schema(footer, metadata), list_leaves(metadata.schema))
    met = ("nothing",) if kind.is_doubtful else _ALL_NEEDS
    wanted = [leaf for leaf in leaves if leaf.name in columns]
    groups = [_OneGroup(metadata, number) for number in range(metadata.num_row_groups)]
    stats = [collect_stats(group, wanted, met) for group in groups]
    rows = pl.Series([group.rows for group in groups], dtype=pl.Int64)
    keys = dict(zip(manifest.schema.keys, manifest.partitioning.values_of(path), strict=True))
    found = {}
    for name in columns:
        type_ = manifest.schema.arrow.field(name).type
        if name in keys:
            found[name] = _bound_key(type_, pl.from_arrow(pa.array([keys[name]] * len(groups), type_)))
        else:
            entries = [entry.get(name, _NO_STATS) for entry in stats]
            supply = manifest.schema.supplies[schema_id][name]
            found[name] = _bound_groups(entries, rows, type_, kind.types.get(name), supply)
    return found


def _bound_groups(
    stats: Sequence[ColumnStats], rows: pl.Series, to_type: pa.DataType, from_type: pa.DataType | None, supply: str
) -> ColumnBounds:
    """The bounds of one column in the row groups of a file that holds it as from_type."""
    nothing = pl.Series([None] * len(rows), dtype=pl.Null)
    is_unknown = np.full(len(rows), supply in ("checked", "conflict"))
    if supply == "missing":
        return _bound_values(to_type, (nothing, nothing), (rows, rows), is_unknown, is_unknown)
    nulls = pl.Series([entry.null_count for entry in stats], dtype=pl.Int64)
    is_floating = np.full(len(rows), pa.types.is_floating(from_type))
    try:
        stored = normalize_type(from_type)
        bounds = [[entry.min for entry in stats], [entry.max for entry in stats]]
        low, high = (pl.from_arrow(cast_array(pa.array(values, stored), to_type)) for values in bounds)
    except _NOT_BOUNDS:
        low = high = nothing
    return _bound_values(to_type, (low, high), (nulls, rows), is_unknown, is_floating)
