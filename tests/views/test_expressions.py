"""Polars expressions read as predicates, as Polars hands them over; what may mean something else may be anything."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from polars.io.plugins import register_io_source

from lakekit.manifest.predicates import UNKNOWN
from lakekit.views.expressions import read_polars_expression

SCHEMA = pa.schema(
    {
        "i": pa.int32(),
        "b": pa.int64(),
        "u": pa.uint64(),
        "f": pa.float32(),
        "d": pa.float64(),
        "s": pa.string(),
        "bin": pa.binary(),
        "flag": pa.bool_(),
        "day": pa.date32(),
        "at": pa.timestamp("us"),
        "ns": pa.timestamp("ns"),
        "z": pa.timestamp("us", "UTC"),
        "t": pa.time64("us"),
        "dec": pa.decimal128(10, 2),
    }
)
N, B, U, F, D, S, BIN, FLAG, DAY, AT, NS, Z, T, DEC = map(pl.col, SCHEMA.names)
NOON = datetime.fromisoformat("2024-01-01 12:00")
NAN, INF = float("nan"), float("inf")


def hand_over(condition):
    """The filter that Polars hands to a view with these columns."""
    frame, handed = pl.from_arrow(SCHEMA.empty_table()), []

    def read(columns, predicate, rows, batch):
        handed.append(predicate)
        yield frame if columns is None else frame.select(columns)

    register_io_source(read, schema=frame.schema).filter(condition).collect()
    return handed[0]


def read(condition):
    return read_polars_expression(hand_over(condition), SCHEMA)


@pytest.mark.parametrize(
    ("condition", "predicate"),
    [
        (N == 2, "i = 2"),
        (2 < N, "i > 2"),
        (N != 2, "i <> 2"),
        (N >= 2.5, "i >= 2.5"),
        (U > 2.5, "u > 2.5"),
        (N.is_between(2, 5), "(i >= 2) AND (i <= 5)"),
        (N.is_between(2, 5, closed="none"), "(i > 2) AND (i < 5)"),
        (N.is_between(2, 5, closed="left"), "(i >= 2) AND (i < 5)"),
        (N.is_between(2, 5.5, closed="right"), "(i > 2.0) AND (i <= 5.5)"),
        (N.is_in([1, 2]), "i IN (1, 2)"),
        (N.is_in([1, None]), "(i IN (1)) OR (false or NULL)"),
        (N.is_in([1, 2], nulls_equal=True), "(i IN (1, 2)) IS TRUE"),
        (N.is_in([1, None], nulls_equal=True), "((i IN (1)) IS TRUE) OR (i IS NULL)"),
        (~N.is_in([1, 2]), "NOT (i IN (1, 2))"),
        (S.is_in(["a", "é"]), "s IN ('a', 'é')"),
        (DAY.is_in([date(2024, 1, 1)]), "day IN (2024-01-01)"),
        (D.is_in([1.5, NAN]), "d IN (1.5, nan)"),
        (N.is_null(), "i IS NULL"),
        (N.is_not_null(), "NOT (i IS NULL)"),
        (N.eq_missing(2), "(i = 2) IS TRUE"),
        (N.eq_missing(None), "i IS NULL"),
        (N.ne_missing(2), "NOT ((i = 2) IS TRUE)"),
        ((N > 2).fill_null(False), "(i > 2) IS TRUE"),
        ((N > 2).fill_null(True), "NOT ((NOT (i > 2)) IS TRUE)"),
        ((N == 2) & (S == "x"), "(i = 2) AND (s = 'x')"),
        ((N == 2) | (S == "x"), "(i = 2) OR (s = 'x')"),
        (~((N == 2) | (S == "x")), "(i <> 2) AND (s <> 'x')"),
        (pl.any_horizontal(N == 2, FLAG), "(i = 2) OR (flag = True)"),
        (FLAG, "flag = True"),
        (~FLAG, "NOT (flag = True)"),
        (S.str.starts_with("ab"), "s LIKE 'ab'%"),
        (S == "é\0", r"s = 'é\x00'"),
        (BIN > b"a\xff", r"bin > b'a\xff'"),
        (F > 0.1, "f > 0.10000000149011612"),  # the float next to it
        (D.is_nan(), "d = nan"),
        (D.is_not_nan(), "d <> nan"),
        (DAY > date(2024, 1, 1), "day > 2024-01-01"),
        (DAY > NOON, "day > 2024-01-01 12:00:00"),
        (AT > NOON, "at > 2024-01-01 12:00:00"),
        (AT > date(2024, 1, 1), "at > 2024-01-01 00:00:00"),
        (AT.dt.date() == date(2024, 1, 1), "at = 2024-01-01"),
        (AT.cast(pl.Date) == date(2024, 1, 1), "at = 2024-01-01"),
        (NS > NOON, "ns > 2024-01-01 12:00:00.000000999"),  # Polars' own: the last nanosecond of that microsecond
        (Z > NOON.replace(tzinfo=UTC), "z > 2024-01-01 12:00:00+00:00"),
        (T > time(1, 2, 3), "t > 01:02:03.000000000"),
        (DEC > Decimal("1.505"), "dec > 1.505"),
        (DEC > 1, "dec > 1.00"),
        (DEC > 1.5, "dec > 1.5"),
        (N.cast(pl.Int64) > 5, "i > 5"),
        (pl.lit(True) & (N > 5), "i > 5"),
    ],
)
def test_what_polars_hands_over_is_understood(condition, predicate):
    assert repr(read(condition)) == predicate


@pytest.mark.parametrize(("condition", "is_true"), [(U > -1, True), (N > 3_000_000_000, False), (B == 2**70, False)])
def test_what_no_value_or_every_value_meets_is_understood(condition, is_true):
    """Polars hands over: if it is not NULL, then true (or false), else NULL."""
    name = hand_over(condition).meta.root_names()[0]
    is_value = f"(NOT ({name} IS NULL)) IS TRUE"
    assert repr(read(condition)) == f"(({is_value}) AND ({str(is_true).lower()})) OR ((NOT ({is_value})) AND (NULL))"


@pytest.mark.parametrize(
    "condition",
    [
        N % 2 == 1,
        N == B,
        N.cast(pl.String) == "5",
        D.cast(pl.Int64) == 5,
        S.str.contains("^ab"),
        S.str.ends_with("ab"),
        S.str.to_lowercase() == "ab",
        S.str.starts_with(S),
        S.str.starts_with(pl.lit(None, pl.String)),
        (N == 2) ^ (S == "x"),
        AT.dt.year() == 2024,
        AT.dt.hour() == 5,
        D == NAN,  # Polars' JSON shows NaN and the infinities alike
        D < INF,
        D.is_between(0.0, INF) ^ FLAG,
        N.fill_null(0) == 0,
        N.is_duplicated(),
        N.abs() == 2,
        pl.lit(5) == N + 1,
        pl.when(N % 2 == 1).then(FLAG).otherwise(S.str.contains("x")).fill_null(N == B),
    ],
)
def test_what_is_not_understood_may_be_anything(condition):
    assert read_polars_expression(condition, SCHEMA) == UNKNOWN


def test_what_is_understood_beside_it_counts():
    assert repr(read((N > 5) & (B % 2 == 1))).replace("(true or false or NULL)", "?") in (
        "(i > 5) AND ?",
        "? AND (i > 5)",
    )
    assert repr(read(D.is_between(0.5, INF))) == "(d >= 0.5) AND (true or false or NULL)"


def test_columns_that_the_table_does_not_have_may_be_anything():
    for condition in (pl.col("other") == 1, pl.col("other").is_null(), pl.col("other"), pl.all() == 1, pl.first() == 1):
        assert read_polars_expression(condition, SCHEMA) == UNKNOWN


def test_a_long_row_of_alternatives_is_one_list():
    condition = N == 0
    for number in range(1, 300):
        condition = condition | (N == number)
    assert repr(read(condition)) == "i IN (0, 1, 2, 3, 4, …)"
    assert repr(read((N > 1) & (B > 2) & (D < 3.0))).count(") AND (") == 2


def test_a_deep_expression_does_not_end_the_process():
    condition = N > 5
    for number in range(2000):
        condition = condition | (N == number)
    read_polars_expression(condition, SCHEMA)
