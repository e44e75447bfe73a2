"""Random small tables and random filters: every engine finds the rows that plain Python finds in the generated data."""

from __future__ import annotations

import functools
import operator
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.views.lakes import Place

EPOCH = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
TEXTS = ["a", "b", "ab", "", "NULL", "1", "01", "a b", "it's", "ü/1", "100%", "%41", "x=y", "A"]
MOMENTS = [EPOCH + timedelta(hours=hours) for hours in (0, 12, 24, 36, 24 * 31)]
DAYS = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 2, 1), date(2023, 12, 31)]

VALUES = {  # by family of types, values that each of its types holds
    "whole": [0, 1, 2, 3, 7, 100],
    "number": [0, 1, 2, 3, 7, 100],
    "exact": [Decimal(0), Decimal(1), Decimal(3), Decimal(100)],
    "text": TEXTS,
    "time": MOMENTS,
    "bool": [True, False],
}
TYPES = {
    "whole": [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()],
    "number": [pa.int8(), pa.int32(), pa.int64(), pa.float32(), pa.float64()],
    "exact": [pa.decimal128(5, 0), pa.decimal128(9, 2), pa.decimal128(30, 4), pa.int16()],
    "text": [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    "time": [pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.date32()],
    "bool": [pa.bool_()],
}
KEYS = {"whole": ("int64", [-2, 0, 1, 2, 3]), "text": ("string", TEXTS), "day": ("date", DAYS)}


@dataclass(frozen=True)
class Column:
    """A column of a generated table: its name, family of types, and whether it is a partition key."""

    name: str
    family: str
    is_key: bool


@dataclass(frozen=True)
class Case:
    """A generated table: its columns, and for each file the values of the keys and an Arrow table."""

    columns: tuple[Column, ...]
    files: tuple[tuple[tuple[Any, ...], pa.Table], ...]

    @property
    def keys(self) -> list[Column]:
        return [column for column in self.columns if column.is_key]

    def write(self, place: Place) -> None:
        for number, (values, table) in enumerate(self.files):
            pairs = zip(self.keys, values, strict=True)
            folders = "".join(f"{key.name}={encode(value)}/" for key, value in pairs)
            place.put(f"t/{folders}f{number}.parquet", table)

    def rows(self) -> list[dict[str, Any]]:
        """The rows as plain Python has them, every column present."""
        found = []
        for values, table in self.files:
            keys = dict(zip([key.name for key in self.keys], values, strict=True))
            for row in table.to_pylist():
                found.append({column.name: plain(row.get(column.name)) for column in self.columns} | plain_all(keys))
        return found


def encode(value: Any) -> str:
    if value is None:
        return "__HIVE_DEFAULT_PARTITION__"
    return "".join(char if char.isalnum() and char.isascii() else f"%{byte:02X}" for char in str(value)
                   for byte in char.encode())  # fmt: skip


def plain(value: Any) -> Any:
    """Numbers as floats and days as moments, so that values of different types compare."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.time())
    return datetime.combine(value, datetime.min.time())


def plain_all(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    keys = [
        Column(f"k{number}", draw(st.sampled_from(sorted(KEYS))), True) for number in range(draw(st.integers(0, 2)))
    ]
    data = [
        Column(f"c{number}", draw(st.sampled_from(sorted(TYPES))), False) for number in range(draw(st.integers(1, 4)))
    ]
    files = []
    for _ in range(draw(st.integers(1, 5))):
        values = tuple(draw(st.none() | st.sampled_from(KEYS[key.family][1])) for key in keys)
        rows = draw(st.integers(0, 4))
        held = draw(st.lists(st.sampled_from(data), unique=True))
        files.append((values, pa.table({c.name: draw(arrays(c, rows)) for c in held} or {"other": pa.nulls(rows)})))
    return Case((*data, *keys), tuple(files))


@st.composite
def arrays(draw: st.DrawFn, column: Column, rows: int) -> pa.Array:
    kind = draw(st.sampled_from([*TYPES[column.family], pa.null()]))
    if pa.types.is_null(kind):
        return pa.nulls(rows)
    values = draw(st.lists(st.none() | st.sampled_from(VALUES[column.family]), min_size=rows, max_size=rows))
    if pa.types.is_date(kind):
        values = [value and value.date() for value in values]
    if column.family == "exact" and pa.types.is_integer(kind):
        values = [None if value is None else int(value) for value in values]
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)


# a filter is a tuple: an operator, then its operands
def conditions(columns: list[Column]) -> st.SearchStrategy:
    leaves = st.sampled_from(columns).flatmap(leaf)
    return st.recursive(
        leaves,
        lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
        max_leaves=5,
    )


@st.composite
def leaf(draw: st.DrawFn, column: Column) -> tuple:
    values = KEYS[column.family][1] if column.is_key else VALUES[column.family]
    value = st.sampled_from(values)
    kinds = ["null", "=", "<>", "in"]
    if column.family != "bool":
        kinds += ["<", ">=", "between"]
    if column.is_key and column.family == "whole":
        kinds += ["square"] * 3
    if column.family in ("day", "time"):
        kinds += ["month"] * 2
    if column.family == "text":
        kinds += ["starts", "length"]
    kind = draw(st.sampled_from(kinds))
    if kind == "null":
        return ("null", column)
    if kind == "between":
        return ("between", column, draw(value), draw(value))
    if kind == "in":
        return ("in", column, draw(st.lists(value, min_size=1, max_size=3)))
    if kind in ("square", "month", "length"):
        return (kind, column, draw(st.sampled_from([0, 1, 2, 4])))
    return (kind, column, draw(value))


def literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value}'"
    return f"DATE '{value}'" if isinstance(value, date) else str(value).lower()


def to_sql(tree: tuple) -> str:
    kind, *rest = tree
    if kind in ("and", "or"):
        return f"({to_sql(rest[0])} {kind.upper()} {to_sql(rest[1])})"
    if kind == "not":
        return f"(NOT {to_sql(rest[0])})"
    name = rest[0].name
    if kind == "null":
        return f"{name} IS NULL"
    if kind == "in":
        return f"{name} IN ({', '.join(map(literal, rest[1]))})"
    if kind == "between":
        return f"{name} BETWEEN {literal(rest[1])} AND {literal(rest[2])}"
    if kind == "square":
        return f"({name} * {name}) % 3 = {rest[1]}"
    if kind in ("month", "length"):
        return f"{kind}({name}) = {rest[1]}"
    return f"starts_with({name}, {literal(rest[1])})" if kind == "starts" else f"{name} {kind} {literal(rest[1])}"


def to_polars(tree: tuple) -> pl.Expr:
    kind, *rest = tree
    if kind in ("and", "or"):
        left, right = map(to_polars, rest)
        return left & right if kind == "and" else left | right
    if kind == "not":
        return ~to_polars(rest[0])
    column = pl.col(rest[0].name)
    makers = {
        "null": lambda: column.is_null(),
        "in": lambda: (
            column.is_in(rest[1])
            if rest[0].is_key
            else functools.reduce(operator.or_, [column == pl.lit(value) for value in rest[1]])
        ),
        "between": lambda: column.is_between(pl.lit(rest[1]), pl.lit(rest[2])),
        "square": lambda: (column * column) % 3 == rest[1],
        "month": lambda: column.dt.month() == rest[1],
        "length": lambda: column.str.len_chars() == rest[1],
        "starts": lambda: column.str.starts_with(pl.lit(rest[1])),
        "=": lambda: column == pl.lit(rest[1]),
        "<>": lambda: column != pl.lit(rest[1]),
        "<": lambda: column < pl.lit(rest[1]),
        ">=": lambda: column >= pl.lit(rest[1]),
    }
    return makers[kind]()


def is_true(tree: tuple, row: dict[str, Any]) -> bool | None:
    """Whether a row meets a filter by SQL's logic of three values."""
    kind, *rest = tree
    if kind in ("and", "or"):
        sides = [is_true(side, row) for side in rest]
        deciding = kind == "or"
        return deciding if deciding in sides else None if None in sides else not deciding
    if kind == "not":
        inner = is_true(rest[0], row)
        return None if inner is None else not inner
    value, *operands = row[rest[0].name], *rest[1:]
    if kind == "null":
        return value is None
    if value is None:
        return None
    if kind == "in":
        return value in [plain(one) for one in operands[0]]
    if kind == "between":
        return plain(operands[0]) <= value <= plain(operands[1])
    if kind == "square":
        return value * value % 3 == operands[0]
    if kind == "month":
        return value.month == operands[0]
    if kind == "length":
        return len(value) == operands[0]
    if kind == "starts":
        return value.startswith(operands[0])
    wanted = plain(operands[0])
    return {"=": value == wanted, "<>": value != wanted, "<": value < wanted, ">=": value >= wanted}[kind]


def show(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as sorted texts; the order of columns is compared elsewhere."""
    return sorted(repr(sorted(plain_all(row).items())) for row in rows)


def known_columns(case: Case, names: list[str]) -> list[Column]:
    """The columns that the table has with a type: those that some file holds as more than NULL."""
    typed = {
        name for _, table in case.files for name in table.column_names if not pa.types.is_null(table[name].type)
    } | {key.name for key in case.keys}
    return [column for column in case.columns if column.name in typed and column.name in names]


EXAMPLES = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "20"))
BOUNDED = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.torture
@BOUNDED
@given(case=cases(), data=st.data())
def test_every_engine_finds_the_rows_that_python_finds(case, data):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        case.write(place)
        options = {"partitions": {key.name: KEYS[key.family][0] for key in case.keys}}
        lake = place.open_lake(t=options)
        table = lake["t"]
        assert table.schema.names[len(table.schema.names) - len(case.keys) :] == [key.name for key in case.keys]
        names = [name for name in table.schema.names if name != "other"]
        expected = [{name: row[name] for name in names} for row in case.rows()]
        listed = ", ".join(names) if names else "NULL AS nothing"
        found = table.arrow().read_all().select(names)
        assert show(found.to_pylist()) == show(expected)
        columns = known_columns(case, names)
        con = duckdb.connect()
        table.duckdb(con, "t")
        for _ in range(3 if columns else 0):
            tree = data.draw(conditions(columns))
            note(to_sql(tree))
            query = f"SELECT {listed} FROM t WHERE {to_sql(tree)}"
            matching = show([row for row in expected if is_true(tree, row)])
            assert show(con.sql(query).to_arrow_table().to_pylist()) == matching, "duckdb"
            assert show(lake.sql(query).to_arrow_table().to_pylist()) == matching, "sql"
            assert show(table.polars().filter(to_polars(tree)).select(names).collect().to_dicts()) == matching, "polars"
            (count,) = lake.sql(f"SELECT count(*) FROM t WHERE {to_sql(tree)}").fetchall()[0]
            assert count == len(matching), "count"


@pytest.mark.torture
@BOUNDED
@given(case=cases(), data=st.data())
def test_a_lake_is_not_misled_by_names(case, data):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder)
        case.write(place)
        lake = place.open_lake(t={"partitions": {key.name: KEYS[key.family][0] for key in case.keys}})
        columns = known_columns(case, lake["t"].schema.names)
        if not columns:
            return
        order = data.draw(st.permutations(columns))
        renamed = [Column(new.name, old.family, old.is_key) for old, new in zip(columns, order, strict=True)]
        listed = ", ".join(f"{old.name} AS {new.name}" for old, new in zip(columns, renamed, strict=True))
        tree = data.draw(conditions(renamed))
        source = data.draw(st.sampled_from([f"(SELECT {listed} FROM t)", "renamed", "c"]))
        lake.duckdb.execute(f"CREATE VIEW renamed AS SELECT {listed} FROM t")
        query = f"WITH c AS (SELECT {listed} FROM t) SELECT * FROM {source} WHERE {to_sql(tree)}"
        note(query)
        rows = [{new.name: row[old.name] for old, new in zip(columns, renamed, strict=True)} for row in case.rows()]
        matching = show([row for row in rows if is_true(tree, row)])
        assert show(lake.sql(query).to_arrow_table().to_pylist()) == matching
