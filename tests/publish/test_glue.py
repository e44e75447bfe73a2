"""Publishing to the Glue Data Catalog: planned first, done in batches, and read back as it was."""

from dataclasses import replace

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument, NoFilesFound, StorageFailed
from tests.publish.places import make_bucket, put_odd
from tests.views.lakes import make_place


@pytest.fixture
def place():
    """An empty bucket in the embedded AWS."""
    return make_bucket()


def read_rows(table):
    return table.arrow().read_all().sort_by([(name, "ascending") for name in ("dt", "Temp")])


def test_a_table_published_and_opened_again_has_the_same_schema_and_rows(place):
    table = put_odd(place)
    lk.publish.glue(table, "odd_ones").run()
    again = lk.open_glue("odd_ones", storage=place.storage)["odd"]
    assert again.schema == table.schema  # double, timestamp[us, UTC], string, date, string
    assert read_rows(again).equals(read_rows(table))
    assert again.files["rows"].sum() == 5  # 2 + 2 + 1


def test_nothing_is_changed_before_run_and_a_second_publishing_changes_nothing(place):
    table = put_odd(place)
    plan = lk.publish.glue(table, "twice")
    assert plan and [action for action, _ in plan.changes] == ["create database", "create table", "add partitions"]
    with pytest.raises(NoFilesFound, match="no database 'twice'"):
        lk.open_glue("twice", storage=place.storage)
    plan.run()
    second = lk.publish.glue(table, "twice")
    assert not second and second.changes == () and "nothing to change" in repr(second)


def test_an_added_partition_is_just_added(place):
    table = put_odd(place)
    lk.publish.glue(table, "growing").run()
    place.put("odd/dt=2024-01-04/city=e/p.parquet", pa.table({"Temp": [9.5]}))  # "at" is missing there: a comment
    table.refresh()
    plan = lk.publish.glue(table, "growing")
    assert plan.changes[0] == ("update table", "column at: timestamp becomes timestamp drift: missing in some files")
    assert (len(plan.added), len(plan.changed), plan.gone) == (1, 0, ())
    plan.run()
    place.put("odd/dt=2024-01-05/city=e/p.parquet", pa.table({"Temp": [8.5]}))
    table.refresh()
    plan = lk.publish.glue(table, "growing")
    assert (plan.action, len(plan.added), len(plan.changed), plan.gone) == ("", 1, 0, ())
    plan.run()
    lake = lk.open_glue("growing", storage=place.storage)
    assert lake.sql("SELECT count(*), max(Temp) FROM odd").fetchall() == [(7, 9.5)]  # 5 + 1 + 1


def test_the_entry_is_what_hive_expects_of_parquet(place):
    lk.publish.glue(put_odd(place), "entries").run()
    entry = place.storage.boto3("glue").get_table(DatabaseName="entries", Name="odd")["Table"]
    stored = entry["StorageDescriptor"]
    assert entry["TableType"] == "EXTERNAL_TABLE"
    assert stored["SerdeInfo"]["SerializationLibrary"].endswith("parquet.serde.ParquetHiveSerDe")
    assert stored["InputFormat"].endswith("MapredParquetInputFormat")
    assert stored["Columns"] == [
        {"Name": "temp", "Type": "double", "Comment": "drift: files hold int64 or double"},
        {"Name": "at", "Type": "timestamp"},
        {"Name": "note", "Type": "string", "Comment": "drift: missing in some files"},
    ]
    assert [(key["Name"], key["Type"]) for key in entry["PartitionKeys"]] == [("dt", "date"), ("city", "string")]
    values = place.storage.boto3("glue").get_partitions(DatabaseName="entries", TableName="odd")["Partitions"]
    assert sorted(one["Values"] for one in values) == [
        ["2024-01-01", "a/b"],
        ["2024-01-02", "__HIVE_DEFAULT_PARTITION__"],
        ["2024-01-03", "c d"],
    ]


def test_what_athena_would_answer_otherwise_is_told(place):
    told = "\n".join(lk.publish.glue(put_odd(place), "told").warnings)
    assert "'Temp' is int64 in 1 file" in told and "Athena fails" in told
    assert "'Temp' become so" in told  # small letters
    assert "'city' is NULL in some partitions" in told
    assert "escapes" in told
    assert "'at' as UTC without a zone" in told


def test_archived_files_are_told_because_athena_leaves_them_out_in_silence(place):
    place.put("cold/dt=2024-01-01/a.parquet", pa.table({"x": [1]}))
    place.put("cold/dt=2024-01-02/a.parquet", pa.table({"x": [2]}), storage_class="GLACIER")
    table = lk.open_table(f"{place.url}/cold", storage=place.storage)
    assert "archived objects out without a word, and its answers are smaller: 1 file here" in repr(
        lk.publish.glue(table, "cold")
    )


def test_many_partitions_go_in_batches(place):
    for day in range(1, 29):
        for month in range(1, 5):
            place.put(f"many/month={month}/day={day}/a.parquet", pa.table({"x": [day]}))
    table = lk.open_table(f"{place.url}/many", storage=place.storage)
    plan = lk.publish.glue(table, "many")
    assert len(plan.added) == 112  # 4 x 28: two batches
    plan.run()
    assert lk.open_glue("many", storage=place.storage).sql("SELECT sum(x) FROM many").fetchall() == [(1624,)]  # 4 x 406


def test_a_partition_that_went_is_left_in_the_catalog_unless_it_is_to_be_dropped(place):
    table = put_odd(place)
    lk.publish.glue(table, "shrinking").run()
    bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
    key = f"{prefix}/odd/dt=2024-01-03/city=c d/p.parquet"
    place.storage.boto3("s3").delete_object(Bucket=bucket, Key=key)
    table.refresh()
    kept = lk.publish.glue(table, "shrinking")
    assert not kept and kept.changes[0][0] == "leave partitions" and kept.gone == (("2024-01-03", "c d"),)
    lk.publish.glue(table, "shrinking", drop_gone=True).run()
    assert lk.publish.glue(table, "shrinking").gone == ()


def test_a_new_column_changes_the_table_and_its_partitions(place):
    table = put_odd(place)
    lk.publish.glue(table, "wider").run()
    place.put("odd/dt=2024-01-03/city=c d/q.parquet", pa.table({"Temp": [1.0], "more": [True]}))
    table.refresh()
    plan = lk.publish.glue(table, "wider")
    assert ("update table", "new column more boolean") in plan.changes
    assert (plan.action, len(plan.changed)) == ("update", 3)
    plan.run()
    assert not lk.publish.glue(table, "wider")


def test_what_others_put_beside_the_table_stays(place):
    table, glue = put_odd(place), place.storage.boto3("glue")
    lk.publish.glue(table, "shared").run()
    entry = glue.get_table(DatabaseName="shared", Name="odd")["Table"]
    kept = {name: entry[name] for name in ("Name", "TableType", "StorageDescriptor", "PartitionKeys")}
    changed = {**kept, "Description": "by hand", "Parameters": {**entry["Parameters"], "owner": "team-a"}}
    changed["StorageDescriptor"] = {**kept["StorageDescriptor"], "Location": "s3://elsewhere/x/"}
    glue.update_table(DatabaseName="shared", TableInput=changed)
    plan = lk.publish.glue(table, "shared")
    assert ("update table", f"location: s3://elsewhere/x/ becomes {table.url}/") in plan.changes
    plan.run()
    entry = glue.get_table(DatabaseName="shared", Name="odd")["Table"]
    assert (entry["Description"], entry["Parameters"]["owner"]) == ("by hand", "team-a")


def test_a_table_of_another_kind_is_not_taken_over(place):
    table, glue = put_odd(place), place.storage.boto3("glue")
    glue.create_database(DatabaseInput={"Name": "taken"})
    iceberg = {"Name": "odd", "TableType": "EXTERNAL_TABLE", "Parameters": {"table_type": "ICEBERG"}}
    glue.create_table(DatabaseName="taken", TableInput={**iceberg, "StorageDescriptor": {"Columns": []}})
    with pytest.raises(InvalidArgument, match="(?s)taken.odd is in the catalog already.*ICEBERG.*Hint: .*name="):
        lk.publish.glue(table, "taken")


def test_other_partition_keys_are_refused(place):
    table = put_odd(place)
    lk.publish.glue(table, "keys").run()
    place.put("odd2/dt=2024-01-01/a.parquet", pa.table({"x": [1]}))
    other = lk.open_table(f"{place.url}/odd2", storage=place.storage)
    with pytest.raises(InvalidArgument, match="with the partition keys"):
        lk.publish.glue(other, "keys", name="odd")


def test_one_partition_in_two_folders_is_refused(place):
    place.put("zips/zip=01/a.parquet", pa.table({"x": [1]}))
    place.put("zips/zip=1/a.parquet", pa.table({"x": [1]}))
    table = lk.open_table(f"{place.url}/zips", storage=place.storage, partitions={"zip": "int32"})
    with pytest.raises(InvalidArgument, match="(?s)zip=01/ and zip=1/.*are both the partition zip=1.*string"):
        lk.publish.glue(table, "zips")


def test_a_type_that_glue_cannot_hold_is_refused_with_the_column(place):
    place.put("t/a.parquet", pa.table({"clock": pa.array([1], pa.time64("us"))}))
    with pytest.raises(InvalidArgument, match="(?s)'clock' is time64.*Hint: leave the column out"):
        lk.publish.glue(lk.open_table(f"{place.url}/t", storage=place.storage), "types")
    place.put("u/a.parquet", pa.table({"n": pa.array([2**31], pa.uint32())}))  # one more than int holds
    with pytest.raises(InvalidArgument, match="'n' is uint32.*negative"):
        lk.publish.glue(lk.open_table(f"{place.url}/u", storage=place.storage), "types")
    place.put("v/a.parquet", pa.table({"n": pa.array([2**31 - 1], pa.uint32())}))  # what int holds at most
    plan = lk.publish.glue(lk.open_table(f"{place.url}/v", storage=place.storage), "types")
    assert plan.table["StorageDescriptor"]["Columns"] == [{"Name": "n", "Type": "int"}]


def test_a_folder_cannot_be_published(tmp_path):
    folder = make_place("folder", tmp_path)
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    with pytest.raises(InvalidArgument, match="(?s)is not on S3.*Hint"):
        lk.publish.glue(lk.open_table(f"{folder.url}/t"), "db", storage=lk.embedded_aws())


def test_templates_and_declared_types_come_back_as_they_were(place):
    for hour in (0, 13):
        place.put(f"raw/2024/{hour:02}/flag=true/at=2024-01-05T06%3A00%3A00/a.parquet", pa.table({"x": [hour]}))
    types = {"hour": "int8", "flag": "bool", "at": "timestamp"}
    table = lk.open_table(f"{place.url}/raw", storage=place.storage, template="{year:int}/{hour:int}", partitions=types)
    lk.publish.glue(table, "typed").run()
    again = lk.open_glue("typed", storage=place.storage)["raw"]
    assert again.schema == table.schema
    assert again.arrow().read_all().sort_by("x").equals(table.arrow().read_all().sort_by("x"))


def test_a_partition_that_glue_refuses_is_named(place):
    table, glue = put_odd(place), place.storage.boto3("glue")
    plan = lk.publish.glue(table, "raced")
    plan.run()
    with pytest.raises(StorageFailed, match="(?s)Glue refused the partition 2024-01-01/a/b.*plan again"):
        replace(plan, database_is_new=False, action="").run()  # someone else was quicker
    assert len(glue.get_partitions(DatabaseName="raced", TableName="odd")["Partitions"]) == 3
