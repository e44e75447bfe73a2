"""What one query asked of its tables, noted while it runs.

It must not compute anything while the query runs: it appends, and what is noted is added up when somebody looks.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lakekit.manifest.predicates import Predicate
from lakekit.storage.requests import KINDS
from lakekit.storage.secret import scrub_secrets

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest
    from lakekit.storage import Store

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """Requests of one kind; of a GET also which bytes of which file came."""

    kind: str
    times: int
    size_bytes: int
    path: str | None
    start: int


@dataclass(frozen=True)
class Needs:
    """The columns and rows of a table that a scan asks for: names, and what is true for the rows."""

    columns: Collection[str]
    predicate: Predicate


@dataclass
class ReaderScan:
    """One scan by lakekit's own reader.

    Attributes:
        needs: what it asks for.
        parts: the files that were read, with the number of the row group; None for all of a small file.
        follow: gives the scan that goes on with another table, which took the place of this one.
    """

    needs: Needs
    parts: list[tuple[str, int | None]] = field(default_factory=list)
    follow: Callable[[Any], ReaderScan] | None = None

    def note_part(self, path: str, group: int | None) -> None:
        """A file, or a row group of it, was read."""
        self.parts.append((path, group))


@dataclass
class TableTally:
    """What was noted of one table. Lists only grow, so that many threads may append.

    Attributes:
        name, url: of the table.
        manifest: what is known of its files.
        store: where they are.
        events: requests, as they were counted: kind, times, size_bytes, path, start.
        cached: bytes that the cache held.
        ranges: of files that DuckDB reads through lakekit: path, first byte, length.
        linked: files that DuckDB reads on this computer's disk by itself.
        needs: of scans of DuckDB's; computed when called.
        scans: of lakekit's own reader.
        is_bound: whether the query names the table.
        binds: how often DuckDB asked for a list of its files through lakekit; it then opens one file of each list.
        opened: files that DuckDB opened through lakekit, if only to look at the footer.
    """

    name: str
    url: str
    manifest: Manifest
    store: Store
    events: list[tuple[str, int, int, str | None, int]] = field(default_factory=list)
    cached: list[int] = field(default_factory=list)
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    linked: set[str] = field(default_factory=set)
    needs: list[Callable[[], Needs]] = field(default_factory=list)
    scans: list[ReaderScan] = field(default_factory=list)
    is_bound: bool = False
    binds: int = 0
    opened: set[str] = field(default_factory=set)

    @property
    def is_billed(self) -> bool:
        """Whether its requests are S3's."""
        return self.store.address.scheme == "s3"

    @property
    def region(self) -> str | None:
        """The region of its storage, as far as it is told."""
        return self.store.storage.region

    @property
    def secrets(self) -> list[str | None]:
        """What no text of a query may show."""
        storage = self.store.storage
        return [storage.access_key_id, storage.secret_access_key, storage.session_token]

    @property
    def shown_url(self) -> str:
        """The address without a password in it."""
        return scrub_secrets(self.url, self.secrets)

    def reads(self) -> dict[str, tuple[int, int]]:
        """By file, how many requests were sent for it and how many bytes came."""
        found: dict[str, tuple[int, int]] = {}
        for request in self.requests:
            if request.path is not None:
                times, size_bytes = found.get(request.path, (0, 0))
                found[request.path] = (times + request.times, size_bytes + request.size_bytes)
        return found

    @property
    def requests(self) -> list[Request]:
        """The requests up to now."""
        return [Request(*event) for event in self.events]

    @property
    def has_read(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.events or self.cached or self.ranges or self.linked or self.scans)

    @property
    def scanned(self) -> set[str]:
        """The files that data was read of, from the store or from the cache."""
        return (
            {path for path, _, _ in self.ranges} | self.linked | {path for scan in self.scans for path, _ in scan.parts}
        )

    def count(self) -> dict[str, int]:
        """Requests by kind, bytes and cached_bytes."""
        counts = dict.fromkeys(KINDS, 0)
        for kind, times, _, _, _ in list(self.events):
            counts[kind] = counts.get(kind, 0) + times
        return counts | {"bytes": sum(event[2] for event in self.events), "cached_bytes": sum(self.cached)}


@dataclass(eq=False)
class Tally:
    """One query.

    Attributes:
        query: its text; "" where nobody tells it.
        engine: duckdb, polars or arrow.
        started_at: when it began, in UTC.
        only: the URL of the one table whose requests are its own; None for all of a lake.
        is_open_ended: whether nobody tells when it ends; it then does when the next one begins.
        tables: by URL.
        is_shared: whether another query ran at the same time, so that the requests of both may be mixed up.
        number: rises with each query of this process.
        key: what tells it from all queries of all processes.
    """

    query: str
    engine: str
    started_at: datetime
    only: str | None = None
    is_open_ended: bool = False
    tables: dict[str, TableTally] = field(default_factory=dict)
    is_shared: bool = False
    is_over: bool = False
    number: int = field(default_factory=lambda: next(_NUMBERS))
    key: str = field(default_factory=lambda: uuid4().hex)
    _begun: float = field(default_factory=time.perf_counter)
    _last: float = 0.0
    _last_bound: float = 0.0

    def table(self, source: Any) -> TableTally:
        """The tally of a table, made when it is first asked for."""
        url = source.store.address.url
        found = self.tables.get(url)
        if found is None:  # of two threads that come here at once, the first one's stays
            found = self.tables.setdefault(url, TableTally(source.name, url, source.manifest, source.store))
        found.manifest = source.manifest  # a query may refresh it
        return found

    def touch(self) -> None:
        """Something happened just now."""
        self._last = time.perf_counter()

    def bind(self) -> None:
        """A view was bound just now."""
        self._last = self._last_bound = time.perf_counter()

    @property
    def seconds_since_bound(self) -> float:
        """How long ago a view was last bound for it."""
        return time.perf_counter() - self._last_bound

    @property
    def has_read(self) -> bool:
        """Whether anything was asked for."""
        return any(table.has_read for table in list(self.tables.values()))

    @property
    def noted(self) -> int:
        """How much is noted: requests, ranges and parts of files."""
        tables = list(self.tables.values())
        parts = sum(len(scan.parts) for table in tables for scan in table.scans)
        return parts + sum(len(table.events) + len(table.ranges) for table in tables)

    @property
    def is_mere_bind(self) -> bool:
        """Whether, of what nobody has told to be a query, nothing is known but that views were bound."""
        opened_more = any(len(table.opened) > table.binds for table in list(self.tables.values()))
        return self.is_open_ended and not (self.query or self.has_read or opened_more)

    @property
    def seconds(self) -> float:
        """From its begin to its end, or to the last that is known of it."""
        end = self._last if self.is_over or self.is_open_ended else time.perf_counter()
        return max(end - self._begun, 0.0)

    @property
    def ended_at(self) -> datetime:
        """When it was over, in UTC."""
        return self.started_at + timedelta(seconds=self.seconds)

    def finish(self) -> None:
        """It is over now, or was over when last something happened if nobody could tell."""
        if not self.is_open_ended:
            self.touch()
        self.is_over = True

    def used(self) -> Sequence[TableTally]:
        """The tables that the query names or read, by name; others may only have been listed for it."""
        tables = [table for table in list(self.tables.values()) if table.is_bound or table.scanned]
        return sorted(tables, key=lambda table: (table.name, table.url))
