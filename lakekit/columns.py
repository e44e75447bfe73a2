"""Names of columns as Polars takes them: "*" and "^…$" are patterns there, and may be names in a file.

It must not know tables.
"""

from __future__ import annotations

import re


def exact_name(name: str) -> str:
    """What Polars takes for the column of just this name; it has no such words for fields of structs.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"*": [1], "^k.$": [2], "kx": [3]})
        >>> frame.select(exact_name("^k.$"), exact_name("kx")).columns
        ['^k.$', 'kx']
    """
    is_pattern = name == "*" or (name.startswith("^") and name.endswith("$"))
    return f"^{re.escape(name)}$" if is_pattern else name
