"""Entries say where a lake's tables are read; the last number counts, and what cannot be read is told."""

import pytest

import lakekit as lk
from lakekit.entries import Entries
from lakekit.storage import parse_address


@pytest.fixture
def entries(tmp_path):
    return Entries(parse_address(tmp_path / "entries"), None)


def test_the_last_of_a_table_counts_and_each_table_has_its_own(entries):
    assert entries.read() == {}
    entries.put("a", "s3://b/one", before="s3://b/a", number=1)
    entries.put("a", "s3://b/two", before="s3://b/one", number=2)
    entries.put("b/c", "s3://b/three", before="s3://b/c", number=1)
    found = entries.read()
    assert {name: (one.url, one.before, one.number) for name, one in found.items()} == {
        "a": ("s3://b/two", "s3://b/one", 2),
        "b/c": ("s3://b/three", "s3://b/c", 1),
    }


def test_a_number_is_taken_once(entries):
    entries.put("a", "s3://b/one", before="s3://b/a", number=1)
    with pytest.raises(lk.StaleFile, match="a was switched by someone else at the same time"):
        entries.put("a", "s3://b/two", before="s3://b/a", number=1)


def test_an_entry_that_cannot_be_read_is_told_by_its_path(entries, tmp_path):
    (tmp_path / "entries/a").mkdir(parents=True)
    (tmp_path / "entries/a/000001.json").write_text("{")
    with pytest.raises(lk.InvalidArgument, match="a/000001.json is no entry"):
        entries.read()
