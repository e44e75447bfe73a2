"""A server on loopback that answers ListObjectsV2 as S3 does, over keys that it makes up, after a wait.

It must not hold anything: it is for measuring how long a listing takes.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

import layout

PAGE_KEYS = 1000


class Pages(BaseHTTPRequestHandler):
    """One request: one page."""

    protocol_version = "HTTP/1.1"
    keys: list[str] = []
    wait_seconds = 0.0

    def do_GET(self) -> None:
        time.sleep(self.wait_seconds)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        content = list_page(self.keys, asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


def list_page(keys: list[str], asked: dict[str, str]) -> str:
    """The XML of one page, by the parameters of a request."""
    prefix, after = asked.get("prefix", ""), asked.get("continuation-token") or asked.get("start-after", "")
    start = bisect_right(keys, max(after, prefix))
    if asked.get("delimiter"):
        folders = sorted({prefix + key[len(prefix) :].partition("/")[0] + "/" for key in keys[start:]})[:PAGE_KEYS]
        body, more, last = "".join(f"<CommonPrefixes><Prefix>{f}</Prefix></CommonPrefixes>" for f in folders), False, ""
    else:
        found = keys[start : start + PAGE_KEYS]
        body, more = "".join(map(tell_key, found)), start + PAGE_KEYS < len(keys)
        last = found[-1] if found else ""
    token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bench</Name><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}{body}"
        "</ListBucketResult>"
    )


def tell_key(key: str) -> str:
    return (
        f"<Contents><Key>{quote(key)}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;9bb58f26192e4ba00f01e2e7b136bbd8&quot;</ETag><Size>123456</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


if __name__ == "__main__":
    Pages.keys = [f"lake/events/{path}" for path in layout.list_paths(int(sys.argv[1]))]
    Pages.wait_seconds = float(sys.argv[2]) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    print(server.server_address[1], flush=True)
    server.serve_forever()
