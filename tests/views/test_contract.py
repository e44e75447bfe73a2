"""The contract of the views: whatever the store and the engine, the same columns, types and rows."""

from datetime import UTC, date, datetime

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from tests.views.lakes import ENGINES, count_gets, list_columns, list_rows, put_days, read_alike, read_all

WEATHER = "data/sample/lake/weather"
KINDS = ["folder", "s3"]


@pytest.fixture(scope="module", params=KINDS)
def sample(request) -> lk.Lake:
    """The sample lake in each kind of store."""
    return lk.open_lake("data/sample/lake") if request.param == "folder" else lk.sample_lake()


def sum_precip(lake: lk.Lake, engine: str) -> float:
    table = lake["weather"]
    if engine == "sql":
        return lake.sql("SELECT sum(precip) FROM weather").fetchall()[0][0]
    if engine == "duckdb":
        con = duckdb.connect()
        table.duckdb(con, "weather")
        return con.execute("SELECT sum(precip) FROM weather").fetchall()[0][0]
    if engine == "polars":
        return table.polars().select(pl.col("precip").sum()).collect().item()
    return sum(table.arrow().read_all()["precip"].to_pylist())


@pytest.mark.parametrize("engine", ENGINES)
def test_it_rained_7_66_inches_whoever_counts(sample, engine):
    assert round(sum_precip(sample, engine), 2) == 7.66


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sum_of_rain_needs_one_read_for_each_day_and_no_listing(sample, engine):
    total, gets = count_gets(sample["weather"], lambda: sum_precip(sample, engine))
    assert (round(total, 2), gets) == (7.66, 31)


@pytest.mark.parametrize("name", ["weather", "turbines", "airports"])
def test_every_engine_gives_the_sample_alike(sample, name):
    expected = sample[name].arrow().read_all()
    for found in (sample.sql(f"SELECT * FROM {name}").to_arrow_table(), sample.polars(name).collect().to_arrow()):
        assert list_columns(found) == list_columns(expected)
        assert list_rows(found) == list_rows(expected)


def test_columns_stand_in_the_order_of_their_first_file_with_keys_last(place):
    place.put("t/k=1/a.parquet", pa.table({"b": [1], "a": ["x"]}))
    place.put("t/k=2/a.parquet", pa.table({"c": [True], "a": ["y"], "k": [99]}))
    table = read_alike(place)
    assert list_columns(table) == [("b", "int64"), ("a", "string"), ("c", "bool"), ("k", "int64")]
    assert table.to_pylist() == [
        {"b": 1, "a": "x", "c": None, "k": 1},
        {"b": None, "a": "y", "c": True, "k": 2},  # the path wins over the file's own k
    ]


def test_files_of_different_columns_need_no_partitions_to_be_one_table(place):
    place.put("t/a.parquet", pa.table({"x": [1]}))
    place.put("t/b.parquet", pa.table({"x": [2.5], "y": ["new"]}))
    place.put("t/c.parquet", pa.table({"y": ["only"]}))
    rows = read_alike(place).to_pylist()
    assert rows == [{"x": 1.0, "y": None}, {"x": 2.5, "y": "new"}, {"x": None, "y": "only"}]


def test_files_in_folders_that_are_no_keys_are_one_table(folder):
    for path in ("2024/a.parquet", "2024/b/a.parquet", "a.parquet"):
        folder.put(f"t/{path}", pa.table({"x": [len(path)]}))
    assert sorted(row["x"] for row in read_alike(folder).to_pylist()) == [9, 14, 16]


def test_a_template_names_the_keys_of_plain_folders(place):
    place.put("t/2024/01/a.parquet", pa.table({"x": [1]}))
    place.put("t/2024/02/a.parquet", pa.table({"x": [2]}))
    rows = read_alike(place, template="{year:int}/{month:int}").to_pylist()
    assert rows == [{"x": 1, "year": 2024, "month": 1}, {"x": 2, "year": 2024, "month": 2}]


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_of_files_without_a_column_of_their_own_are_counted(folder, engine):
    folder.put("t/k=1/a.parquet", pa.table({"k": [7, 7, 7]}))
    folder.put("t/k=2/a.parquet", pa.table({"k": [7]}))
    assert sorted(read_all(folder, engine)["k"].to_pylist()) == [1, 1, 1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_without_rows_adds_none(folder, engine):
    folder.put("t/a.parquet", pa.table({"x": pa.array([], pa.int64())}))
    folder.put("t/b.parquet", pa.table({"x": [1]}))
    assert read_all(folder, engine)["x"].to_pylist() == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_without_rows_has_its_columns(folder, engine):
    folder.put("t/k=1/a.parquet", pa.table({"x": pa.array([], pa.int64())}))
    table = read_all(folder, engine)
    assert (list_columns(table), table.num_rows) == ([("x", "int64"), ("k", "int64")], 0)


NAMES = ["order", "a b", 'x"; DROP TABLE t; --', "ünï", "a.b", "o'clock", "100%", "%41", "{x}", "filename", "select *"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_may_have_any_name(folder, name):
    folder.put("t/k=1/a.parquet", pa.table({name: [1], "a": [{"b": 2}]}))
    folder.put("t/k=2/a.parquet", pa.table({"a": [{"b": 3}], name: [1.5]}))
    assert read_alike(folder).to_pylist() == [{name: 1.0, "a": {"b": 2}, "k": 1}, {name: 1.5, "a": {"b": 3}, "k": 2}]


@pytest.mark.parametrize("name", [name for name in NAMES if "*" not in name])
def test_a_partition_key_may_have_any_name(folder, name):
    folder.put(f"t/{name.replace('%', '%25')}=1/a.parquet", pa.table({"x": [1]}))
    assert read_alike(folder).to_pylist() == [{"x": 1, name: 1}]


@pytest.mark.parametrize("name", ["order", "a b", 'x"; DROP', "ünï", "a.b", "o'clock", "100%", "SELECT"])
def test_a_table_may_have_any_name(place, name):
    place.put(f"{name}/k=1/a.parquet", pa.table({"x": [1]}))
    lake = place.open_lake()
    quoted = '"' + name.replace('"', '""') + '"'
    assert list(lake) == [name]
    assert lake.sql(f"SELECT x, k FROM {quoted}").fetchall() == [(1, 1)]
    assert lake.polars(name).collect().rows() == [(1, 1)]


VALUES = [
    "a b",
    "a/b",
    "a=b",
    "100%",
    "%41",
    "*",
    "[x]",
    "{a}",
    "ünï",
    "o'clock",
    'say "x"',
    "a+b",
    "#",
    "&;",
    "..",
    "日本",
]
VALUES += ["NULL", "null", "true", "\n", " ", "~", "", "a\\b", "__HIVE_DEFAULT_PARTITION__x", "-0", "1e5", "007"]


def encode_value(value: str) -> str:
    return "".join(f"%{byte:02X}" if not chr(byte).isalnum() or byte > 127 else chr(byte) for byte in value.encode())


def test_a_partition_value_may_be_any_text(place):
    for number, value in enumerate(VALUES):
        place.put(f"t/k={encode_value(value)}/a.parquet", pa.table({"x": [number]}))
    place.put("t/k=__HIVE_DEFAULT_PARTITION__/a.parquet", pa.table({"x": [-1]}))
    found = {row["x"]: row["k"] for row in read_alike(place).to_pylist()}
    assert found == {-1: None} | dict(enumerate(VALUES))
    lake = place.open_lake()
    for number, value in enumerate(VALUES):
        assert lake.sql("SELECT x FROM t WHERE k = ?", [value]).fetchall() == [(number,)], value
        assert lake.polars("t").filter(pl.col("k") == value).select("x").collect().rows() == [(number,)], value


def test_file_names_may_have_spaces_quotes_and_percent_signs(place):
    names = ["a b", "it's", 'say "x"', "100%", "%20", "a=b", "a+b", "ü", "#1", "what?"]
    for number, name in enumerate(names):
        place.put(f"t/{name}.parquet", pa.table({"x": [number]}))
    assert sorted(row["x"] for row in read_alike(place).to_pylist()) == list(range(len(names)))


def test_no_file_is_taken_for_one_that_a_view_made(folder):
    for number, name in enumerate(["columns", *(f"columns-{number}" for number in range(1, 400)), "schema"]):
        folder.put(f"t/{name}", pa.table({"x": [number], "wide": pa.array([number], pa.decimal256(70, 2))}))
    con = duckdb.connect()
    folder.open_table().duckdb(con)
    assert con.execute("SELECT count(x), sum(x) FROM t").fetchall() == [(401, 80_200)]  # 0 + 1 + … + 400


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int32", {"1": 1, "-7": -7}),
        ("uint64", {"18446744073709551615": 2**64 - 1}),
        ("double", {"1.5": 1.5, "1e300": 1e300}),
        ("bool", {"true": True, "false": False}),
        ("date", {"2024-02-29": date(2024, 2, 29), "0001-01-01": date(1, 1, 1)}),
        ("timestamp", {"2024-01-01 10%3A00%3A00.5": datetime.fromisoformat("2024-01-01 10:00:00.500")}),
        ("string", {"007": "007", "1": "1"}),
    ],
)
def test_a_declared_key_has_its_type_in_every_engine(folder, kind, values):
    for text in values:
        folder.put(f"t/k={text}/a.parquet", pa.table({"x": [text]}))
    folder.put("t/k=__HIVE_DEFAULT_PARTITION__/a.parquet", pa.table({"x": ["none"]}))
    rows = read_alike(folder, partitions={"k": kind}).to_pylist()
    assert {row["x"]: row["k"] for row in rows} == {"none": None} | values


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_the_time_zone_of_the_session_moves_no_time(folder, zone):
    naive, instant = datetime.fromisoformat("2024-03-10 02:30"), datetime(2024, 3, 10, 2, 30, tzinfo=UTC)
    columns = {"naive": pa.array([naive]), "instant": pa.array([instant], pa.timestamp("ms", "Europe/Paris"))}
    folder.put("t/moment=2024-03-10 02:30:00/a.parquet", pa.table(columns))
    folder.put("t/moment=2024-03-10 02:30:01/a.parquet", pa.table({"naive": pa.array([date(2024, 3, 10)])}))
    con = duckdb.connect()
    con.execute(f"SET TimeZone = '{zone}'")
    folder.open_table().duckdb(con, "t")
    query = "SELECT naive, epoch_us(instant), moment FROM t WHERE moment < TIMESTAMP '2024-03-10 02:30:01'"
    assert con.execute(query).fetchall() == [(naive, 1_710_037_800_000_000, naive)]  # 2024-03-10T02:30Z
    midnight = datetime.fromisoformat("2024-03-10")
    assert con.execute("SELECT naive FROM t WHERE instant IS NULL").fetchall() == [(midnight,)]


def test_a_lake_answers_in_utc_wherever_it_is_opened(folder, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    folder.put("t/a.parquet", pa.table({"moment": pa.array([datetime(2024, 1, 1, tzinfo=UTC)])}))
    rows = folder.open_lake().sql("SELECT CAST(moment AS VARCHAR) FROM t").fetchall()
    assert rows == [("2024-01-01 00:00:00+00",)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_of_many_columns_and_layouts_is_read(folder, engine):
    for number in range(40):
        folder.put(f"t/k={number}/a.parquet", pa.table({"x": [number], f"only_{number}": [number]}))
    table = read_all(folder, engine)
    assert table.num_columns == 42
    assert sum(table["x"].to_pylist()) == 780  # 0 + 1 + … + 39
    assert all(table[f"only_{number}"].null_count == 39 for number in range(40))


def test_the_days_of_the_other_tests_are_as_described(place):
    put_days(place)
    rows = read_alike(place).to_pylist()
    assert [row["x"] for row in rows] == [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60]
    assert [row["city"] for row in rows[::2]] == ["oslo", "são paulo", None, "o'hare", "a/b", "oslo"]
