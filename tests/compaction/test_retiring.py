"""Originals go only when asked for by name, late enough, and while a verified copy stands for each of them."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.compaction import plan, retire, run, undo
from lakekit.manifest.listing import COPY_BEGUN
from lakekit.storage.writer import Writer
from tests.compaction.lakes import ALL, list_files, make_events, write_files
from tests.manifest.places import make_place

NOW = timedelta(0)


@pytest.fixture
def lake(tmp_path):
    """A lake whose table was compacted and switched: 12 originals, 3 files of the copy."""
    make_events(tmp_path / "lake" / "events")
    run(plan(lk.open_table(tmp_path / "lake" / "events"), tmp_path / "copy", rules=ALL))
    lake = lk.open_lake(tmp_path / "lake")
    lake.switch("events", tmp_path / "copy")
    return lake


def list_originals(tmp_path):
    return sorted(path for path in (tmp_path / "lake/events").rglob("*.parquet"))


def test_a_dry_run_comes_first_and_touches_nothing(lake, tmp_path):
    before = list_files(tmp_path)
    asked = retire(lake["events"], older_than=NOW)
    assert len(asked.files) == 12
    assert "Retire 12 originals" in repr(asked) and "run(this, confirm='events'), and not before" in repr(asked)
    for wrong in (None, "", "event", True):
        with pytest.raises(lk.InvalidArgument, match="nothing was touched"):
            run(asked, confirm=wrong)
    assert list_files(tmp_path) == before


def test_by_name_they_go_and_every_row_is_still_there(lake, tmp_path):
    assert run(retire(lake["events"], older_than=NOW), confirm="events").files == 12
    assert list_originals(tmp_path) == []
    assert lake.sql("SELECT count(DISTINCT id) FROM events").fetchall() == [(120,)]
    assert lk.open_lake(tmp_path / "lake").sql("SELECT count(*) FROM events").fetchall() == [(120,)]
    assert run(retire(lake["events"], older_than=NOW), confirm="events").files == 0  # again: nothing is left to do


def test_originals_that_the_copy_alone_tells_are_named_by_their_address(tmp_path):
    make_events(tmp_path / "events", days=1)
    other = make_events(tmp_path / "other", days=1)
    run(plan(lk.open_table(tmp_path / "events"), tmp_path / "copy", rules=ALL))
    record = tmp_path / "copy" / COPY_BEGUN
    told, theirs = json.loads(record.read_text()), list(lk.open_table(other).manifest.entries.iter_rows(named=True))
    told["source"] = str(other)  # by whoever may write the copy
    told["bins"] = [[*told["bins"][0][:2], [[one["path"], one["etag"]] for one in theirs]]]
    record.write_text(json.dumps(told))
    asked = retire(lk.open_table(tmp_path / "copy", name="events"), older_than=NOW)
    assert f"run(this, confirm={str(other)!r})" in repr(asked)
    with pytest.raises(lk.InvalidArgument, match="confirm='events' is not what names these originals"):
        run(asked, confirm="events")
    assert len(list_files(other)) == 4
    assert run(asked, confirm=str(other)).files == 4


def test_they_stay_as_long_as_they_should(lake, tmp_path):
    asked = retire(lake["events"])  # 7 days after the copy was verified, which is now
    assert asked.files == () and "originals stay for 7 days" in repr(asked)
    assert run(asked, confirm="events").files == 0 and len(list_originals(tmp_path)) == 12
    later = datetime.now(UTC) + timedelta(days=7, minutes=1)
    assert len(retire(lake["events"], as_of=later).files) == 12


def test_they_stay_when_a_file_of_the_copy_is_not_the_one_that_was_verified(lake, tmp_path):
    asked = retire(lake["events"], older_than=NOW)
    path = sorted((tmp_path / "copy").rglob("compact-*"))[1]
    content = path.read_bytes()
    path.write_bytes(content)  # the same bytes, but who knows
    with pytest.raises(lk.IncompleteTable, match="was replaced since it was verified"):
        run(asked, confirm="events")
    path.unlink()
    with pytest.raises(lk.IncompleteTable, match="is gone since it was verified"):
        retire(lake["events"], older_than=NOW)
    assert len(list_originals(tmp_path)) == 12


def test_they_stay_when_files_came_that_the_copy_does_not_hold(lake, tmp_path):
    write_files(tmp_path / "lake/events", {"day=2026-01-01/late.parquet": pa.table({"id": [999], "x": [0.0]})})
    with pytest.raises(
        lk.IncompleteTable, match="1 file under .* is not in the copy, such as day=2026-01-01/late.parquet"
    ):
        retire(lake["events"], older_than=NOW)
    assert len(list_originals(tmp_path)) == 13


def test_what_is_half_gone_is_not_opened_and_a_rerun_finishes(lake, tmp_path, monkeypatch):
    asked, gone = retire(lake["events"], older_than=NOW), []
    remove = lk.storage.writer.Writer.remove

    def stop(self, path, **options):
        if len(gone) == 5:
            raise KeyboardInterrupt
        gone.append(path)
        remove(self, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr("lakekit.storage.writer.Writer.remove", stop)
        with pytest.raises(KeyboardInterrupt):
            run(asked, confirm="events")
    assert len(list_originals(tmp_path)) == 7  # 12 - 5
    with pytest.raises(lk.IncompleteTable, match="were retired"):  # and not a table that lacks rows
        lk.open_table(tmp_path / "lake" / "events")
    with pytest.raises(lk.IncompleteTable, match="were retired"):
        undo(lake, "events")
    assert lk.open_lake(tmp_path / "lake").sql("SELECT count(*) FROM events").fetchall() == [(120,)]
    assert run(retire(lake["events"], older_than=NOW), confirm="events").files == 7


def test_whoever_opened_the_lake_before_is_led_to_the_copy_when_the_originals_are_gone(tmp_path):
    make_events(tmp_path / "lake" / "events")
    before = lk.open_lake(tmp_path / "lake")
    table = before["events"]
    frame, relation = table.polars(), before.sql("SELECT count(*), count(DISTINCT id), sum(id)::BIGINT FROM events")
    run(plan(lk.open_table(tmp_path / "lake" / "events"), tmp_path / "copy", rules=ALL))
    lake = lk.open_lake(tmp_path / "lake")
    lake.switch("events", tmp_path / "copy")
    assert run(retire(lake["events"], older_than=NOW), confirm="events").files == 12
    ids = frame.collect()["id"]  # made before anything was compacted
    assert ids.sort().to_list() == list(range(120))
    assert before.receipt.files_scanned == 3 and before["events"].url == lake["events"].url
    assert table.arrow().read_all().num_rows == 120
    assert relation.fetchall() == [(120, 120, 7140)]  # 119 * 120 / 2
    assert before.sql("SELECT count(*) FROM events").fetchall() == [(120,)]


def test_a_relation_that_is_read_first_is_led_to_the_copy_too(tmp_path):
    make_events(tmp_path / "lake" / "events")
    before = lk.open_lake(tmp_path / "lake")
    relation = before.sql("SELECT count(DISTINCT id), sum(id)::BIGINT FROM events")
    run(plan(lk.open_table(tmp_path / "lake" / "events"), tmp_path / "copy", rules=ALL))
    lake = lk.open_lake(tmp_path / "lake")
    lake.switch("events", tmp_path / "copy")
    run(retire(lake["events"], older_than=NOW), confirm="events")
    assert relation.fetchall() == [(120, 7140)]


def test_a_table_that_was_opened_by_itself_is_not_led_elsewhere(lake, tmp_path):
    frame = lk.open_table(tmp_path / "lake" / "events").polars()
    run(retire(lake["events"], older_than=NOW), confirm="events")
    with pytest.raises(Exception, match="were retired: a compacted copy has taken their place"):
        frame.collect()


def test_a_lake_that_is_opened_between_a_switch_and_a_retirement_is_led_to_the_copy(lake, tmp_path, monkeypatch):
    from lakekit.entries import Entries

    real, calls = Entries.read, []

    def read_early(self):  # the first look at the entries comes before the switch
        calls.append(1)
        return {} if len(calls) == 1 else real(self)

    run(retire(lake["events"], older_than=NOW), confirm="events")
    monkeypatch.setattr(Entries, "read", read_early)
    assert lk.open_lake(tmp_path / "lake").sql("SELECT count(*) FROM events").fetchall() == [(120,)]
    assert len(calls) == 2


def test_on_s3_they_may_move_to_a_cold_class_instead(tmp_path):
    place = make_place("s3", tmp_path)
    for path, content in list_files(make_events(tmp_path / "events", days=1)).items():
        place.put(path, content)
    into = f"s3://{place.store.address.bucket}/copy-{tmp_path.name}"
    run(plan(lk.open_table(place.url, storage=place.storage), into, rules=ALL))
    copy = lk.open_table(into, storage=place.storage, name="events")
    assert run(retire(copy, older_than=NOW, storage_class="DEEP_ARCHIVE"), confirm=place.url).files == 4
    kept = [one for one in place.store.list_objects() if one.path.endswith(".parquet")]
    assert [one.storage_class for one in kept] == ["DEEP_ARCHIVE"] * 4
    with pytest.raises(lk.IncompleteTable, match="were retired"):
        lk.open_table(place.url, storage=place.storage)


def test_a_folder_has_no_classes_and_a_plain_table_no_originals(lake, tmp_path):
    with pytest.raises(lk.InvalidArgument, match="no storage classes"):
        retire(lake["events"], storage_class="GLACIER")
    with pytest.raises(lk.InvalidArgument, match="no copy that lk.compaction made"):
        retire(lk.open_table(make_events(tmp_path / "plain")))


def test_a_moment_without_a_zone_and_a_negative_time_are_refused(tmp_path):
    table = lk.open_table(make_events(tmp_path / "events"))
    naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    for options in ({"as_of": naive}, {"older_than": timedelta(days=-1)}):
        with pytest.raises(lk.InvalidArgument, match=r"has no time zone, or older_than=.* is negative"):
            lk.compaction.retire(table, **options)
    with pytest.raises(lk.InvalidArgument, match="has no time zone"):
        lk.compaction.plan(table, tmp_path / "c", as_of=naive)


def test_no_undo_names_again_what_a_retirement_is_about_to_remove(tmp_path, monkeypatch):
    events = make_events(tmp_path / "events")
    lk.publish.delta(lk.open_table(events)).run()
    run(plan(lk.open_table(events), rules=ALL))
    asked = retire(lk.open_table(events), older_than=NOW, as_of=datetime.now(UTC) + timedelta(minutes=1))
    assert len(asked.files) == 12  # 3 days x 4 files
    refused, remove = [], Writer.remove

    def undo_first(self, path, **options):
        if not refused:
            with pytest.raises(lk.StorageFailed, match="a retirement, is under way") as told:
                undo(lk.open_table(events))
            refused.append(told)
        return remove(self, path, **options)

    monkeypatch.setattr(Writer, "remove", undo_first)
    assert run(asked, confirm="events").files == 12 and refused
    monkeypatch.undo()
    assert lk.open_table(events).polars().collect()["id"].sort().to_list() == list(range(120))
    with pytest.raises(lk.IncompleteTable):  # and after it there is nothing to go back to
        undo(lk.open_table(events))


def test_no_original_goes_that_an_undo_has_named_again(tmp_path):
    events = make_events(tmp_path / "events")
    lk.publish.delta(lk.open_table(events)).run()
    run(plan(lk.open_table(events), rules=ALL))
    asked = retire(lk.open_table(events), older_than=NOW, as_of=datetime.now(UTC) + timedelta(minutes=1))
    undo(lk.open_table(events))
    assert run(asked, confirm="events").files == 0
    assert lk.open_table(events).polars().collect()["id"].sort().to_list() == list(range(120))
