"""Arrow types, names and values as DuckDB SQL text.

It must not know tables or files.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

_PLAIN = {
    pa.null(): '"NULL"',
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME",
    pa.time64("ns"): "TIME_NS",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
    pa.timestamp("ns", "UTC"): "TIMESTAMPTZ_NS",
}


def quote_name(name: str) -> str:
    """A name as an SQL identifier, whatever it holds.

    Example:
        >>> quote_name('x"; DROP')
        '"x""; DROP"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal.

    Example:
        >>> quote_text("o'clock")
        "'o''clock'"
    """
    return "'" + text.replace("'", "''") + "'"


def select_error(text: str) -> str:
    """A query that raises this text and gives no row: the view of what cannot be shown; count(*) raises it as well.

    Example:
        >>> select_error("no")
        "SELECT NULL::VARCHAR AS error WHERE CAST(error('no') AS BOOLEAN)"
    """
    return f"SELECT NULL::VARCHAR AS error WHERE CAST(error({quote_text(text)}) AS BOOLEAN)"


def find_unnameable(schema: pa.Schema) -> str:
    """Why a table with these columns cannot be a view of DuckDB's, which needs columns with names; "" where it can be.

    Example:
        >>> import pyarrow as pa
        >>> find_unnameable(pa.schema({"x": pa.int8(), "": pa.int8()}))
        'has a column without a name'
    """
    if not len(schema):
        return "has no column"
    if "" in schema.names:
        return "has a column without a name"
    nameless = [field.name for field in schema if _has_nameless_field(field.type)]
    return f"has a field without a name, in the column {nameless[0]!r}" if nameless else ""


def _has_nameless_field(kind: pa.DataType) -> bool:
    fields = [kind.field(index) for index in range(kind.num_fields)]
    is_nameless = pa.types.is_struct(kind) and any(not field.name for field in fields)
    return is_nameless or any(_has_nameless_field(field.type) for field in fields)


def duckdb_type(kind: pa.DataType) -> str:
    """The DuckDB type of a normalized Arrow type.

    Example:
        >>> import pyarrow as pa
        >>> duckdb_type(pa.list_(pa.struct([("a b", pa.decimal128(10, 2))])))
        'STRUCT("a b" DECIMAL(10,2))[]'
    """
    types = pa.types
    if types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if types.is_struct(kind):
        fields = ", ".join(f"{quote_name(field.name)} {duckdb_type(field.type)}" for field in kind)
        return f"STRUCT({fields})"
    if types.is_map(kind):
        return f"MAP({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    if types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    return _PLAIN[kind]


def name_key_type(kind: pa.DataType) -> str:
    """The DuckDB type as read_parquet takes it for a key, in one word."""
    name = duckdb_type(kind)
    return "TIMESTAMPTZ" if name == "TIMESTAMP WITH TIME ZONE" else name


def write_struct(items: Mapping[str, str]) -> str:
    """A struct as an SQL literal, of SQL texts by name.

    Example:
        >>> write_struct({"a": "1"})
        '{"a": 1}'
    """
    return "{" + ", ".join(f"{quote_name(name)}: {value}" for name, value in items.items()) + "}"
