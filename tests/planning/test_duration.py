"""Days are bytes by bits, and the way back gives the link; parts of an upload fit into ten thousand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.duration import count_days, find_bits_per_s, format_bits, format_decimal_bytes, plan_parts
from lakekit.units import GIB, KIB, MIB, TIB


def test_the_utilisation_is_always_told():
    assert repr(count_days(100e12, 1e9)).startswith("11.6 days at 80 % of 1 Gbit/s")
    assert repr(count_days(100e12, 1e9, utilisation=1)).startswith("9.26 days at 100 % of 1 Gbit/s")


def test_a_link_that_may_be_used_at_night_only_takes_longer():
    assert count_days(100e12, 1e9, hours_per_day=8).days == pytest.approx(3 * 11.574, abs=1e-3)


def test_up_to_thirty_percent_are_added_for_the_cut_over():
    assert count_days(100e12, 1e9).days_with_cut_over == pytest.approx(15.046, abs=1e-3)  # 11.574 x 1.3


@given(st.floats(1, 1e18), st.floats(0.01, 1000), st.floats(0.01, 1))
def test_the_link_that_a_deadline_needs_meets_it(size_bytes, days, utilisation):
    link = find_bits_per_s(size_bytes, days, utilisation=utilisation)
    assert count_days(size_bytes, link, utilisation=utilisation).days == pytest.approx(days)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count_days(1, 0), "bits_per_s=0 was given; it must be above 0"),
        (lambda: count_days(1, 1, utilisation=80), "utilisation=80 was given; it must be above 0 and at most 1"),
        (lambda: count_days(-1, 1), "size_bytes=-1"),
        (lambda: count_days(1, 1, hours_per_day=25), "at most 24"),
        (lambda: find_bits_per_s(1, 0), "days=0"),
    ],
)
def test_what_no_link_can_be_is_refused(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()


def test_nothing_to_move_takes_no_time():
    assert count_days(0, 1e9).days == 0


@given(st.integers(1, 10_000 * 5 * GIB))
def test_parts_hold_the_object_and_are_as_many_as_s3_takes(object_bytes):
    plan = plan_parts(object_bytes)
    assert plan.parts <= 10_000
    assert (plan.parts - 1) * plan.part_bytes < object_bytes <= plan.parts * plan.part_bytes
    assert 5 * MIB <= plan.part_bytes <= 5 * GIB


def test_an_object_larger_than_s3_takes_is_refused():
    with pytest.raises(InvalidArgument, match="S3 takes 48.8 TiB as one object"):
        plan_parts(49 * TIB)
    assert plan_parts(KIB).parts == 1


def test_an_object_that_old_tools_do_not_take_says_so():
    assert plan_parts(4 * TIB).notes == ()
    assert "do not take it" in plan_parts(6 * TIB).notes[0]


def test_links_and_disks_are_said_as_they_are_sold():
    assert [format_bits(rate) for rate in (5e4, 1e8, 1e10)] == ["0.05 Mbit/s", "100 Mbit/s", "10 Gbit/s"]
    assert [format_decimal_bytes(size) for size in (5, 2e6, 3e9, 4e12, 5e15)] == ["5 B", "2 MB", "3 GB", "4 TB", "5 PB"]
