"""Conditions on keys that lake.sql applies before DuckDB reads: they may spare files, and never change an answer."""

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from tests.views.lakes import CITIES, count_gets, put_days


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> lk.Lake:
    """Three tables with a key n: t (see put_days), u (n from 1 to 4; v is n + 1 and n + 2) and odd, of odd columns."""
    from tests.views.lakes import Place

    place = Place(str(tmp_path_factory.mktemp("narrow")))
    put_days(place)
    for n in range(1, 5):
        place.put(f"u/n={n}/a.parquet", pa.table({"v": [n + 1, n + 2]}))
        odd = {"w": [{"n": 7 * n}], "NULL": [2 * n], "1": [n + 1], "n + 0": [n + 1], "current_date": [n], "true": [n]}
        place.put(f"odd/n={n}/a.parquet", pa.table(odd))
    return place.open_lake()


@pytest.fixture(scope="module")
def in_memory(lake) -> duckdb.DuckDBPyConnection:
    """The same tables in a DuckDB of their own, whose answers are right."""
    con = duckdb.connect()
    for name in lake:
        rows = lake[name].arrow().read_all()
        con.register("rows", rows)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
    return con


# queries in which the name of a key stands for something else, or in which a condition on it is not all that counts
QUERIES = {
    "a subquery swaps a key and a column": "SELECT * FROM (SELECT n AS v, v AS n FROM u) WHERE n % 2 = 1",
    "with a second condition": "SELECT * FROM (SELECT n AS v, v AS n FROM u) WHERE n % 2 = 1 AND v < 100",
    "a column takes the key's name": "SELECT * FROM (SELECT n AS k, v AS n FROM u) WHERE n % 2 = 1 AND k >= 0",
    "without AS": "SELECT * FROM (SELECT n k, v n FROM u) WHERE n % 2 = 1",
    "a list of columns names them": "SELECT * FROM u AS u(n, w, v) WHERE n % 2 = 1 AND v > 0",
    "a common table expression names them": "WITH c(n, v) AS (SELECT v, n FROM u) SELECT * FROM c WHERE n % 2 = 1",
    "a star renames": "SELECT * FROM (SELECT * RENAME (n AS v, v AS n) FROM u) WHERE n % 2 = 1",
    "a star replaces": "SELECT * FROM (SELECT * REPLACE (v AS n) FROM u) WHERE n % 2 = 1",
    "a union swaps": "SELECT * FROM (SELECT n, v FROM u UNION ALL SELECT v, n FROM u) WHERE n % 2 = 1",
    "a struct has a field of that name": "SELECT * FROM (SELECT unnest(w) FROM odd) WHERE n % 2 = 1",
    "a field takes the name": "SELECT * FROM (SELECT n AS k, w.n FROM odd) WHERE n % 2 = 1 AND k % 2 >= 0",
    "a column is called NULL": 'SELECT * FROM odd WHERE "NULL" % n = 0',
    "a column is called as a number": 'SELECT * FROM odd WHERE "1" % n = 0',
    "a column is called as a calculation": 'SELECT * FROM odd WHERE "n + 0" % 2 = 1',
    "a column is called as a function": 'SELECT * FROM odd WHERE "current_date" % n = 1',
    "a column is called true": 'SELECT * FROM odd WHERE "true" % n = 0',
    "a subquery calls a column NULL": 'SELECT * FROM (SELECT v AS "NULL", n FROM u) WHERE "NULL" % n = 0',
    "a subquery calls a column as a calculation": 'SELECT * FROM (SELECT v AS "n + 0" FROM u) WHERE "n + 0" % 2 = 1',
    "equal to another table's column": "SELECT * FROM t JOIN u ON t.n = u.v WHERE t.n % 2 = 1",
    "COLUMNS with a new name": "SELECT * FROM (SELECT COLUMNS('v|w') AS 'n' FROM u) WHERE n % 2 = 1",
    "the key is shifted": "SELECT * FROM (SELECT n + 1 AS n, v FROM u) WHERE n % 2 = 1",
    "twice over": "SELECT * FROM (SELECT v AS n FROM (SELECT v FROM u WHERE n % 2 = 1)) WHERE n % 2 = 0",
    "a view of the user's own": "SELECT * FROM swapped WHERE n % 2 = 1",
    "a macro of the user's own": "SELECT * FROM swap() WHERE n % 2 = 1",
    "a relation in a variable": "SELECT * FROM swapped_relation WHERE n % 2 = 1",
    "a dynamic query": "SELECT * FROM query('SELECT n AS v, v AS n FROM u') WHERE n % 2 = 1",
    "PIVOT": "SELECT * FROM (PIVOT (SELECT n, v FROM u) ON v USING count(*)) WHERE n % 2 = 1",
    "UNPIVOT": "SELECT * FROM (UNPIVOT (SELECT v AS a, n AS b FROM u) ON a, b INTO NAME k VALUE n) WHERE n % 2 = 1",
    "another table's column of that name": "SELECT * FROM t JOIN (SELECT v AS n FROM u) x USING (n) WHERE n % 2 = 1",
    "OR with a column": "SELECT * FROM u WHERE n % 2 = 1 OR v % 2 = 1",
    "NOT over both": "SELECT * FROM u WHERE NOT (n % 2 = 1 AND v % 2 = 1)",
    "a left join": "SELECT * FROM t LEFT JOIN u ON t.n = u.n AND u.n % 2 = 1",
    "a full join": "SELECT * FROM t FULL JOIN u ON t.n = u.n WHERE t.n % 2 = 1 OR u.n % 2 = 0",
    "the same table twice": "SELECT * FROM u a, u b WHERE a.n % 2 = 1 AND b.n % 2 = 0",
    "once with a condition": "SELECT * FROM u a, u b WHERE a.n % 2 = 1",
    "twice in a union": "SELECT v FROM u WHERE n % 2 = 1 UNION ALL SELECT v FROM u WHERE n % 3 = 1",
    "once in a subquery": "SELECT * FROM u WHERE v IN (SELECT v FROM u WHERE n % 2 = 1)",
    "a correlated subquery": "SELECT *, (SELECT sum(v) FROM u i WHERE i.n % 2 = o.n % 2) FROM u o WHERE o.n % 3 = 0",
    "EXISTS": "SELECT * FROM u o WHERE EXISTS (SELECT 1 FROM u i WHERE i.n % 2 = 1 AND i.v = o.n)",
    "grouped first": "SELECT * FROM (SELECT n, sum(v) AS v FROM u GROUP BY n) WHERE n % 2 = 1",
    "HAVING": "SELECT n, sum(v) FROM u GROUP BY n HAVING n % 2 = 1",
    "a window first": "SELECT * FROM (SELECT n, v, sum(v) OVER () AS total FROM u) WHERE n % 2 = 1",
    "a window by the key": "SELECT * FROM (SELECT n, sum(v) OVER (PARTITION BY n) AS x FROM u) WHERE n % 2 = 1",
    "QUALIFY": "SELECT n, v FROM u QUALIFY row_number() OVER (ORDER BY n, v) % 2 = 1 AND n % 2 = 1",
    "a limit first": "SELECT count(*) FROM (SELECT * FROM u ORDER BY n, v LIMIT 3) WHERE n % 2 = 1",
    "a recursive query": (
        "WITH RECURSIVE r(n) AS (SELECT min(n) FROM u UNION ALL SELECT v FROM r JOIN u USING (n) WHERE u.v < 5) "
        "SELECT * FROM r WHERE n % 2 = 1"
    ),
    "text with quotes": "SELECT * FROM t WHERE concat(city, '''', n % 7) = 'o''hare''4'",
    "text with AND": "SELECT * FROM t WHERE concat(city, ' AND ', n % 7) = 'oslo AND 1' AND x > 0",
    "text with brackets": "SELECT * FROM t WHERE concat(city, ') OR (', n % 7) = 'oslo) OR (1' OR x = 20",
    "a variable": "SELECT * FROM u WHERE n % getvariable('two') = 1",
    "the time zone": "SELECT * FROM t WHERE CAST(CAST(day AS TIMESTAMPTZ) AS VARCHAR) LIKE '%-02 00:00:00%'",
    "a case-blind collation": "SELECT * FROM t WHERE concat(city, n % 7) COLLATE NOCASE = 'OSLO1'",
    "a NULL": "SELECT * FROM t WHERE concat_ws(city, n % 7, 'x') IS NULL",
    "nothing meets it": "SELECT count(*), sum(v) FROM u WHERE n % 2 = 5",
    "a cast that may fail": "SELECT * FROM t WHERE TRY_CAST(city AS INTEGER) IS NULL AND n % 2 = 1",
    "the key beside its own cast": "SELECT * FROM t WHERE CAST(n AS VARCHAR) || day % 2 IS NOT NULL",
    "DISTINCT ON": "SELECT DISTINCT ON (n % 2) n % 2 FROM u WHERE n % 2 = 1",
    "positions": "SELECT n, v FROM u POSITIONAL JOIN (SELECT 1 AS one) WHERE n % 2 = 1",
    "LATERAL": "SELECT u.n, l.m FROM u, LATERAL (SELECT v AS m) l WHERE u.n % 2 = 1 AND l.m % 2 = 0",
    "struct of keys": "SELECT * FROM (SELECT {'n': v, 'v': n} AS s FROM u) WHERE s.n % 2 = 1",
    "comments": "SELECT * /* n AS v */ FROM u -- WHERE\n WHERE n % 2 = 1",
    "quoted names": 'SELECT * FROM "u" WHERE "n" % 2 = 1',
    "other case": "SELECT * FROM U WHERE N % 2 = 1",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_lake_answers_as_the_same_rows_in_memory_do(lake, in_memory, query):
    swap = "SELECT n AS v, v AS n FROM u"
    for con in (lake.duckdb, in_memory):
        con.execute(f"CREATE OR REPLACE VIEW swapped AS {swap}")
        con.execute(f"CREATE OR REPLACE MACRO swap() AS TABLE {swap}")
        con.execute("SET VARIABLE two = 2")
    swapped_relation = in_memory.sql(swap)
    try:
        expected = in_memory.execute(query).fetchall()
    except duckdb.Error as exc:
        with pytest.raises(type(exc)):
            lake.sql(query).fetchall()
        return
    swapped_relation = lake.sql(swap)
    assert swapped_relation.columns == ["v", "n"]
    assert sorted(map(repr, lake.sql(query).fetchall())) == sorted(map(repr, expected))


RELATIONS = {
    "filter of a projection": lambda relation: relation.project("n AS v, v AS n").filter("n % 2 = 1"),
    "filter of a filter": lambda relation: relation.filter("n % 2 = 1").filter("v % 2 = 0"),
    "join with itself": lambda relation: (
        relation.filter("n % 2 = 1").set_alias("a").join(relation.project("n AS m, v AS w").set_alias("b"), "n = w")
    ),
    "union": lambda relation: relation.project("n, v").union(relation.project("v, n")).filter("n % 2 = 1"),
    "limit": lambda relation: relation.order("n, v").limit(3).filter("n % 2 = 1"),
    "rename": lambda relation: relation.project("v AS n, n AS v").filter("n % 3 = 0").aggregate("sum(v), count(*)"),
}


@pytest.mark.parametrize("step", RELATIONS)
def test_steps_of_a_relation_answer_as_rows_in_memory_do(lake, in_memory, step):
    found, expected = (RELATIONS[step](con.sql("SELECT n, v FROM u")) for con in (lake, in_memory))
    assert sorted(found.fetchall()) == sorted(expected.fetchall())


def test_a_condition_spares_files_and_leaves_the_next_query_alone(lake):
    table = lake["u"]
    assert count_gets(table, lambda: lake.sql("SELECT sum(v) FROM u WHERE n % 2 = 1").fetchall()) == ([(14,)], 2)
    assert count_gets(table, lambda: lake.duckdb.sql("SELECT sum(v) FROM u").fetchall()) == ([(32,)], 4)
    with pytest.raises(duckdb.Error, match="stop here"):
        lake.sql("SELECT v FROM u WHERE n % 2 = 1 AND error('stop here') IS NULL").fetchall()
    assert lake.duckdb.sql("SELECT sum(v) FROM u").fetchall() == [(32,)]  # (2 + 3) + (3 + 4) + (4 + 5) + (5 + 6)


def test_a_random_condition_is_left_to_duckdb(lake):
    counts = [lake.sql("SELECT count(*) FROM u WHERE random() * (n % 2 + 1) >= 0").fetchall()[0][0] for _ in range(3)]
    assert counts == [8, 8, 8]


def test_a_function_of_the_users_own_on_a_key_is_called_for_rows(folder):
    put_days(folder)
    lake = folder.open_lake()
    lake.duckdb.create_function("is_odd", lambda n: n % 2 == 1, ["BIGINT"], "BOOLEAN")
    assert lake.sql("SELECT sum(x) FROM t WHERE is_odd(n)").fetchall() == [(99,)]  # 11 * (1 + 3 + 5)
    lake.duckdb.remove_function("is_odd")


def test_settings_of_the_session_count(folder):
    put_days(folder)
    lake = folder.open_lake()
    lake.duckdb.execute("SET integer_division = true")
    assert lake.sql("SELECT sum(x) FROM t WHERE n / 2 + n % 1 = 1").fetchall() == [(55,)]  # 2 // 2 and 3 // 2
    lake.duckdb.execute("SET default_collation = 'nocase'")
    assert lake.sql("SELECT sum(x) FROM t WHERE concat(city, n % 7) = 'OSLO1'").fetchall() == [(11,)]


def test_python_variables_are_seen_in_a_narrowed_query(lake):
    wanted = pl.DataFrame({"n": [1, 3], "label": ["one", "three"]})
    query = "SELECT label, sum(v) FROM u JOIN wanted USING (n) WHERE u.n % 2 = 1 GROUP BY ALL ORDER BY 1"
    rows = lake.sql(query).fetchall()
    assert (rows, wanted.height) == ([("one", 5), ("three", 9)], 2)


def test_keys_may_have_any_name_in_a_condition(folder):
    for name, files in {"order": 2, "a b": 2, "position": 1, "files": 1, "ünï": 1, "x@1": 2}.items():
        for value in (1, 2):
            folder.put(f"t/{name}={value}/a.parquet", pa.table({"x": [value]}))
        lake = folder.open_lake()
        query = f'SELECT x FROM t WHERE "{name}" % 2 = 1 AND x % 2 = 1'
        assert count_gets(lake["t"], lambda query=query, lake=lake: lake.sql(query).fetchall()) == ([(1,)], files), name
        for value in (1, 2):
            folder.remove(f"t/{name}={value}/a.parquet")


def test_all_cities_are_there(lake):
    rows = lake.sql("SELECT DISTINCT city, n FROM t WHERE n % 1 = 0 ORDER BY n").fetchall()
    assert rows == list(zip(CITIES, range(1, 7), strict=True))


@pytest.mark.parametrize("begin", [False, True])
def test_now_is_one_moment_for_the_plan_and_the_query(tmp_path, begin):
    from tests.views.lakes import Place

    place = Place(str(tmp_path))
    put_days(place)
    lake = place.open_lake()
    if begin:
        lake.duckdb.begin()
    query = "SELECT count(*), count(DISTINCT now()) FROM t WHERE day < now()::TIMESTAMP AND now() > '2024-01-01'"
    relation = lake.sql(query)
    assert relation.fetchall() == relation.fetchall() == [(12, 1)]
    with pytest.raises(duckdb.ConversionException):
        lake.sql("SELECT CAST(s AS INTEGER) FROM t WHERE day < now()::TIMESTAMP").fetchall()
    if begin:
        lake.duckdb.rollback()  # DuckDB gives a transaction up after an error
    assert lake.sql(query).fetchall() == [(12, 1)]
