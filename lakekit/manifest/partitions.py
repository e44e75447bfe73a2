"""What the folders of a file say about its rows: keys, values, and one type for each key over all files.

It must not read files, and it knows nothing of the columns in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from lakekit.errors import ColumnNameConflict, PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey
from lakekit.manifest.partition_types import NOT_OF_TYPE, infer_type, parse_type_name, parse_value
from lakekit.manifest.template import Template, parse_template

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"  # Hive's name for NULL in a path; Hive manual, "Dynamic Partitions"

Texts = dict[str, str | None]  # the values of one folder by key, decoded; None for NULL


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

    def tabulate(self, folders: Folders) -> pa.Table:
        """The values of files as columns named by their keys, one row for each file.

        Args:
            folders: those of the files, as :func:`find_folders` gives them.
        """
        import pyarrow as pa

        rows = [self.values[name] for name in folders.names]
        columns = [
            pa.array([row[index] for row in rows], kind).take(pa.array(folders.numbers))
            for index, kind in enumerate(self.types)
        ]
        return pa.table(columns, names=list(self.keys))


@dataclass(frozen=True)
class Folders:
    """The folders in which files lie.

    Attributes:
        names: each folder once, in the order of its first file.
        first_files: the first file of each.
        numbers: for each file, in order, the position of its folder in ``names``.
    """

    names: Sequence[str]
    first_files: Sequence[str]
    numbers: np.ndarray


def find_folders(paths: Sequence[str] | pl.Series) -> Folders:
    """The folders of these files."""
    import numpy as np
    import polars as pl

    column = pl.Series("path", paths, dtype=pl.String)
    folder = column.str.replace(r"/?[^/]*$", "")
    run = folder.rle_id()  # most files of a folder stand together, and are one run
    first = np.flatnonzero(np.diff(run.to_numpy(), prepend=np.uint32(2**32 - 1))) if len(run) else np.empty(0, int)
    numbers: dict[str, int] = {}
    first_files: list[str] = []
    of_run = []
    for name, file in zip(folder.gather(first).to_list(), column.gather(first).to_list(), strict=True):
        number = numbers.setdefault(name, len(numbers))
        if number == len(first_files):
            first_files.append(file)
        of_run.append(number)
    return Folders(list(numbers), first_files, np.array(of_run, np.int64)[run.to_numpy()])


def folder_of(path: str) -> str:
    """The folder part of a relative path, empty for a file at the root."""
    return path.rpartition("/")[0]


def read_partitions(
    paths: Sequence[str] | Folders, *, declared: Mapping[str, Any] | None = None, template: str | None = None
) -> Partitioning:
    """The partitioning that these paths tell: keys, one type for each, and every folder's values.

    Without a template, folders named ``key=value`` are keys, percent-decoded. Types that are not declared are
    inferred over all values: int64, date, timestamp[us], else string; leading zeros make a key text.

    Args:
        paths: file paths relative to the root, or their folders, where those are known.
        declared: types by key, as names (``"int32"``, ``"string"``, ``"date"``) or Arrow types.
        template: for layouts without key names, such as ``"{year:int}/{month:int}/{day:int}/{hour:int}"``; folders
            below may be named ``key=value``.

    Raises:
        PartitionMismatch: files that lie under different keys, or not where the template says.
        UnknownPartitionKey: a type is declared for a key that no path has.
        PartitionTypeConflict: a value is not of the declared type.
        ColumnNameConflict: keys that differ only in case.
        InvalidArgument: a template or a type that means nothing.

    Example:
        >>> found = read_partitions(["y=2024/d=2024-01-05/a.parquet", "y=__HIVE_DEFAULT_PARTITION__/d=2024-02-01/b"])
        >>> found.keys, [str(t) for t in found.types], found.values_of("y=2024/d=2024-01-05/a.parquet")
        (('y', 'd'), ['int64', 'date32[day]'], (2024, datetime.date(2024, 1, 5)))
    """
    folders = paths if isinstance(paths, Folders) else find_folders(paths)
    first_file = dict(zip(folders.names, folders.first_files, strict=True))
    layout = parse_template(template) if template else None
    texts = {folder: _read_texts(folder, path, layout) for folder, path in first_file.items()}
    keys = _common_keys(texts, first_file)
    types = {**(layout.types if layout else {}), **(declared or {})}
    types = {key: parse_type_name(kind, key) for key, kind in types.items()}
    _refuse_unknown_keys(types, keys, first_file)
    typed = {}
    for key in keys:
        column = {folder: found[key] for folder, found in texts.items()}
        types[key] = types.get(key) or infer_type(text for text in column.values() if text is not None)
        typed[key] = _type_values(key, column, types[key], first_file)
    values = {folder: tuple(typed[key][folder] for key in keys) for folder in texts}
    return Partitioning(tuple(keys), tuple(types[key] for key in keys), values)


def _read_texts(folder: str, path: str, layout: Template | None) -> Texts:
    """The keys of one folder in their order, with their values as text."""
    segments = folder.split("/") if folder else []
    pairs = layout.match(segments, path) if layout else []
    for segment in segments[len(layout.levels) if layout else 0 :]:
        key, equals, value = segment.partition("=")
        if equals and key:
            pairs.append((decode_segment(key), value))
    found: Texts = {}
    for key, value in pairs:
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


def _common_keys(texts: Mapping[str, Texts], first_file: Mapping[str, str]) -> list[str]:
    if not texts:
        return []
    first = next(iter(texts))
    keys = list(texts[first])
    for folder, found in texts.items():
        if found.keys() != texts[first].keys():
            raise PartitionMismatch(
                f"Files lie under different partition keys: {_describe_keys(keys)} in {first_file[first]}, "
                f"{_describe_keys(list(found))} in {first_file[folder]}.",
                hint=_describe_way_out(first_file),
            )
    if len({key.casefold() for key in keys}) < len(keys):
        what = f"The partition keys {', '.join(map(repr, keys))} differ only in case, in {first_file[first]}."
        raise ColumnNameConflict(what, hint="open the folder below the first of them as a table of its own.")
    return keys


def _describe_way_out(first_file: Mapping[str, str]) -> str:
    if "" in first_file:
        return f"move {first_file['']} into the folder of its partition, or open the folders beside it one by one."
    return "open each layout as a table of its own, by its folder."


def _describe_keys(keys: list[str]) -> str:
    return "/".join(keys) if keys else "none"


def _refuse_unknown_keys(types: Mapping[str, Any], keys: Sequence[str], first_file: Mapping[str, str]) -> None:
    unknown = [key for key in types if key not in keys]
    if unknown and first_file:
        there = f"they have {', '.join(map(repr, keys))}" if keys else "they have none"
        raise UnknownPartitionKey(
            f"No partition key {unknown[0]!r} in the paths: {there}, as in {next(iter(first_file.values()))}.",
            hint="name the keys as the folders do, or leave them undeclared.",
        )


def _type_values(
    key: str, texts: Mapping[str, str | None], kind: pa.DataType, first_file: Mapping[str, str]
) -> dict[str, Any]:
    parsed = {text: parse_value(text, kind) for text in set(texts.values()) if text is not None}
    for folder, text in texts.items():
        if parsed.get(text) is NOT_OF_TYPE:
            raise PartitionTypeConflict(
                f"The partition value {key}={text} is not of type {kind}, in {first_file[folder]}.",
                hint=f'declare another type, such as partitions={{"{key}": "string"}}.',
            )
    return {folder: parsed.get(text) for folder, text in texts.items()}
