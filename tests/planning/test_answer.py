"""Numbers read well at every size, and what an answer shows is escaped."""

import pytest

from lakekit.arguments import require_choice, require_number
from lakekit.errors import InvalidArgument
from lakekit.planning.answer import Answer, format_figure, format_seconds, format_share, format_usd


class Plain(Answer):
    reasons = ("1 < 2",)

    def title(self):
        return "<title>"

    def facts(self):
        return [("label", "a & b")]


def test_text_and_html_say_the_same():
    assert repr(Plain()) == "<title>\n  label: a & b\n  why: 1 < 2"
    html = Plain()._repr_html_()
    assert all(text in html for text in ("&lt;title&gt;", "a &amp; b", "<li>1 &lt; 2</li>"))


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "0.00 USD"),
        (0.146484, "0.15 USD"),
        (0.0123, "0.012 USD"),
        (0.00002, "0.000020 USD"),
        (1e-12, "0.0000000000 USD"),
        (1234.5, "1,234.50 USD"),
        (-0.5, "-0.50 USD"),
    ],
)
def test_money_shows_two_digits_that_count(usd, text):
    assert format_usd(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.07, "70 ms"), (1, "1 s"), (179, "179 s"), (300, "5 minutes"), (7200, "2 hours"), (10 * 86_400, "10 days")],
)
def test_times_are_said_in_the_unit_people_use(seconds, text):
    assert format_seconds(seconds) == text


def test_figures_keep_three_digits():
    assert [format_figure(value) for value in (0, 4.88281, 10, 999.4, 26_280)] == ["0", "4.88", "10", "999", "26,280"]
    assert format_share(1) == "100 %"


def test_the_bounds_of_a_number_are_told():
    with pytest.raises(InvalidArgument, match="x=5 was given; it must be at least 6."):
        require_number("x", 5, at_least=6)
    with pytest.raises(InvalidArgument, match="x=None was given"):
        require_number("x", None)
    with pytest.raises(InvalidArgument, match="x='c' is not a choice.\nHint: it is one of 'a', 'b'."):
        require_choice("x", "c", ["a", "b"])
