"""Values become a column's type only where they mean the same, and come back as they were."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from lakekit.ingest.converting import convert_column


def convert(values, kind):
    """The converted values, with "bad" where one did not fit."""
    column = pa.chunked_array([values if isinstance(values, pa.Array) else pa.array(values)])
    converted, is_bad = convert_column(column, kind)
    bad = is_bad if is_bad is not None else [False] * len(column)
    return ["bad" if one else value for value, one in zip(converted.to_pylist(), bad, strict=True)]


@pytest.mark.parametrize(
    ("texts", "kind", "expected"),
    [
        (["-128", "128", "-0", "007", "+1", " 1", "1.0", "", None], pa.int8(), [-128, *["bad"] * 6, None, None]),
        (["1.5", "1e3", "nine", "12345678901234567"], pa.float64(), [1.5, 1000.0, "bad", "bad"]),
        (["1e400", "-1e400", "inf", "1234567890123456.5"], pa.float64(), ["bad", "bad", float("inf"), "bad"]),
        (["16777216", "16777217", "0.123456789", "0.5"], pa.float32(), [16777216.0, "bad", "bad", 0.5]),
        (["1e-46", "1e39", "1e-400", "NaN1", "12345678.5"], pa.float32(), ["bad"] * 5),
        (["1.5", "1.2345", "01.5"], pa.decimal128(12, 3), [Decimal("1.500"), "bad", "bad"]),
        (["true", "FALSE", "1", "yes"], pa.bool_(), [True, False, "bad", "bad"]),
        (["2024-02-29", "2024-02-30", "29.2.2024"], pa.date32(), [dt.date(2024, 2, 29), "bad", "bad"]),
        (["2024-01-05T10:00:00.1234567", "2024-01-05T10:00:00Z"], pa.timestamp("us"), ["bad", "bad"]),
        (["x"], pa.list_(pa.int64()), ["bad"]),
    ],
)
def test_text_is_a_value_only_where_it_is_written_as_one(texts, kind, expected):
    assert convert(pa.array(texts, pa.string()), kind) == expected


def test_zones_are_understood():
    texts = ["2024-01-05T10:00:00Z", "2024-01-05 10:00+02:00"]
    expected = [dt.datetime(2024, 1, 5, 10, tzinfo=dt.UTC), dt.datetime(2024, 1, 5, 8, tzinfo=dt.UTC)]
    assert convert(texts, pa.timestamp("us", "UTC")) == expected


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1], pa.timestamp("us"), ["bad"]),
        ([dt.date(2024, 1, 5)], pa.int32(), ["bad"]),
        ([True, None], pa.int64(), ["bad", None]),
        ([0], pa.bool_(), ["bad"]),
        ([1.0, 1.5], pa.int64(), [1, "bad"]),
        ([2**53 + 1, 1], pa.float64(), ["bad", 1.0]),
        ([1.5, 2.0], pa.string(), ["1.5", "2"]),
        ([b"\xff", b"a"], pa.string(), ["bad", "a"]),
        ([[1], None], pa.string(), ["bad", None]),
        ([{"a": 1}], pa.struct([("a", pa.float64()), ("b", pa.string())]), [{"a": 1.0, "b": None}]),
        ([None], pa.int64(), [None]),
    ],
)
def test_values_of_another_type_fit_only_where_they_mean_the_same(values, kind, expected):
    assert convert(values, kind) == expected
