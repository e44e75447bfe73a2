"""Whether receipts are shown under results in notebooks.

It must not show anything itself.
"""

from __future__ import annotations

_is_shown = False


def show_receipts(on: bool = True) -> None:
    """From now on show, or do not show, the receipt of a query under its result in JupyterLab.

    Results are those of ``lake.sql`` and ``%%sql``, when a cell shows them.

    Example:
        >>> show_receipts()
        >>> show_receipts(False)
    """
    global _is_shown
    _is_shown = bool(on)


def are_shown() -> bool:
    """Whether receipts are shown."""
    return _is_shown
