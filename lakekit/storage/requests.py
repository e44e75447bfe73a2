"""How many requests a store has made, by kind, and how many bytes came back.

It must not know prices: it counts, others make a bill of it.
"""

import threading
from collections import Counter
from typing import Protocol

KINDS = ("LIST", "GET", "HEAD", "PUT")


class RequestWatcher(Protocol):
    """What is told of each request as it is counted; must be quick, and safe to call from many threads."""

    def note_request(self, kind: str, times: int, size_bytes: int, path: str | None, start: int) -> None:
        """So many requests of a kind; of a GET also the file, the first byte and how many came."""

    def note_cached(self, size_bytes: int) -> None:
        """Bytes that this computer's cache held."""


class RequestLog:
    """Counters that many threads may add to; `snapshot` is what they stand at.

    A folder counts likewise: a scanned directory is a LIST, a range read from a file is a GET.

    Attributes:
        watcher: is told of each request as well, if there is one.

    Example:
        >>> log = RequestLog()
        >>> before = log.snapshot()
        >>> log.count("GET", size_bytes=100)
        >>> log.count("LIST")
        >>> log.snapshot()
        {'LIST': 1, 'GET': 1, 'HEAD': 0, 'PUT': 0, 'bytes': 100, 'cached_bytes': 0}
        >>> log.since(before)["GET"]
        1
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = Counter()
        self._read_bytes = 0
        self._cached_bytes = 0
        self.watcher: RequestWatcher | None = None

    def count(self, kind: str, *, times: int = 1, size_bytes: int = 0, path: str | None = None, start: int = 0) -> None:
        """Adds requests of a kind ("LIST", "GET", "HEAD", "PUT") and the bytes that they brought.

        Args:
            kind: which.
            times: how many.
            size_bytes: what they brought.
            path: the file of a GET.
            start: its first byte.
        """
        with self._lock:
            self._counts[kind] += times
            self._read_bytes += size_bytes
        if self.watcher is not None:
            self.watcher.note_request(kind, times, size_bytes, path, start)

    def count_cached(self, size_bytes: int) -> None:
        """Adds bytes that this computer's cache held, so that nothing was asked for."""
        with self._lock:
            self._cached_bytes += size_bytes
        if self.watcher is not None:
            self.watcher.note_cached(size_bytes)

    def snapshot(self) -> dict[str, int]:
        """The counts now: a new dict of "LIST", "GET", "HEAD", "PUT", "bytes" that came, and "cached_bytes"."""
        with self._lock:
            counts = {kind: 0 for kind in KINDS} | dict(self._counts)
            return counts | {"bytes": self._read_bytes, "cached_bytes": self._cached_bytes}

    def since(self, before: dict[str, int]) -> dict[str, int]:
        """What was added since a snapshot taken before, as a dict like the snapshot."""
        return {kind: count - before.get(kind, 0) for kind, count in self.snapshot().items()}

    def __repr__(self) -> str:
        return f"RequestLog({', '.join(f'{kind}={count}' for kind, count in self.snapshot().items())})"
