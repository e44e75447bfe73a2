"""The files of a table as a data frame: one row for each, as ``table.files`` shows it.

It must not decide anything: what it shows was found out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.manifest.cast import cast_array
from lakekit.manifest.footers import Footer
from lakekit.manifest.partitions import Partitioning
from lakekit.manifest.schema import TableSchema
from lakekit.manifest.stats import ColumnStats

if TYPE_CHECKING:
    from lakekit.storage import StoredObject

_NO_STATS = ColumnStats(None, None, None)


def build_files_frame(
    files: Sequence[StoredObject], footers: Mapping[str, Footer], partitioning: Partitioning, schema: TableSchema
) -> pl.DataFrame:
    """One row for each file, in their order.

    Columns: path (str), size_bytes (i64), modified_at (datetime, UTC), etag (str), storage_class (str), rows (i64),
    row_groups (i32), schema_id (str), partition (struct of typed values), stats (struct of min, max, null_count for
    each column that is not nested). What a file without a footer would tell is NULL.
    """
    known = [footers.get(item.path) for item in files]
    columns = {
        "path": pa.array([item.path for item in files], pa.string()),
        "size_bytes": pa.array([item.size_bytes for item in files], pa.int64()),
        "modified_at": pa.array([item.modified_at for item in files], pa.timestamp("us", "UTC")),
        "etag": pa.array([item.etag for item in files], pa.string()),
        "storage_class": pa.array([item.storage_class for item in files], pa.string()),
        "rows": pa.array([footer and footer.rows for footer in known], pa.int64()),
        "row_groups": pa.array([footer and footer.row_groups for footer in known], pa.int32()),
        "schema_id": pa.array([footer and footer.schema_id for footer in known], pa.string()),
        "partition": _build_partition(files, partitioning),
        "stats": _build_stats(known, schema),
    }
    return pl.from_arrow(pa.table(columns))


def _build_partition(files: Sequence[StoredObject], partitioning: Partitioning) -> pa.Array:
    values = [partitioning.values_of(item.path) for item in files]
    arrays = {
        key: pa.array([row[index] for row in values], kind)
        for index, (key, kind) in enumerate(zip(partitioning.keys, partitioning.types, strict=True))
    }
    return _build_struct(arrays, len(files))


def _build_struct(arrays: Mapping[str, pa.Array], length: int) -> pa.Array:
    if not arrays:
        return pa.array([{}] * length, pa.struct([]))
    return pa.StructArray.from_arrays(list(arrays.values()), names=list(arrays))


def _build_stats(known: Sequence[Footer | None], schema: TableSchema) -> pa.Array:
    by_schema: dict[str, list[int]] = {}
    for index, footer in enumerate(known):
        if footer is not None:
            by_schema.setdefault(footer.schema_id, []).append(index)
    flat = [field for field in schema.file_columns if not pa.types.is_nested(field.type)]
    arrays = {field.name: _build_column_stats(field, known, by_schema, schema) for field in flat}
    return _build_struct(arrays, len(known))


def _build_column_stats(
    column: pa.Field, known: Sequence[Footer | None], by_schema: Mapping[str, list[int]], schema: TableSchema
) -> pa.Array:
    """The bounds of one column as its table's type; those of files that supply it otherwise are unknown."""
    order: list[int] = []
    lows, highs, nulls = [], [], np.full(len(known), -1, np.int64)
    for schema_id, where in by_schema.items():
        supply = schema.supplies[schema_id][column.name]
        if supply == "missing":
            nulls[where] = [known[index].rows for index in where]
            continue
        stats = [known[index].stats.get(column.name, _NO_STATS) for index in where]
        nulls[where] = [-1 if entry.null_count is None else entry.null_count for entry in stats]
        if supply not in ("same", "widened"):
            continue
        kind = known[where[0]].schema.field(column.name).type
        try:
            low = cast_array(pa.array([entry.min for entry in stats], kind), column.type)
            high = cast_array(pa.array([entry.max for entry in stats], kind), column.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):  # bounds that no value of the type can have
            continue
        lows.append(low)
        highs.append(high)
        order += where
    arrays = [_scatter(parts, order, len(known), column.type) for parts in (lows, highs)]
    arrays.append(pa.array(nulls, mask=nulls < 0))
    return pa.StructArray.from_arrays(arrays, names=["min", "max", "null_count"])


def _scatter(parts: Sequence[pa.Array], order: Sequence[int], length: int, kind: pa.DataType) -> pa.Array:
    """The values of the parts, put at these positions; NULL elsewhere."""
    places = np.full(length, len(order))
    places[list(order)] = np.arange(len(order))
    return pa.concat_arrays([*parts, pa.nulls(1, kind)]).take(pa.array(places))
