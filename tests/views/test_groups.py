"""Large groups of files are cut in ranges of a key, which changes how fast a query is planned, and no answer."""

import datetime as dt
import json

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lakekit.views import groups
from lakekit.views.groups import make_distinct
from tests.views.lakes import ENGINES, list_rows, make_place, read_all

DAYS = 12


@pytest.fixture
def place(tmp_path):
    """A folder of 12 days of two files, and one file without a day."""
    place = make_place("folder", tmp_path)
    for day in range(1, DAYS + 1):
        for number in range(2):
            place.put(f"t/day=2024-01-{day:02}/{number}.parquet", pa.table({"x": [day * 10 + number]}))
    place.put("t/day=__HIVE_DEFAULT_PARTITION__/0.parquet", pa.table({"x": [999]}))
    return place


@pytest.fixture
def cut(monkeypatch):
    """Groups of more than three files are cut, in four ranges at most."""
    monkeypatch.setattr(groups, "SPLIT_FILES", 3)
    monkeypatch.setattr(groups, "MOST_RANGES", 4)


def show(table):
    con = duckdb.connect()
    table.duckdb(con, "t")
    return con


def scans(con, query):
    """For each scan of a query's plan, how many files it scans of how many."""

    def walk(node):
        info = node.get("extra_info", {})
        if node["name"] == "READ_PARQUET":
            yield info.get("Scanning Files", "all")
        for child in node["children"]:
            yield from walk(child)

    plans = con.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    return sorted(scan for _, text in plans for root in json.loads(text) for scan in walk(root))


def day(number):
    return dt.date(2024, 1, number)


def test_a_large_group_is_cut_in_ranges_of_as_many_files(place, cut):
    found = place.open_table().view.plan.groups
    ends = [(group.within.start, group.within.end, group.within.is_null, len(group.paths)) for group in found]
    assert ends == [  # 24 files with a day in 4 ranges: 6 files, three days each; then the one without
        (None, day(4), False, 6),
        (day(4), day(7), False, 6),
        (day(7), day(10), False, 6),
        (day(10), None, False, 6),
        (None, None, True, 1),
    ]


def test_a_small_group_is_not_cut(place):
    (group,) = place.open_table().view.plan.groups
    assert (group.within, len(group.paths)) == (None, 25)


def test_a_condition_on_the_key_rules_out_whole_ranges(place, cut):
    con = show(place.open_table())
    assert scans(con, "SELECT x FROM t WHERE day = DATE '2024-01-05'") == ["0/1", "2/6"]
    between = "SELECT x FROM t WHERE day BETWEEN DATE '2024-01-05' AND DATE '2024-01-07'"
    assert scans(con, between) == ["0/1", "2/6", "4/6"]  # two days of one range and one of the next


CONDITIONS = [
    "true",
    "day = DATE '2024-01-04'",
    "day <> DATE '2024-01-04'",
    "day >= DATE '2024-01-10'",
    "day < DATE '2024-01-04' OR x = 999",
    "day IN (DATE '2024-01-03', DATE '2024-01-04', DATE '2025-01-01')",
    "day IS NULL",
    "day IS NOT NULL AND x % 2 = 0",
    "day = DATE '2030-01-01'",
    "coalesce(day, DATE '2024-01-01') = DATE '2024-01-01'",
]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("aggregate", ["count(*)", "list_sort(list(x))"])
def test_no_answer_changes(place, monkeypatch, condition, aggregate):
    query = f"SELECT {aggregate} FROM t WHERE {condition}"
    lake, whole = place.open_lake(), place.open_table()
    expected = show(whole).execute(query).fetchall()
    monkeypatch.setattr(groups, "SPLIT_FILES", 3)
    table, lake = place.open_table(), place.open_lake()
    assert len(table.view.plan.groups) == 13  # 12 days, of which each is a range, and the file without one
    assert show(table).execute(query).fetchall() == expected
    assert lake.sql(query).fetchall() == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_every_row_is_there_once(place, cut, engine):
    rows = list_rows(read_all(place, engine))
    assert len(rows) == 25
    assert len(set(rows)) == 25


@pytest.mark.parametrize(
    ("values", "is_cut"),
    [
        (["2024-01-01 10%3A00%3A00", "2024-01-02 00%3A00%3A00"], True),
        (["-5", "9223372036854775807"], True),
        (["a", "b"], False),
        (["01", "02"], False),
        (["2024-01-01"], False),
    ],
    ids=["times", "whole numbers", "text", "text of digits", "one value"],
)
def test_only_keys_that_duckdb_orders_alike_are_cut_by(tmp_path, cut, values, is_cut):
    place = make_place("folder", tmp_path)
    for value in values:
        for number in range(4):
            place.put(f"t/k={value}/{number}.parquet", pa.table({"x": [number]}))
    table = place.open_table()
    assert (table.view.plan.groups[0].within is not None) is is_cut
    con = show(table)
    con.execute("SET default_collation = 'NOCASE'")
    assert con.execute("SELECT count(*), count(DISTINCT k) FROM t").fetchall() == [(4 * len(values), len(values))]


def test_the_key_with_most_values_is_cut_by(tmp_path, cut):
    place = make_place("folder", tmp_path)
    for hour in range(8):
        place.put(f"t/year=2024/hour={hour}/x.parquet", pa.table({"x": [hour]}))
    found = place.open_table().view.plan.groups
    assert [group.within.key for group in found] == ["hour"] * 4


def test_views_show_files_beyond_the_first_and_last_day_after_a_refresh(place, cut):
    table = place.open_table()
    con = show(table)
    numbers = [group.number for group in table.view.plan.groups]
    place.put("t/day=2023-12-31/0.parquet", pa.table({"x": [1]}))
    place.put("t/day=2025-06-01/0.parquet", pa.table({"x": [2]}))
    table.refresh()
    assert [group.number for group in table.view.plan.groups] == numbers
    assert con.execute("SELECT count(*), min(x) FROM t").fetchall() == [(27, 1)]
    assert con.execute("SELECT x FROM t WHERE day = DATE '2025-06-01'").fetchall() == [(2,)]


def test_a_view_that_is_not_made_again_shows_all_files_or_says_so(place, cut):
    """The table forgets the connection here, so that the view stays as it was made."""
    table = place.open_table()
    con = show(table)
    table.view._shown_in.clear()
    place.put("t/day=2025-06-01/0.parquet", pa.table({"x": [2]}))
    table.refresh()
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(26,)]
    for number in range(1, DAYS + 1):
        for file in range(2):
            place.remove(f"t/day=2024-01-{number:02}/{file}.parquet")
    table.refresh()
    with pytest.raises(duckdb.Error, match="The view of t is older than the table"):
        con.execute("SELECT count(*) FROM t").fetchall()


def test_files_of_two_layouts_are_cut_each(place, cut):
    for number in range(1, DAYS + 1):
        place.put(f"t/day=2024-01-{number:02}/new.parquet", pa.table({"x": [number], "more": [1]}))
    table = place.open_table()
    con = show(table)
    assert len({group.layout for group in table.view.plan.groups}) == 2
    assert con.execute("SELECT count(*), count(more) FROM t").fetchall() == [(37, 12)]
    assert con.execute("SELECT count(more) FROM t WHERE day = DATE '2024-01-05'").fetchall() == [(1,)]


def test_names_that_stand_twice_or_are_taken_are_told_apart():
    names = pl.Series(["a", "b", "a", "a~", "x/columns-1"])
    assert make_distinct(names, {"x/columns-1"}.__contains__).to_list() == ["a", "b", "a~", "a~~", "x/columns-1~"]
    names = pl.Series(["x/columns-1", "x/schema-2"])
    assert make_distinct(names, {"x/schema-2"}.__contains__).to_list() == ["x/columns-1", "x/schema-2~"]
    assert make_distinct(pl.Series(["a", "b"]), set().__contains__).to_list() == ["a", "b"]


def test_files_named_as_lakekit_names_what_it_makes_are_read_all_the_same(tmp_path):
    place = make_place("folder", tmp_path)
    place.put("t/x", pa.table({"x": [1]}))
    for _ in range(3):
        (schema_id,) = {kind.schema_id for kind in place.open_table().manifest.kinds}
        start = groups.next_number()
        for later in range(start, start + 8):  # numbers that the next view gives
            place.put(f"t/columns-{later}", pa.table({"x": [10]}))
            place.put(f"t/schema-{schema_id}-{later}", pa.table({"x": [100]}))
        table = place.open_table()
        expected = table.polars().collect()["x"].sum()
        assert show(table).execute("SELECT sum(x) FROM t").fetchall() == [(expected,)]
