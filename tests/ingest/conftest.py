"""Tables to write to: a folder, and a prefix on S3."""

import itertools
import os

import pytest

import lakekit as lk

_numbers = itertools.count(1)


class Home:
    """Where a test's table lies, and how it is reached."""

    def __init__(self, url: str, storage: lk.Storage | None = None):
        self.url = url
        self.storage = storage

    def write(self, source, **options):
        return lk.ingest.write_batch(source, self.url, storage=self.storage, **options)

    def open(self, **options):
        return lk.open_table(self.url, storage=self.storage, **options)

    @property
    def store(self):
        from lakekit.storage import open_store

        return open_store(self.url, self.storage)

    def list(self, prefix: str = "") -> list[str]:
        return [one.path for one in self.store.list_objects(prefix)]

    def read(self, path: str) -> bytes:
        return bytes(self.store.read_suffix(path, 1 << 30))


@pytest.fixture(scope="session")
def aws() -> lk.Storage:
    """The options of the embedded AWS."""
    return lk.embedded_aws()


@pytest.fixture
def bucket(aws) -> str:
    """A new, empty bucket in the embedded AWS."""
    name = f"ingest-{os.getpid()}-{next(_numbers)}"
    aws.boto3("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def folder(tmp_path) -> Home:
    """A table in a folder."""
    return Home(str(tmp_path / "table"))


@pytest.fixture
def s3(aws, bucket) -> Home:
    """A table on S3."""
    return Home(f"s3://{bucket}/table", aws)


@pytest.fixture(params=["folder", "s3"])
def home(request) -> Home:
    """A table in a folder, and one on S3."""
    return request.getfixturevalue(request.param)
