"""A table published as Delta is the same rows for every reader, and publishing again changes only what is new."""

import datetime as dt
import json
import shutil
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import lakekit as lk
from lakekit.storage import open_writer
from lakekit.storage.clients import make_delta_options
from tests.delta.places import read_all, sort_rows
from tests.manifest.places import make_parquet
from tests.storage.lossy import lose_answers


def put_drifting(place):
    """5 rows: int32 beside int64, a column that appears, a NULL and an escaped key, without a space in it on S3.

    Polars asks S3 for "%20" where a key has a space; deltalake and lakekit do not.
    """
    odd = "a%2Fb c" if place.storage is None else "a%2Fbc"
    old = {"id": pa.array([1, 2], pa.int32()), "f": [1.5, float("nan")]}
    new = {"id": pa.array([2**40, None], pa.int64()), "f": [-0.0, None], "s": ["x", None]}
    place.put(f"k={odd}/old.parquet", make_parquet(old))
    place.put("k=__HIVE_DEFAULT_PARTITION__/new.parquet", make_parquet(new))
    place.put("k=007/one.parquet", make_parquet({"id": pa.array([7], pa.int64()), "f": [7.0], "s": ["y"]}))
    return lk.open_table(place.url, storage=place.storage)


def find_options(table):
    return make_delta_options(table.store.address, table.store.storage)


def list_adds(table):
    """The add actions of a log, by path."""
    made = DeltaTable(table.url, storage_options=find_options(table)).get_add_actions(flatten=False)
    return {row["path"]: row for row in pa.table(made).to_pylist()}


def test_polars_deltalake_and_lakekit_read_the_same_rows_with_drift(place):
    table = put_drifting(place)
    before = read_all(table)
    plan = lk.publish.delta(table)
    assert (plan.version, bool(plan)) == (0, True)
    assert "add files" in repr(plan) and "the first k=007/one.parquet" in repr(plan) and ".run()" in repr(plan)
    assert "Of several types in files" in plan.warnings[0] and plan.warnings[0].endswith(": id.")
    assert plan.run() == 0
    table.refresh()
    assert table.version == 0 and read_all(table).equals(before) and before.height == 5
    options = find_options(table)
    assert sort_rows(pl.scan_delta(table.url, storage_options=options).collect()).equals(before)
    theirs = DeltaTable(table.url, storage_options=options).to_pyarrow_table()
    assert sort_rows(pl.DataFrame(pl.from_arrow(theirs))).equals(before)
    assert {row["partition"]["k"] for row in list_adds(table).values()} >= {None, "007"}


def test_nothing_is_asked_for_data_and_one_file_is_written(place):
    table = put_drifting(place)
    before = table.store.requests.snapshot()
    lk.publish.delta(table).run()
    counted = table.store.requests.since(before)
    assert counted["GET"] == 0 and counted["LIST"] > 0  # the footers are known, and there was no log
    log = [one.path for one in table.store.list_objects() if one.path.startswith("_delta_log/")]
    assert log == ["_delta_log/00000000000000000000.json"]


def test_publishing_twice_changes_nothing(place):
    table = put_drifting(place)
    lk.publish.delta(table).run()
    again = lk.publish.delta(table)
    assert not again and again.actions == () and again.run() == 0
    assert "nothing to change" in repr(again)
    assert not lk.publish.delta(lk.open_table(place.url, storage=place.storage))


def test_later_files_and_columns_come_by_publishing_again(place):
    table = put_drifting(place)
    lk.publish.delta(table).run()
    place.put("k=z/more.parquet", make_parquet({"id": pa.array([8], pa.int64()), "late": [dt.date(2024, 1, 5)]}))
    table.refresh()
    assert table.files.height == 3  # the log does not name it yet
    plan = lk.publish.delta(table)
    assert plan.changes == (
        ("change column", "late: new becomes date"),
        ("add files", f"1 file ({lk.units.format_bytes(plan.actions[-1]['add']['size'])}), the first k=z/more.parquet"),
    )
    assert plan.run() == 1
    changes = table.refresh()
    assert len(changes.added) == 1 and table.version == 1
    rows = read_all(table)
    assert rows.height == 6 and rows["late"].drop_nulls().to_list() == [dt.date(2024, 1, 5)]
    assert sort_rows(pl.scan_delta(table.url, storage_options=find_options(table)).collect()).equals(rows)
    assert lk.open_table(place.url, storage=place.storage, as_of=0).files.height == 3


def test_a_type_becomes_wider_where_new_files_need_it(folder):
    folder.put("a.parquet", make_parquet({"id": pa.array([1], pa.int32())}))
    table = lk.open_table(folder.url)
    lk.publish.delta(table).run()
    folder.put("b.parquet", make_parquet({"id": pa.array([2**40], pa.int64())}))
    plan = lk.publish.delta(table)
    assert plan.changes[0] == ("change column", "id: integer becomes long")
    plan.run()
    assert sorted(pl.scan_delta(folder.url).collect()["id"]) == [1, 2**40]


def test_files_that_are_gone_are_told_and_dropped_where_asked_for(folder):
    table = put_drifting(folder)
    lk.publish.delta(table).run()
    Path(folder.url, "k=007/one.parquet").unlink()
    plan = lk.publish.delta(table)
    assert not plan and plan.gone == ("k=007/one.parquet",)
    assert plan.changes[0][0] == "leave files" and "k=007/one.parquet" in plan.changes[0][1]
    with pytest.raises(lk.IncompleteTable, match="names 1 file not there"):
        table.refresh()
    assert lk.publish.delta(table, drop_gone=True).run() == 1
    table.refresh()
    assert read_all(table).height == 4 and pl.scan_delta(folder.url).collect().height == 4


def test_a_table_whose_file_is_gone_is_opened_mended_and_takes_what_is_written_there_later(place):
    table = put_drifting(place)
    lk.publish.delta(table).run()
    lost = "k=007/one.parquet"
    open_writer(place.url, place.storage).remove(lost)
    with pytest.raises(lk.IncompleteTable, match='on_bad_file="skip".*drop_gone=True'):
        lk.open_table(place.url, storage=place.storage)
    rest = lk.open_table(place.url, on_bad_file="skip", storage=place.storage)
    assert read_all(rest).height == 4  # of 5
    assert rest.skipped.select("path", "reason").rows() == [(lost, "named by the log, and not there")]
    assert "1 file left out" in repr(rest)
    assert lk.publish.delta(rest, drop_gone=True).run() == 1
    assert read_all(lk.open_table(place.url, storage=place.storage)).height == 4
    place.put(lost, make_parquet({"id": pa.array([70, 71], pa.int64()), "f": [7.0, 8.0]}))
    again = lk.publish.delta(lk.open_table(place.url, storage=place.storage))
    assert again.changes[-1][0] == "add files" and again.run() == 2
    mended = lk.open_table(place.url, storage=place.storage)
    assert read_all(mended).height == 6
    theirs = DeltaTable(place.url, storage_options=find_options(mended)).to_pyarrow_table()
    assert sort_rows(pl.DataFrame(pl.from_arrow(theirs))).equals(read_all(mended))


def test_a_table_whose_file_was_written_over_is_opened_and_published_again(folder):
    lk.publish.delta(put_drifting(folder)).run()
    folder.put("k=007/one.parquet", make_parquet({"id": pa.array([70, 71], pa.int64()), "f": [7.0, 8.0]}))
    with pytest.raises(lk.IncompleteTable, match='written over.*on_bad_file="skip"'):
        lk.open_table(folder.url)
    rest = lk.open_table(folder.url, on_bad_file="skip")
    assert rest.skipped["reason"][0].startswith("written over: ") and read_all(rest).height == 4
    lk.publish.delta(rest).run()
    assert read_all(lk.open_table(folder.url)).height == 6


def test_a_file_that_was_written_over_is_added_anew(folder):
    table = put_drifting(folder)
    lk.publish.delta(table).run()
    folder.put("k=007/one.parquet", make_parquet({"id": pa.array([70, 71], pa.int64()), "f": [7.0, 8.0]}))
    plan = lk.publish.delta(table)
    assert [name for action in plan.actions for name in action] == ["add"]
    plan.run()
    table.refresh()
    assert read_all(table).height == 6 and list_adds(table)["k=007/one.parquet"]["num_records"] == 2


def test_bounds_are_told_only_where_they_are_exact(folder):
    put_drifting(folder)
    table = lk.open_table(folder.url)
    lk.publish.delta(table).run()
    row = list_adds(table)["k=a%252Fb%20c/old.parquet"]
    assert (row["num_records"], row["min"]["id"], row["max"]["id"]) == (2, 1, 2)
    assert row["min"].get("f") is None and row["max"].get("f") is None  # 1.5 and NaN: no bound holds NaN
    assert row["null_count"] == {"id": 0, "f": 0, "s": 2}  # s is not in that file
    assert pl.scan_delta(folder.url).filter(pl.col("f").is_nan()).collect().height == 1
    assert pl.scan_delta(folder.url).filter(pl.col("id") > 2**39).collect().height == 1


def test_times_without_a_zone_are_timestamp_ntz_and_the_plan_says_so(folder):
    moment = dt.datetime(2024, 1, 1, 12)  # noqa: DTZ001  without a zone, as is the column
    columns = {"naive": pa.array([moment], pa.timestamp("ms")), "utc": pa.array([moment], pa.timestamp("us", "UTC"))}
    folder.put("a.parquet", make_parquet(columns))
    table = lk.open_table(folder.url)
    plan = lk.publish.delta(table)
    assert any("timestampNtz: readers need version 3" in text for text in plan.warnings)
    plan.run()
    delta = DeltaTable(folder.url)
    assert delta.protocol().reader_features == ["timestampNtz"]
    assert [field.type.type for field in delta.schema().fields] == ["timestamp_ntz", "timestamp"]
    table.refresh()
    assert read_all(table).equals(sort_rows(pl.scan_delta(folder.url).collect()))


def test_naive_times_that_come_later_raise_the_protocol(folder):
    folder.put("a.parquet", make_parquet({"id": [1]}))
    table = lk.open_table(folder.url)
    lk.publish.delta(table).run()
    folder.put("b.parquet", make_parquet({"id": [2], "at": pa.array([0], pa.timestamp("us"))}))
    lk.publish.delta(table).run()
    assert DeltaTable(folder.url).protocol().min_reader_version == 3
    assert not lk.publish.delta(table)
    write_deltalake(folder.url, pl.DataFrame({"id": [3]}).to_arrow(), mode="append", schema_mode="merge")
    assert sorted(pl.scan_delta(folder.url).collect()["id"]) == [1, 2, 3] and not lk.publish.delta(table)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (pa.uint32(), "uint32"),
        (pa.time64("us"), "time64"),
        (pa.timestamp("ns"), r"timestamp\[ns"),
        (pa.struct([("a", pa.list_(pa.uint64()))]), "uint64"),
    ],
)
def test_types_that_delta_cannot_hold_are_refused_by_column(folder, kind, named):
    folder.put("a.parquet", make_parquet({"id": [1], "odd": pa.array([None], kind)}))
    with pytest.raises(lk.InvalidArgument, match=f"'odd' is or holds {named}.*Delta has no type"):
        lk.publish.delta(lk.open_table(folder.url))
    assert not Path(folder.url, "_delta_log").exists()


def test_nested_columns_decimals_and_columns_of_nulls(folder):
    columns = {
        "l": pa.array([[1, None], None]),
        "s": pa.array([{"a": "x", "b": [1.5]}, None]),
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "d": pa.array([1, None], pa.decimal128(9, 2)),
        "nothing": pa.nulls(2),
        "b": pa.array([b"\0", None]),
    }
    folder.put("a.parquet", make_parquet(columns))
    table = lk.open_table(folder.url)
    before = table.arrow().read_all().to_pylist()
    lk.publish.delta(table).run()
    table.refresh()
    assert table.arrow().read_all().to_pylist() == before
    assert DeltaTable(folder.url).to_pyarrow_table().to_pylist() == before
    assert not lk.publish.delta(table)


def test_conflicts_bad_files_and_empty_keys_are_refused(folder):
    folder.put("a.parquet", make_parquet({"id": [1]}))
    folder.put("b.parquet", make_parquet({"id": ["x"]}))
    with pytest.raises(lk.TypeConflict, match="'id' is of another type in b.parquet"):
        lk.publish.delta(lk.open_table(folder.url))
    folder.put("b.parquet", b"no Parquet")
    with pytest.raises(lk.CorruptFile):
        lk.publish.delta(lk.open_table(folder.url))
    skipping = lk.publish.delta(lk.open_table(folder.url, on_bad_file="skip"))
    assert any("Not part of it: 1 file, such as b.parquet" in text for text in skipping.warnings)


def test_an_empty_text_as_a_key_is_refused(folder):
    folder.put("k=/a.parquet", make_parquet({"id": [1]}))
    folder.put("k=x/a.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.InvalidArgument, match="'k' is an empty text in k=, which Delta takes for NULL"):
        lk.publish.delta(lk.open_table(folder.url))


def test_the_log_of_another_engine_is_left_alone(folder):
    write_deltalake(folder.url, pa.table({"id": [1]}))
    with pytest.raises(lk.InvalidArgument, match=r"another engine made.*\n.*write_deltalake"):
        lk.publish.delta(lk.open_table(folder.url))


def test_what_the_log_removed_is_never_added_again(folder):
    table = put_drifting(folder)
    lk.publish.delta(table).run()
    DeltaTable(folder.url).delete("k = '007'")
    assert not lk.publish.delta(table)
    DeltaTable(folder.url).create_checkpoint()
    Path(folder.url, "_delta_log/00000000000000000000.json").unlink()
    with pytest.raises(lk.InvalidArgument, match="no longer all of its commits"):
        lk.publish.delta(table)


def test_of_two_publishers_the_second_is_told(folder):
    table = put_drifting(folder)
    one, other = lk.publish.delta(table), lk.publish.delta(table)
    one.run()
    with pytest.raises(lk.StaleFile, match="version 0 from someone else; nothing was written"):
        other.run()


def test_a_commit_whose_answer_is_lost_is_known_as_ones_own(s3):
    theirs = lk.publish.delta(put_drifting(s3))
    with lose_answers(s3.storage) as proxy:
        mine = lk.publish.delta(lk.open_table(s3.url, storage=proxy.storage))
        proxy.loses = "PUT", "/_delta_log/"
        assert mine.run() == 0 and len(proxy.lost) == 1  # it was put, nobody told, and the second put met it
    assert lk.open_table(s3.url, storage=s3.storage).version == 0
    with pytest.raises(lk.StaleFile, match="version 0 from someone else; nothing was written"):
        theirs.run()


def test_an_earlier_version_cannot_be_published(folder):
    lk.publish.delta(put_drifting(folder)).run()
    with pytest.raises(lk.InvalidArgument, match="as of an earlier version"):
        lk.publish.delta(lk.open_table(folder.url, as_of=0))


def test_compaction_in_place_of_a_published_table(folder):
    from lakekit.compaction import Rules, plan, run, undo

    for number in range(6):  # 3 rows a file: 0 1 2, 3 4 5, …
        rows = {"id": range(3 * number, 3 * number + 3)}
        folder.put(f"day={1 + number % 2}/{number}.parquet", make_parquet(rows))
    table = lk.open_table(folder.url)
    before = read_all(table)
    lk.publish.delta(table).run()
    outcome = run(plan(lk.open_table(folder.url), rules=Rules(closed_after=dt.timedelta(0))))
    assert (outcome.version, outcome.files_before, outcome.files_after) == (1, 6, 2)
    now, then = lk.open_table(folder.url), lk.open_table(folder.url, as_of=0)
    assert (now.files.height, then.files.height) == (2, 6)
    assert read_all(now).equals(before) and read_all(then).equals(before)
    assert sort_rows(pl.scan_delta(folder.url).collect()).equals(before)
    assert not lk.publish.delta(now)  # the originals are still there, and not named again
    with pytest.raises(lk.InvalidArgument, match="compaction changes the last version"):
        plan(then)
    undo(now)
    now.refresh()
    assert (now.version, now.files.height) == (2, 6) and read_all(now).equals(before)
    assert not lk.publish.delta(now)


def test_a_compacted_file_that_was_gone_and_is_back_is_published_again(folder, tmp_path):
    from lakekit.compaction import Rules, plan, run

    for n in range(4):
        folder.put(f"{n}.parquet", make_parquet({"n": [n]}))
    lk.publish.delta(lk.open_table(folder.url)).run()
    rules = Rules(closed_after=dt.timedelta(0))
    run(plan(lk.open_table(folder.url), rules=rules))
    folder.put("late.parquet", make_parquet({"n": [50]}))
    lk.publish.delta(lk.open_table(folder.url)).run()
    (compacted,) = Path(folder.url).glob("compact-*.parquet")
    away = compacted.rename(tmp_path / "away")
    lk.publish.delta(lk.open_table(folder.url, on_bad_file="skip"), drop_gone=True).run()
    assert read_all(lk.open_table(folder.url))["n"].to_list() == [50]
    away.rename(compacted)
    back = lk.publish.delta(lk.open_table(folder.url))
    assert back.warnings == () and back.changes[-1][0] == "add files"
    back.run()
    assert sorted(read_all(lk.open_table(folder.url))["n"]) == [0, 1, 2, 3, 50]  # the originals stay left out
    assert not lk.publish.delta(lk.open_table(folder.url))


def test_what_an_unfinished_compaction_left_is_not_published(folder):
    table = put_drifting(folder)
    lk.publish.delta(table).run()
    orphan = Path(folder.url, "k=007/compact-0123456789abcdef01234567.parquet")
    shutil.copy(Path(folder.url, "k=007/one.parquet"), orphan)
    plan = lk.publish.delta(table)
    assert not plan and orphan.name in plan.warnings[-1]


def test_the_sample_lake_can_be_published(tmp_path):
    shutil.copytree("data/sample/lake/flights", tmp_path / "flights")
    table = lk.open_table(tmp_path / "flights")
    before = sort_rows(table.polars().collect())
    lk.publish.delta(table).run()
    assert sort_rows(pl.scan_delta(str(tmp_path / "flights")).collect()).equals(before)
    log = (tmp_path / "flights/_delta_log/00000000000000000000.json").read_text().splitlines()
    adds = [json.loads(line)["add"] for line in log if line.startswith('{"add"')]
    rows = sum(pq.read_metadata(path).num_rows for path in (tmp_path / "flights").rglob("*.parquet"))
    assert sum(json.loads(add["stats"])["numRecords"] for add in adds) == rows == before.height
