"""Folders as a source: keys are told by their names, and of tables only what readers of the table see is taken."""

import datetime as dt

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.storage.writer import Writer

MAY_5, MAY_6 = dt.date(2024, 5, 5), dt.date(2024, 5, 6)


@pytest.fixture
def days(tmp_path):
    """Two days of CSV in folders of Hive."""
    for day, number in ((MAY_5, 1), (MAY_6, 2)):
        (tmp_path / f"in/day={day}").mkdir(parents=True)
        (tmp_path / f"in/day={day}/rides.csv").write_text(f"n\n{number}\n")
    return tmp_path / "in"


def read_days(home) -> list[tuple]:
    return sorted(home.open().polars().select("day", "n").collect().rows())


@pytest.mark.parametrize("end", ["", "/**/*.csv", "/day=*/*.csv"])
def test_the_folders_below_an_address_or_a_star_are_columns(folder, days, end):
    folder.write(f"{days}{end}")
    assert read_days(folder) == [(MAY_5, 1), (MAY_6, 2)]


def test_so_are_those_right_above_files_that_are_named_one_by_one(folder, days):
    done = folder.write(sorted(days.rglob("*.csv")), partition_by="day")
    assert read_days(folder) == [(MAY_5, 1), (MAY_6, 2)]
    assert [path.partition("/")[0] for path in done.files] == ["day=2024-05-05", "day=2024-05-06"]


def test_the_same_files_read_without_their_folders_are_not_the_same_batch(folder, tmp_path):
    (tmp_path / "in/day=2024-05-05/noon").mkdir(parents=True)
    (tmp_path / "in/day=2024-05-05/noon/rides.csv").write_text("n\n1\n")
    folder.write(tmp_path / "in")
    assert read_days(folder) == [(MAY_5, 1)]
    with pytest.raises(lk.InvalidArgument, match="read as csv, delimiter=',', with day of their folders, not csv"):
        folder.write(tmp_path / "in/day=2024-05-05/noon")  # of which day they are cannot be told from there


def test_a_folder_of_parquet_gives_the_columns_of_the_table_that_it_is(home, tmp_path):
    rows = pa.table({"k": ["1.10", "b", None], "v": [1, 2, 3]})
    lk.ingest.write_batch(rows, tmp_path / "source", batch_id="x", partition_by="k")
    home.write(tmp_path / "source")
    assert sorted(home.open().polars().select("v", "k").collect().rows()) == [(1, "1.10"), (2, "b"), (3, None)]


def test_a_column_in_the_files_gives_way_to_the_folder_of_its_name_as_in_a_table(folder, tmp_path):
    (tmp_path / "in/k=7").mkdir(parents=True)
    pq.write_table(pa.table({"k": [1], "v": [1]}), tmp_path / "in/k=7/a.parquet")
    folder.write(tmp_path / "in")
    assert folder.open().polars().select("k", "v").collect().rows() == [(7, 1)]


@pytest.mark.parametrize("end", ["", "/*.parquet"])
def test_the_files_of_a_delta_table_are_refused_as_some_are_not_its_rows_any_more(folder, tmp_path, end):
    deltalake.write_deltalake(tmp_path / "delta", pa.table({"v": [1, 2, 3]}))
    deltalake.DeltaTable(tmp_path / "delta").delete("v = 2")
    with pytest.raises(lk.InvalidArgument, match=r"is a Delta table: its log, _delta_log/.*\n.*open_table"):
        folder.write(f"{tmp_path}/delta{end}")
    folder.write(lk.open_table(tmp_path / "delta").polars(), batch_id="x")
    assert sorted(folder.open().polars().collect()["v"]) == [1, 3]


@pytest.mark.parametrize("end", ["", "/**/*.parquet"])
def test_of_a_table_no_batch_is_taken_that_is_not_complete(folder, tmp_path, monkeypatch, end):
    source = tmp_path / "source"
    lk.ingest.write_batch(pa.table({"v": [1]}), source, batch_id="x")
    put_new = Writer.put_new

    def stop(writer, path, content):
        if path.endswith("-1.json"):  # the marker of one file
            raise KeyboardInterrupt
        return put_new(writer, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "put_new", stop)
        with pytest.raises(KeyboardInterrupt):
            lk.ingest.write_batch(pa.table({"v": [2]}), source, batch_id="y")
    assert len(list(source.glob("*.parquet"))) == 2
    folder.write(f"{source}{end}")
    assert folder.open().polars().collect()["v"].to_list() == [1]


def test_files_under_different_keys_are_refused(folder, days):
    (days / "more.csv").write_text("n\n3\n")
    with pytest.raises(lk.PartitionMismatch, match=r"different partition keys: day in .*none in more\.csv"):
        folder.write(days)
    assert folder.list() == []
