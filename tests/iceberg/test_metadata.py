"""The metadata of an Iceberg table is found by whatever name, and its files wherever they are said to lie."""

import gzip
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from tests.iceberg.places import (
    ROWS,
    IcebergPlace,
    add_entry,
    make_data_file,
    read_all,
    rows,
    with_ids,
)
from tests.manifest.places import make_place


def test_one_file_of_metadata_can_be_opened(place):
    table = place.create(ROWS)
    table.append(rows(["a"], [1]))
    first = table.metadata_location
    table.append(rows(["a"], [2]))
    opened = lk.open_table(first, storage=place.place.storage)
    assert opened.name == "t" and read_all(opened)["id"].to_list() == [1]
    assert not opened.refresh()
    assert read_all(place.open()).height == 2


def rename_metadata(folder, name):
    """Let the newest metadata be all there is, under another name."""
    files = sorted(folder.metadata.glob("*.metadata.json"))
    for file in files[:-1]:
        file.unlink()
    return files[-1].rename(folder.metadata / name)


@pytest.mark.parametrize(
    ("name", "is_packed"),
    [
        ("v3.metadata.json", False),
        ("v12.gz.metadata.json", True),
        ("v12.metadata.json.gz", True),
        ("00002-0b5e3c1a.gz.metadata.json", True),
        ("whatever.metadata.json", False),
    ],
)
def test_metadata_of_every_naming_is_found(folder, name, is_packed):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    file = rename_metadata(folder, name)
    if is_packed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    assert read_all(folder.open())["id"].to_list() == [1]


def test_the_highest_version_counts_and_not_the_first_by_name(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    one = folder.metadata / "v9.metadata.json"
    files = sorted(folder.metadata.glob("*.metadata.json"))
    shutil.copy(files[-1], one)
    table.append(rows(["a"], [2]))
    shutil.copy(table.metadata_location, folder.metadata / "v10.metadata.json")
    for file in folder.metadata.glob("0*.metadata.json"):
        file.unlink()
    assert read_all(folder.open()).height == 2
    (folder.metadata / "version-hint.text").write_text("9")  # as its writer left it when it was killed
    assert read_all(folder.open()).height == 2
    (folder.metadata / "v10.metadata.json").unlink()
    assert read_all(folder.open()).height == 1
    (folder.metadata / "version-hint.text").write_text("10\n")
    with pytest.raises(lk.IncompleteTable, match="tells of version 10, whose metadata is not there"):
        folder.open()


def test_two_of_one_version_are_refused_as_one_may_be_of_a_failed_commit(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    newest = Path(table.metadata_location)
    twin = newest.with_name("00001-aaaa.metadata.json")
    shutil.copy(newest, twin)
    with pytest.raises(lk.UnsupportedTable, match=r"00001-.* and .*00001-.* are of one version.*\n.*metadata_location"):
        folder.open()
    assert read_all(lk.open_table(twin)).height == 1


def test_a_path_that_is_relative_is_one_of_the_same_metadata(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    monkeypatch.chdir(Path(folder.url).parent)
    assert lk.open_table(f"t/metadata/{Path(table.metadata_location).name}").version is not None
    assert lk.open_table(Path(table.metadata_location)).files.height == 1
    assert lk.open_table(f"file://{table.metadata_location}").files.height == 1
    with pytest.raises(lk.IncompleteTable, match="needs metadata/v77.metadata.json, which is not there"):
        lk.open_table("t/metadata/v77.metadata.json")


def test_a_lake_is_not_opened_on_a_table_nor_a_table_without_its_metadata(folder):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    table.delete("id = 1")
    with pytest.raises(lk.NoFilesFound, match=r"/t/ is an Iceberg table, and no lake.*\n.*open_table"):
        lk.open_lake(folder.url)
    for path in folder.metadata.glob("*.metadata.json"):
        path.unlink()
    with pytest.raises(lk.IncompleteTable, match=r"holds metadata/snap-.*avro of an Iceberg table, and no metadata/"):
        folder.open()


def test_a_table_that_was_moved_is_read_where_it_is(folder, tmp_path):
    table = folder.create(ROWS)
    with table.update_spec() as update:
        update.add_identity("k")
    table.append(rows(["a b%", "ä"], [1, 2]))
    moved = tmp_path / "other place%20" / "t"
    moved.parent.mkdir()
    Path(folder.url).rename(moved)
    assert sorted(read_all(lk.open_table(moved)).rows()) == [(1, "a b%"), (2, "ä")]


@pytest.mark.parametrize("spelling", ["{}", "file://{}", "file:{}", "FILE://{}"])
def test_locations_are_read_in_every_spelling(folder, spelling):
    table = folder.create(ROWS)
    path = Path(folder.url, "data/a b%20+.parquet")
    path.parent.mkdir()
    pq.write_table(pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)), path)
    add_entry(table, make_data_file(spelling.format(path), path.stat().st_size, 1))
    assert read_all(folder.open()).rows() == [(1, "a")]


def test_s3a_is_s3(tmp_path):
    place = IcebergPlace(make_place("s3", tmp_path), tmp_path / "catalog")
    table = place.create(ROWS)
    place.place.write("data/x.parquet", pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)))
    size = len(place.place.store.read_range("data/x.parquet", 0, 10**6))
    add_entry(table, make_data_file(f"s3a{place.url[2:]}/data/x.parquet", size, 1))
    assert read_all(place.open()).rows() == [(1, "a")]


def test_files_of_another_place_are_refused(folder):
    table = folder.create(ROWS)
    add_entry(table, make_data_file("s3://other/x.parquet", 9, 1))
    with pytest.raises(lk.UnsupportedTable, match=r"file of another place: s3://other/x\.parquet"):
        folder.open()
