"""Files that a query is shown on this computer, which others may throw away while it reads."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from lakekit import StaleFile
from lakekit.storage.bytecache import LIMIT_VARIABLE
from lakekit.views import local
from lakekit.views.choose import Chosen
from lakekit.views.local import LocalFiles

ROWS = 6_000  # of 8 bytes: 48 kB a file


def put_files(place, count: int = 10) -> None:
    """Files k=0, 1, … with x from 0 to 5,999, all of it stored."""
    for number in range(count):
        table = pa.table({"x": range(ROWS)})
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
    put_files(s3, 2)
    lake = s3.open_lake()
    lake.sql("SELECT sum(x) FROM t").fetchall()
    lake.cache.measure()
    view = lake["t"].view
    (group,) = view.plan.groups
    chosen = Chosen([0, 1], fetched=[0, 1], reads_floats=False)
    with LocalFiles() as files:
        assert len(files.show(view, group, chosen)) == 2
        assert files.explain(OSError("another reason")) is None and not view.shows_copies
        lake.cache.clear()  # as another notebook may
        lost = files.explain(OSError("no such file"))
    assert isinstance(lost, StaleFile) and "2 files on this computer were thrown away" in str(lost)
    lake.sql("SELECT sum(x) FROM t").fetchall()
    lake.cache.measure()
    with LocalFiles() as files:
        assert len(files.show(view, group, chosen)) == 2
        lake.cache.clear()
        assert files.explain(OSError("no such file")) is None  # the copies are still there


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
