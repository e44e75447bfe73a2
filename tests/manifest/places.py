"""Places for the files of one table, in a folder or on S3, and what lakekit finds there.

It must not hold fixtures; those are in conftest.py and in the tests that use them.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.cache import FooterCache
from lakekit.manifest.manifest import Manifest, TableOptions, read_manifest
from lakekit.storage import Storage, Store, embedded_aws, open_store

Columns = Mapping[str, Any] | pa.Table
_numbers = itertools.count(1)


def make_parquet(columns: Columns, **options: Any) -> bytes:
    """A Parquet file with these columns, as pyarrow writes it."""
    sink = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink, **options)
    return sink.getvalue()


def cut_footer(data: bytes) -> bytes:
    """The end of a Parquet file from its footer on: Thrift, length, magic."""
    return data[-8 - int.from_bytes(data[-8:-4], "little") :]


@dataclass(frozen=True)
class Place:
    """Where the files of one table lie, and how they get there.

    Attributes:
        url: the address of the table.
        storage: how to reach it; None for a folder.
    """

    url: str
    storage: Storage | None = None

    @property
    def store(self) -> Store:
        """A new store for the address, that has counted nothing yet."""
        return open_store(self.url, self.storage)

    def put(self, path: str, content: bytes, **s3_options: Any) -> None:
        """Write a file; s3_options such as StorageClass are put_object's."""
        address = self.store.address
        if self.storage is None:
            file = Path(self.url, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        else:
            client = self.storage.boto3("s3")
            client.put_object(Bucket=address.bucket, Key=address.full_path(path), Body=content, **s3_options)

    def write(self, path: str, columns: Columns, **options: Any) -> None:
        """Write a Parquet file with these columns."""
        self.put(path, make_parquet(columns, **options))

    def remove(self, path: str) -> None:
        address = self.store.address
        if self.storage is None:
            Path(self.url, path).unlink()
        else:
            self.storage.boto3("s3").delete_object(Bucket=address.bucket, Key=address.full_path(path))

    def open_cache(self) -> FooterCache:
        """The cache that the table has on this computer, read again."""
        return FooterCache(self.url, self.storage and self.storage.endpoint_url)

    def read(self, store: Store | None = None, **options: Any) -> Manifest:
        """The manifest of the table, as a new session reads it."""
        store = store or self.store
        return read_manifest(store, "t", TableOptions(**options), self.open_cache(), progress=lambda done, total: None)

    def count_gets(self, **options: Any) -> int:
        """How many GETs a new session takes to read the manifest."""
        store = self.store
        self.read(store, **options)
        return store.requests.snapshot()["GET"]


def make_place(kind: str, folder: Path) -> Place:
    """An empty place: "folder" or "s3"."""
    if kind == "folder":
        return Place(str(folder / "t"))
    storage = embedded_aws()
    bucket = f"manifest-{os.getpid()}-{next(_numbers)}"
    storage.boto3("s3").create_bucket(Bucket=bucket)
    return Place(f"s3://{bucket}/lake/t", storage)
