"""Whether a Parquet footer declares encryption, read from its Thrift bytes.

It must not decode anything else: pyarrow does that, but it ends the process when it meets an encrypted column's metadata.
"""

from __future__ import annotations

# Field numbers of FileMetaData in parquet.thrift (apache/parquet-format 2.11)
_CREATED_BY = 6
_ENCRYPTION_ALGORITHM = 8

# Type numbers of the Thrift compact protocol (thrift-compact-protocol.md)
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = 1, 2, 3, 7, 8, 9, 10, 11, 12, 13


def declares_encryption(footer: bytes, created_by: str | None) -> bool:
    """Whether this FileMetaData names an encryption algorithm.

    Args:
        footer: the Thrift bytes, without the length and magic that follow them.
        created_by: the writer's name as pyarrow reads it; fields are walked from there on, as those before it
            hold the whole schema and every row group.

    Raises:
        ValueError: bytes that are not Thrift.
    """
    start, field = 0, 0
    if created_by:
        name = created_by.encode()
        start, field = footer.rfind(name) + len(name), _CREATED_BY
    try:
        return _has_field(footer, start, field, _ENCRYPTION_ALGORITHM)
    except IndexError:
        raise ValueError("the footer ends in the middle of a field") from None


def _has_field(data: bytes, at: int, field: int, wanted: int) -> bool:
    while data[at]:
        header, at = data[at], at + 1
        if header >> 4:
            field += header >> 4
        else:
            number, at = _read_varint(data, at)
            field = (number >> 1) ^ -(number & 1)
        if field >= wanted:
            return field == wanted
        at = _skip(data, at, header & 15, in_list=False)
    return False


def _skip(data: bytes, at: int, kind: int, *, in_list: bool) -> int:
    if kind in (_TRUE, _FALSE):
        return at + in_list
    if kind == _BYTE:
        return at + 1
    if kind == _DOUBLE:
        return at + 8
    if kind == _UUID:
        return at + 16
    if kind == _BINARY:
        size, at = _read_varint(data, at)
        return at + size
    if kind in (_LIST, _SET):
        return _skip_list(data, at)
    if kind == _MAP:
        return _skip_map(data, at)
    if kind == _STRUCT:
        return _skip_struct(data, at)
    return _read_varint(data, at)[1]


def _skip_list(data: bytes, at: int) -> int:
    header, at = data[at], at + 1
    size = header >> 4
    if size == 15:
        size, at = _read_varint(data, at)
    for _ in range(size):
        at = _skip(data, at, header & 15, in_list=True)
    return at


def _skip_map(data: bytes, at: int) -> int:
    size, at = _read_varint(data, at)
    if not size:
        return at
    kinds, at = data[at], at + 1
    for _ in range(size):
        at = _skip(data, at, kinds >> 4, in_list=True)
        at = _skip(data, at, kinds & 15, in_list=True)
    return at


def _skip_struct(data: bytes, at: int) -> int:
    while data[at]:
        header, at = data[at], at + 1
        if not header >> 4:
            at = _read_varint(data, at)[1]
        at = _skip(data, at, header & 15, in_list=False)
    return at + 1


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
