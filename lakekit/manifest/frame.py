"""The files of a table as a data frame: one row for each, as ``table.files`` shows it.

It must not decide anything: what it shows was found out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.manifest.cast import cast_array
from lakekit.manifest.partitions import Folders, Partitioning
from lakekit.manifest.schema import TableSchema
from lakekit.manifest.summary import KindSummary

_NOT_CAST = (pa.ArrowException, TypeError, ValueError, OverflowError)  # bounds that no value of a type can have


@dataclass(frozen=True)
class Known:
    """What is known of the files of a table, in the order of their paths.

    Attributes:
        listed: the columns of a listing.
        told: rows, row_groups, kind and place, as a Summary has them; rows, row_groups and place are NULL for a file
            that cannot be read, kind for one whose footer cannot.
        kinds: the schemas.
    """

    listed: pl.DataFrame
    told: pl.DataFrame
    kinds: Sequence[KindSummary]

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows by file; 0 where they are not known."""
        return self.told["rows"].fill_null(0).to_numpy()

    @cached_property
    def places(self) -> np.ndarray:
        """The row of each file in the stats of its kind; -1 for one that cannot be read."""
        return self.told["place"].fill_null(-1).to_numpy()

    @cached_property
    def _by_kind(self) -> dict[int, np.ndarray]:
        """The positions of the files of each kind, rising."""
        numbers = self.told["kind"].fill_null(-1).to_numpy()
        order = np.argsort(numbers, kind="stable")
        kinds, starts = np.unique(numbers[order], return_index=True)
        return dict(zip(kinds.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}

    def find_files(self, kind: int, *, readable: bool = True) -> np.ndarray:
        """The positions of the files of a kind; only those that can be read unless told otherwise."""
        found = self._by_kind.get(kind, np.empty(0, np.int64))
        return found[self.places[found] >= 0] if readable else found


def build_entries(known: Known, partitioning: Partitioning, folders: Folders) -> pl.DataFrame:
    """One row for each file: the columns of ``table.files`` but stats."""
    names = pl.Series([kind.schema_id for kind in known.kinds], dtype=pl.String)
    told = known.told.select(
        "rows", "row_groups", kind=pl.when(pl.col("place").is_not_null()).then(pl.col("kind").cast(pl.UInt32))
    )
    values = partitioning.tabulate(folders)
    arrays = {name: values.column(name).combine_chunks() for name in values.column_names}
    listed = known.listed.select("path", "size_bytes", "modified_at", "etag", "storage_class", "restored")
    return listed.with_columns(
        told["rows"],
        told["row_groups"],
        names.gather(told["kind"]).alias("schema_id"),
        _to_series("partition", _build_struct(arrays, known.listed.height)),
    )


def build_stats(known: Known, schema: TableSchema, *columns: str) -> pl.Series:
    """For each file a struct of min, max and null_count by column, for each of these (or all) that is not nested."""
    flat = [
        field
        for field in schema.file_columns
        if not pa.types.is_nested(field.type) and (not columns or field.name in columns)
    ]
    positions = {number: known.find_files(number) for number in range(len(known.kinds))}
    arrays = {field.name: _build_column_stats(field, known, positions, schema) for field in flat}
    return _to_series("stats", _build_struct(arrays, known.listed.height))


def _to_series(name: str, array: pa.Array) -> pl.Series:
    return pl.DataFrame(pl.from_arrow(pa.table({name: array}))).to_series()


def _build_struct(arrays: Mapping[str, pa.Array], length: int) -> pa.Array:
    if not arrays:
        return pa.array([{}] * length, pa.struct([]))
    return pa.StructArray.from_arrays(list(arrays.values()), names=list(arrays))


def _build_column_stats(
    column: pa.Field, known: Known, positions: Mapping[int, np.ndarray], schema: TableSchema
) -> pa.Array:
    """The bounds of one column as its table's type; those of files that supply it otherwise are unknown."""
    order: list[np.ndarray] = []
    lows, highs = [], []
    nulls = np.full(known.listed.height, -1, np.int64)
    for number, where in positions.items():
        if not len(where):
            continue
        kind = known.kinds[number]
        supply = schema.supplies[kind.schema_id][column.name]
        if supply == "missing":
            nulls[where] = known.rows[where]
            continue
        found = find_bounds(known, kind, where, column.name)
        if found is None:
            continue
        low, high, counts = found
        nulls[where] = counts.fill_null(-1).to_numpy(zero_copy_only=False)
        if supply not in ("same", "widened"):
            continue
        try:
            low, high = cast_array(low, column.type), cast_array(high, column.type)
        except _NOT_CAST:
            continue
        lows.append(low)
        highs.append(high)
        order.append(where)
    arrays = [_scatter(parts, order, known.listed.height, column.type) for parts in (lows, highs)]
    arrays.append(pa.array(nulls, mask=nulls < 0))
    return pa.StructArray.from_arrays(arrays, names=["min", "max", "null_count"])


def find_bounds(
    known: Known, kind: KindSummary, where: np.ndarray, column: str
) -> tuple[pa.Array, pa.Array, pa.Array] | None:
    """Lowest values, highest values and counts of NULLs of a column in files of a kind, as the files have them.

    Args:
        known: all files.
        kind: that of these files.
        where: their positions; all must be files that can be read.
        column: its name.

    Returns:
        None for a column of which the files tell no bounds.
    """
    stats = kind.find_stats(column)
    if stats is None:
        return None
    places = known.places[where]
    is_all = len(places) == len(stats[0]) and bool((places == np.arange(len(places))).all())
    arrays = [array.combine_chunks() for array in stats]
    return tuple(arrays if is_all else [array.take(pa.array(places)) for array in arrays])


def _scatter(parts: Sequence[pa.Array], order: Sequence[np.ndarray], length: int, kind: pa.DataType) -> pa.Array:
    """The values of the parts, put at these positions; NULL elsewhere."""
    positions = np.concatenate(order) if order else np.empty(0, np.int64)
    if len(parts) == 1 and len(positions) == length:
        return parts[0]
    places = np.full(length, len(positions))
    places[positions] = np.arange(len(positions))
    return pa.concat_arrays([*parts, pa.nulls(1, kind)]).take(pa.array(places))
