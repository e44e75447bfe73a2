"""Footers of many files are asked for once each, and what goes wrong with one is told for that one."""

import os
import re

import pytest

from lakekit.errors import ArchivedFile, CorruptFile, EncryptedFile, NoFilesFound, StaleFile
from lakekit.manifest import fetch
from lakekit.manifest.fetch import fetch_footers
from lakekit.manifest.footers import FOOTER_TAIL_BYTES, Footer
from lakekit.storage import open_store
from tests.manifest.encrypted import encrypt
from tests.manifest.places import make_parquet


def fetch_all(place, store=None, on_progress=lambda done: None):
    """What the footers of all files of a place say, as a new session finds out."""
    store = store or place.store
    return fetch_footers(store, store.list_objects(), place.open_cache(), on_progress=on_progress)


def count_requests(place):
    store = place.store
    fetch_all(place, store)
    return store.requests.snapshot()["GET"]


def test_each_file_is_asked_for_once(place):
    for number in range(5):
        place.write(f"{number}.parquet", {"n": list(range(number))})
    store = place.store
    found = fetch_all(place, store)
    assert {path: footer.rows for path, footer in found.items()} == {f"{number}.parquet": number for number in range(5)}
    assert store.requests.snapshot()["GET"] == 5


def test_a_second_session_asks_for_what_is_new_or_changed(place):
    for number in range(5):
        place.write(f"{number}.parquet", {"n": [number]})
    assert count_requests(place) == 5
    assert count_requests(place) == 0
    place.write("2.parquet", {"n": [1, 2, 3]})
    place.write("5.parquet", {"n": [5]})
    assert count_requests(place) == 2
    assert fetch_all(place)["2.parquet"].rows == 3
    assert count_requests(place) == 0


def test_what_a_second_session_finds_is_what_the_first_did(place):
    place.write("a.parquet", {"n": [1, None], "s": ["a", "b"]})
    place.put("b", b"no parquet at all")
    assert fetch_all(place) == fetch_all(place)


def test_a_footer_longer_than_the_first_read_takes_a_second(place):
    wide = make_parquet({f"a_column_with_a_long_name_{number}": [number] for number in range(1500)})
    footer_bytes = int.from_bytes(wide[-8:-4], "little")
    assert footer_bytes > FOOTER_TAIL_BYTES
    place.put("wide.parquet", wide)
    place.write("b.parquet", {"n": [1]})
    store = place.store
    found = fetch_all(place, store)
    assert len(found["wide.parquet"].schema) == 1500
    told = store.requests.snapshot()
    assert told["GET"] == 3
    assert told["bytes"] == FOOTER_TAIL_BYTES + footer_bytes + 8 + len(make_parquet({"n": [1]}))
    assert count_requests(place) == 0


def test_of_a_large_file_only_the_end_is_read(place):
    place.put("large.parquet", make_parquet({"b": [os.urandom(10**6)]}, compression="none"))
    store = place.store
    assert fetch_all(place, store)["large.parquet"].rows == 1
    assert store.requests.snapshot()["bytes"] == FOOTER_TAIL_BYTES


def test_a_file_that_is_no_parquet_by_content_is_none_unless_its_name_promised_it(place):
    place.put("notes", b"these are notes, and long enough to be a file")
    place.put("short", b"x")
    place.put("page.parquet", b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>')
    found = fetch_all(place)
    assert (found["notes"], found["short"]) == (None, None)
    assert isinstance(found["page.parquet"].error, CorruptFile)


def test_a_file_that_is_no_parquet_is_not_asked_for_again_a_bad_one_is(place):
    place.put("notes", b"these are notes, and long enough to be a file")
    place.put("bad.parquet", b"this was to be a file of Parquet")
    assert count_requests(place) == 2
    assert count_requests(place) == 1


def test_parquet_by_content_is_parquet_whatever_its_name(place):
    for name in ("a.PARQUET", "b.parq", "c.pq", "d", "e.snappy", "f.2024"):
        place.write(name, {"n": [1]})
    assert {path for path, footer in fetch_all(place).items() if isinstance(footer, Footer)} == {
        "a.PARQUET", "b.parq", "c.pq", "d", "e.snappy", "f.2024",
    }  # fmt: skip


BAD = {
    "empty.parquet": (b"", CorruptFile, "it is 0 bytes long"),
    "tiny.parquet": (b"PAR1", CorruptFile, "it is 4 bytes long"),
    "cut.parquet": (make_parquet({"n": [1, 2]})[:-20], CorruptFile, "not b'PAR1'"),
    "long.parquet": (
        make_parquet({"n": [1]})[:-8] + b"\xff\xff\xff\x7fPAR1",
        CorruptFile,
        "claims 2,147,483,655 bytes",
    ),
    "zeros.parquet": (b"PAR1" + bytes(500) + (400).to_bytes(4, "little") + b"PAR1", CorruptFile, "does not decode"),
    "footer.parquet": (encrypt("a"), EncryptedFile, "its footer ends with PARE"),
    "columns.parquet": (encrypt("a", plaintext_footer=True), EncryptedFile, "columns need a key"),
    "pare-without-name": (encrypt("a"), EncryptedFile, "its footer ends with PARE"),
}


@pytest.mark.parametrize("path", BAD)
def test_a_bad_file_is_told_and_the_others_are_read(place, path):
    content, kind, what = BAD[path]
    place.put(path, content)
    place.write("good.parquet", {"n": [1]})
    for _ in range(2):
        found = fetch_all(place)
        assert isinstance(found[path].error, kind)
        assert re.search(f"^{re.escape(path)} is .*{what}", str(found[path].error))
        assert found["good.parquet"].rows == 1


def test_damaged_pages_of_a_small_file_are_found_with_its_columns(place):
    data = bytearray(make_parquet({"n": range(1000)}, compression="zstd", use_dictionary=False))
    data[40:60] = bytes(20)
    place.put("x.parquet", bytes(data))
    outcome = fetch_all(place)["x.parquet"]
    assert "its data does not decode" in str(outcome.error)
    assert (outcome.footer.schema.names, outcome.footer.stats) == (["n"], {})


def test_a_file_that_changed_since_the_listing_is_stale_and_not_kept(place):
    place.write("x.parquet", {"n": [1]})
    place.write("y.parquet", {"n": [1]})
    place.write("z.parquet", {"n": [1]})
    store = place.store
    listed = store.list_objects()
    place.write("x.parquet", {"n": [1, 2, 3]})
    place.remove("y.parquet")
    found = fetch_footers(store, listed, place.open_cache(), on_progress=lambda done: None)
    assert isinstance(found["x.parquet"].error, StaleFile)
    assert isinstance(found["y.parquet"].error, StaleFile)
    assert found["z.parquet"].rows == 1
    assert fetch_all(place)["x.parquet"].rows == 3


def test_an_archived_file_that_is_asked_for_is_archived(s3):
    s3.put("x.parquet", make_parquet({"n": [1]}), StorageClass="GLACIER")
    assert isinstance(fetch_all(s3)["x.parquet"].error, ArchivedFile)


def test_what_concerns_all_files_ends_the_reading(s3):
    s3.write("x.parquet", {"n": [1]})
    listed = s3.store.list_objects()
    elsewhere = open_store("s3://no-such-bucket-anywhere/lake/t", s3.storage)
    with pytest.raises(NoFilesFound, match="no-such-bucket-anywhere"):
        fetch_footers(elsewhere, listed, s3.open_cache(), on_progress=lambda done: None)


def test_progress_counts_every_file_once(place):
    for number in range(4):
        place.write(f"{number}.parquet", {"n": [number]})
    for _ in range(2):
        seen = []
        fetch_all(place, on_progress=seen.append)
        assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_what_was_read_before_an_interruption_is_kept(place, kind):
    for number in range(6):
        place.write(f"{number}.parquet", {"n": [number]})

    def interrupt(done):
        if done == 4:
            raise kind

    with pytest.raises(kind):
        fetch_all(place, on_progress=interrupt)
    assert count_requests(place) == 2


def test_a_long_reading_is_kept_bit_by_bit(place, monkeypatch):
    monkeypatch.setattr(fetch, "FLUSH_FOOTERS", 2)
    for number in range(5):
        place.write(f"{number}.parquet", {"n": [number]})
    kept = []
    store, cache = place.store, place.open_cache()
    put = cache.put
    cache.put = lambda footers: kept.append(len(footers)) or put(footers)
    fetch_footers(store, store.list_objects(), cache, on_progress=lambda done: None)
    assert kept == [2, 2, 1]


def test_a_kept_footer_that_makes_no_sense_is_fetched_again(place):
    place.write("x.parquet", {"n": [1, 2]})
    fetch_all(place)
    cache = place.open_cache()
    item = place.store.list_objects()[0]
    kept = cache.get_kept(item.path, item.etag)
    cache.put({(item.path, item.etag): kept._replace(footer=bytes(len(kept.footer)))})
    store = place.store
    found = fetch_footers(store, [item], cache, on_progress=lambda done: None)
    assert (found["x.parquet"].rows, store.requests.snapshot()["GET"]) == (2, 1)
    assert cache.get_kept(item.path, item.etag) == kept
