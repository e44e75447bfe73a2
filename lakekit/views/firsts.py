"""Which files can hold the first rows of a query over one table that asks for so many of them, in an order or in any.

It must not leave out a file that may hold one of these rows: where bounds are not known, the file stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl

from lakekit.manifest.bounds import read_file_bounds, true_or_unknown
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import Predicate
from lakekit.manifest.pruning import covers_all
from lakekit.views.explain import Scan, Step, split_conjunction
from lakekit.views.names import find_table_select, reads_only_tables
from lakekit.views.summaries import is_exact

_STEPS = {
    "READ_PARQUET",
    "UNION",
    "PROJECTION",
    "TOP_N",
    "ORDER_BY",
    "LIMIT",
    "STREAMING_LIMIT",
    "HASH_JOIN",
    "EMPTY_RESULT",
}
_SAME_ROW = {"file_index = file_index", "file_row_number = file_row_number"}  # how DuckDB finds a row again
_ROW_COLUMNS = {"file_index", "file_row_number"}
_OPTIONAL = re.compile(r"optional: Dynamic Filter \(.*\)")  # spares rows that the limit leaves out anyway
_DESCENDING = {"ASC": False, "ASCENDING": False, "DESC": True, "DESCENDING": True}
_SETTINGS = "SELECT current_setting('default_order'), current_setting('default_null_order')"


@dataclass(frozen=True)
class First:
    """The first rows of a table by a column; rows without a value come last.

    Attributes:
        rows: how many rows, those of an OFFSET included.
        column: its name, in the query's case; None where any rows will do, and those of the first files are taken.
        is_descending: whether the largest values come first.
    """

    rows: int
    column: str | None = None
    is_descending: bool = False


def read_any(scans: Sequence[Scan]) -> First | None:
    """What a query takes of its scans, where it is so many rows of each, whichever they are; None where it is not.

    One of two scans may fetch the other columns of these rows, as :func:`finds_first` tells.

    Example:
        >>> limited = Scan(1, frozenset("x"), enough_rows=5, limit=7)
        >>> read_any([limited])
        First(rows=5, column=None, is_descending=False)
        >>> read_any([limited, limited, Scan(1, frozenset("x"))]) is None
        True
    """
    taken = [scan for scan in scans if scan.enough_rows is not None]
    if len({scan.limit for scan in taken}) != 1:  # none, or several queries, of which each may choose other rows
        return None
    return First(max(scan.enough_rows for scan in taken)) if len(taken) == len(scans) or len(scans) == 2 else None


def read_first(con: duckdb.DuckDBPyConnection, query: str) -> First | None:
    """What a query asks for, where it is nothing but columns of one table, perhaps a condition, an order and a limit.

    Args:
        con: where it is to run; its settings say which order is meant where the query does not.
        query: SQL.

    Example:
        >>> con = duckdb.connect().execute("CREATE TABLE t (x INTEGER, n INTEGER)")
        >>> read_first(con, "FROM t WHERE n > 1 ORDER BY x DESC, n LIMIT 10 OFFSET 5")
        First(rows=15, column='x', is_descending=True)
        >>> read_first(con, "SELECT x + 1 AS x FROM t ORDER BY x LIMIT 10") is None
        True
    """
    node = find_table_select(query)
    if node is None or [modifier["type"] for modifier in node["modifiers"]] != ["ORDER_MODIFIER", "LIMIT_MODIFIER"]:
        return None
    ordered, limited = node["modifiers"]
    rows, order = _read_rows(limited), ordered["orders"][0]
    if rows is None or any(one["expression"]["class"] != "COLUMN_REF" for one in ordered["orders"]):
        return None
    names = order["expression"]["column_names"]
    if len(names) != 1 or not all(_is_column(entry, names[0]) for entry in node["select_list"]):
        return None
    default, default_nulls = con.execute(_SETTINGS).fetchall()[0]
    nulls = order["null_order"].replace(" ", "_")
    if (default_nulls if nulls == "ORDER_DEFAULT" else nulls).upper() != "NULLS_LAST":
        return None
    direction = default.upper() if order["type"] == "ORDER_DEFAULT" else order["type"]
    is_known = direction in _DESCENDING and reads_only_tables(con, query)
    return First(rows, names[0], _DESCENDING[direction]) if is_known else None


def _read_rows(modifier: dict[str, Any]) -> int | None:
    """LIMIT and OFFSET together, where they are whole numbers that stand in the query."""
    parts = [part for part in (modifier["limit"], modifier["offset"]) if part is not None]
    literals = [part.get("literal") or {} for part in parts]
    is_known = modifier["limit"] is not None and modifier["limit_type"] == "ROW_COUNT"
    if not is_known or any(literal.get("kind") != "INTEGER" for literal in literals):
        return None
    return sum(int(literal["text"]) for literal in literals) or None


def _is_column(entry: dict[str, Any], ordered_by: str) -> bool:
    """Whether an entry of a SELECT is columns as the table has them, and gives none the name that is ordered by."""
    if entry["class"] == "STAR":
        return not any(entry[part] for part in ("replace_list", "rename_list", "columns", "expr"))
    return entry["class"] == "COLUMN_REF" and entry["alias"].casefold() != ordered_by.casefold()


def choose_first(manifest: Manifest, first: First, parts: Sequence[tuple[np.ndarray, Predicate]]) -> np.ndarray:
    """Which of some files may hold one of the first rows that meet a condition: one bool for each of all files.

    Files of which every row meets it, and has a value, are counted, those with the most extreme bounds first, until
    they have as many rows as are asked for. What lies behind all of these in every row is left out; where there is no
    order, the files behind them.

    Args:
        manifest: the table.
        first: which rows.
        parts: the files, as positions in ``manifest.files``, with the condition on their rows.
    """
    may_hold, is_counted = np.ones(manifest.entries.height, bool), np.zeros(manifest.entries.height, bool)
    for rows, predicate in parts:
        is_counted[rows] = covers_all(manifest, predicate)[rows]
    if first.column is None:
        in_order = np.concatenate([rows for rows, _ in parts]) if parts else np.array([], np.int64)
        counts = np.where(is_counted, manifest.entries["rows"].fill_null(0), 0)[in_order]
        may_hold[in_order] = counts.cumsum() - counts < first.rows
        return may_hold
    names = [name for name in manifest.schema.arrow.names if name.casefold() == first.column.casefold()]
    if len(names) != 1 or not is_exact(manifest.schema.arrow.field(names[0]).type):
        return may_hold
    bounds = read_file_bounds(manifest, names[0])
    is_counted &= bounds.has_value & ~bounds.has_null & ~bounds.has_nan
    far, near = (bounds.low, bounds.high) if first.is_descending else (bounds.high, bounds.low)
    counted = pl.DataFrame({"rows": manifest.entries["rows"], "far": far}).filter(is_counted, far.is_not_null())
    counted = counted.sort("far", descending=first.is_descending)
    enough = counted.filter(pl.col("rows").cum_sum() >= first.rows)
    if not enough.height:
        return may_hold
    limit = enough["far"][0]
    return true_or_unknown(near >= limit if first.is_descending else near <= limit)


def finds_first(steps: Sequence[Step], scans: Sequence[Scan]) -> bool:
    """Whether a plan does nothing but scan, perhaps by conditions of the scans, order, and take the first rows; and
    perhaps fetch the other columns of these.
    """
    if any(scan.columns & _ROW_COLUMNS for scan in scans):  # a join on them is then the user's own
        return False
    joins = [step for step in steps if step.name == "HASH_JOIN"]
    if any(step.read("Join Type") != ("SEMI",) or set(step.read("Conditions")) != _SAME_ROW for step in joins):
        return False
    if not joins and len({scan.enough_rows is None for scan in scans}) > 1:  # a scan without a limit beside one with it
        return False
    return len(joins) < 2 and {step.name for step in steps} <= _STEPS


def find_conditions(scans: Sequence[Scan], group: int, groups: int) -> list[str] | None:
    """The conditions on the rows of a group of files, where a plan tells all of them; None where not.

    A group of which no row can meet them has no scan, and the scan of another may look like it.

    Args:
        scans: of a plan that finds first rows.
        group: the number of the group.
        groups: how many the query is bound to.
    """
    if groups == 1:
        own = list(scans)
    elif len(scans) == groups and not any(scan.joins for scan in scans):
        own = [scan for scan in scans if scan.likely_group == group]
    elif any(scan.group is None for scan in scans):
        return None
    else:
        own = [scan for scan in scans if scan.group == group]
    conditions = [condition for scan in own for condition in (*scan.filters, *scan.file_filters)]
    texts = [text for condition in conditions for text in split_conjunction(condition)]
    return [text for text in texts if not _OPTIONAL.fullmatch(text)] if own else None
