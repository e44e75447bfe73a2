"""Drift says which columns differ, how, in which files and since when."""

import polars as pl
import pyarrow as pa

from lakekit.manifest.drift import Drift, describe_schema, find_drift
from lakekit.manifest.schema import FileKind, unify_schemas

I64, F64, TEXT = pa.int64(), pa.float64(), pa.string()


def find(*kinds, keys=None, **options):
    """The drift of a table with these columns by path."""
    made = [
        FileKind(str(number), pa.schema(list(columns.items())), paths, paths[0])
        for number, (columns, paths) in enumerate(kinds)
    ]
    return find_drift("t", unify_schemas(made, keys or {}, **options), made)


WIDENED = find(
    ({"n": pa.int32(), "old": TEXT}, ("day=1/x", "day=2/x")),
    ({"n": I64, "old": TEXT, "new": F64}, ("day=3/x",)),
    ({"n": TEXT, "old": TEXT}, ("day=4/x",)),
)


def test_files_that_are_alike_have_no_drift():
    drift = find(({"a": I64}, ("x", "y")))
    assert not drift
    assert repr(drift) == "t: no drift, all files have the same columns and types"
    assert drift.frame.height == 0
    assert drift._repr_html_() == "<div><b>t: no drift, all files have the same columns and types</b></div>"


def test_drift_is_told_column_by_column_and_type_by_type():
    assert WIDENED
    assert repr(WIDENED) == (
        "t: 2 columns with drift\n"
        "  n: int64\n"
        "    int32 in 2 files: day=1/x .. day=2/x -> widened\n"
        "    int64 in 1 file: day=3/x\n"
        "    string in 1 file: day=4/x -> TypeConflict when read\n"
        "  new: double\n"
        "    missing in 3 files: day=1/x .. day=4/x -> NULL\n"
        "    double in 1 file: day=3/x"
    )


def test_drift_is_a_frame_too():
    frame = WIDENED.frame
    assert list(frame.schema.items()) == [
        ("column", pl.String),
        ("table_type", pl.String),
        ("file_type", pl.String),
        ("files", pl.Int64),
        ("remark", pl.String),  # before the paths, which are long
        ("first_file", pl.String),
        ("last_file", pl.String),
    ]
    assert frame.rows()[0] == ("n", "int64", "int32", 2, "widened", "day=1/x", "day=2/x")
    assert frame["column"].to_list() == ["n", "n", "n", "new", "new"]
    assert find(({"a": I64}, ("x",))).frame.schema == frame.schema


def test_drift_is_a_table_in_a_notebook():
    html = WIDENED._repr_html_()
    assert html.startswith("<div><b>t: 2 columns with drift</b><table")
    assert ">TypeConflict when read</td>" in html


def test_each_type_has_its_files_in_order_and_the_first_path_comes_first():
    drift = find(({"a": I64}, ("c", "e")), ({"a": pa.int8()}, ("b", "d")), ({"a": I64, "b": TEXT}, ("a",)))
    ways = [(variant.type, variant.paths) for variant in drift.variants["a"]]
    assert ways == [("int64", ("a", "c", "e")), ("int8", ("b", "d"))]


def test_values_that_are_checked_are_said_to_be():
    drift = find(({"a": I64}, ("x",)), ({"a": F64}, ("y",)))
    assert "int64 in 1 file: x -> converted, each value checked" in repr(drift)


def test_one_type_that_is_not_the_tables_is_drift():
    drift = find(({"a": I64}, ("x",)), declared=pa.schema([("a", F64), ("b", TEXT)]))
    assert list(drift.variants) == ["a", "b"]
    assert drift.types == {"a": "double", "b": "string"}


def test_partition_columns_do_not_drift():
    assert not find(({"day": TEXT}, ("x",)), ({"day": I64}, ("y",)), keys={"day": I64})


def test_drift_of_nothing_is_false():
    assert not Drift("t", {}, {})


def test_a_schema_is_told_as_people_write_it():
    schema = pa.schema([("a", pa.decimal128(10, 2)), ("b", pa.list_(pa.date32()))])
    assert describe_schema(schema) == [("a", "decimal(10,2)"), ("b", "list<date>")]
