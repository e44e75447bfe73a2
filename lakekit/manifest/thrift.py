"""The fields of a Parquet footer as its bytes tell them, in the compact encoding of Thrift.

It must not know what the fields mean, and nothing here is fast: pyarrow reads footers, once they are known to be sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Visit = dict[int, Callable[[bytes, int, int, int], int]]
Fields = dict[int, Any]  # a Thrift struct: values by field number; text and binary are bytes, structs Fields again

MAX_ELEMENTS = 1_000_000  # of a list or map: pyarrow's kDefaultThriftContainerSizeLimit; parquet/properties.h, 26.0

# Type numbers of the compact protocol (apache/thrift, doc/specs/thrift-compact-protocol.md, read 2026-11)
_TRUE, _FALSE, _BINARY, _LIST, _STRUCT = 1, 2, 8, 9, 12
_INTEGERS = (4, 5, 6)


def read_fields(data: bytes) -> Fields:
    """The fields of the struct with which these bytes begin.

    Raises:
        ValueError: bytes that are not Thrift.

    Example:
        >>> read_fields(bytes([0x15, 0x08, 0x18, 0x02]) + b"hi" + bytes([0]))
        {1: 4, 2: b'hi'}
    """
    try:
        return read_struct(data, 0)[0]
    except IndexError:
        raise ValueError("it ends in the middle of a field") from None
    except RecursionError:
        raise ValueError("its fields are nested too deep") from None


def walk_struct(data: bytes, at: int, visit: Visit) -> int:
    """Where the struct ends that begins at this byte, after calling for some of its fields what goes into them.

    Args:
        data: bytes that are known to be sound.
        at: where the struct begins.
        visit: by field number, a function of the bytes, where the value begins, its type, and where its header
            stands; it gives where the value ends.

    Example:
        >>> found = []
        >>> walk_struct(bytes([0x15, 0x08, 0x18, 0x02]) + b"hi" + bytes([0]), 0, {
        ...     2: lambda data, at, kind, place: found.append((at, kind, place)) or skip_value(data, at, kind)})
        7
        >>> found
        [(3, 8, 2)]
    """
    field = 0
    while header := data[at]:
        place, at = at, at + 1
        if header > 15:
            field += header >> 4
        else:
            field, at = read_integer(data, at)
        kind = header & 15
        if field in visit:
            at = visit[field](data, at, kind, place)
        elif kind in _INTEGERS:
            while data[at] > 127:
                at += 1
            at += 1
        elif kind > _FALSE:
            at = skip_value(data, at, kind)
    return at + 1


def walk_items(data: bytes, at: int, visit: Callable[[bytes, int], int]) -> int:
    """Where the list ends that begins at this byte, after calling what tells where each of its items does."""
    header, at = data[at], at + 1
    size = header >> 4
    if size == 15:
        size, at = _read_size(data, at)
    for _ in range(size):
        at = visit(data, at)
    return at


def skip_value(data: bytes, at: int, kind: int) -> int:
    """Where a value of this type ends that begins at this byte."""
    if kind == _BINARY:
        size, at = (data[at], at + 1) if data[at] < 128 else _read_varint(data, at)
        return at + size
    if kind == _STRUCT:
        return _skip_struct(data, at)
    if kind == _LIST:
        return _skip_list(data, at)
    return _READERS[kind](data, at)[1] if kind > _FALSE else at


def _skip_struct(data: bytes, at: int) -> int:
    while header := data[at]:
        at += 1
        if header < 16:  # the field's own number follows
            at = _skip_integer(data, at)
        kind = header & 15
        if kind in _INTEGERS:
            while data[at] > 127:
                at += 1
            at += 1
        elif kind > _FALSE:
            at = skip_value(data, at, kind)
    return at + 1


def _skip_list(data: bytes, at: int) -> int:
    header, at = data[at], at + 1
    size, kind = header >> 4, header & 15
    if size == 15:
        size, at = _read_size(data, at)
    if kind <= _FALSE:
        return at + size
    skip = _skip_integer if kind in _INTEGERS else _skip_struct if kind == _STRUCT else None
    for _ in range(size):
        at = skip_value(data, at, kind) if skip is None else skip(data, at)
    return at


def _skip_integer(data: bytes, at: int) -> int:
    while data[at] > 127:
        at += 1
    return at + 1


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at this byte as the value of a field, and where it ends.

    Example:
        >>> read_integer(write_integer(-100) + bytes(1), 0)
        (-100, 2)
    """
    number, at = _read_varint(data, at) if data[at] > 127 else (data[at], at + 1)
    return (number >> 1) ^ -(number & 1), at


def write_integer(number: int) -> bytes:
    """A number as the value of a field.

    Example:
        >>> write_integer(4).hex(), write_integer(-1).hex(), write_integer(100).hex()
        ('08', '01', 'c801')
    """
    return _write_varint(number << 1 if number >= 0 else (-number << 1) - 1)


def write_binary(data: bytes) -> bytes:
    """Bytes as the value of a field: their number, and they.

    Example:
        >>> write_binary(b"hi")
        b'\\x02hi'
    """
    return _write_varint(len(data)) + data


def begin_structs(count: int) -> bytes:
    """What the value of a field begins with that is a list of so many structs.

    Example:
        >>> begin_structs(2).hex(), begin_structs(200).hex()
        ('2c', 'fcc801')
    """
    return bytes([count << 4 | _STRUCT]) if count < 15 else bytes([15 << 4 | _STRUCT]) + _write_varint(count)


def _write_varint(number: int) -> bytes:
    written = []
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


def read_struct(data: bytes, at: int) -> tuple[Fields, int]:
    """The struct that begins at this byte, and where it ends.

    Raises:
        ValueError, IndexError, RecursionError: bytes that are not Thrift.
    """
    found: Fields = {}
    field = 0
    while header := data[at]:
        at += 1
        if header > 15:
            field += header >> 4
        else:
            field, at = read_integer(data, at)
        if field in found:
            raise ValueError(f"field {field} stands twice")
        kind = header & 15
        if kind <= _FALSE:
            found[field] = kind == _TRUE
        else:
            found[field], at = _READERS[kind](data, at)
    return found, at + 1


def _read_binary(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _read_size(data, at)
    return data[at : at + size], at + size


def _read_list(data: bytes, at: int) -> tuple[list[Any], int]:
    header, at = data[at], at + 1
    size, kind = header >> 4, header & 15
    if size == 15:
        size, at = _read_size(data, at)
        _refuse_long(size)
    read, values = _READERS[kind], []
    for _ in range(size):
        value, at = read(data, at)
        values.append(value)
    return values, at


def _read_map(data: bytes, at: int) -> tuple[list[tuple[Any, Any]], int]:
    size, at = _read_size(data, at)
    _refuse_long(size)
    kinds = data[at] if size else 0
    at += bool(size)
    pairs = []
    for _ in range(size):
        key, at = _READERS[kinds >> 4](data, at)
        value, at = _READERS[kinds & 15](data, at)
        pairs.append((key, value))
    return pairs, at


def _refuse_long(size: int) -> None:
    """An element of one byte takes a hundred in memory."""
    if size > MAX_ELEMENTS:
        raise ValueError(f"a list or map has {size:,} elements, at most {MAX_ELEMENTS:,} are read")


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    size, at = _read_varint(data, at)
    if size > len(data) - at:  # each element takes a byte at least
        raise ValueError(f"a field claims {size:,} bytes or elements, {len(data) - at:,} bytes are left")
    return size, at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while shift < 70:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7
    raise ValueError("a number has more than 64 bits")


def _read_bytes(count: int) -> Callable[[bytes, int], tuple[bytes, int]]:
    return lambda data, at: (data[at : at + count], at + count)


def _refuse(data: bytes, at: int) -> tuple[None, int]:
    raise ValueError("a field has an unknown type")


# What reads a value of each type: stop, true, false, byte, i16, i32, i64, double, binary, list, set, map, struct, uuid
_READERS = (
    *(_refuse, _read_bytes(1), _read_bytes(1), _read_bytes(1), read_integer, read_integer, read_integer),
    *(_read_bytes(8), _read_binary, _read_list, _read_list, _read_map, read_struct, _read_bytes(16), _refuse, _refuse),
)
