"""A folder as a store: what S3 does over the network, done with the files of this machine.

It must not write, nor follow a link in circles.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakekit.errors import StaleFile
from lakekit.storage.store import OnProgress, RangeRequest, Store, StoredObject

if TYPE_CHECKING:
    import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROGRESS_STEP = 1000  # files between two calls of on_progress, as many as a page of S3


class FolderStore(Store):
    """The files below a folder. Links to folders are followed, broken links and devices left out.

    Example:
        >>> from lakekit.storage.store import open_store
        >>> open_store("/no/such/folder").list_objects()
        []
    """

    def list_objects(self, prefix: str = "", *, on_progress: OnProgress | None = None) -> list[StoredObject]:
        """All files under the folder, sorted by path; see `Store.list_objects`."""
        found = [_describe(path, status) for path, status in self._walk_all(prefix, on_progress)]
        return sorted(found, key=lambda stored: stored.path)

    def list_columns(self, *, on_progress: OnProgress | None = None) -> "pl.DataFrame":
        """The same as columns; see `lakekit.storage.columns.list_columns`."""
        import polars as pl

        found = self._walk_all("", on_progress)
        rows = [(path, status.st_size, status.st_mtime_ns // 1000, _make_etag(status)) for path, status in found]
        names = {"path": pl.String, "size_bytes": pl.Int64, "modified_at": pl.Int64, "etag": pl.String}
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        told = dict(zip(names, map(list, columns), strict=True))
        return (
            pl.DataFrame(told, schema=names)
            .sort("path")
            .with_columns(
                pl.col("modified_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
                storage_class=pl.lit("STANDARD"),
                restored=pl.lit(False),
            )
        )

    def _walk_all(self, prefix: str, on_progress: OnProgress | None) -> Iterator[tuple[str, os.stat_result]]:
        """Each file under a folder with its status, in any order."""
        prefix = prefix.strip("/")
        root = self._locate(prefix)
        if not os.path.isdir(root):
            return
        count = 0
        for count, found in enumerate(self._walk(root, prefix, ()), 1):
            yield found
            if on_progress and count % _PROGRESS_STEP == 0:
                on_progress(count)
        if on_progress:
            on_progress(count)

    def _walk(
        self, folder: str, relative: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Each regular file below a folder with its status; `above` are the folders it lies in, to notice a circle."""
        try:
            status = os.stat(folder)
            here = (status.st_dev, status.st_ino)
            if here in above:
                return
            self.requests.count("LIST")
            with os.scandir(folder) as entries:
                names = list(entries)
        except FileNotFoundError:  # deleted meanwhile
            return
        except OSError as exc:
            raise self._translate(exc, "listing", relative) from exc
        for entry in names:
            path = f"{relative}/{entry.name}" if relative else entry.name
            try:
                status = entry.stat()
            except OSError:  # a broken link, or deleted meanwhile
                continue
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk(entry.path, path, (*above, here))
            elif stat.S_ISREG(status.st_mode):
                yield path, status

    def list_folders(self) -> list[str]:
        """The names of the folders in the folder, sorted."""
        root = self._locate("")
        if not os.path.isdir(root):
            return []
        self.requests.count("LIST")
        try:
            with os.scandir(root) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except OSError as exc:
            raise self._translate(exc, "listing", "") from exc

    def find_root_file(self) -> StoredObject | None:
        """The file that the address names, when it is no folder; else None."""
        self.requests.count("HEAD")
        try:
            status = os.stat(self._locate(""))
        except OSError:
            return None
        return _describe("", status) if stat.S_ISREG(status.st_mode) else None

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes of a range; see `Store.read_range`."""
        if length <= 0:
            return memoryview(b"")
        try:
            with open(self._locate(path), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                self._check(path, etag, status)
                file.seek(start)
                content = _read_fully(file, min(length, max(0, status.st_size - start)))
                self._check(path, etag, os.fstat(file.fileno()))
        except OSError as exc:
            raise self._translate(exc, "read", path) from exc
        self.requests.count("GET", size_bytes=len(content), path=path, start=start)
        return memoryview(content)

    def find_local(
        self, requests: Sequence[RangeRequest], copied_bytes: int
    ) -> tuple[Iterable[tuple[RangeRequest, str | memoryview]], list[RangeRequest]]:
        """Each request with the file itself, or with its bytes; only these are read.

        Raises:
            StaleFile: one has changed since it was listed, or is gone.
        """
        self.check_local([request for request in requests if request.length > copied_bytes])
        return self._read_local(requests, copied_bytes), []

    def _read_local(
        self, requests: Sequence[RangeRequest], copied_bytes: int
    ) -> Iterator[tuple[RangeRequest, str | memoryview]]:
        for request in requests:
            if request.length <= copied_bytes:
                yield request, self.read_range(request.path, 0, request.length, etag=request.etag)
            else:
                self.requests.count("GET", size_bytes=request.length, path=request.path, start=request.start)
                yield request, self._locate(request.path)

    def check_local(self, requests: Sequence[RangeRequest]) -> None:
        """Raise StaleFile where a file is not, or no longer, the one that was listed."""
        for request in requests:
            try:
                self._check(request.path, request.etag, os.stat(self._locate(request.path)))
            except OSError as exc:
                raise self._translate(exc, "read", request.path) from exc

    def _check(self, path: str, etag: str | None, status: os.stat_result) -> None:
        if etag is not None and _make_etag(status) != etag:
            raise StaleFile(
                f"{self.address.join(path)} has changed since it was listed.", hint="refresh: list the files again"
            )

    def _find_size(self, path: str) -> int:
        try:
            return os.stat(self._locate(path)).st_size
        except OSError as exc:
            raise self._translate(exc, "read", path) from exc

    def _locate(self, path: str) -> str:
        """The path as the operating system has it."""
        return self.address.full_path(path).replace("/", os.sep)


def _read_fully(file, length: int) -> bytes:
    """The bytes up to `length`; one read of the system may bring fewer than asked (2 GiB at most on Linux)."""
    content = file.read(length)
    if len(content) == length or not content:
        return content
    parts = [content]
    missing = length - len(content)
    while missing and (content := file.read(missing)):
        parts.append(content)
        missing -= len(content)
    return b"".join(parts)


def _make_etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _describe(path: str, status: os.stat_result) -> StoredObject:
    modified_at = _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
    return StoredObject(path, status.st_size, modified_at, _make_etag(status))
