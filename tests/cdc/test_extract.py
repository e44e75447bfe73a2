"""A database moved into the lake: all rows once, then increments; ties, late commits, deletions, types, kills."""

import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument, StaleFile, TypeConflict
from tests.cdc.journals import NOW, add, collect_changes, extract, read_both, read_names

ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "2"))


def test_all_rows_once_then_only_what_changed(con, place):
    for id in range(1, 6):
        add(con, id, f"user {id}", id)
    first = extract(con, place)
    assert (first.files, first.inserted, first.updated) == (("CDC00000001.parquet",), 5, 0)
    assert first.checkpoint == "2026-01-05 12:00:05"
    nothing = extract(con, place)
    assert (nothing.files, nothing.inserted + nothing.updated) == ((), 0)
    add(con, 2, "Bob", 7)
    add(con, 6, "Eve", 8)
    second = extract(con, place)
    assert (second.files, second.updated) == (("CDC00000002.parquet",), 2)
    state = second.open_state()
    assert [row[:2] for row in read_both(state)] == [
        (1, "user 1"), (2, "Bob"), (3, "user 3"), (4, "user 4"), (5, "user 5"), (6, "Eve"),
    ]  # fmt: skip
    assert state.columns == ("id", "name", "deleted", "changed")
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert read_both(state, noon + timedelta(seconds=6))[1][1] == "user 2"  # the watermark is the commit time


def test_rows_that_share_the_last_watermark_are_neither_missed_nor_stored_twice(con, folder):
    add(con, 1, "a", 5)
    add(con, 2, "b", 5)
    extract(con, folder)
    add(con, 3, "c", 5)  # in the same second, after the extraction
    add(con, 2, "bb", 5)  # and a change that leaves the watermark as it was
    run = extract(con, folder)
    assert run.updated == 2 and read_names(run) == [(1, "a"), (2, "bb"), (3, "c")]
    assert extract(con, folder).files == ()
    assert collect_changes(run.open_state()).height == 4
    add(con, 2, "b", 5)  # back to what was stored first: it is the last that counts
    assert read_names(extract(con, folder)) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_transaction_that_commits_late_is_missed_without_overlap_and_found_with_it(con, folder):
    add(con, 1, "a", 30)
    extract(con, folder)
    add(con, 2, "late", 25)  # with a watermark from before the last extraction
    assert extract(con, folder).files == ()
    with pytest.raises(InvalidArgument, match=r"overlap=10 cannot be taken from the last watermark, '2026-01-05"):
        extract(con, folder, overlap=10)
    run = extract(con, folder, overlap=timedelta(seconds=10))
    assert run.updated == 1 and read_names(run) == [(1, "a"), (2, "late")]
    assert extract(con, folder, overlap=timedelta(seconds=10)).files == ()  # it is read again, and not stored again


def test_files_are_cut_and_taken_up_in_the_order_of_the_watermark(con, folder):
    for id in range(25_000):
        con.execute("INSERT INTO users VALUES (?, 'x', 0, ?)", [id, f"2026-01-05 12:{id % 60:02d}:00"])
    run = extract(con, folder, file_rows=10_000)
    # 25,000 rows are fetched 10,000 at a time
    assert run.files == ("CDC00000001.parquet", "CDC00000002.parquet", "CDC00000003.parquet")
    assert collect_changes(run.open_state())["lk_sequence"].to_list() == list(range(1, 25_001))


def test_a_snapshot_finds_deletions_and_changes_that_no_watermark_tells(con, folder):
    for id, name in enumerate("abc", 1):
        add(con, id, name, id)
    extract(con, folder)
    con.execute("DELETE FROM users WHERE id = 3")
    con.execute("UPDATE users SET name = 'quiet' WHERE id = 1")  # and the watermark stays
    con.execute("INSERT INTO users VALUES (4, 'early', 0, '2026-01-05 11:00:00')")
    assert extract(con, folder).files == ()
    run = extract(con, folder, snapshot=True, as_of=NOW)
    assert (run.inserted, run.updated, run.deleted) == (1, 1, 1)
    assert read_names(run) == [(1, "quiet"), (2, "b"), (4, "early")]
    assert run.open_state().history(3)["_committed_at"].to_list()[-1] == NOW
    assert extract(con, folder, snapshot=True, as_of=NOW).files == ()
    add(con, 3, "c", 3)  # it is back, with its old watermark, at the last checkpoint
    assert read_names(extract(con, folder)) == [(1, "quiet"), (2, "b"), (3, "c"), (4, "early")]


def test_snapshots_alone_need_no_watermark(con, folder):
    add(con, 1, "a", 1)
    extract(con, folder, watermark=None, snapshot=True, as_of=NOW)
    con.execute("DELETE FROM users")
    run = extract(con, folder, watermark=None, snapshot=True, as_of=NOW + timedelta(days=1))
    assert run.deleted == 1 and read_both(run.open_state()) == []
    assert len(read_both(run.open_state(), NOW)) == 1


def test_a_version_can_be_the_watermark_and_a_query_the_source(con, folder):
    con.execute("CREATE TABLE t (a INTEGER, b TEXT, version INTEGER)")
    con.execute("INSERT INTO t VALUES (1, 'x', 10), (1, 'y', 11), (2, 'x', 12)")
    source = "SELECT a, b, version, b LIKE '%x' AS is_x FROM t;"
    columns = {"a": "int64", "b": "string", "version": "int64", "is_x": "bool"}
    options = {"key": ["a", "b"], "watermark": "version", "columns": columns}
    run = lk.cdc.extract(con, source, folder.url, as_of=NOW, **options)
    con.execute("UPDATE t SET version = 13 WHERE b = 'y'")
    run = lk.cdc.extract(con, source, folder.url, as_of=NOW + timedelta(hours=1), overlap=5, **options)
    assert run.updated == 1
    assert read_both(run.open_state()) == [(1, "x", 10, True), (1, "y", 13, False), (2, "x", 12, True)]
    assert read_both(run.open_state(), NOW)[1] == (1, "y", 11, False)


def test_columns_that_the_table_gets_and_loses_are_null_before_and_after(con, folder):
    add(con, 1, "a", 1)
    extract(con, folder)
    con.execute("ALTER TABLE users ADD COLUMN city TEXT")
    con.execute("ALTER TABLE users DROP COLUMN deleted")
    con.execute("INSERT INTO users VALUES (2, 'b', '2026-01-05 12:00:09', 'Rome')")
    rows = read_both(extract(con, folder).open_state())
    assert [(row[0], row[2], row[4]) for row in rows] == [(1, False, None), (2, None, "Rome")]  # id, deleted, city


def test_types_come_from_sqlites_declarations_or_from_ours(con, folder):
    con.execute(
        "CREATE TABLE t (id BIGINT, d DATE, n DECIMAL(9,2), r REAL, b BLOB, v VARCHAR(9), ok BOOLEAN, at DATETIME)"
    )
    con.execute("INSERT INTO t VALUES (1, '2026-01-31', 12.5, 0.1, x'00ff', 'é', 1, '2026-01-31T10:00:00.25')")
    run = lk.cdc.extract(con, "t", folder.url, key="id", watermark="at")
    moment = datetime(2026, 1, 31, 10, 0, 0, 250_000, tzinfo=UTC).replace(tzinfo=None)  # as the database has it
    row = (1, date(2026, 1, 31), Decimal("12.50"), 0.1, b"\x00\xff", "é", True, moment)
    assert read_both(run.open_state()) == [row]


def test_a_value_that_is_not_of_its_columns_type_is_an_error_and_nothing_is_stored(con, folder):
    con.execute("INSERT INTO users VALUES ('one', 'a', 0, '2026-01-05 12:00:00')")  # SQLite takes it
    with pytest.raises(TypeConflict, match=r"'id' is int64, and 'one' in row 1 of users"):
        extract(con, folder)
    with pytest.raises(FileNotFoundError):
        folder.open(key="id")


@pytest.mark.parametrize(
    ("statement", "options", "message"),
    [
        ("INSERT INTO users VALUES (1, 'a', 0, NULL)", {}, r"'changed' is NULL in 1 row of users"),
        ("INSERT INTO users VALUES (NULL, 'a', 0, '2026-01-05 12:00:00')", {}, r"no value in its key \{'id': None\}"),
        ("SELECT 1", {"watermark": "changd"}, r"no column 'changd'; it has id, name, deleted, changed"),
        ("SELECT 1", {"watermark": None}, r"Neither watermark= nor snapshot=True"),
        ("SELECT 1", {"snapshot": True}, r"as_of= is needed"),
        ("SELECT 1", {"watermark": "id"}, r"as_of= is needed"),
        ("SELECT 1", {"snapshot": True, "as_of": datetime(2026, 1, 1)}, r"has no time zone"),  # noqa: DTZ001
        ("SELECT 1", {"columns": {"nam": "string"}}, r"'nam' was declared"),
        ("ALTER TABLE users ADD COLUMN place GEOMETRY", {}, r"does not tell the types of place in users"),
        ("ALTER TABLE users ADD COLUMN op TEXT", {}, r"has a column 'op', a name that the journal has"),
    ],
)
def test_what_cannot_be_extracted_is_an_error_before_anything_is_stored(con, folder, statement, options, message):
    con.execute(statement)
    with pytest.raises(InvalidArgument, match=message):
        extract(con, folder, **options)
    assert lk.storage.open_store(folder.url).list_objects() == []


def test_times_kept_as_text_in_two_ways_are_no_order(con, folder):
    con.execute("INSERT INTO users VALUES (1, 'a', 0, '2026-01-05 13:00:00'), (2, 'b', 0, '2026-01-05T12:00:00')")
    with pytest.raises(InvalidArgument, match=r"2026-01-05 12:00:00 after 2026-01-05 13:00:00"):
        extract(con, folder)


def test_a_journal_of_another_key_is_not_gone_on_with(con, folder):
    add(con, 1, "a", 1)
    extract(con, folder)
    with pytest.raises(InvalidArgument, match=r"was extracted with key=\['id'\] and watermark='changed'"):
        extract(con, folder, key="name")


def test_of_two_extractions_at_a_time_one_fails_and_nothing_is_overwritten(con, folder):
    add(con, 1, "a", 1)

    def meanwhile():
        add(con, 2, "b", 2)  # so that what it finds is not what this one found
        extract(con, folder)

    cursor_class = type("Cursor", (sqlite3.Cursor,), {})
    fetch = sqlite3.Cursor.fetchmany

    def fetchmany(self, size):
        rows = fetch(self, size)
        if not lk.storage.open_store(folder.url).list_objects():
            meanwhile()
        return rows

    cursor_class.fetchmany = fetchmany
    other = type("Other", (), {"cursor": lambda self: cursor_class(con), "execute": con.execute})
    other.__module__ = "sqlite3"
    with pytest.raises(StaleFile, match=r"CDC00000001.parquet is there already"):
        extract(other(), folder)
    assert collect_changes(extract(con, folder).open_state()).height == 2


def test_arrow_connections_such_as_duckdbs_keep_their_types(folder):
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    noon = "TIMESTAMPTZ '2026-01-05 12:00:00+01'"
    values = f"i::INTEGER AS id, {noon} + to_seconds(i) AS seen, i::DECIMAL(7,2) AS n"
    con.execute(f"CREATE TABLE t AS SELECT {values} FROM range(3) r(i)")
    run = lk.cdc.extract(con, "t", folder.url, key="id", watermark="seen")
    con.execute("UPDATE t SET n = 9.5, seen = seen + INTERVAL 1 MINUTE WHERE id = 1")
    run = lk.cdc.extract(con, "t", folder.url, key="id", watermark="seen", overlap=timedelta(seconds=1))
    assert run.updated == 1
    assert [(row[0], str(row[2])) for row in read_both(run.open_state())] == [(0, "0.00"), (1, "9.50"), (2, "2.00")]
    assert run.open_state().table.schema.field("id").type == pa.int32()


def test_files_are_parquet_of_dms_with_operation_and_commit_time(con, folder):
    add(con, 1, "a", 1)
    extract(con, folder)
    data = bytes(lk.storage.open_store(folder.url).read_range("CDC00000001.parquet", 0, 1 << 20))
    table = pq.read_table(io.BytesIO(data))
    assert table.column_names[:3] == ["Op", "lk_committed_at", "lk_sequence"]
    assert table["Op"].to_pylist() == ["I"]


KILLED = """
import datetime, sqlite3, sys
import lakekit as lk
import lakekit.cdc.database
lakekit.cdc.database.FETCH_ROWS = 500  # many files: many places to be killed at
con = sqlite3.connect(sys.argv[1])
print("ready", flush=True)
as_of = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
lk.cdc.extract(con, "users", sys.argv[2], key="id", watermark="changed", as_of=as_of, file_rows=1)
"""


def test_a_put_whose_answer_was_lost_is_no_other_extraction(con, folder, monkeypatch):
    from lakekit.storage import Writer

    put_new = Writer.put_new
    monkeypatch.setattr(Writer, "put_new", lambda *told: not put_new(*told))  # it is there, and the retry finds it
    add(con, 1, "Ann", 1)
    run = extract(con, folder)
    assert run.files == ("CDC00000001.parquet",)
    monkeypatch.undo()
    assert extract(con, folder).files == ()
    assert read_names(run) == [(1, "Ann")]


def test_a_column_that_became_another_kind_is_refused_before_the_journal_cannot_be_read(con, tmp_path):
    con.execute("CREATE TABLE parts (id INTEGER, size INTEGER, version INTEGER)")
    con.execute("INSERT INTO parts VALUES (1, 7, 1)")
    options = {"key": "id", "watermark": "version", "as_of": NOW}
    run = lk.cdc.extract(con, "parts", tmp_path, **options)
    con.execute("DROP TABLE parts")
    con.execute("CREATE TABLE parts (id INTEGER, size TEXT, version INTEGER)")
    con.execute("INSERT INTO parts VALUES (1, '7', 1), (2, '8', 2)")
    with pytest.raises(TypeConflict, match="'size' is int64 in .* and string in the source; nothing was stored"):
        lk.cdc.extract(con, "parts", tmp_path, **options)
    assert read_both(run.open_state()) == [(1, 7, 1)]
    run = lk.cdc.extract(con, "parts", tmp_path, columns={"size": "int64"}, **options)
    assert (run.inserted, run.updated) == (0, 1)
    assert read_both(run.open_state()) == [(1, 7, 1), (2, 8, 2)]


@pytest.mark.parametrize("name", ["_position", "_File", "_row", "_committed_at"])
def test_a_source_with_a_name_that_the_state_adds_is_refused_before_anything_is_stored(con, tmp_path, name):
    con.execute(f"CREATE TABLE parts (id INTEGER, {name} INTEGER)")
    con.execute("INSERT INTO parts VALUES (1, 7)")
    with pytest.raises(InvalidArgument, match="a name that the journal has for its own"):
        lk.cdc.extract(con, "parts", tmp_path, key="id", snapshot=True, as_of=NOW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torture
def test_an_extraction_that_is_killed_again_and_again_stores_every_row_exactly_once(tmp_path):
    seed = int(os.environ.get("LAKEKIT_TORTURE_SEED", time.time_ns() % 10**6))
    print("seed", seed)
    chance = random.Random(seed)
    database = tmp_path / "users.sqlite"
    con = sqlite3.connect(database)
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, changed INTEGER)")
    con.execute("CREATE INDEX by_changed ON users (changed)")
    expected = {}
    kills, stored = 0, [0]

    def count_files() -> int:
        return len(list((tmp_path / "journal").glob("CDC*")))

    for round_number in range(ROUNDS):
        for _ in range(6_000 // (1 + round_number)):  # new rows and changed ones, many to a watermark
            id = chance.randrange(15_000)
            expected[id] = f"round {round_number}, {chance.random()}"
            told = [id, expected[id], 1_000 * round_number + chance.randrange(20)]
            con.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", told)
        con.commit()
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(database), str(tmp_path / "journal")], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        wanted = stored[-1] + chance.randrange(9)
        while process.poll() is None and count_files() < wanted:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
        stored.append(count_files())
    run = lk.cdc.extract(
        con, "users", tmp_path / "journal", key="id", watermark="changed", as_of=NOW, columns={"id": "int64"}
    )
    con.close()
    state = run.open_state()
    rows = state.polars().select("id", "name").collect().rows()
    assert len(rows) == len(expected) and dict(rows) == expected
    changes = state.changes().select("id", "name").collect()
    assert changes.is_duplicated().sum() == 0  # nor is a row twice in the journal
    grew = sum(before < after for before, after in zip(stored, stored[1:], strict=False))
    print(f"{kills} of {ROUNDS} killed before they ended, {grew} after they had stored files ({stored[-1]} in all); ")
    print(f"{changes.height} changes of {len(rows)} rows")
