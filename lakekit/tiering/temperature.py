"""Hot, warm, cold or archive: who reads which partition how often, and which rule says so.

It must not know prices, nor move anything. S3 keeps no last-access time: what is known of reads is what logs tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument
from lakekit.tiering.classes import DAYS_PER_MONTH
from lakekit.tiering.matching import match_reads
from lakekit.tiering.reads import Reads, make_reads
from lakekit.tiering.thresholds import TEMPERATURES, AgeOnly, Thresholds
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Store


class TieredTable(Protocol):
    """A table as tiering sees it: what ``lk.open_table`` returns, or anything alike."""

    name: str
    store: Store

    @property
    def files(self) -> pl.DataFrame:
        """One row for each file: path, size_bytes, modified_at, storage_class, …"""


@dataclass(frozen=True, repr=False)
class Heat:
    """How hot each partition of a table is.

    Attributes:
        table: its name.
        frame: one row for each folder and storage class, sorted: folder (str, ends with "/"; "" for files right in the
            table), storage_class, files, size_bytes, small_files and small_bytes (under 128 KiB), age_days (of the
            youngest file), reads_per_month (visits: by one query, or several within half an hour),
            requests_per_month, bytes_per_month (sent), file_reads_per_month and file_bytes_per_month (files that were
            visited, with their whole size), watched_days (that the rates are of; None when assumed), days_since_read
            (None: not seen to be read), temperature, rule.
        source: what the reads are from, in words.
        as_of: the moment for which ages and rates hold.
        observed_days: how long the source watched; None with ages alone.
        unmatched: requests for files that the table does not have.
        malformed: lines of the source that could not be understood.
        ended_days: how long before ``as_of`` the source ends; silence since then counts as no reads.
    """

    table: str
    frame: pl.DataFrame
    source: str
    as_of: datetime
    observed_days: float | None
    unmatched: int = 0
    malformed: int = 0
    ended_days: float = 0.0

    def resize(self, *, size_bytes: int, files: int) -> Heat:
        """The same heat for a table of another size: what if mine had so many bytes in so many files?

        Args:
            size_bytes: of the whole table; each partition keeps its share.
            files: of the whole table; each partition keeps its share, and has one at least.
        """
        of_bytes = size_bytes / max(1, self.frame["size_bytes"].sum())
        of_files = files / max(1, self.frame["files"].sum())
        columns = {"requests_per_month": of_files, "file_reads_per_month": of_files}
        columns |= {"bytes_per_month": of_bytes, "file_bytes_per_month": of_bytes}
        count = (pl.col("files") * of_files).round().cast(pl.Int64).clip(lower_bound=1)
        size = (pl.col("size_bytes") * of_bytes).round().cast(pl.Int64)
        resized = self.frame.with_columns(
            count.alias("files"), size.alias("size_bytes"), *[pl.col(name) * by for name, by in columns.items()]
        )
        is_small = (
            pl.col("size_bytes") < pl.col("files") * 128 * 1024
        )  # all of a partition's files are of its mean size
        resized = resized.with_columns(
            pl.when(is_small).then("files").otherwise(0).alias("small_files"),
            pl.when(is_small).then("size_bytes").otherwise(0).alias("small_bytes"),
        )
        return replace(self, frame=resized)

    def pool(self, *, days: float = 30) -> Heat:
        """The same heat with chance evened out: partitions of about one age are read alike, each by its size.

        One partition is read too rarely to tell its rate; its neighbours in age tell it together. Use it where reads
        depend on age, and not where some partitions are special.

        Args:
            days: partitions whose ages differ by less are taken together.
        """
        if not days > 0:
            raise InvalidArgument(f"days is {days!r}.", hint="it is more than zero.")
        weight, bucket = pl.col("watched_days").fill_null(1.0), (pl.col("age_days") / days).floor()
        per = {
            "reads_per_month": pl.lit(1.0),
            "requests_per_month": pl.col("files"),
            "bytes_per_month": pl.col("size_bytes"),
        }
        per |= {"file_reads_per_month": pl.col("files"), "file_bytes_per_month": pl.col("size_bytes")}
        pooled = []
        for name, amount in per.items():
            total = ((amount * weight).sum().over(bucket)).clip(lower_bound=1e-9)
            pooled.append(((pl.col(name) * weight).sum().over(bucket) / total * amount).alias(name))
        return replace(self, frame=self.frame.with_columns(pooled))

    def summarise(self) -> pl.DataFrame:
        """Partitions, files and bytes by temperature, hottest first."""
        order = pl.DataFrame({"temperature": TEMPERATURES}, schema={"temperature": pl.String})
        sums = self.frame.group_by("temperature").agg(
            pl.len().cast(pl.Int64).alias("partitions"), pl.col("files").sum(), pl.col("size_bytes").sum()
        )
        return order.join(sums, on="temperature", how="left", maintain_order="left").fill_null(0)

    def _describe(self) -> str:
        watched = "" if self.observed_days is None else f", watched for {self.observed_days:.0f} days"
        return f"Heat of {self.table} as of {self.as_of:%Y-%m-%d}, from {self.source}{watched}"

    def _describe_doubts(self) -> str:
        parts = ["S3 keeps no last-access time: reads are those that the source tells of."]
        if self.ended_days > 1:
            parts.append(f"The source ends {self.ended_days:.0f} days before; silence since then counts as no reads.")
        if self.malformed:
            parts.append(f"{format_number_of(self.malformed, 'line')} of it could not be understood.")
        if self.unmatched:
            parts.append(f"{format_number_of(self.unmatched, 'request')} went to files that the table does not have.")
        return " ".join(parts)

    def _list_rows(self) -> list[tuple[str, int, int, str]]:
        return [(*row[:3], format_bytes(row[3])) for row in self.summarise().iter_rows()]

    def __repr__(self) -> str:
        table = format_text_table(["temperature", "partitions", "files", "size"], self._list_rows())
        return f"{self._describe()}\n{table}\n{self._describe_doubts()}"

    def _repr_html_(self) -> str:
        columns = ["temperature", "partitions", "files", "size"]
        return format_html_table(self._describe(), columns, self._list_rows(), note=self._describe_doubts())


def heat(
    table: TieredTable,
    source: Reads | pl.DataFrame | AgeOnly | str = "age",
    *,
    as_of: datetime | date | str | None = None,
    thresholds: Thresholds | None = None,
) -> Heat:
    """How hot each partition of a table is, from who read it, or from its age.

    Args:
        table: from ``lk.open_table``; only its listing is used.
        source: what ``read_access_logs``, ``read_cloudtrail``, ``read_receipts`` or ``make_reads`` returned; a frame
            with path and read_at; or ``AgeOnly()``, also written "age".
        as_of: the moment to look from; the end of what the source covers, or the newest file's time with ages alone.
        thresholds: where hot ends, and so on.

    Returns:
        Heat. A partition that was not read while it was watched is called as cold as the watching allows: 30 days
        without a read say "less than once a month", not "never".

    Raises:
        InvalidArgument: the source is of another kind, or of another bucket than the table.

    Example:
        >>> import lakekit as lk
        >>> flights = lk.open_table("data/sample/lake/flights")
        >>> reads = pl.DataFrame({"path": ["date=2013-03-31/part-0.parquet"], "read_at": [datetime(2099, 12, 25)]})
        >>> found = heat(flights, reads, as_of="2100-01-01")
        >>> found.frame["rule"][30]
        'read 4.3 times a month, last 7 days ago: more than 1 a month'
    """
    rules = thresholds or Thresholds()
    files = _list_files(table)
    if isinstance(source, str) and source == "age":
        source = AgeOnly()
    if isinstance(source, AgeOnly):
        moment = _read_moment(as_of) or files["modified_at"].max()
        return _judge_by_age(table.name, files, source, moment, rules)
    if isinstance(source, pl.DataFrame):
        source = make_reads(source)
    if not isinstance(source, Reads):
        what = f"{source!r} is not a source of reads."
        raise InvalidArgument(
            what, hint='read_access_logs(…), read_cloudtrail(…), read_receipts(…), a frame, or "age".'
        )
    moment = _read_moment(as_of) or source.last_at or files["modified_at"].max()
    matched, unmatched = match_reads(table, files, source)
    matched = matched.filter(pl.col("read_at") <= moment)
    first = min(source.first_at or moment, moment)
    observed = max((moment - first) / timedelta(days=1), 1.0)
    frame = _judge(_count(files, matched, moment, observed, rules), rules)
    ended = max(0.0, (moment - (source.last_at or moment)) / timedelta(days=1))
    return Heat(table.name, frame, source.source, moment, observed, unmatched, source.malformed.height, ended)


def _read_moment(as_of: datetime | date | str | None) -> datetime | None:
    if as_of is None:
        return None
    try:
        moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time())
    except (TypeError, ValueError) as exc:
        raise InvalidArgument(f"as_of={as_of!r} is not a moment.", hint='write "2026-11-25".') from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _list_files(table: TieredTable) -> pl.DataFrame:
    """path, size_bytes, modified_at, storage_class, folder."""
    files = table.files.select("path", "size_bytes", "modified_at", "storage_class")
    folder = (
        pl.when(pl.col("path").str.contains("/")).then(pl.col("path").str.replace(r"[^/]*$", "")).otherwise(pl.lit(""))
    )
    return files.with_columns(folder.alias("folder"))


_GROUP = ["folder", "storage_class"]
_NEARLY = 1e-9  # twelve reads in twelve months are one a month, whatever floats make of it
_DAY = 24 * 60 * 60 * 1_000_000  # microseconds


def _describe_files(files: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """One row for each folder and class: how many files, how large, how old."""
    small = pl.col("size_bytes") < 128 * 1024
    age = (pl.lit(moment) - pl.col("modified_at").max()).dt.total_microseconds() / _DAY
    return files.group_by(_GROUP).agg(
        pl.len().cast(pl.Int64).alias("files"),
        pl.col("size_bytes").sum(),
        small.sum().cast(pl.Int64).alias("small_files"),
        pl.col("size_bytes").filter(small).sum().alias("small_bytes"),
        age.clip(lower_bound=0).alias("age_days"),
    )


def _count(
    files: pl.DataFrame, reads: pl.DataFrame, moment: datetime, observed: float, rules: Thresholds
) -> pl.DataFrame:
    """Rates of reads for each folder and class, over the time that it was watched and no longer young."""
    described = _describe_files(files, moment)
    of_files = reads.join(files, on="path").join(described.select(*_GROUP, "age_days"), on=_GROUP)
    since = ((pl.lit(moment) - pl.col("read_at").max()).dt.total_microseconds() / _DAY).alias("days_since_read")
    last = of_files.group_by(_GROUP).agg(since)
    # all is read while it is young, which tells nothing of its later life
    grown = pl.col("read_at") >= pl.col("modified_at") + pl.duration(seconds=round(rules.hot_days * 86_400))
    counts = _count_visits(of_files.filter(grown | (pl.col("age_days") < rules.hot_days)), rules)
    counted = described.join(last, on=_GROUP, how="left").join(counts, on=_GROUP, how="left")
    age = pl.col("age_days")
    grown_days = pl.when(age < rules.hot_days).then(age).otherwise(age - rules.hot_days)
    watched = pl.min_horizontal(pl.lit(observed), grown_days).clip(lower_bound=1)
    rates = {
        "reads_per_month": "visits", "requests_per_month": "requests", "bytes_per_month": "bytes",
        "file_reads_per_month": "file_reads", "file_bytes_per_month": "file_bytes",
    }  # fmt: skip
    return counted.with_columns(
        *[
            (pl.col(count).fill_null(0).cast(pl.Float64) * DAYS_PER_MONTH / watched).alias(rate)
            for rate, count in rates.items()
        ],
        watched.alias("watched_days"),
        pl.coalesce("days_since_read", pl.min_horizontal(pl.lit(observed), age))
        .clip(lower_bound=1)
        .alias("silent_days"),
    )


def _count_visits(of_files: pl.DataFrame, rules: Thresholds) -> pl.DataFrame:
    """For each folder and class: visits, requests and bytes, files visited and their whole size."""
    gap = pl.duration(seconds=round(rules.visit_minutes * 60))
    new_visit = (pl.col("read_at").diff() >= gap).fill_null(True)
    in_order = of_files.sort("read_at", "path")
    marked = in_order.with_columns(new_visit.over("path").alias("file_visit"), new_visit.over(_GROUP).alias("visit"))
    return marked.group_by(_GROUP).agg(
        pl.col("visit").sum().alias("visits"),
        pl.col("requests").sum(),
        pl.col("bytes").sum(),
        pl.col("file_visit").sum().alias("file_reads"),
        pl.col("size_bytes").filter(pl.col("file_visit")).sum().alias("file_bytes"),
    )


_COLUMNS = [
    "folder", "storage_class", "files", "size_bytes", "small_files", "small_bytes", "age_days", "reads_per_month",
    "requests_per_month", "bytes_per_month", "file_reads_per_month", "file_bytes_per_month", "watched_days",
    "days_since_read",
    "temperature", "rule",
]  # fmt: skip


def _judge(frame: pl.DataFrame, rules: Thresholds) -> pl.DataFrame:
    judged = [_judge_one(row, rules) for row in frame.iter_rows(named=True)]
    return (
        frame.with_columns(
            pl.Series("temperature", [temperature for temperature, _ in judged], dtype=pl.String),
            pl.Series("rule", [rule for _, rule in judged], dtype=pl.String),
        )
        .select(_COLUMNS)
        .sort(_GROUP)
    )


def _judge_one(row: Mapping[str, Any], rules: Thresholds) -> tuple[str, str]:
    """A temperature, and the rule that decided it."""
    age, rate, since, silent = row["age_days"], row["reads_per_month"], row["days_since_read"], row["silent_days"]
    if age < rules.hot_days:
        return "hot", f"written {age:.0f} days ago, less than {rules.hot_days:g}"
    may_be = ""
    if rate:
        told = f"read {rate:.2g} times a month, last {since:.0f} days ago"
    else:  # silence for so long says no more than this
        rate, may_be = DAYS_PER_MONTH / silent, "may be "
        told = f"not read in the {silent:.0f} days " + ("watched" if since is None else "since it was young")
    if rate > rules.hot_reads_per_month + _NEARLY:
        return "hot", f"{told}: {may_be}more than {rules.hot_reads_per_month:.2g} a month"
    if since is not None and since < rules.warm_days:
        return "warm", f"{told}: within {rules.warm_days:g} days"
    if rate > rules.warm_reads_per_month + _NEARLY:
        return "warm", f"{told}: {may_be}more than {rules.warm_reads_per_month:.2g} a month"
    if rate > rules.cold_reads_per_month + _NEARLY:
        return "cold", f"{told}: {may_be}more than {rules.cold_reads_per_month:.2g} a month"
    return "archive", f"{told}: at most {rules.cold_reads_per_month:.2g} a month"


def _judge_by_age(name: str, files: pl.DataFrame, assumed: AgeOnly, moment: datetime, rules: Thresholds) -> Heat:
    """Temperatures from ages, and reads a month as assumed for each."""
    described = _describe_files(files, moment)
    edges = [("hot", rules.hot_days), ("warm", rules.warm_days), ("cold", rules.cold_days), ("archive", float("inf"))]
    found = [next((label, edge) for label, edge in edges if age < edge) for age in described["age_days"]]
    rules_told = [
        f"written {rules.cold_days:g} days ago or more"
        if label == "archive"
        else f"written less than {edge:g} days ago"
        for label, edge in found
    ]
    rate = pl.Series("reads_per_month", [float(assumed.reads_per_month[label]) for label, _ in found], dtype=pl.Float64)
    frame = described.with_columns(
        rate,
        (rate * described["files"]).alias("requests_per_month"),
        (rate * described["size_bytes"]).alias("bytes_per_month"),
        (rate * described["files"]).alias("file_reads_per_month"),
        (rate * described["size_bytes"]).alias("file_bytes_per_month"),
        pl.lit(None, pl.Float64).alias("watched_days"),
        pl.lit(None, pl.Float64).alias("days_since_read"),
        pl.Series("temperature", [label for label, _ in found], dtype=pl.String),
        pl.Series("rule", rules_told, dtype=pl.String),
    )
    return Heat(name, frame.select(_COLUMNS).sort(_GROUP), "ages alone, an assumption", moment, None)
