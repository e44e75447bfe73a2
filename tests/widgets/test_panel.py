"""Panels answer when a control moves, show lakekit's errors, and have a second face for readers without widgets."""

import base64

import nbformat
import pytest
from ipywidgets import IntSlider, Text

import lakekit.widgets.panel as module
from lakekit.errors import InvalidArgument
from lakekit.widgets.panel import INK, SERIES_COLOURS, Answer, Panel, add_legend, make_figure, render_png, style_axes

PNG = b"\x89PNG\r\n\x1a\n"


class Squares(Panel):
    """Squares a number; refuses 7."""

    def __init__(self):
        self.calls = 0
        super().__init__({"n": IntSlider(value=3, max=100), "unit": Text(value="<m>")})

    def answer(self):
        self.calls += 1
        n, unit = self.values["n"], self.values["unit"]
        if n == 7:
            raise InvalidArgument("7 is not squared here.", hint="take 8 & more.")
        if n == 13:
            raise ZeroDivisionError
        figure = make_figure(height_inches=1)
        style_axes(figure.add_subplot(), title=str(n)).plot([0, n], label="n")
        return Answer(f"{n**2} {unit}", figure, f"{n} ** 2  # {unit}")


def contrast(one: str, other: str) -> float:
    """How far two colours stand out from each other, 1 to 21, by WCAG 2.2."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_it_answers_at_once_and_when_a_control_moves():
    panel = Squares()
    assert panel.text == "9 <m>"
    panel.controls["n"].value = 5
    assert (panel.text, panel.code, panel.values) == ("25 <m>", "5 ** 2  # <m>", {"n": 5, "unit": "<m>"})


def test_set_moves_several_controls_and_answers_once():
    panel = Squares()
    before = panel.calls
    panel.set(n=10, unit="cm")
    assert panel.text == "100 cm"
    assert panel.calls == before + 1


def test_an_unknown_control_is_named_and_nothing_moves():
    panel = Squares()
    with pytest.raises(InvalidArgument, match=r"no control 'm'; it has n, unit"):
        panel.set(n=9, m=1)
    assert panel.text == "9 <m>"


def test_an_error_of_lakekit_is_shown_and_goes_away():
    panel = Squares()
    picture = panel.picture.value
    panel.set(n=7)
    assert panel.failed
    assert panel.text == "7 is not squared here.\nHint: take 8 & more."
    assert "take 8 &amp; more" in panel.result.value
    assert panel.picture.value == picture  # the last good one stays
    panel.set(n=8)
    assert not panel.failed
    assert panel.text == "64 <m>"


def test_any_other_error_is_a_fault_of_the_panel_and_is_raised():
    panel = Squares()
    with pytest.raises(ZeroDivisionError):
        panel.set(n=13)


def test_after_a_fault_the_panel_still_answers():
    panel = Squares()
    with pytest.raises(ZeroDivisionError):
        panel.set(n=13)
    panel.controls["n"].value = 2
    assert panel.text == "4 <m>"


def test_what_is_shown_is_escaped():
    panel = Squares()
    shown = panel.result.value + panel._code_view.value
    assert "<m>" not in shown
    assert shown.count("&lt;m&gt;") == 2


def test_the_second_face_is_a_png_and_a_line_and_a_valid_notebook():
    panel = Squares()
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == "Squares: 9 <m>"
    assert base64.b64decode(bundle["image/png"]) == panel.picture.value
    assert bytes(panel.picture.value).startswith(PNG)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    output = nbformat.v4.new_output("display_data", bundle)
    cells = [nbformat.v4.new_code_cell(outputs=[output])]
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_it_prints_nothing(capfd):
    Squares().set(n=4)
    assert capfd.readouterr() == ("", "")


def test_the_same_figure_is_the_same_bytes():
    pictures = []
    for _ in range(2):
        axes = style_axes(make_figure().add_subplot(), title="a", x_label="b", y_label="c")
        axes.plot([1, 2], label="line")
        add_legend(axes)
        pictures.append(render_png(axes.figure))
    assert pictures[0] == pictures[1]
    assert b"Software" not in pictures[0]


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
@pytest.mark.parametrize("colour", [*SERIES_COLOURS, module.RED])
def test_colours_stand_out_on_light_and_dark_pages(colour, page):
    assert contrast(colour, page) >= 3  # WCAG 2.2, 1.4.11, for what is drawn


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_the_ink_of_labels_stands_out_on_light_and_dark_pages(page):
    # one colour for both pages can reach 4.34 on each at most: white to #111111 is 18.9, and its root is 4.34
    assert contrast(INK, page) >= 4


def test_contrast_is_measured_right():
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54  # the well-known lightest grey of level AA
