"""Counts, lowest and highest values: right as a full scan has them, and without a request where the manifest knows."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from lakekit import CorruptFile, TypeConflict
from tests.views.lakes import Place, count_gets, put_tens

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
NOON = MIDNIGHT.replace(hour=12, microsecond=1)

# by column: what is stored in two files of k=1 and one of k=2
COLUMNS = {
    "i": (pa.int32(), [[1, 5], [None, None], [-7, 3]]),
    "late": (pa.int64(), [None, None, [10, 2**60]]),
    "d": (pa.date32(), [[date(2024, 1, 2), None], [date(2023, 12, 31)] * 2, [date(2024, 6, 1)] * 2]),
    "at": (pa.timestamp("us"), [[NOON] * 2, [None, MIDNIGHT], [None] * 2]),
    "zoned": (pa.timestamp("us", "UTC"), [[datetime(2024, 1, 1, tzinfo=UTC)] * 2, [None] * 2, [None] * 2]),
    "money": (pa.decimal128(10, 2), [[Decimal("1.50"), Decimal("-2.25")], [Decimal("9.99"), None], [None] * 2]),
    "f": (pa.float64(), [[1.5, float("nan")], [0.0, -1.0], [None] * 2]),
    "s": (pa.string(), [["b", "a"], ["c" * 100, ""], [None] * 2]),
    "nothing": (pa.int8(), [[None] * 2] * 3),
}


def put_columns(place: Place) -> None:
    """The table t with a column that comes late, and u with the same columns in all files."""
    for number, path in enumerate(["k=1/a.parquet", "k=1/b.parquet", "k=2/c.parquet"]):
        held = {name: pa.array(values[number], kind) for name, (kind, values) in COLUMNS.items() if values[number]}
        place.put(f"t/{path}", pa.table(held))
        place.put(f"u/{path}", pa.table({"i": held["i"]}))


QUERIES = {  # how many of the three files are read
    "SELECT count(*) FROM t": 0,
    "SELECT count(*), count(i), min(i), max(i) FROM t": 0,
    "SELECT min(late), max(late), count(late) FROM t": 0,
    'SELECT min(d), max(d), min("at"), max("at"), min(zoned), min(money), max(money) FROM t': 0,
    "SELECT min(nothing), count(nothing) FROM t": 0,
    "SELECT min(k), max(k), count(k) FROM t": 0,
    'SELECT min(i) AS low, max("I") FROM t WHERE k = 1': 2,  # of two layouts: DuckDB does not tell which it filters
    "SELECT min(i), count(*) FROM t WHERE k = 99": 0,
    "SELECT k, count(*) FROM t GROUP BY k ORDER BY k": 0,
    "SELECT count(DISTINCT k) FROM t": 0,
    "SELECT DISTINCT k FROM t ORDER BY k": 0,
    "SELECT sum(k) FROM t": 0,
    "SELECT count(*) FROM t WHERE k % 2 = 1": 0,
    "SELECT count(f), count(s) FROM t": 0,
    "SELECT max(f) FROM t": 3,  # NaN is the greatest, and no bound tells of it
    "SELECT min(s), max(s) FROM t": 3,  # bounds of text may be cut short
    "SELECT min(i + 1) FROM t": 3,
    "SELECT min(i) FROM (SELECT i + 1 AS i FROM t)": 3,
    "SELECT min(i) FROM t WHERE i > 2": 2,  # of b, no value is known: all are NULL
    "SELECT count(*) FROM t WHERE i > 2": 2,
    "SELECT count(*) FILTER (i > 2), min(i) FROM t": 3,
    "SELECT min(a.i) FROM t a JOIN t b ON a.k = b.k": 3,
    "WITH t AS (SELECT 1000 AS i) SELECT min(i), count(*) FROM t": 0,
}


@pytest.mark.parametrize("query", QUERIES)
def test_the_answer_is_that_of_a_full_scan_and_reads_no_more_files_than_it_needs(place, query):
    put_columns(place)
    lake = place.open_lake()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name in lake:
        con.register("rows", lake[name].arrow().read_all())
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
    expected = con.sql(query).to_arrow_table()
    answer, gets = count_gets(lake["t"], lambda: lake.sql(query).to_arrow_table())
    assert answer.schema.equals(expected.schema)
    assert repr(answer.to_pydict()) == repr(expected.to_pydict())  # NaN is not equal to itself
    assert gets == QUERIES[query]


def test_a_view_of_the_users_own_that_hides_a_calculation_is_read(folder):
    put_columns(folder)
    lake = folder.open_lake()
    lake.duckdb.execute("CREATE VIEW shifted AS SELECT i + 100 AS i FROM t")
    assert lake.sql("SELECT min(i), count(*) FROM shifted").fetchall() == [(93, 6)]  # -7 + 100
    lake.duckdb.execute("CREATE OR REPLACE TABLE mine AS SELECT 5 AS i")
    assert lake.sql("SELECT min(i) FROM mine").fetchall() == [(5,)]


def test_a_file_that_cannot_be_read_or_a_conflict_is_no_count(folder):
    folder.put("t/k=1/a.parquet", pa.table({"x": [1]}))
    folder.put("t/k=2/b.parquet", b"no Parquet")
    lake = folder.open_lake()
    for query in ("SELECT count(*) FROM t", "SELECT min(x) FROM t", "SELECT k, count(*) FROM t GROUP BY k"):
        with pytest.raises(CorruptFile, match="k=2/b.parquet"):
            lake.sql(query).fetchall()
    assert lake.sql("SELECT count(*), min(x) FROM t WHERE k = 1").fetchall() == [(1, 1)]
    folder.put("u/a.parquet", pa.table({"x": [1]}))
    folder.put("u/b.parquet", pa.table({"x": ["text"]}))
    lake = folder.open_lake()
    with pytest.raises(TypeConflict, match="'x'"):
        lake.sql("SELECT min(x) FROM u").fetchall()
    assert lake.sql("SELECT count(*) FROM u").fetchall() == [(2,)]


def test_many_rows_are_counted_in_one(folder):
    for number in range(6):
        folder.put(f"t/k=1/{number}.parquet", pa.table({"x": pa.repeat(1, 1_000_000)}))
    lake = folder.open_lake()
    assert lake.sql("SELECT k, count(*) FROM t GROUP BY k").fetchall() == [(1, 6_000_000)]


@pytest.mark.parametrize(
    "query", ["SELECT count(*) FROM t WHERE x < 100", "SELECT max(x), count(x) FROM t WHERE x < 100"]
)
@pytest.mark.parametrize("folder_of_keys", ["", "k=1/"])
def test_what_one_file_says_of_its_rows_is_not_taken_for_all(place, query, folder_of_keys):
    for number in range(3):
        place.put(f"t/{folder_of_keys}{number}.parquet", pa.table({"x": [10 * number, 200 * number]}))
    lake = place.open_lake()
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT unnest([0, 0, 10, 200, 20, 400]) AS x")
    assert lake.sql(query).fetchall() == con.execute(query).fetchall()


@pytest.mark.parametrize(
    "condition", ["starts_with(k, 'a')", "k LIKE 'a%' AND k > 'a'", "k > 'a' AND k < 'c'", "k SIMILAR TO 'a.*'"]
)
def test_a_condition_on_keys_that_is_not_understood_is_no_count_of_all(place, condition):
    for value in ("a", "ab", "c", "__HIVE_DEFAULT_PARTITION__"):
        place.put(f"t/k={value}/0.parquet", pa.table({"x": [1, 2, 3]}))
    lake = place.open_lake()
    con = duckdb.connect()
    con.register("t", lake["t"].arrow().read_all())
    for aggregate in ("count(*)", "count(*), min(x), max(x)", "count(x)"):
        query = f"SELECT {aggregate} FROM t WHERE {condition}"
        assert lake.sql(query).fetchall() == con.execute(query).fetchall(), query


SUBQUERIES = [
    "EXISTS (SELECT 1 FROM w WHERE a > 100)",
    "NOT EXISTS (SELECT 1 FROM w WHERE a > 50)",
    "(SELECT count(*) FROM w) > 5",
    "x + (SELECT max(x) FROM t) > 140",
    "x + (SELECT max(a) FROM w) > 100",
    "EXISTS (SELECT 1 FROM w WHERE w.a + t.x > w.b * t.x)",
    "EXISTS (SELECT 1 FROM w WHERE w.a + t.x = w.b + 60)",
    "x + k > ALL (SELECT a FROM w)",
    "x IN (SELECT a FROM w)",
    "(SELECT bool_or(a > t.x) FROM w)",
    "k = (SELECT min(b) FROM w)",
    "random() < 0",
    "x IN (1, 3, 12, 30, 31, 33, 52, 71, 72, 73, 74, 90, 91, 92, 93)",
]


@pytest.mark.parametrize("condition", SUBQUERIES)
def test_a_condition_with_a_query_in_it_counts_for_each_row(folder, condition):
    plain = put_tens(folder, folders=8, rows=5)
    lake = folder.open_lake()
    for con in (plain, lake.duckdb):
        con.execute("CREATE TABLE w AS SELECT * FROM (VALUES (70, 3), (60, 10)) AS v(a, b)")
    for what in ("count(*)", "count(x), min(x), max(x)", "max(k)"):
        query = f"SELECT {what} FROM t WHERE {condition}"
        assert lake.sql(query).fetchall() == plain.execute(query).fetchall(), query
