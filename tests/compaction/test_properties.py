"""Whatever the layout and the drift, compaction keeps all rows: in a copy, in place, for every engine and for none."""

import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakekit as lk
from lakekit.compaction import Rules, plan, run, undo
from tests.compaction.independent import list_logged, read_folder, read_log
from tests.compaction.lakes import count_rows, list_files

INTS = st.integers(-(2**31), 2**31 - 1) | st.none()
FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from([-0.0, 0.0]) | st.none()
LISTS = st.lists(st.integers(0, 9) | st.none(), max_size=3) | st.none()
MOMENTS = st.datetimes(min_value=datetime.fromisoformat("1970-01-01"), max_value=datetime.fromisoformat("2100-01-01"))
WHOLE_MS = MOMENTS.map(lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000))
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
    "moment": [
        (pa.timestamp("us", "UTC"), MOMENTS | st.none()),
        (pa.timestamp("us", "Asia/Tokyo"), MOMENTS | st.none()),
        (pa.timestamp("ms", "UTC"), WHOLE_MS | st.none()),
    ],
    "clock": [(pa.timestamp("us"), MOMENTS | st.none()), (pa.timestamp("ms"), WHOLE_MS | st.none())],
    "nothing": [(pa.null(), st.none()), (pa.binary(), st.binary(max_size=2) | st.none())],
}  # fmt: skip
NANO = {"nano": [(pa.timestamp("ns"), MOMENTS | st.none()), (pa.timestamp("us"), MOMENTS | st.none())]}  # not in Delta
FOLDERS = ["", "k=1/", "k=2/", "k=__HIVE_DEFAULT_PARTITION__/", "k=a%2Fb/", "k=a b%3D/", "k=1/sub/"]


@st.composite
def file_tables(draw, columns):
    rows = draw(st.integers(0, 4))
    drawn = {}
    for name in draw(st.permutations(list(columns))):
        if draw(st.booleans()):
            kind, values = draw(st.sampled_from(columns[name]))
            drawn[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), kind)
    return pa.table({"id": pa.array(range(rows), pa.int64()), **drawn})


@st.composite
def layouts(draw, columns):
    """Files by path, each with how many rows a row group holds."""
    folders = [""] if draw(st.booleans()) else FOLDERS[1:]
    paths = draw(st.lists(st.sampled_from(folders), min_size=1, max_size=6))
    return {
        f"{folder}{number}.parquet": (draw(file_tables(columns)), draw(st.sampled_from([1, 2, 1000])))
        for number, folder in enumerate(paths)
    }


def write_layout(folder, files):
    for path, (table, group_rows) in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / path, row_group_size=group_rows)


def make_rules(target_bytes, is_sorted):
    return Rules(target_bytes=target_bytes, closed_after=timedelta(0), sort_by=["id"] if is_sorted else [])


TARGETS = st.sampled_from([1, 2_000, 10**9])


@pytest.mark.torture
@settings(max_examples=EXAMPLES)
@given(files=layouts(COLUMNS | NANO), target_bytes=TARGETS, is_sorted=st.booleans())
def test_a_copy_has_the_same_rows_and_columns(files, target_bytes, is_sorted):
    folder, asked = Path(tempfile.mkdtemp()), {"rows_by": ["id", *COLUMNS, *NANO], "floats": ["float"]}
    try:
        write_layout(folder / "t", files)
        table = lk.open_table(folder / "t", on_type_conflict="string")
        before = list_files(folder / "t")
        run(plan(table, folder / "c", rules=make_rules(target_bytes, is_sorted)))
        assert read_folder(folder / "c", **asked) == read_folder(folder / "t", **asked)
        copy = lk.open_table(folder / "c", on_type_conflict="string")
        assert copy.schema.equals(table.schema)
        assert count_rows(copy.polars().collect()) == count_rows(table.polars().collect())
        con = duckdb.connect()
        one, other = (each.duckdb(con, name).fetchall() for each, name in ((table, "a"), (copy, "b")))
        assert sorted(map(repr, one)) == sorted(map(repr, other))
        assert list_files(folder / "t") == before
    finally:
        shutil.rmtree(folder)


@pytest.mark.torture
@settings(max_examples=EXAMPLES)
@given(files=layouts(COLUMNS), target_bytes=TARGETS, is_sorted=st.booleans())
def test_in_place_the_log_names_the_same_rows_before_and_after_and_after_undo(files, target_bytes, is_sorted):
    folder, asked = Path(tempfile.mkdtemp()), {"rows_by": ["id", *COLUMNS], "floats": ["float"]}
    try:
        write_layout(folder / "t", files)
        lk.publish.delta(lk.open_table(folder / "t")).run()
        originals, rows = list_files(folder / "t"), read_log(folder / "t", **asked)
        assert rows == read_folder(folder / "t", **asked)
        table = lk.open_table(folder / "t")
        seen = count_rows(table.polars().collect())
        made = plan(table, rules=make_rules(target_bytes, is_sorted))
        run(made)
        assert read_log(folder / "t", **asked) == rows
        again = lk.open_table(folder / "t")
        assert again.schema.equals(table.schema) and count_rows(again.polars().collect()) == seen
        now = list_logged(folder / "t").keys()
        assert now >= {bin_.output for bin_ in made.bins}
        assert now.isdisjoint(path for bin_ in made.bins for path in bin_.paths)
        assert list_files(folder / "t").items() >= originals.items()
        if made.bins:
            undo(again)
            assert read_log(folder / "t", **asked) == rows and list_logged(folder / "t").keys() == files.keys()
    finally:
        shutil.rmtree(folder)
