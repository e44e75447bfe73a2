"""Types are declared by names that are the same everywhere, or as types of Arrow; what is none is refused."""

import pyarrow as pa
import pytest

from lakekit.errors import InvalidArgument
from lakekit.manifest.type_names import parse_types


def test_names_and_types_and_schemas_declare_columns():
    assert parse_types(["a"]) == {"a": None} and parse_types(None) == {} and parse_types({}) == {}
    assert parse_types(pa.schema([("a", pa.large_string())])) == {"a": pa.string()}
    told = parse_types({"a": "UINT8", "b": "decimal(38,38)", "c": pa.int8(), "d": "timestamptz", "e": None})
    assert list(told.values()) == [pa.uint8(), pa.decimal128(38, 38), pa.int8(), pa.timestamp("us", "UTC"), None]


@pytest.mark.parametrize("kind", ["money", "", 5, "decimal", "decimal(0,0)", "decimal(39,1)", "decimal(2,3)", int])
def test_types_that_have_no_name_are_refused(kind):
    with pytest.raises(InvalidArgument, match=r"'a' was declared as .*\nHint: use one of string, text"):
        parse_types({"a": kind})


@pytest.mark.parametrize("columns", ["a", b"a", 5, [], [5], [""], {5: "int"}, {"": "int"}, [["a"]]])
def test_what_names_no_columns_is_refused_under_the_name_of_the_argument(columns):
    with pytest.raises(InvalidArgument, match="types=.* names no columns"):
        parse_types(columns, name="types")
