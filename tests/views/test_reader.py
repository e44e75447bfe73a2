"""Reading files into Arrow tables: the columns asked for, by few and bounded requests."""

import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit import StaleFile
from lakekit.views import reader
from lakekit.views.reader import TableReader
from lakekit.views.transcode import write_copy
from tests.views.lakes import count_gets, to_parquet


def read(table, columns=None, paths=None) -> pa.Table:
    files = TableReader(table.store, table.manifest).read_files(paths or table.files["path"].to_list(), columns)
    return pa.concat_tables(files)


def test_columns_come_in_the_order_asked_for(folder):
    folder.put("t/k=1/a.parquet", pa.table({"x": [1], "y": ["a"]}))
    table = folder.open_table()
    assert read(table, ["k", "y"]).to_pydict() == {"k": [1], "y": ["a"]}
    assert read(table).column_names == ["x", "y", "k"]


def test_columns_are_found_by_position_when_names_have_dots(folder):
    folder.put("t/a.parquet", pa.table({"a": [{"b": 1, "c": 2}], "a.b": [3], "z": [4]}))
    table = folder.open_table()
    assert read(table, ["a.b"]).to_pydict() == {"a.b": [3]}
    assert read(table, ["z", "a"]).to_pydict() == {"z": [4], "a": [{"b": 1, "c": 2}]}


def count_rows(table: lk.Table, paths: list[str], columns: list[str] | None = None) -> list[int]:
    """The rows of each table that a reader makes of these files."""
    return [one.num_rows for one in TableReader(table.store, table.manifest).read_files(paths, columns)]


def test_small_files_of_the_same_columns_are_one_table_as_far_as_they_follow_each_other(folder):
    for number in range(10, 30):
        more = {"y": [1] * number} if number == 15 else {}
        folder.put(f"t/k={number}/a.parquet", pa.table({"x": [number] * number} | more), row_group_size=4)
    table = folder.open_table()
    paths = table.files["path"].to_list()
    assert count_rows(table, paths) == [sum(range(10, 15)), 15, sum(range(16, 30))]
    rows = read(table, ["x", "k"], paths).to_pylist()
    assert rows == [{"x": number, "k": number} for number in range(10, 30) for _ in range(number)]
    assert count_rows(table, paths[6:] + paths[:5]) == [sum(range(16, 30)) + 10 + 11, 12 + 13 + 14]  # 16 at most


def test_of_small_files_read_together_the_one_that_is_damaged_is_named(folder):
    for number in range(5):
        folder.put(f"t/{number}.parquet", pa.table({"x": [number] * 100}), compression="zstd")
    content = to_parquet(pa.table({"x": [3] * 100}), compression="zstd")
    folder.put("t/3.parquet", content[:20] + bytes(40) + content[60:])
    table = folder.open_table()
    with pytest.raises(lk.CorruptFile, match=r"^3.parquet is damaged"):
        read(table, ["x"], table.files["path"].to_list())


def test_a_page_that_claims_a_row_too_many_takes_none_of_the_next_file(place):
    for number in range(4):
        rows = list(range(100 * number, 100 * number + 50))
        table = pa.table({"n": rows, "x": [None if n % 3 == 0 else n for n in rows]})
        data = bytearray(to_parquet(table, compression="none", use_dictionary=False))
        if number == 1:
            header = data.rfind(bytes([0x2C, 0x15, 100]))  # of the last page, with its 50 values
            data[header + 2] = 102
        place.put(f"t/{number}.parquet", bytes(data))
    lake = place.open_lake()
    for rows in (lake.polars("t").collect().to_dicts(), lake["t"].arrow().read_all().to_pylist()):
        assert rows == [{"n": n, "x": None if n % 3 == 0 else n} for h in (0, 100, 200, 300) for n in range(h, h + 50)]
    assert lake.sql("SELECT count(*), count(*) FILTER (x <> n) FROM t").fetchall() == [(200, 0)]


def test_a_small_file_is_a_table_a_long_one_is_a_table_a_row_group_and_an_empty_one_is_none(folder):
    folder.put("t/a.parquet", pa.table({"x": list(range(10))}), row_group_size=4)
    folder.put("t/b.parquet", pa.table({"x": pa.array([], pa.int64())}))
    long = pa.table({"x": list(range(200_000))})  # 1.6 MB
    folder.put("t/c.parquet", long, row_group_size=80_000, use_dictionary=False, compression="none")
    table = folder.open_table()
    assert count_rows(table, ["a.parquet", "b.parquet", "c.parquet"]) == [10, 80_000, 80_000, 40_000]
    assert count_rows(table, ["b.parquet", "a.parquet"], []) == [10]  # no column, and so nothing to read


def test_a_small_file_is_one_request_and_a_long_one_is_read_where_it_is_needed(place):
    wide = pa.table({name: list(range(300_000)) for name in "abcd"})  # 2.4 MB each
    place.put("t/long.parquet", wide, use_dictionary=False, compression="none")
    place.put("t/short.parquet", pa.table({"a": [1], "d": [1]}))
    table = place.open_table()
    before = table.store.requests.snapshot()
    _, gets = count_gets(table, lambda: read(table, ["a", "d"], ["long.parquet"]))
    assert gets == 2  # one for each column, as 4.8 MB lie between them
    assert table.store.requests.since(before)["bytes"] < 5_000_000
    assert count_gets(table, lambda: read(table, ["a", "d"], ["short.parquet"]))[1] == 1


def test_files_are_read_in_order_whatever_the_read_ahead(place, monkeypatch):
    for number in range(30):
        place.put(f"t/{number:02}.parquet", pa.table({"x": [number] * 100}), row_group_size=40)
    table = place.open_table()
    for ahead_bytes in (1, 2_000, 10**9):
        monkeypatch.setattr(reader, "READ_AHEAD_BYTES", ahead_bytes)
        monkeypatch.setattr(reader, "DECODE_AHEAD_BYTES", ahead_bytes)
        assert read(table)["x"].to_pylist() == [number for number in range(30) for _ in range(100)]


def test_a_version_that_is_gone_is_stale(place):
    place.put("t/a.parquet", pa.table({"x": [1]}))
    table = place.open_table()
    place.put("t/a.parquet", pa.table({"x": [2]}))
    with pytest.raises(StaleFile, match="a.parquet has changed"):
        read(table)


def test_a_copy_holds_the_columns_as_the_table_has_them(folder):
    folder.put("t/a.parquet", pa.table({"x": pa.array([1, None], pa.int8()), "d": pa.array([1, 2], pa.duration("s"))}))
    folder.put("t/b.parquet", pa.table({"x": [1.5]}))
    table = folder.open_table()
    rows = TableReader(table.store, table.manifest)
    copy = write_copy(rows, "a.parquet", ["x"], table.files["modified_at"][0])
    found = pq.read_table(pa.BufferReader(copy.read(0, copy.size_bytes)))
    assert found.to_pydict() == {"x": [1.0, None]}


def test_files_that_are_much_larger_decoded_than_stored_are_not_decoded_far_ahead(folder):
    for number in range(40):  # a million zeros: 8 MB decoded, some kB stored
        folder.put(f"t/{number:02}.parquet", pa.table({"x": pa.repeat(pa.scalar(0), 1_000_000)}))
    table = folder.open_table()
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for one in TableReader(table.store, table.manifest).read_files(table.files["path"].to_list()):
        if not rows:
            time.sleep(0.5)  # what may be decoded meanwhile is
        rows += one.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    # 64 MiB ahead, one in each of at most 4 threads, and those that are here; all of them would be 320 MB
    assert rows == 40_000_000 and most < 64 * 2**20 + 8 * 8_000_000
