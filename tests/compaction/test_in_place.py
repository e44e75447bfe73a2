"""A Delta table is compacted where it is, by one commit, with every row in it before and after for every reader."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import lakekit as lk
from lakekit.compaction import plan, retire, run, undo
from lakekit.delta import LogReader
from lakekit.storage.columns import list_columns
from tests.compaction.deltas import publish, read_delta
from tests.compaction.lakes import ALL, list_files, make_events, write_files


@pytest.fixture
def events(tmp_path):
    """3 days of 4 files of 10 rows, published at version 1."""
    publish(make_events(tmp_path / "events"))
    return tmp_path / "events"


def count_ids(folder):
    ids = pl.scan_delta(str(folder)).select("id").collect()["id"]
    return len(ids), ids.n_unique()


def test_one_commit_swaps_many_files_for_few_and_the_originals_stay(events):
    before, originals = read_delta(events), list_files(events)
    made = plan(lk.open_table(events), rules=ALL)
    assert (made.files_before, made.files_after, made.version) == (12, 3, 1)
    assert "in place, by its Delta log" in repr(made)
    outcome = run(made)
    assert (outcome.version, outcome.rows, outcome.files_after) == (2, 120, 3)
    assert read_delta(events) == before and count_ids(events) == (120, 120)
    assert len(DeltaTable(str(events)).file_uris()) == 3
    assert read_delta(events, version=1) == before  # and time travel still works
    assert list_files(events).items() >= originals.items()
    told = DeltaTable(str(events)).history(1)[0]
    assert (told["operation"], told["engineInfo"]) == ("OPTIMIZE", "lakekit")


def test_what_is_compacted_is_left_alone(events):
    run(plan(lk.open_table(events), rules=ALL))
    again = plan(lk.open_table(events), rules=ALL)
    assert again.bins == () and run(again).version == 2


def test_drift_null_partitions_and_escaped_names(tmp_path):
    old = pa.table({"id": pa.array([1, 2], pa.int32())})
    new = pa.table({"id": pa.array([2**40, None], pa.int64()), "y": [1.5, -0.0]})
    odd = "a%2Fb c=%3D%C3%A4"
    files = {f"k={odd}/a.parquet": old, f"k={odd}/b.parquet": new, "k=__HIVE_DEFAULT_PARTITION__/c.parquet": old,
             "k=__HIVE_DEFAULT_PARTITION__/d.parquet": new, "k=é ü/e.parquet": old, "k=é ü/f.parquet": new}  # fmt: skip
    folder = write_files(tmp_path / "t", files)
    publish(folder)
    before = read_delta(folder)
    assert run(plan(lk.open_table(folder), rules=ALL)).files_after == 3
    assert read_delta(folder) == before and sum(before.values()) == 12
    partitions = {str(one["partition"]["k"]) for one in _list_adds(folder)}
    assert partitions == {"a/b c==ä", "None", "é ü"}


def _list_adds(folder):
    return pa.table(DeltaTable(str(folder)).get_add_actions()).to_pylist()


def test_only_closed_partitions_change(events):
    table = lk.open_table(events)
    newest = table.files["modified_at"].max()
    fresh = plan(table, as_of=newest + timedelta(minutes=59))
    assert fresh.bins == () and "not compacted: 12 files, as something in their partition changed within the" in repr(
        fresh
    )
    assert "not compacted: 12 files" in repr(run(fresh))
    closed = plan(table, as_of=newest + timedelta(minutes=60))
    assert len(closed.bins) == 3 and "not compacted" not in repr(closed)


def test_rows_that_others_append_meanwhile_stay(events):
    made = plan(lk.open_table(events), rules=ALL)
    write_deltalake(str(events), make_row(999), mode="append")
    assert run(made).version == 3
    assert count_ids(events) == (121, 121)


def test_what_others_removed_meanwhile_stays_removed(events):
    made = plan(lk.open_table(events), rules=ALL)
    DeltaTable(str(events)).delete("id < 5")  # rewrites the first file of the first day
    outcome = run(made)
    assert outcome.files_after == 2 and "1 file of the plan not made" in repr(outcome)
    assert count_ids(events) == (115, 115)


def test_a_commit_that_comes_first_makes_it_look_again(events, monkeypatch):
    made = plan(lk.open_table(events), rules=ALL)
    real, calls = lk.compaction.in_place.commit, []

    def late(log, number, *rest):
        if not calls:  # between the look at the log and the commit
            DeltaTable(str(events)).delete("id >= 110")
        calls.append(number)
        return real(log, number, *rest)

    monkeypatch.setattr("lakekit.compaction.in_place.commit", late)
    outcome = run(made)
    assert calls == [2, 3] and outcome.version == 3 and outcome.files_after == 2  # the third day is another now
    assert count_ids(events) == (110, 110)


def test_of_two_plans_for_one_version_the_second_finds_nothing_to_do(events):
    one, other = (plan(lk.open_table(events), rules=ALL) for _ in range(2))
    assert run(one).files_after == 3
    assert run(other).files_after == 0
    assert count_ids(events) == (120, 120)


def test_two_overlapping_compactions_of_delta_rs_do_not_double_rows(tmp_path):
    """deltalake 1.6.6 makes 400 rows of 200 here; this gates every upgrade."""
    folder = str(tmp_path / "t")
    for part in range(4):
        write_deltalake(folder, pa.table({"id": range(part * 50, part * 50 + 50)}), mode="append")
    one, other = DeltaTable(folder), DeltaTable(folder)
    one.optimize.compact()
    with pytest.raises(Exception, match="(?i)conflict|concurrent"):
        other.optimize.compact()
    assert count_ids(folder) == (200, 200)


def test_a_compaction_of_delta_rs_that_overlaps_ours_is_refused_or_exact(events):
    theirs = DeltaTable(str(events))
    run(plan(lk.open_table(events), rules=ALL))
    with pytest.raises(Exception, match="(?i)conflict|concurrent"):
        theirs.optimize.compact()
    assert count_ids(events) == (120, 120)


def test_a_lease_keeps_a_second_compactor_out_until_it_is_given_back_or_runs_out(events, monkeypatch):
    from lakekit.compaction.leases import hold_lease

    address, storage = lk.open_table(events).store.address, lk.open_table(events).store.storage
    made = plan(lk.open_table(events), rules=ALL)
    with hold_lease(address, storage):
        with pytest.raises(lk.StorageFailed, match="Another compaction of .* is under way; its lease lasts until 20"):
            run(made)
    assert run(made).files_after == 3
    names = sorted(path.name for path in (events / "_lakekit").iterdir())
    assert names == [f"lease-{number:06}.json" for number in (1, 2, 3, 4)]  # taken and given back, twice
    told = json.loads((events / "_lakekit/lease-000004.json").read_text())
    (events / "_lakekit/lease-000005.json").write_text(json.dumps(told | {"until": "2026-01-01T00:00:00+00:00"}))
    with hold_lease(address, storage):  # whoever had number 5 was killed, and its time is over
        pass


def test_rows_that_would_differ_are_not_committed(events, monkeypatch):
    made = plan(lk.open_table(events), rules=ALL)
    write_files(events, {made.bins[0].output: pa.table({"id": range(40), "x": [9.0] * 40})})
    before = read_delta(events)
    with pytest.raises(lk.RowsDiffer, match="nothing was committed"):
        run(made)
    assert DeltaTable(str(events)).version() == 1 and read_delta(events) == before


def test_counts_that_differ_after_the_commit_bring_the_version_before_back(events, monkeypatch):
    made = plan(lk.open_table(events), rules=ALL)
    before, real = read_delta(events), lk.compaction.in_place.commit

    def forget(log, number, removes, adds, about):  # a commit that leaves an original in, which would double rows
        return real(log, number, removes[1:], adds, about)

    monkeypatch.setattr("lakekit.compaction.in_place.commit", forget)
    with pytest.raises(
        lk.RowsDiffer, match="had 40 rows in .*2026, 1, 1.* and 50 after(?s:.*)files of version 1 were restored"
    ):
        run(made)
    assert read_delta(events) == before


def test_what_is_no_delta_table_is_refused(tmp_path):
    with pytest.raises(lk.InvalidArgument, match="(?s)is no Delta table.*into=.*lk.publish.delta"):
        plan(lk.open_table(make_events(tmp_path / "plain")))


def test_a_file_that_the_log_does_not_name_is_not_taken_in(events):
    write_files(events, {"day=2026-01-01/orphan.parquet": pa.table({"id": [999], "x": [0.0]})})
    run(plan(lk.open_table(events), rules=ALL))
    assert count_ids(events) == (120, 120)


def test_undo_names_the_originals_again_and_keeps_what_came_since(events):
    before = read_delta(events)
    with pytest.raises(lk.InvalidArgument, match="was not compacted in place"):
        undo(lk.open_table(events))
    run(plan(lk.open_table(events), rules=ALL))
    write_deltalake(str(events), make_row(999), mode="append")
    undo(lk.open_table(events))
    assert len(DeltaTable(str(events)).file_uris()) == 13  # 12 originals and the one that came since
    assert read_delta(events) == before + read_rows(make_row(999))
    with pytest.raises(lk.InvalidArgument, match="was not compacted in place"):
        undo(lk.open_table(events))
    assert run(plan(lk.open_table(events), rules=ALL)).files_before == 13  # and forth again


def test_undo_does_not_bring_back_rows_that_were_deleted_since(events):
    run(plan(lk.open_table(events), rules=ALL))
    DeltaTable(str(events)).delete("id = 5")
    with pytest.raises(lk.StaleFile, match="compact-.* was taken out or put in by someone else"):
        undo(lk.open_table(events))
    assert count_ids(events) == (119, 119)


def test_originals_that_no_snapshot_needs_go_when_asked_by_name(events):
    run(plan(lk.open_table(events), rules=ALL))
    table = lk.open_table(events)
    assert retire(table).files == ()  # they were needed within the last 7 days
    late = datetime.now(UTC) + timedelta(days=7, minutes=1)
    asked = retire(table, as_of=late)
    assert len(asked.files) == 12 and all("/part-" in path for path, _ in asked.files)
    with pytest.raises(lk.InvalidArgument, match="nothing was touched"):
        run(asked)
    assert run(asked, confirm="events").files == 12
    assert count_ids(events) == (120, 120)
    assert len(list(events.rglob("*.parquet"))) == 3
    with pytest.raises(lk.IncompleteTable, match="which the log of events names, is not under"):
        undo(table)
    assert count_ids(events) == (120, 120)


def test_readers_that_opened_it_before_go_on_when_the_originals_are_gone(events):
    before = lk.open_table(events)
    frame = before.polars()
    run(plan(lk.open_table(events), rules=ALL))
    late = datetime.now(UTC) + timedelta(days=8)
    assert run(retire(lk.open_table(events), as_of=late), confirm="events").files == 12
    # a listing whose first page, with the log, is older than the commit, and whose last ones are younger
    listed = list_columns(before.store).filter(~pl.col("path").str.ends_with("00000000000000000002.json"))
    assert LogReader()(before.store, listed).version == 2
    with pytest.raises(lk.IncompleteTable, match="Version 1 of .* names 12 files not there"):
        LogReader(as_of=1)(before.store, listed)
    assert frame.collect()["id"].sort().to_list() == list(range(120)) and before.version == 2


def test_originals_that_are_named_again_stay(events):
    run(plan(lk.open_table(events), rules=ALL))
    undo(lk.open_table(events))
    late = datetime.now(UTC) + timedelta(days=8)
    assert retire(lk.open_table(events), as_of=late).files == ()
    assert count_ids(events) == (120, 120)


def test_originals_stay_when_a_file_that_stands_for_them_is_another(events):
    run(plan(lk.open_table(events), rules=ALL))
    path = next(events.rglob("compact-*"))
    path.write_bytes(path.read_bytes())
    with pytest.raises(lk.IncompleteTable, match="was replaced since it was verified"):
        retire(lk.open_table(events), as_of=datetime.now(UTC) + timedelta(days=8))


def make_row(number):
    return pa.table({"id": [number], "x": [0.0], "day": [date(2026, 1, 1)]})


def read_rows(table):
    return Counter(map(repr, pl.DataFrame(pl.from_arrow(table)).select(sorted(table.column_names)).rows()))


def test_a_copy_of_a_delta_table_holds_what_its_log_names(events, tmp_path):
    run(plan(lk.open_table(events), rules=ALL))  # 12 originals lie beside 3 new files
    assert run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL)).rows == 120
    assert lk.open_table(tmp_path / "copy").polars().collect()["id"].sort().to_list() == list(range(120))


def test_a_partition_is_compacted_whose_key_alone_looks_like_a_number(tmp_path):
    for path, numbers in (("k=1/a", [1]), ("k=1/b", [2]), ("k=a%2Fb/c", [3])):
        (tmp_path / "t" / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": numbers}), tmp_path / "t" / f"{path}.parquet")
    lk.publish.delta(lk.open_table(tmp_path / "t")).run()
    made = plan(lk.open_table(tmp_path / "t"), rules=ALL)
    assert [bin_.paths for bin_ in made.bins] == [["k=1/a.parquet", "k=1/b.parquet"]]  # and not the single file
    run(made)
    after = lk.open_table(tmp_path / "t")
    assert after.files.height == 2 and after.schema.field("k").type == pa.string()
    assert sorted(after.polars().collect().select("id", "k").rows()) == [(1, "1"), (2, "1"), (3, "a/b")]
