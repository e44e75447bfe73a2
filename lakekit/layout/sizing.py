"""File sizes, and what they cost a full scan, now and compacted: requests, seconds, USD.

It must not read a file: sizes come from the manifest, and seconds from the model of ``scan_seconds``.
"""

from __future__ import annotations

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.layout.scans import ScanModel, compare_file_sizes, count_requests, model_engine, scan_seconds
from lakekit.layout.size_report import SizeReport, Sizes
from lakekit.prices import PriceBook, load_book
from lakekit.units import format_count

__all__ = ["ScanModel", "SizeReport", "Sizes", "compare_file_sizes", "example_files", "report", "scan_seconds"]


def example_files(files: int = 2920, *, size_bytes: int = 26_000, partitions: int = 365) -> pl.DataFrame:
    """A made-up lake: ``path`` and ``size_bytes`` of files of one size, spread evenly over numbered days.

    Example:
        >>> example_files().height, example_files()["size_bytes"].sum(), example_files()["path"][8]
        (2920, 75920000, 'day=001/0000008.parquet')
    """
    if files < 1 or size_bytes < 0 or not 1 <= partitions <= files:
        raise InvalidArgument(
            f"files={files}, size_bytes={size_bytes}, partitions={partitions} is no lake: "
            "it needs a file for each of at least one partition, and sizes from 0.",
            hint="example_files(2920, size_bytes=26_000, partitions=365) is a year of 8 files a day.",
        )
    paths = [f"day={number * partitions // files:03}/{number:07}.parquet" for number in range(files)]
    return pl.DataFrame({"path": paths, "size_bytes": pl.Series([size_bytes], dtype=pl.Int64).new_from_index(0, files)})


def find_files(table: object) -> pl.DataFrame:
    """The files of a table, or those of a frame that is given in its place.

    Raises:
        InvalidArgument: it is neither.
    """
    if isinstance(table, pl.DataFrame):
        return table
    manifest = getattr(table, "manifest", None)
    if manifest is None:
        what = f"A table is wanted, and a {type(table).__name__} was given."
        raise InvalidArgument(what, hint='lk.open_table("s3://bucket/table") opens one; of a lake, lake["name"].')
    return manifest.entries


def report(
    table: object,
    *,
    sizes: Sizes | None = None,
    model: ScanModel | None = None,
    book: PriceBook | None = None,
    across_folders: bool = False,
) -> SizeReport:
    """The sizes of a table's files, and what one full scan costs now and compacted, from the manifest alone.

    Compacted means that the files of each folder become ``ceil(bytes / target)`` files of one size, never more than
    they are; where that is fewer, all of the folder is rewritten, large files too, and
    becomes one row group a file as far as requests go. All GETs are priced as STANDARD.

    Args:
        table: from ``lk.open_table``, or a frame with path and size_bytes, as of ``example_files``.
        sizes: what is small, and the target.
        model: the latency and bandwidth that seconds are of.
        book: prices; those of us-east-1 if not given.
        across_folders: whether files of all folders may become one, as without partitions; else folders stay.

    Example:
        >>> import lakekit as lk
        >>> report(lk.open_table("data/sample/lake/turbines_hourly")).frame["files"].to_list()
        [72, 72]
    """
    sizes, model, book = sizes or Sizes(), model or ScanModel(), book or load_book()
    entries = find_files(table)
    _require_columns(entries)
    groups = pl.col("row_groups") if "row_groups" in entries.columns else pl.lit(None, pl.Int64).alias("row_groups")
    files = entries.select("path", pl.col("size_bytes").cast(pl.Int64), groups.cast(pl.Int64))
    if across_folders:
        files = files.with_columns(pl.col("path").str.replace_all("/", "%2F", literal=True))
    partitions = _group(files, sizes)
    before = files["size_bytes"]
    after = _compact(partitions)
    frame = _compare(files, after, model, book)
    cost = _price_compaction(files, partitions, book)
    saved = frame["usd"][0] - frame["usd"][1]
    return SizeReport(
        frame=frame,
        by_partition=partitions,
        histogram=_count_bins(before),
        histogram_after=_count_bins(after),
        typical=_price_typical(files, partitions, model, book),
        percentiles=_find_percentiles(before),
        row_groups=_measure_row_groups(entries),
        skew=_find_skew(partitions["size_bytes"]),
        accepted_files=int(before.is_between(sizes.accepted_bytes, sizes.most_bytes).sum()),
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


def _take(files: pl.DataFrame, partitions: pl.DataFrame) -> pl.DataFrame:
    """The files of these partitions."""
    return files.with_columns(_FOLDER).join(partitions.select("partition"), on="partition", how="semi")


def _compact(partitions: pl.DataFrame) -> pl.Series:
    """Files of even size, whose bytes are those of the partition."""
    count, size = pl.col("files_after"), pl.col("size_bytes")
    extra = (pl.int_range(pl.len()).over("partition") < size % count).cast(pl.Int64)
    rows = partitions.select("partition", "size_bytes", "files_after")
    rows = rows.select(pl.all().repeat_by(count).explode())
    return rows.select(size // count + extra)["size_bytes"]


def _compare(before: pl.DataFrame, after: pl.Series, model: ScanModel, book: PriceBook) -> pl.DataFrame:
    wanted = after.to_frame().with_columns(row_groups=pl.lit(None, pl.Int64))
    return pl.DataFrame([_price("now", before, model, book), _price("compacted", wanted, model, book)])


def _price_compaction(files: pl.DataFrame, partitions: pl.DataFrame, book: PriceBook) -> float:
    merged = partitions.filter(pl.col("files_after") < pl.col("files"))
    old = _take(files, merged)
    gets = int(count_requests(old["size_bytes"], old["row_groups"])["requests"].sum())
    gets_usd = book.cost_usd("s3.request.GET.STANDARD", gets)
    return gets_usd + book.cost_usd("s3.request.PUT.STANDARD", int(merged["files_after"].sum()))


def _price_typical(files: pl.DataFrame, partitions: pl.DataFrame, model: ScanModel, book: PriceBook) -> pl.DataFrame:
    """One partition, the median by bytes (of two in the middle the smaller)."""
    ordered = partitions.sort("size_bytes", "partition")
    one = ordered.slice(max(0, (ordered.height - 1) // 2), 1)
    return _compare(_take(files, one), _compact(one), model, book)


def _find_percentiles(size_bytes: pl.Series) -> dict[str, int]:
    if size_bytes.is_empty():
        return {}
    return {f"p{percent}": int(size_bytes.quantile(percent / 100, "nearest")) for percent in (5, 50, 95)}


def _measure_row_groups(entries: pl.DataFrame) -> dict[str, int]:
    if not {"rows", "row_groups"} <= set(entries.columns):
        return {}
    known = entries.filter(pl.col("rows").is_not_null() & (pl.col("row_groups") > 0))
    if known.is_empty():
        return {}
    groups = int(known["row_groups"].sum())
    return {
        "files": known.height,
        "row_groups": groups,
        "rows_each": int(known["rows"].sum()) // groups,
        "bytes_each": int(known["size_bytes"].sum()) // groups,
        "largest_bytes": int((known["size_bytes"] // known["row_groups"]).max()),
    }


def _find_skew(size_bytes: pl.Series) -> float | None:
    median = size_bytes.median()
    return size_bytes.max() / median if len(size_bytes) > 1 and median else None


def _require_columns(entries: pl.DataFrame) -> None:
    missing = [name for name in ("path", "size_bytes") if name not in entries.columns]
    if missing:
        raise InvalidArgument(
            f"The frame has no column {' and no '.join(missing)}; it has {', '.join(entries.columns) or 'none'}.",
            hint="lk.sizing.report(table), or a frame with path and size_bytes.",
        )
    unknown = entries["size_bytes"].null_count()
    if unknown:
        raise InvalidArgument(f"{format_count(unknown)} of {entries.height:,} files have no size_bytes.")


def _price(layout: str, files: pl.DataFrame, model: ScanModel, book: PriceBook) -> dict[str, object]:
    size_bytes = files["size_bytes"]
    counted = count_requests(size_bytes, files["row_groups"])
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
        "engine_seconds": scan_seconds(total, requests=engine, files=len(size_bytes), model=model_engine(model)),
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
