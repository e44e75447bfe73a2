"""The views in lake.duckdb follow the lake's tables, and leave alone what is the user's own."""

import shutil
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument, StorageFailed


@pytest.fixture
def lake(folder):
    """A lake of the tables t and u, with its connection."""
    for name, column in (("t", "x"), ("u", "y")):
        folder.put(f"{name}/a.parquet", pa.table({column: [1]}))
    opened = folder.open_lake()
    assert opened.duckdb.sql("SELECT x, y FROM t, u").fetchall() == [(1, 1)]
    return opened


def put_new(lake: lk.Lake, name: str) -> None:
    Path(lake.url, name).mkdir()
    duckdb.sql(f"COPY (SELECT 5 AS q) TO '{lake.url}/{name}/a.parquet'")


def remove(lake: lk.Lake, name: str) -> None:
    shutil.rmtree(Path(lake.url, name))


def fail_to_refresh(lake: lk.Lake, monkeypatch) -> None:
    """A refresh that ends in the midst, when the store does not answer for t."""

    def fail() -> None:
        raise StorageFailed("no answer", hint="try again")

    with monkeypatch.context() as patched, pytest.raises(StorageFailed):
        patched.setattr(lake["t"], "refresh", fail)
        lake.refresh()


def list_views(lake: lk.Lake) -> list[str]:
    query = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    return [name for (name,) in lake.duckdb.sql(query).fetchall()]


def test_a_table_that_a_broken_refresh_found_has_its_view_after_the_next(lake, monkeypatch):
    put_new(lake, "n")
    fail_to_refresh(lake, monkeypatch)
    lake.refresh()
    assert lake.sql("FROM n").fetchall() == [(5,)]


def test_a_table_that_a_broken_refresh_found_gone_has_no_view_after_the_next(lake, monkeypatch):
    remove(lake, "u")
    fail_to_refresh(lake, monkeypatch)
    lake.refresh()
    assert list_views(lake) == ["t"]
    with pytest.raises(duckdb.CatalogException, match=r"Hint: tables: t\."):
        lake.sql("FROM u")


def test_a_table_of_the_users_own_stays_where_the_lake_has_a_new_one_of_its_name(lake):
    lake.duckdb.execute("CREATE TABLE N AS SELECT 1 AS mine")
    put_new(lake, "n")
    put_new(lake, "z")
    lake.refresh()
    assert list(lake) == ["n", "t", "u", "z"]
    assert lake.sql("SELECT mine, q FROM n, z").fetchall() == [(1, 5)]


def test_a_view_of_the_users_own_stays_where_the_lake_has_a_new_table_of_its_name(lake):
    lake.duckdb.execute("CREATE VIEW n AS SELECT 1 AS mine")
    put_new(lake, "n")
    lake.refresh()
    assert lake.sql("SELECT mine FROM n").fetchall() == [(1,)]
    lake.duckdb.execute("DROP VIEW n")
    lake.refresh()
    assert lake.sql("FROM n").fetchall() == [(5,)]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_what_the_user_made_in_place_of_a_view_stays_when_the_table_is_gone(lake, kind):
    lake.duckdb.execute(f"DROP VIEW u; CREATE {kind} u AS SELECT 1 AS mine")
    remove(lake, "u")
    put_new(lake, "z")
    lake.refresh()
    assert list(lake) == ["t", "z"]
    assert lake.sql("SELECT mine, q FROM u, z").fetchall() == [(1, 5)]


def test_what_the_user_made_stays_where_a_folder_of_its_name_makes_no_table(lake, folder):
    lake.duckdb.execute("CREATE TABLE n AS SELECT 1 AS mine")
    folder.put("n/a.parquet", b"broken")
    lake.refresh()
    assert list(lake.failed) == ["n"]
    assert lake.sql("FROM n").fetchall() == [(1,)]


def test_a_view_of_another_table_in_the_lakes_connection_is_the_users_own(lake, tmp_path):
    (tmp_path / "other").mkdir()
    duckdb.sql(f"COPY (SELECT 7 AS mine) TO '{tmp_path}/other/a.parquet'")
    lk.open_table(tmp_path / "other").duckdb(lake.duckdb, "u")
    remove(lake, "u")
    lake.refresh()
    assert lake.sql("FROM u").fetchall() == [(7,)]


def test_the_error_of_a_folder_goes_with_it(lake, folder):
    folder.put("n=1/a.parquet", pa.table({"q": [1]}))
    lake.refresh()
    with pytest.raises(InvalidArgument, match="n=1/ is a partition"):
        lake.sql('FROM "n=1"').fetchall()
    remove(lake, "n=1")
    lake.refresh()
    assert list_views(lake) == ["t", "u"]


def test_a_view_that_was_dropped_is_back_after_a_refresh(lake):
    lake.duckdb.execute("DROP VIEW u")
    lake.refresh()
    assert lake.sql("FROM u").fetchall() == [(1,)]


def test_a_table_under_a_name_that_a_transaction_holds_has_its_view_once_that_has_ended(lake):
    lake.duckdb.begin()
    lake.duckdb.execute("CREATE TABLE n AS SELECT 1 AS mine")
    put_new(lake, "n")
    put_new(lake, "z")
    lake.refresh()
    lake.duckdb.rollback()
    assert list_views(lake) == ["t", "u", "z"]
    lake.refresh()
    assert lake.sql("SELECT n.q, z.q FROM n, z").fetchall() == [(5, 5)]


def test_a_lake_whose_connection_was_closed_is_refreshed_without_it(lake):
    lake.duckdb.close()
    put_new(lake, "n")
    assert "table n is new" in repr(lake.refresh())
