"""A Parquet footer as lakekit needs it: rows, row groups, schema, statistics; or the error that the file deserves.

It must not fetch bytes: it gets the end of a file and says what that tells.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.errors import CorruptFile, EncryptedFile, LakekitError
from lakekit.manifest.thrift import declares_encryption
from lakekit.manifest.types import normalize_type
from lakekit.units import KIB, MIB, format_bytes

FOOTER_TAIL_BYTES = 128 * KIB  # read from the end of a file at first: most footers, and small files whole
MAX_VERIFIED_CELLS = 1_000_000  # rows x columns up to which a small file is decoded when it is first seen
MAX_VERIFIED_BYTES = 16 * MIB  # the same, uncompressed
MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"

_SKIP_HINT = 'read the rest with on_bad_file="skip" (what is left out stands in table.skipped), or replace the file.'


@dataclass(frozen=True)
class ColumnStats:
    """Bounds of one column in one file; None where the file does not tell.

    Attributes:
        min: a value not above any in the column (for text perhaps a shortened one).
        max: a value not below any in the column.
        null_count: how many rows are NULL.
    """

    min: Any
    max: Any
    null_count: int | None


@dataclass(frozen=True)
class Footer:
    """What one file's footer says.

    Attributes:
        rows: rows in the file.
        row_groups: row groups in the file.
        schema: the file's columns, normalized types, in the file's order.
        schema_id: the same text for files with the same columns and physical types.
        stats: bounds by column, for columns that are not nested.
    """

    rows: int
    row_groups: int
    schema: pa.Schema
    schema_id: str
    stats: Mapping[str, ColumnStats]


def footer_size(tail: bytes, path: str, size_bytes: int) -> int:
    """How many bytes at the end of the file are its footer, with length and magic, from the last eight or more.

    Raises:
        CorruptFile, EncryptedFile: names the file and what stands there instead.
    """
    if size_bytes < 12:
        what = f"{path} is not a Parquet file: it is {size_bytes} bytes long, and the smallest has 12."
        raise CorruptFile(what, hint=_SKIP_HINT)
    magic = tail[-4:]
    if magic == ENCRYPTED_MAGIC:
        raise EncryptedFile(
            f"{path} is encrypted: its footer ends with PARE, and lakekit holds no keys.",
            hint='read the rest with on_bad_file="skip".',
        )
    if magic != MAGIC:
        begins = f", and it begins with {bytes(tail[:24])!r}" if len(tail) == size_bytes else ""
        raise CorruptFile(f"{path} is not a Parquet file: it ends with {magic!r}, not b'PAR1'{begins}.", hint=_SKIP_HINT)
    size = int.from_bytes(tail[-8:-4], "little") + 8
    if size > size_bytes - 4:
        what = f"{path} is damaged: its footer claims {size:,} bytes, the whole file has {size_bytes:,}."
        raise CorruptFile(what, hint=_SKIP_HINT)
    return size


def parse_footer(footer: bytes, path: str, size_bytes: int) -> Footer | Unreadable:
    """The footer of a file from its bytes (Thrift, length and magic), or what keeps the file from being read."""
    try:
        metadata = read_metadata(footer)
        encrypted = declares_encryption(footer[:-8], metadata.created_by)
        columns = read_schema(footer, metadata)
    except (pa.ArrowException, OSError, ValueError) as exc:
        what = f"{path} is damaged: its footer does not decode ({_one_line(exc)})."
        return Unreadable(CorruptFile(what, hint=_SKIP_HINT))
    identity = str(metadata.schema) + columns.to_string(show_schema_metadata=False)
    schema = pa.schema([pa.field(field.name, normalize_type(field.type)) for field in columns])
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    known = Footer(metadata.num_rows, metadata.num_row_groups, schema, digest, {})
    if encrypted:
        what = f"{path} is encrypted: its footer is plain, but columns need a key, and lakekit holds none."
        return Unreadable(EncryptedFile(what, hint='read the rest with on_bad_file="skip".'), known)
    error = _check_ranges(metadata, path, size_bytes)
    return Unreadable(error, known) if error else replace(known, stats=_collect_stats(metadata, schema))


def read_metadata(footer: bytes) -> pq.FileMetaData:
    """pyarrow's view of a footer from its bytes alone."""
    return pq.read_metadata(pa.BufferReader(MAGIC + bytes(footer)))


def read_schema(footer: bytes, metadata: pq.FileMetaData) -> pa.Schema:
    """The Arrow schema of a footer as lakekit's readers see it: INT96 as microseconds."""
    return open_parquet(pa.BufferReader(MAGIC + bytes(footer)), metadata).schema_arrow


def open_parquet(source: Any, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """A pyarrow ParquetFile with the one set of options that all of lakekit reads by."""
    return pq.ParquetFile(source, metadata=metadata, coerce_int96_timestamp_unit="us", arrow_extensions_enabled=True)


def verify_file(data: bytes, path: str) -> CorruptFile | None:
    """Decode a small file once, so that damage inside its pages is found before a query meets it; the damage if any."""
    try:
        parquet = open_parquet(pa.BufferReader(data))
        groups = [parquet.metadata.row_group(index) for index in range(parquet.metadata.num_row_groups)]
        cells = parquet.metadata.num_rows * parquet.metadata.num_columns
        if cells <= MAX_VERIFIED_CELLS and sum(group.total_byte_size for group in groups) <= MAX_VERIFIED_BYTES:
            parquet.read(use_threads=False).validate()
    except (pa.ArrowException, OSError, ValueError) as exc:
        return CorruptFile(f"{path} is damaged: its data does not decode ({_one_line(exc)}).", hint=_SKIP_HINT)
    return None


def column_range(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Where a column chunk lies in its file: first byte, and the byte after the last."""
    start = column.data_page_offset
    if column.dictionary_page_offset:  # some writers say 0 for "none"
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size


def _check_ranges(metadata: pq.FileMetaData, path: str, size_bytes: int) -> CorruptFile | None:
    rows = 0
    for group_index in range(metadata.num_row_groups):
        group = metadata.row_group(group_index)
        rows += group.num_rows
        for index in range(group.num_columns):
            start, end = column_range(group.column(index))
            if group.num_rows and not 4 <= start <= end <= size_bytes - 8:
                what = (
                    f"{path} is damaged: column {group.column(index).path_in_schema!r} claims bytes {start:,} to "
                    f"{end:,} of a file of {format_bytes(size_bytes)} ({size_bytes:,} bytes)."
                )
                return CorruptFile(what, hint=_SKIP_HINT)
    if rows != metadata.num_rows:
        what = f"{path} is damaged: its footer counts {metadata.num_rows:,} rows, its row groups hold {rows:,}."
        return CorruptFile(what, hint=_SKIP_HINT)
    return None


def _collect_stats(metadata: pq.FileMetaData, schema: pa.Schema) -> dict[str, ColumnStats]:
    flat = {field.name for field in schema if not pa.types.is_nested(field.type)}
    leaves = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    found: dict[str, ColumnStats] = {}
    for index, path in enumerate(leaves):
        if path in flat:
            chunks = [metadata.row_group(group).column(index).statistics for group in range(metadata.num_row_groups)]
            found[path] = _merge_stats(chunks)
    return found


def _merge_stats(chunks: list[pq.Statistics | None]) -> ColumnStats:
    known = [chunk for chunk in chunks if chunk is not None]
    nulls = None
    if len(known) == len(chunks) and all(chunk.has_null_count for chunk in known):
        nulls = sum(chunk.null_count for chunk in known)
    valued = [chunk for chunk in known if not (chunk.has_null_count and chunk.num_values == 0)]
    if len(known) < len(chunks) or not valued or not all(chunk.has_min_max for chunk in valued):
        return ColumnStats(None, None, nulls)
    try:
        low, high = min(chunk.min for chunk in valued), max(chunk.max for chunk in valued)
    except (ValueError, OverflowError, pa.ArrowException):  # a date beyond Python's calendar, text that is not UTF-8
        return ColumnStats(None, None, nulls)
    if any(isinstance(value, float) and math.isnan(value) for value in (low, high)):
        return ColumnStats(None, None, nulls)
    return ColumnStats(low, high, nulls)


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200]


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read: why, and its footer where that much is readable."""

    error: LakekitError
    footer: Footer | None = None
