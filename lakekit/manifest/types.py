"""One type for a column whose files disagree: the narrowest that holds every value unchanged.

It must not look at data: statistics that are needed (whole numbers beyond 2**53) are asked for by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

MAX_DECIMAL_PRECISION = 38  # 128-bit decimals, the widest that DuckDB, Polars and Arrow all hold

_UNITS = "lakekit.unit"  # where a column's metadata tells the units of durations, of each leaf of a nested one
_INTERVAL = "interval"  # what stands there for a column of intervals
# decimal digits of the largest whole number of so many bytes: signed, unsigned
_DIGITS = {1: (3, 3), 2: (5, 5), 4: (10, 10), 8: (19, 20)}


def normalize_field(field: pa.Field) -> pa.Field:
    """A file's column with its type normalized; it remembers the units of durations, and that it holds intervals.

    Example:
        >>> import pyarrow as pa
        >>> column = normalize_field(pa.field("waits", pa.list_(pa.duration("ms"))))
        >>> str(column.type), str(stored_type(column))
        ('list<item: int64>', 'list<item: duration[ms]>')
    """
    units = _list_units(field.type)
    metadata = {_UNITS: ",".join(units)} if any(units) else None
    return pa.field(field.name, normalize_type(field.type), metadata=metadata)


def stored_type(column: pa.Field) -> pa.DataType:
    """The type by which a normalized column is compared with others: its own, but durations with units, intervals."""
    units = (column.metadata or {}).get(_UNITS.encode())
    return _put_units(column.type, iter(units.decode().split(","))) if units else column.type


def _list_units(kind: pa.DataType) -> list[str]:
    """For each leaf of a type the unit of its durations, or that they are intervals; "" for others."""
    if isinstance(kind, pa.BaseExtensionType):
        return _list_units(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _list_units(kind.value_type)
    if kind.num_fields:
        return [unit for index in range(kind.num_fields) for unit in _list_units(kind.field(index).type)]
    return [kind.unit if pa.types.is_duration(kind) else _INTERVAL if pa.types.is_interval(kind) else ""]


def _put_units(kind: pa.DataType, units: Iterator[str]) -> pa.DataType:
    """A normalized type with durations of these units in place of whole numbers, and intervals of bytes."""
    types = pa.types
    if types.is_struct(kind) and kind.num_fields:
        return pa.struct([field.with_type(_put_units(field.type, units)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_put_units(kind.key_type, units), _put_units(kind.item_type, units))
    if types.is_list(kind):
        return pa.list_(_put_units(kind.value_type, units))
    unit = next(units, "")
    if unit == _INTERVAL:
        return pa.month_day_nano_interval()
    return pa.duration(unit) if unit else kind


def normalize_type(kind: pa.DataType) -> pa.DataType:
    """The type under which a file's column is shown, the same in every engine.

    Encodings of one thing become one type: dictionary and view types their values, fixed-size lists lists,
    times to the microsecond or nanosecond, zoned timestamps UTC, half floats single, UUID and JSON text,
    decimals beyond 38 digits text, durations whole numbers. Intervals are bytes, as Arrow's readers have them.

    Example:
        >>> import pyarrow as pa
        >>> str(normalize_type(pa.timestamp("ms", "Europe/Paris")))
        'timestamp[us, tz=UTC]'
    """
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return pa.string() if kind.extension_name in ("arrow.uuid", "arrow.json") else normalize_type(kind.storage_type)
    if types.is_dictionary(kind):
        return normalize_type(kind.value_type)
    if types.is_nested(kind):
        return _normalize_nested(kind)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return pa.binary()
    if types.is_decimal(kind):
        scale = max(kind.scale, 0)  # Parquet and the engines have no decimals that count in tens or hundreds
        precision = kind.precision + scale - kind.scale
        return pa.decimal128(precision, scale) if precision <= MAX_DECIMAL_PRECISION else pa.string()
    return _normalize_number_or_time(kind)


def _normalize_number_or_time(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_float16(kind):
        return pa.float32()
    if types.is_date64(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        return pa.timestamp("ns" if kind.unit == "ns" else "us", "UTC" if kind.tz else None)
    if types.is_time(kind):
        return pa.time64("ns" if kind.unit == "ns" else "us")
    if types.is_duration(kind):
        return pa.int64()
    return pa.binary() if types.is_interval(kind) else kind


def _normalize_nested(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, normalize_type(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(normalize_type(kind.key_type), normalize_type(kind.item_type))
    return pa.list_(normalize_type(kind.value_type))


def unify_types(*kinds: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds every value of all these, or None where there is none; their order does not matter.

    Only the fields of a struct stand in the order in which they come. Whole numbers and doubles give double, dates and
    nanoseconds give nanoseconds: see :func:`may_change_values`. The types must be normalized.

    Example:
        >>> import pyarrow as pa
        >>> str(unify_types(pa.int32(), pa.decimal128(11, 1)))
        'decimal128(11, 1)'
        >>> unify_types(pa.int32(), pa.string()) is None
        True
    """
    distinct = [kind for kind in dict.fromkeys(kinds) if not pa.types.is_null(kind)]
    if not distinct:
        return pa.null()
    if len(distinct) == 1:
        return distinct[0]
    for is_of_family, unify in _FAMILIES:
        if all(map(is_of_family, distinct)):
            return unify(distinct)
    return None


def _unify_integers(kinds: list[pa.DataType]) -> pa.DataType:
    is_signed = pa.types.is_signed_integer
    signed = max((kind.bit_width for kind in kinds if is_signed(kind)), default=0)
    unsigned = max((kind.bit_width for kind in kinds if not is_signed(kind)), default=0)
    if not signed:
        return _UNSIGNED[unsigned]
    width = max(signed, 2 * unsigned)
    return _SIGNED[width] if width in _SIGNED else pa.decimal128(20, 0)


_SIGNED = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_UNSIGNED = {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}


def _is_duration_or_integer(kind: pa.DataType) -> bool:
    return pa.types.is_duration(kind) or kind.equals(pa.int64())


def _unify_durations(kinds: list[pa.DataType]) -> pa.DataType | None:
    """Whole numbers beside durations of one unit are taken for such; two units do not go together."""
    durations = [kind for kind in kinds if pa.types.is_duration(kind)]
    return durations[0] if len(durations) == 1 else None


def _is_exact_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _unify_decimals(kinds: list[pa.DataType]) -> pa.DataType | None:
    shapes = [_decimal_shape(kind) for kind in kinds]
    scale = max(scale for _, scale in shapes)
    precision = max(precision - scale for precision, scale in shapes) + scale
    return pa.decimal128(precision, scale) if precision <= MAX_DECIMAL_PRECISION else None


def _decimal_shape(kind: pa.DataType) -> tuple[int, int]:
    if pa.types.is_decimal(kind):
        return kind.precision, kind.scale
    return _DIGITS[kind.bit_width // 8][pa.types.is_unsigned_integer(kind)], 0


def _is_inexact_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_naive_time(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)


def _is_zoned_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _unify_timestamps(kinds: list[pa.DataType]) -> pa.DataType:
    stamps = [kind for kind in kinds if pa.types.is_timestamp(kind)]
    return pa.timestamp("ns" if any(kind.unit == "ns" for kind in stamps) else "us", stamps[0].tz)


def _unify_lists(kinds: list[pa.DataType]) -> pa.DataType | None:
    value = unify_types(*(kind.value_type for kind in kinds))
    return pa.list_(value) if value is not None else None


def _unify_maps(kinds: list[pa.DataType]) -> pa.DataType | None:
    key = unify_types(*(kind.key_type for kind in kinds))
    item = unify_types(*(kind.item_type for kind in kinds))
    return pa.map_(key, item) if key is not None and item is not None else None


def _unify_structs(kinds: list[pa.DataType]) -> pa.DataType | None:
    """Their fields by name, each with one type; None where two names of one struct or two differ in case alone."""
    types: dict[str, list[pa.DataType]] = {}
    for kind in kinds:
        if len({field.name for field in kind}) < kind.num_fields:
            return None
        for field in kind:
            types.setdefault(field.name, []).append(field.type)
    if len({name.casefold() for name in types}) < len(types):
        return None
    fields = {name: unify_types(*found) for name, found in types.items()}
    return None if None in fields.values() else pa.struct(list(fields.items()))


# For kinds that are all of a family, in order: which are, and how they become one
_FAMILIES = (
    (pa.types.is_integer, _unify_integers),
    (_is_duration_or_integer, _unify_durations),
    (pa.types.is_floating, lambda kinds: pa.float64()),
    (_is_exact_number, _unify_decimals),
    (_is_inexact_number, lambda kinds: pa.float64()),
    (_is_naive_time, _unify_timestamps),
    (_is_zoned_time, _unify_timestamps),
    (pa.types.is_time, lambda kinds: pa.time64("ns")),
    (pa.types.is_struct, _unify_structs),
    (pa.types.is_list, _unify_lists),
    (pa.types.is_map, _unify_maps),
)


def may_change_values(from_type: pa.DataType, to_type: pa.DataType) -> bool:
    """Whether a type that was unified from others does not hold each and every value of one of them.

    Doubles do not hold whole numbers of more than 53 bits, nanoseconds no times before 1677 or after 2262.

    Example:
        >>> import pyarrow as pa
        >>> may_change_values(pa.int64(), pa.float64()), may_change_values(pa.int32(), pa.float64())
        (True, False)
    """
    types = pa.types
    if types.is_integer(from_type):
        return types.is_floating(to_type) and from_type.bit_width == 64
    if types.is_date(from_type) or types.is_timestamp(from_type):
        return types.is_timestamp(to_type) and to_type.unit == "ns" and not from_type.equals(to_type)
    if types.is_struct(from_type) and types.is_struct(to_type):
        return any(may_change_values(field.type, to_type.field(field.name).type) for field in from_type)
    if types.is_map(from_type) and types.is_map(to_type):
        pairs = [(from_type.key_type, to_type.key_type), (from_type.item_type, to_type.item_type)]
        return any(may_change_values(*pair) for pair in pairs)
    if types.is_list(from_type) and types.is_list(to_type):
        return may_change_values(from_type.value_type, to_type.value_type)
    return False


def describe_type(kind: pa.DataType) -> str:
    """A type as a person writes it: int64, decimal(10,2), list<struct<a: int64>>, timestamp[us, UTC].

    Example:
        >>> import pyarrow as pa
        >>> describe_type(pa.decimal128(10, 2)), describe_type(pa.date32()), describe_type(pa.float64())
        ('decimal(10,2)', 'date', 'double')
    """
    types = pa.types
    if types.is_interval(kind):
        return "interval"
    if types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_date32(kind):
        return "date"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.unit}, {kind.tz}]" if kind.tz else f"timestamp[{kind.unit}]"
    if types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {describe_type(field.type)}' for field in kind)}>"
    if types.is_map(kind):
        return f"map<{describe_type(kind.key_type)}, {describe_type(kind.item_type)}>"
    if types.is_list(kind):
        return f"list<{describe_type(kind.value_type)}>"
    return str(kind)
