"""Bytes kept on this computer: whole or not at all, bounded, private, and by version."""

import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from lakekit.storage.bytecache import DEFAULT_LIMIT_BYTES, LIMIT_VARIABLE, ByteCache
from lakekit.storage.store import RangeRequest

URL = "s3://bucket/lake"


def ask(path: str = "a", start: int = 0, length: int = 100, etag: str | None = "e1") -> RangeRequest:
    return RangeRequest(path, start, length, etag)


def fill(cache: ByteCache, count: int, size_bytes: int = 100, *, first: int = 0) -> list[RangeRequest]:
    """Keep this many ranges, each older than the next."""
    requests = [ask(f"file-{number}", 0, size_bytes) for number in range(first, first + count)]
    for age, request in enumerate(requests):
        cache.keep(URL, request, memoryview(bytes(size_bytes)))
        cache.measure()  # it is on disk then
        if path := cache.find(URL, request):
            os.utime(path, (1_000_000 + first + age,) * 2)
    return requests


@pytest.fixture
def cache(tmp_path) -> ByteCache:
    """An empty cache of 1,000 bytes."""
    return ByteCache(tmp_path / "bytes", 1_000)


def test_what_was_kept_is_found_again_by_another_process(cache, tmp_path):
    cache.keep(URL, ask(length=3), memoryview(b"abc"))
    assert bytes(cache.read(URL, ask(length=3))) == b"abc"  # perhaps before it is on disk
    cache.measure()
    assert bytes(Path(cache.find(URL, ask(length=3))).read_bytes()) == b"abc"


@pytest.mark.parametrize(
    "other",
    [ask(length=3, etag="e2"), ask("b", length=3), ask(start=1, length=3), ask(length=2), ask(length=3, etag=None)],
    ids=["version", "path", "start", "length", "no version"],
)
def test_another_range_or_version_is_not_found(cache, other):
    cache.keep(URL, ask(length=3), memoryview(b"abc"))
    assert cache.read(URL, other) is None
    assert cache.read("s3://other/lake", ask(length=3)) is None


def test_a_range_without_a_version_is_not_kept(cache):
    cache.keep(URL, ask(length=3, etag=None), memoryview(b"abc"))
    assert cache.measure().entries == 0


def test_fewer_bytes_than_were_asked_for_are_not_kept(cache):
    cache.keep(URL, ask(length=100), memoryview(b"abc"))
    assert cache.measure().entries == 0


def test_an_entry_that_lost_bytes_is_not_believed(cache):
    cache.keep(URL, ask(length=3), memoryview(b"abc"))
    cache.measure()
    os.truncate(cache.find(URL, ask(length=3)), 2)
    assert cache.read(URL, ask(length=3)) is None


def test_the_oldest_make_room_and_the_limit_is_kept(cache):
    first = fill(cache, 10)  # 10 x 100 bytes: full
    fill(cache, 1, first=10)  # down to 900 bytes with the new one: two of the oldest go
    assert cache.measure().size_bytes == 900
    assert [cache.find(URL, request) is None for request in first[:3]] == [True, True, False]


def test_what_waits_for_the_disk_makes_room_too(cache):
    requests = [ask(f"file-{number}") for number in range(12)]
    for request in requests:
        cache.keep(URL, request, memoryview(bytes(100)))
    assert [cache.read(URL, request) is not None for request in requests[-8:]] == [True] * 8
    assert cache.read(URL, requests[0]) is None
    assert cache.measure().size_bytes <= 1_000


def test_what_is_asked_for_stays_longer(cache):
    first = fill(cache, 10)
    assert cache.read(URL, first[0]) is not None
    fill(cache, 1, first=10)
    assert cache.find(URL, first[0]) is not None and cache.find(URL, first[1]) is None


def test_what_is_larger_than_the_cache_is_not_kept(cache):
    fill(cache, 2)
    cache.keep(URL, ask("large", 0, 2_000), memoryview(bytes(2_000)))
    assert cache.read(URL, ask("large", 0, 2_000)) is None
    assert cache.measure().size_bytes <= 1_000


def pin(cache: ByteCache, request: RangeRequest, data: bytes) -> None:
    with cache.pin_whole(URL, request) as handle:
        os.write(handle, data)


def test_what_is_pinned_stays_until_it_is_asked_to_go(cache):
    pin(cache, ask("pinned"), bytes(100))
    fill(cache, 30)
    cache.clear()
    assert cache.is_pinned(URL, ask("pinned")) and not cache.is_pinned(URL, ask("pinned", etag="e2"))
    assert bytes(cache.read(URL, ask("pinned"))) == bytes(100)
    assert repr(cache) == "ByteCache of 1 entry, 100 B of at most 1000 B, 100 B of it pinned"
    cache.clear(pinned=True)
    assert cache.measure().entries == 0


def test_any_range_of_a_pinned_file_is_there(cache):
    pin(cache, ask(), b"0123456789")
    assert bytes(cache.read(URL, ask(start=3, length=4))) == b"3456"
    assert cache.read(URL, ask(start=8, length=4)) is None  # it ends before


def test_a_file_that_could_not_be_pinned_to_its_end_is_not(cache):
    with pytest.raises(ZeroDivisionError), cache.pin_whole(URL, ask()) as handle:
        os.write(handle, b"half")
        1 / 0  # noqa: B018
    assert not cache.is_pinned(URL, ask()) and cache.measure().entries == 0


def test_only_the_user_may_read_it(cache, tmp_path):
    cache.keep(URL, ask(length=3), memoryview(b"abc"))
    cache.measure()
    path = cache.find(URL, ask(length=3))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    folders = [tmp_path / "bytes", *(entry for entry in Path(tmp_path / "bytes").iterdir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_no_address_stands_in_a_name(cache, tmp_path):
    cache.keep("s3://secret-bucket/lake", ask("salaries.parquet", length=3), memoryview(b"abc"))
    cache.measure()
    names = [name for _, folders, files in os.walk(tmp_path) for name in folders + files]
    assert not [name for name in names if "secret" in name or "salaries" in name]


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = ByteCache(tmp_path / "file" / "bytes", 1_000)
    cache.keep(URL, ask(length=3), memoryview(b"abc"))
    assert cache.read(URL, ask(length=3)) is None and cache.measure().entries == 0


def test_the_limit_is_ten_gib_or_as_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    assert ByteCache(tmp_path / "a").limit_bytes == DEFAULT_LIMIT_BYTES == 10 * 2**30
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    off = ByteCache(tmp_path / "b")
    off.keep(URL, ask(length=3), memoryview(b"abc"))
    assert off.read(URL, ask(length=3)) is None and not (tmp_path / "b").exists()


def test_threads_that_keep_and_throw_away_at_once_do_no_harm(cache):
    wrong = []

    def work(number: int) -> None:
        for step in range(200):
            request = ask(f"{number}-{step % 7}", 0, 50)
            cache.keep(URL, request, memoryview(bytes([number]) * 50))
            found = cache.read(URL, request)
            if found is not None and bytes(found) != bytes([number]) * 50:
                wrong.append(request)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and cache.measure().size_bytes <= 1_000


def test_what_would_throw_itself_away_is_not_begun(cache, tmp_path):
    assert cache.may_hold(900) and not cache.may_hold(901)
    assert not ByteCache(None).may_hold(0)


def test_a_query_under_way_does_not_wait_for_the_disk(tmp_path):
    cache = ByteCache(tmp_path / "bytes", 10_000)
    cache.measure()
    requests = [ask(f"file-{number}") for number in range(12)]
    for request in requests:  # 1,200 bytes: after 5 % of the limit the disk is measured anew
        cache.keep(URL, request, memoryview(bytes(100)))
    assert not list((tmp_path / "bytes/kept").iterdir())  # they are written when nothing new came for half a second
    assert all(cache.holds(URL, request) for request in requests)
    assert cache.measure().entries == 12 == len(list((tmp_path / "bytes/kept").iterdir()))


def test_what_is_on_its_way_to_the_disk_takes_room(cache):
    for number in range(12):  # 1,200 bytes at once, of 1,000
        cache.keep(URL, ask(f"file-{number}"), memoryview(bytes(100)))
    assert 0 < cache.measure().size_bytes <= 1_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_measures_and_keeps_with_a_thread_of_its_own(cache):
    cache.keep(URL, ask("a"), memoryview(bytes(100)))
    cache.measure()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # it would wait for a thread that is not there
        cache.keep(URL, ask("b"), memoryview(bytes(100)))
        os._exit(0 if cache.measure().entries == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
