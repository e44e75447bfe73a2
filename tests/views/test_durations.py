"""Durations are whole numbers of one unit, or a conflict, in every engine."""

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from lakekit import TypeConflict
from tests.views.lakes import ENGINES, list_columns, read_alike, read_all


def test_durations_of_different_units_are_not_mixed(folder):
    folder.put("t/a.parquet", pa.table({"c": pa.array([1], pa.duration("s"))}))
    folder.put("t/b.parquet", pa.table({"c": pa.array([1], pa.duration("ms"))}))
    try:
        values = read_all(folder, "arrow")["c"].to_pylist()
    except TypeConflict:
        return
    assert values[0] == 1_000 * values[1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("other", [pa.array([1.5]), pa.array([Decimal("1.5")])], ids=["double", "decimal"])
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_durations_beside_other_numbers_are_a_conflict_in_every_engine(folder, engine, other, names):
    folder.put(f"t/{names[0]}.parquet", pa.table({"c": other}))
    folder.put(f"t/{names[1]}.parquet", pa.table({"c": pa.array([1], pa.duration("s"))}))
    with pytest.raises(
        TypeConflict if engine != "duckdb" else duckdb.Error, match=r"duration\[s\]|is decimal|is double"
    ):
        read_all(folder, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_durations_of_two_units_in_a_list_are_a_conflict_that_drift_tells(folder, engine):
    for name, unit in (("a", "ms"), ("b", "us")):
        folder.put(f"t/{name}.parquet", pa.table({"c": pa.array([[1]], pa.list_(pa.duration(unit)))}))
    assert "list<duration[us]> in 1 file: b.parquet -> TypeConflict" in repr(folder.open_lake()["t"].drift)
    with pytest.raises(
        TypeConflict if engine != "duckdb" else duckdb.Error, match=r"list<duration\[us\]> in b\.parquet"
    ):
        read_all(folder, engine)


def test_durations_are_read_as_the_doubles_that_they_are_declared(place):
    place.put("t/a.parquet", pa.table({"c": pa.array([2, None], pa.duration("s"))}))
    found = read_alike(place, schema=pa.schema({"c": pa.float64()}))
    assert (list_columns(found), found["c"].to_pylist()) == ([("c", "double")], [2.0, None])
