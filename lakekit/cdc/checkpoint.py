"""Watermarks: how one is noted in a file, and how far behind it the next extraction begins.

It must not read or write files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from lakekit.errors import InvalidArgument

# a datetime is a date too: the first that fits counts
_KINDS: dict[str, Any] = {"datetime": datetime, "date": date, "int": int, "float": float, "str": str}
_KINDS |= {"Decimal": Decimal, "UUID": UUID}


def reach_back(checkpoint: Any, overlap: timedelta | int | None) -> Any:
    """Where to start; a time that the database keeps as text is written as it writes it, in whole seconds."""
    if not overlap:
        return checkpoint
    try:
        if not isinstance(checkpoint, str):
            return checkpoint - overlap  # type: ignore[operator]
        moment = datetime.fromisoformat(checkpoint) - overlap  # type: ignore[operator]
    except (TypeError, ValueError) as exc:
        what = f"overlap={overlap!r} cannot be taken from the last watermark, {checkpoint!r}."
        raise InvalidArgument(what, hint="give a timedelta for times, and a number for numbers.") from exc
    return moment.strftime(f"%Y-%m-%d{checkpoint[10]}%H:%M:%S" if len(checkpoint) > 10 else "%Y-%m-%d")


def encode_mark(value: Any) -> list[str] | None:
    """A watermark as texts of JSON: its kind, and its value.

    Raises:
        InvalidArgument: it is of a kind that no text is made of.
    """
    if value is None:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        return ["hex", bytes(value).hex()]
    kind = next((name for name, kind in _KINDS.items() if isinstance(value, kind)), None)
    if kind is None or isinstance(value, bool):
        what = f"The watermark {value!r} is a {type(value).__name__}, from which no later call could go on."
        raise InvalidArgument(what, hint="take a column of times, numbers, texts, bytes or UUIDs.")
    return [kind, value.isoformat() if isinstance(value, date) else str(value)]


def decode_mark(told: Sequence[str] | None) -> Any:
    """What `encode_mark` was given.

    Raises:
        InvalidArgument: it was noted in a way that is not known.

    Example:
        >>> decode_mark(encode_mark(Decimal("1.50"))), decode_mark(encode_mark(b"\\x00\\x07"))
        (Decimal('1.50'), b'\\x00\\x07')
    """
    if told is None:
        return None
    parse = {"hex": bytes.fromhex} | _KINDS | {"datetime": datetime.fromisoformat, "date": date.fromisoformat}
    if told[0] not in parse:
        what = f"The last file notes {told[1][:60]!r} as its watermark, of the kind {told[0]}, which is not known."
        raise InvalidArgument(what, hint="extract into another folder.")
    return parse[told[0]](told[1])
