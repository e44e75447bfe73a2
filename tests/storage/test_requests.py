"""Requests are counted, by many threads too."""

from concurrent.futures import ThreadPoolExecutor

from lakekit.storage import RequestLog


def test_a_new_log_has_counted_nothing():
    assert set(RequestLog().snapshot().values()) == {0}


def test_threads_lose_no_count():
    log = RequestLog()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(1000):
            threads.submit(log.count, "GET", size_bytes=2)
    assert (log.snapshot()["GET"], log.snapshot()["bytes"]) == (1000, 2000)


def test_since_is_what_was_added():
    log = RequestLog()
    log.count("LIST", times=3)
    before = log.snapshot()
    log.count("LIST")
    assert log.since(before) == {"LIST": 1, "GET": 0, "HEAD": 0, "PUT": 0, "bytes": 0, "cached_bytes": 0}


def test_bytes_that_were_here_are_no_request():
    log = RequestLog()
    log.count_cached(100)
    assert log.snapshot() == {"LIST": 0, "GET": 0, "HEAD": 0, "PUT": 0, "bytes": 0, "cached_bytes": 100}


def test_a_snapshot_does_not_change_later():
    log = RequestLog()
    before = log.snapshot()
    log.count("GET")
    assert before["GET"] == 0 and repr(log) == "RequestLog(LIST=0, GET=1, HEAD=0, PUT=0, bytes=0, cached_bytes=0)"


class Watcher:
    """Keeps what it is told."""

    def __init__(self):
        self.seen = []

    def note_request(self, *request):
        self.seen.append(request)

    def note_cached(self, size_bytes):
        self.seen.append(size_bytes)


def test_a_watcher_is_told_of_each_request_with_its_file():
    log = RequestLog()
    log.count("LIST")
    log.watcher = Watcher()
    log.count("GET", size_bytes=10, path="a.parquet", start=4)
    log.count("HEAD", times=2)
    log.count_cached(7)
    assert log.watcher.seen == [("GET", 1, 10, "a.parquet", 4), ("HEAD", 2, 0, None, 0), 7]


def test_every_store_tells_which_bytes_of_which_file_came(place):
    place.put("a/b.parquet", b"0123456789")
    (listed,) = place.store.list_objects()
    place.store.requests.watcher = Watcher()
    place.store.read_range("a/b.parquet", 2, 5, etag=listed.etag)
    gets = [request for request in place.store.requests.watcher.seen if request[0] == "GET"]
    assert gets == [("GET", 1, 5, "a/b.parquet", 2)]
