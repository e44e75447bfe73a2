"""What Debezium's values mean beyond JSON: which are no values at all, and what the numbers of times count.

It must not decide types: a number is made a time only where a column was declared as one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from lakekit.errors import TypeConflict
from lakekit.manifest.types import describe_type

# What a column has that PostgreSQL or Oracle did not log, since it was not changed: Debezium documentation, "Toasted
# values" and unavailable.value.placeholder, read 2026-11; by the column's type as text, bytes, a map or an array
_PLACEHOLDER = "__debezium_unavailable_value"
_BYTES = _PLACEHOLDER.encode()
_MAP = {_PLACEHOLDER: _PLACEHOLDER}
_TEXTS = {_PLACEHOLDER, base64.b64encode(_BYTES).decode(), _BYTES.hex(), json.dumps(_MAP)}
_TEXTS |= {json.dumps(_MAP, separators=(",", ":"))}
_UUID = "b68a35a7-17ad-35b3-af2a-ae46edb4545a"  # the same as a UUID: Debezium's change DBZ-6720
_ARRAYS = ([_PLACEHOLDER], [_UUID], list(_BYTES))

_DAY_NS = 86_400_000_000_000
# By the name of a type, how many nanoseconds one is: Debezium documentation, "Temporal types", read 2026-11
_TIMES_NS = {
    "io.debezium.time.Date": _DAY_NS, "org.apache.kafka.connect.data.Date": _DAY_NS,
    "io.debezium.time.Timestamp": 1_000_000, "org.apache.kafka.connect.data.Timestamp": 1_000_000,
    "io.debezium.time.MicroTimestamp": 1_000, "io.debezium.time.NanoTimestamp": 1,
}  # fmt: skip


def is_unavailable(value: Any) -> bool:
    """Whether a value stands for one that was not changed, and is not told.

    Example:
        >>> is_unavailable("__debezium_unavailable_value"), is_unavailable("a text")
        (True, False)
    """
    if isinstance(value, str):
        return value in _TEXTS
    return value in _ARRAYS if isinstance(value, list) else value == _MAP


def find_names(schema: Any, side: str | None) -> dict[str, str]:
    """By column, the name of its type, where an event has a schema that names it.

    Args:
        schema: of the event; None if it has none.
        side: the field that holds the row, such as "after"; None where the event is the row.
    """
    for name in (side,) if side else ():
        schema = next((one for one in _list_fields(schema) if one.get("field") == name), None)
    told = [(one.get("field"), one.get("name")) for one in _list_fields(schema)]
    return {field: name for field, name in told if isinstance(field, str) and isinstance(name, str)}


def _list_fields(schema: Any) -> list[Mapping[str, Any]]:
    fields = schema.get("fields") if isinstance(schema, Mapping) else None
    return [one for one in fields if isinstance(one, Mapping)] if isinstance(fields, list) else []


def read_times(
    row: Mapping[str, Any], names: Mapping[str, str], columns: Mapping[str, pa.DataType | None], place: str
) -> Mapping[str, Any]:
    """The row with times for numbers, in columns that were declared as times and whose type is named.

    Args:
        row: its values.
        names: by column, the name of its type.
        columns: the declared types.
        place: where it stands, for errors.

    Raises:
        TypeConflict: a number that is no such time.
    """
    if not names:
        return row
    made = dict(row)
    for column, name in names.items():
        value, kind = row.get(column), columns.get(column)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and kind is not None and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            made[column] = _read_time(value, name, kind)
            if made[column] is None:
                what = f"The column {column!r} is {describe_type(kind)}, and {value} in {place}, a {name}, is none."
                raise TypeConflict(what, hint=f'declare it as it comes: columns={{"{column}": "int64"}}.')
    return made


def _read_time(value: int, name: str, kind: pa.DataType) -> Any:
    """A date, or a time without a zone; None if it is none, or of nanoseconds that would be lost."""
    unit = _TIMES_NS.get(name)
    if unit is None or (value * unit) % 1_000 or (pa.types.is_date(kind) and unit != _DAY_NS):
        return None
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=value * unit // 1_000)  # noqa: DTZ001
    except OverflowError:
        return None
    return moment.date() if pa.types.is_date(kind) else moment
