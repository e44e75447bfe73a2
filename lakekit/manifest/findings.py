"""What is found of the files of a listing: what their footers say, which cannot be read, and which are left out.

It must not judge columns or partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lakekit.errors import ArchivedFile, CorruptFile, LakekitError
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.fetch import fetch_footers
from lakekit.manifest.footers import Unreadable
from lakekit.manifest.frame import Known
from lakekit.manifest.listing import Listing
from lakekit.manifest.refusals import describe_archived, find_archived
from lakekit.manifest.summary import NOT_PARQUET, Summary
from lakekit.storage.columns import list_stored
from lakekit.storage.store import ARCHIVE_CLASSES

if TYPE_CHECKING:
    from lakekit.manifest.manifest import TableOptions
    from lakekit.storage import Store, StoredObject

FETCHED_TOGETHER = 20_000  # footers that are held as objects before they become columns
_SKIPPED = {"path": pl.String, "reason": pl.String, "size_bytes": pl.Int64, "rows": pl.Int64}
INCOMPLETE = "of a batch that is not complete: no marker of it in _batches/ under this address"


@dataclass(frozen=True)
class Findings:
    """The files of a table and what reading their footers gave.

    Attributes:
        known: the files of the table.
        problems: why a file cannot be read.
        skipped: path and reason of what was left out, its size, and its rows where they are known.
        is_partial: whether data files were left out.
    """

    known: Known
    problems: dict[str, LakekitError]
    skipped: pl.DataFrame
    is_partial: bool


def find_out(
    store: Store, listing: Listing, table: str, cache: FooterCache, *, progress: Callable[[int, int], None]
) -> tuple[Known, dict[str, LakekitError]]:
    """What is known of all files of a listing, and why some cannot be read; footers that are not known are fetched.

    Args:
        store: where.
        listing: what lies there.
        table: its name, for messages.
        cache: what is kept from before.
        progress: called with (files done, files in all).
    """
    refused = _refuse_archived(store, listing.files, table)
    files = _note_restored(listing.files, refused)
    failed = {path: Unreadable(error) for path, error in refused.items()}
    summary = cache.summaries.load()
    told = summary.match(files)
    is_new = told["kind"].is_null()
    if failed:
        is_new &= ~files["path"].is_in(list(failed))
    fresh = files.filter(is_new)
    known = files.height - fresh.height
    progress(known, files.height)
    bad: dict[str, Unreadable] = {}
    if fresh.height:
        summary, bad = _fetch_new(store, summary, fresh, cache, lambda count: progress(known + count, files.height))
        failed |= bad
        told = summary.match(files)
    cache.summaries.keep(summary, files, added=fresh.height - len(bad))
    summary, told = _note_failures(summary, files, told, failed)
    errors = {path: failed[path].error for path in sorted(failed)}
    return Known(files, told, summary.kinds), errors


def _fetch_new(
    store: Store, summary: Summary, files: pl.DataFrame, cache: FooterCache, on_progress: Callable[[int], None]
) -> tuple[Summary, dict[str, Unreadable]]:
    """The summary with what the footers of these files say, and why some cannot be read."""
    failed: dict[str, Unreadable] = {}
    for start in range(0, files.height, FETCHED_TOGETHER):
        part = files[start : start + FETCHED_TOGETHER]
        found = fetch_footers(
            store, list_stored(part), cache, on_progress=lambda count, start=start: on_progress(start + count)
        )
        failed |= {path: outcome for path, outcome in found.items() if isinstance(outcome, Unreadable)}
        keys = part.select("path", "etag").iter_rows()
        summary = summary.add({key: found[key[0]] for key in keys if key[0] not in failed})
    return summary, failed


def _refuse_archived(store: Store, files: pl.DataFrame, table: str) -> dict[str, LakekitError]:
    archived: list[StoredObject] = []
    in_class = files["storage_class"].is_in(ARCHIVE_CLASSES) & ~files["restored"]
    if in_class.any():
        archived += find_archived(store, list_stored(files.filter(in_class)))
    if "tier" in files.columns:
        in_tier = files.filter(pl.col("tier").str.contains("ARCHIVE") & ~pl.col("tier").str.contains("INSTANT"))
        told = in_tier.with_columns(pl.format("{} ({})", "storage_class", "tier").alias("storage_class"))
        archived += list_stored(told)
    return describe_archived(archived, files, table) if archived else {}


def _note_restored(files: pl.DataFrame, refused: Mapping[str, LakekitError]) -> pl.DataFrame:
    """Of archived files, whether they have a copy that can be read now; NULL of all others."""
    in_class = pl.col("storage_class").is_in(ARCHIVE_CLASSES)
    return files.with_columns(restored=pl.when(in_class).then(~pl.col("path").is_in(list(refused))))


def _note_failures(
    summary: Summary, files: pl.DataFrame, told: pl.DataFrame, failed: Mapping[str, Unreadable]
) -> tuple[Summary, pl.DataFrame]:
    """Of files that cannot be read only the kind is told, where that much is known; and the rows that they had when
    they could be, as rows_once.
    """
    told = told.with_columns(rows_once=pl.col("rows"))
    if not failed:
        return summary, told
    is_failed = files["path"].is_in(list(failed))
    kinds = told["kind"].to_list()
    for position in is_failed.arg_true():
        footer = failed[files["path"][position]].footer
        kinds[position] = None
        if footer is not None:
            summary = summary.add_kind(footer)
            kinds[position] = summary.positions[footer.schema_id]
    readable = pl.when(~is_failed)
    told = told.with_columns(
        *(readable.then(pl.col(name)).alias(name) for name in ("rows", "row_groups", "place")),
        pl.Series("kind", kinds, dtype=pl.Int32),
    )
    return summary, told


def leave_out(listing: Listing, known: Known, problems: Mapping[str, LakekitError], options: TableOptions) -> Findings:
    """The same without what is no Parquet file, and without bad files that the caller chose to skip."""
    is_foreign = (known.told["kind"] == NOT_PARQUET).fill_null(False)
    if listing.log is not None and is_foreign.any():
        path = known.listed["path"].filter(is_foreign)[0]
        raise CorruptFile(f"{path}, which the table's log names, is not Parquet.", hint="look who wrote it over.")
    left_out = {path: error.what for path, error in problems.items() if _is_skipped(error, options)}
    kept, is_left_out = known, known.listed["path"].is_in(list(left_out))
    if is_foreign.any() or left_out:
        is_kept = ~is_foreign & ~is_left_out
        kept = Known(known.listed.filter(is_kept), known.told.filter(is_kept), known.kinds)
    sized = known.listed.select("path", "size_bytes", known.told["rows_once"].alias("rows"))
    lost = listing.log.left_out if listing.log is not None else {}
    skipped = pl.concat(
        [
            _explain(listing.foreign, pl.lit("not Parquet by its name")),
            _explain(sized.filter(is_foreign).drop("rows"), pl.lit("not Parquet by its content")),
            _explain(sized.filter(is_left_out), pl.col("path").replace_strict(left_out, return_dtype=pl.String)),
            _explain(pl.DataFrame(list(lost.items()), ["path", "reason"], orient="row"), pl.col("reason")),
            _explain(pl.DataFrame({"path": listing.batches.incomplete}, {"path": pl.String}), pl.lit(INCOMPLETE)),
        ]
    )
    remaining = {path: error for path, error in problems.items() if path not in left_out}
    return Findings(kept, remaining, skipped.sort("path", "reason"), bool(left_out or lost))


def _explain(files: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    known = [pl.col(name) if name in files.columns else pl.lit(None).alias(name) for name in ("size_bytes", "rows")]
    return files.select("path", reason.alias("reason"), *known).cast(_SKIPPED)


def _is_skipped(error: LakekitError, options: TableOptions) -> bool:
    return (options.on_archived if isinstance(error, ArchivedFile) else options.on_bad_file) == "skip"
