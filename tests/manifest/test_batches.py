"""Of a batch a listing takes in all files or none, by their names alone, and it asks nothing more for it."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import lakekit as lk
from lakekit.manifest.batches import find_batches, make_token, name_file, name_marker
from lakekit.manifest.listing import list_table, sort_objects
from lakekit.storage import StoredObject, open_store
from lakekit.storage.columns import tabulate_objects

NOW = datetime(2024, 1, 5, 12, tzinfo=UTC)
TOKEN = make_token("day 1")
PLAIN = "k=1/part-0.parquet"


def tabulate(*paths: str, age: timedelta = timedelta(hours=1)) -> pl.DataFrame:
    return tabulate_objects(StoredObject(path, 100, NOW - age, "etag") for path in sorted(paths))


def of_batch(*numbers: int) -> list[str]:
    return [f"k={number}/{name_file(TOKEN, number)}" for number in numbers]


def test_without_its_marker_no_file_of_a_batch_is_taken_in():
    listing = sort_objects(tabulate(PLAIN, *of_batch(0, 1)))
    assert listing.files["path"].to_list() == [PLAIN]
    assert listing.batches.incomplete == tuple(of_batch(0, 1))


def test_with_its_marker_all_are_taken_in():
    listing = sort_objects(tabulate(PLAIN, *of_batch(0, 1), name_marker(TOKEN, 2)))
    assert listing.files["path"].to_list() == sorted([PLAIN, *of_batch(0, 1)])
    assert listing.batches.incomplete == ()


def test_a_marker_of_another_batch_or_in_another_folder_does_not_count():
    other = name_marker(make_token("day 2"), 2)
    listed = tabulate(PLAIN, *of_batch(0, 1), other, f"k=1/{name_marker(TOKEN, 2)}")
    assert sort_objects(listed).files["path"].to_list() == [PLAIN]


def test_a_batch_that_was_just_completed_and_is_short_of_files_is_doubtful():
    listed = tabulate(PLAIN, *of_batch(0), name_marker(TOKEN, 2))
    found = find_batches(listed, as_of=NOW)
    assert (found.doubtful, found.incomplete) == ({TOKEN}, tuple(of_batch(0)))
    assert find_batches(listed, as_of=NOW + timedelta(days=2)).incomplete == ()  # removed since
    assert find_batches(listed, settled=frozenset([TOKEN])).incomplete == ()
    assert find_batches(listed, settled=frozenset()).incomplete == tuple(of_batch(0))


def test_names_that_only_look_like_those_of_batches_are_data():
    names = ["lkbatch-1.parquet", f"x{name_file(TOKEN, 0)}", f"lkbatch-{TOKEN}-00000.csv.parquet"]
    assert sort_objects(tabulate(*names)).files.height == 3


@pytest.fixture
def table(tmp_path):
    for number in range(3):
        rows = pl.DataFrame({"n": [number], "k": [number]})
        lk.ingest.write_batch(rows, tmp_path, batch_id=str(number), partition_by="k")
    return tmp_path


def test_files_of_an_incomplete_batch_are_told_with_the_reason(table):
    marker = table / name_marker(make_token("1"), 1)
    marker.unlink()
    opened = lk.open_table(table)
    assert sorted(opened.polars().collect()["n"]) == [0, 2]
    assert opened.skipped["path"].to_list() == [f"k=1/{name_file(make_token('1'), 0)}"]
    assert "of a batch that is not complete" in opened.skipped["reason"][0]
    marker.write_text("{}")
    assert opened.refresh().added == (f"k=1/{name_file(make_token('1'), 0)}",)


def test_a_partition_that_is_opened_by_itself_finds_the_markers_of_its_table(table):
    assert lk.open_table(table / "k=1").polars().collect().height == 1


def test_opening_a_table_with_batches_lists_once(table):
    store = open_store(str(table))
    list_table(store)
    folders = 1 + 1 + 3  # the table, _batches and three partitions, each listed once
    assert store.requests.snapshot()["LIST"] == folders


class Racing:
    """A store in whose first listing a batch is completed: the marker is seen, and files are not."""

    def __init__(self, store, hidden: str):
        self.store, self.hidden, self.listings = store, hidden, 0
        self.address, self.storage = store.address, store.storage

    def list_columns(self, *, on_progress=None):
        self.listings += 1
        listed = self.store.list_columns()
        return listed.filter(pl.col("path") != self.hidden) if self.listings == 1 else listed


def test_a_batch_that_is_completed_while_it_is_listed_is_seen_whole(tmp_path):
    done = lk.ingest.write_batch(pl.DataFrame({"n": [1, 2], "k": [1, 2]}), tmp_path, batch_id="x", partition_by="k")
    store = Racing(open_store(str(tmp_path)), done.files[0])
    assert list_table(store).files["path"].to_list() == list(done.files)
    assert store.listings == 2
