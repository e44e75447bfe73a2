"""What queries ask of one table, as DuckDB's own planner tells it for a table of the same columns without rows.

It must not guess: what is not understood may be anything, and a query that cannot be planned is told with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from lakekit.manifest.predicates import Predicate
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.names import parse_query
from lakekit.views.sqltypes import quote_name


class Asked(NamedTuple):
    """One query: the condition of each of its scans of the table, or why there is none."""

    query: str
    times: int
    conditions: tuple[Predicate, ...]
    problem: str = ""


def read_filters(name: str, schemas: Mapping[str, pa.Schema], queries: Mapping[str, int]) -> list[Asked]:
    """What each query asks of the table of that name.

    Args:
        name: one of schemas.
        schemas: the columns of every table that queries may name.
        queries: SQL, and how often it ran.

    Example:
        >>> import pyarrow as pa
        >>> read_filters("t", {"t": pa.schema({"n": pa.int64()})}, {"SELECT * FROM t WHERE n > 5": 1})[0].conditions
        (n > 5,)
    """
    con = duckdb.connect()
    # the planner must not conclude from there being no rows that nothing is to be read
    con.execute("SET disabled_optimizers = 'statistics_propagation'; SET enable_external_access = false")
    for table, schema in schemas.items():
        con.register("_columns", schema.empty_table())
        con.execute(f"CREATE TABLE {quote_name(table)} AS FROM _columns")
        con.unregister("_columns")
    found = [_read(con, query, times, (name, schemas[name])) for query, times in queries.items()]
    con.close()
    return found


def _read(con: duckdb.DuckDBPyConnection, query: str, times: int, table: tuple[str, pa.Schema]) -> Asked:
    statements = parse_query(query)
    if statements is None or len(statements) != 1:
        return Asked(query, times, (), "it is not one SELECT")
    try:
        plan = json.loads(con.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()[0][1])
    except duckdb.Error as error:
        return Asked(query, times, (), str(error).partition("\n")[0])
    name, schema = table
    scans = [texts for root in plan for found, texts in _walk(root, ()) if found == name.casefold()]
    conditions = tuple(read_duckdb_conditions(texts, schema) for texts in scans)
    return Asked(query, times, conditions, "" if conditions else f"it reads nothing of {name}")


def _walk(node: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The table of each scan, and the conditions in it and right above it, where names are those of its columns."""
    info = node.get("extra_info", {})
    if node["name"].strip() == "SEQ_SCAN":
        yield info["Table"].rpartition("main.")[2].strip('"').casefold(), above + _list(info.get("Filters"))
        return
    own = above + _list(info.get("Expression")) if node["name"].strip() == "FILTER" else ()
    for child in node["children"]:
        yield from _walk(child, own)


def _list(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
