"""Reports of S3 Inventory as S3 writes them, over the objects that a bucket of the embedded AWS has now.

It must not read lakekit: what S3 writes is written down here by hand.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

FIELDS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
COLUMNS = {
    "Bucket": ("bucket", pa.string()),
    "Key": ("key", pa.string()),
    "VersionId": ("version_id", pa.string()),
    "IsLatest": ("is_latest", pa.bool_()),
    "IsDeleteMarker": ("is_delete_marker", pa.bool_()),
    "Size": ("size", pa.int64()),
    "LastModifiedDate": ("last_modified_date", pa.timestamp("ms")),
    "ETag": ("e_tag", pa.string()),
    "StorageClass": ("storage_class", pa.string()),
    "IntelligentTieringAccessTier": ("intelligent_tiering_access_tier", pa.string()),
}
ENDINGS = {"CSV": "csv.gz", "Parquet": "parquet", "ORC": "orc"}


@dataclass
class Reports:
    """The inventory of one bucket, written into a prefix of another.

    Attributes:
        client: boto3's for S3.
        source: the bucket that is listed.
        target: the bucket of the reports.
        prefix: under which the dated folders lie.
    """

    client: Any
    source: str
    target: str
    prefix: str = "reports/daily"
    fields: Sequence[str] = FIELDS
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The folder of the dated folders."""
        return f"s3://{self.target}/{self.prefix}"

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.target, Key=f"{self.prefix}/{path}", Body=content)

    def list_rows(self) -> list[dict[str, Any]]:
        """What the bucket holds now, by the fields' names; ``changes`` by key on top."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.source)
        return [
            {
                "Bucket": self.source,
                "Key": entry["Key"],
                "Size": entry["Size"],
                "LastModifiedDate": entry["LastModified"],
                "ETag": entry["ETag"].strip('"'),
                "StorageClass": entry["StorageClass"],
                **self.changes.get(entry["Key"], {}),
            }
            for page in pages
            for entry in page.get("Contents", ())
        ]

    def write(
        self,
        dated: str,
        kind: str = "CSV",
        *,
        rows: Iterable[Mapping[str, Any]] | None = None,
        data_files: int = 1,
        is_whole: bool = True,
    ) -> str:
        """Write a report; the address of its manifest.

        Args:
            dated: its folder, such as "2026-11-24T01-00Z".
            kind: "CSV", "Parquet" or "ORC".
            rows: of its files; those of the bucket if not given.
            data_files: into how many files they go.
            is_whole: whether the manifest is written.
        """
        rows = list(self.list_rows() if rows is None else rows)
        described = []
        for number in range(data_files):
            content = ENCODERS[kind](rows[number::data_files], self.fields)
            path = f"data/{dated}-{number}.{ENDINGS[kind]}"
            self.put(path, content)
            md5 = hashlib.md5(content).hexdigest()
            described.append({"key": f"{self.prefix}/{path}", "size": len(content), "MD5checksum": md5})
        moment = datetime.strptime(dated, "%Y-%m-%dT%H-%MZ").replace(tzinfo=UTC)
        manifest = {
            "sourceBucket": self.source,
            "destinationBucket": f"arn:aws:s3:::{self.target}",
            "version": "2016-11-30",
            "creationTimestamp": str(int(moment.timestamp() * 1000)),
            "fileFormat": kind,
            "fileSchema": describe_fields(kind, self.fields),
            "files": described,
        }
        content = json.dumps(manifest).encode()
        if is_whole:
            self.put(f"{dated}/manifest.checksum", hashlib.md5(content).hexdigest().encode())
            self.put(f"{dated}/manifest.json", content)
        return f"{self.url}/{dated}/manifest.json"


def describe_fields(kind: str, fields: Sequence[str]) -> str:
    """The fileSchema of a manifest."""
    if kind == "CSV":
        return ", ".join(fields)
    names = [COLUMNS[name][0] for name in fields]
    if kind == "ORC":
        return f"struct<{','.join(f'{name}:string' for name in names)}>"
    return f"message s3.inventory {{ {' '.join(f'optional binary {name} (UTF8);' for name in names)} }}"


def encode_csv(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([_tell(row.get(name), name) for name in fields] for row in rows)
    return gzip.compress(text.getvalue().encode())


def _tell(value: Any, name: str) -> str:
    if name == "Key":
        return quote_plus(value, safe="/")
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def make_table(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> pa.Table:
    columns = {}
    for name in fields:
        column, kind = COLUMNS[name]
        values = [row.get(name) for row in rows]
        naive = [
            value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value for value in values
        ]
        columns[column] = pa.array(naive, kind)
    return pa.table(columns)


def encode_parquet(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(make_table(rows, fields), sink)
    return sink.getvalue()


def encode_orc(rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> bytes:
    sink = pa.BufferOutputStream()
    pa.orc.write_table(make_table(rows, fields), sink)
    return sink.getvalue().to_pybytes()


ENCODERS = {"CSV": encode_csv, "Parquet": encode_parquet, "ORC": encode_orc}
