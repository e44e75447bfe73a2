"""What Debezium writes as NDJSON: envelopes with and without schema, flattened rows, tombstones, positions, errors."""

import json
from decimal import Decimal

import pytest

from lakekit.errors import CorruptFile, InvalidArgument, TypeConflict
from tests.cdc.journals import at, collect_changes, read_both, tell
from tests.cdc.journals import write_event as event


def test_the_state_of_envelopes_now_and_then(place):
    events = [
        event("r", 0, after={"id": 1, "name": "Ann"}, lsn=100),
        event("c", 5, after={"id": 2, "name": "Bob"}, lsn=110),
        event("u", 6, before={"id": 1, "name": "Ann"}, after={"id": 1, "name": "Anna"}, lsn=120),
        event("d", 7, before={"id": 2, "name": "Bob"}, lsn=130),
        None,  # the tombstone of 2
        event("c", 8, after={"id": 2, "name": "Bo"}, lsn=140),
    ]
    place.put_events("topics/users/users+0+0000000000.json", events)
    state = place.open(key="id", format="debezium")
    assert read_both(state) == [(1, "Anna"), (2, "Bo")]
    assert read_both(state, at(5)) == [(1, "Ann"), (2, "Bob")]
    assert read_both(state, at(7)) == [(1, "Anna")]
    assert collect_changes(state).select("_op", "_row").rows() == [("I", 1), ("I", 2), ("U", 3), ("D", 4), ("I", 6)]


def test_a_schema_and_payload_around_the_event_change_nothing(folder):
    inner = event("c", 1, after={"id": 1, "schema": "x"})
    folder.put_events("a.json", [{"schema": {"type": "struct"}, "payload": inner}, {"payload": None}])
    folder.put_events("b.json", [event("u", 2, after={"id": 1, "schema": "y"})])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "y")]


def test_flattened_rows_are_upserts_and_marked_deletions(folder):
    rows = [
        {"id": 1, "name": "a", "__op": "c", "__source_ts_ms": tell(1), "__lsn": 5, "__deleted": "false"},
        {"id": 2, "name": "b", "__op": "r", "__source_ts_ms": tell(1), "__lsn": 6, "__deleted": "false"},
        {"id": 1, "name": "aa", "__op": "u", "__source_ts_ms": tell(2), "__lsn": 7, "__deleted": "false"},
        {"id": 2, "name": None, "__op": "d", "__source_ts_ms": tell(3), "__lsn": 8, "__deleted": "true"},
        None,
    ]
    folder.put_events("a.ndjson", rows)
    state = folder.open(key="id", format="debezium")
    assert state.columns == ("id", "name")
    assert read_both(state) == [(1, "aa")]
    assert read_both(state, at(2)) == [(1, "aa"), (2, "b")]


def test_a_null_line_among_flattened_rows_without_marks_would_lose_a_deletion_and_is_an_error(folder):
    folder.put_events("a.ndjson", [{"id": 1, "name": "a"}, None])
    with pytest.raises(InvalidArgument, match=r"a.ndjson, line 2, is null: a row was deleted"):
        folder.open(key="id", format="debezium")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"lsn": 9}, {"lsn": 10}),  # numbers, not texts
        ({"sequence": '["9","100"]', "lsn": 100}, {"sequence": '["10","90"]', "lsn": 90}),  # the commit's comes first
        ({"file": "mysql-bin.000009", "pos": 700, "row": 0}, {"file": "mysql-bin.000010", "pos": 4, "row": 0}),
        ({"file": "mysql-bin.000009", "pos": 700, "row": 0}, {"file": "mysql-bin.000009", "pos": 700, "row": 1}),
        ({"commit_lsn": "00000027:00000ac0:0002", "change_lsn": "00000027:00000ac0:0001"},
         {"commit_lsn": "00000027:00000ac0:0010", "change_lsn": "00000027:00000ab0:0001"}),
        ({"scn": "9", "commit_scn": "99"}, {"scn": "8", "commit_scn": "100"}),
    ],
)  # fmt: skip
def test_changes_of_one_millisecond_are_in_the_order_of_the_log(folder, first, second):
    later = event("u", 1, after={"id": 1, "v": "later"}, **second)
    earlier = event("c", 1, after={"id": 1, "v": "earlier"}, **first)
    folder.put_events("a.json", [later, earlier])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "later")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"db": "hr", "schema": "public", "table": "users"}, {"db": "hr", "schema": "public", "table": "orders"}),
        ({"db": "hr", "schema": "public", "table": "users"}, {"db": "hr", "schema": "old", "table": "users"}),
        ({"db": "hr", "schema": None, "table": "users"}, {"db": "shop", "schema": None, "table": "users"}),
        ({"db": "hr", "table": None, "collection": "users"}, {"db": "hr", "table": None, "collection": "orders"}),
    ],
)
@pytest.mark.parametrize("order_by", [(), "source.ts_ms"])
def test_rows_of_two_tables_in_one_journal_are_an_error_that_names_both(folder, one, other, order_by):
    folder.put_events("a.json", [event("c", 0, after={"id": 1}, lsn=1, **one)])
    folder.put_events("b.json", [event("c", 1, after={"id": 2}, lsn=2, **other)])
    first, second = (".".join(filter(None, told.values())) for told in (one, other))
    with pytest.raises(InvalidArgument, match=rf"{first} in a.json, line 1, and of {second} in b.json, line 1"):
        folder.open(key="id", format="debezium", order_by=order_by)


def test_events_that_tell_less_of_their_table_are_of_the_same(folder):
    rows = [
        {"id": 1, "__op": "c", "__lsn": 1, "__db": "hr", "__schema": "public", "__table": "users"},
        {"id": 2, "__op": "c", "__lsn": 2, "__table": "users"},
        {"id": 3, "__op": "c", "__lsn": 3},
    ]
    folder.put_events("a.json", rows)
    assert read_both(folder.open(key="id", format="debezium")) == [(1,), (2,), (3,)]


def test_a_number_of_more_digits_than_a_double_holds_is_kept_as_text_and_not_beside_doubles(folder):
    line = '{"op": "c", "after": {"id": %s, "v": %s}, "source": {"lsn": %s}}\n'
    folder.put("a.json", line % (1, "0.1234567890123456789", 1) + line % (2, "123456789012345678.5", 2))
    state = folder.open(key="id", format="debezium")
    assert read_both(state) == [(1, "0.1234567890123456789"), (2, "123456789012345678.5")]
    folder.put("b.json", line % (3, "0.5", 3))
    with pytest.raises(TypeConflict, match=r"'v' is float in b.json, line 1, and long number in a.json, line 1"):
        folder.open(key="id", format="debezium")
    exact = read_both(folder.open(key="id", format="debezium", columns={"id": "int64", "v": "decimal(38,19)"}))
    told = ["0.1234567890123456789", "123456789012345678.5", "0.5"]
    assert exact == [(id, Decimal(number)) for id, number in enumerate(told, 1)]
    with pytest.raises(TypeConflict, match=r"'v' is double, and '0.1234567890123456789' in a.json, line 1 is none"):
        folder.open(key="id", format="debezium", columns={"v": "double"})


def test_microseconds_count_where_the_source_tells_them(folder):
    late, early = event("u", 1, after={"id": 1, "v": 2}), event("c", 1, after={"id": 1, "v": 1})
    late["source"]["ts_us"], early["source"]["ts_us"] = tell(1) * 1000 + 2, tell(1) * 1000 + 1
    folder.put_events("a.json", [late, early])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, 2)]


def test_the_order_can_be_given_as_a_field_of_the_event(folder):
    events = [event("u", 9, after={"id": 1, "v": "old"}, gno=1), event("u", 1, after={"id": 1, "v": "new"}, gno=2)]
    folder.put_events("a.json", events)
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "old")]
    assert read_both(folder.open(key="id", format="debezium", order_by="source.gno")) == [(1, "new")]


def test_an_update_of_the_key_takes_the_old_row_away(folder):
    folder.put_events(
        "a.json",
        [
            event("c", 1, after={"id": 1, "v": "x"}),
            event("u", 2, before={"id": 1, "v": "x"}, after={"id": 7, "v": "x"}),
        ],
    )
    state = folder.open(key="id", format="debezium")
    assert read_both(state) == [(7, "x")] and read_both(state, at(1)) == [(1, "x")]


def test_truncation_takes_all_rows_that_were_there_before(folder):
    rows = [
        event("c", 1, after={"id": 1}),
        event("c", 2, after={"id": 2}),
        event("t", 3),
        event("c", 4, after={"id": 1}),
    ]
    folder.put_events("a.json", rows)
    state = folder.open(key="id", format="debezium")
    assert read_both(state) == [(1,)]
    assert read_both(state, at(3)) == [] and read_both(state, at(2)) == [(1,), (2,)]
    assert state.history(1)["_op"].to_list() == ["I", "T", "I"]


def test_messages_in_the_log_change_no_row(folder):
    folder.put_events("a.json", [event("c", 1, after={"id": 1}), {"op": "m", "ts_ms": tell(2), "message": {}}])
    assert read_both(folder.open(key="id", format="debezium")) == [(1,)]


def test_columns_come_and_go_and_numbers_widen(folder):
    folder.put_events("a.json", [event("c", 1, after={"id": 1, "n": 1, "old": True, "tags": [1, {"a": "é"}]})])
    folder.put_events("b.json", [event("c", 2, after={"id": 2, "n": 2.5, "new": "x"})])
    state = folder.open(key="id", format="debezium")
    assert read_both(state) == [(1, 1.0, True, '[1, {"a": "é"}]', None), (2, 2.5, None, None, "x")]


def test_types_can_be_declared_for_what_debezium_encodes(folder):
    row = {"id": 1, "price": "12.50", "born": 19_000, "seen": tell(5) * 1000, "raw": "aGk=", "rate": 0.1}
    folder.put_events("a.json", [event("c", 1, after=row)])
    columns = {"price": "decimal(9,2)", "born": "date", "seen": "timestamptz", "raw": "binary", "rate": "decimal(3,1)"}
    found = read_both(folder.open(key="id", format="debezium", columns=columns))[0]
    # 19,000 days after 1970-01-01 are 2022-01-08: 52 years of 365 days = 18,980, and 13 leap days make 18,993 for
    # 2022-01-01; seven days later
    assert [str(value) for value in found] == [
        "12.50", "2022-01-08", "2026-03-01 12:00:05+00:00", "b'hi'", "0.1", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ('{"op": "c", "after": {"id"', CorruptFile, "a.json, line 2, is not JSON"),
        ("[1]", InvalidArgument, r"a.json, line 2, is no change event but '\[1\]'"),
        (json.dumps(event("x", 1, after={"id": 1})), InvalidArgument, r"line 2, has the operation 'x'.*c, r, u"),
        (json.dumps(event("d", 1)), InvalidArgument, r"line 2, has the op 'd' and no 'before'"),
        (json.dumps(event("c", 1, after={"id": None})), InvalidArgument, r"a.json, row 2, has no value in 'id'"),
        (json.dumps(event("c", 1, after={"id": "1"})), TypeConflict, r"is int in a.json, line 1, and text in .*2"),
        (json.dumps(event("c", 1, after={"name": "x"})), InvalidArgument, r"row 2, has no value in 'id'"),
        ('{"op": "c", "after": [1]}', InvalidArgument, r"line 2, is no change event of .*'after' is '\[1\]'"),
        ('{"op": "c", "after": {"id": 1}, "source": "x"}', InvalidArgument, "its 'source' is 'x'"),
        ('{"op": ["c"], "after": {"id": 1}}', InvalidArgument, "line 2, has the operation"),
        ('{"op": "c", "after": {"id": 1}, "ts_ms": "now"}', InvalidArgument, "its 'ts_ms' is 'now', which is no time"),
        ('{"op": "c", "after": {"id": 1}, "ts_ms": 99999999999999999}', InvalidArgument, "which is no time"),
        ('{"op": "c", "after": {"id": 1, "x": 1e400}}', TypeConflict, "'x' is double, and .* in a.json, line 2"),
        ('{"op": "c", "after": {"id": 1, "x": ' + "[" * 99_999 + "}}", CorruptFile, "line 2, is not JSON"),
        ('{"op": "c", "after": {"id": 1, "a\\u0000": 1}}', InvalidArgument, "at its NUL character"),
    ],
)  # fmt: skip
def test_bad_lines_name_file_and_line(folder, line, error, message):
    folder.put("a.json", json.dumps(event("c", 0, after={"id": 1})) + "\n" + line + "\n")
    with pytest.raises(error, match=message):
        folder.open(key="id", format="debezium")


def test_events_of_every_kind_of_number_stay_exact(folder):
    folder.put(
        "a.json", '{"op": "c", "after": {"id": 9007199254740993, "x": 0.1, "big": 123456789012345678901234567890}}\n'
    )
    rows = read_both(folder.open(key="id", format="debezium"))
    assert rows == [(2**53 + 1, 0.1, "123456789012345678901234567890")]


def test_events_without_a_time_have_a_state_now_and_none_at_a_time(folder):
    folder.put_events("a.json", [{"op": "c", "after": {"id": 1}}])
    state = folder.open(key="id", format="debezium")
    assert read_both(state) == [(1,)]
    with pytest.raises(InvalidArgument, match="Some events of .* bear no time"):
        state.polars(at(1))
