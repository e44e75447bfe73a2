"""Fewer files for one query: what DuckDB's plan of it says of the rows, applied to the lists of files before it runs.

It must not change an answer: DuckDB still applies each condition to each row.

DuckDB 2.0 prunes files by most conditions on keys itself, but opens each of the others to look at its statistics. It
leaves conditions above the scan that might throw an error, such as ``day(date) = 3`` or ``n % 2 = 1``, and would then
read every file.
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from lakekit.views.choose import Chooser, Chosen
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.explain import Scan, guess_groups, is_marked, name_columns, read_scans, read_steps
from lakekit.views.filesystem import FILE_SYSTEM, NARROW_VARIABLE, Listing
from lakekit.views.firsts import choose_first, find_conditions, finds_first, read_any, read_first
from lakekit.views.local import LocalFiles
from lakekit.views.names import is_select, read_shown, reads_only_tables
from lakekit.views.plantext import list_names, mentions_moment
from lakekit.views.summaries import only_aggregates, read_aggregates, summarize

if TYPE_CHECKING:
    from lakekit.views.duckdb import DuckDBView
    from lakekit.views.groups import Group

    _Choices = list[tuple[DuckDBView, Group, Chosen]]

_NUMBERS = itertools.count(1)
_TELLS_LESS = (  # whether a plan may not tell which columns a scan reads
    "SELECT lower(current_setting('explain_output')) = 'optimized_only' "
    "OR current_setting('disabled_optimizers') <> '' OR NOT current_setting('enable_optimizer')"
)
_NAMES: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, str] = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def narrow_files(
    con: duckdb.DuckDBPyConnection, views: Mapping[str, DuckDBView], query: str, values: Any
) -> Iterator[list[pa.Scalar] | None]:
    """While this lasts, the views in this connection list only the files that a query can need, and of these the
    small ones as copies that are here already. Gives the one row of the answer where that needs no file.

    Args:
        con: the connection in which the query is to run; no other sees the shorter lists.
        views: views of the connection, by their tokens.
        query: SQL.
        values: of its parameters.

    Raises:
        StaleFile, AccessDenied, …: a file cannot be fetched as the manifest knows it.
    """
    with _in_one_moment(con, query), _narrow(con, views, query, values) as answer:
        yield answer


@contextlib.contextmanager
def _in_one_moment(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[None]:
    """While this lasts, ``now()`` means the same to a query's plan and to the query, if it asks for it."""
    if not mentions_moment(query) or _is_in_transaction(con):
        yield
        return
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def _is_in_transaction(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the user has begun one; else each statement has its own."""
    first, second = (con.execute("SELECT txid_current()").fetchall() for _ in range(2))
    return first == second


@contextlib.contextmanager
def _narrow(
    con: duckdb.DuckDBPyConnection, views: Mapping[str, DuckDBView], query: str, values: Any
) -> Iterator[list[pa.Scalar] | None]:
    plan = plan_query(con, views, query, values)
    for view, group, _ in plan.choices:
        view.note_choice(group, plan.scans)
    if plan.answer is not None or not plan.is_known:
        yield plan.answer
        return
    with LocalFiles() as local:
        names = local.show([part for part in plan.choices if not part[2].is_counted])
        lists = {
            (view.token, group.number): view.plan.list_counts(group, chosen.listed)
            if chosen.is_counted
            else group.list_files(chosen.listed, names[group.number])
            for view, group, chosen in plan.choices
        }
        try:
            with _list_by(con, lambda token, number: lists.get((token, number))):
                yield None
        except duckdb.Error as exc:
            if (lost := local.explain(exc)) is not None:
                raise lost from exc
            raise local.name_files(exc) from None
        local.check()


@dataclass(frozen=True)
class QueryPlan:
    """What a query is going to read.

    Attributes:
        scans: of its plan.
        choices: the groups of files that it is bound to, with those files of each that it can need.
        is_known: whether the plan tells; else all files may be needed.
        answer: the one row of the answer where that needs no file.
    """

    scans: list[Scan]
    choices: _Choices
    is_known: bool
    answer: list[pa.Scalar] | None = None


def plan_query(con: duckdb.DuckDBPyConnection, views: Mapping[str, DuckDBView], query: str, values: Any) -> QueryPlan:
    """What a query is going to read, by DuckDB's plan of it; nothing is read for that.

    Args:
        con, views, query, values: see :func:`narrow_files`.
    """
    by_number = {group.number: (view, group) for view in views.values() for group in view.plan.groups}
    asked: dict[int, None] = {}

    def list_samples(token: str, number: int) -> pa.ListArray | None:
        if number not in by_number:
            return None
        asked[number] = None
        view, group = by_number[number]
        return view.plan.list_samples(group)

    with _list_by(con, list_samples):
        plans = explain_query(con, query, values)
    bound = [(number, by_number[number]) for number in asked]
    columns = {number: {*group.from_file, *view.plan.shown_keys(group)} for number, (view, group) in bound}
    read = [scan for plan in plans for scan in read_scans(plan)]
    groups = [part for _, part in bound]
    if not read or not groups:
        return QueryPlan(read, [], is_known=False)
    named = [name_columns(scan, set().union(*columns.values())) for scan in read]
    is_told = not any(is_marked(name) for _, group in groups for name in group.from_file)
    schemas = {id(view): view.plan.manifest.schema.arrow for view, _ in groups}.values()
    names = [name for schema in schemas for name in list_names(schema)]
    if None in named or not is_told or any("\n" in name or "\r" in name for name in names):
        choices = [(view, group, Chosen(list(range(len(group.paths))))) for view, group in groups]
        return QueryPlan(read, choices, is_known=False)
    scans = guess_groups(named, columns)
    try:
        shown = read_shown(query)
        chooser = Chooser(con, shown, scans)
        choices = [(view, group, chooser.choose(view.plan, group)) for view, group in groups]
        choices = _keep_first(con, shown, plans, scans, choices)
        return QueryPlan(scans, choices, is_known=True, answer=_answer(con, shown, plans, scans, choices))
    except RecursionError:  # a condition that is nested too deep
        return QueryPlan(scans, [], is_known=False)


def _keep_first(
    con: duckdb.DuckDBPyConnection, query: str, plans: Sequence[str], scans: Sequence[Scan], choices: _Choices
) -> _Choices:
    """The same choices, without the files that can hold none of the first rows, where a query asks for no others."""
    views = {id(view): view for view, _, _ in choices}
    first = (read_any(scans) or read_first(con, query)) if len(views) == 1 else None
    if first is None or not finds_first(read_steps(plans), scans):
        return choices
    if first.column is None and not all(group.plain.all() for _, group, _ in choices):
        return choices  # pages of rows would begin with other files than all rows do
    manifest = choices[0][0].plan.manifest
    parts = []
    for view, group, chosen in choices:
        texts = find_conditions(scans, group.number, len(choices))
        if texts is not None:
            predicate = read_duckdb_conditions(texts, manifest.schema.arrow, view.plan.shown_keys(group))
            parts.append((group.rows[np.array(chosen.listed, np.int64)], predicate))
    may_hold = choose_first(manifest, first, parts)
    return [(view, group, chosen.keep(may_hold[group.rows])) for view, group, chosen in choices]


def _answer(
    con: duckdb.DuckDBPyConnection, query: str, plans: Sequence[str], scans: Sequence[Scan], choices: _Choices
) -> list[pa.Scalar] | None:
    """The answer to a query for counts, lowest and highest values over whole files of one table, if that is known."""
    asked = read_aggregates(query)
    (view, *others) = {id(view): view for view, _, _ in choices}.values()
    if asked is None or others or any(scan.filters for scan in scans) or not only_aggregates(read_steps(plans), asked):
        return None
    if not all(chosen.is_exact for _, _, chosen in choices):
        return None
    is_filtered = any(scan.file_filters for scan in scans)
    if is_filtered and sorted(group.number for _, group, _ in choices) != sorted(scan.group or 0 for scan in scans):
        return None  # a filter that all files of a group meet is not shown, and then the group is not known
    if not reads_only_tables(con, query):
        return None
    rows = np.concatenate([group.rows[np.array(chosen.listed, np.int64)] for _, group, chosen in choices])
    return summarize(view.plan.manifest, rows, asked)


def bind_lightly(
    con: duckdb.DuckDBPyConnection, views: Mapping[str, DuckDBView], query: str
) -> AbstractContextManager[None]:
    """While this lasts, a SELECT that is bound and not run is told of no files, which is quicker."""
    runs_now = con.execute("SELECT count(*) FROM duckdb_sequences()").fetchall()[0][0]  # as DuckDB does for nextval
    return bind_without_files(con, views) if is_select(query) and not runs_now else contextlib.nullcontext()


def bind_without_files(con: duckdb.DuckDBPyConnection, views: Mapping[str, DuckDBView]) -> AbstractContextManager[None]:
    """While this lasts, these views in this connection list no files: whoever runs a query binds it again."""
    by_number = {group.number: group for view in views.values() for group in view.plan.groups}
    return _list_by(con, lambda token, number: by_number[number].list_files([]) if number in by_number else None)


@contextlib.contextmanager
def _list_by(con: duckdb.DuckDBPyConnection, listing: Listing) -> Iterator[None]:
    """While this lasts, views in this connection ask this function for their files first."""
    name = _name_connection(con)
    FILE_SYSTEM.narrowed[name] = listing
    try:
        yield
    finally:
        FILE_SYSTEM.narrowed.pop(name, None)


def _name_connection(con: duckdb.DuckDBPyConnection) -> str:
    """What views in a connection are told that it is called; its cursors are told nothing."""
    name = _NAMES.get(con)
    if name is None:
        name = f"narrowing-{next(_NUMBERS)}"
        con.execute(f"SET VARIABLE {NARROW_VARIABLE} = '{name}'")
        _NAMES[con] = name
    return name


def explain_query(con: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[str]:
    """The plan of a query as DuckDB's JSON texts; empty for statements that have none, or where it would tell less."""
    try:
        if con.execute(_TELLS_LESS).fetchall()[0][0]:
            return []
        return [text for _, text in con.execute(f"EXPLAIN (FORMAT json) {query}", values).fetchall()]
    except duckdb.Error:  # the query itself is wrong, and says so better when it runs
        return []
