"""Which row groups of a file stay for a predicate: as files do, by the statistics of each."""

import math
from datetime import datetime

import pyarrow as pa

from lakekit.manifest.predicates import (
    UNKNOWN,
    IsNull,
    Not,
)
from lakekit.manifest.pruning import choose_row_groups
from tests.manifest.parquet_surgery import BINARY, edit_footer
from tests.manifest.places import make_parquet
from tests.manifest.pruned import compare, kept, write_each

NAN = math.nan
moment = datetime.fromisoformat


def test_row_groups_are_chosen_as_files_are(folder):
    """Row groups of two rows: 1 2, 3 NULL, NULL NULL, 7 8."""
    folder.write("k=5/a.parquet", {"n": [1, 2, 3, None, None, None, 7, 8]}, row_group_size=2)
    manifest = folder.read()
    path = manifest.files["path"][0]
    asked = {
        compare("n", "=", 2): [0],
        compare("n", ">", 2): [1, 3],
        IsNull("n"): [1, 2],
        Not(IsNull("n")): [0, 1, 3],
        compare("k", "=", 5): [0, 1, 2, 3],
        compare("k", "=", 6): [],
        UNKNOWN: [0, 1, 2, 3],
    }
    assert {predicate: choose_row_groups(manifest, path, predicate) for predicate in asked} == asked


def test_row_groups_are_bounded_as_the_type_of_the_table(folder):
    folder.write("0.parquet", {"n": pa.array([1, 2, 3, 4], pa.int8()), "x": [1.0, 2.0, 3.0, NAN]}, row_group_size=2)
    folder.write("1.parquet", {"n": [2**40], "late": [1]})
    manifest = folder.read()
    assert choose_row_groups(manifest, "0.parquet", compare("n", "<", 3, pa.int64())) == [0]
    assert choose_row_groups(manifest, "0.parquet", compare("n", "<", 2**40)) == [0, 1]
    assert choose_row_groups(manifest, "0.parquet", compare("x", "<", 3.0)) == [0]
    assert choose_row_groups(manifest, "0.parquet", compare("x", ">", 3.0)) == [0, 1]
    assert choose_row_groups(manifest, "0.parquet", compare("late", "=", 1)) == []


def test_doubtful_bounds_of_row_groups_do_not_count(folder):
    """A file that does not say how its text is ordered, with a column of numbers, which need no such word."""

    def forget_order(fields):
        fields.drop(7)
        fields.put(6, BINARY, b"some writer")

    data = make_parquet({"s": ["a", "b"], "n": [1, 2]}, row_group_size=1)
    folder.put("0.parquet", edit_footer(data, forget_order))
    manifest = folder.read()
    assert manifest.kinds[0].is_doubtful
    assert choose_row_groups(manifest, "0.parquet", compare("s", "=", "b")) == [0, 1]
    assert choose_row_groups(manifest, "0.parquet", compare("n", "=", 2)) == [1]


def test_one_row_group_is_the_whole_file(folder):
    manifest = write_each(folder, {"n": [1, 2]})
    assert choose_row_groups(manifest, "0.parquet", compare("n", "=", 5)) == [0]
    assert kept(manifest, compare("n", "=", 5)) == []
