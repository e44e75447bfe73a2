"""A table that a stream writes is compacted, its originals retired, and the stream goes on: every row exactly once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.compaction import plan, retire, run
from lakekit.ingest import MemorySource, StreamOptions, list_ranges, stream
from tests.compaction.deltas import publish
from tests.compaction.independent import read_log
from tests.compaction.lakes import ALL, list_files
from tests.ingest.streams import make_json, read_ids

AT_ONCE = StreamOptions(buffer_seconds=0)
LATE = timedelta(days=8)


@pytest.fixture
def source():
    """Two shards of 50 and 30 records, of which one read gives ten."""
    records = {"a": make_json(range(50)), "b": make_json(range(100, 130))}
    return MemorySource("orders", records, page_records=10)


def count_ids(folder):
    return sorted(int(row[1][0]) for row in read_log(Path(folder), rows_by=["id"]).elements())


IDS = [*range(50), *range(100, 130)]


def test_in_place_the_newest_file_of_each_shard_stays_and_the_stream_goes_on_from_it(source, tmp_path):
    folder = tmp_path / "orders"
    assert stream(source, folder, options=AT_ONCE).files == 8  # 5 ranges of 10 in one shard, 3 in the other
    newest = [f"memory-orders/a/from-{40:020}.parquet", f"memory-orders/b/from-{20:020}.parquet"]
    lk.publish.delta(lk.open_table(folder)).run()
    made = plan(lk.open_table(folder), rules=ALL)
    assert [path for path, _ in made.left_out] == newest and "it is its checkpoint" in made.left_out[0][1]
    assert sorted(path for bin_ in made.bins for path in bin_.paths) == sorted(
        path for path in list_ranges(folder)["path"] if path not in newest
    )
    run(made)
    table = lk.open_table(folder)
    assert run(retire(table, as_of=datetime.now(UTC) + LATE), confirm="orders").files == 6
    there = [path for path in list_files(folder) if path.endswith(".parquet")]
    assert sorted(there) == sorted([made.bins[0].output, *newest]) and count_ids(folder) == IDS
    source.append("a", make_json(range(50, 65)))
    assert stream(source, folder, options=AT_ONCE).records == 15  # and none of the first 80 again
    lk.publish.delta(lk.open_table(folder)).run()
    assert count_ids(folder) == sorted([*IDS, *range(50, 65)]) == read_ids(str(folder))
    # the former newest file is one among others now
    again = plan(lk.open_table(folder), rules=ALL)
    assert newest[0] in again.bins[0].paths and newest[1] not in again.bins[0].paths
    run(again)
    assert stream(source, folder, options=AT_ONCE).records == 0 and len(count_ids(folder)) == 95


def test_in_a_copy_the_stream_goes_on_and_the_place_it_left_is_closed(source, tmp_path):
    lake = tmp_path / "lake"
    stream(source, lake / "orders", options=AT_ONCE)
    run(plan(lk.open_table(lake / "orders"), tmp_path / "copy", rules=ALL))
    opened = lk.open_lake(lake)
    opened.switch("orders", tmp_path / "copy")
    asked = retire(opened["orders"], older_than=timedelta(0))
    assert len(asked.files) == 6 and "2 newest files of streams" in repr(asked) and "checkpoints" in repr(asked)
    assert run(asked, confirm="orders").files == 6
    with pytest.raises(lk.IncompleteTable, match="were retired"):  # where no reader of the lake looks any more
        stream(source, lake / "orders", options=AT_ONCE)
    source.append("b", make_json(range(130, 145)))
    assert stream(source, tmp_path / "copy", options=AT_ONCE).records == 15
    ids = opened.refresh() and opened["orders"].polars().collect()["id"].sort().to_list()
    assert ids == [*IDS, *range(130, 145)]


def test_where_columns_changed_a_copy_has_no_checkpoint_and_the_stream_says_so(source, tmp_path):
    stream(source, tmp_path / "orders", options=AT_ONCE)
    source.append("a", [b'{"id": 50, "more": 1}'])
    stream(source, tmp_path / "orders", options=AT_ONCE)
    run(plan(lk.open_table(tmp_path / "orders"), tmp_path / "copy", rules=ALL))
    before = list_files(tmp_path / "copy")
    with pytest.raises(lk.CorruptFile, match="rows of memory-orders/a, and no file that a stream wrote"):
        stream(source, tmp_path / "copy", options=AT_ONCE)
    assert list_files(tmp_path / "copy") == before
    assert stream(source, tmp_path / "orders", options=AT_ONCE).records == 0  # where it was, it goes on


def test_where_rows_of_a_stream_went_into_a_file_of_another_folder_it_does_not_begin_anew(source, tmp_path):
    """A batch came to the table, with a column that the stream's files lack: its rows and theirs are one file."""
    stream(source, tmp_path / "orders", options=AT_ONCE)
    lk.ingest.write_batch(pa.table({"more": [1]}), tmp_path / "orders", batch_id="more")
    run(plan(lk.open_table(tmp_path / "orders"), tmp_path / "copy", rules=ALL))
    before = list_files(tmp_path / "copy")
    assert not [path for path in before if path.startswith("memory-")]
    for worker in range(2):
        options = lk.ingest.StreamOptions(worker=(worker, 2))
        with pytest.raises(lk.CorruptFile, match="every record would come again"):
            stream(source, tmp_path / "copy", options=options)
    assert list_files(tmp_path / "copy") == before
    other = lk.ingest.MemorySource("others", {"0": make_json(range(500, 503))})
    assert stream(other, tmp_path / "copy", options=AT_ONCE).rows == 3


def test_a_log_of_another_engine_does_not_take_in_the_files_of_a_stream(source, tmp_path):
    stream(source, tmp_path / "orders", options=AT_ONCE)
    publish(tmp_path / "orders")
    with pytest.raises(lk.InvalidArgument, match="is a table of Delta"):
        stream(source, tmp_path / "orders", options=AT_ONCE)
