"""Arrow types, names and values as DuckDB SQL text.

It must not know tables or files.
"""

from __future__ import annotations

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
