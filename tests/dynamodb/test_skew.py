"""Requests fall on keys evenly, by a power law, on one hot key, or as measured; shares always add up."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import Keys, make_even_keys, make_hot_key, make_zipf_keys, measure_keys
from lakekit.errors import InvalidArgument


@given(st.integers(1, 10**7), st.floats(0, 2))
def test_shares_of_a_power_law_add_up_to_no_more_than_all(count, exponent):
    keys = make_zipf_keys(count, exponent=exponent)
    assert sum(keys.shares) + keys.rest == pytest.approx(1)
    assert keys.top_share == pytest.approx(keys.shares[0])
    assert keys.top_share >= 1 / count - 1e-9


def test_the_tail_of_many_keys_is_added_as_an_integral():
    # the sum of 1/n to a million is ln(1,000,000) + 0.577216 = 14.392727
    assert 1 / make_zipf_keys(1_000_000).top_share == pytest.approx(14.392727, rel=1e-6)


def test_even_keys_have_equal_shares():
    assert make_even_keys(4).shares == (0.25, 0.25, 0.25, 0.25)
    assert make_even_keys(5_000_000).top_share == 1 / 5_000_000


def test_a_hot_key_leaves_the_rest_to_the_others():
    keys = make_hot_key(0.3, count=101, name="BREAKING")
    assert (keys.top_share, keys.name(0), keys.rest) == (0.3, "BREAKING", 0.7)
    assert make_hot_key(0.3).name(0) == "key 1"


def test_requests_are_counted_by_key_and_keys_may_have_parts():
    frame = pl.DataFrame({"player": ["ann", "bob", "ann", "ann"], "day": [1, 1, 2, 1]})
    assert measure_keys(frame, "player").shares == (0.75, 0.25)
    assert measure_keys(frame, ["player", "day"]).names == ("ann#1", "ann#2", "bob#1")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Keys(10, (0.6, 0.6)), "shares add up to 1.2"),
        (lambda: Keys(10, (0.1, 0.2)), "not in order"),
        (lambda: make_hot_key(1.5), "shares add up to 1.5"),
        (lambda: make_even_keys(0), "count=0"),
        (lambda: make_zipf_keys(10, exponent=-1), "exponent=-1"),
        (lambda: measure_keys(pl.DataFrame({"a": [1]}), "b"), r"no column \['b'\]"),
        (lambda: measure_keys(pl.DataFrame({"a": []}), "a"), "no rows"),
    ],
)
def test_what_is_no_share_is_an_error(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()
