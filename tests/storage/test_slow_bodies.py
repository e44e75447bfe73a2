"""Small files whose headers come at once and their bytes later, as over a bad network."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lakekit.storage import RangeRequest, Storage, open_store

CONTENT = b"0123456789"
KEYS = {"access_key_id": "AKIATEST", "secret_access_key": "test", "region": "us-east-1"}


class SlowServer:
    """A server on loopback that sends half of a file with its headers, and the rest later.

    Attributes:
        seconds: after which the rest of a file comes whose name begins with "late".
        released: set, and the rest of a file comes whose name begins with "stuck".
        storage: reaches it.
    """

    def __init__(self):
        self.seconds = 0.0
        self.released = threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(206)
                for name, value in {
                    "Content-Length": str(len(CONTENT)),
                    "Content-Range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}",
                    "ETag": '"e"',
                    "Last-Modified": "Thu, 26 Nov 2026 10:00:00 GMT",
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(CONTENT[:5])
                if "/late" in self.path:
                    time.sleep(slow.seconds)
                if "/stuck" in self.path:
                    slow.released.wait(30)
                self.wfile.write(CONTENT[5:])

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.storage = Storage(endpoint_url=f"http://127.0.0.1:{self._server.server_address[1]}", **KEYS)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.released.set()
        self.storage.forget_clients()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    server = SlowServer()
    yield server
    server.close()


def ask(*names):
    return [RangeRequest(name, 0, len(CONTENT), "e") for name in names]


def test_they_are_waited_for_together_not_one_after_the_other(server):
    server.seconds = 0.2
    store = open_store("s3://bucket/lake", server.storage)
    began = time.monotonic()
    found = list(store.read_many(ask(*(f"late-{number}" for number in range(40)))))
    assert time.monotonic() - began < 40 * 0.2 / 2
    assert [bytes(data) for _, data in found] == [CONTENT] * 40


def test_one_that_hangs_after_a_slow_one_holds_up_no_other(server):
    server.seconds = 0.6
    store = open_store("s3://bucket/lake", server.storage)
    assert [bytes(data) for _, data in store.read_many(ask("late"))] == [CONTENT]
    reading = store.read_many(ask("stuck", *(f"prompt-{number}" for number in range(5))))
    assert {next(reading)[0].path for _ in range(5)} == {f"prompt-{number}" for number in range(5)}
    server.released.set()
    assert [request.path for request, _ in reading] == ["stuck"]
