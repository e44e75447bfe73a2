"""Processes for the tests that kill and race: readers that never stop, and compactors that may be killed anywhere."""

from __future__ import annotations

import functools
import importlib
import json
import multiprocessing
import os
import resource
import time
import traceback
import uuid
from datetime import date, timedelta
from pathlib import Path

import deltalake
import duckdb
import polars as pl
import pyarrow as pa

import lakekit as lk
from lakekit.compaction import leases

PROCESSES = multiprocessing.get_context(
    "forkserver"
)  # a child is there in a moment, with nothing of the test's threads
PROCESSES.set_forkserver_preload(["tests.compaction.preloaded"])
ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "2"))


def query_duckdb(lake_url: str) -> tuple[int, int, int]:
    lake = lk.open_lake(lake_url)
    return lake.sql("SELECT count(*), count(DISTINCT id), sum(id)::BIGINT FROM events").fetchall()[0]


def query_polars(lake_url: str) -> tuple[int, int, int]:
    ids = lk.open_lake(lake_url)["events"].polars().collect()["id"]
    return len(ids), ids.n_unique(), ids.sum()


QUERIES = {"duckdb": query_duckdb, "polars": query_polars}


def read_for_ever(engine: str, lake_url: str, wanted: tuple[int, int, int], stop, answers, refusals, wrong) -> None:
    """Query until told to stop; what is no answer (an error) is counted, what is a wrong one is told."""
    while not stop.is_set():
        started = time.monotonic()
        try:
            found = QUERIES_BY_NAME[engine](lake_url)
        except (lk.LakekitError, FileNotFoundError) as error:
            refusals.put(f"{engine}: {type(error).__name__}: {error}")
            continue
        except Exception:
            wrong.put(traceback.format_exc())
            return
        if tuple(found) != tuple(wanted):
            wrong.put(f"{engine} found {found}, not {wanted}")
            return
        with answers.get_lock():
            answers.value += 1
        time.sleep((time.monotonic() - started) / 2)  # two readers alone would leave the compactor no time


PHASES = {  # what a compactor is at, by the function that it entered last
    "not begun": (),
    "opening": (),
    "planning": ("planner._check_columns",),
    "copying": ("copying._write_bins", "in_place._write_bins"),
    "verifying": ("copying.verify_copy", "in_place._compare"),
    "switching": ("switching.switch_entry", "in_place._commit"),
    "looking again": ("in_place._look_again",),
    "retiring": ("acting.run_retirement",),
    "done": (),
}


def tell_phases(phase) -> None:
    """Let a shared number tell from now on what this process is at."""

    def tell(real, number, *args, **options):
        phase.value = number
        return real(*args, **options)

    for number, places in enumerate(PHASES.values()):
        for place in places:
            module, name = place.split(".")
            found = importlib.import_module(f"lakekit.compaction.{module}")
            setattr(found, name, functools.partial(tell, getattr(found, name), number))


def run_told(phase, target, *args) -> None:
    """A worker, in a process of its own, that tells what it is at."""
    tell_phases(phase)
    phase.value = 1
    target(*args)
    phase.value = len(PHASES) - 1


def compact_on(lake_url: str, folder: str, retires: bool) -> None:
    """One step further: the table into a new folder, sorted otherwise than before, and the lake switched to it."""
    lake = lk.open_lake(lake_url)
    table = lake["events"]
    step = int(Path(table.url).name.rpartition("-")[2]) + 1 if "copy-" in table.url else 0
    if retires and step:
        lk.compaction.run(lk.compaction.retire(table, older_than=timedelta(0)), confirm="events")
    rules = lk.compaction.Rules(sort_by=["id" if step % 2 else "x"], closed_after=timedelta(0))
    into = f"{folder}/copy-{step}"
    lk.compaction.run(lk.compaction.plan(table, into, rules=rules))
    lake.switch("events", into)
    if retires:
        lk.compaction.run(lk.compaction.retire(lake["events"], older_than=timedelta(0)), confirm="events")


def compact_in_place(folder: str, lasts_seconds: float, retires: bool = False) -> None:
    """One compaction of a Delta table, whose lease runs out soon where this is killed; and its originals retired."""
    leases.LASTS = timedelta(seconds=lasts_seconds)
    rules = lk.compaction.Rules(closed_after=timedelta(0))
    for _ in range(20):
        try:
            lk.compaction.run(lk.compaction.plan(lk.open_table(folder), rules=rules))
            if retires:
                table = lk.open_table(folder)
                lk.compaction.run(lk.compaction.retire(table, older_than=timedelta(0)), confirm=table.name)
            return
        except (lk.StaleFile, lk.StorageFailed):  # another was first, or holds the lease
            time.sleep(0.1)


def scatter_delta(folder: str) -> None:
    """The same rows in 12 new files, in one commit of deltalake: work for the next compaction."""
    delta = deltalake.DeltaTable(folder)
    rows = pl.from_arrow(delta.to_pyarrow_table()).sort("id")
    actions = []
    for (day,), part in rows.partition_by("day", as_dict=True).items():
        for start in range(0, part.height, 10):
            path = f"day={day}/part-{uuid.uuid4()}.parquet"
            piece = part.slice(start, 10).drop("day")
            piece.write_parquet(Path(folder, path))
            actions.append(
                deltalake.transaction.AddAction(
                    path=path,
                    size=Path(folder, path).stat().st_size,
                    partition_values={"day": str(day)},
                    modification_time=int(time.time() * 1000),
                    data_change=True,
                    stats=json.dumps({"numRecords": piece.height}),
                )
            )
    delta.create_write_transaction(actions=actions, mode="overwrite", schema=delta.schema(), partition_by=["day"])


def compact_without_room(folder: str, into: str | None, told) -> None:
    """Compaction where a file that grows beyond 20,000 bytes fails as on a full disk; what is told goes to a queue."""
    made = lk.compaction.plan(lk.open_table(folder), into, rules=lk.compaction.Rules(closed_after=timedelta(0)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        lk.compaction.run(made)
    except lk.StorageFailed as error:
        told.put(str(error))


def append_delta(folder: str, start: int, files: int) -> None:
    """Files with one row each, appended by deltalake: ids from a start on."""
    for number in range(start, start + files):
        row = pa.table({"id": [number], "x": [0.0], "day": [date(2026, 1, 1)]})
        deltalake.write_deltalake(folder, row, mode="append")


def scan_delta(folder: str) -> tuple[int, int, int]:
    ids = pl.scan_delta(folder).select("id").collect()["id"]
    return len(ids), ids.n_unique(), ids.sum()


def query_delta(folder: str) -> tuple[int, int, int]:
    """By DuckDB, over the files that the log names."""
    files = deltalake.DeltaTable(folder).file_uris()
    query = "SELECT count(*), count(DISTINCT id), sum(id)::BIGINT FROM read_parquet(?)"
    return duckdb.execute(query, [files]).fetchall()[0]


DELTA_QUERIES = {"polars over Delta": scan_delta, "duckdb over Delta": query_delta}
QUERIES_BY_NAME = QUERIES | DELTA_QUERIES
