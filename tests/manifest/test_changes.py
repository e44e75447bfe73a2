"""A refresh says what changed: files, their content and class, columns."""

import pytest

from lakekit.manifest.changes import Changes, find_changes, merge_changes

NOTHING = Changes("t", (), (), (), (), ())


def test_two_manifests_of_the_same_files_have_no_changes(place):
    place.write("a=1/x.parquet", {"n": [1]})
    changes = find_changes(place.read(), place.read())
    assert changes == NOTHING
    assert not changes
    assert repr(changes) == "t: nothing changed"


def test_files_are_added_removed_and_replaced(place):
    for name in ("gone", "other", "same"):
        place.write(f"a=1/{name}.parquet", {"n": [1]})
    before = place.read()
    place.remove("a=1/gone.parquet")
    place.write("a=1/other.parquet", {"n": [1, 2]})
    place.write("a=2/z.parquet", {"n": [1]})
    place.write("a=2/b.parquet", {"n": [1]})
    changes = find_changes(before, place.read())
    assert changes.added == ("a=2/b.parquet", "a=2/z.parquet")
    assert (changes.removed, changes.replaced, changes.moved) == (("a=1/gone.parquet",), ("a=1/other.parquet",), ())
    assert repr(changes) == "t: 2 files added, 1 file removed, 1 file replaced"
    assert changes


def test_a_file_replaced_by_one_of_the_same_size_is_noticed(s3):
    s3.write("x.parquet", {"n": [1]})
    before = s3.read()
    s3.write("x.parquet", {"n": [2]})
    after = s3.read()
    assert before.files["size_bytes"].to_list() == after.files["size_bytes"].to_list()
    assert find_changes(before, after).replaced == ("x.parquet",)


def test_a_file_that_moved_to_another_class_is_not_replaced(s3):
    s3.write("x.parquet", {"n": [1]})
    before = s3.read()
    address = s3.store.address
    key = address.full_path("x.parquet")
    s3.storage.boto3("s3").copy_object(
        Bucket=address.bucket, Key=key, CopySource=f"{address.bucket}/{key}", StorageClass="STANDARD_IA"
    )
    changes = find_changes(before, s3.read())
    assert (changes.moved, changes.replaced) == (("x.parquet",), ())
    assert repr(changes) == "t: 1 file moved to another storage class"


def test_columns_come_go_and_change(folder):
    folder.write("a=1/x.parquet", {"n": [1], "old": ["a"]})
    before = folder.read()
    folder.remove("a=1/x.parquet")
    folder.write("a=b/x.parquet", {"n": [1.5], "new": [True]})
    assert find_changes(before, folder.read()).columns == (
        "column new (bool) is new",
        "column old is gone",
        "column n is now double, was int64",
        "column a is now string, was int64",
    )


def test_changes_are_a_table_in_a_notebook():
    html = Changes("t", ("a<b",), ("c",), (), (), ())._repr_html_()
    assert html.startswith("<div><b>t: 1 file added, 1 file removed</b><table")
    assert ">a&lt;b</td>" in html
    assert NOTHING._repr_html_() == "<div><b>t: nothing changed</b></div>"


@pytest.mark.parametrize("position", range(1, 6))
def test_any_change_is_true(position):
    parts = [(), (), (), (), ()]
    parts[position - 1] = ("x",)
    assert Changes("t", *parts)


def test_changes_of_tables_are_those_of_their_lake():
    first = Changes("flights", ("a",), (), ("b",), (), ("column x (int64) is new",))
    second = Changes("weather", (), ("c",), (), ("d",), ())
    changes = merge_changes("lake", [first, second], ["new"], ["old"])
    assert (changes.added, changes.removed) == (("flights/a",), ("weather/c",))
    assert (changes.replaced, changes.moved) == (("flights/b",), ("weather/d",))
    assert repr(changes) == (
        "lake: 1 file added, 1 file removed, 1 file replaced, 1 file moved to another storage class, "
        "table new is new, table old is gone, flights: column x (int64) is new"
    )
    assert not merge_changes("lake", [NOTHING], [], [])
