"""A month of a stream in each mode adds up by hand, and the break-even is where the bills cross."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.planning.kinesis import (
    plan_stream,
    price_advantage,
    price_fan_out,
    price_on_demand,
    price_on_demand_bytes,
    price_provisioned,
    price_retention,
    price_shards,
)
from lakekit.planning.shards import StreamLoad
from lakekit.prices import load_book
from lakekit.units import GIB, KIB

loads = st.builds(
    StreamLoad,
    st.integers(100, 100_000),
    st.integers(1, 100_000),
    peak_factor=st.integers(1, 40),
    shared_consumers=st.integers(0, 5),
    fan_out_consumers=st.integers(0, 5),
)


def test_provisioned_adds_shards_and_put_units():
    bill = price_provisioned(StreamLoad(512, 10_000, shared_consumers=4))
    assert bill["shards"] == pytest.approx(109.50)  # 10 x 730 x 0.015
    assert bill["put units"] == pytest.approx(367.92)  # 10,000 x 2,628,000 = 26,280 million x 0.014
    assert bill.usd == pytest.approx(477.42)


def test_large_records_cost_several_put_units():
    bill = price_provisioned(StreamLoad(60 * KIB, 10))  # 3 units each: 30 x 2.628 million x 0.014
    assert bill["put units"] == pytest.approx(1.10376)


def test_fan_out_is_paid_by_consumer_shard_and_hour_and_by_byte():
    load = StreamLoad(KIB, 1000, shared_consumers=0, fan_out_consumers=2)  # one shard
    bill = price_provisioned(load)
    assert bill["fan-out hours"] == pytest.approx(21.90)  # 2 x 730 x 0.015
    assert bill["fan-out data"] == pytest.approx(65.1627, abs=1e-3)  # 2 x 2,506.256 GB x 0.013


def test_retention_is_paid_by_the_shard_hour_up_to_a_week_and_by_the_gb_beyond():
    week = price_provisioned(StreamLoad(KIB, 1000, retention_hours=168))
    assert week["extended retention"] == pytest.approx(14.60)  # 730 x 0.02
    month = price_provisioned(StreamLoad(KIB, 1000, retention_hours=168 + 720))
    gb = 1000 * KIB * 720 * 3600 / GIB  # 2,471.92
    assert month["long retention"] == pytest.approx(gb * 0.023)


def test_a_day_is_kept_free_in_every_mode():
    for price in (price_provisioned, price_on_demand):
        assert not any("retention" in charge.what for charge in price(StreamLoad(KIB, 1000)).charges)


def test_on_demand_counts_each_record_as_whole_kilobytes_in_and_as_it_is_out():
    bill = price_on_demand(StreamLoad(512, 1000, shared_consumers=2))
    gb = 1000 * 2_628_000 * KIB / GIB  # 2,506.256
    assert bill["in"] == pytest.approx(gb * 0.08)
    assert bill["out"] == pytest.approx(gb / 2 * 2 * 0.04)
    assert bill["stream"] == pytest.approx(29.20)  # 730 x 0.04


def test_on_demand_keeps_longer_at_two_prices():
    bill = price_on_demand(StreamLoad(KIB, 1000, retention_hours=168 + 24))
    day_gb = 1000 * KIB * 86_400 / GIB  # 82.397
    assert bill["extended retention"] == pytest.approx(6 * day_gb * 0.1)
    assert bill["long retention"] == pytest.approx(day_gb * 0.023)


def test_advantage_is_paid_for_25_mib_a_second_at_least():
    least = 25 * 2_628_000 / 1024  # GB: 64,160.16
    idle = price_advantage(StreamLoad(KIB, 1))
    assert idle.usd == pytest.approx(least * (0.032 + 0.016))
    busy = price_advantage(StreamLoad(KIB, 100_000, shared_consumers=2))  # 250,625.6 GB in, twice as much out
    assert busy["in"] == pytest.approx(250_625.61 * 0.032, abs=1e-2)
    assert busy["out"] == pytest.approx(501_251.22 * 0.016, abs=1e-2)


def test_a_large_account_costs_less_with_advantage_than_on_demand():
    load = StreamLoad(KIB, 40_000)  # 39 MiB/s
    assert price_advantage(load).usd < price_on_demand(load).usd
    assert price_advantage(StreamLoad(KIB, 1000)).usd > price_on_demand(StreamLoad(KIB, 1000)).usd


@settings(max_examples=40)
@given(loads)
def test_the_plan_takes_the_cheapest(load):
    plan = plan_stream(load)
    assert plan.usd_per_month == min(bill.usd for bill in plan.bills.values())


@settings(max_examples=40)
@given(loads)
def test_at_the_break_even_on_demand_is_cheaper_and_one_shard_before_it_is_not(load):
    plan = plan_stream(load)
    at, on_demand = plan.break_even_shards, plan.bills["on-demand"].usd
    assert price_provisioned(load, shards=at).usd > on_demand - 1e-6
    if at > 1:
        assert price_provisioned(load, shards=at - 1).usd <= on_demand + 1e-6


def test_the_break_even_can_be_computed_by_hand():
    plan = plan_stream(StreamLoad(KIB, 100))
    # on-demand: 29.20 + 250.626 x 0.08 + 250.626 x 0.04 = 59.275; provisioned: 10.95 a shard + 262.8 x 0.014 = 3.679
    assert plan.break_even_shards == 6  # 5 x 10.95 + 3.679 = 58.43; 6: 69.38
    assert plan.break_even_peak == pytest.approx(50)  # one shard holds 1,000 a second; 5 shards 5,000 of 100
    assert plan.mode == "provisioned"
    assert plan_stream(dataclasses.replace(plan.load, peak_factor=50)).mode == "provisioned"
    assert plan_stream(dataclasses.replace(plan.load, peak_factor=50.1)).mode == "on-demand"


def test_the_plan_says_what_limits_it_and_what_would_change_it():
    plan = plan_stream(StreamLoad(5 * 2**20, 3, shared_consumers=6, fan_out_consumers=21))
    notes = " ".join(plan.notes)
    assert "UpdateMaxRecordSize" in notes
    assert "21 fan-out consumers" in notes
    assert "6 consumers share 5 reads" in notes
    assert "Kinesis provisioned" in repr(plan_stream(StreamLoad(512, 10_000)))
    changes = plan_stream(StreamLoad(512, 10_000, shared_consumers=4)).would_change
    assert any("peak of above 33.5 x" in text for text in changes)  # 335 shards hold 335,000 a second of 10,000


def test_a_stream_without_records_has_a_plan():
    plan = plan_stream(StreamLoad(KIB, 0))
    assert plan.bills["provisioned"].usd == pytest.approx(10.95)
    assert "on-demand is cheaper from: 3 shards\n" in repr(plan)  # 3 x 10.95 > 29.20


def test_prices_are_those_of_the_book_that_is_given():
    book = load_book(as_of="2026-11-25").with_prices({"kinesis.shard_hour": 1.0}, source="ours", as_of="2026-01-01")
    assert price_shards(2, hours=10, book=book).usd == 20


def test_single_charges_are_found_by_their_quantities():
    assert price_shards(4, put_units=6_500_000)["put units"] == pytest.approx(0.091)
    assert price_fan_out(100, 100 * GIB).usd == pytest.approx(1.5 + 1.3)
    assert price_on_demand_bytes(1000 * GIB, fan_out_bytes=100 * GIB, hours=0).usd == pytest.approx(80 + 5)
    assert price_retention(shard_hours=730).usd == pytest.approx(14.6)
