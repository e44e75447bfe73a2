"""Processes for the tests that kill and race: readers that never stop, and compactors that may be killed anywhere."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from datetime import timedelta
from pathlib import Path

import lakekit as lk

PROCESSES = multiprocessing.get_context(
    "forkserver"
)  # a child is there in a moment, with nothing of the test's threads
PROCESSES.set_forkserver_preload(["tests.compaction.preloaded"])
ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "3"))


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
        try:
            found = QUERIES[engine](lake_url)
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
