"""Refusing arguments of an extraction that are of the wrong kind, before the database is asked for anything.

It must not know the source: whether it has these columns is another matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lakekit.arguments import require_kind, require_text, require_whole, show_value, take_names
from lakekit.errors import InvalidArgument


def check_given(key: Any, columns: Mapping[str, Any], overlap: Any, file_rows: Any) -> tuple[str, ...]:
    """The columns of the key, where all arguments are of their kinds.

    Args:
        key, overlap, file_rows: as :func:`lakekit.cdc.extract` has them.
        columns: by argument, the column that it names, or None.

    Raises:
        InvalidArgument: one is not.

    Example:
        >>> check_given("id", {"watermark": "changed"}, None, 1000)
        ('id',)
    """
    keys = take_names("key", key, hint='name what tells rows apart: key="id", or key=["region", "id"].')
    for name, value in columns.items():
        if value is not None:
            require_text(name, value, hint=f'name a column of the source: {name}="updated_at".')
    require_whole("file_rows", file_rows, at_least=1, hint="file_rows=100_000 is usual.")
    if overlap is not None:
        hint = "give overlap=timedelta(minutes=5) for times, and a number for numbers."
        require_kind("overlap", overlap, (timedelta, int, float), what="a timedelta or a number", hint=hint)
        if overlap < type(overlap)(0):
            raise InvalidArgument(f"overlap={show_value(overlap)} would reach forward, and miss rows.", hint=hint)
    return keys
