"""What can mean nothing is refused with the argument's name, the value, what is allowed, and a hint."""

from datetime import UTC, datetime

import pytest

from lakekit import arguments
from lakekit.errors import InvalidArgument


@pytest.mark.parametrize("value", [0, -1, 11, 2.0, "5", None, True, b"5"])
def test_a_whole_number_is_one_and_within_its_bounds(value):
    with pytest.raises(InvalidArgument, match=r"n=.*\nHint: write n=5") as told:
        arguments.require_whole("n", value, at_least=1, most=10, hint="write n=5")
    assert "of type" in str(told.value) or "it must be at least 1 and at most 10" in str(told.value)
    arguments.require_whole("n", 10, at_least=1, most=10, hint="")


@pytest.mark.parametrize("value", ["", " ", 5, None, b"x", ["x"]])
def test_a_text_is_one_and_not_empty(value):
    with pytest.raises(InvalidArgument, match="topic="):
        arguments.require_text("topic", value, hint="")


@pytest.mark.parametrize("value", [5, None, "", b"a", {"a": 1}, {"a"}, [""], [5], ["a", "a"], (one for one in "ab")])
def test_columns_are_named_by_texts_in_an_order(value):
    with pytest.raises(InvalidArgument, match="sort_by="):
        arguments.take_names("sort_by", value, hint="")
    assert arguments.take_names("sort_by", (), hint="") == ()


@pytest.mark.parametrize("value", ["2026-01-01", 5, None, datetime(2026, 1, 1)])  # noqa: DTZ001
def test_a_moment_has_a_zone(value):
    with pytest.raises(InvalidArgument, match=r"as_of=.*\nHint: .*tzinfo=UTC"):
        arguments.require_moment("as_of", value)
    arguments.require_moment("as_of", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("value", ["rais", 5, None, ["raise"]])
def test_a_choice_is_one_of_those_that_are_named(value):
    with pytest.raises(InvalidArgument, match="'raise', 'keep'"):
        arguments.require_choice("on_bad", value, ("raise", "keep"))


def test_a_value_that_looks_like_a_secret_is_not_shown():
    for secret in ("postgresql://ann:hunter2@127.0.0.1/db", "host=h password=hunter2", {"sasl.password": "hunter2"}):
        with pytest.raises(InvalidArgument) as caught:
            arguments.require_kind("topic", secret, int, what="a number", hint="")
        assert "hunter2" not in str(caught.value)
