"""Footers without bounds of floating-point columns: as long as before, and true in all else."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.manifest.floats import hide_float_bounds, hide_in_file
from tests.views.lakes import to_parquet

NAN = float("nan")
TABLE = pa.table(
    {
        "i": [1, 2, 3],
        "double": [1.0, 2.0, NAN],
        "s": ["a", "b", None],
        "single": pa.array([1.0, None, NAN], pa.float32()),
        "half": pa.array([1.0, 2.0, NAN], pa.float16()),
        "st": [{"x": 1.0, "n": 1}, {"x": NAN, "n": 2}, None],
        "l": [[1.0], [NAN], None],
        "d": pa.array([1, 2, 3], pa.date32()),
    }
)
FLOATS = {"double", "single", "half", "st.x", "l.list.element"}


def read_bounded(data: bytes) -> dict[str, bool]:
    """For each leaf of the first row group, whether it has bounds."""
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    return {column.path_in_schema: column.statistics.has_min_max for column in columns}


@pytest.mark.parametrize(
    "options",
    [{}, {"write_page_index": True}, {"row_group_size": 2}, {"data_page_version": "2.0"}, {"store_schema": False}],
    ids=str,
)
def test_floats_lose_their_bounds_and_nothing_else_changes(options):
    data = to_parquet(TABLE, **options)
    hidden = bytes(hide_in_file(memoryview(data)))
    assert len(hidden) == len(data)
    assert {name for name, has_bounds in read_bounded(data).items() if has_bounds} >= {"i", "double", "st.x", "d"}
    assert read_bounded(hidden) == {name: has and name not in FLOATS for name, has in read_bounded(data).items()}
    assert repr(pq.read_table(io.BytesIO(hidden)).to_pydict()) == repr(TABLE.to_pydict())


def test_without_floats_a_file_stays_as_it_is():
    data = memoryview(to_parquet(TABLE.select(["i", "s", "d"])))
    assert hide_in_file(data) is data


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"\xff" * 100 + b"PAR1", b"PAR1" + b"\0" * 4 + b"PAR1"])
def test_what_is_no_parquet_file_stays_as_it_is(data):
    assert bytes(hide_in_file(memoryview(data))) == data


def test_a_file_that_was_cut_off_stays_as_it_is():
    data = to_parquet(TABLE)
    footer = len(data) - int.from_bytes(data[-8:-4], "little") - 8
    for end in range(footer, len(data) - 8, 97):
        assert len(hide_in_file(memoryview(data[footer:end] + data[-8:]))) == end - footer + 8


def test_statistics_that_are_hidden_stay_hidden():
    data = to_parquet(TABLE)
    size = int.from_bytes(data[-8:-4], "little") + 8
    once = hide_float_bounds(data[-size:])
    assert hide_float_bounds(once) == once
