"""Which partition keys and which order the queries of a table would profit from, by its statistics.

It must not write or read a file: it simulates other layouts on what the manifest says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from lakekit.display import format_html_table
from lakekit.errors import InvalidArgument
from lakekit.layout.scans import ScanModel, count_requests, model_engine, scan_seconds
from lakekit.layout.sizing import Sizes
from lakekit.manifest.predicates import list_columns
from lakekit.receipts import read_journal
from lakekit.sizing.filters import Asked, read_filters
from lakekit.sizing.layouts import Layout, layout_now, regroup, sort_by
from lakekit.units import format_bytes, format_number_of

_NOTES = (
    "Bytes are those of whole files: queries that read few columns of large files read less.",
    "Files are counted as lakekit prunes them; other engines open the footers of files that only statistics exclude.",
    "Queries that lakekit answers by the manifest alone, as count(*), are counted as if they read the files.",
    "Statistics tell bounds, not values: a file between whose bounds a value lies is counted as read.",
    "Values of sorted files are taken to lie evenly between the bounds of the files they come from.",
    "Conditions like current_date mean today, not the day on which the query ran.",
)
_SKIPPED = {"query": pl.String, "times": pl.Int64, "reason": pl.String}
_MEANS = {"files_read": pl.Int64, "bytes_read": pl.Int64, "requests": pl.Int64, "seconds": pl.Float64,
          "engine_seconds": pl.Float64}  # fmt: skip
_MEASURED = {"query": pl.String, "times": pl.Int64, "layout": pl.String, **_MEANS}


@dataclass(frozen=True)
class Advice:
    """What queries filter by, and what they would read of other layouts.

    Attributes:
        keys: a row for each partition key: key, values (distinct), queries (that filter by it), median_bytes (of one
            value's files), verdict: "useful", "never filtered by", "too fine" (filtered by, but its folders hold less
            than the accepted size of a file).
        filters: column, queries, is_key; the most queries first.
        layouts: layout, partitions, files, and of an average query files_read, bytes_read, requests, seconds (lakekit),
            engine_seconds (an engine as installed). The table as it is comes first, then the fastest for an engine.
        by_query: query, times, layout, files_read, bytes_read.
        skipped: query, times, reason, of what could not be judged.
    """

    keys: pl.DataFrame
    filters: pl.DataFrame
    layouts: pl.DataFrame
    by_query: pl.DataFrame
    skipped: pl.DataFrame
    notes: tuple[str, ...] = _NOTES

    @property
    def best(self) -> str:
        """The layout with the shortest average query of an engine as installed; as it is, if none is shorter."""
        return self.layouts.sort("engine_seconds", maintain_order=True)["layout"][0]

    def __repr__(self) -> str:
        rows = {row["layout"]: row for row in self.layouts.iter_rows(named=True)}
        now, best = rows["as it is"], rows[self.best]
        lines = [
            f"{row['key']}: {row['verdict']}, {format_number_of(row['values'], 'value')}, "
            f"{format_bytes(round(row['median_bytes']))} each"
            for row in self.keys.iter_rows(named=True)
        ]
        lines.append(f"best of {len(rows)} layouts: {self.best}")
        lines.append(
            f"an average query reads {now['files_read']:,.1f} files, {format_bytes(round(now['bytes_read']))} now; "
            f"then {best['files_read']:,.1f}, {format_bytes(round(best['bytes_read']))}"
        )
        if self.skipped.height:
            lines.append(f"not judged: {format_number_of(self.skipped.height, 'text')} of queries, see skipped")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (row["layout"], row["partitions"], row["files"], round(row["files_read"], 1),
             format_bytes(round(row["bytes_read"])), round(row["engine_seconds"], 2))
            for row in self.layouts.iter_rows(named=True)
        ]  # fmt: skip
        columns = ["layout", "partitions", "files", "files a query", "bytes a query", "seconds of an engine"]
        return format_html_table(f"Best: {self.best}", columns, rows, note=" ".join(self.notes))


def partition_advice(
    table: Any,
    *,
    queries: Sequence[str] | None = None,
    others: Mapping[str, Any] | None = None,
    sizes: Sizes | None = None,
    model: ScanModel | None = None,
) -> Advice:
    """Which keys queries filter by, and what they would read if the table were partitioned or sorted otherwise.

    Tried are: files merged within the folders there are; each key dropped; each date or time key by month and by year;
    and, of the folders there are and of the best of these, rows sorted by each number or time that queries filter by.

    Args:
        table: from ``lk.open_table``, or of a lake.
        queries: SQL that names the table by its name, each as often as it runs; those of the journal if not given.
        others: further tables that the queries name, by name: a lake will do.
        sizes: the target of new files, and what counts as too fine.
        model: of the seconds.

    Raises:
        InvalidArgument: no query is left that reads the table.

    Example:
        >>> import lakekit as lk
        >>> flights = lk.open_table("data/sample/lake/flights")
        >>> advice = partition_advice(flights, queries=["SELECT avg(dep_delay) FROM flights WHERE carrier = 'UA'"])
        >>> advice.keys["verdict"].to_list(), advice.best
        (['never filtered by'], 'date by month')
    """
    sizes, model, manifest = sizes or Sizes(), model or ScanModel(), table.manifest
    asked = _collect(table, queries, others or {})
    judged = [query for query in asked if not query.problem]
    if not judged:
        reasons = "; ".join(dict.fromkeys(query.problem for query in asked)) or "none was given, or is in the journal"
        raise InvalidArgument(
            f"No query that reads {manifest.name}: {reasons}.",
            hint=f'queries=["SELECT … FROM {manifest.name} WHERE …"]; others=lake, where they join its other tables.',
        )
    measured = [_measure(layout, judged, model) for layout in _plan_layouts(manifest, judged, (sizes, model))]
    layouts = pl.concat([summary for summary, _ in measured])
    skipped = [(query.query, query.times, query.problem) for query in asked if query.problem]
    return Advice(
        keys=_judge_keys(manifest, judged, sizes),
        filters=_list_filters(judged, manifest.schema.keys),
        layouts=pl.concat([layouts[:1], layouts[1:].sort("engine_seconds", maintain_order=True)]),
        by_query=pl.concat([details for _, details in measured]),
        skipped=pl.DataFrame(skipped, schema=_SKIPPED, orient="row"),
    )


def _collect(table: Any, queries: Sequence[str] | None, others: Mapping[str, Any]) -> list[Asked]:
    name = table.manifest.name
    if isinstance(queries, str):
        raise InvalidArgument(f"queries={queries!r} is one text; it must be a list.", hint="queries=[…]")
    if queries is None:
        frame = read_journal(table.url, kind="queries")
        queries = frame.filter((pl.col("engine") == "duckdb") & (pl.col("query") != ""))["query"].to_list()
    schemas: dict[str, pa.Schema] = {other: others[other].schema for other in others if other != name}
    return read_filters(name, schemas | {name: table.manifest.schema.arrow}, Counter(queries))


def _plan_layouts(manifest: Any, judged: Sequence[Asked], means: tuple[Sizes, ScanModel]) -> list[Layout]:
    """The files as they are, merged within folders, with each key dropped or coarsened, and sorted."""
    sizes, model = means
    now, rows, target = layout_now(manifest), manifest.entries["rows"], sizes.target_bytes
    grouped = [regroup(manifest, now, name, kept, target) for name, kept in _list_groupings(manifest).items()]
    seconds = [_measure(layout, judged, model)[0]["engine_seconds"][0] for layout in grouped]
    best = grouped[seconds.index(min(seconds))]
    columns = [column for column in _count_filters(judged) if column not in manifest.schema.keys]
    bases = [grouped[0]] if best is grouped[0] else [grouped[0], best]
    sorts = [sort_by(base, now, rows, column, target) for base in bases for column in columns]
    return [now, *grouped, *(layout for layout in sorts if layout is not None)]


def _list_groupings(manifest: Any) -> dict[str, dict[str, str | None]]:
    """By name of a layout, the keys that stay, and whether by month or year."""
    keys: dict[str, str | None] = dict.fromkeys(manifest.schema.keys)
    found: dict[str, dict[str, str | None]] = {"compacted": keys}
    for key in keys:
        kind = manifest.schema.arrow.field(key).type
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            found |= {f"{key} by {period}": keys | {key: period} for period in ("month", "year")}
        found[f"without {key}"] = {other: None for other in keys if other != key}
    return found


def _measure(layout: Layout, judged: Sequence[Asked], model: ScanModel) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What an average query reads, in one row; and each query, in a row of its own."""
    rows = []
    for query in judged:
        kept = layout.choose(query.conditions)
        sizes = layout.size_bytes[kept]
        groups = None if layout.row_groups is None else layout.row_groups.filter(kept)
        files, size_bytes = len(sizes), int(sizes.sum())
        counted = count_requests(pl.Series(sizes, dtype=pl.Int64), groups).sum()
        requests, engine = counted["requests"][0], counted["engine_requests"][0]
        seconds = scan_seconds(size_bytes, requests=requests, files=files, model=model)
        slow = scan_seconds(size_bytes, requests=engine, files=files, model=model_engine(model))
        rows.append((query.query, query.times, layout.name, files, size_bytes, requests, seconds, slow))
    frame = pl.DataFrame(rows, schema=_MEASURED, orient="row")
    means = [(pl.col(name) * pl.col("times")).sum() / pl.col("times").sum() for name in _MEANS]
    whole = {"layout": layout.name, "partitions": layout.partitions, "files": len(layout.size_bytes)}
    summary = frame.select(*(pl.lit(value).alias(name) for name, value in whole.items()), *means)
    return summary, frame.select("query", "times", "layout", "files_read", "bytes_read")


def _count_filters(judged: Sequence[Asked]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for query in judged:
        for column in {name for condition in query.conditions for name in list_columns(condition)}:
            counts[column] += query.times
    return counts


def _list_filters(judged: Sequence[Asked], keys: Sequence[str]) -> pl.DataFrame:
    rows = [(column, queries, column in keys) for column, queries in _count_filters(judged).items()]
    frame = pl.DataFrame(rows, schema={"column": pl.String, "queries": pl.Int64, "is_key": pl.Boolean}, orient="row")
    return frame.sort(["queries", "column"], descending=[True, False])


def _judge_keys(manifest: Any, judged: Sequence[Asked], sizes: Sizes) -> pl.DataFrame:
    counts, folders = _count_filters(judged), manifest.entries.select(
        pl.col("path").str.replace(r"[^/]*$", "").alias("folder"), "size_bytes", "partition"
    )  # fmt: skip
    median = folders.group_by("folder").agg(pl.col("size_bytes").sum())["size_bytes"].median() or 0.0
    rows = []
    for key in manifest.schema.keys:
        values = folders.select(manifest.find_values(key), "size_bytes").group_by("value")
        each = values.agg(pl.col("size_bytes").sum())["size_bytes"]
        is_fine = median < sizes.accepted_bytes
        verdict = "never filtered by" if not counts[key] else "too fine" if is_fine else "useful"
        rows.append((key, len(each), counts[key], each.median(), verdict))
    schema = {"key": pl.String, "values": pl.Int64, "queries": pl.Int64, "median_bytes": pl.Float64,
              "verdict": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
