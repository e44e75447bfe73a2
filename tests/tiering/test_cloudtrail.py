"""CloudTrail's data events become reads; what is no event is counted and kept."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from lakekit.errors import InvalidArgument
from lakekit.tiering import read_cloudtrail


def make_event(name="GetObject", *, key="t/a.parquet", bucket="lake", sent=10, **more):
    return {
        "eventTime": "2026-01-01T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "requestParameters": {"bucketName": bucket, "key": key},
        "additionalEventData": {"bytesTransferredOut": sent},
        **more,
    }


EVENTS = [
    make_event(sent=100.0),
    make_event("HeadObject"),
    make_event(errorCode="AccessDenied"),
    make_event(
        "CopyObject", requestParameters={"bucketName": "x", "key": "y", "x-amz-copy-source": "/lake/t/b%3D1.parquet"}
    ),
    make_event("PutObject"),
    make_event(eventSource="kms.amazonaws.com", eventName="Decrypt"),
    {"eventName": "GetObject"},
    {"eventName": "GetObject", "eventTime": "yesterday"},
    "not an event",
]


def write_records(path, events):
    path.write_text(json.dumps({"Records": events}))


def write_list(path, events):
    path.write_text(json.dumps(events))


def write_lines(path, events):
    path.write_text("\n".join(json.dumps(event) if isinstance(event, dict) else event for event in events))


def write_gzip(path, events):
    path.write_bytes(gzip.compress(json.dumps({"Records": events}).encode()))


@pytest.mark.parametrize("write", [write_records, write_list, write_lines, write_gzip])
def test_reads_are_taken_and_all_else_is_counted(tmp_path, write):
    write(tmp_path / "trail.json", EVENTS)
    reads = read_cloudtrail(tmp_path)
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert reads.frame.rows() == [("t/a.parquet", at, 1, 100), ("t/b=1.parquet", at, 1, 0)]
    assert reads.bucket == "lake"
    assert reads.ignored == {
        "HeadObject": 1, "GetObject with AccessDenied": 1, "PutObject": 1, "of kms.amazonaws.com": 1,
    }  # fmt: skip
    assert reads.malformed["reason"].to_list() == [
        "no event: KeyError: 'eventTime'",
        "no event: ValueError: Invalid isoformat string: 'yesterday'",
        "not a JSON event",
    ]
    assert reads.lines == len(EVENTS) == 2 + 4 + 3


def test_events_of_several_buckets_ask_which(tmp_path):
    write_records(tmp_path / "trail.json", [make_event(), make_event(bucket="other")])
    with pytest.raises(InvalidArgument, match="of 2 buckets: lake, other"):
        read_cloudtrail(tmp_path)
    assert read_cloudtrail(tmp_path, bucket="other").frame.height == 1


def test_a_file_that_is_no_json_is_malformed(tmp_path):
    (tmp_path / "trail.json").write_text('{"Records": [{"eventName"')
    reads = read_cloudtrail(tmp_path)
    assert (reads.frame.height, reads.malformed.height) == (0, 1)
