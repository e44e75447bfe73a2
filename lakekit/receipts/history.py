"""What queries of this user did cost and read, of all processes, by the journal on this computer.

It must not ask a store for anything.
"""

from __future__ import annotations

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.receipts.journal import JOURNAL_SCHEMAS, read_all
from lakekit.receipts.ledger import flush_all


def read_journal(url: str | None = None, *, kind: str = "reads") -> pl.DataFrame:
    """What the queries of this user read, in this and in earlier processes.

    The journal is kept in lakekit's cache folder on this computer, for its user alone; ``LAKEKIT_JOURNAL=off`` keeps
    none. The last queries of other processes that still run may not be in it yet.

    Args:
        url: only tables at, or below, this address; all if not given.
        kind: ``"reads"``: a row for each file that a query sent requests for (id, ended_at, url, table, path, requests,
            bytes), as ``tiering.read_receipts`` takes them. ``"queries"``: a row for each query.

    Raises:
        InvalidArgument: kind is none of these.

    Example:
        >>> read_journal("s3://bucket/never-read").height
        0
    """
    if kind not in JOURNAL_SCHEMAS:
        raise InvalidArgument(f"kind={kind!r} is no part of the journal.", hint='"reads" or "queries".')
    flush_all()
    frame = read_all(kind)
    if url is None:
        return frame
    address = url.rstrip("/")
    at = pl.col("url") if kind == "reads" else pl.element()
    inside = (at == address) | at.str.starts_with(f"{address}/")
    return frame.filter(inside if kind == "reads" else pl.col("urls").list.eval(inside).list.any())
