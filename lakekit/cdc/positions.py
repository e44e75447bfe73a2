"""Where a change stands among all others of a journal, as bytes that every engine sorts alike.

It must not know the engines: bytes are compared from the left, without collation, in each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa

from lakekit.cdc.files import JournalFile
from lakekit.errors import InvalidArgument

_MIDDLE = 1 << 127  # what stands for 0: sixteen bytes hold numbers of both signs, in their order
_MOST_DIGITS = 38


def make_positions(
    file: JournalFile,
    orders: Sequence[pa.Array | Sequence[object]],
    lines: np.ndarray,
    is_second: np.ndarray,
    names: Sequence[str],
) -> pa.Array:
    """Bytes for each change, by which all changes of a journal are in order.

    They begin with 0 for rows of a full load, else 1; then come the ordering values, sixteen bytes each, then the
    file, the line, and which change of one line it is. So no two are equal, and nothing is left to an engine.

    Args:
        file: where they are.
        orders: numbers, times or texts of digits, the most telling first; NULL is before all.
        lines: their lines or rows, from 1.
        is_second: whether it is the second change of its line.
        names: of the ordering values, for errors.
    """
    count = len(lines)
    columns = [
        encode_numbers(values, file, name) if isinstance(values, pa.Array) else encode_values(values, file, name)
        for values, name in zip(orders, names, strict=True)
    ]
    row = (lines.astype(np.uint64) * 2 + is_second.astype(np.uint64)).astype(">u8")
    begin = np.full((count, 1), 0 if file.is_load else 1, np.uint8)
    place = np.frombuffer(file.order + b"\0", np.uint8)
    parts = [begin, *columns, np.broadcast_to(place, (count, len(place))), row.view(np.uint8).reshape(count, 8)]
    matrix = np.ascontiguousarray(np.concatenate(parts, axis=1))
    width = matrix.shape[1]
    offsets = pa.array(np.arange(0, width * (count + 1), width, dtype=np.int32)[: count + 1])
    return pa.BinaryArray.from_buffers(pa.binary(), count, [None, offsets.buffers()[1], pa.py_buffer(matrix.tobytes())])


def encode_numbers(values: pa.Array, file: JournalFile, name: str) -> np.ndarray:
    """Sixteen bytes for each value, in the order of the values.

    Raises:
        InvalidArgument: a value that is no number, time or text of digits.
    """
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        kind = pa.timestamp("us", getattr(values.type, "tz", None))
        values = values.cast(kind, safe=False).cast(pa.int64())
    if pa.types.is_integer(values.type) and not values.type.equals(pa.uint64()):
        known = np.asarray(values.is_valid())
        numbers = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        made = np.empty((len(values), 2), ">u8")
        made[:, 0] = np.where(numbers < 0, (1 << 63) - 1, 1 << 63).astype(np.uint64)
        made[:, 1] = numbers.view(np.uint64)
        made[~known] = 0
        return made.view(np.uint8).reshape(len(values), 16)
    return encode_values(values.to_pylist(), file, name)


def encode_values(values: Sequence[object], file: JournalFile, name: str) -> np.ndarray:
    """The same for Python's numbers, of up to 38 digits, and for texts of digits."""
    encoded = b"".join(_encode(value, file, name) for value in values)
    return np.frombuffer(encoded, np.uint8).reshape(len(values), 16)


def _encode(value: object, file: JournalFile, name: str) -> bytes:
    if value is None or value == "":
        return bytes(16)
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS:
        return (int(value) + _MIDDLE).to_bytes(16, "big")
    if isinstance(value, int | Decimal) and int(value) == value and abs(value) < 10**_MOST_DIGITS:
        return (int(value) + _MIDDLE).to_bytes(16, "big")
    what = f"{file.path} has {str(value)[:60]!r} in {name!r}, by which changes cannot be ordered."
    raise InvalidArgument(what, hint="order_by= takes columns of whole numbers, times, or texts of digits.")
