"""Values of one type as values of another, unchanged: numbers widened, structs filled up by name.

It must not round, shift or cut anything: what does not fit is an error.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def cast_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The same values as this type.

    Raises:
        pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError: a value that the type does not hold unchanged.

    Example:
        >>> import pyarrow as pa
        >>> kind = pa.struct([("a", pa.float64()), ("b", pa.string())])
        >>> cast_column(pa.chunked_array([[{"a": 1}]]), kind).to_pylist()
        [{'a': 1.0, 'b': None}]
    """
    if column.type.equals(kind):
        return column
    return pa.chunked_array([cast_array(chunk, kind) for chunk in column.chunks], kind)


def cast_array(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same values as this type; see :func:`cast_column`."""
    types = pa.types
    if array.type.equals(kind):
        return array
    if types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if isinstance(array.type, pa.BaseExtensionType):
        as_text = array.type.extension_name == "arrow.uuid" and types.is_string(kind)
        return _format_uuids(array.storage) if as_text else cast_array(array.storage, kind)
    if types.is_dictionary(array.type):
        return cast_array(decode_dictionary(array), kind)
    if types.is_struct(array.type) and types.is_struct(kind):
        return _cast_struct(array, kind)
    if types.is_map(array.type) and types.is_map(kind):
        return _cast_map(array, kind)
    if types.is_list(kind) and _is_any_list(array.type):
        return _cast_list(array, kind)
    if types.is_duration(array.type) and (types.is_floating(kind) or types.is_decimal(kind)):  # by way of its numbers
        return pc.cast(pc.cast(array, pa.int64()), kind)
    if types.is_floating(array.type) and types.is_decimal(kind):
        return pc.cast(pc.cast(array, pa.string()), kind)  # as it is written: 0.125 is not 0.12
    made = pc.cast(array, kind)
    if types.is_decimal(array.type) and types.is_floating(kind):
        _check_digits(array, made)
    return made


def _check_digits(decimals: pa.Array, floats: pa.Array) -> None:
    """Raise pyarrow.ArrowInvalid where a number is not written as its decimal, which has more digits than it holds."""
    if not pc.cast(pc.cast(floats, pa.string()), decimals.type).equals(decimals):
        raise pa.ArrowInvalid(f"a {decimals.type} has more digits than {floats.type} holds")


def decode_dictionary(array: pa.DictionaryArray) -> pa.Array:
    """The values themselves; also texts and bytes in views, as Polars has its categories, which pyarrow decodes not.

    Example:
        >>> import pyarrow as pa
        >>> decode_dictionary(pa.DictionaryArray.from_arrays([0, None], pa.array(["a"], pa.string_view()))).to_pylist()
        ['a', None]
    """
    values = array.dictionary
    if pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type):
        plain = pa.large_string() if pa.types.is_string_view(values.type) else pa.large_binary()
        return values.cast(plain).take(array.indices)
    return array.dictionary_decode()


def _is_any_list(kind: pa.DataType) -> bool:
    types = pa.types
    views = types.is_list_view(kind) or types.is_large_list_view(kind)
    return views or types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _cast_struct(array: pa.StructArray, kind: pa.StructType) -> pa.Array:
    fields = list(kind)
    if not fields:
        return pa.array([None if null else {} for null in array.is_null().to_pylist()], kind)
    children = []
    for position, field in enumerate(fields):
        index = _find_field(array.type, field.name, position)
        children.append(pa.nulls(len(array), field.type) if index < 0 else cast_array(array.field(index), field.type))
    return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())


def _find_field(kind: pa.StructType, name: str, position: int) -> int:
    """Where a field stands; -1 if nowhere. Of fields with the same name that at the same position is meant."""
    if position < kind.num_fields and kind.field(position).name == name:
        return position
    return kind.get_field_index(name)


def _cast_list(array: pa.Array, kind: pa.ListType) -> pa.Array:
    """By lengths and not by pyarrow's cast, which makes lists of views whose offsets are beyond their memory."""
    lengths = pc.if_else(array.is_valid(), pc.list_value_length(array), 0)
    values = cast_array(array.flatten(), kind.value_type)
    return pa.ListArray.from_arrays(_sum_lengths(lengths), values, type=kind, mask=array.is_null())


def _sum_lengths(lengths: pa.Array) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths.to_numpy(zero_copy_only=False), out=offsets[1:])
    return pa.array(offsets).cast(pa.int32())


def _cast_map(array: pa.MapArray, kind: pa.MapType) -> pa.Array:
    if array.offset:  # Arrow builds no map with a mask from a slice; a copy of the slice has no offset
        array = array.take(pa.array(np.arange(len(array))))
    keys, items = cast_array(array.keys, kind.key_type), cast_array(array.items, kind.item_type)
    return pa.MapArray.from_arrays(array.offsets, keys, items, type=kind, mask=array.is_null())


def _format_uuids(array: pa.FixedSizeBinaryArray) -> pa.Array:
    """Sixteen bytes each as text: 8-4-4-4-12 lower-case hexadecimal digits, RFC 9562."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    filled = pc.fill_null(array, pa.scalar(b"\0" * 16, pa.binary(16)))
    raw = np.frombuffer(filled.buffers()[1], np.uint8)[filled.offset * 16 :][: len(array) * 16]
    nibbles = np.stack([raw >> 4, raw & 15], axis=1).reshape(len(array), 32)
    text = np.full((len(array), 36), ord("-"), np.uint8)
    places = [place for place in range(36) if place not in (8, 13, 18, 23)]
    text[:, places] = digits[nibbles]
    offsets = pa.array(np.arange(0, 36 * len(array) + 1, 36, dtype=np.int32))
    made = pa.StringArray.from_buffers(len(array), offsets.buffers()[1], pa.py_buffer(text.tobytes()))
    return pc.if_else(array.is_valid(), made, pa.scalar(None, pa.string()))
