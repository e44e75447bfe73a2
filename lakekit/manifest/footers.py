"""A Parquet footer as lakekit needs it: rows, row groups, schema, statistics; or the error that the file deserves.

It must not fetch bytes: it gets the end of a file and says what that tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.errors import CorruptFile, EncryptedFile, LakekitError, UnsupportedTable
from lakekit.manifest.damage import (
    Leaf,
    describe_briefly,
    find_footer_flaw,
    has_defined_order,
    list_leaves,
)
from lakekit.manifest.stats import BoundedColumn, ColumnStats, collect_stats, list_bounded_columns, list_met_needs
from lakekit.manifest.thrift import read_fields
from lakekit.manifest.types import normalize_field
from lakekit.units import KIB, MIB

FOOTER_TAIL_BYTES = 128 * KIB  # read from the end of a file at first: most footers, and small files whole
MAX_FOOTER_BYTES = 64 * MIB  # some 600,000 column chunks; read into some GiB of memory. A longer one is not fetched
MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"

_ENCRYPTION = 8  # field number in FileMetaData, parquet.thrift
SKIP_HINT = (
    'read the rest with open_table(…, on_bad_file="skip"), or open_lake(…, tables={NAME: {"on_bad_file": "skip"}}); '
    "what is left out stands in table.skipped. Or replace the file."
)
_NOT_A_FOOTER = (pa.ArrowException, OSError, ValueError)  # what pyarrow raises over bytes that are none


@dataclass(frozen=True, slots=True)
class Footer:
    """What one file's footer says.

    Attributes:
        rows: rows in the file.
        row_groups: row groups in the file.
        schema: the file's columns, normalized types, in the file's order.
        schema_id: the same text for files with the same columns and physical types, that are doubtful or not alike.
        stats: bounds by column, for columns that are not nested; doubtful ones are left out.
        has_order: whether it defines how bounds are ordered.
        is_doubtful: whether it may hold bounds that are wrong, which an engine must not be shown.
    """

    rows: int
    row_groups: int
    schema: pa.Schema
    schema_id: str
    stats: Mapping[str, ColumnStats]
    has_order: bool = True
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read: why, and its footer where that much is readable."""

    error: LakekitError
    footer: Footer | None = None


@dataclass(frozen=True, slots=True)
class _FileSchema:
    """What all footers with the same schema share."""

    schema: pa.Schema
    schema_id: str
    leaves: tuple[Leaf, ...]
    bounded: tuple[BoundedColumn, ...]


class FooterParser:
    """Parses the footers of a table; what is in a schema is worked out once for all files that have it.

    Example:
        >>> import io
        >>> import pyarrow as pa, pyarrow.parquet as pq
        >>> sink = io.BytesIO()
        >>> pq.write_table(pa.table({"n": [1, 2, 3]}), sink)
        >>> footer = FooterParser().parse(sink.getvalue()[4:], "a.parquet", len(sink.getvalue()))
        >>> footer.rows, footer.stats["n"].max
        (3, 3)
    """

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, bytes], _FileSchema] = {}

    def parse(self, footer: bytes, path: str, size_bytes: int) -> Footer | Unreadable:
        """What a footer says that is seen for the first time, or what keeps its file from being read.

        Args:
            footer: the end of the file, from the footer on (Thrift, length and magic).
            path: the file, for messages.
            size_bytes: how long it is.
        """
        try:
            fields = read_fields(footer[-_length_of(footer) - 8 : -8])
            metadata = read_metadata(footer)
            shared = self._find_schema(footer, metadata)
        except _NOT_A_FOOTER as exc:
            return _refuse(f"{path} is damaged: its footer does not decode ({describe_briefly(exc)}).")
        known = Footer(metadata.num_rows, metadata.num_row_groups, shared.schema, shared.schema_id, {})
        if _ENCRYPTION in fields:
            what = f"{path} is encrypted: its footer is plain, but columns need a key, and lakekit holds none."
            return Unreadable(EncryptedFile(what, hint='read the rest with on_bad_file="skip".'), known)
        if flaw := find_footer_flaw(fields, shared.leaves):
            return _refuse(f"{path} is damaged: its footer contradicts itself ({flaw}).")
        if flaw := _find_range_flaw(metadata, size_bytes):
            return _refuse(f"{path} is damaged: {flaw}.", known)
        return _describe(metadata, shared, has_defined_order(fields, shared.leaves))

    def parse_again(self, footer: bytes, has_order: bool) -> Footer:
        """What a footer says that was found sound before, as was whether it has an order.

        Raises:
            ValueError: it is not what it was.
        """
        try:
            metadata = read_metadata(footer)
            return _describe(metadata, self._find_schema(footer, metadata), has_order)
        except _NOT_A_FOOTER as exc:
            raise ValueError(f"a kept footer does not decode ({describe_briefly(exc)})") from exc

    def _find_schema(self, footer: bytes, metadata: pq.FileMetaData) -> _FileSchema:
        text = repr(metadata.schema).partition("\n")[2]  # its first line is an address in memory
        key = text, (metadata.metadata or {}).get(b"ARROW:schema", b"")
        if key not in self._schemas:
            columns = read_schema(footer, metadata)
            shown = columns.to_string(show_field_metadata=False, show_schema_metadata=False)
            digest = hashlib.sha256(f"{text}\n{shown}".encode()).hexdigest()[:12]
            schema = pa.schema([normalize_field(field) for field in _mark_intervals(columns, metadata.schema)])
            leaves = list_leaves(metadata.schema)
            self._schemas[key] = _FileSchema(schema, digest, leaves, list_bounded_columns(columns, leaves))
        return self._schemas[key]


def _describe(metadata: pq.FileMetaData, shared: _FileSchema, has_order: bool) -> Footer:
    met = list_met_needs(metadata, has_order=has_order)
    is_doubtful = any(leaf.needs not in met for leaf in shared.leaves)
    return Footer(
        rows=metadata.num_rows,
        row_groups=metadata.num_row_groups,
        schema=shared.schema,
        schema_id=f"{shared.schema_id}-doubtful" if is_doubtful else shared.schema_id,
        stats=collect_stats(metadata, shared.bounded, met),
        has_order=has_order,
        is_doubtful=is_doubtful,
    )


def _refuse(what: str, known: Footer | None = None) -> Unreadable:
    return Unreadable(CorruptFile(what, hint=SKIP_HINT), known)


def _length_of(tail: bytes) -> int:
    return int.from_bytes(tail[-8:-4], "little")


def footer_size(tail: bytes, path: str, size_bytes: int) -> int:
    """How many bytes at the end of the file are its footer, with length and magic, from the last eight or more.

    Raises:
        CorruptFile, EncryptedFile: names the file and what stands there instead.
        UnsupportedTable: the footer is longer than lakekit reads.
    """
    if size_bytes < 12:
        what = f"{path} is not a Parquet file: it is {size_bytes} bytes long, and the smallest has 12."
        raise CorruptFile(what, hint=SKIP_HINT)
    magic = tail[-4:]
    if magic == ENCRYPTED_MAGIC:
        what = f"{path} is encrypted: its footer ends with PARE, and lakekit holds no keys."
        raise EncryptedFile(what, hint='read the rest with on_bad_file="skip".')
    if magic != MAGIC:
        begins = f", and it begins with {bytes(tail[:24])!r}" if len(tail) == size_bytes else ""
        what = f"{path} is not a Parquet file: it ends with {bytes(magic)!r}, not b'PAR1'{begins}."
        raise CorruptFile(what, hint=SKIP_HINT)
    size = _length_of(tail) + 8
    if size > MAX_FOOTER_BYTES and size <= size_bytes - 4:
        what = f"{path} has a footer of {size:,} bytes; at most {MAX_FOOTER_BYTES:,} bytes (64 MiB) are read."
        raise UnsupportedTable(what, hint=f"write it anew, in larger row groups. {SKIP_HINT}")
    if size > size_bytes - 4:
        what = f"{path} is damaged: its footer claims {size:,} bytes, the whole file has {size_bytes:,}."
        raise CorruptFile(what, hint=SKIP_HINT)
    return size


def read_metadata(footer: bytes) -> pq.FileMetaData:
    """pyarrow's view of a footer from its bytes alone."""
    return pq.read_metadata(pa.BufferReader(MAGIC + bytes(footer)))


def read_schema(footer: bytes, metadata: pq.FileMetaData) -> pa.Schema:
    """The Arrow schema of a footer as lakekit's readers see it: INT96 as microseconds."""
    return open_parquet(pa.BufferReader(MAGIC + bytes(footer)), metadata).schema_arrow


def read_footer_schema(footer: bytes) -> pa.Schema:
    """The columns of a sound footer with normalized types, as a Footer has them."""
    metadata = read_metadata(footer)
    columns = _mark_intervals(read_schema(footer, metadata), metadata.schema)
    return pa.schema([normalize_field(field) for field in columns])


def _mark_intervals(columns: pa.Schema, stored: pq.ParquetSchema) -> pa.Schema:
    """The columns, those that are or hold intervals with that type: pyarrow takes Parquet's INTERVAL for bytes."""
    leaves = [stored.column(index) for index in range(len(stored))]
    paths = [leaf.path for leaf in leaves if leaf.converted_type == "INTERVAL"]
    if not paths:
        return columns
    marked = []
    for field in columns:
        is_nested = pa.types.is_nested(field.type)
        holds = any(path.startswith(f"{field.name}.") if is_nested else path == field.name for path in paths)
        marked.append(field.with_type(pa.month_day_nano_interval()) if holds else field)
    return pa.schema(marked)


def open_parquet(source: Any, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """A pyarrow ParquetFile with the one set of options that all of lakekit reads by."""
    return pq.ParquetFile(source, metadata=metadata, coerce_int96_timestamp_unit="us", arrow_extensions_enabled=True)


def column_range(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Where a column chunk lies in its file: first byte, and the byte after the last."""
    start = column.data_page_offset
    if column.dictionary_page_offset:  # some writers say 0 for "none"
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size


def _find_range_flaw(metadata: pq.FileMetaData, size_bytes: int) -> str:
    """Where a footer without a flaw does not fit its file: columns beyond its end, rows that do not add up."""
    rows = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows += group.num_rows
        for index in range(group.num_columns):
            start, end = column_range(group.column(index))
            if group.num_rows and not 4 <= start <= end <= size_bytes - 8:
                name = group.column(index).path_in_schema
                return f"column {name!r} claims bytes {start:,} to {end:,} of a file of {size_bytes:,} bytes"
        if group.num_rows < 0:
            return f"row group {number} claims {group.num_rows:,} rows"
    if rows != metadata.num_rows:
        return f"its footer counts {metadata.num_rows:,} rows, its row groups hold {rows:,}"
    return ""
