"""One schema for files that differ: which columns a table has, of what type, and how each file supplies them.

It must not read files; it gets the schemas that footers tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from lakekit.errors import ColumnNameConflict
from lakekit.manifest.types import has_inexact_integers, normalize_type, unify_types

Supply = Literal["same", "widened", "checked", "missing", "conflict"]


@dataclass(frozen=True)
class FileKind:
    """The files of a table that share one schema.

    Attributes:
        schema_id: what names the schema.
        schema: their columns, with normalized types.
        files: how many there are.
        example: the path of the first of them.
    """

    schema_id: str
    schema: pa.Schema
    files: int
    example: str


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
    is_exact: Callable[[str, str], bool] = lambda schema_id, column: False,
) -> TableSchema:
    """The schema of a table from those of its files.

    Where types cannot become one, the type that most files have stays, and the others are in conflict.

    Args:
        kinds: the distinct schemas, in the order of their first file's path.
        keys: partition columns with their types; a file column of the same name is passed over.
        declared: columns and types to use instead of those found.
        conflicts_as_text: make a column in conflict text.
        is_exact: whether the whole numbers of a column are known to stay within 2**53 in files of a schema.

    Raises:
        ColumnNameConflict: names equal but for case, or twice in one file.
    """
    _check_names(kinds, keys)
    if declared is None:
        types = {name: _choose_type(name, kinds, is_exact, conflicts_as_text) for name in _column_names(kinds, keys)}
    else:
        types = {field.name: normalize_type(field.type) for field in declared if field.name not in keys}
    supplies = {
        kind.schema_id: {
            name: _supply(kind, name, type_, is_exact, as_text=conflicts_as_text) for name, type_ in types.items()
        }
        for kind in kinds
    }
    arrow = pa.schema([*types.items(), *keys.items()])
    return TableSchema(arrow, tuple(keys), supplies)


def _check_names(kinds: Sequence[FileKind], keys: Mapping[str, pa.DataType]) -> None:
    spelled = {key.casefold(): (key, "the paths") for key in keys}
    for kind in kinds:
        seen: set[str] = set()
        for name in kind.schema.names:
            if name in seen:
                raise ColumnNameConflict(
                    f"The column {name!r} stands twice in {kind.example}.",
                    hint="rename one of the two where the file is written.",
                )
            seen.add(name)
            other, where = spelled.setdefault(name.casefold(), (name, kind.example))
            if other != name:
                raise ColumnNameConflict(
                    f"The columns {other!r} (in {where}) and {name!r} (in {kind.example}) differ only in case; "
                    "SQL engines cannot tell them apart.",
                    hint="rename one of the two where the files are written, or open their folders as two tables.",
                )


def _column_names(kinds: Sequence[FileKind], keys: Mapping[str, pa.DataType]) -> list[str]:
    return list(dict.fromkeys(name for kind in kinds for name in kind.schema.names if name not in keys))


def _choose_type(
    name: str, kinds: Sequence[FileKind], is_exact: Callable[[str, str], bool], as_text: bool
) -> pa.DataType:
    chosen: pa.DataType = pa.null()
    having = [kind for kind in kinds if name in kind.schema.names]
    conflict = False
    for kind in sorted(having, key=lambda kind: -kind.files):  # stable: the first path wins among equals
        unified = unify_types(chosen, kind.schema.field(name).type)
        if unified is None:
            conflict = True
        else:
            chosen = unified
    if conflict and as_text and not any(pa.types.is_nested(kind.schema.field(name).type) for kind in having):
        return pa.string()
    return chosen


def _supply(
    kind: FileKind, name: str, to_type: pa.DataType, is_exact: Callable[[str, str], bool], *, as_text: bool
) -> Supply:
    if name not in kind.schema.names:
        return "missing"
    from_type = kind.schema.field(name).type
    if from_type.equals(to_type):
        return "same"
    unified = unify_types(from_type, to_type)
    if unified is None or not unified.equals(to_type):
        text = as_text and pa.types.is_string(to_type) and not pa.types.is_nested(from_type)
        return "checked" if text else "conflict"
    if has_inexact_integers(from_type, to_type) and not is_exact(kind.schema_id, name):
        return "checked"
    return "widened"
