"""A writer that is killed anywhere and run again completes its batch: each row once, and readers see all or nothing."""

import os
import random
import subprocess
import sys
import threading
import time

import polars as pl
import pytest

import lakekit as lk

ROWS, FILES = 12_000, 4
WRITER = """
import sys
import pyarrow.csv, polars
from lakekit.ingest import write_batch
from lakekit.storage import Storage
source, url, endpoint = sys.argv[1:]
keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
storage = Storage(endpoint_url=endpoint, **keys) if endpoint else None
print("go", flush=True)
done = write_batch(source, url, partition_by="k", sort_by="n", target_file_bytes=65_536, batch_id="the batch",
                   storage=storage)
print(done.rows, done.quarantined, flush=True)
"""


class Reader(threading.Thread):
    """Opens the table again and again while it is entered, and keeps the row counts that it saw."""

    def __init__(self, home):
        super().__init__(daemon=True)
        self.home, self.seen, self.errors, self.ends = home, [], [], threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc_info):
        self.ends.set()
        self.join(60)

    def run(self):
        while not self.ends.is_set():
            try:
                found = self.home.open().polars().select("n").collect()["n"]
                self.seen.append((found.len(), found.sum()))
            except Exception as error:  # kept for the test to show
                self.errors.append(repr(error))
            time.sleep(0.05)


def write_source(folder) -> str:
    """CSV files with the numbers from 0 on, and one bad row in each."""
    folder.mkdir()
    for file in range(FILES):
        numbers = range(file, ROWS, FILES)
        text = "n,k,text\n" + "".join(f"{n},{n % 7},text {n * 7_919 % 1_000_003} {n * 31 % 977}\n" for n in numbers)
        (folder / f"{file}.csv").write_text(text + "1,2\n")
    return f"{folder}/*.csv"


def start(source: str, home) -> subprocess.Popen:
    endpoint = (home.storage.endpoint_url if home.storage else "") or ""
    command = [sys.executable, "-c", WRITER, source, home.url, endpoint]
    env = os.environ | {"PYTHONFAULTHANDLER": "1"}  # an end by another signal says where it was
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert writer.stdout.readline() == "go\n", writer.stderr.read()
    return writer


def kill_until_done(source: str, home, dice: random.Random, seconds: float, most_kills: int) -> int:
    """How often the writer was killed before it came to its end."""
    kills = 0
    while True:
        writer = start(source, home)
        if kills < most_kills:
            time.sleep(dice.uniform(0, seconds))
            writer.kill()
        _, err = writer.communicate(timeout=120)
        if writer.returncode == 0:
            return kills
        assert writer.returncode == -9, err
        kills += 1


def run_round(home, source: str, dice: random.Random, seconds: float, most_kills: int) -> int:
    """One table, written under fire; how often the writer was killed."""
    base = 10
    home.write(
        pl.DataFrame({"n": [0] * base, "k": [0] * base, "text": ["x"] * base}), batch_id="base", partition_by="k"
    )
    with Reader(home) as reader:
        kills = kill_until_done(source, home, dice, seconds, most_kills)
    assert reader.errors == []
    whole = (base + ROWS, ROWS * (ROWS - 1) // 2)
    assert set(reader.seen) <= {(base, 0), whole}, sorted(set(reader.seen))
    found = home.open().polars().collect()
    assert sorted(found["n"]) == sorted([0] * base + list(range(ROWS)))
    quarantined = [path for path in home.list("_quarantine") if "the" in path]
    assert sum(len(home.read(path).splitlines()) for path in quarantined) == FILES
    plain = [path for path in home.list() if path.endswith(".parquet")]
    assert home.open().files.height == len(plain)  # no file is left over: other readers see each row once, too
    return kills


@pytest.mark.torture
@pytest.mark.parametrize("where", ["folder", "s3"])
def test_killed_anywhere_a_rerun_completes_it_and_readers_see_all_or_nothing(where, tmp_path, request):
    Home = type(request.getfixturevalue("folder"))
    rounds = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "1")) if where == "folder" else 1
    seed = int(os.environ.get("LAKEKIT_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    dice = random.Random(seed)
    source = write_source(tmp_path / "in")
    homes = (
        Home(str(tmp_path / f"table-{number}")) if where == "folder" else request.getfixturevalue("s3")
        for number in range(rounds)
    )
    probe = Home(str(tmp_path / "probe"))
    writer = start(source, probe)
    started = time.monotonic()
    writer.communicate(timeout=120)
    seconds = (time.monotonic() - started) * (1 if where == "folder" else 2)
    kills = 0
    for number, home in enumerate(homes, 1):
        kills += run_round(home, source, dice, seconds, 1 if rounds <= 3 else 4)
        print(f"{number} of {rounds} rounds, {kills} kills; a run takes {seconds:.2f} s", flush=True)


def test_a_run_that_stopped_before_its_marker_is_completed_with_the_same_files(home, tmp_path, monkeypatch):
    from lakekit.ingest.writing import Job

    source = tmp_path / "in.csv"
    source.write_text("n,k\n" + "".join(f"{n},{n % 3}\n" for n in range(9)))

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", stop)
        with pytest.raises(KeyboardInterrupt):
            home.write(source, partition_by="k", batch_id="x")
    left = {path: home.read(path) for path in home.list()}
    assert len(left) == 4  # three files and the plan
    with pytest.raises(lk.NoFilesFound, match="of a batch that is not complete"):
        home.open()
    done = home.write(source, partition_by="k", batch_id="x")
    assert done.is_new and done.rows == 9
    assert {path: home.read(path) for path in left} == left  # nothing was written over
    assert home.open().polars().collect().height == 9


def test_a_source_that_changed_since_the_batch_was_begun_is_an_error(folder, tmp_path, monkeypatch):
    from lakekit.ingest.writing import Job

    source = tmp_path / "in.csv"
    source.write_text("n\n1\n")
    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(source, batch_id="x")
        with pytest.raises(ZeroDivisionError):
            folder.write(pl.DataFrame({"n": [1]}), batch_id="y")
    source.write_text("n\n2\n")
    with pytest.raises(lk.StaleFile, match=r"'x' was begun from another source: .*in\.csv changed"):
        folder.write(source, batch_id="x")
    with pytest.raises(lk.StaleFile, match="'y' was begun with other rows"):
        folder.write(pl.DataFrame({"n": [2]}), batch_id="y")
    with pytest.raises(lk.InvalidArgument, match=r"begun with sort_by=\(\), not \('n',\)"):
        folder.write(pl.DataFrame({"n": [1]}), batch_id="y", sort_by="n")
    assert folder.write(pl.DataFrame({"n": [1]}), batch_id="y").rows == 1


def test_a_batch_that_another_version_of_lakekit_began_is_not_mixed_with(folder, monkeypatch):
    from lakekit.ingest import plan
    from lakekit.ingest.writing import Job

    with monkeypatch.context() as patch:
        patch.setattr(plan, "FORMAT", 0)
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(pl.DataFrame({"n": [1]}), batch_id="y")
    with pytest.raises(lk.StaleFile, match="'y' was begun by another version of lakekit"):
        folder.write(pl.DataFrame({"n": [1]}), batch_id="y")


def test_two_who_write_the_same_batch_at_once_write_it_once(home, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("n,k\n" + "".join(f"{n},{n % 5}\n" for n in range(1000)))
    errors = []

    def write():
        try:
            home.write(source, partition_by="k", batch_id="x")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(home.open().polars().collect()["n"]) == list(range(1000))
    assert len([path for path in home.list() if path.endswith(".parquet")]) == 5


def test_other_rows_under_an_id_that_was_begun_are_an_error_before_a_file_of_them_is_there(folder, monkeypatch):
    from lakekit.ingest.writing import Job

    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(pl.DataFrame({"n": [1], "k": [1]}), batch_id="x", partition_by="k")
    left = folder.list()
    for other in ({"n": [1], "k": [2]}, {"n": [1], "k": [1], "more": ["would be lost"]}):
        with pytest.raises(lk.StaleFile, match="'x' was begun with other rows: the first of them differ"):
            folder.write(pl.DataFrame(other), batch_id="x", partition_by="k")
    assert folder.list() == left
    assert folder.write(pl.DataFrame({"n": [1], "k": [1]}), batch_id="x", partition_by="k").rows == 1


def test_other_rows_in_the_quarantine_or_under_the_marker_are_an_error_too(folder, monkeypatch):
    from lakekit.ingest import batch
    from lakekit.ingest.place import Place
    from lakekit.ingest.writing import Job

    def make(n):  # the first row is one for the quarantine
        return pl.DataFrame({"k": ["__HIVE_DEFAULT_PARTITION__", "a"], "n": [n, 1]})

    monkeypatch.setattr(batch, "hash_parts", lambda *_: "the first 65,536 rows are the same")
    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            folder.write(make(0), batch_id="x", partition_by="k")
    with pytest.raises(lk.StaleFile, match=r"begun with other rows: _quarantine/x/_part-00000\.ndjson differs"):
        folder.write(make(7), batch_id="x", partition_by="k")
    assert folder.write(pl.DataFrame({"k": ["a"], "n": [1]}), batch_id="y", partition_by="k").rows == 1
    with monkeypatch.context() as patch:  # the other came to its end after this one had looked
        patch.setattr(batch, "look_at", lambda *args: Place("y", None, True, True, frozenset()))
        with pytest.raises(lk.StaleFile, match="'y' was completed meanwhile by another, with other rows"):
            folder.write(pl.DataFrame({"k": ["b"], "n": [2]}), batch_id="y", partition_by="k")


def test_a_batch_in_memory_is_completed_after_its_packing_has_changed(home, monkeypatch):
    """As by another version of pyarrow or zstd: the same rows in other bytes."""
    from lakekit.ingest import parquet
    from lakekit.ingest.writing import Job

    rows = pl.DataFrame({"k": ["a", "b"] * 500, "v": [f"text {number}" for number in range(1000)]})
    with monkeypatch.context() as patch:
        patch.setattr(Job, "_commit", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            home.write(rows, batch_id="x", partition_by="k")
    monkeypatch.setattr(parquet, "ZSTD_LEVEL", 19)
    done = home.write(rows, batch_id="x", partition_by="k")
    sizes = [len(home.read(path)) for path in done.files]
    assert (done.rows, done.size_bytes) == (1000, sum(sizes))
    assert home.open().polars().collect().height == 1000
