"""What the footers of many files say, as columns: no Python object for a file, and no bound until it is asked for.

It must not read footers or disks: it gets footers that were parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.manifest.footers import Footer

FILE_COLUMNS = {
    "path": pl.String, "etag": pl.String, "rows": pl.Int64, "row_groups": pl.Int32, "kind": pl.Int32, "place": pl.Int64,
}  # fmt: skip
NOT_PARQUET = -1  # the kind of a file that is no Parquet file by its content
_BOUNDS = ("min", "max")


@dataclass(frozen=True)
class KindSummary:
    """What the footers of all files with one schema say.

    Attributes:
        schema_id: what names the schema.
        schema: columns, with normalized types.
        is_doubtful: whether the files may hold bounds that are wrong.
        stats: one row for each file; for the column at position i "min i" and "max i", of its type, and "nulls i".
            Columns that are nested have none.
    """

    schema_id: str
    schema: pa.Schema
    is_doubtful: bool
    stats: pa.Table

    def find_stats(self, column: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray] | None:
        """The lowest values, the highest values and the counts of NULLs of a column; None for one that has none."""
        index = self.schema.get_field_index(column)
        if index < 0 or self.stats.schema.get_field_index(f"nulls {index}") < 0:
            return None
        return tuple(self.stats.column(f"{what} {index}") for what in (*_BOUNDS, "nulls"))


@dataclass(frozen=True)
class Summary:
    """What is known of the files of a table from their footers.

    Attributes:
        files: one row for each version of a file, sorted by path: path, etag, rows, row_groups, kind (a position in
            ``kinds``, or NOT_PARQUET), place (the row in the kind's stats).
        kinds: the distinct schemas.
    """

    files: pl.DataFrame
    kinds: tuple[KindSummary, ...]

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each schema in ``kinds``."""
        return {kind.schema_id: position for position, kind in enumerate(self.kinds)}

    def match(self, listed: pl.DataFrame) -> pl.DataFrame:
        """What is known of listed files (path, etag), one row for each, in their order: rows, row_groups, kind, place.

        NULL where that version of a file is not known.
        """
        told = self.files.select("rows", "row_groups", "kind", "place")
        key = ["path", "etag"]
        if listed.height == self.files.height and all(listed[name].equals(self.files[name]) for name in key):
            return told
        return listed.select(key).join(self.files, on=key, how="left", maintain_order="left").select(told.columns)

    def add(self, parsed: Mapping[tuple[str, str], Footer | None]) -> Summary:
        """The same with what these footers say, by path and etag; None for what is no Parquet file by its content."""
        if not parsed:
            return self
        by_schema: dict[str, list[tuple[tuple[str, str], Footer]]] = {}
        foreign = [(*key, 0, 0, NOT_PARQUET, -1) for key, footer in parsed.items() if footer is None]
        for key, footer in parsed.items():
            if footer is not None:
                by_schema.setdefault(footer.schema_id, []).append((key, footer))
        kinds, rows = list(self.kinds), foreign
        for schema_id, pairs in by_schema.items():
            position = self.positions.get(schema_id, len(kinds))
            if position == len(kinds):
                kinds.append(_begin_kind(pairs[0][1]))
            kind, start = kinds[position], kinds[position].stats.num_rows
            fresh = _tabulate_stats(kind, [footer for _, footer in pairs])
            kinds[position] = replace(kind, stats=pa.concat_tables([kind.stats, fresh]))
            rows += [
                (*key, footer.rows, footer.row_groups, position, start + offset)
                for offset, (key, footer) in enumerate(pairs)
            ]
        fresh_files = pl.DataFrame(rows, schema=FILE_COLUMNS, orient="row")
        files = pl.concat([self.files, fresh_files]).unique(["path", "etag"], keep="last", maintain_order=True)
        return Summary(files.sort("path", "etag"), tuple(kinds))

    def add_kind(self, footer: Footer) -> Summary:
        """The same with the kind of this footer among the kinds, and no file of it if there was none."""
        if footer.schema_id in self.positions:
            return self
        return Summary(self.files, (*self.kinds, _begin_kind(footer)))

    def keep_only(self, listed: pl.DataFrame) -> Summary:
        """The same with nothing but what is known of these files (path, etag)."""
        files = self.files.join(listed.select("path", "etag"), on=["path", "etag"], how="semi", maintain_order="left")
        kinds, parts = [], [files.filter(pl.col("kind") == NOT_PARQUET)]
        for position, kind in enumerate(self.kinds):
            own = files.filter(pl.col("kind") == position)
            if own.height:
                stats = take_rows(kind.stats, own["place"].to_numpy())
                place = pl.int_range(own.height, dtype=pl.Int64, eager=True)
                parts.append(own.with_columns(kind=pl.lit(len(kinds), pl.Int32), place=place))
                kinds.append(replace(kind, stats=stats))
        return Summary(pl.concat(parts).sort("path", "etag"), tuple(kinds))


EMPTY = Summary(pl.DataFrame(schema=FILE_COLUMNS), ())


def take_rows(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Rows of a table, which is not copied where they are all of it in order."""
    if not table.num_columns:
        return table
    if len(rows) == table.num_rows and (not len(rows) or (rows == np.arange(len(rows))).all()):
        return table
    return table.combine_chunks().take(pa.array(rows))


def _begin_kind(footer: Footer) -> KindSummary:
    """The kind of a footer, with no file yet."""
    fields = []
    for index, field in enumerate(footer.schema):
        if field.name in footer.stats:
            fields += [pa.field(f"{bound} {index}", field.type) for bound in _BOUNDS]
            fields.append(pa.field(f"nulls {index}", pa.int64()))
    stats = pa.schema(fields).empty_table()
    return KindSummary(footer.schema_id, footer.schema, footer.is_doubtful, stats)


def _tabulate_stats(kind: KindSummary, footers: Sequence[Footer]) -> pa.Table:
    columns: list[pa.Array] = []
    for index, field in enumerate(kind.schema):
        if kind.stats.schema.get_field_index(f"nulls {index}") >= 0:
            stats = [footer.stats[field.name] for footer in footers]
            columns += _make_bounds(((entry.min, entry.max) for entry in stats), field.type)
            columns.append(pa.array([entry.null_count for entry in stats], pa.int64()))
    if not columns:  # a table without columns has no rows, and these have none to be asked for
        return kind.stats
    return pa.Table.from_arrays(columns, schema=kind.stats.schema)


def _make_bounds(bounds: Iterable[tuple[Any, Any]], kind: pa.DataType) -> list[pa.Array]:
    """Lowest and highest values as this type; both NULL where one is no value of it."""
    pairs = list(bounds)
    try:
        return [pa.array([pair[index] for pair in pairs], kind) for index in (0, 1)]
    except _NO_VALUES:
        pairs = [pair if _are_values(pair, kind) else (None, None) for pair in pairs]
        return [pa.array([pair[index] for pair in pairs], kind) for index in (0, 1)]


_NO_VALUES = (pa.ArrowException, TypeError, ValueError, OverflowError)


def _are_values(pair: tuple[Any, Any], kind: pa.DataType) -> bool:
    try:
        pa.array(pair, kind)
    except _NO_VALUES:
        return False
    return True
