"""Arrow's view: a stream of record batches with the table's schema."""

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lakekit import StaleFile
from tests.views.lakes import count_gets


def test_a_reader_has_the_schema_of_the_table_and_reads_when_asked(day_lake):
    table = day_lake["t"]
    reader, gets = count_gets(table, table.arrow)
    assert (reader.schema, gets) == (table.schema, 0)
    assert sum(batch.num_rows for batch in reader) == 12


def test_rows_come_in_the_order_of_the_paths(day_lake):
    assert day_lake["t"].arrow().read_all()["x"].to_pylist() == [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60]


def test_reading_all_asks_once_for_each_file(day_lake):
    table = day_lake["t"]
    assert count_gets(table, lambda: table.arrow().read_all().num_rows) == (12, 6)


def test_a_reader_left_early_does_no_harm(day_lake):
    reader = day_lake["t"].arrow()
    assert reader.read_next_batch().num_rows == 2
    del reader
    assert day_lake["t"].arrow().read_all().num_rows == 12


def test_a_reader_feeds_other_libraries(day_lake):
    con = duckdb.connect()
    con.register("reader", day_lake["t"].arrow())
    assert con.sql("SELECT sum(x) FROM reader").fetchall() == [(231,)]  # 11 * (1 + … + 6)
    assert pl.from_arrow(day_lake["t"].arrow().read_all())["x"].sum() == 231


def test_a_reader_of_an_older_schema_says_that_it_is_stale(folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table = folder.open_table()
    reader = table.arrow()
    folder.put("t/b.parquet", pa.table({"x": [1.5]}))
    table.refresh()
    with pytest.raises(StaleFile, match="x"):
        reader.read_all()
