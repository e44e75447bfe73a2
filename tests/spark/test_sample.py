"""The sample lake and a drifted year on Spark: DuckDB's answers, exactly."""

import datetime as dt

import pyarrow as pa
import pytest

import lakekit as lk

QUERIES = [
    "SELECT count(*) AS a, count(precip) AS b, min(time_hour), max(time_hour), max(date) FROM weather",
    "SELECT origin, count(*), sum(dep_delay), min(hour) FROM flights WHERE date = DATE '2013-03-20' GROUP BY 1",
    "SELECT a.name, count(*) AS n FROM flights f JOIN airlines a ON a.carrier = f.carrier GROUP BY 1",
    "SELECT engine, count(DISTINCT f.tailnum) FROM flights f JOIN planes p ON p.tailnum = f.tailnum GROUP BY 1",
    "SELECT date, hour, temp, wind_gust FROM weather WHERE origin = 'JFK' AND date > DATE '2013-03-29'",
    "SELECT CAST(date AS STRING), count(*) FROM flights GROUP BY 1",
]


def sort_rows(rows):
    return sorted((tuple(row) for row in rows), key=repr)


def run(session, query):
    return sort_rows(tuple(row.values()) for row in session.sql(query).toArrow().to_pylist())


@pytest.fixture(scope="module")
def lake():
    """The sample lake."""
    return lk.open_lake("data/sample/lake")


@pytest.mark.parametrize("query", QUERIES)
def test_the_sample_lake_gives_the_answers_of_duckdb(lake, session, query):
    lake.spark(session)
    assert run(session, query) == sort_rows(lake.sql(query).fetchall())


def test_every_table_of_the_sample_lake_is_the_same(lake, session):
    lake.spark(session)
    for name in lake:
        assert run(session, f"SELECT * FROM {name}") == sort_rows(lake.sql(f"FROM {name}").fetchall()), name


def test_a_year_that_drifts_gives_the_answers_of_duckdb(session, folder):
    first = dt.date(2023, 1, 1)
    for day in range(0, 365, 5):  # 73 files; qty is whole until July, extra comes in September
        qty = [day, None, 3] if day < 180 else [day + 0.5, None, 3.25]
        columns = {"id": [day * 3, day * 3 + 1, day * 3 + 2], "qty": qty}
        columns |= {"extra": ["a", None, "c"]} if day >= 250 else {}
        folder.put(f"year/dt={first + dt.timedelta(days=day)}/a.parquet", pa.table(columns))
    lake = folder.open_lake()
    lake.spark(session)
    for query in [
        "SELECT count(*), sum(qty), count(extra), min(dt), max(dt) FROM year",
        "SELECT month(dt), sum(qty), count(extra) FROM year WHERE dt >= DATE '2023-06-01' GROUP BY 1",
        "SELECT * FROM year",
    ]:
        assert run(session, query) == sort_rows(lake.sql(query).fetchall())
    assert session.sql("SELECT count(*) FROM year").collect()[0][0] == 219  # 73 x 3
