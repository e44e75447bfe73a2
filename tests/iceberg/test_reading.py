"""An Iceberg table is read as its metadata says, at each snapshot, and never as its files alone would have it."""

import gzip
import json
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import (
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.transforms import BucketTransform, DayTransform, TruncateTransform

import lakekit as lk
from lakekit.iceberg.io import MemoryIO
from lakekit.storage import open_store
from lakekit.storage.columns import list_columns
from lakekit.storage.sandbox import start_sandbox
from tests.iceberg.places import IcebergPlace, add_entry, make_data_file, read_all, sort_rows, with_ids
from tests.manifest.places import Place, make_parquet, make_place

NAIVE = datetime(2024, 1, 5, 3, tzinfo=UTC).replace(tzinfo=None)
ROWS = pa.schema([("k", pa.string()), ("id", pa.int32())])


def rows(ks, ids):
    return pa.table({"k": ks, "id": ids}, schema=ROWS)


def write_history(place, *, partitioned=True):
    """Snapshots of 3, 5, then 4 rows (id 2 deleted), and 2 after an overwrite of all, which takes two snapshots."""
    table = place.create(ROWS)
    if partitioned:
        with table.update_spec() as update:
            update.add_identity("k")
    table.append(rows(["a", "b", "b"], [1, 2, 3]))
    table.append(rows(["a", None], [4, 5]))
    table.delete("id = 2")
    table.overwrite(rows(["d", "d"], [7, 8]))
    return table


def test_each_snapshot_is_what_pyiceberg_reads(place):
    write_history(place, partitioned=place.place.storage is not None)
    counts = place.check_snapshots()
    assert counts[:2] == [3, 5] and 4 in counts and counts[-1] == 2  # 3; 3 + 2; 5 - 1; 2 new ones alone
    table = place.open()
    assert sorted(read_all(table)["id"]) == [7, 8]
    assert ("version", f"{table.version} of its Iceberg snapshots") in table.describe()


def test_opening_takes_a_listing_and_one_get_for_each_piece_of_metadata_and_footer(place):
    table = place.create(ROWS)
    for number in range(3):
        table.append(rows(["a"], [number]))
    opened = place.open()
    counted = opened.store.requests.snapshot()
    store = open_store(place.url, place.place.storage)
    store.list_objects()
    assert counted["LIST"] == store.requests.snapshot()["LIST"] and counted["HEAD"] == 0
    assert counted["GET"] == 1 + 1 + 3 + 3  # metadata, list of manifests, 3 manifests, 3 footers
    again = place.open().store.requests.snapshot()["GET"]
    assert again == (0 if place.place.storage else 1 + 1 + 3)  # footers are kept, and of S3 the rest as well


def test_a_refresh_sees_new_snapshots_and_reads_only_their_manifests(place):
    table = place.create(ROWS)
    table.append(rows(["a"], [1]))
    opened = place.open()
    table.append(rows(["b"], [2]))
    before = opened.store.requests.snapshot()
    changes = opened.refresh()
    assert opened.store.requests.since(before)["GET"] == 1 + 1 + 1 + 1  # metadata, list, one manifest, one footer
    assert len(changes.added) == 1 and opened.version == table.current_snapshot().snapshot_id
    assert sorted(read_all(opened)["id"]) == [1, 2]
    pinned = place.open(as_of=table.snapshots()[0].snapshot_id)
    assert not pinned.refresh() and read_all(pinned)["id"].to_list() == [1]


def test_many_manifests_behind_slow_requests_are_read_at_once(tmp_path):
    with start_sandbox() as server:
        server.storage.boto3("s3").create_bucket(Bucket="many")
        place = IcebergPlace(Place("s3://many/t", server.storage), tmp_path / "catalog")
        table = place.create(ROWS)
        write_manifests(place, table, 80)
        server.reset()
        server.latency_ms = 30
        opened = place.open()
        assert opened.files.height == 1 and read_all(opened).rows() == [(7, "a")]
        counts = server.counts()
    assert counts["most_at_once"] >= 32  # one after another, 80 × 30 ms would be 2.4 s


def write_manifests(place, table, count):
    """A snapshot of that many manifests, of which one names a file; the others are of files that are gone."""
    data = make_parquet(pa.table({"k": ["a"], "id": [7]}, schema=with_ids(table)))
    place.place.put("data/a.parquet", data)
    add_entry(table, make_data_file(f"{place.url}/data/a.parquet", len(data), 1))
    (first,) = table.current_snapshot().manifests(table.io)
    memory, manifests = MemoryIO(), [first]
    for number in range(count - 1):
        path = f"{place.url}/metadata/m{number}.avro"
        output = memory.new_output(path)
        with write_manifest(2, table.spec(), table.schema(), output, first.added_snapshot_id, "null") as writer:
            entry = make_data_file(f"{place.url}/data/gone-{number}.parquet", 9, 1)
            writer.delete(ManifestEntry.from_args(snapshot_id=1, sequence_number=1, data_file=entry))
        manifests.append(writer.to_manifest_file())
    listed = table.current_snapshot().manifest_list
    with write_manifest_list(2, memory.new_output(listed), first.added_snapshot_id, None, 1, "null") as writer:
        writer.add_manifests(manifests)
    client = place.place.storage.boto3("s3")
    for path, content in memory.files.items():
        client.put_object(Bucket="many", Key=path.removeprefix("s3://many/"), Body=content)


def test_a_table_without_a_snapshot_has_columns_and_no_rows(folder):
    table = folder.create(pa.schema([*ROWS, ("s", pa.struct([("x", pa.int64())]))]))
    opened = folder.open()
    assert opened.version is None and opened.schema.names == ["k", "id", "s"]
    assert read_all(opened).height == 0 and opened.files.height == 0
    with duckdb.connect() as con:
        opened.duckdb(con, "t")
        assert con.sql("SELECT count(*), max(id) FROM t").fetchall() == [(0, None)]
        table.append(pa.table({"k": ["a"], "id": pa.array([1], pa.int32()), "s": [{"x": 5}]}))
        opened.refresh()
        assert con.sql("SELECT count(*), max(id), max(s.x) FROM t").fetchall() == [(1, 1, 5)]
    with pytest.raises(lk.InvalidArgument, match="no snapshot 7; the last that are there: .*UTC"):
        folder.open(as_of=7)


def test_a_table_whose_rows_are_all_deleted_has_none(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    table.delete("id = 1")
    assert read_all(folder.open()).height == 0
    assert folder.open().describe()[1] == ("files", "0 (0 B)")
    assert lk.open_lake(Path(folder.url).parent).sql("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_a_moment_leads_to_the_snapshot_of_then(folder):
    table = write_history(folder)
    log = [(entry.timestamp_ms, entry.snapshot_id) for entry in table.metadata.snapshot_log]
    for millis, number in log:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
        expected = [later for moment, later in log if moment == millis][-1]  # two may be of one millisecond
        assert folder.open(as_of=at).version == expected and number in [one for _, one in log]
    assert folder.open(as_of=datetime(2100, 1, 1, tzinfo=UTC)).version == table.current_snapshot().snapshot_id
    with pytest.raises(lk.InvalidArgument, match=r"had no snapshot at 2020.*the first that is known is of 20\d\d-"):
        folder.open(as_of=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(lk.InvalidArgument, match="has no time zone"):
        folder.open(as_of=NAIVE)


@pytest.mark.parametrize("version", [6, -1, True, "2", 1.0])
def test_a_snapshot_that_is_not_there_is_refused_with_those_that_are(folder, version):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    number = table.current_snapshot().snapshot_id
    with pytest.raises(lk.InvalidArgument, match=rf"no snapshot .*; the last that are there: {number} \("):
        folder.open(as_of=version)


def test_a_rollback_and_a_branch_leave_main_where_the_metadata_says(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    first = table.current_snapshot().snapshot_id
    table.append(rows(["a"], [2]))
    second = table.current_snapshot().snapshot_id
    table.manage_snapshots().create_branch(first, "side").commit()
    table.append(rows(["s"], [3]), branch="side")
    assert sorted(read_all(folder.open())["id"]) == [1, 2]
    table.manage_snapshots().rollback_to_snapshot(first).commit()
    assert read_all(folder.open())["id"].to_list() == [1] and folder.open().version == first
    assert sorted(read_all(folder.open(as_of=second))["id"]) == [1, 2]
    assert read_all(folder.open()).equals(folder.scan())


def test_only_overwritten_partitions_change(folder):
    table = folder.create(ROWS)
    with table.update_spec() as update:
        update.add_identity("k")
    table.append(rows(["a", "b"], [1, 2]))
    table.dynamic_partition_overwrite(rows(["b", "c"], [3, 4]))
    folder.check_snapshots()
    assert sorted(read_all(folder.open())["id"]) == [1, 3, 4]


def test_partition_values_are_keys_and_only_their_files_are_opened(folder):
    write_history(folder)
    table = folder.open(as_of=folder.load().snapshots()[1].snapshot_id)
    assert table.manifest.schema.keys == ("k",)
    assert table.polars().filter(pl.col("k") == "a").select("id").collect()["id"].sort().to_list() == [1, 4]
    assert table.receipt.files_scanned == 2  # one of each append
    assert table.duckdb().filter("k IS NULL").fetchall() == [(5, None)]


def test_values_of_partitions_are_of_their_columns_types(folder):
    moment = datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    columns = pa.table(
        {
            "s": pa.array(["a b/c=%é", None, "007", "1"]),
            "d": pa.array([date(2024, 1, 5), None, date(1969, 1, 1), date(2024, 1, 5)]),
            "at": pa.array([moment, None, moment, moment], pa.timestamp("us", "UTC")),
            "naive": pa.array([moment.replace(tzinfo=None)] * 3 + [None], pa.timestamp("us")),
            "ok": pa.array([True, None, False, True]),
            "n": pa.array([1, None, -3, 4], pa.int64()),
            "x": pa.array([0.5, None, -1.0, 0.5]),
            "m": pa.array([Decimal("1.50"), None, Decimal("2.00"), Decimal("0.01")], pa.decimal128(9, 2)),
            "id": pa.array([1, 2, 3, 4], pa.int64()),
        }
    )
    table = folder.create(columns.schema)
    with table.update_spec() as update:
        for name in columns.column_names[:-1]:
            update.add_identity(name)
    table.append(columns)
    opened = folder.open()
    assert opened.manifest.schema.keys == ("s", "d", "at", "naive", "ok", "n")  # x and m are read from the files
    found = read_all(opened)
    assert found.equals(folder.scan()) and found.equals(sort_rows(pl.DataFrame(columns)))
    assert sorted(opened.polars().filter(pl.col("at") == moment, pl.col("ok")).collect()["id"]) == [1, 4]
    assert opened.duckdb().filter("s = 'a b/c=%é' AND x = 0.5").select("id").fetchall() == [(1,)]


def test_a_table_whose_partitioning_changed_reads_the_column_from_its_files(folder):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))  # one file of two values
    with table.update_spec() as update:
        update.add_identity("k")
    table.append(rows(["a", "c"], [3, 4]))
    with table.update_spec() as update:
        update.remove_field("k")
        update.add_identity("id")
    table.append(rows(["e"], [5]))
    opened = folder.open()
    assert opened.manifest.schema.keys == ()
    assert folder.check_snapshots() == [2, 4, 5]
    assert sorted(opened.duckdb().filter("k = 'a'").select("id").fetchall()) == [(1,), (3,)]


def test_other_transforms_become_no_columns(folder):
    schema = pa.schema([("at", pa.timestamp("us")), ("id", pa.int64()), ("s", pa.string())])
    table = folder.create(schema)
    with table.update_spec() as update:
        update.add_field("at", DayTransform(), "at_day")
        update.add_field("id", BucketTransform(4), "id_bucket")
        update.add_field("s", TruncateTransform(1), "s_trunc")
    data = pa.table({"at": [NAIVE], "id": [9], "s": ["xyz"]}, schema=with_ids(table))
    folder.add_file(table, "data/one.parquet", data, values=(19727, 1, "x"))
    opened = folder.open()
    assert opened.schema.names == ["at", "id", "s"] and opened.manifest.schema.keys == ()
    assert read_all(opened).equals(folder.scan()) and read_all(opened)["s"].to_list() == ["xyz"]


def test_a_lake_finds_iceberg_tables_among_folders(tmp_path, folder):
    write_history(folder)
    lake_folder = Path(folder.url).parent
    shutil.copytree("data/sample/lake/airlines", lake_folder / "airlines")
    shutil.rmtree(folder.folder)
    lake = lk.open_lake(lake_folder)
    assert lake.sql("SELECT count(*), sum(id) FROM t").fetchall() == [(2, 15)]  # 7 + 8
    assert lake.sql("SELECT count(*) FROM airlines").fetchall() == [(16,)]


def test_one_file_of_metadata_can_be_opened(place):
    table = place.create(ROWS)
    table.append(rows(["a"], [1]))
    first = table.metadata_location
    table.append(rows(["a"], [2]))
    opened = lk.open_table(first, storage=place.place.storage)
    assert opened.name == "t" and read_all(opened)["id"].to_list() == [1]
    assert not opened.refresh()
    assert read_all(place.open()).height == 2


def rename_metadata(folder, name):
    """Let the newest metadata be all there is, under another name."""
    files = sorted(folder.metadata.glob("*.metadata.json"))
    for file in files[:-1]:
        file.unlink()
    return files[-1].rename(folder.metadata / name)


@pytest.mark.parametrize(
    ("name", "is_packed"),
    [
        ("v3.metadata.json", False),
        ("v12.gz.metadata.json", True),
        ("v12.metadata.json.gz", True),
        ("00002-0b5e3c1a.gz.metadata.json", True),
        ("whatever.metadata.json", False),
    ],
)
def test_metadata_of_every_naming_is_found(folder, name, is_packed):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    file = rename_metadata(folder, name)
    if is_packed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    assert read_all(folder.open())["id"].to_list() == [1]


def test_the_highest_version_counts_and_not_the_first_by_name(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    one = folder.metadata / "v9.metadata.json"
    files = sorted(folder.metadata.glob("*.metadata.json"))
    shutil.copy(files[-1], one)
    table.append(rows(["a"], [2]))
    shutil.copy(table.metadata_location, folder.metadata / "v10.metadata.json")
    for file in folder.metadata.glob("0*.metadata.json"):
        file.unlink()
    assert read_all(folder.open()).height == 2
    (folder.metadata / "version-hint.text").write_text("9")  # as its writer left it when it was killed
    assert read_all(folder.open()).height == 2
    (folder.metadata / "v10.metadata.json").unlink()
    assert read_all(folder.open()).height == 1
    (folder.metadata / "version-hint.text").write_text("10\n")
    with pytest.raises(lk.IncompleteTable, match="tells of version 10, whose metadata is not there"):
        folder.open()


def test_two_of_one_version_are_refused_as_one_may_be_of_a_failed_commit(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    newest = Path(table.metadata_location)
    twin = newest.with_name("00001-aaaa.metadata.json")
    shutil.copy(newest, twin)
    with pytest.raises(lk.UnsupportedTable, match=r"00001-.* and .*00001-.* are of one version.*\n.*metadata_location"):
        folder.open()
    assert read_all(lk.open_table(twin)).height == 1


def test_a_path_that_is_relative_is_one_of_the_same_metadata(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    monkeypatch.chdir(Path(folder.url).parent)
    assert lk.open_table(f"t/metadata/{Path(table.metadata_location).name}").version is not None
    assert lk.open_table(Path(table.metadata_location)).files.height == 1
    assert lk.open_table(f"file://{table.metadata_location}").files.height == 1
    with pytest.raises(lk.IncompleteTable, match="needs metadata/v77.metadata.json, which is not there"):
        lk.open_table("t/metadata/v77.metadata.json")


def test_a_lake_is_not_opened_on_a_table_nor_a_table_without_its_metadata(folder):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    table.delete("id = 1")
    with pytest.raises(lk.NoFilesFound, match=r"/t/ is an Iceberg table, and no lake.*\n.*open_table"):
        lk.open_lake(folder.url)
    for path in folder.metadata.glob("*.metadata.json"):
        path.unlink()
    with pytest.raises(lk.IncompleteTable, match=r"holds metadata/snap-.*avro of an Iceberg table, and no metadata/"):
        folder.open()


def test_archived_pieces_are_told(tmp_path):
    place = IcebergPlace(make_place("s3", tmp_path), tmp_path / "catalog")
    table = place.create(ROWS)
    table.append(rows(["a"], [1]))
    table.append(rows(["b"], [2]))
    (data, *_), (manifest, *_) = list_parts(place, ".parquet"), list_parts(place, "-m0.avro")
    archive(place, data)
    opened = place.open()
    with pytest.raises(lk.ArchivedFile, match=r"archived in GLACIER; 1 of 2 files"):
        opened.polars().collect()
    assert place.open(on_archived="skip").files.height == 1
    archive(place, manifest)
    with pytest.raises(lk.ArchivedFile, match=rf"{manifest}"):
        place.open()


def list_parts(place, ending):
    return [one.path for one in place.place.store.list_objects() if one.path.endswith(ending)]


def archive(place, path):
    content = bytes(place.place.store.read_range(path, 0, 10**6))
    place.place.put(path, content, StorageClass="GLACIER")


def test_a_table_that_was_moved_is_read_where_it_is(folder, tmp_path):
    table = folder.create(ROWS)
    with table.update_spec() as update:
        update.add_identity("k")
    table.append(rows(["a b%", "ä"], [1, 2]))
    moved = tmp_path / "other place%20" / "t"
    moved.parent.mkdir()
    Path(folder.url).rename(moved)
    assert sorted(read_all(lk.open_table(moved)).rows()) == [(1, "a b%"), (2, "ä")]


@pytest.mark.parametrize("spelling", ["{}", "file://{}", "file:{}", "FILE://{}"])
def test_locations_are_read_in_every_spelling(folder, spelling):
    table = folder.create(ROWS)
    path = Path(folder.url, "data/a b%20+.parquet")
    path.parent.mkdir()
    pq.write_table(pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)), path)
    add_entry(table, make_data_file(spelling.format(path), path.stat().st_size, 1))
    assert read_all(folder.open()).rows() == [(1, "a")]


def test_s3a_is_s3(tmp_path):
    place = IcebergPlace(make_place("s3", tmp_path), tmp_path / "catalog")
    table = place.create(ROWS)
    place.place.write("data/x.parquet", pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)))
    size = len(place.place.store.read_range("data/x.parquet", 0, 10**6))
    add_entry(table, make_data_file(f"s3a{place.url[2:]}/data/x.parquet", size, 1))
    assert read_all(place.open()).rows() == [(1, "a")]


def test_files_of_another_place_are_refused(folder):
    table = folder.create(ROWS)
    add_entry(table, make_data_file("s3://other/x.parquet", 9, 1))
    with pytest.raises(lk.UnsupportedTable, match=r"file of another place: s3://other/x\.parquet"):
        folder.open()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"content": 1}, r"1 file of position deletes, such as .*d\.parquet"),
        ({"content": 2, "equality_ids": [1]}, r"1 file of equality deletes, such as .*d\.parquet"),
        ({"content": 1, "file_format": "PUFFIN"}, r"1 file of deletion vectors, such as .*d\.parquet"),
        ({"file_format": "ORC"}, r"d\.parquet of .* is ORC, and lakekit reads Parquet"),
        ({"file_format": "AVRO"}, r"d\.parquet of .* is AVRO"),
        ({"key_metadata": b"key"}, r"d\.parquet of .* is encrypted"),
    ],
)
def test_what_would_give_wrong_rows_is_named(folder, entry, message):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    first = table.current_snapshot().snapshot_id
    entry = dict(entry)
    if "content" in entry:
        entry["content"] = DataFileContent(entry["content"])
    if "file_format" in entry:
        entry["file_format"] = FileFormat(entry["file_format"])
    add_entry(table, make_data_file(f"{folder.url}/data/d.parquet", 9, 1, **entry))
    with pytest.raises(lk.UnsupportedTable, match=message):
        folder.open()
    assert read_all(folder.open(as_of=first)).height == 2


def test_a_manifest_of_deletes_counts_while_it_has_one_that_is_not_gone(folder):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    (kept,) = table.current_snapshot().manifests(table.io)
    entry = make_data_file(f"{folder.url}/data/pos-delete.parquet", 9, 1, content=DataFileContent.POSITION_DELETES)
    for status in (ManifestEntryStatus.DELETED, ManifestEntryStatus.ADDED):
        memory, number = MemoryIO(), kept.added_snapshot_id
        output = memory.new_output(f"{folder.url}/metadata/deletes-{status}.avro")
        with DeletesWriter(table.spec(), table.schema(), output, number, "null") as writer:
            told = ManifestEntry.from_args(status=status, snapshot_id=number, sequence_number=1, data_file=entry)
            writer.delete(told) if status == ManifestEntryStatus.DELETED else writer.add(told)
        listed = memory.new_output(table.current_snapshot().manifest_list)
        with write_manifest_list(2, listed, number, None, 1, "null") as writer_of_list:
            writer_of_list.add_manifests([kept, writer.to_manifest_file()])
        for path, content in memory.files.items():
            Path(path).write_bytes(content)
        if status == ManifestEntryStatus.DELETED:
            assert sorted(read_all(folder.open())["id"]) == [1, 2]
    with pytest.raises(lk.UnsupportedTable, match=r"1 file of position deletes, such as .*pos-delete\.parquet"):
        folder.open()


class DeletesWriter(ManifestWriterV2):
    """pyiceberg's writer of manifests, for files of deletes."""

    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def test_a_file_that_is_named_twice_is_refused(folder):
    table = folder.create(ROWS)
    path = Path(folder.url, "data/a.parquet")
    path.parent.mkdir()
    pq.write_table(pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)), path)
    for _ in range(2):
        add_entry(table, make_data_file(str(path), path.stat().st_size, 1))
    with pytest.raises(lk.UnsupportedTable, match=r"names .*a\.parquet twice"):
        folder.open()


def test_metadata_that_is_damaged_is_named(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    manifests = [Path(one.manifest_path) for one in table.current_snapshot().manifests(table.io)]
    listed, told = Path(table.current_snapshot().manifest_list), Path(table.metadata_location)
    for path in (*manifests, listed):
        kept = path.read_bytes()
        path.write_bytes(kept[: len(kept) // 2])
        with pytest.raises(lk.CorruptFile, match=rf"{path.name} is damaged: it does not decode as Iceberg's Avro"):
            folder.open()
        path.unlink()
        with pytest.raises(lk.IncompleteTable, match=rf"needs metadata/{path.name}, which is not there.*\n.*Hint|Hint"):
            folder.open()
        path.write_bytes(kept)
    kept = told.read_text()
    for broken in (kept[:100], "[]", "{}", '{"format-version": 2}'):
        told.write_text(broken)
        with pytest.raises(lk.CorruptFile, match=rf"{told.name} is no metadata of an Iceberg table"):
            folder.open()
    told.write_text(json.dumps(json.loads(kept) | {"format-version": 4}))
    with pytest.raises(lk.UnsupportedTable, match="is of version 4 of Iceberg's format"):
        folder.open()


def test_data_files_that_are_gone_or_written_over_are_told(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    path = next(Path(folder.url).rglob("*.parquet"))
    kept = path.read_bytes()
    path.write_bytes(kept + b"more")
    with pytest.raises(lk.IncompleteTable, match=r"written over"):
        folder.open()
    path.unlink()
    number = table.current_snapshot().snapshot_id
    with pytest.raises(lk.IncompleteTable, match=rf"Snapshot {number} of .* names 1 file not there, such as data/"):
        folder.open()


def test_a_commit_between_listing_and_reading_is_seen_whole(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    opened = folder.open()
    listed = list_columns(opened.store)
    early = listed.filter(~pl.col("path").str.starts_with("data/"))  # the metadata is seen, its file not yet
    monkeypatch.setattr("lakekit.manifest.listing.list_columns", lambda store, **options: early)
    opened.refresh()
    assert read_all(opened)["id"].to_list() == [1]


def test_a_snapshot_that_expires_meanwhile_gives_way_to_the_next(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    opened = folder.open()
    listed, taken = list_columns(opened.store), [Path(table.current_snapshot().manifest_list)]
    table.overwrite(rows(["b"], [2]))
    for path in taken:  # as maintenance does it, between the listing and the reading
        path.unlink()
    calls = []

    def list_late(store, **options):
        calls.append(1)
        return listed if len(calls) == 1 else list_columns(store)

    monkeypatch.setattr("lakekit.manifest.listing.list_columns", list_late)
    opened.refresh()
    assert read_all(opened).rows() == [(2, "b")] and opened.version == table.current_snapshot().snapshot_id


def test_without_pyiceberg_removed_rows_are_not_read(folder, monkeypatch):
    write_history(folder)
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(lk.MissingPackage, match=r"removed rows.*need pyiceberg.*\n.*lakekit\[iceberg\]"):
        folder.open()


def test_partitions_that_are_declared_otherwise_are_refused(folder):
    write_history(folder)
    assert folder.open(partitions={"k": "string"}).version is not None
    with pytest.raises(lk.PartitionTypeConflict, match="'k' is of type string by the Iceberg snapshots"):
        folder.open(partitions={"k": "int"})
    with pytest.raises(lk.UnknownPartitionKey, match="'z' in the Iceberg snapshots: it has 'k'"):
        folder.open(template="{z:int}")


def test_the_first_version_of_the_format_is_read_too(folder):
    table = folder.create(ROWS, format_version="1")
    with table.update_spec() as update:
        update.add_identity("k")
    table.append(rows(["a", "b"], [1, 2]))
    with table.update_spec() as update:
        update.remove_field("k")  # which leaves a void transform behind
    table.append(rows(["a", "c"], [3, 4]))
    table.delete("id = 1")
    assert folder.check_snapshots()[:2] == [2, 4]
    assert sorted(read_all(folder.open())["id"]) == [2, 3, 4]
