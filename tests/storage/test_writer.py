"""Files that are written appear whole or not at all, are never overwritten, and go only when the version is right."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lakekit.errors import InvalidArgument, LakekitError, StaleFile, StorageFailed
from lakekit.storage import Encryption, Storage, open_store, open_writer


@pytest.fixture(params=["folder", "s3"])
def writer(request, tmp_path):
    """A writer to an empty folder, and to an empty prefix."""
    if request.param == "folder":
        return open_writer(tmp_path / "lake")
    return open_writer(f"s3://{request.getfixturevalue('bucket')}/lake", request.getfixturevalue("aws"))


def read(writer, path: str) -> bytes:
    return bytes(open_store(writer.address, writer.storage).read_range(path, 0, 1 << 20))


def list_paths(writer) -> list[str]:
    return [one.path for one in open_store(writer.address, writer.storage).list_objects()]


def test_a_file_is_written_once_and_the_second_of_its_name_is_not(writer):
    assert writer.put_new("day=1/a.parquet", b"first") is True
    assert writer.put_new("day=1/a.parquet", b"second") is False
    assert read(writer, "day=1/a.parquet") == b"first"
    assert list_paths(writer) == ["day=1/a.parquet"]  # and nothing beside it


def test_a_local_file_can_be_what_is_written(writer, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x" * 5_000_000)
    assert writer.put_new("a b=%2F.parquet", source)
    assert open_store(writer.address, writer.storage).list_objects()[0].size_bytes == 5_000_000


def test_of_many_who_write_one_name_one_wins(tmp_path):
    writer, won = open_writer(tmp_path / "lake"), []
    threads = [
        threading.Thread(target=lambda i=i: won.append(i) if writer.put_new("one", b"%d" % i) else None)
        for i in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and read(writer, "one") == b"%d" % won[0]


def test_a_file_goes_only_as_the_version_that_was_listed(writer):
    writer.put_new("a", b"first")
    etag = open_store(writer.address, writer.storage).list_objects()[0].etag
    with pytest.raises(StaleFile, match=r"/a "):
        writer.remove("a", etag="another")
    assert list_paths(writer) == ["a"]
    writer.remove("a", etag=etag)
    assert list_paths(writer) == []
    writer.remove("a")  # there is none: fine


def test_a_process_that_is_killed_while_it_writes_leaves_no_file_that_is_listed_as_data(tmp_path):
    code = """
import os, sys
from lakekit.storage import open_writer, writer
writer._copy_into = lambda file, content: (file.write(b"half"), file.flush(), os._exit(9))
open_writer(sys.argv[1]).put_new("a.parquet", b"whole")
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lake")], check=False)
    assert done.returncode == 9
    left = [path.name for path in (tmp_path / "lake").iterdir()]
    assert len(left) == 1 and left[0].startswith(".lakekit-")  # hidden: no table takes it in
    assert open_writer(tmp_path / "lake").put_new("a.parquet", b"whole") is True


def test_kms_is_asked_for_by_request_and_told_by_s3(aws, bucket):
    key = aws.boto3("kms").create_key()["KeyMetadata"]["KeyId"]
    open_writer(f"s3://{bucket}", aws, encryption=Encryption(kms_key_id=key)).put_new("a", b"x")
    told = aws.boto3("s3").head_object(Bucket=bucket, Key="a")
    assert (told["ServerSideEncryption"], told["BucketKeyEnabled"]) == ("aws:kms", True)
    assert told["SSEKMSKeyId"].endswith(key)


def test_an_endpoint_without_tls_is_refused_unless_it_is_this_machine():
    with pytest.raises(InvalidArgument, match=r"http://minio\.example:9000 has no TLS"):
        open_writer("s3://bucket/lake", Storage(endpoint_url="http://minio.example:9000", anonymous=True))
    open_writer("s3://bucket/lake", Storage(endpoint_url="http://127.0.0.1:9000", anonymous=True))


def test_what_cannot_be_written_to_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidArgument, match="memory://lake"):
        open_writer("memory://lake")
    with pytest.raises(InvalidArgument, match="it is for S3"):
        open_writer(tmp_path, encryption=Encryption())


def test_a_disk_that_refuses_is_an_error_with_the_path_and_leaves_nothing(tmp_path):
    blocked = Path(tmp_path / "lake")
    blocked.write_bytes(b"")  # a file where the folder would be
    with pytest.raises(LakekitError, match="lake"):
        open_writer(blocked).put_new("a", b"x")
    assert blocked.read_bytes() == b""


def test_a_service_that_cannot_be_reached_is_an_error_with_the_address():
    nobody = Storage(endpoint_url="http://127.0.0.1:9", anonymous=True)
    with pytest.raises(StorageFailed, match=r"127.0.0.1:9 .*s3:PutObject on s3://bucket/lake/"):
        open_writer("s3://bucket/lake", nobody).put_new("a", b"x")


def test_an_object_moves_to_another_class_only_as_the_version_that_was_listed(aws, bucket):
    writer = open_writer(f"s3://{bucket}/lake", aws)
    writer.put_new("a", b"first")
    store = open_store(writer.address, aws)
    with pytest.raises(StaleFile):
        writer.move("a", "GLACIER_IR", etag="another")
    writer.move("a", "GLACIER_IR", etag=store.list_objects()[0].etag)
    assert [one.storage_class for one in store.list_objects()] == ["GLACIER_IR"]
    assert read(writer, "a") == b"first"


def test_a_folder_has_no_classes_to_move_to(tmp_path):
    with pytest.raises(InvalidArgument, match="no storage classes"):
        open_writer(tmp_path).move("a", "GLACIER_IR", etag="x")


@pytest.fixture
def forgetful(aws, bucket):
    """A writer to a store that passes over If-None-Match, and writes over what is there."""

    def forget(params, **_):
        params["headers"].pop("If-None-Match", None)

    events = aws.boto3("s3").meta.events
    events.register("before-call.s3.PutObject", forget)
    yield open_writer(f"s3://{bucket}/t", aws)
    events.unregister("before-call.s3.PutObject", forget)


def test_a_store_that_would_write_over_files_is_refused_before_the_first(forgetful):
    with pytest.raises(StorageFailed, match=r"passes over If-None-Match.*\nHint: .*conditional writes"):
        forgetful.put_new("a.parquet", b"one")
    assert open_store(forgetful.address, forgetful.storage).list_objects() == []


def test_a_store_is_tried_once_for_each_bucket_and_nothing_is_left_of_that(aws, bucket):
    asked = []
    events = aws.boto3("s3").meta.events
    events.register("before-call.s3", lambda model, **_: asked.append(model.name), unique_id="count")
    writer = open_writer(f"s3://{bucket}/t", aws)
    try:
        assert [writer.put_new("a", b"one"), writer.put_new("a", b"two"), writer.put_new("b", b"")] == [
            True,
            False,
            True,
        ]
    finally:
        events.unregister("before-call.s3", unique_id="count")
    assert asked == ["PutObject", "PutObject", "DeleteObject"] + ["PutObject"] * 3
    assert [one.path for one in open_store(writer.address, writer.storage).list_objects()] == ["a", "b"]
