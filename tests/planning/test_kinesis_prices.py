"""A month of a stream in each mode adds up by hand."""

import pytest

from lakekit.planning.kinesis_prices import (
    price_advantage,
    price_advantage_bytes,
    price_fan_out,
    price_on_demand,
    price_on_demand_bytes,
    price_on_demand_retention,
    price_provisioned,
    price_retention,
    price_shards,
)
from lakekit.planning.shards import StreamLoad
from lakekit.prices import load_book
from lakekit.units import GIB, KIB


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


def test_prices_are_those_of_the_book_that_is_given():
    book = load_book(as_of="2026-11-25").with_prices({"kinesis.shard_hour": 1.0}, source="ours", as_of="2026-01-01")
    assert price_shards(2, hours=10, book=book).usd == 20


def test_single_charges_are_found_by_their_quantities():
    assert price_shards(4, put_units=6_500_000)["put units"] == pytest.approx(0.091)
    assert price_fan_out(100, 100 * GIB).usd == pytest.approx(1.5 + 1.3)
    assert price_on_demand_bytes(1000 * GIB, fan_out_bytes=100 * GIB, hours=0).usd == pytest.approx(80 + 5)
    assert price_retention(shard_hours=730).usd == pytest.approx(14.6)
    assert price_on_demand_retention(extended_bytes=10 * GIB)["long retention"] == 0
    assert price_advantage_bytes(0, hours=0).usd == 0
