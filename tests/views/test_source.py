"""Files that change under an open table: noticed, read again once, and never a mixture of two versions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import StaleFile
from lakekit.manifest.cache import cache_folder
from lakekit.storage.bytecache import ByteCache
from tests.views.lakes import Place, to_parquet


def ask_duckdb(place: Place) -> Callable[[], Any]:
    table, con = place.open_table(), duckdb.connect()
    table.duckdb(con, "t")
    return lambda: con.sql("SELECT * FROM t").to_arrow_table()


def ask_sql(place: Place) -> Callable[[], Any]:
    relation = place.open_lake().sql("SELECT * FROM t")
    return relation.to_arrow_table


def ask_polars(place: Place) -> Callable[[], Any]:
    frame = place.open_table().polars()
    return lambda: frame.collect().to_arrow()


def ask_arrow(place: Place) -> Callable[[], Any]:
    table = place.open_table()
    return lambda: table.arrow().read_all()


ASK = {"duckdb": ask_duckdb, "sql": ask_sql, "polars": ask_polars, "arrow": ask_arrow}
RETRYING = ("sql", "polars", "arrow")  # a plain connection cannot: DuckDB runs the query


def forget_bytes() -> None:
    """Throw away what earlier queries left on this computer."""
    ByteCache(cache_folder() / "bytes").clear()


def list_x(table: pa.Table) -> list[Any]:
    return sorted(table["x"].to_pylist())


@pytest.mark.parametrize("engine", RETRYING)
def test_a_replaced_file_is_read_again_as_it_is_now(place, engine):
    place.put("t/a.parquet", pa.table({"x": [1, 2]}))
    ask = ASK[engine](place)
    place.put("t/a.parquet", pa.table({"x": [3, 4, 5]}))
    assert list_x(ask()) == [3, 4, 5]
    place.put("t/a.parquet", pa.table({"x": [6]}))  # and once more, after the refresh
    forget_bytes()
    assert list_x(ask()) == [6]


@pytest.mark.parametrize("engine", RETRYING)
def test_bytes_that_are_here_stand_for_the_version_they_are_of_until_a_refresh(s3, engine):
    s3.put("t/a.parquet", pa.table({"x": [1, 2]}))
    lake = s3.open_lake()
    ask = {
        "sql": lambda: lake.sql("SELECT * FROM t").to_arrow_table(),
        "polars": lambda: lake.polars("t").collect().to_arrow(),
        "arrow": lambda: lake["t"].arrow().read_all(),
    }[engine]
    assert list_x(ask()) == [1, 2]
    s3.put("t/a.parquet", pa.table({"x": [3, 4, 5]}))
    before = lake["t"].store.requests.snapshot()
    assert list_x(ask()) == [1, 2]
    assert lake["t"].store.requests.since(before)["GET"] == 0
    assert lake.refresh().replaced
    assert list_x(ask()) == [3, 4, 5]


def test_a_plain_connection_is_told_that_a_file_was_replaced_and_is_right_after_a_refresh(place):
    place.put("t/a.parquet", pa.table({"x": [1, 2]}))
    table, con = place.open_table(), duckdb.connect()
    table.duckdb(con, "t")
    assert con.execute("SELECT sum(x) FROM t").fetchall() == [(3,)]
    place.put("t/a.parquet", pa.table({"x": [3, 4, 5]}))
    forget_bytes()
    with pytest.raises(duckdb.Error, match=r"(?s)StaleFile.*a\.parquet has changed.*Hint: refresh"):
        con.execute("SELECT sum(x) FROM t").fetchall()
    assert table.refresh().replaced == ("a.parquet",)
    assert con.execute("SELECT sum(x) FROM t").fetchall() == [(12,)]


@pytest.mark.parametrize("engine", ["duckdb", "sql"])
def test_a_count_from_footers_after_the_rows_were_read_is_of_one_version(folder, engine):
    folder.put("t/a.parquet", pa.table({"x": [1, 2]}))
    ask = ASK[engine](folder)
    assert list_x(ask()) == [1, 2]
    folder.put("t/a.parquet", pa.table({"x": [1, 2, 3]}))
    rows = None
    try:
        rows = list_x(ask())
    except duckdb.Error as exc:
        assert "StaleFile" in str(exc)
    assert rows in (None, [1, 2, 3])


CHANGES = {
    "another type": pa.table({"x": [1.5, 2.5], "s": ["a", "b"]}),
    "a type in conflict": pa.table({"x": ["one"], "s": ["a"]}),
    "another column": pa.table({"x": [1], "s": ["a"], "new": [True]}),
    "a column less": pa.table({"x": [1]}),
    "other columns": pa.table({"y": [1]}),
    "another order": pa.table({"s": ["a", "b"], "x": [10, 20]}),
    "statistics that would exclude it": pa.table({"x": [-7], "s": ["zzz"]}),
}


@pytest.mark.parametrize("engine", ASK)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_replaced_by_one_of_another_schema_gives_its_rows_or_says_that_it_is_stale(folder, engine, change):
    folder.put("t/a.parquet", pa.table({"x": [1, 2], "s": ["a", "b"]}))
    ask = ASK[engine](folder)
    folder.put("t/a.parquet", CHANGES[change])
    try:
        found = ask().to_pylist()
    except (StaleFile, duckdb.Error) as exc:
        assert "a.parquet has changed" in str(exc) or "files have changed" in str(exc)
        assert engine != "sql"  # which binds the query anew
        return
    expected = CHANGES[change].to_pylist()
    if engine in ("polars", "arrow") and change == "another column":
        expected = [{"x": 1, "s": "a"}]  # as the frame was promised
    assert [dict(sorted(row.items())) for row in found] == [dict(sorted(row.items())) for row in expected]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.table({"x": [1, 2]}), pa.table({"x": [1.5, 2.5]})),
        (pa.table({"x": [1, 2]}), pa.table({"x": ["one"]})),
        (pa.table({"x": [1, 2]}), pa.table({"y": [1]})),
        (pa.table({"x": [1.5]}), pa.table({"x": [1]})),
        (pa.table({"x": [1], "y": [2]}), pa.table({"x": [1]})),
    ],
)
@pytest.mark.parametrize("engine", ["polars", "arrow"])
def test_a_frame_made_before_a_refresh_says_so_when_its_columns_are_no_longer_the_same(folder, engine, before, after):
    folder.put("t/a.parquet", before)
    table = folder.open_table()
    frame, reader = table.polars(), table.arrow()
    folder.put("t/a.parquet", after)
    table.refresh()
    with pytest.raises(StaleFile, match="column '[xy]' of t was .*(is gone|is now).*\nHint: make the frame"):
        frame.collect() if engine == "polars" else reader.read_all()
    assert table.polars().collect().to_dicts() == after.to_pylist()


@pytest.mark.parametrize("engine", ["polars", "arrow"])
def test_a_frame_made_before_a_refresh_reads_the_files_of_now(folder, engine):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table = folder.open_table()
    frame, reader = table.polars(), table.arrow()
    folder.put("t/b.parquet", pa.table({"x": [2], "later": ["column"]}))
    table.refresh()
    found = frame.collect().to_arrow() if engine == "polars" else reader.read_all()
    assert (list_x(found), found.column_names) == ([1, 2], ["x"])


@pytest.mark.parametrize("engine", ASK)
def test_a_deleted_file_is_noticed(place, engine):
    place.put("t/k=1/a.parquet", pa.table({"x": [1]}))
    place.put("t/k=2/a.parquet", pa.table({"x": [2]}))
    ask = ASK[engine](place)
    place.remove("t/k=2/a.parquet")
    try:
        assert list_x(ask()) == [1]
    except (StaleFile, duckdb.Error) as exc:
        assert "k=2/a.parquet is gone" in str(exc)
    if engine != "duckdb":
        assert list_x(ask()) == [1]  # the table was refreshed by then


def test_a_file_that_changes_again_and_again_is_stale(folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    lake = folder.open_lake()
    numbers = iter(range(100))
    store = lake["t"].store
    read_many, read_range, find_local = store.read_many, store.read_range, store.find_local

    def replace() -> None:
        folder.put("t/a.parquet", pa.table({"x": [next(numbers)] * 3}))

    def change_and_read_range(*args, **kwargs):
        replace()
        return read_range(*args, **kwargs)

    def change_and_read_many(*args, **kwargs):
        replace()
        return read_many(*args, **kwargs)

    def change_and_find_local(*args, **kwargs):
        replace()
        return find_local(*args, **kwargs)

    store.read_range, store.read_many = change_and_read_range, change_and_read_many  # somebody else is writing
    store.find_local = change_and_find_local
    with pytest.raises(StaleFile, match="a.parquet has changed"):
        lake.sql("SELECT sum(x) FROM t").fetchall()
    with pytest.raises(StaleFile, match="a.parquet has changed"):
        lake.polars("t").collect()
    store.read_range, store.read_many, store.find_local = read_range, read_many, find_local
    lake.refresh()
    assert lake.sql("SELECT count(x) FROM t").fetchall() == [(3,)]


def test_rows_that_were_handed_out_are_not_followed_by_those_of_a_new_version(folder):
    def put(value: int) -> None:
        data = to_parquet(pa.table({"x": pa.repeat(pa.scalar(value), 1_000_000)}))  # 8 MB decoded: few are read ahead
        for number in range(100):
            folder.put(f"t/{number:03}.parquet", data)

    put(0)
    table = folder.open_table()
    reader = table.arrow()
    assert reader.read_next_batch()["x"].unique().to_pylist() == [0]
    put(-1)
    with pytest.raises(StaleFile, match="has changed"):
        for batch in reader:
            assert batch["x"].unique().to_pylist() == [0]
    values = [(batch["x"].unique().to_pylist(), batch.num_rows) for batch in table.arrow()]
    assert values == [([-1], 1_000_000)] * 100


def test_a_filter_uses_no_statistics_of_the_version_before(place):
    place.put("t/k=1/a.parquet", pa.table({"x": [1, 2]}))
    place.put("t/k=2/a.parquet", pa.table({"x": [3, 4]}))
    lake = place.open_lake()
    assert lake.sql("SELECT k FROM t WHERE x > 50").fetchall() == []
    place.put("t/k=2/a.parquet", pa.table({"x": [100, 200]}))
    lake.refresh()
    assert lake.sql("SELECT k, x FROM t WHERE x > 50 ORDER BY x").fetchall() == [(2, 100), (2, 200)]
    assert lake.polars("t").filter(pl.col("x") > 50).select("x").collect()["x"].to_list() == [100, 200]


def test_refresh_says_what_changed_and_views_show_it(place):
    place.put("t/k=1/a.parquet", pa.table({"x": [1]}))
    place.put("t/k=2/a.parquet", pa.table({"x": [2]}))
    table, con = place.open_table(), duckdb.connect()
    table.duckdb(con, "mine")
    assert not table.refresh()
    place.put("t/k=1/a.parquet", pa.table({"x": [10]}))
    place.put("t/k=3/a.parquet", pa.table({"x": [3], "y": ["new"]}))
    place.remove("t/k=2/a.parquet")
    changes = table.refresh()
    assert (changes.added, changes.removed) == (("k=3/a.parquet",), ("k=2/a.parquet",))
    assert changes.replaced == ("k=1/a.parquet",)
    assert changes.columns == ("column y (string) is new",)
    assert con.execute("SELECT * FROM mine ORDER BY k").fetchall() == [(10, None, 1), (3, "new", 3)]
    assert con.execute("SELECT count(*) FROM mine").fetchall() == [(2,)]


WIDE = pa.array([Decimal("1" * 50 + ".50")], pa.decimal256(70, 2))  # which DuckDB reads as a double: it is shown a copy


@pytest.mark.parametrize(
    "later",
    [
        pa.table({"wide": WIDE, "x": [2]}),
        pa.table({"x": [2]}),
        pa.table({"x": [2], "new": ["column"]}),
        pa.table({"wide": ["text"], "x": [2.5]}),
    ],
    ids=["the same columns", "a column less", "a column more", "other types"],
)
def test_files_that_duckdb_is_shown_as_copies_are_right_after_a_refresh(folder, later):
    folder.put("t/a.parquet", pa.table({"wide": WIDE, "x": [1]}))
    table, con, lake = folder.open_table(), duckdb.connect(), folder.open_lake()
    table.duckdb(con, "t")
    assert con.execute("SELECT wide FROM t").fetchall() == [("1" * 50 + ".50",)]
    assert lake.sql("SELECT wide FROM t").fetchall() == [("1" * 50 + ".50",)]
    folder.put("t/b.parquet", later)
    assert table.refresh() and lake.refresh()
    expected = sorted(map(repr, table.arrow().read_all().to_pylist()))
    assert sorted(map(repr, con.sql("SELECT * FROM t").to_arrow_table().to_pylist())) == expected
    assert sorted(map(repr, lake.sql("SELECT * FROM t").to_arrow_table().to_pylist())) == expected


def test_refresh_goes_on_after_a_connection_was_closed_or_forgotten(folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table = folder.open_table()
    closed, kept = duckdb.connect(), duckdb.connect()
    table.duckdb(closed, "t")
    table.duckdb(duckdb.connect(), "t")
    table.duckdb(kept, "t")
    closed.close()
    folder.put("t/b.parquet", pa.table({"x": [2]}))
    assert table.refresh().added == ("b.parquet",)
    assert kept.execute("SELECT sum(x) FROM t").fetchall() == [(3,)]


def test_refresh_leaves_alone_what_the_user_put_in_place_of_a_view(folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table, con = folder.open_table(), duckdb.connect()
    table.duckdb(con, "t")
    table.duckdb(con, "dropped")
    con.execute("DROP VIEW t")
    con.execute("CREATE TABLE t AS SELECT 'mine' AS x")
    folder.put("t/b.parquet", pa.table({"x": [2]}))
    assert table.refresh()
    assert con.execute("SELECT x FROM t").fetchall() == [("mine",)]
    assert con.execute("SELECT sum(x) FROM dropped").fetchall() == [(3,)]


def test_a_table_whose_refresh_fails_stays_as_it_was(folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table = folder.open_table()
    folder.remove("t/a.parquet")
    with pytest.raises(lk.NoFilesFound):
        table.refresh()
    assert table.files.height == 1
    folder.put("t/a.parquet", pa.table({"x": [5]}))
    assert table.refresh()
    assert table.polars().collect()["x"].to_list() == [5]
