"""Previews: what a query is going to ask for, against the receipt of the same query."""

import duckdb
import polars as pl
import pytest

from lakekit.errors import InvalidArgument
from tests.receipts.conftest import lake, sandbox, url  # noqa: F401  the lake on the counting server

SURE = (
    "SELECT sum(x) FROM t",
    "SELECT sum(x) FROM t WHERE n < 3",
    "SELECT x FROM t WHERE x = 250",
    "SELECT count(*) FROM t",
    "SELECT min(x), max(x) FROM t",
    "SELECT x FROM t WHERE n > 10",
    "SELECT sum(y) FROM big WHERE x < 30000 AND x > 26000",
)


@pytest.mark.parametrize("query", SURE)
def test_a_preview_sends_nothing_and_the_query_then_sends_what_it_said(lake, sandbox, query):  # noqa: F811
    preview = lake.preview(query)
    assert sum(sandbox.counts().values()) == 0 and lake.receipt is None
    assert (preview.is_preview, preview.is_at_most, preview.seconds) == (True, False, None)
    lake.sql(query).fetchall()
    receipt = lake.receipt
    assert (preview.files_scanned, preview.files) == (receipt.files_scanned, receipt.files)
    assert preview.row_groups_scanned == receipt.row_groups_scanned
    assert (dict(preview.requests), preview.bytes) == (dict(receipt.requests), receipt.bytes)
    assert preview.wasted_bytes == receipt.wasted_bytes
    assert (preview.usd, preview.glob_usd) == (receipt.usd, receipt.glob_usd)


def test_what_the_cache_holds_costs_nothing(lake):  # noqa: F811
    lake.sql("SELECT sum(x) FROM t WHERE n < 2").fetchall()
    preview = lake.preview("SELECT sum(x) FROM t WHERE n < 3")
    assert (preview.requests["GET"], preview.cached_bytes) == (1, lake.receipt.bytes)


def test_each_engine_finds_what_the_other_has_kept_of_a_column_of_large_files(lake, sandbox):  # noqa: F811
    lake.sql("SELECT sum(y) FROM big").fetchall()
    sandbox.reset()
    assert lake.preview("SELECT sum(y) FROM big").requests["GET"] == 0
    lake.polars("big").select(pl.col("y").sum()).collect()
    assert sandbox.counts()["GET"] == 0
    lake.polars("big").select(pl.col("x").sum()).collect()
    sandbox.reset()
    lake.sql("SELECT sum(x) FROM big").fetchall()
    assert sandbox.counts()["GET"] == 0


@pytest.mark.parametrize(
    "query", ["SELECT x FROM t LIMIT 3", "SELECT sum(a.x) FROM t a JOIN (SELECT 3 AS n) b USING (n)"]
)
def test_where_the_run_may_spare_files_a_preview_says_at_most(lake, query):  # noqa: F811
    preview = lake.preview(query)
    assert preview.is_at_most and "at most" in repr(preview) and "At most" in preview._repr_html_()
    lake.sql(query).fetchall()
    assert lake.receipt.requests["GET"] <= preview.requests["GET"]


def test_parameters_are_values_of_the_query(lake):  # noqa: F811
    assert lake.preview("SELECT sum(x) FROM t WHERE n = ?", [2]).files_scanned == 1
    assert lake.preview("SELECT sum(x) FROM t WHERE n < $most", {"most": 4}).files_scanned == 4


def test_no_select_has_no_preview(lake):  # noqa: F811
    with pytest.raises(InvalidArgument, match=r"no SELECT\.\nHint: preview the SELECT in it"):
        lake.preview("CREATE TABLE a AS SELECT * FROM t")


def test_a_query_that_is_wrong_says_why(lake):  # noqa: F811
    with pytest.raises(duckdb.Error, match="no_such_table"):
        lake.preview("SELECT * FROM no_such_table")


def test_a_preview_sees_variables(lake):  # noqa: F811
    wanted = pl.DataFrame({"x": [5, 105]})
    preview = lake.preview("SELECT count(*) FROM t JOIN wanted USING (x)")
    assert wanted.height == 2 and (preview.files_scanned, preview.tables) == (6, ("t",))
