"""The bytes of one record as its fields: JSON, or whatever a function of the user makes of them.

It must not let a record through that it does not understand: the reason is raised, and the record is quarantined.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from lakekit.digits import is_held
from lakekit.ingest.source import Record

Decode = Callable[[bytes], Mapping[str, Any]]

MOST_DEPTH = 32  # levels of objects and lists in one another; a list takes two of the 100 that readers of Parquet bear
_SURE_LETTERS = 16  # of a number: a point and 15 digits, which a double holds
TOO_DEEP = f"nested too deeply: more than {MOST_DEPTH} levels"

# https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md, read 2026-11
KPL_MAGIC = bytes.fromhex("f3899ac2")
KPL_DIGEST_BYTES = 16  # MD5 of the protobuf message between the two


class Poison(ValueError):
    """Why a record is no row."""


def decode_record(record: Record, decode: Decode, most_record_bytes: int) -> Mapping[str, Any]:
    """The fields of a record.

    Raises:
        Poison: it has none: the reason.
    """
    data = record.data
    if data is None:
        raise Poison("a tombstone: the record has a key and no value")
    if not data:
        raise Poison("the record is empty")
    if len(data) > most_record_bytes:
        raise Poison(f"{len(data):,} bytes, more than most_record_bytes = {most_record_bytes:,}")
    if is_aggregated(data):
        raise Poison("aggregated by the Kinesis Producer Library: several records in one, which lakekit does not part")
    try:
        row = decode(data)
    except Poison:
        raise
    except RecursionError:
        raise Poison(TOO_DEEP) from None
    except Exception as exc:  # of a function that we do not know
        raise Poison(f"{type(exc).__name__}: {exc}"[:500]) from exc
    if not isinstance(row, Mapping):
        raise Poison(f"not an object with fields, but {type(row).__name__}")
    if is_too_deep(row):
        raise Poison(TOO_DEEP)
    return row


def is_too_deep(value: Any) -> bool:
    """Whether objects and lists lie in one another on more levels than a table can hold.

    Example:
        >>> is_too_deep({"a": [[1]]}), is_too_deep(json.loads("[" * 33 + "]" * 33))
        (False, True)
    """
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, list | tuple | Mapping)
            for inner in ([*one.values(), None] if isinstance(one, Mapping) else [*one, None])
        ]
        if not level:
            return False
    return True


def is_aggregated(data: bytes) -> bool:
    """Whether a Kinesis record holds several, packed by Amazon's producer library: magic, protobuf, MD5 of it."""
    if not data.startswith(KPL_MAGIC) or len(data) < len(KPL_MAGIC) + KPL_DIGEST_BYTES:
        return False
    message, digest = data[len(KPL_MAGIC) : -KPL_DIGEST_BYTES], data[-KPL_DIGEST_BYTES:]
    return hashlib.md5(message, usedforsecurity=False).digest() == digest


def decode_json(data: bytes) -> Mapping[str, Any]:
    """The fields of a JSON object in UTF-8.

    Raises:
        Poison: it is something else, has a name twice, none, or one with a NUL, or a number that JSON does not have.

    Example:
        >>> decode_json(b'{"id": 1}')
        {'id': 1}
    """
    try:
        row = JSON_DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise Poison(f"not UTF-8: byte {data[exc.start]:#04x} at {exc.start}") from None
    except json.JSONDecodeError as exc:
        raise Poison(f"not JSON: {exc.msg} at {exc.pos}") from None
    except Poison:
        raise
    except ValueError as exc:  # digits beyond what Python reads as a number
        raise Poison(f"not JSON that can be read: {str(exc)[:100]}") from None
    if not isinstance(row, dict):
        raise Poison(f"JSON, but not an object: {type(row).__name__}")
    return row


def _take_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if "" in made:
        raise Poison("a field has an empty name")
    if "\0" in "".join(made):
        raise Poison(f"the name {next(name for name in made if chr(0) in name)!r} holds a NUL character")
    if len(made) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise Poison(f"the name {twice!r} stands twice in an object")
    return made


def _read_float(text: str) -> float | Decimal:
    """A number that is not whole, as a decimal where a double does not hold all of its digits.

    One beyond what a double holds would become infinity.
    """
    value = float(text)
    if math.isinf(value):
        raise Poison(f"{text[:40]} is beyond what a double holds")
    is_doubtful = len(text) > _SURE_LETTERS or abs(value) < sys.float_info.min
    return Decimal(text) if is_doubtful and not is_held(text) else value


def _refuse_constant(text: str) -> None:
    raise Poison(f"{text} is no number of JSON")


# of JSON as it should be: no name twice, empty or with a NUL, no NaN, no number beyond a double; else raises Poison
JSON_DECODER = json.JSONDecoder(object_pairs_hook=_take_pairs, parse_constant=_refuse_constant, parse_float=_read_float)
