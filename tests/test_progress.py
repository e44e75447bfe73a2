"""Progress shows on a terminal and in a notebook when work takes long, goes when it ends, and is silent elsewhere."""

import io
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from lakekit import progress as progress_module
from lakekit.progress import Progress

ROOT = Path(__file__).parents[1]

WORK = """
import time
from lakekit import progress
progress.SHOW_AFTER_SECONDS = progress.REDRAW_SECONDS = 0.01
"""


class Terminal(io.StringIO):
    """A text that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def wanted(monkeypatch):
    """Tests do without bars, these do not."""
    monkeypatch.delenv("LAKEKIT_PROGRESS", raising=False)


def watch_terminal(monkeypatch):
    """What a person will see, with a clock that moves a second at each look."""
    seen, clock = Terminal(), itertools.count()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return seen


def test_steps_are_counted():
    with Progress("Working", 3) as progress:
        progress.advance()
        progress.advance(2)
    assert progress.done == 3


def test_a_terminal_shows_a_line_that_goes_at_the_end(monkeypatch):
    terminal = watch_terminal(monkeypatch)
    with Progress("Reading footers of t", 2000) as progress:
        progress.show(1)
        assert terminal.getvalue() == ""  # after one second nothing is shown yet
        progress.show(1500)
        assert terminal.getvalue() == "\r\033[KReading footers of t: 1,500 of 2,000"
    assert terminal.getvalue().endswith("\r\033[K")


def test_without_a_total_the_count_is_shown(monkeypatch):
    terminal = watch_terminal(monkeypatch)
    with Progress("Listing") as progress:
        progress.show(1)
        progress.show(2000)
    assert "Listing: 2,000\r" in terminal.getvalue()


def test_the_line_goes_when_the_work_is_interrupted(monkeypatch):
    terminal = watch_terminal(monkeypatch)
    with pytest.raises(KeyboardInterrupt), Progress("Working", 5) as progress:
        progress.show(1)
        progress.show(2)
        raise KeyboardInterrupt
    assert terminal.getvalue() == "\r\033[KWorking: 2 of 5\r\033[K"


def test_work_that_is_soon_done_shows_nothing(monkeypatch):
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    with Progress("Working", 100_000) as progress:
        for _ in range(100):
            progress.advance()
    assert seen.getvalue() == ""


def test_it_is_drawn_a_few_times_a_second_at_most(monkeypatch):
    seen, now = Terminal(), [0.0]
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with Progress("Working", 3000) as progress:
        for _ in range(3000):  # three seconds, the first of them in silence
            now[0] += 0.001
            progress.advance()
    assert 8 <= seen.getvalue().count("Working") <= 11


@pytest.mark.parametrize("word", ["off", "OFF"])
def test_whoever_wants_no_bars_gets_none(monkeypatch, word):
    terminal = watch_terminal(monkeypatch)
    monkeypatch.setenv("LAKEKIT_PROGRESS", word)
    with Progress("Working", 5) as progress:
        progress.show(4)
        progress.show(5)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("stderr", [io.StringIO(), None])
def test_what_is_no_terminal_is_left_alone(monkeypatch, stderr):
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress_module, "SHOW_AFTER_SECONDS", -1)
    monkeypatch.setattr(progress_module, "REDRAW_SECONDS", -1)
    with Progress("Working", 2) as progress:
        progress.advance()
    assert stderr is None or stderr.getvalue() == ""


@pytest.mark.skipif(os.name == "nt", reason="terminals are others there")
def test_a_real_terminal_shows_it():
    import pty

    code = WORK + (
        "with progress.Progress('Working', 2) as bar:\n"
        "    for _ in range(2):\n"
        "        time.sleep(0.02)\n"
        "        bar.advance()\n"
    )
    ours, theirs = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=theirs, check=True)
        os.set_blocking(ours, False)
        assert os.read(ours, 1000).decode() == "\r\033[KWorking: 1 of 2\r\033[KWorking: 2 of 2\r\033[K"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_notebook_shows_a_bar_that_goes_at_the_end():
    """In a real kernel, which tells what the bar said by the time that it went."""
    cell = WORK + (
        "import ipywidgets\n"
        "with progress.Progress('Reading footers of t', 2) as bar:\n"
        "    for _ in range(2):\n"
        "        time.sleep(0.02)\n"
        "        bar.advance()\n"
        "    shown = bar._bar\n"
        "print(type(shown).__name__, shown.description, shown.value, shown.max, shown.comm is not None)\n"
    )
    cell += "print(shown.comm)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = notebook.cells[0].outputs
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert printed.splitlines() == ["IntProgress Reading footers of t: 2 of 2 2 2 False", "None"]
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)
