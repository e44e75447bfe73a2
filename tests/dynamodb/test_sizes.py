"""Sizes are a distribution, for units are rounded up item by item: the mean size has other units than the mean item."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import count_read_units, count_write_units, make_sizes, measure_items
from lakekit.errors import InvalidArgument


def test_half_a_kb_more_or_less_makes_the_mean_wrong():
    sizes = make_sizes({0.9 * 1024: 1, 1.2 * 1024: 1})
    assert sizes.mean_bytes == pytest.approx(1.05 * 1024)  # whose write has 2 units
    assert sizes.mean_write_units() == 1.5  # 1 and 2


@given(st.lists(st.integers(0, 409_600), min_size=1, max_size=30))
def test_means_are_those_of_the_single_items(sizes):
    made = make_sizes(sizes)
    assert made.count == len(sizes)
    assert made.mean_bytes == pytest.approx(sum(sizes) / len(sizes))
    assert made.mean_write_units() == pytest.approx(sum(map(count_write_units, sizes)) / len(sizes))
    strong = [count_read_units(size, consistency="strong") for size in sizes]
    assert made.mean_read_units("strong") == pytest.approx(sum(strong) / len(sizes))
    assert made.get_quantile(1) == made.largest_bytes == max(sizes)


def test_quantiles_are_sizes_that_occur():
    sizes = make_sizes([100] * 98 + [5000, 9000])
    assert [sizes.get_quantile(share) for share in (0, 0.5, 0.98, 0.99, 1)] == [100, 100, 100, 5000, 9000]


def test_items_and_frames_are_measured_alike():
    rows = [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Christopher"}]
    assert measure_items(rows).bytes.tolist() == measure_items(pl.DataFrame(rows)).bytes.tolist() == [11, 19]
    assert measure_items(rows[0]).bytes.tolist() == [11]


def test_it_shows_itself_as_text_and_html():
    sizes = make_sizes([1000, 3000])
    assert repr(sizes) == "Sizes: 2 items, mean 2.0 KiB, largest 2.9 KiB, 2.00 write units each"
    assert "50%                     1,000" in str(sizes)
    assert "<td" in sizes._repr_html_()


def test_scaling_makes_every_item_larger():
    assert make_sizes({100: 3, 200: 1}).scale(2).get_quantile(0.75) == 200


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([], "No sizes"),
        ([-1], "has -1 bytes"),
        (["x"], "no numbers"),
        ([float("nan")], "nan"),
        ({5: -1, 6: 3}, "has a count of -1 in it"),
    ],
)
def test_what_is_no_size_is_an_error(sizes, message):
    with pytest.raises(InvalidArgument, match=message):
        make_sizes(sizes)


def test_an_unknown_consistency_is_named():
    with pytest.raises(InvalidArgument, match="consistency='weak'"):
        make_sizes(5).mean_read_units("weak")


def test_sizes_are_scaled_by_a_number_that_is_not_negative():
    with pytest.raises(InvalidArgument, match="factor=-1 was given"):
        make_sizes([100]).scale(-1)


def test_a_share_is_between_0_and_1():
    with pytest.raises(InvalidArgument, match="share=50 was given"):
        make_sizes([1]).get_quantile(50)
