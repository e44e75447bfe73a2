"""Parquet files with another footer: taken apart into Thrift fields with their types, changed, and put together again.

It must not share code with lakekit: it is what lakekit's reading is tested against.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


@dataclass
class Struct:
    """A Thrift struct: a pair of type and value by field number."""

    fields: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def __getitem__(self, number: int) -> Any:
        return self.fields[number][1]

    def __contains__(self, number: int) -> bool:
        return number in self.fields

    def put(self, number: int, kind: int, value: Any) -> None:
        self.fields[number] = (kind, value)

    def drop(self, *numbers: int) -> None:
        for number in numbers:
            self.fields.pop(number, None)


@dataclass
class Items:
    """A Thrift list: the type of its items, and the items."""

    kind: int
    values: list[Any]

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def __len__(self) -> int:
        return len(self.values)


def edit_footer(data: bytes, change: Callable[[Struct], None]) -> bytes:
    """The file with its FileMetaData changed by a function that is given it."""
    size = int.from_bytes(data[-8:-4], "little")
    metadata, _ = _read_struct(data[-8 - size : -8], 0)
    change(metadata)
    footer = write_struct(metadata)
    return data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + data[-4:]


def read_footer(data: bytes) -> Struct:
    """A file's FileMetaData."""
    size = int.from_bytes(data[-8:-4], "little")
    return _read_struct(data[-8 - size : -8], 0)[0]


def list_chunks(metadata: Struct) -> list[Struct]:
    """The ColumnMetaData of each column of each row group."""
    return [chunk[3] for group in metadata[4].values for chunk in group[1].values]


def _read_struct(data: bytes, at: int) -> tuple[Struct, int]:
    found, number = Struct(), 0
    while data[at]:
        delta, kind = data[at] >> 4, data[at] & 15
        at += 1
        if delta:
            number += delta
        else:
            number, at = _read_zigzag(data, at)
        value, at = (None, at) if kind in (TRUE, FALSE) else _read_value(data, at, kind)
        found.put(number, kind, value)
    return found, at + 1


def _read_value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (I16, I32, I64):
        return _read_zigzag(data, at)
    if kind == BINARY:
        size, at = _read_varint(data, at)
        return data[at : at + size], at + size
    if kind == STRUCT:
        return _read_struct(data, at)
    if kind in (TRUE, FALSE, BYTE):
        return data[at], at + 1
    if kind == DOUBLE:
        return struct.unpack("<d", data[at : at + 8])[0], at + 8
    assert kind == LIST, kind
    size, inner = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _read_varint(data, at)
    items = Items(inner, [])
    for _ in range(size):
        value, at = _read_value(data, at, inner)
        items.values.append(value)
    return items, at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _read_zigzag(data: bytes, at: int) -> tuple[int, int]:
    number, at = _read_varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def write_struct(value: Struct) -> bytes:
    """The Thrift bytes of a struct; every field number is written out, which is longer and also right."""
    written = b""
    for number, (kind, item) in sorted(value.fields.items()):
        written += bytes([kind]) + _write_zigzag(number)
        written += b"" if kind in (TRUE, FALSE) else _write_value(kind, item)
    return written + b"\0"


def _write_value(kind: int, value: Any) -> bytes:
    if kind in (I16, I32, I64):
        return _write_zigzag(value)
    if kind == BINARY:
        return _write_varint(len(value)) + value
    if kind == STRUCT:
        return write_struct(value)
    if kind in (TRUE, FALSE, BYTE):
        return bytes([value])
    if kind == DOUBLE:
        return struct.pack("<d", value)
    assert kind == LIST, kind
    size = len(value)
    head = bytes([size << 4 | value.kind]) if size < 15 else bytes([0xF0 | value.kind]) + _write_varint(size)
    return head + b"".join(_write_value(value.kind, item) for item in value.values)


def _write_varint(number: int) -> bytes:
    written = b""
    while number > 127:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def _write_zigzag(number: int) -> bytes:
    return _write_varint((number << 1) ^ (number >> 63))
