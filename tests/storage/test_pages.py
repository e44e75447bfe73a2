"""Pages of a listing are read past boto3's parser and tell the same, whatever server wrote them."""

from datetime import UTC, datetime

import polars as pl
import pytest

from lakekit.errors import StorageFailed
from lakekit.storage import StoredObject
from lakekit.storage.columns import column_types, list_columns, list_stored, tabulate_objects
from lakekit.storage.pages import ENTRIES, make_entry, tabulate_entries, taking_entries

AT = datetime(2024, 1, 5, 12, 0, 0, 500_000, UTC)
AWS = (
    "<Contents><Key>{key}</Key><LastModified>2024-01-05T12:00:00.500Z</LastModified>"
    "<ETag>&quot;e-1&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><Size>7</Size>"
    "<StorageClass>STANDARD_IA</StorageClass></Contents>"
)
OTHER = """
  <Contents>
    <StorageClass>STANDARD_IA</StorageClass><Size>7</Size><ETag>&#34;e-1&#34;</ETag>
    <Owner><ID>1</ID><DisplayName>me</DisplayName></Owner>
    <LastModified>2024-01-05T12:00:00.5Z</LastModified><Key>{key}</Key>
  </Contents>"""
PREFIXED = AWS.replace("<", "<s:").replace("<s:/", "</s:")


def page(*entries, encoding="", prefix=""):
    name = f"{prefix}ListBucketResult"
    space = f'xmlns{":s" if prefix else ""}="http://s3.amazonaws.com/doc/2006-03-01/"'
    told = f"<{prefix}IsTruncated>false</{prefix}IsTruncated>{encoding}"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {space}>{told}{"".join(entries)}</{name}>'


def list_page(server, text):
    server.answer(200, text)
    return server.open("s3://bucket").list_objects()


@pytest.mark.parametrize("form", [AWS, OTHER], ids=["AWS", "another service"])
def test_every_form_of_an_entry_tells_the_same(server, form):
    found = list_page(server, page(form.format(key="a=1/x"), form.format(key="b/ü")))
    assert found == [StoredObject(path, 7, AT, "e-1", "STANDARD_IA") for path in ("a=1/x", "b/ü")]


def test_tags_may_have_a_prefix(server):
    text = page(PREFIXED.format(key="x"), prefix="s:")
    assert list_page(server, text) == [StoredObject("x", 7, AT, "e-1", "STANDARD_IA")]


@pytest.mark.parametrize(
    ("told", "key"),
    [
        ("a%3D1/b+c%2Bd", "a=1/b c+d"),
        ("%C3%BC%0Ax", "ü\nx"),
        ("100%25", "100%"),
        ("a%26b", "a&b"),
    ],
)
def test_keys_that_are_encoded_for_an_url_are_decoded(server, told, key):
    encoding = "<EncodingType>url</EncodingType>"
    found = list_page(server, page(AWS.format(key=told), AWS.format(key="z"), encoding=encoding))
    assert {item.path for item in found} == {key, "z"}


@pytest.mark.parametrize(("told", "key"), [("a&amp;b", "a&b"), ("a&#x3D;b", "a=b"), ("a+b%20", "a+b%20")])
def test_keys_that_are_not_are_taken_as_they_are(server, told, key):
    assert [item.path for item in list_page(server, page(AWS.format(key=told)))] == [key]


def test_what_an_entry_does_not_tell_is_the_same_as_ever(server):
    short = "<Contents><Key>x</Key><LastModified>2024-01-05T12:00:00Z</LastModified><Size>1</Size></Contents>"
    found = list_page(server, page(short, AWS.format(key="y")))
    assert found[0] == StoredObject("x", 1, AT.replace(microsecond=0), "", "STANDARD")
    assert found[1].etag == "e-1"


@pytest.mark.parametrize(("progress", "restored"), [("false", True), ("true", False)])
def test_restored_copies_are_told(server, progress, restored):
    status = (
        f"<RestoreStatus><IsRestoreInProgress>{progress}</IsRestoreInProgress>"
        "<RestoreExpiryDate>2024-02-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>"
    )
    archived = AWS.replace("STANDARD_IA", "GLACIER").format(key="x").replace("</Contents>", status)
    found = list_page(server, page(archived, AWS.format(key="y")))
    assert [(item.restored, item.is_archived) for item in found] == [(restored, not restored), (False, False)]


def test_times_that_are_written_otherwise_are_read_all_the_same(server):
    other = AWS.format(key="x").replace("2024-01-05T12:00:00.500Z", "2024-01-05T13:00:00.500+01:00")
    assert [item.modified_at for item in list_page(server, page(other, AWS.format(key="y")))] == [AT, AT]


@pytest.mark.parametrize("text", ["<html><Contents><Key>x</Key></Contents></html>", "no XML", ""])
def test_what_is_no_page_is_refused_as_ever(server, text):
    with pytest.raises(StorageFailed):
        list_page(server, text)


def test_an_error_that_comes_as_an_answer_is_an_error_as_ever(server):
    server.answer(200, "<Error><Code>InternalError</Code><Message>try again</Message></Error>")
    server.answer(200, page(AWS.format(key="x")))
    assert [item.path for item in server.open("s3://bucket").list_objects()] == ["x"]
    assert len(server.asked) == 2  # boto3 tried again


def test_pages_are_read_once(server, monkeypatch):
    """Not by botocore too, which looks for errors in each answer: half of the time of a listing."""
    from botocore import handlers

    bodies = []
    look = handlers._looks_like_special_case_error
    monkeypatch.setattr(
        handlers, "_looks_like_special_case_error", lambda status, body: bodies.append(body) or look(status, body)
    )
    assert len(list_page(server, page(*(AWS.format(key=f"k{number}") for number in range(9))))) == 9
    assert [b"Contents" in body for body in bodies] == [False]


def test_who_asks_boto3_beside_gets_what_boto3_gives(server):
    client = server.storage.boto3("s3")
    server.answer(200, page(AWS.format(key="x")))
    with taking_entries(client):
        taken = client.list_objects_v2(Bucket="bucket")
    plain = client.list_objects_v2(Bucket="bucket")
    assert [entry.key for entry in taken[ENTRIES]] == ["x"] and "Contents" not in taken
    assert [entry["Key"] for entry in plain["Contents"]] == ["x"] and ENTRIES not in plain


def test_entries_become_columns():
    entries = [make_entry("1", "2024-01-05T12:00:00.500Z", "e", "GLACIER", True, "lake/a\nb")]
    frame = tabulate_entries(entries, skip=5)
    assert frame.rows() == [("a\nb", 1, AT, "e", "GLACIER", True)]
    assert dict(frame.schema) == column_types()
    assert dict(tabulate_entries([], skip=0).schema) == column_types()


def test_columns_tell_what_objects_do(place):
    for path in ("b", "a=1/x", "ü"):
        place.put(path)
    listed = list_columns(place.store)
    assert dict(listed.schema) == column_types()
    assert list_stored(listed) == place.store.list_objects()
    assert tabulate_objects(place.store.list_objects()).equals(listed)


def test_an_empty_place_has_the_same_columns(place):
    assert dict(list_columns(place.store).schema) == column_types()
    assert list_columns(place.store).height == 0


def test_progress_is_told_of_columns_too(place):
    for number in range(3):
        place.put(f"{number}")
    seen = []
    list_columns(place.store, on_progress=seen.append)
    assert seen[-1] == 3
    assert isinstance(list_columns(place.store), pl.DataFrame)
