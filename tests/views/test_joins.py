"""What a query that joins tables asks for: small files at once, and none that the other side spares."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.storage.sandbox import Sandbox, start_sandbox
from lakekit.views.narrow import plan_query
from tests.views.lakes import Place

ROWS = 1000  # a file of facts


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with start_sandbox() as sandbox:
        sandbox.storage.boto3("s3").create_bucket(Bucket="lake")
        yield sandbox


@pytest.fixture(scope="module")
def lake(server) -> lk.Lake:
    """Ten files of facts, one for each day: ``id`` rises from file to file, ``shop`` and ``kind`` are alike in all."""
    place = Place("s3://lake", server.storage)
    for day in range(10):
        ids = range(day * ROWS, (day + 1) * ROWS)
        facts = {"id": ids, "shop": [n % 5 for n in ids], "kind": ["abc"[n % 3] for n in ids]}
        place.put(f"facts/day={day}/0.parquet", pa.table(facts))
    for shop in range(5):
        place.put(f"shops/{shop}.parquet", pa.table({"shop": [shop], "city": [f"city {shop}"]}))
    for kind in "abc":
        place.put(f"kinds/{kind}.parquet", pa.table({"kind": [kind], "label": [kind * 2]}))
    place.put("days/a.parquet", pa.table({"day": [3, 4], "feast": ["x", "y"]}))
    place.put("wanted/a.parquet", pa.table({"id": [4 * ROWS, 4 * ROWS + 1], "why": ["p", "q"]}))
    lake = place.open_lake()
    lake.sql("SELECT 1").fetchall()
    return lake


@pytest.fixture
def ask(server, lake):
    """Asks with nothing in the cache; the rows, the number of GETs, and how many of them were under way at once."""

    def ask(query: str) -> tuple[list, int, int]:
        lake.cache.clear(pinned=True)
        server.reset()
        server.latency_ms = 200
        rows = lake.sql(query).fetchall()
        server.latency_ms = 0
        counts = server.counts()
        assert counts["LIST"] == counts["HEAD"] == 0
        return rows, counts["GET"], counts["most_at_once"]

    return ask


AT_ONCE = {  # with how many requests there are
    "SELECT city, count(*) FROM facts JOIN shops USING (shop) GROUP BY ALL": 15,
    "SELECT city, label, count(*) FROM facts JOIN kinds USING (kind) JOIN shops USING (shop) GROUP BY ALL": 18,
    "SELECT label, max(id) FROM facts LEFT JOIN kinds USING (kind) GROUP BY ALL": 13,
    "SELECT city, sum(id) FROM shops JOIN facts ON facts.shop = shops.shop WHERE day BETWEEN 2 AND 5 GROUP BY ALL": 9,
    "SELECT day, city, count(id) FROM facts JOIN shops USING (shop) WHERE day < 3 GROUP BY ALL": 8,
    "SELECT sum(id) FROM facts WHERE shop IN (SELECT shop FROM shops)": 15,
    "SELECT city AS name FROM shops UNION ALL SELECT label FROM kinds": 8,
}


@pytest.mark.parametrize("query", AT_ONCE)
def test_small_files_of_all_tables_of_a_query_are_asked_for_at_once(ask, lake, query):
    lake.cache.clear(pinned=True)
    assert lake.preview(query).requests["GET"] == AT_ONCE[query]
    _, gets, at_once = ask(query)
    assert (gets, at_once) == (AT_ONCE[query], AT_ONCE[query])
    assert lake.receipt.requests["GET"] == gets


def test_a_join_on_a_key_asks_for_the_folders_that_have_a_match(ask):
    rows, gets, _ = ask("SELECT feast, sum(shop) FROM facts JOIN days USING (day) GROUP BY ALL ORDER BY 1")
    assert rows == [("x", 2000), ("y", 2000)]
    assert gets == 3  # days, and two of ten folders


def test_a_join_on_a_column_that_rises_from_file_to_file_asks_for_those_that_have_a_match(ask):
    rows, gets, _ = ask("SELECT why, shop FROM facts JOIN wanted USING (id) ORDER BY 1")
    assert rows == [("p", 0), ("q", 1)]
    assert gets == 2


@pytest.mark.parametrize("column", ["id", "day"])
def test_a_join_on_a_column_by_another_name_asks_for_no_more(ask, column):
    other = {"id": "wanted", "day": "days"}[column]
    renamed = f"(SELECT {column} AS other, shop FROM facts)"
    rows, gets, _ = ask(f"SELECT count(shop) FROM {renamed} r JOIN {other} o ON r.other = o.{column}")
    assert rows == [({"id": 2, "day": 2000}[column],)]
    assert gets == {"id": 2, "day": 3}[column]


@pytest.mark.parametrize("tables", ["facts JOIN wanted USING (id)", "wanted JOIN facts USING (id)"])
@pytest.mark.parametrize("more", ["", " JOIN shops USING (shop)"])
def test_a_small_table_that_shows_columns_of_a_large_one_is_not_taken_for_it(ask, tables, more):
    rows, gets, _ = ask(f"SELECT count(kind) FROM {tables}{more}")
    assert rows == [(2,)]
    assert gets == 2 + (5 if more else 0)


def test_scans_are_told_apart_by_their_columns_where_the_plan_has_them_in_another_order(lake):
    query = "SELECT city, label FROM facts JOIN shops USING (shop) JOIN kinds USING (kind) WHERE city <> label"
    views = {table.view.token: table.view for table in lake.values()}
    plan = plan_query(lake.duckdb, views, query, None)
    by_group = {group.number: view.source.name for view, group, _ in plan.choices}
    read = {by_group[scan.likely_group]: set(scan.columns) for scan in plan.scans}
    assert read == {"facts": {"shop", "kind"}, "shops": {"shop", "city"}, "kinds": {"kind", "label"}}
