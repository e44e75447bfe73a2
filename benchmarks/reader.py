"""One reader in a process of its own: for each line on standard input it reads once, and tells how long that took.

It must not import lakekit for a peer, nor a peer for lakekit: python reader.py NAME TASK, with TASK as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Read = Callable[[], Any]


def make_floor(task: dict[str, Any]) -> Read:
    """The bytes alone: every file whole (or the two columns' share of large ones), so many at once."""
    import asyncio

    from obstore.store import S3Store

    store = S3Store(task["bucket"], **_obstore_options(task))

    async def fetch() -> int:
        gate = asyncio.Semaphore(task["at_once"])

        async def one(key: str, start: int, end: int) -> int:
            async with gate:
                return len(await store.get_range_async(key, start=start, end=end))

        return sum(await asyncio.gather(*[one(*wanted) for wanted in task["ranges"]]))

    return lambda: asyncio.run(fetch())


def _obstore_options(task: dict[str, Any]) -> dict[str, Any]:
    return {
        "endpoint": task["endpoint_url"],
        "access_key_id": task["key"],
        "secret_access_key": task["secret"],
        "region": task["region"],
        "virtual_hosted_style_request": False,
        "client_options": {"allow_http": True},
    }


def make_duckdb(task: dict[str, Any]) -> Read:
    """DuckDB with its own httpfs; ``threads`` where the task names it."""
    import duckdb
    import duckdb_extension_httpfs

    folder = f"{duckdb_extension_httpfs.__path__[0]}/extensions/v{duckdb.__version__}"

    def read() -> Any:
        con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
        con.execute(f"LOAD '{folder}/httpfs.duckdb_extension'")
        host = task["endpoint_url"].removeprefix("http://")
        con.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{task['key']}', SECRET '{task['secret']}', REGION '{task['region']}', "
            f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)"
        )
        if task.get("threads"):
            con.execute(f"SET threads = {task['threads']}")
        files = [f"s3://{task['bucket']}/{key}" for key in task["keys"]]
        return con.execute(task["sql"].format(source=f"read_parquet({files})")).fetchall()

    return read


def make_polars(task: dict[str, Any]) -> Read:
    """Polars' own reader."""
    import polars as pl

    options = {
        "aws_endpoint_url": task["endpoint_url"],
        "aws_access_key_id": task["key"],
        "aws_secret_access_key": task["secret"],
        "aws_region": task["region"],
        "aws_allow_http": "true",
        "aws_virtual_hosted_style_request": "false",
    }
    files = [f"s3://{task['bucket']}/{key}" for key in task["keys"]]

    def read() -> Any:
        frame = pl.scan_parquet(files, storage_options=options, hive_partitioning=False)
        return frame.select(pl.col(column).sum() for column in task["columns"]).collect().rows()

    return read


def make_pyarrow(task: dict[str, Any]) -> Read:
    """pyarrow.dataset on its own S3 client."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    from pyarrow.fs import S3FileSystem

    fs = S3FileSystem(
        access_key=task["key"],
        secret_key=task["secret"],
        region=task["region"],
        endpoint_override=task["endpoint_url"].removeprefix("http://"),
        scheme="http",
    )

    def read() -> Any:
        files = [f"{task['bucket']}/{key}" for key in task["keys"]]
        table = ds.dataset(files, filesystem=fs, format="parquet").to_table(columns=task["columns"])
        return [tuple(pc.sum(table[column]).as_py() for column in task["columns"])]

    return read


def make_awswrangler(task: dict[str, Any]) -> Read:
    """awswrangler into a pandas frame."""
    import os

    os.environ |= {
        "AWS_ACCESS_KEY_ID": task["key"],
        "AWS_SECRET_ACCESS_KEY": task["secret"],
        "AWS_DEFAULT_REGION": task["region"],
    }
    import awswrangler as wr

    wr.config.s3_endpoint_url = task["endpoint_url"]

    def read() -> Any:
        files = [f"s3://{task['bucket']}/{key}" for key in task["keys"]]
        frame = wr.s3.read_parquet(files, columns=task["columns"], use_threads=True)
        return [tuple(float(frame[column].sum()) for column in task["columns"])]

    return read


def make_lakekit(task: dict[str, Any]) -> Read:
    """lakekit, the lake opened before and no data of it here: in DuckDB by lake.sql or on the plain connection, or in
    Polars, as the task says. With ``again``, what the first run left on this computer stays.
    """
    import lakekit as lk

    storage = lk.Storage(
        endpoint_url=task["endpoint_url"],
        access_key_id=task["key"],
        secret_access_key=task["secret"],
        region=task["region"],
    )
    lake = lk.open_lake(f"s3://{task['bucket']}/{task['lake']}", storage=storage)
    query = task["sql"].format(source=task["table"]) + (f" WHERE {task['where']}" if task.get("where") else "")

    def ask_polars() -> Any:
        import polars as pl

        frame = lake.polars(task["table"])
        if task.get("where"):
            frame = frame.filter(pl.sql_expr(task["where_typed"]))
        return frame.select(pl.col(column).sum() for column in task["columns"]).collect().rows()

    con = lake.duckdb  # with the views, made once
    asks = {
        "sql": lambda: lake.sql(query).fetchall(),
        "connection": lambda: con.execute(query).fetchall(),
        "polars": ask_polars,
    }
    read = asks[task["engine"]]
    read.prepare = (lambda: None) if task.get("again") else lake.cache.clear
    return read


def main() -> None:
    """Make the reader, then read once for each line of input, telling seconds and the answer as JSON."""
    name, task = sys.argv[1], json.loads(sys.stdin.readline())
    read = globals()[f"make_{name}"](task)
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        getattr(read, "prepare", lambda: None)()
        begun = time.perf_counter()
        answer = read()
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "answer": answer}), flush=True)


if __name__ == "__main__":
    main()
