"""A disk that fills up, a folder that takes nothing, a clock that goes back: nothing is lost, and a rerun completes."""

import datetime as dt
import os
import subprocess
import sys

import polars as pl
import pytest

import lakekit as lk

FILL = """
import resource, signal, sys
import polars as pl
import lakekit as lk

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file beyond the limit is an error then, as on a disk that is full
rows = pl.DataFrame({"n": pl.Series(range(400_000)).hash(7)})
lk.ingest.write_batch(rows[:10], sys.argv[1] + "-warm", batch_id="warm")  # what is loaded once
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    lk.ingest.write_batch(rows, sys.argv[1], batch_id="x", target_file_bytes=900_000)
except lk.LakekitError as error:
    print(type(error).__name__, error)
"""


def make():
    return pl.DataFrame({"n": pl.Series(range(400_000)).hash(7)})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_is_told_and_the_rerun_completes(folder):
    done = subprocess.run([sys.executable, "-c", FILL, folder.url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # a part of 65,536 hashes of 8 bytes is 524,288 bytes, and two make the first file, which is more than 600,000
    assert done.stdout.startswith("StorageFailed ") and "takes no more (" in done.stdout, done.stdout
    again = folder.write(make(), batch_id="x", target_file_bytes=900_000)
    assert again.rows == 400_000
    assert sorted(folder.open().polars().collect()["n"]) == sorted(make()["n"])


def test_a_place_that_is_no_folder_or_takes_no_files_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(lk.LakekitError, match="file"):
        lk.ingest.write_batch(make()[:5], tmp_path / "file" / "table", batch_id="x")
    with pytest.raises(lk.LakekitError):
        lk.ingest.write_batch(make()[:5], "/proc/1/lakekit-table", batch_id="x")  # takes no file of anybody
    with pytest.raises(lk.LakekitError):
        lk.ingest.stream(lk.ingest.MemorySource("o", {"0": [b"{}"]}), "/proc/1/lakekit-table")


@pytest.mark.parametrize("hours", [-72, 72])
def test_files_of_a_clock_that_went_back_or_forth_are_read_all_the_same(folder, hours):
    folder.write(make()[:10], batch_id="1")
    lk.ingest.stream(lk.ingest.MemorySource("o", {"0": [b'{"n": 1}']}), f"{folder.url}-stream")
    moment = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)).timestamp()
    for place in (folder.url, f"{folder.url}-stream"):
        for base, _, names in os.walk(place):
            for name in names:
                os.utime(os.path.join(base, name), (moment, moment))
    assert not folder.write(make()[:10], batch_id="1").is_new
    assert folder.write(make()[10:20], batch_id="2").rows == 10
    assert sorted(folder.open().polars().collect()["n"]) == sorted(make()["n"][:20])
    source = lk.ingest.MemorySource("o", {"0": [b'{"n": 1}', b'{"n": 2}']})
    assert lk.ingest.stream(source, f"{folder.url}-stream").records == 1
    assert lk.open_table(f"{folder.url}-stream").polars().collect()["n"].sort().to_list() == [1, 2]
