"""What the scans of a query of DuckDB's need of a group of files, as far as its plan tells.

It must not choose files by it: what is not understood counts as needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakekit.manifest.predicates import ALWAYS, list_columns
from lakekit.receipts.tally import Needs
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.explain import Scan, possible_scans

if TYPE_CHECKING:
    from lakekit.views.plan import Group, ViewPlan


def find_needs(plan: ViewPlan, group: Group, scans: Sequence[Scan]) -> Needs:
    """The columns that the scans of a group read, and what they ask of the rows."""
    keys_shown = plan.shown_keys(group)
    found = possible_scans(scans, group.number, set(group.from_file) | keys_shown.keys())
    found = [scan for scan in found if scan.likely_group in (None, group.number)] or found
    if not found:
        return Needs(group.from_file, ALWAYS)
    schema = plan.manifest.schema.arrow
    predicates = [read_duckdb_conditions(scan.filters, schema, keys_shown) for scan in found]
    words = {word for scan in found for text in scan.filters for word in re.findall(r"\w+", text)}
    named = {name for scan in found for name in scan.columns} | words
    named |= {name for predicate in predicates for name in list_columns(predicate)}
    columns = [name for name in group.from_file if name in named]
    return Needs(columns, predicates[0] if len(predicates) == 1 else ALWAYS)
