"""What a query will scan, read from DuckDB's own plan before anything is opened.

It must not guess: a scan that it cannot tell apart is reported as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_ROW_BY_ROW = ("FILTER", "PROJECTION", "UNION")  # what lets a condition count for the rows below, one by one
_MARKED = re.compile(r"(.+)@([0-9]+)")


def mark_key(key: str, group: int) -> str:
    """The name under which a group of files shows a partition key, so that plans tell which group they scan.

    Example:
        >>> mark_key("date", 7)
        'date@7'
    """
    return f"{key}@{group}"


@dataclass(frozen=True)
class Scan:
    """One scan of a plan.

    Attributes:
        group: the number of the group of files, None where no marked key is among the columns.
        columns: the columns that are read, as the files show them.
        conditions: SQL texts that rows must meet above the scan, with nothing but projections and unions between.
            Their names are those that columns have there: only in a query that renames no key, and has no union of
            its own, does the name of a key mean the key.
    """

    group: int | None
    columns: frozenset[str]
    conditions: tuple[str, ...]


def read_scans(plan: str) -> list[Scan]:
    """The Parquet scans of a plan, from the text of ``EXPLAIN (FORMAT json)``."""
    return [scan for root in json.loads(plan) for scan in _walk(root, [])]


def _walk(node: dict[str, Any], conditions: list[str]) -> Iterator[Scan]:
    info = node.get("extra_info", {})
    if node["name"] == "READ_PARQUET":
        columns = _as_list(info.get("Projections"))
        groups = {int(match.group(2)) for column in columns if (match := _MARKED.fullmatch(column))}
        yield Scan(groups.pop() if len(groups) == 1 else None, frozenset(columns), tuple(conditions))
        return
    above = conditions if node["name"] in _ROW_BY_ROW else []
    above = above + _as_list(info.get("Expression")) if node["name"] == "FILTER" else above
    for child in node["children"]:
        yield from _walk(child, above)


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def split_conjunction(condition: str) -> list[str]:
    """The parts of ``(a AND b AND c)`` as DuckDB writes it; the condition itself where it is none.

    Example:
        >>> split_conjunction("((x = ' AND ') AND (abs(n) BETWEEN 2 AND 3))")
        ["(x = ' AND ')", '(abs(n) BETWEEN 2 AND 3)']
    """
    if not (condition.startswith("(") and condition.endswith(")")):
        return [condition]
    parts, depth, start, quote = [], 0, 1, ""
    for index, char in enumerate(condition[1:-1], 1):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                return [condition]
        elif depth == 0 and condition.startswith(" AND ", index):
            parts.append(condition[start:index])
            start = index + 5
    parts.append(condition[start:-1])
    return parts


def possible_scans(scans: Sequence[Scan], group: int, columns: set[str]) -> list[Scan]:
    """Those scans that are, or for all that the plan tells may be, of a group with these columns."""
    return [scan for scan in scans if scan.group == group or (scan.group is None and scan.columns <= columns)]
