"""What a folder, S3 and any other file system must do alike."""

import weakref
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from lakekit.errors import InvalidArgument, StaleFile
from lakekit.storage import RangeRequest, StoredObject, open_store
from lakekit.storage.reads import Pace
from lakekit.units import MIB

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


def list_paths(place, prefix=""):
    return [stored.path for stored in place.store.list_objects(prefix)]


def test_nothing_there_is_an_empty_list(place):
    assert place.store.list_objects() == [] and place.store.list_folders() == []
    assert place.store.find_root_file() is None


def test_a_listing_has_everything_at_any_depth_sorted_by_path(place):
    for path in ("b/c/d.parquet", "a.parquet", "b/_SUCCESS", ".hidden", "b-1.parquet"):
        place.put(path)
    assert list_paths(place) == [".hidden", "a.parquet", "b-1.parquet", "b/_SUCCESS", "b/c/d.parquet"]


def test_a_listed_object_tells_size_time_and_class(place):
    before = datetime.now(UTC) - timedelta(seconds=2)
    place.put("a.parquet", ALPHABET)
    (stored,) = place.store.list_objects()
    assert (stored.size_bytes, stored.storage_class, stored.restored) == (26, "STANDARD", False)
    assert before < stored.modified_at < datetime.now(UTC) + timedelta(seconds=2)
    assert stored.modified_at.utcoffset() == timedelta(0)
    assert stored.etag and '"' not in stored.etag and not stored.is_archived


def test_the_etag_changes_with_the_content_and_only_then(place):
    place.put("a", b"one")
    first = place.store.list_objects()[0].etag
    assert place.store.list_objects()[0].etag == first
    place.put("a", b"other")
    assert place.store.list_objects()[0].etag != first


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(place):
    place.put("data/a")
    place.put("database/b")
    assert list_paths(place, "data") == list_paths(place, "data/") == ["data/a"]
    place.store.address.parent.child("lake-2")  # and so is the address itself
    assert list_paths(place, "dat") == []


def test_what_lies_beside_the_address_is_not_listed(place):
    place.put("a")
    neighbour = type(place)(open_store(place.store.address.parent.child("lake-2"), place.store.storage))
    neighbour.put("b")
    assert list_paths(place) == ["a"]
    assert open_store(place.store.address.parent, place.store.storage).list_folders() == ["lake", "lake-2"]


def test_folders_are_those_right_below(place):
    for path in ("b=2/x/y", "b=10/x", "a", ".git/z", "ü ö/x"):
        place.put(path)
    assert place.store.list_folders() == [".git", "b=10", "b=2", "ü ö"]


def test_progress_ends_with_the_count(place):
    for number in range(3):
        place.put(f"f{number}")
    seen = []
    place.store.list_objects(on_progress=seen.append)
    assert seen[-1] == 3


def test_the_file_that_the_address_names_is_found(place):
    place.put("a.parquet", b"12345")
    file = open_store(place.store.address.child("a.parquet"), place.store.storage)
    root = file.find_root_file()
    assert (root.path, root.size_bytes) == ("", 5)
    assert root.etag == place.store.list_objects()[0].etag
    assert file.list_objects() == []


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, 3, b"abc"),
        (3, 2, b"de"),
        (24, 100, b"yz"),  # it ends before
        (26, 5, b""),
        (100, 5, b""),
        (3, 0, b""),
        (0, 26, ALPHABET),
    ],
)
@pytest.mark.parametrize("with_etag", [False, True])
def test_a_range_is_as_long_as_there_are_bytes(place, start, length, expected, with_etag):
    place.put("a", ALPHABET)
    etag = place.store.list_objects()[0].etag if with_etag else None
    content = place.store.read_range("a", start, length, etag=etag)
    assert isinstance(content, memoryview) and bytes(content) == expected


@pytest.mark.parametrize("size_bytes", [None, 26])
def test_a_suffix_is_the_end_of_the_file(place, size_bytes):
    place.put("a", ALPHABET)
    etag = place.store.list_objects()[0].etag
    assert bytes(place.store.read_suffix("a", 3, size_bytes=size_bytes)) == b"xyz"
    assert bytes(place.store.read_suffix("a", 100, etag=etag, size_bytes=size_bytes)) == ALPHABET
    assert bytes(place.store.read_suffix("a", 0, size_bytes=size_bytes)) == b""


def test_an_empty_file_has_no_bytes(place):
    place.put("a", b"")
    etag = place.store.list_objects()[0].etag
    assert bytes(place.store.read_range("a", 0, 8, etag=etag)) == b""
    assert bytes(place.store.read_suffix("a", 8, etag=etag)) == b""


def test_a_file_that_changed_is_stale(place):
    place.put("a", b"first content")
    etag = place.store.list_objects()[0].etag
    place.put("a", b"second content")
    with pytest.raises(StaleFile, match=r"lake/a has changed since it was listed"):
        place.store.read_range("a", 0, 5, etag=etag)
    with pytest.raises(StaleFile, match="has changed"):
        place.store.read_suffix("a", 5, etag=etag, size_bytes=13)


def test_a_file_that_is_gone_is_stale_and_says_so(place):
    place.put("a", b"content")
    etag = place.store.list_objects()[0].etag
    place.remove("a")
    for ask in (place.store.read_range, place.store.read_suffix):
        arguments = ("a", 0, 5) if ask == place.store.read_range else ("a", 5)
        with pytest.raises(StaleFile, match="lake/a is gone: it was listed"):
            ask(*arguments, etag=etag)


def test_many_ranges_come_back_with_their_requests(place):
    for number in range(20):
        place.put(f"f{number}", ALPHABET[number:])
    requests = [RangeRequest(stored.path, 0, 2, stored.etag) for stored in place.store.list_objects()]
    outcomes = {request.path: bytes(content) for request, content in place.store.read_many(requests, concurrency=4)}
    assert outcomes == {f"f{number}": ALPHABET[number:][:2] for number in range(20)}


def test_an_error_among_many_is_returned_and_the_others_go_on(place):
    place.put("a", ALPHABET)
    place.put("b", ALPHABET)
    requests = [RangeRequest("a", 0, 1), RangeRequest("gone", 0, 1), RangeRequest("b", 0, 1, etag="other")]
    outcomes = {request.path: outcome for request, outcome in place.store.read_many(requests)}
    assert bytes(outcomes["a"]) == b"a"
    assert isinstance(outcomes["gone"], StaleFile) and "is gone" in str(outcomes["gone"])
    assert isinstance(outcomes["b"], StaleFile) and "has changed" in str(outcomes["b"])
    assert outcomes["gone"].__cause__ is not None


def test_requests_are_taken_as_there_is_room_and_none_is_no_work(place):
    place.put("a", ALPHABET)
    numbers = iter(range(1000))
    requests = (RangeRequest("a", number % 26, 1) for number in numbers)
    iterator = place.store.read_many(requests, concurrency=4)
    for _ in range(3):
        next(iterator)
    iterator.close()
    assert next(numbers) <= 4 + 3 + 3  # under way, taken, and done but not yet taken of a batch of four
    assert list(place.store.read_many([])) == []


def test_few_large_requests_are_under_way_and_many_small_ones():
    def ask(name: str, length: int, count: int) -> list[tuple[str, RangeRequest]]:
        return [("store", RangeRequest(f"{name}-{number}", 0, length)) for number in range(count)]

    pace = Pace()
    large = pace.slow(iter(ask("large", 24 * MIB, 4)))
    assert [one and one[1].path for one in islice(large, 4)] == ["large-0", "large-1", None, None]
    pace.under_way_bytes -= 24 * MIB  # one is answered: 24 of 64 MiB are under way
    assert [one and one[1].path for one in islice(large, 2)] == ["large-2", None]
    small = ask("small", 1000, 300)
    assert list(Pace().slow(small)) == small
    whole = ask("whole", 200 * MIB, 1)  # more than may be under way: alone
    assert list(Pace().slow(whole)) == whole


def test_every_read_is_counted(place):
    place.put("a", ALPHABET)
    before = place.store.requests.snapshot()
    place.store.list_objects()
    place.store.read_range("a", 0, 10)
    list(place.store.read_many([RangeRequest("a", 0, 5), RangeRequest("a", 5, 5)]))
    added = place.store.requests.since(before)
    assert (added["LIST"], added["GET"], added["bytes"]) == (1, 3, 20)


def test_a_read_of_nothing_asks_nothing(place):
    place.put("a", ALPHABET)
    before = place.store.requests.snapshot()
    assert bytes(place.store.read_range("a", 5, 0)) == b""
    assert place.store.requests.since(before)["GET"] == 0


@pytest.mark.parametrize(
    "name",
    ["q=a%20b", "x=%", "%41", "dt=2024-01-01 00:00:00", "c%2Bd", "a+b", "ünï", "日本", "e[1]", "s*r", "q?m", "b\\k"]
    + ["t~d", "h#h", "dot.", "a&b=c", "quote'\"", "<x>", "tab\tx", " lead", "trail ", "😀", "e\u0301", "sem;i", "at@"],
)
def test_a_name_is_read_as_it_is_listed(place, name):
    path = f"k=1/{name}/{name}"
    place.put(path, name.encode())
    (stored,) = place.store.list_objects()
    assert stored.path == path
    assert bytes(place.store.read_range(path, 0, 100, etag=stored.etag)) == name.encode()
    ((_, content),) = place.store.read_many([RangeRequest(path, 0, 100, stored.etag)])
    assert bytes(content) == name.encode()


def test_archived_objects_are_those_that_must_be_restored():
    def stored(storage_class, restored=False):
        return StoredObject("a", 1, datetime.now(UTC), "e", storage_class, restored)

    assert stored("GLACIER").is_archived and stored("DEEP_ARCHIVE").is_archived
    assert not stored("GLACIER", restored=True).is_archived
    assert not stored("GLACIER_IR").is_archived and not stored("STANDARD_IA").is_archived


def test_a_store_shows_its_address_and_no_key(place):
    assert "lake" in repr(place.store) and "secret" not in repr(place.store)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(InvalidArgument, match="unknown protocol 'nosuch'"):
        open_store("nosuch://bucket/x")


def test_what_was_read_and_handed_out_is_not_kept(tmp_path):
    for number in range(30):
        (tmp_path / f"{number}").write_bytes(b"x" * 100)
    alive = weakref.WeakSet()
    requests = [RangeRequest(f"{number}", 0, 100) for number in range(30)]
    for _, content in open_store(tmp_path).read_many(requests, concurrency=2):
        alive.add(content)
    assert len(alive) <= 2
