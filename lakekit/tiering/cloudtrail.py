"""Reads from CloudTrail data events: JSON files as CloudTrail delivers them, plain or gzip.

It must not decide who is hot: it turns events into reads, and keeps what it could not understand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakekit.tiering.reads import LogSource, Reads, ReadsBuilder, iterate_lines, iterate_logs, parse_utc

if TYPE_CHECKING:
    from lakekit.storage import Storage

_READS = ("GetObject", "SelectObjectContent")
_COPIES = ("CopyObject", "UploadPartCopy")  # which read their source


def read_cloudtrail(source: LogSource, *, bucket: str | None = None, storage: Storage | None = None) -> Reads:
    """Reads from files of CloudTrail data events of S3.

    A read is GetObject, SelectObjectContent or the source of a copy, without an error. All other events are counted
    in ``ignored``; what is no event is in ``malformed``, with file, position and reason.

    Args:
        source: a JSON file ({"Records": […]}, a list of events, or one event a line; gzip is unpacked), a folder of
            such files at any depth, several of them, or an URL such as ``"s3://bucket/AWSLogs/"``.
        bucket: only of this bucket; needed when the events are of several.
        storage: how to reach the URL; the environment's if not given.

    Raises:
        NoFilesFound: there is no such file.
        InvalidArgument: the events are of several buckets, and none was named.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> trail = Path(tempfile.mkdtemp()) / "trail.json"
        >>> asked = {"bucketName": "lake", "key": "t/a.parquet"}
        >>> event = {"eventTime": "2026-01-01T10:00:00Z", "eventName": "GetObject", "requestParameters": asked}
        >>> _ = trail.write_text(json.dumps({"Records": [event]}))
        >>> read_cloudtrail(trail).frame["path"].to_list()
        ['t/a.parquet']
    """
    builder = ReadsBuilder("CloudTrail data events", bucket or "")
    for file, content in iterate_logs(source, storage):
        for number, event in _iterate_events(content):
            if not isinstance(event, Mapping):
                builder.fail(file, number, "not a JSON event", str(event))
                continue
            try:
                at = parse_utc(event["eventTime"])
                name = str(event["eventName"])
            except (KeyError, TypeError, ValueError) as exc:
                builder.fail(file, number, f"no event: {type(exc).__name__}: {exc}", json.dumps(event))
                continue
            builder.see(at)
            for path, size_bytes, owner in _find_reads(builder, name, event):
                builder.add(path, at, size_bytes, bucket=owner)
    return builder.build()


def _iterate_events(text: str) -> Iterator[tuple[int, Any]]:
    """Events with their position, from 1; what is no JSON comes as text."""
    try:
        content = json.loads(text)
    except ValueError:
        for number, line in iterate_lines(text):
            try:
                yield number, json.loads(line)
            except ValueError:
                yield number, line
        return
    records = content.get("Records", [content]) if isinstance(content, Mapping) else content
    yield from enumerate(records if isinstance(records, list) else [records], 1)


def _find_reads(builder: ReadsBuilder, name: str, event: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Key, bytes and bucket of what an event read; says to the builder why it read nothing."""
    if event.get("eventSource", "s3.amazonaws.com") != "s3.amazonaws.com":
        builder.ignore(f"of {event['eventSource']}")
    elif event.get("errorCode"):
        builder.ignore(f"{name} with {event['errorCode']}")
    elif (found := _find_object(name, event)) is None:
        builder.ignore(name)
    elif builder.bucket and found[0] != builder.bucket:
        builder.ignore("of other buckets")
    else:
        details = event.get("additionalEventData") or {}
        sent = details.get("bytesTransferredOut", 0) if name in _READS else 0
        yield found[1], int(sent or 0), found[0]


def _find_object(name: str, event: Mapping[str, Any]) -> tuple[str, str] | None:
    """The bucket and key that an event read, if it did."""
    parameters = event.get("requestParameters") or {}
    if name in _READS and parameters.get("bucketName") and parameters.get("key"):
        return str(parameters["bucketName"]), str(parameters["key"])
    if name in _COPIES and parameters.get("x-amz-copy-source"):
        copied = unquote(str(parameters["x-amz-copy-source"])).lstrip("/").partition("?")[0]
        bucket, _, key = copied.partition("/")
        return (bucket, key) if bucket and key else None
    return None
