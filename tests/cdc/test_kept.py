"""Values that the database did not log, since they were not changed: the state has the former ones."""

import base64
import random

import pytest

from lakekit.errors import InvalidArgument
from tests.cdc.journals import at, collect_changes, read_both, write_event

UNTOLD = "__debezium_unavailable_value"


@pytest.mark.parametrize(
    "untold",
    [
        UNTOLD,
        base64.b64encode(UNTOLD.encode()).decode(),
        UNTOLD.encode().hex(),
        [UNTOLD],
        ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"],
        list(UNTOLD.encode()),
        {UNTOLD: UNTOLD},
        f'{{"{UNTOLD}":"{UNTOLD}"}}',
    ],
)
def test_a_value_that_was_not_changed_is_the_former_one(folder, untold):
    folder.put_events("a.json", [write_event("c", 1, after={"id": 1, "n": 1, "doc": "a long text"}, lsn=10)])
    folder.put_events("b.json", [write_event("u", 2, after={"id": 1, "n": 2, "doc": untold}, lsn=20)])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, 2, "a long text")]


def test_each_column_has_the_last_value_that_was_told(place):
    def change(op, number, a, b, id=1):
        return write_event(op, number, after={"id": id, "n": number, "a": a, "b": b}, lsn=number)

    events = [
        change("r", 1, "a1", "b1"),
        change("u", 2, "a2", UNTOLD),
        change("u", 3, UNTOLD, UNTOLD),
        change("u", 4, UNTOLD, None),  # NULL is a value
        change("c", 5, "x", "y", id=2),
        change("u", 6, UNTOLD, UNTOLD),
    ]
    place.put_events("a.json", events[::-1])
    state = place.open(key="id", format="debezium")
    assert state.columns == ("id", "n", "a", "b")
    assert read_both(state) == [(1, 6, "a2", None), (2, 5, "x", "y")]
    assert read_both(state, at(3)) == [(1, 3, "a2", "b1")]
    changes = collect_changes(state)
    assert changes.filter(changes["id"] == 1)["_kept_b"].to_list() == [False, True, True, False, True]
    assert UNTOLD not in str(changes.rows())


def test_a_row_that_was_deleted_leaves_no_value_to_the_next(folder):
    events = [
        write_event("c", 1, after={"id": 1, "doc": "a"}, lsn=10),
        write_event("d", 2, before={"id": 1, "doc": UNTOLD}, lsn=20),
        write_event("c", 3, after={"id": 1, "doc": UNTOLD}, lsn=30),
    ]
    folder.put_events("a.json", events)
    state = folder.open(key="id", format="debezium")
    assert read_both(state, at(2)) == []
    for ask in (state.polars, state.duckdb):
        with pytest.raises(InvalidArgument, match=r"a.json, row 3, leaves 'doc' of the row 1 as it was, and no change"):
            ask()


def test_a_value_that_no_change_tells_is_an_error_until_the_row_is_told_again_or_deleted(folder):
    folder.put_events("a.json", [write_event("u", 1, after={"id": 1, "doc": UNTOLD}, lsn=10)])
    with pytest.raises(InvalidArgument, match=r"(.|\n)*Hint: .*REPLICA IDENTITY FULL"):
        folder.open(key="id", format="debezium").polars()
    folder.put_events("b.json", [write_event("u", 2, after={"id": 1, "doc": "told"}, lsn=20)])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "told")]


def test_the_row_before_tells_a_value_also_of_a_row_whose_key_was_changed(folder):
    before, after = {"id": 1, "doc": "a"}, {"id": 7, "doc": UNTOLD}
    folder.put_events("a.json", [write_event("u", 1, before=before, after=after, lsn=10)])
    assert read_both(folder.open(key="id", format="debezium")) == [(7, "a")]


def test_truncation_takes_former_values_away_and_flattened_rows_have_them(folder):
    rows = [
        {"id": 1, "doc": "a", "__op": "c", "__lsn": 10},
        {"id": 1, "doc": UNTOLD, "__op": "u", "__lsn": 20},
    ]
    folder.put_events("a.json", rows)
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "a")]
    folder.put_events(
        "b.json", [write_event("t", 3, lsn=30), write_event("c", 4, after={"id": 1, "doc": UNTOLD}, lsn=40)]
    )
    with pytest.raises(InvalidArgument, match="b.json, row 2, leaves 'doc'"):
        folder.open(key="id", format="debezium").polars()


def test_any_changes_leave_what_applying_them_one_by_one_does(folder):
    chance, rows, events = random.Random(7), {}, []
    for number in range(1, 601):
        id = chance.randrange(25)
        if id not in rows:
            rows[id] = {"id": id, "n": number, "a": f"a{number}", "b": None}
            events.append(write_event("c", number, after=dict(rows[id]), lsn=number))
        elif chance.random() < 0.2:
            events.append(write_event("d", number, before=rows.pop(id), lsn=number))
        else:
            told = {name: f"{name}{number}" for name in ("a", "b") if chance.random() < 0.4}
            rows[id] |= {"n": number} | told
            events.append(
                write_event("u", number, after={"id": id, "n": number, "a": UNTOLD, "b": UNTOLD} | told, lsn=number)
            )
    chance.shuffle(events)
    for part in range(3):
        folder.put_events(f"{part}.json", events[part::3])
    expected = sorted(tuple(row.values()) for row in rows.values())
    assert 5 < len(expected) and read_both(folder.open(key="id", format="debezium")) == expected
