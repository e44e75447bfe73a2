"""What files of a size cost, by hand and on the sample, and what never changes however they lie."""

from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.prices import load_book

BOOK = load_book(as_of="2026-11-25")
MIB = 2**20


def make_table(files):
    entries = pl.DataFrame(files, schema={"path": pl.String, "size_bytes": pl.Int64}, orient="row")
    return SimpleNamespace(manifest=SimpleNamespace(entries=entries))


def test_the_sample_has_72_small_files_and_compaction_within_hours_merges_none():
    found = lk.sizing.report(lk.open_table("data/sample/lake/turbines_hourly"), book=BOOK)
    now, then = found.frame.rows(named=True)
    assert (now["files"], now["size_bytes"], now["requests"], now["engine_requests"]) == (72, 279_734, 72, 216)
    assert then["files"] == 72  # one file in each hour already
    assert found.alarm_files == 72 and found.payback_scans is None and found.compaction_usd == 0
    assert now["usd"] == pytest.approx(72 / 1000 * 0.0004)
    assert found.histogram.rows() == [(2048, 4096, 71, 275_623), (4096, 8192, 1, 4111)]


def test_a_thousand_small_files_become_one_and_that_pays_back():
    found = lk.sizing.report(make_table([(f"d=1/{n}", 256 * 1024) for n in range(1000)]), book=BOOK)
    # 250 MiB: one file of 32 parts of 8 MiB; 1,000 GETs 0.0004 and a PUT 0.000005; 968 GETs saved a scan
    assert found.frame["files"].to_list() == [1000, 1] and found.frame["requests"].to_list() == [1000, 32]
    assert found.compaction_usd == pytest.approx(0.0004 + 0.000005)
    assert found.payback_scans == pytest.approx(0.000405 / (968 * 0.0000004))


def test_a_terabyte_scanned_with_one_get_a_file_costs_what_arithmetic_says():
    # 1,024 GiB / 128 KiB = 8,388,608 GETs, 3.3554 USD; derived from https://aws.amazon.com/s3/pricing/, 2026-11
    assert 1024 * 2**30 // (128 * 1024) == 8_388_608
    assert BOOK.cost_usd("s3.request.GET.STANDARD", 8_388_608) == pytest.approx(3.3554, abs=5e-5)
    by_size = lk.sizing.compare_file_sizes(2**40)
    assert by_size.filter(pl.col("file_bytes") == 128 * 1024)["requests"].item() == 8_388_608


def test_too_small_and_too_big_both_lose():
    seconds = lk.sizing.compare_file_sizes(16 * 2**30)["seconds"]
    # 16 GiB: at 1 GiB 16 files and readers: 2,048 / 16 x 0.03 + 16 GiB / 1 GiB/s = 3.84 + 16; as one 2,048 x 0.03 + 256
    assert seconds[14] == pytest.approx(19.84) and seconds[18] == pytest.approx(61.44 + 256)
    # at 64 KiB 262,144 GETs of 256 readers, over a link of 1.25 GB/s
    assert seconds[0] == pytest.approx(262_144 / 256 * 0.03 + 16 * 2**30 / 1.25e9)
    assert seconds[0] > 2 * seconds[14]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3 * 2**30)), max_size=30))
def test_bytes_are_kept_and_files_never_more(files):
    found = lk.sizing.report(make_table([(f"d={key}/{n}", size) for n, (key, size) in enumerate(files)]), book=BOOK)
    total = sum(size for _, size in files)
    assert found.frame["size_bytes"].to_list() == [total, total]
    assert found.histogram["size_bytes"].sum() == found.by_partition["size_bytes"].sum() == total
    assert found.histogram["files"].sum() == len(files)
    assert found.frame["files"][1] <= len(files)
    assert found.compaction_usd >= 0 and min(found.frame["usd"]) >= 0


@given(st.floats(0, 1000), st.floats(0, 1000), st.integers(1, 10_000))
def test_more_latency_is_never_faster(one, other, files):
    seconds = [
        lk.sizing.scan_seconds(MIB, requests=files, files=files, model=lk.sizing.ScanModel(latency_ms=ms))
        for ms in sorted((one, other))
    ]
    assert 0 < seconds[0] <= seconds[1]


def test_where_requests_overlap_well_computing_decides():
    near, far = (lk.sizing.ScanModel(latency_ms=ms, compute_ms=1) for ms in (30, 300))
    # 256 at once: 2,920 / 256 x 30 ms = 0.34 s of waiting, 2.92 s of computing; at 300 ms 3.421875 s of waiting
    assert lk.sizing.scan_seconds(0, requests=2_920, files=2_920, model=near) == pytest.approx(2.92)
    assert lk.sizing.scan_seconds(0, requests=2_920, files=2_920, model=far) == pytest.approx(3.421875)
    # an engine as installed waits for two at once: 3 requests a file, 8,760 / 2 x 30 ms
    found = lk.sizing.report(lk.sizing.example_files(2_920, size_bytes=0), model=near, book=BOOK).frame
    assert found["seconds"][0] == pytest.approx(2.92) and found["engine_seconds"][0] == pytest.approx(131.4)


def test_sizes_that_do_not_rise_are_refused():
    with pytest.raises(InvalidArgument, match="no time is below 0"):
        lk.sizing.ScanModel(compute_ms=-1)
    with pytest.raises(InvalidArgument, match="must rise"):
        lk.sizing.Sizes(target_bytes=MIB)
    with pytest.raises(InvalidArgument, match="cannot be"):
        lk.sizing.ScanModel(concurrency=0)


def test_gets_of_a_full_scan_are_those_of_the_receipt(tmp_path):
    lake = lk.open_lake("data/sample/lake")
    lake.sql("SELECT sum(P_avg) FROM turbines_hourly").fetchall()
    found = lk.sizing.report(lake["turbines_hourly"]).frame
    assert lake.receipt.requests["GET"] == found["requests"][0] == 72
    # 8 bytes a row: 100,000 rows are below 1 MiB and one GET; 400,000 and 1,000,000 are 2 and 4 row groups
    folder = tmp_path / "t"
    folder.mkdir()
    for rows in (100_000, 400_000, 1_000_000):
        frame = pl.DataFrame({"n": pl.int_range(rows, eager=True).hash().cast(pl.Int64, strict=False)})
        frame.write_parquet(folder / f"{rows}.parquet", row_group_size=250_000, compression="uncompressed")
    lake = lk.open_lake(tmp_path)
    lake["t"].polars().select(pl.col("n").sum()).collect()
    assert lake.receipt.requests["GET"] == lk.sizing.report(lake["t"]).frame["requests"][0] == 1 + 2 + 4


def test_percentiles_skew_and_the_typical_query_by_hand():
    # 20 files of 1 to 20 MiB in day 1, one of 128 MiB in day 2, one of 400 MiB in day 3
    files = [(f"d=1/{n}", n * MIB) for n in range(1, 21)] + [("d=2/a", 128 * MIB), ("d=3/a", 400 * MIB)]
    found = lk.sizing.report(make_table(files), book=BOOK)
    # the nearest of 22 by (n - 1) times the share: 1.05, 10.5 and 19.95 of 0 to 21
    assert found.percentiles["p5"] == 2 * MIB and found.percentiles["p95"] == 128 * MIB
    assert found.percentiles["p50"] == 12 * MIB  # a tie, rounded up
    assert found.skew == pytest.approx(400 / 210)  # days hold 210, 128 and 400 MiB
    assert found.accepted_files == 2
    # the median day is the first: 20 files, of which those of 9 to 16 MiB are 2 GETs and above 3, become one of 27
    assert found.typical["files"].to_list() == [20, 1]
    assert found.typical["requests"].to_list() == [8 * 1 + 8 * 2 + 4 * 3, 27]
    assert "skew" not in found._repr_html_() and "p5 2 MiB" in found._repr_html_()


def test_row_groups_are_counted_where_footers_are_known():
    found = lk.sizing.report(lk.open_table("data/sample/lake/flights"), book=BOOK)
    # 31 files of one row group each
    assert found.row_groups["files"] == found.row_groups["row_groups"] == 31
    assert found.row_groups["bytes_each"] == found.frame["size_bytes"][0] // 31
    assert lk.sizing.report(lk.sizing.example_files(), book=BOOK).row_groups == {}


def test_an_engine_as_installed_has_fewer_readers():
    # 240 files of 22 KiB at 30 ms: 720 requests, 2 at once, 10.8 s; 5.16 MiB of 128 MiB/s, 0.04 s
    found = lk.sizing.report(lk.sizing.example_files(240, size_bytes=22 * 1024, partitions=30), book=BOOK).frame
    assert found["engine_requests"][0] == 720
    assert found["engine_seconds"][0] == pytest.approx(10.8 + 240 * 22 / 1024 / 128)


def test_a_frame_without_sizes_is_refused():
    with pytest.raises(InvalidArgument, match="has no column size_bytes; it has path"):
        lk.sizing.report(pl.DataFrame({"path": ["a"]}))
    with pytest.raises(InvalidArgument, match="1 of 1 files have no size_bytes"):
        lk.sizing.report(pl.DataFrame({"path": ["a"], "size_bytes": [None]}))
    with pytest.raises(InvalidArgument, match="is no lake"):
        lk.sizing.example_files(3, partitions=4)


def test_a_table_without_files_has_no_percentiles_and_no_skew():
    found = lk.sizing.report(make_table([]), book=BOOK)
    assert (found.percentiles, found.skew, found.accepted_files) == ({}, None, 0)
    assert "0 files" in found._repr_html_()
