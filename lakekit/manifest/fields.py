"""Columns that a log knows by numbers, and files name as they were called when those were written: footers renamed.

It must not change anything in a footer but names: what lies where in the file stays true.

A renamed column keeps its number (Parquet's ``field_id``), and one that is dropped takes it along: a later one of the
same name has another. Files without numbers are read by the names that the log maps to them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from lakekit.errors import UnsupportedTable
from lakekit.manifest.schema import FileKind
from lakekit.manifest.thrift import read_fields, skip_value, walk_items, walk_struct, write_binary

# Field numbers of Parquet (apache/parquet-format, parquet.thrift, read 2026-11)
_SCHEMA, _NAME, _CHILDREN, _FIELD_ID = 2, 4, 5, 9

_END_BYTES = 8  # length and magic

NameMap = tuple[tuple[str, int | None, "NameMap"], ...]  # of files without numbers: name, number, what is below it


@dataclass(frozen=True)
class LoggedField:
    """A column, or a part of one, as the log has it.

    Attributes:
        number: by which files know it.
        name: that it has now.
        kind: "struct", "list", "map" or "value".
        parts: the fields of a struct, the element of a list, key and value of a map.
        has_default: whether it has another value than NULL in files that do not hold it.
    """

    number: int
    name: str
    kind: str = "value"
    parts: tuple[LoggedField, ...] = ()
    has_default: bool = False


@dataclass(frozen=True)
class FieldNames:
    """The names that columns have now, by their numbers.

    Attributes:
        url: the table, for messages.
        fields: its columns.
        mapped: numbers by name, for files that have none; None where the log tells none.
    """

    url: str
    fields: tuple[LoggedField, ...]
    mapped: NameMap | None = None

    def rename(self, footer: bytes) -> bytes:
        """A footer (Thrift, length, magic) with the names of now; the same object where they are its own.

        Raises:
            UnsupportedTable: it has no numbers, and there is no map of names.
        """
        start, end = _find_schema(footer)
        renamed = _match_schema(self, footer[start:end]).schema
        if renamed is None:
            return footer
        fields = footer[:start] + renamed + footer[end:-_END_BYTES]
        return fields + len(fields).to_bytes(4, "little") + footer[-4:]

    def find_absent(self, footer: bytes) -> frozenset[int]:
        """The numbers of columns, and parts of them, that a file with this stored footer does not hold."""
        start, end = _find_schema(footer)
        return _match_schema(self, footer[start:end]).absent

    def list_defaults(self) -> dict[int, str]:
        """The names of fields, by number, that are not NULL where a file does not hold them."""
        return {one.number: one.name for one in _walk(self.fields) if one.has_default}


def _walk(fields: Sequence[LoggedField]) -> Iterator[LoggedField]:
    for one in fields:
        yield one
        yield from _walk(one.parts)


def prune_kind(kind: FileKind, told: pa.Schema, *, is_altered: bool) -> FileKind:
    """A kind of renamed files without columns, and fields of structs, that the log does not know any more.

    Args:
        kind: with the names of now.
        told: the log's columns, normalized, keys among them.
        is_altered: whether names in the files are others, or columns not shown.
    """
    kept = [one for one in kind.schema if told.get_field_index(one.name) >= 0]
    pruned = pa.schema([one.with_type(_prune(one.type, told.field(one.name).type)) for one in kept])
    return replace(kind, schema=pruned, is_altered=is_altered or pruned != kind.schema)


def _prune(found: pa.DataType, told: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(found) and types.is_struct(told):
        names = {one.name for one in told}
        return pa.struct([one.with_type(_prune(one.type, told.field(one.name).type)) for one in found
                          if one.name in names])  # fmt: skip
    if types.is_list(found) and types.is_list(told):
        return pa.list_(_prune(found.value_type, told.value_type))
    if types.is_map(found) and types.is_map(told):
        return pa.map_(_prune(found.key_type, told.key_type), _prune(found.item_type, told.item_type))
    return found


@dataclass
class _Node:
    """One element of a file's schema, with those below it."""

    position: int
    name: str
    number: int | None
    below: list[_Node] = field(default_factory=list)


@dataclass(frozen=True)
class _Matched:
    """What became of one schema.

    Attributes:
        schema: the list of its elements with other names; None where none is other.
        absent: numbers that it does not hold.
    """

    schema: bytes | None
    absent: frozenset[int]


class _Seen(Exception):  # noqa: N818  not an error: the schema is found, and the rest of the footer is long
    pass


def _find_schema(footer: bytes) -> tuple[int, int]:
    """Where the list of schema elements begins and ends."""

    def note(data: bytes, at: int, kind: int, place: int) -> int:
        raise _Seen(at, skip_value(data, at, kind))

    try:
        walk_struct(footer, 0, {_SCHEMA: note})
    except _Seen as found:
        return found.args
    raise ValueError("it has no schema")


@functools.lru_cache(maxsize=256)
def _match_schema(names: FieldNames, schema: bytes) -> _Matched:
    elements, places = _read_elements(schema)
    nodes = _build_tree(elements)
    has_numbers = any(element.get(_FIELD_ID, -1) >= 0 for element in elements[1:])
    if not has_numbers and names.mapped is None and len(elements) > 1:
        what = f"Files of {names.url} have no field ids, and its metadata has no schema.name-mapping.default."
        raise UnsupportedTable(what, hint="set that property of the table, or write the files anew with ids.")
    match = _Match(None if has_numbers else names.mapped or ())
    match.match(nodes, names.fields, match.mapped or ())
    if not match.renamed:
        return _Matched(None, frozenset(match.absent))
    renamed, done = bytearray(), 0
    for position, name in sorted(match.renamed.items()):
        start, end = places[position]
        renamed += schema[done:start] + write_binary(name.encode())
        done = end
    return _Matched(bytes(renamed + schema[done:]), frozenset(match.absent))


def _read_elements(schema: bytes) -> tuple[list[dict[int, Any]], list[tuple[int, int]]]:
    """The elements of a schema, and where the name of each stands."""
    elements: list[dict[int, Any]] = []
    places: list[tuple[int, int]] = []

    def note(data: bytes, at: int, kind: int, place: int) -> int:
        places.append((at, skip_value(data, at, kind)))
        return places[-1][1]

    def read(data: bytes, at: int) -> int:
        elements.append(read_fields(data[at:]))
        return walk_struct(data, at, {_NAME: note})

    walk_items(schema, 0, read)
    return elements, places


def _build_tree(elements: Sequence[dict[int, Any]]) -> list[_Node]:
    """The columns of a file, as trees."""
    position = 0

    def build() -> _Node:
        nonlocal position
        element = elements[position]
        number = element.get(_FIELD_ID)
        node = _Node(position, element[_NAME].decode(errors="replace"), number if number is not None else None)
        position += 1
        node.below = [build() for _ in range(element.get(_CHILDREN) or 0)]
        return node

    return build().below


class _Match:
    """Finds for each element of a file which field of the log it is.

    Args:
        mapped: numbers by name; None where the file has numbers of its own.

    Attributes:
        renamed: new names, by position.
        absent: numbers that are not there.
    """

    def __init__(self, mapped: NameMap | None):
        self.mapped = mapped
        self.renamed: dict[int, str] = {}
        self.absent: set[int] = set()

    def match(self, nodes: Sequence[_Node], fields: Sequence[LoggedField], mapped: NameMap) -> None:
        """The elements of one struct."""
        left = {one.number: one for one in fields}
        taken = {one.name.casefold() for one in fields}
        by_name = {name: (number, below) for name, number, below in mapped}
        for node in nodes:
            number, below = by_name.get(node.name, (None, ())) if self.mapped is not None else (node.number, ())
            found = left.pop(number, None) if number is not None else None
            if found is not None:
                if node.name != found.name:
                    self.renamed[node.position] = found.name
                self._go_down(node, found, below)
            elif node.name.casefold() in taken:  # once another column, of which nothing is known any more
                self.renamed[node.position] = _make_free(node.name, taken)
        self.absent.update(left)

    def _go_down(self, node: _Node, found: LoggedField, mapped: NameMap) -> None:
        below = {name: deeper for name, _, deeper in mapped}
        if found.kind == "struct":
            self.match(node.below, found.parts, mapped)
        elif found.kind == "list" and node.below:
            repeated = node.below[0]
            is_three = len(repeated.below) == 1 and not _is_element(repeated, node)
            self._go_down(repeated.below[0] if is_three else repeated, found.parts[0], below.get("element", ()))
        elif found.kind == "map" and node.below:
            for part, inner, name in zip(node.below[0].below, found.parts, ("key", "value"), strict=False):
                self._go_down(part, inner, below.get(name, ()))


def _is_element(repeated: _Node, column: _Node) -> bool:
    """Whether the repeated group of a list is its element, by Parquet's rules for lists of old writers."""
    return repeated.name == "array" or repeated.name == f"{column.name}_tuple"


def _make_free(name: str, taken: set[str]) -> str:
    free = f"{name} (dropped)"
    while free.casefold() in taken:
        free += "~"
    taken.add(free.casefold())
    return free
