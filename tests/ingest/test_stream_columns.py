"""A stream that goes on takes the columns of its table as they are by now, whoever added them."""

from pathlib import Path

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.ingest import MemorySource, StreamOptions, read_quarantined, stream


@pytest.fixture
def orders(tmp_path):
    """A stream of one record, and the table in which it is."""
    source, table = MemorySource("orders", {"0": [b'{"n": 1}']}), str(tmp_path / "orders")
    stream(source, table)
    return source, table


def test_a_column_that_a_batch_added_since_keeps_its_type(orders):
    source, table = orders
    lk.ingest.write_batch(pa.table({"n": [2], "zip": ["01234"]}), table, batch_id="b")
    source.append("0", [b'{"n": 3, "zip": 1234}', b'{"n": 4, "zip": "04321"}'])
    done = stream(source, table)
    assert (done.rows, done.quarantined) == (1, 1)  # as text, 1234 may have been 01234 or 1234
    assert read_quarantined(table)["reason"].to_list() == ["zip: 1234 is int64, the column is string"]
    rows = lk.open_table(table).polars().sort("n").select("n", "zip").collect().rows()
    assert rows == [(1, None), (2, "01234"), (4, "04321")]


def test_a_column_that_a_batch_made_wider_stays_so(orders):
    source, table = orders
    lk.ingest.write_batch(pa.table({"n": [0.5]}), table, batch_id="b")
    source.append("0", [b'{"n": 1.5}'])
    assert stream(source, table).rows == 1  # n was int64 in the stream's own file
    assert sorted(lk.open_table(table).polars().collect()["n"]) == [0.5, 1, 1.5]


def test_a_declared_type_is_taken_and_the_tables_other_columns_are_known(orders):
    source, table = orders
    lk.ingest.write_batch(pa.table({"n": [2], "zip": ["01234"]}), table, batch_id="b")
    source.append("0", [b'{"n": 3, "at": "2026-11-25", "zip": 1}', b'{"n": 3, "at": "2026-11-25"}'])
    done = stream(source, table, options=StreamOptions(schema=pa.schema([("at", pa.date32())])))
    assert (done.rows, done.quarantined) == (1, 1)
    assert lk.open_table(table).schema.field("at").type == pa.date32()


def test_of_a_stream_only_the_newest_file_of_each_shard_is_opened(orders):
    source, table = orders
    source.append("0", [b'{"n": 2}'])
    stream(source, table)
    oldest = Path(table) / "memory-orders/0/from-00000000000000000000.parquet"
    oldest.write_bytes(b"x" * 100)
    source.append("0", [b'{"n": 3}'])
    assert stream(source, table).rows == 1
