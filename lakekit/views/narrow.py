"""Fewer files for one query: conditions on keys that DuckDB does not push into a view, applied to its list of files.

It must not change an answer: DuckDB still applies each condition to each row.

DuckDB 2.0 prunes files by most conditions on keys itself. It leaves those above the scan that might throw an error,
such as ``day(date) = 3`` or ``n % 2 = 1``, and would then read every file.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from lakekit.views.explain import Scan, possible_scans, read_scans, split_conjunction
from lakekit.views.filesystem import FILE_SYSTEM
from lakekit.views.names import is_plain, keeps_names, list_columns, own_database, reads_only_tables
from lakekit.views.plan import NARROW_VARIABLE
from lakekit.views.sqltypes import quote_name, quote_text

if TYPE_CHECKING:
    from lakekit.views.duckdb import DuckDBView
    from lakekit.views.plan import Group, ViewPlan

_NUMBERS = itertools.count(1)


@contextlib.contextmanager
def narrow_files(con: duckdb.DuckDBPyConnection, views: Sequence[DuckDBView], explain: Sequence[str]) -> Iterator[None]:
    """While this lasts, the views in this connection list only the files that a query can need.

    Args:
        con: the connection in which the query is to run; no other sees the shorter lists.
        views: views of the connection.
        explain: the plans of the query, texts of ``EXPLAIN (FORMAT json)``.
    """
    scans = [scan for plan in explain for scan in read_scans(plan)]
    lists = {}
    for view in views:
        for group in view.plan.groups:
            kept = _choose_files(con, view.plan, group, scans)
            if kept is not None:
                lists[group.number] = group.list_files(sorted(kept))
    if not lists:
        yield
        return
    name = f"narrowing-{next(_NUMBERS)}"
    FILE_SYSTEM.narrowed[name] = lists
    con.execute(f"SET VARIABLE {NARROW_VARIABLE} = '{name}'")
    try:
        yield
    finally:
        con.execute(f"RESET VARIABLE {NARROW_VARIABLE}")
        del FILE_SYSTEM.narrowed[name]


def _choose_files(
    con: duckdb.DuckDBPyConnection, plan: ViewPlan, group: Group, scans: Sequence[Scan]
) -> set[int] | None:
    """Positions of the files of a group that some scan can need; None for all, or where the plan does not tell."""
    if _has_fields_named(plan.manifest.schema.arrow, plan.manifest.schema.keys):
        return None
    keys_shown = {marked: key for key, marked in plan.marked_keys(group).items()}
    candidates = possible_scans(scans, group.number, set(group.from_file) | keys_shown.keys())
    if not candidates or any(scan.group is None or not scan.conditions for scan in candidates):
        return None
    if not all(is_plain(keys_shown.get(name, name)) for scan in candidates for name in scan.columns):
        return None
    keys = _KeyTable(con, plan, group)
    kept: set[int] = set()
    for scan in candidates:
        positions = keys.match(scan.conditions)
        if positions is None:
            return None
        kept |= positions
    return kept


def _has_fields_named(kind: pa.Schema | pa.DataType, keys: Sequence[str]) -> bool:
    """Whether a struct in a schema or type has a field with the name of a key: expanded, it would pass for the key."""
    fields = list(kind) if isinstance(kind, pa.Schema) else [kind.field(index) for index in range(kind.num_fields)]
    folded = {key.casefold() for key in keys}
    if isinstance(kind, pa.StructType) and any(field.name.casefold() in folded for field in fields):
        return True
    return any(_has_fields_named(field.type, keys) for field in fields)


class _KeyTable:
    """The partition values of a group's files, to ask which of them meet conditions."""

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: ViewPlan, group: Group):
        zone = con.execute("SELECT current_setting('TimeZone')").fetchall()[0][0]
        self._columns = [[key.casefold()] for key in plan.manifest.schema.keys]
        self._con = own_database().cursor()
        self._con.execute(f"SET TimeZone = {quote_text(zone)}")
        self._con.register("files", _list_values(plan, group.paths))

    def match(self, conditions: Sequence[str]) -> set[int] | None:
        """Positions of the files that meet those conditions that are on keys alone; None where no condition is."""
        met = [self._ask(part) for part in self._parts(conditions)]
        known = [positions for positions in met if positions is not None]
        return functools.reduce(set.intersection, known) if known else None

    def _parts(self, conditions: Sequence[str]) -> Iterator[str]:
        for condition in conditions:
            if self._ask(condition) is not None:
                yield condition
            else:
                yield from split_conjunction(condition)

    def _ask(self, condition: str) -> set[int] | None:
        if volatile_functions().intersection(re.findall(r"\w+", condition)):
            return None
        columns = list_columns(condition)
        if columns is None or not all([part.casefold() for part in name] in self._columns for name in columns):
            return None
        try:
            rows = self._con.execute(f'SELECT " position" FROM files WHERE {condition}').fetchall()
        except duckdb.Error:  # it reads other columns, or functions of the user's own
            return None
        return {row[0] for row in rows}


def _list_values(plan: ViewPlan, paths: Sequence[str]) -> pa.Table:
    partitioning = plan.manifest.partitioning
    values = [partitioning.values_of(path) for path in paths]
    columns: Mapping[str, Any] = {
        key: pa.array([row[index] for row in values], kind)
        for index, (key, kind) in enumerate(zip(partitioning.keys, partitioning.types, strict=True))
    }
    return pa.table({**columns, " position": pa.array(range(len(paths)), pa.int64())})


@functools.cache
def volatile_functions() -> frozenset[str]:
    """Names of DuckDB's functions that give another value at each call, such as random."""
    query = "SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
    return frozenset(row[0] for row in own_database().cursor().execute(query).fetchall())


def explain_query(con: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[str]:
    """The plan of a query as DuckDB's JSON texts; empty for statements that have none, or whose names may mislead."""
    try:
        rows = con.execute(f"EXPLAIN (FORMAT json) {query}", values).fetchall()
        plans = [text for _, text in rows]
        return plans if any('"FILTER"' in text for text in plans) and reads_only_tables(con, query) else []
    except duckdb.Error:  # the query itself is wrong, and says so better when it runs
        return []


def mentions_keys(query: str, keys: Sequence[str]) -> bool:
    """Whether a query names one of these keys, and nothing else so, that asking for its plan may be worth while."""
    text = query.casefold()
    named = [key for key in keys if key.casefold() in text or quote_name(key).casefold() in text]
    return bool(named) and keeps_names(query, keys)
