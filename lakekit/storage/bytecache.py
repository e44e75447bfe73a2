"""Bytes of remote files kept on this computer's disk, so that none is asked for twice while its file stays the same.

It must not hold more than its limit, keep anything that others may read, or fail a query: what cannot be kept is
asked for again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lakekit.storage.private import make_private
from lakekit.storage.store import RangeRequest
from lakekit.units import GIB, MIB, format_bytes, format_count

LIMIT_VARIABLE = "LAKEKIT_CACHE_BYTES"  # environment variable with another limit in bytes; 0 keeps nothing
DEFAULT_LIMIT_BYTES = 10 * GIB
_KEPT_SHARE = 0.9  # of the limit is left after the oldest were thrown away
_FREE_SHARE = 0.02  # of the disk stays free
_MOST_WAITING_BYTES = 512 * MIB  # in memory, on their way to the disk
_QUIET_SECONDS = 0.5  # nothing new for so long, and what is waiting is written
_PATIENT_SHARE = 0.75  # of the most that may wait: from there on it is written at once
_FORMAT = 2  # of what is kept: with another number, what an older lakekit amended otherwise is not found
_LOOK_AGAIN_SHARE = 0.05  # of the limit may be added before the disk is asked anew what others added


@dataclass(frozen=True)
class CacheUse:
    """What a cache holds: entries, bytes, and of these the pinned ones, which stay until they are asked to go."""

    entries: int
    size_bytes: int
    pinned_bytes: int
    limit_bytes: int

    def __repr__(self) -> str:
        pinned = f", {format_bytes(self.pinned_bytes)} of it pinned" if self.pinned_bytes else ""
        entries = f"{format_count(self.entries)} {'entry' if self.entries == 1 else 'entries'}"
        return f"{entries}, {format_bytes(self.size_bytes)} of at most {format_bytes(self.limit_bytes)}{pinned}"


Amend = Callable[[memoryview], memoryview]


class _Writer:
    """What is on its way to the disk, for all who use one folder: bytes by address and range, until they are written.

    To make a file takes longer than many a request: nobody waits for it, and the query under way has the processor for
    itself first.
    """

    def __init__(self, folder: str) -> None:
        self.waiting: dict[tuple[str, RangeRequest], tuple[memoryview, Amend | None]] = {}
        self.waiting_bytes = 0
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lakekit-keep")
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._newest_at = 0.0

    def write(self, url: str, request: RangeRequest, data: memoryview, amend: Amend | None) -> None:
        """Begin to write, or write at once where much is waiting already."""
        with self._lock:
            self._newest_at = time.monotonic()
            is_much = self.waiting_bytes + len(data) > _MOST_WAITING_BYTES
            is_first = not self.waiting
            if not is_much:
                self.waiting_bytes += len(data) - len(self.waiting.get((url, request), (b"",))[0])
                self.waiting[url, request] = data, amend
        if is_much:
            self._write_now(url, request, data, amend)
        elif is_first:
            self._hurry.clear()
            self._thread.submit(self._write_waiting)

    def _write_waiting(self) -> None:
        while True:
            self._wait_for_quiet()
            with self._lock:
                if not self.waiting:
                    return
                (url, request), (data, amend) = next(iter(self.waiting.items()))
            self._write_now(url, request, data, amend)
            with self._lock:
                self._forget(url, request)

    def _forget(self, url: str, request: RangeRequest) -> int:
        size_bytes = len(self.waiting.pop((url, request), (b"",))[0])
        self.waiting_bytes -= size_bytes
        return size_bytes

    def throw_away(self, size_bytes: int) -> None:
        """Forget so much of what has waited longest."""
        with self._lock:
            for url, request in list(self.waiting):
                if size_bytes <= 0:
                    return
                size_bytes -= self._forget(url, request)

    def _wait_for_quiet(self) -> None:
        while self.waiting_bytes < _PATIENT_SHARE * _MOST_WAITING_BYTES:
            left = self._newest_at + _QUIET_SECONDS - time.monotonic()
            if left <= 0 or self._hurry.wait(left):
                return

    def _write_now(self, url: str, request: RangeRequest, data: memoryview, amend: Amend | None) -> None:
        with contextlib.suppress(OSError):  # it is asked for again
            _write_whole(f"{self._folder}/kept/{_name_range(url, request)}", data if amend is None else amend(data))

    def wait(self) -> None:
        """Return when all that was waiting is written."""
        self._hurry.set()
        self._thread.submit(len, ()).result()


@functools.cache
def _find_writer(folder: str) -> _Writer:
    return _Writer(folder)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_find_writer.cache_clear)  # its thread is not there


class ByteCache:
    """A folder of byte ranges, each named by the hash of its file's address, etag and span.

    Args:
        folder: where; made private to the user if it is not there. None keeps nothing, nor does one that others may
            write into.
        limit_bytes: how much is kept; ``$LAKEKIT_CACHE_BYTES``, else 10 GiB, if not given.
    """

    def __init__(self, folder: Path | None, limit_bytes: int | None = None):
        self.limit_bytes = _find_limit() if limit_bytes is None else limit_bytes
        self.folder = folder if self.limit_bytes > 0 else None
        self._lock = threading.Lock()
        self._held_bytes: int | None = None  # as last seen, and what was added since
        self._added_bytes = 0
        if self.folder is not None:
            try:
                for part in (self.folder, *(self.folder / name for name in ("kept", "pinned"))):
                    make_private(part)
            except OSError:
                self.folder = None

    def find(self, url: str, request: RangeRequest) -> str | None:
        """The file that holds this range, or None. Files are renewed by being asked for.

        Args:
            url: the address of the store, with its endpoint: two services may both have ``s3://data``.
            request: the range; one without an etag is never kept.
        """
        if self.folder is None or request.etag is None:
            return None
        whole = self._find_whole(url, request) if not request.start else None
        for path in (f"{self.folder}/kept/{_name_range(url, request)}", whole):
            try:
                if path is not None and os.stat(path).st_size == request.length:
                    os.utime(path)
                    return path
            except OSError:
                continue
        return None

    def read(self, url: str, request: RangeRequest) -> memoryview | None:
        """The bytes of this range, or None. Files are renewed by being asked for."""
        waiting = self.find_waiting(url, request)
        if waiting is not None or self.folder is None or request.etag is None:
            return waiting
        data = _read_span(f"{self.folder}/kept/{_name_range(url, request)}", 0, request.length, renew=True)
        if data is None:
            data = _read_span(f"{self.folder}/pinned/{_name_whole(url, request)}", request.start, request.length)
        return data

    def _find_whole(self, url: str, request: RangeRequest) -> str | None:
        """The file that holds all of the remote file of which this is a range, or None: only pinned ones do."""
        if self.folder is None or request.etag is None:
            return None
        path = f"{self.folder}/pinned/{_name_whole(url, request)}"
        return path if os.path.exists(path) else None

    def keep(self, url: str, request: RangeRequest, data: memoryview, amend: Amend | None = None) -> None:
        """Keep the bytes of a range, if there is room; they are found from now on, and on disk soon.

        Args:
            url: see :meth:`find`.
            request: the range.
            data: its bytes.
            amend: what makes of them those that go to the disk, as many.
        """
        if self.folder is None or request.etag is None or len(data) != request.length:
            return
        if self._make_room(len(data)):
            _find_writer(str(self.folder)).write(url, request, data, amend)

    def find_waiting(self, url: str, request: RangeRequest) -> memoryview | None:
        """The bytes of a range that are on their way to the disk."""
        if self.folder is None or request.etag is None:
            return None
        found = _find_writer(str(self.folder)).waiting.get((url, request))
        return None if found is None else found[0]

    def _wait(self) -> None:
        if self.folder is not None:
            _find_writer(str(self.folder)).wait()

    def holds(self, url: str, request: RangeRequest) -> bool:
        """Whether a range is kept."""
        return self.find_waiting(url, request) is not None or self.find(url, request) is not None

    def may_hold(self, size_bytes: int) -> bool:
        """Whether so many bytes, kept one after the other, would not throw each other away."""
        return self.folder is not None and size_bytes <= self.limit_bytes * _KEPT_SHARE

    def is_pinned(self, url: str, request: RangeRequest) -> bool:
        """Whether all of the remote file of which this is a range is pinned."""
        return self._find_whole(url, request) is not None

    @contextlib.contextmanager
    def pin_whole(self, url: str, request: RangeRequest) -> Iterator[int]:
        """A new private file to write all of a remote file into, by its descriptor; pinned if all goes well.

        Raises:
            OSError: there is no room for it.
        """
        if self.folder is None:
            raise OSError("nothing is kept here")
        handle, name = tempfile.mkstemp(dir=self.folder / "pinned", prefix=".")  # mode 0600
        try:
            yield handle
            os.close(handle)
            os.replace(name, f"{self.folder}/pinned/{_name_whole(url, request)}")
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            os.unlink(name)
            raise

    def measure(self) -> CacheUse:
        """What is kept now, by this and all other processes."""
        self._wait()
        return self._measure_disk()

    def _measure_disk(self) -> CacheUse:
        kept, pinned = self._list("kept"), self._list("pinned")
        pinned_bytes = sum(size for size, _ in pinned.values())
        size_bytes = pinned_bytes + sum(size for size, _ in kept.values())
        return CacheUse(len(kept) + len(pinned), size_bytes, pinned_bytes, self.limit_bytes)

    def clear(self, *, pinned: bool = False) -> None:
        """Throw away what is kept; what is pinned only with ``pinned=True``."""
        self._wait()
        for part in ("kept", "pinned") if pinned else ("kept",):
            for name in self._list(part):
                with contextlib.suppress(OSError):
                    os.unlink(f"{self.folder}/{part}/{name}")
        self._held_bytes = None

    def __repr__(self) -> str:
        return f"ByteCache of {self.measure()!r}"

    def _list(self, part: str) -> dict[str, tuple[int, float]]:
        """Size and time of each entry by name; what others throw away meanwhile is left out."""
        found: dict[str, tuple[int, float]] = {}
        if self.folder is None:
            return found
        with contextlib.suppress(OSError), os.scandir(self.folder / part) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    found[entry.name] = (status.st_size, status.st_mtime)
        return found

    def _make_room(self, size_bytes: int) -> bool:
        """Whether there is room for this many bytes, after throwing away the oldest where there was none."""
        with self._lock:
            if self._held_bytes is None or self._added_bytes > self.limit_bytes * _LOOK_AGAIN_SHARE:
                self._held_bytes, self._added_bytes = self._measure_held(), 0
                disk = shutil.disk_usage(self.folder)
                if disk.free < disk.total * _FREE_SHARE:
                    self._held_bytes = None
                    return False
            if self._held_bytes + size_bytes > self.limit_bytes:
                self._throw_away(self._held_bytes + size_bytes - int(self.limit_bytes * _KEPT_SHARE))
                self._held_bytes = self._measure_held()
            if self._held_bytes + size_bytes > self.limit_bytes:
                return False
            self._held_bytes += size_bytes
            self._added_bytes += size_bytes
            return True

    def _measure_held(self) -> int:
        """Bytes on the disk and on their way there; nobody waits for these, for a query is under way."""
        return self._measure_disk().size_bytes + _find_writer(str(self.folder)).waiting_bytes

    def _throw_away(self, size_bytes: int) -> None:
        for name, (size, _) in sorted(self._list("kept").items(), key=lambda entry: entry[1][1]):
            if size_bytes <= 0:
                return
            with contextlib.suppress(OSError):
                os.unlink(f"{self.folder}/kept/{name}")
                size_bytes -= size
        _find_writer(str(self.folder)).throw_away(size_bytes)


def _find_limit() -> int:
    try:
        return int(os.environ.get(LIMIT_VARIABLE, ""))
    except ValueError:
        return DEFAULT_LIMIT_BYTES


def _name_range(url: str, request: RangeRequest) -> str:
    text = f"{_FORMAT}\n{url}\n{request.path}\n{request.etag}\n{request.start}-{request.length}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _name_whole(url: str, request: RangeRequest) -> str:
    return _name_range(url, RangeRequest(request.path, -1, -1, request.etag))


def _read_span(path: str, start: int, length: int, *, renew: bool = False) -> memoryview | None:
    """So many bytes of a file from one on; None where it has not as many, was thrown away, or never was there."""
    if not os.access(path, os.R_OK):  # most are not there: this takes a third of the time of an error
        return None
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            data = file.read(length)
            if renew:
                os.utime(path)
    except OSError:
        return None
    return memoryview(data) if len(data) == length else None


def _write_whole(target: str, data: memoryview) -> None:
    """Write a file that only the user can read, and that is there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".")  # mode 0600
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            while len(data):
                data = data[file.write(data) :]
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
