"""Texts of conditions in DuckDB's plans, as DuckDB's own parser reads them.

It must not guess: DuckDB does not quote names there, and cuts text in two at line breaks; what this may have changed is
not believed.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from lakekit.views.names import is_plain, own_database
from lakekit.views.sqltypes import quote_name

_SHORT = 1000  # characters of a text whose tree is kept
_QUOTED = r"'(?:[^']|'')*'"
# before what follows from the rest of the query, and may not be known before it runs
_HINT = r"optional: (?:Dynamic Filter \([^()']*\))?"
_QUOTABLE = re.compile(r"[^\W\d]\w*(?:[ -]\w+)*")
_MOMENTS = {"current_time", "current_timestamp", "localtime", "localtimestamp"}  # functions without parentheses


def parse_conditions(texts: Sequence[str], schema: pa.Schema, names: Mapping[str, str]) -> list[Any] | None:
    """The expressions that these texts hold, as trees, None for one that does not parse; None if none can be believed.

    Args:
        texts: as a plan shows them.
        schema: the columns whose names may stand there.
        names: by name in the texts, the column that it means, where that is another.

    Example:
        >>> import pyarrow as pa
        >>> schema = pa.schema({"a-b": pa.int8(), "k": pa.int64()})
        >>> [tree["type"] for tree in parse_conditions(["(a-b > 5)(k@7 = 1)"], schema, {"k@7": "k"})]
        ['COMPARE_GREATERTHAN', 'COMPARE_EQUAL']
    """
    text = " ".join(texts)
    told = [name for name in schema.names if name in text or "'" in name or '"' in name]  # few: the parser is slow
    shown = {name: name for name in told if not is_plain(name)} | dict(names)
    if _may_mislead(shown, texts) or mentions_strange(list_names(schema)[len(schema) :], texts):
        return None
    found: list[Any] = []
    for text in texts:
        trees = _parse(_quote_names(text, shown))
        if trees is None and "'" in text:  # perhaps a part of a text with a line break, as others may be
            return None
        found += [None] if trees is None else trees
    return found


def split_conditions(texts: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The conditions that these texts hold, each as SQL of its own, with these names exchanged for what they mean.

    Example:
        >>> split_conditions(["(n@7 > 5)(k@7 = 1)"], {"k@7": "k", "n@7": "n"})
        ['("n" > 5)', '("k" = 1)']
    """
    quoted = [_quote_names(text, names) for text in texts]
    return [part for text in quoted for part in _split_parentheses(text) if part is not None]


def _may_mislead(shown: Mapping[str, str], texts: Sequence[str]) -> bool:
    """Whether a name that must stand in quotes, and does not, could be taken for something else in these texts."""
    text = " ".join(texts)
    strange = [name for name, meant in shown.items() if name == meant and not _is_quotable(name)]
    return any(name in text or "'" in name or '"' in name for name in strange)


def list_names(schema: pa.Schema) -> list[str]:
    """The names of all columns, and of all fields within them, at any depth.

    Example:
        >>> list_names(pa.schema({"s": pa.struct({"a": pa.list_(pa.struct({"b": pa.int8()}))})}))
        ['s', 'a', 'b']
    """
    found, kinds = list(schema.names), [column.type for column in schema]
    while kinds:
        kind = kinds.pop()
        fields = [kind.field(index) for index in range(kind.num_fields)]
        found += [field.name for field in fields] if pa.types.is_struct(kind) else []
        kinds += [field.type for field in fields]
    return found


def mentions_strange(names: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether a name that must stand in quotes, and does not in plans, may stand in one of these texts.

    Example:
        >>> mentions_strange(["n % 2", "n"], ["(n % 2 = 1)"]), mentions_strange(["n % 2", "n"], ["(n = 1)"])
        (True, False)
    """
    text = " ".join(texts)
    spelled = ((name, (name, name.replace('"', '""'), name.replace("'", "''"))) for name in names)
    return any(any(one in text for one in ways) and not is_plain(name) for name, ways in spelled)


def _is_quotable(name: str) -> bool:
    """Whether a name, put in quotes wherever it stands, is never part of anything else that DuckDB writes.

    DuckDB puts spaces around operators, and writes words of its own in capitals.
    """
    return bool(_QUOTABLE.fullmatch(name)) and not any(word.isupper() for word in re.findall(r"\w+", name))


def _quote_names(text: str, shown: Mapping[str, str]) -> str:
    """The text with these names exchanged for those that they mean, in quotes; what is in quotes already stays.

    Words that are no SQL are left out, too; in the place of what a running query will find out, there is a function.
    """
    longest_first = sorted(shown, key=len, reverse=True)
    names = [rf"(?<![\w@]){re.escape(name)}(?![\w@])" for name in longest_first]

    def exchange(match: re.Match[str]) -> str:
        found = match[0]
        if found in shown:
            return quote_name(shown[found])
        return found if found.startswith("'") else "" if found == "optional: " else "unknown()"

    return re.sub("|".join([_QUOTED, _HINT, *names]), exchange, text)


def _parse(text: str) -> list[Any] | None:
    """The expressions that a text holds, one after the other in parentheses; None where it does not parse."""
    parts = _split_parentheses(text)
    trees = [(_parse_short if len(part) <= _SHORT else _parse_one)(part) for part in parts]
    return None if None in trees or not trees else trees


def _parse_one(text: str) -> Any:
    query = "SELECT json_serialize_sql(?)"
    try:
        answer = json.loads(own_database().cursor().execute(query, [f"SELECT ({text})"]).fetchall()[0][0])
    except RecursionError:  # far too deep
        return None
    if answer["error"] or len(answer["statements"]) != 1:
        return None
    node = answer["statements"][0]["node"]
    return node["select_list"][0] if node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 else None


_parse_short = functools.lru_cache(maxsize=1024)(_parse_one)  # each group of files is asked for the same


def _split_parentheses(text: str) -> list[str]:
    """The parts of ``(a)(b)``, as DuckDB shows conditions on files; none where parentheses do not match."""
    parts, depth, start, is_quoted = [], 0, 0, False
    for index, char in enumerate(text):
        is_quoted ^= char == "'"
        if is_quoted:
            continue
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return []
        if depth == 0 and text.startswith(")(", index):
            parts.append(text[start : index + 1])
            start = index + 1
    return [] if depth or is_quoted else [*parts, text[start:]]


def mentions_moment(query: str) -> bool:
    """Whether a query may mean one thing when its plan is asked for and another when it runs, as by ``now()``.

    In one transaction it means the same.

    Example:
        >>> mentions_moment("SELECT * FROM t WHERE at > now()"), mentions_moment("SELECT * FROM t WHERE n > 5")
        (True, False)
    """
    return not _find_moments().isdisjoint(re.findall(r"\w+", query.casefold()))


@functools.cache
def _find_moments() -> frozenset[str]:
    query = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
    return frozenset(row[0] for row in own_database().cursor().execute(query).fetchall()) | _MOMENTS
