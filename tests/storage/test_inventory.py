"""An inventory report lists a bucket as LIST does, and says so where it is damaged, incomplete or of something else."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import CorruptFile, InvalidArgument, NoFilesFound, StaleFile
from lakekit.storage import RangeRequest, list_by_inventory, open_store
from lakekit.storage.inventory import Inventory
from lakekit.storage.inventory_rows import decode_keys, find_missing
from tests.storage.reports import FIELDS, Reports, encode_csv

DATED = "2026-11-24T01-00Z"
KINDS = ("CSV", "Parquet", "ORC")


@pytest.fixture
def reports(aws, bucket) -> Reports:
    """The inventory of a new bucket, kept in the same bucket."""
    return Reports(aws.boto3("s3"), bucket, bucket)


def put(reports, *keys, content=b"x", **options):
    for key in keys:
        reports.client.put_object(Bucket=reports.source, Key=key, Body=content, **options)


def open_listed(reports, aws, address=None, prefix="lake"):
    """The prefix as its newest report lists it."""
    return list_by_inventory(open_store(f"s3://{reports.source}/{prefix}", aws), address or reports.url)


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_lists_what_list_lists(reports, aws, kind):
    put(reports, "lake/a=1/x.parquet", "lake/b c+d%20é/ü.parquet", "lake/", "lake2/y", "z", "lake/50%/x")
    put(reports, "lake/cold", content=b"12345", StorageClass="GLACIER")
    reports.write(DATED, kind, data_files=2)
    store = open_store(f"s3://{reports.source}/lake", aws)
    assert open_listed(reports, aws).list_objects() == store.list_objects()
    assert open_listed(reports, aws).list_folders() == store.list_folders() == ["50%", "a=1", "b c+d%20é"]


def test_listing_by_a_report_sends_no_list_for_keys(reports, aws):
    put(reports, *(f"lake/{number}" for number in range(5)))
    reports.write(DATED)
    listed = open_listed(reports, aws)
    before = listed.inventory.store.requests.snapshot()
    assert len(listed.list_objects()) == 5
    asked = listed.inventory.store.requests.since(before)
    assert (asked["LIST"], asked["GET"]) == (1, 3)  # the dated folders; manifest, checksum, one data file
    before = listed.inventory.store.requests.snapshot()
    listed.list_objects()
    assert listed.inventory.store.requests.since(before)["GET"] == 2  # the data file is remembered
    assert listed.requests.snapshot()["LIST"] == 0


def test_the_newest_whole_report_counts(reports, aws):
    put(reports, "lake/old")
    reports.write("2026-11-22T01-00Z")
    put(reports, "lake/new")
    reports.write("2026-11-23T01-00Z")
    put(reports, "lake/newest")
    reports.write("2026-11-24T01-00Z", is_whole=False)
    listed = open_listed(reports, aws)
    assert [item.path for item in listed.list_objects()] == ["new", "old"]
    assert listed.listed_at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    reports.write("2026-11-24T01-00Z")
    assert [item.path for item in listed.list_objects()] == ["new", "newest", "old"]


@pytest.mark.parametrize("address", ["{url}/2026-11-22T01-00Z/manifest.json", "{url}/2026-11-22T01-00Z"])
def test_one_report_may_be_named(reports, aws, address):
    put(reports, "lake/old")
    reports.write("2026-11-22T01-00Z")
    put(reports, "lake/new")
    reports.write("2026-11-23T01-00Z")
    listed = open_listed(reports, aws, address.format(url=reports.url))
    assert [item.path for item in listed.list_objects()] == ["old"]


def test_no_report_is_said_with_what_is_looked_for(reports, aws):
    with pytest.raises(NoFilesFound, match=r"No inventory report under s3://.*: no manifest.json with a manifest.chec"):
        open_listed(reports, aws).list_objects()


@pytest.mark.parametrize("kind", KINDS)
def test_of_versions_the_latest_counts_and_delete_markers_are_no_objects(reports, aws, kind):
    row = {"Bucket": reports.source, "Size": 1, "LastModifiedDate": datetime(2026, 1, 2, tzinfo=UTC)}
    row |= {"ETag": "e", "StorageClass": "STANDARD"}
    versions = [
        row | {"Key": "lake/a", "VersionId": "2", "IsLatest": True, "IsDeleteMarker": False, "ETag": "new"},
        row | {"Key": "lake/a", "VersionId": "1", "IsLatest": False, "IsDeleteMarker": False, "ETag": "old"},
        row | {"Key": "lake/gone", "VersionId": "2", "IsLatest": True, "IsDeleteMarker": True, "Size": None},
        row | {"Key": "lake/gone", "VersionId": "1", "IsLatest": False, "IsDeleteMarker": False},
    ]
    reports.fields = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", *FIELDS[2:])
    reports.write(DATED, kind, rows=versions)
    assert [(item.path, item.etag) for item in open_listed(reports, aws).list_objects()] == [("a", "new")]


def test_the_tier_of_intelligent_tiering_is_told(reports, aws):
    put(reports, "lake/a", "lake/b")
    reports.fields = (*FIELDS, "IntelligentTieringAccessTier")
    reports.changes = {"lake/b": {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "ARCHIVE"}}
    reports.write(DATED)
    assert open_listed(reports, aws).list_columns()["tier"].to_list() == [None, "ARCHIVE"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FIELDS[2:])
def test_a_needed_field_that_is_not_there_is_named_with_what_to_do(reports, aws, kind, name):
    put(reports, "lake/a")
    reports.fields = tuple(other for other in FIELDS if other != name)
    reports.write(DATED, kind)
    with pytest.raises(InvalidArgument, match=f"manifest.json lacks {name}; it has") as caught:
        open_listed(reports, aws).list_objects()
    assert "Additional metadata fields" in caught.value.hint


def test_all_missing_fields_are_named_at_once():
    assert find_missing("CSV", "Bucket, Key") == ["Size", "LastModifiedDate", "ETag", "StorageClass"]
    assert find_missing("ORC", "struct<bucket:string,key:string,size:bigint,e_tag:string>") == [
        "LastModifiedDate",
        "StorageClass",
    ]


def test_a_manifest_that_is_not_what_its_checksum_says_is_refused(reports, aws):
    reports.write(DATED)
    reports.put(f"{DATED}/manifest.checksum", b"0" * 32)
    with pytest.raises(CorruptFile, match=r"manifest.json is damaged: its MD5 is .*, and manifest.checksum beside it"):
        open_listed(reports, aws).list_objects()


@pytest.mark.parametrize("kind", KINDS)
def test_a_data_file_that_is_not_what_its_checksum_says_is_refused(reports, aws, kind):
    put(reports, "lake/a")
    reports.write(DATED, kind)
    (key,) = [entry["Key"] for entry in reports.list_rows() if "/data/" in entry["Key"]]
    content = reports.client.get_object(Bucket=reports.target, Key=key)["Body"].read()
    reports.client.put_object(Bucket=reports.target, Key=key, Body=content[:-1] + b"?")
    with pytest.raises(CorruptFile, match="data/.* is damaged: it has .* bytes and the MD5"):
        open_listed(reports, aws).list_objects()


def test_a_data_file_that_is_gone_is_named(reports, aws):
    reports.write(DATED)
    reports.client.delete_object(Bucket=reports.target, Key=f"{reports.prefix}/data/{DATED}-0.csv.gz")
    with pytest.raises(NoFilesFound, match="csv.gz is gone, a data file of the inventory report of 2026-11-24 01:00"):
        open_listed(reports, aws).list_objects()


def test_a_manifest_of_something_else_is_refused(reports, aws):
    import hashlib

    for content in (b"{}", b"[1]", b"no json"):
        reports.put(f"{DATED}/manifest.json", content)
        reports.put(f"{DATED}/manifest.checksum", hashlib.md5(content).hexdigest().encode())
        with pytest.raises(CorruptFile, match="manifest.json is no manifest of S3 Inventory"):
            open_listed(reports, aws).list_objects()


def test_an_inventory_of_another_bucket_is_refused(reports, aws):
    reports.write(DATED)
    other = list_by_inventory(open_store("s3://another/lake", aws), reports.url)
    with pytest.raises(InvalidArgument, match=f"lists the bucket {reports.source}, not another"):
        other.list_objects()


def test_only_s3_has_inventories(reports, aws, tmp_path):
    with pytest.raises(InvalidArgument, match="is not on S3, and an inventory lists a bucket of S3"):
        list_by_inventory(open_store(str(tmp_path)), Inventory(reports.url, aws))
    with pytest.raises(InvalidArgument, match="is not on S3, and only S3 makes inventories"):
        Inventory(str(tmp_path))


def test_what_is_gone_since_the_report_is_stale_and_the_report_is_named(reports, aws):
    put(reports, "lake/a", "lake/b", content=b"content")
    reports.write(DATED)
    listed = open_listed(reports, aws)
    etag = listed.list_objects()[0].etag
    reports.client.delete_object(Bucket=reports.source, Key="lake/a")
    told = r"lake/a is gone.* It is listed in the S3 Inventory report of 2026-11-24 01:00 UTC"
    for read in (listed.read_range, listed.read_suffix):
        with pytest.raises(StaleFile, match=told):
            read("a", *((0, 3) if read == listed.read_range else (3,)), etag=etag)
    outcomes = {request.path: outcome for request, outcome in listed.read_many([RangeRequest("a", 0, 3, etag)])}
    assert isinstance(outcomes["a"], StaleFile) and "S3 Inventory report" in outcomes["a"].what
    assert bytes(listed.read_range("b", 0, 3)) == b"con"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=12), max_size=8))
def test_keys_are_decoded_as_forms_encode_them(keys):
    from urllib.parse import quote_plus

    encoded = pl.Series("key", [quote_plus(key) for key in keys], dtype=pl.String)
    assert decode_keys(encoded).to_list() == keys
    assert decode_keys(encoded.str.replace_all("%2F", "/", literal=True)).to_list() == keys


def test_an_empty_report_lists_nothing(reports, aws):
    reports.write(DATED, rows=[])
    assert open_listed(reports, aws).list_objects() == []
    assert encode_csv([], FIELDS) != b""
