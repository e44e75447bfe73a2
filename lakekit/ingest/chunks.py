"""The bytes of source files: read bit by bit, unpacked on the way, each file as it was when it was listed.

It must not know what the bytes mean.
"""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lakekit.errors import CorruptFile
from lakekit.storage import Store
from lakekit.units import MIB

CHUNK_BYTES = 4 * MIB  # read at a time


class BrokenStream(Exception):
    """A compressed file that ends early, or goes on behind its end; what was unpacked before is good."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    Attributes:
        store: where it is.
        path: relative to the store's address.
        size_bytes, etag: as it was listed.
    """

    store: Store
    path: str
    size_bytes: int
    etag: str

    @property
    def url(self) -> str:
        """Its whole address."""
        return self.store.address.join(self.path)

    def read_chunks(self, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Its bytes, unpacked where its name ends with .gz or .zst.

        Raises:
            BrokenStream: after all that could be unpacked, where the file ends early, or goes on behind its end.
            CorruptFile: a gzip file whose checksum, or packing, is wrong: its bytes may be others.
            StaleFile: it has changed since it was listed.
        """
        ending = self.path.rpartition(".")[2].lower()
        read = functools.partial(self._read_packed, chunk_bytes)
        if ending == "gz":
            return _unpack_gzip(read(), self.url)
        return _unpack_zstd(read) if ending == "zst" else read()

    def _read_packed(self, chunk_bytes: int) -> Iterator[bytes]:
        for start in range(0, self.size_bytes, chunk_bytes):
            length = min(chunk_bytes, self.size_bytes - start)
            yield bytes(self.store.read_range(self.path, start, length, etag=self.etag))

    def open(self) -> io.BufferedIOBase:
        """It as a file to read from anywhere, such as Parquet wants it."""
        return io.BufferedReader(_Ranges(self), 1 * MIB)


class _Ranges(io.RawIOBase):
    """A file that is read by ranges."""

    def __init__(self, file: SourceFile):
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._file.size_bytes)[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        length = max(0, min(len(buffer), self._file.size_bytes - self._at))
        if length:
            data = self._file.store.read_range(self._file.path, self._at, length, etag=self._file.etag)
            buffer[:length] = data
            self._at += length
        return length


def _unpack_gzip(packed: Iterator[bytes], file: str) -> Iterator[bytes]:
    """A gzip file may have several members, one after the other (RFC 1952), each with a checksum of what it holds."""
    unpack, is_begun, members = zlib.decompressobj(31), True, 0
    try:
        for data in packed:
            while data:
                is_begun = True
                unpacked = unpack.decompress(data, CHUNK_BYTES)
                if unpacked:
                    yield unpacked
                data = unpack.unconsumed_tail
                if unpack.eof:
                    data, unpack, is_begun = unpack.unused_data, zlib.decompressobj(31), False
                    members += 1
    except zlib.error as exc:
        if members and "header" in str(exc):  # what came before is as its checksum says
            raise BrokenStream(f"behind the gzip stream stands something else ({exc})") from exc
        raise CorruptFile(
            f"{file} is no gzip file, or damaged ({exc}): what it holds may be other than what was packed.",
            hint="leave it out of the batch, or get it anew; nothing of the batch is written yet.",
        ) from exc
    if is_begun:
        raise BrokenStream("the gzip stream ends early")


def _unpack_zstd(read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """In smaller and smaller steps where the stream breaks, as the step that meets the break gives nothing."""
    given, step_bytes = 0, CHUNK_BYTES
    while True:
        try:
            for data in _unpack_steps(read(), step_bytes, skip_bytes=given):
                given += len(data)
                yield data
            return
        except BrokenStream:
            if step_bytes == 1:
                raise
            step_bytes = max(1, step_bytes // 64)


def _unpack_steps(packed: Iterator[bytes], step_bytes: int, *, skip_bytes: int = 0) -> Iterator[bytes]:
    import pyarrow as pa

    feed = _Feed(packed)
    stream = pa.CompressedInputStream(pa.PythonFile(feed, mode="r"), "zstd")
    while True:
        try:
            data = stream.read(min(skip_bytes, CHUNK_BYTES) or step_bytes)
        except OSError as exc:
            if feed.error is not None:
                raise feed.error from exc
            raise BrokenStream(f"the zstd stream ends early or is damaged ({exc})") from exc
        if not data:
            return
        if skip_bytes:
            skip_bytes -= len(data)
        else:
            yield data


class _Feed(io.RawIOBase):
    """Chunks as a file to read from; keeps the error that reading one gave."""

    def __init__(self, chunks: Iterator[bytes]):
        self._chunks = chunks
        self._held = b""
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._held:
                self._held = next(self._chunks)
        except StopIteration:
            return b""
        except Exception as exc:
            self.error = exc
            raise OSError(str(exc)) from exc
        data, self._held = self._held[:size], self._held[size:]
        return data
