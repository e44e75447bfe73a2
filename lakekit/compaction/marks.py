"""What tells a copy which batches its rows are of, so that one that is written again there is not there twice.

It must not put a marker of a batch whose rows the copy does not hold.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakekit.delta.replay import read_history
from lakekit.errors import InvalidArgument
from lakekit.manifest.batches import find_token, name_plan
from lakekit.storage import open_store
from lakekit.storage.columns import list_columns
from lakekit.units import GIB

if TYPE_CHECKING:
    import polars as pl

    from lakekit.compaction.plans import Plan
    from lakekit.storage import Store, Writer


def carry_marks(plan: Plan, writer: Writer) -> None:
    """Put the markers of the table's batches beside its copy, with what they were made by.

    A batch that was completed after the plan was made has files that are no sources of the copy, and stays out.

    Args:
        plan: of the copy, which is verified.
        writer: of the copy.
    """
    origin = plan.table.store
    if origin.address.scheme not in ("file", "s3") or hasattr(origin, "places"):
        return  # batches are written to folders and S3 prefixes alone
    store = open_store(origin.address, origin.storage)
    listed = list_columns(store)
    there = set(listed["path"])
    marks = sorted(path for path in there if find_token(path))
    if not marks:
        return
    copied = {source.path for bin_ in plan.bins for source in bin_.sources} | _find_removed(store, listed)
    for path in marks:
        content = bytes(store.read_suffix(path, GIB))
        told = json.loads(content)
        files = set(told.get("files", ()))
        if "files" not in told or (files & there and not files & copied):
            continue
        begun = name_plan(find_token(path))
        if begun in there:
            writer.put_new(begun, bytes(store.read_suffix(begun, GIB)))
        writer.put_new(path, content)


def _find_removed(store: Store, listed: pl.DataFrame) -> set[str]:
    """Files whose rows are in others since: a Delta log took them out."""
    try:
        return read_history(store, listed).removed
    except InvalidArgument:  # its beginning is gone
        return set()
