"""How long a table of very many files takes to open, and a query over it to plan: ``python benchmarks/scale.py``.

No file is read, and none is made: the listing is made up, and what is known of the files from before is written into
a cache of its own, as an earlier opening would have left it. Each measurement is a process of its own, so that its
peak memory is its own. Beside the seconds by the clock stand those that the process computed: on a busy machine the
clock tells more of the neighbours. ``--files 100000 1000000`` says how many files; ``--lists`` also times the LISTs of
100,000 keys, from a server on loopback that waits 30 ms for each.

What is left takes its time elsewhere: the LISTs themselves (one for 1,000 keys; an S3 Inventory report takes their
place), DuckDB's copying of the list of files at each binding of a view (1 µs a file, twice for a statement of
lake.sql), its pruning by keys (2 µs a file of the ranges that are not ruled out), and a first opening, which parses and
checks each footer in Python (about 1 ms a file).

It must not judge: it prints seconds and MiB.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import layout
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
DAY = "2024-03-05"
COLUMNS = ("id", "user", "amount", "score", "lat", "lon", "kind", "country", "at", "seen")
SIZE_BYTES, ROWS = 123_456, 400
SPREAD = 1_000_000  # bounds of the files lie between 0 and this


def make_parquet() -> bytes:
    """A file of the table: ten columns."""
    columns: dict[str, Any] = {name: np.arange(ROWS) for name in COLUMNS[:2]}
    columns |= {name: np.arange(ROWS) / 7 for name in COLUMNS[2:6]}
    columns |= {"kind": ["view", "click"] * (ROWS // 2), "country": ["DE"] * ROWS}
    columns |= {"at": pa.array(range(ROWS), pa.timestamp("us")), "seen": [True, False] * (ROWS // 2)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def list_files(files: int) -> pl.DataFrame:
    """The listing: the columns that a store gives."""
    return pl.DataFrame({"path": layout.list_paths(files)}).with_columns(
        size_bytes=pl.lit(SIZE_BYTES, pl.Int64),
        modified_at=pl.lit(dt.datetime(2026, 11, 1, tzinfo=dt.UTC)).cast(pl.Datetime("us", "UTC")),
        etag=pl.int_range(files).hash().cast(pl.String) + "-0123456789ab",
        storage_class=pl.lit("STANDARD"),
        restored=pl.lit(False),
    )


def make_up(files: int, folder: Path) -> None:
    """Write the listing, and the caches as an earlier opening would have left them."""
    from lakekit.manifest.cache import FooterCache, KeptFooter
    from lakekit.manifest.footers import Footer, FooterParser
    from lakekit.manifest.summary import EMPTY, KindSummary, Summary

    listed, data = list_files(files), make_parquet()
    listed.write_ipc(folder / "listing.arrow", compat_level=pl.CompatLevel.oldest())
    tail = data[-8 - int.from_bytes(data[-8:-4], "little") :]
    footer = FooterParser().parse(tail, "x", len(data))
    assert isinstance(footer, Footer)
    one = EMPTY.add({("x", "x"): footer}).kinds[0]
    low = pa.array(np.random.default_rng(1).integers(0, SPREAD, files))
    stats = one.stats.combine_chunks().take(pa.array(np.zeros(files, np.int64)))
    stats = stats.set_column(0, "min 0", low).set_column(1, "max 0", low)
    told = listed.select("path", "etag").with_columns(
        rows=pl.lit(ROWS, pl.Int64), row_groups=pl.lit(1, pl.Int32), kind=pl.lit(0, pl.Int32),
        place=pl.int_range(files, dtype=pl.Int64),
    )  # fmt: skip
    cache = FooterCache(URL)
    kind = KindSummary(one.schema_id, one.schema, one.is_doubtful, stats)
    cache.summaries.keep(Summary(told, (kind,)), listed, added=files)
    first_of_days = listed.gather_every(layout.FILES_A_DAY)  # of which DuckDB opens some to learn the columns
    cache.put({key: KeptFooter(tail, True) for key in first_of_days.select("path", "etag").iter_rows()})


URL = "memory://scale/events"


def open_synthetic(folder: Path) -> Any:
    """The table, as a new session opens it."""
    from lakekit.manifest.manifest import TableOptions
    from lakekit.storage.address import parse_address
    from lakekit.storage.options import resolve_storage
    from lakekit.storage.other import OtherStore
    from lakekit.table import Table

    class MadeUp(OtherStore):
        def list_columns(self, *, on_progress: Callable[[int], None] | None = None) -> pl.DataFrame:
            return pl.read_ipc(folder / "listing.arrow")

    address = parse_address(URL)
    return Table(MadeUp(address, resolve_storage(None, address)), "events", TableOptions())


def peak_mib() -> int:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(folder: Path) -> dict[str, float]:
    """Seconds of each step, by the clock and of this process, and its peak memory in MiB."""
    import duckdb

    import lakekit.views.duckdb
    import lakekit.views.polars  # noqa: F401

    told: dict[str, float] = {}

    def clock(name: str, run: Callable[[], Any], times: int = 1) -> Any:
        spans = []
        for _ in range(times):
            start, busy = time.perf_counter(), time.process_time()
            result = run()
            spans.append((time.perf_counter() - start, time.process_time() - busy))
        told[name], told[f"{name}, CPU"] = (round(min(span), 3) for span in zip(*spans, strict=True))
        return result

    table = clock("warm open", lambda: open_synthetic(folder))
    told["peak MiB after opening"] = peak_mib()
    clock("statistics of all files", lambda: table.files)
    con = duckdb.connect()
    clock("create a DuckDB view", lambda: table.duckdb(con, "events"))
    query = f"EXPLAIN SELECT sum(amount) FROM events WHERE date = DATE '{DAY}'"
    clock("plan a day, plain DuckDB", lambda: con.execute(query).fetchall(), times=3)
    clock("plan a day, lake.sql", lambda: plan_in_lake(con, table), times=3)
    clock("plan a day, Polars", lambda: plan_polars(table), times=3)
    told["peak MiB"] = peak_mib()
    return told


def plan_in_lake(con: Any, table: Any) -> None:
    """What lake.sql does before the first file is asked for."""
    from lakekit.views.narrow import bind_lightly, plan_query

    query, views = f"SELECT sum(amount) FROM events WHERE date = DATE '{DAY}'", {table.view.token: table.view}
    with bind_lightly(con, views, query):
        con.sql(query)
    choices = plan_query(con, views, query, None).choices
    assert layout.FILES_A_DAY in [len(chosen.listed) for _, _, chosen in choices]
    for _, group, chosen in choices:
        group.list_files(chosen.listed)


def plan_polars(table: Any) -> None:
    """What a Polars query does before the first file is asked for."""
    from lakekit.views.polars import choose_paths
    from lakekit.views.reader import TableReader

    day = dt.date.fromisoformat(DAY)
    assert len(choose_paths(table.manifest, pl.col("date") == day)) == layout.FILES_A_DAY
    TableReader(table.store, table.manifest)


def time_lists(keys: int, latency_ms: int = 30) -> dict[str, float]:
    """How long a listing of so many keys takes, a page each 30 ms, and how many requests."""
    from lakekit.storage import Storage, open_store
    from lakekit.storage.columns import list_columns

    command = [sys.executable, str(HERE / "pages.py"), str(keys), str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            example = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "x" * 8, "region": "us-east-1"}
            store = open_store("s3://bench/lake/events", Storage(endpoint_url=f"http://127.0.0.1:{port}", **example))
            start, busy = time.perf_counter(), time.process_time()
            found = list_columns(store).height
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
        finally:
            server.terminate()
    assert found == keys, found
    return {"seconds": round(seconds, 2), "seconds, CPU": round(busy, 2), "LIST": store.requests.snapshot()["LIST"]}


def run(files: int) -> dict[str, float]:
    """The measurements of a table of so many files."""
    with tempfile.TemporaryDirectory(prefix="lakekit-scale-") as folder:
        environment = {**os.environ, "LAKEKIT_CACHE_DIR": str(Path(folder, "cache"))}
        for step in ("make-up", "measure"):
            command = [sys.executable, __file__, f"--{step}", folder, "--files", str(files)]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--lists", action="store_true")
    parser.add_argument("--make-up", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make_up:
        return make_up(asked.files[0], asked.make_up)
    if asked.measure:
        return print(json.dumps(measure(asked.measure)))
    for files in asked.files:
        print(f"{files:,} files")
        for name, value in run(files).items():
            print(f"  {name:<33} {value:>9,}{'' if 'MiB' in name else ' s'}")
    if asked.lists:
        print("LIST of 100,000 keys, 30 ms each:", time_lists(100_000))
    return None


if __name__ == "__main__":
    main()
