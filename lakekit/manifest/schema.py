"""One schema for files that differ: which columns a table has, of what type, and how each file supplies them.

It must not read files; it gets the schemas that footers tell.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

from lakekit.errors import ColumnNameConflict
from lakekit.manifest.types import may_change_values, normalize_type, stored_type, unify_types

Supply = Literal["same", "widened", "checked", "missing", "conflict"]


@dataclass(frozen=True)
class FileKind:
    """The files of a table that share one schema.

    Attributes:
        schema_id: what names the schema.
        schema: their columns, with normalized types.
        paths: where they lie, sorted; one after another, without a text for each until it is asked for.
        example: one of them, that can be read if any can.
        is_doubtful: whether their footers may hold bounds that are wrong, which an engine must not be shown.
        is_altered: whether the files themselves have other names for columns, or columns that are not shown.
    """

    schema_id: str
    schema: pa.Schema
    paths: Sequence[str]
    example: str
    is_doubtful: bool = False
    is_altered: bool = False

    @property
    def files(self) -> int:
        """How many there are."""
        return len(self.paths)

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """Their types by column; durations with their units, which the schema shows as whole numbers."""
        return {field.name: stored_type(field) for field in self.schema}


@dataclass(frozen=True)
class TableSchema:
    """The columns of a table and how each kind of file supplies them.

    Attributes:
        arrow: file columns in the order in which they appeared, then partition columns.
        keys: the names of the partition columns.
        supplies: for each schema_id and file column, how files of that schema supply it:
            "same" as it is, "widened" unchanged under a wider type, "checked" when each value proves to fit,
            "missing" as NULL, "conflict" not at all.
    """

    arrow: pa.Schema
    keys: tuple[str, ...]
    supplies: Mapping[str, Mapping[str, Supply]]

    @property
    def file_columns(self) -> list[pa.Field]:
        """The columns that come from files, in order."""
        return [field for field in self.arrow if field.name not in self.keys]


def unify_schemas(
    kinds: Sequence[FileKind],
    keys: Mapping[str, pa.DataType],
    *,
    declared: pa.Schema | None = None,
    conflicts_as_text: bool = False,
    holds: Callable[[str, str, pa.DataType], bool] = lambda schema_id, column, kind: False,
) -> TableSchema:
    """The schema of a table from those of its files.

    Where types cannot become one, the type that most files have stays, and those that do not fit it are in conflict.

    Args:
        kinds: the distinct schemas, in the order of their first file's path.
        keys: partition columns with their types; a file column of the same name is passed over.
        declared: columns and types to use instead of those found; a file whose type is wider is in conflict.
        conflicts_as_text: make a column in conflict text.
        holds: whether a type is known to hold all values of a column in files of a schema; asked where it may not.

    Raises:
        ColumnNameConflict: names equal but for case, or twice in one file.
    """
    _check_names(kinds, keys, declared)
    if declared is None:
        types = {name: _choose_type(name, kinds, conflicts_as_text) for name in _column_names(kinds, keys)}
    else:
        types = {field.name: normalize_type(field.type) for field in declared if field.name not in keys}
    supplies = {kind.schema_id: {} for kind in kinds}
    for kind, (name, to_type) in itertools.product(kinds, types.items()):
        from_type = kind.types.get(name)
        if from_type is not None and declared is not None:
            from_type = normalize_type(from_type)  # durations are what they are declared
        may_hold = functools.partial(holds, kind.schema_id, name, to_type)
        supplies[kind.schema_id][name] = _supply(from_type, to_type, may_hold, as_text=conflicts_as_text)
    arrow = pa.schema([*((name, normalize_type(kind)) for name, kind in types.items()), *keys.items()])
    return TableSchema(arrow, tuple(keys), supplies)


def _check_names(kinds: Sequence[FileKind], keys: Iterable[str], declared: pa.Schema | None) -> None:
    spelled: dict[str, tuple[str, str]] = {}
    for key in keys:
        _note_name(spelled, key, "the paths")
    for kind in kinds:
        twice = [name for name, count in Counter(kind.schema.names).items() if count > 1]
        if twice:
            what = f"The column {twice[0]!r} stands twice in {kind.example}."
            raise ColumnNameConflict(what, hint="rename one of the two where the file is written.")
        for field in kind.schema:
            _note_name(spelled, field.name, kind.example)
            _check_fields(field, field.name, kind.example)
    for name in declared.names if declared is not None else ():
        _note_name(spelled, name, "the declared schema")


def _note_name(spelled: dict[str, tuple[str, str]], name: str, where: str) -> None:
    """Note how a name is spelled; ColumnNameConflict when it was spelled otherwise elsewhere."""
    other, elsewhere = spelled.setdefault(name.casefold(), (name, where))
    if other != name:
        raise ColumnNameConflict(
            f"The columns {other!r} (in {elsewhere}) and {name!r} (in {where}) differ only in case; "
            "SQL engines cannot tell them apart.",
            hint="rename one of the two where the files are written, or open their folders as two tables.",
        )


def _check_fields(parent: pa.Field, name: str, example: str) -> None:
    """ColumnNameConflict for two fields of one struct, at any depth, whose names are equal or differ only in case."""
    spelled: dict[str, str] = {}
    for index in range(parent.type.num_fields):
        field = parent.type.field(index)
        other = spelled.setdefault(field.name.casefold(), field.name)
        if len(spelled) <= index:
            raise ColumnNameConflict(
                f"The column {name!r} has the fields {other!r} and {field.name!r} in one struct, in {example}; "
                "engines cannot tell them apart.",
                hint="rename one of the two where the file is written.",
            )
        _check_fields(field, name, example)


def _column_names(kinds: Sequence[FileKind], keys: Mapping[str, pa.DataType]) -> list[str]:
    return list(dict.fromkeys(name for kind in kinds for name in kind.types if name not in keys))


def _choose_type(name: str, kinds: Sequence[FileKind], as_text: bool) -> pa.DataType:
    """One type for all files; else one for as many as go together, beginning with the type that most have."""
    counts: Counter[pa.DataType] = Counter()
    for kind in kinds:
        if name in kind.types:
            counts[kind.types[name]] += kind.files
    chosen: list[pa.DataType] = []
    for type_, _ in counts.most_common():  # the first path wins among equals
        if unify_types(*chosen, type_) is not None:
            chosen.append(type_)
    if as_text and len(chosen) < len(counts) and not any(map(pa.types.is_nested, counts)):
        return pa.string()
    return unify_types(*chosen)


def _supply(from_type: pa.DataType | None, to_type: pa.DataType, holds: Callable[[], bool], *, as_text: bool) -> Supply:
    if from_type is None:
        return "missing"
    if pa.types.is_interval(from_type):  # engines do not agree on what these are
        return "conflict"
    if from_type.equals(to_type):
        return "same"
    unified = unify_types(to_type, from_type)
    if unified is None or not unified.equals(to_type):
        is_text = as_text and pa.types.is_string(to_type) and not pa.types.is_nested(from_type)
        return "checked" if is_text else "conflict"
    if from_type.equals(normalize_type(to_type)):
        return "same"
    if may_change_values(from_type, to_type) and not holds():
        return "checked"
    return "widened"
