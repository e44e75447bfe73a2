"""What only S3 has: storage classes, keys that are no paths, regions, retries."""

import pytest

from lakekit.errors import ArchivedFile, NoFilesFound, StorageFailed, WrongRegion
from lakekit.storage import RangeRequest, Storage, open_store
from lakekit.storage.s3 import is_plain_key

# Keys that obstore would refuse or take for others; the second of each pair is the one it would read instead.
ODD_KEYS = ["a//b", "a/b", "/lead", "lead", "dir/", "dir", "a/./b", "a/../b", "tab\tx", "\x01ctl", "\x7f", "a\u00a0b"]


def test_keys_that_are_no_paths_are_read_as_they_are(aws, bucket):
    s3, store = aws.boto3("s3"), open_store(f"s3://{bucket}", aws)
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = store.list_objects()
    assert {stored.path for stored in listed} == set(ODD_KEYS)
    requests = [RangeRequest(stored.path, 0, 100, stored.etag) for stored in listed]
    assert {request.path: bytes(content).decode() for request, content in store.read_many(requests)} == {
        key: key for key in ODD_KEYS
    }
    for stored in listed:
        assert bytes(store.read_range(stored.path, 1, 3)) == stored.path.encode()[1:4]
        assert bytes(store.read_suffix(stored.path, 2)) == stored.path.encode()[-2:]


def test_only_keys_that_obstore_leaves_alone_are_plain():
    assert [key for key in ODD_KEYS if is_plain_key(key)] == ["a/b", "lead", "dir"]
    assert all(is_plain_key(key) for key in ("q=a%20b", "x=%", "日本/😀", "a b", "...", "b\\k", "~", "a+b#c?d*[e]"))


def test_folder_markers_are_listed_but_not_that_of_the_address_itself(s3):
    for path in ("", "dir/", "dir/a"):
        s3.store.storage.boto3("s3").put_object(Bucket=s3.store.address.bucket, Key=f"lake/{path}", Body=b"")
    assert [stored.path for stored in s3.store.list_objects()] == ["dir/", "dir/a"]
    assert s3.store.list_folders() == ["dir"]


def test_storage_classes_are_listed(s3):
    classes = ["STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"]
    for name in classes:
        s3.store.storage.boto3("s3").put_object(
            Bucket=s3.store.address.bucket, Key=f"lake/{name}", Body=b"x", StorageClass=name
        )
    assert {stored.path: stored.storage_class for stored in s3.store.list_objects()} == {name: name for name in classes}
    assert [stored.path for stored in s3.store.list_objects() if stored.is_archived] == ["DEEP_ARCHIVE", "GLACIER"]


def test_an_archived_object_says_glacier_until_it_is_restored(s3):
    client, bucket = s3.store.storage.boto3("s3"), s3.store.address.bucket
    client.put_object(Bucket=bucket, Key="lake/old.parquet", Body=b"content", StorageClass="GLACIER")
    for ask in (lambda: s3.store.read_range("old.parquet", 0, 4), lambda: s3.store.read_suffix("old.parquet", 4)):
        with pytest.raises(ArchivedFile, match="lake/old.parquet is archived in GLACIER") as caught:
            ask()
        assert "credentials" not in str(caught.value)
    assert not s3.store.is_restored("old.parquet")
    client.restore_object(Bucket=bucket, Key="lake/old.parquet", RestoreRequest={"Days": 1})
    assert s3.store.is_restored("old.parquet")
    assert bytes(s3.store.read_range("old.parquet", 0, 4)) == b"cont"


def list_entry(key, more=""):
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e1&quot;</ETag>"
        f"<Size>3</Size><StorageClass>GLACIER</StorageClass>{more}</Contents>"
    )


def list_answer(*entries, more=""):
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{more}{''.join(entries)}</ListBucketResult>"


def test_a_restored_copy_is_told_by_the_listing(server):
    restored = "<IsRestoreInProgress>false</IsRestoreInProgress>"
    restored += "<RestoreExpiryDate>2026-02-01T00:00:00.000Z</RestoreExpiryDate>"
    under_way = "<IsRestoreInProgress>true</IsRestoreInProgress>"
    server.answer(
        200,
        list_answer(
            list_entry("lake/a", f"<RestoreStatus>{restored}</RestoreStatus>"),
            list_entry("lake/b", f"<RestoreStatus>{under_way}</RestoreStatus>"),
            list_entry("lake/c"),
        ),
    )
    listed = server.open().list_objects()
    assert [(stored.path, stored.restored, stored.is_archived) for stored in listed] == [
        ("a", True, False),
        ("b", False, True),
        ("c", False, True),
    ]
    assert listed[0].modified_at.isoformat() == "2026-01-02T03:04:05+00:00" and listed[0].etag == "e1"
    assert server.asked[0][2]["x-amz-optional-object-attributes"] == "RestoreStatus"


def test_keys_that_the_answer_encodes_are_decoded_once(server):
    encoded = "<EncodingType>url</EncodingType>"
    server.answer(200, list_answer(list_entry("lake/q%3Da%2520b+c%2Bd/%C3%BC"), more=encoded))
    assert [stored.path for stored in server.open().list_objects()] == ["q=a%20b c+d/ü"]


def test_a_read_is_tried_again_after_a_503(server):
    server.refuse(503, "SlowDown", "Please reduce your request rate.")
    server.refuse(500, "InternalError", "We encountered an internal error.")
    server.answer(206, "PAR1", Content_Range="bytes 0-3/100", ETag='"1"')
    assert bytes(server.open().read_range("a", 0, 4)) == b"PAR1"
    assert len(server.asked) == 3


def test_a_listing_is_tried_again_after_a_503_and_each_try_is_counted(server):
    server.refuse(503, "SlowDown", "Please reduce your request rate.")
    server.answer(200, list_answer(list_entry("lake/a")))
    store = server.open()
    assert len(store.list_objects()) == 1
    assert store.requests.snapshot()["LIST"] == len(server.asked) == 2


def test_a_store_that_stays_down_is_an_error_with_its_own_words(server, monkeypatch):
    from lakekit.storage import aws

    monkeypatch.setattr(aws, "ATTEMPTS", 1)
    server.refuse(503, "SlowDown", "Please reduce your request rate.")
    store = server.open(region="eu-west-2", access_key_id="a", secret_access_key="b")  # a client of its own
    with pytest.raises(StorageFailed, match="SlowDown: Please reduce your request rate"):
        store.list_objects()


@pytest.mark.parametrize(("start", "length", "expected"), [(0, 3, b"abc"), (23, 99, b"xyz"), (30, 2, b"")])
@pytest.mark.parametrize("path", ["a", "a//b"])
def test_a_server_that_sends_the_whole_object_for_a_range_is_cut(server, path, start, length, expected):
    server.answer(200, "abcdefghijklmnopqrstuvwxyz", ETag='"1"')
    assert bytes(server.open().read_range(path, start, length)) == expected
    assert bytes(server.open().read_suffix(path, 3)) == b"xyz"


def test_a_page_to_log_in_is_not_an_empty_listing(server):
    server.answer(200, "<html><body>Welcome to the wifi</body></html>", Content_Type="text/html")
    for ask in (lambda store: store.list_objects(), lambda store: store.list_folders()):
        with pytest.raises(StorageFailed, match="What answered s3:ListBucket on s3://bucket/lake/ is not S3"):
            ask(server.open())


def test_a_listing_that_does_not_say_where_it_goes_on_is_an_error(server):
    server.answer(200, list_answer(list_entry("lake/a")).replace("false", "true"))
    with pytest.raises(StorageFailed, match="is not S3"):
        server.open().list_objects()


def page(keys, token):
    """A page of a listing that says that there is more."""
    found = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag><LastModified>2024-01-01T00:00:00Z</LastModified></Contents>"
        for key in keys
    )
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    return f"<ListBucketResult>{more}{found}</ListBucketResult>"


@pytest.mark.parametrize("ask", ["list_objects", "list_folders"])
def test_a_listing_that_leads_to_the_same_page_again_is_an_error(server, ask):
    server.answer(200, page(["lake/a"], "same"))
    with pytest.raises(StorageFailed, match="of s3://bucket/lake does not end: the next page is the same again"):
        getattr(server.open(), ask)()
    assert len(server.asked) == 2


@pytest.mark.parametrize("ask", ["list_objects", "list_folders"])
def test_a_listing_of_empty_pages_that_says_there_is_more_is_an_error(server, ask, monkeypatch):
    monkeypatch.setattr("lakekit.storage.listing.MOST_IDLE_PAGES", 3)
    for number in range(10):
        server.answer(200, page([], f"token-{number}"))
    with pytest.raises(StorageFailed, match="listing of s3://bucket/lake does not end: 4 pages held nothing new"):
        getattr(server.open(), ask)()


@pytest.mark.parametrize("ask", ["list_objects", "list_folders"])
def test_many_empty_pages_in_a_row_are_listed_through(server, ask):
    for number in range(200):  # S3 may give such where much was deleted
        server.answer(200, page([], f"token-{number}"))
    folder = "<CommonPrefixes><Prefix>lake/t/</Prefix></CommonPrefixes>"
    server.answer(200, list_answer(list_entry("lake/t/a.parquet"), more=folder))
    assert len(getattr(server.open(), ask)()) == 1


@pytest.mark.parametrize("path", ["a.parquet", "day=1//a.parquet"])  # obstore and boto3
@pytest.mark.parametrize("etag", [None, "e"])
def test_an_answer_that_is_longer_than_asked_is_an_error(server, path, etag):
    named = {"Content_Range": "bytes 0-3/100", "ETag": '"e"', "Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    server.answer(206, "0123456789", **named)
    with pytest.raises(StorageFailed, match=r"Of s3://bucket/lake/.* came (10|5) bytes or more, for 4 asked for"):
        server.open().read_range(path, 0, 4, etag=etag)


def test_etags_are_sent_in_quotes(server):
    server.answer(206, "PAR1", Content_Range="bytes 0-3/100", ETag='"e1"')
    server.open().read_range("a b", 0, 4, etag="e1")
    server.open().read_range("a//b", 0, 4, etag="e1")
    for _, path, headers in server.asked:
        named = {name.lower(): value for name, value in headers.items()}
        assert (named["if-match"], named["range"]) == ('"e1"', "bytes=0-3"), path
    assert [path for _, path, _ in server.asked] == ["/bucket/lake/a%20b", "/bucket/lake/a//b"]


def test_a_bucket_that_does_not_exist_is_named(aws):
    for ask in (
        lambda store: store.list_objects(),
        lambda store: store.list_folders(),
        lambda store: store.read_range("a", 0, 1),
    ):
        with pytest.raises(NoFilesFound, match="There is no bucket 'no-such-bucket'"):
            ask(open_store("s3://no-such-bucket/lake", aws))


def test_the_region_that_a_listing_tells_is_remembered(monkeypatch):
    from lakekit.storage.aws import remember_bucket_region

    storage = Storage(access_key_id="a", secret_access_key="b")
    remember_bucket_region(storage, "bucket-in-ireland", "eu-west-1")
    config = storage.obstore("bucket-in-ireland").config
    assert config["region"] == "eu-west-1"
    assert config["endpoint"] == "https://bucket-in-ireland.s3.eu-west-1.amazonaws.com"


def test_a_region_that_was_given_and_is_not_the_buckets_is_an_error_that_names_it():
    store = open_store("s3://bucket/x", Storage(region="us-east-1", access_key_id="a", secret_access_key="b"))
    answer = {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "eu-west-1"}}}
    with pytest.raises(WrongRegion, match='is in eu-west-1, not in us-east-1.*\n.*pass region="eu-west-1"'):
        store._learn_region(answer)


def test_a_bucket_with_a_dot_is_asked_for_by_path():
    storage = Storage(region="eu-west-1", access_key_id="a", secret_access_key="b")
    assert storage.obstore("data.example.org").config["endpoint"] == "https://s3.eu-west-1.amazonaws.com"
