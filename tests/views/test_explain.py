"""Reading DuckDB's plans."""

import json

import duckdb
import pytest

from lakekit.views.explain import mark_key, possible_scans, read_scans, split_conjunction


def test_a_condition_is_split_at_its_outermost_ands():
    assert split_conjunction("((a = 1) AND (b = 2))") == ["(a = 1)", "(b = 2)"]
    assert split_conjunction("((a = ' AND ') AND (\"x AND y\" = 2))") == ["(a = ' AND ')", '("x AND y" = 2)']
    assert split_conjunction("((a = 'it''s (') AND (b BETWEEN 1 AND 2))") == ["(a = 'it''s (')", "(b BETWEEN 1 AND 2)"]


def test_what_is_no_conjunction_stays_whole():
    for condition in ("(a = 1)", "a", "((a = 1) OR (b = 2))", "(a = 1) AND (b = 2)"):
        assert "".join(split_conjunction(condition)).strip("()") == condition.strip("()")


def test_scans_are_found_with_their_conditions(tmp_path):
    file = tmp_path / "a.parquet"
    con = duckdb.connect()
    con.execute(f"COPY (SELECT i AS x, i AS \"n@7\" FROM range(9) r(i)) TO '{file}'")
    con.execute(f"CREATE VIEW t AS SELECT x, \"n@7\" AS n FROM read_parquet('{file}')")
    ((_, plan),) = con.execute("EXPLAIN (FORMAT json) SELECT x FROM t WHERE n % 2 = 1 AND x > 0").fetchall()
    (scan,) = read_scans(plan)
    assert (scan.group, scan.columns) == (7, {"x", "n@7"})
    assert "n % 2" in "".join(scan.conditions)


def test_a_scan_that_shows_no_key_may_be_of_any_group_with_its_columns():
    plan = json.dumps([{"name": "READ_PARQUET", "extra_info": {"Projections": "x"}, "children": []}])
    scans = read_scans(plan)
    assert scans[0].group is None
    assert possible_scans(scans, 7, {"x", "y", mark_key("n", 7)}) == scans
    assert possible_scans(scans, 7, {"y"}) == []


def plan_join(join: str, condition: str) -> dict:
    """A plan of a join of t(x, n), whose key is n, with u(y)."""
    scans = [
        {"name": "READ_PARQUET", "extra_info": {"Projections": names}, "children": []} for names in (["x", "n@7"], "y")
    ]
    return {"name": "HASH_JOIN", "extra_info": {"Join Type": join, "Conditions": condition}, "children": scans}


@pytest.mark.parametrize(
    ("join", "condition", "probes"),
    [
        ("INNER", "x = y", [("x",), ()]),
        ("SEMI", "N >= y", [("N",), ()]),
        ("INNER", "(x + 1) = y", [(None,), ()]),
        ("INNER", "other = y", [(None,), ()]),  # x, by another name
        ("LEFT", "x = y", [(), ()]),  # all rows of the first side count
    ],
)
def test_a_join_looks_up_the_rows_of_its_first_side(join, condition, probes):
    assert [scan.probes for scan in read_scans(json.dumps([plan_join(join, condition)]))] == probes


def test_joins_above_a_join_look_up_rows_of_all_its_scans():
    above = {"name": "READ_PARQUET", "extra_info": {"Projections": ["z"]}, "children": []}
    plan = {"name": "HASH_JOIN", "extra_info": {"Join Type": "INNER", "Conditions": "y = z"}, "children": []}
    plan["children"] = [plan_join("INNER", "x = y"), above]
    assert [scan.probes for scan in read_scans(json.dumps([plan]))] == [("y", "x"), ("y",), ()]
