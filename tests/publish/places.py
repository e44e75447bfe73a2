"""Tables on the embedded S3 to publish; it must not publish any."""

from __future__ import annotations

import datetime as dt
import itertools
import os

import pyarrow as pa

import lakekit as lk
from tests.views.lakes import Place

_numbers = itertools.count(1)


def make_bucket() -> Place:
    """An empty bucket in the embedded AWS."""
    aws, name = lk.embedded_aws(), f"published-{os.getpid()}-{next(_numbers)}"
    aws.boto3("s3").create_bucket(Bucket=name)
    return Place(f"s3://{name}/lake", aws)


def put_odd(place: Place) -> lk.Table:
    """A table with drift, a NULL key, an escaped value and a name in capitals: 2 + 2 + 1 rows."""
    moment = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    old = pa.table({"Temp": [1, 2], "at": pa.array([moment, None], pa.timestamp("us", "UTC"))})
    new = pa.table({"Temp": [1.5, None], "at": pa.array([moment] * 2, pa.timestamp("us", "UTC")), "note": ["a", "b"]})
    place.put("odd/dt=2024-01-01/city=a%2Fb/p.parquet", old)
    place.put("odd/dt=2024-01-02/city=__HIVE_DEFAULT_PARTITION__/p.parquet", new)
    place.put("odd/dt=2024-01-03/city=c d/p.parquet", new.slice(0, 1))
    return lk.open_table(f"{place.url}/odd", storage=place.storage)
