"""Reading queries for what the names of keys mean in them."""

import duckdb
import pytest

from lakekit.views.names import is_plain, keeps_names, list_columns, reads_only_tables


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t WHERE n % 2 = 1",
        "SELECT t.n, N AS n FROM t",
        "WITH c AS (SELECT * FROM t) SELECT n FROM c WHERE n = 1",
        "SELECT count(*) FROM t JOIN u USING (n) GROUP BY n HAVING n > 1 ORDER BY n",
        "SELECT * FROM t WHERE city = 'n'",
        "SELECT * FROM t, range(3) AS r(i) WHERE n = ?",
    ],
)
def test_a_query_that_only_reads_a_key_keeps_its_name(query):
    assert keeps_names(query, ["n"])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT v AS n FROM t",
        'SELECT v AS "N" FROM t',
        "SELECT * FROM t AS x(n, v)",
        "WITH c(n) AS (SELECT v FROM t) SELECT * FROM c",
        "SELECT * REPLACE (v AS n) FROM t",
        "SELECT * RENAME (v AS n) FROM t",
        "SELECT COLUMNS('v') AS 'x' FROM t",
        "SELECT n FROM t UNION ALL SELECT v FROM t",
        "SELECT * FROM swap()",
        "SELECT * FROM query('SELECT 1')",
        "SELECT {'n': v} FROM t",
        'SELECT "a b" FROM t',
        "INSERT INTO u SELECT n FROM t",
        "no SQL at all",
    ],
)
def test_a_query_that_may_call_something_else_so_does_not(query):
    assert not keeps_names(query, ["n"])


def test_plain_names_stand_without_quotes():
    assert [name for name in ("n", "ünï", "_x", "Day", "current_date") if not is_plain(name)] == []
    assert [
        name for name in ("1", "NULL", "true", "a b", "a.b", "order", "n % 2", "n -- x", "", "'a'") if is_plain(name)
    ] == []


def test_the_columns_of_a_condition_are_listed():
    assert list_columns("(n % 2) = 1 AND t.day < current_date") == [["n"], ["t", "day"], ["current_date"]]
    assert list_columns("1 = 1") is None
    assert list_columns("n = = 1") is None


def test_views_macros_and_variables_of_the_users_own_are_told_from_tables():
    con = duckdb.connect()
    con.execute("CREATE TABLE kept (n INTEGER); CREATE VIEW mine AS SELECT 1 AS n; CREATE MACRO twice(x) AS 2 * x")
    assert reads_only_tables(con, "SELECT day(n) FROM kept WHERE n + 1 = 2")
    assert reads_only_tables(con, "WITH c AS (SELECT n FROM kept) SELECT * FROM C")
    for query in ("SELECT * FROM mine", "SELECT * FROM kept, unknown", "SELECT twice(n) FROM kept"):
        assert not reads_only_tables(con, query), query
