"""What AWS DMS writes, as Parquet and as CSV, in folders and on S3: full loads, changes, headers, dates, types."""

import gzip
import pathlib
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.errors import ColumnNameConflict, CorruptFile, InvalidArgument, NoFilesFound, TypeConflict
from tests.cdc.journals import at, collect_changes, read_both

TIME = "%Y-%m-%d %H:%M:%S.%f"  # as DMS writes TimestampColumnName


def tell(seconds: float) -> str:
    return at(seconds).strftime(TIME)


def make_changes(rows) -> pa.Table:
    """Changes as DMS has them in Parquet: Op, the commit time as text, the columns."""
    ops, times, ids, names = zip(*rows, strict=True)
    return pa.table({"Op": ops, "ts": times, "id": pa.array(ids, pa.int32()), "name": names})


@pytest.fixture
def employees(place):
    """A full load of three rows, and two files of changes in folders of days."""
    place.put_parquet(
        "LOAD00000001.parquet",
        make_changes([("I", tell(0), 1, "Ann"), ("I", tell(0), 2, "Bob"), ("I", tell(0), 3, "Cyd")]),
    )
    place.put_parquet(
        "2026/03/01/20260301-120100000.parquet", make_changes([("U", tell(10), 1, "Ann B."), ("D", tell(20), 2, "Bob")])
    )
    place.put_parquet("2026/03/02/20260302-090000000.parquet", make_changes([("I", tell(30), 2, "Bo")]))
    return place


def test_the_state_of_a_parquet_journal_is_what_the_last_change_of_each_key_left(employees):
    state = employees.open(key="id", timestamp="ts")
    assert read_both(state) == [(1, "Ann B."), (2, "Bo"), (3, "Cyd")]
    assert state.columns == ("id", "name")


def test_as_of_a_moment_counts_what_was_committed_at_or_before_it(employees):
    state = employees.open(key="id", timestamp="ts")
    assert read_both(state, at(-1)) == []
    assert read_both(state, at(0)) == [(1, "Ann"), (2, "Bob"), (3, "Cyd")]
    assert read_both(state, at(19.999999)) == [(1, "Ann B."), (2, "Bob"), (3, "Cyd")]
    assert read_both(state, at(20)) == [(1, "Ann B."), (3, "Cyd")]
    paris = at(20).astimezone(datetime.strptime("+0100", "%z").tzinfo)
    assert read_both(state, paris) == [(1, "Ann B."), (3, "Cyd")]  # the same moment, told in another zone


def test_the_history_of_a_key_tells_every_change_with_its_place(employees):
    history = employees.open(key="id", timestamp="ts").history(2)
    assert history.select("_op", "_committed_at", "_file", "_row", "name").rows() == [
        ("I", at(0), "LOAD00000001.parquet", 2, "Bob"),
        ("D", at(20), "2026/03/01/20260301-120100000.parquet", 2, "Bob"),
        ("I", at(30), "2026/03/02/20260302-090000000.parquet", 1, "Bo"),
    ]


def test_a_file_is_fetched_once_and_only_new_ones_later(employees):
    employees.open(key="id", timestamp="ts")
    employees.put_parquet("20260303-000000000.parquet", make_changes([("D", tell(40), 3, None)]))
    again = employees.open(key="id", timestamp="ts")
    folder = again.table.store.address.url
    made = {path: path.stat().st_mtime_ns for path in pathlib.Path(folder).glob("*.parquet")}
    third = employees.open(key="id", timestamp="ts")
    assert read_both(third) == [(1, "Ann B."), (2, "Bo")]
    assert made == {path: path.stat().st_mtime_ns for path in made} and len(made) == 4


def test_queries_of_the_state_have_receipts_and_as_of_leaves_out_later_files(employees):
    state = employees.open(key="id", timestamp="ts")
    con = duckdb.connect()
    state.duckdb(con, "employee", at(0))
    con.sql("SELECT * FROM employee").fetchall()
    state.polars(at(0)).collect()
    # the changes of the two other files are from 10 seconds on; Polars scans for the last positions, and for the rows
    told = state.table.receipts.select("engine", "files_scanned", "files").rows()
    assert told == [("duckdb", 1, 3), ("polars", 1, 3), ("polars", 1, 3)]


def test_a_file_that_is_written_again_is_read_again_and_its_old_version_goes_from_the_cache(folder):
    path = pathlib.Path(folder.url) / "LOAD00000001.csv"
    folder.put("LOAD00000001.csv", "1,a\n")
    assert read_both(folder.open(key="id", columns=["id", "v"])) == [(1, "a")]
    path.unlink()
    folder.put("LOAD00000001.csv", "1,a\n2,b\n")
    state = folder.open(key="id", columns=["id", "v"])
    assert read_both(state) == [(1, "a"), (2, "b")]
    assert len(list(pathlib.Path(state.table.url).glob("*.parquet"))) == 1


def test_a_change_that_was_committed_while_the_full_load_ran_is_after_the_loaded_row(folder):
    folder.put_parquet("LOAD00000001.parquet", make_changes([("I", tell(60), 1, "read before")]))
    folder.put_parquet("20260301-120100000.parquet", make_changes([("U", tell(30), 1, "changed meanwhile")]))
    assert read_both(folder.open(key="id", timestamp="ts")) == [(1, "changed meanwhile")]


def test_files_count_by_the_moment_in_their_name_and_rows_by_their_place_where_commit_times_tie(folder):
    # listed by path, b/…01 comes after a/…02; the name decides
    folder.put_parquet(
        "a/20260301-120000020.parquet", make_changes([("U", tell(5), 1, "third"), ("U", tell(5), 2, "b")])
    )
    folder.put_parquet(
        "b/20260301-120000010.parquet", make_changes([("I", tell(5), 1, "first"), ("U", tell(5), 1, "2nd")])
    )
    assert read_both(folder.open(key="id", timestamp="ts")) == [(1, "third"), (2, "b")]


def test_the_sequence_of_dms_orders_changes_though_clocks_and_files_say_otherwise(folder):
    def put(name, *rows):
        ops, times, ids, names, sequences = zip(*rows, strict=True)
        table = {"Op": ops, "ts": times, "id": ids, "name": names, "AR_H_CHANGE_SEQ": sequences}
        folder.put_parquet(name, pa.table(table))

    put("20260301-120000000.parquet", ("U", tell(9), 1, "new", "20260301120000000000000000000000010"))
    put("20260301-130000000.parquet", ("U", tell(9.5), 1, "old", "20260301120000000000000000000000009"))
    state = folder.open(key="id", timestamp="ts")
    assert read_both(state) == [(1, "new")] and state.columns == ("id", "name")
    assert read_both(state, at(9.2)) == [(1, "new")]


def test_files_without_names_of_dms_need_an_order_and_are_fine_with_one(folder):
    folder.put_parquet("part-9.parquet", pa.table({"Op": ["I"], "id": [1], "version": [8], "name": ["old"]}))
    folder.put_parquet("part-10.parquet", pa.table({"Op": ["U"], "id": [1], "version": [9], "name": ["new"]}))
    with pytest.raises(InvalidArgument, match=r"part-10.parquet is named neither as a full load"):
        folder.open(key="id")
    assert read_both(folder.open(key="id", order_by="version")) == [(1, 9, "new")]
    with pytest.raises(InvalidArgument, match=r"'old' in 'name', by which changes cannot be ordered"):
        folder.open(key="id", order_by="name")


def test_columns_are_added_dropped_and_widened_in_the_middle(folder):
    early = pa.table({"Op": ["I", "I"], "id": pa.array([1, 2], pa.int32()), "gone": ["x", "y"]})
    late = pa.table({"Op": ["U"], "id": pa.array([2**40], pa.int64()), "added": [1.5]})
    folder.put_parquet("20260301-120000000.parquet", early)
    folder.put_parquet("20260301-130000000.parquet", late)
    state = folder.open(key="id")
    assert read_both(state) == [(1, "x", None), (2, "y", None), (2**40, None, 1.5)]


def test_a_before_image_tells_that_a_key_was_changed(folder):
    load = pa.table({"id": [1, 2], "BI_id": pa.array([None, None], pa.int64()), "name": ["a", "b"]})
    change = pa.table({"Op": ["U", "U"], "id": [9, 2], "BI_id": [1, 2], "name": ["a", "bb"]})
    folder.put_parquet("LOAD00000001.parquet", load)
    folder.put_parquet("20260301-130000000.parquet", change)
    state = folder.open(key="id")
    assert read_both(state) == [(2, "bb"), (9, "a")]
    assert state.history(1)["_op"].to_list() == ["I", "D"]


def test_a_before_image_of_csv_has_the_type_of_its_column(folder):
    header = ["Op", "BI_a", "a", "b"]
    rows = [["I", "NULL", "x", 1], ["I", "NULL", "1.50", 1], ["U", "1.50", "2", 1]]
    folder.put_csv("20260301-120000000.csv", [header, *rows])
    assert read_both(folder.open(key=["a", "b"])) == [("2", 1), ("x", 1)]


def test_composite_keys_tell_rows_apart_by_all_their_columns(folder):
    rows = {"Op": ["I", "I", "D", "U"], "a": [1, 1, 1, 1], "b": ["x", "y", "x", "y"], "n": [1, 2, 3, 4]}
    folder.put_parquet("20260301-130000000.parquet", pa.table(rows))
    state = folder.open(key=["a", "b"])
    assert read_both(state) == [(1, "y", 4)]
    assert state.history((1, "x"))["n"].to_list() == [1, 3]
    with pytest.raises(InvalidArgument, match=r"The key has 2 columns \(a, b\), and 1 was given"):
        state.history(1)


def test_a_connection_that_takes_a_for_capital_a_shows_the_same_rows(folder):
    folder.put_parquet("20260301-130000000.parquet", pa.table({"Op": ["I", "I"], "id": ["a", "A"]}))
    con = duckdb.connect()
    con.execute("SET default_collation = 'nocase'")
    assert sorted(folder.open(key="id").duckdb(con, "x").fetchall()) == [("A",), ("a",)]


def test_timestamps_of_parquet_count_as_utc_when_they_have_no_zone(folder):
    naive = pa.array([at(5).replace(tzinfo=None)], pa.timestamp("us"))
    folder.put_parquet("20260301-130000000.parquet", pa.table({"Op": ["I"], "ts": naive, "id": [1]}))
    assert collect_changes(folder.open(key="id", timestamp="ts"))["_committed_at"].to_list() == [at(5)]


# CSV


def test_csv_of_dms_without_header_is_read_by_the_declared_columns(place):
    # the lines of the AWS DMS User Guide, "Using Amazon S3 as a target", with dates as ISO
    place.put_csv("LOAD00000001.csv", [[100, "Jones", "Amy", "2013-01-02", "Boston"]])
    lines = [
        ["I", 101, "Smith", "Bob", "2014-06-04", "New York"],
        ["U", 101, "Smith", "Bob", "2015-10-08", "Los Angeles"],
        ["U", 101, "Smith", "Bob", "2017-03-13", "Dallas"],
    ]
    place.put_csv("2017/03/13/20170313-113401000.csv", lines)
    columns = ["id", "last", "first", "since", "office"]
    assert read_both(place.open(key="id", columns=columns)) == [
        (100, "Jones", "Amy", date(2013, 1, 2), "Boston"),
        (101, "Smith", "Bob", date(2017, 3, 13), "Dallas"),
    ]
    place.put_csv("2017/03/14/20170314-000000000.csv", [["D", 101, "Smith", "Bob", "2017-03-13", "Dallas"]])
    assert [row[0] for row in read_both(place.open(key="id", columns=columns))] == [100]


def test_csv_with_header_null_value_gzip_and_quotes(place):
    load = "Op,ts,id,note\nI,2026-03-01 12:00:00.000000,1,NULL\nI,2026-03-01 12:00:00.000000,2,\n"
    place.put("LOAD00000001.csv.gz", gzip.compress(load.encode()))
    text = 'Op,ts,id,note\nU,2026-03-01 12:00:05.000000,2,"two ""lines"",\nand a comma"\nI,2026-03-01 12:00:06.5,3,é\n'
    place.put("20260301-120006000.csv", text)
    state = place.open(key="id", timestamp="ts")
    assert read_both(state, at(0)) == [(1, None), (2, "")]  # NULL is CsvNullValue; nothing is an empty text
    assert read_both(state) == [(1, None), (2, 'two "lines",\nand a comma'), (3, "é")]
    assert collect_changes(state)["_row"].to_list() == [2, 3, 2, 4]  # the second record takes lines 2 and 3


def test_another_null_value_delimiter_and_no_header_with_timestamps(folder):
    folder.put_csv("LOAD00000001.csv", [["I", "2026-03-01 12:00:00.000000", "a;b", ""]], delimiter="|")
    folder.put_csv("20260301-120006000.csv", [["U", "2026-03-01 12:00:09.000000", "a;b", "7"]], delimiter="|")
    state = folder.open(key="id", timestamp="ts", columns=["id", "n"], csv=lk.cdc.CsvForm(delimiter="|", null=""))
    assert read_both(state, at(8)) == [("a;b", None)]
    assert read_both(state) == [("a;b", 7)]


def test_a_full_load_without_op_whose_first_column_reads_i_can_be_declared_so(folder):
    folder.put_csv("LOAD00000001.csv", [["I", "one"]])  # a row with the key "I"
    with pytest.raises(InvalidArgument, match="begin with I: that is the operation, or the first column's value"):
        folder.open(key="k", columns=["k", "v"])
    assert read_both(folder.open(key="k", columns=["k", "v"], csv=lk.cdc.CsvForm(load_op=False))) == [("I", "one")]


def test_columns_that_were_added_at_the_end_are_null_in_files_from_before(folder):
    folder.put_csv("LOAD00000001.csv", [[1, "a"], [2, "b"]])
    folder.put_csv("20260301-120000000.csv", [["U", 2, "bb", "2.50"]])
    columns = {"id": "int64", "name": "string", "price": "decimal(6,2)"}
    rows = read_both(folder.open(key="id", columns=columns))
    assert [(*row[:2], row[2] and str(row[2])) for row in rows] == [(1, "a", None), (2, "bb", "2.50")]


def test_types_are_inferred_over_all_files_and_never_by_dropping_a_value(folder):
    header = ["Op", "id", "n", "zip", "x", "day", "when", "mixed", "big", "none"]
    rows = ["I", 1, "7", "00501", "1.5", "2026-01-31", "2026-01-31 10:00:00", "3", "9" * 20, "NULL"]
    more = ["I", 2, "-8", "10001", "2", "2026-02-28", "2026-02-28 10:00:00.25", "x3", "1", "NULL"]
    folder.put_csv("20260301-120000000.csv", [header, rows])
    folder.put_csv("20260301-130000000.csv", [header, more])
    state = folder.open(key="id")
    kinds = dict(zip(state.columns, map(str, state.polars().collect_schema().dtypes()), strict=True))
    assert kinds == {
        "id": "Int64", "n": "Int64", "zip": "String", "x": "Float64", "day": "Date", "mixed": "String",
        "when": "Datetime(time_unit='us', time_zone=None)", "big": "String", "none": "String",
    }  # fmt: skip
    assert read_both(state)[1][3:5] == (2.0, date(2026, 2, 28))


def test_a_file_that_changes_what_a_column_is_types_all_files_anew(folder):
    folder.put_csv("20260301-120000000.csv", [["Op", "id", "code"], ["I", 1, "12"]])
    assert read_both(folder.open(key="id")) == [(1, 12)]
    folder.put_csv("20260301-130000000.csv", [["Op", "id", "code"], ["I", 2, "A7"]])
    assert read_both(folder.open(key="id")) == [(1, "12"), (2, "A7")]


# Errors


def test_missing_columns_are_named_with_what_is_there(folder):
    folder.put_parquet("20260301-120000000.parquet", pa.table({"id": [1], "name": ["a"]}))
    with pytest.raises(InvalidArgument, match=r"20260301-120000000.parquet has no column 'Op'; it has id, name."):
        folder.open(key="id")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "idd"}, r"no column 'idd', which key= names; it has Op, ts, id, name.\nHint: did you mean 'id'\?"),
        ({"key": "id", "timestamp": "tz"}, r"no column 'tz', which order_by= or timestamp= names"),
        ({"key": []}, "names no column"),
        ({"key": "id", "format": "maxwell"}, "format='maxwell' is not a choice"),
        ({"key": "id", "columns": ["id"]}, "Parquet files, which have types of their own"),
        ({"key": "id", "format": "debezium", "timestamp": "ts"}, "Debezium"),
    ],
)
def test_arguments_that_name_nothing_are_errors(folder, options, message):
    folder.put_parquet("20260301-120000000.parquet", make_changes([("I", tell(1), 1, "a")]))
    with pytest.raises(InvalidArgument, match=message):
        folder.open(**options)


def test_unknown_operations_null_keys_and_bad_times_name_file_and_row(folder):
    for name, rows, message in [
        ("op", [("I", tell(1), 1, "a"), ("X", tell(1), 2, "b")], r"20260301-120000000.parquet, line 2, .*'X'.*I, U, D"),
        (
            "key",
            [("I", tell(1), 1, "a"), ("U", tell(1), None, "b")],
            r"row 2, has no value in 'id', a column of the key",
        ),
        ("time", [("I", "yesterday", 1, "a")], r"row 1, has the commit time 'yesterday'"),
    ]:
        place = type(folder)(f"{folder.url}/{name}")
        place.put_parquet("20260301-120000000.parquet", make_changes(rows))
        with pytest.raises(InvalidArgument, match=message):
            place.open(key="id", timestamp="ts")


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("I,1,a\nX,2,b\n", {}, InvalidArgument, r"20260301-120000000.csv, line 2, has the operation 'X'"),
        ("I,1,a\nU,2\n", {}, InvalidArgument, r"line 2, has 2 cells; the file has 3 columns"),
        ("I,1,a,b\n", {}, InvalidArgument, r"has 4 cells a line, and 3 columns are known: Op, id, name"),
        ("I,NULL,a\n", {}, InvalidArgument, r"row 1, has no value in 'id'"),
        ("I,1,a\nU,x1,b\n", {"id": "int64", "name": None}, TypeConflict, r"'id' is int64, and 'x1' in .*csv, line 2"),
        ("I,300,a\n", {"id": "int8", "name": None}, TypeConflict, r"'id' is int8, and '300' in .*csv, line 1"),
        ("I,1,1e400\n", {"id": "int64", "x": "double"}, TypeConflict, r"'x' is double, and '1e400' in .*csv, line 1"),
        ("Op,id,id\nI,1,2\n", {}, InvalidArgument, r"names the column 'id' twice: Op, id, id"),
        ('I,1,"a\n', {}, CorruptFile, r"line 1, is not CSV"),
        (b"I,1,\xff\n", {}, CorruptFile, r"20260301-120000000.csv cannot be read as text"),
    ],
)
def test_bad_lines_of_csv_name_file_and_line(folder, text, options, error, message):
    folder.put("20260301-120000000.csv", text)
    with pytest.raises(error, match=message):
        folder.open(key="id", columns=options or ["id", "name"])


def test_a_commit_time_that_no_clock_can_show_and_a_delimiter_that_is_none_are_told(folder):
    folder.put("20260301-120000000.csv", "I,9999-12-31T23:59:59-05:00,1\n")
    with pytest.raises(InvalidArgument, match="row 1, has the commit time '9999-12-31T23:59:59-05:00', which is none"):
        folder.open(key="id", columns=["id"], timestamp="ts")
    with pytest.raises(InvalidArgument, match="delimiter=';;' cannot stand between cells"):
        lk.cdc.CsvForm(delimiter=";;")


def test_csv_whose_columns_nobody_knows_is_an_error_that_shows_a_line(folder):
    folder.put("20260301-120000000.csv", "I,1,a\n")
    with pytest.raises(InvalidArgument, match=r"A first line: I, 1, a"):
        folder.open(key="id")


def test_a_journal_with_nothing_or_with_two_kinds_is_an_error(folder):
    folder.put("notes.txt", "x")
    with pytest.raises(NoFilesFound, match=r"No parquet or csv file under .*1 .txt there"):
        folder.open(key="id")
    folder.put("20260301-120000000.csv", "I,1,a\n")
    assert folder.open(key="id", columns=["id", "v"]).skipped == ("notes.txt",)
    folder.put_parquet("20260301-130000000.parquet", make_changes([("I", tell(1), 1, "a")]))
    with pytest.raises(InvalidArgument, match="both parquet and csv files"):
        folder.open(key="id")


def test_a_column_with_a_name_of_lakekits_own_is_refused(folder):
    folder.put_parquet("20260301-130000000.parquet", pa.table({"Op": ["I"], "id": [1], "_row": [1]}))
    with pytest.raises(ColumnNameConflict, match="_row"):
        folder.open(key="id")


def test_as_of_needs_commit_times_and_a_zone(folder):
    folder.put_parquet("20260301-130000000.parquet", make_changes([("I", tell(1), 1, "a")]))
    with pytest.raises(InvalidArgument, match="has no commit times"):
        folder.open(key="id").polars(at(1))
    with pytest.raises(InvalidArgument, match="has no time zone"):
        folder.open(key="id", timestamp="ts").duckdb(duckdb.connect(), "x", at(1).replace(tzinfo=None))


def test_nothing_is_ever_written_beside_the_journal(employees):
    before = [one.path for one in lk.storage.open_store(employees.url, employees.storage).list_objects()]
    read_both(employees.open(key="id", timestamp="ts"))
    after = [one.path for one in lk.storage.open_store(employees.url, employees.storage).list_objects()]
    assert before == after and len(after) == 3


def test_moments_before_1970_are_in_their_order(folder):
    rows = [("I", "1969-12-31 23:59:59.000000", 1, "old"), ("U", "1970-01-01 00:00:01.000000", 1, "new")]
    folder.put_parquet("20260301-130000000.parquet", make_changes(rows[::-1]))
    state = folder.open(key="id", timestamp="ts")
    assert read_both(state) == [(1, "new")]
    assert read_both(state, datetime(1970, 1, 1, tzinfo=UTC)) == [(1, "old")]
