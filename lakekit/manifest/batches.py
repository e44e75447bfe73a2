"""Which files of a listing belong to a batch that is not complete: its marker does not lie in the same listing.

It must not ask a store for anything, nor open a file: names, counts and times tell.

A batch is several files, and a store puts one at a time. So the names of its files hold the batch's token, and when all
are there a marker is put whose name holds the token and how many they are. A table takes in the files of a batch only
when it sees the marker. Files with other names are none of this module's business.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FOLDER = "_batches"  # right under the table's address; hidden from tables by its underscore, as are the names in it
SETTLED = timedelta(days=1)  # a marker of that age was there before any listing began, whatever clocks say
_PREFIX = "lkbatch-"
_FILE = r"(?:^|/)lkbatch-([0-9a-f]{16})-[0-9]{5,}\.parquet$"
_MARKER = r"^_batches/_([0-9a-f]{16})-([0-9]+)\.json$"


@dataclass(frozen=True)
class Batches:
    """What a listing tells of batches.

    Attributes:
        incomplete: paths of the files that are not to be taken in, sorted.
        markers: token and number of files of each batch that has a marker.
        doubtful: tokens of batches that have a marker and fewer files than it counts, so fresh that they may have been
            completed while this was being listed.
    """

    incomplete: tuple[str, ...] = ()
    markers: Mapping[str, int] | None = None
    doubtful: frozenset[str] = frozenset()


def make_token(batch_id: str) -> str:
    """What stands for a batch in names: 16 hexadecimal digits of its id.

    Example:
        >>> make_token("day 1")
        'e9732851e0701563'
    """
    return hashlib.sha256(batch_id.encode()).hexdigest()[:16]


def name_file(token: str, number: int) -> str:
    """The name of a batch's file, counted from 0.

    Example:
        >>> name_file("e9732851e0701563", 12)
        'lkbatch-e9732851e0701563-00012.parquet'
    """
    return f"{_PREFIX}{token}-{number:05d}.parquet"


def is_of_batch(path: str) -> bool:
    """Whether a file's name says that it belongs to a batch.

    Example:
        >>> is_of_batch("day=1/lkbatch-e9732851e0701563-00012.parquet")
        True
    """
    return re.search(_FILE, path) is not None


def name_marker(token: str, files: int) -> str:
    """The path of the marker of a batch with so many files, relative to the table.

    Example:
        >>> name_marker("e9732851e0701563", 3)
        '_batches/_e9732851e0701563-3.json'
    """
    return f"{FOLDER}/_{token}-{files}.json"


def find_token(path: str) -> str:
    """The token of the batch whose marker this is; "" for any other path.

    Example:
        >>> find_token("_batches/_e9732851e0701563-3.json"), find_token("_batches/_e9732851e0701563.plan.json")
        ('e9732851e0701563', '')
    """
    found = re.match(_MARKER, path)
    return found[1] if found else ""


def name_plan(token: str) -> str:
    """Where the plan of a batch is noted, relative to the table.

    Example:
        >>> name_plan("e9732851e0701563")
        '_batches/_e9732851e0701563.plan.json'
    """
    return f"{FOLDER}/_{token}.plan.json"


def find_batches(
    listed: pl.DataFrame, *, as_of: datetime | None = None, settled: frozenset[str] | None = None
) -> Batches:
    """What a listing tells of batches; cheap where there are none.

    Args:
        listed: path and modified_at of everything under the table's address.
        as_of: when it was listed; batches are doubtful only by this.
        settled: tokens of batches that were complete before this listing began: what of them is not there has been
            removed. Of all others a batch that is short of files is incomplete. None: all that have a marker.
    """
    import polars as pl

    path = pl.col("path")
    files = listed.filter(path.str.contains(_PREFIX, literal=True)).select(path, token=path.str.extract(_FILE))
    files = files.drop_nulls()
    if not files.height:
        return Batches()
    marked = listed.filter(path.str.starts_with(f"{FOLDER}/")).select(
        "modified_at", token=path.str.extract(_MARKER, 1), files=path.str.extract(_MARKER, 2).cast(pl.Int64)
    )
    marked = marked.drop_nulls().sort("files").unique("token", keep="last")
    short = marked.join(files.group_by("token").len(), on="token").filter(pl.col("len") < pl.col("files"))
    fresh = short.filter(pl.col("modified_at") > as_of - SETTLED) if as_of is not None else short.clear()
    doubtful = frozenset(fresh["token"]) - (settled or frozenset())
    if settled is not None:
        doubtful = frozenset(short["token"]) - settled
    is_taken = pl.col("token").is_in(marked["token"].to_list()) & ~pl.col("token").is_in(list(doubtful))
    left_out = tuple(files.filter(~is_taken)["path"].sort())
    return Batches(left_out, dict(marked.select("token", "files").iter_rows()), doubtful)
