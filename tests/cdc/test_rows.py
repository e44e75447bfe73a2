"""What an extraction stores of a row: whether it is what is stored of its key, and whether it is marked as deleted."""

import sqlite3
from datetime import timedelta

import pytest

import lakekit as lk
from tests.cdc.journals import NOW, add, extract, read_both, read_names


def test_a_column_that_marks_deleted_rows_deletes_them(con, folder):
    add(con, 1, "a", 1)
    add(con, 2, "b", 2)
    extract(con, folder, soft_delete="deleted")
    add(con, 1, "a", 3, deleted=1)
    run = extract(con, folder, soft_delete="deleted")
    assert run.deleted == 1 and read_names(run) == [(2, "b")]
    assert extract(con, folder, soft_delete="deleted").files == ()
    add(con, 1, "again", 4)
    assert read_names(extract(con, folder, soft_delete="deleted")) == [(1, "again"), (2, "b")]


def test_a_snapshot_finds_a_row_that_was_deleted_and_is_back_though_it_is_nothing_but_its_key(con, folder):
    con.execute("CREATE TABLE members (user INTEGER, role INTEGER)")
    con.execute("INSERT INTO members VALUES (1, 1), (2, 2)")

    def run(day):
        options = {"key": ["user", "role"], "snapshot": True, "as_of": NOW + timedelta(days=day)}
        return lk.cdc.extract(con, "members", folder.url, **options)

    run(0)
    con.execute("DELETE FROM members WHERE user = 1")
    assert run(1).deleted == 1
    con.execute("INSERT INTO members VALUES (1, 1)")
    back = run(2)
    assert (back.inserted, back.files) == (1, ("CDC00000003.parquet",))
    assert read_both(back.open_state()) == [(1, 1), (2, 2)]
    assert run(3).files == ()


@pytest.mark.parametrize("options", [{}, {"snapshot": True, "as_of": NOW}], ids=["watermark", "snapshot"])
def test_a_column_of_marks_that_is_named_later_counts_for_rows_that_were_marked_before(con, folder, options):
    add(con, 1, "a", 1)
    add(con, 2, "b", 2, deleted=1)
    add(con, 3, "c", 3)
    assert len(read_names(extract(con, folder, **options))) == 3
    run = extract(con, folder, soft_delete="deleted", **options)
    assert (run.inserted, run.updated, run.deleted) == (0, 0, 1)
    assert read_names(run) == [(1, "a"), (3, "c")]
    assert extract(con, folder, soft_delete="deleted", **options).files == ()
    run = extract(con, folder, **options)  # and no longer, when it is not named
    assert run.inserted + run.updated == 1 and read_names(run) == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    ("alive", "gone"),
    [(b"\x00", b"\x01"), (b"\x00\x00", b"\x00\x80"), (b"", b"\x01"), (b"0", b"1"), ("N ", "Y ")],
)
def test_bytes_of_zeros_mark_nothing(folder, alive, gone):
    con = sqlite3.connect(":memory:")
    con.execute(f"CREATE TABLE t (id INTEGER, version INTEGER, gone {'TEXT' if isinstance(gone, str) else 'BLOB'})")
    con.execute("INSERT INTO t VALUES (1, 1, ?), (2, 2, ?)", [alive, gone])
    run = lk.cdc.extract(con, "t", folder.url, key="id", watermark="version", soft_delete="gone", as_of=NOW)
    assert (run.inserted, run.deleted) == (1, 1) and read_both(run.open_state()) == [(1, 1, alive)]
