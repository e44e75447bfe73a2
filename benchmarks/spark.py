"""One query over five million rows in 200 files: DuckDB, the embedded Spark, and any Spark Connect server besides.

    python benchmarks/spark.py [--rows 5000000] [--files 200] [--remote sc://127.0.0.1:15002 …] [--native]

Each engine is measured in a process of its own, on the same folder: the seconds until it may be asked ("start": the
packages, the server and a first session), those that the view took, the first query and the best of three more. Then
the best of three over a view of the wanted columns only, and over one of the wanted columns and rows; with ``--native``
also by Spark's own Parquet reader on the folder, which needs files of one schema. A server that is given by its address
must see the same files.

"CPU" is what one of those three had computed, here and in the embedded server (on Linux only): on a busy machine the
clock tells more of the neighbours.

It must not judge by seconds alone: the rows of each answer are compared with DuckDB's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST_DAY, FILES_A_DAY = dt.date(2026, 1, 1), 5
FROM = "2026-01-02"
WANTED = {"columns": ["user", "qty", "status", "dt", "region"]}
NARROW: dict[str, dict[str, Any]] = {
    "columns=": WANTED,
    "and where=": {**WANTED, "where": f"dt >= '{FROM}' AND qty > 10"},
}
QUERY = f"""
    SELECT dt, region, status, count(*) AS n, sum(qty) AS s, count(DISTINCT user) AS u
    FROM events WHERE dt >= DATE '{FROM}' AND qty > 10 GROUP BY dt, region, status
"""
COLUMNS = ("engine", "start", "view", "first query", "next", "CPU", "columns=", "and where=", "native", "same rows")
TIMES = 3


def generate(folder: Path, rows: int, files: int) -> None:
    """Files under ``events/dt=…/region=…/``, each of the same number of rows."""
    chance, each = np.random.default_rng(1), rows // files
    for number in range(files):
        day = FIRST_DAY + dt.timedelta(days=number // FILES_A_DAY)
        place = folder / "events" / f"dt={day}" / f"region={['eu', 'us'][number % 2]}"
        place.mkdir(parents=True, exist_ok=True)
        table = {
            "id": np.arange(each) + number * each,
            "user": chance.integers(0, 10**9, each),
            "qty": chance.integers(0, 100, each),
            "amount": chance.random(each) * 100,
            "status": chance.choice(["new", "paid", "sent"], each),
        }
        pq.write_table(pa.table(table), place / f"part-{number}.parquet", compression="zstd")


def clock(run: Callable[[], Any], times: int = 1) -> tuple[Any, float]:
    """The last answer, and the seconds of the quickest."""
    spans = []
    for _ in range(times):
        start = time.perf_counter()
        answer = run()
        spans.append(time.perf_counter() - start)
    return answer, round(min(spans), 2)


def count_cpu(*pids: int) -> float:
    """The seconds that these processes have computed, by /proc."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # utime and stime; proc_pid_stat(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def ask_again(told: dict[str, Any], ask: Callable[[], list[dict[str, Any]]], *pids: int) -> None:
    """Note the best of some more runs, and what one of them computed in these processes."""
    before = count_cpu(*pids) if pids and sys.platform == "linux" else None
    told["rows"], told["next"] = clock(ask, TIMES)
    if before is not None:
        told["CPU"] = round((count_cpu(*pids) - before) / TIMES, 2)


def sort_rows(rows: list[dict[str, Any]]) -> list[list[Any]]:
    return sorted([str(value) for value in row.values()] for row in rows)


def measure_duckdb(folder: Path) -> dict[str, Any]:
    """lakekit's view in DuckDB."""
    start = time.perf_counter()
    import duckdb

    import lakekit as lk

    con = duckdb.connect()
    told: dict[str, Any] = {"start": round(time.perf_counter() - start, 2)}

    def make() -> None:
        lk.open_table(folder / "events").duckdb(con)

    def ask() -> list[dict[str, Any]]:
        return con.sql(QUERY).to_arrow_table().to_pylist()

    _, told["view"] = clock(make)
    _, told["first query"] = clock(ask)
    ask_again(told, ask, os.getpid())
    return told


def measure_spark(folder: Path, where: str, *, native: bool) -> dict[str, Any]:
    """lakekit's view in a session: of an embedded Spark with so many workers, or of the server at an address."""
    start = time.perf_counter()
    import lakekit as lk

    spark = None if where.startswith("sc://") else lk.embedded_spark(int(where))
    session = spark.session if spark else connect(where)
    session.sql("SELECT 1").collect()
    told: dict[str, Any] = {"start": round(time.perf_counter() - start, 2)}

    def ask() -> list[dict[str, Any]]:
        return session.sql(QUERY).toArrow().to_pylist()

    _, told["view"] = clock(lambda: lk.open_table(folder / "events").spark(session))
    _, told["first query"] = clock(ask)
    ask_again(told, ask, *([os.getpid(), spark._process.pid] if spark else []))
    for name, options in NARROW.items():
        lk.open_table(folder / "events").spark(session, **options)
        rows, told[name] = clock(ask, TIMES)
        assert sort_rows(rows) == sort_rows(told["rows"])
    if native:
        session.read.parquet(f"file://{folder}/events").createOrReplaceTempView("events")
        rows, told["native"] = clock(ask, TIMES)
        assert sort_rows(rows) == sort_rows(told["rows"])
    spark.stop() if spark else session.stop()
    return told


def connect(url: str) -> Any:
    """A session of its own at this address."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(url).create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    return session


def run(folder: Path, where: str, *, native: bool) -> dict[str, Any]:
    """The measurements of one engine, in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(folder), "--engine", where, *["--native"] * native]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--remote", nargs="*", default=[], metavar="URL")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        is_duckdb = asked.engine == "duckdb"
        told = measure_duckdb(asked.measure) if is_duckdb else None
        told = told or measure_spark(asked.measure, asked.engine, native=asked.native)
        print(json.dumps({**told, "rows": sort_rows(told["rows"])}))
        return
    compare(asked.rows, asked.files, asked.remote, native=asked.native)


def compare(rows: int, files: int, remotes: list[str], *, native: bool) -> None:
    """Print the table."""
    from lakekit.display import format_text_table

    engines = {"DuckDB": "duckdb", "embedded Spark": "0", "embedded Spark, two workers": "2"}
    engines |= {url: url for url in remotes}
    with tempfile.TemporaryDirectory(prefix="lakekit-spark-lake-") as made:
        generate(Path(made), rows, files)
        found = {name: run(Path(made), where, native=native) for name, where in engines.items()}
    wanted = found["DuckDB"]["rows"]
    for told in found.values():
        told["same rows"] = "yes" if told["rows"] == wanted else "NO"
    print(f"{rows:,} rows in {files} files, {len(wanted)} rows of the answer; seconds")
    print(format_text_table(COLUMNS, [(name, *map(told.get, COLUMNS[1:])) for name, told in found.items()]))


if __name__ == "__main__":
    main()
