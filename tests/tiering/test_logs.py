"""Lines of S3 server access logs are read with the quirks of real ones; what makes no sense is counted and kept.

The line with 27 fields is the user guide's own: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument, NoFilesFound
from lakekit.tiering import parse_access_log_line, read_access_logs
from lakekit.tiering.logs import FIELD_NAMES

OFFICIAL = (
    "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket1 [06/Feb/2019:00:01:57 +0000]"
    " 192.0.2.3 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be DD6CC733AEXAMPLE REST.PUT.OBJECT"
    ' s3-dg.pdf "PUT /amzn-s3-demo-bucket1/s3-dg.pdf HTTP/1.1" 200 - - 4406583 41754 28 "-" "S3Console/0.4" -'
    " 10S62Zv81kBW7BB6SX4XJ48o6kpcl6LPwEoizZQQxJd5qDSCTLX0TgS37kYUBKQW3+bPdrg1234= SigV4 ECDHE-RSA-AES128-SHA"
    " AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com TLSV1.2 - Yes us-east-1"
)


def make_line(
    *, key="t/a.parquet", operation="REST.GET.OBJECT", status=200, sent=10, bucket="lake",
    at="01/Jan/2026:10:00:00 +0000", uri='"GET /lake/t/a.parquet HTTP/1.1"', referer='"-"', agent='"duckdb"', tail=" -",
):  # fmt: skip
    head = f"own {bucket} [{at}] 192.0.2.3 me ID {operation} {key} {uri} {status} - {sent} 4096 41 28"
    return f"{head} {referer} {agent}{tail}"


def test_the_line_of_the_user_guide_has_27_fields():
    line = parse_access_log_line(OFFICIAL)
    assert (line.fields, len(FIELD_NAMES)) == (27, 27)
    assert (line.operation, line.key, line.http_status, line.error_code) == ("REST.PUT.OBJECT", "s3-dg.pdf", 200, None)
    assert (line.bytes_sent, line.object_size, line.total_time_ms, line.turn_around_ms) == (None, 4406583, 41754, 28)
    assert (line.version_id, line.acl_required, line.source_region) == (None, "Yes", "us-east-1")
    assert line.time == datetime(2019, 2, 6, 0, 1, 57, tzinfo=UTC)
    assert line.more == ()


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"agent": '"aws "quoted" agent, with - inside"'}, "user_agent", 'aws "quoted" agent, with - inside'),
        ({"agent": "-"}, "user_agent", None),
        ({"agent": '""'}, "user_agent", None),
        ({"referer": '"https://example.com/a "b" c"'}, "referer", 'https://example.com/a "b" c'),
        ({"uri": "-"}, "request_uri", None),
        ({"uri": '"GET /lake/a"b HTTP/1.1"'}, "request_uri", 'GET /lake/a"b HTTP/1.1'),
        ({"sent": "-"}, "bytes_sent", None),
        ({"status": "-"}, "http_status", None),
        ({"key": "-"}, "key", None),
        ({"tail": ""}, "version_id", None),
        ({"tail": " abc123"}, "version_id", "abc123"),
        ({"tail": " - host= SigV4 - AuthHeader h TLSv1.3 - - eu-west-1 new1 new2"}, "more", ("new1", "new2")),
        ({"tail": " - host= SigV4 - AuthHeader h TLSv1.3 - - eu-west-1 new1"}, "source_region", "eu-west-1"),
        ({"at": "01/Jan/2026:01:30:00 +0200"}, "time", datetime(2025, 12, 31, 23, 30, tzinfo=UTC)),
    ],
)
def test_quirks_of_real_lines(change, field, value):
    line = parse_access_log_line(make_line(**change))
    assert getattr(line, field) == value
    assert line.turn_around_ms == 28


@pytest.mark.parametrize(("tail", "count"), [("", 17), (" -", 18), (" - host=", 19), (" - h SigV4 - A h TLS", 24)])
def test_older_lines_have_fewer_fields(tail, count):
    assert parse_access_log_line(make_line(tail=tail)).fields == count


CUT = make_line()
MALFORMED = [
    CUT[: CUT.index("200")],  # cut off in the middle
    CUT[:-12],  # within the user agent
    "not a log line at all",
    make_line(at="31/Feb/2026:10:00:00 +0000"),
    make_line(at="01/Foo/2026:10:00:00 +0000"),
    make_line(sent="many"),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_line_is_refused(text):
    with pytest.raises(InvalidArgument, match="This is not a line|is not the time of a line"):
        parse_access_log_line(text)


@given(st.text(max_size=300))
def test_no_text_makes_it_fail_in_another_way(text):
    try:
        assert parse_access_log_line(text).fields >= 17
    except InvalidArgument:
        pass


@given(st.integers(0, len(OFFICIAL)))
def test_a_line_cut_off_anywhere_is_refused_or_has_fewer_fields(length):
    try:
        line = parse_access_log_line(OFFICIAL[:length])
    except InvalidArgument:
        return
    assert line.fields < 27 or length >= len(OFFICIAL) - len("us-east-1") + 1
    assert line.key == "s3-dg.pdf"


def test_reads_are_gets_that_were_answered_and_all_else_is_counted(tmp_path):
    lines = [
        make_line(sent=100),
        make_line(status=206, sent=50, at="02/Jan/2026:10:00:00 +0000"),
        make_line(operation="REST.COPY.OBJECT_GET", sent="-"),
        make_line(operation="REST.HEAD.OBJECT"),
        make_line(operation="REST.GET.BUCKET", key="-"),
        make_line(status=304, sent="-"),
        make_line(status=403, sent=243),
        make_line(operation="S3.TRANSITION_SIA.OBJECT", status="-"),
        "",
        *MALFORMED[:3],
    ]
    (tmp_path / "2026-01-01-00-00-00-AB").write_text("\n".join(lines), encoding="utf-8")
    reads = read_access_logs(tmp_path)
    assert reads.frame["requests"].sum() == 3
    assert reads.frame["bytes"].sum() == 150
    assert reads.bucket == "lake"
    assert reads.ignored == {
        "REST.HEAD.OBJECT": 1,
        "REST.GET.BUCKET": 1,
        "REST.GET.OBJECT answered 304": 1,
        "REST.GET.OBJECT answered 403": 1,
        "S3.TRANSITION_SIA.OBJECT": 1,
    }
    # every line that is not empty is somewhere
    assert reads.lines == 11 == 3 + 5 + reads.malformed.height
    assert reads.malformed["line"].to_list() == [10, 11, 12]
    assert reads.malformed["file"].unique().to_list() == ["2026-01-01-00-00-00-AB"]
    assert (reads.first_at, reads.last_at) == (
        datetime(2026, 1, 1, 10, tzinfo=UTC),
        datetime(2026, 1, 2, 10, tzinfo=UTC),
    )
    assert "malformed: 3 lines, see .malformed" in repr(reads)
    assert "3 lines" in reads._repr_html_()


def test_bytes_that_are_no_text_are_malformed_not_fatal(tmp_path):
    (tmp_path / "log").write_bytes(b"\xff\xfe\x00 nonsense\n" + make_line().encode())
    reads = read_access_logs(tmp_path / "log")
    assert (reads.frame.height, reads.malformed.height) == (1, 1)


def test_gzip_and_folders_of_any_depth(tmp_path):
    (tmp_path / "2026" / "01").mkdir(parents=True)
    (tmp_path / "2026" / "01" / "a.gz").write_bytes(gzip.compress(make_line().encode()))
    (tmp_path / "b").write_text(make_line())
    assert read_access_logs(tmp_path).frame.height == 2
    assert read_access_logs([tmp_path / "b", tmp_path / "2026"]).frame.height == 2


def test_logs_are_read_from_where_s3_puts_them(storage, bucket):
    client = storage.boto3("s3")
    for number, body in enumerate([make_line(), gzip.compress(make_line().encode()), b"cut off"]):
        client.put_object(Bucket=bucket, Key=f"logs/{number}", Body=body)
    reads = read_access_logs(f"s3://{bucket}/logs", storage=storage)
    assert (reads.frame.height, reads.malformed.select("file", "line").rows()) == (2, [("2", 1)])
    with pytest.raises(NoFilesFound, match=f"There is no log file under s3://{bucket}/other"):
        read_access_logs(f"s3://{bucket}/other", storage=storage)


def test_gzip_that_was_cut_off_is_read_as_far_as_it_goes_and_counted(tmp_path):
    packed = gzip.compress("\n".join([make_line(sent=number) for number in range(1000)]).encode())
    (tmp_path / "log.gz").write_bytes(packed[: len(packed) // 2])
    reads = read_access_logs(tmp_path)
    assert 0 < reads.frame.height < 1000
    assert "gzip" in reads.malformed["text"][-1]


def test_logs_of_several_buckets_ask_which(tmp_path):
    (tmp_path / "log").write_text("\n".join([make_line(), make_line(bucket="other"), make_line(bucket="other")]))
    with pytest.raises(InvalidArgument, match="of 2 buckets: lake, other.\nHint: say which: bucket="):
        read_access_logs(tmp_path)
    reads = read_access_logs(tmp_path, bucket="lake")
    assert (reads.frame.height, reads.ignored) == (1, {"of other buckets": 2})


def test_no_files_is_an_error(tmp_path):
    with pytest.raises(NoFilesFound, match="There is no log file in"):
        read_access_logs(tmp_path)
    with pytest.raises(NoFilesFound, match="There is no log file .*none"):
        read_access_logs(tmp_path / "none")
