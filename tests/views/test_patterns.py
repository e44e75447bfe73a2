"""Columns and keys whose names Polars would take for patterns: the answers are those of any other name."""

import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.columns import exact_name
from lakekit.views import groups
from tests.views.lakes import make_place

NAMES = ["*", "^k$", "^k.$", "^.*$"]  # "^k.$" is a pattern for kx as well, and "^.*$" for all


@pytest.fixture(params=NAMES)
def lake(request, tmp_path) -> tuple[str, lk.Lake]:
    """A name, and a lake where a key of `keyed` and a column of `t` has it: 0, 1, 2; kx is ten times that."""
    place, name = make_place("folder", tmp_path), request.param
    for number in range(3):
        place.put(f"keyed/{name}={number}/kx={10 * number}/a.parquet", pa.table({"a": [number, number]}))
        place.put(f"t/{number}.parquet", pa.table({name: [number, None], "kx": [10 * number] * 2, "a": [number] * 2}))
    return name, place.open_lake()


QUERIES = {  # of 0, 1, 2, each in a file of its own
    'SELECT max(a) FROM {table} WHERE "{name}" = 2': 2,
    'SELECT max("{name}") FROM {table}': 2,
    'SELECT min("{name}") FROM {table} WHERE kx > 5': 1,
    'SELECT count(*) FROM {table} WHERE "{name}" > 0 AND a > 1': {"keyed": 2, "t": 1},  # in t, NULL stands beside it
    'SELECT "{name}" FROM {table} ORDER BY "{name}" DESC NULLS LAST LIMIT 1': 2,
}


@pytest.mark.parametrize("table", ["keyed", "t"])
def test_duckdb_answers_for_the_column_of_just_that_name(lake, table):
    name, opened = lake
    for query, expected in QUERIES.items():
        answer = expected[table] if isinstance(expected, dict) else expected
        for con in (opened, opened.duckdb):
            assert con.sql(query.format(table=table, name=name)).fetchall() == [(answer,)], query


@pytest.mark.parametrize("table", ["keyed", "t"])
def test_polars_and_its_filters_read_the_column_of_just_that_name(lake, table):
    name, opened = lake
    frame = opened.polars(table)
    assert sorted(frame.collect().columns) == sorted([name, "kx", "a"])
    assert frame.filter(pl.col(exact_name(name)) == 2).select("kx").collect()["kx"].unique().to_list() == [20]
    assert frame.filter(kx=20).select(exact_name(name)).collect().rows()[0] == (2,)
    assert opened[table].files.height == 3


def test_more_files_than_a_group_takes_are_cut_by_a_key_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "SPLIT_FILES", 2)
    place = make_place("folder", tmp_path)
    for number in range(4):
        place.put(f"t/^k.$={number}/kx={number % 2}/a.parquet", pa.table({"a": [number]}))
    lake = place.open_lake()
    assert lake.sql('SELECT a FROM t WHERE "^k.$" = 3').fetchall() == [(3,)]
    assert len(lake["t"].view.plan.groups) == 4  # one for each value of the key that has most
