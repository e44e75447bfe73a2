"""Whether a double holds a number as it is written.

It must not convert anything: others choose what becomes of a number that is not held.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any


def is_held(text: str, make: Callable[[str], Any] = float) -> bool:
    """Whether the double that is nearest to a number comes back as the number was written, to its last digit.

    So it does for up to 15 digits, and for more where the text was made of a double, as Python's or C's are.

    Args:
        text: a number that is not whole, in decimal digits; exponents may stand behind it.
        make: what makes the number of the text; numpy's float32 where that is to hold it, and then whole ones too.

    Example:
        >>> is_held("0.1"), is_held("0.30000000000000004"), is_held("0.10000000000000001")
        (True, True, True)
        >>> is_held("123456789012345.678901"), is_held("1e-400"), is_held("1e400")
        (False, False, False)
    """
    value = make(text)
    if str(value) == text:
        return True
    if math.isinf(value):
        return False
    if not value:
        return not any(digit in text.lower().partition("e")[0] for digit in "123456789")
    written = Decimal(text)
    digits = len(written.as_tuple().digits)
    return written in (Decimal(str(value)), Decimal(f"{value:.{digits - 1}e}"))
