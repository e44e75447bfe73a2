"""Conditions on the rows of a table, in the three-valued logic of SQL, whichever engine asks.

It must not know files, statistics or engines: those translate into it, and are judged by it.

A predicate is true, false or NULL for a row. Values of a column are compared as DuckDB and Polars compare them: text
by its bytes in UTF-8, -0.0 equal to 0.0, NaN equal to NaN and above all other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Operator = Literal["=", "<>", "<", "<=", ">", ">="]
FLIPPED: dict[str, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}  # sides exchanged

_MOST_SHOWN = 5  # values of a list that are shown


@dataclass(frozen=True, slots=True, repr=False)
class Outcomes:
    """A condition of which nothing is known but what it may be, for any row.

    Attributes:
        may_be_true, may_be_false, may_be_null: which of the three it may be.
    """

    may_be_true: bool
    may_be_false: bool
    may_be_null: bool

    def __repr__(self) -> str:
        flags = {"true": self.may_be_true, "false": self.may_be_false, "NULL": self.may_be_null}
        return " or ".join(name for name, may_be in flags.items() if may_be)


UNKNOWN = Outcomes(True, True, True)
ALWAYS = Outcomes(True, False, False)
NEVER = Outcomes(False, True, False)
NULL = Outcomes(False, False, True)
NOT_TRUE = Outcomes(False, True, True)


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """A column compared with a value; NULL where the column is.

    Attributes:
        column: a column of the table.
        operator: how.
        value: of the column's type, or of another to which the column is cast first; never NULL.
    """

    column: str
    operator: Operator
    value: pa.Scalar

    def __repr__(self) -> str:
        return f"{self.column} {self.operator} {_show(self.value)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class In:
    """Whether a column is one of some values; NULL where the column is.

    Attributes:
        column: a column of the table.
        values: as in a comparison; without NULL.
    """

    column: str
    values: pa.Array

    def __repr__(self) -> str:
        shown = [_show(value) for value in self.values[:_MOST_SHOWN]] + ["…"] * (len(self.values) > _MOST_SHOWN)
        return f"{self.column} IN ({', '.join(shown)})"


@dataclass(frozen=True, slots=True, repr=False)
class StartsWith:
    """Whether the text in a column begins with this one; NULL where the column is."""

    column: str
    prefix: str

    def __repr__(self) -> str:
        return f"{self.column} LIKE {self.prefix!r}%"


@dataclass(frozen=True, slots=True, repr=False)
class IsNull:
    """Whether a column is NULL; never NULL itself."""

    column: str

    def __repr__(self) -> str:
        return f"{self.column} IS NULL"


@dataclass(frozen=True, slots=True, repr=False)
class And:
    """True where all parts are, false where any is, else NULL."""

    parts: tuple[Predicate, ...]

    def __repr__(self) -> str:
        return _show_parts(self.parts, "AND")


@dataclass(frozen=True, slots=True, repr=False)
class Or:
    """True where any part is, false where all are, else NULL."""

    parts: tuple[Predicate, ...]

    def __repr__(self) -> str:
        return _show_parts(self.parts, "OR")


@dataclass(frozen=True, slots=True, repr=False)
class Not:
    """True where the part is false, false where it is true, else NULL."""

    part: Predicate

    def __repr__(self) -> str:
        return f"NOT ({self.part})"


@dataclass(frozen=True, slots=True, repr=False)
class IsTrue:
    """True where the part is, else false; never NULL. So are ``IS NOT DISTINCT FROM`` and ``eq_missing``."""

    part: Predicate

    def __repr__(self) -> str:
        return f"({self.part}) IS TRUE"


Predicate = Outcomes | Comparison | In | StartsWith | IsNull | And | Or | Not | IsTrue


def join_all(predicates: Sequence[Predicate]) -> Predicate:
    """What all of these say together.

    Example:
        >>> join_all([]), join_all([IsNull("n")])
        (true, n IS NULL)
    """
    if not predicates:
        return ALWAYS
    return predicates[0] if len(predicates) == 1 else And(tuple(predicates))


def join_any(parts: Sequence[Predicate]) -> Predicate:
    """What one or more of these being true says; one list of values where all ask for a value of the same column.

    Example:
        >>> import pyarrow as pa
        >>> join_any([Comparison("n", "=", pa.scalar(value)) for value in (5, 7)]).values.to_pylist()
        [5, 7]
    """
    asked = [(part.column, part.operator, part.value.type) for part in parts if isinstance(part, Comparison)]
    if len(asked) == len(parts) > 1 and len(set(asked)) == 1 and asked[0][1] == "=":
        return In(asked[0][0], pa.array([part.value for part in parts], asked[0][2]))
    return Or(tuple(parts))


def list_columns(predicate: Predicate) -> list[str]:
    """The columns that a predicate looks at, each once, in their order.

    Example:
        >>> import pyarrow as pa
        >>> And((Comparison("n", "<", pa.scalar(5)), IsNull("s")))
        (n < 5) AND (s IS NULL)
        >>> list_columns(And((Comparison("n", "<", pa.scalar(5)), Not(IsNull("s")), IsNull("n"))))
        ['n', 's']
    """
    return list(dict.fromkeys(_walk(predicate)))


def _walk(predicate: Predicate) -> Iterator[str]:
    if isinstance(predicate, And | Or):
        for part in predicate.parts:
            yield from _walk(part)
    elif isinstance(predicate, Not | IsTrue):
        yield from _walk(predicate.part)
    elif not isinstance(predicate, Outcomes):
        yield predicate.column


def _show(value: pa.Scalar) -> str:
    if getattr(value.type, "unit", None) == "ns":  # of which Python has no type, and pandas need not be here
        return str(value.cast(pa.string()))
    try:
        return repr(value.as_py()) if pa.types.is_string(value.type) else str(value)
    except ValueError:  # a time that Python does not have
        return str(value.value)


def _show_parts(parts: tuple[Predicate, ...], word: str) -> str:
    return f" {word} ".join(f"({part})" for part in parts)
