"""A bar for work that takes more than a second: a widget with Cancel in a notebook, a line on a terminal, else nothing.

It must not slow the work: it draws a few times a second at most.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from types import TracebackType
from typing import Any

SHOW_AFTER_SECONDS = 1.0
REDRAW_SECONDS = 0.2
PROGRESS_VARIABLE = "LAKEKIT_PROGRESS"  # environment variable; "off" shows no bars


class Progress:
    """How far a piece of work has come. Use it with ``with``; the bar goes when the work ends or is interrupted.

    In a notebook its button Cancel does what the kernel's stop button does: the work ends with KeyboardInterrupt, its
    requests are cancelled, and what was fetched is kept. JupyterLab from 4.4 with ipykernel from 7 hands a click to a
    busy kernel; with older ones use the stop button.

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
        self._cancel: Any = None  # the button beside it

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
            button, self._cancel = self._cancel, None
            for widget in (self._box, button, self._bar):
                widget.close()

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
            self._cancel = ipywidgets.Button(description="Cancel", tooltip="stop this work, as the stop button does")
            self._cancel.on_click(self._interrupt)
            self._box = ipywidgets.HBox([self._bar, self._cancel])
            display(self._box)
        self._bar.description = text
        self._bar.max = max(self.total, self.done, 1)
        self._bar.value = self.done


    def _interrupt(self, button: Any) -> None:
        """Ctrl-C for the thread that works; a click that comes when the work is done does nothing."""
        if button is self._cancel:
            if os.name == "nt":
                _thread.interrupt_main()
            else:  # a signal also wakes a wait for an answer
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def _is_wanted() -> bool:
    return os.environ.get(PROGRESS_VARIABLE, "").lower() != "off"


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"
