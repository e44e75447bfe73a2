"""Refusing numbers that can mean nothing, in the words of the one who gave them.

It must not convert anything: what passes is used as it was given.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from lakekit.errors import InvalidArgument


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


def require_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """Nothing, for one of the choices.

    Raises:
        InvalidArgument: it is none of them.

    Example:
        >>> require_choice("mode", "basic", ["basic", "enhanced"])
    """
    if value not in choices:
        raise InvalidArgument(f"{name}={value!r} was given.", hint=f"one of {', '.join(map(repr, choices))}")
