"""Receipts as a frame, one row a query.

It must not change what they say.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from lakekit.receipts.receipt import Receipt

RECEIPT_SCHEMA = {
    "started_at": pl.Datetime("us", "UTC"),
    "engine": pl.String,
    "query": pl.String,
    "tables": pl.List(pl.String),
    "files_scanned": pl.Int64,
    "files": pl.Int64,
    "row_groups_scanned": pl.Int64,
    "row_groups": pl.Int64,
    "LIST": pl.Int64,
    "GET": pl.Int64,
    "HEAD": pl.Int64,
    "PUT": pl.Int64,
    "bytes": pl.Int64,
    "wasted_bytes": pl.Int64,
    "cached_bytes": pl.Int64,
    "seconds": pl.Float64,
    "usd": pl.Float64,
    "glob_requests": pl.Int64,
    "glob_usd": pl.Float64,
    "is_shared": pl.Boolean,
}


def tabulate(receipts: Sequence[Receipt]) -> pl.DataFrame:
    """One row for each receipt, in their order."""
    return pl.DataFrame([receipt.row() for receipt in receipts], schema=RECEIPT_SCHEMA)
