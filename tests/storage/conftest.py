"""Stores to test against: a folder, S3 in this process, a file system of fsspec, and a server that answers as told."""

import itertools
import os
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from lakekit.storage import Storage, Store, embedded_aws, open_store

_numbers = itertools.count(1)
KEYS = {"region": "us-east-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG"}


@pytest.fixture(scope="session")
def aws() -> Storage:
    """The options of the embedded AWS."""
    return embedded_aws()


@pytest.fixture
def bucket(aws) -> str:
    """A new, empty bucket in the embedded AWS."""
    name = f"bucket-{os.getpid()}-{next(_numbers)}"
    aws.boto3("s3").create_bucket(Bucket=name)
    return name


@dataclass
class Place:
    """A store and a way to put files into it, relative to its address."""

    store: Store

    def put(self, path: str, content: bytes = b"x") -> None:
        address = self.store.address
        if address.scheme == "file":
            file = Path(address.join(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        elif address.scheme == "s3":
            self.store.storage.boto3("s3").put_object(Bucket=address.bucket, Key=address.full_path(path), Body=content)
        else:
            fsspec.filesystem(address.scheme).pipe_file(address.join(path), content)

    def remove(self, path: str) -> None:
        address = self.store.address
        if address.scheme == "file":
            Path(address.join(path)).unlink()
        elif address.scheme == "s3":
            self.store.storage.boto3("s3").delete_object(Bucket=address.bucket, Key=address.full_path(path))
        else:
            fsspec.filesystem(address.scheme).rm_file(address.join(path))


@pytest.fixture(params=["folder", "s3", "memory"])
def place(request, tmp_path) -> Place:
    """An empty store of each kind."""
    if request.param == "folder":
        return Place(open_store(str(tmp_path / "lake")))
    if request.param == "s3":
        return Place(open_store(f"s3://{request.getfixturevalue('bucket')}/lake", request.getfixturevalue("aws")))
    return Place(open_store(f"memory://test-{next(_numbers)}/lake"))


@pytest.fixture
def s3(aws, bucket) -> Place:
    """An empty store on S3, with the prefix "lake"."""
    return Place(open_store(f"s3://{bucket}/lake", aws))


@dataclass
class ScriptedServer:
    """A server on loopback that gives the answers it was told, the last one again and again.

    Attributes:
        answers: status, body and headers of each.
        asked: method, path and headers of each request that came.
    """

    url: str = ""
    answers: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, body, named))

    def refuse(self, status: int, code: str, message: str, more: str = "", **headers: str) -> None:
        """Answers with an error as S3 writes it."""
        text = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}<RequestId>1</RequestId></Error>"
        self.answer(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}', **headers)

    @property
    def storage(self) -> Storage:
        return Storage(endpoint_url=self.url, **KEYS)

    def open(self, url: str = "s3://bucket/lake", **options) -> Store:
        return open_store(url, Storage(endpoint_url=self.url, **(options or KEYS)))


@pytest.fixture
def server(scripted_server) -> ScriptedServer:
    """A scripted server that was told nothing yet; see ScriptedServer."""
    scripted_server.answers.clear()
    scripted_server.asked.clear()
    return scripted_server


@pytest.fixture(scope="session")
def scripted_server():
    """One server for all tests, so that its clients are made once."""
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            script.asked.append((self.command, self.path, dict(self.headers)))
            status, body, headers = script.answers[0] if len(script.answers) == 1 else script.answers.pop(0)
            content = body.encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/xml",
                "Content-Length": str(len(content)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    script.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield script
    httpd.shutdown()
    httpd.server_close()
