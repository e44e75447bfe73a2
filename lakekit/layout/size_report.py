"""What counts as small, and what is found of a table's sizes.

It must not compute: it holds and shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakekit.display import format_html_table
from lakekit.errors import InvalidArgument
from lakekit.units import GIB, MIB, format_bytes, format_number_of


@dataclass(frozen=True)
class Sizes:
    """What counts as small, and what to compact to; in bytes of a file as it lies in the store.

    No source recommends 16 MiB Parquet files: it is an alarm line of ours. Redshift Spectrum accepts 64 MB to 1 GB.
    """

    alarm_bytes: int = 16 * MIB
    warn_bytes: int = 64 * MIB
    accepted_bytes: int = 128 * MIB
    target_bytes: int = 256 * MIB
    most_bytes: int = GIB

    def __post_init__(self) -> None:
        lines = (self.alarm_bytes, self.warn_bytes, self.accepted_bytes, self.target_bytes, self.most_bytes)
        if lines[0] < 1 or list(lines) != sorted(lines):
            raise InvalidArgument(
                f"Sizes must rise from at least 1 byte: alarm, warn, accepted, target, most are {lines}.",
                hint="lk.sizing.Sizes(target_bytes=128 * lk.MIB) changes one of them.",
            )


@dataclass(frozen=True)
class SizeReport:
    """The sizes of a table's files and what they cost.

    Attributes:
        frame: a row each for now and after compaction: layout, files, size_bytes, requests (lakekit's own, footers
            cached), engine_requests (HEAD and footer of each file too), seconds, usd of one full scan by lakekit, and
            engine_seconds, engine_usd of one by an engine as installed.
        by_partition: partition (its folder), files, size_bytes, smallest_bytes, median_bytes, largest_bytes,
            files_after; the most files first.
        histogram: from_bytes, below_bytes (powers of two), files, size_bytes; bins without a file are left out.
        histogram_after: the same after compaction.
        typical: the same columns as frame, for a query of one partition, the median by bytes.
        percentiles: p5, p50, p95 of the files' sizes in bytes, the nearest file each; empty without files.
        row_groups: of the files whose footers are known: files, row_groups, rows_each and bytes_each on average, and
            largest_bytes, of the file whose groups are largest on average; empty where none is known.
        skew: bytes of the largest partition by those of the median one; None with fewer than two partitions, or where
            the median holds nothing.
        accepted_files: files from ``accepted_bytes`` to ``most_bytes``.
        alarm_files: files below the alarm line; ``warn_files`` below the warning line, those of the alarm among them.
        compaction_usd: GETs of the files that are merged and one PUT for each new file; no computing, no multipart.
        payback_scans: full scans by lakekit after which compaction is paid for; None where it never is.
        priced_as_of: the date of the price book.
    """

    frame: pl.DataFrame
    by_partition: pl.DataFrame
    histogram: pl.DataFrame
    histogram_after: pl.DataFrame
    typical: pl.DataFrame
    percentiles: dict[str, int]
    row_groups: dict[str, int]
    skew: float | None
    accepted_files: int
    alarm_files: int
    warn_files: int
    compaction_usd: float
    payback_scans: float | None
    sizes: Sizes
    priced_as_of: str

    def __repr__(self) -> str:
        now, then = self.frame.rows(named=True)
        pays = "never" if self.payback_scans is None else f"after {self.payback_scans:,.1f} full scans"
        return (
            f"{format_number_of(now['files'], 'file')}, {format_bytes(now['size_bytes'])}; "
            f"{format_number_of(self.alarm_files, 'file')} below {format_bytes(self.sizes.alarm_bytes)}, "
            f"{self.accepted_files:,} of an accepted size\n"
            f"one full scan: {format_number_of(now['requests'], 'request')} now, {then['requests']:,} compacted; "
            f"{now['seconds']:,.2f} s and {then['seconds']:,.2f} s by the model; "
            f"${now['usd']:.6f} and ${then['usd']:.6f} at prices of {self.priced_as_of}\n"
            f"compaction: ${self.compaction_usd:.6f} of requests, pays back {pays}"
        )

    def _repr_html_(self) -> str:
        now, then = self.frame.rows(named=True)
        one_now, one_then = self.typical.rows(named=True)
        rows = [
            ("files", f"{now['files']:,}", f"{then['files']:,}"),
            ("GETs of a full scan", f"{now['requests']:,}", f"{then['requests']:,}"),
            ("seconds by the model", f"{now['seconds']:,.2f}", f"{then['seconds']:,.2f}"),
            ("the same, engine as installed", f"{now['engine_seconds']:,.2f}", f"{then['engine_seconds']:,.2f}"),
            ("USD", f"{now['usd']:.6f}", f"{then['usd']:.6f}"),
            ("GETs of one partition", f"{one_now['requests']:,}", f"{one_then['requests']:,}"),
            ("seconds of one partition", f"{one_now['seconds']:,.2f}", f"{one_then['seconds']:,.2f}"),
        ]
        sizes = ", ".join(f"{name} {format_bytes(size)}" for name, size in self.percentiles.items())
        return format_html_table(repr(self).partition("\n")[0], ["", "now", "compacted"], rows, note=sizes)
