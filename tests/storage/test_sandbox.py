"""S3 on this machine: every client puts and gets, the counts are right, and it ends when it should."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import obstore
import polars as pl
import pytest

from lakekit.errors import InvalidArgument, LakekitError, MissingPackage, StorageFailed
from lakekit.storage import LoggedRequest, RangeRequest, Storage, embedded_s3, open_store
from lakekit.storage.sandbox import start_sandbox

BUCKET = "lake"
NOTHING = {"GET": 0, "HEAD": 0, "LIST": 0, "PUT": 0, "DELETE": 0, "OTHER": 0, "bytes": 0, "most_at_once": 0}
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do it")
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix")


def start(latency_ms=0):
    try:
        return start_sandbox(latency_ms)
    except MissingPackage as exc:
        pytest.skip(f"no embedded S3 here: {exc.what}")


@pytest.fixture(scope="module")
def running():
    """One server for all tests that leave it running, with a bucket."""
    with start() as sandbox:
        sandbox.storage.boto3().create_bucket(Bucket=BUCKET)
        yield sandbox


@pytest.fixture
def sandbox(running):
    """It, with nothing counted and no latency."""
    running.latency_ms = 0
    running.reset()
    return running


def use_boto3(storage, key, content):
    storage.boto3().put_object(Bucket=BUCKET, Key=key, Body=content)
    return storage.boto3().get_object(Bucket=BUCKET, Key=key)["Body"].read()


def use_s3fs(storage, key, content):
    storage.s3fs().pipe_file(f"{BUCKET}/{key}", content)
    return storage.s3fs().cat_file(f"{BUCKET}/{key}")


def use_obstore(storage, key, content):
    obstore.put(storage.obstore(BUCKET), key, content)
    return bytes(obstore.get(storage.obstore(BUCKET), key).bytes())


def use_pyarrow(storage, key, content):
    from pyarrow.fs import S3FileSystem

    files = S3FileSystem(
        access_key=storage.access_key_id.reveal(),
        secret_key=storage.secret_access_key.reveal(),
        endpoint_override=storage.endpoint_url,
        region=storage.region,
    )
    with files.open_output_stream(f"{BUCKET}/{key}") as file:
        file.write(content)
    with files.open_input_stream(f"{BUCKET}/{key}") as file:
        return file.read()


def use_store(storage, key, content):
    """lakekit's own store only reads."""
    storage.boto3().put_object(Bucket=BUCKET, Key=key, Body=content)
    [found] = open_store(f"s3://{BUCKET}", storage).list_objects(key.rpartition("/")[0])
    return bytes(open_store(f"s3://{BUCKET}", storage).read_range(key, 0, found.size_bytes))


@pytest.mark.parametrize("use", [use_boto3, use_s3fs, use_obstore, use_pyarrow, use_store])
@pytest.mark.parametrize("size_bytes", [1000, 6_000_000])
def test_every_client_puts_and_gets(sandbox, use, size_bytes):
    key, content = f"{use.__name__}/d={size_bytes}/a b.parquet", os.urandom(1000) * (size_bytes // 1000)
    assert use(sandbox.storage, key, content) == content
    assert {request.path for request in sandbox.log() if request.kind in ("GET", "PUT")} == {f"{BUCKET}/{key}"}
    assert {request.status for request in sandbox.log()} <= {200, 204, 206}
    counts = sandbox.counts()
    assert counts["PUT"] >= 1 and counts["GET"] >= 1 and counts["bytes"] >= size_bytes


def test_polars_writes_and_scans(sandbox):
    url, options = f"s3://{BUCKET}/polars/a.parquet", sandbox.storage.polars_options(BUCKET)
    pl.LazyFrame({"a": range(1000)}).sink_parquet(url, **options)
    assert pl.scan_parquet(url, **options).filter(pl.col("a") > 989).collect().height == 10
    assert {request.path for request in sandbox.log()} == {f"{BUCKET}/polars/a.parquet"}


def test_counts_are_what_was_asked(sandbox):
    s3, key = sandbox.storage.boto3(), "counted/a"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=2-4")["Body"].read()
    s3.head_object(Bucket=BUCKET, Key=key)
    s3.delete_object(Bucket=BUCKET, Key=key)
    s3.list_buckets()
    s3.get_bucket_location(Bucket=BUCKET)
    asked = {kind: sandbox.counts()[kind] for kind in ("GET", "HEAD", "PUT", "DELETE", "OTHER")}
    assert asked == {"GET": 2, "HEAD": 1, "PUT": 1, "DELETE": 1, "OTHER": 2}
    assert sandbox.log()[:4] == [
        LoggedRequest("PUT", "lake/counted/a", "", 200),
        LoggedRequest("GET", "lake/counted/a", "", 200),
        LoggedRequest("GET", "lake/counted/a", "bytes=2-4", 206),
        LoggedRequest("HEAD", "lake/counted/a", "", 200),
    ]
    sandbox.reset()
    assert (sandbox.counts(), sandbox.log()) == (NOTHING, [])


def test_bytes_are_those_of_the_answers(sandbox):
    s3 = sandbox.storage.boto3()
    s3.put_object(Bucket=BUCKET, Key="bytes/a", Body=b"0123456789")
    s3.get_object(Bucket=BUCKET, Key="bytes/a")["Body"].read()
    s3.get_object(Bucket=BUCKET, Key="bytes/a", Range="bytes=-3")["Body"].read()
    s3.head_object(Bucket=BUCKET, Key="bytes/a")  # tells 10, sends none
    assert sandbox.counts()["bytes"] == 10 + 3


def test_parts_of_an_upload_are_puts(sandbox):
    from boto3.s3.transfer import TransferConfig

    parts = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    sandbox.storage.boto3().upload_fileobj(io.BytesIO(bytes(11 * 2**20)), BUCKET, "parts/a", Config=parts)
    counts = sandbox.counts()
    assert (counts["PUT"], counts["OTHER"]) == (3, 2)  # 5 + 5 + 1 MiB; a POST to begin and one to end


def test_pages_of_a_listing_are_counted(sandbox):
    s3 = sandbox.storage.boto3()
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key=f"listed/{number}", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="listed/", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1]
    assert sandbox.counts()["LIST"] == 3
    assert sandbox.log()[-1] == LoggedRequest("LIST", "lake/listed/", "", 200)


def test_a_store_counts_the_same(sandbox):
    for number in range(3):
        sandbox.storage.boto3().put_object(Bucket=BUCKET, Key=f"store/d={number}/a", Body=bytes(100))
    sandbox.reset()
    store = open_store(f"s3://{BUCKET}/store", sandbox.storage)
    listed = sum(found.size_bytes for found in store.list_objects())
    read = [len(content) for _, content in store.read_many(RangeRequest(f"d={n}/a", 0, 50) for n in range(3))]
    assert (listed, read) == (300, [50, 50, 50])
    own, counts = store.requests.snapshot(), sandbox.counts()
    assert {kind: own[kind] for kind in ("LIST", "GET", "HEAD", "PUT")} == {"LIST": 1, "GET": 3, "HEAD": 0, "PUT": 0}
    assert {kind: counts[kind] for kind in ("LIST", "GET", "HEAD", "PUT")} == {"LIST": 1, "GET": 3, "HEAD": 0, "PUT": 0}


def test_latency_is_felt_by_each_request(sandbox):
    store = sandbox.storage.obstore(BUCKET)
    obstore.put(store, "slow/a", b"x")
    sandbox.latency_ms = 50
    assert sandbox.latency_ms == 50
    begun = time.perf_counter()
    for _ in range(3):
        obstore.get(store, "slow/a").bytes()
    assert time.perf_counter() - begun >= 0.15  # 3 x 50 ms


def test_requests_at_once_wait_together(sandbox):
    store = sandbox.storage.obstore(BUCKET)

    async def get(count):
        async def get_one():
            return len(await (await obstore.get_async(store, "many/a")).bytes_async())

        return await asyncio.gather(*(get_one() for _ in range(count)))

    obstore.put(store, "many/a", bytes(26_000))
    sandbox.latency_ms = 30
    sandbox.reset()
    assert sum(asyncio.run(get(64))) == 64 * 26_000
    counts = sandbox.counts()
    assert (counts["GET"], counts["bytes"]) == (64, 64 * 26_000) and counts["most_at_once"] > 16


def test_requests_that_nobody_waits_for_any_more_are_counted_as_they_were_asked(sandbox):
    obstore.put(sandbox.storage.obstore(BUCKET), "left/a", bytes(1000))
    store = open_store(f"s3://{BUCKET}/left", sandbox.storage)
    assert len(store.read_range("a", 0, 1)) == 1  # 1 GET; the clients are made
    requests = [RangeRequest("a", start, 1) for start in range(1000)]
    before = store.requests.snapshot()
    sandbox.latency_ms = 100
    sandbox.reset()
    reads = store.read_many([RangeRequest("a", 0, 0), *requests], concurrency=16)
    assert len(next(reads)[1]) == 0  # nothing is asked for no bytes: 16 others are under way
    time.sleep(0.05)
    reads.close()
    time.sleep(0.3)
    asked = store.requests.since(before)
    assert (asked["GET"], asked["bytes"], sandbox.counts()["GET"]) == (16, 0, 16)


@on_unix
def test_connections_are_no_more_than_a_quarter_of_the_files_that_may_be_open(sandbox):
    import resource

    obstore.put(sandbox.storage.obstore(BUCKET), "few/a", bytes(100))
    store = open_store(f"s3://{BUCKET}/few", sandbox.storage)
    requests = [RangeRequest("a", start, 1) for start in range(100)] * 3
    sandbox.latency_ms = 100
    at_once, before = {}, resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for files in (1024, 480):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, before[1]))
            sandbox.reset()
            assert all(len(data) == 1 for _, data in store.read_many(requests))
            at_once[files] = sandbox.counts()["most_at_once"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert 120 < at_once[1024] <= 256 and 16 < at_once[480] <= 120


def test_other_keys_are_refused(sandbox):
    from botocore.exceptions import ClientError

    known = sandbox.storage
    wrong = [Storage(endpoint_url=known.endpoint_url, access_key_id=known.access_key_id, secret_access_key="wrong")]
    wrong += [Storage(endpoint_url=known.endpoint_url, anonymous=True)]
    for storage in wrong:
        with pytest.raises(ClientError) as caught:
            storage.boto3().list_objects_v2(Bucket=BUCKET)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert [request.status for request in sandbox.log()] == [403, 403]


def test_buckets_behave_as_those_of_aws(sandbox):
    s3 = sandbox.storage.boto3()
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="not-there", Key="a", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="kept/a", Body=b"")
    with pytest.raises(s3.exceptions.ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=BUCKET)


def test_no_key_shows(sandbox):
    secret = sandbox.storage.secret_access_key.reveal()
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in sandbox.pids] if sys.platform == "linux" else []
    assert len(secret) == 40
    assert secret not in f"{sandbox!r} {sandbox} {vars(sandbox)} {sandbox._process.args} {commands}"
    assert repr(sandbox) == f"Sandbox('{sandbox.storage.endpoint_url}', latency_ms=0)"


@on_linux
def test_nothing_listens_beyond_this_machine(sandbox):
    addresses = set()
    for pid in sandbox.pids:
        own = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                local, state, inode = [line.split()[column] for column in (1, 3, 9)]
                if state == "0A" and f"socket:[{inode}]" in own:  # 0A: listening
                    addresses.add(local.split(":")[0])
    assert addresses == {"0100007F"}  # 127.0.0.1


@pytest.mark.parametrize("latency_ms", [-1, float("nan"), float("inf"), "30", None])
def test_a_latency_is_a_number_of_milliseconds(sandbox, latency_ms):
    with pytest.raises(InvalidArgument, match="no latency"):
        sandbox.latency_ms = latency_ms
    with pytest.raises(InvalidArgument, match="no latency"):
        embedded_s3(latency_ms)
    assert sandbox.latency_ms == 0


def test_an_answer_that_nobody_waited_for_is_passed_over(sandbox):
    sandbox._process.stdin.write(b'{"id": -1, "ask": "log"}\n')  # as after Ctrl-C
    assert sandbox.counts() == NOTHING


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return sys.platform == "linux" and " Z " in Path(f"/proc/{pid}/stat").read_text()  # ended, not yet buried
    except (ProcessLookupError, FileNotFoundError):
        return True


def wait_until_gone(pids, endpoint: str) -> None:
    """Waits until the processes have ended, and checks that the port is closed."""
    latest = time.monotonic() + 10
    while not all(has_ended(int(pid)) for pid in pids):
        assert time.monotonic() < latest
        time.sleep(0.02)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(endpoint).port), timeout=5).close()


def list_left_behind(sandbox) -> list[Path]:
    """What is still there of it: its folder, and the sockets of SeaweedFS, which lie in /tmp."""
    ports = {str(port + more) for port in sandbox._ports.values() for more in (0, 10_000)}
    sockets = [path for path in Path("/tmp").glob("seaweedfs-*.sock") if path.stem.rpartition("-")[2] in ports]
    return [path for path in [Path(sandbox._folder), *sockets] if path.exists()]


def test_stop_ends_it_and_removes_what_was_put_there(running):
    assert len(list_left_behind(running)) > 1  # the test looks in the right place
    with embedded_s3(latency_ms=7) as sandbox:
        sandbox.storage.boto3().create_bucket(Bucket=BUCKET)
        sandbox.latency_ms = 9
        assert embedded_s3(latency_ms=7) is sandbox and sandbox.latency_ms == 7
    wait_until_gone(sandbox.pids, sandbox.storage.endpoint_url)
    assert list_left_behind(sandbox) == []
    assert repr(sandbox) == f"Sandbox('{sandbox.storage.endpoint_url}', ended)"
    sandbox.stop()
    with pytest.raises(StorageFailed, match=r"has ended.*\nHint: embedded_s3\(\) starts a new"):
        sandbox.counts()
    with embedded_s3(latency_ms=7) as again:
        assert again is not sandbox and again.storage.boto3().list_buckets()["Buckets"] == []


@pytest.mark.parametrize(
    "which", [pytest.param(0, id="keeper", marks=on_linux), pytest.param(1, id="server", marks=on_unix)]
)
def test_it_ends_as_a_whole_when_a_part_is_killed(which):
    sandbox = start()
    os.kill(sandbox.pids[which], signal.SIGKILL)
    sandbox._process.wait(10)
    wait_until_gone(sandbox.pids, sandbox.storage.endpoint_url)
    with pytest.raises(StorageFailed, match="has ended"):
        sandbox.latency_ms = 5
    sandbox.stop()
    assert list_left_behind(sandbox) == []


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess:
    """A fresh Python whose temporary files lie in a folder."""
    environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)


START = """
from lakekit.storage import embedded_s3
sandbox = embedded_s3()
print(*sandbox.pids, sandbox.storage.endpoint_url, flush=True)
"""


def test_it_ends_with_its_process_not_with_a_fork_and_leaves_the_environment_alone(running, tmp_path):
    code = f"""
import os; before = dict(os.environ)
{START}
if hasattr(os, "fork") and os.fork() == 0:
    raise SystemExit  # runs what is to be done at exit
elif hasattr(os, "fork"):
    os.wait()
sandbox.storage.boto3().create_bucket(Bucket="abc")
assert sandbox.counts()["PUT"] == 1
assert dict(os.environ) == before
"""
    answer = run_python(code, tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    *pids, endpoint = answer.stdout.split()
    wait_until_gone(pids, endpoint)
    assert list(tmp_path.iterdir()) == []


@on_unix
def test_it_ends_when_its_process_is_killed(running, tmp_path):
    answer = run_python(f"{START}import os; os.kill(os.getpid(), 9)", tmp_path)
    assert answer.returncode == -signal.SIGKILL
    *pids, endpoint = answer.stdout.split()
    wait_until_gone(pids, endpoint)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_start_says_why(running, monkeypatch):
    from lakekit.storage import sandbox

    monkeypatch.setattr(sandbox, "find_weed", lambda: Path(sys.executable))
    with pytest.raises(StorageFailed, match="did not start: Unknown option: -l"):
        start_sandbox()
    monkeypatch.setattr(sandbox, "find_weed", lambda: Path("not", "there"))
    with pytest.raises(LakekitError, match="did not start: .*No such file"):
        start_sandbox()
