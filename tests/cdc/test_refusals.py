"""Arguments of extract and open_state that can mean nothing are errors of lakekit, with the value and a hint."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BAD_EXTRACTIONS = [
    ("connection", None, "shop.db", 5),
    ("source", None, "", " ", 5, "nowhere", "SELECT FROM", ["users"]),
    ("url", None, "", 5, b"x"),
    ("key", None, "", 5, [], [5], ["id", "id"], b"id"),
    ("watermark", "", 5, ["changed"], "nowhere"),
    ("overlap", "5 minutes", -1, timedelta(seconds=-1), [5]),
    ("soft_delete", "", 5, "nowhere"),
    ("as_of", "2026-01-05", 5, datetime(2026, 1, 5)),  # noqa: DTZ001
    ("columns", 5, "id", [], {"id": "money"}, {5: "int"}, {"nowhere": "int"}),
    ("file_rows", 0, -1, "5", None, 1.5, True),
    ("storage", {}, "s3"),
]
BAD_STATES = [
    ("url", None, "", 5, b"x"),
    ("key", None, "", 5, [], [5], "nowhere", ["id", "id"]),
    ("format", None, "", "DMS", 5),
    ("timestamp", "", 5, "nowhere"),
    ("columns", 5, "id", [], {"id": "money"}),
    ("order_by", 5, "", [5], "nowhere", None),
    ("csv", ";", {}, True),
    ("storage", {}, "s3"),
]


def spread(cases):
    return [pytest.param(name, value, id=f"{name}={value!r}"[:60]) for name, *values in cases for value in values]


@pytest.fixture
def shop():
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE users (id INTEGER, name TEXT, changed TIMESTAMP)")
    con.execute("INSERT INTO users VALUES (1, 'Ada', '2026-01-05 10:00:00')")
    return con


@pytest.mark.parametrize(("name", "value"), spread(BAD_EXTRACTIONS))
def test_extract_refuses(shop, tmp_path, name, value):
    given = {"connection": shop, "source": "users", "url": tmp_path, "key": "id", "watermark": "changed"}
    with pytest.raises(InvalidArgument, match=r"\nHint: "):
        lk.cdc.extract(**(given | {name: value}))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def journal(tmp_path):
    (tmp_path / "LOAD00000001.csv").write_text("1,Ada\n")
    return {"url": tmp_path, "key": "id", "columns": ["id", "name"]}


@pytest.mark.parametrize(("name", "value"), spread(BAD_STATES))
def test_open_state_refuses(journal, name, value):
    with pytest.raises(InvalidArgument, match=r"\nHint: "):
        lk.cdc.open_state(**(journal | {name: value}))


@pytest.mark.parametrize("as_of", ["2026-01-05", 5, datetime(2026, 1, 5), NOW])  # noqa: DTZ001
def test_a_state_refuses_a_moment_that_is_none_or_that_it_cannot_know(journal, as_of):
    state = lk.cdc.open_state(**journal)
    for ask in (state.polars, lambda as_of: state.duckdb(as_of=as_of)):
        with pytest.raises(InvalidArgument, match=r"\nHint: "):
            ask(as_of=as_of)


@pytest.mark.parametrize("key", [(), (1, 2), []])
def test_a_history_is_of_one_key(journal, key):
    with pytest.raises(InvalidArgument, match="The key has 1 column"):
        lk.cdc.open_state(**journal).history(key)


@pytest.mark.parametrize(
    "form",
    [{"delimiter": ""}, {"delimiter": ";;"}, {"delimiter": 5}, {"delimiter": None}, {"null": None}, {"header": "yes"}]
    + [{"load_op": 1}],
)
def test_csv_form_refuses(form):
    with pytest.raises(InvalidArgument, match=r"\nHint: "):
        lk.cdc.CsvForm(**form)
