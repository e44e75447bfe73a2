"""Watermarks: how one is noted in a file, and how far behind it the next extraction begins.

It must not read or write files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lakekit.errors import InvalidArgument


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
    """A watermark as texts of JSON: its kind, and its value."""
    if value is None:
        return None
    return [type(value).__name__, value.isoformat() if isinstance(value, date) else str(value)]


def decode_mark(told: Sequence[str] | None) -> Any:
    """What `encode_mark` was given.

    Example:
        >>> decode_mark(encode_mark(Decimal("1.50")))
        Decimal('1.50')
    """
    kinds = {"int": int, "float": float, "str": str, "Decimal": Decimal}
    kinds |= {"datetime": datetime.fromisoformat, "date": date.fromisoformat}  # type: ignore[dict-item]
    return None if told is None else kinds[told[0]](told[1])
