"""Tables as HTML for notebooks: compact, themed by JupyterLab, nothing fetched, everything escaped.

It must not know what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MAX_ROWS = 40  # rows of a table that are shown; how many are hidden is said


def escape_html(text: str) -> str:
    r"""A text as HTML that shows it as it is.

    Dollars and backslashes stand in elements of their own: JupyterLab takes what is between two dollars of one text,
    or between ``\(`` and ``\)``, for maths, but looks for it no farther than to the end of an element.

    Example:
        >>> escape_html("$1 < $2")
        '<span>$</span>1 &lt; <span>$</span>2'
    """
    return re.sub(r"[$\\]", r"<span>\g<0></span>", escape(text))


def format_html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, note: str = "") -> str:
    """An HTML fragment: a title, a table of text cells, a note below.

    Numbers are aligned to the right, as is the name of a column of numbers; the class "dataframe" lets JupyterLab
    colour light and dark themes.

    Example:
        >>> format_html_table("no rows", [], [], note="1 < 2")
        '<div><b>no rows</b><div>1 &lt; 2</div></div>'
    """
    rows = list(rows)
    parts = [f"<div><b>{escape_html(title)}</b>"]
    if columns:
        shown = rows[:MAX_ROWS]
        head = "".join(_format_cell("th", *name) for name in zip(columns, _find_numbers(columns, shown), strict=True))
        cells = ("".join(_format_cell("td", value, _is_number(value)) for value in row) for row in shown)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        parts.append(f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')
    if len(rows) > MAX_ROWS:
        parts.append(f"<div>… and {len(rows) - MAX_ROWS:,} more rows</div>")
    if note:
        parts.append(f"<div>{escape_html(note)}</div>")
    return "".join(parts) + "</div>"


def format_text_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same table as plain text, columns aligned by spaces.

    Example:
        >>> print(format_text_table(["name", "files"], [("a", 12), ("bcd", 3)]))
        name  files
        a        12
        bcd       3
    """
    rows = list(rows)
    lines = [list(columns), *([_format_value(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    align = [str.rjust if is_number else str.ljust for is_number in _find_numbers(columns, rows)]
    aligned = [[put(*cell) for put, *cell in zip(align, line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _find_numbers(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Whether each column holds numbers alone, or nothing."""
    return [
        bool(rows) and all(_is_number(row[index]) or row[index] is None for row in rows)
        for index in range(len(columns))
    ]


def hide_controls(text: str, put: Callable[[str], str] = lambda letter: "\ufffd") -> str:
    """A text without what would tell a terminal to do something, as the name of a file may; lines and tabs stay.

    Args:
        text: which is shown.
        put: what stands for such a letter; U+FFFD if not given.

    Example:
        >>> hide_controls("a\\x1b[2Jb\\n").encode("ascii", "backslashreplace")
        b'a\\\\ufffd[2Jb\\n'
    """
    return _CONTROLS.sub(lambda found: put(found[0]), text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if _is_number(value) else str(value)


def _format_cell(tag: str, value: Any, is_number: bool) -> str:
    style = f"text-align:{'right' if is_number else 'left'};padding-inline:.5em"  # panels have no padding of their own
    return f'<{tag} style="{style}">{escape_html(_format_value(value))}</{tag}>'
