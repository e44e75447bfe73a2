"""Small lakes to test views with: written by hand into a folder or S3, and read back through each engine.

It must not hold fixtures; those are in conftest.py and in the tests that use them.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import lakekit as lk
from lakekit.storage import Storage, embedded_aws

ENGINES = ("duckdb", "sql", "polars", "arrow")  # a plain connection, lake.sql, a LazyFrame, a RecordBatchReader
ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where a lake lies, and how files get there.

    Attributes:
        url: the address of the lake; its tables are the folders in it.
        storage: how to reach it; None for a folder.
    """

    url: str
    storage: Storage | None = None

    def put(self, path: str, content: pa.Table | bytes, *, storage_class: str = "STANDARD", **options: Any) -> None:
        """Write a file: bytes as they are, a table as Parquet with these options of pyarrow."""
        data = to_parquet(content, **options) if isinstance(content, pa.Table) else content
        if self.storage is None:
            file = Path(self.url, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(".new")  # another inode than the file it replaces
            temporary.write_bytes(data)
            temporary.replace(file)
        else:
            bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
            self.storage.boto3("s3").put_object(
                Bucket=bucket, Key=f"{prefix}/{path}", Body=data, StorageClass=storage_class
            )

    def remove(self, path: str) -> None:
        """Delete a file."""
        if self.storage is None:
            Path(self.url, path).unlink()
        else:
            bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
            self.storage.boto3("s3").delete_object(Bucket=bucket, Key=f"{prefix}/{path}")

    def open_table(self, folder: str = "t", **options: Any) -> lk.Table:
        """One table of the lake."""
        return lk.open_table(f"{self.url}/{folder}", storage=self.storage, **options)

    def open_lake(self, **tables: dict[str, Any]) -> lk.Lake:
        """The lake, with options by table."""
        return lk.open_lake(self.url, storage=self.storage, tables=tables)


def put_tens(place: Place, folders: int, rows: int) -> duckdb.DuckDBPyConnection:
    """The table t with a file in each folder k, whose x are 10 k, 10 k + 1, …; a plain DuckDB with the same rows."""
    plain = duckdb.connect()
    plain.execute("CREATE TABLE t (x BIGINT, k BIGINT)")
    for k in range(folders):
        values = [10 * k + row for row in range(rows)]
        place.put(f"t/k={k}/a.parquet", pa.table({"x": values}))
        plain.executemany("INSERT INTO t VALUES (?, ?)", [[x, k] for x in values])
    return plain


def make_place(kind: str, tmp_path: Path) -> Place:
    """An empty place of a kind, "folder" or "s3"."""
    if kind == "folder":
        return Place(str(tmp_path / "lake"))
    storage = embedded_aws()
    bucket = f"views-{os.getpid()}-{next(_numbers)}"
    storage.boto3("s3").create_bucket(Bucket=bucket)
    return Place(f"s3://{bucket}/lake", storage)


def to_parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def read_all(place: Place, engine: str, name: str = "t", **options: Any) -> pa.Table:
    """All of a table through one engine."""
    if engine == "sql":
        return place.open_lake(**{name: options}).sql(f'SELECT * FROM "{name}"').to_arrow_table()
    table = place.open_table(name, **options)
    if engine == "duckdb":
        con = duckdb.connect()
        con.execute("SET TimeZone = 'America/New_York'")  # which must not matter
        table.duckdb(con, "t")
        return con.sql("SELECT * FROM t").to_arrow_table()
    return table.polars().collect().to_arrow() if engine == "polars" else table.arrow().read_all()


def list_rows(table: pa.Table) -> list[Any]:
    """The rows of a table as sorted texts, which are equal when the values are: NaN is NaN, moments are in UTC."""
    columns = [_to_python(column) for column in table.columns]
    return sorted(repr(row) for row in zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _to_python(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_time(kind):
        column = column.cast(pa.time64("ns")).cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())  # Python has no nanoseconds, and no time before the year 1
    elif pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    return [plain_value(value) for value in column.to_pylist()]


def plain_value(value: Any) -> Any:
    """A value such that equal ones have equal texts."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return value


def list_columns(table: pa.Table) -> list[tuple[str, str]]:
    """Names and types of a table's columns, where 32-bit and 64-bit offsets and views of them are one."""
    return [(field.name, str(plain_type(field.type))) for field in table.schema]


def plain_type(kind: pa.DataType) -> pa.DataType:
    """A type without what engines choose freely: width of offsets, views, names of items, times in ns, names of UTC."""
    types = pa.types
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_large_binary(kind) or types.is_binary_view(kind):
        return pa.binary()
    if types.is_timestamp(kind) and kind.tz:
        return pa.timestamp(kind.unit, "UTC")
    if types.is_time(kind):
        return pa.time64("ns")  # Polars has no other
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    if types.is_map(kind):
        return plain_type(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(plain_type(kind.value_type))
    return kind


def read_alike(place: Place, name: str = "t", **options: Any) -> pa.Table:
    """The table as Arrow gives it, once it is clear that every engine gives the same columns, types and rows."""
    found = {engine: read_all(place, engine, name, **options) for engine in ENGINES}
    for engine in ENGINES:
        assert list_columns(found[engine]) == list_columns(found["arrow"]), engine
        for column in found["arrow"].column_names:  # one by one at first, for a message that a person can read
            both = [list_rows(found[one].select([column])) for one in (engine, "arrow")]
            assert both[0] == both[1], (engine, column)
        assert list_rows(found[engine]) == list_rows(found["arrow"]), engine
    return found["arrow"]


def count_gets(table: lk.Table, action: Callable[[], Any]) -> tuple[Any, int]:
    """What an action gives, and how many reads it made of the table's store; it may neither list nor ask for sizes.

    The bytes that earlier queries left on this computer do not count: they are thrown away first.
    """
    if table.store.cache is not None:
        table.store.cache.clear()
    before = table.store.requests.snapshot()
    answer = action()
    asked = table.store.requests.since(before)
    assert (asked["LIST"], asked["HEAD"]) == (0, 0)
    return answer, asked["GET"]


def run_script(code: str, *arguments: str, timeout_seconds: float = 60) -> str:
    """What a fresh Python prints, which must end well and in time and write nothing to stderr."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stdout}{done.stderr}"[-2_000:]
    return done.stdout.strip()


CITIES = ("oslo", "são paulo", None, "o'hare", "a/b", "oslo")


def put_days(place: Place, name: str = "t") -> None:
    """Six files of two rows under three keys: n is 1 to 6, day that day of January 2024, city as in CITIES.

    The columns of a file: x is n and 10 * n, s is "a" and "b".
    """
    for n, city in enumerate(CITIES, 1):
        text = "__HIVE_DEFAULT_PARTITION__" if city is None else city.replace("/", "%2F")
        table = pa.table({"x": [n, 10 * n], "s": ["a", "b"]})
        place.put(f"{name}/day=2024-01-0{n}/n={n}/city={text}/part-0.parquet", table)


def days(*numbers: int) -> list[date]:
    """Days of January 2024."""
    return [date(2024, 1, number) for number in numbers]


def collect_rows(frame: pl.LazyFrame) -> list[tuple[Any, ...]]:
    """The rows of a lazy frame."""
    return frame.collect().rows()
