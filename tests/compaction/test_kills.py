"""Killed at any point, compaction and retirement lose no row and no original, and no reader sees a wrong answer."""

import random
import time

import pytest
from deltalake import DeltaTable

import lakekit as lk
from tests.compaction.deltas import publish
from tests.compaction.lakes import list_files, make_events
from tests.compaction.workers import (
    DELTA_QUERIES,
    PROCESSES,
    QUERIES,
    ROUNDS,
    append_delta,
    compact_in_place,
    compact_on,
    read_for_ever,
)

WANTED = (120, 120, 7140)  # 3 days x 4 files x 10 rows, ids 0 to 119: 119 * 120 / 2


def measure_step(target, *args) -> float:
    """How long one step takes here and now that nobody kills."""
    started = time.monotonic()
    child = PROCESSES.Process(target=target, args=args)
    child.start()
    child.join()
    assert child.exitcode == 0
    return time.monotonic() - started


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


@pytest.mark.torture
@pytest.mark.parametrize("retires", [False, True], ids=["compaction", "compaction and retirement"])
def test_killed_anywhere_no_row_is_lost_or_doubled_and_a_rerun_finishes(tmp_path, retires):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    lake_url = str(tmp_path / "lake")
    originals = list_files(make_events(tmp_path / "lake" / "events"))
    killed = 0
    with Readers(lake_url) as readers:
        longest = measure_step(compact_on, lake_url, str(tmp_path), retires) * 1.1
        for _ in range(ROUNDS):
            child = PROCESSES.Process(target=compact_on, args=(lake_url, str(tmp_path), retires))
            child.start()
            time.sleep(chance.uniform(0, longest))
            killed += child.is_alive()
            child.kill()
            child.join()
            assert readers.wrong.empty(), readers.wrong.get()
    assert readers.wrong.empty(), readers.wrong.get()
    refusals = readers.list_refusals()
    if not retires:  # whoever began before a retirement may have to ask again, and is told so
        assert refusals == []
        assert list_files(tmp_path / "lake" / "events") == originals
    compact_on(lake_url, str(tmp_path), retires)
    assert [query(lake_url) for query in QUERIES.values()] == [WANTED, WANTED]
    assert lk.open_lake(lake_url)["events"].files.height == 3
    print(f"{killed} of {ROUNDS} killed at work, {readers.answers.value} answers, {len(refusals)} refusals")
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
def test_killed_anywhere_a_compaction_in_place_loses_no_row_and_a_rerun_finishes(tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    folder, killed = tmp_path / "0", 0
    for number in range(ROUNDS):
        if number % 10 == 0:  # a table that is compacted has nothing more to kill
            folder = make_events(tmp_path / str(number))
            publish(folder)
            originals = list_files(folder)
            spare = make_events(tmp_path / f"spare-{number}")
            publish(spare)
            readers = Readers(str(folder), DELTA_QUERIES)
            readers.__enter__()
            longest = measure_step(compact_in_place, str(spare), 0.2) * 1.1
        child = PROCESSES.Process(target=compact_in_place, args=(str(folder), 0.2))
        child.start()
        time.sleep(chance.uniform(0, longest))
        killed += child.is_alive()
        child.kill()
        child.join()
        if number % 10 == 9 or number == ROUNDS - 1:
            compact_in_place(str(folder), 0.2)
            readers.__exit__()
            assert readers.wrong.empty(), readers.wrong.get()
            assert readers.list_refusals() == [] and readers.answers.value > 0
            assert [query(str(folder)) for query in DELTA_QUERIES.values()] == [WANTED, WANTED]
            assert len(DeltaTable(str(folder)).file_uris()) == 3
            assert list_files(folder).items() >= originals.items()
    print(f"{killed} of {ROUNDS} killed at work")


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
