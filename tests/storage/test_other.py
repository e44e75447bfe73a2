"""File systems of fsspec that tell less than S3 does."""

from datetime import UTC, datetime

import fsspec
import pytest

from lakekit.errors import MissingPackage
from lakekit.storage import Storage, open_store
from lakekit.storage.other import _make_etag, _read_time


def test_an_address_without_a_bucket_works_too():
    fsspec.filesystem("memory").pipe_file("/no-bucket-here/a/b", b"12")
    store = open_store("memory:///no-bucket-here")
    assert [stored.path for stored in store.list_objects()] == ["a/b"]


def test_the_services_own_mark_is_the_etag():
    assert _make_etag({"ETag": '"abc"', "size": 1}) == "abc"
    assert _make_etag({"content_md5": bytearray(b"\x01\xff")}) == "01ff"
    assert (
        _make_etag({"size": 1, "mtime": 5})
        == _make_etag({"size": 1, "mtime": 5})
        != _make_etag({"size": 2, "mtime": 5})
    )


@pytest.mark.parametrize(
    "told", [{"mtime": 1767322800}, {"updated": "2026-01-02T03:00:00Z"}, {"created": "2026-01-02T03:00:00"}]
)
def test_times_are_read_whatever_the_service_calls_them(told):
    assert _read_time(told) == datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_a_service_that_tells_no_time_is_of_1970():
    assert _read_time({"updated": "yesterday"}) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_protocol_whose_package_is_missing_says_which(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingPackage, match="gs://bucket/x needs a package that is not installed.*gcsfs"):
        open_store("gs://bucket/x", Storage(anonymous=True))
