"""Conditions as DuckDB's plans show them, read as predicates; what may mean something else may be anything."""

import json

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.manifest.predicates import ALWAYS, UNKNOWN, join_any
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.plantext import mentions_moment
from tests.views.lakes import Place

COLUMNS = {
    "i": pa.int32(),
    "b": pa.int64(),
    "u": pa.uint64(),
    "tiny": pa.int8(),
    "f": pa.float32(),
    "d": pa.float64(),
    "s": pa.string(),
    "bin": pa.binary(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "ts": pa.timestamp("us"),
    "ns": pa.timestamp("ns"),
    "z": pa.timestamp("us", "UTC"),
    "zns": pa.timestamp("ns", "UTC"),
    "t": pa.time64("us"),
    "tns": pa.time64("ns"),
    "dec": pa.decimal128(10, 2),
    "big": pa.decimal128(38, 2),
    "st": pa.struct([("a", pa.int64())]),
    "two words": pa.int64(),
    "dash-ed": pa.int64(),
    "select": pa.int64(),
    "Mixed": pa.int64(),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> lk.Table:
    """A table of these columns and the key k, in files without statistics, by which DuckDB cannot simplify anything."""
    place = Place(str(tmp_path_factory.mktemp("conditions")))
    rows = pa.table({name: pa.nulls(2, kind) for name, kind in COLUMNS.items()})
    for k in (1, 2):
        place.put(f"t/k={k}/a.parquet", rows, write_statistics=False)
    return place.open_table()


@pytest.fixture(scope="module")
def con(table) -> duckdb.DuckDBPyConnection:
    """A connection with a view t of the table, in New York, where it is five hours earlier in winter."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'America/New_York'")
    table.duckdb(con, "t")
    return con


def list_texts(con, condition, values=None):
    """The conditions in the plan of a query of t."""
    query = f"EXPLAIN (FORMAT json) SELECT * FROM t WHERE {condition}"
    nodes, found = json.loads(con.execute(query, values).fetchall()[0][1]), []
    for node in nodes:
        for key in ("Filters", "File Filters", "Expression"):
            shown = node["extra_info"].get(key, [])
            found += [shown] if isinstance(shown, str) else shown
        nodes += node["children"]
    return found


def read(con, table, condition, values=None):
    group = table.view.plan.groups[0].number
    return read_duckdb_conditions(list_texts(con, condition, values), table.schema, {f"k@{group}": "k"})


@pytest.mark.parametrize(
    ("condition", "predicate"),
    [
        ("i = 2", "i = 2"),
        ("2 < i", "i > 2"),
        ("i <> -2", "i <> -2"),
        ("i > 2 AND i <= 5", "(i > 2) AND (i <= 5)"),
        ("i BETWEEN 2 AND 5", "(i >= 2) AND (i <= 5)"),
        ("i NOT IN (1, 2)", "NOT (i IN (1, 2))"),
        ("i IN (1, NULL)", "(i IN (1)) OR (NULL)"),
        ("i IS NULL", "i IS NULL"),
        ("i IS NOT NULL", "NOT (i IS NULL)"),
        ("i IS DISTINCT FROM 2", "NOT ((i = 2) IS TRUE)"),
        ("i IS NOT DISTINCT FROM 2", "(i = 2) IS TRUE"),
        ("NOT (i > 2 AND s = 'x')", "(i <= 2) OR (s <> 'x')"),
        ("i = 2 OR s = 'x'", "(i = 2) OR (s = 'x')"),
        ("i + 1 > 5", "i > 4"),
        ("i > 2.5", "i > 2.5"),
        ("b > 2.5::DOUBLE", "b > 2.5"),
        ("u > -1", "u > -1"),
        ("u = 18446744073709551615", "u = 18446744073709551615"),
        ("tiny > 500", "tiny > 500"),
        ("f = 0.1", "f = 0.10000000149011612"),  # the float next to it
        ("f = 0.1::DOUBLE", "f = 0.1"),
        ("d = 0.1", "d = 0.1"),
        ("d > 1e300", "d > 1e+300"),
        ("d = 'nan'", "d = nan"),
        ("d < 'inf'", "d < inf"),
        ("d = -0.0", "d = 0.0"),
        ("s = 'o''clock'", 's = "o\'clock"'),
        ("s > 'é'", "s > 'é'"),
        ("s = 'a' || chr(0)", r"s = 'a\x00'"),
        (r"s = 'a\x00'", r"s = 'a\\x00'"),
        ("s = 'optional: (i = 1)'", "s = 'optional: (i = 1)'"),
        ("s LIKE 'ab%'", "(s >= 'ab') AND (s < 'ac')"),
        ("s LIKE 'ab'", "s = 'ab'"),
        ("s NOT LIKE 'ab%'", "NOT (s LIKE 'ab'%)"),
        ("starts_with(s, 'ab')", "(s >= 'ab') AND (s < 'ac')"),
        ("s LIKE '%'", "(NOT (s IS NULL)) OR (NULL)"),
        (r"bin > '\x00\xFF''\x5C'::BLOB", r"""bin > b"\x00\xff'\\" """.strip()),
        ("flag", "flag = True"),
        ("NOT flag", "NOT (flag = True)"),
        ("flag IS NOT TRUE", "NOT ((flag = True) IS TRUE)"),
        ("(i > 5) IS NOT TRUE", "NOT ((i > 5) IS TRUE)"),
        ("day >= '2024-01-01'", "day >= 2024-01-01"),
        ("day > TIMESTAMP '2024-01-01 12:00'", "day > 2024-01-01"),
        ("ts < '2024-01-01 00:00:00.000001'", "ts < 2024-01-01 00:00:00.000001"),
        ("ts::DATE = '2024-01-01'", "(ts >= 2024-01-01 00:00:00) AND (ts < 2024-01-02 00:00:00)"),
        ("ts::DATE > '2024-01-01' AND ts::DATE < '2024-01-03'", "(ts > 2024-01-01) AND (ts < 2024-01-03)"),
        ("ts::DATE BETWEEN '2024-01-01' AND '2024-01-02'", "(ts >= 2024-01-01) AND (ts <= 2024-01-02)"),
        ("ns > '2024-01-01 00:00:00.000000001'::TIMESTAMP_NS", "ns > 2024-01-01 00:00:00.000000001"),
        ("z > '2024-01-01'", "z > 2024-01-01 05:00:00+00:00"),
        ("zns > '2024-01-01'", "zns > 2024-01-01 05:00:00.000000000Z"),
        ("z::DATE = '2024-01-01'", "z = 2024-01-01"),
        ("t > '10:00:00.5'", "t > 10:00:00.500000"),
        ("tns > '10:00:00.000000001'", "tns > 10:00:00.000000001"),
        ("dec = 1.5", "dec = 1.50"),
        ("dec > 1.505", "dec > 1.505"),
        ("dec > 1.5::DOUBLE", "dec > 1.5"),
        ("big < 12345678901234567890.5", "big < 12345678901234567890.50"),
        ("k = 2", "k = 2"),
        ("k = 2 AND i > 5", "(i > 5) AND (k = 2)"),
        ("k > 1 OR i > 5", "(k > 1) OR (i > 5)"),
        ("k > 1 AND k < 9 AND s = 'k@1'", "(s = 'k@1') AND ((k > 1) AND (k < 9))"),
        ('"two words" = 1', "two words = 1"),
        ('"dash-ed" > 1 AND i = 3', "(i = 3) AND (dash-ed > 1)"),
        ('"select" = 1', "select = 1"),
        ("mixed = 1", "Mixed = 1"),
    ],
)
def test_what_a_plan_shows_is_understood(con, table, condition, predicate):
    assert repr(read(con, table, condition)) == predicate


def test_values_that_are_handed_over_are_understood(con, table):
    assert repr(read(con, table, "i = ? AND s > ?", [5, "x"])) == "(i = 5) AND (s > 'x')"


def test_a_list_is_one_list_however_it_is_shown(con, table):
    """DuckDB shows it as a list that follows from the query, and again: a short one as alternatives, a long one not."""
    assert repr(read(con, table, "i IN (5, 7, 99)")) == "(i IN (5, 7, 99)) AND (i IN (5, 7, 99))"
    condition = f"i IN ({', '.join(map(str, range(0, 4000, 2)))})"
    assert repr(read(con, table, condition)) == "(true or false or NULL) AND (i IN (0, 2, 4, 6, 8, …))"


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("optional: (i = 1)", "i = 1"),
        ("((i > 5) AND optional: (i IN (6, 7)))", "(i > 5) AND (i IN (6, 7))"),
        ("optional: Dynamic Filter (i)", "true or false or NULL"),
        ("((i > 5) AND optional: Dynamic Filter (i))", "(i > 5) AND (true or false or NULL)"),
        ("(s = 'optional: Dynamic Filter (i)')", "s = 'optional: Dynamic Filter (i)'"),
    ],
)
def test_hints_for_the_running_query_are_taken_as_what_they_are(table, text, predicate):
    assert repr(read_duckdb_conditions([text], table.schema)) == predicate


def test_the_first_of_many_are_asked_for_with_a_hint_that_hides_nothing(con, table):
    texts = list_texts(con, "b > 5 ORDER BY i LIMIT 3")
    assert "Dynamic Filter" in " ".join(texts)
    assert "(b > 5)" in repr(read_duckdb_conditions(texts, table.schema))


def test_alternatives_of_two_kinds_are_no_list(table):
    equal = read_duckdb_conditions(["(i = 1)"], table.schema)
    other = read_duckdb_conditions(["(CAST(i AS DOUBLE) = 2.0)"], table.schema)
    assert repr(join_any([equal, equal])) == "i IN (1, 1)"
    assert repr(join_any([equal, other])) == "(i = 1) OR (i = 2.0)"


@pytest.mark.parametrize(
    "condition",
    [
        "i % 2 = 1",
        "i = b",
        "abs(i) = 3",
        "i::VARCHAR = '5'",
        "s::INTEGER = 5",
        "dec::DECIMAL(10, 1) > 1.5",  # which rounds
        "f::INTEGER = 5",
        "length(s) = 1",
        "lower(s) = 'a'",
        "s > 'a' COLLATE NOCASE",
        "s LIKE '%ab'",
        r"s LIKE 'a\%%' ESCAPE '\'",
        "coalesce(i, 0) > 5",
        "CASE WHEN i > 5 THEN true ELSE false END",
        "st.a = 1",
        "st = {'a': 1}",
        "day = 'infinity'",
        "ts = '294247-01-10 04:00:54.775806'",
        "day = '0044-03-15 (BC)'",
        "(i > 5) = (b > 5)",
        "random() > 0.5",
    ],
)
def test_what_is_not_understood_may_be_anything(con, table, condition):
    assert list_texts(con, condition)
    assert read(con, table, condition) == UNKNOWN


def test_what_is_understood_beside_it_counts(con, table):
    assert repr(read(con, table, "i > 5 AND b % 2 = 1")) == "(true or false or NULL) AND (i > 5)"
    assert repr(read(con, table, "(i > 5) IS DISTINCT FROM (b > 5)")) == "NOT (true or false or NULL)"
    assert repr(read(con, table, "s LIKE 'ab_c'")).startswith("((s LIKE 'ab'%) AND (true or false or NULL))")


@pytest.mark.parametrize(
    "text",
    [
        "x\ni",  # of (s = 'x and i')
        "x\n(i = 5)\ny",  # whose middle is a condition that nobody made
        "x') OR\n(i = 5) OR (s = 'y",
        "\n",
        "'\n(i = 5)\n'",
    ],
)
def test_text_with_a_line_break_makes_nothing_believed_that_stands_beside_it(con, table, text):
    condition = "s = ? AND i < 100"
    assert len(list_texts(con, condition, [text])) > 2
    assert read(con, table, condition, [text]) == UNKNOWN


def test_without_conditions_every_row_is_meant(table):
    assert read_duckdb_conditions([], table.schema) == ALWAYS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n = 1) OR (m", "(n = 1) OR (m = 2)"),
        ("n OR m", "(n OR m = 1)"),
        ("it's", "(n = 1)"),
        ('say "n"', "(n = 1)"),
        ("n + 0", "((n + 0) = 1)"),
        ("1", "(n = 1)"),
        ("NULL", "(n = NULL)"),
    ],
)
def test_a_name_that_could_be_taken_for_something_else_makes_nothing_believed(name, text):
    schema = pa.schema({"n": pa.int64(), "m": pa.int64(), name: pa.int64()})
    assert read_duckdb_conditions([text], schema) == UNKNOWN


def test_columns_that_the_table_does_not_have_may_be_anything(table):
    assert read_duckdb_conditions(["(other = 1)"], table.schema) == UNKNOWN
    assert read_duckdb_conditions(["(t.i = 1)"], table.schema) == UNKNOWN
    assert read_duckdb_conditions(["(k@1 = 1)"], table.schema) == UNKNOWN


@pytest.mark.parametrize("text", ["(i = 1", "i = 1; DROP TABLE t", "(i = 1) FROM t", "i, b", "", "i = 1) OR (b = 1"])
def test_what_is_no_condition_may_be_anything(table, text):
    assert read_duckdb_conditions([text], table.schema) == UNKNOWN


def test_deep_conditions_do_not_end_the_process(table):
    text = "(" * 900 + "i = 1" + ")" * 900
    assert repr(read_duckdb_conditions([text], table.schema)) in ("i = 1", repr(UNKNOWN))
    nested = "(NOT " * 900 + "(i = 1)" + ")" * 900
    assert repr(read_duckdb_conditions([nested], table.schema)) == repr(UNKNOWN)


@pytest.mark.parametrize(
    ("query", "may_differ"),
    [
        ("SELECT * FROM t WHERE at > now() - INTERVAL 1 DAY", True),
        ("SELECT * FROM t WHERE day = CURRENT_DATE", True),
        ("SELECT * FROM t WHERE at > localtimestamp", True),
        ("SELECT * FROM t WHERE i > random()", True),
        ("SELECT * FROM t WHERE at > '2024-01-01'", False),
    ],
)
def test_a_query_that_depends_on_when_it_runs_is_told(query, may_differ):
    assert mentions_moment(query) == may_differ
