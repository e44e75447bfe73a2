"""The plan of a stream takes the cheapest mode, and the break-even is where the bills cross."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.planning.kinesis import plan_stream
from lakekit.planning.kinesis_prices import price_provisioned
from lakekit.planning.shards import StreamLoad
from lakekit.units import KIB

loads = st.builds(
    StreamLoad,
    st.integers(100, 100_000),
    st.integers(1, 100_000),
    peak_factor=st.integers(1, 40),
    shared_consumers=st.integers(0, 5),
    fan_out_consumers=st.integers(0, 5),
)


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


def test_more_than_twenty_consumers_with_fan_out_are_for_advantage_only():
    plan = plan_stream(StreamLoad(KIB, 10, shared_consumers=0, fan_out_consumers=21))
    assert plan.mode == "advantage"
    assert plan.bills["provisioned"].usd < plan.usd_per_month
    assert "the only mode for this" in repr(plan)
    # twenty: 20 x 10.95 for fan-out on a shard; on-demand 29.20 + 25.06 x 0.08 + 20 x 25.06 x 0.05 = 56.27
    twenty = plan_stream(StreamLoad(KIB, 10, shared_consumers=0, fan_out_consumers=20))
    assert (twenty.mode, round(twenty.usd_per_month, 2)) == ("on-demand", 56.27)


def test_advantage_is_compared_with_on_demand():
    large = plan_stream(StreamLoad(KIB, 40_000))  # 39 MiB/s: 3,208 + 1,604 = 4,812; on-demand 29 + 8,020 + 4,010
    assert "Advantage costs less than on-demand already: 4,812.01 USD instead of 12,059.23 USD" in repr(large)
    assert "25 MiB/s in and out in the whole account" in repr(plan_stream(StreamLoad(KIB, 10)))


def test_a_stream_without_records_has_a_plan():
    plan = plan_stream(StreamLoad(KIB, 0))
    assert plan.bills["provisioned"].usd == pytest.approx(10.95)
    assert "on-demand is cheaper from: 3 shards\n" in repr(plan)  # 3 x 10.95 > 29.20
