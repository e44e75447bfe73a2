"""The file system through which DuckDB reads a lake: sizes and footers from the manifest, data from the store.

It must not ask the store for anything but ranges of data: no listing, no HEAD, no footer.

DuckDB looks for a footer in the last 16 KiB of a file. So that this costs no request, each file is shown with that
much padding between its data and its footer; the offsets of columns, counted from the start, stay as they are.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from fsspec import AbstractFileSystem

from lakekit.errors import LakekitError, StaleFile
from lakekit.storage.reads import BYTES_AT_ONCE
from lakekit.units import KIB, MIB

if TYPE_CHECKING:
    from lakekit.storage import Store

PROTOCOL = "lakekit"
FILES_FUNCTION = "lakekit_files"  # the DuckDB function that lists a group's files: token, number, narrowing
NARROW_VARIABLE = "lakekit_narrowing"  # the DuckDB variable that names the shorter lists of the query under way
PADDING_BYTES = 16 * KIB  # how much of a file's end DuckDB 2.0 reads in search of the footer
WHOLE_FILE_BYTES = 1 * MIB  # up to this size a file is fetched in one request, whatever the columns


class ShownFile(Protocol):
    """A file as DuckDB is shown it."""

    size_bytes: int
    modified_at: datetime

    def read(self, start: int, length: int) -> bytes | memoryview:
        """Bytes of the file as shown."""


class Gate:
    """Lets reads begin while few bytes are under way: DuckDB's threads ask for a column chunk each, all at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way_bytes = 0

    @contextlib.contextmanager
    def enter(self, size_bytes: int) -> Iterator[None]:
        """While this lasts, so many bytes more are under way; one read always may be."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._under_way_bytes or self._under_way_bytes + size_bytes <= BYTES_AT_ONCE
            )
            self._under_way_bytes += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._under_way_bytes -= size_bytes
                self._changed.notify_all()


_GATE = Gate()


@dataclass
class StoredFile:
    """A file of the lake: data from the store, padding, and the footer that the manifest holds.

    The data of a small file is fetched whole, once for all who hold the same StoredFile.

    Attributes:
        data_bytes: how many bytes come before the footer that is stored; that which is shown may be shorter, or longer
            by as much as there is padding.
    """

    store: Store = field(repr=False)
    path: str
    etag: str
    stored_bytes: int
    data_bytes: int
    footer: bytes = field(repr=False)
    modified_at: datetime
    _data: memoryview | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def size_bytes(self) -> int:
        return self.stored_bytes + PADDING_BYTES

    def _read_data(self, start: int, length: int) -> memoryview:
        if self.stored_bytes > WHOLE_FILE_BYTES:
            with _GATE.enter(length):
                return self.store.read_kept(self.path, start, length, etag=self.etag)
        with self._lock:
            if self._data is None:  # with its footer: as all other readers of small files ask for it
                self._data = self.store.read_kept(self.path, 0, self.stored_bytes, etag=self.etag)
        return self._data[start : start + length]

    def read(self, start: int, length: int) -> bytes | memoryview:
        data_end = self.data_bytes
        footer_start = self.size_bytes - len(self.footer)
        if start + length <= data_end:
            return self._read_data(start, length)
        if start >= footer_start:
            return self.footer[start - footer_start : start - footer_start + length]
        data = self.read(start, data_end - start) if start < data_end else b""
        padding = b"\0" * (min(start + length, footer_start) - max(start, data_end))
        return bytes(data) + padding + self.footer[: max(start + length - footer_start, 0)]


@dataclass(frozen=True)
class MemoryFile:
    """A file that lakekit made, such as the empty one from which DuckDB learns a table's columns."""

    data: bytes = field(repr=False)
    modified_at: datetime

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]


Listing = Callable[[str, int], "pa.ListArray | None"]  # of a view's token and a group: its files for one query


class FileProvider(Protocol):
    """What opens the files of one view."""

    def open_shown(self, path: str) -> ShownFile:
        """The file of that name as shown; raises the error that the file deserves."""

    def describe_shown(self, path: str) -> Mapping[str, Any]:
        """``size`` and ``modified_at`` of that file, without opening it."""

    def note_error(self, error: LakekitError | KeyboardInterrupt) -> None:
        """Remember an error that DuckDB is about to wrap."""

    def list_shown(self, group: int) -> pa.ListArray:
        """The files of a group of the view, as read_parquet takes them."""


class LakekitFileSystem(AbstractFileSystem):
    """What DuckDB sees under ``lakekit://``: for each view its files, by the names that the view gave them."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.providers: dict[str, FileProvider] = {}  # for good: nobody can tell when DuckDB drops the last view
        self.narrowed: dict[str, Listing] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def list_files(self, tokens: pa.ChunkedArray, groups: pa.ChunkedArray, narrowings: pa.ChunkedArray) -> pa.Array:
        """The function behind ``lakekit_files`` in DuckDB; it is asked for one list at a time, when a view is bound."""
        token, group, narrowing = tokens[0].as_py(), groups[0].as_py(), narrowings[0].as_py()
        shorter = self.narrowed[narrowing](token, group) if narrowing in self.narrowed else None
        return self._find(f"{PROTOCOL}://{token}/").list_shown(group) if shorter is None else shorter

    def _find(self, path: str) -> FileProvider:
        token = path.removeprefix(f"{PROTOCOL}://").partition("/")[0]
        try:
            return self.providers[token]
        except KeyError:
            raise FileNotFoundError(f"No open lakekit table {token!r}; open it again in this session.") from None

    def glob(self, path: str, **kwargs: Any) -> list[str]:
        return [path]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        described = self._find(path).describe_shown(path)
        return {"name": path, "type": "file", "size": described["size"], "mtime": described["modified_at"]}

    def modified(self, path: str) -> datetime:
        return self.info(path)["mtime"]

    def exists(self, path: str, **kwargs: Any) -> bool:
        return True

    def isfile(self, path: str) -> bool:
        return True

    def isdir(self, path: str) -> bool:
        return False

    def open(self, path: str, mode: str = "rb", **kwargs: Any) -> _Handle:  # type: ignore[override]
        provider = self._find(path)
        if mode != "rb":
            raise PermissionError(f"Files of a lake are not written through a view (mode {mode!r}).")
        try:
            return _Handle(provider.open_shown(path), provider)
        except LakekitError as error:
            provider.note_error(error)
            raise error.with_traceback(None) from None  # DuckDB shows the traceback's text


class _Handle(io.RawIOBase):
    """An open file. DuckDB seeks and then reads, from several threads at once: each has a position of its own."""

    def __init__(self, file: ShownFile, provider: FileProvider):
        self._file = file
        self._provider = provider
        self._here = threading.local()
        self._here.position = 0  # for the thread that opened it
        self.size = file.size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._here.position = (self.tell() if whence == io.SEEK_CUR else self.size if whence else 0) + offset
        return self._here.position

    def tell(self) -> int:
        try:
            return self._here.position
        except AttributeError:
            raise io.UnsupportedOperation(f"{self._file!r} is read in a thread that did not seek in it.") from None

    def read(self, length: int = -1) -> bytes:
        start = self.tell()
        length = max(min(self.size - start, self.size if length < 0 else length), 0)
        try:
            data = self._file.read(start, length)
        except (LakekitError, KeyboardInterrupt) as error:
            self._provider.note_error(error)
            raise error.with_traceback(None) from None
        if len(data) < length:
            error = StaleFile(f"{self._file!r} gave {len(data):,} of {length:,} bytes.", hint="refresh the table.")
            self._provider.note_error(error)
            raise error
        self._here.position = start + length
        return data if isinstance(data, bytes) else bytes(data)


FILE_SYSTEM = LakekitFileSystem()
LIST_FILES = FILE_SYSTEM.list_files  # one object for good: DuckDB goes on calling it when a cursor that gave it is gone
