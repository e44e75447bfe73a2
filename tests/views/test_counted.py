"""Conditions on keys that leave one folder: what DuckDB plans for one of its files is not taken for all of them."""

import os
import random

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from tests.views.lakes import Place, make_place

LAKES = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "6"))

# k=20 has five rows of 128 in its first file, and then three of 0; k=3 has 6, 7 and 200, in two files
QUERIES = {
    "SELECT min(n) FROM t WHERE n = 128 AND k = 20": 128,
    "SELECT count(k) FROM t WHERE n = 128 AND k = 20": 5,
    "SELECT sum(1) FROM t WHERE n = 128 AND k = 20": 5,
    "SELECT count(*) FROM t WHERE n <> 0 AND k = 20": 5,
    "SELECT count(*) FROM t WHERE n IS DISTINCT FROM 128 AND k = 20": 3,
    "SELECT sum(n) FROM t, (SELECT count(*) AS c FROM t WHERE k = 20) WHERE n < c AND n > 0": 6 + 7,  # c is 8
}


@pytest.fixture
def lake(tmp_path) -> lk.Lake:
    place = make_place("folder", tmp_path)
    for path, values in {"k=20/a": [128] * 5, "k=20/b": [0] * 3, "k=3/a": [6, 7], "k=3/b": [200]}.items():
        place.put(f"t/{path}.parquet", pa.table({"n": values}))
    return place.open_lake()


@pytest.mark.parametrize("query", QUERIES)
def test_the_bounds_and_rows_of_one_file_are_not_those_of_its_folder(lake, query):
    assert lake.sql(query).fetchall() == lake.duckdb.sql(query).fetchall() == [(QUERIES[query],)]


def test_rows_are_counted_where_a_column_is_alike_in_the_one_file_that_has_rows(tmp_path):
    place = make_place("folder", tmp_path)
    empty = pa.array([], pa.uint8())
    place.put("t/k=20/a.parquet", pa.table({"v": pa.nulls(5, pa.uint8()), "n": pa.array([128] * 5, pa.uint8())}))
    place.put("t/k=__HIVE_DEFAULT_PARTITION__/b.parquet", pa.table({"v": empty, "n": empty}))
    place.put("t/k=__HIVE_DEFAULT_PARTITION__/c.parquet", pa.table({"n": pa.array([0] * 9, pa.uint8())}))
    lake = place.open_lake()
    assert lake.sql("SELECT count(*) FROM t WHERE n = 128 AND k = 20").fetchall() == [(5,)]
    assert lake.sql("SELECT count(*) FROM t WHERE n <> 128 AND k IS NULL").fetchall() == [(9,)]


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(LAKES))
def test_random_conditions_on_keys_and_columns_count_as_a_plain_table_does(tmp_path, seed):
    rng, place, plain = random.Random(seed), Place(str(tmp_path)), duckdb.connect()
    plain.execute("CREATE TABLE t (n BIGINT, v BIGINT, k BIGINT)")
    place.put("t/k=1/first.parquet", pa.table({"n": [1], "v": [1]}))
    plain.execute("INSERT INTO t VALUES (1, 1, 1)")
    for number in range(rng.randint(1, 6)):
        k, rows = rng.choice([20, 3, None]), make_rows(rng)
        place.put(f"t/k={'__HIVE_DEFAULT_PARTITION__' if k is None else k}/{number}.parquet", rows)
        names = ", ".join(rows.column_names)
        plain.execute(f"INSERT INTO t ({names}, k) SELECT {names}, {'NULL' if k is None else k} FROM rows")
    lake = place.open_lake()
    for _ in range(40):
        query = make_query(rng)
        assert lake.sql(query).fetchall() == plain.execute(query).fetchall(), query


def make_rows(rng: random.Random) -> pa.Table:
    """A file with one value of n, or none, in all rows; most often with v as well, which perhaps is NULL in all."""
    count = rng.choice([0, 1, 5, 9])
    columns = {"n": pa.array([rng.choice([0, 128, None])] * count, pa.int64())}
    if rng.random() > 0.3:
        columns["v"] = pa.array([rng.choice([None, 7])] * count, pa.int64())
    return pa.table(columns)


def make_query(rng: random.Random) -> str:
    """A query whose one row is known by counting."""
    asked = rng.choice(["count(*)", "count(k)", "count(n), min(n)", "sum(1)", "min(n), max(n)", "count(v)", "min(k)"])
    column, key = rng.choice(["n", "n", "v"]), rng.choice(["k = 20", "k = 3", "k IS NULL", "k IS NOT NULL", "k <> 20"])
    value = rng.choice([0, 7, 128])
    signs = ["=", "<>", ">", "<=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]
    condition = rng.choice(
        [f"{column} {rng.choice(signs)} {value}", f"{column} IS NULL", f"{column} IS NOT NULL"]
        + [f"({column} IS NULL OR {column} <> {value})", f"n < (SELECT count(*) FROM t WHERE {key})"]
    )
    return f"SELECT {asked} FROM t WHERE {condition} {rng.choice(['AND', 'AND', 'OR'])} {key}"
