"""A long listing is cut into ranges that are listed at once, and still has every key once, in order."""

import threading
import time
from bisect import bisect_right
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import NoFilesFound
from lakekit.storage import open_store
from lakekit.storage import s3 as s3_module
from lakekit.storage.listing import FLAT_PAGES, LISTING_THREADS, Listing, Page, choose_cuts, find_cuts


class KeysInOrder:
    """A bucket as the S3 API tells of it: keys in order, a page at a time, folders by delimiter."""

    def __init__(self, keys, page_keys, seconds=0.0):
        self.keys = sorted(keys)
        self.page_keys = page_keys
        self.seconds = seconds
        self.pages = self.folder_pages = self.now = self.most_at_once = 0
        self.lock = threading.Lock()

    def fetch_page(self, prefix):
        def fetch(key_range):
            with self.lock:
                self.pages, self.now = self.pages + 1, self.now + 1
                self.most_at_once = max(self.most_at_once, self.now)
            time.sleep(self.seconds)
            after = key_range.token or key_range.after
            below = [key for key in self.keys if key.startswith(prefix)]
            start = bisect_right(below, after)
            found = below[start : start + self.page_keys]
            with self.lock:
                self.now -= 1
            more = start + self.page_keys < len(below)
            return Page([SimpleNamespace(key=key) for key in found], found[-1] if more else None, "s3://bucket/lake")

        return fetch

    def find_folders(self, folder, after):
        with self.lock:
            self.folder_pages += 1
        below = [key[len(folder) :] for key in self.keys if key.startswith(folder) and key > after]
        folders = sorted({folder + rest.partition("/")[0] + "/" for rest in below if "/" in rest})
        return folders[: self.page_keys], len(folders) > self.page_keys

    def list_all(self, prefix="", on_progress=None):
        listing = Listing(
            prefix,
            fetch_page=self.fetch_page(prefix),
            find_folders=self.find_folders,
            page_keys=self.page_keys,
            on_progress=on_progress,
        )
        return [found.key for found in listing.run()]


def make_lake(days, hours=1, files=8):
    return [f"lake/d={d:03d}/h={h:02d}/f{f}" for d in range(days) for h in range(hours) for f in range(files)]


NAMES = st.text(st.sampled_from("ab=/% \u00fc\U0001f600-"), min_size=1, max_size=8)


@given(st.sets(NAMES, max_size=120), st.integers(1, 7))
def test_every_key_is_listed_once_and_in_order_whatever_the_keys(names, page_keys):
    keys = [f"lake/{name}" for name in names]
    bucket = KeysInOrder([*keys, "lak", "lake", "lake-2/x", "lakf"], page_keys)
    assert bucket.list_all("lake/") == sorted(keys)
    assert bucket.list_all() == bucket.keys


@pytest.mark.parametrize(
    "keys",
    [
        make_lake(365),
        make_lake(3, 24),
        make_lake(1, 1, 900),  # one folder: nothing to cut at
        [f"lake/f{number}" for number in range(500)],
        make_lake(365) + [f"lake/d=100/h=00/g{number:04d}" for number in range(1500)],  # one day is most of it
        [f"lake/v1/table/{key}" for key in make_lake(40)],
        [f"lake/{number:04d}/only" for number in range(700)],  # more folders than a page tells
    ],
)
@pytest.mark.parametrize("page_keys", [10, 100])
def test_lakes_of_many_shapes_are_listed_whole(keys, page_keys):
    assert KeysInOrder(keys, page_keys).list_all("lake/") == sorted(keys)


def test_a_short_listing_takes_its_pages_and_no_more():
    bucket = KeysInOrder(make_lake(5), page_keys=10)  # 40 keys
    bucket.list_all("lake/")
    assert (bucket.pages, bucket.folder_pages, bucket.most_at_once) == (4, 0, 1)


def test_a_long_listing_takes_few_more_requests_than_pages():
    bucket = KeysInOrder(make_lake(365, files=80), page_keys=400)  # 29,200 keys are 73 pages
    bucket.list_all("lake/")
    assert 73 <= bucket.pages + bucket.folder_pages <= 73 + 2 * LISTING_THREADS


def test_a_long_listing_asks_for_many_pages_at_once():
    bucket = KeysInOrder(make_lake(365, files=80), page_keys=400, seconds=0.01)  # 73 pages
    bucket.list_all("lake/")
    assert bucket.most_at_once >= LISTING_THREADS // 2


def test_progress_is_told_by_the_calling_thread():
    seen = []
    KeysInOrder(make_lake(100), page_keys=10).list_all(
        "lake/", on_progress=lambda count: seen.append((count, threading.current_thread()))
    )
    assert [count for count, _ in seen] == sorted(count for count, _ in seen)
    assert seen[-1][0] == 800 and {thread for _, thread in seen} == {threading.main_thread()}


def test_an_error_in_any_page_ends_the_listing():
    bucket = KeysInOrder(make_lake(365), page_keys=10)
    fetch = bucket.fetch_page("lake/")

    def fail_late(key_range):
        if bucket.pages > 2 * FLAT_PAGES:
            raise NoFilesFound("The bucket was deleted.")
        return fetch(key_range)

    with pytest.raises(NoFilesFound, match="was deleted"):
        Listing("lake/", fetch_page=fail_late, find_folders=bucket.find_folders, page_keys=10).run()


def test_cuts_are_folders_between_two_keys():
    bucket = KeysInOrder(make_lake(20), page_keys=1000)
    cuts, more = find_cuts("lake/", "lake/d=003/h=00/f5", "lake/d=015/", bucket.find_folders)
    assert cuts == [f"lake/d={day:03d}/" for day in range(4, 15)] and not more


def test_cuts_are_looked_for_deeper_where_folders_are_few():
    bucket = KeysInOrder(make_lake(2, 24), page_keys=1000)
    cuts, _ = find_cuts("lake/", "lake/d=000/h=01/f0", None, bucket.find_folders)
    assert cuts == sorted(
        [f"lake/d=000/h={hour:02d}/" for hour in range(2, 24)]
        + ["lake/d=001/"]
        + [f"lake/d=001/h={hour:02d}/" for hour in range(24)]
    )


def test_ranges_are_made_long_enough_to_be_worth_it():
    seen = [SimpleNamespace(key=f"lake/{day:02d}/f{file}") for day in range(5) for file in range(8)]  # 8 a folder
    cuts = [f"lake/{day:02d}/" for day in range(5, 25)]  # so 160 keys are left
    assert len(choose_cuts(cuts, seen, range_keys=20)) == 7  # eight ranges of 20 keys
    assert len(choose_cuts(cuts, seen, range_keys=80)) == 1
    assert choose_cuts(cuts, seen, range_keys=81) == []


def test_the_embedded_s3_is_listed_in_parallel_too(s3, monkeypatch):
    monkeypatch.setattr(s3_module, "PAGE_KEYS", 5)
    keys = [f"d={day:02d}/f {file}%20+ü.parquet" for day in range(30) for file in range(4)]  # 120 keys, 24 pages
    for key in keys:
        s3.put(key)
    s3.put("../lake-2/beside")
    assert [stored.path for stored in s3.store.list_objects()] == [*sorted(["../lake-2/beside", *keys])]
    assert 24 <= s3.store.requests.snapshot()["LIST"] <= 24 + 16
    one_day = open_store(s3.store.address.child("d=07"), s3.store.storage)
    assert [stored.path for stored in one_day.list_objects()] == [f"f {file}%20+ü.parquet" for file in range(4)]


def test_more_folders_than_a_page_holds_are_all_told(s3, monkeypatch):
    monkeypatch.setattr(s3_module, "PAGE_KEYS", 5)
    for number in range(12):
        s3.put(f"t{number:02d}/x")
    assert s3.store.list_folders() == [f"t{number:02d}" for number in range(12)]
