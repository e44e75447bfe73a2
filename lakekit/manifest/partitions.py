"""What the folders of a file say about its rows: keys, values, and one type for each key over all files.

It must not read files, and it knows nothing of the columns in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from lakekit.errors import PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey

if TYPE_CHECKING:
    import pyarrow as pa

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"  # Hive's name for NULL in a path; Hive manual, "Dynamic Partitions"

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?")
_PLACEHOLDER = re.compile(r"\{([^{}:/]+)(?::([^{}/]+))?\}")


@dataclass(frozen=True)
class Partitioning:
    """The partition keys of a table, their types, and their typed values for each folder.

    Attributes:
        keys: key names, in the order of the path.
        types: the Arrow type of each key.
        values: for each folder of the listing, relative to the root: a tuple of values, None for NULL.
    """

    keys: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    values: Mapping[str, tuple[Any, ...]]

    def values_of(self, path: str) -> tuple[Any, ...]:
        """The partition values of one file, by its path relative to the root."""
        return self.values[folder_of(path)]


def folder_of(path: str) -> str:
    """The folder part of a relative path, empty for a file at the root."""
    return path.rpartition("/")[0]


def read_partitions(
    paths: Sequence[str], *, declared: Mapping[str, Any] | None = None, template: str | None = None
) -> Partitioning:
    """The partitioning that these paths tell: keys, one type for each, and every folder's values.

    Without a template, folders named ``key=value`` are keys, percent-decoded. Types that are not declared are
    inferred over all values: int64, date, timestamp[us], else string; leading zeros make a key text.

    Args:
        paths: file paths relative to the root.
        declared: types by key, as names (``"int32"``, ``"string"``, ``"date"``) or Arrow types.
        template: for layouts without key names, such as ``"{year:int}/{month:int}/{day:int}/{hour:int}"``.

    Raises:
        PartitionMismatch: files that lie under different keys, or not where the template says.
        UnknownPartitionKey: a type is declared for a key that no path has.
        PartitionTypeConflict: a value is not of the declared type.

    Example:
        >>> found = read_partitions(["y=2024/d=2024-01-05/a.parquet", "y=__HIVE_DEFAULT_PARTITION__/d=2024-02-01/b"])
        >>> found.keys, [str(t) for t in found.types], found.values_of("y=2024/d=2024-01-05/a.parquet")
        (('y', 'd'), ['int64', 'date32[day]'], (2024, datetime.date(2024, 1, 5)))
    """
    first_file = {folder_of(path): path for path in reversed(paths)}
    parse = _compile_template(template) if template else None
    declared = {**(parse.types if parse else {}), **(declared or {})}
    texts = {folder: (parse or _parse_hive)(folder, path) for folder, path in first_file.items()}
    keys = _common_keys(texts, first_file)
    unknown = [key for key in declared if key not in keys]
    if unknown and paths:
        raise UnknownPartitionKey(
            f"No partition key {unknown[0]!r} in the paths: "
            + (f"they have {', '.join(map(repr, keys))}." if keys else f"they have none, as in {paths[0]}."),
            hint="name the keys as the folders do, or leave them undeclared.",
        )
    columns = {key: {folder: found[key] for folder, found in texts.items()} for key in keys}
    types = {key: parse_type_name(declared[key], key) if key in declared else None for key in keys}
    typed = {key: _type_values(key, columns[key], types[key], first_file) for key in keys}
    values = {folder: tuple(typed[key][1][folder] for key in keys) for folder in texts}
    return Partitioning(tuple(keys), tuple(typed[key][0] for key in keys), values)


def _parse_hive(folder: str, path: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for segment in folder.split("/") if folder else ():
        key, equals, value = segment.partition("=")
        if not equals or not key:
            continue
        key = decode_segment(key)
        if key in found:
            raise PartitionMismatch(
                f"The partition key {key!r} stands twice in {path}.",
                hint="open the folder below the first of them as a table of its own.",
            )
        found[key] = None if value == HIVE_NULL else decode_segment(value)
    return found


def decode_segment(text: str) -> str:
    """A path segment with its percent escapes decoded; as it stands where they are not UTF-8. "+" stays a plus.

    Example:
        >>> decode_segment("a%2Fb+c"), decode_segment("%AF")
        ('a/b+c', '%AF')
    """
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return text


@dataclass(frozen=True)
class _Template:
    text: str
    levels: tuple[re.Pattern[str], ...]
    types: Mapping[str, str]

    def __call__(self, folder: str, path: str) -> dict[str, str | None]:
        segments = folder.split("/") if folder else []
        found: dict[str, str | None] = {}
        for position, level in enumerate(self.levels):
            match = level.fullmatch(segments[position]) if position < len(segments) else None
            if match is None:
                raise PartitionMismatch(
                    f"{path} does not lie where the template {self.text!r} says (level {position + 1}).",
                    hint="the template names the folders below the root, one {key:type} each, such as "
                    '"{year:int}/{month:int}/{day:int}/{hour:int}".',
                )
            for key, value in zip(self.keys_of(position), match.groups(), strict=True):
                found[key] = None if value == HIVE_NULL else decode_segment(value)
        return found | _parse_hive("/".join(segments[len(self.levels) :]), path)

    def keys_of(self, position: int) -> list[str]:
        return [match.group(1) for match in _PLACEHOLDER.finditer(self.text.strip("/").split("/")[position])]


def _compile_template(text: str) -> _Template:
    levels, types, keys = [], {}, []
    for segment in text.strip("/").split("/"):
        pattern, end = "", 0
        for match in _PLACEHOLDER.finditer(segment):
            pattern += re.escape(segment[end : match.start()]) + "(.*?)"
            end = match.end()
            keys.append(match.group(1))
            if match.group(2):
                types[match.group(1)] = match.group(2)
        levels.append(re.compile(pattern + re.escape(segment[end:])))
    if not keys or len(set(keys)) < len(keys):
        raise ValueError(
            f"The template {text!r} names {'a key twice' if keys else 'no key'}. "
            'Hint: write each level as {key:type}, such as "{year:int}/{month:int}".'
        )
    return _Template(text, tuple(levels), types)


def _common_keys(texts: Mapping[str, Mapping[str, Any]], first_file: Mapping[str, str]) -> list[str]:
    folders = iter(texts)
    first = next(folders, None)
    if first is None:
        return []
    keys = list(texts[first])
    for folder in folders:
        if texts[folder].keys() != texts[first].keys():
            raise PartitionMismatch(
                f"Files lie under different partition keys: {_describe_keys(keys)} in {first_file[first]}, "
                f"{_describe_keys(list(texts[folder]))} in {first_file[folder]}.",
                hint="open each layout as a table of its own, by its folder.",
            )
    return keys


def _describe_keys(keys: list[str]) -> str:
    return "/".join(keys) if keys else "none"


def _type_values(
    key: str, texts: Mapping[str, str | None], kind: pa.DataType | None, first_file: Mapping[str, str]
) -> tuple[pa.DataType, dict[str, Any]]:
    if kind is None:
        kind = _infer_type(value for value in texts.values() if value is not None)
    parsed = {value: _parse_value(value, kind) for value in set(texts.values()) if value is not None}
    for folder, value in texts.items():
        if value is not None and parsed[value] is _BAD:
            raise PartitionTypeConflict(
                f"The partition value {key}={value} is not of type {kind}, in {first_file[folder]}.",
                hint=f'declare another type, such as partitions={{"{key}": "string"}}.',
            )
    return kind, {folder: None if value is None else parsed[value] for folder, value in texts.items()}


def _infer_type(values: Iterable[str]) -> pa.DataType:
    import pyarrow as pa

    distinct = set(values) - {""}
    if not distinct:
        return pa.string()
    if all(_INTEGER.fullmatch(value) and -(2**63) <= int(value) < 2**63 for value in distinct):
        return pa.int64()
    for kind in (pa.date32(), pa.timestamp("us")):
        if all(_parse_value(value, kind) is not _BAD for value in distinct):
            return kind
    return pa.string()


_BAD = object()


def _parse_value(text: str, kind: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return text
    if text == "":
        return None
    if pa.types.is_date(kind):
        return _parse_time(date, text) if _DATE.fullmatch(text) else _BAD
    if pa.types.is_timestamp(kind):
        return _parse_time(datetime, text) if _TIMESTAMP.fullmatch(text) or _DATE.fullmatch(text) else _BAD
    try:
        return pa.scalar(text).cast(kind).as_py()
    except pa.ArrowInvalid:
        return _BAD


def _parse_time(kind: type, text: str) -> Any:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        return _BAD


def parse_type_name(kind: Any, key: str) -> pa.DataType:
    """The Arrow type for a declared one: an Arrow type itself, or a name such as "int32", "string", "date".

    Raises:
        ValueError: a name that stands for no type; lists those that do.

    Example:
        >>> str(parse_type_name("int", "year")), str(parse_type_name("date", "dt"))
        ('int64', 'date32[day]')
    """
    import pyarrow as pa

    names = {"int": pa.int64(), "string": pa.string(), "date": pa.date32(), "timestamp": pa.timestamp("us")}
    names |= {"bool": pa.bool_(), "float": pa.float64(), "double": pa.float64()}
    for sign in ("int", "uint"):
        names |= {f"{sign}{bits}": getattr(pa, f"{sign}{bits}")() for bits in (8, 16, 32, 64)}
    if isinstance(kind, pa.DataType) and any(kind.equals(known) for known in names.values()):
        return kind
    if isinstance(kind, str) and kind.lower() in names:
        return names[kind.lower()]
    raise ValueError(
        f"No type {str(kind)!r} for the partition key {key!r}. Hint: use one of {', '.join(names)}."
    )
