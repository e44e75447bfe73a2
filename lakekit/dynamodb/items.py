"""The exact size of one item, attribute by attribute, and whether DynamoDB would take it.

It must not know what a size costs: units and prices stand elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from numbers import Integral, Real
from typing import Any

from lakekit.dynamodb import limits
from lakekit.errors import InvalidArgument

KINDS = ("S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS")
CONTAINER_BYTES = 3  # of a list or map, and 1 for each element; CapacityUnitCalculations.html, read 2026-11-23
ELEMENT_BYTES = 1
_MEMBERS = {"SS": "S", "NS": "N", "BS": "B"}


@dataclass(frozen=True)
class ItemSize:
    """How large an item is, and by what.

    Attributes:
        size_bytes: what reads, writes and the limit of 400 KB are counted by: names and values.
        attributes: bytes of each top-level attribute, its name included, largest first.
    """

    size_bytes: int
    attributes: Mapping[str, int]

    @property
    def stored_bytes(self) -> int:
        """What storage is billed by: 100 bytes more."""
        return self.size_bytes + limits.STORED_ITEM_OVERHEAD_BYTES

    @property
    def fits(self) -> bool:
        """Whether it is within 400 KB (409,600 bytes)."""
        return self.size_bytes <= limits.ITEM_BYTES


def get_number_bytes(number: int | float | Decimal | str) -> int:
    """The bytes of a number as a value: 1 for zero, else one for each pair of digits, and 1, and 1 if negative.

    Pairs are counted from the decimal point outwards, and pairs of zeros at both ends are dropped. AWS documents this
    only approximately; the rule is what others measured on DynamoDB. No number takes more than 21 bytes.

    Raises:
        InvalidArgument: more than 38 digits, out of range, or no number.

    Example:
        >>> [get_number_bytes(number) for number in (0, 100, 101, "12.3456", -5)]
        [1, 2, 3, 4, 3]
    """
    return _measure_number(number, "number")


def get_item_bytes(item: Mapping[str, Any] | str, *, form: str = "auto") -> int:
    """The exact size of an item in bytes: the UTF-8 bytes of each name, and the size of each value.

    Args:
        item: values of Python (as boto3's resources take them), DynamoDB JSON (as its clients do), or the JSON text
            of either.
        form: "python", "dynamodb", or "auto": DynamoDB JSON if every attribute looks like ``{"S": "text"}``.

    Raises:
        InvalidArgument: a value that DynamoDB does not know, or would refuse; names the attribute.

    Example:
        >>> get_item_bytes({"shirt-color": "R", "shirt-size": "M"})  # 11 + 1 + 10 + 1
        23
        >>> get_item_bytes({"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}})
        23
    """
    return measure_item(item, form=form).size_bytes


def measure_item(item: Mapping[str, Any] | str, *, form: str = "auto") -> ItemSize:
    """The size of an item, and of each of its attributes; arguments and errors as for `get_item_bytes`.

    Example:
        >>> measure_item({"id": 7, "tags": ["a", "bc"]}).attributes  # 4 + 3 + (1 + 1) + (1 + 2), and 2 + 2
        {'tags': 12, 'id': 4}
    """
    item = _read_item(item)
    typed = is_dynamodb_json(item) if form == "auto" else form == "dynamodb"
    if form not in ("auto", "python", "dynamodb"):
        raise InvalidArgument(f"form={form!r} was given.", hint='"python", "dynamodb" or "auto".')
    sizes = {}
    for name, value in item.items():
        kind, value = _split_typed(value, name) if typed else get_kind(value, name)
        sizes[name] = _measure_name(name) + _measure(kind, value, name, typed=typed)
    largest_first = dict(sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0])))
    return ItemSize(sum(sizes.values()), largest_first)


def check_item(
    item: Mapping[str, Any] | str, *, partition_key: str = "", sort_key: str = "", form: str = "auto"
) -> ItemSize:
    """The size of an item that DynamoDB would take.

    Args:
        partition_key, sort_key: names of key attributes; each must be there, and be text, a number or binary.

    Raises:
        InvalidArgument: over 400 KB (names the largest attributes), a key that is missing, empty or too long, or
            anything `measure_item` refuses.

    Example:
        >>> check_item({"user": "", "score": 3}, partition_key="user")
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: The key attribute 'user' is empty.
        Hint: a key has at least one byte.
    """
    item = _read_item(item)
    measured = measure_item(item, form=form)
    typed = is_dynamodb_json(item) if form == "auto" else form == "dynamodb"
    if partition_key:
        _check_key(item, partition_key, limits.PARTITION_KEY_BYTES, typed)
    if sort_key:
        _check_key(item, sort_key, limits.SORT_KEY_BYTES, typed)
    if not measured.fits:
        largest = [f"{name!r} {size:,} bytes" for name, size in list(measured.attributes.items())[:3]]
        raise InvalidArgument(
            f"The item has {measured.size_bytes:,} bytes; {limits.ITEM_BYTES:,} (400 KB) are the most. "
            f"Its largest attributes: {', '.join(largest)}.",
            hint="put what is large on S3 and keep its address, compress it, or split the item.",
        )
    return measured


def is_dynamodb_json(item: Mapping[str, Any]) -> bool:
    """Whether every attribute of an item looks like DynamoDB JSON, ``{"S": "text"}``.

    Example:
        >>> is_dynamodb_json({"id": {"N": "7"}}), is_dynamodb_json({"id": 7})
        (True, False)
    """
    return bool(item) and all(
        isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in KINDS for value in item.values()
    )


def get_kind(value: Any, path: str) -> tuple[str, Any]:
    """The DynamoDB type of a Python value, and the value; floats count by their shortest text.

    Raises:
        InvalidArgument: DynamoDB has no type for it; names the attribute.

    Example:
        >>> get_kind({"a", "b"}, "tags")[0], get_kind(1.5, "price")[0]
        ('SS', 'N')
    """
    value = getattr(value, "value", value) if type(value).__name__ == "Binary" else value  # of boto3
    if value is None:
        return "NULL", None
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "BOOL", bool(value)
    for kinds, name in ((str, "S"), ((bytes, bytearray, memoryview), "B"), ((Integral, Real, Decimal), "N")):
        if isinstance(value, kinds):
            return name, value
    if isinstance(value, Mapping):
        return "M", value
    if isinstance(value, list | tuple):
        return "L", value
    if isinstance(value, set | frozenset):
        return _get_set_kind(value, path), value
    raise InvalidArgument(
        f"The attribute {path!r} holds a {type(value).__name__}, which DynamoDB has no type for.",
        hint="a date is text or a number in DynamoDB: value.isoformat(), or int(value.timestamp()).",
    )


def _get_set_kind(value: Any, path: str) -> str:
    kinds = {get_kind(member, path)[0] for member in value}
    if not kinds:
        raise InvalidArgument(f"The attribute {path!r} is an empty set.", hint="leave it out, or use a list.")
    if len(kinds) > 1 or not kinds <= {"S", "N", "B"}:
        raise InvalidArgument(
            f"The attribute {path!r} is a set of {', '.join(sorted(kinds))}.",
            hint="a set holds only text, only numbers or only binary; use a list.",
        )
    return f"{kinds.pop()}S"


def _read_item(item: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if isinstance(item, str):
        try:
            item = json.loads(item, parse_float=Decimal)
        except ValueError as exc:
            raise InvalidArgument(f"The item is not JSON: {exc}.", hint='for example {"id": "a1", "n": 7}.') from exc
    if not isinstance(item, Mapping):
        raise InvalidArgument(
            f"An item is a mapping of names to values, not a {type(item).__name__}.",
            hint="for many items: measure_items, or measure_frame.",
        )
    return item


def _check_key(item: Mapping[str, Any], name: str, most_bytes: int, typed: bool) -> None:
    if name not in item:
        raise InvalidArgument(
            f"The item has no key attribute {name!r}; it has {', '.join(item) or 'no attribute'}.",
            hint="every item carries the whole primary key.",
        )
    kind, value = _split_typed(item[name], name) if typed else get_kind(item[name], name)
    if kind not in ("S", "N", "B"):
        raise InvalidArgument(f"The key attribute {name!r} is of type {kind}.", hint="a key is S, N or B.")
    size = _measure(kind, value, name, typed=typed)
    if size == 0:
        raise InvalidArgument(f"The key attribute {name!r} is empty.", hint="a key has at least one byte.")
    if size > most_bytes:
        raise InvalidArgument(f"The key attribute {name!r} has {size:,} bytes.", hint=f"{most_bytes:,} are the most.")


def _measure_name(name: Any, path: str = "") -> int:
    if not isinstance(name, str) or not name:
        within = f" in {path!r}" if path else ""
        raise InvalidArgument(f"The name {name!r}{within} is not that of an attribute.", hint="a name is text.")
    size = len(name.encode())
    if size > limits.NAME_BYTES:
        raise InvalidArgument(f"The attribute name {name[:20]!r}… has {size:,} bytes.", hint="64 KB are the most.")
    return size


def _measure(kind: str, value: Any, path: str, *, typed: bool, depth: int = 0) -> int:
    """Bytes of a value of a type; `typed` says how the values inside of it are written."""
    if kind == "S":
        return len(value.encode("utf-8", "surrogatepass"))
    if kind == "N":
        return _measure_number(value, path)
    if kind == "B":
        return _measure_binary(value, path, typed)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in _MEMBERS:
        return sum(_measure(_MEMBERS[kind], member, path, typed=typed) for member in value)
    if depth >= limits.NESTED_DEPTH:
        raise InvalidArgument(
            f"The attribute {path!r} is nested deeper than 32 levels.", hint="store it as text or binary."
        )
    size = CONTAINER_BYTES
    for key, inner in value.items() if kind == "M" else enumerate(value):
        inner_path = f"{path}.{key}" if kind == "M" else f"{path}[{key}]"
        inner_kind, inner = _split_typed(inner, inner_path) if typed else get_kind(inner, inner_path)
        name_bytes = _measure_name(key, path) if kind == "M" else 0
        size += ELEMENT_BYTES + name_bytes + _measure(inner_kind, inner, inner_path, typed=typed, depth=depth + 1)
    return size


def _measure_binary(value: Any, path: str, typed: bool) -> int:
    """Raw bytes; in DynamoDB JSON text is base64, and boto3's clients have bytes."""
    if not isinstance(value, str):
        return len(bytes(value))
    try:
        return len(base64.b64decode(value, validate=True))
    except binascii.Error as exc:
        raise InvalidArgument(f"The attribute {path!r} is not base64: {exc}.", hint="B is base64 in JSON.") from exc


def _split_typed(value: Any, path: str) -> tuple[str, Any]:
    """`{"S": "text"}` as "S" and "text", if the second is what the first says."""
    if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in KINDS:
        raise InvalidArgument(
            f"The attribute {path!r} is not DynamoDB JSON: {str(value)[:60]!r}.", hint='write {"S": "text"}.'
        )
    kind, inner = next(iter(value.items()))
    wanted = {"S": str, "N": (str, int, float, Decimal), "L": (list, tuple), "M": Mapping}.get(kind, object)
    wanted = (list, tuple, set, frozenset) if kind in _MEMBERS else wanted
    if not isinstance(inner, wanted) or (kind == "N" and isinstance(inner, bool)):
        raise InvalidArgument(
            f"The attribute {path!r} is declared {kind} and holds a {type(inner).__name__}.",
            hint='for example {"N": "7"}, {"L": [{"S": "a"}]}.',
        )
    if kind in _MEMBERS and not inner:
        raise InvalidArgument(f"The attribute {path!r} is an empty set.", hint="leave it out, or use a list.")
    return kind, inner


def _measure_number(number: Any, path: str) -> int:
    try:
        text = repr(float(number)) if isinstance(number, float) else str(number)
        sign, digits, exponent = Decimal(text.strip()).as_tuple()
    except (InvalidOperation, ValueError, TypeError) as exc:
        raise InvalidArgument(f"The attribute {path!r} is no number: {number!r}.", hint="a number is decimal.") from exc
    if not isinstance(exponent, int):
        raise InvalidArgument(f"The attribute {path!r} is {number}.", hint="DynamoDB has no NaN and no infinity.")
    count = len(digits)  # a Decimal has no zeros in front, but for 0 itself
    while count and not digits[count - 1]:
        count -= 1
    if not count:
        return 1
    last = exponent + len(digits) - count  # power of ten of the last digit that is not 0
    first = last + count - 1
    if count > limits.NUMBER_DIGITS:
        raise InvalidArgument(
            f"The attribute {path!r} has a number of {count} digits.",
            hint=f"{limits.NUMBER_DIGITS} are the most; keep longer ones as text.",
        )
    if not limits.NUMBER_EXPONENTS[0] <= first <= limits.NUMBER_EXPONENTS[1]:
        raise InvalidArgument(
            f"The attribute {path!r} has a number near 1E{first:+d}.", hint="1E-130 to 9.99…E+125 can be stored."
        )
    pairs = first // 2 - last // 2 + 1
    return min(1 + pairs + sign, limits.NUMBER_BYTES)
