"""A lake on the embedded S3, whose counting proxy knows what was asked for."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.storage.sandbox import Sandbox, start_sandbox

FILES = 6  # n=0 to n=5, of 100 rows each


@pytest.fixture(scope="session")
def sandbox():
    """The server; it counts requests and bytes of its own."""
    with start_sandbox() as server:
        yield server


@pytest.fixture(scope="session")
def url(sandbox) -> str:
    """A lake of two tables: t, six small files, and big, one file of 1.6 MB in four row groups."""
    client = sandbox.storage.boto3()
    client.create_bucket(Bucket="lake")
    for n in range(FILES):
        rows = range(100 * n, 100 * n + 100)
        table = pa.table({"x": rows, "y": [float(row) for row in rows], "s": [f"text {row}" for row in rows]})
        client.put_object(Bucket="lake", Key=f"data/t/n={n}/part-0.parquet", Body=to_parquet(table))
    numbers = pa.array(range(100_000), pa.int64())
    table = pa.table({"x": numbers, "y": numbers})
    plain = {"row_group_size": 25_000, "compression": "none", "use_dictionary": False}
    client.put_object(Bucket="lake", Key="data/big/part-0.parquet", Body=to_parquet(table, **plain))
    return "s3://lake/data"


def to_parquet(table: pa.Table, **options) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


@pytest.fixture
def lake(url, sandbox) -> lk.Lake:
    """The lake, opened, with nothing of it kept on this computer but footers, and the server's counts at zero."""
    lake = lk.open_lake(url, storage=sandbox.storage)
    assert lake.duckdb is not None
    lake.cache.clear()
    sandbox.reset()
    return lake


def check_counts(lake: lk.Lake, sandbox: Sandbox) -> lk.Receipt:
    """The last receipt, which must say what the server counted."""
    receipt, counts = lake.receipt, sandbox.counts()
    assert dict(receipt.requests) == {kind: counts[kind] for kind in ("LIST", "GET", "HEAD", "PUT")}
    assert receipt.bytes == counts["bytes"]
    return receipt
