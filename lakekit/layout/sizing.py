"""File sizes, and what they cost a full scan, now and compacted: requests, seconds, USD.

It must not read a file: sizes come from the manifest, and seconds from the model of ``scan_seconds``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.layout.scans import ScanModel, compare_file_sizes, count_requests, scan_seconds
from lakekit.prices import PriceBook, load_book
from lakekit.units import GIB, MIB, format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest

__all__ = ["ScanModel", "SizeReport", "Sizes", "compare_file_sizes", "report", "scan_seconds"]


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
            engine_usd.
        by_partition: partition (its folder), files, size_bytes, smallest_bytes, median_bytes, largest_bytes,
            files_after; the most files first.
        histogram: from_bytes, below_bytes (powers of two), files, size_bytes; bins without a file are left out.
        alarm_files: files below the alarm line; ``warn_files`` below the warning line, those of the alarm among them.
        compaction_usd: GETs of the files that are merged and one PUT for each new file; no computing, no multipart.
        payback_scans: full scans by lakekit after which compaction is paid for; None where it never is.
        priced_as_of: the date of the price book.
    """

    frame: pl.DataFrame
    by_partition: pl.DataFrame
    histogram: pl.DataFrame
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
            f"{format_number_of(self.alarm_files, 'file')} below {format_bytes(self.sizes.alarm_bytes)}\n"
            f"one full scan: {format_number_of(now['requests'], 'request')} now, {then['requests']:,} compacted; "
            f"{now['seconds']:,.2f} s and {then['seconds']:,.2f} s by the model; "
            f"${now['usd']:.6f} and ${then['usd']:.6f} at prices of {self.priced_as_of}\n"
            f"compaction: ${self.compaction_usd:.6f} of requests, pays back {pays}"
        )


def report(
    table: object, *, sizes: Sizes | None = None, model: ScanModel | None = None, book: PriceBook | None = None
) -> SizeReport:
    """The sizes of a table's files, and what one full scan costs now and compacted, from the manifest alone.

    Compacted means that the files of each folder become ``ceil(bytes / target)`` files of one size, never more than
    they are; where that is fewer, all of the folder is rewritten, large files too. Folders are never merged. All GETs
    are priced as STANDARD.

    Args:
        table: from ``lk.open_table``.
        sizes: what is small, and the target.
        model: the latency and bandwidth that seconds are of.
        book: prices; those of us-east-1 if not given.

    Example:
        >>> import lakekit as lk
        >>> report(lk.open_table("data/sample/lake/turbines_hourly")).frame["files"].to_list()
        [72, 72]
    """
    manifest: Manifest = table.manifest
    sizes, model, book = sizes or Sizes(), model or ScanModel(), book or load_book()
    files = manifest.entries.select("path", "size_bytes")
    partitions = _group(files, sizes)
    before = files["size_bytes"]
    after = _compact(partitions)
    frame = pl.DataFrame([_price("now", before, model, book), _price("compacted", after, model, book)])
    merged = partitions.filter(pl.col("files_after") < pl.col("files"))
    gets = int(count_requests(_sizes_of(files, merged))["requests"].sum())
    cost = book.cost_usd("s3.request.GET.STANDARD", gets)
    cost += book.cost_usd("s3.request.PUT.STANDARD", int(merged["files_after"].sum()))
    saved = frame["usd"][0] - frame["usd"][1]
    return SizeReport(
        frame=frame,
        by_partition=partitions,
        histogram=_count_bins(before),
        alarm_files=int((before < sizes.alarm_bytes).sum()),
        warn_files=int((before < sizes.warn_bytes).sum()),
        compaction_usd=cost,
        payback_scans=cost / saved if saved > 0 else None,
        sizes=sizes,
        priced_as_of=str(book.as_of),
    )


_FOLDER = pl.col("path").str.replace(r"[^/]*$", "").alias("partition")


def _group(files: pl.DataFrame, sizes: Sizes) -> pl.DataFrame:
    size = pl.col("size_bytes")
    grouped = files.group_by(_FOLDER).agg(
        pl.len().cast(pl.Int64).alias("files"),
        size.sum(),
        size.min().alias("smallest_bytes"),
        size.median().alias("median_bytes"),
        size.max().alias("largest_bytes"),
    )
    target = sizes.target_bytes
    wanted = ((size + target - 1) // target).clip(1)
    after = pl.min_horizontal(pl.col("files"), wanted).alias("files_after")
    return grouped.with_columns(after).sort(["files", "partition"], descending=[True, False])


def _sizes_of(files: pl.DataFrame, merged: pl.DataFrame) -> pl.Series:
    return files.with_columns(_FOLDER).join(merged.select("partition"), on="partition", how="semi")["size_bytes"]


def _compact(partitions: pl.DataFrame) -> pl.Series:
    """Files of even size, whose bytes are those of the partition."""
    count, size = pl.col("files_after"), pl.col("size_bytes")
    extra = (pl.int_range(pl.len()).over("partition") < size % count).cast(pl.Int64)
    rows = partitions.select("partition", "size_bytes", "files_after")
    rows = rows.select(pl.all().repeat_by(count).explode())
    return rows.select(size // count + extra)["size_bytes"]


def _price(layout: str, size_bytes: pl.Series, model: ScanModel, book: PriceBook) -> dict[str, object]:
    counted = count_requests(size_bytes)
    requests, engine = int(counted["requests"].sum()), int(counted["engine_requests"].sum())
    total = int(size_bytes.sum())
    return {
        "layout": layout,
        "files": len(size_bytes),
        "size_bytes": total,
        "requests": requests,
        "engine_requests": engine,
        "seconds": scan_seconds(total, requests=requests, files=len(size_bytes), model=model),
        "usd": book.cost_usd("s3.request.GET.STANDARD", requests),
        "engine_usd": book.cost_usd("s3.request.GET.STANDARD", engine),
    }


def _count_bins(size_bytes: pl.Series) -> pl.DataFrame:
    """How many files lie in each power of two; an empty file is counted with those of one byte."""
    bounds = [2**power for power in range(64)]
    rows = []
    for low in bounds[: int(size_bytes.max() or 1).bit_length()]:
        inside = size_bytes.filter((size_bytes >= (0 if low == 1 else low)) & (size_bytes < 2 * low))
        if len(inside):
            rows.append((low, 2 * low, len(inside), int(inside.sum())))
    names = ("from_bytes", "below_bytes", "files", "size_bytes")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
