"""Readers go from a table to its copy in one step, only when the copy is whole, and back again."""

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.compaction import plan, run, switch, undo
from tests.compaction.lakes import ALL, list_files, make_events, write_files
from tests.manifest.places import make_place


@pytest.fixture
def lake(tmp_path):
    make_events(tmp_path / "lake" / "events")
    return tmp_path / "lake"


def compact(lake, name="copy"):
    return run(plan(lk.open_table(lake / "events"), lake.parent / name, rules=ALL)).url


def count(lake):
    return lake.sql("SELECT count(*), count(DISTINCT id) FROM events").fetchall()


def test_one_call_switches_every_lake_that_is_opened_or_refreshed(lake):
    copy = compact(lake)
    mine, other = lk.open_lake(lake), lk.open_lake(lake)
    assert count(mine) == count(other) == [(120, 120)]
    assert mine.switch("events", copy).url == copy
    assert count(mine) == [(120, 120)] and mine.receipt.files_scanned == 3
    other.refresh()
    for opened in (other, lk.open_lake(lake)):
        assert opened["events"].url == copy and count(opened) == [(120, 120)]


def test_undo_leads_back_and_a_second_switch_forth(lake):
    copy, opened = compact(lake), lk.open_lake(lake)
    own = opened["events"].url
    with pytest.raises(lk.InvalidArgument, match="never switched"):
        undo(opened, "events")
    opened.switch("events", copy)
    undo(opened, "events")
    assert opened["events"].url == lk.open_lake(lake)["events"].url == own
    opened.switch("events", copy)
    assert lk.open_lake(lake)["events"].url == copy
    entries = sorted(path.name for path in (lake / "_lakekit/entries/events").iterdir())
    assert entries == ["000001.json", "000002.json", "000003.json"]  # none is ever changed


def test_entries_may_lie_elsewhere_where_the_lake_is_not_ones_own(lake, tmp_path):
    before = list_files(lake)
    opened = lk.open_lake(lake, entries=str(tmp_path / "mine"))
    opened.switch("events", compact(lake))
    assert list_files(lake) == before  # nothing is written there
    assert lk.open_lake(lake, entries=str(tmp_path / "mine"))["events"].files.height == 3
    assert lk.open_lake(lake)["events"].files.height == 12  # whoever does not name the entries reads on as before


def test_a_copy_that_lacks_a_file_of_the_table_is_refused(lake):
    copy = compact(lake)
    write_files(lake / "events", {"day=2026-01-01/late.parquet": pa.table({"id": [999], "x": [0.0]})})
    opened = lk.open_lake(lake)
    with pytest.raises(lk.IncompleteTable, match="lacks 1 file of .*events, such as day=2026-01-01/late.parquet"):
        opened.switch("events", copy)
    assert count(opened) == [(121, 121)]


def test_a_copy_that_was_touched_after_it_was_verified_is_refused(lake):
    copy = compact(lake)
    next((lake.parent / "copy").rglob("compact-*.parquet")).unlink()
    with pytest.raises(lk.IncompleteTable, match="not as it was verified"):
        lk.open_lake(lake).switch("events", copy)


def test_what_is_no_copy_or_a_copy_of_another_table_is_refused(lake):
    make_events(lake / "other")
    copy = compact(lake)
    opened = lk.open_lake(lake)
    with pytest.raises(lk.InvalidArgument, match="is a copy of .*events, and not of .*other"):
        opened.switch("other", copy)
    with pytest.raises(lk.InvalidArgument, match="no copy that lk.compaction made"):
        opened.switch("events", str(lake / "other"))
    with pytest.raises(lk.UnknownTable):
        opened.switch("nothing", copy)


def test_rows_that_came_to_the_copy_keep_undo_from_hiding_them(lake):
    opened = lk.open_lake(lake)
    opened.switch("events", compact(lake))
    write_files(lake.parent / "copy", {"day=2026-01-09/new.parquet": pa.table({"id": [999], "x": [0.0]})})
    with pytest.raises(lk.IncompleteTable, match="came after the switch: day=2026-01-09/new.parquet"):
        undo(opened, "events")


def test_of_two_who_switch_at_once_one_is_told(lake):
    copy, second = compact(lake), compact(lake, "second")
    mine, other = lk.open_lake(lake), lk.open_lake(lake)
    mine.switch("events", copy)
    with pytest.raises(lk.StaleFile, match="switched by someone else"):  # other has not seen it yet
        other._catalog.entries.put("events", second, before=other["events"].url, number=1)
    assert lk.open_lake(lake)["events"].url == copy


@pytest.fixture
def glue(tmp_path):
    """The embedded Glue, and a table on the embedded S3 with 2 days of 4 files, that a Glue table names."""
    storage = lk.embedded_aws()
    bucket = "glue-lake"
    s3, client = storage.boto3("s3"), storage.boto3("glue")
    s3.create_bucket(Bucket=bucket)
    for path, content in list_files(make_events(tmp_path / "events", days=2)).items():
        s3.put_object(Bucket=bucket, Key=f"events/{path}", Body=content)
    client.create_database(DatabaseInput={"Name": "lake"})
    client.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": "events",
            "StorageDescriptor": {"Location": f"s3://{bucket}/events/", "Columns": [{"Name": "id", "Type": "bigint"}]},
            "PartitionKeys": [{"Name": "day", "Type": "date"}],
            "Parameters": {"projection.enabled": "true"},
        },
    )
    yield client, lk.open_table(f"s3://{bucket}/events", storage=storage), f"s3://{bucket}/compact"
    client.delete_table(DatabaseName="lake", Name="events")
    client.delete_database(Name="lake")
    for one in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    s3.delete_bucket(Bucket=bucket)


def test_a_table_of_glue_is_moved_by_one_call_that_keeps_all_else(glue):
    client, table, into = glue
    with pytest.raises(lk.InvalidArgument, match="no copy"):
        switch(table, into, glue=("lake", "events"))
    run(plan(table, into, rules=ALL))
    switch(table, into, glue=("lake", "events"))
    found = client.get_table(DatabaseName="lake", Name="events")["Table"]
    assert found["StorageDescriptor"]["Location"] == f"{into}/"
    assert found["StorageDescriptor"]["Columns"] == [{"Name": "id", "Type": "bigint"}]
    assert found["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    assert found["Parameters"]["projection.enabled"] == "true"
    undo(table, glue=("lake", "events"))
    found = client.get_table(DatabaseName="lake", Name="events")["Table"]
    assert found["StorageDescriptor"]["Location"] == f"{table.url}/"


def test_glue_partitions_with_addresses_of_their_own_are_refused(glue):
    client, table, into = glue
    run(plan(table, into, rules=ALL))
    place = {"Location": f"{table.url}/day=2026-01-01/", "Columns": []}
    client.create_partition(
        DatabaseName="lake", TableName="events", PartitionInput={"Values": ["2026-01-01"], "StorageDescriptor": place}
    )
    with pytest.raises(lk.InvalidArgument, match="partition projection"):
        switch(table, into, glue=("lake", "events"))
    with pytest.raises(lk.InvalidArgument, match="Glue has no table lake.nothing"):
        switch(table, into, glue=("lake", "nothing"))


def test_a_lake_on_s3_is_switched_and_led_back_likewise(tmp_path):
    place = make_place("s3", tmp_path)
    for path, content in list_files(make_events(tmp_path / "events", days=2)).items():
        place.put(f"events/{path}", content)
    into = f"s3://{place.store.address.bucket}/copy-{tmp_path.name}"
    opened = lk.open_lake(place.url, storage=place.storage)
    run(plan(opened["events"], into, rules=ALL))
    opened.switch("events", into)
    again = lk.open_lake(place.url, storage=place.storage)
    assert again["events"].url == into and count(again) == [(80, 80)]  # 2 days x 4 files x 10 rows
    undo(again, "events")
    opened.refresh()
    assert opened["events"].url == f"{place.url}/events" and count(opened) == [(80, 80)]
