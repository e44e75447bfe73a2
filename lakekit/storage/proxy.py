"""A proxy before an S3 server that adds latency to each request and counts what was asked, on any asyncio loop.

It must not change a byte of what passes, for signatures cover host and headers; it keeps no keys and reads no bodies.
"""

import asyncio
import math
from collections import deque
from typing import Any

from lakekit.storage.messages import KINDS, ChunkedBody, LengthBody, classify_request, find_header, make_body

LOGGED_REQUESTS = 10_000
LONGEST_HEAD_BYTES = 64 * 1024
MOST_HELD_BYTES = 1024 * 1024  # of an answer that waits for its time; then the server waits too


class Tally:
    """What was asked so far: counts by kind, the bytes of the answers' bodies, and the latest requests one by one."""

    def __init__(self):
        self.at_once = 0
        self.reset()

    def reset(self) -> None:
        """Begins anew; requests under way are not counted again, but `most_at_once` knows of them."""
        self.kinds = dict.fromkeys(KINDS, 0)
        self.sent_bytes = 0
        self.most_at_once = self.at_once
        self.log: deque[list] = deque(maxlen=LOGGED_REQUESTS)

    def begin(self, asked: list) -> None:
        """Counts a request, [kind, path, range, status]; its status is 0 until the answer comes."""
        self.kinds[asked[0]] += 1
        self.log.append(asked)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

    def end(self) -> None:
        """One request less is under way."""
        self.at_once -= 1

    def snapshot(self) -> dict[str, int]:
        """The counts now: a new dict of KINDS, "bytes" and "most_at_once"."""
        return self.kinds | {"bytes": self.sent_bytes, "most_at_once": self.most_at_once}


class Proxy:
    """A server on a free port of 127.0.0.1 that passes all on to another server and back.

    Attributes:
        latency_ms: how long each answer is kept back before its first byte goes on; may be changed at any time.
        tally: what was asked.
    """

    def __init__(self, host: str, port: int, *, latency_ms: float = 0):
        self.upstream = (host, port)
        self.latency_ms = latency_ms
        self.tally = Tally()
        self.tasks: set[asyncio.Task] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begins to listen; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ClientSide(self), "127.0.0.1", 0, backlog=1024)
        return self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stops listening; open connections end with the loop."""
        if self._server:
            self._server.close()


class _Side(asyncio.Protocol):
    """One end of a pair of connections; while it cannot take more, nothing is read from the other."""

    transport: Any = None
    other: "_Side"
    body: LengthBody | ChunkedBody | None = None
    unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def find_head(self, data: bytes) -> int:
        """Where the head that `data` begins with ends, behind its empty line; 0 until all of it is there."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.unread = data
            if len(data) > LONGEST_HEAD_BYTES:
                raise ValueError("the head does not end")
        return end + 4 if end >= 0 else 0


class _ClientSide(_Side):
    """The connection of a client: each has one of its own to the server."""

    other: "_ServerSide"

    def __init__(self, proxy: Proxy):
        self.proxy = proxy
        self.other = _ServerSide(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.ensure_future(self._connect())
        self.proxy.tasks.add(task)
        task.add_done_callback(self.proxy.tasks.discard)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.other, *self.proxy.upstream)
        except OSError:
            self.refuse(b"502 Bad Gateway")
            return
        if self.transport.is_closing():
            self.other.transport.abort()
        else:
            self.read_on()

    def data_received(self, data: bytes) -> None:
        if self.unread:
            data, self.unread = self.unread + data, b""
        try:
            self._pass_on(data)
        except ValueError:
            self.refuse(b"400 Bad Request")

    def _pass_on(self, data: bytes) -> None:
        while data:
            start = 0
            if self.body is None or self.body.done:
                if self.other.transport is None or self.other.asked:  # it waits for the connection, or its turn
                    self.unread = data
                    self.transport.pause_reading()
                    return
                start = self.find_head(data)
                if not start:
                    return
                self._begin(data[: start - 2])
            end = self.body.take(data, start)
            self.other.transport.write(data[:end])
            data = data[end:]

    def _begin(self, head: bytes) -> None:
        method, target, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ")
        self.body = make_body(head, 0)
        kind, path = classify_request(method, target)
        self.other.begin([kind, path, find_header(head, b"range").decode("latin-1"), 0], method)

    def refuse(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.transport.close()

    def read_on(self) -> None:
        """Takes the request that had to wait, if there is one."""
        if self.unread and not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.other.drop()


class _ServerSide(_Side):
    """The connection to the server on behalf of one client; its answers are kept back for the latency."""

    other: _ClientSide

    def __init__(self, client: _ClientSide):
        self.other = client
        self.proxy = client.proxy
        self.asked: list | None = None  # the request that is to be answered
        self._method = ""
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        self._start = 0  # where the body begins in the data that is next to be passed on
        self._timer: asyncio.TimerHandle | None = None
        self._lost = False

    def begin(self, asked: list, method: str) -> None:
        """A request goes to the server."""
        self.asked, self._method, self.body = asked, method, None
        self.proxy.tally.begin(asked)

    def data_received(self, data: bytes) -> None:
        if self._held is None:
            self._pass_on(self.unread + data if self.unread else data)
            return
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MOST_HELD_BYTES:
            self.transport.pause_reading()

    def _pass_on(self, data: bytes) -> None:
        self.unread = b""
        while data and self.asked:
            if self.body is None:
                end = self.find_head(data)
                if not end:
                    return
                if data[9:10] == b"1":  # 100 Continue: the answer proper is still to come
                    self.other.transport.write(data[:end])
                    data = data[end:]
                    continue
                self._read_head(data[: end - 2])
                self._start = end
                if self.proxy.latency_ms:
                    self._hold(data)
                    return
            data = self._send(data)

    def _read_head(self, head: bytes) -> None:
        status = int(head[9:12])
        empty = self._method == "HEAD" or status in (204, 304)
        self.body = LengthBody(0) if empty else make_body(head, math.inf)
        self.asked[3] = status

    def _hold(self, data: bytes) -> None:
        self._held, self._held_bytes = [data], len(data)
        self._timer = asyncio.get_running_loop().call_later(self.proxy.latency_ms / 1000, self._release)

    def _release(self) -> None:
        held, self._held, self._timer = b"".join(self._held), None, None
        self._pass_on(held)
        if self._lost:
            self.connection_lost(None)
        else:
            self.transport.resume_reading()

    def _send(self, data: bytes) -> bytes:
        """Passes on what belongs to this answer; the rest."""
        before = self.body.content_bytes
        end = self.body.take(data, self._start)
        self._start = 0
        self.proxy.tally.sent_bytes += self.body.content_bytes - before
        done = self.body.done
        if done:  # before the client can know of it, so that its next question to the tally is answered rightly
            self._end()
        self.other.transport.write(data[:end])
        if done:
            self.other.read_on()
        return data[end:]

    def _end(self) -> None:
        if self.asked:
            self.asked = None
            self.proxy.tally.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._timer is None:
            self._end()
            self.other.transport.close()

    def drop(self) -> None:
        """The client has gone: nothing more is asked of the server for it."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._end()
        if self.transport:
            self.transport.abort()
