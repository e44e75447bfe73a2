"""The data of a small file, decoded once when the file is first seen, so that damage is found before a query meets it.

It must not decode more than its limits, whatever the file claims: a value that a dictionary repeats is stored once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakekit.errors import CorruptFile
from lakekit.manifest.damage import describe_briefly
from lakekit.manifest.footers import SKIP_HINT, column_range, open_parquet
from lakekit.manifest.thrift import Fields, read_struct
from lakekit.units import MIB

MAX_VERIFIED_CELLS = 1_000_000  # values in all columns up to which a small file is decoded
MAX_VERIFIED_BYTES = 16 * MIB  # the same, uncompressed
MAX_CLAIMED_BYTES = 256 * MIB  # that pages may claim beside a footer that says less, as some writers' do
MAX_REPEATED_BYTES = 64 * MIB  # texts may take so many if each were as long as all; beyond, each value is kept once

# Field numbers of PageHeader (apache/parquet-format 2.12, read 2026-11)
_SIZE, _STORED_SIZE, _PAGE, _PAGE_V2, _VALUES = 2, 3, 5, 8, 1


def verify_file(data: bytes, path: str) -> CorruptFile | None:
    """Decode a small file once, so that damage inside its pages is found before a query meets it; the damage if any."""
    flaw = find_page_flaw(data)
    return CorruptFile(f"{path} is damaged: its data does not decode ({flaw}).", hint=SKIP_HINT) if flaw else None


def find_page_flaw(data: bytes) -> str:
    """What keeps the data of a small file with a sound footer from being decoded; large ones are not tried."""
    parquet = open_parquet(pa.BufferReader(data))
    metadata = parquet.metadata
    size_bytes = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if metadata.num_rows * metadata.num_columns > MAX_VERIFIED_CELLS or size_bytes > MAX_VERIFIED_BYTES:
        return ""
    try:
        values, sizes = _measure_columns(data, metadata)
    except (ValueError, LookupError, TypeError, RecursionError) as exc:
        return f"a page's header does not: {describe_briefly(exc)}"
    if sum(values) > MAX_VERIFIED_CELLS or sum(sizes) > MAX_CLAIMED_BYTES:
        return ""
    try:
        _decode(data, parquet, values, sizes)
    except (pa.ArrowException, OSError, ValueError) as exc:
        return describe_briefly(exc)
    return ""


def _measure_columns(data: bytes, metadata: pq.FileMetaData) -> tuple[list[int], list[int]]:
    """By column the values and the uncompressed bytes that its pages claim, in all row groups."""
    values, sizes = [0] * metadata.num_columns, [0] * metadata.num_columns
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            at, end = column_range(chunk)
            found, wanted = 0, chunk.num_values
            while at < end and found < wanted:
                header, at = read_struct(data, at)
                at += _need(header, _STORED_SIZE)
                found += _need(header.get(_PAGE) or header.get(_PAGE_V2), _VALUES)
                sizes[index] += _need(header, _SIZE)
            values[index] += found
    return values, sizes


def _need(fields: Fields | None, number: int) -> int:
    """A count of a page's header; 0 of what it does not have."""
    if fields is None:
        return 0
    found = fields[number]
    if found < 0:
        raise ValueError(f"it claims {found:,}")
    return found


def _decode(data: bytes, parquet: pq.ParquetFile, values: Sequence[int], sizes: Sequence[int]) -> None:
    """Decode all; where texts could take too much, each value of a dictionary once."""
    leaves = [parquet.schema.column(index) for index in range(len(values))]
    texts = [index for index, leaf in enumerate(leaves) if leaf.physical_type == "BYTE_ARRAY"]
    if sum(leaf.length * count for leaf, count in zip(leaves, values, strict=True)) > MAX_REPEATED_BYTES:
        return  # a fixed length, and no dictionary of these is kept
    if sum(_limit_texts(parquet, index, values[index], sizes[index]) for index in texts) <= MAX_REPEATED_BYTES:
        parquet.read(use_threads=False).validate()
        return
    alone = [index for index in texts if leaves[index].converted_type == "DECIMAL" or _has(parquet, index, "DELTA")]
    rest = [index for index in range(len(leaves)) if index not in alone]
    keeping = pq.ParquetFile(
        pa.BufferReader(data),
        metadata=parquet.metadata,
        read_dictionary=[leaves[index].path for index in rest],
        arrow_extensions_enabled=False,
    )
    flat = [index for index in rest if leaves[index].path in parquet.schema_arrow.names]
    for number in range(parquet.metadata.num_row_groups):
        _decode_keeping(keeping, number, flat)
        with contextlib.suppress(pa.ArrowNotImplementedError):  # nested texts, some of a dictionary and some not
            _decode_keeping(keeping, number, [index for index in rest if index not in flat])
    for index in alone:
        if not leaves[index].max_repetition_level:  # else a single row may hold all
            limit = _limit_texts(parquet, index, values[index], sizes[index])
            rows = max(MAX_REPEATED_BYTES * values[index] // max(limit, 1), 1)
            for batch in parquet.iter_batches(rows, columns=[leaves[index].path], use_threads=False):
                batch.validate()


def _decode_keeping(keeping: pq.ParquetFile, number: int, leaves: Sequence[int]) -> None:
    """Decode these leaves of a row group, of which dictionaries are kept."""
    if not leaves:
        return
    table = keeping.reader.read_row_group(number, column_indices=leaves, use_threads=False)
    table.validate()
    for column in table.columns:
        for chunk in column.chunks:
            _check_indices(chunk)


def _check_indices(array: pa.Array) -> None:
    """Raise ValueError where a value is none of its dictionary; pyarrow looks only when it is asked for it."""
    if isinstance(array, pa.DictionaryArray):
        least, most = pc.min_max(array.indices).values()
        if most.is_valid and not 0 <= least.as_py() <= most.as_py() < len(array.dictionary):
            raise ValueError(f"value {most} of a dictionary of {len(array.dictionary):,}")
    elif isinstance(array, pa.StructArray):
        for part in array.flatten():
            _check_indices(part)
    elif pa.types.is_nested(array.type):
        _check_indices(array.values)


def _limit_texts(parquet: pq.ParquetFile, index: int, values: int, size_bytes: int) -> int:
    """How many bytes a column of texts may take: where none is stored once for several, not more than its pages."""
    repeats = _has(parquet, index, "DICTIONARY") or _has(parquet, index, "DELTA_BYTE_ARRAY")
    return values * size_bytes if repeats else size_bytes


def _has(parquet: pq.ParquetFile, index: int, encoding: str) -> bool:
    """Whether a column is stored in an encoding with this in its name, as the footer tells."""
    groups = range(parquet.metadata.num_row_groups)
    chunks = (parquet.metadata.row_group(number).column(index) for number in groups)
    return any(encoding in name for chunk in chunks for name in chunk.encodings)
