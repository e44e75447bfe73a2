"""What rows amount to, whatever their order: their number and, for each column, NULLs, bounds and a checksum.

It must not decide what to do when two digests differ: it says where they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

BLOCK_ROWS = 32_768  # hashed at a time, so that what is computed stays near the processor
_NULL = np.uint64(0x9E3779B97F4A7C15)  # what stands for NULL; any constant does
_EMPTY = np.uint64(0xD1B54A32D192ED03)  # … and for a list or struct before its parts are added
_VIEWS = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}


@dataclass
class ColumnDigest:
    """One column: NULLs, lowest and highest value (none for nested ones), and the sum of the hashes of its values."""

    nulls: int = 0
    checksum: int = 0
    bounds: pa.Array | None = None

    def look_at(self, column: pa.ChunkedArray) -> None:
        """Take in the NULLs and bounds of more values."""
        self.nulls += column.null_count
        found = _find_bounds(column)
        if found is not None:
            self.bounds = found if self.bounds is None else _find_bounds(pa.concat_arrays([self.bounds, found]))

    def add(self, hashes: np.ndarray) -> None:
        """Take in the hashes of more values."""
        self.checksum = (self.checksum + int(hashes.sum(dtype=np.uint64))) % 2**64

    def describe_bounds(self) -> str:
        return "none" if self.bounds is None else " to ".join(str(value) for value in self.bounds)


@dataclass
class Digest:
    """Rows of some columns, added table after table.

    The checksums tell apart what ``==`` does not: -0.0 from 0.0, one NaN from another by their bits, NULL from
    an empty text. One more, of whole rows, notices values that changed their rows.

    Example:
        >>> import pyarrow as pa
        >>> one, other = Digest(), Digest()
        >>> one.add(pa.table({"x": [1, 2]})), other.add(pa.table({"x": [2, 1]}))
        (None, None)
        >>> one.find_difference(other)
        ''
        >>> other.add(pa.table({"x": [2]}))
        >>> one.find_difference(other)
        '2 rows became 3'
    """

    rows: int = 0
    row_checksum: int = 0
    columns: dict[str, ColumnDigest] = field(default_factory=dict)

    def add(self, table: pa.Table) -> None:
        """Take in more rows; every table must have the same columns."""
        for name, column in zip(table.column_names, table.columns, strict=True):
            self.columns.setdefault(name, ColumnDigest()).look_at(column)
        for batch in table.to_batches(max_chunksize=BLOCK_ROWS):
            whole = np.full(batch.num_rows, _EMPTY)
            for position, (name, array) in enumerate(zip(table.column_names, batch.columns, strict=True)):
                hashes = hash_array(array)
                self.columns[name].add(hashes)
                hashes += _number_place(position)
                whole += _mix(hashes)
            self.row_checksum = (self.row_checksum + int(_mix(whole).sum(dtype=np.uint64))) % 2**64
        self.rows += table.num_rows

    def find_difference(self, other: Digest) -> str:
        """Where another digest differs, with the values of both; "" where it does not."""
        if self.rows != other.rows:
            return f"{self.rows:,} rows became {other.rows:,}"
        if list(self.columns) != list(other.columns):
            return f"the columns {', '.join(self.columns)} became {', '.join(other.columns)}"
        for name, mine in self.columns.items():
            yours = other.columns[name]
            if mine.nulls != yours.nulls:
                return f"{mine.nulls:,} NULLs of the column {name!r} became {yours.nulls:,}"
            if not _are_same(mine.bounds, yours.bounds):
                return f"the column {name!r} went from {mine.describe_bounds()}, now from {yours.describe_bounds()}"
            if mine.checksum != yours.checksum:
                return f"the checksum of the column {name!r}, {mine.checksum:016x}, became {yours.checksum:016x}"
        if self.row_checksum != other.row_checksum:
            return "values changed their rows: each column has the same ones, but beside others"
        return ""

    def as_json(self) -> dict[str, Any]:
        """What is kept of it in a record."""
        columns = {name: {"nulls": one.nulls, "checksum": f"{one.checksum:016x}"} for name, one in self.columns.items()}
        return {"rows": self.rows, "checksum": f"{self.row_checksum:016x}", "columns": columns}


def digest_tables(tables: Iterable[pa.Table]) -> Digest:
    """The digest of all rows of these tables."""
    digest = Digest()
    for table in tables:
        digest.add(table)
    return digest


def _find_bounds(column: pa.Array | pa.ChunkedArray) -> pa.Array | None:
    """The lowest and the highest value; -0.0 counts as 0.0, NaN not at all. None where there is no order."""
    try:
        if pa.types.is_floating(column.type):
            column = pc.add(column, pa.scalar(0.0, column.type))
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        found = pc.min_max(column)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, TypeError):
        return None
    return pa.concat_arrays([pa.repeat(found["min"], 1), pa.repeat(found["max"], 1)])


def _are_same(mine: pa.Array | None, yours: pa.Array | None) -> bool:
    if mine is None or yours is None:
        return mine is yours
    return mine.type.equals(yours.type) and bool((hash_array(mine) == hash_array(yours)).all())


def hash_array(array: pa.Array) -> np.ndarray:
    """A hash of 64 bits for each value, nested ones too; equal for equal bits only, as far as 64 bits tell."""
    if isinstance(array.type, pa.BaseExtensionType):
        return hash_array(array.storage)
    if pa.types.is_dictionary(array.type):
        return hash_array(array.dictionary_decode())
    if pa.types.is_null(array.type):
        return np.full(len(array), _NULL)
    hashes = _hash_valid(array)
    if array.null_count:
        hashes[array.is_null().to_numpy(zero_copy_only=False)] = _NULL
    return hashes


def _hash_valid(array: pa.Array) -> np.ndarray:
    """The hashes of the values; those at NULLs mean nothing."""
    types, kind = pa.types, array.type
    if types.is_struct(kind):
        hashes = np.full(len(array), _EMPTY)
        for index in range(kind.num_fields):
            hashes += _mix(hash_array(array.field(index)) + _number_place(index))
        return _mix(hashes)
    if types.is_map(kind):
        return _hash_lists(array, pa.StructArray.from_arrays(_flatten_map(array), ["key", "value"]))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _hash_lists(array, array.flatten())
    if types.is_boolean(kind):
        return _mix(array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint64))
    if types.is_decimal(kind) or not types.is_primitive(kind):
        return _hash_bytes(array)
    data = np.frombuffer(array.buffers()[1], _VIEWS[kind.bit_width])
    return _mix(data[array.offset : array.offset + len(array)].astype(np.uint64))


def _hash_bytes(array: pa.Array) -> np.ndarray:
    """Texts and bytes by their bytes; decimals by theirs."""
    if pa.types.is_decimal(array.type):
        width = array.type.bit_width // 64
        words = np.frombuffer(array.buffers()[1], np.uint64).reshape(-1, width)
        words = words[array.offset : array.offset + len(array)]
        hashes = np.full(len(array), _EMPTY)
        for index in range(width):
            hashes = _mix(hashes + words[:, index])
        return hashes
    return _mix(pl.Series(pl.from_arrow(array.cast(pa.large_binary()))).hash(seed=0).to_numpy().astype(np.uint64))


def _flatten_map(array: pa.MapArray) -> list[pa.Array]:
    """Keys and values of the maps that are not NULL."""
    offsets = array.offsets.to_numpy()
    keys, items = (part.slice(offsets[0], offsets[-1] - offsets[0]) for part in (array.keys, array.items))
    if not array.null_count:
        return [keys, items]
    counts = np.diff(offsets)
    wanted = pa.array(np.repeat(array.is_valid().to_numpy(zero_copy_only=False), counts))
    return [keys.filter(wanted), items.filter(wanted)]


def _hash_lists(array: pa.Array, values: pa.Array) -> np.ndarray:
    """Lists by the hashes of their values, each with its place, and their length.

    Args:
        array: lists or maps.
        values: what those that are not NULL hold, one after another.
    """
    if pa.types.is_map(array.type):
        lengths = np.diff(array.offsets.to_numpy())
    else:
        lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    lengths = np.where(array.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    ends = np.cumsum(lengths)
    places = np.arange(len(values)) - np.repeat(ends - lengths, lengths)
    hashes = _mix(hash_array(values) + (places.astype(np.uint64) + np.uint64(1)) * _NULL)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes, dtype=np.uint64)])
    return _mix(sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64) * _EMPTY)


def _number_place(place: int) -> np.uint64:
    return np.uint64((place + 1) * int(_NULL) % 2**64)


def _mix(values: np.ndarray) -> np.ndarray:
    """Splitmix64, which spreads each bit over all 64; https://prng.di.unimi.it/splitmix64.c, read 2026-11."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    shifted = values >> np.uint64(30)
    values ^= shifted
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= np.right_shift(values, np.uint64(27), out=shifted)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= np.right_shift(values, np.uint64(31), out=shifted)
    return values
