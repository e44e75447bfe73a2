"""The types of Iceberg for the columns of a table, by what its files hold; it asks for one footer of each kind of file.

It must not guess: what one reader of Iceberg would take otherwise than another, or not at all, is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakekit.errors import InvalidArgument, TypeConflict
from lakekit.manifest.footers import read_metadata, read_schema
from lakekit.manifest.frame import find_bounds
from lakekit.manifest.types import describe_type

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest
    from lakekit.manifest.schema import FileKind

Columns = dict[str, pa.DataType]  # in types that Iceberg has: those of SIMPLE, decimals, fixed, lists, maps and structs

# Types as files have them, and those by which Iceberg's own readers read them unchanged; the Iceberg specification,
# "Parquet" in Appendix A, read 2026-11. Small numbers, encodings and times in milliseconds: as pyiceberg 0.12,
# Polars 2.1 and DuckDB 1.5 were seen to read them
SIMPLE = {
    pa.bool_(): pa.bool_(),
    pa.int8(): pa.int32(),
    pa.int16(): pa.int32(),
    pa.int32(): pa.int32(),
    pa.int64(): pa.int64(),
    pa.float32(): pa.float32(),
    pa.float64(): pa.float64(),
    pa.string(): pa.string(),
    pa.large_string(): pa.string(),
    pa.binary(): pa.binary(),
    pa.large_binary(): pa.binary(),
    pa.date32(): pa.date32(),
    pa.time64("us"): pa.time64("us"),
}
_UTC = (None, "UTC", "+00:00", "Etc/UTC")  # pyiceberg refuses a file whose own schema names another zone
_FIELD_ID = b"PARQUET:field_id"
_LOGICAL = frozenset(("NONE", "STRING", "INT", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "UNDEFINED"))
_KEYS = (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.string(), pa.date32(), pa.timestamp("us"))
_HINT = "compact the table into a copy (lk.compaction), whose columns have one type each, and publish that."


def choose_columns(manifest: Manifest) -> Columns:
    """The columns of a table in types of Iceberg, and then its partition keys.

    Raises:
        InvalidArgument: a type that Iceberg or one of its readers does not have; files with field ids of their own; a
            column that the table was opened without.
        TypeConflict: types that are not promoted to one; a key that stands in files as well, with other values.
        StaleFile, …: a footer is no longer kept, and cannot be read again.
    """
    keys = dict(zip(manifest.partitioning.keys, manifest.partitioning.types, strict=True))
    found: dict[str, tuple[pa.DataType, str]] = {}
    stored = {kind.example: list(_read_fields(manifest, kind)) for kind in manifest.kinds}
    _refuse_mixed_forms(stored, keys)
    for kind in manifest.kinds:
        _refuse_supply(manifest, kind)
        for field in stored[kind.example]:
            if field.name in keys:
                _refuse_other_values(manifest, kind, field, keys[field.name])
                continue
            now = _choose_type(field.name, field.type, kind.example)
            if field.name not in manifest.schema.arrow.names:
                what = f"{kind.example} has the column {field.name!r}, without which the table was opened."
                raise InvalidArgument(what, hint="open it without schema=: readers of Iceberg ask for each column.")
            before, example = found.setdefault(field.name, (now, kind.example))
            wider = promote(before, now)
            if wider is None:
                _refuse_drift(field.name, (before, example), (now, kind.example))
            found[field.name] = (wider, example)
    absent = [field.name for field in manifest.schema.file_columns if field.name not in found]
    if absent:
        what = f"The column {absent[0]!r} is in no file, so that its type in Iceberg is not known."
        raise InvalidArgument(what, hint="open the table without schema=.")
    ordered = {field.name: found[field.name][0] for field in manifest.schema.file_columns}
    return ordered | {key: _choose_key_type(key, kind) for key, kind in keys.items()}


def promote(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type of two that readers of Iceberg take files of both for; None where there is none.

    The Iceberg specification, "Schema Evolution", read 2026-11: int to long, float to double, decimals of one scale.

    Example:
        >>> import pyarrow as pa
        >>> promote(pa.int32(), pa.int64()), promote(pa.int32(), pa.float64()) is None
        (DataType(int64), True)
    """
    if one.equals(other):
        return one
    for pair in ((pa.int32(), pa.int64()), (pa.float32(), pa.float64())):
        if one in pair and other in pair:
            return pair[1]
    if pa.types.is_decimal(one) and pa.types.is_decimal(other) and one.scale == other.scale:
        return one if one.precision >= other.precision else other
    return None


def _refuse_supply(manifest: Manifest, kind: FileKind) -> None:
    """TypeConflict where lakekit itself would change values of these files."""
    for name, how in manifest.schema.supplies[kind.schema_id].items():
        if how in ("checked", "conflict"):
            there = describe_type(kind.types[name])
            what = f"The column {name!r} is {there} in {kind.example}, and {manifest.schema.arrow.field(name).type} in "
            raise TypeConflict(f"{what}the table; Iceberg does not promote the one to the other.", hint=_HINT)


def _refuse_drift(name: str, one: tuple[pa.DataType, str], other: tuple[pa.DataType, str]) -> None:
    both = " and ".join(f"{describe_type(kind)} in {example}" for kind, example in (one, other))
    raise TypeConflict(f"The column {name!r} is {both}; Iceberg promotes neither to the other.", hint=_HINT)


def _read_fields(manifest: Manifest, kind: FileKind) -> Iterator[pa.Field]:
    """The columns of the files of a kind as they are stored; all its files have the same."""
    position = manifest.find(kind.example)
    footer = manifest.footers.get(kind.example, manifest.entries["etag"][position])
    metadata = read_metadata(footer)
    for index in range(len(metadata.schema)):
        leaf = metadata.schema.column(index)
        name, logical = leaf.path.partition(".")[0], leaf.logical_type.type
        if leaf.physical_type == "INT96":
            _refuse_type(name, "INT96, times in nanoseconds,", kind.example)
        if logical not in _LOGICAL:
            _refuse_type(name, "NULLs alone" if logical == "UNKNOWN" else logical, kind.example)
    for field in read_schema(footer, metadata):
        if _has_ids(field):
            what = f"The columns of {kind.example} have ids of their own, by which readers of Iceberg would take them "
            raise InvalidArgument(f"{what}for others of this table.", hint=_HINT)
        yield field


def _refuse_mixed_forms(stored: Mapping[str, Sequence[pa.Field]], keys: Collection[str]) -> None:
    """TypeConflict where some files alone have a dictionary: pyiceberg does not put their column beside a plain one."""
    by_file = {example: {field.name: field.type for field in fields} for example, fields in stored.items()}
    special = {
        name: (example, kind)
        for example, kinds in by_file.items()
        for name, kind in kinds.items()
        if name not in keys and _is_special(kind)
    }
    for name, (example, kind) in special.items():
        for other, kinds in by_file.items():
            if kinds.get(name) != kind:
                there = f"{kinds[name]} in {other}" if name in kinds else f"not in {other}"
                what = (
                    f"The column {name!r} is {kind} in {example} and {there}, which pyiceberg does not read together."
                )
                raise TypeConflict(what, hint=_HINT)


def _is_special(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or any(_is_special(kind.field(index).type) for index in range(kind.num_fields))


def _has_ids(field: pa.Field) -> bool:
    is_own = _FIELD_ID in (field.metadata or {})
    return is_own or any(_has_ids(field.type.field(index)) for index in range(field.type.num_fields))


def _choose_type(column: str, kind: pa.DataType, example: str) -> pa.DataType:
    """The type of Iceberg for one in a file.

    Raises:
        InvalidArgument: there is none that every reader has.
    """
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if kind in SIMPLE:
        return SIMPLE[kind]
    if (types.is_decimal128(kind) and kind.scale >= 0) or types.is_fixed_size_binary(kind):
        return kind
    if types.is_timestamp(kind) and kind.unit != "ns" and kind.tz in _UTC:
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if types.is_struct(kind) and kind.num_fields:
        return pa.struct([(field.name, _choose_type(column, field.type, example)) for field in kind])
    if types.is_map(kind):
        return pa.map_(*(_choose_type(column, one, example) for one in (kind.key_type, kind.item_type)))
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(_choose_type(column, kind.value_type, example))
    _refuse_type(column, str(kind), example)


def _refuse_type(column: str, kind: str, example: str) -> None:
    what = f"The column {column!r} is or holds {kind} in {example}, which Iceberg or one of its readers does not have."
    raise InvalidArgument(what, hint=f"{_HINT[:-1]}, or publish as Delta (lk.publish.delta).")


def _choose_key_type(key: str, kind: pa.DataType) -> pa.DataType:
    if kind not in _KEYS:
        what = f"The partition key {key!r} is {kind}, by which Iceberg does not partition, or not for every reader."
        raise InvalidArgument(what, hint=f'open the table with partitions={{"{key}": "string"}} or another type.')
    return SIMPLE.get(kind, kind)


def _refuse_other_values(manifest: Manifest, kind: FileKind, field: pa.Field, key_type: pa.DataType) -> None:
    """TypeConflict where a key also stands in files, and bounds do not prove it to be what the folder says.

    lakekit takes the folder's value; readers of Iceberg take the file's.
    """
    wanted = _choose_key_type(field.name, key_type)
    mine = SIMPLE.get(field.type, field.type)
    is_proved = promote(mine, wanted) == wanted and _is_constant(manifest, kind, field.name)
    if not is_proved:
        what = f"The partition key {field.name!r} is a column of {kind.example} as well ({field.type}), and its bounds "
        raise TypeConflict(
            f"{what}do not prove it the same as in the path; readers of Iceberg would take that of the file.",
            hint="write the files anew without that column, or publish as Delta: lk.publish.delta.",
        )


def _is_constant(manifest: Manifest, kind: FileKind, key: str) -> bool:
    number = next(index for index, one in enumerate(manifest.known.kinds) if one.schema_id == kind.schema_id)
    where = manifest.known.find_files(number)
    bounds = find_bounds(manifest.known, manifest.known.kinds[number], where, key)
    if bounds is None:
        return False
    index, paths = manifest.partitioning.keys.index(key), manifest.entries["path"]
    for position, low, high, nulls in zip(where.tolist(), *(each.to_pylist() for each in bounds), strict=True):
        value, rows = manifest.partitioning.values_of(paths[position])[index], manifest.known.rows[position]
        is_null = value is None and nulls == rows
        if rows and not is_null and not (value is not None and nulls == 0 and low == high == value):
            return False
    return True


def build_schema(columns: Columns) -> Any:
    """The columns as a pyiceberg Schema, with ids that a catalog gives anew."""
    from itertools import count

    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    ids = count(1)
    fields = [(next(ids), name, kind) for name, kind in columns.items()]  # the outer ones first, as catalogs do
    return Schema(*(NestedField(number, name, build_type(kind, ids), required=False) for number, name, kind in fields))


def build_type(kind: pa.DataType, ids: Iterator[int]) -> Any:
    """A pyiceberg type for one of Columns."""
    from pyiceberg import types as iceberg

    if pa.types.is_decimal(kind):
        return iceberg.DecimalType(kind.precision, kind.scale)
    if pa.types.is_fixed_size_binary(kind):
        return iceberg.FixedType(kind.byte_width)
    if pa.types.is_struct(kind):
        numbered = [(next(ids), field) for field in kind]
        fields = (
            iceberg.NestedField(n, field.name, build_type(field.type, ids), required=False) for n, field in numbered
        )
        return iceberg.StructType(*fields)
    if pa.types.is_map(kind):
        key, value = next(ids), next(ids)
        key_type, value_type = build_type(kind.key_type, ids), build_type(kind.item_type, ids)
        return iceberg.MapType(key, key_type, value, value_type, value_required=False)
    if pa.types.is_list(kind):
        return iceberg.ListType(next(ids), build_type(kind.value_type, ids), element_required=False)
    return getattr(iceberg, _CLASSES[kind])()


_CLASSES = {
    pa.bool_(): "BooleanType",
    pa.int32(): "IntegerType",
    pa.int64(): "LongType",
    pa.float32(): "FloatType",
    pa.float64(): "DoubleType",
    pa.string(): "StringType",
    pa.binary(): "BinaryType",
    pa.date32(): "DateType",
    pa.time64("us"): "TimeType",
    pa.timestamp("us"): "TimestampType",
    pa.timestamp("us", "UTC"): "TimestamptzType",
}
