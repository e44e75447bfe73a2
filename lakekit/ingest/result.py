"""What a batch became: files, rows, what was quarantined, and what was widened.

It must not do anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakekit.display import format_html_table
from lakekit.units import format_bytes, format_count, format_number_of


@dataclass(frozen=True, repr=False)
class BatchResult:
    """A batch that is complete.

    Attributes:
        batch_id: its id; the same again writes nothing.
        table_url: where it went.
        files: paths of its files, relative to the table.
        rows: how many rows they hold.
        size_bytes: their size.
        rows_read: rows of the source: always ``rows`` and ``quarantined`` together.
        quarantined: how many rows did not fit.
        quarantine: the NDJSON files that hold them, relative to the table.
        widened: columns that have a wider type than the table had, one sentence each.
        seconds: how long it took.
        is_new: whether this call completed it; False where it was complete before.
        earlier: addresses of source files that are not in it, as earlier batches of the table hold them.
        completed: batches that had been begun with some of the source files, and were completed before this one.

    Example:
        >>> BatchResult("day 1", "lake/t", ("a.parquet",), 2, 1024, 3, 1, ("_quarantine/…",), (), 0.5)
        Batch day 1: 2 rows in 1 file (1 KiB), 1 of 3 rows quarantined, 0.5 s
          table: lake/t
          quarantine: _quarantine/…
    """

    batch_id: str
    table_url: str
    files: tuple[str, ...]
    rows: int
    size_bytes: int
    rows_read: int
    quarantined: int
    quarantine: tuple[str, ...]
    widened: tuple[str, ...]
    seconds: float
    is_new: bool = True
    earlier: tuple[str, ...] = ()
    completed: tuple[BatchResult, ...] = ()

    def _title(self) -> str:
        parts = [f"{format_number_of(self.rows, 'row')} in {format_number_of(len(self.files), 'file')}"]
        parts[0] += f" ({format_bytes(self.size_bytes)})"
        if self.quarantined:
            parts.append(f"{format_count(self.quarantined)} of {format_number_of(self.rows_read, 'row')} quarantined")
        parts.append(f"{self.seconds:.1f} s" if self.is_new else "complete before, nothing written now")
        return f"Batch {self.batch_id}: {', '.join(parts)}"

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("table", self.table_url)]
        if self.earlier:
            was = "was in an earlier batch" if len(self.earlier) == 1 else "were in earlier batches"
            facts.append(("left out", f"{format_number_of(len(self.earlier), 'file')} {was}"))
        facts += [("completed", done._title()) for done in self.completed]
        facts += [("widened", text) for text in self.widened]
        return facts + [("quarantine", path) for done in (*self.completed, self) for path in done.quarantine]

    def __repr__(self) -> str:
        return "\n".join([self._title(), *(f"  {label}: {text}" for label, text in self._facts())])

    def _repr_html_(self) -> str:
        return format_html_table(self._title(), ["", ""], self._facts())
