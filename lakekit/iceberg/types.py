"""The columns of an Iceberg schema as Arrow types, and as fields by their numbers.

It must not change a value: what Arrow has no type for is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakekit.errors import UnsupportedTable
from lakekit.manifest.fields import LoggedField, NameMap

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table.name_mapping import MappedField
    from pyiceberg.types import IcebergType, NestedField

_NAMES = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "timestamp_ns": pa.timestamp("ns"),
    "timestamptz_ns": pa.timestamp("ns", "UTC"),
    "string": pa.string(),
    "uuid": pa.uuid(),
    "binary": pa.binary(),
    "unknown": pa.null(),
}  # the Iceberg spec, "Primitive Types", read 2026-11


def read_schema(schema: Schema, url: str) -> pa.Schema:
    """The columns with their types.

    Raises:
        UnsupportedTable: one is of a type that lakekit does not read.
    """
    return pa.schema([(field.name, _read_type(field.field_type, field.name, url)) for field in schema.fields])


def _read_type(kind: IcebergType, column: str, url: str) -> pa.DataType:
    if kind.is_struct:
        return pa.struct([(part.name, _read_type(part.field_type, column, url)) for part in kind.fields])
    if str(kind).startswith("list<"):
        return pa.list_(_read_type(kind.element_type, column, url))
    if str(kind).startswith("map<"):
        return pa.map_(_read_type(kind.key_type, column, url), _read_type(kind.value_type, column, url))
    name = str(kind)
    if name.startswith("decimal("):
        return pa.decimal128(kind.precision, kind.scale)
    if name.startswith("fixed["):
        return pa.binary(len(kind))
    if name not in _NAMES:
        what = f"The column {column!r} of {url} is or holds {name}, which lakekit does not read."
        raise UnsupportedTable(what, hint="read it with Spark, or with pyiceberg.")
    return _NAMES[name]


def read_fields(schema: Schema) -> tuple[LoggedField, ...]:
    """The columns by their numbers."""
    return tuple(_read_field(field) for field in schema.fields)


def _read_field(field: NestedField) -> LoggedField:
    kind, parts = _read_parts(field.field_type)
    return LoggedField(field.field_id, field.name, kind, parts, field.initial_default is not None)


def _read_parts(kind: IcebergType) -> tuple[str, tuple[LoggedField, ...]]:
    if kind.is_struct:
        return "struct", tuple(_read_field(part) for part in kind.fields)
    if str(kind).startswith("list<"):
        return "list", (_read_field(kind.element_field),)
    if str(kind).startswith("map<"):
        return "map", (_read_field(kind.key_field), _read_field(kind.value_field))
    return "value", ()


def read_name_map(text: str | None) -> NameMap | None:
    """The map of names that the property `schema.name-mapping.default` holds.

    Raises:
        ValueError: it is none.
    """
    from pyiceberg.table.name_mapping import parse_mapping_from_json

    return None if text is None else _read_mapped(parse_mapping_from_json(text).root)


def _read_mapped(mapped: list[MappedField]) -> NameMap:
    return tuple((name, one.field_id, _read_mapped(one.fields)) for one in mapped for name in one.names)


def read_value(value: Any, kind: pa.DataType) -> Any:
    """A partition value as Python has it; metadata holds dates and times as numbers since 1970.

    Example:
        >>> read_value(19727, pa.date32())
        datetime.date(2024, 1, 5)
    """
    types = pa.types
    if isinstance(value, int) and (types.is_date32(kind) or types.is_timestamp(kind)):
        stored = pa.int32() if types.is_date32(kind) else pa.int64()
        return pa.scalar(value, stored).cast(kind).as_py()
    return value
