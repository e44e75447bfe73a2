"""Texts and JSON values as values of one type for each column of a journal: none is rounded, none becomes NULL.

It must not know where the values come from, but for what an error says of it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from lakekit.digits import is_held
from lakekit.errors import InvalidArgument, TypeConflict
from lakekit.manifest.types import describe_type

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_DIGITS = 15  # decimal digits that a double holds whatever they are
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = range(10**11, 4_200_000_000_000)  # of 1973 to 2103; as microseconds, some day of January 1970


def classify(value: Any, *, is_text: bool) -> str:
    """What a value looks like: int, float, bool, date, moment, zoned, text or json; or a long number.

    That is one of JSON which neither 64 bits nor a double hold unchanged, though it is not beyond a double's range.

    Args:
        value: not None.
        is_text: whether it stood in a CSV file, so that its looks are all there is; JSON tells its own kinds.

    Example:
        >>> classify("007", is_text=True), classify("2024-01-05", is_text=True), classify("7", is_text=False)
        ('text', 'date', 'text')
    """
    if not is_text:
        kinds = {bool: "bool", int: "int", Decimal: "float", float: "float", str: "text"}
        return "long number" if _is_long(value) else kinds.get(type(value), "json")
    if value in ("true", "false"):
        return "bool"
    if _INTEGER.fullmatch(value):
        return "int" if -(2**63) <= int(value) < 2**63 else "text"
    if _NUMBER.fullmatch(value):
        digits = re.sub(r"[eE].*|[-.]", "", value).lstrip("0")
        return "float" if len(digits) <= _DIGITS and math.isfinite(float(value)) else "text"
    if _DATE.fullmatch(value) and _is_valid(date.fromisoformat, value):
        return "date"
    if _MOMENT.fullmatch(value) and _is_valid(datetime.fromisoformat, value):
        return "zoned" if datetime.fromisoformat(value).tzinfo else "moment"
    return "text"


def _is_long(value: Any) -> bool:
    if type(value) is int:
        return not -(2**63) <= value < 2**63
    return type(value) is Decimal and math.isfinite(float(value)) and not is_held(str(value))


def _is_valid(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def choose_type(name: str, kinds: Mapping[str, str], *, is_text: bool) -> pa.DataType:
    """The type of a column that has values of these kinds, over all files.

    In CSV, what does not look alike is text. JSON tells what is a number and what is text, so that both in one column
    are an error; whole numbers and others are double. Long numbers are text, and an error beside shorter ones.

    Args:
        name: the column's.
        kinds: by kind, where it was first met.
        is_text: as in :func:`classify`.

    Raises:
        TypeConflict: JSON values of two kinds; names both places.
    """
    simple = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "date": pa.date32(), "text": pa.string()}
    simple |= {"moment": pa.timestamp("us"), "zoned": pa.timestamp("us", "UTC"), "json": pa.string()}
    simple |= {"long number": pa.string()}
    found = set(kinds)
    if len(found) <= 1:
        return simple[found.pop()] if found else pa.string()
    if found == {"int", "float"}:
        return pa.float64()
    if is_text:
        return pa.timestamp("us") if found == {"date", "moment"} else pa.string()
    (one, here), (other, there) = sorted(kinds.items())[:2]
    what = f"The column {name!r} is {one} in {here}, and {other} in {there}."
    raise TypeConflict(what, hint=f'declare its type: columns={{"{name}": "string"}} takes both.')


def convert(name: str, values: Sequence[Any], kind: pa.DataType, tell_place: Callable[[int], str]) -> pa.Array:
    """The values as an array of this type.

    Args:
        name: the column's.
        values: texts or JSON values; None is NULL.
        kind: the type.
        tell_place: where the value of so many others before it stands: file and line.

    Raises:
        TypeConflict: a value that the type does not hold unchanged; names the place.
    """
    parse = _find_parser(name, kind)
    parsed = []
    for position, value in enumerate(values):
        try:
            parsed.append(None if value is None else parse(value))
        except (ValueError, TypeError, KeyError, InvalidOperation, OverflowError) as exc:
            raise _refuse(name, value, kind, tell_place(position)) from exc
    try:
        return pa.array(parsed, kind)
    except (pa.ArrowException, OverflowError, ValueError) as whole:
        for position, value in enumerate(parsed):
            try:
                pa.scalar(value, kind)
            except (pa.ArrowException, OverflowError, ValueError) as exc:
                raise _refuse(name, values[position], kind, tell_place(position)) from exc
        raise whole


def _refuse(name: str, value: Any, kind: pa.DataType, place: str) -> TypeConflict:
    shown = value if isinstance(value, str) else str(value)
    what = f"The column {name!r} is {describe_type(kind)}, and {shown[:60]!r} in {place} is none."
    if pa.types.is_timestamp(kind) and isinstance(value, int):
        what += " A number counts microseconds since 1970; this one seems to count milliseconds, or others."
        return TypeConflict(what, hint=f'declare it as it comes, and convert it: columns={{"{name}": "int64"}}.')
    return TypeConflict(what, hint=f'declare another type, such as columns={{"{name}": "string"}}, or mend the file.')


def _find_parser(name: str, kind: pa.DataType) -> Callable[[Any], Any]:
    types = pa.types
    if types.is_string(kind):
        return _parse_text
    if types.is_boolean(kind):
        return _parse_bool
    if types.is_integer(kind):
        return _parse_integer
    if types.is_floating(kind):
        return _parse_float
    if types.is_decimal(kind):
        return lambda value: _fail(value) if isinstance(value, bool) else Decimal(str(value))
    if types.is_date(kind):
        return _parse_date
    if types.is_timestamp(kind):
        return lambda value: _parse_moment(value, kind)
    if types.is_binary(kind):
        return _parse_bytes
    what = f"The column {name!r} was declared as {describe_type(kind)}, which no text or JSON value is read as."
    raise InvalidArgument(what, hint='declare it as "string", and parse it in your query.')


def _fail(value: Any) -> Any:
    raise ValueError(value)


def _parse_text(value: Any) -> str:
    """Text as it is; JSON as it is written; what else a database has, such as a UUID, as Python writes it."""
    if isinstance(value, bool | dict | list | float):
        return json.dumps(value, ensure_ascii=False, default=str)
    return _fail(value) if isinstance(value, bytes) else str(value)


def _parse_bytes(value: Any) -> bytes:
    """Bytes, in whatever a driver hands them over; of a text what it says in base64."""
    is_text = isinstance(value, str)
    return base64.b64decode(value, validate=True) if is_text else bytes(memoryview(value))


def _parse_bool(value: Any) -> bool:
    named = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    return value if isinstance(value, bool) else named[str(value).lower()]


def _parse_integer(value: Any) -> int:
    if isinstance(value, bool):
        return _fail(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else _fail(value)
    return value if isinstance(value, int) else int(value) if re.fullmatch(r"[+-]?[0-9]+", value) else _fail(value)


def _parse_float(value: Any) -> float:
    if isinstance(value, bool):
        return _fail(value)
    if isinstance(value, int) and int(float(value)) != value:
        return _fail(value)
    if isinstance(value, str | Decimal) and any(letter.isdigit() for letter in str(value)):  # else infinity, or NaN
        return float(value) if is_held(str(value).strip()) else _fail(value)
    return float(value)


def _parse_date(value: Any) -> date:
    """ISO text, or whole days since 1970, as Debezium writes dates."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (_EPOCH + timedelta(days=value)).date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return date.fromisoformat(value) if _DATE.fullmatch(value) else _fail(value)


def _parse_moment(value: Any, kind: pa.TimestampType) -> datetime:
    """ISO text, in UTC where it names no zone; or a whole number of microseconds since 1970, as Debezium writes it."""
    if isinstance(value, int) and not isinstance(value, bool):
        moment = _EPOCH + timedelta(microseconds=_fail(value) if value in _MILLISECONDS else value)
    else:
        is_moment = isinstance(value, datetime) or _MOMENT.fullmatch(value) or _DATE.fullmatch(value)
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value) if is_moment else _fail(value)
        if moment.tzinfo is not None and kind.tz is None:
            return _fail(value)
    if kind.tz is None:
        return moment.replace(tzinfo=None)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_commit_time(value: Any) -> datetime:
    """The moment of a commit, in UTC, from a text (``yyyy-MM-dd HH:mm:ss.SSSSSS``) or a datetime.

    Raises:
        ValueError: it is neither.

    Example:
        >>> parse_commit_time("2024-05-01 10:00:00.250000")
        datetime.datetime(2024, 5, 1, 10, 0, 0, 250000, tzinfo=datetime.timezone.utc)
    """
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
