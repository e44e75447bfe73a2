"""Tables are shown as HTML that a notebook may trust, and as text that lines up."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import lakekit
from lakekit.display import MAX_ROWS, escape_html, format_html_table, format_text_table


class Tags(HTMLParser):
    """The tags of a text, open ones last in the stack, and all text between them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def find_alignments(tags, wanted):
    """Where the text of each cell stands."""
    return [re.match("text-align:([a-z]+);", attrs["style"])[1] for tag, attrs in tags.seen if tag == wanted]


def test_a_table_has_a_title_a_head_rows_and_a_note():
    tags = Tags(format_html_table("Lake", ["name", "files"], [("a", 1200), ("b", None)], note="partial"))
    assert tags.open == []
    assert tags.texts == ["Lake", "name", "files", "a", "1,200", "b", "partial"]
    assert [tag for tag, _ in tags.seen].count("tr") == 3


def test_tables_have_the_class_that_jupyterlab_has_colours_for():
    assert ("table", {"class": "dataframe"}) in Tags(format_html_table("t", ["a"], [(1,)])).seen


def test_numbers_stand_to_the_right_and_all_else_to_the_left():
    tags = Tags(format_html_table("t", ["a"], [(1,), (1.5,), ("1",), (True,), (None,)]))
    assert find_alignments(tags, "td") == ["right"] * 2 + ["left"] * 3


def test_the_name_of_a_column_stands_where_what_is_below_it_does():
    rows = [(1, "a", None, 1), (1.5, "b", 2, "1")]
    assert find_alignments(Tags(format_html_table("t", list("abcd"), rows)), "th") == ["right", "left", "right", "left"]
    assert find_alignments(Tags(format_html_table("t", ["a"], [])), "th") == ["left"]


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", '"><img src=x>', "a & b", "</td>"])
def test_nothing_that_is_shown_is_taken_for_html(evil):
    tags = Tags(format_html_table(evil, [evil], [(evil,)], note=evil))
    assert tags.open == []
    assert {tag for tag, _ in tags.seen} == {"div", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.texts == [evil] * 4


def test_no_text_between_two_tags_holds_what_jupyterlab_takes_for_maths():
    amounts = r"$1 and $2, \(3\), \[4\] and $$5$$"
    texts = Tags(escape_html(amounts)).texts
    assert "".join(texts) == amounts
    assert {text for text in texts if "$" in text or "\\" in text} == {"$", "\\"}
    assert Tags(format_html_table(amounts, [amounts], [(amounts,)], note=amounts)).texts == texts * 4


def test_all_of_lakekit_escapes_html_in_this_one_way():
    own = [
        path.name
        for path in Path(lakekit.__file__).parent.rglob("*.py")
        if "from html import" in path.read_text("utf-8")
    ]
    assert own == ["display.py"]


def test_long_tables_say_how_much_they_hide():
    text = format_html_table("t", ["n"], ((number,) for number in range(MAX_ROWS + 1234)))
    assert text.count("<tr>") == MAX_ROWS + 1
    assert "… and 1,234 more rows" in text
    assert "more rows" not in format_html_table("t", ["n"], [(1,)] * MAX_ROWS)


def test_a_table_without_columns_is_a_title():
    assert format_html_table("nothing", [], []) == "<div><b>nothing</b></div>"


def test_nothing_is_fetched_to_show_a_table():
    assert "http" not in format_html_table("t", ["a"], [(1,)], note="n")


def test_text_lines_up():
    rows = [("flights", 31, 1.5, None), ("air", 1200, None, "x")]
    assert format_text_table(["name", "files", "size", "drift"], rows).splitlines() == [
        "name     files  size  drift",
        "flights     31   1.5",
        "air      1,200        x",
    ]


def test_text_of_no_rows_is_its_head():
    assert format_text_table(["a", "long name"], []) == "a  long name"


def test_rows_may_come_from_anywhere():
    assert format_text_table(["n"], ((number,) for number in (1, 20))).splitlines() == [" n", " 1", "20"]


def test_a_column_with_a_word_in_it_stands_to_the_left():
    assert format_text_table(["n"], [(1,), ("all",)]).splitlines() == ["n", "1", "all"]
