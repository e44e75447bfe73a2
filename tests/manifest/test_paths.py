"""Paths that are positions in a column behave as a tuple of the same texts."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.manifest.paths import PathList, find_path, merge_paths

COLUMN = pl.Series(["a", "b", "c", "d"])


def make(*positions, column=COLUMN):
    return PathList(column, np.array(positions, np.int64))


def test_a_list_of_paths_is_equal_to_a_tuple_of_them():
    assert make(0, 2) == ("a", "c") == make(0, 2)
    assert ("a", "c") == make(0, 2)
    assert [make(1)] == [("b",)]
    assert make(0, 2) != ("a", "b")
    assert make(0) != ("a", "b")
    assert make(0) != "a"
    assert hash(make(0, 2)) == hash(("a", "c"))


def test_its_paths_are_found_by_position():
    paths = make(0, 2, 3)
    assert (paths[0], paths[-1], len(paths), list(paths)) == ("a", "d", 3, ["a", "c", "d"])
    assert paths[1:] == ("c", "d")
    assert "c" in paths and "b" not in paths
    with pytest.raises(IndexError):
        paths[3]
    assert make() == ()


def test_many_paths_are_shown_in_short():
    column = pl.Series([f"{number:04}" for number in range(2000)])
    assert repr(make(0, 2)) == "('a', 'c')"
    assert repr(PathList(column, np.arange(1500))) == "<1,500 paths from '0000' to '1499'>"


def test_lists_are_merged_in_order():
    assert merge_paths([make(1, 3), make(0)]) == ("a", "b", "d")
    assert merge_paths([("b", "d"), ("a",)]) == ("a", "b", "d")
    assert merge_paths([make(1), ("a",), make(0, column=pl.Series(["z"]))]) == ("a", "b", "z")
    one = make(2)
    assert merge_paths([one]) is one


@given(st.sets(st.text(max_size=3), max_size=9), st.text(max_size=3))
def test_a_path_is_found_where_it_stands_or_not_at_all(paths, asked):
    column = pl.Series(sorted(paths), dtype=pl.String)
    assert find_path(column, asked) == (sorted(paths).index(asked) if asked in paths else None)
