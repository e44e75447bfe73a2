"""Whether a query means by the name of a partition key that key and nothing else, from the query as DuckDB parses it.

It must not run the query. Plans do not tell: they show the names that a query gave its columns last, so that ``n`` may
be a key, or a column that a subquery, a view or a union calls ``n``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from lakekit.views.filesystem import FILES_FUNCTION

_RENAMING = {"SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "PIVOT", "SHOW_REF"}  # give columns names unseen
_HARMLESS = {"range", "generate_series", "unnest"}  # functions in FROM that read no table
# how DuckDB's relations ask for the first rows of a query: to show them, or for fetchone()
_FIRST_ROWS = re.compile(
    r'WITH "__duckdb_s0" AS NOT MATERIALIZED \(\nSELECT \* FROM \(\n(.*)\n\) AS ("unnamed_relation_\w+")\n\)\n'
    r'SELECT \* FROM "__duckdb_s0" AS \2 LIMIT [1-9]\d*',
    re.DOTALL,
)
_OTHER_NAMES = {"class", "type", "function_name", "table_name", "qualified_name", "using_columns"}  # not of columns


def keeps_names(query: str, names: Iterable[str]) -> bool:
    """Whether a query gives these names to nothing, reads columns in no way that might, and needs no quotes for any.

    Example:
        >>> keeps_names("SELECT n + 1 FROM t WHERE n % 2 = 1", ["n"])
        True
        >>> keeps_names("SELECT * FROM (SELECT v AS n FROM t) WHERE n % 2 = 1", ["n"])
        False
    """
    statements = parse_query(query)
    if statements is None or _may_name(statements, {name.casefold() for name in names}):
        return False
    return all(is_plain(part) for column in _find_columns(statements) for part in column)


def reads_only_tables(con: duckdb.DuckDBPyConnection, query: str) -> bool:
    """Whether a query reads only views of lakekit and tables, by functions of DuckDB's own: none hides a query."""
    nodes = list(_walk(parse_query(query) or []))
    functions = {node["function_name"].casefold() for node in nodes if node.get("class") == "FUNCTION"}
    if not functions <= _own_functions():
        return False
    if any(node.get("type") == "TABLE_FUNCTION" for node in nodes) and functions & _list_macros(con):
        return False
    own = {entry["key"].casefold() for node in nodes for entry in node.get("cte_map", {}).get("map", [])}
    read = {node["table_name"].casefold() for node in nodes if node.get("type") == "BASE_TABLE"} - own
    views = con.execute("SELECT lower(view_name), contains(sql, ?) FROM duckdb_views()", [FILES_FUNCTION]).fetchall()
    hiding = {name for name, is_own in views if not is_own}
    known = {name for name, is_own in views if is_own}
    known |= {row[0] for row in con.execute("SELECT lower(table_name) FROM duckdb_tables()").fetchall()}
    return read <= known - hiding and not own & hiding  # WITH v AS (FROM v) reads the view of that name


def _list_macros(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The names of the user's own macros, which may be those of functions; to list them takes ten milliseconds."""
    rows = con.execute("SELECT lower(function_name) FROM duckdb_functions() WHERE NOT internal").fetchall()
    return {row[0] for row in rows}


def is_select(query: str) -> bool:
    """Whether a query only asks for rows.

    Example:
        >>> is_select("SELECT 1"), is_select("CREATE TABLE t AS SELECT 1"), is_select("-- nothing")
        (True, False, False)
    """
    return bool(parse_query(query))


@functools.lru_cache(maxsize=1024)
def is_plain(name: str) -> bool:
    """Whether a name can stand in SQL without quotes, as it does in plans, and mean nothing but itself.

    Example:
        >>> is_plain("n"), is_plain("n % 2"), is_plain("NULL"), is_plain("1")
        (True, False, False, False)
    """
    return list_columns(name) == [[name]]


def list_columns(condition: str) -> list[list[str]] | None:
    """The columns that a condition reads, each as the parts of its name; None for none, or where it does not parse.

    Example:
        >>> list_columns("day(date) = 3 AND t.n > current_date")
        [['date'], ['t', 'n'], ['current_date']]
    """
    return _find_columns(parse_query(f"SELECT {condition}")) or None


@functools.lru_cache(maxsize=64)
def parse_query(query: str) -> list[dict[str, Any]] | None:
    """The statements of a query as DuckDB's parser tells them; None where one is no SELECT, or is nested too deep."""
    text = own_database().cursor().execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0]
    try:
        parsed = json.loads(text)
    except RecursionError:
        return None
    return None if parsed["error"] else parsed["statements"]


def cut_comment(query: str) -> str:
    """A query without what stands behind its last semicolon, if that is comments: DuckDB 2.0 does not show it then.

    Example:
        >>> cut_comment("SELECT 1; -- one"), cut_comment("SELECT ';' -- ; one")
        ('SELECT 1', "SELECT ';' -- ; one")
    """
    text, end = query.encode(), None
    for start, kind in reversed(duckdb.tokenize(query) if ";" in query else []):
        if text[start : start + 1] == b";":
            end = start
        elif kind != duckdb.token_type.comment:
            break
    return query if end is None else text[:end].decode()


def read_shown(query: str) -> str:
    """The query of which a relation asks for the first rows, one at least; any other as it is.

    Example:
        >>> relation = duckdb.sql("SELECT count(*) FROM range(3)")
        >>> read_shown(relation.limit(1).sql_query()), read_shown("SELECT 1 LIMIT 1")
        ('SELECT count(*) FROM range(3)', 'SELECT 1 LIMIT 1')
    """
    match = _FIRST_ROWS.fullmatch(query)
    return match[1] if match else query


def find_table_select(query: str) -> dict[str, Any] | None:
    """The SELECT that a query is, where it is one over the rows of one table, without groups; else None.

    What it does with them, in its list, condition and modifiers, is for the caller to look at.

    Example:
        >>> find_table_select("SELECT max(n) FROM t WHERE n > 1")["from_table"]["table_name"]
        't'
        >>> find_table_select("SELECT n FROM t GROUP BY n"), find_table_select("SELECT n FROM t JOIN u USING (n)")
        (None, None)
    """
    statements = parse_query(query) or []
    node = statements[0]["node"] if len(statements) == 1 else {"type": None}
    if node["type"] != "SELECT_NODE" or node["cte_map"]["map"]:
        return None
    if node["aggregate_handling"] != "STANDARD_HANDLING":  # GROUP BY ALL
        return None
    if any(node[part] for part in ("group_expressions", "group_sets", "having", "sample", "qualify")):
        return None
    source = node["from_table"]
    if source["type"] != "BASE_TABLE":
        return None
    parts = ("sample", "column_name_alias", "at_clause", "schema_name", "catalog_name")
    return None if any(source[part] for part in parts) else node


def _may_name(node: Any, names: set[str]) -> bool:
    if isinstance(node, str):
        return node.casefold() in names
    if isinstance(node, list):
        return any(_may_name(item, names) for item in node)
    if not isinstance(node, dict) or node.get("class") == "CONSTANT":
        return False
    if node.get("type") in _RENAMING:
        return True
    if node.get("type") == "TABLE_FUNCTION" and node["function"].get("function_name") not in _HARMLESS:
        return True
    if node.get("class") == "STAR" and node["columns"] and node["alias"]:  # COLUMNS('v(.*)') AS 'n\1'
        return True
    if node.get("class") == "FUNCTION" and node["function_name"] == "unnest":  # of a struct: its fields, by their names
        return True
    if node.get("class") == "COLUMN_REF":
        alias = node["alias"].casefold()
        return alias in names and alias != node["column_names"][-1].casefold()
    return any(_may_name(item, names) for key, item in node.items() if key not in _OTHER_NAMES)


def _find_columns(tree: Any) -> list[list[str]]:
    return [node["column_names"] for node in _walk(tree) if node.get("class") == "COLUMN_REF"]


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(item)


@functools.cache
def own_database() -> duckdb.DuckDBPyConnection:
    """A database of lakekit's own, in memory, for questions about queries and keys; nothing of the user's is in it."""
    return duckdb.connect()


@functools.cache
def _own_functions() -> frozenset[str]:
    """The names of the functions that come with DuckDB."""
    rows = own_database().cursor().execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    return frozenset(row[0] for row in rows)
