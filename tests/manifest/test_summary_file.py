"""The kept summary is read as it was written, to the last bit, or not at all; nobody else may read it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakekit.manifest import cache as cache_module
from lakekit.manifest import summary_file
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.summary import EMPTY
from lakekit.manifest.summary_file import SummaryCache
from lakekit.manifest.types import stored_type
from tests.manifest.test_summary import list_files, parse, read_stats

ROOT = Path(__file__).parents[2]
URL = "s3://bucket/table"
FOOTERS = {("a", "1"): {"n": [1, 2], "s": ["x", None]}, ("b", "1"): {"n": [3], "s": ["y"]}, ("c", "1"): {"d": [1.5]}}


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    """A cache of its own for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(folder))
    return folder


def make_summary():
    return EMPTY.add({key: parse(columns) for key, columns in FOOTERS.items()})


def keep(summary=None, added=3):
    summary = make_summary() if summary is None else summary
    SummaryCache(URL).keep(summary, summary.files, added=added)


def find_file(cache_dir):
    (file,) = cache_dir.rglob("*.summary")
    return file


def test_what_was_kept_is_there_in_the_next_session():
    keep()
    loaded = SummaryCache(URL).load()
    assert loaded.files.equals(make_summary().files)
    assert [(kind.schema_id, kind.schema, kind.is_doubtful) for kind in loaded.kinds] == [
        (kind.schema_id, kind.schema, kind.is_doubtful) for kind in make_summary().kinds
    ]
    assert read_stats(loaded, "a", "s") == ("x", "x", 1)


def test_nothing_kept_is_nothing_known_and_tables_do_not_share():
    keep()
    assert SummaryCache(f"{URL}2").load().files.height == 0
    assert SummaryCache(URL, "http://127.0.0.1:9000").load().files.height == 0


def test_the_unit_of_durations_is_kept():
    summary = EMPTY.add({("a", "1"): parse({"wait": pa.array([5], pa.duration("ms"))})})
    keep(summary, added=1)
    assert stored_type(SummaryCache(URL).load().kinds[0].schema.field("wait")) == pa.duration("ms")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_single_bit_that_is_not_as_it_was_written_is_noticed_or_means_nothing(cache_dir, place, bit):
    """Bits of the padding between tables mean nothing; no other answer than the whole summary or none is right."""
    keep()
    file = find_file(cache_dir)
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    file.write_bytes(data)
    loaded = SummaryCache(URL).load()
    assert loaded.files.height in (0, 3)
    if loaded.files.height:
        assert loaded.files.equals(make_summary().files)
        assert read_stats(loaded, "a", "n") == (1, 2, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[1:],
        lambda data: b"\0" * len(data),
        lambda data: b"<html>" * 50,
        lambda data: data + b"\0",
        lambda data: data[-24:],
    ],
    ids=["empty", "half", "cut", "begun late", "zeros", "foreign", "longer", "the end alone"],
)
def test_a_damaged_file_is_no_file_and_is_written_anew(cache_dir, damage):
    keep()
    file = find_file(cache_dir)
    file.write_bytes(damage(file.read_bytes()))
    assert SummaryCache(URL).load().files.height == 0
    keep()
    assert SummaryCache(URL).load().files.height == 3


def test_what_another_version_of_pyarrow_read_is_read_again(monkeypatch):
    keep()
    monkeypatch.setattr(pa, "__version__", "99.0")
    assert SummaryCache(URL).load().files.height == 0


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_nobody_else_may_read_it_and_the_address_is_not_written(cache_dir):
    old = os.umask(0)
    try:
        keep()
    finally:
        os.umask(old)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [cache_dir, *cache_dir.rglob("*")]}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert [mode for path, mode in found.items() if path.is_file()] == [0o600]
    assert b"bucket" not in find_file(cache_dir).read_bytes()


def test_a_folder_that_cannot_be_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "file"))
    cache = SummaryCache(URL)
    cache.keep(make_summary(), make_summary().files, added=3)
    assert cache.load().files.height == 3
    assert SummaryCache(URL).load().files.height == 0


def test_an_interrupted_write_leaves_nothing(cache_dir, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        keep()
    assert [path for path in cache_dir.rglob("*") if path.is_file()] == []


def test_it_is_written_when_enough_has_changed(cache_dir, monkeypatch):
    monkeypatch.setattr(summary_file, "MOST_UNWRITTEN", 2)
    footer = parse({"n": [1]})
    cache = SummaryCache(URL)
    known = EMPTY.add({(f"{number:02}", "1"): footer for number in range(40)})
    cache.keep(known, known.files, added=40)
    more = known.add({("40", "1"): footer})
    cache.keep(more, more.files, added=1)  # one of two: not yet
    assert SummaryCache(URL).load().files.height == 40
    assert cache.load().files.height == 41
    more = more.add({("41", "1"): footer})
    cache.keep(more, more.files, added=1)
    assert SummaryCache(URL).load().files.height == 42


def test_files_that_are_gone_count_as_changes(monkeypatch):
    monkeypatch.setattr(summary_file, "MOST_UNWRITTEN", 2)
    footer = parse({"n": [1]})
    cache = SummaryCache(URL)
    known = EMPTY.add({(f"{number:02}", "1"): footer for number in range(40)})
    cache.keep(known, known.files, added=40)
    cache.keep(known, known.files.head(39), added=0)
    assert SummaryCache(URL).load().files.height == 40
    cache.keep(known, known.files.head(38), added=0)
    assert SummaryCache(URL).load().files.height == 38


WRITER = """
import sys
import polars as pl
from lakekit.manifest.summary import EMPTY
from lakekit.manifest.summary_file import SummaryCache
from lakekit.manifest.types import stored_type
from tests.manifest.test_summary import parse
for number in range(15):
    footer = parse({"n": [int(sys.argv[1])]})
    summary = EMPTY.add({(f"{sys.argv[1]}-{file}", "1"): footer for file in range(number + 1)})
    SummaryCache("s3://bucket/table").keep(summary, summary.files, added=number + 1)
    assert SummaryCache("s3://bucket/table").load().files.height > 0
"""


def test_processes_that_write_at_once_leave_one_whole_summary(cache_dir):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, who], cwd=ROOT) for who in "12"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    loaded = SummaryCache(URL).load()
    who = loaded.files["path"][0][0]
    assert loaded.files.height == 15
    assert loaded.files["path"].str.starts_with(f"{who}-").all()
    assert {value.as_py() for value in loaded.kinds[0].find_stats("n")[0]} == {int(who)}
    assert list(cache_dir.rglob("*.part")) == []


def test_a_table_has_footers_and_summary_beside_each_other():
    cache = FooterCache(URL)
    cache.summaries.keep(make_summary(), list_files(*FOOTERS), added=3)
    assert isinstance(FooterCache(URL).summaries.load().files, pl.DataFrame)
    assert FooterCache(URL).summaries.load().files.height == 3
