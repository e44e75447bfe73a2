"""What every store can do: list what lies under an address, and read ranges of it, many at a time.

It must not know what the files hold, nor how S3, a folder or another service does it: each has a class of its own.
"""

from __future__ import annotations

import contextlib
import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lakekit.errors import LakekitError
from lakekit.storage.address import Address, parse_address
from lakekit.storage.faults import translate_error
from lakekit.storage.loop import Cancel, Finish
from lakekit.storage.options import Storage, resolve_storage
from lakekit.storage.reads import REQUESTS_AT_ONCE, StartReads, read_together
from lakekit.storage.requests import RequestLog
from lakekit.units import MIB

if TYPE_CHECKING:
    from lakekit.storage.bytecache import ByteCache

TAIL_BYTES = 16 * MIB  # of a file hold all that is amended in it
ARCHIVE_CLASSES = ("GLACIER", "DEEP_ARCHIVE")  # must be restored before they can be read; GLACIER_IR need not

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object or file, as a listing tells of it.

    Attributes:
        path: relative to the store's address, with "/", never starting with one, not percent-decoded; ends with "/"
            when it is the empty object by which some tools mark a folder.
        size_bytes: its length.
        modified_at: when it was written, in UTC.
        etag: changes whenever the content does; without quotes. Of a file: from its time, size and inode.
        storage_class: "STANDARD" when the store has none.
        restored: whether the listing says that an archived object has a copy that can be read now.
    """

    path: str
    size_bytes: int
    modified_at: datetime
    etag: str
    storage_class: str = "STANDARD"
    restored: bool = False

    @property
    def is_archived(self) -> bool:
        """Whether it must be restored before it can be read."""
        return self.storage_class in ARCHIVE_CLASSES and not self.restored


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """A range of one file to read: `length` bytes from `start`; with an etag, only while the file is that one."""

    path: str
    start: int
    length: int
    etag: str | None = None


class Store(ABC):
    """What lies under one address, and how to read it.

    Attributes:
        address: where.
        storage: with which options.
        requests: what was asked so far, a RequestLog.
        cache: where ranges are kept that are read with ``keep``; None for folders, which need none.
        amend: what is done to the bytes of a whole file before they go to the disk; must not change their number.
    """

    cache: ByteCache | None = None
    amend: Callable[[memoryview], memoryview] | None = None

    threads = 8  # reads at a time, where each needs a thread

    def __init__(self, address: Address, storage: Storage):
        self.address = address
        self.storage = storage
        self.requests = RequestLog()

    @abstractmethod
    def list_objects(self, prefix: str = "", *, on_progress: OnProgress | None = None) -> list[StoredObject]:
        """All objects under the address, or under a folder below it, at any depth, sorted by path.

        Hidden ones and markers of folders ("dir/") are among them. Nothing there is an empty list.

        Args:
            prefix: a folder below the address; "data" does not take in "database/".
            on_progress: called with the number found so far, now and then, in the calling thread.

        Raises:
            NoFilesFound: the bucket does not exist.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
        """

    @abstractmethod
    def list_folders(self) -> list[str]:
        """The names of the folders right under the address, sorted, without a slash."""

    @abstractmethod
    def find_root_file(self) -> StoredObject | None:
        """The object that the address itself names, with path "", when it is a file and not a folder; else None."""

    @abstractmethod
    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes from `start`, `length` of them, or fewer where the file ends before; read-only, not copied.

        Args:
            path: as the listing has it.
            start, length: in bytes.
            etag: as the listing has it; then the bytes are of that version, or there is an error.

        Raises:
            StaleFile: the file has changed or is gone.
            ArchivedFile: it must be restored first.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
        """

    def read_suffix(
        self, path: str, length: int, *, etag: str | None = None, size_bytes: int | None = None
    ) -> memoryview:
        """The last `length` bytes of a file, or all of it when it is shorter; errors as `read_range`.

        Args:
            path, etag: as the listing has them.
            length: in bytes.
            size_bytes: the file's size, when known.
        """
        size_bytes = self._find_size(path) if size_bytes is None else size_bytes
        start = max(0, size_bytes - max(length, 0))
        return self.read_range(path, start, size_bytes - start, etag=etag)

    def read_many(
        self, requests: Iterable[RangeRequest | None], *, concurrency: int = REQUESTS_AT_ONCE, keep: bool = False
    ) -> Iterator[tuple[RangeRequest, memoryview | LakekitError]]:
        """Each request with its bytes, or with the error that reading it gave, in the order they arrive.

        Args:
            requests: taken one by one as there is room, so an endless iterator is fine. A None among them says "no
                more for now", see `iterate_as_completed`.
            concurrency: how many may be under way; a folder uses fewer.
            keep: take from this computer's cache what is there, and put there what is not.
        """
        asked = (None if request is None else (self, request) for request in requests)
        reads = read_together(asked, [self], concurrency=concurrency, keep=keep)
        yield from ((request, outcome) for _, request, outcome in reads)

    @contextlib.contextmanager
    def open_reads(self, concurrency: int) -> Iterator[tuple[StartReads, int]]:
        """What starts reads, as `iterate_as_completed` wants it, and how many may be under way."""
        with_threads = ThreadPoolExecutor(min(concurrency, self.threads), thread_name_prefix="lakekit-read")

        def start(batch: Sequence[RangeRequest], finish: Finish) -> Cancel:
            futures: set[Future] = set()  # those that are not done: they hold what they read
            for request in batch:
                span = request.path, request.start, request.length
                future = with_threads.submit(self.read_range, *span, etag=request.etag)
                futures.add(future)
                future.add_done_callback(functools.partial(finish, request))
                future.add_done_callback(futures.discard)
            return lambda: [future.cancel() for future in list(futures)]

        try:
            yield start, min(concurrency, 2 * self.threads)
        finally:
            with_threads.shutdown(wait=False, cancel_futures=True)

    def recall(self, request: RangeRequest) -> memoryview | None:
        """The bytes of a range, if this computer's cache has them."""
        data = self.cache.read(self._cache_url, request) if self.cache is not None else None
        if data is not None:
            self.requests.count_cached(len(data))
        return data

    def read_kept(self, path: str, start: int, length: int, *, etag: str) -> memoryview:
        """As `read_range`, from this computer's cache where it holds the range, which it does afterwards."""
        request = RangeRequest(path, start, length, etag)
        data = self.recall(request)
        if data is None:
            data = self.read_range(path, start, length, etag=etag)
            self.keep(request, data)
        return data

    def find_local(
        self, requests: Sequence[RangeRequest], copied_bytes: int
    ) -> tuple[Iterable[tuple[RangeRequest, str | memoryview]], list[RangeRequest]]:
        """Those of some ranges that are on this computer, each with the file that holds it or with its bytes; and the
        others, which may be fetched and kept. Where the cache cannot hold all, these are none.

        Args:
            requests: ranges.
            copied_bytes: up to this size the bytes are wanted; the cache may throw away a file at any time.
        """
        if self.cache is None:
            return [], []
        found = [(request, self._find_local(request, copied_bytes)) for request in requests]
        here = [(request, local) for request, local in found if local is not None]
        for request, _ in here:
            self.requests.count_cached(request.length)
        has_room = self.cache.may_hold(sum(request.length for request in requests))
        return here, [request for request, local in found if local is None] if has_room else []

    def _find_local(self, request: RangeRequest, copied_bytes: int) -> str | memoryview | None:
        if request.length <= copied_bytes:
            return self.cache.read(self._cache_url, request)
        waiting = self.cache.find_waiting(self._cache_url, request)
        return self.cache.find(self._cache_url, request) if waiting is None else waiting

    def keep(self, request: RangeRequest, data: memoryview) -> None:
        """Keep the bytes of a range from now on, if there is room."""
        if self.cache is not None:
            self.cache.keep(self._cache_url, request, data, None if request.start else self.amend)

    def is_kept(self, request: RangeRequest) -> bool:
        """Whether this computer holds a range, so that nothing would be asked for; False without a cache."""
        return self.is_pinned(request) or (self.cache is not None and self.cache.holds(self._cache_url, request))

    def is_pinned(self, request: RangeRequest) -> bool:
        """Whether all of a file is kept here until it is asked to go; False without a cache."""
        return self.cache is not None and self.cache.is_pinned(self._cache_url, request)

    @contextlib.contextmanager
    def pin_whole(self, request: RangeRequest) -> Iterator[int]:
        """A private local file to write all of a file into, by its descriptor; it is then pinned.

        Raises:
            OSError: it cannot be kept.
        """
        if self.cache is None:
            raise OSError("nothing is kept here")
        with self.cache.pin_whole(self._cache_url, request) as handle:
            yield handle
            if self.amend is not None:
                tail = memoryview(os.pread(handle, TAIL_BYTES, max(request.length - TAIL_BYTES, 0)))
                os.pwrite(handle, self.amend(tail), max(request.length - TAIL_BYTES, 0))

    def check_local(self, requests: Sequence[RangeRequest]) -> None:  # noqa: B027  nothing to do where copies are given
        """Raise StaleFile where a file that `find_local` gave out has changed since; copies do not."""

    @functools.cached_property
    def _cache_url(self) -> str:
        return f"{self.storage.endpoint_url or ''} {self.address.url}"

    def is_restored(self, path: str) -> bool:
        """Whether an archived object has a restored copy that can be read now; asks the store. False for folders."""
        return False

    def _find_size(self, path: str) -> int:
        raise NotImplementedError

    def take_outcome(self, request: RangeRequest, future: Future) -> memoryview | LakekitError:
        """What a finished read gave: its bytes, or its error as one of lakekit's."""
        exc = future.exception()
        if exc is None:
            return future.result()
        if not isinstance(exc, Exception):
            raise exc
        return self._translate(exc, "read", request.path)

    def _translate(self, exc: Exception, action: str, path: str) -> LakekitError:
        error = translate_error(exc, action=action, url=self.address.join(path), storage=self.storage)
        if error is not exc and error.__cause__ is None:
            error.__cause__ = exc
        return error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address.url!r})"


def open_store(address: Address | str, storage: Storage | None = None) -> Store:
    """The store for an address; nothing is asked of it yet.

    Args:
        address: an Address, a URL or a path.
        storage: options; the environment's when None.

    Raises:
        InvalidArgument: the address means nothing, or its protocol is unknown.
        MissingPackage: the package for its protocol is not installed.

    Example:
        >>> open_store("s3://bucket/lake")
        S3Store('s3://bucket/lake')
    """
    address = parse_address(address)
    storage = resolve_storage(storage, address)
    if address.scheme == "file":
        from lakekit.storage.folder import FolderStore

        return FolderStore(address, storage)
    if address.scheme == "s3":
        from lakekit.storage.s3 import S3Store

        return S3Store(address, storage)
    from lakekit.storage.other import OtherStore

    return OtherStore(address, storage)
