"""The journal of receipts: Parquet files on this computer that say what each query read, for months.

It must not hold a secret, nor be readable by others, nor make a query fail: what cannot be written is passed over.

Two folders hold it: ``queries`` with a row for each query, ``reads`` with a row for each file that a query sent
requests for. Each process adds small files, which are merged when there are many; what is oldest goes when there is too
much. A process that is killed while it merges, or was forked, leaves rows twice, and reading leaves one of each.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lakekit.manifest.cache import cache_folder, write_whole
from lakekit.receipts.frame import RECEIPT_SCHEMA
from lakekit.storage.private import make_private
from lakekit.units import MIB

if TYPE_CHECKING:
    from lakekit.receipts.receipt import Receipt
    from lakekit.receipts.tally import Tally

JOURNAL_VARIABLE = "LAKEKIT_JOURNAL"  # environment variable; "off" keeps no journal
MOST_FILES = 16  # of a folder, above which they are merged
MOST_BYTES = 64 * MIB  # of a folder's files when they are merged; above, the oldest half of the rows goes
_LOCK_SECONDS = 600  # after which a lock is one of a process that was killed
_SUFFIX = ".parquet"
_FORMAT = "journal-1"

QUERY_SCHEMA = {
    "id": pl.String,
    "ended_at": pl.Datetime("us", "UTC"),
    "urls": pl.List(pl.String),
    **RECEIPT_SCHEMA,
}
READ_SCHEMA = {
    "id": pl.String,
    "ended_at": pl.Datetime("us", "UTC"),
    "url": pl.String,
    "table": pl.String,
    "path": pl.String,
    "requests": pl.Int64,
    "bytes": pl.Int64,
}
JOURNAL_SCHEMAS = {"queries": QUERY_SCHEMA, "reads": READ_SCHEMA}
_KEYS = {"queries": ["id"], "reads": ["id", "url", "path"]}


def journal_folder(kind: str = "reads") -> Path:
    """The folder of ``reads`` or ``queries``, private to the user.

    Raises:
        OSError: it can neither be found nor made.
    """
    return make_private(make_private(cache_folder() / _FORMAT) / kind)


def write_journal(queries: Sequence[tuple[Tally, Receipt]]) -> bool:
    """Add queries that are over; whether that could be done."""
    if os.environ.get(JOURNAL_VARIABLE, "").casefold() == "off":
        return False
    rows = {"queries": [], "reads": []}
    for tally, receipt in queries:
        key, ended_at = tally.key, tally.ended_at
        urls = [table.shown_url for table in tally.used()]
        rows["queries"].append({"id": key, "ended_at": ended_at, "urls": urls, **receipt.row()})
        for table in tally.used():
            for path, (requests, size_bytes) in table.reads().items():
                rows["reads"].append((key, ended_at, table.shown_url, table.name, path, requests, size_bytes))
    try:
        for kind, found in rows.items():
            if found:
                _add(kind, pl.DataFrame(found, schema=JOURNAL_SCHEMAS[kind], orient="row"))
    except (OSError, pl.exceptions.PolarsError):
        return False
    return True


def _add(kind: str, frame: pl.DataFrame) -> None:
    folder = journal_folder(kind)
    _write(folder, frame)
    if len(list(folder.glob(f"*{_SUFFIX}"))) > MOST_FILES:
        _merge(folder, kind)


def _write(folder: Path, frame: pl.DataFrame) -> None:
    write_whole(folder, _SUFFIX, lambda file: frame.write_parquet(file, compression="zstd"))


def _merge(folder: Path, kind: str) -> None:
    """Rewrite the files of a folder as one, if no other process does so just now."""
    with _locked(folder) as is_mine:
        if not is_mine:
            return
        files = sorted(folder.glob(f"*{_SUFFIX}"))
        size_bytes = sum(file.stat().st_size for file in files)
        read = {file: frame for file in files if (frame := _read(file, kind)) is not None}
        frame = _join(kind, list(read.values()))
        _write(folder, frame.tail(frame.height // 2) if size_bytes > MOST_BYTES else frame)
        left = [file for file in folder.glob("*.part") if time.time() - file.stat().st_mtime > _LOCK_SECONDS]
        for file in [*read, *left]:
            with contextlib.suppress(OSError):
                file.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether this process alone may merge, as long as this lasts."""
    lock = folder / "merging"
    with contextlib.suppress(OSError):
        if time.time() - lock.stat().st_mtime > _LOCK_SECONDS:
            lock.unlink()
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _read(file: Path, kind: str) -> pl.DataFrame | None:
    """The rows of one file; None where it is gone, or is none of ours."""
    try:
        frame = pl.read_parquet(file)
        return frame.select(pl.col(name).cast(dtype) for name, dtype in JOURNAL_SCHEMAS[kind].items())
    except (OSError, pl.exceptions.PolarsError):
        return None


def read_all(kind: str) -> pl.DataFrame:
    """All rows of ``reads`` or ``queries``; none where there is no journal."""
    frame = pl.DataFrame(schema=JOURNAL_SCHEMAS[kind])
    with contextlib.suppress(OSError):
        folder = journal_folder(kind)
        for _ in range(3):  # another process may merge what was listed
            files = sorted(folder.glob(f"*{_SUFFIX}"))
            found = [_read(file, kind) for file in files]
            frame = _join(kind, [part for part in found if part is not None])
            if sorted(folder.glob(f"*{_SUFFIX}")) == files:
                break
    return frame


def _join(kind: str, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All rows, each once, the oldest first."""
    joined = pl.concat(frames) if frames else pl.DataFrame(schema=JOURNAL_SCHEMAS[kind])
    order = {"queries": ["ended_at", "id"], "reads": ["ended_at", "id", "url", "path"]}[kind]
    return joined.unique(_KEYS[kind], maintain_order=True).sort(order)
