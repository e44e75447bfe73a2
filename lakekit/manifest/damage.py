"""Damage that is found before a query meets it: a footer that decodes and makes no sense.

It must not repair or guess: it says what is wrong, "" for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import pyarrow.parquet as pq

from lakekit.manifest.thrift import Fields

# Field numbers and type numbers of parquet.thrift (apache/parquet-format 2.12, read 2026-11)
_ROW_GROUPS, _CHUNKS, _METADATA, _CRYPTO = 4, 1, 3, 8
_TYPE, _STATISTICS, _OLD_BOUNDS, _BOUNDS = 1, 12, (1, 2), (5, 6)
_COLUMN_ORDERS, _TYPE_ORDER = 7, 1
_SIZES, _BYTE_ARRAY_BYTES, _REPETITIONS, _DEFINITIONS = 16, 1, 2, 3
_TYPES = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}  # bytes of a value


class Leaf(NamedTuple):
    """A column of Parquet's own, below any nesting.

    Attributes:
        physical_type: such as "INT64".
        width: bytes of a value where that is fixed.
        repetition, definition: the deepest levels, as the nesting makes them.
        needs: what its bounds need to be believed. Signed numbers need nothing; bytes and unsigned numbers an order
            that the file defines; decimals in bytes also a writer that compares them rightly.
    """

    physical_type: str
    width: int
    repetition: int = 0
    definition: int = 0
    needs: Literal["nothing", "order", "decimal order"] = "nothing"


def list_leaves(schema: pq.ParquetSchema) -> tuple[Leaf, ...]:
    """The leaves of a Parquet schema, in order."""
    return tuple(_describe_leaf(schema.column(index)) for index in range(len(schema)))


def _describe_leaf(column: pq.ColumnSchema) -> Leaf:
    physical_type, needs = column.physical_type, "nothing"
    if physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"):
        needs = "decimal order" if column.converted_type == "DECIMAL" else "order"
    elif column.converted_type.startswith("UINT"):
        needs = "order"
    width = _WIDTHS.get(physical_type, column.length)
    return Leaf(physical_type, width, column.max_repetition_level, column.max_definition_level, needs)


def find_footer_flaw(fields: Fields, leaves: Sequence[Leaf]) -> str:
    """Where a footer contradicts its own schema.

    pyarrow 26 ends the process, or reads beyond its memory, when asked for a row group's column that the schema does
    not have, that is encrypted, or whose bounds or counts have a wrong length. Nothing may ask it before this has
    found no flaw.

    Args:
        fields: a FileMetaData.
        leaves: those of its schema.

    Example:
        >>> find_footer_flaw({4: [{1: []}]}, [Leaf("INT64", 8)])
        'row group 0 has 0 columns, the schema 1'
    """
    bounds = _BOUNDS if has_defined_order(fields, leaves) else _OLD_BOUNDS + _BOUNDS
    groups = fields.get(_ROW_GROUPS)
    if not _are_structs(groups):
        return "there are no row groups"
    for number, group in enumerate(groups):
        chunks = group.get(_CHUNKS)
        if not _are_structs(chunks):
            return f"row group {number} has no columns"
        if len(chunks) != len(leaves):
            return f"row group {number} has {len(chunks):,} columns, the schema {len(leaves):,}"
        for index, (chunk, leaf) in enumerate(zip(chunks, leaves, strict=True)):
            if flaw := _find_chunk_flaw(chunk, leaf, bounds):
                return f"column {index} of row group {number} {flaw}"
    return ""


def _are_structs(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _find_chunk_flaw(chunk: Fields, leaf: Leaf, bounds: Iterable[int]) -> str:
    if _CRYPTO in chunk:
        return "is encrypted, though the file is not"
    metadata = chunk.get(_METADATA)
    if not isinstance(metadata, dict):
        return "has no metadata"
    number = metadata.get(_TYPE)
    if not isinstance(number, int) or not 0 <= number < len(_TYPES) or _TYPES[number] != leaf.physical_type:
        return f"is not {leaf.physical_type}, as the schema has it"
    if not _has_sound_bounds(metadata.get(_STATISTICS, {}), leaf, bounds):
        return f"has bounds that are not {leaf.physical_type}"
    if not _has_sound_sizes(metadata.get(_SIZES, {}), leaf):
        return "counts bytes or levels that it does not have"
    return ""


def _has_sound_bounds(statistics: Any, leaf: Leaf, bounds: Iterable[int]) -> bool:
    if not isinstance(statistics, dict):
        return False
    found = [statistics[field] for field in bounds if field in statistics]
    return all(isinstance(bound, bytes) for bound in found) and (
        leaf.physical_type == "BYTE_ARRAY" or all(len(bound) == leaf.width for bound in found)
    )


def _has_sound_sizes(sizes: Any, leaf: Leaf) -> bool:
    if not isinstance(sizes, dict) or (_BYTE_ARRAY_BYTES in sizes and leaf.physical_type != "BYTE_ARRAY"):
        return False
    counts = [(sizes.get(_REPETITIONS, []), leaf.repetition), (sizes.get(_DEFINITIONS, []), leaf.definition)]
    return all(isinstance(found, list) and len(found) in (0, deepest + 1) for found, deepest in counts)


def has_defined_order(fields: Fields, leaves: Sequence[Leaf]) -> bool:
    """Whether a FileMetaData says of each column that its bounds are ordered as its type is, signs and all.

    Writers before Parquet 2.4 do not; they compared bytes and unsigned numbers in ways of their own.
    """
    orders = fields.get(_COLUMN_ORDERS)
    return _are_structs(orders) and len(orders) == len(leaves) and all(_TYPE_ORDER in order for order in orders)


def describe_briefly(error: Exception) -> str:
    """An error's message on one line, 200 characters at most."""
    return " ".join(str(error).split())[:200]
