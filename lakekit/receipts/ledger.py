"""The receipts of one lake: which query is under way, what it asks for, and what the others did cost.

It must not slow a query down: requests are only noted, and added up when somebody looks.

Each request belongs to one query: the one that began last and is not over. With one query at a time that is exact. Of
queries that run at the same time some requests may count for another one; their receipts say so, and the sum is right.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakekit.receipts.build import build_receipt
from lakekit.receipts.journal import write_journal
from lakekit.receipts.receipt import Receipt
from lakekit.receipts.tally import Needs, ReaderScan, TableTally, Tally

if TYPE_CHECKING:
    import polars as pl

    from lakekit.storage import Store

FLUSH_QUERIES = 32  # that are over are written to the journal together, and then only their receipts are kept
MOST_NOTED = 200_000  # requests and ranges of queries that are over, above which they are written at once
MOST_RECEIPTS = 10_000  # in memory; the journal has the older ones
MOST_MEASURED = 2_000  # files of a query whose footers are looked at without being asked
SAME_QUERY_SECONDS = 0.05  # DuckDB binds the views of one query within this time, where nothing is read between
_LEDGERS: weakref.WeakSet[Ledger] = weakref.WeakSet()


class Ledger:
    """What the queries over some tables did cost; see the module's text."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._flushing = threading.Lock()
        self._here = threading.local()
        self._active: list[Tally] = []  # the newest last
        self._kept: list[tuple[int, Tally]] = []  # by number, begun and not yet written
        self._receipts: deque[tuple[int, Receipt]] = deque(maxlen=MOST_RECEIPTS)
        self._built: dict[int, Receipt] = {}
        _LEDGERS.add(self)
        weakref.finalize(self, _write_left, self._kept).atexit = False  # then flush_all does it

    def watch(self, source: Any) -> None:
        """Be told of each request of a table from now on."""
        source.store.requests.watcher = _TableWatcher(self, source)

    def watch_lake(self, store: Store) -> None:
        """Be told of the requests for folders of the lake as well; they belong to the query that needs them."""
        store.requests.watcher = _LakeWatcher(self)

    def find_tally(self, url: str) -> Tally | None:
        """The query that a request of a table belongs to; None where none is under way."""
        for tally in reversed(self._active):
            if tally.only in (None, url):
                return tally
        return None

    @contextlib.contextmanager
    def record(
        self, engine: str, query: str = "", *, only: str | None = None, goes_on: bool = False, keep_empty: bool = True
    ) -> Iterator[Tally]:
        """A query, for as long as this lasts.

        Args:
            engine: duckdb, polars or arrow.
            query: its text.
            only: the URL of the one table that it reads.
            goes_on: whether it may read on afterwards, until the next one begins.
            keep_empty: whether it counts as a query when it asked for nothing.
        """
        tally = self._begin(Tally(query, engine, datetime.now(UTC), only))
        try:
            yield tally
        finally:
            tally.touch()
            if goes_on:
                tally.is_open_ended = True
            else:
                self._end(tally, keep=keep_empty or tally.has_read)

    def bind(self, source: Any) -> None:
        """DuckDB has bound the view of a table; where no query is recorded, one of a plain connection has begun."""
        if getattr(self._here, "is_making_views", False):
            return
        url = source.store.address.url
        tally = next((one for one in reversed(self._active) if one.only is None), None)
        if tally is not None and tally.is_open_ended and self._is_over(tally, url):
            tally = None
        if tally is None:
            tally = self._begin(Tally("", "duckdb", datetime.now(UTC), is_open_ended=True))
        table = tally.table(source)
        table.is_bound = True
        table.binds += 1
        tally.bind()

    @contextlib.contextmanager
    def making_views(self) -> Iterator[None]:
        """While it lasts, views that are bound in this thread are made, and of no query."""
        before = getattr(self._here, "is_making_views", False)
        self._here.is_making_views = True
        try:
            yield
        finally:
            self._here.is_making_views = before

    def note_open(self, source: Any, path: str) -> None:
        """DuckDB has opened a file through lakekit, if only to look at its footer."""
        tally = self.find_tally(source.store.address.url)
        if tally is not None:
            tally.touch()
            tally.table(source).opened.add(path)

    def note_range(self, source: Any, path: str, start: int, length: int) -> None:
        """DuckDB has read bytes of a file through lakekit."""
        tally = self.find_tally(source.store.address.url)
        if tally is not None:
            tally.touch()
            tally.table(source).ranges.append((path, start, length))

    def note_needs(self, source: Any, find_needs: Callable[[], Needs]) -> None:
        """The query under way reads a table; what it needs of it is found when somebody looks."""
        tally = self.find_tally(source.store.address.url)
        if tally is not None:
            table = tally.table(source)
            table.is_bound = True
            table.needs.append(find_needs)

    def _is_over(self, tally: Tally, url: str) -> bool:
        """Whether a bind now is of another query than this open-ended one."""
        is_again = url in tally.tables and tally.tables[url].is_bound
        late = tally.seconds_since_bound > (SAME_QUERY_SECONDS if is_again else 20 * SAME_QUERY_SECONDS)
        return late or not tally.is_mere_bind

    def settle(self) -> None:
        """What is asked for from now on is of no query whose end nobody tells."""
        with self._lock:
            for tally in [one for one in self._active if one.is_open_ended]:
                self._end(tally, keep=not tally.is_mere_bind)

    def _begin(self, tally: Tally) -> Tally:
        with self._lock:
            self.settle()
            for other in self._active:
                other.is_shared = tally.is_shared = True
            self._active = [*self._active, tally]
            self._kept.append((tally.number, tally))
        return tally

    def _end(self, tally: Tally, *, keep: bool) -> None:
        with self._lock:
            tally.finish()
            self._active = [one for one in self._active if one is not tally]
            if not keep:
                self._kept[:] = [one for one in self._kept if one[1] is not tally]
            over = [one for _, one in self._kept if one.is_over]
            is_due = len(over) >= FLUSH_QUERIES or sum(one.noted for one in over[:-1]) > MOST_NOTED
        if is_due and not self._flushing.locked():
            with contextlib.suppress(RuntimeError):  # Python ends: it is written then
                threading.Thread(target=self.flush, name="lakekit-receipts").start()

    def flush(self, *, keep_last: bool = True) -> None:
        """Write queries that are over to the journal, and keep no more of them than their receipts.

        Args:
            keep_last: whether the last one stays as it is, for somebody to look at.
        """
        with self._flushing:
            over = [tally for _, tally in list(self._kept) if tally.is_over]
            over = over[:-1] if keep_last else over
            built = [(tally, self._build(tally, is_final=True)) for tally in over]  # takes its time: without the lock
            with self._lock:
                done = {tally.number for tally in over}
                self._kept[:] = [one for one in self._kept if one[0] not in done]
                self._receipts.extend((tally.number, receipt) for tally, receipt in built)
            if built:
                write_journal(built)

    def _build(self, tally: Tally, *, is_final: bool = False) -> Receipt:
        receipt = self._built.get(tally.number) or build_receipt(tally)
        if is_final:
            self._built.pop(tally.number, None)
            return _condense(receipt)
        if tally.is_over:
            self._built[tally.number] = receipt
        return receipt

    @property
    def receipt(self) -> Receipt | None:
        """Of the last query, as far as it has come; None before the first."""
        with self._lock:
            kept = [tally for _, tally in self._kept if not tally.is_mere_bind]
            if kept:
                return self._build(kept[-1])
            return self._receipts[-1][1] if self._receipts else None

    @property
    def receipts(self) -> pl.DataFrame:
        """One row for each query, the oldest first."""
        from lakekit.receipts.frame import tabulate

        with self._lock:
            kept = [(number, tally) for number, tally in self._kept if not tally.is_mere_bind]
            numbered = [*self._receipts, *((number, self._build(tally)) for number, tally in kept)]
        return tabulate([receipt for _, receipt in sorted(numbered, key=lambda one: one[0])])


def _condense(receipt: Receipt) -> Receipt:
    return receipt.condense(measure=receipt.files_scanned <= MOST_MEASURED)


def _write_left(kept: list[tuple[int, Tally]]) -> None:
    """Write what a ledger leaves that nobody holds any more."""

    def write() -> None:
        write_journal([(tally, _condense(build_receipt(tally))) for tally in left])

    left = [tally for _, tally in kept if not tally.is_mere_bind]
    if left:
        with contextlib.suppress(RuntimeError):  # Python ends
            threading.Thread(target=write, name="lakekit-receipts").start()


class _TableWatcher:
    """Hands the requests of one table to the query that they belong to."""

    def __init__(self, ledger: Ledger, source: Any):
        self._ledger = weakref.ref(ledger)
        self._source = weakref.ref(source)
        self._url = source.store.address.url

    def _find(self) -> TableTally | None:
        ledger, source = self._ledger(), self._source()
        tally = ledger.find_tally(self._url) if ledger is not None and source is not None else None
        if tally is None:
            return None
        tally.touch()
        return tally.table(source)

    def note_request(self, kind: str, times: int, size_bytes: int, path: str | None, start: int) -> None:
        table = self._find()
        if table is not None:
            table.events.append((kind, times, size_bytes, path, start))

    def note_cached(self, size_bytes: int) -> None:
        table = self._find()
        if table is not None:
            table.cached.append(size_bytes)


class _LakeWatcher:
    """Hands requests that are of no table to the query that is under way, if it has a table."""

    def __init__(self, ledger: Ledger):
        self._ledger = weakref.ref(ledger)

    def note_request(self, kind: str, times: int, size_bytes: int, path: str | None, start: int) -> None:
        ledger = self._ledger()
        tally = ledger.find_tally("") if ledger is not None else None
        table = next(iter(tally.tables.values()), None) if tally is not None else None
        if table is not None:
            table.events.append((kind, times, size_bytes, path, start))

    def note_cached(self, size_bytes: int) -> None:
        pass


@contextlib.contextmanager
def record_scan(source: Any, engine: str, needs: Needs, query: str) -> Iterator[ReaderScan]:
    """A query of one table by lakekit's own reader, for as long as this lasts; gives what its parts are noted in."""
    with source.ledger.record(engine, query, only=source.store.address.url) as tally:
        yield _begin_scan(tally, source, needs)


def _begin_scan(tally: Tally, source: Any, needs: Needs) -> ReaderScan:
    def follow(successor: Any) -> ReaderScan:
        tally.only = successor.store.address.url
        return _begin_scan(tally, successor, needs)

    table = tally.table(source)
    table.is_bound = True
    scan = ReaderScan(needs, follow=follow)
    table.scans.append(scan)
    return scan


@atexit.register
def flush_all() -> None:
    """Write what is not yet in the journal; queries of which nobody tells the end are over now."""
    for ledger in list(_LEDGERS):
        ledger.settle()
        with contextlib.suppress(Exception):  # what a query did cost is worth no failure
            ledger.flush(keep_last=False)
