"""A batch id stands for the rows it was given with: all of them, not only the first."""

import threading

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.ingest.sources import PART_ROWS

COUNT = PART_ROWS + 100


def make(last: int = -1) -> pl.DataFrame:
    """Numbers from 0 on; the last row, in the second part, may be another."""
    return pl.DataFrame({"n": [*range(COUNT - 1), last]})


def test_rows_that_differ_behind_the_first_part_are_told_from_those_that_were_written(folder):
    folder.write(make(7), batch_id="x")
    before = folder.list()
    assert not folder.write(make(7), batch_id="x").is_new
    with pytest.raises(lk.StaleFile, match=r"'x' was written from other rows: 65,636 rows of other values or order\."):
        folder.write(make(8), batch_id="x")
    with pytest.raises(lk.StaleFile, match=r"65,636 rows then, 65,637 now\.\nHint: take another batch_id"):
        folder.write(pl.concat([make(7), make(7)[:1]]), batch_id="x")
    with pytest.raises(lk.StaleFile, match="of other values or order"):
        folder.write(make(7).with_columns(pl.lit(1).alias("more")), batch_id="x")
    assert folder.list() == before


def test_rows_that_differ_behind_the_first_part_are_not_mixed_into_what_was_begun(folder, monkeypatch):
    from lakekit.ingest.writing import Job

    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(make(7), batch_id="x")
    with pytest.raises(lk.StaleFile, match=r"'x' was begun with other rows: lkbatch-.*\.parquet differs"):
        folder.write(make(8), batch_id="x")
    assert folder.write(make(7), batch_id="x").rows == COUNT


def test_it_is_the_rows_that_count_and_not_where_they_come_from(folder):
    con = duckdb.connect()
    rows = make(7).to_arrow()
    con.register("rows", rows)
    folder.write(make(7), batch_id="x", sort_by="n")
    again = [rows, rows.to_reader(max_chunksize=999), make(7).lazy(), con.sql("SELECT * FROM rows")]
    assert not any(folder.write(source, batch_id="x", target_file_bytes=lk.MIB).is_new for source in again)


def test_a_reader_that_was_read_before_has_no_rows_left_and_is_told(folder):
    reader = pa.table({"n": [1]}).to_reader()
    folder.write(reader, batch_id="x")
    with pytest.raises(lk.StaleFile, match=r"1 rows then, 0 now\.\nHint: .*make it anew"):
        folder.write(reader, batch_id="x")


def test_rows_that_went_to_the_quarantine_count_too(folder):
    def make(text):  # no file is written of either
        return pa.table({"k": ["__HIVE_DEFAULT_PARTITION__"], "text": [text]})

    folder.write(make("a"), batch_id="x", partition_by="k")
    assert not folder.write(make("a"), batch_id="x").is_new
    with pytest.raises(lk.StaleFile, match="'x' was written from other rows"):
        folder.write(make("b"), batch_id="x")


def test_files_are_read_in_the_same_way_or_there_is_an_error(folder, tmp_path, monkeypatch):
    from lakekit.ingest.writing import Job

    (tmp_path / "in.csv").write_text("a;b\n1;2\n")
    files = {"format": "csv", "delimiter": ";"}
    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(lk.ingest.Files(tmp_path / "in.csv", **files))
    with pytest.raises(lk.InvalidArgument, match=r"was begun from files read as csv, delimiter=';', not csv, delim"):
        folder.write(tmp_path / "in.csv")
    folder.write(lk.ingest.Files(tmp_path / "in.csv", **files))
    with pytest.raises(lk.InvalidArgument, match=r"was written from files read as csv, delimiter=';', not .*'a': 'str"):
        folder.write(lk.ingest.Files(tmp_path / "in.csv", **files, types={"a": "string"}))
    assert not folder.write(lk.ingest.Files([tmp_path / "in.csv"], **files)).is_new


def test_a_batch_that_was_begun_is_not_completed_in_files_of_another_size(folder, monkeypatch):
    from lakekit.ingest.writing import Job

    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(make(7), batch_id="x", target_file_bytes=lk.MIB)
    with pytest.raises(lk.InvalidArgument, match=r"begun with target_file_bytes=1048576, not 2097152"):
        folder.write(make(7), batch_id="x", target_file_bytes=2 * lk.MIB)
    assert folder.write(make(7), batch_id="x", target_file_bytes=lk.MIB).rows == COUNT


def test_of_two_who_write_other_rows_under_one_id_at_once_one_at_most_is_seen(home):
    told = {}

    def write(last):
        try:
            told[last] = home.write(make(last), batch_id="x").rows
        except lk.StaleFile as error:
            told[last] = str(error)

    threads = [threading.Thread(target=write, args=[last]) for last in (7, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [last for last, rows in told.items() if rows == COUNT]
    assert len(told) == 2 and len(done) <= 1  # both may find the other's file, and then nothing is seen
    assert all("other rows" in text for last, text in told.items() if last not in done)
    if done:
        assert sorted(home.open().polars().collect()["n"]) == sorted(make(done[0])["n"])
    else:
        with pytest.raises(lk.NoFilesFound, match="of a batch that is not complete"):
            home.open()
