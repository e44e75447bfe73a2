"""Iceberg tables as pyiceberg writes them, in a folder and on S3, and all rows of one by each reader.

It must not hold tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

import lakekit as lk
from tests.delta.places import read_all, sort_rows
from tests.manifest.places import Place, make_parquet

__all__ = [
    "ROWS",
    "IcebergPlace",
    "add_entry",
    "make_data_file",
    "read_all",
    "rows",
    "sort_rows",
    "with_ids",
    "write_history",
]


ROWS = pa.schema([("k", pa.string()), ("id", pa.int32())])


@dataclass(frozen=True)
class IcebergPlace:
    """Where one Iceberg table is.

    Attributes:
        place: the address and how to reach it.
        folder: of the catalog, which lakekit does not read.
    """

    place: Place
    folder: Path

    @property
    def url(self) -> str:
        return self.place.url

    @cached_property
    def catalog(self) -> SqlCatalog:
        """pyiceberg's, in a file beside the table."""
        self.folder.mkdir(exist_ok=True)
        found = SqlCatalog("c", uri=f"sqlite:///{self.folder}/catalog.db", warehouse=str(self.folder), **self._s3())
        found.create_namespace_if_not_exists("n")
        return found

    def _s3(self) -> dict[str, str]:
        storage = self.place.storage
        if storage is None:
            return {}
        keys = {"s3.access-key-id": storage.access_key_id, "s3.secret-access-key": storage.secret_access_key}
        return {"s3.endpoint": storage.endpoint_url, "s3.region": storage.region or "us-east-1", **keys}

    def create(self, schema: pa.Schema, **properties: str) -> Table:
        """An empty table."""
        version = properties.pop("format_version", "2")
        told = {"format-version": version, **{name.replace("__", "."): value for name, value in properties.items()}}
        return self.catalog.create_table("n.t", schema, location=self.url, properties=told)

    def load(self) -> Table:
        return self.catalog.load_table("n.t")

    def open(self, **options: Any) -> lk.Table:
        return lk.open_table(self.url, storage=self.place.storage, **options)

    def scan(self, snapshot_id: int | None = None) -> pl.DataFrame:
        """All rows of a snapshot, as pyiceberg reads them."""
        return sort_rows(pl.DataFrame(pl.from_arrow(self.load().scan(snapshot_id=snapshot_id).to_arrow())))

    def check_snapshots(self) -> list[int]:
        """Every snapshot is read as pyiceberg reads it, and the table as it is now; the number of rows of each."""
        counts = []
        for snapshot in self.load().snapshots():
            table = self.open(as_of=snapshot.snapshot_id)
            rows = read_all(table)
            assert rows.equals(self.scan(snapshot.snapshot_id)), snapshot
            assert table.version == snapshot.snapshot_id
            counts.append(rows.height)
        assert read_all(self.open()).equals(self.scan())
        return counts

    def add_file(self, table: Table, path: str, data: pa.Table, **entry: Any) -> None:
        """Put a Parquet file, and an entry of a manifest for it, as another writer would."""
        content = make_parquet(data)
        self.place.put(path, content)
        entry = {"spec_id": table.spec().spec_id, **entry}
        add_entry(table, make_data_file(f"{self.url}/{path}", len(content), data.num_rows, **entry))

    @property
    def metadata(self) -> Path:
        """The folder of its metadata, where the table is in a folder."""
        return Path(self.url, "metadata")


def with_ids(table: Table) -> pa.Schema:
    """The Arrow schema of a table with the field ids by which Parquet files know its columns."""
    return table.schema().as_arrow()


def add_entry(table: Table, data_file: DataFile) -> None:
    """One more snapshot, with one more entry."""
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
        append.append_data_file(data_file)


def make_data_file(path: str, size_bytes: int, rows: int, *, spec_id: int = 0, **other: Any) -> DataFile:
    """An entry of a manifest, as a writer without pyiceberg's limits makes it; its partition is ``values``."""
    told: Mapping[str, Any] = {
        "content": DataFileContent.DATA,
        "file_path": path,
        "file_format": FileFormat.PARQUET,
        "partition": Record(*other.pop("values", ())),
        "record_count": rows,
        "file_size_in_bytes": size_bytes,
        "sort_order_id": None,
        "spec_id": spec_id,
        "equality_ids": None,
        "key_metadata": None,
        **other,
    }
    made = DataFile.from_args(_table_format_version=2, **told)
    made.spec_id = spec_id
    return made


def rows(ks: list, ids: list) -> pa.Table:
    """A table of these columns."""
    return pa.table({"k": ks, "id": ids}, schema=ROWS)


def write_history(place: IcebergPlace, *, partitioned: bool = True) -> Table:
    """Snapshots of 3, 5, then 4 rows (id 2 deleted), and 2 after an overwrite of all, which takes two snapshots."""
    table = place.create(ROWS)
    if partitioned:
        with table.update_spec() as update:
            update.add_identity("k")
    table.append(rows(["a", "b", "b"], [1, 2, 3]))
    table.append(rows(["a", None], [4, 5]))
    table.delete("id = 2")
    table.overwrite(rows(["d", "d"], [7, 8]))
    return table
