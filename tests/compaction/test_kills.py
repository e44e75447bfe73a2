"""Killed at any point, compaction and retirement lose no row and no original, and no reader sees a wrong answer."""

import random
import time

import pytest

import lakekit as lk
from tests.compaction.lakes import list_files, make_events
from tests.compaction.workers import PROCESSES, QUERIES, ROUNDS, compact_on, read_for_ever

WANTED = (120, 120, 7140)  # 3 days x 4 files x 10 rows, ids 0 to 119: 119 * 120 / 2
LONGEST_SECONDS = 1.5  # a step takes about one


class Readers:
    """Two processes that query the lake, one with each engine, while the block lasts."""

    def __init__(self, lake_url: str):
        self.stop, self.answers = PROCESSES.Event(), PROCESSES.Value("i", 0)
        self.refusals, self.wrong = PROCESSES.Queue(), PROCESSES.Queue()
        shared = self.stop, self.answers, self.refusals, self.wrong
        self.processes = [
            PROCESSES.Process(target=read_for_ever, args=(name, lake_url, WANTED, *shared)) for name in QUERIES
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
        for _ in range(ROUNDS):
            child = PROCESSES.Process(target=compact_on, args=(lake_url, str(tmp_path), retires))
            child.start()
            time.sleep(chance.uniform(0, LONGEST_SECONDS))
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
        assert 0 in [process.exitcode for process in pair]  # the other may be told that it came second
        assert [query(str(lake)) for query in QUERIES.values()] == [WANTED, WANTED]
