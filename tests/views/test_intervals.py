"""Columns of intervals, as DuckDB writes them: an error that names the column where they are asked for."""

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import TypeConflict
from tests.views.lakes import Place


@pytest.fixture
def written(folder, tmp_path) -> Place:
    """Five rows: i is 0, 1, 2, 3, 4; iv is so many months; s and l hold intervals as well."""
    columns = "range AS i, INTERVAL (range) MONTH AS iv, {'x': 1, 'a': INTERVAL 1 DAY} AS s, [INTERVAL 1 DAY] AS l"
    duckdb.execute(f"COPY (SELECT {columns} FROM range(5)) TO '{tmp_path}/x.parquet'")
    folder.put("t/x.parquet", (tmp_path / "x.parquet").read_bytes())
    return folder


@pytest.mark.parametrize("column", ["iv", "s", "l"])
def test_intervals_are_an_error_where_they_are_asked_for(written, column):
    lake = written.open_lake()
    said = rf"The column '{column}' of t holds intervals.* in x\.parquet"
    for query in (f"SELECT {column} FROM t", f"SELECT max({column}) FROM t", f"SELECT i FROM t ORDER BY {column}"):
        with pytest.raises(TypeConflict, match=said):
            lake.sql(query).fetchall()
        with pytest.raises(duckdb.Error, match=said):
            lake.duckdb.execute(query).fetchall()
    with pytest.raises(TypeConflict, match=said):
        lake.polars("t").select(column).collect()
    assert f"{column}: binary\n    interval in 1 file: x.parquet -> TypeConflict" in repr(lake["t"].drift)


def test_the_columns_beside_intervals_are_read(written):
    lake = written.open_lake()
    assert lake.sql("SELECT count(*), sum(i), max(i) FROM t").fetchall() == [(5, 10, 4)]
    assert lake.polars("t").select("i").collect()["i"].to_list() == [0, 1, 2, 3, 4]


def test_intervals_that_are_declared_bytes_are_read_as_such(written):
    table = lk.open_table(f"{written.url}/t", schema=pa.schema({"i": pa.int64(), "iv": pa.binary()}))
    months = [number.to_bytes(4, "little") + bytes(8) for number in range(5)]  # months, days, milliseconds
    assert table.polars().collect()["iv"].to_list() == months
    assert table.duckdb(duckdb.connect()).fetchall() == list(enumerate(months))


def test_twelve_bytes_are_no_intervals(folder):
    folder.put("t/x.parquet", pa.table({"b": pa.array([b"x" * 12], pa.binary(12))}))
    assert folder.open_lake().sql("SELECT b FROM t").fetchall() == [(b"x" * 12,)]
