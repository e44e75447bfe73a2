"""Footers kept on this computer, so that each is fetched once for as long as its object does not change.

It must not hold anything but names, etags, footers and what was found in them, and nobody but the user may read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

CACHE_VARIABLE = "LAKEKIT_CACHE_DIR"  # environment variable that moves the cache elsewhere
MAX_SEGMENTS = 16  # files of one table's cache, above which they are rewritten as one

_FORMAT = "footers-1"  # the folder; another name when what is kept, or what it was checked for, changes
_SUFFIX, _UNFINISHED = ".footers", ".part"
_COLUMNS = {"path": pa.string(), "etag": pa.string(), "footer": pa.large_binary(), "has_order": pa.bool_()}
_SCHEMA = pa.schema(list(_COLUMNS.items()))


class KeptFooter(NamedTuple):
    """What is kept of one version of a file.

    Attributes:
        footer: Thrift, length and magic, of a file that was found sound; empty for one that is no Parquet file.
        has_order: whether it defines how its bounds are ordered.
    """

    footer: bytes
    has_order: bool


def cache_folder() -> Path:
    """The folder of lakekit's caches: ``$LAKEKIT_CACHE_DIR``, else the user's cache folder. Private to the user."""
    import platformdirs

    folder = Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("lakekit"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class FooterCache:
    """The kept footers of one table, by path and etag.

    A cache that cannot be read or written is passed over: the footers are then fetched again.

    Args:
        url: the table's address; only its hash is kept.
        endpoint_url: where that address is looked up, as two services may both have ``s3://data``.
    """

    def __init__(self, url: str, endpoint_url: str | None = None):
        name = hashlib.sha256(f"{endpoint_url or ''}\n{url}".encode()).hexdigest()[:32]
        self._folder: Path | None = None
        self._kept: dict[tuple[str, str], tuple[pa.LargeBinaryScalar, bool]] = {}
        self._segments: list[Path] = []  # those whose sound footers are all in _kept
        with contextlib.suppress(OSError):
            folder = cache_folder() / _FORMAT
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / name).mkdir(mode=0o700, exist_ok=True)
            self._folder = folder / name
            self._load()

    def _load(self) -> None:
        for segment in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with contextlib.suppress(OSError, pa.ArrowException):
                self._segments.append(segment)
                table = pa.ipc.open_file(pa.memory_map(str(segment))).read_all()
                if table.schema.equals(_SCHEMA):
                    table.validate(full=True)
                    self._kept.update(_list_entries(table))

    def get(self, path: str, etag: str) -> bytes | None:
        """The footer of this version of a file (Thrift, length, magic), or None."""
        kept = self.get_kept(path, etag)
        return kept.footer if kept is not None else None

    def get_kept(self, path: str, etag: str) -> KeptFooter | None:
        """What is kept of this version of a file, or None."""
        kept = self._kept.get((path, etag))
        return None if kept is None else KeptFooter(kept[0].as_py(), kept[1])

    def put(self, footers: Mapping[tuple[str, str], KeptFooter]) -> None:
        """Keep these, by (path, etag). They are on disk, whole, when this returns."""
        if not footers:
            return
        columns = [*zip(*footers, strict=True), *zip(*footers.values(), strict=True)]
        table = pa.table([list(column) for column in columns], schema=_SCHEMA)
        self._write(table)
        self._kept.update(_list_entries(table))

    def keep_only(self, current: Iterable[tuple[str, str]]) -> None:
        """Rewrite many small segments as one that holds what is current; a no-op while there are few."""
        if len(self._segments) <= MAX_SEGMENTS:
            return
        old, self._segments = self._segments, []
        kept = {key: self.get_kept(*key) for key in current if key in self._kept}
        self.put(kept)
        if kept and not self._segments:  # it could not be written
            self._segments = old
            return
        for segment in old:
            with contextlib.suppress(OSError):
                segment.unlink()

    def _write(self, table: pa.Table) -> None:
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=_UNFINISHED)  # mode 0600
            segment = Path(name).with_suffix(_SUFFIX)
            try:
                with os.fdopen(handle, "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
                    writer.write_table(table)
                os.replace(name, segment)
            except BaseException:
                os.unlink(name)
                raise
            self._segments.append(segment)


def _list_entries(table: pa.Table) -> Iterator[tuple[tuple[str, str], tuple[pa.LargeBinaryScalar, bool]]]:
    """Footers as scalars: they stay where they are, on disk, until asked for."""
    path, etag, footer, has_order = (table.column(name) for name in _COLUMNS)
    keys = zip(path.to_pylist(), etag.to_pylist(), strict=True)
    return zip(keys, zip(footer, has_order.to_pylist(), strict=True), strict=True)
