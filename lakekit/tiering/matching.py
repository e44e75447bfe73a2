"""Which file of a table a line of a log means: keys are written in many ways.

It must not count or judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.tiering.reads import READS_SCHEMA, Reads

if TYPE_CHECKING:
    from lakekit.tiering.temperature import TieredTable


def match_reads(table: TieredTable, files: pl.DataFrame, source: Reads) -> tuple[pl.DataFrame, int]:
    """The reads of files of the table, with paths as the table has them, and how many requests were of others.

    A path may be a key of the bucket, relative to the table, or a whole URL; percent-encoded once, twice or not.
    """
    address = table.store.address
    key_head = f"{address.prefix}/" if address.prefix else ""
    if source.bucket and address.bucket and source.bucket != address.bucket:
        what = f"These reads are of the bucket {source.bucket!r}; {table.name} lies in {address.bucket!r}."
        raise InvalidArgument(what, hint="read the logs of the table's bucket.")
    known = set(files["path"].to_list())
    keys_only = bool(source.bucket and address.bucket)
    heads = [key_head] if keys_only else ["", f"{address.url.rstrip('/')}/", key_head]
    paths = source.frame["path"].unique().to_list()
    found = {path: match for path in paths if (match := _match_path(path, known, heads)) is not None}
    names = pl.DataFrame({"path": found.keys(), "file": found.values()}, schema={"path": pl.String, "file": pl.String})
    joined = source.frame.join(names, on="path", how="left")
    unmatched = joined.filter(pl.col("file").is_null())["requests"].sum()
    matched = joined.filter(pl.col("file").is_not_null()).select(pl.col("file").alias("path"), *list(READS_SCHEMA)[1:])
    return matched, int(unmatched)


def _match_path(path: str, known: set[str], heads: list[str]) -> str | None:
    for text in dict.fromkeys((path, unquote(path), unquote(unquote(path)))):
        for head in heads:
            if text.startswith(head) and text[len(head) :] in known:
                return text[len(head) :]
    return None
