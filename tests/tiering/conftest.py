"""Buckets of the embedded AWS, which knows storage classes, restores and lifecycle configurations."""

import itertools

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk

_numbers = itertools.count()


@pytest.fixture
def storage():
    return lk.embedded_aws()


@pytest.fixture
def bucket(storage):
    """The name of a new, empty bucket."""
    name = f"tiering-{next(_numbers)}"
    storage.boto3("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def put_day(storage, bucket):
    """Puts a file of ten rows as day=N, or into another folder, under t/, in a class."""

    def put(day, storage_class="STANDARD", *, folder=None):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"n": list(range(10 * day, 10 * day + 10))}), sink)
        storage.boto3("s3").put_object(
            Bucket=bucket,
            Key=f"t/{folder or f'day={day}'}/a.parquet",
            Body=sink.getvalue().to_pybytes(),
            StorageClass=storage_class,
        )

    return put


@pytest.fixture
def open_t(storage, bucket):
    """Opens the table t of the bucket."""
    return lambda **options: lk.open_table(f"s3://{bucket}/t", storage=storage, **options)
