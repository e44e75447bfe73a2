"""Arrow types in the words of each dialect of Hive's DDL, and back.

It must not look at files: whether unsigned numbers fit in signed ones is told by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pyarrow as pa

from lakekit.errors import InvalidArgument
from lakekit.manifest.types import describe_type

KEYS_PARAMETER = "lakekit.partitions"  # of a table in Glue: its keys as lakekit spells and types them
DIALECTS = ("athena", "redshift", "spark")

# Athena data types, https://docs.aws.amazon.com/athena/latest/ug/data-types.html, and those of Spark SQL; 2026-11
_HIVE = {
    pa.null(): "int",  # how writers store a column that is NULL throughout
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",  # the next wider signed type holds every value
    pa.uint16(): "int",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
}
# CREATE EXTERNAL TABLE of Redshift,
# https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html; 2026-11
_REDSHIFT = {
    "tinyint": "smallint",
    "float": "real",
    "double": "double precision",
    "string": "varchar(65535)",
    "binary": "varbyte(1000000)",
}
_UNSIGNED = {pa.uint32(): ("int", "bigint"), pa.uint64(): ("bigint", "decimal(20,0)")}  # stored, as a key

Fits = Callable[[str], bool]


def name_type(column: str, kind: pa.DataType, dialect: str, *, is_key: bool = False, fits: Fits | None = None) -> str:
    """The type of a column in a dialect.

    Args:
        column: its name, for the error.
        kind: a normalized type.
        dialect: "athena" (Glue's and Hive's too), "redshift" or "spark".
        is_key: whether it is a partition key, whose values are text and no numbers in files.
        fits: whether all values of a column are known to fit the signed type of its width; asked for unsigned ones.

    Raises:
        InvalidArgument: the dialect has no type that holds it.

    Example:
        >>> import pyarrow as pa
        >>> name_type("at", pa.list_(pa.struct([("n", pa.int8())])), "athena")
        'array<struct<n:tinyint>>'
    """
    if kind in _UNSIGNED and (dialect == "spark" or is_key):
        return _UNSIGNED[kind][1]
    if kind in _UNSIGNED:
        if fits is not None and fits(column):
            return _UNSIGNED[kind][0]
        raise _refuse(column, kind, dialect, "values beyond the signed type would come out negative")
    if pa.types.is_nested(kind):
        return _name_nested(column, kind, dialect)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    name = _HIVE.get(kind)
    if name is None:
        raise _refuse(column, kind, dialect, f"{dialect} has no such type for Parquet")
    return _REDSHIFT.get(name, name) if dialect == "redshift" else name


def _name_nested(column: str, kind: pa.DataType, dialect: str) -> str:
    def name(inner: str, of: pa.DataType) -> str:
        return name_type(f"{column}.{inner}", of, dialect)

    if pa.types.is_struct(kind):
        for field in kind:
            if not re.fullmatch(r"\w+", field.name):
                raise _refuse(f"{column}.{field.name}", field.type, dialect, "DDL cannot write that field's name")
        return f"struct<{','.join(f'{field.name}:{name(field.name, field.type)}' for field in kind)}>"
    if pa.types.is_map(kind):
        return f"map<{name('key', kind.key_type)},{name('value', kind.item_type)}>"
    return f"array<{name('element', kind.value_type)}>"


def _refuse(column: str, kind: pa.DataType, dialect: str, why: str) -> InvalidArgument:
    what = f"The column {column!r} is {describe_type(kind)}, which {dialect} cannot hold: {why}."
    return InvalidArgument(what, hint="leave the column out: open the table with a schema= that does not have it.")


_KEYS = {
    "boolean": "bool",
    "tinyint": "int8",
    "smallint": "int16",
    "int": "int32",
    "integer": "int32",
    "bigint": "int64",
    "float": "float",
    "double": "double",
    "string": "string",
    "date": "date",
    "timestamp": "timestamp",
}


def read_key_types(keys: Mapping[str, str]) -> dict[str, str]:
    """Types of partition keys as `open_table` takes them, from those of a catalog.

    Raises:
        InvalidArgument: a type that no key can have here, such as decimal.

    Example:
        >>> read_key_types({"dt": "date", "zip": "varchar(5)"})
        {'dt': 'date', 'zip': 'string'}
    """
    found = {}
    for key, text in keys.items():
        word = text.strip().lower()
        if word.startswith(("varchar", "char")):
            word = "string"
        if word not in _KEYS:
            what = f"The partition key {key!r} is {text} in the catalog, which lakekit does not read as a key."
            raise InvalidArgument(what, hint=f"it reads {', '.join(_KEYS)}.")
        found[key] = _KEYS[word]
    return found
