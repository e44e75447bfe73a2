"""The types of Delta for those of lakekit, as the log of a table writes them.

It must not change a value: what Delta has no type for is refused.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from lakekit.errors import InvalidArgument

NAMES = {
    pa.bool_(): "boolean",
    pa.int8(): "byte",
    pa.int16(): "short",
    pa.int32(): "integer",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp_ntz",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.null(): "string",  # a column of NULLs alone; any type would do
}  # the Delta protocol, "Schema Serialization Format", read 2026-11
NAIVE = "timestamp_ntz"  # asks for a feature of readers and writers


def write_field(column: str, kind: pa.DataType) -> dict[str, Any]:
    """One column of a schema, as the log has it.

    Raises:
        InvalidArgument: Delta has no type for it.

    Example:
        >>> write_field("n", pa.int64())
        {'name': 'n', 'type': 'long', 'nullable': True, 'metadata': {}}
    """
    return {"name": column, "type": _write_type(column, kind), "nullable": True, "metadata": {}}


def _write_type(column: str, kind: pa.DataType) -> Any:
    types = pa.types
    if kind in NAMES:
        return NAMES[kind]
    if types.is_decimal(kind) and kind.scale >= 0:
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_struct(kind) and kind.num_fields:
        return {"type": "struct", "fields": [_write_inner(column, field) for field in kind]}
    if types.is_map(kind):
        key, value = _write_type(column, kind.key_type), _write_type(column, kind.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if types.is_list(kind):
        return {"type": "array", "elementType": _write_type(column, kind.value_type), "containsNull": True}
    what = f"The column {column!r} is or holds {kind}, for which Delta has no type."
    raise InvalidArgument(what, hint="publish a copy in which it is another, such as a signed number or microseconds.")


def _write_inner(column: str, field: pa.Field) -> dict[str, Any]:
    return {"name": field.name, "type": _write_type(column, field.type), "nullable": True, "metadata": {}}


def parse_simple(text: Any) -> pa.DataType | None:
    """The type of a name, as far as it is neither nested nor decimal; else None."""
    return {name: kind for kind, name in NAMES.items() if not pa.types.is_null(kind)}.get(str(text))


def has_naive(fields: Any) -> bool:
    """Whether a type of Delta is or holds timestamps without a zone."""
    if isinstance(fields, dict):
        return any(has_naive(value) for name, value in fields.items() if name not in ("name", "metadata"))
    return any(map(has_naive, fields)) if isinstance(fields, list) else fields == NAIVE
