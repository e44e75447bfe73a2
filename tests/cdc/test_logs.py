"""Snapshots among changes: by the log's position a row that Debezium read stands before or after what was changed."""

import pytest

from lakekit.errors import InvalidArgument
from tests.cdc.journals import read_both, tell, write_event

MYSQL = {"file": "mysql-bin.000003", "row": 0, "name": "shop"}
HOUR, DAY = 3600, 86_400


def put_and_read(folder, *events) -> list[tuple]:
    folder.put_events("a.json", events)
    return read_both(folder.open(key="id", format="debezium"))


@pytest.mark.parametrize("marks", [("first", "last"), ("true", "last_in_data_collection"), (True, True), (None, None)])
def test_rows_of_the_first_snapshot_are_before_all_changes_whatever_the_clocks_say(folder, marks):
    # the snapshot bears the moment in which the table was read, and a change the second in which its statement began
    events = [
        write_event("r", 10.7, after={"id": 1, "v": "old"}, **MYSQL, pos=154, snapshot=marks[0]),
        write_event("r", 10.7, after={"id": 2, "v": "old"}, **MYSQL, pos=154, snapshot=marks[1]),
        write_event("u", 10, after={"id": 1, "v": "new"}, **MYSQL, pos=400, snapshot="false"),
        write_event("d", 10, before={"id": 2, "v": "old"}, **MYSQL, pos=800, snapshot="false"),
    ]
    assert put_and_read(folder, *events) == [(1, "new")]


def test_a_snapshot_whose_events_bear_no_position_is_before_all_changes(folder):
    rows = [
        {"id": 1, "v": "new", "__op": "u", "__source_ts_ms": tell(10), "__deleted": "false"},
        {"id": 1, "v": "old", "__op": "r", "__source_ts_ms": tell(10.7), "__deleted": "false"},
        {"id": 2, "v": "old", "__op": "c", "__source_ts_ms": tell(20), "__deleted": "false"},
        {"id": 2, "v": "new", "__op": "r", "__source_ts_ms": tell(30), "__source_snapshot": "incremental"},
    ]
    assert put_and_read(folder, *rows) == [(1, "new"), (2, "new")]  # an incremental one has its time


def test_a_snapshot_that_was_read_later_is_after_the_changes_before_it(folder):
    events = [
        write_event("c", 0, after={"id": 1, "v": "old"}, **MYSQL, pos=400),
        write_event("c", 1, after={"id": 2, "v": "old"}, **MYSQL, pos=500),
        # then nobody looked for some days; the log was at 900
        write_event("r", 2 * DAY, after={"id": 1, "v": "read"}, **MYSQL, pos=900, snapshot="first"),
        write_event("r", 2 * DAY, after={"id": 2, "v": "read"}, **MYSQL, pos=900, snapshot="last"),
        write_event("u", 2 * DAY - 5, after={"id": 2, "v": "new"}, **MYSQL, pos=900),
    ]
    assert put_and_read(folder, *events) == [(1, "read"), (2, "new")]


def test_a_file_of_older_changes_tells_that_a_snapshot_was_not_the_first(folder):
    read = write_event("r", 2 * DAY, after={"id": 1, "v": "read"}, **MYSQL, pos=900, snapshot="last")
    folder.put_events("b.json", [read, write_event("c", 2 * DAY, after={"id": 2, "v": "x"}, **MYSQL, pos=950)])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "read"), (2, "x")]
    folder.put_events("a.json", [write_event("c", 0, after={"id": 1, "v": "old"}, **MYSQL, pos=400)])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "read"), (2, "x")]


def test_rows_of_an_incremental_snapshot_come_between_changes_by_the_position_of_the_log(folder):
    # they bear the connector's clock, here 60 s late, and the position up to which it had sent changes
    events = [
        write_event("c", 0, after={"id": 1, "v": "old"}, lsn=100),
        write_event("c", 1, after={"id": 2, "v": "old"}, lsn=110),
        write_event("r", 61, after={"id": 1, "v": "read"}, lsn=110, snapshot="incremental"),
        write_event("r", 61, after={"id": 2, "v": "read"}, lsn=110, snapshot="incremental"),
        write_event("u", 3, after={"id": 2, "v": "new"}, lsn=120),
    ]
    assert put_and_read(folder, *events) == [(1, "read"), (2, "new")]


def test_what_postgresql_logged_of_a_transaction_before_a_snapshot_that_saw_nothing_of_it_is_a_later_change(folder):
    events = [
        write_event("r", 5, after={"id": 1, "v": "old"}, lsn=155, sequence='[null,"155"]', snapshot="last"),
        write_event(
            "u", 6, after={"id": 1, "v": "new"}, lsn=150, sequence='[null,"150"]'
        ),  # committed after the snapshot
    ]
    assert put_and_read(folder, *events) == [(1, "new")]


@pytest.mark.parametrize("mark", ["incremental", "first"])
def test_what_postgresql_logged_before_the_last_commit_and_committed_after_a_row_was_read_is_later(folder, mark):
    events = [
        write_event("c", 0, after={"id": 1, "v": "old"}, lsn=100, sequence='["90","100"]'),  # committed at 200
        write_event("r", DAY, after={"id": 1, "v": "read"}, lsn=210, sequence='["200","210"]', snapshot=mark),
        write_event("u", DAY - 9, after={"id": 1, "v": "new"}, lsn=150, sequence='["200","150"]'),
    ]
    assert put_and_read(folder, *events) == [(1, "new")]
    folder.put_events(
        "b.json", [write_event("r", DAY, after={"id": 1, "v": "late"}, lsn=300, sequence='["290","300"]')]
    )
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "late")]


def test_a_snapshot_of_oracle_sees_what_was_committed_until_its_number(folder):
    events = [
        write_event("c", 0, after={"id": 1, "v": "old"}, scn="90", commit_scn="95"),
        write_event("r", DAY, after={"id": 1, "v": "read"}, scn="100", snapshot="last"),
        write_event("u", DAY - 1, after={"id": 2, "v": "new"}, scn="98", commit_scn="101"),
        write_event("r", DAY, after={"id": 2, "v": "read"}, scn="100", snapshot="first"),
    ]
    assert put_and_read(folder, *events) == [(1, "read"), (2, "new")]


def test_a_statement_that_began_earlier_and_was_committed_later_counts(folder):
    # it waited for the row, which another transaction changed meanwhile: its second is the earlier one
    events = [
        write_event("u", 10, after={"id": 1, "v": "first"}, **MYSQL, pos=400),
        write_event("u", 9, after={"id": 1, "v": "second"}, **MYSQL, pos=800),
    ]
    assert put_and_read(folder, *events) == [(1, "second")]


def test_a_log_that_began_anew_is_an_error_that_names_the_way_out(folder):
    events = [
        write_event("c", 0, after={"id": 1, "v": "old"}, **MYSQL, pos=900),
        write_event("u", 2 * DAY, after={"id": 1, "v": "new"}, **MYSQL | {"file": "mysql-bin.000001"}, pos=154),
    ]
    folder.put_events("a.json", events)
    with pytest.raises(
        InvalidArgument, match=r"was committed 48 h before other changes: it began anew(.|\n)*order_by="
    ):
        folder.open(key="id", format="debezium")
    assert read_both(folder.open(key="id", format="debezium", order_by="source.ts_ms")) == [(1, "new")]


@pytest.mark.parametrize("after", [{"id": 1, "v": "new"}, None])  # written again, or deleted
def test_a_server_that_failed_over_within_hours_is_seen_by_its_times(folder, after):
    old = write_event("c", 0, after={"id": 1, "v": "old"}, **MYSQL, pos=900)
    new = write_event("u", 2 * HOUR, after=after, **MYSQL | {"file": "mysql-bin.000001"}, pos=154)
    if after is None:
        new |= {"op": "d", "before": {"id": 1, "v": "old"}}
    folder.put_events("a.json", [old, new])
    with pytest.raises(InvalidArgument, match="was committed 2 h before other changes: it began anew"):
        folder.open(key="id", format="debezium")


def test_a_statement_that_ran_for_an_hour_is_of_the_same_log(folder):
    events = [
        write_event("c", HOUR, after={"id": 2, "v": "a"}, **MYSQL, pos=400),
        write_event("u", 0, after={"id": 2, "v": "b"}, **MYSQL, pos=800),  # began at 0, was committed after the other
    ]
    assert put_and_read(folder, *events) == [(2, "b")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (MYSQL | {"pos": 900}, MYSQL | {"pos": 154}),
        (MYSQL | {"pos": 154}, MYSQL | {"file": "mysql-bin.000001", "pos": 900}),
        ({"sequence": '["8999","9000"]'}, {"sequence": '[null,"50"]'}),
    ],
)
def test_a_snapshot_of_a_log_that_began_anew_is_an_error_although_no_change_follows_it(folder, old, new):
    folder.put_events("a.json", [write_event("c", 0, after={"id": 1, "v": "old"}, **old)])
    folder.put_events("b.json", [write_event("r", 3 * DAY, after={"id": 1, "v": "new"}, **new, snapshot="last")])
    with pytest.raises(InvalidArgument, match=r"read 72 h after the last change(.|\n)*began anew(.|\n)*order_by="):
        folder.open(key="id", format="debezium")
    assert read_both(folder.open(key="id", format="debezium", order_by="source.ts_ms")) == [(1, "new")]


def test_a_table_may_be_read_long_after_its_snapshot_began(folder):
    events = [
        # began at 0; tables before this one took 10 h
        write_event("r", 10 * HOUR, after={"id": 1, "v": "old"}, **MYSQL, pos=154, snapshot="last"),
        write_event("u", 60, after={"id": 1, "v": "new"}, **MYSQL, pos=400),
    ]
    assert put_and_read(folder, *events) == [(1, "new")]


def test_a_second_snapshot_of_a_database_where_nothing_happened_since_is_of_the_same_log(folder):
    place = {"commit_lsn": "00000027:00000ac0:0002", "name": "shop"}
    events = [
        write_event("c", 0, after={"id": 1, "v": "a"}, **place, change_lsn="00000027:00000ac0:0001"),
        write_event("r", 3 * DAY, after={"id": 1, "v": "a"}, **place, snapshot="last"),
    ]
    assert put_and_read(folder, *events) == [(1, "a")]


def test_a_server_that_came_later_is_after_the_one_before_whatever_its_positions_are(folder):
    other = MYSQL | {"name": "other", "file": "mysql-bin.000001"}
    folder.put_events(
        "a.json",
        [
            write_event("c", 0, after={"id": 1, "v": "a"}, **MYSQL, pos=900),
            write_event("c", 0, after={"id": 2, "v": "a"}, **MYSQL, pos=950),
        ],
    )
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "a"), (2, "a")]
    folder.put_events("b.json", [write_event("r", DAY, after={"id": 1, "v": "b"}, **other, pos=154, snapshot="last")])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "b"), (2, "a")]
    # the second in which the statement began is before the one in which the table was read
    folder.put_events("c.json", [write_event("u", DAY - 1, after={"id": 1, "v": "c"}, **other, pos=400)])
    assert read_both(folder.open(key="id", format="debezium")) == [(1, "c"), (2, "a")]


def test_two_servers_at_the_same_time_are_an_error_that_names_both(folder):
    events = [
        write_event("c", 0, after={"id": 1, "v": "a"}, **MYSQL, pos=900),
        write_event("c", 5, after={"id": 1, "v": "b"}, **MYSQL | {"name": "other"}, pos=154),
        write_event("u", 9, after={"id": 1, "v": "c"}, **MYSQL, pos=950),
    ]
    folder.put_events("a.json", events)
    with pytest.raises(
        InvalidArgument, match=r"'shop', until .* 12:00:09, and 'other', from .* 12:00:05(.|\n)*order_by="
    ):
        folder.open(key="id", format="debezium")
    assert read_both(folder.open(key="id", format="debezium", order_by="source.ts_ms")) == [(1, "c")]
