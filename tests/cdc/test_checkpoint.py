"""Where an extraction goes on: watermarks of every kind, and files that were removed meanwhile."""

import json
import sqlite3
import uuid
from datetime import date
from decimal import Decimal

import pytest

import lakekit as lk
from lakekit.cdc.checkpoint import decode_mark, encode_mark
from lakekit.errors import InvalidArgument
from lakekit.storage import open_writer
from tests.cdc.journals import NOW, add, collect_changes, extract, read_both


def test_bytes_can_be_the_watermark_as_a_rowversion_is(folder):
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE t (id INTEGER, version BLOB)")
    con.executemany("INSERT INTO t VALUES (?, ?)", [(1, b"\x00\xff"), (2, b"\x01\x00")])
    options = {"key": "id", "watermark": "version", "as_of": NOW}
    assert lk.cdc.extract(con, "t", folder.url, **options).checkpoint == b"\x01\x00"
    assert lk.cdc.extract(con, "t", folder.url, **options).files == ()
    con.executemany("INSERT INTO t VALUES (?, ?)", [(3, b"\x00\x01"), (4, b"\x01\x01")])  # before, and after
    run = lk.cdc.extract(con, "t", folder.url, **options)
    assert run.updated == 1 and [row[0] for row in read_both(run.open_state())] == [1, 2, 4]


@pytest.mark.parametrize(
    "mark",
    [7, 1.5, "x", Decimal("1.50"), NOW, date(2026, 1, 31), b"\x00\xff", uuid.UUID(int=7)],
    ids=lambda mark: type(mark).__name__,
)
def test_a_watermark_is_noted_and_read_back(mark):
    assert decode_mark(json.loads(json.dumps(encode_mark(mark)))) == mark


def test_a_watermark_that_could_not_be_noted_or_read_back_is_an_error():
    with pytest.raises(InvalidArgument, match="is a time, from which no later call could go on"):
        encode_mark(NOW.replace(hour=12, minute=30).time())
    with pytest.raises(InvalidArgument, match=r"notes '1 day' as its watermark, of the kind timedelta"):
        decode_mark(["timedelta", "1 day"])


def test_an_old_file_that_was_removed_hinders_no_later_extraction(con, place):
    for number in (1, 2, 3):
        add(con, number, "a", number)
        assert extract(con, place).files == (f"CDC0000000{number}.parquet",)
    open_writer(place.url, place.storage).remove("CDC00000001.parquet")
    add(con, 4, "d", 4)
    run = extract(con, place)
    assert run.files == ("CDC00000004.parquet",)
    assert collect_changes(run.open_state())["lk_sequence"].to_list() == [2, 3, 4]
