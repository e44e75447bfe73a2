"""Refusing arguments that can mean nothing, in the words of the one who gave them.

It must not convert anything, nor show what may be a secret: what passes is used as it was given.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from lakekit.errors import InvalidArgument

_MOST_SHOWN = 60  # letters of a value in an error


def require_kind(name: str, value: Any, kinds: type | tuple[type, ...], *, what: str, hint: str) -> None:
    """Nothing, for a value of one of these kinds; True and False are no numbers.

    Args:
        name: of the argument.
        value: what was given.
        kinds: what it may be.
        what: the same in words, such as "a time".
        hint: how it is written.

    Raises:
        InvalidArgument: it is something else.

    Example:
        >>> require_kind("overlap", 5, int, what="a number", hint="overlap=60, for example.")
    """
    if isinstance(value, kinds) and (not isinstance(value, bool) or kinds is bool):
        return
    raise InvalidArgument(f"{name}={show_value(value)} is not {what}, but of type {type(value).__name__}.", hint=hint)


def require_whole(name: str, value: Any, *, at_least: int, most: int | None = None, hint: str) -> None:
    """Nothing, for a whole number within its bounds.

    Raises:
        InvalidArgument: it is none, or outside.

    Example:
        >>> require_whole("file_rows", 0, at_least=1, hint="file_rows=100_000 is usual.")
        Traceback (most recent call last):
            ...
        lakekit.errors.InvalidArgument: file_rows=0 was given; it must be at least 1.
        Hint: file_rows=100_000 is usual.
    """
    require_kind(name, value, int, what="a whole number", hint=hint)
    if value >= at_least and (most is None or value <= most):
        return
    bounds = f"at least {at_least:,}" + ("" if most is None else f" and at most {most:,}")
    raise InvalidArgument(f"{name}={value:,} was given; it must be {bounds}.", hint=hint)


def require_number(
    name: str, value: Any, *, above: float | None = None, at_least: float | None = 0, most: float = math.inf
) -> None:
    """Nothing, for a finite number within its bounds.

    Raises:
        InvalidArgument: it is no number, not finite, or outside.

    Example:
        >>> require_number("shards", 4, at_least=1)
        >>> require_number("utilisation", 1.2, above=0, most=1)
        Traceback (most recent call last):
            ...
        lakekit.errors.InvalidArgument: utilisation=1.2 was given; it must be above 0 and at most 1.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    low = above if above is not None else at_least
    too_low = is_number and low is not None and (value <= low if above is not None else value < low)
    if is_number and not too_low and value <= most:
        return
    bounds = [f"above {above:,}"] if above is not None else [f"at least {at_least:,}"] if at_least is not None else []
    bounds += [f"at most {most:,}"] if most < math.inf else []
    raise InvalidArgument(f"{name}={value!r} was given; it must be {' and '.join(bounds) or 'a number'}.")


def require_text(name: str, value: Any, *, hint: str) -> None:
    """Nothing, for a text that is not empty.

    Raises:
        InvalidArgument: it is none, or empty.
    """
    require_kind(name, value, str, what="a text", hint=hint)
    if not value.strip():
        raise InvalidArgument(f"{name}={value!r} is empty.", hint=hint)


def require_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Nothing, for one of the choices.

    Raises:
        InvalidArgument: it is none of them.

    Example:
        >>> require_choice("on_bad", "keep", ["raise", "keep"])
    """
    if not (isinstance(value, str) and value in choices):
        hint = f"it is one of {', '.join(map(repr, choices))}."
        raise InvalidArgument(f"{name}={show_value(value)} is not a choice.", hint=hint)


def require_moment(name: str, value: Any) -> None:
    """Nothing, for a time with its zone.

    Raises:
        InvalidArgument: it is something else, or has no zone.
    """
    hint = f"give {name}=datetime.now(UTC), or {name}=datetime(2026, 1, 31, tzinfo=UTC)."
    require_kind(name, value, datetime, what="a datetime", hint=hint)
    if value.tzinfo is None:
        raise InvalidArgument(f"{name}={value!r} has no time zone.", hint=hint)


def take_names(name: str, value: Any, *, hint: str) -> tuple[str, ...]:
    """The columns that are meant: one as a text, or several.

    Raises:
        InvalidArgument: they are no texts, or one is empty or named twice.

    Example:
        >>> take_names("sort_by", "n", hint=""), take_names("sort_by", ["n", "k"], hint="")
        (('n',), ('n', 'k'))
    """
    names = (value,) if isinstance(value, str) else value
    is_list = isinstance(names, Sequence) and not isinstance(names, bytes)  # a set has no order
    if not is_list or not all(isinstance(one, str) and one for one in names):
        raise InvalidArgument(f"{name}={show_value(value)} names no columns.", hint=hint)
    if len(set(names)) < len(names):
        raise InvalidArgument(f"{name}={show_value(value)} names a column twice.", hint=hint)
    return tuple(names)


def show_value(value: Any) -> str:
    """A value as an error shows it: not longer than a line, and without what looks like a secret.

    Example:
        >>> len(show_value("x" * 1_000))
        60
        >>> show_value("postgresql://ann:pass@host/shop")
        "'postgresql://***@host/shop'"
    """
    from lakekit.storage.secret import scrub_secrets

    text = scrub_secrets(repr(value)).replace("\n", " ")
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
