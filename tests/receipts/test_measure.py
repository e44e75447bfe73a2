"""Bytes that were fetched and not needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.receipts.measure import subtract

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@pytest.mark.parametrize(
    ("fetched", "needed", "wasted"),
    [
        ([], [], 0),
        ([(0, 10)], [], 10),
        ([(0, 10)], [(0, 10)], 0),
        ([(0, 10), (0, 10)], [(0, 4)], 12),  # fetched twice: 6 and 6
        ([(5, 15)], [(0, 6), (6, 8), (14, 20)], 6),  # 8 to 14
    ],
)
def test_wasted_is_what_no_needed_range_covers(fetched, needed, wasted):
    assert subtract(fetched, needed) == wasted


@given(ranges, ranges)
def test_wasted_is_the_same_counted_byte_by_byte(fetched, needed):
    known = {byte for start, end in needed for byte in range(start, end)}
    assert subtract(fetched, needed) == sum(byte not in known for start, end in fetched for byte in range(start, end))
