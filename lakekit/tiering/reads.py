"""Who read what, and when: one frame of reads from server access logs, CloudTrail, receipts, or anything alike.

It must not drop a line in silence: what cannot be read as a line is counted, kept with its reason, and shown.

The frame ``reads`` has one row for each request, or sum of requests: path (str; a key, or relative to a table), read_at
(datetime, UTC), requests (i64), bytes (i64, sent). AWS delivers logs as well as it can: some come late or never.
"""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lakekit.display import format_html_table
from lakekit.errors import InvalidArgument, LakekitError, NoFilesFound
from lakekit.storage import RangeRequest, open_store
from lakekit.storage.unpacking import find_most, unpack_gzip
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Storage, Store

READS_SCHEMA = {
    "path": pl.String,
    "read_at": pl.Datetime("us", "UTC"),
    "requests": pl.Int64,
    "bytes": pl.Int64,
}
MALFORMED_SCHEMA = {"file": pl.String, "line": pl.Int64, "reason": pl.String, "text": pl.String}
_MOST_TEXT = 200  # characters of a malformed line that are kept


@dataclass(frozen=True, repr=False)
class Reads:
    """Reads, and what else was in their source.

    Attributes:
        frame: path, read_at, requests, bytes; sorted by read_at and path.
        source: what they were taken from, in words.
        bucket: whose keys the paths are; "" when they are relative to a table.
        lines: how many lines or events there were in all.
        ignored: how many lines were no reads of an object, by what they were.
        malformed: file, line, reason and text of lines that could not be understood.
        first_at, last_at: the time that the source covers, as far as its lines tell; None when it has none.
    """

    frame: pl.DataFrame
    source: str
    bucket: str = ""
    lines: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    malformed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MALFORMED_SCHEMA))
    first_at: datetime | None = None
    last_at: datetime | None = None

    def _list_facts(self) -> list[tuple[str, str]]:
        requests, size = self.frame["requests"].sum(), self.frame["bytes"].sum()
        facts = [("source", f"{self.source}: {format_number_of(self.lines, 'line')}")]
        if self.first_at and self.last_at:
            facts.append(("covers", f"{self.first_at:%Y-%m-%d %H:%M} to {self.last_at:%Y-%m-%d %H:%M} UTC"))
        files = self.frame["path"].n_unique()
        facts.append(("reads", f"{format_number_of(requests, 'request')} of {files:,} files, {format_bytes(size)}"))
        if self.ignored:
            parts = [
                f"{count:,} {what}" for what, count in sorted(self.ignored.items(), key=lambda one: (-one[1], one[0]))
            ]
            facts.append(("no reads", ", ".join(parts)))
        facts.append(("malformed", f"{format_number_of(self.malformed.height, 'line')}, see .malformed"))
        return facts

    def __repr__(self) -> str:
        return "Reads\n" + "\n".join(f"  {label}: {text}" for label, text in self._list_facts())

    def _repr_html_(self) -> str:
        return format_html_table("Reads", ["", ""], self._list_facts())


class ReadsBuilder:
    """Gathers reads line by line; ``build`` makes them one frame."""

    def __init__(self, source: str, bucket: str = ""):
        self.source, self.bucket = source, bucket
        self.lines = 0
        self._ignored: Counter[str] = Counter()
        self._rows: list[tuple[str, datetime, int, int]] = []
        self._malformed: list[tuple[str, int, str, str]] = []
        self._buckets: set[str] = set()
        self._first: datetime | None = None
        self._last: datetime | None = None

    def see(self, at: datetime) -> None:
        """A line of that time was there, whatever it tells of."""
        self.lines += 1
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)

    def add(self, path: str, at: datetime, size_bytes: int, *, bucket: str) -> None:
        """A read."""
        self._buckets.add(bucket)
        self._rows.append((path, at, 1, size_bytes))

    def ignore(self, what: str) -> None:
        """A line that is no read of an object."""
        self._ignored[what] += 1

    def fail(self, file: str, line: int, reason: str, text: str) -> None:
        """A line that cannot be understood."""
        self.lines += 1
        self._malformed.append((file, line, reason, text[:_MOST_TEXT]))

    def build(self) -> Reads:
        """All of it as one frame.

        Raises:
            InvalidArgument: the reads are of several buckets, and none was named.
        """
        if len(self._buckets) > 1:
            what = f"These logs are of {len(self._buckets)} buckets: {', '.join(sorted(self._buckets))}."
            raise InvalidArgument(what, hint="say which: bucket=.")
        return Reads(
            frame=pl.DataFrame(self._rows, schema=READS_SCHEMA, orient="row").sort("read_at", "path"),
            source=self.source,
            bucket=self.bucket or next(iter(self._buckets), ""),
            lines=self.lines,
            ignored=dict(self._ignored),
            malformed=pl.DataFrame(self._malformed, schema=MALFORMED_SCHEMA, orient="row").sort("file", "line"),
            first_at=self._first,
            last_at=self._last,
        )


def make_reads(frame: pl.DataFrame, *, source: str = "a frame", bucket: str = "") -> Reads:
    """Reads from a frame of your own.

    Args:
        frame: at least path and read_at (times without a zone are taken as UTC); requests (1) and bytes (0) if it has
            them; other columns are left out.
        source: what to call it.
        bucket: whose keys the paths are; "" when they are relative to a table.

    Raises:
        InvalidArgument: a column is missing, of the wrong type, or holds NULL or negative numbers.

    Example:
        >>> frame = pl.DataFrame({"path": ["a.parquet"], "read_at": [datetime(2026, 1, 1)], "bytes": [10]})
        >>> make_reads(frame).frame.row(0)[2:]  # requests, bytes
        (1, 10)
    """
    missing = [name for name in ("path", "read_at") if name not in frame.columns]
    if missing:
        what = f"The frame of reads has no column {' and no column '.join(missing)}; it has {', '.join(frame.columns)}."
        raise InvalidArgument(what, hint="it needs path and read_at, and may have requests and bytes.")
    if not isinstance(frame.schema["read_at"], pl.Datetime):
        what = f"read_at is {frame.schema['read_at']}, not a time."
        raise InvalidArgument(what, hint="make it a Datetime, such as with str.to_datetime().")
    at = pl.col("read_at")
    at = at.dt.replace_time_zone("UTC") if frame.schema["read_at"].time_zone is None else at.dt.convert_time_zone("UTC")
    kept = frame.select(
        pl.col("path").cast(pl.String),
        at.dt.cast_time_unit("us").alias("read_at"),
        (pl.col("requests") if "requests" in frame.columns else pl.lit(1)).cast(pl.Int64).alias("requests"),
        (pl.col("bytes") if "bytes" in frame.columns else pl.lit(0)).cast(pl.Int64).alias("bytes"),
    )
    if sum(kept.null_count().row(0)) or (kept.height and min(kept["requests"].min(), kept["bytes"].min()) < 0):
        what = "The frame of reads holds NULL or negative numbers."
        raise InvalidArgument(what, hint="drop or mend those rows first; none is dropped here.")
    kept = kept.sort("read_at", "path")
    first, last = kept["read_at"].min(), kept["read_at"].max()
    return Reads(kept, source, bucket, kept.height, first_at=first, last_at=last)


def read_receipts(source: str | Path | pl.DataFrame, *, table: str | None = None) -> Reads:
    """Reads from lakekit's own journal of receipts: Parquet files that say what each query asked for.

    Args:
        source: a frame, a Parquet file, or a folder of them, with ended_at (UTC), table, path, requests, bytes.
        table: the table's name; needed when the journal is of several.

    Raises:
        NoFilesFound: no Parquet file there.
        InvalidArgument: a column is missing, or the journal is of several tables and none was named.

    Example:
        >>> from datetime import datetime
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> row = {"ended_at": at, "table": "t", "path": "a.parquet", "requests": 2, "bytes": 512}
        >>> read_receipts(pl.DataFrame([row])).frame.row(0)[2:]
        (2, 512)
    """
    frame = source if isinstance(source, pl.DataFrame) else _read_parquet(Path(source))
    missing = [name for name in ("ended_at", "table", "path", "requests", "bytes") if name not in frame.columns]
    if missing:
        what = f"The receipts have no column {', '.join(missing)}; they have {', '.join(frame.columns)}."
        raise InvalidArgument(what, hint="a journal has ended_at, table, path, requests and bytes.")
    tables = sorted(map(str, frame["table"].unique().drop_nulls()))
    if table is None and len(tables) > 1:
        raise InvalidArgument(f"The receipts are of {', '.join(tables)}.", hint="say which: table=.")
    mine = frame if table is None else frame.filter(pl.col("table") == table)
    reads = make_reads(mine.rename({"ended_at": "read_at"}), source="receipts of lakekit")
    others = frame.height - mine.height
    ignored = {"of other tables": others} if others else {}
    return Reads(reads.frame, reads.source, "", frame.height, ignored, first_at=reads.first_at, last_at=reads.last_at)


def _read_parquet(path: Path) -> pl.DataFrame:
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise NoFilesFound(f"No receipts under {path}.", hint="give the journal's folder or one of its Parquet files.")
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed")


LogSource = str | Path | Iterable[str | Path]


def iterate_logs(source: LogSource, storage: Storage | None = None) -> Iterator[tuple[str, str]]:
    """The name and text of each log file: of a file, of all files in a folder or under an S3 prefix, or of several.

    gzip is unpacked; bytes that are no UTF-8 become U+FFFD, and so malformed.

    Args:
        source: paths on this machine, or an URL such as ``"s3://bucket/logs/2026-01"``.
        storage: how to reach the URL; the environment's if not given.

    Raises:
        NoFilesFound: there is none.
        AccessDenied and others: the store refuses.
    """
    if isinstance(source, str) and "://" in source:
        yield from _iterate_stored_logs(open_store(source, storage))
        return
    places = [source] if isinstance(source, str | Path) else list(source)
    files: list[Path] = []
    for place in map(Path, places):
        files += [one for one in place.rglob("*") if one.is_file()] if place.is_dir() else [place]
    missing = [file for file in files if not file.is_file()]
    if missing or not files:
        where = missing[0] if missing else f"in {', '.join(map(str, places))}"
        raise NoFilesFound(f"There is no log file {where}.", hint="give a file, a folder, or s3://bucket/prefix.")
    for file in sorted(files):
        yield file.name, _decode(file.read_bytes())


def _iterate_stored_logs(store: Store) -> Iterator[tuple[str, str]]:
    found = [item for item in store.list_objects() if item.size_bytes]
    if not found:
        raise NoFilesFound(f"There is no log file under {store.address.url}.", hint="check the prefix.")
    wanted = (RangeRequest(item.path, 0, item.size_bytes, item.etag) for item in found)
    for request, outcome in store.read_many(wanted):
        if isinstance(outcome, LakekitError):
            raise outcome
        yield request.path, _decode(bytes(outcome))


def _decode(content: bytes) -> str:
    if content[:2] != b"\x1f\x8b":
        return content.decode("utf-8", errors="replace")
    try:
        return unpack_gzip(content).decode("utf-8", errors="replace")
    except (ValueError, EOFError, zlib.error) as exc:  # what comes before the damage is read, the damage is a line
        with contextlib.suppress(zlib.error):
            before = (
                b"" if isinstance(exc, ValueError) else zlib.decompressobj(31).decompress(content, find_most(content))
            )
            return f"{before.decode('utf-8', errors='replace')}\n\ufffd gzip: {exc}"
        return f"\ufffd gzip: {exc}"


def iterate_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not empty, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")


def parse_utc(text: str) -> datetime:
    """A time in ISO form as UTC.

    Raises:
        ValueError: it is none, or has no time zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at.astimezone(UTC)
