"""Decoded records as Arrow columns under the table's types, and which records do not fit, with the reason.

It must not change a value: nothing is cut or made text, nor rounded but by a column of 32-bit floats. A field that is
new becomes a column.
"""

from __future__ import annotations

import decimal
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

from lakekit.manifest.cast import cast_array
from lakekit.manifest.types import describe_type, normalize_type, unify_types

_SCALARS = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    date: pa.date32(),
    time: pa.time64("us"),
    type(None): pa.null(),
}
_NOT_CONVERTED = (pa.ArrowException, ValueError, TypeError, OverflowError)  # a lone surrogate is a ValueError


def type_rows(
    rows: Sequence[Mapping[str, Any]], known: pa.Schema, *, reserved: Sequence[str] = ()
) -> tuple[pa.Table, dict[int, str]]:
    """The rows that fit as a table, in their order, and by number the reason of those that do not.

    A column that is known keeps its type; structs may gain fields. A new one gets the type of its first value, made
    wider by those that follow (whole numbers, then numbers). Text is taken for a time, a date or a decimal where the
    column is one; a number for a whole number where it is one. A field that only holds null, ``{}`` or ``[]`` so far
    has no type yet, and is no column.

    Args:
        rows: the fields of each record by name.
        known: the columns so far.
        reserved: names that a field must not have.

    Example:
        >>> import pyarrow as pa
        >>> table, misfits = type_rows([{"n": 1}, {"n": "x"}, {"n": 2, "m": 0.5}], pa.schema([("n", pa.int64())]))
        >>> table.to_pylist(), misfits
        ([{'n': 1, 'm': None}, {'n': 2, 'm': 0.5}], {1: "n: 'x' is string, the column is int64"})
    """
    misfits = _find_bad_names(rows, known, reserved)
    names = list(known.names)
    names += [name for name in dict.fromkeys(name for row in rows for name in row) if name not in known.names]
    columns = {}
    for name in names:
        values = [None if number in misfits else row.get(name) for number, row in enumerate(rows)]
        target = normalize_type(known.field(name).type) if name in known.names else None
        column, bad = type_column(values, target)
        misfits |= {number: f"{name}: {reason}" for number, reason in bad.items()}
        if column is not None:
            columns[name] = column
    table = pa.table(columns) if columns else pa.table({"": pa.nulls(len(rows))})
    if misfits:
        table = table.filter(pa.array([number not in misfits for number in range(len(rows))]))
    kept = [name for name in columns if name in known.names or table[name].null_count < table.num_rows]
    return table.select(kept), dict(sorted(misfits.items()))


def _find_bad_names(rows: Sequence[Mapping[str, Any]], known: pa.Schema, reserved: Sequence[str]) -> dict[int, str]:
    """Rows with a name that would make the table unreadable: reserved, empty, or another's but for case."""
    seen = {name.casefold(): name for name in (*known.names, *reserved)}
    checked, misfits = set(known.names), {}
    for number, row in enumerate(rows):
        if checked.issuperset(row):
            continue
        for name in row:
            if name in checked:
                continue
            if reason := _refuse_name(name, seen, reserved):
                misfits[number] = reason
                break
            checked.add(name)
            seen[name.casefold()] = name
    return misfits


def _refuse_name(name: Any, seen: Mapping[str, str], reserved: Sequence[str]) -> str:
    if not isinstance(name, str) or not name:
        return f"a field is named {name!r}, not by a text"
    if not _can_be_name(name):
        return f"the name of the field {name!r} is not Unicode, or holds a NUL character"
    if name in reserved:
        return f"{name}: a field must not have the name of a column that the stream adds"
    other = seen.get(name.casefold(), name)
    return f"{name}: the name differs only in case from the column {other}" if other != name else ""


def _can_be_name(text: str) -> bool:
    """Whether it can be the name of a column: a NUL character would cut it for readers of Parquet."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def type_column(values: Sequence[Any], known: pa.DataType | None) -> tuple[pa.Array | None, dict[int, str]]:
    """The values as one array, NULL where one does not fit, and why; None instead of an array that has no type yet."""
    shapes = [describe_shape(value) for value in values]
    target, natural, unfit = known, pa.null(), {}
    for shape in dict.fromkeys(shapes):
        kind = find_kind(shape)
        wider = _admit(target, kind, fixed=known is not None) if kind is not None else None
        both = unify_types(natural, kind) if kind is not None else None
        if wider is None:
            unfit[shape] = target
            continue
        target = wider
        natural = both if both is not None else wider
    bad = {
        number: f"{_show(values[number])} is {_name_shape(shape)}, the column is {_name_kind(target)}"
        for number, shape in enumerate(shapes)
        if shape in unfit
    }
    target = _drop_untyped(target)
    if target is None:
        return None, bad
    kept = [None if number in bad else value for number, value in enumerate(values)]
    try:
        return convert_values(kept, natural, target), bad
    except _NOT_CONVERTED:
        return _convert_each(kept, target, bad)


def _convert_each(values: list[Any], target: pa.DataType, bad: dict[int, str]) -> tuple[pa.Array, dict[int, str]]:
    """One by one, where at least one value has no place in the type."""
    arrays = []
    for number, value in enumerate(values):
        kind = find_kind(describe_shape(value))
        try:
            arrays.append(convert_values([value], kind, target))
        except _NOT_CONVERTED:
            bad[number] = f"{_show(value)} has no place in {_name_kind(target)}"
            arrays.append(pa.nulls(1, target))
    return pa.concat_arrays(arrays), bad


def convert_values(values: list[Any], natural: pa.DataType, target: pa.DataType) -> pa.Array:
    """Values of a natural type as an array of the column's.

    Raises:
        pyarrow.ArrowException, ValueError, TypeError, OverflowError: one does not fit.
    """
    if pa.types.is_decimal(target) and (pa.types.is_floating(natural) or pa.types.is_integer(natural)):
        values = [None if value is None else repr(value) for value in values]  # as written: 0.1 and not 0.1000000…
        natural = pa.string()
    return cast_array(pa.array(values, normalize_type(_drop_untyped(natural) or target)), target)


def describe_shape(value: Any) -> Hashable:
    """What decides the type of a value, the same for values of one type.

    Example:
        >>> describe_shape({"a": 1}) == describe_shape({"a": 2}), describe_shape(1) == describe_shape(True)
        (True, False)
    """
    kind = type(value)
    if kind in _SCALARS:
        return kind
    if isinstance(value, Mapping):
        return "struct", tuple((name, describe_shape(inner)) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(dict.fromkeys(map(describe_shape, value)))
    if isinstance(value, datetime):
        return "timestamp", value.tzinfo is not None
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        return "decimal", len(digits), exponent
    return "unknown", kind.__name__


def find_kind(shape: Hashable) -> pa.DataType | None:
    """The Arrow type of a shape; None where it has none, such as a list of numbers and texts."""
    if isinstance(shape, type):
        return _SCALARS[shape]
    what, inner = shape[0], shape[1]
    if what == "timestamp":
        return pa.timestamp("us", "UTC" if inner else None)
    if what == "decimal":
        return _find_decimal(inner, shape[2])
    if what == "list":
        kinds = [find_kind(one) for one in inner]
        value = unify_types(*kinds) if None not in kinds else None
        return pa.list_(value) if value is not None else None
    if what == "struct":
        names = [name for name, _ in inner]
        kinds = [find_kind(one) for _, one in inner]
        bad = None in kinds or not all(isinstance(name, str) and name and _can_be_name(name) for name in names)
        clash = bad or len({name.casefold() for name in names}) < len(names)
        return None if clash else pa.struct(list(zip(names, kinds, strict=True)))
    return None


def _find_decimal(digits: int, exponent: Any) -> pa.DataType | None:
    if not isinstance(exponent, int):
        return None
    scale = max(-exponent, 0)
    precision = max(digits + max(exponent, 0), scale, 1)
    return pa.decimal128(precision, scale) if precision <= 38 else None


def _admit(target: pa.DataType | None, kind: pa.DataType, *, fixed: bool) -> pa.DataType | None:
    """The column's type after a value of another type came; None where it must not."""
    types = pa.types
    if target is None or types.is_null(target):
        return kind
    if types.is_null(kind) or kind.equals(target):
        return target
    if types.is_struct(target) and types.is_struct(kind):
        return _admit_struct(target, kind, fixed=fixed)
    if types.is_list(target) and types.is_list(kind):
        value = _admit(target.value_type, kind.value_type, fixed=fixed)
        return pa.list_(value) if value is not None else None
    if types.is_map(target) and types.is_struct(kind):
        return None
    if not fixed:
        return unify_types(target, kind)
    return target if _may_hold(target, kind) else None


def _admit_struct(target: pa.StructType, kind: pa.StructType, *, fixed: bool) -> pa.DataType | None:
    fields = {field.name: field.type for field in target}
    folded = {name.casefold(): name for name in fields}
    for field in kind:
        if field.name not in fields and field.name.casefold() in folded:
            return None
        admitted = _admit(fields.get(field.name), field.type, fixed=fixed)
        if admitted is None:
            return None
        fields[field.name] = admitted
    return pa.struct(list(fields.items()))


def _may_hold(target: pa.DataType, kind: pa.DataType) -> bool:
    """Whether some values of a type have their place in another; each is then looked at."""
    types = pa.types
    is_number = types.is_integer(target) or types.is_floating(target) or types.is_decimal(target)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return is_number
    if types.is_string(kind):
        return types.is_temporal(target) or types.is_decimal(target)
    return types.is_timestamp(kind) and types.is_timestamp(target) and (kind.tz is None) == (target.tz is None)


def _drop_untyped(kind: pa.DataType | None) -> pa.DataType | None:
    """A type without the parts that no value has told yet; None if nothing is left."""
    types = pa.types
    if kind is None or types.is_null(kind):
        return None
    if types.is_list(kind):
        value = _drop_untyped(kind.value_type)
        return pa.list_(value) if value is not None else None
    if types.is_struct(kind):
        fields = [(field.name, _drop_untyped(field.type)) for field in kind]
        fields = [(name, inner) for name, inner in fields if inner is not None]
        return pa.struct(fields) if fields else None
    return kind


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _name_shape(shape: Hashable) -> str:
    kind = find_kind(shape)
    return _name_kind(kind) if kind is not None else "no type of Arrow"


def _name_kind(kind: pa.DataType | None) -> str:
    return "not typed yet" if kind is None else describe_type(kind)
