"""Decoded records become typed columns: a known type holds, new fields are columns, and no value is changed."""

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.ingest.rows import type_column, type_rows

UTC = dt.UTC


@pytest.mark.parametrize(
    ("values", "kind", "kept", "bad"),
    [
        ([1, 1.5], pa.float64(), [1.0, 1.5], []),
        ([1.5, True], pa.float64(), [1.5, None], [1]),  # Arrow alone would take True for 1.0
        ([1, "a"], pa.int64(), [1, None], [1]),
        ([2**70, 1], pa.int64(), [None, 1], [0]),
        ([2**53 + 1, 1.5], pa.float64(), [None, 1.5], [0]),  # no double holds it
        (["\ud800", "a"], pa.string(), [None, "a"], [0]),  # half a letter
        ([{"a": 1}, {"b": "x"}], pa.struct([("a", pa.int64()), ("b", pa.string())]), None, []),
        ([{"a": 1}, {"a": "x"}], pa.struct([("a", pa.int64())]), None, [1]),
        ([{"A": 1, "a": 2}, {"a": 1}], pa.struct([("a", pa.int64())]), None, [0]),
        ([[1], ["x"], [2.5]], pa.list_(pa.float64()), [[1.0], None, [2.5]], [1]),
        ([[1, "a"], [1]], pa.list_(pa.int64()), [None, [1]], [0]),
        ([b"x", "y"], pa.binary(), [b"x", None], [1]),
        ([Decimal("1.5"), Decimal("10")], pa.decimal128(3, 1), [Decimal("1.5"), Decimal("10.0")], []),
    ],
)
def test_a_new_column_gets_the_type_of_its_first_value_made_wider(values, kind, kept, bad):
    column, misfits = type_column(values, None)
    assert column.type == kind
    assert kept is None or column.to_pylist() == kept
    assert sorted(misfits) == bad


@pytest.mark.parametrize(
    ("known", "value", "stored"),
    [
        (pa.int64(), 1.5, None),  # Arrow alone would make it 1
        (pa.int64(), 2.0, 2),
        (pa.int64(), True, None),
        (pa.int64(), "1", None),
        (pa.int8(), 300, None),
        (pa.float64(), 3, 3.0),
        (pa.float64(), 2**53 + 1, None),
        (pa.string(), 1, None),
        (pa.bool_(), 1, None),
        (pa.decimal128(10, 2), 12.34, Decimal("12.34")),
        (pa.decimal128(10, 2), 12.345, None),
        (pa.decimal128(10, 2), 7, Decimal("7.00")),
        (pa.decimal128(10, 2), "0.10", Decimal("0.10")),
        (pa.date32(), "2026-11-25", dt.date(2026, 11, 25)),
        (pa.date32(), "25.11.2026", None),
        (pa.timestamp("us", "UTC"), "2026-11-25T13:00:00+01:00", dt.datetime(2026, 11, 25, 12, tzinfo=UTC)),
        (pa.timestamp("us", "UTC"), "2026-11-25T13:00:00", None),  # of which zone?
        (pa.timestamp("us", "UTC"), 1764075600, None),  # seconds, or milliseconds?
        (pa.struct([("a", pa.int64())]), {"a": 1.5}, None),
        (pa.list_(pa.string()), "ab", None),  # Arrow alone would make it two letters
        (pa.map_(pa.string(), pa.int64()), {"a": 1}, None),
    ],
)
def test_a_value_of_a_known_column_is_stored_unchanged_or_not_at_all(known, value, stored):
    column, misfits = type_column([value, None], known)
    assert column.type == known
    assert column.to_pylist() == [stored, None]
    assert list(misfits) == ([] if stored is not None else [0])


def test_a_struct_gains_fields_and_an_empty_one_is_null_until_it_has_some():
    known = pa.schema([("who", pa.struct([("id", pa.int64())]))])
    table, misfits = type_rows([{"who": {"id": 1, "at": {"x": 2}}}, {"who": {}, "tags": []}], known)
    assert misfits == {}
    assert table.schema.names == ["who"]  # tags has no type yet
    assert table["who"].to_pylist() == [{"id": 1, "at": {"x": 2}}, {"id": None, "at": None}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"ID": 1}, "ID: the name differs only in case from the column id"),
        ({"": 1}, "a field is named ''"),
        ({1: 1}, "a field is named 1"),
        ({"id\0": 1}, "the name of the field 'id\\x00' is not Unicode, or holds a NUL character"),
        ({"_Shard": 1}, "_Shard: the name differs only in case from the column _shard"),
        ({"_shard": 1}, "_shard: a field must not have the name of a column that the stream adds"),
    ],
)
def test_names_that_would_spoil_the_table_are_refused(row, reason):
    table, misfits = type_rows([{"id": 1}, row], pa.schema([("id", pa.int64())]), reserved=["_shard"])
    assert table.to_pylist() == [{"id": 1}]
    assert misfits[1].startswith(reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def is_blank(value):
    """Whether a value is nothing but nulls: it may have no type, and is NULL then."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return all(one is None or (isinstance(one, dict | list) and is_blank(one)) for one in inner)


def is_same(stored, value):
    """Whether what is stored is the value, but for numbers that became doubles, and parts without a type."""
    if is_blank(value):
        return is_blank(stored)
    if isinstance(value, dict):
        return isinstance(stored, dict) and all(is_same(stored.get(name), inner) for name, inner in value.items())
    if isinstance(value, list):
        return isinstance(stored, list) and len(stored) == len(value) and all(map(is_same, stored, value))
    if isinstance(value, bool) or isinstance(stored, bool):
        return stored is value
    return stored == value


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), JSON, max_size=3), max_size=8))
def test_every_row_is_stored_as_it_is_or_told_to_be_none(rows):
    table, misfits = type_rows(rows, pa.schema([]))
    kept = [row for number, row in enumerate(rows) if number not in misfits]
    stored = table.to_pylist() if table.num_columns else [{}] * len(kept)
    assert len(stored) == len(kept)
    for row, found in zip(kept, stored, strict=True):
        for name, value in row.items():
            assert is_same(found.get(name), value), json.dumps(row)
