"""Batches beside originals that a compacted copy stands for: nobody would read them, so they are refused."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.ingest import batch
from lakekit.storage.writer import Writer

ROWS = pa.table({"n": [99]})


@pytest.fixture
def copy(folder, tmp_path):
    """Where the copy of a table of three batches is made."""
    for number in range(3):
        folder.write(pa.table({"n": [number]}), batch_id=str(number))
    return tmp_path / "copy"


def retire(folder, copy) -> None:
    lk.compaction.run(lk.compaction.plan(folder.open(), into=copy))
    later = datetime.now(UTC) + timedelta(seconds=5)
    plan = lk.compaction.retire(lk.open_table(copy), older_than=timedelta(0), as_of=later)
    lk.compaction.run(plan, confirm=plan.named)


def retire_before_files(folder, copy, monkeypatch) -> None:
    put_new = Writer.put_new

    def put_later(writer, path, content):
        if path.startswith("lkbatch-"):
            monkeypatch.setattr(Writer, "put_new", put_new)
            retire(folder, copy)
        return put_new(writer, path, content)

    monkeypatch.setattr(Writer, "put_new", put_later)


def test_a_batch_is_not_completed_where_the_table_was_retired_while_it_was_written(folder, copy, monkeypatch):
    retire_before_files(folder, copy, monkeypatch)
    for _ in range(2):
        with pytest.raises(lk.IncompleteTable, match="were retired"):
            folder.write(ROWS, batch_id="late")
    assert lk.ingest.write_batch(ROWS, copy, batch_id="late").rows == 1
    assert sorted(lk.open_table(copy).polars().collect()["n"]) == [0, 1, 2, 99]


def test_a_batch_that_was_completed_beside_a_retired_table_is_not_called_complete(folder, copy, monkeypatch):
    retire_before_files(folder, copy, monkeypatch)
    with monkeypatch.context() as patch:  # as if the retirement were noted after the last look
        patch.setattr(batch, "refuse_retired", lambda *args: None)
        folder.write(ROWS, batch_id="late")
    with pytest.raises(lk.IncompleteTable, match="were retired"):
        folder.write(ROWS, batch_id="late")


def test_a_batch_whose_rows_are_in_the_copy_is_complete(folder, copy):
    retire(folder, copy)
    assert folder.write(pa.table({"n": [1]}), batch_id="1").is_new is False
