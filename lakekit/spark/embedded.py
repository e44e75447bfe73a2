"""A Spark of one's own: Sail, a Spark Connect server from PyPI, in a process beside this one.

It must not be reachable from other machines, and nothing of it may be left when this process ends.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument, MissingPackage, StorageFailed
from lakekit.storage.children import start_child

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

    from lakekit.storage import Storage

START_SECONDS = 180  # 3 at rest; 90 on two cores for which 45 processes waited
STOP_SECONDS = 10
MOST_WORKERS = 64
RETRIES = 4  # in about 4 s; PySpark's 15 take ten minutes, which suits a network, not a server of this machine


def embedded_spark(workers: int = 0, *, storage: Storage | None = None) -> EmbeddedSpark:
    """A Spark Connect server on a free port of 127.0.0.1, and a session of it. No Java, no cluster.

    It asks nobody who they are: whoever has an account on this machine may connect while it runs, and run code as you
    do. On a machine that is shared with people you do not trust, do not start one.

    Args:
        workers: 0 for one engine on all cores; else so many workers that share the tasks, as a cluster does.
        storage: how Spark itself reaches S3, for ``spark.read`` and ``write``. Views of lakekit's need it not.

    Raises:
        MissingPackage: pysail or pyspark-client is not installed.
        StorageFailed: the server did not start; tells what it said.

    Example:
        >>> import lakekit as lk
        >>> with lk.embedded_spark() as spark:
        ...     _ = lk.open_table("data/sample/lake/airlines").spark(spark.session)
        ...     spark.session.sql("SELECT count(*) AS n FROM airlines").collect()
        [Row(n=16)]
    """
    if not isinstance(workers, int) or isinstance(workers, bool) or not 0 <= workers <= MOST_WORKERS:
        what = f"workers={workers!r} is not a number of workers."
        raise InvalidArgument(what, hint=f"it is 0 to {MOST_WORKERS}; 0 is one engine on all cores.")
    missing = [name for name in ("pysail", "pyspark", "grpc") if find_spec(name) is None]
    if missing:
        what = f"The embedded Spark needs {', '.join(missing)}, which is not installed."
        raise MissingPackage(what, hint='pip install "lakekit[spark]"')
    return EmbeddedSpark(workers, storage)


class EmbeddedSpark:
    """A running server; a context manager that stops it. It ends with this process in any case.

    Attributes:
        url: where a Spark Connect client finds it, such as "sc://127.0.0.1:41489".
    """

    def __init__(self, workers: int, storage: Storage | None):
        self._folder = tempfile.TemporaryDirectory(prefix="lakekit-spark-")
        self._port = _find_free_port()
        self.url = f"sc://127.0.0.1:{self._port}"
        self._process = _start_server(Path(self._folder.name), self._port, _make_environment(workers, storage))
        atexit.register(self.stop)
        try:
            with _importing_quietly():  # which takes about as long as the server's start, and is needed at any rate
                import pyspark.sql.connect.session  # noqa: F401
            self._wait()
        except BaseException:
            self.stop()
            raise

    @cached_property
    def session(self) -> SparkSession:
        """A session of the server, in UTC, so that answers do not depend on this machine's time zone.

        Raises:
            InvalidArgument: the server was stopped, or has ended.
        """
        if self._process.poll() is not None:
            raise InvalidArgument("This embedded Spark has ended.", hint="lk.embedded_spark() starts another.")
        with _importing_quietly():
            from pyspark.sql import SparkSession
            from pyspark.sql.connect.client.retries import DefaultPolicy

            session = SparkSession.builder.remote(self.url).create()
        session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
        session.conf.set("spark.sql.session.timeZone", "UTC")
        session.conf.set("spark.sql.python.filterPushdown.enabled", "true")  # views rule files out by it
        return session

    def stop(self) -> None:
        """End the session, then the server; a second call does nothing."""
        atexit.unregister(self.stop)
        if "session" in self.__dict__:  # before the server, which it tells
            with contextlib.suppress(Exception):
                self.session.release_session_on_close = self._process.poll() is None
                self.session.stop()
            del self.session
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def _wait(self) -> None:
        """Until the server answers."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(0.05)
        said = Path(self._folder.name, "spark.log").read_text(errors="replace").strip()[-500:]
        raise StorageFailed(f"The embedded Spark did not start: {said or 'it said nothing'}.", hint="try it once more.")

    def __enter__(self) -> EmbeddedSpark:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"EmbeddedSpark({self.url!r}, {'running' if self._process.poll() is None else 'stopped'})"


@contextlib.contextmanager
def _importing_quietly() -> Iterator[None]:
    """While this lasts, PySpark does not warn of pandas 3: views of lakekit's go by Arrow."""
    with warnings.catch_warnings(), _naming_main():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


@contextlib.contextmanager
def _naming_main() -> Iterator[None]:
    """While this lasts, ``python -c`` has a file: PySpark 4.2 takes a program without one for its own doctests."""
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = "<string>"
    try:
        yield
    finally:
        del main.__file__


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _make_environment(workers: int, storage: Storage | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAIL_", "AWS_"))}
    made = {**kept, "RUST_LOG": "warn", "SAIL_MODE": "local"}
    if workers:
        made |= {
            "SAIL_MODE": "local-cluster",
            "SAIL_CLUSTER__WORKER_INITIAL_COUNT": str(workers),
            "SAIL_CLUSTER__WORKER_MAX_COUNT": str(workers),
        }
    return made | (_make_aws(storage) if storage is not None else _inherit_aws())


def _inherit_aws() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def _make_aws(storage: Storage) -> dict[str, str]:
    """The variables that Sail's client of S3 reads."""
    told: dict[str, Any] = {
        "AWS_REGION": storage.region,
        "AWS_ENDPOINT": storage.endpoint_url,
        "AWS_ACCESS_KEY_ID": storage.access_key_id and storage.access_key_id.reveal(),
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key and storage.secret_access_key.reveal(),
        "AWS_SESSION_TOKEN": storage.session_token and storage.session_token.reveal(),
        "AWS_SKIP_SIGNATURE": "true" if storage.anonymous else None,
    }
    if storage.endpoint_url:
        told["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
        told["AWS_ALLOW_HTTP"] = "true" if storage.endpoint_url.startswith("http://") else "false"
    return {name: value for name, value in told.items() if value}


# Sail, in whose process the tasks run; what they need is imported before the first of them, while a client gets ready
_SERVE = """
import lakekit.spark.source, pyspark.sql.pandas.types
from pysail.cli import main
main()
"""


def _start_server(folder: Path, port: int, environment: dict[str, str]) -> subprocess.Popen:
    command = [sys.executable, "-c", _SERVE, "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    return start_child(command, folder, "spark.log", environment)
