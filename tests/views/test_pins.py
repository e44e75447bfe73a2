"""Pinned files: fetched once, read without a request, and let go only when that is asked for."""

import polars as pl
import pyarrow as pa
import pytest

from lakekit import InvalidArgument, StaleFile
from lakekit.manifest.cache import cache_folder
from lakekit.storage.bytecache import LIMIT_VARIABLE, ByteCache
from tests.views.lakes import Place, put_days


@pytest.fixture(autouse=True)
def no_bytes_are_here_before():
    ByteCache(cache_folder() / "bytes").clear(pinned=True)


def count_gets(lake, action) -> int:
    """The reads that an action makes, whatever is kept."""
    before = lake["t"].store.requests.snapshot()
    action()
    return lake["t"].store.requests.since(before)["GET"]


def test_pinned_partitions_are_fetched_once_and_read_here_by_both_engines(s3):
    put_days(s3)
    lake = s3.open_lake()
    size = lake["t"].files.filter(pl.col("partition").struct.field("n") <= 2)["size_bytes"].sum()
    pinned = []
    assert count_gets(lake, lambda: pinned.append(lake.pin("t", "n <= 2"))) == 2
    assert (pinned[0].files, pinned[0].size_bytes, pinned[0].fetched_bytes) == (2, size, size)
    assert count_gets(lake, lambda: pinned.append(lake.pin("t", "n <= 2"))) == 0
    assert pinned[1].fetched_bytes == 0
    lake.cache.clear()
    query = "SELECT sum(x) FROM t WHERE n <= 2"
    assert count_gets(lake, lambda: lake.sql(query).fetchall()) == 0
    assert count_gets(lake, lambda: lake.duckdb.execute(query).fetchall()) == 0
    assert count_gets(lake, lambda: lake.polars("t").filter(pl.col("n") <= 2).collect()) == 0
    assert count_gets(lake, lambda: lake.polars("t").filter(pl.col("n") <= 3).collect()) == 1
    assert lake.sql(query).fetchall() == [(33,)]  # 11 * (1 + 2)
    lake.cache.clear(pinned=True)
    assert count_gets(lake, lambda: lake.polars("t").filter(pl.col("n") <= 2).collect()) == 2


def test_a_column_whose_name_needs_quotes_changes_nothing(s3):
    columns = {"a": [1], "select": [2], "B b": [3], 'x"y': [4], "it's": [5], "n % 2": [6]}
    for n in (1, 2, 3):
        s3.put(f"t/n={n}/x.parquet", pa.table(columns))
    lake = s3.open_lake()
    assert lake.pin("t", "n = 2").files == 1
    lake.cache.clear(pinned=True)
    query = "SELECT * FROM t WHERE n = 2"
    assert lake.preview(query).files_scanned == lake.preview(query).requests["GET"] == 1
    assert count_gets(lake, lambda: lake.sql(query).fetchall()) == 1
    lake.cache.clear()
    assert lake.preview('SELECT * FROM t WHERE n = 2 AND "n % 2" = 6').files_scanned == 3  # a plan could mean n by it
    assert lake.sql('SELECT a FROM t WHERE "n % 2" = 6').fetchall() == [(1,), (1,), (1,)]


def test_a_long_file_is_pinned_in_parts(s3):
    long = pa.table({"a": range(700_000), "b": [float(number) for number in range(700_000)]})  # 2 x 5.6 MB
    s3.put("t/long.parquet", long, use_dictionary=False, compression="none", row_group_size=200_000)
    lake = s3.open_lake()
    assert count_gets(lake, lambda: lake.pin("t")) == 2  # 8 MiB and the rest
    assert count_gets(lake, lambda: lake.polars("t").select(pl.col("b").sum()).collect()) == 0
    assert lake.sql("SELECT sum(a), max(b) FROM t").fetchall() == [(699_999 * 350_000, 699_999.0)]
    assert lake["t"].arrow().read_all().equals(long.cast(lake["t"].schema))


def test_a_file_that_changed_is_no_longer_the_pinned_one(s3):
    s3.put("t/a.parquet", pa.table({"x": [1]}))
    lake = s3.open_lake()
    lake.pin("t")
    s3.put("t/a.parquet", pa.table({"x": [2, 3]}))
    lake.refresh()
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(5,)]


def test_a_file_that_changes_while_it_is_pinned_is_stale(s3):
    s3.put("t/a.parquet", pa.table({"x": [1]}))
    lake = s3.open_lake()
    s3.put("t/a.parquet", pa.table({"x": [2, 3]}))
    with pytest.raises(StaleFile, match="a.parquet has changed"):
        lake.pin("t")
    assert lake.cache.measure().pinned_bytes == 0


def test_more_than_the_cache_may_hold_is_refused_before_anything_is_fetched(s3, monkeypatch):
    put_days(s3)
    monkeypatch.setenv(LIMIT_VARIABLE, "100")
    lake = s3.open_lake()
    gets = count_gets(lake, lambda: pytest.raises(InvalidArgument, lake.pin, "t").match("room for 100 B"))
    assert gets == 0


def test_a_condition_that_is_none_is_refused_with_the_columns(place: Place):
    put_days(place)
    with pytest.raises(InvalidArgument, match=r"(?s)where='nn = 1' is no condition on t.*Hint: its columns are .*n"):
        place.open_lake().pin("t", "nn = 1")


def test_a_value_of_another_type_is_refused_before_anything_is_fetched(s3: Place):
    put_days(s3)
    lake = s3.open_lake()
    refused = lambda: pytest.raises(InvalidArgument, lake.pin, "t", "n = 'x'").match("Could not convert string 'x'")  # noqa: E731
    assert count_gets(lake, refused) == 0


def test_in_a_folder_there_is_nothing_to_fetch(folder):
    put_days(folder)
    lake = folder.open_lake()
    assert count_gets(lake, lambda: lake.pin("t", "n = 1")) == 0
    assert lake.pin("t", "n = 1").files == 1
