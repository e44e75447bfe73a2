"""DuckDB's view: which files a query opens, and the views in connections of the user's own."""

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from tests.views.lakes import count_gets, make_place, put_days

# conditions that DuckDB itself carries to the file names, and the days that meet them
PUSHED = [
    ("day = DATE '2024-01-03'", [3]),
    ("day = '2024-01-03'", [3]),
    ("n = 3", [3]),
    ("3 = n", [3]),
    ("n = '3'", [3]),
    ("n <> 3", [1, 2, 4, 5, 6]),
    ("n IN (2, 3, 99)", [2, 3]),
    ("n NOT IN (2, 3)", [1, 4, 5, 6]),
    ("n = 2 OR n = 5", [2, 5]),
    ("n = 2 OR city = 'oslo'", [1, 2, 6]),
    ("NOT (n = 2 OR n = 5)", [1, 3, 4, 6]),
    ("city IS NULL", [3]),
    ("city IS NOT NULL", [1, 2, 4, 5, 6]),
    ("city IS DISTINCT FROM 'oslo'", [2, 3, 4, 5]),
    ("n BETWEEN 2 AND 3", [2, 3]),
    ("day BETWEEN '2024-01-02' AND '2024-01-03'", [2, 3]),
    ("day > '2024-01-04'", [5, 6]),
    ("city LIKE 'o%'", [1, 4, 6]),
    ("city NOT LIKE 'o%'", [2, 5]),
    ("city ILIKE 'OSL_'", [1, 6]),
    ("city = 'o''hare'", [4]),
    ("city = 'a/b'", [5]),
    ("city >= 's'", [2]),
    ("starts_with(city, 'são')", [2]),
    ("length(city) = 4", [1, 6]),
    ("upper(city) = 'OSLO'", [1, 6]),
    ("city || n = 'oslo6'", [6]),
    ("coalesce(city, '?') = '?'", [3]),
    ("CASE WHEN n > 4 THEN city = 'oslo' ELSE n = 1 END", [1, 6]),
    ("n = 3 AND x > 0", [3]),
    ("n = 3 AND x > 0 AND s <> ''", [3]),
    ("(n = 2 AND x > 0) OR (n = 5 AND s <> '')", [2, 5]),
    ("n < 3 AND city = 'oslo'", [1]),
    ("false", []),
    ("n IS NULL", []),
    ("n > 6", []),
    ("true", [1, 2, 3, 4, 5, 6]),
]
# conditions on keys that might throw an error, which DuckDB keeps above a view
THROWING = [
    ("day(day) = 3", [3]),
    ("day(day) = 3 OR day(day) = 4", [3, 4]),
    ("day + 1 = '2024-01-04'", [3]),
    ("n % 2 = 1", [1, 3, 5]),
    ("abs(n - 4) = 1", [3, 5]),
    ("n + 1 IN (3, 4)", [2, 3]),
    ("strftime(day, '%d') = '03'", [3]),
    ("strftime(day, '%d') IN ('01', '02')", [1, 2]),
    ("dayname(day) = 'Wednesday'", [3]),
    ("date_trunc('week', day) = '2024-01-01'", [1, 2, 3, 4, 5, 6]),
    ("year(day) = 2023", []),
    ("CAST(CAST(day AS VARCHAR)[9:] AS INTEGER) = 3", [3]),
    ("n % 2 = 1 AND day(day) > 3", [5]),
    ("n % 2 = 1 AND x > 0", [1, 3, 5]),
    ("n % 2 = 1 AND x % 2 >= 0 AND city IS NOT NULL", [1, 5]),
    ("NOT (n % 2 = 1)", [2, 4, 6]),
    ("concat(city, n % 2) = 'oslo1'", [1]),
]


def expect_sum(numbers: list[int]) -> int | None:
    """What sum(x) is over these days: 11 for each n, as a file holds n and 10 * n."""
    return sum(11 * n for n in numbers) if numbers else None


def ask_plain(lake: lk.Lake, query: str) -> tuple:
    """A query's rows through a connection that knows nothing of the lake but its view, and how many reads they took."""
    con = duckdb.connect()
    lake["t"].duckdb(con, "t")
    return count_gets(lake["t"], lambda: con.execute(query).fetchall())


def ask_lake(lake: lk.Lake, query: str) -> tuple:
    """The same through lake.sql."""
    return count_gets(lake["t"], lambda: lake.sql(query).fetchall())


@pytest.mark.parametrize("ask", [ask_plain, ask_lake])
@pytest.mark.parametrize(("condition", "expected"), PUSHED)
def test_a_condition_on_keys_reads_the_files_that_meet_it(day_lake, ask, condition, expected):
    (row,), gets = ask(day_lake, f"SELECT sum(x) FROM t WHERE {condition}")
    assert row[0] == expect_sum(expected)
    assert gets == len(expected)


@pytest.mark.parametrize(("condition", "expected"), THROWING)
def test_a_function_of_a_key_that_may_throw_is_right_in_any_connection(day_lake, condition, expected):
    (row,), _ = ask_plain(day_lake, f"SELECT sum(x) FROM t WHERE {condition}")
    assert row[0] == expect_sum(expected)


@pytest.mark.parametrize(("condition", "expected"), THROWING)
def test_a_function_of_a_key_that_may_throw_reads_through_a_lake_the_files_that_meet_it(day_lake, condition, expected):
    (row,), gets = ask_lake(day_lake, f"SELECT sum(x) FROM t WHERE {condition}")
    assert row[0] == expect_sum(expected)
    assert gets == len(expected)


QUERIES = [  # rows, and days that are read
    ("SELECT count(*) FROM t", [(12,)], 0),
    ("SELECT count(*) FROM t WHERE n = 3", [(2,)], 0),
    ("SELECT count(*) FROM t WHERE city IS NULL OR n > 4", [(6,)], 0),
    ("SELECT n, count(*) FROM t WHERE n < 3 GROUP BY n ORDER BY n", [(1, 2), (2, 2)], 0),
    ("SELECT DISTINCT city FROM t WHERE n IN (1, 6)", [("oslo",)], 0),
    ("SELECT max(day), min(n) FROM t WHERE city = 'oslo'", [(pl.date(2024, 1, 6), 1)], 0),
    ("SELECT sum(x) FROM t WHERE n = (SELECT 3)", [(33,)], 1),
    ("SELECT sum(x) FROM t WHERE n IN (SELECT unnest([2, 3]))", [(55,)], 2),
    ("SELECT sum(x) FROM t WHERE n = (SELECT max(n) FROM t)", [(66,)], 1),
    ("SELECT sum(t.x) FROM t JOIN (VALUES (2), (5)) AS v(n) USING (n)", [(77,)], 2),
    ("SELECT sum(a.x) FROM t a JOIN t b ON a.n = b.n WHERE b.n = 4 AND b.s = 'a'", [(44,)], 1),
    ("WITH c AS (SELECT * FROM t WHERE n > 2) SELECT sum(x) FROM c WHERE n < 4", [(33,)], 1),
    ("SELECT sum(x) FROM (SELECT n AS k, x FROM t) WHERE k = 3", [(33,)], 1),
    ("SELECT x FROM t WHERE n = 3 UNION ALL SELECT x FROM t WHERE n = 4 ORDER BY x", [(3,), (4,), (30,), (40,)], 2),
    ("SELECT sum(x) FILTER (WHERE n = 3) FROM t", [(33,)], 6),
]


def plain_rows(rows: list) -> list:
    return [tuple(pl.select(value).item() if isinstance(value, pl.Expr) else value for value in row) for row in rows]


@pytest.mark.parametrize("ask", [ask_plain, ask_lake])
@pytest.mark.parametrize(("query", "rows", "files"), QUERIES)
def test_a_query_reads_no_more_files_than_it_needs(day_lake, ask, query, rows, files):
    found, gets = ask(day_lake, query)
    assert found == plain_rows(rows)
    assert gets <= 2 * files if " a JOIN " in query else gets == files  # a join of two scans may read a file twice


@pytest.fixture(scope="module")
def drifting(tmp_path_factory) -> lk.Lake:
    """The days of put_days with columns that come and go, and with text for x on the fourth day."""
    place = make_place("folder", tmp_path_factory.mktemp("drifting"))
    for n in range(1, 7):
        columns = {"x": ["four", "4"] if n == 4 else [n, 10 * n]}
        columns |= {"y": [1.5, 2.5]} if n % 3 == 0 else {"z": pa.nulls(2)}
        place.put(f"t/day=2024-01-0{n}/n={n}/a.parquet", pa.table(columns))
    return place.open_lake()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("n <> 4", [1, 2, 3, 5, 6]),
        ("n = 3", [3]),
        ("n IN (2, 5)", [2, 5]),
        ("day BETWEEN '2024-01-05' AND '2024-01-06'", [5, 6]),
        ("n % 3 = 0", [3, 6]),
        ("n % 2 = 1", [1, 3, 5]),
        ("day(day) IN (3, 5)", [3, 5]),
        ("n % 2 = 1 AND x >= 0", [1, 3, 5]),
    ],
)
def test_files_that_differ_are_pruned_alike_and_those_in_conflict_are_no_matter(drifting, condition, expected):
    (row,), gets = ask_lake(drifting, f"SELECT sum(x) FROM t WHERE {condition}")
    assert (row[0], gets) == (expect_sum(expected), len(expected))


def test_files_in_conflict_that_only_a_running_query_could_leave_out_are_an_error(drifting):
    """DuckDB does not let what a join found filter what may end in an error; an answer without them would do too."""
    with pytest.raises(lk.TypeConflict, match=r"'x' of t is string in day=2024-01-04/n=4"):
        drifting.sql("SELECT sum(x) FROM t WHERE n IN (SELECT unnest([2, 3]))").fetchall()
    assert ask_lake(drifting, "SELECT count(z IS NULL) FROM t WHERE n IN (SELECT unnest([2, 3]))")[0] == [(4,)]


def test_counting_files_that_differ_reads_no_data(drifting):
    assert ask_plain(drifting, "SELECT count(*) FROM t") == ([(12,)], 0)
    assert ask_plain(drifting, "SELECT n, count(*) FROM t WHERE n > 4 GROUP BY n ORDER BY n") == ([(5, 2), (6, 2)], 0)
    assert ask_plain(drifting, "SELECT count(y) FROM t") == ([(4,)], 2)


def test_parameters_prune_like_literals(day_lake):
    by_place = count_gets(day_lake["t"], lambda: day_lake.sql("SELECT sum(x) FROM t WHERE n = ?", [3]).fetchall())
    by_name = count_gets(
        day_lake["t"], lambda: day_lake.sql("SELECT sum(x) FROM t WHERE n % 5 = $rest", {"rest": 1}).fetchall()
    )
    assert (by_place, by_name) == (([(33,)], 1), ([(77,)], 2))  # days 1 and 6


def test_a_relation_of_a_lake_prunes_in_each_step(day_lake):
    relation = day_lake.sql("SELECT * FROM t").filter("n = 3").aggregate("sum(x)")
    assert count_gets(day_lake["t"], relation.fetchall) == ([(33,)], 1)
    assert count_gets(day_lake["t"], relation.fetchall) == ([(33,)], 1)  # and again


def test_opening_a_connection_and_binding_a_view_reads_nothing(day_lake):
    con = duckdb.connect()
    relation, gets = count_gets(day_lake["t"], lambda: day_lake["t"].duckdb(con, "t"))
    assert gets == 0
    assert relation.columns == ["x", "s", "day", "n", "city"]
    assert count_gets(day_lake["t"], lambda: con.sql("DESCRIBE t").fetchall())[1] == 0


def test_a_wide_file_is_read_by_its_wanted_columns_only(place):
    columns = {name: pa.array(range(start, start + 200_000)) for start, name in enumerate("abcd")}
    place.put("t/a.parquet", pa.table(columns), use_dictionary=False, compression="none")
    table = place.open_table()  # 4 columns of 1.6 MB each
    con = duckdb.connect()
    table.duckdb(con, "t")
    before = table.store.requests.snapshot()
    assert con.execute("SELECT sum(b) FROM t").fetchall() == [(20_000_100_000,)]  # 1 + … + 200,000
    assert 1_600_000 < table.store.requests.since(before)["bytes"] < 2_000_000


def test_a_view_may_have_any_name_and_replaces_one_of_that_name(folder):
    put_days(folder)
    table = folder.open_table()
    con = duckdb.connect()
    for name in ("t", "order", "a b", 'x"; DROP VIEW t; --', "ünï", "a.b"):
        lk.create_duckdb_view(con, name, table)
        lk.create_duckdb_view(con, name, table)
        quoted = '"' + name.replace('"', '""') + '"'
        assert con.execute(f"SELECT count(*) FROM {quoted}").fetchall() == [(12,)]
    assert len(con.execute("SELECT * FROM duckdb_views() WHERE NOT internal").fetchall()) == 6


def test_two_tables_share_a_connection(folder):
    folder.put("a/k=1/x.parquet", pa.table({"x": [1]}))
    folder.put("b/k=1/x.parquet", pa.table({"x": [2]}))
    con = duckdb.connect()
    folder.open_table("a").duckdb(con)
    folder.open_table("b").duckdb(con)
    assert con.execute("SELECT a.x, b.x FROM a JOIN b USING (k)").fetchall() == [(1, 2)]


def test_tables_of_one_name_in_different_places_stay_apart(folder):
    folder.put("one/t/x.parquet", pa.table({"x": [1]}))
    folder.put("two/t/x.parquet", pa.table({"x": [2]}))
    con = duckdb.connect()
    folder.open_table("one/t").duckdb(con, "first")
    folder.open_table("two/t").duckdb(con, "second")
    assert con.execute("SELECT first.x, second.x FROM first, second").fetchall() == [(1, 2)]


def test_a_cursor_sees_the_view(folder):
    put_days(folder)
    con = duckdb.connect()
    folder.open_table().duckdb(con)
    assert con.cursor().execute("SELECT count(*) FROM t").fetchall() == [(12,)]


def test_a_database_file_keeps_no_view_of_a_session(folder, tmp_path):
    put_days(folder)
    with duckdb.connect(str(tmp_path / "my.duckdb")) as con:
        folder.open_table().duckdb(con)
        assert con.execute("CREATE TABLE kept AS SELECT sum(x) AS total FROM t").fetchall() is not None
    with duckdb.connect(str(tmp_path / "my.duckdb")) as con:
        assert con.execute("SELECT total FROM kept").fetchall() == [(231,)]  # 11 * (1 + … + 6)
        assert con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall() == []
        assert con.execute("SHOW TABLES").fetchall() == [("kept",)]


def test_a_view_lasts_as_long_as_its_connection(folder):
    put_days(folder)
    con = duckdb.connect()
    folder.open_table().duckdb(con)  # nobody keeps the table
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(12,)]


def test_a_view_is_not_written_through(folder, tmp_path):
    put_days(folder)
    con = duckdb.connect()
    folder.open_table().duckdb(con)
    with pytest.raises(duckdb.Error):
        con.execute("INSERT INTO t SELECT * FROM t")
    con.execute(f"COPY (SELECT * FROM t WHERE n = 1) TO '{tmp_path}/copy.parquet'")
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/copy.parquet'").fetchall() == [(2,)]


def test_a_view_that_was_broken_by_an_error_works_again(folder):
    put_days(folder)
    con = duckdb.connect()
    folder.open_table().duckdb(con)
    with pytest.raises(duckdb.Error, match="Could not convert"):
        con.execute("SELECT CAST(s AS INTEGER) FROM t").fetchall()
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(12,)]


@pytest.fixture
def aged(folder):
    """A table of one column that has another as well from its next refresh on: its view is then to be made again."""
    folder.put("t/a.parquet", pa.table({"x": [1]}))

    def grow() -> None:
        folder.put("t/b.parquet", pa.table({"x": [2], "z": [3]}))

    return folder.open_table(), grow


def begin_and_fail(con: duckdb.DuckDBPyConnection) -> None:
    """Leave a connection in a transaction that only ROLLBACK ends."""
    con.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    con.begin()
    with pytest.raises(duckdb.ConstraintException):
        con.execute("INSERT INTO numbers VALUES (1), (1)")


def test_a_connection_whose_transaction_failed_keeps_no_other_from_the_new_state_and_follows_later(aged, tmp_path):
    table, grow = aged
    with duckdb.connect(str(tmp_path / "my.duckdb")) as failed, duckdb.connect() as other:
        table.duckdb(failed)
        table.duckdb(other)
        begin_and_fail(failed)
        grow()
        assert table.refresh().added == ("b.parquet",)
        assert other.sql("FROM t ORDER BY x").fetchall() == [(1, None), (2, 3)]
        failed.rollback()
        table.refresh()
        assert failed.sql("FROM t ORDER BY x").fetchall() == [(1, None), (2, 3)]


def test_a_view_that_a_transaction_has_dropped_is_made_anew_once_that_is_rolled_back(aged):
    table, grow = aged
    con = duckdb.connect()
    table.duckdb(con)
    con.begin()
    con.execute("DROP VIEW t")
    grow()
    table.refresh()
    con.rollback()
    table.refresh()
    assert con.sql("FROM t").columns == ["x", "z"]


@pytest.mark.parametrize("begin", ["ATTACH ':memory:' AS m; USE m", "CREATE SCHEMA s; USE s", "CREATE TYPE i AS INT"])
@pytest.mark.parametrize("database", [":memory:", "my.duckdb"])
def test_a_view_is_renewed_where_it_is_whatever_the_connection_uses_by_now(aged, tmp_path, database, begin):
    table, grow = aged
    with duckdb.connect(database if database == ":memory:" else str(tmp_path / database)) as con:
        table.duckdb(con)
        query = "SELECT database_name, schema_name, temporary FROM duckdb_views() WHERE view_name = 't'"
        before = con.sql(query).fetchall()
        con.execute(begin)
        grow()
        table.refresh()
        assert con.sql(query).fetchall() == before
        ((found, schema, _),) = before
        assert con.sql(f"FROM {found}.{schema}.t ORDER BY x").fetchall() == [(1, None), (2, 3)]


def test_views_of_one_name_in_several_schemas_are_all_renewed(aged):
    table, grow = aged
    con = duckdb.connect()
    table.duckdb(con)
    con.execute("CREATE SCHEMA s; USE s")
    table.duckdb(con)
    grow()
    table.refresh()
    for schema in ("main", "s"):
        assert con.sql(f"FROM memory.{schema}.t ORDER BY x").fetchall() == [(1, None), (2, 3)]


def test_a_view_that_a_transaction_still_sees_is_told_with_the_way_to_the_new_one(aged):
    table, grow = aged
    con = duckdb.connect()
    table.duckdb(con)
    con.begin()
    con.sql("FROM t").fetchall()
    grow()
    table.refresh()
    with pytest.raises(duckdb.Error, match="Hint: commit or roll back first, or create it again"):
        con.sql("FROM t").fetchall()
    con.rollback()
    assert con.sql("FROM t ORDER BY x").fetchall() == [(1, None), (2, 3)]
