"""Random tables of drifting files, and random conditions on them in SQL and in Polars, for tests of pruning.

It must not judge conditions: engines do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from lakekit.views.sqltypes import quote_text

NAN, INF = float("nan"), float("inf")
moment = datetime.fromisoformat
_TEXTS = [
    "",
    "a",
    "ab",
    "abc",
    "b",
    "B",
    "é",
    "\U0001f600",
    "\uffff",
    "a\n(c0 = 1)",
    "\0",
    "o'c",
    "\\x00",
    "z" * 100,
    "ab%",
]
_DAYS = [date(1600, 1, 1), date(1969, 12, 31), date(2024, 1, 1), date(2024, 1, 2), date(9999, 12, 31)]
_MOMENTS = [
    moment("1969-12-31 23:59:59.999000"),
    moment("2024-01-01"),
    moment("2024-01-01 12:00:00"),
    moment("2024-01-02"),
    moment("2024-07-01 03:30:00"),
    moment("2200-01-01"),
]


@dataclass(frozen=True)
class Family:
    """Types that files may hold one column as, values of it, and what it is compared with.

    Attributes:
        types: Arrow types; each holds the values that fit into it.
        values: of the column.
        literals: other values that it is compared with.
    """

    types: tuple[pa.DataType, ...]
    values: tuple[Any, ...]
    literals: tuple[Any, ...] = ()


FAMILIES = {
    "integers": Family(
        (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()),
        (-(2**63), -(2**31), -128, -1, 0, 1, 2, 3, 127, 255, 2**31 - 1, 2**32 - 1, 2**53 + 1, 2**63 - 1),
        (2.5, Decimal("1.5"), 2**53, -0.5, 2**70, 1e30, float(2**53)),
    ),
    "unsigned": Family((pa.uint64(), pa.int64()), (-5, 0, 1, 2, 2**63, 2**64 - 1), (1.5, 2**70)),
    "waits": Family((pa.duration("ms"),), (-1, 0, 1, 5), (0.5,)),
    "bytes": Family((pa.uint8(),), (0, 1, 127, 128, 255), (-1, 300, 1.5)),
    "floats": Family(
        (pa.float32(), pa.float64()), (-INF, -1.5, -0.0, 0.0, 0.1, 1.5, 1e30, NAN, INF), (1, 0.2, Decimal("0.1"), 3)
    ),
    "numbers": Family((pa.int32(), pa.float64()), (-5, 0, 1, 2, 2**31 - 1), (0.5, NAN, INF)),
    "texts": Family(
        (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())), tuple(_TEXTS), ("aa", "c")
    ),
    "blobs": Family(
        (pa.binary(), pa.large_binary()), (b"", b"\0", b"a", b"a\xff", b"\xff\xff", b"'\\", b"z" * 80), (b"b",)
    ),
    "flags": Family((pa.bool_(),), (True, False)),
    "dates": Family((pa.date32(), pa.date64()), tuple(_DAYS), (date(2024, 1, 3), moment("2024-01-01 12:00:00"))),
    "days": Family(
        (pa.date32(), pa.timestamp("us"), pa.timestamp("ms")), (*_DAYS[1:4], *_MOMENTS), (date(2000, 1, 1),)
    ),
    "times": Family((pa.timestamp("us"), pa.timestamp("ms"), pa.timestamp("ns")), tuple(_MOMENTS), (date(2024, 1, 1),)),
    "moments": Family(
        (pa.timestamp("us", "UTC"), pa.timestamp("ms", "Europe/Paris"), pa.timestamp("us", "Asia/Tokyo")),
        tuple(at.replace(tzinfo=UTC) for at in _MOMENTS),
    ),
    "clocks": Family(
        (pa.time32("ms"), pa.time64("us")), (time(0), time(1, 2, 3), time(12, 0, 0, 5000), time(23, 59, 59))
    ),
    "decimals": Family(
        (pa.decimal128(5, 1), pa.decimal128(10, 2), pa.int32(), pa.decimal128(30, 4)),
        tuple(map(Decimal, ["-1.5", "-1", "0", "0.1", "1.5", "2", "9999.9"])),
        (1.5, 2, Decimal("0.125"), Decimal("1.23456"), 0.1),
    ),
}


@st.composite
def draw_column(draw: st.DrawFn, family: Family, kind: pa.DataType, rows: int) -> pa.Array:
    """A column of a file: few different values, so that files differ, and NULL."""
    few = draw(
        st.lists(st.sampled_from([value for value in family.values if _fits(value, kind)]), min_size=1, max_size=3)
    )
    nulls = draw(st.sampled_from([(), (None,)]))
    values = draw(st.lists(st.sampled_from([*few, *nulls]), min_size=rows, max_size=rows))
    return make_array(values, kind)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        return make_array([value], kind).to_pylist() is not None
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return False


def make_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values as an array of a type, as they are or not at all."""
    if pa.types.is_integer(kind):
        return pa.array([None if value is None else _whole(value) for value in values], kind)
    if pa.types.is_date(kind) and any(isinstance(value, datetime) for value in values):
        raise ValueError("not a date")
    if pa.types.is_timestamp(kind) and kind.tz is None:
        values = [moment(value.isoformat()) if type(value) is date else value for value in values]
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode()
    return pa.array(values, kind)


def _whole(value: Any) -> int:
    if value != int(value):
        raise ValueError("not whole")
    return int(value)


@dataclass(frozen=True)
class Condition:
    """A condition, in both languages.

    Attributes:
        sql: as SQL text.
        polars: as a Polars expression.
    """

    sql: str
    polars: pl.Expr


_OPERATORS = {
    "=": pl.Expr.__eq__,
    "<>": pl.Expr.__ne__,
    "<": pl.Expr.__lt__,
    "<=": pl.Expr.__le__,
    ">": pl.Expr.__gt__,
    ">=": pl.Expr.__ge__,
    "IS DISTINCT FROM": pl.Expr.ne_missing,
    "IS NOT DISTINCT FROM": pl.Expr.eq_missing,
}
_ORDERS = ("=", "<>", "<", "<=", ">", ">=")


def draw_condition(families: dict[str, Family]) -> st.SearchStrategy[Condition]:
    """Conditions on these columns."""
    leaves = st.one_of([_draw_leaf(name, family) for name, family in families.items()])
    return st.recursive(leaves, _combine, max_leaves=5)


def _combine(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    negated = parts.map(lambda part: Condition(f"NOT ({part.sql})", ~part.polars))
    both = st.tuples(parts, parts)
    return st.one_of(
        negated,
        both.map(lambda pair: Condition(f"({pair[0].sql}) AND ({pair[1].sql})", pair[0].polars & pair[1].polars)),
        both.map(lambda pair: Condition(f"({pair[0].sql}) OR ({pair[1].sql})", pair[0].polars | pair[1].polars)),
    )


@st.composite
def _draw_leaf(draw: st.DrawFn, name: str, family: Family) -> Condition:
    literals = st.sampled_from([*family.values, *family.literals])
    column, form = (
        pl.col(name),
        draw(st.sampled_from(["compare", "compare", "null", "between", "in", "prefix", "cast"])),
    )
    if form == "null":
        is_null = draw(st.booleans())
        return Condition(
            f"{name} IS {'' if is_null else 'NOT '}NULL", column.is_null() if is_null else column.is_not_null()
        )
    if form == "between":
        low, high = draw(literals), draw(literals)
        return Condition(
            f"{name} BETWEEN {to_sql(low)} AND {to_sql(high)}", column.is_between(to_lit(low), to_lit(high))
        )
    if form == "in":
        first = draw(st.sampled_from(family.values))
        alike = [value for value in family.values if type(value) is type(first)]
        listed = draw(st.lists(st.sampled_from([*alike, None]), min_size=1, max_size=4))
        large = any(type(value) is int and value >= 2**63 for value in listed)  # beside -1 Polars would refuse it
        taken = pl.Series(listed, dtype=pl.Int128) if large else listed
        return Condition(f"{name} IN ({', '.join(map(to_sql, listed))})", column.is_in(taken))
    if form == "prefix" and isinstance(family.values[0], str):
        prefix = draw(st.sampled_from(["", "a", "ab", "é", "z" * 70, "\U0001f600"]))
        sql = draw(st.sampled_from([f"starts_with({name}, {to_sql(prefix)})", f"{name} LIKE {to_sql(prefix + '%')}"]))
        return Condition(sql, column.str.starts_with(prefix))
    if form == "cast" and isinstance(family.values[-1], datetime):
        operator, value = draw(st.sampled_from(_ORDERS)), draw(st.sampled_from(_DAYS))
        return Condition(
            f"{name}::DATE {operator} {to_sql(value)}", _OPERATORS[operator](column.dt.date(), to_lit(value))
        )
    if form == "cast" and isinstance(family.values[-1], int | Decimal) and not isinstance(family.values[-1], bool):
        operator, value = draw(st.sampled_from(_ORDERS)), float(draw(literals))
        sql = f"{name}::DOUBLE {operator} {to_sql(value)}"
        return Condition(sql, _OPERATORS[operator](column.cast(pl.Float64), to_lit(value)))
    operator, value = draw(st.sampled_from(list(_OPERATORS))), draw(st.one_of(literals, literals, st.none()))
    return Condition(f"{name} {operator} {to_sql(value)}", _OPERATORS[operator](column, to_lit(value)))


def to_lit(value: Any) -> Any:
    return pl.lit(value)


def to_sql(value: Any) -> str:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        return f"{quote_text(str(value))}::DOUBLE"
    if isinstance(value, bytes):
        return quote_text("".join(f"\\x{byte:02X}" for byte in value)) + "::BLOB"
    if isinstance(value, str):
        return "(" + " || chr(0) || ".join(quote_text(part) for part in value.split("\0")) + ")"
    if isinstance(value, datetime):
        return f"{'TIMESTAMPTZ' if value.tzinfo else 'TIMESTAMP'} '{value.isoformat(' ')}'"
    return f"{'TIME' if isinstance(value, time) else 'DATE'} '{value.isoformat()}'"
