"""Footers are kept on this computer: privately, whole or not at all, by many processes at once."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from lakekit.manifest import cache as cache_module
from lakekit.manifest.cache import MAX_SEGMENTS, FooterCache, KeptFooter, cache_folder

ROOT = Path(__file__).parents[2]
URL = "s3://bucket/table"
needs_permissions = pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody is kept out there")


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    """A cache of its own for each test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(folder))
    return folder


def keep(path, footer=b"footer", *, cache=None, has_order=True):
    (cache or FooterCache(URL)).put({(path, "etag"): KeptFooter(footer, has_order)})


def list_segments(folder):
    return sorted(folder.rglob("*.footers"))


def test_what_was_put_is_there_in_the_next_session():
    keep("a", b"1")
    keep("b", b"2", has_order=False)
    cache = FooterCache(URL)
    assert (cache.get("a", "etag"), cache.get("b", "etag")) == (b"1", b"2")
    assert cache.get_kept("b", "etag") == KeptFooter(b"2", False)


def test_what_was_put_is_there_at_once():
    cache = FooterCache(URL)
    keep("a", b"1", cache=cache)
    assert cache.get_kept("a", "etag") == KeptFooter(b"1", True)


def test_another_version_of_a_file_is_not_there():
    keep("a")
    assert FooterCache(URL).get("a", "other") is None
    assert FooterCache(URL).get("b", "etag") is None


def test_footers_may_be_empty_or_large():
    keep("none", b"")
    keep("large", bytes(2**20))
    assert FooterCache(URL).get("none", "etag") == b""
    assert FooterCache(URL).get("large", "etag") == bytes(2**20)


def test_tables_and_services_do_not_share():
    keep("a")
    assert FooterCache(f"{URL}2").get("a", "etag") is None
    assert FooterCache(URL, "http://127.0.0.1:9000").get("a", "etag") is None


def test_nothing_is_written_for_nothing(cache_dir):
    FooterCache(URL).put({})
    assert list_segments(cache_dir) == []


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_nobody_else_may_read_the_cache(cache_dir):
    old = os.umask(0)
    try:
        keep("a")
    finally:
        os.umask(old)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [cache_dir, *cache_dir.rglob("*")]}
    assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
    assert [mode for path, mode in found.items() if path.is_file()] == [0o600]


def test_the_address_of_the_table_is_not_written(cache_dir):
    keep("a=1/x.parquet")
    for path in cache_dir.rglob("*"):
        assert "bucket" not in str(path.relative_to(cache_dir))
        assert path.is_dir() or b"bucket" not in path.read_bytes()


def test_without_a_wish_it_lies_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("LAKEKIT_CACHE_DIR")
    for variable in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert cache_folder().is_relative_to(tmp_path / "home")
    assert "lakekit" in cache_folder().parts


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"\0" * len(data),
        lambda data: b"<html>" * 50,
        lambda data: data.replace(b"etag-of-a", b"\xff" * 9),
    ],
    ids=["empty", "half", "cut", "zeros", "foreign", "no text"],
)
def test_a_damaged_segment_is_passed_over(cache_dir, damage):
    FooterCache(URL).put({("a", "etag-of-a"): KeptFooter(b"1", True)})
    segment = list_segments(cache_dir)[0]
    keep("b", b"2")
    segment.write_bytes(damage(segment.read_bytes()))
    cache = FooterCache(URL)
    assert (cache.get("a", "etag-of-a"), cache.get("b", "etag")) == (None, b"2")


def test_offsets_that_point_elsewhere_are_noticed(cache_dir):
    keep("a", b"x" * 1000)
    segment = list_segments(cache_dir)[0]
    data = segment.read_bytes()
    assert data.count((1000).to_bytes(8, "little")) >= 1
    segment.write_bytes(data.replace((1000).to_bytes(8, "little"), (10**9).to_bytes(8, "little")))
    assert FooterCache(URL).get("a", "etag") is None


def test_a_segment_of_other_columns_is_passed_over(cache_dir):
    keep("a", b"1")
    table = pa.table({"path": ["b"], "etag": ["etag"], "footer": [b"2"]})
    with pa.ipc.new_file(str(list_segments(cache_dir)[0].with_name("other.footers")), table.schema) as writer:
        writer.write_table(table)
    cache = FooterCache(URL)
    assert (cache.get("a", "etag"), cache.get("b", "etag")) == (b"1", None)


def test_a_cache_folder_that_cannot_be_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "file"))
    cache = FooterCache(URL)
    keep("a", b"1", cache=cache)
    assert cache.get("a", "etag") == b"1"
    cache.keep_only([("a", "etag")])


@needs_permissions
def test_a_cache_folder_that_may_not_be_written_is_done_without(cache_dir):
    keep("a", b"1")
    folder = list_segments(cache_dir)[0].parent
    folder.chmod(0o500)
    try:
        cache = FooterCache(URL)
        keep("b", b"2", cache=cache)
        assert (cache.get("a", "etag"), cache.get("b", "etag")) == (b"1", b"2")
        assert len(list_segments(cache_dir)) == 1
    finally:
        folder.chmod(0o700)


def test_a_cache_folder_that_goes_away_is_done_without(cache_dir):
    cache = FooterCache(URL)
    keep("a", b"1", cache=cache)
    list_segments(cache_dir)[0].unlink()
    next(cache_dir.rglob("*/*")).rmdir()
    keep("b", b"2", cache=cache)
    assert (cache.get("a", "etag"), cache.get("b", "etag")) == (b"1", b"2")


def test_many_segments_become_one_with_what_is_current(cache_dir):
    for number in range(MAX_SEGMENTS + 1):
        keep(f"file-{number}", str(number).encode(), has_order=number % 2 == 0)
    assert len(list_segments(cache_dir)) == MAX_SEGMENTS + 1
    FooterCache(URL).keep_only([("file-3", "etag"), ("file-4", "etag"), ("new", "etag")])
    assert len(list_segments(cache_dir)) == 1
    cache = FooterCache(URL)
    kept = [cache.get_kept(f"file-{number}", "etag") for number in (2, 3, 4)]
    assert kept == [None, KeptFooter(b"3", False), KeptFooter(b"4", True)]


def test_few_segments_stay_as_they_are(cache_dir):
    for number in range(MAX_SEGMENTS):
        keep(f"file-{number}")
    FooterCache(URL).keep_only([])
    assert len(list_segments(cache_dir)) == MAX_SEGMENTS


def test_when_nothing_is_current_nothing_is_kept(cache_dir):
    for number in range(MAX_SEGMENTS + 1):
        keep(f"file-{number}")
    FooterCache(URL).keep_only([])
    assert list_segments(cache_dir) == []


def test_segments_stay_when_the_one_for_all_cannot_be_written(cache_dir, monkeypatch):
    for number in range(MAX_SEGMENTS + 1):
        keep(f"file-{number}")
    cache = FooterCache(URL)

    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module.tempfile, "mkstemp", refuse)
    cache.keep_only([("file-0", "etag")])
    assert len(list_segments(cache_dir)) == MAX_SEGMENTS + 1


def test_a_segment_that_another_process_wrote_meanwhile_stays(cache_dir):
    for number in range(MAX_SEGMENTS + 1):
        keep(f"file-{number}")
    cache = FooterCache(URL)
    keep("of-another", b"2")
    cache.keep_only([("file-0", "etag")])
    assert FooterCache(URL).get("of-another", "etag") == b"2"


def test_an_interrupted_write_leaves_nothing(cache_dir, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        keep("a")
    assert [path for path in cache_dir.rglob("*") if path.is_file()] == []


WRITER = """
import sys
from lakekit.manifest.cache import FooterCache, KeptFooter
for number in range(40):
    name = f"{sys.argv[1]}-{number}"
    cache = FooterCache("s3://bucket/table")
    cache.put({(name, "etag"): KeptFooter(name.encode() * 1000, True)})
    cache.keep_only([(f"{who}-{known}", "etag") for who in "ab" for known in range(40)])
"""


def test_processes_that_write_at_once_lose_nothing_and_break_nothing(cache_dir):
    """Each writes 40 footers and makes one segment of many now and then."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, who], cwd=ROOT) for who in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    cache = FooterCache(URL)
    found = {f"{who}-{number}": cache.get(f"{who}-{number}", "etag") for who in "ab" for number in range(40)}
    assert {name: footer for name, footer in found.items() if footer != name.encode() * 1000} == {}
    assert [path for path in cache_dir.rglob("*.part")] == []
