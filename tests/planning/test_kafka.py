"""MSK in three kinds: brokers in threes, serverless within its limits, the cheapest that holds the load."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.bill import use_book
from lakekit.planning.kafka import KafkaLoad, count_brokers, plan_kafka, price_brokers, price_serverless
from lakekit.units import GIB, MIB


def test_a_small_cluster_adds_up_by_hand():
    bill = price_brokers(2, "kafka.m5.24xlarge", storage_bytes=1000 * GIB, hours=730)
    assert bill.usd == pytest.approx(2 * 730 * 10.08 + 100)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_brokers_come_in_threes_and_hold_the_load(in_bytes, out_bytes):
    load = KafkaLoad(in_bytes, out_bytes)
    for kind, in_each in (("standard", 10 * MIB), ("express", 15.6 * MIB)):
        brokers = count_brokers(load, kind)
        assert brokers % 3 == 0
        assert brokers * in_each >= in_bytes * 0.999999
        assert brokers * in_each * 2 >= out_bytes * 0.999999


def test_serverless_is_paid_by_what_flows_and_by_partition():
    bill = price_serverless(KafkaLoad(MIB, 2 * MIB, partitions=100, retention_hours=24))
    gb = 2_628_000 / 1024  # 2,566.41 GB a month
    assert bill["cluster"] == pytest.approx(547.50)
    assert bill["partitions"] == pytest.approx(109.50)  # 100 x 730 x 0.0015
    assert bill["in"] == pytest.approx(gb * 0.10)
    assert bill["out"] == pytest.approx(2 * gb * 0.05)
    assert bill["storage"] == pytest.approx(86_400 / 1024 * 0.10)


def test_express_is_counted_and_never_chosen_as_a_part_of_its_price_has_no_source():
    plan = plan_kafka(KafkaLoad(100 * MIB, 200 * MIB, partitions=100))
    # 100 / 15.6 = 6.4 and 200 / 31.2 = 6.4: nine brokers, in threes; the nine alone are 9 x 730 x 0.408
    assert (plan.brokers["express"], round(plan.bills["express"].usd, 2)) == (9, 2680.56)
    # 100 / 10: twelve standard brokers, 12 x 730 x 0.204 = 1,787.04, and three copies of 8,437.5 GB at 0.10
    assert (plan.kind, round(plan.usd_per_month, 2)) == ("standard", 4318.29)
    assert "no verified price" in plan.refused["express"] and "no verified price" in repr(plan)
    assert not any(name.startswith("msk.express") for name in use_book(None).ids("msk"))


def test_serverless_is_refused_beyond_its_limits_with_the_number():
    too_fast = plan_kafka(KafkaLoad(201 * MIB, 0, partitions=100))
    assert "201 MiB/s in, at most 200 MiB/s" in too_fast.refused["serverless"]
    assert "401 MiB/s out" in plan_kafka(KafkaLoad(MIB, 401 * MIB)).refused["serverless"]
    assert "in each partition" in plan_kafka(KafkaLoad(60 * MIB, 0, partitions=10)).refused["serverless"]
    assert "2,401 partitions" in plan_kafka(KafkaLoad(MIB, 0, partitions=2401)).refused["serverless"]


def test_serverless_gives_each_partition_10_mib_a_second_to_its_readers():
    # 300 / 10 = 30 MiB/s out of each partition, though all together stay below 400; from 30 partitions on it is 10
    refused = plan_kafka(KafkaLoad(MIB, 300 * MIB, partitions=10)).refused["serverless"]
    assert refused == "30 MiB/s out of each partition, at most 10 MiB/s"
    assert "serverless" not in plan_kafka(KafkaLoad(MIB, 300 * MIB, partitions=30)).refused


@settings(max_examples=40)
@given(st.floats(0, 5e8), st.floats(0, 1e9), st.integers(1, 3000))
def test_the_plan_takes_the_cheapest_that_holds_it(in_bytes, out_bytes, partitions):
    plan = plan_kafka(KafkaLoad(in_bytes, out_bytes, partitions=partitions))
    assert plan.kind not in plan.refused and plan.kind != "express"
    fitting = [bill.usd for kind, bill in plan.bills.items() if kind not in plan.refused]
    assert plan.usd_per_month == min(fitting)


def test_the_text_names_all_three_kinds():
    text = repr(plan_kafka(KafkaLoad(250 * MIB, 0, partitions=100)))
    assert all(kind in text for kind in ("standard:", "express:", "serverless:", "not chosen"))


def test_a_cluster_without_partitions_is_refused():
    with pytest.raises(InvalidArgument, match="partitions=0"):
        KafkaLoad(1, 1, partitions=0)
