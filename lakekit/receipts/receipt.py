"""A receipt: what one query asked of the store, what that costs, and what a glob view would have asked.

It must not touch the network, and prints the same in every notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from lakekit.display import format_html_table
from lakekit.receipts.measure import Measured
from lakekit.storage.requests import KINDS
from lakekit.units import format_bytes, format_count

_SHOWN_QUERY = 70  # characters of a query in the title


@dataclass(frozen=True, repr=False)
class Receipt:
    """What one query did cost, or would: ``lake.receipt``, ``lake.preview(…)``.

    Attributes:
        query: its text, without secrets; "" for one of a plain connection, whose text is not known.
        engine: duckdb, polars or arrow.
        tables: names of the tables.
        started_at: when it began, in UTC; of a preview when that was made.
        seconds: how long it took; of an open connection up to the last read; None for a preview.
        files_scanned: files that data was read of, from the store or this computer's cache; of all ``files``.
        files: files of the tables.
        requests: by kind: LIST, GET, HEAD, PUT.
        bytes: that GETs brought; what listings say is not counted.
        cached_bytes: read from this computer's cache instead.
        usd: of the requests, and of retrieval where a storage class charges for it; without transfer, which is free
            within a region. 0 for a folder.
        glob_requests: what a view by ``read_parquet('…/**/*.parquet', union_by_name=true)`` asks for, at the least.
        glob_usd: the cost of those requests.
        is_preview: whether the query has not run.
        is_at_most: whether a preview is a limit: joins, LIMIT or conditions may spare files while the query runs.
        is_shared: whether another query of the lake ran at the same time: requests of one may count for the other.
    """

    query: str
    engine: str
    tables: tuple[str, ...]
    started_at: datetime
    seconds: float | None
    files_scanned: int
    files: int
    requests: Mapping[str, int]
    bytes: int
    cached_bytes: int
    usd: float
    glob_requests: Mapping[str, int]
    glob_usd: float
    row_groups: int = 0
    is_preview: bool = False
    is_at_most: bool = False
    is_shared: bool = False
    _measure: Callable[[], Measured | None] = field(default=Measured, compare=False)

    @cached_property
    def _measured(self) -> Measured | None:
        return self._measure()

    @property
    def wasted_bytes(self) -> int | None:
        """Fetched and not needed: what whole files and joined ranges hold beside the columns asked for.

        It is found in the footers of the files when it is first asked for; None for an old query of many files, or of
        files that are gone.
        """
        return None if self._measured is None else self._measured.wasted_bytes

    @property
    def row_groups_scanned(self) -> int | None:
        """Row groups that data was read of, of all ``row_groups`` of the tables; None as above."""
        return None if self._measured is None else self._measured.row_groups_scanned

    def condense(self, *, measure: bool) -> Receipt:
        """The same receipt, without what it was made from.

        Args:
            measure: whether to find what has not been asked for yet; else that stays unknown.
        """
        measured = self._measured if measure or "_measured" in self.__dict__ else None
        return replace(self, _measure=lambda: measured)

    def _title(self) -> str:
        query = " ".join(self.query.split()) or f"a query of {', '.join(self.tables) or 'no table'}"
        shown = query if len(query) <= _SHOWN_QUERY else f"{query[: _SHOWN_QUERY - 1]}…"
        return f"{'Preview' if self.is_preview else 'Receipt'} of {shown}"

    def _rows(self) -> list[tuple[str, str, str]]:
        """Label, this query, a glob view."""
        rows = [
            ("files scanned", f"{self.files_scanned:,} of {self.files:,}", ""),
            ("row groups", f"{_or_unknown(self.row_groups_scanned, format_count)} of {self.row_groups:,}", ""),
        ]
        rows += [
            (kind, format_count(count), format_count(self.glob_requests.get(kind, 0)))
            for kind, count in self.requests.items()
        ]
        rows += [
            ("fetched", format_bytes(self.bytes), ""),
            ("of it wasted", _or_unknown(self.wasted_bytes, format_bytes), ""),
            ("from the cache", format_bytes(self.cached_bytes), ""),
            ("USD", format_usd(self.usd), format_usd(self.glob_usd)),
        ]
        return rows + ([] if self.seconds is None else [("seconds", f"{self.seconds:.3f}", "")])

    def _note(self) -> str:
        notes = []
        if self.is_at_most:
            notes.append("At most: the query may need fewer files once it runs.")
        if self.is_shared:
            notes.append("Another query ran at the same time; requests of one may count for the other.")
        return " ".join(notes)

    def __repr__(self) -> str:
        columns = [("", "at most" if self.is_at_most else "this query", "glob view"), *self._rows()]
        widths = [max(len(row[index]) for row in columns) for index in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in columns]
        return "\n".join([self._title(), *(f"  {line}" for line in lines), *([self._note()] if self._note() else [])])

    def _repr_html_(self) -> str:
        columns = ["", "at most" if self.is_at_most else "this query", "glob view"]
        return format_html_table(self._title(), columns, self._rows(), note=self._note())

    def row(self) -> dict[str, Any]:
        """One row of ``lake.receipts``."""
        return {
            "started_at": self.started_at,
            "engine": self.engine,
            "query": self.query,
            "tables": list(self.tables),
            "files_scanned": self.files_scanned,
            "files": self.files,
            "row_groups_scanned": self.row_groups_scanned,
            "row_groups": self.row_groups,
            **{kind: self.requests.get(kind, 0) for kind in KINDS},
            "bytes": self.bytes,
            "wasted_bytes": self.wasted_bytes,
            "cached_bytes": self.cached_bytes,
            "seconds": self.seconds,
            "usd": self.usd,
            "glob_requests": sum(self.glob_requests.values()),
            "glob_usd": self.glob_usd,
            "is_shared": self.is_shared,
        }


def _or_unknown(number: int | None, write: Callable[[int], str]) -> str:
    return "unknown" if number is None else write(number)


def format_usd(usd: float) -> str:
    """Dollars to a hundredth of the price of a GET, at least with cents.

    Example:
        >>> format_usd(8 * 0.0004 / 1000), format_usd(0), format_usd(1.5)
        ('0.0000032', '0.00', '1.50')
    """
    whole, _, rest = f"{usd:.9f}".partition(".")
    return f"{int(whole):,}.{rest.rstrip('0'):<02}"
