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
