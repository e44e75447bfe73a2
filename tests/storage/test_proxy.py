"""The proxy passes every byte on as it is, adds its latency once to each request, and counts what it sees."""

import asyncio
import socket
import socketserver
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakekit.storage.loop import run_in_loop
from lakekit.storage.proxy import Proxy


class Upstream(socketserver.StreamRequestHandler):
    """A server that answers as the path says, and sends back the very bytes that came."""

    def handle(self):
        while line := self.rfile.readline():
            head = line
            while not head.endswith(b"\r\n\r\n"):
                head += self.rfile.readline()
            if b"/refuse" in line:
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
                return
            if b"Expect: 100-continue" in head:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            content = head + self.read_body(head)
            if line.startswith(b"HEAD"):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            elif b"/nothing" in line:
                self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            elif b"/in-pieces" in line:
                self.wfile.write(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
                )
            elif b"/until-close" in line:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
                return
            elif b"/large" in line:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000)
            elif b"/cut" in line:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                return
            else:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    def read_body(self, head: bytes) -> bytes:
        if b"chunked" in head:
            content = b""
            while not content.endswith(b"0\r\n\r\n"):
                content += self.rfile.readline()
            return content
        _, found, rest = head.partition(b"Content-Length: ")
        return self.rfile.read(int(rest.split(b"\r\n")[0])) if found else b""


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture(scope="module")
def upstream():
    with Server(("127.0.0.1", 0), Upstream) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server.server_address
        server.shutdown()


@pytest.fixture
def proxy(upstream):
    """A proxy on the background loop; `proxy.address` is where it listens."""
    proxy = Proxy(*upstream)
    proxy.address = ("127.0.0.1", run_in_loop(proxy.start()))
    yield proxy
    run_in_loop(end(proxy))


async def end(proxy):
    proxy.close()


@pytest.fixture
def connection(proxy):
    with socket.create_connection(proxy.address, timeout=5) as connection:
        yield connection


def receive(connection, size: int) -> bytes:
    """The next bytes of the answer, so many unless the connection ends."""
    content = b""
    while len(content) < size and (piece := connection.recv(size - len(content))):
        content += piece
    return content


GET = b"GET /lake/a HTTP/1.1\r\nHost: 127.0.0.1:9\r\nX-Amz-Date: 1\r\nrange: bytes=0-9\r\n\r\n"


def echo(request: bytes) -> bytes:
    """The answer to a request, which the server sends back as it came."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request) + request


def ask(connection, request: bytes, answer: bytes | None = None) -> bool:
    """Whether a request is answered with this, or else with itself."""
    connection.sendall(request)
    expected = echo(request) if answer is None else answer
    return receive(connection, len(expected)) == expected


def make_request(line: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: a", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_request_arrives_as_it_was_sent(connection, proxy):
    assert ask(connection, GET)
    assert list(proxy.tally.log) == [["GET", "lake/a", "bytes=0-9", 200]]


def test_many_requests_use_one_connection(connection, proxy):
    put = make_request("PUT /lake/a", b"hello", Content_Length="5")
    assert all(ask(connection, request) for request in (GET, put, GET))
    expected = {"GET": 2, "HEAD": 0, "LIST": 0, "PUT": 1, "DELETE": 0, "OTHER": 0}
    assert proxy.tally.snapshot() == expected | {"bytes": 2 * len(GET) + len(put), "most_at_once": 1}


def test_a_request_that_comes_before_the_answer_waits_for_it(connection, proxy):
    proxy.latency_ms, second = 20, GET.replace(b"lake/a", b"lake/b")
    start = time.perf_counter()
    connection.sendall(GET + second[:20])
    connection.sendall(second[20:] + GET)
    expected = echo(GET) + echo(second) + echo(GET)
    assert receive(connection, len(expected)) == expected
    assert time.perf_counter() - start >= 0.06  # 3 x 20 ms, one after the other
    assert proxy.tally.snapshot()["most_at_once"] == 1


def test_a_request_may_arrive_byte_by_byte(connection):
    for position in range(len(GET) - 1):
        connection.sendall(GET[position : position + 1])
    connection.sendall(GET[-1:])
    assert receive(connection, len(echo(GET))) == echo(GET)


def test_bodies_in_chunks_pass_in_both_directions(connection, proxy):
    put = make_request("PUT /lake/a", b"5\r\nhello\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert ask(connection, put)
    assert ask(connection, make_request("GET /lake/in-pieces"), answer)
    assert ask(connection, GET)
    assert proxy.tally.snapshot()["bytes"] == len(put) + 5 + len(GET)  # "abc" + "de", without their lengths


def test_the_server_may_ask_for_the_body(connection, proxy):
    proxy.latency_ms = 50
    head, start = make_request("PUT /lake/a", Content_Length="5", Expect="100-continue"), time.perf_counter()
    assert ask(connection, head, b"HTTP/1.1 100 Continue\r\n\r\n")
    asked = time.perf_counter()
    assert ask(connection, b"hello", echo(head + b"hello"))
    assert asked - start < 0.05 <= time.perf_counter() - asked  # only the answer proper waits
    assert proxy.tally.snapshot()["PUT"] == 1


def test_a_refusal_before_the_body_is_passed_on_and_the_connection_ends(connection, proxy):
    request = make_request("PUT /lake/refuse", Content_Length="5", Expect="100-continue")
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    assert ask(connection, request, refusal)
    assert connection.recv(1) == b""
    assert proxy.tally.log[0][3] == 403


@pytest.mark.parametrize("latency_ms", [0, 5])
def test_answers_without_a_body_end_with_their_head(connection, proxy, latency_ms):
    proxy.latency_ms = latency_ms
    assert ask(connection, make_request("HEAD /lake/a"), b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    assert ask(connection, make_request("DELETE /lake/nothing"), b"HTTP/1.1 204 No Content\r\n\r\n")
    assert ask(connection, GET)
    assert proxy.tally.snapshot()["bytes"] == len(GET)


@pytest.mark.parametrize("latency_ms", [0, 20])
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("until-close", b"HTTP/1.1 200 OK\r\n\r\nall of it"),
        ("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
    ],
)
def test_a_connection_that_the_server_ends_ends_here_too(connection, proxy, path, answer, latency_ms):
    proxy.latency_ms = latency_ms
    assert ask(connection, make_request(f"GET /lake/{path}"), answer)
    assert connection.recv(1) == b""
    assert proxy.tally.at_once == 0


@pytest.mark.parametrize("latency_ms", [0, 5])
def test_a_large_body_passes_in_both_directions(connection, proxy, latency_ms):
    proxy.latency_ms, size = latency_ms, 8_000_000
    put = make_request("PUT /lake/large", b"y" * size, Content_Length=str(size))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * size
    assert ask(connection, put, answer)
    assert proxy.tally.snapshot()["bytes"] == size


def time_request(connection) -> float:
    start = time.perf_counter()
    assert ask(connection, GET)
    return time.perf_counter() - start


def test_latency_is_felt_and_can_change(connection, proxy):
    assert min(time_request(connection) for _ in range(5)) < 0.03
    proxy.latency_ms = 30
    assert all(0.03 <= time_request(connection) for _ in range(3))
    proxy.latency_ms = 0
    assert min(time_request(connection) for _ in range(5)) < 0.03


def test_requests_of_many_connections_wait_together(proxy):
    proxy.latency_ms = 100
    with ThreadPoolExecutor(64) as threads:
        connections = [socket.create_connection(proxy.address, timeout=5) for _ in range(64)]
        start = time.perf_counter()
        assert all(threads.map(lambda connection: ask(connection, GET), connections))
        seconds = time.perf_counter() - start
    for connection in connections:
        connection.close()
    assert 0.1 <= seconds < 1.6  # one after the other 64 x 100 ms = 6.4 s
    assert 32 <= proxy.tally.snapshot()["most_at_once"] <= 64


def test_a_client_that_leaves_is_forgotten(proxy):
    proxy.latency_ms = 10_000
    with socket.create_connection(proxy.address, timeout=5) as connection:
        connection.sendall(GET)
        wait_for(lambda: proxy.tally.at_once == 1)
    wait_for(lambda: proxy.tally.at_once == 0)
    assert proxy.tally.kinds["GET"] == 1


def wait_for(happened) -> None:
    latest = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < latest
        time.sleep(0.005)


@pytest.mark.parametrize(
    "request_text", [b"hello\r\n\r\n", make_request("PUT /a", Content_Length="many"), b"G" * 100_000]
)
def test_what_is_no_request_is_refused(connection, proxy, request_text):
    connection.sendall(request_text)
    assert receive(connection, 1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert sum(proxy.tally.kinds.values()) == 0


def test_without_a_server_the_answer_is_a_bad_gateway():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    proxy = Proxy("127.0.0.1", port)
    with socket.create_connection(("127.0.0.1", run_in_loop(proxy.start())), timeout=5) as connection:
        assert receive(connection, 1000).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    run_in_loop(end(proxy))


def test_a_reset_begins_anew(connection, proxy):
    assert ask(connection, GET)
    proxy.tally.reset()
    assert set(proxy.tally.snapshot().values()) == {0}
    assert not proxy.tally.log


def test_it_works_on_the_loop_of_asyncio_too(upstream):
    async def ask_once() -> bytes:
        proxy = Proxy(*upstream, latency_ms=1)
        reader, writer = await asyncio.open_connection("127.0.0.1", await proxy.start())
        writer.write(GET)
        content = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        proxy.close()
        return content

    assert asyncio.run(ask_once()).startswith(b"HTTP/1.1 200 OK\r\n")
