"""The cell magic %%sql in a shell of IPython."""

import duckdb
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell

from lakekit import CorruptFile
from tests.views.lakes import Place, put_days


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """A lake with the table t of put_days, and one with a broken file."""
    place = Place(str(tmp_path_factory.mktemp("magic")))
    put_days(place)
    put_days(place, "broken")
    place.put("broken/day=2024-01-07/n=7/city=x/part-0.parquet", b"broken")
    return place


@pytest.fixture
def shell(place) -> InteractiveShell:
    """A shell in which lakekit is loaded and a lake is open."""
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "lakekit")
    shell.user_ns["lake"] = place.open_lake()
    return shell


def run(shell: InteractiveShell, cell: str):
    """What a cell gives; raises what the cell raised."""
    done = shell.run_cell(cell, store_history=False)
    if done.error_before_exec or done.error_in_exec:
        raise done.error_before_exec or done.error_in_exec
    return done.result


def test_a_cell_is_a_query_and_its_result_a_relation(shell):
    relation = run(shell, "%%sql\nSELECT sum(x) AS total\nFROM t\nWHERE n IN (1, 2)")
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert (relation.columns, relation.fetchall()) == (["total"], [(33,)])


def test_a_line_is_a_query_as_well(shell):
    assert run(shell, "%sql SELECT sum(x) FROM t WHERE n = 1").fetchall() == [(11,)]


def test_a_query_may_begin_in_the_first_line(shell):
    assert run(shell, "%%sql SELECT sum(x)\nFROM t").fetchall() == [(231,)]


@pytest.mark.parametrize("line", ["kept <<", " kept<<", "kept << SELECT n,"])
def test_a_name_keeps_the_rows_as_a_polars_frame(shell, line):
    query = "x FROM t WHERE n = 1 ORDER BY x" if "SELECT" in line else "SELECT n, x FROM t WHERE n = 1 ORDER BY x"
    assert run(shell, f"%%sql {line}\n{query}") is None
    kept = shell.user_ns["kept"]
    assert isinstance(kept, pl.DataFrame)
    assert kept.rows() == [(1, 1), (1, 10)]


def test_a_query_sees_the_variables_of_the_notebook(shell):
    run(shell, "import polars as pl\nwanted = pl.DataFrame({'n': [2, 3]})")
    assert run(shell, "%%sql\nSELECT sum(x) FROM t JOIN wanted USING (n)").fetchall() == [(55,)]
    run(shell, "%%sql best <<\nSELECT n, sum(x) AS total FROM t GROUP BY n")
    assert run(shell, "%%sql\nSELECT max(total) FROM best").fetchall() == [(66,)]


@pytest.mark.parametrize("name", ["line", "cell", "query", "shell", "relation", "match", "df"])
def test_a_variable_of_the_notebook_may_have_any_name(shell, name):
    run(shell, f"import polars as pl\n{name} = pl.DataFrame({{'n': [2]}})")
    assert run(shell, f"%%sql\nSELECT sum(x) FROM t JOIN {name} USING (n)").fetchall() == [(22,)]


def test_comments_and_semicolons_are_fine(shell):
    query = "%%sql\n-- what fell\nSELECT sum(x) /* all */\nFROM t\nWHERE n = 1; -- the end"
    assert run(shell, query).fetchall() == [(11,)]


def test_a_statement_that_is_no_query_is_run(shell):
    run(shell, "%%sql\nCREATE OR REPLACE TABLE mine AS SELECT 1 AS one")
    assert run(shell, "%%sql\nSELECT one FROM mine").fetchall() == [(1,)]


def test_a_mistake_makes_the_cell_fail(shell):
    with pytest.raises(duckdb.CatalogException, match="nope"):
        run(shell, "%%sql\nSELECT * FROM nope")
    with pytest.raises(duckdb.ParserException):
        run(shell, "%%sql\nSELEC 1")


def test_a_broken_file_makes_the_cell_that_keeps_its_rows_fail(shell):
    with pytest.raises(CorruptFile, match="n=7"):
        run(shell, "%%sql rows <<\nSELECT * FROM broken")
    assert "rows" not in shell.user_ns or shell.user_ns["rows"] is None


def test_a_result_shows_as_a_table(shell):
    relation = run(shell, "%%sql\nSELECT n FROM t WHERE n = 6")
    data, _ = shell.display_formatter.format(relation)
    assert "<table" in data["text/html"] and "6" in data["text/plain"]


def test_without_a_lake_the_cell_says_what_it_needs(shell):
    del shell.user_ns["lake"]
    with pytest.raises(NameError, match=r"`lake`, which is not set\. Hint: lake = lk\.open_lake"):
        run(shell, "%%sql\nSELECT 1")
    shell.user_ns["lake"] = 7
    with pytest.raises(NameError, match="which is a int"):
        run(shell, "%%sql\nSELECT 1")


def test_a_cell_whose_query_fails_is_a_cell_that_fails(shell):
    with pytest.raises(CorruptFile):
        run(shell, "%%sql\nSELECT sum(x) FROM broken")


def test_what_a_cell_shows_is_asked_for_once(shell, capsys):
    lake = shell.user_ns["lake"]
    lake.sql("SELECT 1").fetchall()
    asked = lake.receipts.height
    run(shell, "%%sql\nSELECT sum(x) AS total FROM t WHERE n < 3; -- 33")
    assert "33" in capsys.readouterr().out and lake.receipts.height == asked + 1


def test_a_query_that_fails_when_it_is_shown_runs_and_tells_so_once(shell, capsys):
    lake = shell.user_ns["lake"]
    lake.sql("SELECT 1").fetchall()
    asked = lake.receipts.height
    run(shell, "lake.sql('SELECT sum(x) FROM broken')")
    told = capsys.readouterr()
    assert "The query failed, as told above." in told.out
    assert "CorruptFile: " in told.out + told.err and lake.receipts.height == asked + 1
