"""What would give wrong rows, or none, of an Iceberg table is an error that names the file."""

import json
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import (
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)

import lakekit as lk
from lakekit.iceberg.io import MemoryIO
from lakekit.storage.columns import list_columns
from tests.iceberg.places import (
    ROWS,
    IcebergPlace,
    add_entry,
    make_data_file,
    read_all,
    rows,
    with_ids,
    write_history,
)
from tests.manifest.places import make_place


def test_archived_pieces_are_told(tmp_path):
    place = IcebergPlace(make_place("s3", tmp_path), tmp_path / "catalog")
    table = place.create(ROWS)
    table.append(rows(["a"], [1]))
    table.append(rows(["b"], [2]))
    (data, *_), (manifest, *_) = list_parts(place, ".parquet"), list_parts(place, "-m0.avro")
    archive(place, data)
    opened = place.open()
    with pytest.raises(lk.ArchivedFile, match=r"archived in GLACIER; 1 of 2 files"):
        opened.polars().collect()
    assert place.open(on_archived="skip").files.height == 1
    archive(place, manifest)
    with pytest.raises(lk.ArchivedFile, match=rf"{manifest}"):
        place.open()


def list_parts(place, ending):
    return [one.path for one in place.place.store.list_objects() if one.path.endswith(ending)]


def archive(place, path):
    content = bytes(place.place.store.read_range(path, 0, 10**6))
    place.place.put(path, content, StorageClass="GLACIER")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"content": 1}, r"1 file of position deletes, such as .*d\.parquet"),
        ({"content": 2, "equality_ids": [1]}, r"1 file of equality deletes, such as .*d\.parquet"),
        ({"content": 1, "file_format": "PUFFIN"}, r"1 file of deletion vectors, such as .*d\.parquet"),
        ({"file_format": "ORC"}, r"d\.parquet of .* is ORC, and lakekit reads Parquet"),
        ({"file_format": "AVRO"}, r"d\.parquet of .* is AVRO"),
        ({"key_metadata": b"key"}, r"d\.parquet of .* is encrypted"),
    ],
)
def test_what_would_give_wrong_rows_is_named(folder, entry, message):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    first = table.current_snapshot().snapshot_id
    entry = dict(entry)
    if "content" in entry:
        entry["content"] = DataFileContent(entry["content"])
    if "file_format" in entry:
        entry["file_format"] = FileFormat(entry["file_format"])
    add_entry(table, make_data_file(f"{folder.url}/data/d.parquet", 9, 1, **entry))
    with pytest.raises(lk.UnsupportedTable, match=message):
        folder.open()
    assert read_all(folder.open(as_of=first)).height == 2


def test_a_manifest_of_deletes_counts_while_it_has_one_that_is_not_gone(folder):
    table = folder.create(ROWS)
    table.append(rows(["a", "b"], [1, 2]))
    (kept,) = table.current_snapshot().manifests(table.io)
    entry = make_data_file(f"{folder.url}/data/pos-delete.parquet", 9, 1, content=DataFileContent.POSITION_DELETES)
    for status in (ManifestEntryStatus.DELETED, ManifestEntryStatus.ADDED):
        memory, number = MemoryIO(), kept.added_snapshot_id
        output = memory.new_output(f"{folder.url}/metadata/deletes-{status}.avro")
        with DeletesWriter(table.spec(), table.schema(), output, number, "null") as writer:
            told = ManifestEntry.from_args(status=status, snapshot_id=number, sequence_number=1, data_file=entry)
            writer.delete(told) if status == ManifestEntryStatus.DELETED else writer.add(told)
        listed = memory.new_output(table.current_snapshot().manifest_list)
        with write_manifest_list(2, listed, number, None, 1, "null") as writer_of_list:
            writer_of_list.add_manifests([kept, writer.to_manifest_file()])
        for path, content in memory.files.items():
            Path(path).write_bytes(content)
        if status == ManifestEntryStatus.DELETED:
            assert sorted(read_all(folder.open())["id"]) == [1, 2]
    with pytest.raises(lk.UnsupportedTable, match=r"1 file of position deletes, such as .*pos-delete\.parquet"):
        folder.open()


class DeletesWriter(ManifestWriterV2):
    """pyiceberg's writer of manifests, for files of deletes."""

    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def test_a_file_that_is_named_twice_is_refused(folder):
    table = folder.create(ROWS)
    path = Path(folder.url, "data/a.parquet")
    path.parent.mkdir()
    pq.write_table(pa.table({"k": ["a"], "id": [1]}, schema=with_ids(table)), path)
    for _ in range(2):
        add_entry(table, make_data_file(str(path), path.stat().st_size, 1))
    with pytest.raises(lk.UnsupportedTable, match=r"names .*a\.parquet twice"):
        folder.open()


def test_metadata_that_is_damaged_is_named(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    manifests = [Path(one.manifest_path) for one in table.current_snapshot().manifests(table.io)]
    listed, told = Path(table.current_snapshot().manifest_list), Path(table.metadata_location)
    for path in (*manifests, listed):
        kept = path.read_bytes()
        path.write_bytes(kept[: len(kept) // 2])
        with pytest.raises(lk.CorruptFile, match=rf"{path.name} is damaged: it does not decode as Iceberg's Avro"):
            folder.open()
        path.unlink()
        with pytest.raises(lk.IncompleteTable, match=rf"needs metadata/{path.name}, which is not there.*\n.*Hint|Hint"):
            folder.open()
        path.write_bytes(kept)
    kept = told.read_text()
    for broken in (kept[:100], "[]", "{}", '{"format-version": 2}'):
        told.write_text(broken)
        with pytest.raises(lk.CorruptFile, match=rf"{told.name} is no metadata of an Iceberg table"):
            folder.open()
    told.write_text(json.dumps(json.loads(kept) | {"format-version": 4}))
    with pytest.raises(lk.UnsupportedTable, match="is of version 4 of Iceberg's format"):
        folder.open()


def test_data_files_that_are_gone_or_written_over_are_told(folder):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    path = next(Path(folder.url).rglob("*.parquet"))
    kept = path.read_bytes()
    path.write_bytes(kept + b"more")
    with pytest.raises(lk.IncompleteTable, match=r"written over"):
        folder.open()
    path.unlink()
    number = table.current_snapshot().snapshot_id
    with pytest.raises(lk.IncompleteTable, match=rf"Snapshot {number} of .* names 1 file not there, such as data/"):
        folder.open()


def test_a_commit_between_listing_and_reading_is_seen_whole(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    opened = folder.open()
    listed = list_columns(opened.store)
    early = listed.filter(~pl.col("path").str.starts_with("data/"))  # the metadata is seen, its file not yet
    monkeypatch.setattr("lakekit.manifest.listing.list_columns", lambda store, **options: early)
    opened.refresh()
    assert read_all(opened)["id"].to_list() == [1]


def test_a_snapshot_that_expires_meanwhile_gives_way_to_the_next(folder, monkeypatch):
    table = folder.create(ROWS)
    table.append(rows(["a"], [1]))
    opened = folder.open()
    listed, taken = list_columns(opened.store), [Path(table.current_snapshot().manifest_list)]
    table.overwrite(rows(["b"], [2]))
    for path in taken:  # as maintenance does it, between the listing and the reading
        path.unlink()
    calls = []

    def list_late(store, **options):
        calls.append(1)
        return listed if len(calls) == 1 else list_columns(store)

    monkeypatch.setattr("lakekit.manifest.listing.list_columns", list_late)
    opened.refresh()
    assert read_all(opened).rows() == [(2, "b")] and opened.version == table.current_snapshot().snapshot_id


def test_without_pyiceberg_removed_rows_are_not_read(folder, monkeypatch):
    write_history(folder)
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(lk.MissingPackage, match=r"removed rows.*need pyiceberg.*\n.*lakekit\[iceberg\]"):
        folder.open()
