"""Bounds of the columns of one file, as far as its footer tells them truly.

It must not believe more than is sure: a bound that may be wrong is as good as none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.damage import Leaf
from lakekit.manifest.types import MAX_DECIMAL_PRECISION

# Writers that compared decimals in byte arrays wrongly and declared an order all the same; the first until 2021
# (apache/parquet-java issue 1615), the second until 2025 (ClickHouse pull request 83754), read 2026-11
_WRONG_DECIMALS = ("parquet-cpp version ", "ClickHouse")


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """Bounds of one column in one file; None where the file does not tell.

    Dates and times may be numbers, as they stand in an Arrow array of their type.

    Attributes:
        min: a value not above any in the column, NaN apart (for text perhaps a shortened one).
        max: a value not below any in the column, NaN apart.
        null_count: how many rows are NULL.
    """

    min: Any
    max: Any
    null_count: int | None


class BoundedColumn(NamedTuple):
    """A column that is not nested, and where its bounds stand.

    Attributes:
        name: its name.
        leaf: the position of its Parquet leaf.
        needs: as its leaf; "never" where bounds are not read at all.
        read: the two bounds from a chunk's statistics.
    """

    name: str
    leaf: int
    needs: Literal["nothing", "order", "decimal order", "never"]
    read: Callable[[pq.Statistics], tuple[Any, Any]]


def list_bounded_columns(schema: pa.Schema, leaves: Sequence[Leaf]) -> tuple[BoundedColumn, ...]:
    """The columns of a file that are not nested, by its Arrow schema as pyarrow reads it."""
    found, position = [], 0
    for field in schema:
        count = count_leaves(field.type)
        if count == 1 and not pa.types.is_nested(field.type) and position < len(leaves):
            needs, read = _choose_reading(field.type, leaves[position])
            found.append(BoundedColumn(field.name, position, needs, read))
        position += count
    return tuple(found) if position == len(leaves) else ()


def count_leaves(kind: pa.DataType) -> int:
    """How many Parquet leaves a column of this type, as pyarrow reads it, has.

    Example:
        >>> import pyarrow as pa
        >>> count_leaves(pa.int64()), count_leaves(pa.map_(pa.string(), pa.list_(pa.int64())))
        (1, 2)
    """
    if pa.types.is_dictionary(kind):
        return 1
    if isinstance(kind, pa.BaseExtensionType):
        return count_leaves(kind.storage_type)
    if kind.num_fields == 0:
        return 1
    return sum(count_leaves(kind.field(index).type) for index in range(kind.num_fields))


def _choose_reading(kind: pa.DataType, leaf: Leaf) -> tuple[str, Callable[[pq.Statistics], tuple[Any, Any]]]:
    """What the bounds of a column need, and how they are read."""
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid":
        return leaf.needs, _read_uuids
    is_text = types.is_decimal(kind) and kind.precision > MAX_DECIMAL_PRECISION  # as which it is ordered otherwise
    if leaf.physical_type == "INT96" or types.is_float16(kind) or is_text:
        return "never", _read_values
    is_stored = leaf.needs == "nothing" and _is_stored_as_shown(kind)
    return leaf.needs, _read_stored_values if is_stored else _read_values


def _is_stored_as_shown(kind: pa.DataType) -> bool:
    """Whether Parquet's number is that which stands in an Arrow array of the type that lakekit shows."""
    types = pa.types
    if types.is_timestamp(kind) or types.is_time(kind):
        return kind.unit in ("us", "ns")
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_date32(kind)


def _read_values(statistics: pq.Statistics) -> tuple[Any, Any]:
    return statistics.min, statistics.max


def _read_stored_values(statistics: pq.Statistics) -> tuple[Any, Any]:
    """Faster, and the only way to nanoseconds, which Python's times do not have."""
    return statistics.min_raw, statistics.max_raw


def _read_uuids(statistics: pq.Statistics) -> tuple[str, str]:
    """As text, which has the order of the bytes."""
    return str(uuid.UUID(bytes=statistics.min_raw)), str(uuid.UUID(bytes=statistics.max_raw))


def list_met_needs(metadata: pq.FileMetaData, *, has_order: bool) -> tuple[str, ...]:
    """The needs of bounds that a file meets, by its writer and by whether it defines how they are ordered."""
    if not has_order:
        return ("nothing",)
    try:
        writer = metadata.created_by
    except UnicodeDecodeError:
        writer = ""
    return ("nothing", "order") if writer.startswith(_WRONG_DECIMALS) else ("nothing", "order", "decimal order")


def collect_stats(
    metadata: pq.FileMetaData, columns: Sequence[BoundedColumn], met: Sequence[str]
) -> dict[str, ColumnStats]:
    """The bounds of each column over all row groups.

    Args:
        metadata: a footer without a flaw.
        columns: those of its schema.
        met: the needs of bounds that it meets.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    groups = [group for group in groups if group.num_rows]
    return {
        column.name: _merge_stats([group.column(column.leaf).statistics for group in groups], column, met)
        for column in columns
    }


def _merge_stats(chunks: list[pq.Statistics | None], column: BoundedColumn, met: Sequence[str]) -> ColumnStats:
    nulls, low, high = 0, None, None
    is_bounded = column.needs in met
    for chunk in chunks:
        if chunk is None:
            return _NOTHING
        count = chunk.null_count
        nulls = None if nulls is None or count is None else nulls + count
        if not is_bounded or (count is not None and chunk.num_values == 0):
            continue
        bounds = _read_bounds(chunk, column)
        if bounds is None:
            is_bounded = False
        else:
            low = bounds[0] if low is None else min(low, bounds[0])
            high = bounds[1] if high is None else max(high, bounds[1])
    return ColumnStats(low, high, nulls) if is_bounded else ColumnStats(None, None, nulls)


_NOTHING = ColumnStats(None, None, None)


def _read_bounds(chunk: pq.Statistics, column: BoundedColumn) -> tuple[Any, Any] | None:
    if not chunk.has_min_max:
        return None
    try:
        low, high = column.read(chunk)
    except (ValueError, OverflowError, pa.ArrowException):  # a time beyond Python's calendar, text that is not UTF-8
        return None
    return (low, high) if low <= high else None  # it is not where one is NaN, or the writer got it wrong
