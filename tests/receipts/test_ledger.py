"""Receipts of queries through every engine, against what the S3 server counted."""

import threading
import time

import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.receipts import ledger as ledgers
from tests.receipts.conftest import FILES, check_counts, to_parquet

QUERIES = {
    "duckdb": lambda lake: lake.duckdb.execute("SELECT sum(x) FROM t WHERE n < 3").fetchall()[0][0],
    "sql": lambda lake: lake.sql("SELECT sum(x) FROM t WHERE n < 3").fetchall()[0][0],
    "polars": lambda lake: lake.polars("t").filter(pl.col("n") < 3).select(pl.col("x").sum()).collect().item(),
}
TOTAL = 299 * 300 // 2  # 0 + 1 + … + 299


@pytest.mark.parametrize("engine", QUERIES)
def test_a_receipt_says_what_the_server_counted(lake, sandbox, engine):
    assert QUERIES[engine](lake) == TOTAL
    receipt = check_counts(lake, sandbox)
    assert dict(receipt.requests) == {"LIST": 0, "GET": 3, "HEAD": 0, "PUT": 0}
    assert (receipt.files_scanned, receipt.files) == (3, FILES)
    assert (receipt.row_groups_scanned, receipt.row_groups) == (3, FILES)
    assert receipt.tables == ("t",)
    assert receipt.seconds > 0


def test_the_receipt_of_an_arrow_reader_says_what_the_server_counted(lake, sandbox):
    assert lake["t"].arrow().read_all().num_rows == 600
    receipt = check_counts(lake, sandbox)
    assert (receipt.engine, receipt.requests["GET"], receipt.files_scanned) == ("arrow", 6, 6)


@pytest.mark.parametrize("engine", QUERIES)
def test_a_query_that_the_cache_answers_sends_nothing_and_says_so(lake, sandbox, engine):
    QUERIES[engine](lake)
    fetched = lake.receipt.bytes
    sandbox.reset()
    assert QUERIES[engine](lake) == TOTAL
    receipt = check_counts(lake, sandbox)
    assert (receipt.requests["GET"], receipt.bytes, receipt.usd) == (0, 0, 0)
    assert (receipt.cached_bytes, receipt.files_scanned) == (fetched, 3)


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
def test_a_large_file_is_read_by_ranges_and_its_row_groups_are_counted(lake, sandbox, engine):
    run = {
        "duckdb": lambda: lake.duckdb.execute("SELECT sum(x) FROM big WHERE x < 20000").fetchall(),
        "sql": lambda: lake.sql("SELECT sum(x) FROM big WHERE x < 20000").fetchall(),
        "polars": lambda: lake.polars("big").filter(pl.col("x") < 20000).select("x").collect(),
    }
    run[engine]()
    receipt = check_counts(lake, sandbox)
    assert (receipt.row_groups_scanned, receipt.row_groups) == (1, 4)  # rows 0 to 24,999 are in the first
    assert 200_000 < receipt.bytes < 210_000  # 25,000 numbers of 8 bytes, and the headers of their pages
    assert receipt.wasted_bytes <= 128  # the slack behind a chunk


def test_half_of_a_small_file_with_two_like_columns_is_wasted(lake, sandbox):
    lake.sql("SELECT sum(x) FROM t").fetchall()
    receipt = check_counts(lake, sandbox)
    lake.cache.clear()
    with_all = lake["t"].arrow().read_all()
    assert with_all.num_rows == 600
    assert 0 < lake.receipt.wasted_bytes < receipt.wasted_bytes < receipt.bytes  # footers; footers, y and s


def test_a_count_is_a_query_of_no_files(lake, sandbox):
    lake.sql("SELECT count(*) FROM t").fetchall()
    receipt = check_counts(lake, sandbox)
    assert (receipt.files_scanned, receipt.files, receipt.requests["GET"]) == (0, FILES, 0)


def test_a_count_on_a_plain_connection_is_one_as_well_and_binding_a_relation_is_none(lake):
    lake.duckdb.execute("SELECT count(*) FROM t").fetchall()
    relation = lake.duckdb.sql("SELECT x FROM t")
    assert lake.receipts["GET"].to_list() == [0]
    relation.fetchall()
    assert lake.receipts["GET"].to_list() == [0, 6]


def test_a_join_counts_the_files_of_both_tables(lake, sandbox):
    lake.sql("SELECT count(*) FROM t JOIN big ON t.x = big.y").fetchall()
    receipt = check_counts(lake, sandbox)
    assert (receipt.tables, receipt.files, receipt.files_scanned) == (("big", "t"), 7, 7)


def test_receipts_of_a_plain_connection_end_when_the_next_query_begins(lake, sandbox):
    lake.duckdb.execute("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    lake.duckdb.execute("SELECT sum(x) FROM t WHERE n IN (2, 3)").fetchall()
    lake.sql("SELECT sum(x) FROM t WHERE n = 4").fetchall()
    assert lake.receipts["GET"].to_list() == [1, 2, 1]
    assert lake.receipts["query"].to_list() == ["", "", "SELECT sum(x) FROM t WHERE n = 4"]


def test_a_refresh_is_no_query_and_counts_for_none(lake):
    lake.duckdb.execute("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    before = dict(lake.receipt.requests)
    lake.refresh()
    assert dict(lake.receipt.requests) == before
    assert lake.receipts.height == 1


def test_opening_a_lake_and_making_a_relation_leave_no_receipt(lake):
    assert lake.receipt is None and lake.receipts.height == 0
    relation = lake.sql("SELECT x FROM t")
    assert lake.receipts.height == 0
    relation.fetchall()
    relation.fetchall()  # runs again
    assert lake.receipts["cached_bytes"].to_list()[0] == 0 < lake.receipts["cached_bytes"].to_list()[1]


def test_a_stream_goes_on_after_its_relation_has_returned(lake, sandbox):
    reader = lake.sql("SELECT x, y FROM t").to_arrow_reader(50)
    assert sum(batch.num_rows for batch in reader) == 600
    receipt = check_counts(lake, sandbox)
    assert (receipt.requests["GET"], receipt.query) == (6, "SELECT x, y FROM t")


def test_a_query_that_fails_has_a_receipt(lake):
    with pytest.raises(Exception, match="Conversion Error"):
        lake.sql("SELECT CAST(s AS INT) FROM t WHERE n = 1").fetchall()
    assert (lake.receipt.requests["GET"], lake.receipts.height) == (1, 1)


def test_queries_at_the_same_time_lose_no_request(lake, sandbox):
    def run(n: int) -> None:
        lake.polars("t").filter(pl.col("n") == n).collect()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(FILES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lake.receipts.height == FILES
    assert lake.receipts["GET"].sum() == sandbox.counts()["GET"] == FILES
    assert lake.receipts["bytes"].sum() == sandbox.counts()["bytes"]


def test_a_table_without_a_lake_has_receipts_of_its_own(url, sandbox):
    table = lk.open_table(f"{url}/t", storage=sandbox.storage)
    assert table.receipt is None
    table.store.cache.clear()
    table.polars().filter(pl.col("n") == 1).collect()
    assert (table.receipt.requests["GET"], table.receipts.height) == (1, 1)


def test_what_a_huge_query_noted_is_kept_until_the_next_one(lake, monkeypatch):
    monkeypatch.setattr(ledgers, "MOST_NOTED", 0)
    for n in (1, 2):
        lake.sql(f"SELECT sum(x) FROM t WHERE n = {n}").fetchall()
    ledger = lake._catalog.ledger
    deadline = time.monotonic() + 10
    while len(ledger._kept) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(ledger._kept) == 1
    assert lake.receipts["GET"].to_list() == [1, 1]


def test_only_the_last_queries_keep_what_they_noted(lake):
    queries = ledgers.FLUSH_QUERIES + 3
    for _ in range(queries):
        lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    deadline = time.monotonic() + 10
    while len(lake._catalog.ledger._kept) > ledgers.FLUSH_QUERIES and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(lake._catalog.ledger._kept) < ledgers.FLUSH_QUERIES
    assert lake.receipts["GET"].to_list() == [1] + [0] * (queries - 1)  # and all of them their receipts


def test_recording_a_query_costs_less_than_a_millisecond(lake):
    ledger = lake._catalog.ledger
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        with ledger.record("duckdb", "SELECT 1"):
            pass
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.001


def test_a_query_that_meets_a_changed_file_pays_for_the_new_listing_too(sandbox, url):
    bucket, client = url.split("/")[2], sandbox.storage.boto3()
    keys = [f"changing/{name}/n={n}/part-0.parquet" for name in ("t", "other") for n in (1, 2)]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=to_parquet(pa.table({"x": [1, 2]})))
    lake = lk.open_lake(f"s3://{bucket}/changing", storage=sandbox.storage)
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(6,)]
    client.put_object(Bucket=bucket, Key=keys[0], Body=to_parquet(pa.table({"x": [10, 20]})))
    lake.cache.clear()
    sandbox.reset()
    assert lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall() == [(30,)]
    receipt, counts = lake.receipt, sandbox.counts()  # whose bytes are those of listings and refusals as well
    # lists the lake, t and other; asks for the old file in vain, for the new footer, and for the new file
    assert (receipt.requests["LIST"], receipt.requests["GET"]) == (counts["LIST"], counts["GET"]) == (3, 3)
    assert (receipt.files_scanned, receipt.files, receipt.tables) == (1, 2, ("t",))


def test_a_receipt_outlives_its_files_and_their_footers(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "lake/t").mkdir(parents=True)
    for name in "ab":
        (tmp_path / f"lake/t/{name}.parquet").write_bytes(to_parquet(pa.table({"x": [1, 2], "y": [3, 4]})))
    lk.open_lake(str(tmp_path / "lake"))
    for path in tmp_path.rglob("*.footers"):  # a summary of them is kept beside
        path.unlink()
    lake = lk.open_lake(str(tmp_path / "lake"))
    assert lake.polars("t").select(pl.col("x").sum()).collect().item() == 6
    for path in tmp_path.rglob("*.parquet"):  # as after a retirement
        path.unlink()
    receipt = lake.receipt
    assert (receipt.files_scanned, receipt.wasted_bytes, receipt.row_groups_scanned) == (2, None, None)
    assert "2 of 2" in repr(receipt)
    assert lake.receipts["wasted_bytes"].to_list() == [None]
