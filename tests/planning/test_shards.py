"""Shards are the most of bytes in, records in and bytes out; small records pack, large ones are refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.shards import (
    StreamLoad,
    count_put_calls,
    count_put_units,
    count_shards,
    count_shards_of,
    find_on_demand_capacity,
    pack_records,
    plan_resharding,
)
from lakekit.units import GIB, KIB, MIB

rates = st.floats(0, 1e10, allow_nan=False)


def test_each_of_the_three_limits_can_decide():
    assert count_shards(5 * MIB, 1000, out_bytes_per_s=2 * MIB).decided_by == "bytes in"  # 5 / 1 / 1
    assert count_shards(1 * MIB, 5000, out_bytes_per_s=2 * MIB).decided_by == "records in"  # 1 / 5 / 1
    answer = count_shards(1 * MIB, 1000, out_bytes_per_s=9 * MIB)  # 1 / 1 / 4.5
    assert (answer.decided_by, answer.shards, answer.needs["bytes out"]) == ("bytes out", 5, 4.5)


def test_what_fits_to_the_byte_needs_no_shard_more():
    assert count_shards(10 * MIB).shards == 10
    assert count_shards(10 * MIB + 1024).shards == 11


def test_a_stream_has_a_shard_even_when_nothing_flows():
    assert count_shards(0).shards == 1
    assert count_shards(0).would_change == ()


def test_the_published_formulas_differ_and_are_all_shown():
    answer = count_shards(10_200 * KIB, 100)  # 10,200 / 1,024 = 9.96; / 1,000 = 10.2
    assert answer.by_formula == {"calculator": 10, "guide": 10, "guide 2022": 11}
    small = count_shards(5_120_000, 10_000)  # 10,000 x 512 B; the guide counts 1 KB each: 10,000 KiB / 1,024 = 9.77
    assert small.by_formula == {"calculator": 10, "guide": 10, "guide 2022": 5}


def test_the_peak_is_what_shards_must_hold():
    load = StreamLoad(1024, 500, peak_factor=10)
    assert count_shards_of(load).shards == 5  # 5,000 records a second


def test_fan_out_takes_the_readers_off_the_shared_limit():
    shared = StreamLoad(KIB, 1000, shared_consumers=5)  # 0.98 MiB/s in, 4.88 out: 2.44
    alone = StreamLoad(KIB, 1000, shared_consumers=0, fan_out_consumers=5)
    assert (count_shards_of(shared).shards, count_shards_of(alone).shards) == (3, 1)


def test_latency_grows_with_those_who_share():
    assert StreamLoad(KIB, 1, shared_consumers=5).latency_s == 1.0
    assert StreamLoad(KIB, 1, shared_consumers=0, fan_out_consumers=5).latency_s == 0.07


@given(rates, rates, rates)
def test_so_many_shards_hold_the_load_and_one_less_does_not(in_bytes, records, out_bytes):
    answer = count_shards(in_bytes, records, out_bytes_per_s=out_bytes)
    needs = (in_bytes / MIB, records / 1000, out_bytes / (2 * MIB))
    assert answer.shards >= max(needs) - 1e-6
    assert answer.shards == 1 or answer.shards - 1 < max(needs)


@given(st.floats(1, 10 * MIB), st.integers(0, 10**6))
def test_put_units_are_those_of_every_record_by_itself(record_bytes, records):
    assert count_put_units(record_bytes, records) == math.ceil(record_bytes / 25_600) * records


def test_records_pack_into_fifty_kilobytes():
    packed = pack_records(512, 1000)  # 51,200 / 512 = 100 in each; 1,000 / 100
    assert (packed.records_per_packed, packed.packed_per_s, packed.packed_bytes) == (100, 10, 51_200)
    assert pack_records(100 * KIB, 7).records_per_packed == 1  # larger ones stay alone


def test_packing_brings_shards_down_to_what_bytes_need():
    alone = count_shards(1000 * 512, 10_000)
    packed = pack_records(51.2, 10_000)  # 1,000 in each
    assert (alone.shards, count_shards(1000 * 512, packed.packed_per_s).shards) == (10, 1)


def test_a_call_takes_500_records_or_10_mib():
    assert count_put_calls(KIB, 1001) == 3
    assert count_put_calls(MIB, 100) == 10
    assert count_put_calls(10 * MIB, 3) == 3


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_resharding_arrives_in_steps_of_at_most_double_and_at_least_half(start, end):
    steps = plan_resharding(start, end)
    for before, after in zip([start, *steps], steps, strict=False):
        assert before / 2 <= after <= before * 2
    assert ([start, *steps])[-1] == end


def test_on_demand_begins_at_four_mib_and_ends_at_the_regions_limit():
    assert find_on_demand_capacity(0).write_bytes_per_s == 4 * MIB
    assert find_on_demand_capacity(50 * MIB).read_bytes_per_s == 200 * MIB
    large = find_on_demand_capacity(6 * GIB)
    assert (large.write_bytes_per_s, large.is_enough) == (10 * GIB, False)
    small = find_on_demand_capacity(150 * MIB, is_large_region=False)
    assert (small.write_bytes_per_s, small.is_enough) == (200 * MIB, False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: StreamLoad(0, 1), "record_bytes=0 was given; it must be above 0"),
        (lambda: StreamLoad(11 * MIB, 1), "at most 10,485,760"),
        (lambda: StreamLoad(1, -1), "records_per_s=-1"),
        (lambda: StreamLoad(1, 1, peak_factor=0.5), "peak_factor=0.5"),
        (lambda: StreamLoad(1, 1, retention_hours=12), "retention_hours=12"),
        (lambda: StreamLoad(1, 1, retention_hours=9000), "at most 8,760"),
        (lambda: StreamLoad(1, 1, fan_out_consumers=51), "fan_out_consumers=51"),
        (lambda: count_shards(float("nan")), "in_bytes_per_s=nan"),
        (lambda: count_shards(float("inf")), "in_bytes_per_s=inf"),
        (lambda: count_shards("5 MB"), "in_bytes_per_s='5 MB'"),
        (lambda: count_shards(True), "in_bytes_per_s=True"),
        (lambda: count_put_units(0), "record_bytes=0"),
        (lambda: plan_resharding(0, 5), "from_shards=0"),
    ],
)
def test_numbers_that_can_mean_nothing_are_refused(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
