"""One type for each column of a batch, chosen once, before anything is written: the table's, or a wider one.

It must not convert rows: it looks at all of them, and says which types they shall have.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from lakekit.errors import ColumnNameConflict, InvalidArgument
from lakekit.ingest.converting import convert_column
from lakekit.ingest.decode import MOST_DEPTH
from lakekit.ingest.parquet import store_schema
from lakekit.manifest.types import describe_type, unify_types

# What text may be, the narrowest first; text itself is always possible
GUESSES = (
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
)


@dataclass(frozen=True)
class Typing:
    """The columns of a batch.

    Attributes:
        schema: their names and types, as they are stored.
        widened: what the table has another type for, one sentence each.
    """

    schema: pa.Schema
    widened: tuple[str, ...]


def choose_types(
    found: pa.Schema, table: pa.Schema | None, declared: Mapping[str, pa.DataType | None] | None = None
) -> Typing:
    """The types of a batch whose columns have types of their own.

    A column of the table keeps its type where that holds all values of the batch's; else it is widened where there
    is a wider type; else it keeps its type, and values that do not fit are for the quarantine.

    Args:
        found: the columns of the batch.
        table: those of the table, if it is there.
        declared: types to take instead of those that were found.

    Raises:
        ColumnNameConflict: names that differ only in case.
        InvalidArgument: a type was declared for a column that is nowhere, or one that the table's does not go with.

    Example:
        >>> table = pa.schema([("n", pa.int32()), ("s", pa.string())])
        >>> choose_types(pa.schema([("n", pa.int64()), ("s", pa.int64())]), table)
        Typing(schema=n: int64
        s: string, widened=('n: int32 became int64',))
    """
    declared = declared or {}
    _check_declared(declared, found, table)
    found = store_schema(pa.schema([(field.name, declared.get(field.name) or field.type) for field in found]))
    for field in found:
        _check_stored(field.name, field)
    _check_names(found.names, table.names if table is not None else [])
    known = {field.name: field.type for field in table} if table is not None else {}
    fields, widened = [], []
    for field in found:
        kind = field.type
        before = known.get(field.name)
        if before is not None:
            kind = _join(before, field.type)
            if not kind.equals(before):
                widened.append(f"{field.name}: {describe_type(before)} became {describe_type(kind)}")
        fields.append((field.name, kind))
    return Typing(pa.schema(fields), tuple(widened))


def _check_declared(declared: Mapping[str, pa.DataType | None], found: pa.Schema, table: pa.Schema | None) -> None:
    known = {field.name: field.type for field in table} if table is not None else {}
    for name, kind in declared.items():
        if name not in found.names and name not in known:
            close = difflib.get_close_matches(name, found.names, n=1)
            what = f"types= declares the column {name!r}; the files have {', '.join(found.names) or 'none'}."
            raise InvalidArgument(what, hint=f"did you mean {close[0]!r}?" if close else "leave it out.")
        if name in known and unify_types(known[name], kind) is None:
            what = (
                f"types= declares {name!r} as {describe_type(kind)}; in the table it is {describe_type(known[name])}."
            )
            raise InvalidArgument(what, hint="leave it out: the table's type counts; or write to another table.")


def _join(before: pa.DataType, kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return before
    if pa.types.is_duration(kind):  # a table shows durations as whole numbers
        return kind if before.equals(pa.int64()) else before
    return unify_types(before, kind) or before


def _check_names(names: Sequence[str], known: Sequence[str]) -> None:
    spelled = {name.casefold(): name for name in known}
    for name in names:
        other = spelled.get(name.casefold(), name)
        if other != name or names.count(name) > 1:
            what = f"The columns {other!r} and {name!r} of the table and the batch differ only in case."
            twice = f"The column {name!r} stands twice in the batch."
            raise ColumnNameConflict(twice if other == name else what, hint="rename one of them in the batch.")
        spelled[name.casefold()] = name


def _check_stored(column: str, field: pa.Field, depth: int = 0) -> None:
    """Raise InvalidArgument where a field, or one within it, would make a file that cannot be read, or none."""
    if not field.name:
        what = f"The column {column!r} has a field without a name." if column else "A column of the batch has no name."
        raise InvalidArgument(what, hint="name it in the batch.")
    if depth > MOST_DEPTH:
        what = f"The column {column!r} is nested more than {MOST_DEPTH} levels deep, which readers of Parquet refuse."
        raise InvalidArgument(what, hint="leave it out of the batch, or store it as JSON text.")
    if "\0" in field.name:
        what = f"The column {column!r} has a NUL character in the name {field.name!r}, and Parquet's readers cut it."
        raise InvalidArgument(what, hint="rename it in the batch.")
    if pa.types.is_struct(field.type) and not field.type.num_fields:
        what = f"The column {column!r} holds a struct without fields, which Parquet cannot hold."
        raise InvalidArgument(what, hint="leave it out of the batch.")
    if pa.types.is_nested(field.type):
        for inner in (field.type.field(number) for number in range(field.type.num_fields)):
            _check_stored(column, inner, depth + 1)


def _fill_structs(kind: pa.DataType) -> pa.DataType:
    """The type with text in place of structs that never had a field: their values are for the quarantine then."""
    if pa.types.is_list(kind):
        return pa.list_(_fill_structs(kind.value_type))
    if not pa.types.is_struct(kind):
        return kind
    return pa.struct([(field.name, _fill_structs(field.type)) for field in kind]) if kind.num_fields else pa.string()


class TextGuess:
    """What type the texts of one column have, found by looking at all of them.

    The type that the fewest values do not fit wins, of equals the narrowest; a column that is new may always be text.

    Args:
        known: the type that the table has for it; None for a new column.

    Example:
        >>> guess = TextGuess(None)
        >>> guess.look(pa.chunked_array([["1", None, "2.5"]]))
        >>> guess.choose()
        DataType(double)
    """

    def __init__(self, known: pa.DataType | None):
        self.known = known
        wider = [unify_types(known, kind) for kind in GUESSES] if known is not None else []
        candidates = [known, *wider] if known is not None else list(GUESSES)
        self.misfits = dict.fromkeys((kind for kind in candidates if kind is not None), 0)
        self.values = 0

    def look(self, column: pa.ChunkedArray) -> None:
        """Take these texts into account."""
        filled = column.filter(pc.not_equal(column, "")) if pa.types.is_string(column.type) else column.drop_null()
        self.values += len(filled)
        if not len(filled) or (self.known is not None and pa.types.is_string(self.known)):
            return
        for kind in list(self.misfits):
            _, is_bad = convert_column(filled, kind)
            if is_bad is not None:
                self.misfits[kind] += int(is_bad.sum())
                if self.known is None:  # it is text then, or something else
                    del self.misfits[kind]

    def choose(self) -> pa.DataType:
        """The type."""
        if self.known is not None and not self.values:
            return self.known
        if not self.values or not self.misfits:
            return pa.string()
        return min(self.misfits, key=self.misfits.__getitem__)  # the first of equals


def guess_text_types(
    parts: Iterable[pa.Table], table: pa.Schema | None, declared: Mapping[str, pa.DataType | None] | None = None
) -> Typing:
    """The types of a batch of texts; see `TextGuess`, and for the arguments `choose_types`."""
    known = {field.name: field.type for field in table} if table is not None else {}
    guesses: dict[str, TextGuess] = {}
    for rows in parts:
        for name in rows.column_names:
            guesses.setdefault(name, TextGuess(known.get(name))).look(rows.column(name))
    chosen = pa.schema([(name, guess.choose()) for name, guess in guesses.items()])
    return choose_types(chosen, table, declared)


def unify_told_types(
    told: Iterable[tuple[pa.Schema, Sequence[int]]],
    table: pa.Schema | None,
    declared: Mapping[str, pa.DataType | None] | None = None,
) -> Typing:
    """The types of a batch whose parts tell different ones: by column that of most values, and what goes with it.

    Args:
        told: the schema of each part, with the number of values in each column.
        table, declared: see `choose_types`.
    """
    counts: dict[str, Counter[pa.DataType]] = {}
    for schema, values in told:
        _check_names(schema.names, [])
        for field, count in zip(store_schema(schema), values, strict=True):
            counts.setdefault(field.name, Counter())[field.type] += count
    chosen = {}
    for name, types in counts.items():
        kinds: list[pa.DataType] = []
        for kind, _ in types.most_common():
            if kind not in kinds and (not kinds or unify_types(*kinds, kind) is not None):
                kinds.append(kind)
        kind = kinds[0] if len(kinds) == 1 else unify_types(*kinds)
        chosen[name] = pa.string() if kind is None or pa.types.is_null(kind) else _fill_structs(kind)
    return choose_types(pa.schema(list(chosen.items())), table, declared)
