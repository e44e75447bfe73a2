"""What else of lakekit meets an Iceberg table reads it as a table, or leaves it alone and says so."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.ingest import MemorySource, stream
from tests.iceberg.places import IcebergPlace, read_all
from tests.manifest.places import make_place

ROWS = pa.schema([("id", pa.int64()), ("k", pa.string())])


def write(place):
    """Two files of one row each are all of the table; a third was taken out."""
    table = place.create(ROWS)
    for number in (1, 2, 3):
        table.append(pa.table({"id": [number], "k": ["a"]}, schema=ROWS))
    table.delete("id = 3")
    return table


def list_files(place):
    return sorted(path.name for path in Path(place.url).rglob("*") if path.is_file())


def test_batches_and_streams_are_not_written_beside_it(folder):
    write(folder)
    before = list_files(folder)
    with pytest.raises(lk.InvalidArgument, match=r"is an Iceberg table, and files.*\n.*pyiceberg"):
        lk.ingest.write_batch(pa.table({"id": [4], "k": ["b"]}), folder.url, batch_id="x")
    with pytest.raises(lk.InvalidArgument, match="is an Iceberg table, whose metadata would not know"):
        stream(MemorySource("orders", {"0": [b"{}"]}), folder.url)
    assert list_files(folder) == before


def test_a_delta_log_is_not_written_of_files_that_are_not_its_own(folder):
    table = write(folder)
    with pytest.raises(lk.InvalidArgument, match=r"3 lie there, 2 are named by its metadata"):
        lk.publish.delta(folder.open())
    assert not Path(folder.url, "_delta_log").exists() and table.current_snapshot() is not None


def test_a_delta_log_of_the_same_files_can_stand_beside_it(folder):
    table = folder.create(ROWS)
    table.append(pa.table({"id": [1], "k": ["a"]}, schema=ROWS))
    lk.publish.delta(folder.open()).run()
    found = folder.open()
    assert found.version == 0 and ("version", "0 of its Delta log") in found.describe()  # which is read first
    assert lk.open_table(table.metadata_location).version == table.current_snapshot().snapshot_id
    assert read_all(found).rows() == [(1, "a")]


def test_it_is_not_published_as_what_it_is(folder, tmp_path):
    write(folder)
    with pytest.raises(lk.InvalidArgument, match=r"is an Iceberg table as it is.*\n.*register_table"):
        lk.publish.iceberg(folder.open(), "lake.again", catalog=tmp_path / "again.sqlite")


def test_catalogs_and_ddl_of_folders_are_not_written_for_it(tmp_path):
    place = IcebergPlace(make_place("s3", tmp_path), tmp_path / "catalog")
    table = write(place)
    found = place.open()
    with pytest.raises(lk.InvalidArgument, match=r"is an Iceberg table: its files alone would show removed rows"):
        lk.publish.glue(found, "nobody")
    for engine in ("athena", "redshift", "spark"):
        with pytest.raises(lk.InvalidArgument, match=r"is an Iceberg table.*\n.*register_table"):
            lk.publish.ddl(found, engine)
    (statement,) = lk.publish.ddl(found, "duckdb").statements
    assert statement.count(".parquet'") == 2  # which lists the files that are named
    table.update_schema().rename_column("id", "nr").commit()
    with pytest.raises(lk.InvalidArgument, match=r"or columns by former names"):
        lk.publish.ddl(place.open(), "duckdb")


def test_a_copy_holds_the_rows_of_its_snapshot_alone(folder, tmp_path):
    write(folder)
    plan = lk.compaction.plan(folder.open(), into=str(tmp_path / "copy"))
    assert (plan.files_before, plan.rows) == (2, 2)
    lk.compaction.run(plan)
    assert sorted(read_all(lk.open_table(tmp_path / "copy"))["id"]) == [1, 2]
    with pytest.raises(lk.InvalidArgument, match="is no Delta table"):
        lk.compaction.plan(folder.open())


def test_receipts_and_sizes_count_its_files_alone(folder):
    write(folder)
    lake = lk.open_lake(Path(folder.url).parent)
    assert lake.sql("SELECT sum(id) FROM t WHERE k = 'a'").fetchall() == [(3,)]  # 1 + 2
    assert lake.receipt.files == 2 and lake.receipt.files_scanned == 2
    assert lake["t"].files["rows"].to_list() == [1, 1]
    assert repr(lk.sizing.report(lake["t"])).startswith("2 files")


def test_as_of_needs_a_log():
    with pytest.raises(lk.InvalidArgument, match=r"has no Delta log or Iceberg metadata.*\n.*publish\.delta"):
        lk.open_table("data/sample/lake/airlines", as_of=1)


def test_the_newest_metadata_is_not_guessed_by_a_folder_of_another_kind(tmp_path):
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/notes.json").write_text(json.dumps({"by": "me"}))
    lk.ingest.write_batch(pa.table({"id": [1]}), tmp_path, batch_id="x")
    assert lk.open_table(tmp_path).version is None
