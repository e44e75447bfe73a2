"""Whatever the layout and the drift, a compacted copy has the same rows as its table, for every engine."""

import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakekit as lk
from lakekit.compaction import Rules, plan, run
from tests.compaction.lakes import count_rows, list_files, write_files

INTS = st.integers(-(2**31), 2**31 - 1) | st.none()
FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from([-0.0, 0.0]) | st.none()
LISTS = st.lists(st.integers(0, 9) | st.none(), max_size=3) | st.none()
MOMENTS = st.datetimes(min_value=datetime.fromisoformat("1970-01-01"), max_value=datetime.fromisoformat("2100-01-01"))
MOMENTS |= st.none()
EXAMPLES = 4 * int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "2"))
# how one column may be stored in different files of a table, each with the values that it takes
COLUMNS = {
    "number": [(pa.int32(), INTS), (pa.int64(), INTS), (pa.int8(), st.integers(-128, 127) | st.none())],
    "float": [(pa.float64(), FLOATS), (pa.float32(), FLOATS), (pa.int16(), st.integers(-9, 9) | st.none())],
    "text": [
        (pa.string(), st.text(max_size=3) | st.none()),
        (pa.dictionary(pa.int32(), pa.string()), st.text(max_size=3) | st.none()),
        (pa.large_string(), st.text(max_size=3) | st.none()),
    ],
    "list": [(pa.list_(kind), LISTS) for kind in (pa.int8(), pa.int32())],
    "moment": [(pa.timestamp(unit, zone), MOMENTS) for unit, zone in (("us", "UTC"), ("us", "Asia/Tokyo"))],
    "nothing": [(pa.null(), st.none()), (pa.binary(), st.binary(max_size=2) | st.none())],
}  # fmt: skip
FOLDERS = ["", "k=1/", "k=2/", "k=__HIVE_DEFAULT_PARTITION__/", "k=a%2Fb/", "k=a b%3D/", "k=1/sub/"]


@st.composite
def file_tables(draw):
    rows = draw(st.integers(0, 4))
    columns = {}
    for name in draw(st.permutations(list(COLUMNS))):
        if draw(st.booleans()):
            kind, values = draw(st.sampled_from(COLUMNS[name]))
            columns[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
    return pa.table({"id": pa.array(range(rows), pa.int64()), **columns})


@st.composite
def layouts(draw):
    folders = [""] if draw(st.booleans()) else FOLDERS[1:]
    paths = draw(st.lists(st.sampled_from(folders), min_size=1, max_size=6))
    return {f"{folder}{number}.parquet": draw(file_tables()) for number, folder in enumerate(paths)}


@pytest.mark.torture
@settings(max_examples=EXAMPLES)
@given(layouts(), st.sampled_from([1, 2_000, 10**9]), st.booleans())
def test_a_copy_has_the_same_rows_and_columns(files, target_bytes, is_sorted):
    folder = Path(tempfile.mkdtemp())
    try:
        table = lk.open_table(write_files(folder / "t", files), on_type_conflict="string")
        before = list_files(folder / "t")
        rules = Rules(target_bytes=target_bytes, closed_after=timedelta(0), sort_by=["id"] if is_sorted else [])
        run(plan(table, folder / "c", rules=rules))
        copy = lk.open_table(folder / "c", on_type_conflict="string")
        assert copy.schema.equals(table.schema)
        assert count_rows(copy.polars().collect()) == count_rows(table.polars().collect())
        con = duckdb.connect()
        one, other = (each.duckdb(con, name).fetchall() for each, name in ((table, "a"), (copy, "b")))
        assert sorted(map(repr, one)) == sorted(map(repr, other))
        assert list_files(folder / "t") == before
    finally:
        shutil.rmtree(folder)
