"""Where there is nothing to read, the error says what is there instead; archived files say what it takes."""

import pytest

from lakekit.errors import ArchivedFile, NoFilesFound
from lakekit.manifest.refusals import find_archived
from lakekit.storage import open_store
from lakekit.units import format_bytes
from tests.manifest.places import Place, make_parquet

DATA = make_parquet({"n": [1]})


def refuse(place, **options):
    with pytest.raises(NoFilesFound) as caught:
        place.read(**options)
    return caught.value


def test_an_empty_place_says_so(place):
    error = refuse(place)
    assert error.what == f"No Parquet file under {place.store.address.url}/ (0 objects there)."


def test_folders_beside_an_empty_place_are_suggested(place):
    parent = place.url.rpartition("/")[0]
    for name in ("events", "events_v2"):
        Place(f"{parent}/{name}", place.storage).put("x.parquet", DATA)
    assert refuse(Place(f"{parent}/event", place.storage)).hint == "folders that exist beside it: events/, events_v2/."


def test_folders_in_a_place_are_suggested_before_those_beside(place):
    for number in range(7):
        place.put(f"v{number}/x.json", b"{}")
    error = refuse(place)
    assert "(7 objects there: 7 .json)" in error.what
    assert error.hint == "folders in it: v0/, v1/, v2/, v3/, v4/."


def test_an_address_of_a_file_says_which_folder_to_open(place):
    place.put("x.parquet", DATA)
    error = refuse(Place(f"{place.url}/x.parquet", place.storage))
    assert error.what == f"{place.store.address.url}/x.parquet is a file, and a table is a folder or prefix of files."
    assert error.hint == f"open {place.store.address.url}."


def test_what_is_there_and_no_parquet_is_counted(place):
    place.put("a.csv", b"1,2")
    place.put("b.csv", b"1,2")
    place.put("_SUCCESS", b"")
    place.put("notes", b"no parquet, and no ending to tell")
    assert "(4 objects there: 2 .csv, 1 without an ending, 1 hidden)" in refuse(place).what


def test_hidden_files_are_not_read(place):
    place.put("_temporary/0/x.parquet", DATA)
    place.put(".x.parquet", DATA)
    assert "(2 objects there: 2 hidden)" in refuse(place).what


def test_when_all_files_were_left_out_the_first_reason_is_told(place):
    place.put("a.parquet", b"this was to be a file of Parquet")
    error = refuse(place, on_bad_file="skip")
    assert " All data files were left out: a.parquet: a.parquet is not a Parquet file: it ends with" in error.what


def test_a_bucket_that_does_not_exist_is_named(s3):
    with pytest.raises(NoFilesFound, match="no-such-bucket-anywhere"):
        Place("s3://no-such-bucket-anywhere/t", s3.storage).read()


def test_archived_files_are_counted_with_the_way_out(s3):
    s3.put("day=1/x.parquet", DATA, StorageClass="GLACIER")
    s3.put("day=2/x.parquet", DATA, StorageClass="DEEP_ARCHIVE")
    s3.put("day=3/x.parquet", DATA, StorageClass="GLACIER_IR")
    error = s3.read().problems["day=1/x.parquet"]
    assert isinstance(error, ArchivedFile)
    assert error.what == (
        f"day=1/x.parquet is archived in GLACIER; 2 of 3 files of t ({format_bytes(2 * len(DATA))}) are archived, "
        "in DEEP_ARCHIVE and GLACIER."
    )
    assert error.hint == 'restore them first, or leave them out with on_archived="skip" (the table is then partial).'


def test_a_restored_file_is_not_archived(s3):
    s3.put("a.parquet", DATA, StorageClass="GLACIER")
    s3.put("b.parquet", DATA, StorageClass="GLACIER")
    address = s3.store.address
    s3.storage.boto3("s3").restore_object(
        Bucket=address.bucket, Key=address.full_path("a.parquet"), RestoreRequest={"Days": 1}
    )
    assert [item.path for item in find_archived(s3.store, s3.store.list_objects())] == ["b.parquet"]
    manifest = s3.read()
    assert list(manifest.problems) == ["b.parquet"]
    assert manifest.files["rows"].to_list() == [1, None]
    assert manifest.files["restored"].to_list() == [True, False]


def test_only_archived_files_of_services_other_than_aws_are_asked_whether_they_are_restored(s3, monkeypatch):
    s3.put("a.parquet", DATA, StorageClass="GLACIER")
    s3.put("b.parquet", DATA)
    store = s3.store
    listed = store.list_objects()
    find_archived(store, listed)
    assert store.requests.snapshot()["HEAD"] == 1
    at_aws = open_store("s3://bucket/t")
    assert [item.path for item in find_archived(at_aws, listed)] == ["a.parquet"]
    assert at_aws.requests.snapshot()["HEAD"] == 0
