"""A bar for work that takes more than a second: a widget in a notebook, a line on a terminal, else nothing.

It must not slow the work: it draws a few times a second at most.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

SHOW_AFTER_SECONDS = 1.0
REDRAW_SECONDS = 0.2
PROGRESS_VARIABLE = "LAKEKIT_PROGRESS"  # environment variable; "off" shows no bars


class Progress:
    """How far a piece of work has come. Use it with ``with``; the bar goes when the work ends or is interrupted.

    To cancel, interrupt: the stop button of the notebook or the keys I I, Ctrl-C on a terminal. Requests under way are
    cancelled, what was fetched is kept, and all is usable afterwards. The bar has no button of its own, for a busy
    kernel hears of a click only when it is done.

    Args:
        label: what is being done, such as "Reading footers of flights".
        total: how many steps there are, 0 while that is not known.

    Example:
        >>> with Progress("Reading footers", 2) as progress:
        ...     progress.advance()
        ...     progress.advance()
    """

    def __init__(self, label: str, total: int = 0):
        self.label = label
        self.total = total
        self.done = 0
        self._started = self._drawn = time.monotonic()
        self._bar: Any = None  # an IntProgress, "line" on a terminal, or None while nothing is shown
        self._box: Any = None  # the bar with what stands beside it

    def __enter__(self) -> Progress:
        return self

    def advance(self, steps: int = 1) -> None:
        """Count steps as done."""
        self.show(self.done + steps)

    def show(self, done: int) -> None:
        """Set how many steps are done."""
        self.done = done
        now = time.monotonic()
        if now - self._started > SHOW_AFTER_SECONDS and now - self._drawn > REDRAW_SECONDS and _is_wanted():
            self._drawn = now
            self._draw()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar == "line":
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        elif self._bar is not None:
            self._box.close()
            self._bar.close()

    def _draw(self) -> None:
        text = f"{self.label}: {self.done:,}" + (f" of {self.total:,}" if self.total else "")
        if _in_notebook():
            self._draw_widget(text)
        elif sys.stderr is not None and sys.stderr.isatty():
            self._bar = "line"
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    def _draw_widget(self, text: str) -> None:
        if self._bar is None:
            import ipywidgets
            from IPython.display import display

            self._bar = ipywidgets.IntProgress(layout={"width": "60%"}, style={"description_width": "initial"})
            self._box = ipywidgets.HBox([self._bar, ipywidgets.HTML("■ above, or the keys I I, cancels")])
            display(self._box)
        self._bar.description = text
        self._bar.max = max(self.total, self.done, 1)
        self._bar.value = self.done


def _is_wanted() -> bool:
    return os.environ.get(PROGRESS_VARIABLE, "").lower() != "off"


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"
