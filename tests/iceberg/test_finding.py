"""The newest metadata is told by names, or not at all; locations become paths only where they lie below the table."""

import pytest

from lakekit.errors import UnsupportedTable
from lakekit.iceberg.finding import Locations, choose_newest, split_url
from lakekit.storage import Address


@pytest.mark.parametrize(
    ("names", "hint", "newest"),
    [
        (["00000-a", "00001-b", "00002-c"], None, "00002-c"),
        (["v2", "v10", "v9"], None, "v10"),
        (["00009-a", "00010-b", "100000-c"], None, "100000-c"),
        (["v1", "v2", "00007-of-a-catalog"], "1", "v2"),  # a later one may be there before the hint
        (["v1", "v2"], "v2\n", "v2"),
        (["00001-a", "00001-b"], "00001-b", "00001-b"),
        (["00001-a", "00001-b"], "00001-a.metadata.json", "00001-a"),
        (["odd"], None, "odd"),
    ],
)
def test_the_newest_is_chosen(names, hint, newest):
    paths = [f"metadata/{name}.metadata.json" for name in names]
    assert choose_newest(paths, hint, "t") == f"metadata/{newest}.metadata.json"


@pytest.mark.parametrize("names", [["odd", "00001-a"], ["00001-a", "v1"], ["odd", "even"]])
def test_what_names_do_not_tell_is_not_guessed(names):
    with pytest.raises(UnsupportedTable, match="newest cannot be told"):
        choose_newest([f"metadata/{name}.metadata.json" for name in names], None, "t")


@pytest.mark.parametrize(
    ("url", "root", "path"),
    [
        ("s3://b/t/metadata/v1.metadata.json", "s3://b/t", "metadata/v1.metadata.json"),
        ("s3://b/metadata/v1.gz.metadata.json", "s3://b", "metadata/v1.gz.metadata.json"),
        ("/metadata/a.metadata.json.gz", "/", "metadata/a.metadata.json.gz"),
        ("s3://b/t/metadata", "s3://b/t/metadata", None),
        ("s3://b/t/other/v1.metadata.json", "s3://b/t/other/v1.metadata.json", None),
    ],
)
def test_a_url_of_metadata_is_split(url, root, path):
    assert split_url(url) == (root, path)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://b/t/data/a b%20=é.parquet", "data/a b%20=é.parquet"),
        ("s3n://b/t/x", "x"),
        ("s3://was/here/x", "x"),
        ("s3://b/t//x", "/x"),  # which is another key of S3 than t/x
    ],
)
def test_locations_below_the_table_are_paths(location, path):
    assert Locations(Address("s3", "b", "t"), "s3a://was/here/").find_path(location) == path


@pytest.mark.parametrize("location", ["s3://b/tt/x", "s3://c/t/x", "file:///b/t/x", "/b/t/x", "gs://b/t/x", "s3://b/t"])
def test_other_locations_are_refused(location):
    with pytest.raises(UnsupportedTable, match="a file of another place"):
        Locations(Address("s3", "b", "t"), "s3://b/t").find_path(location)


@pytest.mark.parametrize("location", ["/f/t/x", "file:/f/t/x", "file:///f/t/x", "file://localhost/f/t/x"])
def test_folders_are_spelled_in_many_ways(location):
    assert Locations(Address("file", "", "/f/t"), "elsewhere").find_path(location) == "x"
