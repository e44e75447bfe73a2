"""NaN is the greatest of all numbers, in both engines, whatever the bounds in a footer leave out."""

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from tests.views.lakes import Place

NAN = float("nan")
CONDITIONS = ["d > 5", "d >= 5", "d <= 2", "d < 5", "d <> 1", "d = 'NaN'::DOUBLE", "NOT (d <= 2)", "d BETWEEN 0 AND 9"]


def put_numbers(place: Place, *files: list[float]) -> None:
    for number, values in enumerate(files):
        place.put(f"t/k={number}/a.parquet", pa.table({"d": values, "i": range(len(values))}))


def ask(place: Place, engine: str, query: str) -> list[tuple]:
    if engine == "sql":
        return place.open_lake().sql(query).fetchall()
    con = duckdb.connect()
    place.open_table().duckdb(con, "t")
    return con.execute(query).fetchall()


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("engine", ["sql", "duckdb"])
@pytest.mark.parametrize("files", [([1.0, 2.0, NAN],), ([1.0, 2.0], [NAN, NAN], [3.0, NAN])], ids=["one", "three"])
def test_a_condition_finds_the_rows_that_it_finds_in_memory(place, engine, condition, files):
    put_numbers(place, *files)
    con = duckdb.connect()
    con.register("t", place.open_table().arrow().read_all())
    query = f"SELECT k, i FROM t WHERE {condition} ORDER BY ALL"
    assert ask(place, engine, query) == con.execute(query).fetchall()


@pytest.mark.parametrize("engine", ["sql", "duckdb"])
@pytest.mark.parametrize("rows", [1_000, 100_000], ids=["small", "large"])
def test_bounds_of_pages_are_not_believed_either(place, engine, rows):
    for number in range(2):
        table = pa.table({"d": [*(n / 2 for n in range(rows - 1)), NAN], "i": range(rows)})
        place.put(f"t/{number}.parquet", table, write_page_index=True, data_page_size=1_000, use_dictionary=False)
    assert ask(place, engine, "SELECT i FROM t WHERE d > 1e9") == [(rows - 1,)] * 2
    assert ask(place, engine, "SELECT count(*) FROM t WHERE d <= 10") == [(2 * 21,)]
    assert ask(place, engine, "SELECT d FROM t WHERE i = 70") == [(35.0,)] * 2


@pytest.mark.parametrize("engine", ["sql", "duckdb"])
def test_nan_is_the_greatest_also_of_one_file(place, engine):
    put_numbers(place, [1.0, 2.0, NAN])
    assert repr(ask(place, engine, "SELECT min(d), max(d) FROM t")) == "[(1.0, nan)]"
    assert ask(place, engine, "SELECT i FROM t ORDER BY d DESC LIMIT 1") == [(2,)]


def test_both_engines_find_the_same(place):
    put_numbers(place, [1.0, 2.0], [NAN, 7.0])
    frame = place.open_table().polars()
    for condition, expected in [("d > 5", [(1, 0), (1, 1)]), ("d <= 2", [(0, 0), (0, 1)])]:
        assert frame.filter(pl.sql_expr(condition)).select("k", "i").sort("k", "i").collect().rows() == expected
        assert ask(place, "sql", f"SELECT k, i FROM t WHERE {condition} ORDER BY ALL") == expected


def test_a_copy_of_a_file_has_no_bounds_either(folder):
    wide = pa.array([10**50, 1, 1], pa.decimal256(60, 0))  # which DuckDB is shown as a copy
    folder.put("t/k=0/a.parquet", pa.table({"d": [1.0, 2.0, NAN], "i": [0, 1, 2], "wide": wide}))
    for engine in ("sql", "duckdb"):
        assert ask(folder, engine, "SELECT i FROM t WHERE d > 5") == [(2,)]
