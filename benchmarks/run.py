"""lakekit against its peers over a real S3 server on this computer, with latency: ``make bench``.

It must not judge: it prints seconds, requests and bytes of each, all from one run, and draws the same as a chart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lakes
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from lakekit.storage import embedded_s3

HERE = Path(__file__).parent
BUCKET = "lakekit-bench"
RUNS = 5
CACHE = tempfile.TemporaryDirectory(prefix="lakekit-bench-")  # nobody's cache is touched
PEERS = {  # in environments of their own: DuckDB's httpfs from PyPI fits no newer DuckDB, awswrangler caps pyarrow
    "duckdb": ["duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5"],
    "awswrangler": ["awswrangler>=3.17"],
    "ducklake": ["duckdb==1.5.5", "duckdb-extension-ducklake==1.5.5"],  # of compaction.py
}
READERS: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    ("the bytes alone, 64 at once", "floor", {"at_once": 64}, {}),
    ("the bytes alone, 256 at once", "floor", {"at_once": 256}, {}),
    ("lakekit, DuckDB", "lakekit", {"engine": "sql"}, {}),
    ("lakekit, DuckDB, plain connection", "lakekit", {"engine": "connection"}, {}),
    ("lakekit, Polars", "lakekit", {"engine": "polars"}, {}),
    ("lakekit, DuckDB, asked again", "lakekit", {"engine": "sql", "again": True}, {}),
    ("lakekit, Polars, asked again", "lakekit", {"engine": "polars", "again": True}, {}),
    ("DuckDB, as installed", "duckdb", {}, {}),
    ("DuckDB, 16 threads", "duckdb", {"threads": 16}, {}),
    ("DuckDB, 64 threads", "duckdb", {"threads": 64}, {}),
    ("Polars, as installed", "polars", {}, {}),
    ("Polars, budget 128", "polars", {}, {"POLARS_CONCURRENCY_BUDGET": "128"}),
    ("pyarrow.dataset", "pyarrow", {}, {}),
    ("awswrangler", "awswrangler", {}, {}),
]


def find_python(reader: str) -> str:
    """The Python of a reader; for some peers one of their own, made at first."""
    if reader not in PEERS:
        return sys.executable
    folder = HERE / ".venvs" / reader
    if not (folder / "made").exists():
        print(f"making an environment for {reader} …", file=sys.stderr)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", str(folder)], check=True)
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *PEERS[reader]], check=True
        )
        (folder / "made").touch()
    return str(folder / "bin" / "python")


def measure(reader: str, task: dict[str, Any], env: dict[str, str], sandbox: Any) -> dict[str, Any]:
    """Seconds (median of the runs after the first), and what one run asked of the server."""
    process = subprocess.Popen(
        [find_python(reader), str(HERE / "reader.py"), reader],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"LAKEKIT_CACHE_DIR": CACHE.name} | env,
        text=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    if json.loads(process.stdout.readline() or "null") != "ready":
        raise SystemExit(f"{reader} did not start")
    seconds, counts, answer = [], {}, None
    for run in range(RUNS + 1):
        sandbox.reset()
        process.stdin.write("read\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        counts, answer = sandbox.counts(), told["answer"]
        if run:
            seconds.append(told["seconds"])
    process.stdin.close()
    process.wait()
    return {"seconds": statistics.median(seconds), "counts": counts, "answer": answer}


def make_tasks(sandbox: Any, store: Any, *, with_big: bool) -> dict[str, dict[str, Any]]:
    """The two questions: two columns of a month of small files, and two columns of the large files."""
    secrets = sandbox.storage
    base = {
        "bucket": BUCKET,
        "endpoint_url": secrets.endpoint_url,
        "key": secrets.access_key_id.reveal(),
        "secret": secrets.secret_access_key.reveal(),
        "region": secrets.region,
    }
    first, last = lakes.MONTH
    small = {
        "keys": lakes.month_keys(),
        "columns": ["amount", "score"],
        "sql": "SELECT sum(amount), sum(score) FROM {source}",
        "lake": "year",
        "table": "events",
        "where": f"date BETWEEN '{first}' AND '{last}'",
        "where_typed": f"date BETWEEN DATE '{first}' AND DATE '{last}'",
    }
    big = {
        "keys": lakes.big_keys(),
        "columns": ["c1", "c5"],
        "sql": "SELECT sum(c1), sum(c5) FROM {source}",
        "lake": "big",
        "table": "numbers",
    }
    small["ranges"] = [(key, 0, store.head(key)["size"]) for key in small["keys"]]
    tasks = {"a month, 240 files of 22 KiB": base | small}
    if with_big:
        big["ranges"] = [wanted for key in big["keys"] for wanted in _column_ranges(store, key, big["columns"])]
        tasks["8 files of 128 MB"] = base | big
    return tasks


def _column_ranges(store: Any, key: str, columns: Sequence[str]) -> list[tuple[str, int, int]]:
    import io

    tail = bytes(store.get_range(key, start=store.head(key)["size"] - 65536, length=65536))
    metadata = pq.read_metadata(io.BytesIO(b"PAR1" + tail[-int.from_bytes(tail[-8:-4], "little") - 8 :]))
    ranges = []
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.path_in_schema in columns:
                start = column.dictionary_page_offset or column.data_page_offset
                ranges.append((key, start, start + column.total_compressed_size))
    return ranges


def print_table(title: str, latency_ms: int, rows: dict[str, dict[str, Any]]) -> None:
    """One table as Markdown, seconds and multiples of the floor."""
    floor = rows["the bytes alone, 64 at once"]["seconds"]
    print(f"\n{title}, {latency_ms} ms\n")
    print("| reader | seconds | x the bytes, 64 at once | requests | at once | MB |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        counts = row["counts"]
        asked = " + ".join(f"{counts[kind]:,} {kind}" for kind in ("GET", "HEAD", "LIST") if counts.get(kind))
        cells = [name, f"{row['seconds']:.2f}", f"{row['seconds'] / floor:.1f}", asked]
        print(f"| {' | '.join(cells)} | {counts['most_at_once']} | {counts['bytes'] / 1e6:.1f} |")


def draw(results: dict[tuple[str, int], dict[str, dict[str, Any]]], path: Path) -> None:
    """The month's seconds as bars, one panel a latency."""
    panels = [(latency, rows) for (title, latency), rows in results.items() if title.startswith("a month")]
    figure = Figure(figsize=(max(7.5, 4.2 * len(panels)), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (latency, rows) in zip(axes, panels, strict=True):
        names = list(rows)[::-1]
        colours = ["#d55e00" if name.startswith("lakekit") else "#999999" for name in names]
        bars = axis.barh(names, [rows[name]["seconds"] for name in names], color=colours)
        axis.bar_label(bars, fmt=" %.2f s", fontsize=8)
        axis.set_title(f"{latency} ms to the store", fontsize=10)
        axis.set_xscale("log")
        axis.margins(x=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("Two columns of a month: 240 files of 22 KiB on S3 (seconds, logarithmic)", fontsize=11)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    """Make the lakes, measure every reader, print tables, draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 30, 100], metavar="MS")
    parser.add_argument("--only", default="", help="part of a reader's name")
    parser.add_argument("--small", action="store_true", help="leave the large files out")
    parser.add_argument("--chart", type=Path, default=HERE / "month.png")
    chosen = parser.parse_args()
    sandbox = embedded_s3()
    sandbox.storage.boto3("s3").create_bucket(Bucket=BUCKET)
    store = sandbox.storage.obstore(BUCKET)
    print("writing the lakes …", file=sys.stderr)
    lakes.upload_small(store)
    if not chosen.small:
        lakes.upload_big(store)
    tasks = make_tasks(sandbox, store, with_big=not chosen.small)
    results: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for latency in chosen.latency:
        sandbox.latency_ms = latency
        for title, task in tasks.items():
            rows = {}
            for name, reader, options, env in READERS:
                if chosen.only in name or reader == "floor":
                    print(f"{latency} ms, {title}: {name} …", file=sys.stderr)
                    rows[name] = measure(reader, task | options, env, sandbox)
            results[title, latency] = rows
            print_table(title, latency, rows)
    if not chosen.only:
        draw(results, chosen.chart)


if __name__ == "__main__":
    main()
