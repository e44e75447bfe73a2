"""How rows become Parquet files of a table: types as they are stored, file layout, and the folders of partitions.

It must not write to a store: it makes bytes and local files, and says under which path they belong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakekit.errors import InvalidArgument
from lakekit.manifest.cast import cast_column
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.manifest.types import describe_type, normalize_type
from lakekit.units import MIB

ROW_GROUP_BYTES = 64 * MIB  # of rows in memory; a reader decodes one row group a thread
ROW_GROUP_ROWS = 250_000  # DuckDB reads row groups in parallel, and wants 100,000 to 1,000,000 rows in each;
# https://duckdb.org/docs/stable/guides/performance/file_formats, read 2026-11
ZSTD_LEVEL = 3
_SLICE_ROWS = 4_096

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]|[^\x00-\x7f]")  # what a path holds as it is: Spark decodes no UTF-8 escapes


def store_schema(schema: pa.Schema) -> pa.Schema:
    """The types under which these columns are stored: those that a table shows, but durations keep their unit.

    Raises:
        InvalidArgument: a type that Parquet cannot hold.

    Example:
        >>> store_schema(pa.schema([("a", pa.dictionary(pa.int8(), pa.large_string()))])).field("a").type
        DataType(string)
    """
    return pa.schema([(field.name, _store_type(field.name, field.type)) for field in schema])


def _store_type(name: str, kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_duration(kind):
        return kind
    if types.is_union(kind) or types.is_interval(kind) or types.is_run_end_encoded(kind):
        raise InvalidArgument(
            f"The column {name!r} is of type {kind}, which Parquet cannot hold.", hint="cast it to another type."
        )
    return normalize_type(kind)


def store_rows(rows: pa.Table, schema: pa.Schema | None = None) -> pa.Table:
    """The same rows with the types under which they are stored; columns by name, absent ones as NULL.

    Args:
        rows: any table.
        schema: as `store_schema` gives it, for all rows of a table; that of these rows when None.

    Raises:
        pyarrow.ArrowInvalid: a value that the type does not hold unchanged.
    """
    schema = schema if schema is not None else store_schema(rows.schema)
    names = set(rows.column_names)  # which makes a list of all each time
    columns = [
        cast_column(rows.column(field.name), field.type)
        if field.name in names
        else pa.chunked_array([pa.nulls(rows.num_rows, field.type)])
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def sort_rows(rows: pa.Table, sort_by: Sequence[str]) -> pa.Table:
    """The rows in order of these columns, NULL last; rows that are equal there keep their order."""
    if not sort_by or rows.num_rows < 2:
        return rows
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in sort_by]))  # stable, NULL last


def encode_table(rows: pa.Table, *, sort_by: Sequence[str] = (), metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of one Parquet file with these rows, for files that fit in memory; see `write_file`.

    Example:
        >>> encode_table(pa.table({"a": [3, 1]}), sort_by=["a"])[:4]
        b'PAR1'
    """
    rows = sort_rows(store_rows(rows), sort_by)
    sink = pa.BufferOutputStream()
    write_file([rows], rows.schema, sink, sort_by=sort_by, metadata=metadata)
    return sink.getvalue().to_pybytes()


def write_file(
    parts: Iterable[pa.Table],
    schema: pa.Schema,
    target: Path | BinaryIO | Any,
    *,
    sort_by: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> int:
    """One Parquet file with these rows in this order: zstd, statistics, page index; how many rows it holds.

    Args:
        parts: tables of the schema, taken one by one; together they are in order of ``sort_by``.
        schema: as `store_schema` gives it.
        target: a local path, or something to write into.
        sort_by: by which columns the rows are sorted; the footer tells it.
        metadata: texts to keep in the footer.
    """
    schema = schema.with_metadata(dict(metadata)) if metadata else schema
    order = [pq.SortingColumn(schema.get_field_index(name)) for name in sort_by]
    rows = 0
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        write_statistics=True,
        write_page_index=True,
        sorting_columns=order or None,
        version="2.6",
    ) as writer:
        for group in _gather_groups(parts):
            writer.write_table(group.replace_schema_metadata(schema.metadata), row_group_size=group.num_rows)
            rows += group.num_rows
    return rows


def _gather_groups(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows cut into row groups."""
    held: list[pa.Table] = []
    rows = size_bytes = 0
    for part in parts:
        for start in range(0, part.num_rows, _SLICE_ROWS):
            piece = part.slice(start, _SLICE_ROWS)
            piece_bytes = measure_rows(piece)
            if held and (rows + piece.num_rows > ROW_GROUP_ROWS or size_bytes + piece_bytes > ROW_GROUP_BYTES):
                yield pa.concat_tables(held)
                held, rows, size_bytes = [], 0, 0
            held.append(piece)
            rows, size_bytes = rows + piece.num_rows, size_bytes + piece_bytes
    if held:
        yield pa.concat_tables(held)


def measure_rows(rows: pa.Table) -> int:
    """How many bytes these rows take in memory, by their values alone: the same in every version of pyarrow.

    Example:
        >>> measure_rows(pa.table({"n": [1, 2], "s": ["a", "bcd"]}))  # 2 x 8, and 1 + 3 letters with 2 x 4 for lengths
        28
    """
    return sum(_measure_array(chunk) for column in rows.columns for chunk in column.chunks)


def _measure_array(array: pa.Array) -> int:
    types, kind = pa.types, array.type
    if types.is_null(kind) or not len(array):
        return 0
    if isinstance(kind, pa.BaseExtensionType):
        return _measure_array(array.storage)
    if types.is_struct(kind):
        return sum(_measure_array(child) for child in array.flatten())
    if types.is_map(kind):
        first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
        parts = (array.keys.slice(first, last - first), array.items.slice(first, last - first))
        return 4 * len(array) + sum(map(_measure_array, parts))
    if types.is_nested(kind):
        return 4 * len(array) + _measure_array(array.flatten())
    try:
        return max(1, kind.bit_width // 8) * len(array)
    except ValueError:  # texts and bytes
        return 4 * len(array) + (pc.sum(pc.binary_length(array)).as_py() or 0)


def split_partitions(rows: pa.Table, keys: Sequence[str]) -> list[tuple[str, pa.Table]]:
    """The rows by the folder they belong in, sorted by folder, without the columns that the folder tells.

    Args:
        rows: any table with columns of these names.
        keys: the partition keys, in the order of the path; without any, all rows belong in the folder "".

    Raises:
        InvalidArgument: a key of a type that no path can hold.

    Example:
        >>> rows = pa.table({"k": [1, None, 1], "x": [5, 6, 7]})
        >>> [(folder, part["x"].to_pylist()) for folder, part in split_partitions(rows, ["k"])]
        [('k=1', [5, 7]), ('k=__HIVE_DEFAULT_PARTITION__', [6])]
    """
    if not keys:
        return [("", rows)] if rows.num_rows else []
    number = pa.chunked_array([pa.nulls(rows.num_rows, pa.int64()).fill_null(0)])
    folders = [""]  # by number
    for key in keys:
        column = _as_key(rows.column(key))
        values = column.unique()
        segments = [f"{encode_segment(key)}={format_value(value, key)}" for value in values.to_pylist()]
        place = pc.index_in(column, value_set=values).cast(pa.int64())
        pairs = pc.add(pc.multiply(number, len(values)), place)
        known = pairs.unique()  # numbered anew, or those of many keys would be beyond 64 bits
        number = pc.index_in(pairs, value_set=known).cast(pa.int64())
        told = [divmod(pair, len(values)) for pair in known.to_pylist()]
        folders = ["/".join(filter(None, (folders[parent], segments[last]))) for parent, last in told]
    order = pc.sort_indices(number)  # stable: rows of a folder keep their order
    number, rest = number.take(order), rows.drop_columns(list(keys)).take(order)
    found, start = [], 0
    for code, count in zip(*_count_runs(number), strict=True):
        found.append((folders[code], rest.slice(start, count)))
        start += count
    return sorted(found, key=lambda pair: pair[0])


def _count_runs(sorted_numbers: pa.ChunkedArray) -> tuple[list[int], list[int]]:
    """Each number once, and how often it stands there."""
    counted = pc.value_counts(sorted_numbers)
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()


def _as_key(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as a path tells them: plain types, times to the microsecond."""
    kind = normalize_type(column.type)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        kind = pa.timestamp("us", kind.tz)
    return cast_column(column, kind)


def format_value(value: Any, key: str = "") -> str:
    """A partition value as it stands in a path: percent-encoded, NULL by Hive's name for it.

    Times with a zone stand as UTC. Values that are written alike, such as 1 and "1", are one folder.

    Raises:
        InvalidArgument: bytes, lists and other values that no path can hold.

    Example:
        >>> from datetime import date
        >>> format_value("a/b c"), format_value(None), format_value(date(2024, 1, 5)), format_value("é=1%")
        ('a%2Fb%20c', '__HIVE_DEFAULT_PARTITION__', '2024-01-05', 'é%3D1%25')
    """
    if value is None:
        return HIVE_NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        value = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return encode_segment(value.isoformat(" "))
    if isinstance(value, bytes | list | dict | tuple):
        raise InvalidArgument(
            f"The partition key {key!r} has values such as {value!r:.60}, which no path can hold.",
            hint="partition by texts, numbers, dates or times.",
        )
    if value == HIVE_NULL:
        raise InvalidArgument(f"The partition key {key!r} is {HIVE_NULL}, which means NULL in a path.")
    return encode_segment(str(value))


def encode_segment(text: str) -> str:
    """A text as part of a path: letters, digits, "_", ".", "-" and all that is not ASCII as they are, else percent.

    Example:
        >>> encode_segment("50% off/now")
        '50%25%20off%2Fnow'
    """
    return "".join(letter if _PLAIN.fullmatch(letter) else f"%{ord(letter):02X}" for letter in text)


def check_keys(schema: pa.Schema, keys: Sequence[str]) -> None:
    """Raise InvalidArgument where rows of this schema cannot be partitioned by these keys."""
    for key in keys:
        if key not in schema.names:
            there = ", ".join(map(repr, schema.names))
            raise InvalidArgument(f"No column {key!r} to partition by: there are {there}.", hint="name one of these.")
        if key.startswith("."):
            what = f"The column {key!r} would make folders such as {encode_segment(key)}=1, which readers pass over."
            raise InvalidArgument(what, hint="rename it in the batch, or partition by another.")
        kind = normalize_type(schema.field(key).type)
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            what = f"The column {key!r} is of type {describe_type(kind)}, which no path can hold."
            raise InvalidArgument(what, hint="partition by texts, numbers, dates or times.")
    if keys and len(keys) == len(schema.names):
        what = f"All columns ({', '.join(map(repr, keys))}) are partition keys, and none is left for the files."
        raise InvalidArgument(what, hint="partition by fewer.")


def check_order(schema: pa.Schema, sort_by: Sequence[str]) -> None:
    """Raise InvalidArgument where rows of this schema cannot be sorted by these columns."""
    for name in sort_by:
        if name not in schema.names:
            there = ", ".join(map(repr, schema.names))
            raise InvalidArgument(f"No column {name!r} to sort by: there are {there}.", hint="name one of these.")
        kind = schema.field(name).type
        if pa.types.is_nested(kind) or pa.types.is_null(kind):
            what = f"The column {name!r} is of type {describe_type(kind)}, which has no order."
            raise InvalidArgument(what, hint="sort by texts, numbers, dates or times.")
