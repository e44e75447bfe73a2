"""What a query is going to ask of the store, by its plan and the manifest, before it runs.

It must not read a file or send a request: it looks at footers, and at what is kept on this computer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from lakekit.manifest.footers import read_metadata
from lakekit.receipts.measure import find_leaves, find_row_groups, list_paths
from lakekit.receipts.tally import Needs, ReaderScan, Tally
from lakekit.storage import RangeRequest
from lakekit.views.choose import Chosen
from lakekit.views.explain import Scan
from lakekit.views.filesystem import WHOLE_FILE_BYTES
from lakekit.views.narrow import plan_query
from lakekit.views.needs import find_needs
from lakekit.views.sparse import plan_ranges

if TYPE_CHECKING:
    from lakekit.views.duckdb import DuckDBView
    from lakekit.views.plan import Group


@dataclass(frozen=True)
class _Part:
    """Files of one group that a query may read, and what it needs of them."""

    view: DuckDBView
    group: Group
    positions: Sequence[int]
    needs: Needs


def preview_query(relation: duckdb.DuckDBPyRelation, views: Mapping[str, DuckDBView], tally: Tally) -> bool:
    """Note in a tally what a query is going to ask for; whether that is a limit, and not for certain.

    Small files are fetched whole, of large ones the columns of those row groups that may hold a row. The requests for
    large files are those of lakekit's own reader; DuckDB may ask for the same bytes in more pieces.

    Args:
        relation: the query.
        views: of its connection, by their tokens.
        tally: of that query.
    """
    con, (query, values) = relation._con, relation._statement()
    plan = plan_query(con, views, query, values)
    for view, _, _ in plan.choices:
        tally.table(view.source).is_bound = True
    if plan.answer is not None:
        return False
    sure = [_note_choice(tally, choice, plan.scans) for choice in plan.choices]
    return not all(sure)


def _note_choice(tally: Tally, choice: tuple[DuckDBView, Group, Chosen], scans: Sequence[Scan]) -> bool:
    """Note what is asked of one group; whether that is for certain."""
    view, group, chosen = choice
    if chosen.is_counted or not chosen.listed:
        return True
    is_sure = bool(chosen.fetched) and not any(scan.is_limited for scan in scans)
    positions = chosen.fetched if is_sure else chosen.listed
    _note_files(tally, _Part(view, group, positions, find_needs(view.plan, group, scans)))
    return is_sure


def _note_files(tally: Tally, part: _Part) -> None:
    source = part.view.source
    manifest, store, table = part.view.plan.manifest, source.store, tally.table(source)
    scan = ReaderScan(part.needs)
    table.scans.append(scan)
    rows = manifest.entries.select("path", "size_bytes", "etag")[part.group.rows[np.array(part.positions, np.int64)]]
    for path, size_bytes, etag in rows.iter_rows():
        if path in manifest.problems:
            continue
        footer = manifest.footers.get(path, etag)
        if size_bytes <= WHOLE_FILE_BYTES or footer is None:
            spans = [(0, size_bytes)]
            scan.note_part(path, None)
        else:
            metadata = read_metadata(footer)
            leaves = find_leaves(list_paths(metadata), part.needs.columns)
            groups = find_row_groups(manifest, path, metadata.num_row_groups, part.needs)
            spans = [span for one in groups for span in plan_ranges(metadata, one, leaves, size_bytes)]
            for one in groups:
                scan.note_part(path, one)
        for start, end in spans:
            request = RangeRequest(path, start, end - start, etag)
            if store.is_kept(request):
                table.cached.append(request.length)
            else:
                table.events.append(("GET", 1, request.length, path, start))
