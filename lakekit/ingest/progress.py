"""How far a stream has come: what was read and stored, in which shards, and how far behind each is.

It must not count what is not stored: a record counts when its range does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakekit.units import format_bytes, format_count, format_number_of

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class ShardProgress:
    """One shard.

    Attributes:
        shard: its name.
        position: the end of what is stored; None before the first.
        records: records in ranges that this run stored.
        buffered: records that are read and not stored yet.
        lag_ms: how far behind the newest record reading was, in milliseconds (Kinesis).
        lag_records: how many offsets were left to read (Kafka, memory).
        is_ended: it is closed and stored to its end.
    """

    shard: str
    position: str | None
    records: int
    buffered: int
    lag_ms: int | None
    lag_records: int | None
    is_ended: bool


@dataclass(frozen=True, repr=False)
class StreamProgress:
    """What a run of `stream` did so far; records = rows + quarantined + skipped, always.

    Attributes:
        records: records of the ranges that were stored.
        rows: rows in their files.
        quarantined: records in the quarantine, with position and reason.
        skipped: tombstones that were left out, as was asked.
        files: ranges stored, a file each.
        size_bytes: of these files.
        lost_races: ranges that another worker had stored first; nothing of them was written here.
        seconds: how long it has run.
        shards: those of this worker.
        waiting: shards that wait for another worker to end their parents.
    """

    records: int = 0
    rows: int = 0
    quarantined: int = 0
    skipped: int = 0
    files: int = 0
    size_bytes: int = 0
    lost_races: int = 0
    seconds: float = 0.0
    shards: tuple[ShardProgress, ...] = field(default=())
    waiting: tuple[str, ...] = ()

    @property
    def lag_ms(self) -> int | None:
        """How far the shard that is farthest behind is, in milliseconds; None where the stream does not tell."""
        return max((one.lag_ms for one in self.shards if one.lag_ms is not None), default=None)

    @property
    def lag_records(self) -> int | None:
        """How many offsets are left to read in all shards; None where the stream does not tell."""
        told = [one.lag_records for one in self.shards if one.lag_records is not None]
        return sum(told) if told else None

    def as_frame(self) -> pl.DataFrame:
        """One row for each shard, sorted: shard, position, records, buffered, lag_ms, lag_records, is_ended."""
        import polars as pl

        whole, text = pl.Int64, pl.String
        schema = {"shard": text, "position": text, "records": whole, "buffered": whole}
        schema |= {"lag_ms": whole, "lag_records": whole, "is_ended": pl.Boolean}
        return pl.DataFrame([vars(one) for one in self.shards], schema=schema, orient="row")

    def describe(self) -> list[tuple[str, str]]:
        """Facts, as pairs of a label and a text."""
        files = f"{format_number_of(self.files, 'file')}, {format_bytes(self.size_bytes)}"
        facts = [
            ("records", f"{format_count(self.records)}, in {self.seconds:,.1f} s"),
            ("rows", f"{format_count(self.rows)} in {files}"),
            ("quarantined", format_count(self.quarantined)),
        ]
        if self.skipped:
            facts.append(("tombstones", f"{format_count(self.skipped)} left out"))
        if self.lost_races:
            facts.append(("lost races", f"{format_number_of(self.lost_races, 'range')} stored by another worker first"))
        if self.lag_ms is not None:
            facts.append(("behind", f"{self.lag_ms:,} ms"))
        if self.lag_records is not None:
            facts.append(("behind", format_number_of(self.lag_records, "record")))
        if self.waiting:
            facts.append(("waiting", f"{', '.join(self.waiting)}, for another worker"))
        return facts

    def __repr__(self) -> str:
        return "\n".join(["Stream", *(f"  {label}: {text}" for label, text in self.describe())])

    def _repr_html_(self) -> str:
        from lakekit.display import format_html_table

        frame = self.as_frame()
        note = "; ".join(f"{label}: {text}" for label, text in self.describe())
        rows = [tuple("" if value is None else str(value) for value in row) for row in frame.iter_rows()]
        return format_html_table("Stream", frame.columns, rows, note=note)
