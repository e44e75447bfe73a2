"""What is kept on this computer lies where no other user can change it, or is not kept."""

import os
import warnings
from pathlib import Path

import pytest

from lakekit.manifest.cache import FooterCache, KeptFooter, open_byte_cache
from lakekit.receipts import journal_folder
from lakekit.storage import RangeRequest
from lakekit.storage.private import make_private

on_unix = pytest.mark.skipif(os.name == "nt", reason="rights are of Unix")
REQUEST = RangeRequest("a", 0, 3, "etag")
NOT_KEPT = "lakekit neither keeps nor reads anything there"


@pytest.fixture
def no_mask():
    """New folders get all rights that they are made with."""
    before = os.umask(0)
    yield
    os.umask(before)


def keep_all():
    """Footers and bytes are kept, if anything is; whether they were."""
    FooterCache("s3://b/t").put({("a", "etag"): KeptFooter(b"footer", True)})
    cache = open_byte_cache()
    cache.keep("s3://b/t", REQUEST, memoryview(b"abc"))
    cache.measure()
    return FooterCache("s3://b/t").get("a", "etag") is not None, open_byte_cache().read("s3://b/t", REQUEST) is not None


@on_unix
def test_new_folders_and_those_above_them_are_private(no_mask, tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "a" / "b" / "cache"))
    assert keep_all() == (True, True)
    journal_folder()
    found = {path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077}
    assert found == set()


@on_unix
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_nothing_is_kept_in_a_folder_that_others_may_change_and_a_warning_says_so_once(tmp_path, monkeypatch, mode):
    folder = tmp_path / f"shared-{mode}"
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(folder))
    with pytest.warns(UserWarning, match=rf"{folder.name} can be written by other users: {NOT_KEPT}.\n.*LAKEKIT_CACHE"):
        assert keep_all() == (False, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert keep_all() == (False, False)
    assert list(folder.iterdir()) == []
    with pytest.raises(PermissionError):
        journal_folder()


@on_unix
def test_nothing_is_read_from_a_folder_of_another_user(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "theirs"))
    assert keep_all() == (True, True)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.warns(UserWarning, match=rf"theirs belongs to user {uid}, not to you \({uid + 1}\): {NOT_KEPT}"):
        assert keep_all() == (False, False)


@on_unix
def test_a_folder_below_that_others_may_change_is_not_used_either(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    assert keep_all() == (True, True)
    (tmp_path / "cache" / "bytes" / "kept").chmod(0o777)
    with pytest.warns(UserWarning, match="kept can be written by other users"):
        assert keep_all() == (True, False)


@on_unix
def test_a_link_of_ones_own_to_a_private_folder_is_followed(tmp_path):
    (tmp_path / "large").mkdir(mode=0o700)
    Path(tmp_path, "link").symlink_to(tmp_path / "large")
    make_private(tmp_path / "link" / "cache")
    (tmp_path / "large").chmod(0o777)
    with pytest.warns(UserWarning, match="link can be written"), pytest.raises(PermissionError):
        make_private(tmp_path / "link")
