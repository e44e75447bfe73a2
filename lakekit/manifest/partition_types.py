"""Partition values: the type that all values of a key have, and the values as that type.

It must not know where the values come from: it gets texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import pyarrow as pa

NOT_OF_TYPE = object()  # what parse_value gives for a text that is no value of the type

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(_DATE.pattern + r"([ T]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?")


def infer_type(texts: Iterable[str]) -> pa.DataType:
    """The type of a key over all its values: int64, date, timestamp[us], else string.

    Empty texts do not count. What does not come back as it was written makes the key text: leading zeros, "1e5",
    whole numbers of more than 64 bits.

    Example:
        >>> str(infer_type(["1", "-20"])), str(infer_type(["01", "2"])), str(infer_type(["2024-01-05"]))
        ('int64', 'string', 'date32[day]')
    """
    import pyarrow as pa

    distinct = set(texts) - {""}
    if not distinct:
        return pa.string()
    if all(_INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63 for text in distinct):
        return pa.int64()
    for kind in (pa.date32(), pa.timestamp("us")):
        if all(parse_value(text, kind) is not NOT_OF_TYPE for text in distinct):
            return kind
    return pa.string()


def parse_value(text: str, kind: pa.DataType) -> Any:
    """A text as a value of this type; None for an empty one unless the type is string; else NOT_OF_TYPE.

    Example:
        >>> import pyarrow as pa
        >>> parse_value("2024-01-05", pa.date32()), parse_value("300", pa.int8()) is NOT_OF_TYPE
        (datetime.date(2024, 1, 5), True)
    """
    import pyarrow as pa

    if pa.types.is_string(kind):
        return text
    if text == "":
        return None
    try:
        if pa.types.is_date(kind):
            return date.fromisoformat(text) if _DATE.fullmatch(text) else NOT_OF_TYPE
        if pa.types.is_timestamp(kind):
            return datetime.fromisoformat(text) if _TIMESTAMP.fullmatch(text) else NOT_OF_TYPE
        return pa.scalar(text).cast(kind).as_py()
    except (ValueError, pa.ArrowInvalid):
        return NOT_OF_TYPE


def parse_type_name(kind: Any, key: str) -> pa.DataType:
    """The Arrow type for a declared one: an Arrow type itself, or a name such as "int32", "string", "date".

    Raises:
        InvalidArgument: what stands for no type of a key; lists those that do.

    Example:
        >>> str(parse_type_name("int", "year")), str(parse_type_name("date", "dt"))
        ('int64', 'date32[day]')
    """
    import pyarrow as pa

    names = {"int": pa.int64(), "string": pa.string(), "date": pa.date32(), "timestamp": pa.timestamp("us")}
    names |= {"bool": pa.bool_(), "float": pa.float64(), "double": pa.float64()}
    for sign in ("int", "uint"):
        names |= {f"{sign}{bits}": getattr(pa, f"{sign}{bits}")() for bits in (8, 16, 32, 64)}
    if isinstance(kind, pa.DataType) and kind in names.values():
        return kind
    if isinstance(kind, str) and kind.lower() in names:
        return names[kind.lower()]
    what = f"The partition key {key!r} was declared as {str(kind)!r}, which is no type of a key."
    raise InvalidArgument(what, hint=f"use one of {', '.join(names)}.")
