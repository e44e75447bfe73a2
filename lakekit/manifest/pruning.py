"""Which files, and which of their row groups, may hold rows that a predicate is true for, by statistics alone.

It must not open anything; and where it is not sure that there is no such row, the file stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.manifest.bounds import (
    ColumnBounds,
    find_unreadable,
    read_file_bounds,
    read_group_bounds,
    true_or_unknown,
)
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.ordering import cast_bounds, keeps_order
from lakekit.manifest.predicates import (
    And,
    Comparison,
    In,
    IsNull,
    IsTrue,
    Not,
    Or,
    Outcomes,
    Predicate,
    StartsWith,
    list_columns,
)

_MOST_SPLIT = 3  # columns with NaN whose rows with and without are judged apart; 2**3 times the work


class Possible(NamedTuple):
    """For each file or row group, whether some row may make a predicate true, false, NULL."""

    true: np.ndarray
    false: np.ndarray
    null: np.ndarray

    def where(self, mask: np.ndarray) -> Possible:
        """The same, for those in the mask alone; nothing is possible for the others."""
        return Possible(self.true & mask, self.false & mask, self.null & mask)

    def either(self, other: Possible) -> Possible:
        """What one or the other allows."""
        return Possible(self.true | other.true, self.false | other.false, self.null | other.null)


_Known = dict[int, tuple[Possible, Possible]]


def choose_files(manifest: Manifest, predicate: Predicate) -> np.ndarray:
    """Which files may hold a row that the predicate is true for: one bool for each row of ``manifest.files``.

    A file that cannot be read stays unless its partition values alone exclude it, as does one whose column cannot be
    shown, unless other columns do.

    Args:
        manifest: the table.
        predicate: a condition on columns of the table.

    Example:
        >>> import pyarrow as pa
        >>> import lakekit as lk
        >>> table = lk.open_table("data/sample/lake/airlines")
        >>> kept = choose_files(table.manifest, Comparison("carrier", ">", pa.scalar("ZZ")))
        >>> f"{kept.sum()} of {len(kept)}"
        '0 of 1'
    """
    return _judge_files(manifest, predicate).true


def covers_all(manifest: Manifest, predicate: Predicate) -> np.ndarray:
    """In which files the predicate is certainly true for every row: one bool for each row of ``manifest.files``.

    Never in a file that cannot be read.
    """
    possible = _judge_files(manifest, predicate)
    return ~possible.false & ~possible.null & ~find_unreadable(manifest)


def _judge_files(manifest: Manifest, predicate: Predicate) -> Possible:
    has_rows = true_or_unknown(manifest.entries["rows"] > 0)
    try:
        bounds = {column: read_file_bounds(manifest, column) for column in list_columns(predicate)}
        return judge(predicate, bounds, has_rows)
    except RecursionError:  # far too deep
        return Possible(has_rows, has_rows, has_rows)


def choose_row_groups(manifest: Manifest, path: str, predicate: Predicate) -> list[int]:
    """The numbers of those row groups of a file that may hold a row that the predicate is true for.

    One row group is the whole file, and for :func:`choose_files` to judge: it stays.

    Args:
        manifest: the table.
        path: one of its files, that can be read.
        predicate: a condition on columns of the table.
    """
    row = manifest.find(path)
    count = manifest.entries["row_groups"][row]
    footer = manifest.footers.get(path, manifest.entries["etag"][row])
    if footer is None or not count or count == 1:
        return list(range(count or 0))
    try:
        bounds = read_group_bounds(manifest, path, footer, list_columns(predicate))
        return np.flatnonzero(judge(predicate, bounds, np.ones(count, bool)).true).tolist()
    except RecursionError:  # far too deep
        return list(range(count))


def judge(predicate: Predicate, bounds: Mapping[str, ColumnBounds], has_rows: np.ndarray) -> Possible:
    """What a predicate may be for the rows of each file or row group.

    Args:
        predicate: the condition.
        bounds: what is known of the columns that it looks at.
        has_rows: whether there may be a row at all.
    """
    floats = [column for column, found in bounds.items() if found.has_nan.any()][:_MOST_SPLIT]
    nothing = np.zeros(len(has_rows), bool)
    possible = Possible(nothing, nothing, nothing)
    known: _Known = {}
    for assumed in itertools.product((False, True), repeat=len(floats)):
        is_nan = dict(zip(floats, assumed, strict=True))
        population = reduce(np.logical_and, [bounds[name].has_nan for name, is_so in is_nan.items() if is_so], has_rows)
        judged = _Judge(bounds, is_nan, len(has_rows), known).judge(predicate)
        possible = possible.either(judged.where(population))
    return possible


class _Judge:
    """Judges a predicate for the rows in which these columns are NaN, and those are not.

    Args:
        bounds: what is known of the columns.
        is_nan: by column whether its rows are NaN; of other columns they may be either.
        count: how many files or row groups there are.
        known: what values may make of each comparison, by its id; filled in here, for the next judge.
    """

    def __init__(self, bounds: Mapping[str, ColumnBounds], is_nan: Mapping[str, bool], count: int, known: _Known):
        self._bounds = bounds
        self._is_nan = is_nan
        self._count = count
        self._known = known

    def judge(self, predicate: Predicate) -> Possible:
        """What the predicate may be."""
        if isinstance(predicate, Outcomes):
            flags = predicate.may_be_true, predicate.may_be_false, predicate.may_be_null
            return Possible(*(np.full(self._count, flag) for flag in flags))
        if isinstance(predicate, Not):
            part = self.judge(predicate.part)
            return Possible(part.false, part.true, part.null)
        if isinstance(predicate, IsTrue):
            part = self.judge(predicate.part)
            return Possible(part.true, part.false | part.null, np.zeros(self._count, bool))
        if isinstance(predicate, And | Or):
            return self._join(predicate)
        if isinstance(predicate, IsNull):
            has_value, has_nan, has_null = self._kinds_of(predicate.column)
            return Possible(has_null, has_value | has_nan, np.zeros(self._count, bool))
        return self._compare(predicate)

    def _join(self, predicate: And | Or) -> Possible:
        """AND as it stands; OR as AND with true and false exchanged."""
        parts = [self.judge(part) for part in predicate.parts]
        if isinstance(predicate, Or):
            parts = [Possible(part.false, part.true, part.null) for part in parts]
        true = reduce(np.logical_and, [part.true for part in parts], np.ones(self._count, bool))
        not_false = reduce(np.logical_and, [part.true | part.null for part in parts], np.ones(self._count, bool))
        false = reduce(np.logical_or, [part.false for part in parts], np.zeros(self._count, bool))
        null = reduce(np.logical_or, [part.null for part in parts], np.zeros(self._count, bool)) & not_false
        return Possible(true, false, null) if isinstance(predicate, And) else Possible(false, true, null)

    def _kinds_of(self, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the rows of a column may be values, NaN, NULL."""
        found = self._bounds[column]
        nowhere = np.zeros(self._count, bool)
        if column not in self._is_nan:
            return found.has_value, found.has_nan, found.has_null
        return (nowhere, found.has_nan, nowhere) if self._is_nan[column] else (found.has_value, nowhere, found.has_null)

    def _compare(self, predicate: Comparison | In | StartsWith) -> Possible:
        has_value, has_nan, has_null = self._kinds_of(predicate.column)
        if id(predicate) not in self._known:
            self._known[id(predicate)] = _judge_values(predicate, self._bounds[predicate.column])
        values, nan = self._known[id(predicate)]
        true, false, null = values.where(has_value).either(nan.where(has_nan))
        return Possible(true, false, null | has_null)


def _judge_values(predicate: Comparison | In | StartsWith, found: ColumnBounds) -> tuple[Possible, Possible]:
    """What a comparison may be for values between the bounds, and for NaN."""
    nowhere = np.zeros(len(found.has_value), bool)
    anywhere = ~nowhere
    kind = pa.string() if isinstance(predicate, StartsWith) else _type_of(predicate)
    if not keeps_order(found.type, kind):
        return Possible(anywhere, anywhere, anywhere), Possible(anywhere, anywhere, anywhere)
    low, high = cast_bounds(found.low, found.high, found.type, kind)
    if isinstance(predicate, StartsWith):
        possible = _judge_prefix(predicate.prefix, low, high)
    elif isinstance(predicate, In):
        possible = _judge_in(predicate.values, low, high)
    else:
        possible = _judge_comparison(predicate, low, high)
    is_cast = not found.type.equals(kind)  # of what does not fit it may be NULL
    null = (low.is_null() | high.is_null()).to_numpy() if is_cast else nowhere
    values = Possible(*map(true_or_unknown, possible), null)
    is_true = _judge_nan(predicate)
    return values, Possible(anywhere, nowhere, nowhere) if is_true else Possible(nowhere, anywhere, nowhere)


def _type_of(predicate: Comparison | In) -> pa.DataType:
    return predicate.value.type if isinstance(predicate, Comparison) else predicate.values.type


def _is_nan(value: pa.Scalar) -> bool:
    return pa.types.is_floating(value.type) and bool(np.isnan(value.as_py()))


def _judge_nan(predicate: Comparison | In | StartsWith) -> bool:
    """What a comparison is for NaN."""
    if not isinstance(predicate, Comparison):
        is_listed = isinstance(predicate, In) and pa.types.is_floating(predicate.values.type)
        return is_listed and any(map(_is_nan, predicate.values))
    is_equal = _is_nan(predicate.value)  # else NaN is greater
    return {"=": is_equal, "<>": not is_equal, "<": False, "<=": is_equal, ">": not is_equal, ">=": True}[
        predicate.operator
    ]


def _judge_comparison(predicate: Comparison, low: pl.Series, high: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Whether values between the bounds may make it true, and false; None where that is unknown."""
    if _is_nan(predicate.value):  # which is above them all
        is_true = predicate.operator in ("<", "<=", "<>")
        return tuple(pl.Series([flag]).new_from_index(0, len(low)) for flag in (is_true, not is_true))
    low, high, value = _align(low, high, pa.array([predicate.value]))
    match predicate.operator:
        case "<":
            return low < value, high >= value
        case "<=":
            return low <= value, high > value
        case ">":
            return high > value, low <= value
        case ">=":
            return high >= value, low < value
    within, beside = (low <= value) & (high >= value), (low != value) | (high != value)
    return (within, beside) if predicate.operator == "=" else (beside, within)


def _judge_in(values: pa.Array, low: pl.Series, high: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The same for a list: the least of its values that is not below the lowest decides."""
    low, high, listed = _align(low, high, values)
    if listed.dtype.is_float():
        listed = listed.filter(listed.is_not_nan())
    listed = listed.unique().sort().alias("value")
    lows = pl.DataFrame({"low": low, "high": high}).with_row_index().sort("low", nulls_last=True)
    found = lows.join_asof(
        listed.to_frame().with_columns(nearest=pl.col("value")), left_on="low", right_on="value", strategy="forward"
    ).sort("index")
    hit = (found["nearest"] <= found["high"]).fill_null(False)
    is_known = found["low"].is_not_null() & found["high"].is_not_null()
    is_one = (found["low"] == found["high"]) & (found["nearest"] == found["low"])
    return _where_known(hit, is_known), _where_known(~is_one.fill_null(False), is_known)


def _where_known(values: pl.Series, is_known: pl.Series) -> pl.Series:
    return pl.select(pl.when(is_known).then(values)).to_series()


def _judge_prefix(prefix: str, low: pl.Series, high: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The same for texts that begin alike: those that do lie together, from the prefix itself on."""
    low, high, value = _align(low, high, pa.array([prefix]))
    low_begins, high_begins = low.str.starts_with(prefix), high.str.starts_with(prefix)
    return ((low <= value) | low_begins) & (high >= value), ~(low_begins & high_begins)


def _align(low: pl.Series, high: pl.Series, values: pa.Array) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Bounds and values as series of one type that can be ordered."""
    other = pl.from_arrow(values)
    dtype = pl.UInt8 if other.dtype == pl.Boolean else other.dtype
    return low.cast(dtype), high.cast(dtype), other.cast(dtype)
