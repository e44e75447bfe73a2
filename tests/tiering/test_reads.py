"""A frame of one's own, or lakekit's receipts, become reads; nothing in them is dropped or guessed."""

from datetime import UTC, datetime

import polars as pl
import pytest

from lakekit.errors import InvalidArgument, NoFilesFound
from lakekit.tiering import make_reads, read_receipts

AT = datetime(2026, 1, 1, 10)  # noqa: DTZ001 - without a zone, as many frames have it


def test_a_frame_may_leave_out_requests_and_bytes():
    reads = make_reads(pl.DataFrame({"path": ["b", "a"], "read_at": [AT, AT], "user": ["x", "y"]}))
    at = AT.replace(tzinfo=UTC)
    assert reads.frame.rows() == [("a", at, 1, 0), ("b", at, 1, 0)]
    assert (reads.first_at, reads.last_at) == (at, at)


def test_times_of_other_zones_become_utc():
    frame = pl.DataFrame({"path": ["a"], "read_at": [AT]}).with_columns(
        pl.col("read_at").dt.replace_time_zone("Asia/Tokyo")
    )
    assert make_reads(frame).frame["read_at"][0] == datetime(2026, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"file": ["a"], "read_at": [AT]}, "no column path; it has file, read_at"),
        ({"path": ["a"], "read_at": ["2026-01-01"]}, "read_at is String, not a time"),
        ({"path": ["a", None], "read_at": [AT, AT]}, "NULL or negative"),
        ({"path": ["a"], "read_at": [AT], "bytes": [-1]}, "NULL or negative"),
    ],
)
def test_a_frame_that_is_no_frame_of_reads_is_refused(columns, message):
    with pytest.raises(InvalidArgument, match=message):
        make_reads(pl.DataFrame(columns))


def test_an_empty_frame_has_no_time():
    reads = make_reads(pl.DataFrame(schema={"path": pl.String, "read_at": pl.Datetime("us")}))
    assert (reads.frame.height, reads.first_at) == (0, None)
    assert "0 requests of 0 files" in repr(reads)


RECEIPTS = pl.DataFrame(
    {
        "ended_at": [AT, AT, AT],
        "table": ["t", "t", "other"],
        "path": ["a", "b", "c"],
        "requests": [2, 3, 4],
        "bytes": [20, 30, 40],
        "query": ["q", "q", "q"],
    }
)


def test_receipts_are_of_one_table():
    with pytest.raises(InvalidArgument, match="The receipts are of other, t.\nHint: say which: table="):
        read_receipts(RECEIPTS)
    reads = read_receipts(RECEIPTS, table="t")
    assert reads.frame.select("path", "requests", "bytes").rows() == [("a", 2, 20), ("b", 3, 30)]
    assert (reads.ignored, reads.lines) == ({"of other tables": 1}, 3)


def test_receipts_are_read_from_a_folder_of_parquet(tmp_path):
    RECEIPTS[:1].write_parquet(tmp_path / "1.parquet")
    RECEIPTS[1:2].write_parquet(tmp_path / "2.parquet")
    assert read_receipts(tmp_path).frame["requests"].sum() == 5
    with pytest.raises(NoFilesFound, match="No receipts under"):
        read_receipts(tmp_path / "none")
    with pytest.raises(InvalidArgument, match="no column ended_at, requests"):
        read_receipts(RECEIPTS.drop("ended_at", "requests"))
