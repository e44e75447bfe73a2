"""Whether a session of Spark will do, asked before anything is sent to it.

It must not change the session.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from lakekit.errors import InvalidArgument, MissingPackage, StorageFailed

LEAST_VERSION = 4  # the first with data sources written in Python
ANSWER_SECONDS = 20  # PySpark itself tries a server that is not there for ten minutes, and says nothing
_ANOTHER = 'SparkSession.builder.remote("sc://host:15002").create() makes one, or lk.embedded_spark().session.'


def check_session(session: Any) -> None:
    """Return where it is a session of Spark 4 whose server answers.

    Raises:
        MissingPackage: pyspark-client is not installed.
        InvalidArgument: no session of Spark 4, or one that was stopped.
        StorageFailed: its server does not answer.
    """
    if find_spec("pyspark") is None:
        what = "Views on Spark need pyspark-client, which is not installed."
        raise MissingPackage(what, hint='pip install "lakekit[spark]"')
    if not hasattr(session, "dataSource"):
        raise InvalidArgument(f"session is a {type(session).__name__}, not a session of Spark 4.", hint=_ANOTHER)
    if getattr(session, "is_stopped", False):
        raise InvalidArgument("This session of Spark was stopped.", hint=_ANOTHER)
    _await_server(session)
    version = str(session.version)
    number = version.partition(".")[0]
    if number.isdecimal() and int(number) < LEAST_VERSION:
        what = f"This session's server is Spark {version}, without data sources written in Python, which 4.0 has."
        raise InvalidArgument(what, hint="lk.publish.delta(table) writes a log that earlier ones read.")


def _await_server(session: Any) -> None:
    """Until the session's channel is open; a classic session has none."""
    client = getattr(session, "_client", None)
    channel = getattr(client, "_channel", None)
    if channel is None:
        return
    import grpc

    ready = grpc.channel_ready_future(channel)
    try:
        ready.result(timeout=ANSWER_SECONDS)
    except grpc.FutureTimeoutError as exc:
        ready.cancel()
        what = f"Spark at {client.host} did not answer within {ANSWER_SECONDS} seconds."
        raise StorageFailed(what, hint="is its Connect server running, and may this machine reach its port?") from exc
