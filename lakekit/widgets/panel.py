"""What all panels share: controls, an answer in words, a picture, the same as code; live in Jupyter, a PNG elsewhere.

It must not know what a panel is about, print, or fetch anything: answers are traits, and so testable without a browser.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Accordion, Image, VBox, Widget

from lakekit.display import escape_html
from lakekit.errors import InvalidArgument, LakekitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Every colour stands out from white paper and from a dark theme (#111111) by 3:1 at least, text by 4:1; see the tests.
INK = "#767676"
BLUE, ORANGE, GREEN, RED, PURPLE = "#1f77d0", "#d1690e", "#2a8f3c", "#dc3b3b", "#9467cd"
SERIES_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE)
PICTURE_DPI = 100


def make_figure(*, width_inches: float = 8.0, height_inches: float = 3.2) -> Figure:
    """An empty figure without a background, which shows on light and dark pages alike; no pyplot, no backend.

    Example:
        >>> axes = style_axes(make_figure().add_subplot(), title="Reads", x_label="hour", y_label="units a second")
        >>> axes.get_title(loc="left")
        'Reads'
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor="none")


def style_axes(axes: Axes, *, title: str = "", x_label: str = "", y_label: str = "") -> Axes:
    """The same axes, with title and labels, in colours that are readable on light and dark pages; call before drawing.

    Example:
        >>> style_axes(make_figure().add_subplot()).get_facecolor()
        (0.0, 0.0, 0.0, 0.0)
    """
    axes.set_facecolor("none")
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    axes.tick_params(colors=INK, which="both")
    axes.set_prop_cycle(color=SERIES_COLOURS)
    for side, spine in axes.spines.items():
        spine.set_color(INK)
        spine.set_visible(side in ("left", "bottom"))
    return axes


def add_legend(axes: Axes, **options: Any) -> None:
    """Draw the legend of the labelled lines, without a box, in the same readable ink."""
    axes.legend(frameon=False, labelcolor=INK, **options)


def render_png(figure: Figure) -> bytes:
    """The figure as PNG: the same bytes for the same figure, for nothing of the machine or the time is stored.

    Example:
        >>> render_png(make_figure())[:4]
        b'\\x89PNG'
    """
    figure.savefig(png := io.BytesIO(), format="png", dpi=PICTURE_DPI, metadata={"Software": None})
    return png.getvalue()


@dataclass(frozen=True)
class Answer:
    """What a panel shows for one state of its controls.

    Attributes:
        text: the answer in a sentence or two, also what readers without widgets see.
        figure: the picture.
        code: Python that computes the same without the panel.
        html: the answer as HTML, above the picture; empty shows the text.
        details: tables and the like as HTML, below the picture.
    """

    text: str
    figure: Figure
    code: str
    html: str = ""
    details: str = ""


class Panel(VBox):
    """Controls, the answer to them, a picture, and the code that says the same.

    A panel is a subclass with one method, ``answer``; it is called when a control changes. What it raises of
    lakekit's own errors is shown in place of the answer; everything else is a fault of the panel, and is raised.

    Args:
        controls: every control by the name that ``set`` and ``values`` know it by.
        arrangement: the widgets to show above the answer, when not simply the controls below each other.

    Attributes:
        result: an HTML widget with the answer.
        details: an HTML widget below the picture, with what there is to read beside the answer.
        picture: an Image widget; ``picture.value`` is PNG.
        text: the answer as plain text, or the message of an error.
        code: the code as text.
        failed: whether the last answer was an error.

    Example:
        >>> from ipywidgets import IntSlider
        >>> class Squares(Panel):
        ...     def answer(self):
        ...         n = self.values["n"]
        ...         return Answer(f"n squared is {n**2}", make_figure(), f"print({n}**2)")
        >>> panel = Squares({"n": IntSlider(value=3)})
        >>> panel.set(n=4)
        >>> panel.text, panel.code
        ('n squared is 16', 'print(4**2)')
        >>> panel
        Squares: n squared is 16
    """

    def __init__(self, controls: Mapping[str, Widget], *, arrangement: Sequence[Widget] = ()):
        self.controls = dict(controls)
        self.result, self.picture, self.details, self._code_view = HTML(), Image(format="png"), HTML(), HTML()
        self.text, self.code, self.failed = "", "", False
        code = Accordion(children=[self._code_view], titles=["as code"])
        super().__init__([*(arrangement or self.controls.values()), self.result, self.picture, self.details, code])
        self._is_held = False
        for control in self.controls.values():
            control.observe(self._on_change, "value")
        self.refresh()

    def answer(self) -> Answer:
        """What to show for the values of the controls as they are now."""
        raise NotImplementedError

    @property
    def values(self) -> dict[str, Any]:
        """The value of every control by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Move several controls, and answer once.

        Raises:
            InvalidArgument: the panel has no control of that name.
        """
        for name in values:
            if name not in self.controls:
                raise InvalidArgument(
                    f"{type(self).__name__} has no control {name!r}; it has {', '.join(self.controls)}.",
                    hint="panel.values shows every control with its value.",
                )
        with self.hold_answers():
            for name, value in values.items():
                self.controls[name].value = value

    @contextmanager
    def hold_answers(self) -> Iterator[None]:
        """While it lasts controls may move without an answer; one follows at the end."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self.refresh()

    def refresh(self) -> None:
        """Answer anew; called by itself when a control changes."""
        try:
            answer = self.answer()
        except LakekitError as error:
            self.text, self.failed = str(error), True
            self.result.value = f'<pre style="color:{RED};white-space:pre-wrap">{escape_html(self.text)}</pre>'
            return
        self.text, self.code, self.failed = answer.text, answer.code, False
        self.result.value = answer.html or f"<div>{escape_html(answer.text)}</div>"
        self.picture.value, self.details.value = render_png(answer.figure), answer.details
        # one click selects all of it
        self._code_view.value = f'<pre style="user-select:all;line-height:1.3">{escape_html(answer.code)}</pre>'

    def _on_change(self, change: Any) -> None:
        if not self._is_held:
            self.refresh()

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.text}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Live where widgets run, and for everyone else (GitHub, a cold notebook) the picture and the text."""
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = repr(self)
        if self.picture.value:
            bundle["image/png"] = base64.b64encode(self.picture.value).decode()  # bytes would be no valid notebook
        return bundle
