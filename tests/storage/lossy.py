"""A proxy before an S3 server that passes one request on and loses its answer, as a network does now and then.

It must not be collected: it holds no test.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from lakekit.storage import Storage


class LossyProxy:
    """Where it listens, and what it lost.

    Attributes:
        storage: reaches the server through it.
        loses: method and a part of the path of the requests whose first answer is lost; None for no more.
        lost: the first lines of these requests.
    """

    def __init__(self, storage: Storage):
        upstream = urlsplit(storage.endpoint_url)
        self._upstream = upstream.hostname, upstream.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.loses: tuple[str, str] | None = None
        self.lost: list[str] = []
        self.storage = Storage(
            region=storage.region,
            endpoint_url=f"http://127.0.0.1:{port}",
            access_key_id=storage.access_key_id.reveal(),
            secret_access_key=storage.secret_access_key.reveal(),
        )
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection: what the client says goes on, what the server says comes back, but for what is lost."""
        with client, socket.create_connection(self._upstream) as server, contextlib.suppress(OSError):
            state = {"lose": False}
            threading.Thread(target=_answer, args=(server, client, state), daemon=True).start()
            while data := client.recv(1 << 16):
                first = data.split(b"\r\n", 1)[0].decode("latin-1")
                if self.loses and first.startswith(f"{self.loses[0]} ") and self.loses[1] in first:
                    self.loses, state["lose"] = None, True
                    self.lost.append(first)
                server.sendall(data)

    def close(self) -> None:
        self._listener.close()


def _answer(server: socket.socket, client: socket.socket, state: dict[str, bool]) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(1 << 16):
            if state["lose"] and not data.startswith(b"HTTP/1.1 100"):
                client.shutdown(socket.SHUT_RDWR)  # the server has done it, and nobody is told
                return
            client.sendall(data)


@contextlib.contextmanager
def lose_answers(storage: Storage) -> Iterator[LossyProxy]:
    """A proxy before the server of a storage, while the block lasts."""
    proxy = LossyProxy(storage)
    try:
        yield proxy
    finally:
        proxy.storage.forget_clients()
        proxy.close()
