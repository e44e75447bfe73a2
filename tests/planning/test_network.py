"""Bytes between networks cost what their tiers say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.network import (
    price_acceleration,
    price_access_point,
    price_between_regions,
    price_cross_zone,
    price_direct_connect,
    price_internet_out,
)
from lakekit.units import GIB


def test_the_free_part_comes_off_the_first_tier():
    assert price_internet_out(100 * GIB).usd == 0
    assert price_internet_out(101 * GIB).usd == pytest.approx(0.09)
    assert price_internet_out(50 * GIB).charges == ()
    assert price_internet_out(10_340 * GIB).usd == pytest.approx(921.10)  # 10,140 x 0.09 + 100 x 0.085


def test_each_tier_begins_where_the_one_before_ends():
    ends = {10_240: 921.60, 51_200: 4403.20, 153_600: 11_571.20}  # + 40,960 x 0.085; + 102,400 x 0.07
    for gb, usd in ends.items():
        assert price_internet_out(gb * GIB, free_bytes=0).usd == pytest.approx(usd)
    assert price_internet_out(153_700 * GIB, free_bytes=0).usd == pytest.approx(11_571.20 + 5)  # 100 x 0.05


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_bytes_never_cost_less(one, more):
    assert price_internet_out((one + more) * GIB).usd >= price_internet_out(one * GIB).usd - 1e-9


def test_fifty_terabytes_out_cost_a_third_over_direct_connect():
    assert price_direct_connect(51_200 * GIB).usd == pytest.approx(1243)  # 219 + 1,024
    assert price_internet_out(51_200 * GIB, free_bytes=0).usd == pytest.approx(4403.2)
    assert price_direct_connect(0, port="10G", hours=10).usd == pytest.approx(22.5)


def test_zones_are_paid_in_each_direction():
    assert price_cross_zone(2000 * GIB).usd == 20
    assert price_cross_zone(2000 * GIB, directions=2).usd == 40


def test_regions_have_their_own_prices_or_the_usual_one():
    usd = [price_between_regions(100 * GIB, to_region=region).usd for region in ("", "us-east-2", "ap-southeast-7")]
    assert usd == pytest.approx([2, 1, 8])


def test_acceleration_costs_by_edge_and_direction():
    assert price_acceleration(100 * GIB, edge="far").usd == pytest.approx(8)
    assert price_acceleration(100 * GIB, direction="out").usd == pytest.approx(4)


def test_an_access_point_adds_what_its_routes_cost():
    bill = price_access_point(10 * GIB, between_regions_bytes=4 * GIB)  # 10 x 0.0033 + 4 x 0.02
    assert bill.usd == pytest.approx(0.113)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: price_direct_connect(port="2G"), "port='2G'"),
        (lambda: price_cross_zone(1, directions=3), "directions=3"),
        (lambda: price_access_point(GIB, internet_out_bytes=2 * GIB), "larger than size_bytes"),
        (lambda: price_access_point(GIB, accelerated={0.01: 2 * GIB}), "larger than size_bytes"),
        (lambda: price_internet_out(-1), "size_bytes=-1"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
