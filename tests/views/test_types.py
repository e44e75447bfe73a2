"""Types: whatever wrote the files, and however files differ, every engine shows the same column."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lakekit import LakekitError, TypeConflict
from tests.views.lakes import ENGINES, list_columns, list_rows, read_alike, read_all

NAIVE = datetime.fromisoformat("2024-03-10 02:30:00.123456")
SIXTY_DIGITS = Decimal("1" * 60)

ARROW = {  # an array as pyarrow writes it, and the type that the table shows
    "null": (pa.nulls(3), "null"),
    "bool": (pa.array([True, None, False]), "bool"),
    **{f"int{bits}": (pa.array([-(2 ** (bits - 1)), None], f"int{bits}"), f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (pa.array([2**bits - 1, None], f"uint{bits}"), f"uint{bits}") for bits in (8, 16, 32, 64)},
    "float16": (pa.array([1.5, None, math.inf]).cast(pa.float16()), "float"),
    "float": (pa.array([0.1, None, math.nan], pa.float32()), "float"),
    "double": (pa.array([0.1, math.nan, -0.0, None]), "double"),
    "decimal": (pa.array([Decimal("-99999999.99"), None], pa.decimal128(10, 2)), "decimal128(10, 2)"),
    "decimal of 38 digits": (pa.array([Decimal("1" * 38), None], pa.decimal128(38, 0)), "decimal128(38, 0)"),
    "decimal32": (pa.array([Decimal("1.50"), None], pa.decimal32(5, 2)), "decimal128(5, 2)"),
    "decimal256 that fits": (pa.array([Decimal("1.50"), None], pa.decimal256(20, 2)), "decimal128(20, 2)"),
    "decimal256": (pa.array([SIXTY_DIGITS, None], pa.decimal256(70, 2)), "string"),
    "string": (pa.array(["a", None, "ünï\0x", ""]), "string"),
    "large_string": (pa.array(["a", None], pa.large_string()), "string"),
    "string_view": (pa.array(["a" * 20, None], pa.string_view()), "string"),
    "binary": (pa.array([b"\0\xff", None, b""]), "binary"),
    "fixed_size_binary": (pa.array([b"abc", None], pa.binary(3)), "binary"),
    "dictionary of text": (pa.array(["a", None, "b", "a"]).dictionary_encode(), "string"),
    "dictionary of numbers": (pa.array([1, None, 5]).dictionary_encode(), "int64"),
    "date32": (pa.array([date(1, 1, 1), None, date(9999, 12, 31)]), "date32[day]"),
    "date64": (pa.array([date(2024, 1, 1), None], pa.date64()), "date32[day]"),
    "time in s": (pa.array([1, None], pa.time32("s")), "time64[us]"),
    "time in ms": (pa.array([1_001, None], pa.time32("ms")), "time64[us]"),
    "time in us": (pa.array([1_001, None], pa.time64("us")), "time64[us]"),
    "time in ns": (pa.array([86_399_999_999_999, None], pa.time64("ns")), "time64[ns]"),
    "timestamp in s": (pa.array([1_710_037_800, None], pa.timestamp("s")), "timestamp[us]"),
    "timestamp in ms": (pa.array([1_001, None], pa.timestamp("ms")), "timestamp[us]"),
    "timestamp in us": (pa.array([NAIVE, None]), "timestamp[us]"),
    "timestamp in ns": (pa.array([1_710_037_800_000_000_001, None], pa.timestamp("ns")), "timestamp[ns]"),
    "timestamp of long ago": (pa.array([-62_135_596_800_000_000], pa.timestamp("us")), "timestamp[us]"),
    "timestamp in Paris": (pa.array([1_001, None], pa.timestamp("ms", "Europe/Paris")), "timestamp[us, tz=UTC]"),
    "timestamp in Paris, ns": (pa.array([1, None], pa.timestamp("ns", "Europe/Paris")), "timestamp[ns, tz=UTC]"),
    "duration": (pa.array([timedelta(days=1), None], pa.duration("us")), "int64"),
    "uuid": (pa.array([UUID(int=10).bytes, None], pa.uuid()), "string"),
    "json": (pa.array(['{"a":  1}', None], pa.json_()), "string"),
    "list": (pa.array([[1, None], None, []]), "list<item: int64>"),
    "large_list": (pa.array([["a"], None, []], pa.large_list(pa.string())), "list<item: string>"),
    "list_view": (pa.array([[1, None], None, []], pa.list_view(pa.int32())), "list<item: int32>"),
    "fixed_size_list": (pa.array([[1, 2], None, [3, None]], pa.list_(pa.int16(), 2)), "list<item: int16>"),
    "list of lists": (pa.array([[[1], None], None, []]), "list<item: list<item: int64>>"),
    "map": (pa.array([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int64())), "map<string, int64>"),
    "struct": (pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]), "struct<a: int64, b: string>"),
    "struct of odd names": (pa.array([{"a b": 1, 'x"; DROP': 2}]), 'struct<a b: int64, x"; DROP: int64>'),
    "struct of a null": (pa.array([{"a": None}], pa.struct([("a", pa.null())])), "struct<a: null>"),
    "list of structs": (pa.array([[{"a": {"b": [1]}}], None]), "list<item: struct<a: struct<b: list<item: int64>>>>"),
    "list of times in Paris": (
        pa.array([[1_001]], pa.list_(pa.timestamp("ms", "Europe/Paris"))),
        "list<item: timestamp[us, tz=UTC]>",
    ),
}
WRITE = {
    "plainly": {},
    "without Arrow's schema": {"store_schema": False},
    "in version 1.0": {"version": "1.0", "compression": "none"},
    "in pages of version 2": {"data_page_version": "2.0", "compression": "zstd"},
    "without dictionaries and statistics": {"use_dictionary": False, "write_statistics": False},
}


OTHERWISE = {how: options for how, options in WRITE.items() if options}


@pytest.mark.parametrize("kind", ARROW)
def test_what_pyarrow_wrote_is_the_same_in_every_engine(folder, kind):
    array, expected = ARROW[kind]
    folder.put("t/a.parquet", pa.table({"c": array}))
    found = read_alike(folder)
    assert str(found.schema.field("c").type) == expected
    assert found["c"].null_count == array.null_count


def widen(kinds: list[str]) -> pa.Table:
    """One table with a column of each kind, filled up with NULL."""
    rows = max(len(ARROW[kind][0]) for kind in kinds)
    filled = {kind: [ARROW[kind][0], pa.nulls(rows - len(ARROW[kind][0]), ARROW[kind][0].type)] for kind in kinds}
    return pa.table({kind: pa.chunked_array(chunks).combine_chunks() for kind, chunks in filled.items()})


@pytest.mark.parametrize("how", OTHERWISE)
def test_however_pyarrow_wrote_it_it_is_the_same_in_every_engine(folder, how):
    old = "1.0" in how  # a version without nanoseconds
    kinds = [kind for kind in ARROW if kind != "list_view" and not (old and kind.endswith("ns"))]
    folder.put("t/a.parquet", widen(kinds), **OTHERWISE[how])
    assert read_alike(folder).num_columns == len(kinds)


def test_beside_files_with_nulls_or_without_the_column_it_is_still_the_same(folder):
    table = widen([kind for kind in ARROW if kind != "list_view"])
    folder.put("t/k=1/a.parquet", table)
    folder.put("t/k=2/a.parquet", pa.table({kind: pa.nulls(2) for kind in table.column_names}))
    folder.put("t/k=3/a.parquet", pa.table({"other": [3]}))
    folder.put("alone/k=1/a.parquet", table)
    found, alone = read_alike(folder), read_all(folder, "arrow", "alone")
    assert list_rows(found.slice(0, table.num_rows).drop_columns(["other"])) == list_rows(alone)
    assert found.slice(table.num_rows)["int64"].null_count == 3


def test_timestamps_of_96_bits_are_read_as_microseconds(folder):
    rows = pa.table({"at": pa.array([NAIVE, None, datetime.fromisoformat("1900-01-01")])})
    folder.put("t/a.parquet", rows, use_deprecated_int96_timestamps=True)
    found = read_alike(folder)
    assert str(found.schema.field("at").type) == "timestamp[us]"
    assert found["at"].to_pylist() == rows["at"].to_pylist()


def test_values_are_as_they_were_written(folder):
    columns = {
        "uuid": pa.array([UUID(int=10).bytes], pa.uuid()),
        "json": pa.array(['{"a":  1}'], pa.json_()),
        "wide": pa.array([Decimal("1.50")], pa.decimal256(70, 2)),
        "half": pa.array([1.5]).cast(pa.float16()),
        "day": pa.array([timedelta(days=1)], pa.duration("us")),
        "paris": pa.array([3_600_000], pa.timestamp("ms", "Europe/Paris")),
    }
    folder.put("t/a.parquet", pa.table(columns))
    (row,) = read_alike(folder).to_pylist()
    assert row["uuid"] == "00000000-0000-0000-0000-00000000000a"
    assert (row["json"], row["wide"], row["half"], row["day"]) == ('{"a":  1}', "1.50", 1.5, 86_400_000_000)
    assert row["paris"].isoformat() == "1970-01-01T01:00:00+00:00"


DUCKDB = [
    "NULL", "true", "1::TINYINT", "1::UBIGINT", "1::HUGEINT", "1.5::FLOAT", "1.25::DECIMAL(4,2)",
    "1.25::DECIMAL(38,10)", "'x'", "'\\xAA'::BLOB", "DATE '2024-01-01'", "DATE '-0044-03-15'", "DATE 'infinity'",
    "TIME '10:00:00.000001'",
    "'10:00:00+02'::TIMETZ", "TIMESTAMP '2024-01-01 10:00:00'", "TIMESTAMP_S '2024-01-01 10:00:00'",
    "TIMESTAMP_MS '2024-01-01 10:00:00.001'", "TIMESTAMP_NS '2024-01-01 10:00:00.000000001'",
    "TIMESTAMPTZ '2024-01-01 10:00:00+02'", "TIMESTAMP 'infinity'",
    "uuid '00000000-0000-0000-0000-00000000000a'", "'{\"a\":  1}'::JSON", "'a'::ENUM('a','b')", "'101'::BIT",
    "[1,2,NULL]", "[[1],NULL]", "{'a':1,'b':[{'c':'x'}]}", "MAP{'a':{'b':[1]}}",
    "union_value(num := 2)", "{'u':uuid '00000000-0000-0000-0000-00000000000a','e':'a'::ENUM('a','b'),'j':'{}'::JSON}",
]  # fmt: skip


def test_what_duckdb_wrote_is_the_same_in_every_engine(folder):
    folder.put("t/k=1/b.parquet", pa.table({"other": [1]}))
    columns = [f"{expression} AS c{number}" for number, expression in enumerate(DUCKDB)]
    nulls = ["NULL"] * len(columns)
    query = f"SELECT {', '.join(columns)} UNION ALL SELECT {', '.join(nulls)}"
    duckdb.connect().execute(f"COPY ({query}) TO '{folder.url}/t/k=1/a.parquet'")
    found = read_alike(folder)
    assert (found.num_rows, found.num_columns) == (3, len(DUCKDB) + 2)


POLARS = {
    "categorical": pl.Series(["a", None, "b"], dtype=pl.Categorical),
    "enum": pl.Series(["a", None], dtype=pl.Enum(["a", "b"])),
    "duration": pl.Series([timedelta(days=1), None]),
    "duration in ns": pl.Series([1, None], dtype=pl.Duration("ns")),
    "time": pl.Series([datetime.fromisoformat("2024-01-01 10:00:00.000001").time(), None]),
    "decimal": pl.Series([Decimal("1.25"), None]),
    "float16": pl.Series([1.5, None], dtype=pl.Float16),
    "array": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)),
    "list": pl.Series([[1, None], None, []]),
    "struct": pl.Series([{"a": 1, "b": [{"c": None}]}, None]),
    "null": pl.Series([None, None]),
    "binary": pl.Series([b"a", None]),
    "datetime in ms": pl.Series([NAIVE, None], dtype=pl.Datetime("ms")),
    "datetime in ns": pl.Series([NAIVE, None], dtype=pl.Datetime("ns")),
    "datetime in Paris": pl.Series([NAIVE, None], dtype=pl.Datetime("us", "Europe/Paris")),
    "list of categories": pl.Series([["a"], None], dtype=pl.List(pl.Categorical)),
}


def test_what_polars_wrote_is_the_same_in_every_engine(folder):
    folder.put("t/k=1/b.parquet", pa.table({"other": [1]}))
    frame = pl.DataFrame({kind: series.extend_constant(None, 3 - len(series)) for kind, series in POLARS.items()})
    frame.write_parquet(f"{folder.url}/t/k=1/a.parquet")
    found = read_alike(folder)
    assert (found.num_rows, found.num_columns) == (4, len(POLARS) + 2)


def one(value: object, kind: pa.DataType) -> pa.Array:
    return pa.array([value], kind)


WIDENED = {  # two columns, their common type, and the values under it
    "int32 and int64": (one(1, pa.int32()), one(2**40, pa.int64()), "int64", [1, 2**40]),
    "int8 and uint8": (one(-1, pa.int8()), one(255, pa.uint8()), "int16", [-1, 255]),
    "int64 and uint64": (one(-1, pa.int64()), one(2**64 - 1, pa.uint64()), "decimal128(20, 0)", [-1, 2**64 - 1]),
    "int32 and double": (one(2**31 - 1, pa.int32()), one(0.5, pa.float64()), "double", [2**31 - 1, 0.5]),
    "int64 and double": (one(2**53, pa.int64()), one(0.5, pa.float64()), "double", [2**53, 0.5]),
    "float and double": (one(0.5, pa.float32()), one(0.1, pa.float64()), "double", [0.5, 0.1]),
    "float and int32": (one(0.5, pa.float32()), one(16_777_217, pa.int32()), "double", [0.5, 16_777_217]),
    "half and int8": (pa.array([0.5]).cast(pa.float16()), one(127, pa.int8()), "double", [0.5, 127]),
    "int16 and decimal": (
        one(32_767, pa.int16()), one(Decimal("1.5"), pa.decimal128(2, 1)), "decimal128(6, 1)", [32_767, Decimal("1.5")],
    ),
    "decimals": (
        one(Decimal("123.4"), pa.decimal128(4, 1)), one(Decimal("0.125"), pa.decimal128(4, 3)), "decimal128(6, 3)",
        [Decimal("123.4"), Decimal("0.125")],
    ),
    "date and timestamp": (
        one(date(2024, 1, 1), pa.date32()), one(NAIVE, pa.timestamp("us")), "timestamp[us]",
        [datetime.fromisoformat("2024-01-01"), NAIVE],
    ),
    "null and text": (pa.nulls(1), one("a", pa.string()), "string", [None, "a"]),
    "text and categories": (one("a", pa.large_string()), pa.array(["b"]).dictionary_encode(), "string", ["a", "b"]),
    "fields added": (
        pa.array([{"a": 1}]), pa.array([{"a": 2, "b": "x"}]), "struct<a: int64, b: string>",
        [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
    ),
    "fields in another order": (
        pa.array([{"a": 1, "b": 2}]), pa.array([{"b": 20, "a": 10}]), "struct<a: int64, b: int64>",
        [{"a": 1, "b": 2}, {"a": 10, "b": 20}],
    ),
    "fields added in front and widened": (
        pa.array([{"a": 1}]), pa.array([{"b": "x", "a": 1.5}]), "struct<a: double, b: string>",
        [{"a": 1.0, "b": None}, {"a": 1.5, "b": "x"}],
    ),
    "other fields": (
        pa.array([{"a": 1}]), pa.array([{"b": 2}]), "struct<a: int64, b: int64>",
        [{"a": 1, "b": None}, {"a": None, "b": 2}],
    ),
    "items widened": (pa.array([[1]], pa.list_(pa.int8())), pa.array([[1.5]]), "list<item: double>", [[1.0], [1.5]]),
    "fields of items added": (
        pa.array([[{"a": 1}], []]), pa.array([[{"b": 2}], None]), "list<item: struct<a: int64, b: int64>>",
        [[{"a": 1, "b": None}], [], [{"a": None, "b": 2}], None],
    ),
    "values of a map widened": (
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
        pa.array([[("a", 1.5)]], pa.map_(pa.string(), pa.float64())),
        "map<string, double>", [[("a", 1.0)], [("a", 1.5)]],
    ),
    "an empty list of nulls": (
        pa.array([[], [None]], pa.list_(pa.null())), pa.array([[1]]), "list<item: int64>", [[], [None], [1]],
    ),
    "lists of two kinds": (
        pa.array([[1, 2]], pa.list_(pa.int64(), 2)), pa.array([[3]]), "list<item: int64>", [[1, 2], [3]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WIDENED)
def test_types_that_fit_together_become_one(folder, kind):
    first, second, expected, values = WIDENED[kind]
    folder.put("t/a.parquet", pa.table({"c": first}))
    folder.put("t/b.parquet", pa.table({"c": second}))
    found = read_alike(folder)
    assert str(found.schema.field("c").type) == expected
    assert found["c"].to_pylist() == values


@pytest.mark.parametrize("kind", WIDENED)
def test_types_that_fit_together_do_so_in_any_order_of_files(folder, kind):
    first, second, _, values = WIDENED[kind]
    folder.put("t/a.parquet", pa.table({"c": second}))
    folder.put("t/b.parquet", pa.table({"c": first}))
    found = read_alike(folder)["c"].to_pylist()
    assert found == values[len(first) :] + values[: len(first)]


CONFLICTS = {
    "text and a number": (pa.array(["a"]), pa.array([1])),
    "bool and a number": (pa.array([True]), pa.array([1])),
    "a list and a number": (pa.array([[1]]), pa.array([1])),
    "naive and zoned": (pa.array([NAIVE]), pa.array([0], pa.timestamp("us", "UTC"))),
    "bytes and text": (pa.array([b"a"]), pa.array(["a"])),
    "decimals too wide together": (
        pa.array([Decimal("1")], pa.decimal128(38, 0)),
        pa.array([Decimal("0.5")], pa.decimal128(5, 2)),
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", CONFLICTS)
def test_types_that_do_not_fit_are_an_error(folder, kind, engine):
    for name, array in zip("ab", CONFLICTS[kind], strict=True):
        folder.put(f"t/{name}.parquet", pa.table({"c": array}))
    with pytest.raises(TypeConflict if engine != "duckdb" else duckdb.Error, match=r"b\.parquet"):
        read_all(folder, engine)


EXACT = {
    "a whole number beyond 53 bits": (one(2**53 + 1, pa.int64()), one(0.5, pa.float64())),
    "a whole number beyond 53 bits in a struct": (pa.array([{"a": 2**53 + 1}]), pa.array([{"a": 0.5}])),
    "a date that nanoseconds do not reach": (one(date(9999, 12, 31), pa.date32()), one(5, pa.timestamp("ns"))),
    "a time that nanoseconds do not reach": (one(2**60, pa.timestamp("us")), one(5, pa.timestamp("ns"))),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", EXACT)
def test_a_value_that_would_change_is_an_error_that_names_its_file(folder, kind, engine):
    for name, array in zip("ab", EXACT[kind], strict=True):
        folder.put(f"t/{name}.parquet", pa.table({"c": array}))
    with pytest.raises(TypeConflict if engine != "duckdb" else duckdb.Error, match=r"a\.parquet"):
        read_all(folder, engine)


def test_text_is_a_way_out_of_a_conflict(place):
    place.put("t/a.parquet", pa.table({"c": [1, None], "s": ["x", "y"]}))
    place.put("t/b.parquet", pa.table({"c": ["one", "2"], "s": ["z", None]}))
    place.put("t/d.parquet", pa.table({"c": [1.5, 2.0], "s": ["z", None]}))
    found = read_alike(place, on_type_conflict="string")
    assert list_columns(found) == [("c", "string"), ("s", "string")]
    assert found["c"].to_pylist()[:4] == ["1", None, "one", "2"]
    lake = place.open_lake(t={"on_type_conflict": "string"})
    assert lake.sql("SELECT s FROM t WHERE c = 'one'").fetchall() == [("z",)]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([date(2024, 1, 1)]), ["2024-01-01"]),
        (pa.array([Decimal("1.50")]), ["1.50"]),
        (pa.array([2**63 - 1]), ["9223372036854775807"]),
    ],
)
def test_values_become_the_same_text_in_every_engine(folder, array, text):
    folder.put("t/a.parquet", pa.table({"c": array}))
    folder.put("t/b.parquet", pa.table({"c": ["text"]}))
    assert read_alike(folder, on_type_conflict="string")["c"].to_pylist() == [*text, "text"]


def test_a_declared_schema_is_what_every_engine_shows(place):
    place.put("t/k=1/a.parquet", pa.table({"x": pa.array([1], pa.int32()), "y": ["a"]}))
    place.put("t/k=2/a.parquet", pa.table({"y": ["b"], "z": [1]}))
    schema = pa.schema({"new": pa.float64(), "x": pa.float64(), "y": pa.large_string()})
    found = read_alike(place, schema=schema)
    assert list_columns(found) == [("new", "double"), ("x", "double"), ("y", "string"), ("k", "int64")]
    assert found.to_pylist() == [{"new": None, "x": 1.0, "y": "a", "k": 1}, {"new": None, "x": None, "y": "b", "k": 2}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_declared_type_that_a_file_cannot_give_is_an_error(folder, engine):
    folder.put("t/a.parquet", pa.table({"x": ["a"]}))
    with pytest.raises(TypeConflict if engine != "duckdb" else duckdb.Error, match=r"a\.parquet"):
        read_all(folder, engine, schema=pa.schema({"x": pa.int64()}))


def test_not_a_number_is_greater_than_all_numbers_in_every_engine(folder):
    folder.put("t/a.parquet", pa.table({"x": [1.0, math.nan, -math.inf, None]}))
    folder.put("t/b.parquet", pa.table({"x": [2.0, 3.0]}))
    lake = folder.open_lake()
    for condition, count in (("x > 100", 1), ("x >= 3", 2), ("x < 2", 2), ("NOT x > 100", 4), ("x IS NOT NULL", 5)):
        assert lake.sql(f"SELECT count(*) FROM t WHERE {condition}").fetchall() == [(count,)], condition
        assert lake.polars("t").filter(pl.sql_expr(condition)).collect().height == count, condition


@pytest.mark.parametrize("engine", ["sql", "polars"])
def test_a_struct_with_one_name_twice_is_lakekits_error_and_no_panic(folder, engine):
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    folder.put("t/a.parquet", pa.table({"c": twice}))
    with pytest.raises(LakekitError, match="a"):
        read_all(folder, engine)


@pytest.mark.parametrize("engine", ["sql", "polars"])
def test_a_table_that_an_engine_cannot_show_leaves_the_others_be(folder, engine):
    folder.put("good/a.parquet", pa.table({"x": [1]}))
    folder.put("odd/a.parquet", pa.table({"c": pa.array([{"a": 1, "A": 2}]), "": [3]}))
    lake = folder.open_lake()
    assert (lake.sql("SELECT x FROM good").fetchall() if engine == "sql" else lake.polars("good").collect().rows()) == [
        (1,)
    ]
