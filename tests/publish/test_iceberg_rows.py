"""Whatever files hold, readers of the Iceberg table find its rows, by each filter and after each change."""

import contextlib
import datetime as dt
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakekit as lk
from lakekit.compaction import Rules, plan, run
from tests.delta.places import read_all
from tests.manifest.places import make_parquet
from tests.publish.iceberg_readers import load, read_both
from tests.views.lakes import Place

NAME = "lake.t"
ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "3"))

numbers = st.none() | st.integers(-3, 3) | st.sampled_from([2**31 - 1, -(2**31), 2**40, -(2**63), 2**63 - 1])
ends = st.sampled_from(["", "a", "\x00", "ä", "\ud7ff", "\uffff", "\U0010ffff", "z"])
texts = st.none() | st.builds(lambda length, end: "m" * length + end, st.sampled_from([0, 14, 15, 16, 17]), ends)
rows = st.lists(st.tuples(numbers, texts), min_size=0, max_size=4)
files = st.lists(st.tuples(st.sampled_from(["1", "2", "__HIVE_DEFAULT_PARTITION__"]), rows), min_size=1, max_size=4)


def write_files(place: Place, found) -> None:
    """Each file with its rows; n is an int32 where all its values are, so that its bounds are told as such."""
    for position, (key, content) in enumerate(found):
        small = all(number is None or -(2**31) <= number < 2**31 for number, _ in content)
        n = pa.array([number for number, _ in content], pa.int32() if small else pa.int64())
        s = pa.array([text for _, text in content], pa.string())
        place.put(f"k={key}/{position}.parquet", make_parquet({"n": n, "s": s}))


@pytest.mark.torture
@settings(max_examples=ROUNDS)
@given(before=files, after=files, limit=numbers.filter(lambda one: one is not None), word=texts.filter(bool))
def test_no_filter_loses_a_row_before_and_after_a_change(before, after, limit, word):
    with tempfile.TemporaryDirectory() as folder:
        place, sqlite = Place(f"{folder}/lake"), Path(folder, "ice.sqlite")
        for found in (before, after):
            shutil.rmtree(place.url, ignore_errors=True)
            write_files(place, found)
            table = lk.open_table(place.url, partitions={"k": "int64"})
            lk.publish.iceberg(table, NAME, catalog=sqlite, location=f"{folder}/meta").run()
            there = load(sqlite, place)
            wanted = read_all(table).cast({"n": pl.Int64})
            assert read_both(there, place).cast({"n": pl.Int64}).equals(wanted)
            # of an int, pyiceberg takes a comparison beyond what an int holds as true, of NULLs too
            least, most = max(limit, -(2**31)), min(limit, 2**31 - 1)
            for text, kept in (
                (f"n > {least}", wanted["n"] > least),
                (f"n <= {most}", wanted["n"] <= most),
                (f"n = {limit}", wanted["n"] == limit),
                ("n IS NULL", wanted["n"].is_null()),
                ("k > 1", wanted["k"] > 1),
                ("k IS NULL", wanted["k"].is_null()),
            ):
                assert there.scan(row_filter=text).to_arrow().num_rows == kept.sum(), text
            by_polars = pl.scan_iceberg(there).cast({"n": pl.Int64})
            for keep in (pl.col("s") >= word, pl.col("s") < word, pl.col("s") == word, pl.col("n") > least):
                assert by_polars.filter(keep).collect().height == wanted.filter(keep).height, keep
            assert not lk.publish.iceberg(table, NAME, catalog=sqlite)


@pytest.mark.parametrize(
    ("kind", "one", "other", "value"),
    [
        ("string", "a", "b", "b"),
        ("int8", "-1", "5", 5),
        ("date", "1969-12-31", "2024-02-29", dt.date(2024, 2, 29)),
        ("timestamp", "1969-12-31 23%3A59%3A59.5", "2024-02-29", dt.datetime(2024, 2, 29)),  # noqa: DTZ001  keys have no zone
        ("bool", "true", "false", False),
    ],
)
def test_keys_of_each_type_and_files_that_go_under_them(folder, tmp_path, kind, one, other, value):
    for key in (one, other, "__HIVE_DEFAULT_PARTITION__"):
        folder.put(f"k={key}/a.parquet", make_parquet({"id": [1]}))
    sqlite = tmp_path / "ice.sqlite"
    table = lk.open_table(folder.url, partitions={"k": kind})
    lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    own = {"int8": pl.Int32}.get(kind)
    wanted = read_all(table)
    assert read_both(load(sqlite, folder), folder).equals(wanted.with_columns(pl.col("k").cast(own)) if own else wanted)
    for key in (one, "__HIVE_DEFAULT_PARTITION__"):
        folder.remove(f"k={key}/a.parquet")
    assert lk.publish.iceberg(table, NAME, catalog=sqlite).run().files_removed == 2
    assert load(sqlite, folder).scan().to_arrow()["k"].to_pylist() == [value]


def test_a_table_that_drifts_is_compacted_and_then_published(tmp_path):
    shutil.copytree("data/sample/lake/weather", tmp_path / "weather")
    table = lk.open_table(tmp_path / "weather")
    sqlite = tmp_path / "ice.sqlite"
    with pytest.raises(lk.LakekitError, match=r"Hint: compact the table into a copy"):
        lk.publish.iceberg(table, "nyc.weather", catalog=sqlite)
    run(plan(table, into=tmp_path / "copy", rules=Rules(closed_after=dt.timedelta(0))))
    lk.publish.iceberg(lk.open_table(tmp_path / "copy"), "nyc.weather", catalog=sqlite).run()
    there = load(sqlite, Place(str(tmp_path)), "nyc.weather")
    assert read_both(there, Place(str(tmp_path))).equals(read_all(table))  # 2,227 rows


KILLED = """
import sys
import lakekit as lk
plan = lk.publish.iceberg(lk.open_table(sys.argv[1]), "lake.t", catalog=sys.argv[2])
print("ready", flush=True)
plan.run()
"""


@pytest.mark.torture
def test_a_publisher_that_is_killed_leaves_a_table_that_is_whole(folder, tmp_path):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, sqlite, wanted = random.Random(seed), tmp_path / "ice.sqlite", set()
    for number in range(max(1, ROUNDS // 2)):
        for half in range(2):
            folder.put(f"k={half}/{number}.parquet", make_parquet({"id": [2 * number + half]}))
            wanted.add(2 * number + half)
        command = [sys.executable, "-c", KILLED, folder.url, str(sqlite)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.random() * 0.5)  # a commit takes about as long
            process.kill()
        table = lk.open_table(folder.url)
        before = set(load(sqlite, folder).scan().to_arrow()["id"].to_pylist()) if is_published(sqlite) else set()
        assert before in (wanted - {2 * number, 2 * number + 1}, wanted)  # all of it or nothing
        lk.publish.iceberg(table, NAME, catalog=sqlite).run()
        found = load(sqlite, folder).scan().to_arrow()["id"].to_pylist()
        assert sorted(found) == sorted(wanted)


def is_published(sqlite: Path) -> bool:
    """Whether the catalog names a table yet."""
    if not sqlite.exists():
        return False
    with contextlib.closing(sqlite3.connect(sqlite)) as con:
        has_tables = con.execute("SELECT count(*) FROM sqlite_master WHERE name = 'iceberg_tables'").fetchone()[0]
        return bool(has_tables and con.execute("SELECT count(*) FROM iceberg_tables").fetchone()[0])
