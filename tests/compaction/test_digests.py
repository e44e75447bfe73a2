"""Digests are equal for the same rows in any order, and for no others."""

import datetime as dt
import decimal
import math

import pyarrow as pa
import pytest

from lakekit.compaction.digests import Digest, digest_tables, hash_array

COLUMNS = {
    "int": pa.array([1, 2, None, -4]),
    "uint": pa.array([1, 2**64 - 1, None, 0], pa.uint64()),
    "float": pa.array([0.0, -0.0, math.nan, None]),
    "single": pa.array([0.5, None, 1.5, -1.0], pa.float32()),
    "bool": pa.array([True, False, None, None]),
    "text": pa.array(["", "a", None, "ä"]),
    "bytes": pa.array([b"", b"\0", None, b"\0\0"]),
    "decimal": pa.array([decimal.Decimal("1.10"), decimal.Decimal("-2.20"), None, decimal.Decimal(10**20)],
                        pa.decimal128(38, 2)),
    "date": pa.array([dt.date(2026, 1, 1), dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    "time": pa.array([dt.time(1), dt.time(2), None, None], pa.time64("us")),
    "zoned": pa.array([0, 1, None, 2**62], pa.timestamp("us", "UTC")),
    "list": pa.array([[1, 2], [2, 1], None, []]),
    "lists": pa.array([[["a"], []], [["a"], None], None, [[], ["a"]]]),
    "struct": pa.array([{"a": 1, "b": "x"}, {"a": None, "b": None}, None, {"a": None, "b": "1"}]),
    "map": pa.array([[("k", 1)], [("k", None)], None, []], pa.map_(pa.string(), pa.int64())),
    "nothing": pa.nulls(4),
}  # fmt: skip
TABLE = pa.table(COLUMNS)


def test_order_and_the_cut_into_tables_do_not_count():
    one = digest_tables([TABLE, TABLE.slice(1, 2)])
    other = digest_tables([TABLE.slice(number, 1) for number in (2, 3, 1, 0, 2, 1)])
    assert one.find_difference(other) == ""
    assert (one.rows, one.columns["int"].nulls) == (6, 2)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "nothing"])
def test_four_different_values_have_four_different_hashes(name):
    hashes = hash_array(COLUMNS[name]).tolist()
    distinct = {"bool": 3, "time": 3}.get(name, 4)  # those two have NULL twice
    assert len(set(hashes)) == distinct


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "nothing"])
def test_a_value_beside_another_row_is_noticed(name):
    position = TABLE.column_names.index(name)
    swapped = TABLE.set_column(position, name, TABLE.column(name).take(pa.array([1, 0, 2, 3])))
    difference = digest_tables([TABLE]).find_difference(digest_tables([swapped]))
    assert difference == "values changed their rows: each column has the same ones, but beside others"


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ([1, 2], [1], "2 rows became 1"),
        ([1, None], [1, 2], "1 NULLs of the column 'x' became 0"),
        ([1, 3], [1, 4], "the column 'x' went from 1 to 3, now from 1 to 4"),
        ([1, 2, 2, 3], [1, 1, 2, 3], "the checksum of the column 'x'"),
        ([-0.0], [0.0], "the checksum of the column 'x'"),
        ([math.nan], [-math.nan], "the checksum of the column 'x'"),
        ([""], [None], "0 NULLs of the column 'x' became 1"),
    ],
)
def test_a_difference_is_told_with_both_values(before, after, difference):
    kind = pa.array([*before, *after]).type
    tables = [pa.table({"x": pa.array(values, kind)}) for values in (before, after)]
    assert digest_tables(tables[:1]).find_difference(digest_tables(tables[1:])).startswith(difference)


def test_a_column_that_is_gone_is_noticed():
    one, other = Digest(), Digest()
    one.add(pa.table({"a": [1], "b": [1]}))
    other.add(pa.table({"a": [1]}))
    assert one.find_difference(other) == "the columns a, b became a"
