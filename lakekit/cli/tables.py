"""What the commands on one table do: its sizes, compaction, new rows, changes of a database.

It must not decide anything that the functions do not.
"""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime, timedelta
from typing import Any

import lakekit as lk
from lakekit.cli.commands import choose_storage, print_json, print_rows, print_text
from lakekit.errors import InvalidArgument


def show_sizes(chosen: Namespace) -> None:
    """The sizes of a table's files, and what they cost."""
    table = lk.open_table(chosen.url, storage=choose_storage(chosen))
    model = lk.sizing.ScanModel(latency_ms=chosen.latency_ms)
    book = lk.prices.load_book(chosen.region) if chosen.region else None
    found = lk.sizing.report(table, model=model, book=book)
    if not chosen.json:
        return print_text(found)
    names = ("alarm_files", "warn_files", "accepted_files", "percentiles", "row_groups", "skew", "compaction_usd",
             "payback_scans", "priced_as_of")  # fmt: skip
    frames = ("frame", "typical", "by_partition", "histogram")
    print_json(
        {name: getattr(found, name) for name in names} | {name: getattr(found, name).to_dicts() for name in frames}
    )


def compact(chosen: Namespace) -> None:
    """The plan of a compaction; with --run what was done by it."""
    storage = choose_storage(chosen)
    rules = lk.compaction.Rules(
        target_bytes=chosen.target_mib * lk.MIB,
        sort_by=chosen.sort_by or (),
        closed_after=timedelta(hours=chosen.closed_after_hours),
    )
    plan = lk.compaction.plan(lk.open_table(chosen.url, storage=storage), chosen.into, rules=rules)
    if not chosen.json:
        print_text(plan)
    outcome = lk.compaction.run(plan) if chosen.run_it else None
    if not chosen.json:
        told_next = "Nothing was done; --run carries it out." if outcome is None else f"{outcome}\n{_tell_next(plan)}"
        return print_text(told_next)
    told: dict[str, Any] = {
        "files_before": plan.files_before,
        "files_after": plan.files_after,
        "rows": plan.rows,
        "size_bytes": plan.size_bytes,
        "left_out": [{"path": path, "reason": reason} for path, reason in plan.left_out],
        "done": None,
    }
    if outcome is not None:
        names = ("url", "rows", "files_before", "files_after", "bytes_before", "bytes_after", "written", "version")
        told["done"] = {name: getattr(outcome, name) for name in names}
    print_json(told)


def _tell_next(plan: lk.compaction.Plan) -> str:
    """What comes after a compaction, in one line."""
    if plan.into is None:
        return "Next: after a week, lk.compaction.retire(table) plans which originals no snapshot needs."
    return f'Next: lake.switch(name, "{plan.into.url}") lets a lake read it; after a week, lk.compaction.retire.'


QUARANTINED = 3  # the exit code of lakekit ingest where rows were set apart


def ingest(chosen: Namespace) -> int:
    """A batch of files, written into a table; the exit code tells whether all rows went there."""
    done = lk.ingest.write_batch(
        chosen.files,
        chosen.url,
        partition_by=chosen.partition_by,
        sort_by=chosen.sort_by or (),
        batch_id=chosen.batch_id,
        storage=choose_storage(chosen),
    )
    names = ("batch_id", "table_url", "files", "rows", "size_bytes", "rows_read", "quarantined", "quarantine",
             "widened", "is_new", "earlier")  # fmt: skip
    told = [{name: getattr(one, name) for name in names} for one in (*done.completed, done)]
    print_json(told[-1] | {"completed": told[:-1]}) if chosen.json else print_text(done)
    return QUARANTINED if any(one["quarantined"] for one in told) else 0


def show_state(chosen: Namespace) -> None:
    """The rows of a database's table, by the journal of its changes."""
    state = lk.cdc.open_state(
        chosen.url,
        key=chosen.key,
        format=chosen.format,
        timestamp=chosen.timestamp,
        columns=chosen.columns,
        storage=choose_storage(chosen),
    )
    rows = state.polars(_read_moment(chosen.as_of)).sort(chosen.key).collect()
    print_json(rows.to_dicts()) if chosen.json else print_rows(rows)


def _read_moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"--as-of {text} is no moment.", hint="2026-11-25T12:00:00Z, say.") from error
    if moment.tzinfo is None:
        raise InvalidArgument(f"--as-of {text} has no time zone.", hint=f"{moment.isoformat()}Z is UTC.")
    return moment
