"""Queries that could be misread, by what a session has beside the tables: sequences, views, macros, types, settings."""

import pytest

from tests.views.lakes import Place, put_tens

CASES = {  # what is run before, and the query
    "a sequence moves when a query is bound": ("CREATE SEQUENCE s", "SELECT nextval('s') > 0 AS n, x FROM t"),
    "a sequence in a condition": ("CREATE SEQUENCE s", "SELECT count(*) FROM t WHERE nextval('s') > 0"),
    "a CTE of a view's name over that view": (
        "CREATE VIEW v AS SELECT x AS k, k AS x FROM t",
        "WITH v AS (SELECT * FROM v) SELECT * FROM v WHERE k % 2 = 1",
    ),
    "a CTE of a view's name beside that view": (
        "CREATE VIEW v AS SELECT x AS k, k AS x FROM t",
        "SELECT * FROM v WHERE k % 2 = 1 AND EXISTS (WITH v AS (SELECT 1 AS a) SELECT * FROM v)",
    ),
    "a type names the fields of a struct": (
        "CREATE TYPE kt AS STRUCT(k BIGINT)",
        "SELECT * FROM (SELECT unnest(row(x)::kt), k AS kk FROM t) WHERE k % 2 = 1",
    ),
    "a text names the fields of a struct": (
        "SET threads = 2",
        "SELECT * FROM (SELECT unnest(json_transform('{\"k\":'||x||'}', '{\"k\":\"BIGINT\"}')), k AS a FROM t) "
        "WHERE k % 2 = 1",
    ),
    "a macro that makes a struct": (
        "CREATE MACRO abs(a) AS {'k': a}",
        "SELECT * FROM (SELECT unnest(abs(x)), k AS kk FROM t) WHERE k % 2 = 1",
    ),
    "a macro called like a function that makes rows": (
        "CREATE MACRO range(a) AS TABLE SELECT x AS k, k AS kk FROM t",
        "SELECT * FROM range(1) WHERE k % 2 = 1",
    ),
    "what a division by zero is": (
        "SET error_on_division_by_zero = false; SET ieee_floating_point_ops = false",
        "SELECT x FROM t WHERE (1 / (k - 1)) IS NULL",
    ),
    "the same in a count": (
        "SET error_on_division_by_zero = false; SET ieee_floating_point_ops = false",
        "SELECT count(*) FROM t WHERE coalesce(2 / (k - 2), 0) = 0",
    ),
    "no optimizer": ("PRAGMA disable_optimizer", "SELECT * FROM t WHERE k % 2 = 1"),
    "an optimizer less": ("SET disabled_optimizers = 'unused_columns'", "SELECT max(x) FROM t WHERE k % 2 = 1"),
    "another plan is explained": ("SET explain_output = 'optimized_only'", "SELECT * FROM t a JOIN t b USING (x)"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_session_has_beside_the_tables_changes_no_answer(folder: Place, case):
    before, query = CASES[case]
    plain = put_tens(folder, folders=6, rows=3)
    lake = folder.open_lake()
    for con in (plain, lake.duckdb):
        con.execute(before)
    expected = sorted(plain.execute(query).fetchall())
    assert expected and sorted(lake.sql(query).fetchall()) == expected
