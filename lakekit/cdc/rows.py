"""Rows of a database as an extraction compares them: the same as what is stored of a key, or marked as deleted.

It must not know what is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

_NOT_MARKED = (None, False, 0, "", "0", "f", "false", "n", "no")


def hash_row(row: Mapping[str, Any]) -> bytes:
    """A hash of the values that are not NULL, so that a column more or less changes nothing."""
    told = repr(sorted((name, value) for name, value in row.items() if value is not None))
    return hashlib.blake2b(told.encode(), digest_size=16).digest()


def is_marked(value: Any) -> bool:
    """Whether a value is true, not 0, or set; bytes of zeros, as a BIT of MySQL has them, are 0.

    Example:
        >>> is_marked(b"\\x01"), is_marked(b"\\x00"), is_marked("No"), is_marked(None)
        (True, False, False, False)
    """
    text = value.decode("latin-1").strip("\0") if isinstance(value, bytes) else value
    return (text.strip().lower() if isinstance(text, str) else text) not in _NOT_MARKED
