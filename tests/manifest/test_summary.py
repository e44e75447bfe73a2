"""What footers say as columns is what they say one by one, whatever was known before."""

from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.manifest.footers import Footer, FooterParser
from lakekit.manifest.stats import ColumnStats
from lakekit.manifest.summary import EMPTY, NOT_PARQUET, take_rows
from tests.manifest.places import cut_footer, make_parquet


def parse(columns, **options):
    data = make_parquet(columns, **options)
    footer = FooterParser().parse(cut_footer(data), "x.parquet", len(data))
    assert isinstance(footer, Footer)
    return footer


def list_files(*keys):
    return pl.DataFrame(list(keys), schema={"path": pl.String, "etag": pl.String}, orient="row")


def read_stats(summary, path, column):
    """Bounds and count of NULLs of a column of one file, as the summary has them."""
    row = summary.files.row(by_predicate=pl.col("path") == path, named=True)
    return tuple(array[row["place"]].as_py() for array in summary.kinds[row["kind"]].find_stats(column))


def test_a_summary_tells_what_the_footers_do():
    summary = EMPTY.add(
        {
            ("b", "1"): parse({"n": [1, 2, None], "s": ["x", "y", "z"]}),
            ("a", "2"): parse({"n": [7], "s": pa.array([None], pa.string())}),
            ("c", "3"): parse({"d": [Decimal("1.50")], "l": [[1]]}),
            ("notes", "4"): None,
        }
    )
    assert summary.files.select("path", "etag", "rows", "row_groups", "kind", "place").rows() == [
        ("a", "2", 1, 1, 0, 1),
        ("b", "1", 3, 1, 0, 0),
        ("c", "3", 1, 1, 1, 0),
        ("notes", "4", 0, 0, NOT_PARQUET, -1),
    ]
    assert read_stats(summary, "b", "n") == (1, 2, 1)
    assert read_stats(summary, "a", "s") == (None, None, 1)
    assert read_stats(summary, "c", "d") == (Decimal("1.50"), Decimal("1.50"), 0)
    assert summary.kinds[1].find_stats("l") is None
    assert summary.kinds[1].find_stats("elsewhere") is None


def test_versions_that_are_known_are_matched_in_the_order_of_the_listing():
    footer = parse({"n": [1]})
    summary = EMPTY.add({(name, "1"): footer for name in "abc"})
    assert summary.match(list_files(("a", "1"), ("b", "1"), ("c", "1")))["place"].to_list() == [0, 1, 2]
    told = summary.match(list_files(("a", "1"), ("b", "changed"), ("bb", "1"), ("c", "1")))
    assert told["kind"].to_list() == [0, None, None, 0]
    assert told["place"].to_list() == [0, None, None, 2]
    assert EMPTY.match(list_files(("a", "1")))["kind"].to_list() == [None]
    assert EMPTY.match(list_files()).height == 0


def test_of_a_version_that_is_told_twice_the_last_counts():
    summary = EMPTY.add({("a", "1"): parse({"n": [1]})}).add({("a", "1"): parse({"n": [1, 9]})})
    assert summary.files["rows"].to_list() == [2]
    assert read_stats(summary, "a", "n") == (1, 9, 0)


def test_what_is_kept_is_what_is_current():
    summary = EMPTY.add({("a", "1"): parse({"n": [1]}), ("b", "1"): parse({"s": ["x"]}), ("c", "1"): parse({"n": [5]})})
    kept = summary.keep_only(list_files(("c", "1"), ("a", "2"), ("b", "2")))
    assert kept.files.rows() == [("c", "1", 1, 1, 0, 0)]
    assert len(kept.kinds) == 1
    assert read_stats(kept, "c", "n") == (5, 5, 0)


def test_columns_without_bounds_make_a_summary_all_the_same():
    summary = EMPTY.add({("a", "1"): parse({"l": [[1]]}), ("b", "1"): parse({"l": [[1], [2]]})})
    assert summary.files["rows"].to_list() == [1, 2]
    assert summary.keep_only(list_files(("b", "1"))).files["rows"].to_list() == [2]


def test_a_bound_that_is_no_value_of_its_type_is_unknown_and_the_others_are_not():
    schema = pa.schema([("n", pa.int8())])
    files = {
        ("a", "1"): Footer(1, 1, schema, "k", {"n": ColumnStats(1, 2, 0)}),
        ("b", "1"): Footer(1, 1, schema, "k", {"n": ColumnStats(300, 400, 0)}),
    }
    summary = EMPTY.add(files)
    assert read_stats(summary, "a", "n") == (1, 2, 0)
    assert read_stats(summary, "b", "n") == (None, None, 0)


def test_a_kind_may_be_known_without_a_file():
    footer = parse({"n": [1]})
    summary = EMPTY.add_kind(footer).add_kind(footer)
    assert [kind.schema_id for kind in summary.kinds] == [footer.schema_id]
    assert summary.add({("a", "1"): footer}).files["kind"].to_list() == [0]


@pytest.mark.parametrize("rows", [[], [0, 1, 2], [2, 0], [1]])
def test_rows_are_taken_in_the_order_that_is_asked_for(rows):
    table = pa.table({"n": [10, 11, 12]})
    assert take_rows(table, np.array(rows, np.int64))["n"].to_pylist() == [10 + row for row in rows]


VERSIONS = st.dictionaries(st.tuples(st.sampled_from("abcdef"), st.sampled_from("12")), st.integers(-9, 9), max_size=8)


@given(st.lists(VERSIONS, max_size=4), VERSIONS)
def test_whatever_was_added_and_kept_each_version_says_what_its_footer_did(steps, asked):
    summary, said = EMPTY, {}
    for step in steps:
        kinds = {key: (pa.int64() if number % 2 else pa.int32()) for key, number in step.items()}
        summary = summary.add({key: parse({"n": pa.array([number], kinds[key])}) for key, number in step.items()})
        said |= step
        summary = summary.keep_only(list_files(*said))
    told = summary.match(list_files(*sorted(asked)))
    for key, row in zip(sorted(asked), told.iter_rows(named=True), strict=True):
        if key in said:
            low, high, nulls = summary.kinds[row["kind"]].find_stats("n")
            assert (low[row["place"]].as_py(), high[row["place"]].as_py()) == (said[key], said[key])
        else:
            assert row["kind"] is None
