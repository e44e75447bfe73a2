"""A table of thousands of files: what is known is asked for once, parsed once, and never looped over again."""

import polars as pl
import pyarrow as pa
import pytest

from lakekit.errors import StaleFile
from lakekit.manifest import footers, frame
from lakekit.manifest.changes import find_changes
from lakekit.manifest.footers import FooterParser
from lakekit.manifest.summary import EMPTY
from lakekit.manifest.summary_file import SummaryCache
from tests.manifest.places import make_parquet, make_place

DAYS, FILES_A_DAY = 100, 50  # 5,000 files


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 5,000 small files that was read once, with the cache that this left."""
    place = make_place("folder", tmp_path_factory.mktemp("many"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        for day in range(DAYS):
            data = make_parquet({"n": [day, day + 1], "late" if day == 99 else "s": ["x", "y"]})
            for number in range(FILES_A_DAY):
                place.put(f"day={day:02}/part-{number:03}.parquet", data)
        place.read()
        yield place


@pytest.fixture
def parsed(monkeypatch):
    """The footers that are parsed, counted."""
    counts = {"first": 0, "again": 0}
    parse, parse_again = FooterParser.parse, FooterParser.parse_again

    def count(name, method):
        def counting(*args, **kwargs):
            counts[name] += 1
            return method(*args, **kwargs)

        return counting

    monkeypatch.setattr(FooterParser, "parse", count("first", parse))
    monkeypatch.setattr(FooterParser, "parse_again", count("again", parse_again))
    return counts


def test_a_second_opening_parses_no_footer_and_asks_for_none(many, parsed):
    store = many.store
    manifest = many.read(store)
    assert manifest.entries.height == DAYS * FILES_A_DAY
    assert manifest.files["stats"].struct.field("n").struct.field("max").max() == 100  # the last day is 99
    assert (parsed, store.requests.snapshot()["GET"]) == ({"first": 0, "again": 0}, 0)


def test_what_a_second_opening_finds_is_what_the_footers_say(many):
    row = many.read().files.row(by_predicate=pl.col("path") == "day=07/part-049.parquet", named=True)
    assert (row["rows"], row["row_groups"], row["partition"]) == (2, 1, {"day": "07"})
    assert row["stats"]["n"] == {"min": 7, "max": 8, "null_count": 0}
    assert row["stats"]["late"] == {"min": None, "max": None, "null_count": 2}  # which the file lacks


def test_statistics_are_not_put_together_before_they_are_asked_for(many, monkeypatch):
    def refuse(*args):
        raise AssertionError("statistics were put together")

    monkeypatch.setattr(frame, "_build_column_stats", refuse)
    manifest = many.read()
    assert manifest.entries["rows"].sum() == 2 * DAYS * FILES_A_DAY
    assert manifest.find("day=99/part-000.parquet") == 99 * FILES_A_DAY
    assert manifest.find("day=99/part-050.parquet") is None
    with pytest.raises(AssertionError):
        _ = manifest.files


def test_after_a_change_only_the_changed_footers_are_read(many, parsed):
    before = many.read()
    many.put("day=50/part-007.parquet", make_parquet({"n": [1000], "s": ["z"]}))
    many.put("day=50/part-new.parquet", make_parquet({"n": [2000], "s": ["z"]}))
    many.remove("day=98/part-000.parquet")
    store = many.store
    after = many.read(store)
    changes = find_changes(before, after)
    assert changes.replaced == ("day=50/part-007.parquet",)
    assert changes.added == ("day=50/part-new.parquet",)
    assert changes.removed == ("day=98/part-000.parquet",)
    assert (parsed["first"], store.requests.snapshot()["GET"]) == (2, 2)
    highest = after.files["stats"].struct.field("n").struct.field("max")
    assert highest[after.find("day=50/part-007.parquet")] == 1000
    assert highest[after.find("day=50/part-006.parquet")] == 51
    assert highest[after.find("day=50/part-new.parquet")] == 2000


def test_few_new_footers_are_parsed_again_rather_than_all_written_anew(many, parsed):
    many.read()  # with those of the test above, or without
    before = dict(parsed)
    many.read()
    assert parsed["first"] == before["first"]
    assert parsed["again"] - before["again"] <= 2


def test_without_the_summary_the_kept_footers_are_parsed_and_nothing_is_fetched(many, parsed, monkeypatch):
    monkeypatch.setattr(SummaryCache, "load", lambda self: EMPTY)
    store = many.store
    manifest = many.read(store)
    assert parsed["first"] == 0
    assert parsed["again"] == manifest.entries.height
    assert store.requests.snapshot()["GET"] == 0


def test_a_footer_that_is_no_longer_kept_is_fetched_when_it_is_needed(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    for number in range(3):
        folder.write(f"{number}.parquet", {"n": [number]})
    folder.read()
    for segment in (tmp_path / "cache").rglob("*.footers"):
        segment.unlink()
    store = folder.store
    manifest = folder.read(store)
    assert store.requests.snapshot()["GET"] == 0
    row = manifest.entries.row(1, named=True)
    footer = manifest.footers.get(row["path"], row["etag"])
    assert footers.read_metadata(footer).num_rows == 1
    assert store.requests.snapshot()["GET"] == 1
    assert manifest.footers.get(row["path"], row["etag"]) == footer
    assert store.requests.snapshot()["GET"] == 1


def test_a_footer_that_is_no_longer_kept_of_a_file_that_is_gone_is_an_error(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    folder.write("a.parquet", {"n": [1]})
    folder.write("b.parquet", {"n": [1]})
    folder.read()
    for segment in (tmp_path / "cache").rglob("*.footers"):
        segment.unlink()
    manifest = folder.read()
    row = manifest.entries.row(0, named=True)
    folder.remove("a.parquet")
    with pytest.raises(StaleFile, match="a.parquet is gone"):
        manifest.footers.get(row["path"], row["etag"])


def test_a_table_of_many_schemas_is_known_by_each_of_them(folder, monkeypatch, tmp_path, parsed):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    for number in range(30):
        folder.write(f"{number:02}.parquet", {f"c{number}": pa.array([number]), "n": [number]})
    first = folder.read()
    parsed.update(first=0, again=0)
    second = folder.read()
    assert parsed == {"first": 0, "again": 0}
    assert second.files.equals(first.files)
    assert [(kind.schema_id, kind.paths, kind.example) for kind in second.kinds] == [
        (kind.schema_id, kind.paths, kind.example) for kind in first.kinds
    ]
    assert second.schema == first.schema


def test_a_bad_file_is_looked_at_each_time_and_the_summary_is_not_written_for_it(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    folder.write("a.parquet", {"n": [1]})
    folder.put("b.parquet", b"this was to be a file of Parquet")
    folder.read()
    (file,) = (tmp_path / "cache").rglob("*.summary")
    before = file.stat().st_ino
    assert list(folder.read().problems) == ["b.parquet"]
    assert file.stat().st_ino == before
