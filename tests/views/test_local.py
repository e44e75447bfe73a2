"""Files that a query is shown on this computer, which others may throw away while it reads."""

import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit import StaleFile
from lakekit.storage.bytecache import LIMIT_VARIABLE
from lakekit.storage.sandbox import start_sandbox
from lakekit.views import local
from lakekit.views.choose import Chosen
from lakekit.views.local import LocalFiles
from lakekit.views.narrow import plan_query
from tests.views.lakes import Place

ROWS = 6_000  # of 8 bytes: 48 kB a file


def put_files(place, count: int = 10, rows: int = ROWS) -> None:
    """Files k=0, 1, … with x from 0 on, all of it stored."""
    for number in range(count):
        table = pa.table({"x": range(rows)})
        place.put(f"t/k={number}/a.parquet", table, compression="none", use_dictionary=False)


def test_a_cache_too_small_for_what_a_query_reads_changes_no_answer(s3, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "350000")  # 7 of 10 files
    put_files(s3)
    lake = s3.open_lake()
    lake.cache.clear(pinned=True)  # what other tests left
    half = ROWS * (ROWS - 1) // 2 * 5
    assert lake.sql("SELECT sum(x) FROM t WHERE k < 5").fetchall() == [(half,)]
    assert lake.cache.measure().entries == 5  # they are on the disk now, and go when the others come
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(2 * half,)]
    lake.cache.measure()
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(2 * half,)]


def test_an_error_is_explained_by_a_file_that_is_gone_and_copies_are_shown_from_then_on(s3):
    put_files(s3, 2, rows=50_000)  # 400 kB: too large to be copied
    lake = s3.open_lake()
    lake.sql("SELECT sum(x) FROM t").fetchall()
    lake.cache.measure()
    view = lake["t"].view
    (group,) = view.plan.groups
    chosen = Chosen([0, 1], fetched=[0, 1], reads_floats=False)
    with LocalFiles() as files:
        assert len(files.show([(view, group, chosen)])[group.number]) == 2
        assert files.explain(OSError("another reason")) is None and not view.shows_copies
        lake.cache.clear()  # as another notebook may
        lost = files.explain(OSError("no such file"))
    assert isinstance(lost, StaleFile) and "2 files on this computer were thrown away" in str(lost)
    lake.sql("SELECT sum(x) FROM t").fetchall()
    lake.cache.measure()
    with LocalFiles() as files:
        assert len(files.show([(view, group, chosen)])[group.number]) == 2
        lake.cache.clear()
        assert files.explain(OSError("no such file")) is None  # the copies are still there


def show(lake, positions: list[int]) -> dict[int, str]:
    """The names by which DuckDB is shown these files of the only group of t."""
    view = lake["t"].view
    (group,) = view.plan.groups
    count = len(group.paths)
    with LocalFiles() as files:
        chosen = Chosen(list(range(count)), fetched=positions, reads_floats=True)
        return files.show([(view, group, chosen)])[group.number]


def test_small_files_of_a_folder_that_follow_each_other_are_shown_as_one(place):
    for k in (1, 2):
        for number in range(20):
            place.put(f"t/k={k}/{number:02}.parquet", pa.table({"x": [number + 0.5]}))
    names = show(place.open_lake(), [*range(20), 20, 21, 23])
    assert names.keys() == {*range(20), 20, 21, 23}
    shown = [len(list(alike)) for _, alike in itertools.groupby(sorted(names), names.get)]
    assert shown == [16, 4, 2, 1]  # 16 at most; those of another folder apart; 22 is not read


def test_small_files_of_all_kinds_that_a_query_reads_are_asked_for_at_once():
    with start_sandbox() as server:
        server.storage.boto3("s3").create_bucket(Bucket="lake")
        place = Place("s3://lake", server.storage)
        for k in range(4):  # of two kinds: the view has a list of files for each
            table = {"x": [k]} if k < 2 else {"x": [k], "added": ["a"]}
            for number in range(10):
                place.put(f"t/k={k}/{number}.parquet", pa.table(table))
        lake = place.open_lake()
        lake.sql("SELECT 1").fetchall()
        assert len(lake["t"].view.plan.groups) == 2
        server.latency_ms = 300
        server.reset()
        assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(60,)]
        counts = server.counts()
    assert (counts["GET"], counts["most_at_once"]) == (40, 40)


def test_kinds_that_are_too_large_together_are_shown_one_after_the_other(s3, monkeypatch):
    for k, table in enumerate(({"x": range(ROWS)}, {"x": range(ROWS), "added": [1] * ROWS})):
        s3.put(f"t/k={k}/a.parquet", pa.table(table), compression="none", use_dictionary=False)
    lake = s3.open_lake()
    view = lake["t"].view
    sizes = lake["t"].files["size_bytes"]
    chosen = Chosen([0], fetched=[0])
    for most, shown in ((sizes.sum(), [1, 1]), (sizes.max(), [1, 1]), (sizes.min(), [1, 0])):
        monkeypatch.setattr(local, "LOCAL_BYTES", most)
        with LocalFiles() as files:
            names = files.show([(view, group, chosen) for group in view.plan.groups])
        assert [len(names[group.number]) for group in view.plan.groups] == shown
        assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(ROWS * (ROWS - 1),)]


def put_folders(place) -> list[tuple[int | None, str, float]]:
    """A small file in each of 20 folders of k, and in one without a value; the rows k, c, x of all."""
    rows = []
    for number, k in enumerate([*range(20), None]):
        name = "__HIVE_DEFAULT_PARTITION__" if k is None else k
        values = [number + 0.5, number * 2.0]
        place.put(f"t/k={name}/c={'ab'[number % 2]}/0.parquet", pa.table({"x": values}))
        rows += [(k, "ab"[number % 2], value) for value in values]
    return rows


SHOWN = {  # how many files share each name by which DuckDB is shown them
    "SELECT sum(x) FROM t": [16, 5],
    "SELECT sum(x) FROM t WHERE k BETWEEN 3 AND 12": [10],
    "SELECT max(x) FROM t WHERE k IN (1, 7, 9) AND x > 2": [3],
    "SELECT sum(x) FROM t WHERE k < 3 AND c = 'a'": [2],
    "SELECT sum(x) FROM t WHERE k IS NULL": [1],
    "SELECT k, x FROM t WHERE k < 3": [1, 1, 1],
    "SELECT count(DISTINCT c), sum(x) FROM t WHERE k < 2": [1, 1],
    "SELECT sum(x) FROM t WHERE k < 4 AND k % 2 = 1": [1, 1],
    "SELECT sum(x) FROM t WHERE (k < 2 AND x > 1) OR k = 3": [1, 1, 1],
    "SELECT (SELECT sum(x) FROM t WHERE k < 1), (SELECT sum(x) FROM t WHERE k > 18)": [1, 1],
    "SELECT sum(x) FROM t WHERE k IN (SELECT k + 1 FROM t WHERE k < 2)": None,  # as DuckDB may plan it
    "SELECT sum(x) FROM t JOIN (VALUES (1), (2)) AS v(n) ON t.k = n": None,
}


def test_small_files_of_several_folders_are_shown_as_one_where_a_query_reads_no_key(place):
    rows = put_folders(place)
    lake = place.open_lake()
    local = duckdb.connect()
    local.execute("CREATE TABLE t (k BIGINT, c VARCHAR, x DOUBLE)")
    local.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    view = lake["t"].view
    for query, names in SHOWN.items():
        assert sorted(lake.sql(query).fetchall()) == sorted(local.execute(query).fetchall()), query
        plan = plan_query(lake.duckdb, {view.token: view}, query, None)
        with LocalFiles() as files:
            (found,) = [
                sorted(files.show([(view, group, chosen)])[group.number].items()) for _, group, chosen in plan.choices
            ]
        counts = [len(list(alike)) for _, alike in itertools.groupby(name for _, name in found)]
        assert names in (None, counts), query


def test_rows_come_in_the_order_of_the_files_where_some_are_shown_as_one(place):
    for number in range(12):
        pad = os.urandom(300_000) if number == 5 else b""  # a large file among small ones
        columns = {"x": [number, -number], "y": [0.5, float("nan")], "pad": [pad, pad]}
        place.put(f"t/{number:02}.parquet", pa.table(columns))
    lake = place.open_lake()
    rows = [row for number in range(12) for row in (number, -number)]
    assert [x for x, _ in lake.sql("SELECT x, y FROM t").fetchall()] == rows
    assert lake.sql("SELECT count(*) FROM t WHERE y > 100 AND x <= 0").fetchall() == [(12,)]  # NaN is above all
    assert lake.sql("SELECT sum(x) FROM t WHERE octet_length(pad) > 0 AND y = 0.5").fetchall() == [(5,)]


def test_files_of_other_writers_and_other_columns_are_not_mixed_up(place):
    wide = pa.table({"y": [1], "x": pa.array([1], pa.int8())})
    place.put("t/0.parquet", pa.table({"x": [0]}))
    place.put("t/1.parquet", wide)
    place.put("t/2.parquet", pa.table({"x": [2]}), version="1.0", compression="gzip")
    sink = io.BytesIO()
    pl.DataFrame({"x": [3]}).write_parquet(sink)
    place.put("t/3.parquet", sink.getvalue())
    place.put("t/4.parquet", pa.table({"x": [4]}, metadata={"made": "here"}))
    lake = place.open_lake()
    assert lake.sql("SELECT x, y FROM t ORDER BY x").fetchall() == [(0, None), (1, 1), (2, None), (3, None), (4, None)]
    assert lake.polars("t").select("x").collect()["x"].to_list() == [0, 1, 2, 3, 4]


def test_an_error_of_duckdbs_own_names_files_of_the_table(s3):
    for number in range(3):
        sink = io.BytesIO()
        pq.write_table(pa.table({"x": [number]}), sink, metadata_collector=(collected := []))
        data = sink.getvalue()
        if number == 1:  # as if its data lay in another file; pyarrow does not mind
            collected[0].set_file_path("elsewhere.parquet")
            collected[0].write_metadata_file(footer := io.BytesIO())
            size = int.from_bytes(data[-8:-4], "little") + 8
            data = data[:-size] + footer.getvalue()[4:]
        s3.put(f"t/{number}.parquet", data)
    with pytest.raises(duckdb.Error, match=r"t?0\.parquet … .*2\.parquet") as raised:
        s3.open_lake().sql("SELECT sum(x) FROM t").fetchall()
    assert "lakekit-shown" not in str(raised.value)


def test_what_the_cache_still_holds_of_files_shown_as_one_is_counted_once(s3, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "200000")  # 4 of 10 files
    for number in range(10):
        s3.put(f"t/{number}.parquet", pa.table({"x": range(ROWS)}), compression="none", use_dictionary=False)
    lake = s3.open_lake()
    lake.cache.clear(pinned=True)
    for _ in range(2):
        assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(ROWS * (ROWS - 1) // 2 * 10,)]
        receipt = lake.receipts.tail(1).to_dicts()[0]
        assert receipt["bytes"] + receipt["cached_bytes"] == lake["t"].files["size_bytes"].sum()
    assert receipt["cached_bytes"] > 0


@pytest.mark.skipif(os.name == "nt", reason="locks of files are of Unix")
def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_is_not():
    script = "import sys; from lakekit.views import local; print(local.find_root(), flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", script], **pipes) for _ in range(2)]
    left, used = (Path(process.stdout.readline().strip()) for process in processes)
    processes[0].kill()
    processes[0].communicate()
    assert left.is_dir() and used.is_dir() and left.parent == used.parent
    local.remove_left(str(left.parent))
    assert not left.exists() and used.is_dir()
    processes[1].communicate()
    assert processes[1].returncode == 0 and not used.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only Unix forks")
def test_a_forked_process_has_a_folder_of_its_own():
    script = """
import os
from lakekit.views import local
mine = local.find_root()
if (child := os.fork()) == 0:
    other = local.find_root()
    os._exit(0 if other != mine and os.stat(other).st_mode & 0o777 == 0o700 else 1)
assert os.waitpid(child, 0)[1] == 0 and os.path.isdir(mine)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
