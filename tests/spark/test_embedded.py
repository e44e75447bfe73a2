"""A Spark of one's own: on loopback only, as one engine or as workers, and gone when it is stopped or its owner is."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument
from tests.publish.places import make_bucket


def find_listening(pid: int) -> set[str]:
    """The addresses at which a process listens."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    lines = [
        line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
    ]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_share_the_tasks_on_loopback_only_and_leave_nothing(tmp_path):
    place = make_bucket()
    for number in range(4):
        place.put(f"t/n={number}/a.parquet", pa.table({"x": [number]}))
    table = lk.open_table(f"{place.url}/t", storage=place.storage)
    spark = lk.embedded_spark(workers=2, storage=place.storage)
    try:
        table.spark(spark.session)
        assert spark.session.sql("SELECT sum(x * n) AS s FROM t").collect()[0].s == 14  # 0 + 1 + 4 + 9
        frame = spark.session.sql("SELECT n, x FROM t WHERE x > 1")
        frame.write.parquet(f"{place.url}/out")
        assert lk.open_table(f"{place.url}/out", storage=place.storage).files["rows"].sum() == 2
        assert find_listening(spark._process.pid) == {"0100007F"}  # 127.0.0.1, and nowhere else
        assert place.storage.secret_access_key.reveal() not in repr(spark)
    finally:
        spark.stop()
    assert spark._process.poll() is not None and is_free(spark._port) and "stopped" in repr(spark)
    spark.stop()


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A process that asked an embedded Spark for a count and was killed: server's pid and port, count, stderr."""
    folder = tmp_path_factory.mktemp("killed")
    program = folder / "start.py"
    program.write_text(
        "import lakekit as lk, time; s = lk.embedded_spark()\n"
        "print(s._process.pid, s._port, s.session.range(3).count(), flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-W", "always", program]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # Spark needs pandas
    with (
        open(folder / "stderr", "wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env) as owner,
    ):
        told = [int(word) for word in owner.stdout.readline().split()]
        owner.kill()
    return *told, (folder / "stderr").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends children with their parent on Linux only")
def test_it_ends_with_a_process_that_is_killed(killed):
    pid, port, _, _ = killed
    until = time.monotonic() + 10
    while time.monotonic() < until and not is_free(port):
        time.sleep(0.05)
    assert is_free(port)
    assert not os.path.exists(f"/proc/{pid}") or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_a_session_of_the_embedded_spark_begins_without_a_warning_about_pandas(killed):
    _, _, count, stderr = killed
    assert (count, "pandas" in stderr) == (3, False)


@pytest.mark.parametrize("workers", [-1, 65, True, 1.5, "2"])
def test_a_number_of_workers_that_is_none_is_refused(workers):
    with pytest.raises(InvalidArgument, match="is not a number of workers"):
        lk.embedded_spark(workers)
