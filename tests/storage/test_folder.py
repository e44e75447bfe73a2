"""What only folders have: links, devices, permissions."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from lakekit.errors import AccessDenied, StaleFile
from lakekit.storage import open_store

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


def list_paths(folder):
    return [stored.path for stored in open_store(folder).list_objects()]


@needs_links
def test_links_to_folders_and_files_are_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_bytes(b"12")
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "link").symlink_to(tmp_path / "elsewhere")
    (lake / "b").symlink_to(tmp_path / "elsewhere" / "a")
    assert list_paths(lake) == ["b", "link/a"]
    assert open_store(lake).list_folders() == ["link"]
    assert bytes(open_store(lake).read_range("link/a", 0, 9)) == b"12"


@needs_links
def test_a_link_in_a_circle_is_walked_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"1")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert list_paths(tmp_path) == ["a/file"]


@needs_links
def test_two_links_to_one_folder_are_two_folders(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "f").write_bytes(b"1")
    lake = tmp_path / "lake"
    lake.mkdir()
    for name in ("k=1", "k=2"):
        (lake / name).symlink_to(tmp_path / "data")
    assert list_paths(lake) == ["k=1/f", "k=2/f"]


@needs_links
def test_broken_links_and_pipes_are_left_out(tmp_path):
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"1")
    assert list_paths(tmp_path) == ["file"]


def test_empty_folders_hold_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    assert list_paths(tmp_path) == [] and open_store(tmp_path).list_folders() == ["empty"]


def test_each_scanned_folder_is_a_list_request(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    store = open_store(tmp_path)
    store.list_objects()
    assert store.requests.snapshot()["LIST"] == 3  # the folder, a, a/b


@pytest.fixture
def without_rights():
    """A folder for a user who may not read all of it; root may read everything, so a plain user is played."""
    if os.name == "nt":
        pytest.skip("permissions are others there")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0o755)
    (folder / "file").write_bytes(b"1")
    (folder / "file").chmod(0)
    (folder / "closed").chmod(0)
    played = os.geteuid() == 0
    if played:
        os.seteuid(65534)
    yield folder
    if played:
        os.seteuid(0)
    (folder / "closed").chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_read_is_named(without_rights):
    with pytest.raises(AccessDenied, match=f"Permission denied: listing of {without_rights.as_posix()}/closed"):
        open_store(without_rights).list_objects()


def test_a_file_that_may_not_be_read_is_named(without_rights):
    with pytest.raises(AccessDenied, match=f"read of {without_rights.as_posix()}/file"):
        open_store(without_rights).read_range("file", 0, 1)


def test_a_read_asks_for_no_more_memory_than_the_file_has(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert bytes(open_store(tmp_path).read_range("a", 1, 2**40)) == b"bc"


def test_a_file_where_a_folder_was_is_gone(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(StaleFile, match="a/b is gone"):
        open_store(tmp_path).read_range("a/b", 0, 1)


def test_a_listing_with_a_name_that_is_no_text_still_reads(tmp_path):
    name = os.fsdecode(b"bad-\xff")
    try:
        (tmp_path / name).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes text only")
    (path,) = list_paths(tmp_path)
    assert bytes(open_store(tmp_path).read_range(path, 0, 1)) == b"1"
