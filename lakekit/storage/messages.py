"""HTTP messages as far as a proxy must understand them: what a request asks for, and where a message ends.

It must not change a byte, nor wait for any: it is given bytes and says what they are.
"""

from urllib.parse import parse_qs, unquote

KINDS = ("GET", "HEAD", "LIST", "PUT", "DELETE", "OTHER")

# GET of a bucket with nothing but these is the older way to list it; GET of an object with those reads about it.
_LIST_PARAMETERS = {"", "delimiter", "encoding-type", "marker", "max-keys", "prefix"}
_ABOUT_OBJECTS = {"acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId"}


def classify_request(method: str, target: str) -> tuple[str, str]:
    """The kind of a request, one of KINDS, and the "bucket/key" it is about; of a LIST, the "bucket/prefix".

    Only GETs are told apart: GET reads an object, LIST lists the objects of a bucket, all else is OTHER. The parts of
    a multipart upload are PUTs; its begin and its end are POSTs, and OTHER.

    Example:
        >>> classify_request("GET", "/lake/d%3D1/a.parquet")
        ('GET', 'lake/d=1/a.parquet')
        >>> classify_request("GET", "/lake?list-type=2&prefix=d%3D1%2F")
        ('LIST', 'lake/d=1/')
        >>> classify_request("GET", "/")[0], classify_request("GET", "/lake?location")[0]
        ('OTHER', 'OTHER')
    """
    path, _, query = target.partition("?")
    path = unquote(path.removeprefix("/"))
    if method != "GET":
        return (method if method in ("HEAD", "PUT", "DELETE") else "OTHER"), path
    bucket, _, key = path.partition("/")
    names = {parameter.partition("=")[0] for parameter in query.split("&")}
    if key:
        return ("OTHER" if names & _ABOUT_OBJECTS else "GET"), path
    if bucket and ("list-type" in names or names <= _LIST_PARAMETERS):
        return "LIST", f"{bucket}/{parse_qs(query).get('prefix', [''])[0]}"
    return "OTHER", path


class LengthBody:
    """A body of so many bytes; of `math.inf`, one that ends with its connection."""

    def __init__(self, length: float):
        self._left = length
        self.content_bytes = 0

    @property
    def done(self) -> bool:
        return self._left == 0

    def take(self, data: bytes, start: int) -> int:
        """Where in `data`, from `start` on, what belongs to this body ends."""
        count = min(len(data) - start, self._left)
        self._left -= count
        self.content_bytes += count
        return start + count


class ChunkedBody:
    """A body in chunks, each with its length before it (Transfer-Encoding: chunked)."""

    def __init__(self):
        self.done = False
        self.content_bytes = 0
        self._left = 0  # of a chunk and the line's end behind it
        self._line = b""
        self._last = False

    def take(self, data: bytes, start: int) -> int:
        """Where in `data`, from `start` on, what belongs to this body ends."""
        while start < len(data) and not self.done:
            if self._left:
                count = min(self._left, len(data) - start)
                self._left -= count
                start += count
                continue
            end = data.find(b"\n", start)
            if end < 0:
                self._line += data[start:]
                return len(data)
            self._take_line((self._line + data[start:end]).strip())
            self._line, start = b"", end + 1
        return start

    def _take_line(self, line: bytes) -> None:
        if self._last:  # headers behind the last chunk, then an empty line
            self.done = not line
            return
        size = int(line.partition(b";")[0], 16)
        self.content_bytes += size
        self._left = size + 2 if size else 0
        self._last = not size


def find_header(head: bytes, name: bytes) -> bytes:
    """The value of a header, whose name is given in small letters; b"" when it is not there."""
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()


def make_body(head: bytes, otherwise: float) -> LengthBody | ChunkedBody:
    """The body that a head announces; of length `otherwise` when it says nothing."""
    if b"chunked" in find_header(head, b"transfer-encoding").lower():
        return ChunkedBody()
    length = find_header(head, b"content-length")
    return LengthBody(int(length) if length else otherwise)
