"""Every panel works in JupyterLab in Chromium, by keyboard, in light and dark, and asks nobody else for anything."""

import os
from pathlib import Path

import pytest

from lakekit import widgets
from tests.browser.panels import PANELS

PICTURES = os.environ.get("LAKEKIT_PICTURES")  # a folder to keep the screenshots in, as `make pictures` does
MOST_BYTES = 150_000
HEIGHT = 640  # of a screenshot, in pixels; what is below is cut off
THEMES = ("light", "dark")


def find_panel(lab, number):
    return lab.page.locator(".jp-CodeCell").nth(number).locator(".widget-vbox").first


def read_shown(panel):
    """The text and the picture."""
    image = panel.locator("img.widget-image")
    return panel.locator(".widget-html-content").first.inner_text(), image.get_attribute("src")


def wait_for_change(lab, panel, before):
    """What the panel shows once its text and its picture are other ones."""
    for _ in range(300):
        now = read_shown(panel)
        if now[0] != before[0] and now[1] != before[1]:
            return now
        lab.page.wait_for_timeout(100)
    pytest.fail(f"in 30 seconds text or picture did not change: {now[0]}")


def take_picture(panel, path):
    """A screenshot of the panel's upper part, inside the notebook."""
    page, box = panel.page, panel.bounding_box()
    panel.evaluate("node => node.scrollIntoView({block: 'start'})")
    box = panel.bounding_box()
    height = min(box["height"], HEIGHT, page.viewport_size["height"] - box["y"])
    page.screenshot(path=path, clip={**box, "width": min(box["width"], 1000), "height": height})


def test_every_panel_is_looked_at():
    assert sorted(panel.name for panel in PANELS) == sorted(widgets.__all__)


def test_the_notebook_runs(lab):
    assert lab.errors == []


@pytest.mark.parametrize("shown", PANELS, ids=lambda shown: shown.name)
@pytest.mark.parametrize("theme", THEMES)
def test_a_slider_moved_by_keyboard_changes_text_and_picture(lab, shown, theme, tmp_path):
    lab.use_theme(theme)
    panel = find_panel(lab, PANELS.index(shown))
    before = read_shown(panel)
    label = panel.locator(".widget-slider", has=lab.page.get_by_text(shown.slider, exact=True))
    label.locator(".noUi-handle").focus()
    lab.page.keyboard.press(shown.keys[THEMES.index(theme)])
    wait_for_change(lab, panel, before)
    assert panel.locator("img.widget-image").evaluate("image => image.complete && image.naturalWidth > 500")
    path = Path(PICTURES or tmp_path) / f"{shown.name}-{theme}.png"
    take_picture(panel, path)
    assert 5_000 < path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable_on_the_page(lab, theme):
    lab.use_theme(theme)
    text = find_panel(lab, 0).locator(".widget-html-content").first
    colour = text.evaluate("node => getComputedStyle(node).color.match(/[\\d.]+/g).slice(0, 3).map(Number)")
    assert (max(colour) < 100) == (theme == "light")  # dark letters on a light page, light ones on a dark page


SLOW = """
import os, time
os.environ["LAKEKIT_PROGRESS"] = "on"
from lakekit.progress import Progress
with Progress("Counting to 600", 600) as progress:
    for _ in range(600):
        time.sleep(0.1)
        progress.advance()
"""
RUN_BELOW = """code => {
    const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
    notebook.activeCellIndex = notebook.widgets.length - 1;
    return app.commands.execute('notebook:insert-cell-below').then(() => {
        notebook.activeCell.model.sharedModel.setSource(code);
        app.commands.execute('notebook:run-cell');
    });
}"""

NOTHING_RUNS = "() => ![...document.querySelectorAll('.jp-InputPrompt')].some(one => one.textContent.includes('*'))"


def test_the_stop_button_ends_work_that_shows_a_bar_and_leaves_the_kernel_usable(lab):
    lab.page.evaluate(RUN_BELOW, SLOW)
    bar = lab.page.get_by_text("■ above, or the keys I I, cancels")
    bar.wait_for()
    lab.page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    last = lab.page.locator(".jp-CodeCell").last
    last.get_by_text("KeyboardInterrupt").first.wait_for(timeout=15_000)  # on its own it would take a minute
    bar.wait_for(state="detached")
    lab.page.wait_for_function(NOTHING_RUNS)
    lab.page.wait_for_timeout(500)  # a kernel drops what it is sent while it still deals with an interrupt
    lab.page.evaluate(RUN_BELOW, "print('done', progress.done < 600)")
    last.get_by_text("done True", exact=True).wait_for()


AMOUNTS = """
from IPython.display import HTML, display
from lakekit.display import format_html_table
html = format_html_table("$1 and $2", ["$3 and $4"], [(r"$5 and \\(6\\), $7",)], note="$8 and $9")
display(HTML(html), HTML("maths: $x$"))
"""


def test_amounts_in_dollars_are_shown_as_written_and_not_as_maths(lab):
    lab.page.evaluate(RUN_BELOW, AMOUNTS)
    shown = lab.page.locator(".jp-CodeCell").last.locator(".jp-RenderedHTML")
    shown.last.locator("mjx-container").wait_for()  # maths is typeset by now, where there is any
    lines = ["$1 and $2", "$3 and $4", r"$5 and \(6\), $7", "$8 and $9"]
    assert shown.first.inner_text().split("\n") == lines
    assert lab.page.locator("mjx-container").count() == 1


def test_nothing_leaves_the_machine(lab):
    assert lab.offsite == []


def test_the_console_has_no_error(lab):
    assert lab.complaints == []
