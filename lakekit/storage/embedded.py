"""AWS inside this process: moto's server on a free port of this machine, and the Storage that reaches it.

It must not be taken for AWS: it forgets all when the process ends, is slow, and wrong in places (no throttling, no
buffering in Firehose, capacity numbers of DynamoDB that never change). Nothing may be benchmarked on it.
"""

import atexit
import os
import threading
from typing import Any

from lakekit.errors import MissingPackage
from lakekit.storage.options import Storage

SERVICES = ("s3", "dynamodb", "kinesis", "firehose", "glue")

_lock = threading.Lock()
_running: tuple[int, Any, Storage] | None = None  # process, server, options


def embedded_aws() -> Storage:
    """The options that reach an AWS in this process: S3, DynamoDB, Kinesis, Firehose and Glue, without an account.

    The first call starts it on a free port of 127.0.0.1, later ones return the same; it ends with the process, and
    all that was put there is gone. Neither the environment nor anyone's logging is changed.

    Raises:
        MissingPackage: moto is not installed.

    Example:
        >>> storage = embedded_aws()
        >>> _ = storage.boto3("s3").create_bucket(Bucket="my-first-bucket")
        >>> embedded_aws() is storage
        True
    """
    global _running
    with _lock:
        if _running is None or _running[0] != os.getpid():
            server = _start_server()
            host, port = server.server_address[:2]
            storage = Storage(
                region="us-east-1",
                endpoint_url=f"http://{host}:{port}",
                access_key_id="embedded",
                secret_access_key="embedded-not-a-secret",
            )
            _running = (os.getpid(), server, storage)
            atexit.register(server.shutdown)
        return _running[2]


def _start_server() -> Any:
    """A running WSGI server around moto, in a thread of its own, that prints nothing."""
    try:
        from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server
    except ImportError as exc:
        raise MissingPackage(
            f"The embedded AWS needs moto, which is not installed ({exc}).", hint='pip install "lakekit[local]"'
        ) from exc

    class QuietHandler(MotoRequestHandler):
        """Answers requests without a line for each in the log."""

        def log_request(self, *args: Any, **kwargs: Any) -> None:
            pass

    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=QuietHandler
    )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="lakekit-embedded-aws", daemon=True).start()
    return server
