"""What a request asks for, and where a message ends, however its bytes arrive."""

import math

import pytest

from lakekit.storage.messages import ChunkedBody, LengthBody, classify_request, find_header, make_body

CHUNKED = b"4\r\nPAR1\r\n1a;name=value\r\n" + b"x" * 26 + b"\r\n0\r\nX-Trailer: 1\r\n\r\n"  # 4 + 26 = 30 bytes


@pytest.mark.parametrize(
    ("method", "target", "kind", "path"),
    [
        ("GET", "/lake/d=1/a.parquet", "GET", "lake/d=1/a.parquet"),
        ("GET", "/lake/d%3D1/a%20b.parquet?x-id=GetObject", "GET", "lake/d=1/a b.parquet"),
        ("GET", "/lake/a?versionId=3&partNumber=1", "GET", "lake/a"),
        ("GET", "/lake//a", "GET", "lake//a"),
        ("GET", "/lake/a?acl", "OTHER", "lake/a"),
        ("GET", "/lake/a?uploadId=7", "OTHER", "lake/a"),
        ("GET", "/lake?list-type=2&prefix=d%3D1%2F&max-keys=2", "LIST", "lake/d=1/"),
        ("GET", "/lake/?list-type=2", "LIST", "lake/"),
        ("GET", "/lake?prefix=a&delimiter=%2F", "LIST", "lake/a"),
        ("GET", "/lake", "LIST", "lake/"),
        ("GET", "/lake?location", "OTHER", "lake"),
        ("GET", "/", "OTHER", ""),
        ("HEAD", "/lake/a", "HEAD", "lake/a"),
        ("HEAD", "/lake", "HEAD", "lake"),
        ("PUT", "/lake/a?partNumber=1&uploadId=7", "PUT", "lake/a"),
        ("DELETE", "/lake/a", "DELETE", "lake/a"),
        ("POST", "/lake/a?uploads", "OTHER", "lake/a"),
        ("POST", "/lake?delete", "OTHER", "lake"),
    ],
)
def test_requests_are_told_apart(method, target, kind, path):
    assert classify_request(method, target) == (kind, path)


@pytest.mark.parametrize("step", range(1, len(CHUNKED) + 2))
def test_a_chunked_body_ends_where_it_ends(step):
    body, data, taken = ChunkedBody(), CHUNKED + b"GET", 0
    while not body.done:
        piece = data[taken : taken + step]
        taken += body.take(piece, 0)
    assert (taken, body.content_bytes) == (len(CHUNKED), 30)


def test_a_body_with_a_length_ends_there():
    body = LengthBody(5)
    assert (body.take(b"head12", 4), body.done) == (6, False)
    assert (body.take(b"345GET", 0), body.done, body.content_bytes) == (3, True, 5)


def test_a_body_may_end_with_its_connection():
    body = make_body(b"HTTP/1.1 200 OK\r\nServer: x\r\n", math.inf)
    assert (body.take(b"abc", 0), body.done, body.content_bytes) == (3, False, 3)


def test_the_head_says_how_the_body_ends():
    assert isinstance(make_body(b"PUT / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n", 0), ChunkedBody)
    assert not make_body(b"PUT / HTTP/1.1\r\nCONTENT-LENGTH:7\r\n", 0).done
    assert make_body(b"GET / HTTP/1.1\r\nX-Content-Length: 7\r\n", 0).done


def test_headers_are_found_by_their_whole_name():
    head = b"GET / HTTP/1.1\r\nx-amz-range: no\r\nRange:  bytes=0-9 \r\nHost: a\r\n"
    assert find_header(head, b"range") == b"bytes=0-9"
    assert find_header(head, b"if-match") == b""


def test_a_length_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="invalid literal"):
        make_body(b"PUT / HTTP/1.1\r\nContent-Length: many\r\n", 0)
