"""What a query will scan, read from DuckDB's own plan before anything is opened.

It must not guess: a scan that it cannot tell apart is reported as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from operator import contains
from typing import Any

_ROW_BY_ROW = ("FILTER", "PROJECTION", "UNION")  # what lets a condition count for the rows below, one by one
_ROW_FOR_ROW = ("PROJECTION", "UNION")
_SPARING = ("INNER", "SEMI", "RIGHT", "RIGHT_SEMI")  # joins whose first side need have no row without a match
_PROBED = re.compile(r"(\w+) (?:=|<|>|<=|>=|IS NOT DISTINCT FROM) ")  # how the condition of a join begins with a column
_LIMITS = ("LIMIT", "STREAMING_LIMIT", "LIMIT_PERCENT")
_MARKED = re.compile(r"(.+)@([0-9]+)")
_MENTIONED = re.compile(r"\w@([0-9]+)\b")
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def mark_key(key: str, group: int) -> str:
    """The name under which a group of files shows a partition key, so that plans tell which group they scan.

    Example:
        >>> mark_key("date", 7)
        'date@7'
    """
    return f"{key}@{group}"


def is_marked(name: str) -> bool:
    """Whether a name looks like one that :func:`mark_key` made."""
    return _MARKED.fullmatch(name) is not None


@dataclass(frozen=True)
class Scan:
    """One scan of a plan.

    Attributes:
        group: the number of the group of files, None where no marked key is among the columns.
        columns: the columns that are read, as the files show them.
        filters: SQL texts of what DuckDB applies to rows in the scan itself, by the names that the files show.
        file_filters: the same of what it applies to partition keys, before it opens a file.
        scanned_files: how many of the files that the view listed are left after that; None where all are.
        conditions: SQL texts that rows must meet above the scan, with nothing but projections and unions between.
            Their names are those that columns have there: only in a query that renames no key, and has no union of
            its own, does the name of a key mean the key.
        joins: SQL texts of the conditions of joins above the scan.
        probes: columns by which joins look up the rows of the scan, or of one beside it, on their other side, so that
            those without a match may be spared while the query runs; None for what is not known to be a column.
        is_limited: whether the query ends as soon as it has some number of the rows that come from the scan.
        enough_rows: how many rows of the scan, whichever they are, are all that the query takes of it; None where it
            may take more, or conditions above the scan choose among them.
        limit: the number of the limit that says so; scans below the same one have the same.
        likely_group: the group that it is of, as far as the order of scans tells; see :func:`guess_groups`.
    """

    group: int | None
    columns: frozenset[str]
    filters: tuple[str, ...] = ()
    file_filters: tuple[str, ...] = ()
    scanned_files: int | None = None
    conditions: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    probes: tuple[str | None, ...] = ()
    is_limited: bool = False
    enough_rows: int | None = None
    limit: int | None = None
    likely_group: int | None = None


@dataclass(frozen=True)
class _Above:
    """What stands above a node of a plan."""

    conditions: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    probes: tuple[str | None, ...] = ()
    is_limited: bool = False
    enough_rows: int | None = None
    limit: int | None = None


def read_scans(plan: str) -> list[Scan]:
    """The Parquet scans of a plan, from the text of ``EXPLAIN (FORMAT json)``."""
    return [scan for root in json.loads(plan) for scan in _walk(root, _Above())]


@dataclass(frozen=True)
class Step:
    """A node of a plan: its name, such as TOP_N, and by name what EXPLAIN says of it."""

    name: str
    info: Mapping[str, Any]

    def read(self, name: str) -> tuple[str, ...]:
        """What EXPLAIN says under a name, as texts."""
        return _as_list(self.info.get(name))


def read_steps(plans: Sequence[str]) -> list[Step]:
    """All nodes of the plans of a query, in any order but that the last step of a plan comes before those below it.

    Example:
        >>> plan = '[{"name": "FILTER", "children": [{"name": "UNION", "children": []}]}]'
        >>> [step.name for step in read_steps([plan])]
        ['FILTER', 'UNION']
    """
    nodes, steps = [root for plan in plans for root in json.loads(plan)], []
    while nodes:
        node = nodes.pop()
        steps.append(Step(node["name"], node.get("extra_info", {})))
        nodes += node["children"]
    return steps


def _walk(node: dict[str, Any], above: _Above) -> Iterator[Scan]:
    info, name = node.get("extra_info", {}), node["name"]
    if name == "READ_PARQUET":
        yield _read_scan(info, above)
        return
    goes_on = name in _ROW_BY_ROW
    conditions = (above.conditions if goes_on else ()) + (_as_list(info.get("Expression")) if name == "FILTER" else ())
    below = _Above(
        conditions,
        above.joins + _list_conditions(info),
        above.probes,
        name in _LIMITS or (above.is_limited and goes_on),
        _read_limit(info) if name in _LIMITS else above.enough_rows if name in _ROW_FOR_ROW else None,
        id(node) if name in _LIMITS else above.limit,
    )
    for number, child in enumerate(node["children"]):
        if number == 0 and info.get("Join Type") in _SPARING:
            yield from _walk(child, replace(below, probes=above.probes + _read_probes(info, child)))
        else:
            yield from _walk(child, below)


def _read_limit(info: dict[str, Any]) -> int | None:
    """How many rows a limit takes, those included that it skips; None where that is not a number in the plan."""
    parts = [info.get("Limit"), info.get("Offset", "0")]
    return sum(map(int, parts)) if all(isinstance(part, str) and part.isdecimal() for part in parts) else None


def _read_probes(info: dict[str, Any], first_side: dict[str, Any]) -> tuple[str | None, ...]:
    """The columns of scans on the first side of a join that its conditions look up; None for what may be another."""
    shown = {column.casefold() for column in _list_shown(first_side)}
    names = [match and match.group(1) for match in map(_PROBED.match, _list_conditions(info))]
    return tuple(name if name and name.casefold() in shown else None for name in names) or (None,)


def _list_conditions(info: dict[str, Any]) -> tuple[str, ...]:
    """The conditions of a join; one that is not made of comparisons is a single text."""
    return _as_list(info.get("Conditions")) + _as_list(info.get("Condition"))


def _list_shown(node: dict[str, Any]) -> Iterator[str]:
    """The columns of all scans below a node of a plan, keys by the names that they have in the table."""
    if node["name"] == "READ_PARQUET":
        for column in _as_list(node.get("extra_info", {}).get("Projections")):
            match = _MARKED.fullmatch(column)
            yield match.group(1) if match else column
    for child in node["children"]:
        yield from _list_shown(child)


def _read_scan(info: dict[str, Any], above: _Above) -> Scan:
    columns, file_filters = frozenset(_as_list(info.get("Projections"))), _as_list(info.get("File Filters"))
    groups = {int(match.group(2)) for column in columns if (match := _MARKED.fullmatch(column))}
    groups |= {int(number) for text in file_filters for number in _MENTIONED.findall(strike_texts(text))}
    scanned = info.get("Scanning Files")
    return Scan(
        group=groups.pop() if len(groups) == 1 else None,
        columns=columns,
        filters=_as_list(info.get("Filters")),
        file_filters=file_filters,
        scanned_files=int(scanned.partition("/")[0]) if scanned else None,
        conditions=above.conditions,
        joins=above.joins,
        probes=above.probes,
        is_limited=above.is_limited,
        enough_rows=above.enough_rows,
        limit=above.limit,
    )


def strike_texts(condition: str) -> str:
    """A condition without the texts in it, so that what they say is not taken for names.

    Example:
        >>> strike_texts("(s = 'it''s k@7' AND k@8 > 1)")
        '(s =  AND k@8 > 1)'
    """
    return _LITERAL.sub("", condition)


def name_columns(scan: Scan, known: Set[str]) -> Scan | None:
    """The scan with whole columns, where the plan tells fields of structs; None where it is not sure which it reads.

    Args:
        scan: as the plan has it.
        known: the columns that any scan may read, as the files show them.

    Example:
        >>> sorted(name_columns(Scan(7, frozenset({"s.a.b", "n", "date@7"})), {"s", "n", "date@7"}).columns)
        ['date@7', 'n', 's']
        >>> name_columns(Scan(7, frozenset({"s.a"})), {"s", "s.a"}) is None
        True
    """
    named = []
    for column in scan.columns:
        ends = [at for at, char in enumerate(column) if char == "."]
        found = [part for part in (column, *(column[:end] for end in ends)) if part in known]
        if len(found) != 1:
            return None
        named += found
    return replace(scan, columns=frozenset(named))


def _as_list(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


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


def guess_groups(scans: Sequence[Scan], groups: Mapping[int, Set[str]]) -> list[Scan]:
    """The scans with the group that each is of: in the order in which groups were bound, where there are as many and
    nothing speaks against it; else by their columns, where those of one group alone have them.

    Args:
        scans: in the order of the plan.
        groups: by number, in the order in which DuckDB bound them, the columns that the files of a group show.

    Example:
        >>> scans = [Scan(None, frozenset("x")), Scan(8, frozenset("x"))]
        >>> [scan.likely_group for scan in guess_groups(scans, {7: {"x"}, 8: {"x", "y"}})]
        [7, 8]
        >>> scans = [Scan(None, frozenset("y")), Scan(None, frozenset("x"))]
        >>> [scan.likely_group for scan in guess_groups(scans, {7: {"x"}, 8: {"x", "y"}})]
        [8, 7]
    """
    fitting = [[number for number in groups if _fits(scan, number, groups[number])] for scan in scans]
    numbers: list[int | None] = list(groups)
    if len(scans) != len(groups) or not all(map(contains, fitting, numbers)):
        numbers = [found[0] if len(found) == 1 else None for found in fitting]
    if len(scans) == len(groups):  # one of each: what is known of some leaves less for the others
        for index in [index for index, number in enumerate(numbers) if number is None]:
            left = [number for number in fitting[index] if number not in numbers]
            numbers[index] = left[0] if len(left) == 1 else None
    return [replace(scan, likely_group=number) for scan, number in zip(scans, numbers, strict=True)]


def _fits(scan: Scan, group: int, columns: Set[str]) -> bool:
    """Whether a scan is, or for all that the plan tells may be, of a group with these columns."""
    return scan.group == group or (scan.group is None and scan.columns <= columns)


def possible_scans(scans: Sequence[Scan], group: int, columns: Set[str]) -> list[Scan]:
    """Those scans that are, or for all that the plan tells may be, of a group with these columns."""
    return [scan for scan in scans if _fits(scan, group, columns)]
