"""The receipt of a query from what was noted while it ran.

It must not ask the store for anything.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lakekit.errors import LakekitError
from lakekit.receipts.cost import Classes, Usage, glob_usage, price_usage
from lakekit.receipts.measure import Measured, measure
from lakekit.receipts.receipt import Receipt
from lakekit.receipts.tally import TableTally, Tally
from lakekit.storage.requests import KINDS
from lakekit.storage.secret import scrub_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_TEXT = 10_000  # characters of a query that are kept


def build_receipt(tally: Tally) -> Receipt:
    """The receipt of a query as far as it has come."""
    tables = tally.used()
    counts: Counter[str] = Counter()
    usage, glob, files, scanned, row_groups = Usage(), Usage(), 0, 0, 0
    for table in list(tally.tables.values()):
        counts.update(table.count())
        if table.is_billed:
            usage.add(_use(table, Classes(table.manifest)))
    for table in tables:
        paths, classes = table.scanned, Classes(table.manifest)
        files += table.manifest.entries.height
        row_groups += int(table.manifest.entries["row_groups"].sum() or 0)
        scanned += len(paths)
        glob.add(glob_usage(classes, paths))
    region = tables[0].region if tables else None
    secrets = [secret for table in tables for secret in table.secrets]
    is_billed = any(table.is_billed for table in tables)
    return Receipt(
        query=scrub_secrets(tally.query[: 2 * MOST_TEXT], secrets)[:MOST_TEXT],  # one that is cut is not known
        engine=tally.engine,
        tables=tuple(table.name for table in tables),
        started_at=tally.started_at,
        seconds=tally.seconds,
        files_scanned=scanned,
        files=files,
        requests={kind: counts[kind] for kind in KINDS},
        bytes=counts["bytes"],
        cached_bytes=counts["cached_bytes"],
        usd=price_usage(usage, region),
        glob_requests=count_requests(glob),
        glob_usd=price_usage(glob, region) if is_billed else 0.0,
        row_groups=row_groups,
        is_shared=tally.is_shared,
        _measure=lambda: _measure_all(tables),
    )


def count_requests(usage: Usage) -> Mapping[str, int]:
    """Requests by kind of a glob view: as many HEADs as files, and the rest GETs."""
    heads = usage.files
    return {"LIST": usage.listed, "GET": usage.got.total() - heads, "HEAD": heads, "PUT": usage.put}


def _use(table: TableTally, classes: Classes) -> Usage:
    """The requests of a table as they are billed."""
    usage = Usage()
    for request in table.requests:
        if request.kind == "LIST":
            usage.listed += request.times
        elif request.kind == "PUT":
            usage.put += request.times
        else:
            storage_class = classes.find(request.path)
            usage.got[storage_class] += request.times
            usage.read_bytes[storage_class] += request.size_bytes
    return usage


def _measure_all(tables: Sequence[TableTally]) -> Measured | None:
    """None where a file is gone since, and its footer is no longer kept either."""
    try:
        return sum_measured(measure(table) for table in tables)
    except LakekitError:
        return None


def sum_measured(parts: Iterable[Measured]) -> Measured:
    """Of several tables together."""
    parts = list(parts)
    return Measured(sum(one.wasted_bytes for one in parts), sum(one.row_groups_scanned for one in parts))
