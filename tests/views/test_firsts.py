"""The first rows of an ordered query, asked of those files alone that can hold one of them."""

import datetime as dt
import os
import random

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from tests.views.lakes import Place, make_place

LAKES = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "6"))
NEW_YEAR = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
ROWS = 20  # a file


@pytest.fixture(scope="module")
def year(tmp_path_factory) -> Place:
    """Thirty days of one file: ``id`` and ``seen_at`` rise from day to day, ``value`` does not; ``late`` comes late."""
    place = make_place("s3", tmp_path_factory.mktemp("year"))
    for day in range(30):
        ids = range(day * ROWS, (day + 1) * ROWS)
        columns = {
            "id": ids,
            "seen_at": [NEW_YEAR + dt.timedelta(days=day, minutes=n) for n in ids],
            "value": [(n * 37) % 100 for n in ids],
            "ratio": [n / 7 for n in ids],
            "maybe": [None if n % 5 == 0 else n for n in ids],
        }
        late = {"late": ["x"] * ROWS} if day >= 20 else {}
        place.put(f"t/date={NEW_YEAR.date() + dt.timedelta(days=day)}/a.parquet", pa.table(columns | late))
    return place


@pytest.fixture(scope="module")
def lake(year) -> lk.Lake:
    return year.open_lake()


ASKED = {  # with the first value, and how many files that takes
    "SELECT id FROM t ORDER BY id DESC LIMIT 10": (599, 1),
    "SELECT id FROM t ORDER BY id LIMIT 20": (0, 1),
    "SELECT id FROM t ORDER BY id LIMIT 21": (0, 2),
    "SELECT id FROM t ORDER BY id LIMIT 10 OFFSET 15": (15, 2),
    "SELECT id, * EXCLUDE (id) FROM t ORDER BY seen_at DESC LIMIT 3": (599, 1),
    "SELECT id, late FROM t ORDER BY ID DESC, value LIMIT 45": (599, 3),
    "SELECT id FROM t ORDER BY date DESC, id LIMIT 5": (580, 1),
    "SELECT id FROM t WHERE date < '2024-01-11' ORDER BY id DESC LIMIT 5": (199, 1),
    "SELECT id FROM t WHERE id < 210 ORDER BY id DESC LIMIT 5": (209, 2),  # of day 11 not all rows count
    "SELECT id FROM t WHERE id < 210 AND date <> '2024-01-10' ORDER BY id DESC LIMIT 5": (209, 2),
    "SELECT id FROM t AS u WHERE value >= 0 ORDER BY id LIMIT 1": (0, 1),
    "SELECT id FROM t ORDER BY id DESC NULLS LAST LIMIT 10": (599, 1),
}
ALL = {  # likewise, where bounds do not tell, or the query means something else
    "SELECT id FROM t ORDER BY value, id LIMIT 1": (0, 30),
    "SELECT id FROM t ORDER BY ratio LIMIT 1": (0, 30),  # of floating point: NaN is larger than all, and in no bounds
    "SELECT id FROM t ORDER BY maybe DESC LIMIT 1": (599, 30),
    "SELECT id FROM t ORDER BY id NULLS FIRST LIMIT 1": (0, 30),
    "SELECT id FROM t ORDER BY -id LIMIT 1": (599, 30),
    "SELECT -id AS id FROM t ORDER BY id LIMIT 1": (-599, 30),
    "SELECT * REPLACE (-id AS id) FROM t ORDER BY id LIMIT 1": (-599, 30),
    "SELECT id AS x, value AS id FROM t ORDER BY id, x LIMIT 1": (0, 30),
    "SELECT id FROM (SELECT * FROM t) ORDER BY id LIMIT 1": (0, 30),
    "SELECT id FROM t WHERE id % 300 = 299 ORDER BY id LIMIT 1": (299, 30),
    "SELECT id, (SELECT count(*) FROM t) FROM t ORDER BY id LIMIT 1": (0, 30),
    "SELECT count(*) OVER () FROM t ORDER BY id LIMIT 1": (600, 30),
    "SELECT DISTINCT value FROM t ORDER BY value LIMIT 1": (0, 30),
    "SELECT id FROM t WHERE id <= (SELECT 599 - count(*) FROM t WHERE id < 0) ORDER BY id DESC LIMIT 1": (599, 30),
    "SELECT id FROM t ORDER BY id LIMIT 50%": (0, 30),
    "SELECT value FROM t GROUP BY ALL ORDER BY value LIMIT 1 OFFSET 99": (99, 30),
    "SELECT id // 600 AS same FROM t GROUP BY ALL ORDER BY same LIMIT 3": (0, 30),
    "SELECT id FROM t ORDER BY date, CASE WHEN count(*) OVER () > 20 THEN -id ELSE id END LIMIT 3": (19, 30),
    "SELECT id FROM t ORDER BY date, id * (SELECT sign(50 - max(id)) FROM t) LIMIT 3": (19, 30),
    "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.id > t.id + 590) ORDER BY id DESC LIMIT 1": (8, 30),
    "SELECT id FROM t WHERE id + (SELECT max(id) FROM t) < 1000 ORDER BY id DESC LIMIT 1": (400, 30),
    "SELECT id FROM t ORDER BY id": (0, 30),
}


@pytest.mark.parametrize("query", [*ASKED, *ALL])
def test_the_first_rows_take_the_files_that_can_hold_them(lake, query):
    lake.cache.clear(pinned=True)
    first, files = (ASKED | ALL)[query]
    expected = lake.preview(query).requests["GET"]
    assert lake.sql(query).fetchall()[0][0] == first
    if query in ASKED:
        assert lake.receipt.files_scanned == lake.receipt.requests["GET"] == expected == files
    else:
        assert lake.receipt.files_scanned == files


ANY = {  # a query for any rows, with how many it gives, and how many files that takes: the first ones
    "SELECT id FROM t LIMIT 5": (5, 1),
    "SELECT id + 1, late FROM t LIMIT 21": (21, 2),
    "SELECT * FROM t LIMIT 5 OFFSET 18": (5, 2),
    "SELECT id FROM t WHERE date >= '2024-01-05' LIMIT 25": (25, 2),
    "SELECT id FROM t WHERE value >= 0 LIMIT 1": (1, 1),
    "SELECT id FROM t LIMIT 0": (0, 0),
    "SELECT id FROM t LIMIT 600": (600, 30),
    "SELECT id FROM t WHERE id = 205 LIMIT 5": (1, 1),
}
CHOSEN = {  # likewise, where the rows of the first files may not do
    "SELECT id FROM t WHERE id % 300 = 299 LIMIT 2": 2,
    "SELECT id FROM t WHERE value = 99 LIMIT 6": 6,
    "SELECT DISTINCT id FROM t LIMIT 600": 600,
    "SELECT unnest(range(id - 597)) FROM t LIMIT 3": 3,
    "SELECT sum(id) OVER (ORDER BY id) FROM t LIMIT 5": 5,
    "SELECT count(*) FROM t LIMIT 5": 1,
    "SELECT id FROM (SELECT * FROM t LIMIT 30) WHERE id >= 0": 30,
    "(SELECT id FROM t LIMIT 5) UNION ALL (SELECT id FROM t LIMIT 25)": 30,
    "(SELECT id FROM t LIMIT 5) UNION ALL SELECT id FROM t": 605,
    "SELECT a.id FROM (SELECT * FROM t LIMIT 5) a JOIN t USING (id)": 5,
    "SELECT id FROM t WHERE id IN (SELECT id + 500 FROM t LIMIT 3) LIMIT 3": 3,
    "SELECT id FROM t LIMIT 1%": 6,
    "SELECT id FROM t OFFSET 598": 2,
}


@pytest.mark.parametrize("query", ANY)
def test_any_rows_are_those_of_the_first_files(lake, query):
    lake.cache.clear(pinned=True)
    rows, files = ANY[query]
    assert len(lake.sql(query).fetchall()) == rows
    assert lake.receipt.files_scanned == lake.receipt.requests["GET"] == files


@pytest.mark.parametrize("query", CHOSEN)
def test_a_limit_of_rows_that_are_chosen_looks_for_them_in_all_files(lake, query):
    assert len(lake.sql(query).fetchall()) == CHOSEN[query]


SHOWN = {  # with the files that it takes to show it
    "SELECT count(*), max(id) FROM t": 0,
    "SELECT id FROM t ORDER BY id DESC LIMIT 3": 1,
    "SELECT * FROM t LIMIT 3": 1,
    "SELECT * FROM t WHERE day(date) = 8": 1,
}


@pytest.mark.parametrize("query", SHOWN)
def test_a_query_that_is_shown_takes_no_more_files_and_is_called_by_its_own_text(lake, query):
    lake.cache.clear(pinned=True)
    relation = lake.sql(query)
    for show in (repr, lambda relation: relation.limit(1).fetchall(), lambda relation: relation._repr_mimebundle_()):
        show(relation)
        assert (lake.receipt.files_scanned, lake.receipt.query) == (SHOWN[query], query)
    assert str(lake.sql("SELECT count(*), max(id) FROM t")) == str(
        duckdb.sql('SELECT 600 AS "count_star()", 599 AS "max(id)"')
    ).replace("int32", "int64")


@pytest.mark.parametrize("setting", ["default_null_order = 'nulls_first'", "default_order = 'DESC'"])
def test_settings_of_the_session_say_which_rows_come_first(year, setting):
    lake = year.open_lake()
    lake.duckdb.execute(f"SET {setting}")
    ids = [row[0] for row in lake.sql("SELECT id FROM t ORDER BY id LIMIT 3").fetchall()]
    assert ids == ([599, 598, 597] if "DESC" in setting else [0, 1, 2])
    assert lake.receipt.files_scanned == (1 if "DESC" in setting else 30)


def test_a_macro_that_hides_a_query_is_not_taken_for_a_function(year):
    lake = year.open_lake()
    lake.duckdb.execute("CREATE MACRO ceil(x) AS (SELECT count(*) FROM t) + x")
    query = "SELECT id FROM t WHERE ceil(id) >= 1100 ORDER BY id LIMIT 2"
    assert lake.sql(query).fetchall() == [(500,), (501,)]
    lake.duckdb.execute("CREATE MACRO max(x) AS 5")
    assert lake.sql("SELECT max(id) FROM t").fetchall() == [(5,)] * 600


def test_a_condition_that_is_nested_very_deep_is_answered(lake):
    deep = "id" + " + 1" * 600
    assert lake.sql(f"SELECT id FROM t WHERE {deep} > 1190 ORDER BY id LIMIT 2").fetchall() == [(591,), (592,)]
    assert lake.sql(f"SELECT count(*) FROM t WHERE {deep} > 1190").fetchall() == [(9,)]


def test_a_limit_of_no_rows_and_one_of_more_than_there_are(lake):
    assert lake.sql("SELECT id FROM t ORDER BY id LIMIT 0").fetchall() == []
    assert len(lake.sql("SELECT id FROM t ORDER BY id LIMIT 1000").fetchall()) == 600
    assert lake.sql("SELECT id FROM t ORDER BY id LIMIT 5 OFFSET 598").fetchall() == [(598,), (599,)]


def test_a_broken_file_that_may_hold_one_of_the_first_rows_is_an_error(folder):
    for day in (1, 2, 3):
        folder.put(f"t/day={day}/a.parquet", pa.table({"id": [day * 10, day * 10 + 1]}))
    folder.put("t/day=2/b.parquet", b"PAR1 no Parquet PAR1")
    lake = folder.open_lake()
    with pytest.raises(lk.CorruptFile, match="day=2/b.parquet"):
        lake.sql("SELECT id FROM t ORDER BY id DESC LIMIT 1").fetchall()
    assert lake.sql("SELECT id FROM t ORDER BY day DESC, id LIMIT 1").fetchall() == [(30,)]  # its day is known


def make_rows(rng: random.Random, number: int) -> dict[str, pa.Array]:
    """A file of some rows: x near its number or anywhere, with and without NULL, perhaps missing or of another type."""
    count = rng.randint(1, 12)
    base = rng.choice([0, number * 10, number * 10, -number * 10])
    values = [rng.choice([None] * rng.choice([0, 0, 1]) + [base + rng.randint(0, 12)]) for _ in range(count)]
    columns = {"id": pa.array([number * 100 + row for row in range(count)])}
    if number == 0 or rng.random() > 0.1:
        columns["x"] = pa.array(values, rng.choice([pa.int64(), pa.int64(), pa.int32()]))
    if rng.random() > 0.3:
        columns["y"] = pa.array([rng.randint(0, 3) for _ in range(count)])
    return columns


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(LAKES))
def test_random_queries_for_first_rows_answer_as_a_plain_table_does(tmp_path, seed):
    rng, place, plain = random.Random(seed), Place(str(tmp_path)), duckdb.connect()
    plain.execute("CREATE TABLE t (id BIGINT, x BIGINT, y BIGINT, k BIGINT)")
    for number in range(rng.randint(2, 25)):
        k, rows = rng.randint(0, 4), pa.table(make_rows(rng, number))
        place.put(f"t/k={k}/{number}.parquet", rows, row_group_size=rng.choice([3, 100]))
        names = ", ".join(rows.column_names)
        plain.execute(f"INSERT INTO t ({names}, k) SELECT {names}, {k} FROM rows")
    place.put("t/k=0/y.parquet", pa.table({"id": [10**6], "x": [5], "y": [1]}))
    plain.execute("INSERT INTO t VALUES (1000000, 5, 1, 0)")
    lake = place.open_lake()
    for _ in range(40):
        query = make_query(rng)
        assert lake.sql(query).fetchall() == plain.execute(query).fetchall(), query


def make_query(rng: random.Random) -> str:
    """A query for the first rows of t, of which only one answer is right."""
    where = rng.choice(
        ["", "", "WHERE k < 3", "WHERE k IN (1, 4)", f"WHERE x > {rng.randint(-50, 150)}", "WHERE y = 1"]
        + [f"WHERE x BETWEEN 5 AND {rng.randint(5, 100)} AND k <> 2", "WHERE x % 2 = 0", "WHERE x < 40 OR k = 1"]
    )
    order = " ".join(rng.choice(part) for part in (["x", "k", "id", "y"], ["", "ASC", "DESC"], ["", "", "NULLS FIRST"]))
    offset = rng.choice(["", f"OFFSET {rng.randint(0, 20)}"])
    return f"SELECT id, x, y, k FROM t {where} ORDER BY {order}, id LIMIT {rng.randint(1, 40)} {offset}"
