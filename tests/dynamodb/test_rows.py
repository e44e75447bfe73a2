"""Rows of a frame have the size that the same items have one by one, whatever library the frame is of; and quickly."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import get_item_bytes, get_number_bytes, measure_frame
from lakekit.dynamodb.rows import as_item
from lakekit.errors import InvalidArgument

ROWS = [
    {"id": 7, "city": "Zürich", "raw": b"\x00\x01", "on": True, "price": 12.5, "tags": ["a", None], "at": {"x": 1}},
    {"id": -(2**63), "city": None, "raw": b"", "on": None, "price": -0.001, "tags": [], "at": {"x": None}},
    {"id": 0, "city": "", "raw": None, "on": False, "price": 1e22, "tags": None, "at": None},
]
SCHEMA = {
    "id": pl.Int64,
    "city": pl.String,
    "raw": pl.Binary,
    "on": pl.Boolean,
    "price": pl.Float64,
    "tags": pl.List(pl.String),
    "at": pl.Struct({"x": pl.Int32}),
}
FRAME = pl.DataFrame(ROWS, schema=SCHEMA)


def drop_nulls(value):
    """The row as an item: an absent attribute for NULL, also in maps; in lists it stays."""
    if isinstance(value, dict):
        return {name: drop_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


EXPECTED = [get_item_bytes(drop_nulls(row), form="python") for row in ROWS]


def test_rows_have_the_size_of_the_same_items():
    # the first by hand: id 2+2, city 4+7, raw 3+2, on 2+1, price 5+3, tags 4+3+(1+1)+(1+1), at 2+3+(1+1+2)
    assert EXPECTED[0] == 4 + 11 + 5 + 3 + 8 + 11 + 9
    assert measure_frame(FRAME).to_list() == EXPECTED
    assert measure_frame(FRAME).dtype == pl.Int64


@pytest.mark.parametrize(
    "convert",
    [
        pl.DataFrame.lazy,
        pl.DataFrame.to_arrow,
        lambda frame: pa.RecordBatchReader.from_stream(frame.to_arrow()),
        lambda frame: duckdb.from_arrow(frame.to_arrow()),
    ],
    ids=["Polars, lazy", "Arrow", "Arrow reader", "DuckDB"],
)
def test_a_frame_of_any_library_is_measured_alike(convert):
    assert measure_frame(convert(FRAME)).to_list() == EXPECTED


def test_null_can_be_an_attribute_of_type_null():
    frame = pl.DataFrame({"id": [1], "note": [None], "at": [{"x": None}]}, schema_overrides={"note": pl.String})
    assert measure_frame(frame).to_list() == [4 + 2 + 3]
    stored = get_item_bytes({"id": 1, "note": None, "at": {"x": None}})
    assert measure_frame(frame, nulls="NULL").to_list() == [stored] == [4 + 5 + 2 + 3 + 1 + 1 + 1]


def test_a_column_of_nulls_only_is_no_attribute():
    frame = pl.DataFrame({"id": [1, 2], "empty": [None, None]})
    assert measure_frame(frame).to_list() == [4, 4]
    assert measure_frame(frame, nulls="NULL").to_list() == [4 + 6, 4 + 6]


def test_times_are_iso_text_or_seconds():
    moments = [datetime.fromisoformat(text) for text in ("2026-11-02T08:30:00", "2026-11-02T08:30:00.000005")]
    frame = pl.DataFrame({"t": moments})
    assert measure_frame(frame).to_list() == [1 + len(moment.isoformat()) for moment in moments]
    seconds = [Decimal(int(one.replace(tzinfo=UTC).timestamp() * 10**6)).scaleb(-6) for one in moments]
    assert measure_frame(frame, times="number").to_list() == [1 + get_number_bytes(one) for one in seconds]
    zoned = pl.DataFrame({"t": [moments[0].replace(tzinfo=UTC)]})
    assert measure_frame(zoned).to_list() == [1 + len(moments[0].replace(tzinfo=UTC).isoformat())]
    assert measure_frame(pl.DataFrame({"d": [date(2026, 11, 2)]})).to_list() == [1 + 10]


def test_categories_and_enums_are_text_and_arrays_are_lists():
    frame = pl.DataFrame(
        {
            "c": pl.Series(["ab"], dtype=pl.Categorical),
            "e": pl.Series(["x"], dtype=pl.Enum(["x"])),
            "a": pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2)),
        }
    )
    assert measure_frame(frame).to_list() == [(1 + 2) + (1 + 1) + (1 + 3 + 2 * (1 + 2))]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100), min_size=1))
def test_floats_are_measured_as_one_by_one(numbers):
    numbers = [number for number in numbers if number == 0 or abs(number) > 1e-120] or [0.0]
    assert measure_frame(pl.DataFrame({"n": numbers})).to_list() == [1 + get_number_bytes(one) for one in numbers]


@given(st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1))
def test_whole_numbers_are_measured_as_one_by_one(numbers):
    signed = [number for number in numbers if number < 2**63] or [0]
    unsigned = [number for number in numbers if number >= 0] or [0]
    for values, dtype in ((signed, pl.Int64), (unsigned, pl.UInt64)):
        frame = pl.DataFrame({"n": pl.Series(values, dtype=dtype)})
        assert measure_frame(frame).to_list() == [1 + get_number_bytes(one) for one in values]


@given(st.lists(st.decimals(-(10**20), 10**20, places=7), min_size=1))
def test_decimals_are_measured_as_one_by_one(numbers):
    frame = pl.DataFrame({"n": pl.Series(numbers, dtype=pl.Decimal(38, 7))})
    assert measure_frame(frame).to_list() == [1 + get_number_bytes(one) for one in numbers]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, float("nan")], "'bad' is nan"),
        ([1e200], r"'bad' has a number near 1E\+200"),
        ([[1.0], [float("inf")]], r"'bad\[0\]' is inf"),
        ([{"x": float("nan")}], r"'bad\.x' is nan"),
        ([timedelta(1)], "'bad' is of type Duration"),
    ],
)
def test_what_dynamodb_refuses_names_the_column(values, message):
    with pytest.raises(InvalidArgument, match=message):
        measure_frame(pl.DataFrame({"id": range(len(values)), "bad": values}))


@pytest.mark.parametrize(("name", "value"), [("times", "iso"), ("nulls", "none")])
def test_a_choice_that_is_none_is_named(name, value):
    with pytest.raises(InvalidArgument, match=f"{name}='{value}' was given"):
        measure_frame(FRAME, **{name: value})


def test_what_is_no_table_is_an_error():
    with pytest.raises(InvalidArgument, match="A dict is no table"):
        measure_frame({"id": 1})


def test_no_rows_and_no_columns_have_no_sizes():
    assert measure_frame(FRAME.clear()).to_list() == []
    assert measure_frame(pl.DataFrame()).to_list() == []


def test_a_row_becomes_an_item_without_its_nulls():
    assert as_item({"id": 1, "day": date(2026, 11, 2), "none": None}) == {"id": 1, "day": "2026-11-02"}


def test_a_million_rows_take_seconds():
    chance = np.random.default_rng(1)
    count = 1_000_000
    frame = pl.DataFrame(
        {
            "id": chance.integers(-(10**15), 10**15, count),
            "name": pl.Series(chance.integers(0, 10**6, count)).cast(pl.String),
            "price": chance.random(count) * 1000,
            "on": chance.random(count) > 0.5,
        }
    )
    start = time.perf_counter()
    sizes = measure_frame(frame)
    assert time.perf_counter() - start < 10  # 0.7 s on an idle core; the tests may share it
    some = range(0, count, 20_011)
    assert [sizes[row] for row in some] == [get_item_bytes(frame.row(row, named=True)) for row in some]


@pytest.mark.parametrize("name", ["*", "^k.$"])
def test_names_that_polars_takes_for_patterns_are_names(name):
    letters = "n" * len(name)
    for columns in ({"kx": ["abc"]}, {"kx": [None]}):
        odd, plain = pl.DataFrame({name: ["x"], **columns}), pl.DataFrame({letters: ["x"], **columns})
        assert measure_frame(odd).to_list() == measure_frame(plain).to_list()
        odd, plain = (pl.DataFrame({"s": frame.to_struct("s")}) for frame in (odd, plain))
        assert measure_frame(odd).to_list() == measure_frame(plain).to_list()
