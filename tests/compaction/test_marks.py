"""A compacted copy knows the batches whose rows it holds, so that none of them is written there a second time."""

import os

import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.compaction import discard, plan, run
from lakekit.compaction.copying import run_copy
from tests.compaction.lakes import ALL, list_files


def write(url, batch_id, numbers):
    return lk.ingest.write_batch(pa.table({"n": list(numbers)}), url, batch_id=batch_id)


def read_numbers(url):
    return sorted(lk.open_table(url).polars().collect()["n"].to_list())


def test_a_batch_of_the_table_is_not_written_again_into_its_copy(tmp_path):
    write(tmp_path / "t", "a", [1, 2])
    write(tmp_path / "t", "b", [3])
    run(plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL))
    run(plan(lk.open_table(tmp_path / "c"), tmp_path / "d", rules=ALL))  # a copy of the copy knows them, too
    for url in (tmp_path / "c", tmp_path / "d"):
        again = write(url, "a", [1, 2])
        assert (again.is_new, again.rows) == (False, 2)
        assert write(url, "new", [4]).is_new
        assert read_numbers(url) == [1, 2, 3, 4]
    with pytest.raises(lk.StaleFile, match="other rows"):  # its plan came along, which tells them apart
        write(tmp_path / "c", "b", [5])


def test_a_batch_that_was_completed_after_the_plan_is_written_into_the_copy(tmp_path):
    write(tmp_path / "t", "a", [1, 2])
    made = plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL)
    write(tmp_path / "t", "late", [3])
    run(made)
    assert read_numbers(tmp_path / "c") == [1, 2]
    assert write(tmp_path / "c", "late", [3]).is_new
    assert read_numbers(tmp_path / "c") == [1, 2, 3]


def test_batches_of_a_delta_table_that_was_compacted_in_place_are_known_to_its_copy(tmp_path):
    write(tmp_path / "t", "a", [1, 2])
    write(tmp_path / "t", "b", [3])
    lk.publish.delta(lk.open_table(tmp_path / "t")).run()
    run(plan(lk.open_table(tmp_path / "t"), rules=ALL))  # the log no longer names the files of the batches
    run(plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL))
    assert not write(tmp_path / "c", "a", [1, 2]).is_new
    assert read_numbers(tmp_path / "c") == [1, 2, 3]


def test_discarding_an_unfinished_copy_takes_its_markers_away(tmp_path, monkeypatch):
    write(tmp_path / "t", "a", [1, 2])
    made = plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL)
    run(made)
    os.unlink(tmp_path / "c/_lakekit/verified.json")  # as if it had been killed right before its last step
    assert len(list((tmp_path / "c/_batches").iterdir())) == 2  # a marker and a plan
    assert discard(tmp_path / "c") == 1
    assert list_files(tmp_path / "c") == {}
    assert run_copy(made).rows == 2


def test_nothing_is_written_where_nobody_would_read_it(tmp_path):
    """An unfinished copy, and a place whose files were retired; what was complete there still counts as written."""
    write(tmp_path / "t", "a", [1, 2])
    run(plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL))
    os.unlink(tmp_path / "c/_lakekit/verified.json")
    with pytest.raises(lk.IncompleteTable, match="not finished"):
        write(tmp_path / "c", "b", [3])
    run(plan(lk.open_table(tmp_path / "t"), tmp_path / "c", rules=ALL))
    gone = lk.compaction.retire(lk.open_table(tmp_path / "c"), older_than=ALL.closed_after)  # timedelta(0)
    assert run(gone, confirm=str(tmp_path / "t")).files == 1
    before = list_files(tmp_path / "t")
    with pytest.raises(lk.IncompleteTable, match="retired"):
        write(tmp_path / "t", "b", [3])
    assert not write(tmp_path / "t", "a", [1, 2]).is_new
    assert list_files(tmp_path / "t") == before
    assert lk.open_table(tmp_path / "c").polars().select(pl.col("n").sum()).collect().item() == 3  # 1 + 2


@pytest.mark.parametrize(
    ("source", "into"), [("t", "link/copy"), ("link", "t/copy"), ("link/sub", "t/sub/deeper/copy")]
)
def test_a_copy_within_its_table_by_way_of_a_link_is_refused(tmp_path, source, into):
    write(tmp_path / "t/sub", "a", [1, 2])
    os.symlink(tmp_path / "t", tmp_path / "link")
    if source != "link/sub":
        write(tmp_path / "t", "b", [3])
    before = list_files(tmp_path / "t")
    with pytest.raises(lk.InvalidArgument, match="overlap: rows would be counted twice"):
        plan(lk.open_table(tmp_path / source), tmp_path / into, rules=ALL)
    assert list_files(tmp_path / "t") == before


def test_retiring_says_that_an_iceberg_table_may_name_the_originals(tmp_path):
    url = tmp_path / "t"
    write(url, "a", [1, 2])
    write(url, "b", [3])
    run(plan(lk.open_table(url), tmp_path / "c", rules=ALL))
    assert "Iceberg" not in repr(lk.compaction.retire(lk.open_table(tmp_path / "c"), older_than=ALL.closed_after))
    lk.publish.iceberg(lk.open_table(url), "db.t", catalog=tmp_path / "catalog.sqlite").run()
    assert "publish again before" in repr(
        lk.compaction.retire(lk.open_table(tmp_path / "c"), older_than=ALL.closed_after)
    )
    lk.publish.delta(lk.open_table(url)).run()
    run(plan(lk.open_table(url), rules=ALL))
    gone = lk.compaction.retire(lk.open_table(url), older_than=ALL.closed_after)
    assert len(gone.files) == 2 and "publish again before" in repr(gone)
