"""A Delta table is read as its log says, at each version, and never as its files alone would have it."""

import json
import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.storage import open_store
from tests.delta.places import DeltaPlace, read_all, sort_rows
from tests.manifest.places import Place


def write_history(place):
    """Versions 0 to 5: 3 rows; 2 more; one new column in 1 more; 1 deleted; all replaced by 2; 1 more."""
    place.write({"k": ["a", "b", "b"], "id": [1, 2, 3]}, partition_by=["k"])
    place.write({"k": ["a", None], "id": [4, 5]}, mode="append", partition_by=["k"])
    place.write({"k": ["c"], "id": [6], "new": [0.5]}, mode="append", schema_mode="merge", partition_by=["k"])
    place.delta().delete("id = 2")
    place.write({"k": ["d", "d"], "id": [7, 8], "new": [None, 1.5]}, mode="overwrite", partition_by=["k"])
    place.write({"k": ["d"], "id": [9], "new": [2.5]}, mode="append", partition_by=["k"])


def test_each_version_is_what_polars_scan_delta_reads(place):
    write_history(place)
    ids = [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [1, 3, 4, 5, 6], [7, 8], [7, 8, 9]]
    for version, expected in enumerate(ids):
        table = place.open(as_of=version)
        rows = read_all(table)
        assert rows.equals(place.scan(version)) and sorted(rows["id"]) == expected
        assert table.version == version
    latest = place.open()
    assert read_all(latest).equals(place.scan()) and latest.version == 5
    assert ("version", "5 of its Delta log") in latest.describe() and not latest.manifest.is_delta


def test_it_can_be_read_after_checkpoints_and_cleaned_logs(place):
    write_history(place)
    place.delta().create_checkpoint()
    assert read_all(place.open()).equals(place.scan())
    place.write({"k": ["e"], "id": [10]}, mode="append", schema_mode="merge", partition_by=["k"])
    table = place.open()
    asked = table.store.requests.snapshot()
    assert sorted(read_all(table)["id"]) == [7, 8, 9, 10]
    assert asked["LIST"] == open_and_count_lists(place)


def open_and_count_lists(place):
    store = open_store(place.url, place.place.storage)
    store.list_objects()
    return store.requests.snapshot()["LIST"]


def test_opening_takes_a_listing_and_one_get_for_each_commit_and_footer(place):
    write_history(place)
    table = place.open()
    counted = table.store.requests.snapshot()
    assert counted["LIST"] == open_and_count_lists(place) and counted["HEAD"] == 0
    assert counted["GET"] == 6 + 2  # commits 0 to 5, and the footers of the files of versions 4 and 5
    again = place.open()
    assert again.store.requests.snapshot()["GET"] == 6  # footers are kept


def test_a_refresh_sees_new_versions_and_reads_only_their_commits(place):
    write_history(place)
    table = place.open()
    place.delta().delete("id = 9")
    before = table.store.requests.snapshot()
    changes = table.refresh()
    assert table.store.requests.since(before)["GET"] == 1  # version 6, which adds no file
    assert table.version == 6 and sorted(read_all(table)["id"]) == [7, 8]
    assert len(changes.removed) == 1 and not changes.added


def test_a_refresh_stays_at_the_version_that_was_asked_for(folder):
    write_history(folder)
    table = folder.open(as_of=1)
    assert not table.refresh() and table.version == 1


def test_a_moment_leads_to_the_version_of_then(folder):
    write_history(folder)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for version in range(6):
        seconds = (start + timedelta(days=version)).timestamp()
        os.utime(Path(folder.url, f"_delta_log/{version:020}.json"), (seconds, seconds))
    assert folder.open(as_of=start + timedelta(days=2, hours=1)).version == 2
    assert folder.open(as_of=start).version == 0
    assert folder.open(as_of=datetime(2027, 1, 1, tzinfo=UTC)).version == 5
    with pytest.raises(lk.InvalidArgument, match=r"no version at 2025.*first commit that is there is of 2026-01-01"):
        folder.open(as_of=datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(lk.InvalidArgument, match="has no time zone"):
        folder.open(as_of=start.replace(tzinfo=None))


@pytest.mark.parametrize("version", [6, -1, True, "2", 1.0])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(folder, version):
    write_history(folder)
    with pytest.raises(lk.InvalidArgument, match=r"no version .*: versions 0 to 5 can be read"):
        folder.open(as_of=version)


def test_as_of_needs_a_log():
    with pytest.raises(lk.InvalidArgument, match=r"has no Delta log.*\n.*publish\.delta"):
        lk.open_table("data/sample/lake/airlines", as_of=1)


def test_partition_values_come_from_the_log(place):
    moment = datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    columns = {
        "s": pa.array(["a b/c=%é", None, "007", "1"]),
        "d": pa.array([date(2024, 1, 5), None, date(1969, 1, 1), date(2024, 1, 5)]),
        "at": pa.array([moment, None, moment, moment], pa.timestamp("us", "UTC")),
        "naive": pa.array([moment.replace(tzinfo=None)] * 3 + [None], pa.timestamp("us")),
        "ok": pa.array([True, None, False, True]),
        "n": pa.array([1, None, -3, 4], pa.int16()),
        "id": [1, 2, 3, 4],
    }
    place.write(columns, partition_by=["s", "d", "at", "naive", "ok", "n"])
    table = place.open()
    rows = read_all(table)
    assert rows.equals(sort_rows(pl.DataFrame(columns))) and rows.equals(place.scan())
    assert table.schema.field("s").type == pa.string() and table.schema.field("n").type == pa.int16()
    found = table.polars().filter(pl.col("at") == moment, pl.col("ok")).collect()
    assert sorted(found["id"]) == [1, 4]
    assert table.duckdb().filter("\"at\" = TIMESTAMPTZ '2024-01-01 23:30:00+00' AND n < 0").fetchall()[0][0] == 3


def test_columns_are_those_of_the_log_in_its_order(folder):
    folder.write({"b": [1], "a": ["x"], "l": [[1]]})
    folder.delta().alter.add_columns(json_field("late", "integer"))
    table = folder.open()
    assert table.schema.names == ["b", "a", "l", "late"] and table.schema.field("late").type == pa.int32()
    assert read_all(table).rows() == [("x", 1, [1], None)]  # a, b, l, late


def json_field(name, kind):
    from deltalake import Field

    return Field.from_json(json.dumps({"name": name, "type": kind, "nullable": True, "metadata": {}}))


def test_a_lake_finds_delta_tables_among_folders(tmp_path):
    shutil.copytree("data/sample/lake/airlines", tmp_path / "airlines")
    place = DeltaPlace(Place(str(tmp_path / "events")))
    write_history(place)
    lake = lk.open_lake(tmp_path)
    assert lake.sql("SELECT count(*), sum(id) FROM events").fetchall() == [(3, 24)]  # 7 + 8 + 9
    place.delta().delete("id = 9")
    lake.refresh()
    assert lake.sql("SELECT count(*) FROM events, airlines").fetchall() == [(32,)]  # 2 rows × 16 airlines


def test_a_table_that_is_not_read_leaves_the_rest_of_its_lake(tmp_path):
    shutil.copytree("data/sample/lake/airlines", tmp_path / "airlines")
    place = DeltaPlace(Place(str(tmp_path / "events")))
    place.write({"id": [1]})
    edit_first_commit(place, {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                              "writerFeatures": ["deletionVectors"]})  # fmt: skip
    lake = lk.open_lake(tmp_path)
    assert lake.sql("SELECT count(*) FROM airlines").fetchall() == [(16,)]
    with pytest.raises(lk.UnsupportedTable, match="deletionVectors"):
        lake.sql("SELECT * FROM events").fetchall()


@pytest.mark.parametrize("feature", ["deletionVectors", "columnMapping", "typeWidening", "variantType", "newThing"])
def test_features_that_are_not_read_are_named(folder, feature):
    folder.write({"id": [1]})
    edit_first_commit(folder, {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [feature],
                               "writerFeatures": [feature]})  # fmt: skip
    with pytest.raises(lk.UnsupportedTable, match=rf"features of Delta that lakekit does not read: .*{feature}"):
        folder.open()


def edit_first_commit(folder, protocol, configuration=None):
    path = Path(folder.url, "_delta_log/00000000000000000000.json")
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            action["protocol"] = protocol
        if "metaData" in action and configuration:
            action["metaData"]["configuration"] = configuration
    path.write_text("\n".join(map(json.dumps, actions)))


@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_column_mapping_of_the_old_protocol_is_refused_too(folder, has_checkpoint):
    folder.write({"id": [1]})
    edit_first_commit(folder, {"minReaderVersion": 2, "minWriterVersion": 5}, {"delta.columnMapping.mode": "name"})
    if has_checkpoint:  # of which deltalake tells nothing
        move_into_checkpoint(folder)
    with pytest.raises(lk.UnsupportedTable, match="columnMapping"):
        folder.open()


def move_into_checkpoint(folder):
    log = Path(folder.url, "_delta_log")
    first = log / "00000000000000000000.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    kept = [{"protocol": one.get("protocol"), "metaData": one.get("metaData")} for one in actions if "add" not in one]
    for one in kept:
        if one["metaData"]:
            one["metaData"] = {"configuration": list(one["metaData"]["configuration"].items())}
    protocol = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])
    metadata = pa.struct([("configuration", pa.map_(pa.string(), pa.string()))])
    schema = pa.schema([("protocol", protocol), ("metaData", metadata)])
    pq.write_table(pa.Table.from_pylist(kept, schema), log / "00000000000000000000.checkpoint.parquet")
    first.unlink()


def test_a_later_protocol_is_refused(folder):
    folder.write({"id": [1]})
    edit_first_commit(folder, {"minReaderVersion": 9, "minWriterVersion": 9})
    with pytest.raises(lk.UnsupportedTable, match="does not read: .*version 9"):
        folder.open()


def test_checkpoints_of_the_second_kind_are_refused(folder):
    folder.write({"id": [1]})
    log = Path(folder.url, "_delta_log")
    name = "00000000000000000000.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"
    (log / "00000000000000000000.json").rename(log / name)
    with pytest.raises(lk.UnsupportedTable, match="v2Checkpoint"):
        folder.open()


def test_a_shallow_clone_is_refused(folder):
    folder.write({"id": [1]})
    add = {"path": "s3://other/x.parquet", "partitionValues": {}, "size": 1, "modificationTime": 1, "dataChange": True}
    Path(folder.url, "_delta_log/00000000000000000001.json").write_text(json.dumps({"add": add}))
    with pytest.raises(lk.UnsupportedTable, match=r"s3://other/x\.parquet: a shallow clone"):
        folder.open()


def test_files_that_the_log_names_and_are_gone_are_told(place):
    write_history(place)
    place.delta().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert sorted(read_all(place.open())["id"]) == [7, 8, 9]
    with pytest.raises(lk.IncompleteTable, match=r"Version 1 of .* names 4 files not there.*\n.*vacuum"):
        place.open(as_of=1)  # a, b, then a, NULL: 4 files


def test_a_file_that_was_written_over_is_told(folder):
    folder.write({"id": [1]})
    path = next(Path(folder.url).glob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(lk.IncompleteTable, match="written over"):
        folder.open()


def test_a_version_without_files_says_so(folder):
    folder.write({"id": [1]})
    folder.delta().delete()
    with pytest.raises(lk.NoFilesFound, match="Version 1 of the Delta table .* has no file"):
        folder.open()


def test_an_unreadable_log_leaves_the_listing_and_a_note(folder):
    folder.write({"id": [1]})
    folder.write({"id": [2]}, mode="overwrite")
    Path(folder.url, "_delta_log/00000000000000000000.json").write_text("garbage")
    table = folder.open()
    assert sorted(table.polars().collect()["id"]) == [1, 2] and table.version is None
    assert any("cannot be read" in text for _, text in table.describe())
    with pytest.raises(lk.InvalidArgument, match="cannot be read"):
        folder.open(as_of=1)


def test_without_deltalake_removed_rows_are_not_read(folder, monkeypatch):
    write_history(folder)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(lk.MissingPackage, match=r"removed rows.*need deltalake.*\n.*lakekit\[delta\]"):
        folder.open()


def test_partitions_that_are_declared_otherwise_are_refused(folder):
    write_history(folder)
    assert folder.open(partitions={"k": "string"}).version == 5
    with pytest.raises(lk.PartitionTypeConflict, match="'k' is of type string by the Delta log"):
        folder.open(partitions={"k": "int"})
    with pytest.raises(lk.UnknownPartitionKey, match="'z' in the Delta log: it has 'k'"):
        folder.open(template="{z:int}")


def test_files_of_one_folder_in_different_partitions_are_refused(folder):
    folder.write({"k": ["a"], "id": [1]}, partition_by=["k"])
    path = next(Path(folder.url).rglob("*.parquet"))
    shutil.copy(path, path.with_name("twin.parquet"))
    add = {"path": "k=a/twin.parquet", "partitionValues": {"k": "b"}, "size": path.stat().st_size,
           "modificationTime": 1, "dataChange": True}  # fmt: skip
    Path(folder.url, "_delta_log/00000000000000000001.json").write_text(json.dumps({"add": add}))
    with pytest.raises(lk.UnsupportedTable, match=r"of one folder, into different partitions"):
        folder.open()
