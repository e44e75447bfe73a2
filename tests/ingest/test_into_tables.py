"""A batch for a table that is there takes its types, widens them, or quarantines; partitions come back as written."""

import datetime as dt
import json

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import lakekit as lk


@pytest.fixture
def drifted(folder, tmp_path):
    """A table whose column n is int32 in one file and int64 in another."""
    (tmp_path / "table").mkdir()
    pq.write_table(pa.table({"n": pa.array([1], pa.int32()), "s": ["x"]}), tmp_path / "table" / "a.parquet")
    pq.write_table(pa.table({"n": pa.array([2], pa.int64()), "s": ["y"]}), tmp_path / "table" / "b.parquet")
    return folder


def column_type(home, column: str = "n") -> pa.DataType:
    return home.open().schema.field(column).type


def test_a_batch_takes_the_types_of_the_table(drifted, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"n,s\n3,4\n")
    done = drifted.write(tmp_path / "in.csv")
    assert done.widened == ()
    schema = pq.read_schema(f"{drifted.url}/{done.files[0]}")
    assert (schema.field("n").type, schema.field("s").type) == (pa.int64(), pa.string())


def test_a_column_is_widened_and_the_result_tells_it(drifted):
    done = drifted.write(pa.table({"n": [0.5]}), batch_id="x")
    assert done.widened == ("n: int64 became double",)
    assert column_type(drifted) == pa.float64()
    assert sorted(drifted.open().polars().collect()["n"]) == [0.5, 1, 2]
    assert "widened: n: int64 became double" in repr(done)
    assert drifted.write(pa.table({"n": [0.5]}), batch_id="x").widened == done.widened


def test_rows_in_conflict_are_quarantined_with_the_reason(drifted, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"n,s\n3,a\nfour,b\n005,c\n,d\n")
    done = drifted.write(tmp_path / "in.csv")
    told = [json.loads(line) for line in drifted.read(done.quarantine[0]).splitlines()]
    assert [(one["line"], one["reason"], one["text"]) for one in told] == [
        (3, "the column 'n' is int64, and 'four' is not", "four,b"),
        (4, "the column 'n' is int64, and '005' is not", "005,c"),
    ]
    assert (done.rows, done.quarantined, column_type(drifted)) == (2, 2, pa.int64())


def test_typed_rows_in_conflict_are_quarantined_as_json(drifted):
    rows = pa.table({"n": pa.array([[1], None]), "s": ["a", "b"]})
    done = drifted.write(rows, batch_id="x")
    told = json.loads(drifted.read(done.quarantine[0]))
    assert (told["line"], json.loads(told["text"])) == (1, {"n": [1], "s": "a"})
    assert done.rows == 1


def test_a_new_column_is_added_and_one_that_is_missing_is_null(drifted):
    drifted.write(pa.table({"new": [True]}), batch_id="x")
    rows = drifted.open().polars().filter(pl.col("new").is_not_null()).collect().to_dicts()
    assert rows == [{"n": None, "s": None, "new": True}]


def test_names_that_differ_in_case_are_refused(drifted):
    with pytest.raises(lk.ColumnNameConflict, match="'n' and 'N'"):
        drifted.write(pa.table({"N": [1]}), batch_id="x")


def test_the_keys_of_the_table_are_taken_and_others_are_refused(folder):
    folder.write(pa.table({"k": [1], "n": [1]}), batch_id="1", partition_by="k")
    assert folder.write(pa.table({"k": [2], "n": [2]}), batch_id="2").files[0].startswith("k=2/")
    with pytest.raises(lk.PartitionMismatch, match="partitioned by k, not by n"):
        folder.write(pa.table({"k": [2], "n": [2]}), batch_id="3", partition_by="n")


TEXTS = [None, "", " ", "a b", "50%", "a/b", "k=v", "é日本", "2024-01-05", "-7", "1", "01", "a+b", "%41", ".", ".."]
TEXTS += ["a'b\"c", "#?&*:\\{}[]^", "line\nbreak", "~", "NULL", "_x", "null"]


def test_every_text_as_a_partition_value_comes_back_from_every_engine(home):
    rows = pa.table({"k": TEXTS, "i": range(len(TEXTS))})
    done = home.write(rows, batch_id="x", partition_by="k")
    assert len(done.files) == len(TEXTS)
    table = home.open(partitions={"k": "string"})
    expected = dict(enumerate(TEXTS))
    con = duckdb.connect()
    assert dict(table.polars().select("i", "k").collect().iter_rows()) == expected
    assert dict(table.duckdb(con, "t").select("i, k").fetchall()) == expected
    assert {row["i"]: row["k"] for row in table.arrow().read_all().to_pylist()} == expected


def test_plain_hive_readers_read_the_same_partition_values(folder):
    folder.write(pa.table({"k": TEXTS, "i": range(len(TEXTS))}), batch_id="x", partition_by="k")
    expected = dict(enumerate(TEXTS))
    glob = f"{folder.url}/**/*.parquet"
    by_duckdb = duckdb.sql(
        f"SELECT i, k FROM read_parquet('{glob}', hive_partitioning = true, hive_types = {{'k': varchar}})"
    )
    assert dict(by_duckdb.fetchall()) == expected
    by_polars = pl.scan_parquet(glob, hive_partitioning=True, hive_schema={"k": pl.String})
    assert dict(by_polars.select("i", "k").collect().iter_rows()) == expected
    hive = ds.partitioning(pa.schema([("k", pa.string())]), flavor="hive")
    by_arrow = ds.dataset(folder.url, partitioning=hive).to_table().to_pylist()
    assert {row["i"]: row["k"] for row in by_arrow} == expected


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        ([dt.date(2024, 1, 5), None, dt.date(1969, 12, 31)], None),
        ([0, -7, None, 2**62], None),
        (["01", "1", None], None),
        (["2024-01-05T10:00:00.25", None, "2024-01-05T00:00:00"], None),
        ([True, False, None], "bool"),
        ([1.5, -0.25, None], "double"),
    ],
)
def test_partition_values_of_every_type_come_back(folder, values, declared):
    column = pa.array(values)
    if isinstance(values[0], str) and "T" in values[0]:
        column = column.cast(pa.timestamp("us"))
    folder.write(pa.table({"k": column, "i": range(len(values))}), batch_id="x", partition_by="k")
    table = folder.open(partitions={"k": declared} if declared else None)
    found = dict(table.polars().select("i", "k").collect().iter_rows())
    assert [found[i] for i in range(len(values))] == column.to_pylist()


def test_the_text_that_means_null_in_a_path_is_quarantined(folder):
    done = folder.write(
        pa.table({"k": ["__HIVE_DEFAULT_PARTITION__", None], "i": [0, 1]}), batch_id="x", partition_by="k"
    )
    assert (done.rows, done.quarantined) == (1, 1)
    assert "means NULL in a path" in json.loads(folder.read(done.quarantine[0]))["reason"]


def test_rows_of_many_keys_with_many_values_lie_in_their_own_folders(folder):
    keys = [f"k{number}" for number in range(7)]
    rows = pa.table({name: range(600) for name in [*keys, "v"]})  # 600 ** 7 is 2.8e19, more than 2 ** 63 = 9.2e18
    assert folder.write(rows, batch_id="x", partition_by=keys).rows == 600
    found = [set(row) for row in folder.open().polars().select(*keys, "v").collect().rows()]
    assert len(found) == 600 and all(len(values) == 1 for values in found)


def test_a_text_key_keeps_texts_that_look_like_numbers(folder, tmp_path):
    for name, lines in (("a", "1.10,1\nbeta,2"), ("b", "1.10,3\n1.1,4\n2.00,5"), ("c", "TRUE,6"), ("d", ",7")):
        (tmp_path / f"{name}.csv").write_text(f"version,x\n{lines}\n")
        folder.write(tmp_path / f"{name}.csv", partition_by="version" if name == "a" else None)
    found = dict(folder.open().polars().select("x", "version").collect().rows())
    assert found == {1: "1.10", 2: "beta", 3: "1.10", 4: "1.1", 5: "2.00", 6: "TRUE", 7: None}


def test_values_of_a_key_take_the_type_that_it_has_or_are_set_apart(folder, tmp_path):
    folder.write(pa.table({"k": [1, 2], "v": [1, 2]}), batch_id="a", partition_by="k")
    done = folder.write(pa.table({"k": [1.0, None, 1.5], "v": [3, 4, 5]}), batch_id="b")  # as pandas has NULLs
    assert (done.rows, done.quarantined) == (2, 1)
    (tmp_path / "in.csv").write_text("k,v\n2,6\nbeta,7\n")
    assert folder.write(tmp_path / "in.csv").quarantined == 1
    found = folder.open().polars().select("k", "v").collect()
    assert sorted(found.rows(), key=lambda row: row[1]) == [(1, 1), (2, 2), (1, 3), (None, 4), (2, 6)]


def test_doubles_and_times_of_a_key_stand_in_every_batch_as_in_the_first(folder):
    moment = dt.datetime(2024, 1, 5, 10, tzinfo=dt.UTC)
    rows = pa.table({"k": [1.0, 1.5], "t": [moment, moment], "v": [1, 2]})
    first = folder.write(rows, batch_id="a", partition_by=["k", "t"])
    second = folder.write(rows, batch_id="b")
    assert (second.rows, second.quarantined) == (2, 0)
    assert {path.rpartition("/")[0] for path in first.files} == {path.rpartition("/")[0] for path in second.files}


def test_a_partition_value_too_long_for_the_name_of_a_folder_is_set_apart(home):
    # 255 bytes are a name: "k=" and 253 letters, or 84 blanks as "%20" (252 bytes), or 126 letters of two bytes
    fit, unfit = ["x" * 253, " " * 84, "é" * 126, None], ["x" * 254, " " * 85, "é" * 127]
    rows = pa.table({"k": [*fit, *unfit], "v": range(7)})
    done = home.write(rows, batch_id="x", partition_by="k")
    assert (done.rows, done.quarantined) == (4, 3)
    told = [json.loads(line) for line in home.read(done.quarantine[0]).splitlines()]
    assert [one["line"] for one in told] == [5, 6, 7]
    assert "'k' makes a folder whose name is longer than 255 bytes" in told[0]["reason"]
    assert set(home.open().polars().collect()["k"]) == set(fit)
