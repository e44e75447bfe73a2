"""Reads from S3 server access logs, with the quirks that real ones have.

It must not decide who is hot: it turns lines into reads, and keeps what it could not understand.

A line has 27 fields. What differs between real lines: fields that are "-"; older lines end after 18, 19 or 24 fields,
newer ones may have more than 27; a user agent may hold quotes; keys are percent-encoded, at times twice; a line may be
cut off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from lakekit.errors import InvalidArgument
from lakekit.tiering.reads import LogSource, Reads, ReadsBuilder, iterate_lines, iterate_logs

if TYPE_CHECKING:
    from lakekit.storage import Storage

# S3 user guide, "Amazon S3 server access log format", read 2026-04-13
_FIXED = re.compile(
    r"(?P<bucket_owner>\S+) (?P<bucket>\S+) \[(?P<time>[^\]]*)\] (?P<remote_ip>\S+) (?P<requester>\S+)"
    r" (?P<request_id>\S+) (?P<operation>\S+) (?P<key>\S+)"
    r' (?:"(?P<request_uri>.*?)"(?= (?:\d{3}|-) )|-) (?P<http_status>\d{3}|-) (?P<error_code>\S+)'
    r" (?P<bytes_sent>\d+|-) (?P<object_size>\d+|-) (?P<total_time_ms>\d+|-) (?P<turn_around_ms>\d+|-)"
    r' (?:"(?P<referer>.*?)"(?= (?:"|-))|-)'
    r' (?:"(?P<user_agent>.*?)"(?= [^\s"]+(?: [^"]*)?$|$)|-)'
    r"(?P<rest>(?: .*)?)$"
)
_LATER = (
    "version_id", "host_id", "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version",
    "access_point_arn", "acl_required", "source_region",
)  # fmt: skip
_TIME = re.compile(r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_READS = ("REST.GET.OBJECT", "REST.COPY.OBJECT_GET", "REST.COPY.PART_GET", "WEBSITE.GET.OBJECT", "REST.SELECT.OBJECT")
_NUMBERS = ("http_status", "bytes_sent", "object_size", "total_time_ms", "turn_around_ms")
NO_LINE = "not a line of a server access log, or cut off"


@dataclass(frozen=True)
class AccessLogLine:
    """One line of an S3 server access log; None where it has "-" or, being older, no such field.

    Attributes:
        fields: how many fields the line has; 27 today.
        time: UTC.
        key: as logged, percent-encoded.
        bytes_sent, object_size: bytes; total_time_ms, turn_around_ms: milliseconds.
        more: fields after the 27th, which S3 may add at any time.
    """

    fields: int
    bucket_owner: str | None
    bucket: str | None
    time: datetime
    remote_ip: str | None
    requester: str | None
    request_id: str | None
    operation: str
    key: str | None
    request_uri: str | None
    http_status: int | None
    error_code: str | None
    bytes_sent: int | None
    object_size: int | None
    total_time_ms: int | None
    turn_around_ms: int | None
    referer: str | None
    user_agent: str | None
    version_id: str | None = None
    host_id: str | None = None
    signature_version: str | None = None
    cipher_suite: str | None = None
    authentication_type: str | None = None
    host_header: str | None = None
    tls_version: str | None = None
    access_point_arn: str | None = None
    acl_required: str | None = None
    source_region: str | None = None
    more: tuple[str, ...] = ()


def parse_access_log_line(line: str) -> AccessLogLine:
    """The fields of one line of an S3 server access log.

    Raises:
        InvalidArgument: it is not such a line, or is cut off before the user agent ends.

    Example:
        >>> line = parse_access_log_line(
        ...     'own bkt [06/Feb/2019:00:01:57 +0000] 192.0.2.3 me ID REST.GET.OBJECT a.parquet "GET /bkt/a.parquet '
        ...     'HTTP/1.1" 206 - 512 4096 41 28 "-" "duckdb" -'
        ... )
        >>> line.operation, line.key, line.bytes_sent, line.error_code, line.fields
        ('REST.GET.OBJECT', 'a.parquet', 512, None, 18)
    """
    found = _FIXED.match(line.rstrip("\r\n"))
    time = _parse_time(found["time"]) if found else None
    if found is None or time is None:
        what = (
            f"This is {NO_LINE}: {line[:120]!r}." if found is None else f"{found['time']!r} is not the time of a line."
        )
        raise InvalidArgument(what, hint="see the log format in the S3 user guide; read_access_logs counts such lines.")
    rest = (found["rest"] or "").split()
    values = {name: _none_if_dash(value) for name, value in found.groupdict().items() if name not in ("time", "rest")}
    for name in _NUMBERS:
        values[name] = None if values[name] is None else int(values[name])
    later = dict(zip(_LATER, map(_none_if_dash, rest), strict=False))
    count = 17 + len(rest)
    return AccessLogLine(fields=count, time=time, **values, **later, more=tuple(rest[len(_LATER) :]))


FIELD_NAMES = tuple(one.name for one in fields(AccessLogLine) if one.name not in ("fields", "more"))


def _none_if_dash(value: str | None) -> str | None:
    return None if value in ("-", "", None) else value


def _parse_time(text: str) -> datetime | None:
    """ "06/Feb/2019:00:01:57 +0000", whatever the language of this machine."""
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, month, year, hour, minute, second, sign, off_hours, off_minutes = found.groups()
    offset = timedelta(hours=int(off_hours), minutes=int(off_minutes)) * (1 if sign == "+" else -1)
    try:
        numbers = [int(year), _MONTHS[month], *map(int, (day, hour, minute, second))]
        return datetime(*numbers, tzinfo=timezone(offset)).astimezone(UTC)
    except ValueError:
        return None


def read_access_logs(source: LogSource, *, bucket: str | None = None, storage: Storage | None = None) -> Reads:
    """Reads from files of S3 server access logs; gzip is unpacked.

    A read is a GET of an object, also as the source of a copy, that was answered with 200 or 206. All other lines are
    counted in ``ignored``; lines that make no sense are in ``malformed``, with file, line and reason.

    Args:
        source: a file, a folder of files at any depth, several of them, or an URL such as ``"s3://bucket/logs/"``.
        bucket: only of this bucket; needed when the logs are of several.
        storage: how to reach the URL; the environment's if not given.

    Raises:
        NoFilesFound: there is no such file.
        InvalidArgument: the logs are of several buckets, and none was named.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> log = Path(tempfile.mkdtemp()) / "log"
        >>> _ = log.write_text("not a line of a log")
        >>> read_access_logs(log).malformed.row(0)[1:3]
        (1, 'not a line of a server access log, or cut off')
    """
    builder = ReadsBuilder("S3 server access logs", bucket or "")
    for name, content in iterate_logs(source, storage):
        for number, text in iterate_lines(content):
            try:
                line = parse_access_log_line(text)
            except InvalidArgument:
                builder.fail(name, number, NO_LINE, text)
                continue
            builder.see(line.time)
            _take(builder, line)
    return builder.build()


def _take(builder: ReadsBuilder, line: AccessLogLine) -> None:
    if builder.bucket and line.bucket != builder.bucket:
        builder.ignore("of other buckets")
    elif line.operation not in _READS or line.key is None:
        builder.ignore(line.operation)
    elif line.http_status not in (200, 206):
        builder.ignore(f"{line.operation} answered {line.http_status or '-'}")
    else:
        builder.add(line.key, line.time, line.bytes_sent or 0, bucket=line.bucket or "")
