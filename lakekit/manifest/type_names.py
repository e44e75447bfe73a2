"""The types of columns as people declare them: by name, or as types of Arrow.

It must not know whose columns they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from lakekit.errors import InvalidArgument
from lakekit.manifest.types import normalize_type

_TYPE_NAMES = {
    "string": pa.string(), "text": pa.string(), "bool": pa.bool_(), "boolean": pa.bool_(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", "UTC"), "float": pa.float64(),
    "double": pa.float64(), "int": pa.int64(), "binary": pa.binary(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
_MOST_DIGITS = 38  # of a decimal of 128 bits


def parse_types(
    columns: Mapping[str, Any] | pa.Schema | Iterable[str] | None, *, name: str = "columns"
) -> dict[str, pa.DataType | None]:
    """The declared columns in their order, each with its type, or None where only the name is given.

    Args:
        columns: names; or names with types, such as ``{"id": "int64", "price": "decimal(10,2)"}``; or a schema.
        name: of the argument, for errors.

    Raises:
        InvalidArgument: a type that has no such name, or what names no columns.

    Example:
        >>> parse_types({"id": "int64", "price": "decimal(10,2)"})
        {'id': DataType(int64), 'price': Decimal128Type(decimal128(10, 2))}
    """
    if columns is None:
        return {}
    if isinstance(columns, pa.Schema):
        return {field.name: normalize_type(field.type) for field in columns}
    names = list(columns) if isinstance(columns, Iterable) and not isinstance(columns, str | bytes) else []
    if not all(isinstance(one, str) and one for one in names) or not (names or isinstance(columns, Mapping)):
        what = f"{name}={str(columns)[:60]!r} names no columns."
        raise InvalidArgument(what, hint=f'write {name}={{"id": "int64", "price": "decimal(10,2)"}}, for example.')
    told = columns if isinstance(columns, Mapping) else dict.fromkeys(names)
    return {column: _parse_type(column, kind) for column, kind in told.items()}


def _parse_type(name: str, kind: Any) -> pa.DataType | None:
    if kind is None or isinstance(kind, pa.DataType):
        return kind and normalize_type(kind)
    decimal = re.fullmatch(r"(?:decimal|numeric)\((\d{1,3}), *(\d{1,3})\)", str(kind).lower())
    if decimal and int(decimal[2]) <= int(decimal[1]) <= _MOST_DIGITS and int(decimal[1]):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    if str(kind).lower() in _TYPE_NAMES:
        return _TYPE_NAMES[str(kind).lower()]
    what = f"The column {name!r} was declared as {str(kind)[:60]!r}, which is no type."
    raise InvalidArgument(what, hint=f"use one of {', '.join(_TYPE_NAMES)}, decimal(p,s), or a pyarrow type.")
