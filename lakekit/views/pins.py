"""Files kept on this computer before a query asks for them, until they are asked to go: the hottest tier of all.

It must not throw away anything, nor begin what the disk's share for it cannot hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.errors import InvalidArgument, LakekitError, StorageFailed
from lakekit.storage import RangeRequest
from lakekit.units import MIB, format_bytes, format_number_of
from lakekit.views.choose import Chooser
from lakekit.views.duckdb import create_view
from lakekit.views.explain import read_scans
from lakekit.views.filesystem import WHOLE_FILE_BYTES
from lakekit.views.sqltypes import quote_name

if TYPE_CHECKING:
    from lakekit.storage import Store
    from lakekit.views.duckdb import DuckDBView

PART_BYTES = 8 * MIB  # of a large file are asked for at a time


@dataclass(frozen=True)
class Pinned:
    """What a call of ``lake.pin`` did.

    Attributes:
        table: the table's name.
        files, size_bytes: that are on this computer now, of those asked for.
        fetched_bytes: that were not before.
    """

    table: str
    files: int
    size_bytes: int
    fetched_bytes: int

    def __repr__(self) -> str:
        return (
            f"{format_number_of(self.files, 'file')} of {self.table}, {format_bytes(self.size_bytes)}, "
            f"stay on this computer; {format_bytes(self.fetched_bytes)} fetched"
        )


def choose_pinned(view: DuckDBView, where: str | None) -> pl.DataFrame:
    """The files that may hold rows for a condition: path, size_bytes and etag, as the manifest has them.

    Raises:
        InvalidArgument: the condition is none on columns of the table.
    """
    files = view.plan.manifest.entries.select("path", "size_bytes", "etag")
    if where is None:
        return files
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    name = view.source.name
    create_view(con, name, view)
    query = f"SELECT * FROM {quote_name(name)} WHERE {where}"
    try:
        plans = con.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
        _try_values(con, view, where)
    except duckdb.Error as exc:
        columns = ", ".join(view.plan.manifest.schema.arrow.names)
        what = f"where={where!r} is no condition on {name}: {str(exc).splitlines()[0]}"
        raise InvalidArgument(what, hint=f'its columns are {columns}; write SQL such as "n > 5".') from exc
    chooser = Chooser(con, query, [scan for _, plan in plans for scan in read_scans(plan)])
    rows = [group.rows[np.array(chooser.choose(view.plan, group).listed, np.int64)] for group in view.plan.groups]
    return files[np.sort(np.concatenate(rows))]


def _try_values(con: duckdb.DuckDBPyConnection, view: DuckDBView, where: str) -> None:
    """Raise DuckDB's error for a value that is not of its column's type, which shows only when a row is looked at."""
    schema = view.plan.manifest.schema.arrow
    con.register("lakekit_row", pa.table([pa.nulls(1, field.type) for field in schema], schema=schema))
    con.execute(f"SELECT * FROM lakekit_row AS {quote_name(view.source.name)} WHERE {where}").fetchall()


def pin_files(view: DuckDBView, files: pl.DataFrame, on_progress: Callable[[int], None]) -> Pinned:
    """Fetch those of the files that are not here yet, and keep all of them until they are asked to go.

    Args:
        view: of the table.
        files: as `choose_pinned` gives them.
        on_progress: called with the bytes that are here so far.

    Raises:
        InvalidArgument: they are more than the cache may hold.
        StaleFile, AccessDenied, …: a file cannot be read; those before it stay.
    """
    store, name = view.source.store, view.source.name
    total = int(files["size_bytes"].sum())
    requests = [RangeRequest(path, 0, size_bytes, etag) for path, size_bytes, etag in files.iter_rows()]
    if store.cache is None:  # a folder: they are here
        return Pinned(name, len(requests), total, 0)
    missing = [request for request in requests if not store.is_pinned(request)]
    needed = sum(request.length for request in missing)
    room = store.cache.limit_bytes - store.cache.measure().pinned_bytes
    if needed > room:
        what = f"{format_bytes(needed)} of {name} are to be pinned, and there is room for {format_bytes(max(room, 0))}."
        raise InvalidArgument(what, hint="pin fewer partitions, or give LAKEKIT_CACHE_BYTES a higher limit.")
    done = total - needed
    for size_bytes in _fetch(store, missing):
        done += size_bytes
        on_progress(done)
    return Pinned(name, len(requests), total, needed)


def _fetch(store: Store, requests: list[RangeRequest]) -> Iterator[int]:
    """Pin the files; gives the size of each part that came."""
    small = [request for request in requests if request.length <= WHOLE_FILE_BYTES]
    for request, outcome in store.read_many(small):
        if isinstance(outcome, LakekitError):
            raise outcome
        _write(store, request, [(0, outcome)])
        yield request.length
    for request in requests:
        if request.length > WHOLE_FILE_BYTES:
            starts = range(0, request.length, PART_BYTES)
            spans = [(start, min(PART_BYTES, request.length - start)) for start in starts]
            parts = [RangeRequest(request.path, start, length, request.etag) for start, length in spans]
            _write(store, request, _read_parts(store, parts))
            yield request.length


def _read_parts(store: Store, parts: list[RangeRequest]) -> Iterator[tuple[int, memoryview]]:
    for part, outcome in store.read_many(parts, concurrency=16):
        if isinstance(outcome, LakekitError):
            raise outcome
        yield part.start, outcome


def _write(store: Store, request: RangeRequest, parts: object) -> None:
    try:
        with store.pin_whole(request) as handle:
            for start, data in parts:
                while len(data):
                    written = os.pwrite(handle, data, start)
                    data, start = data[written:], start + written
    except OSError as exc:
        if isinstance(exc, LakekitError):
            raise
        what = f"{request.path} cannot be kept on this computer: {exc.strerror or exc}."
        raise StorageFailed(what, hint="free some space on the disk, or pin fewer partitions.") from exc
