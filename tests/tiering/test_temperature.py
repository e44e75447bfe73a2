"""Partitions are hot, warm, cold or archive by who reads them, and never colder than the watching can tell."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.tiering import AgeOnly, Reads, Thresholds, heat, make_reads
from tests.tiering.tables import NOW, make_table

TABLE = make_table([("p=1/a.parquet", 1000, 400), ("p=1/b.parquet", 3000, 400), ("p=2/a.parquet", 5000, 400)])
MONTH = 365 / 12


def make_source(*reads, first_days=365):
    """Reads as (path, days ago, bytes); the source began to watch so many days ago."""
    rows = [(path, NOW - timedelta(days=days), size) for path, days, size in reads]
    schema = {"path": pl.String, "read_at": pl.Datetime("us", "UTC"), "bytes": pl.Int64}
    frame = make_reads(pl.DataFrame(rows, schema=schema, orient="row")).frame
    return Reads(frame, "a test", first_at=NOW - timedelta(days=first_days), last_at=NOW)


def find(found, folder):
    return found.frame.row(by_predicate=pl.col("folder") == folder, named=True)


def test_rates_are_counted_over_the_time_watched():
    # two visits of p=1 in 365 days: 10 days ago a and b within a minute, 100 days ago a; 12 months are 365 days
    minute = 1 / 24 / 60
    source = make_source(("p=1/a.parquet", 10, 700), ("p=1/b.parquet", 10 - minute, 300), ("p=1/a.parquet", 100, 200))
    row = find(heat(TABLE, source), "p=1/")
    assert row["reads_per_month"] == pytest.approx(2 / 12)
    assert row["requests_per_month"] == pytest.approx(3 / 12)
    assert row["bytes_per_month"] == pytest.approx(1200 / 12)
    assert row["file_reads_per_month"] == pytest.approx(3 / 12)  # a twice, b once
    assert row["file_bytes_per_month"] == pytest.approx((1000 + 3000 + 1000) / 12)  # whole files
    assert row["days_since_read"] == pytest.approx(10, abs=0.01)
    assert (row["temperature"], row["rule"]) == ("warm", "read 0.17 times a month, last 10 days ago: within 90 days")


def test_requests_of_one_query_are_one_read():
    # footer, then two row groups, all within half an hour; then again an hour later
    hour = 1 / 24
    times = (20, 20 - hour / 60, 20 - hour / 4, 20 - 1.3 * hour)
    row = find(heat(TABLE, make_source(*[("p=2/a.parquet", days, 10) for days in times])), "p=2/")
    assert row["reads_per_month"] == pytest.approx(2 / 12)
    assert row["requests_per_month"] == pytest.approx(4 / 12)


@pytest.mark.parametrize(
    ("visits", "last_days", "temperature"),
    [
        (13, 20, "hot"),  # more than 12 in 12 months
        (12, 20, "warm"),  # once a month, last within 90 days
        (5, 100, "warm"),  # more than once a quarter
        (4, 100, "cold"),  # once a quarter
        (3, 100, "cold"),  # more than twice a year
        (2, 100, "archive"),  # twice a year
        (1, 89, "warm"),  # within 90 days
        (0, 0, "archive"),  # not read in 365 days
    ],
)
def test_where_hot_warm_cold_and_archive_begin(visits, last_days, temperature):
    source = make_source(*[("p=2/a.parquet", last_days + 20 * number, 10) for number in range(visits)])
    assert find(heat(TABLE, source), "p=2/")["temperature"] == temperature


@pytest.mark.parametrize(
    ("watched_days", "temperature"),
    [(7, "hot"), (30, "hot"), (31, "warm"), (91, "warm"), (92, "cold"), (183, "archive")],
)
def test_no_reads_say_no_more_than_the_time_watched(watched_days, temperature):
    # not one read in 30 days may still be once in 30 days: 1.01 a month; in 92 days 0.331; in 183 days 0.1662
    row = find(heat(TABLE, make_source(first_days=watched_days)), "p=2/")
    assert row["temperature"] == temperature
    assert f"not read in the {watched_days} days watched" in row["rule"]
    assert row["days_since_read"] is None


def test_young_partitions_are_hot_whoever_reads_them():
    table = make_table([("p=1/a.parquet", 10, 29), ("p=2/a.parquet", 10, 31)])
    found = heat(table, make_source(first_days=365))
    assert find(found, "p=1/")["temperature"] == "hot"
    assert find(found, "p=1/")["rule"] == "written 29 days ago, less than 30"
    assert find(found, "p=2/")["temperature"] == "warm"  # there for 31 days: 0.98 a month at most


def test_reads_of_its_youth_tell_nothing_of_a_partitions_later_life():
    # 100 days old, read daily until 75 days ago, then once 50 days ago: once in the 70 days past the first 30
    table = make_table([("p=1/a", 10, 100), ("p=2/a", 10, 100), ("p=3/a", 10, 20)])
    young = [(f"p={number}/a", 99 - day, 10) for number in (1, 2) for day in range(25)]
    found = heat(table, make_source(*young, ("p=1/a", 50, 10), ("p=3/a", 5, 10), first_days=365))
    assert find(found, "p=1/")["requests_per_month"] == pytest.approx(1 * MONTH / 70)
    assert find(found, "p=1/")["rule"] == "read 0.43 times a month, last 50 days ago: within 90 days"
    assert find(found, "p=2/")["requests_per_month"] == 0
    assert find(found, "p=2/")["rule"] == "not read in the 75 days since it was young: within 90 days"
    # a young one has only its youth
    assert find(found, "p=3/")["requests_per_month"] == pytest.approx(1 * MONTH / 20)


def test_the_same_heat_for_a_larger_table():
    found = heat(TABLE, make_source(("p=1/a.parquet", 10, 500), ("p=2/a.parquet", 20, 500)))
    large = found.resize(size_bytes=9000 * 2**20, files=300)
    row = find(large, "p=1/")  # 4,000 of 9,000 bytes, 2 of 3 files
    assert (row["size_bytes"], row["files"], row["small_files"]) == (4000 * 2**20, 200, 0)
    assert row["bytes_per_month"] == pytest.approx(500 / 12 * 2**20)
    assert row["requests_per_month"] == pytest.approx(100 / 12)
    assert (row["reads_per_month"], row["temperature"]) == (pytest.approx(1 / 12), "warm")
    small = found.resize(size_bytes=9000, files=300).frame
    assert small["small_files"].to_list() == small["files"].to_list() == [200, 100]


def test_partitions_of_one_age_can_be_taken_together():
    # 3 files of 10 KB read twice in 200 days past their youth, 1 file of 30 KB never; and one that is much older
    table = make_table(
        [(f"p=1/{name}", 10_000, 230) for name in "abc"] + [("p=2/a", 30_000, 230), ("p=3/a", 10_000, 400)]
    )
    source = make_source(("p=1/a", 10, 600), ("p=1/b", 20, 600), ("p=3/a", 10, 100), first_days=300)
    pooled = heat(table, source).pool(days=60)
    first, second, third = (find(pooled, f"p={number}/") for number in (1, 2, 3))
    # two requests for 4 files in 200 days: half of a request a file; two visits of two partitions
    assert first["requests_per_month"] == pytest.approx(3 * 0.5 * MONTH / 200)
    assert second["requests_per_month"] == pytest.approx(1 * 0.5 * MONTH / 200)
    assert first["reads_per_month"] == second["reads_per_month"] == pytest.approx(1 * MONTH / 200)
    # 1,200 bytes of 60,000: half to each
    assert first["bytes_per_month"] == second["bytes_per_month"] == pytest.approx(600 * MONTH / 200)
    assert third["requests_per_month"] == pytest.approx(1 * MONTH / 300)
    with pytest.raises(InvalidArgument, match="days is 0"):
        pooled.pool(days=0)


def test_pooling_ages_alone_changes_nothing_within_an_age():
    found = heat(make_table([("p=1/a", 10, 40), ("p=2/a", 10, 40)]), "age", as_of=NOW)
    assert found.pool().frame.equals(found.frame)


def test_logs_that_end_early_are_told():
    found = heat(TABLE, make_source(("p=1/a.parquet", 10, 10)), as_of=NOW + timedelta(days=40))
    assert "The source ends 40 days before; silence since then counts as no reads." in repr(found)
    assert "The source ends" not in repr(heat(TABLE, make_source(("p=1/a.parquet", 10, 10))))


def test_thresholds_can_be_set():
    source = make_source(*[("p=2/a.parquet", 10 + number, 10) for number in range(12)])
    assert find(heat(TABLE, source), "p=2/")["temperature"] == "warm"
    assert find(heat(TABLE, source, thresholds=Thresholds(hot_reads_per_month=0.9)), "p=2/")["temperature"] == "hot"
    with pytest.raises(InvalidArgument, match="reads a month must fall and days rise"):
        Thresholds(hot_reads_per_month=0.1)
    with pytest.raises(InvalidArgument, match="visit_minutes is 0"):
        Thresholds(visit_minutes=0)


def test_ages_alone_are_called_an_assumption():
    table = make_table([(f"p={age}/a", 10, age) for age in (1, 29, 30, 89, 90, 364, 365)])
    found = heat(table, "age", as_of=NOW)
    by_age = {int(row["folder"][2:-1]): row["temperature"] for row in found.frame.iter_rows(named=True)}
    assert by_age == {1: "hot", 29: "hot", 30: "warm", 89: "warm", 90: "cold", 364: "cold", 365: "archive"}
    assert find(found, "p=90/")["reads_per_month"] == 0.25
    assert "ages alone, an assumption" in repr(found)
    assert found.observed_days is None
    rare = AgeOnly(reads_per_month={"hot": 1, "warm": 0, "cold": 0, "archive": 0})
    assert find(heat(table, rare, as_of=NOW), "p=90/")["bytes_per_month"] == 0
    with pytest.raises(InvalidArgument, match="missing, or negative, for cold, archive"):
        AgeOnly(reads_per_month={"hot": 1, "warm": 1})


@pytest.mark.parametrize(
    ("key", "bucket", "is_match"),
    [
        ("t/p=1/a.parquet", "lake", True),
        ("t/p%3D1/a.parquet", "lake", True),  # as clients send it
        ("t/p%253D1/a.parquet", "lake", True),  # as S3 logs it
        ("p=1/a.parquet", "lake", False),  # a key of the bucket, not of the table
        ("other/p=1/a.parquet", "lake", False),
        ("p=1/a.parquet", "", True),  # relative to the table
        ("s3://lake/t/p=1/a.parquet", "", True),
    ],
)
def test_keys_are_found_however_they_are_written(key, bucket, is_match):
    frame = pl.DataFrame({"path": [key], "read_at": [NOW - timedelta(days=1)]})
    found = heat(TABLE, make_reads(frame, bucket=bucket))
    assert (find(found, "p=1/")["requests_per_month"] > 0, found.unmatched) == (is_match, 0 if is_match else 1)
    assert ("went to files that the table does not have" in repr(found)) is not is_match


def test_a_name_that_holds_a_percent_sign_is_itself():
    table = make_table([("p=a%20b/a.parquet", 10, 400), ("p=a b/a.parquet", 10, 400)])
    frame = pl.DataFrame({"path": ["t/p=a%20b/a.parquet"], "read_at": [NOW]})
    assert find(heat(table, make_reads(frame, bucket="lake")), "p=a%20b/")["requests_per_month"] > 0


def test_logs_of_another_bucket_are_refused():
    with pytest.raises(InvalidArgument, match="of the bucket 'x'; t lies in 'lake'"):
        heat(TABLE, make_reads(pl.DataFrame({"path": ["a"], "read_at": [NOW]}), bucket="x"))


def test_what_is_no_source_is_refused():
    with pytest.raises(InvalidArgument, match="'logs' is not a source of reads"):
        heat(TABLE, "logs")
    with pytest.raises(InvalidArgument, match="as_of='soon' is not a moment"):
        heat(TABLE, "age", as_of="soon")


def test_files_of_a_folder_in_two_classes_are_two_rows():
    table = make_table([("p=1/a", 10, 400), ("p=1/b", 20, 400, "STANDARD_IA"), ("c", 5, 400)])
    found = heat(table, make_source(("p=1/b", 5, 20)))
    assert found.frame.select("folder", "storage_class", "files", "size_bytes").rows() == [
        ("", "STANDARD", 1, 5),
        ("p=1/", "STANDARD", 1, 10),
        ("p=1/", "STANDARD_IA", 1, 20),
    ]
    assert found.frame["reads_per_month"].to_list() == pytest.approx([0, 0, 1 / 12])


def test_small_files_are_those_under_128_kib():
    table = make_table([("a", 131_071, 400), ("b", 131_072, 400)])
    assert heat(table, "age", as_of=NOW).frame.select("small_files", "small_bytes").row(0) == (1, 131_071)


def test_reads_after_the_moment_do_not_count():
    source = make_source(("p=1/a.parquet", 10, 10), ("p=1/a.parquet", 1, 10))
    row = find(heat(TABLE, source, as_of=NOW - timedelta(days=5)), "p=1/")
    assert row["days_since_read"] == pytest.approx(5)
    assert row["requests_per_month"] == pytest.approx(MONTH / 360)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 364)), max_size=30))
def test_no_request_is_lost_or_counted_twice(reads):
    names = TABLE.files["path"].to_list()
    found = heat(TABLE, make_source(*[(names[index], days, 10) for index, days in reads]))
    assert found.frame["requests_per_month"].sum() * 12 == pytest.approx(len(reads))
    assert found.frame["bytes_per_month"].sum() * 12 == pytest.approx(10 * len(reads))
    assert found.summarise()["partitions"].sum() == found.frame.height == 2


def test_a_real_table_on_disk_has_its_heat():
    table = lk.open_table("data/sample/lake/flights")
    at = table.files["modified_at"].max() + timedelta(days=400)
    reads = table.files.head(3).select("path", pl.lit(at - timedelta(days=1)).alias("read_at"))
    found = heat(table, reads, as_of=at)
    assert found.frame.height == 31
    assert found.frame.filter(pl.col("days_since_read") == 1).height == 3
    assert str(at.date()) in repr(found)
    assert isinstance(found.as_of, datetime) and found.as_of.tzinfo == UTC
    assert "<table" in found._repr_html_()
