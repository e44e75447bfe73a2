"""Firehose rounds each record, closes a file by size or by time, and costs what its price list says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.firehose import (
    Buffer,
    Extras,
    check_direct_put,
    count_active_partitions,
    plan_files,
    price_firehose,
    round_record,
)
from lakekit.prices import load_book
from lakekit.units import GIB, KIB, MIB


@given(st.integers(1, 1000 * KIB))
def test_a_record_is_billed_as_the_next_five_kilobytes(record_bytes):
    billed = round_record(record_bytes).billed_bytes
    assert billed % 5120 == 0
    assert 0 <= billed - record_bytes < 5120


def test_what_rounding_costs_is_told_with_the_way_out():
    assert round_record(KIB).multiplier == 5
    assert "joined to one" in repr(round_record(KIB))
    assert round_record(5 * KIB).would_change == ()


@pytest.mark.parametrize(
    ("rate_mib", "buffer", "file_mib", "trigger", "freshness_s"),
    [
        (0.5, Buffer(size_bytes=128 * MIB, interval_s=60), 30, "interval", 60),  # 0.5 x 60
        (4, Buffer(size_bytes=128 * MIB, interval_s=60), 128, "size", 32),  # 128 / 4
        (1, Buffer(), 5, "size", 5),  # AWS's defaults: 5 MiB, 300 s
        (0.001, Buffer(), 0.3, "interval", 300),
        (10, Buffer(size_bytes=128 * MIB, interval_s=60, partitions=20), 30, "interval", 60),  # 0.5 in each
        (1, Buffer(size_bytes=60 * MIB, interval_s=60), 60, "size", 60),  # both at once
        (2, Buffer(interval_s=0), 2, "interval", 1),  # as soon as possible is counted as one second
    ],
)
def test_whichever_is_reached_first_closes_a_file(rate_mib, buffer, file_mib, trigger, freshness_s):
    files = plan_files(rate_mib * MIB, buffer)
    assert files.file_bytes == pytest.approx(file_mib * MIB)
    assert (files.trigger, files.freshness_s) == (trigger, pytest.approx(freshness_s))


def test_files_a_day_hold_what_came_in_a_day():
    for buffer in (Buffer(), Buffer(size_bytes=64 * MIB, interval_s=900, partitions=7)):
        files = plan_files(3 * MIB, buffer)
        assert files.files_per_day * files.file_bytes == pytest.approx(3 * MIB * 86_400)


def test_compression_makes_the_stored_file_smaller_and_the_advice_follows():
    files = plan_files(4 * MIB, Buffer(size_bytes=128 * MIB, interval_s=900, convert=True, stored_share=0.25))
    assert files.stored_bytes == 32 * MIB
    assert any("compact" in note for note in files.notes)


def test_small_files_come_with_the_buffer_that_would_fill_or_the_truth():
    assert "128 MiB and 128 s" in plan_files(1 * MIB).would_change[0]
    assert "even 900 s collect only 9 MiB" in plan_files(0.01 * MIB).would_change[0]
    assert plan_files(4 * MIB, Buffer(size_bytes=128 * MIB, interval_s=60)).would_change == ()


@pytest.mark.parametrize(
    ("buffer", "message"),
    [
        ({"size_bytes": 5 * MIB, "convert": True}, "size_bytes=5242880 was given; it must be at least 67,108,864"),
        ({"size_bytes": 5 * MIB, "partitions": 2}, "size_bytes=5242880"),
        ({"size_bytes": 129 * MIB}, "at most 134,217,728"),
        ({"interval_s": 901}, "at most 900"),
        ({"partitions": 0}, "partitions=0"),
        ({"stored_share": 0}, "stored_share=0"),
    ],
)
def test_a_buffer_that_firehose_would_refuse_is_refused(buffer, message):
    with pytest.raises(InvalidArgument, match=message):
        Buffer(**buffer)


def test_a_stream_of_nothing_makes_no_files():
    with pytest.raises(InvalidArgument, match="in_bytes_per_s=0 was given; it must be above 0"):
        plan_files(0)


def test_partitions_stay_open_for_one_interval():
    assert count_active_partitions(3, 60) == 180
    too_many = plan_files(MIB, Buffer(size_bytes=64 * MIB, partitions=501))
    assert any("a stream takes 500" in note for note in too_many.notes)


def test_quotas_of_direct_put_depend_on_the_region():
    assert check_direct_put(5 * MIB, 500_000) == []
    (text,) = check_direct_put(2 * MIB, 1, region="eu-west-2")
    assert text == "2 MiB/s is above the 1 MiB/s of Direct PUT in eu-west-2"
    assert len(check_direct_put(6 * MIB, 600_000)) == 2


def test_a_month_of_small_records_adds_up_by_hand():
    # AWS's example: 100 records of 3 KB a second, 30 days: 100 x 5 KB x 2,592,000 s = 1,235.96 GB
    bill = price_firehose(100 * 3 * KIB * 2_592_000, record_bytes=3 * KIB, extras=Extras(convert=True))
    assert bill["ingest"] == pytest.approx(35.84, abs=0.005)  # x 0.029
    assert bill["convert"] == pytest.approx(22.25, abs=0.005)  # x 0.018


def test_msk_and_vended_logs_are_not_rounded_and_cost_more():
    for source, usd in (("msk", 0.055), ("vended-logs", 0.13)):
        bill = price_firehose(1000 * GIB, record_bytes=KIB, source=source)
        assert bill.usd == pytest.approx(1000 * usd)
        assert not any("nothing is rounded" in note for note in bill.notes)


def test_large_amounts_fall_in_price_by_step():
    bill = price_firehose(600_000 * GIB)  # 512,000 x 0.029 + 88,000 x 0.025
    assert bill["ingest"] == pytest.approx(14_848 + 2_200)


def test_extras_are_paid_by_the_object_the_hour_and_the_gb():
    extras = Extras(partitioned=True, objects=1_000_000, jq_hours=10, vpc_zone_hours=100)
    bill = price_firehose(1000 * GIB, extras=extras)
    # 1,000 x 0.02; 1,000 x 0.005; 10 x 0.07; 1,000 x 0.01; 100 x 0.01
    charges = ("partitioning", "partitioned objects", "partitioning JQ", "VPC", "VPC hours")
    assert [round(bill[name], 2) for name in charges] == [20, 5, 0.7, 10, 1]
    assert any("unverified" in doubt for doubt in bill.doubts)


def test_another_region_has_its_own_prices():
    bill = price_firehose(1024 * GIB, extras=Extras(convert=True), book=load_book("eu-west-2", as_of="2026-11-25"))
    assert bill.usd == pytest.approx(1024 * (0.035 + 0.021))


def test_a_source_that_is_none_is_named():
    with pytest.raises(InvalidArgument, match="source='kafka'"):
        price_firehose(1, source="kafka")
