"""Names in plans that are not those of columns: fields of structs, names with line breaks, lines of literals."""

import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pytest

from tests.views.lakes import Place

STRUCTS = {  # file i has two rows of x = i, y = i + 10 and s = {a: i, b: 'z'}; with how many rows each gives
    "SELECT s.a FROM t WHERE x = 1 UNION ALL SELECT y FROM t WHERE x = 2": 4,
    "SELECT s.a FROM t UNION ALL SELECT y FROM t WHERE x = 2": 14,
    "SELECT s.a, (SELECT max(y) FROM t WHERE x = 2) FROM t": 12,
    "SELECT p.s.a, q.y FROM t p JOIN t q ON p.x = q.x - 1 WHERE q.y = 13": 4,
    "SELECT s.a FROM t LIMIT 5 OFFSET 3": 5,
    "SELECT unnest(s) FROM t LIMIT 5 OFFSET 3": 5,
    "SELECT s.a FROM t WHERE x = 1 UNION ALL SELECT count(*) FROM t": 3,
    "FROM t SEMI JOIN (SELECT file_index, file_row_number FROM t LIMIT 3) USING (file_index, file_row_number)": 12,
}


@pytest.fixture
def lake(folder: Place):
    for i in range(6):
        columns = {"s": [{"a": i, "b": "z"}] * 2, "x": [i] * 2, "y": [i + 10] * 2}
        folder.put(f"t/{i}.parquet", pa.table(columns | {"file_index": [0] * 2, "file_row_number": [0] * 2}))
    return folder.open_lake()


@pytest.mark.parametrize("query", STRUCTS)
def test_a_scan_of_fields_counts_as_one_of_their_column(lake, query):
    assert len(lake.sql(query).fetchall()) == STRUCTS[query]


def test_a_scan_of_a_field_opens_the_files_of_its_condition_alone(lake):
    assert lake.sql("SELECT s.a FROM t WHERE x = 1").fetchall() == [(1,), (1,)]
    assert lake.receipt.files_scanned == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [("SELECT k FROM t LIMIT 2", "SELECT x FROM t WHERE x = 7 LIMIT 5"), ("FROM t LIMIT 1", "FROM t LIMIT 6")],
)
def test_each_of_two_limited_queries_has_its_own_rows(folder, first, second):
    for k in (1, 2):
        for n in range(3):
            late = {"late": [1] * 2} if n else {}
            folder.put(f"t/k={k}/{n}.parquet", pa.table({"x": [7 if k == 2 else n] * 2} | late))
    lake = folder.open_lake()
    expected = sum(int(part.rpartition(" ")[2]) for part in (first, second))
    assert len(lake.sql(f"({first}) UNION ALL ({second})").fetchall()) == expected


NAMES = {  # a column, or field, whose name is like a condition on y or k in a plan; y is 1 where n is 10
    "x)\n(y": '"x)\n(y" = 10',
    "a\nb": '"a\nb" > 2',
    "f) AND (y": 's."f) AND (y" > 50',
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_reads_like_a_condition_is_none(folder, name):
    for k, n in enumerate((10, 60, 3)):
        folder.put(f"t/k={k}/x.parquet", pa.table({name: [n], "y": [k + 1], "s": [{"f) AND (y": n}], "a": [1.5]}))
    lake, plain = folder.open_lake(), duckdb.connect()
    plain.execute("SET TimeZone = 'UTC'")
    files = f"read_parquet('{folder.url}/t/*/*.parquet', hive_partitioning = true)"
    for columns in ("y", "k", "count(*)", "max(y)"):
        asked = f"SELECT {columns} FROM {{}} WHERE {NAMES[name]}"
        assert sorted(lake.sql(asked.format("t")).fetchall()) == sorted(plain.sql(asked.format(files)).fetchall())


def test_a_line_of_a_text_is_no_condition_on_a_key(folder):
    for k in (1, 2, 3):
        folder.put(f"t/k={k}/x.parquet", pa.table({"x": [2]}))
    lake = folder.open_lake()
    query = "SELECT k FROM t WHERE chr(x::INTEGER + 96) <> ? AND k % 2 = 1"
    assert sorted(lake.sql(query, ["\n(k = 2)\n"]).fetchall()) == [(1,), (3,)]


@pytest.mark.parametrize("word", ["error", "random", "other"])
def test_a_word_of_a_text_is_no_function(folder, word):
    for status, n in ((word, 0), ("new", 1), (None, 2)):
        folder.put(
            f"t/status={status or '__HIVE_DEFAULT_PARTITION__'}/x.parquet",
            pa.table({"x": pa.array([n] * 3, pa.int8())}),
        )
    folder.put("t/status=new/y.parquet", pa.table({"x": pa.array([300] * 3, pa.int16())}))
    lake = folder.open_lake()
    query = f"SELECT count(*), min(x) FROM t WHERE coalesce(status, 'ok') <> '{word}'"
    assert lake.sql(query).fetchall() == [(9, 1)]


def test_relations_are_derived_by_one_thread_at_a_time(lake):
    start = threading.Barrier(2)

    def ask() -> set:
        start.wait()
        return {lake.sql("SELECT x FROM t WHERE x = 3").limit(1).fetchall()[0] for _ in range(20)}

    with ThreadPoolExecutor(2) as threads:
        assert {row for one in [threads.submit(ask), threads.submit(ask)] for row in one.result()} == {(3,)}
