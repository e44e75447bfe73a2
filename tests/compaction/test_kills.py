"""Killed at any point, compaction and retirement lose no row and no original, and no reader sees a wrong answer."""

import random
import time
from collections import Counter

import pytest
from deltalake import DeltaTable

import lakekit as lk
from tests.compaction.deltas import publish
from tests.compaction.lakes import list_files, make_events
from tests.compaction.workers import (
    DELTA_QUERIES,
    PHASES,
    PROCESSES,
    QUERIES,
    ROUNDS,
    append_delta,
    compact_in_place,
    compact_on,
    read_for_ever,
    run_told,
    scatter_delta,
)

WANTED = (120, 120, 7140)  # 3 days x 4 files x 10 rows, ids 0 to 119: 119 * 120 / 2


class Killer:
    """Starts a worker and kills it (SIGKILL), at moments spread evenly over the whole of what it does.

    The step is measured here and now, with the readers at work; of n rounds one kill falls into each nth of it, from
    before its first line to after its last, in an order that a seed decides.
    """

    def __init__(self, rounds: int):
        self.seed = random.randrange(2**32)
        print(f"seed {self.seed}")
        chance = random.Random(self.seed)
        self.shares = [(number + chance.random()) / rounds for number in range(rounds)]
        chance.shuffle(self.shares)
        self.longest, self.killed = 0.0, Counter()

    def measure(self, target, *args) -> None:
        """How long one step takes that nobody kills; a tenth more, so that some kills come too late."""
        child, phase = self._start(target, *args)
        started = time.monotonic()
        child.join()
        assert child.exitcode == 0 and phase.value == len(PHASES) - 1
        self.longest = (time.monotonic() - started) * 1.1

    def kill(self, target, *args) -> None:
        """Start the worker, and kill it at the next of the moments; note what it was at."""
        child, phase = self._start(target, *args)
        time.sleep(self.shares.pop() * self.longest)
        child.kill()
        child.join()
        assert child.exitcode in (0, -9), child.exitcode
        self.killed[list(PHASES)[phase.value]] += 1

    def _start(self, target, *args):
        """A worker that has just begun, and the number by which it tells what it is at."""
        phase = PROCESSES.RawValue("i", 0)  # without a lock, which whoever is killed would keep
        child = PROCESSES.Process(target=run_told, args=(phase, target, *args))
        child.start()
        while not phase.value and child.is_alive():
            time.sleep(0.0005)
        return child, phase

    def __repr__(self) -> str:
        return ", ".join(f"{name} {self.killed[name]}" for name in PHASES if self.killed[name])


class Readers:
    """Two processes that query a lake or table, one with each engine, while the block lasts."""

    def __init__(self, url: str, queries=QUERIES):
        self.stop, self.answers = PROCESSES.Event(), PROCESSES.Value("i", 0)
        self.refusals, self.wrong = PROCESSES.Queue(), PROCESSES.Queue()
        shared = self.stop, self.answers, self.refusals, self.wrong
        self.processes = [
            PROCESSES.Process(target=read_for_ever, args=(name, url, WANTED, *shared)) for name in queries
        ]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for process in self.processes:
            process.join(60)

    def list_refusals(self):
        found = []
        while not self.refusals.empty():
            found.append(self.refusals.get())
        return found

    def check(self):
        assert self.wrong.empty(), self.wrong.get()


@pytest.mark.torture
@pytest.mark.parametrize("retires", [False, True], ids=["compaction", "compaction and retirement"])
def test_killed_anywhere_no_row_is_lost_or_doubled_and_a_rerun_finishes(tmp_path, retires):
    lake_url, killer = str(tmp_path / "lake"), Killer(ROUNDS)
    originals = list_files(make_events(tmp_path / "lake" / "events"))
    with Readers(lake_url) as readers:
        for number in range(ROUNDS):
            if number % 10 == 0:
                killer.measure(compact_on, lake_url, str(tmp_path), retires)
            killer.kill(compact_on, lake_url, str(tmp_path), retires)
            readers.check()
    readers.check()
    refusals = readers.list_refusals()
    if not retires:
        assert refusals == []
        assert list_files(tmp_path / "lake" / "events") == originals
    compact_on(lake_url, str(tmp_path), retires)
    assert [query(lake_url) for query in QUERIES.values()] == [WANTED, WANTED]
    assert lk.open_lake(lake_url)["events"].files.height == 3
    print(f"{ROUNDS} kills: {killer}; {readers.answers.value} answers, {len(refusals)} refusals {refusals[:3]}")
    assert readers.answers.value > 0


@pytest.mark.torture
def test_two_compactors_of_one_plan_make_one_copy(tmp_path):
    for number in range(ROUNDS):
        lake = make_events(tmp_path / f"{number}" / "lake" / "events").parent
        pair = [PROCESSES.Process(target=compact_on, args=(str(lake), str(lake.parent), False)) for _ in range(2)]
        for process in pair:
            process.start()
        for process in pair:
            process.join()
        assert [process.exitcode for process in pair] == [0, 0]
        assert [query(str(lake)) for query in QUERIES.values()] == [WANTED, WANTED]


@pytest.mark.torture
@pytest.mark.parametrize("retires", [False, True], ids=["compaction", "compaction and retirement"])
def test_killed_anywhere_a_compaction_in_place_loses_no_row_and_a_rerun_finishes(tmp_path, retires):
    killer, answers, refusals = Killer(ROUNDS), 0, []
    for first in range(0, ROUNDS, 25):  # a new table now and then, so that its log stays short
        lake = tmp_path / f"lake-{first}"
        folder, spare = make_events(lake / "events"), make_events(tmp_path / f"spare-{first}")
        publish(folder), publish(spare)
        url, queries = (str(lake), QUERIES) if retires else (str(folder), DELTA_QUERIES)
        with Readers(url, queries) as readers:
            killer.measure(compact_in_place, str(spare), 0.2, retires)
            scatter_delta(str(spare))
            killer.measure(compact_in_place, str(spare), 0.2, retires)  # once more, now that the disk knows it
            for _ in range(min(25, ROUNDS - first)):
                if len(DeltaTable(str(folder)).file_uris()) == 3:  # nothing more to do, and so nothing to kill
                    scatter_delta(str(folder))
                before = list_files(folder)
                killer.kill(compact_in_place, str(folder), 0.2, retires)
                readers.check()
                assert retires or list_files(folder).items() >= before.items()
            compact_in_place(str(folder), 0.2, retires)
        readers.check()
        refusals += readers.list_refusals()
        answers += readers.answers.value
        assert readers.answers.value > 0
        assert [query(url) for query in queries.values()] == [WANTED, WANTED]
        assert len(DeltaTable(str(folder)).file_uris()) == 3
    assert retires or refusals == []
    print(f"{ROUNDS} kills: {killer}; {answers} answers, {len(refusals)} refusals {refusals[:3]}")


@pytest.mark.torture
def test_two_compactors_and_an_appender_at_once_keep_every_row(tmp_path):
    for number in range(max(1, ROUNDS // 3)):
        folder = str(make_events(tmp_path / f"{number}"))
        publish(tmp_path / f"{number}")
        tasks = [
            (compact_in_place, (folder, 0.01)),
            (compact_in_place, (folder, 0.01)),
            (append_delta, (folder, 120, 8)),
        ]
        processes = [PROCESSES.Process(target=target, args=args) for target, args in tasks]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0, 0]
        # ids 0 to 127 once each: 127 * 128 / 2 = 8128
        assert [query(folder) for query in DELTA_QUERIES.values()] == [(128, 128, 8128)] * 2
