"""Many small files into few big ones: lakekit, delta-rs, DuckLake and plain DuckDB on one generated lake, in a folder.

    python benchmarks/compaction.py [days] [files a day]

It prints a table, and it must not judge by seconds alone: what a reader sees meanwhile, and whether the originals and
every row are there afterwards, is checked each time.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from run import HERE, find_python

import lakekit as lk
from lakekit.display import format_text_table

DAYS, FILES_A_DAY, ROWS = 365, 8, 600
ALL = lk.compaction.Rules(closed_after=timedelta(0))
CHECK = "SELECT count(*), sum(id)::BIGINT, round(sum(price), 2) FROM read_parquet($files, hive_partitioning = true)"


def generate(folder: Path, days: int, files: int, *, drifts: bool) -> None:
    """Days of some small files each; where it drifts, one file in a hundred has another type of id, as happens."""
    chance, number = np.random.default_rng(7), 0
    for day in range(days):
        place = folder / f"day={date(2025, 1, 1) + timedelta(days=day)}"
        place.mkdir(parents=True)
        for file in range(files):
            kind = pa.int32() if drifts and number % 100 == 99 else pa.int64()
            ids = pa.array(range(number * ROWS, (number + 1) * ROWS), kind)
            table = {"id": ids, "price": chance.integers(1, 10_000, ROWS) / 100, "item": chance.integers(0, 50, ROWS)}
            pq.write_table(pa.table(table), place / f"part-{file}.parquet")
            number += 1


def compact_with_copy(lake: Path, to: Path) -> list[str]:
    """lakekit into another folder; readers are switched afterwards."""
    lk.compaction.run(lk.compaction.plan(lk.open_table(lake), to, rules=ALL))
    return list_parquet(to)


def compact_in_place(lake: Path, to: Path) -> list[str]:
    """lakekit under a Delta log, which delta-rs writes here from lakekit's manifest."""
    from deltalake import DeltaTable

    publish(lake)
    lk.compaction.run(lk.compaction.plan(lk.open_table(lake), rules=ALL))
    return DeltaTable(str(lake)).file_uris()


def compact_with_delta_rs(lake: Path, to: Path) -> list[str]:
    """delta-rs: convert, then optimize."""
    from deltalake import DeltaTable, Schema, convert_to_deltalake

    day = Schema.from_arrow(pa.schema([("day", pa.date32())]))
    convert_to_deltalake(str(lake), partition_by=day, partition_strategy="hive")
    table = DeltaTable(str(lake))
    table.optimize.compact()
    return table.file_uris()


def compact_with_ducklake(lake: Path, to: Path) -> list[str]:
    """DuckLake: the files registered where they are, merged, and what that leaves cleaned up; in its own environment.

    Its seconds count the start of that environment's Python and DuckDB, about half a second.
    """
    command = [find_python("ducklake"), str(HERE / "ducklake.py"), str(lake), str(to)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows, total, price, days = told["rows"]
    print(f"DuckLake: {told['steps']}, {told['seconds']:.2f} s; it reads {rows} rows, of which {days} have a day")
    return told["files"]


def compact_with_duckdb(lake: Path, to: Path) -> list[str]:
    """DuckDB: COPY of everything, partitioned again."""
    source = f"read_parquet('{lake}/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    duckdb.execute(f"COPY (FROM {source}) TO '{to}' (FORMAT parquet, PARTITION_BY (day), COMPRESSION zstd)")
    return list_parquet(to)


def publish(lake: Path) -> None:
    """A Delta log over all files."""
    from deltalake import DeltaTable, Schema
    from deltalake.transaction import AddAction

    table = lk.open_table(lake)
    schema = Schema.from_arrow(pa.schema(list(table.schema)))
    delta = DeltaTable.create(str(lake), schema, partition_by=["day"])
    actions = [
        AddAction(
            path=row["path"],
            size=row["size_bytes"],
            partition_values={"day": str(row["partition"]["day"])},
            modification_time=int(row["modified_at"].timestamp() * 1000),
            data_change=True,
            stats=f'{{"numRecords": {row["rows"]}}}',
        )
        for row in table.files.iter_rows(named=True)
    ]
    delta.create_write_transaction(actions=actions, mode="append", schema=delta.schema(), partition_by=["day"])


def list_parquet(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*.parquet")]


RUNS: list[tuple[str, str, Callable[[Path, Path], list[str]]]] = [
    ("lakekit, into=", "yes: closed until verified", compact_with_copy),
    ("lakekit, in place", "yes: one commit", compact_in_place),
    ("delta-rs, convert + optimize", "yes: one commit", compact_with_delta_rs),
    ("DuckLake, add + merge + clean up", "yes: its catalog", compact_with_ducklake),
    ("DuckDB, COPY", "no: files appear one by one", compact_with_duckdb),
]


def measure(name: str, atomic: str, compact: Callable[[Path, Path], list[str]], lake: Path) -> tuple[object, ...]:
    """One row of the table, on a copy of the lake of its own."""
    with tempfile.TemporaryDirectory() as folder:
        own, to = Path(folder, "lake"), Path(folder, "to")
        shutil.copytree(lake, own)
        originals = list_parquet(own)
        wanted = duckdb.execute(CHECK, {"files": originals}).fetchall()
        started = time.perf_counter()
        try:
            files = compact(own, to)
        except Exception as error:
            return name, None, None, atomic, "", f"refused: {type(error).__name__}"
        seconds = round(time.perf_counter() - started, 2)
        kept = "yes" if all(Path(path).exists() for path in originals) else "no"
        is_equal = duckdb.execute(CHECK, {"files": files}).fetchall() == wanted
        return name, seconds, len(files), atomic, kept, "yes" if is_equal else "NO"


def main(days: int, files: int) -> None:
    find_python("ducklake")  # its environment is made before anything is measured
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder, "lake"), days, files, drifts=True)
        generate(Path(folder, "steady"), days, files, drifts=False)
        rows = [measure(*run, Path(folder, "lake")) for run in RUNS]
        for number in (3, 2):  # two of them take no drift
            steady = ("the same, without drift", *RUNS[number][1:])
            rows.insert(number + 1, measure(*steady, Path(folder, "steady")))
        print(f"{days * files:,} files of {ROWS} rows, in a folder; one of a hundred has int32 ids among int64")
        print(
            format_text_table(["tool", "seconds", "files", "atomic for readers", "originals kept", "rows equal"], rows)
        )


if __name__ == "__main__":
    main(*[int(one) for one in sys.argv[1:3]] or (DAYS, FILES_A_DAY))
