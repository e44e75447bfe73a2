"""Positions are bytes whose order is that of the changes, whatever engine compares them."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.cdc.files import JournalFile
from lakekit.cdc.positions import encode_numbers, encode_values, make_positions
from lakekit.errors import InvalidArgument

FILE = JournalFile("b.csv", "etag", 1, False, b"b.csv")
LOAD = JournalFile("z.csv", "etag", 1, True, b"z.csv")
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(NUMBERS, NUMBERS)
def test_numbers_are_in_their_order_however_they_come(first, second):
    fast = [row.tobytes() for row in encode_numbers(pa.array([first, second], pa.int64()), FILE, "n")]
    slow = [row.tobytes() for row in encode_values([Decimal(first), second], FILE, "n")]
    assert fast == slow and (fast[0] < fast[1]) == (first < second) and (fast[0] == fast[1]) == (first == second)


def test_texts_of_digits_are_numbers_and_null_is_before_all():
    told = encode_values([None, "", "-1" and -1, "0", "007", 7, "10", "20260301120000000000000000000000010"], FILE, "n")
    rows = [row.tobytes() for row in told]
    assert rows == sorted(rows) and rows[4] == rows[5] and len(set(rows)) == 6  # None is "", and 007 is 7


@pytest.mark.parametrize("value", ["x1", 1.5, Decimal("0.5"), 10**38, "1" * 39, "-1"])
def test_what_is_no_number_orders_nothing(value):
    with pytest.raises(InvalidArgument, match="in 'n', by which changes cannot be ordered"):
        encode_values([value], FILE, "n")


def test_a_load_is_before_all_changes_then_come_numbers_then_files_then_lines():
    def place(file, number, line, second=True):
        told = make_positions(file, [[number]], np.array([line]), np.array([second]), ["n"])
        return told[0].as_py()

    other = JournalFile("b.csv.gz", "etag", 1, False, b"b.csv.gz")  # begins as another does
    rows = [place(LOAD, 9, 9), place(FILE, 1, 300), place(other, 1, 2), place(FILE, 2, 1, False), place(FILE, 2, 1)]
    assert rows == sorted(rows) and len(set(rows)) == 5


def test_no_changes_have_no_positions():
    assert len(make_positions(FILE, [pa.array([], pa.int64())], np.array([], int), np.array([], bool), ["n"])) == 0
