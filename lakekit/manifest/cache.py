"""Footers kept on this computer, so that each is fetched once for as long as its object does not change.

It must not hold anything but names, etags, sizes and footers, and nobody but the user may read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

CACHE_VARIABLE = "LAKEKIT_CACHE_DIR"  # environment variable that moves the cache elsewhere
MAX_SEGMENTS = 16  # files of one table's cache, above which they are rewritten as one

_SCHEMA = pa.schema([("path", pa.string()), ("etag", pa.string()), ("footer", pa.large_binary())])
_SUFFIX = ".footers"


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
        self._kept: dict[tuple[str, str], pa.Scalar] = {}
        with contextlib.suppress(OSError):
            folder = cache_folder() / "footers" / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = folder
            self._load()

    def _load(self) -> None:
        for segment in self._segments():
            with contextlib.suppress(OSError, pa.ArrowException):
                table = pa.ipc.open_file(pa.memory_map(str(segment))).read_all()
                keys = zip(table["path"].to_pylist(), table["etag"].to_pylist(), strict=True)
                self._kept.update(zip(keys, table["footer"], strict=True))

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns) if self._folder else []

    def get(self, path: str, etag: str) -> bytes | None:
        """The footer of this version of a file (Thrift, length, magic), or None."""
        kept = self._kept.get((path, etag))
        return None if kept is None else kept.as_py()

    def put(self, footers: Mapping[tuple[str, str], bytes]) -> None:
        """Keep these footers, by (path, etag). They are on disk, whole, when this returns."""
        if not footers:
            return
        self._write(footers.items())
        self._kept.update((key, pa.scalar(footer, pa.large_binary())) for key, footer in footers.items())

    def keep_only(self, current: Iterable[tuple[str, str]]) -> None:
        """Rewrite many small segments as one that holds what is current; a no-op while there are few."""
        segments = self._segments()
        if len(segments) <= MAX_SEGMENTS:
            return
        self._write([(key, self._kept[key].as_py()) for key in current if key in self._kept])
        for segment in segments:
            with contextlib.suppress(OSError):
                segment.unlink()

    def _write(self, footers: Iterable[tuple[tuple[str, str], bytes]]) -> None:
        if self._folder is None:
            return
        keys, blobs = zip(*footers, strict=True) if footers else ((), ())
        columns = [[path for path, _ in keys], [etag for _, etag in keys], list(blobs)]
        table = pa.table(columns, schema=_SCHEMA)
        with contextlib.suppress(OSError):
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
                    writer.write_table(table)
                os.replace(name, name.removesuffix(".part") + _SUFFIX)
            except BaseException:
                os.unlink(name)
                raise
