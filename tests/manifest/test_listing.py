"""Which of the objects under a prefix are data files: by the rule of Hive and Spark, and by their names' endings."""

from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.manifest.listing import FOREIGN_ENDINGS, is_hidden, is_named_parquet, sort_objects
from lakekit.storage import StoredObject
from lakekit.storage.columns import tabulate_objects


def make_object(path, size_bytes=100):
    return StoredObject(path, size_bytes, datetime(2024, 1, 5, tzinfo=UTC), "etag")


def sort_paths(*paths, size_bytes=100):
    return sort_objects(tabulate_objects(make_object(path, size_bytes) for path in paths))


@pytest.mark.parametrize(
    "path",
    [
        "_SUCCESS",
        "_metadata",
        "_common_metadata",
        "_delta_log/00000000000000000000.json",
        "_temporary/0/task_1/part-0.parquet",
        "a=1/_temporary/part-0.parquet",
        "_spark_metadata/0",
        ".hive-staging_hive_2024-01-05/part-0.parquet",
        ".part-0.parquet.crc",
        "part-0.parquet.crc",
        ".ipynb_checkpoints/a.parquet",
        "a=1_$folder$",
        "a=1/",
        "a=1/b=2/",
        "_a/b=1/x.parquet",
        ".a=1/x.parquet",
    ],
)
def test_what_hive_and_spark_pass_over_is_hidden(path):
    assert is_hidden(path, 100)


@pytest.mark.parametrize(
    "path",
    [
        "part-0.parquet",
        "a=1/part-0.parquet",
        "_a=1/part-0.parquet",
        "_a=_b/part-0.parquet",
        "a=.5/x.parquet",
        "a=_x/x.parquet",
        "000000_0",
        "a_b/x_.parquet",
        "a$folder$/x",
        "deep/er/x",
    ],
)
def test_keys_may_begin_with_an_underscore_and_values_with_anything(path):
    assert not is_hidden(path, 100)


@pytest.mark.parametrize(
    ("path", "hidden"), [("a.parquet", False), ("a.PQ", False), ("a", True), ("part-0", True), ("a.csv", True)]
)
def test_an_empty_object_is_hidden_unless_its_name_promises_parquet(path, hidden):
    assert is_hidden(path, 0) is hidden


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("a.parquet", True),
        ("a.snappy.parquet", True),
        ("a.parq", True),
        ("a.pq", True),
        ("a.PARQUET", True),
        ("a", False),
        ("a.parquet/b", False),
        ("parquet", False),
        ("a.parquet.json", False),
    ],
)
def test_parquet_is_named_by_its_ending_in_any_case(path, named):
    assert is_named_parquet(path) is named


def test_data_files_are_those_that_may_be_parquet_and_stand_in_order():
    listing = sort_paths(
        "c.parq", "a=2/x.PARQUET", "b", "a.pq", "d.bin", "README.md", "_SUCCESS", "e.json", "a=1/y.parquet"
    )
    assert listing.files["path"].to_list() == ["a.pq", "a=1/y.parquet", "a=2/x.PARQUET", "b", "c.parq", "d.bin"]
    assert listing.foreign["path"].to_list() == ["README.md", "e.json"]
    assert listing.hidden == 1


def test_a_listing_is_told_in_a_few_words():
    assert sort_paths("a.json", "b.json", "c.gz", "_SUCCESS", "d").describe() == (
        "5 objects there: 2 .json, 1 without an ending, 1 .gz, 1 hidden"
    )
    assert sort_paths("a.csv").describe() == "1 object there: 1 .csv"
    assert sort_paths().describe() == "0 objects there"


def test_only_the_five_most_frequent_endings_are_told():
    told = sort_paths(
        *(f"{count}.{'abcdefg'[ending]}" for ending in range(7) for count in range(7 - ending))
    ).describe()
    assert told == "28 objects there: 7 .a, 6 .b, 5 .c, 4 .d, 3 .e"  # 7 + 6 + 5 + 4 + 3 + 2 + 1 = 28


@pytest.mark.parametrize(
    ("path", "is_log"),
    [
        ("_delta_log/00000000000000000000.json", True),
        ("_delta_log/", True),
        ("_delta_log", False),
        ("x/_delta_log.parquet", False),
        ("a=1/x.parquet", False),
    ],
)
def test_a_delta_log_is_noticed(path, is_log):
    assert sort_paths(path).delta_log is is_log


PARTS = st.sampled_from(
    ["_a", ".b", "_k=1", "k=_v", "x", "", ".", "..", "a.PARQUET", "b.pq", "c.Csv", "d.", "e..gz", "f.crc"]
)
PATHS = st.lists(PARTS | st.text(".=_/aq\n$", max_size=4), min_size=1, max_size=4).map("/".join)


@given(st.lists(st.tuples(PATHS, st.sampled_from([0, 9])), max_size=6, unique_by=lambda pair: pair[0]))
def test_a_listing_judges_all_paths_as_one_by_one(pairs):
    listing = sort_objects(tabulate_objects(make_object(*pair) for pair in pairs))
    shown = [(path, PurePosixPath(path).suffix.lower()) for path, size in pairs if not is_hidden(path, size)]
    assert listing.hidden == len(pairs) - len(shown)
    assert listing.foreign["path"].to_list() == sorted(path for path, ending in shown if ending in FOREIGN_ENDINGS)
    assert listing.files["path"].to_list() == sorted(path for path, ending in shown if ending not in FOREIGN_ENDINGS)
