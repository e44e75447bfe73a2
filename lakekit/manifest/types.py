"""One type for a column whose files disagree: the narrowest that holds every value unchanged.

It must not look at data: statistics that are needed (whole numbers beyond 2**53) are asked for by the caller.
"""

from __future__ import annotations

import pyarrow as pa

MAX_DECIMAL_PRECISION = 38  # 128-bit decimals, the widest that DuckDB, Polars and Arrow all hold
EXACT_FLOAT64_INTEGER = 2**53  # IEEE 754: a double holds every whole number up to here

_DIGITS = {1: 3, 2: 5, 4: 10, 8: 20}  # decimal digits of the largest integer of so many bytes


def normalize_type(kind: pa.DataType) -> pa.DataType:
    """The type under which a file's column is shown, the same in every engine.

    Encodings of one thing become one type: dictionary and view types their values, fixed-size lists lists,
    times to the microsecond or nanosecond, zoned timestamps UTC, half floats single, UUID and JSON text,
    decimals beyond 38 digits text, durations whole numbers.

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
        fits = kind.precision <= MAX_DECIMAL_PRECISION
        return pa.decimal128(kind.precision, kind.scale) if fits else pa.string()
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
    return kind


def _normalize_nested(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, normalize_type(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(normalize_type(kind.key_type), normalize_type(kind.item_type))
    return pa.list_(normalize_type(kind.value_type))


def unify_types(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds every value of both, or None where there is none.

    Whole numbers and doubles give double: the caller must know that the whole numbers stay within 2**53.
    Both arguments must be normalized.

    Example:
        >>> import pyarrow as pa
        >>> str(unify_types(pa.int32(), pa.decimal128(11, 1)))
        'decimal128(11, 1)'
        >>> unify_types(pa.int32(), pa.string()) is None
        True
    """
    types = pa.types
    if left.equals(right) or types.is_null(right):
        return left
    if types.is_null(left):
        return right
    if types.is_nested(left) or types.is_nested(right):
        return _unify_nested(left, right)
    if types.is_integer(left) and types.is_integer(right):
        return _unify_integers(left, right)
    if _is_number(left) and _is_number(right):
        return _unify_numbers(left, right)
    return _unify_times(left, right)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _unify_integers(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if pa.types.is_signed_integer(left) == pa.types.is_signed_integer(right):
        return left if left.bit_width >= right.bit_width else right
    signed, unsigned = (left, right) if pa.types.is_signed_integer(left) else (right, left)
    if unsigned.bit_width == 64:
        return pa.decimal128(20, 0)
    width = max(signed.bit_width, unsigned.bit_width * 2)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[width]


def _unify_numbers(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_floating(left) and types.is_floating(right):
        return pa.float64()
    if types.is_decimal(left) or types.is_decimal(right):
        if types.is_floating(left) or types.is_floating(right):
            return None
        (digits_a, scale_a), (digits_b, scale_b) = _decimal_shape(left), _decimal_shape(right)
        scale = max(scale_a, scale_b)
        precision = max(digits_a - scale_a, digits_b - scale_b) + scale
        return pa.decimal128(precision, scale) if precision <= MAX_DECIMAL_PRECISION else None
    return pa.float64()


def _decimal_shape(kind: pa.DataType) -> tuple[int, int]:
    if pa.types.is_decimal(kind):
        return kind.precision, kind.scale
    return _DIGITS[kind.bit_width // 8], 0


def _unify_times(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_date(left) and types.is_timestamp(right) and right.tz is None:
        return right
    if types.is_date(right) and types.is_timestamp(left) and left.tz is None:
        return left
    if types.is_timestamp(left) and types.is_timestamp(right) and left.tz == right.tz:
        return pa.timestamp("ns", left.tz)
    if types.is_time(left) and types.is_time(right):
        return pa.time64("ns")
    return None


def _unify_nested(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    types = pa.types
    if types.is_struct(left) and types.is_struct(right):
        return _unify_structs(left, right)
    if types.is_map(left) and types.is_map(right):
        key, item = unify_types(left.key_type, right.key_type), unify_types(left.item_type, right.item_type)
        return pa.map_(key, item) if key is not None and item is not None else None
    if types.is_list(left) and types.is_list(right):
        value = unify_types(left.value_type, right.value_type)
        return pa.list_(value) if value is not None else None
    return None


def _unify_structs(left: pa.StructType, right: pa.StructType) -> pa.DataType | None:
    fields = {field.name: field.type for field in left}
    spelled = {name.casefold(): name for name in fields}
    for field in right:
        if spelled.setdefault(field.name.casefold(), field.name) != field.name:
            return None
        unified = unify_types(fields.get(field.name, pa.null()), field.type)
        if unified is None:
            return None
        fields[field.name] = unified
    return pa.struct(list(fields.items()))


def has_inexact_integers(from_type: pa.DataType, to_type: pa.DataType) -> bool:
    """Whether whole numbers of more than 53 bits would become doubles somewhere in this change of type.

    Example:
        >>> import pyarrow as pa
        >>> has_inexact_integers(pa.int64(), pa.float64()), has_inexact_integers(pa.int32(), pa.float64())
        (True, False)
    """
    types = pa.types
    if types.is_integer(from_type):
        return types.is_floating(to_type) and from_type.bit_width == 64
    if types.is_struct(from_type) and types.is_struct(to_type):
        return any(
            has_inexact_integers(field.type, to_type.field(to_type.get_field_index(field.name)).type)
            for field in from_type
        )
    if types.is_map(from_type) and types.is_map(to_type):
        return has_inexact_integers(from_type.item_type, to_type.item_type)
    if types.is_list(from_type) and types.is_list(to_type):
        return has_inexact_integers(from_type.value_type, to_type.value_type)
    return False


def describe_type(kind: pa.DataType) -> str:
    """A type as a person writes it: int64, decimal(10,2), list<struct<a: int64>>, timestamp[us, UTC].

    Example:
        >>> import pyarrow as pa
        >>> describe_type(pa.decimal128(10, 2)), describe_type(pa.date32()), describe_type(pa.float64())
        ('decimal(10,2)', 'date', 'double')
    """
    types = pa.types
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
