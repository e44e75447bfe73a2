"""Lakes: which folders become tables, what queries see, and how a lake shows itself."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import (
    ColumnNameConflict,
    CorruptFile,
    InvalidArgument,
    NoFilesFound,
    PartitionMismatch,
    UnsupportedTable,
)
from tests.views.lakes import ENGINES, Place, make_place, put_days, read_all, run_script, to_parquet


def test_every_folder_with_parquet_is_a_table(place):
    place.put("a/x.parquet", pa.table({"x": [1]}))
    place.put("b/k=1/x.parquet", pa.table({"x": [2]}))
    place.put("notes/readme.txt", b"hello")
    place.put("_staging/x.parquet", pa.table({"x": [3]}))
    place.put(".hidden/x.parquet", pa.table({"x": [3]}))
    place.put("top.parquet", pa.table({"x": [4]}))
    lake = place.open_lake()
    assert (list(lake), len(lake), "a" in lake, "notes" in lake) == (["a", "b"], 2, True, False)
    assert lake.sql("SELECT a.x, b.x, k FROM a, b").fetchall() == [(1, 2, 1)]


def test_an_unknown_table_is_told_with_the_nearest_name(folder):
    folder.put("flights/x.parquet", pa.table({"x": [1]}))
    with pytest.raises(KeyError, match="(?s)No table 'flight' .*Hint: did you mean 'flights'"):
        folder.open_lake()["flight"]


def test_options_for_a_table_that_is_not_there_are_refused(folder):
    folder.put("flights/x.parquet", pa.table({"x": [1]}))
    with pytest.raises(KeyError, match="(?s)for a table 'flight', which .* does not have.*Hint: tables: flights"):
        lk.open_lake(folder.url, tables={"flight": {"on_bad_file": "skip"}})


def test_arguments_that_mean_nothing_are_refused_by_name(folder):
    folder.put("t/x.parquet", pa.table({"x": [1]}))
    lake = folder.open_lake()
    for ask, message in {
        lambda: lk.open_lake(None): "(?s)An address is needed, not None.*Hint: give a folder",
        lambda: lk.open_table(5): "An address is needed, not 5",
        lambda: lk.open_lake(
            folder.url, tables={"t": {"on_bad": "skip"}}
        ): "(?s)'t'.*option 'on_bad'.*Hint: .*on_bad_file",
        lambda: lk.open_lake(folder.url, tables={"t": "skip"}): "tables.'t'.='skip' is not a mapping of options",
        lambda: lake.sql(None): "query=None",
        lambda: lake.preview(None): "query=None",
        lambda: lake.preview("-- nothing"): "it is no SELECT",
    }.items():
        with pytest.raises(InvalidArgument, match=message):
            ask()


def test_files_that_cannot_be_read_are_told_with_their_table(folder):
    folder.put("t/x.parquet", pa.table({"x": [1]}))
    folder.put("t/y=.parquet", b"no Parquet, whatever it is called")
    lake = folder.open_lake()
    assert "unreadable in t: 1 file, such as y=.parquet" in repr(lake) and "such as y=.parquet" in lake._repr_html_()
    assert "unreadable: 1 file, such as y=.parquet" in repr(lake["t"])


def test_a_place_without_tables_is_an_error_that_says_what_is_there(folder):
    folder.put("notes/readme.txt", b"hello")
    with pytest.raises(NoFilesFound, match=r"(?s)No table under .*1 folder.*notes.*Hint"):
        folder.open_lake()


def test_an_address_with_nothing_under_it_is_told_with_those_beside_it(folder):
    folder.put("lake/flights/x.parquet", pa.table({"x": [1]}))
    with pytest.raises(NoFilesFound, match=r"(?s)No table under .*lak/ \(no folders there\).*beside it: lake/"):
        lk.open_lake(f"{folder.url}/lak")


def test_the_folder_of_one_table_is_no_lake(folder):
    folder.put("day=1/x.parquet", pa.table({"x": [1]}))
    with pytest.raises(NoFilesFound, match="(?s)partitions.*Hint: .*open_table"):
        folder.open_lake()


def test_options_are_given_by_table(place):
    place.put("zips/zip=01/x.parquet", pa.table({"x": [1]}))
    place.put("logs/2024/03/x.parquet", pa.table({"x": [2]}))
    lake = place.open_lake(zips={"partitions": {"zip": "int32"}}, logs={"template": "{year:int}/{month:int}"})
    assert lake.sql("SELECT zip FROM zips").fetchall() == [(1,)]
    assert lake.sql("SELECT year, month FROM logs").fetchall() == [(2024, 3)]


def test_a_table_that_cannot_be_opened_fails_alone(folder):
    folder.put("good/x.parquet", pa.table({"x": [1]}))
    folder.put("uneven/a=1/x.parquet", pa.table({"x": [1]}))
    folder.put("uneven/b=1/x.parquet", pa.table({"x": [1]}))
    folder.put("case/x.parquet", pa.table([[1], [2]], names=["id", "ID"]))
    folder.put("broken/x.parquet", b"not Parquet")
    lake = folder.open_lake()
    assert list(lake) == ["good"]
    assert {name: type(error) for name, error in lake.failed.items()} == {
        "uneven": PartitionMismatch,
        "case": ColumnNameConflict,
        "broken": CorruptFile,
    }
    assert lake.sql("SELECT x FROM good").fetchall() == [(1,)]
    for name, kind in (("uneven", PartitionMismatch), ("case", ColumnNameConflict), ("broken", CorruptFile)):
        with pytest.raises(kind):
            lake[name]
        for query in (
            f'SELECT * FROM "{name}"',
            f'SELECT count(*) FROM "{name}"',
            f'SELECT 1 WHERE EXISTS (FROM "{name}")',
        ):
            with pytest.raises(kind):
                lake.sql(query).fetchall()
            with pytest.raises(kind):
                lake.preview(query)
            with pytest.raises(duckdb.Error, match=kind.__name__):
                lake.duckdb.execute(query).fetchall()
    assert "uneven failed" in repr(lake)


NAMELESS = {  # a table, and what the error says of it
    "has a column without a name": pa.table({"": [1, 2], "x": [3, 4]}),
    "has a field without a name, in the column 's'": pa.table({"s": [[{"": 1}], [{"": 2}]]}),
    "has no column": pa.table({"x": [1, 2]}).select([]),
}


@pytest.mark.parametrize("reason", NAMELESS)
def test_a_table_that_sql_has_no_names_for_fails_alone_in_duckdb_and_is_read_by_polars(folder, reason):
    folder.put("good/x.parquet", pa.table({"x": [1]}))
    folder.put("odd/x.parquet", NAMELESS[reason])
    lake = folder.open_lake()
    for con in (lake, lake.duckdb):
        assert con.sql("SELECT x FROM good").fetchall() == [(1,)]
    for query in ("SELECT * FROM odd", "SELECT count(*) FROM odd", "SELECT x FROM good WHERE EXISTS (FROM odd)"):
        with pytest.raises(UnsupportedTable, match=re.escape(f"The table odd {reason}")):
            lake.sql(query).fetchall()
        with pytest.raises(duckdb.Error, match="UnsupportedTable: The table odd"):
            lake.duckdb.execute(query).fetchall()
        with pytest.raises(UnsupportedTable):
            lake.preview(query)
    assert lake.polars("odd").collect().columns == NAMELESS[reason].column_names


def test_polars_reads_a_column_without_a_name_beside_one_that_is_called_as_polars_calls_such(folder):
    folder.put("t/x.parquet", pa.table({"": [1, 2], "column_0": [3, 4]}))
    frame = folder.open_lake().polars("t")
    assert frame.collect().rows() == [(1, 3), (2, 4)]
    assert frame.filter(pl.col("") > 1).select("column_0").collect().rows() == [(4,)]


def test_a_table_whose_new_file_has_a_column_without_a_name_leaves_the_others_alone(folder):
    folder.put("good/x.parquet", pa.table({"x": [1]}))
    folder.put("odd/x.parquet", pa.table({"x": [1]}))
    lake = folder.open_lake()
    assert lake.sql("SELECT count(*) FROM odd").fetchall() == [(1,)]
    folder.put("odd/y.parquet", pa.table({"": [2]}))
    lake.refresh()
    assert lake.sql("SELECT x FROM good").fetchall() == [(1,)]
    with pytest.raises(UnsupportedTable, match="column without a name"):
        lake.sql("SELECT count(*) FROM odd").fetchall()


def test_a_partition_among_tables_fails_alone(folder):
    folder.put("good/x.parquet", pa.table({"x": [1]}))
    folder.put("fine/x.parquet", pa.table({"x": [2]}))
    folder.put("a=1/x.parquet", pa.table({"x": [3]}))
    lake = folder.open_lake()
    assert (list(lake), list(lake.failed)) == (["fine", "good"], ["a=1"])
    with pytest.raises(InvalidArgument, match="(?s)a=1/ is a partition.*open_table"):
        lake["a=1"]


def test_tables_whose_names_differ_in_case_only_are_refused_until_one_is_gone(s3):
    s3.put("good/x.parquet", pa.table({"x": [0]}))
    s3.put("Data/x.parquet", pa.table({"x": [1]}))
    lake = s3.open_lake()
    assert lake.sql("SELECT x FROM data").fetchall() == [(1,)]
    s3.put("data/x.parquet", pa.table({"x": [2]}))
    lake.refresh()
    assert (list(lake), sorted(lake.failed)) == (["good"], ["Data", "data"])
    for name in ("Data", "data"):
        with pytest.raises(InvalidArgument, match="differ only in case"):
            lake.sql(f'SELECT x FROM "{name}"').fetchall()
        with pytest.raises(InvalidArgument, match="differ only in case"):
            lake.polars(name)
    s3.remove("data/x.parquet")
    lake.refresh()
    assert (list(lake), lake.sql("SELECT x FROM data").fetchall()) == (["Data", "good"], [(1,)])


def test_rows_that_were_not_fetched_yet_are_never_lost_without_a_word(folder):
    folder.put("t/x.parquet", pa.table({"x": [1, 2, 3]}))
    lake = folder.open_lake()
    con = lake.duckdb
    con.execute("SELECT x FROM t ORDER BY x")
    assert con.fetchone() == (1,)
    folder.put("t/x.parquet", pa.table({"x": [4, 5, 6, 7]}))
    folder.put("u/x.parquet", pa.table({"x": [9]}))
    assert lake.polars("t").collect().height == 4  # its file has changed: the view is made anew
    lake.refresh()
    assert con.fetchall() == [(2,), (3,)]
    assert con.execute("SELECT sum(t.x), min(u.x) FROM t, u").fetchone() == (22, 9)
    assert lake.sql("SELECT count(*) FROM t").fetchall() == [(4,)]  # of one row: nothing is lost
    for ask in (lake.sql, lake.preview):
        con.execute("SELECT x FROM t")
        with pytest.raises(duckdb.ResourceInUseException, match=r"(?s)not fetched yet.*Hint: .*cursor\(\)"):
            ask("SELECT count(*) FROM t")


def test_threads_that_read_frames_leave_the_connection_to_the_others(folder):
    for number in range(10):
        folder.put(f"t/{number}.parquet", pa.table({"x": [number] * 10}))
    lake = folder.open_lake()
    con, frame = lake.duckdb, lake.polars("t")
    lake.sql("SELECT count(*) FROM t").fetchall()
    stop = threading.Event()

    def ask() -> set:
        found = set()
        while not stop.is_set():
            con.execute("SELECT range FROM range(3)")
            found.add(tuple(con.fetchall()))
        return found

    with ThreadPoolExecutor(4) as threads:
        asked = threads.submit(ask)
        for round_ in range(10):
            folder.put("t/0.parquet", pa.table({"x": [100 + round_] * 10}))
            collected = [threads.submit(frame.collect) for _ in range(3)]
            assert {one.result()["x"].sum() for one in collected} == {450 + 1000 + 10 * round_}  # 10 * (1 + ... + 9)
        stop.set()
    assert asked.result() == {((0,), (1,), (2,))}


@pytest.mark.parametrize("engine", ENGINES)
def test_values_pass_as_parameters_whatever_is_in_them(folder, engine):
    folder.put("t/x.parquet", pa.table({"s": ["it's", 'say "x"', "a;b", "100%", "?", "$name"]}))
    lake = folder.open_lake()
    for value in ("it's", 'say "x"', "a;b", "100%", "?", "$name"):
        assert lake.sql("SELECT s FROM t WHERE s = ?", [value]).fetchall() == [(value,)]
        assert lake.sql("SELECT s FROM t WHERE s = $value", {"value": value}).fetchall() == [(value,)]
    assert len(read_all(folder, engine)) == 6


def test_a_query_sees_the_variables_of_its_caller(folder):
    put_days(folder)
    lake = folder.open_lake()
    polars_frame = pl.DataFrame({"n": [2, 3]})
    arrow_table = pa.table({"n": [3]})
    relation = lake.sql("SELECT n, sum(x) AS total FROM t GROUP BY n")
    assert lake.sql("SELECT sum(x) FROM t JOIN polars_frame USING (n)").fetchall() == [(55,)]
    assert lake.sql("SELECT sum(x) FROM t JOIN arrow_table USING (n)").fetchall() == [(33,)]
    assert lake.sql("SELECT total FROM relation WHERE n = 4").fetchall() == [(44,)]
    assert (polars_frame.height, arrow_table.num_rows, relation.columns) == (2, 1, ["n", "total"])


@pytest.mark.parametrize("name", ["query", "params", "con", "relation", "self_", "tables", "names", "plan", "hooks"])
def test_a_variable_may_have_any_name(folder, name):
    put_days(folder)
    lake = folder.open_lake()
    scope = {name: pl.DataFrame({"n": [2]}), "lake": lake}
    exec(f"rows = lake.sql('SELECT sum(x) FROM t JOIN {name} USING (n)').fetchall()", scope)
    assert scope["rows"] == [(22,)]


def test_several_statements_run_and_the_last_one_answers(folder):
    put_days(folder)
    lake = folder.open_lake()
    assert lake.sql(
        "CREATE TABLE kept AS SELECT n, x FROM t WHERE n % 2 = 1; SELECT count(*) FROM kept"
    ).fetchall() == [(6,)]
    lake.sql("SET threads = 1")
    assert lake.sql("SELECT count(*) FROM t").fetchall() == [(12,)]


def test_a_relation_can_be_read_again_and_again(folder):
    put_days(folder)
    relation = folder.open_lake().sql("SELECT x FROM t WHERE n = 1")
    assert sorted(relation.fetchall()) == sorted(relation.pl().rows()) == [(1,), (10,)]
    assert relation.columns == ["x"] and relation.shape == (2, 1)
    assert "10" in repr(relation)
    assert "<table" in relation._repr_mimebundle_()["text/html"]


def test_two_results_are_open_at_once(folder):
    put_days(folder)
    lake = folder.open_lake()
    first, second = lake.sql("SELECT x FROM t WHERE n = 1"), lake.sql("SELECT x FROM t WHERE n = 2")
    rows = [(a, b) for a in first.iter_rows() for b in second.iter_rows()]
    assert len(rows) == 4


def test_a_refresh_finds_tables_and_files_that_came_or_went(place):
    place.put("a/k=1/x.parquet", pa.table({"x": [1]}))
    place.put("b/x.parquet", pa.table({"x": [2]}))
    lake = place.open_lake()
    relation = lake.sql("SELECT sum(x) FROM a")
    assert not lake.refresh()
    place.put("a/k=2/x.parquet", pa.table({"x": [10], "y": ["new"]}))
    place.put("c/x.parquet", pa.table({"x": [3]}))
    place.remove("b/x.parquet")
    if place.storage is None:
        Path(place.url, "b").rmdir()
    changes = lake.refresh()
    assert (changes.added, changes.removed) == (("a/k=2/x.parquet",), ())
    assert "table c is new" in repr(changes) and "table b is gone" in repr(changes)
    assert list(lake) == ["a", "c"]
    assert relation.fetchall() == [(11,)]
    assert lake.sql("SELECT a.y, c.x FROM a, c ORDER BY k").fetchall() == [(None, 3), ("new", 3)]
    with pytest.raises(duckdb.CatalogException):
        lake.sql("SELECT * FROM b")


def test_a_table_emptied_while_its_folder_stays_leaves_the_other_tables_alone(folder):
    folder.put("a/x.parquet", pa.table({"x": [1]}))
    folder.put("b/x.parquet", pa.table({"x": [2]}))
    lake = folder.open_lake()
    assert lake.sql("SELECT x FROM b").fetchall() == [(2,)]
    folder.remove("b/x.parquet")
    folder.put("a/y.parquet", pa.table({"x": [10]}))
    assert "a/y.parquet" in lake.refresh().added
    assert lake.sql("SELECT sum(x) FROM a").fetchall() == [(11,)]


def test_a_table_that_failed_is_there_once_it_is_repaired(folder):
    folder.put("a/x.parquet", pa.table({"x": [1]}))
    folder.put("b/x.parquet", b"broken")
    lake = folder.open_lake()
    with pytest.raises(CorruptFile):
        lake.sql("SELECT x FROM b").fetchall()
    folder.put("b/x.parquet", pa.table({"x": [2]}))
    lake.refresh()
    assert (list(lake), dict(lake.failed)) == (["a", "b"], {})
    assert lake.sql("SELECT x FROM b").fetchall() == [(2,)]


def test_a_lake_shows_its_tables(place):
    put_days(place, "days")
    place.put("odd <b>/x.parquet", pa.table({"x": [1]}))
    lake = place.open_lake()
    for words in ("days", "day, n, city", "12", "odd <b>"):
        assert words in repr(lake)
    html = lake._repr_html_()
    assert "odd &lt;b&gt;" in html and "odd <b>" not in html
    is_on_s3 = place.storage is not None
    assert [("STANDARD" in shown, "storage class" in shown) for shown in (repr(lake), html)] == [
        (is_on_s3, is_on_s3)
    ] * 2


def test_a_lake_and_its_errors_show_no_key_of_the_store(tmp_path):
    place = make_place("s3", tmp_path)
    place.put("t/k=1/x.parquet", to_parquet(pa.table({"x": [1]})))
    place.put("t/k=2/x.parquet", b"broken")
    lake = place.open_lake()
    with pytest.raises(CorruptFile) as raised:
        lake.sql("SELECT * FROM t").fetchall()
    shown = [repr(lake), lake._repr_html_(), repr(lake["t"]), repr(raised.value), str(raised.value.__cause__)]
    secret = "embedded-not-a-secret"
    assert not [text for text in shown if secret in text]


def test_the_lakes_connection_installs_and_downloads_nothing(folder):
    put_days(folder)
    con = folder.open_lake().duckdb
    loaded = con.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert "httpfs" not in {name for (name,) in loaded}
    assert con.execute("SELECT current_setting('autoinstall_known_extensions')").fetchall() == [(False,)]
    assert con.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_opening_a_lake_loads_duckdb_only_when_it_is_asked(tmp_path):
    put_days(Place(str(tmp_path)))
    script = """
        import sys
        import lakekit as lk
        lake = lk.open_lake(sys.argv[1])
        print("duckdb" in sys.modules, list(lake), lake.polars("t").collect().height, "duckdb" in sys.modules)
    """
    assert run_script(script, str(tmp_path)) == "False ['t'] 12 False"
