"""Footers kept on this computer, so that each is fetched once for as long as its object does not change.

It must not hold anything but names, etags, footers and what was found in them, and nobody but the user may read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import polars as pl
import pyarrow as pa

from lakekit.storage.bytecache import ByteCache
from lakekit.storage.private import make_private

CACHE_VARIABLE = "LAKEKIT_CACHE_DIR"  # environment variable that moves the cache elsewhere
MAX_SEGMENTS = 16  # files of one table's cache, above which they are rewritten as one
BATCH_FOOTERS = 8_192  # footers that lie together, in order of their paths

_FORMAT = "footers-2"  # the folder; another name when what is kept, or what it was checked for, changes
_SUFFIX, _UNFINISHED = ".footers", ".part"
_KEY = ["path", "etag"]
_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("etag", pa.string()),
        ("footer", pa.large_binary()),
        ("has_order", pa.bool_()),
        ("checksum", pa.uint32()),
    ]
)


class KeptFooter(NamedTuple):
    """What is kept of one version of a file.

    Attributes:
        footer: Thrift, length and magic, of a file that was found sound; empty for one that is no Parquet file.
        has_order: whether it defines how its bounds are ordered.
    """

    footer: bytes
    has_order: bool


def cache_folder() -> Path:
    """The folder of lakekit's caches: ``$LAKEKIT_CACHE_DIR``, else the user's cache folder. Private to the user.

    Raises:
        OSError: it cannot be made, or others may write into it.
    """
    import platformdirs

    return make_private(Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("lakekit")))


def open_byte_cache() -> ByteCache:
    """The bytes that are kept of all tables; none where there can be no folder for them."""
    try:
        return ByteCache(cache_folder() / "bytes")
    except OSError:
        return ByteCache(None)


def table_folder(kind: str, url: str, endpoint_url: str | None = None) -> Path:
    """The folder that a cache of one kind has for one table; its name tells nothing of the address.

    Args:
        kind: the name of the kind's folder.
        url: the table's address; only its hash is kept.
        endpoint_url: where that address is looked up, as two services may both have ``s3://data``.

    Raises:
        OSError: it can neither be found nor made.
    """
    name = hashlib.sha256(f"{endpoint_url or ''}\n{url}".encode()).hexdigest()[:32]
    return make_private(make_private(cache_folder() / kind) / name)


def write_whole(folder: Path, suffix: str, write: Callable[[BinaryIO], object], name: str | None = None) -> Path:
    """Write a file that others see whole or not at all; only the user may read it.

    Args:
        folder: where.
        suffix: how its name ends.
        write: writes the content into the open file.
        name: its name before the suffix; one that no other file has if not given.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    handle, part = tempfile.mkstemp(dir=folder, suffix=_UNFINISHED)  # mode 0600
    target = folder / f"{name}{suffix}" if name else Path(part).with_suffix(suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise
    return target


class FooterCache:
    """The kept footers of one table, by path and etag.

    A cache that cannot be read or written is passed over: the footers are then fetched again. The files are opened at
    once, so that no other process can take them away, and read when the first footer is asked for.

    Args:
        url: the table's address; only its hash is kept.
        endpoint_url: where that address is looked up.

    Attributes:
        summaries: what the footers say, kept beside them.
    """

    def __init__(self, url: str, endpoint_url: str | None = None):
        from lakekit.manifest.summary_file import SummaryCache

        self.summaries = SummaryCache(url, endpoint_url)
        self._folder: Path | None = None
        self._unread: list[pa.Buffer] = []
        self._batches: list[_Batch] = []  # the newest last
        self._segments: list[Path] = []  # those whose sound footers are all in the two above
        with contextlib.suppress(OSError):
            self._folder = table_folder(_FORMAT, url, endpoint_url)
            for segment in sorted(self._folder.glob(f"*{_SUFFIX}")):
                with contextlib.suppress(OSError, pa.ArrowException):
                    self._segments.append(segment)
                    with pa.memory_map(str(segment)) as file:  # the memory stays when the file is closed
                        self._unread.append(file.read_buffer())

    def _list_batches(self) -> list[_Batch]:
        while self._unread:
            with contextlib.suppress(OSError, pa.ArrowException):
                table = pa.ipc.open_file(pa.BufferReader(self._unread.pop())).read_all()
                if table.schema.equals(_SCHEMA):
                    table.validate(full=True)
                    self._batches[:0] = [_Batch(batch) for batch in table.to_batches() if batch.num_rows]
        return self._batches

    def get(self, path: str, etag: str) -> bytes | None:
        """The footer of this version of a file (Thrift, length, magic), or None."""
        kept = self.get_kept(path, etag)
        return kept.footer if kept is not None else None

    def get_kept(self, path: str, etag: str) -> KeptFooter | None:
        """What is kept of this version of a file, or None."""
        for batch in reversed(self._list_batches()):
            row = batch.find(path, etag)
            kept = batch.get(row) if row is not None else None
            if kept is not None:
                return kept
        return None

    def put(self, footers: Mapping[tuple[str, str], KeptFooter]) -> None:
        """Keep these, by (path, etag). They are on disk, whole, when this returns."""
        if not footers:
            return
        rows = [(*key, *kept, zlib.crc32(kept.footer)) for key, kept in sorted(footers.items())]
        columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _SCHEMA, strict=True)]
        batches = pa.Table.from_arrays(columns, schema=_SCHEMA).to_batches(max_chunksize=BATCH_FOOTERS)
        self._list_batches()
        self._write(batches)
        self._batches += map(_Batch, batches)

    def keep_only(self, current: Iterable[tuple[str, str]]) -> None:
        """Rewrite many small segments as one that holds what is current; a no-op while there are few."""
        if len(self._segments) <= MAX_SEGMENTS:
            return
        wanted = pl.DataFrame(list(current), schema=dict.fromkeys(_KEY, pl.String), orient="row")
        kept = _choose_rows(self._list_batches(), wanted)
        old, self._segments = self._segments, []
        if kept.height and not self._write(_gather_rows(self._batches, kept)):
            self._segments = old
            return
        for segment in old:
            with contextlib.suppress(OSError):
                segment.unlink()

    def _write(self, batches: Iterable[pa.RecordBatch]) -> bool:
        """Write a segment; whether that could be done."""

        def write(file: BinaryIO) -> None:
            with pa.ipc.new_file(file, _SCHEMA) as writer:
                for batch in batches:
                    writer.write_batch(batch)

        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._segments.append(write_whole(self._folder, _SUFFIX, write))
                return True
        return False


class _Batch:
    """Footers in order of their paths, where they lie on disk, and which of them is which."""

    def __init__(self, batch: pa.RecordBatch):
        self.rows = batch
        self._path, self._etag, self._footer, self._has_order, self._checksum = batch.columns
        self._first, self._last = self._path[0].as_py(), self._path[len(self._path) - 1].as_py()
        self._next = 0  # behind the row that was found last: most are asked for in order

    def find(self, path: str, etag: str) -> int | None:
        """The row of this version of a file."""
        if not self._first <= path <= self._last:
            return None
        row = self._next
        if not self._is(row, path, etag):
            row = bisect_left(range(len(self._path)), path, key=lambda row: self._path[row].as_py())
        while row < len(self._path) and self._path[row].as_py() == path:
            if self._is(row, path, etag):
                self._next = row + 1
                return row
            row += 1
        return None

    def _is(self, row: int, path: str, etag: str) -> bool:
        return row < len(self._path) and self._path[row].as_py() == path and self._etag[row].as_py() == etag

    def get(self, row: int) -> KeptFooter | None:
        """What is kept in a row; None where it is not what was put there."""
        footer = self._footer[row].as_py()
        sound = footer is not None and zlib.crc32(footer) == self._checksum[row].as_py()
        return KeptFooter(footer, bool(self._has_order[row].as_py())) if sound else None


def _choose_rows(batches: list[_Batch], wanted: pl.DataFrame) -> pl.DataFrame:
    """Of each wanted version the newest row: path, etag, batch, row; in order of paths."""
    frames = [
        pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch.rows]).select(_KEY)))
        .with_row_index("row")
        .with_columns(batch=pl.lit(number, pl.Int64))
        for number, batch in enumerate(batches)
    ]
    if not frames:
        return pl.DataFrame()
    found = pl.concat(frames).unique(_KEY, keep="last", maintain_order=True)
    return found.join(wanted, on=_KEY, how="semi").sort(_KEY)


def _gather_rows(batches: list[_Batch], chosen: pl.DataFrame) -> Iterator[pa.RecordBatch]:
    """The chosen rows, in their order, a batch at a time."""
    for part in chosen.iter_slices(BATCH_FOOTERS):
        part = part.with_row_index("place")
        tables, places = [], []
        for (number,), rows in part.group_by("batch", maintain_order=True):
            tables.append(pa.Table.from_batches([batches[number].rows.take(rows["row"].to_arrow())]))
            places.append(rows["place"])
        order = pl.concat(places).arg_sort().to_arrow()
        yield from pa.concat_tables(tables).combine_chunks().take(order).combine_chunks().to_batches()
