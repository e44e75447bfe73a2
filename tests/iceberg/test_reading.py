"""An Iceberg table is read as its metadata says, at each snapshot, and never as its files alone would have it."""

import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.manifest import (
    ManifestEntry,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.transforms import BucketTransform, DayTransform, TruncateTransform

import lakekit as lk
from lakekit.iceberg.io import MemoryIO
from lakekit.storage import open_store
from lakekit.storage.sandbox import start_sandbox
from tests.iceberg.places import (
    ROWS,
    IcebergPlace,
    add_entry,
    make_data_file,
    read_all,
    rows,
    sort_rows,
    with_ids,
    write_history,
)
from tests.manifest.places import Place, make_parquet

NAIVE = datetime(2024, 1, 5, 3, tzinfo=UTC).replace(tzinfo=None)


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
