"""What a drifted year of small files asks of a real S3 server, counted by a proxy and not by lakekit."""

from datetime import date, timedelta

import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.storage.sandbox import start_sandbox
from tests.views.lakes import to_parquet

DAYS, FILES_A_DAY, ROWS = 40, 2, 50
FIRST = date(2023, 1, 1)
BUCKET = "year-of-tests"


def make_file(day: int, number: int) -> pa.Table:
    """50 rows: id counts on over all files, qty is whole for 20 days and fractional then, extra comes on day 30."""
    ids = range((day * FILES_A_DAY + number) * ROWS, (day * FILES_A_DAY + number + 1) * ROWS)
    columns = {"id": list(ids), "qty": [row % 7 if day < 20 else row % 7 + 0.5 for row in ids]}
    return pa.table(columns | ({"extra": [f"day {day}"] * ROWS} if day >= 30 else {}))


@pytest.fixture(scope="module")
def sandbox():
    """A server that holds the table year/events of 80 files."""
    with start_sandbox(latency_ms=0) as started:
        started.storage.boto3("s3").create_bucket(Bucket=BUCKET)
        store = started.storage.obstore(BUCKET)
        for day in range(DAYS):
            for number in range(FILES_A_DAY):
                key = f"year/events/date={FIRST + timedelta(day)}/{number}.parquet"
                store.put(key, to_parquet(make_file(day, number)))
        yield started


@pytest.fixture
def lake(sandbox) -> lk.Lake:
    """The lake, opened, of which no data is on this computer."""
    lake = lk.open_lake(f"s3://{BUCKET}/year", storage=sandbox.storage)
    lake.duckdb  # noqa: B018  the views are made
    lake.cache.clear(pinned=True)
    sandbox.reset()
    return lake


ASK = {
    "sql": lambda lake, condition: lake.sql(f"SELECT count(qty), sum(id) FROM events WHERE {condition}").fetchall(),
    "duckdb": lambda lake, condition: lake.duckdb.execute(
        f"SELECT count(qty), sum(id) FROM events WHERE {condition}"
    ).fetchall(),
    "polars": lambda lake, condition: (
        lake.polars("events").filter(pl.sql_expr(condition)).select(pl.col("qty").count(), pl.col("id").sum()).collect()
    ).rows(),
}
everywhere = pytest.mark.parametrize("engine", ASK)


def count(sandbox) -> dict[str, int]:
    counts = sandbox.counts()
    return {kind: counts[kind] for kind in ("GET", "LIST", "HEAD", "PUT", "OTHER")}


@everywhere
def test_a_day_is_as_many_requests_as_it_has_files_and_none_the_second_time(sandbox, lake, engine):
    day = "date = DATE '2023-01-26'"  # the 25th after the first: files 50 and 51, rows 2,500 to 2,599
    expected = [(100, sum(range(2_500, 2_600)))]
    assert ASK[engine](lake, day) == expected
    assert count(sandbox) == {"GET": 2, "LIST": 0, "HEAD": 0, "PUT": 0, "OTHER": 0}
    assert ASK[engine](lake, day) == expected
    assert count(sandbox)["GET"] == 2


@everywhere
def test_a_selective_condition_asks_for_the_files_whose_statistics_match(sandbox, lake, engine):
    assert ASK[engine](lake, "id BETWEEN 130 AND 160") == [(31, sum(range(130, 161)))]
    assert count(sandbox)["GET"] == 2  # rows 100 to 149, and 150 to 199
    assert ASK[engine](lake, "id > 100000") == [(0, None if engine != "polars" else 0)]
    assert ASK[engine](lake, "extra = 'day 33'") == [(100, sum(range(3_300, 3_400)))]
    assert count(sandbox)["GET"] == 4


@everywhere
def test_all_rows_are_one_request_a_file(sandbox, lake, engine):
    assert ASK[engine](lake, "id >= 0") == [(4_000, sum(range(4_000)))]  # 40 days x 2 files x 50 rows
    assert count(sandbox)["GET"] == 80


def test_a_cold_open_is_the_listing_and_one_request_a_file_and_a_warm_one_the_listing(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path))
    sandbox.reset()
    table = lk.open_table(f"s3://{BUCKET}/year/events", storage=sandbox.storage)
    assert (count(sandbox)["GET"], count(sandbox)["HEAD"]) == (80, 0)
    listed = count(sandbox)["LIST"]
    assert 1 <= listed <= 3 and table.files["rows"].sum() == 4_000
    sandbox.reset()
    lk.open_table(f"s3://{BUCKET}/year/events", storage=sandbox.storage)
    assert count(sandbox) == {"GET": 0, "LIST": listed, "HEAD": 0, "PUT": 0, "OTHER": 0}


def test_what_the_manifest_knows_is_no_request(sandbox, lake):
    query = "SELECT count(*), min(id), max(id), count(extra) FROM events"
    assert lake.sql(query).fetchall() == [(4_000, 0, 3_999, 1_000)]  # extra: 10 days x 2 x 50
    per_day = lake.sql("SELECT date, count(*) FROM events GROUP BY date ORDER BY date LIMIT 1").fetchall()
    assert per_day == [(FIRST, 100)]
    assert count(sandbox)["GET"] == 0


def test_a_join_asks_for_the_files_in_which_the_other_side_finds_rows(sandbox, lake):
    query = "SELECT sum(qty) FROM events JOIN (VALUES (130), (140)) AS few(id) USING (id)"
    assert lake.sql(query).fetchall() == [(130 % 7 + 140 % 7,)]  # 4 + 0
    assert count(sandbox)["GET"] == 1  # rows 100 to 149


@everywhere
@pytest.mark.parametrize("limit_bytes", [0, 3_000])
def test_without_room_on_this_computer_each_file_is_still_asked_for_once(sandbox, monkeypatch, engine, limit_bytes):
    monkeypatch.setenv("LAKEKIT_CACHE_BYTES", str(limit_bytes))
    lake = lk.open_lake(f"s3://{BUCKET}/year", storage=sandbox.storage)
    lake.duckdb  # noqa: B018  the views are made
    lake.cache.clear()
    sandbox.reset()
    assert ASK[engine](lake, "id < 1000") == [(1_000, sum(range(1_000)))]
    assert count(sandbox)["GET"] == 20  # 1,000 rows of 50 a file
