"""The same folder or glob again, as from cron: each file is taken once, and what was begun is completed."""

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.storage.writer import Writer


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "in").mkdir()
    put(tmp_path / "in", "a", 1, 2)
    return tmp_path / "in"


def put(inbox, name: str, *numbers: int) -> None:
    (inbox / f"{name}.csv").write_text("\n".join(["n", *map(str, numbers)]) + "\n")


def read_n(home) -> list:
    return sorted(home.open().polars().collect()["n"])


def stop_before_the_marker(home, source, monkeypatch, **options) -> None:
    put_new = Writer.put_new

    def stop(writer, path, content):
        if path.startswith("_batches/") and not path.endswith(".plan.json"):
            raise KeyboardInterrupt
        return put_new(writer, path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "put_new", stop)
        with pytest.raises(KeyboardInterrupt):
            home.write(source, **options)


def test_a_glob_takes_only_the_files_that_came_since(home, inbox):
    home.write(f"{inbox}/*.csv")
    put(inbox, "b", 3)
    done = home.write(f"{inbox}/*.csv")
    assert (done.rows, done.earlier) == (1, (str(inbox / "a.csv"),))
    assert "1 file was in an earlier batch" in repr(done)
    put(inbox, "c", 4)
    assert len(home.write(inbox).earlier) == 2
    assert read_n(home) == [1, 2, 3, 4]


def test_where_earlier_batches_hold_all_files_nothing_is_written(folder, inbox):
    folder.write(inbox)
    put(inbox, "b", 3)
    folder.write(inbox)
    before = folder.list()
    done = folder.write(inbox)
    assert (done.is_new, done.rows, len(done.earlier), folder.list()) == (False, 0, 2, before)
    assert folder.write([inbox / "b.csv"]).rows == 1  # the batch of this very file, as it was


def test_files_of_a_batch_with_a_name_are_not_taken_again_but_under_another_name(folder, inbox):
    folder.write(inbox, batch_id="day 1")
    put(inbox, "b", 3)
    assert folder.write(inbox).rows == 1
    assert folder.write(inbox, batch_id="all once more").rows == 3
    assert read_n(folder) == [1, 1, 2, 2, 3, 3]


def test_a_file_that_has_changed_is_an_error_that_names_it(home, inbox):
    home.write(inbox)
    put(inbox, "a", 1, 2, 3)
    put(inbox, "b", 4)
    with pytest.raises(lk.StaleFile, match=r"a\.csv is not what it was when the batch 'files-.*\n.*batch_id"):
        home.write(inbox)
    assert read_n(home) == [1, 2]
    assert home.write(inbox / "a.csv", batch_id="a, as it is now").rows == 3


def test_a_batch_that_was_stopped_is_completed_before_the_files_that_came_since(folder, inbox, monkeypatch):
    stop_before_the_marker(folder, inbox, monkeypatch)
    put(inbox, "b", 3)
    done = folder.write(inbox)
    assert (done.rows, [one.rows for one in done.completed], done.earlier) == (1, [2], ())
    assert "completed: Batch files-" in repr(done)
    files = [path for path in folder.list() if path.endswith(".parquet")]
    assert (read_n(folder), len(files)) == ([1, 2, 3], 2)


def test_a_batch_that_was_stopped_and_holds_all_that_is_new_is_the_result(folder, inbox, monkeypatch):
    folder.write(inbox)
    put(inbox, "b", 3)
    stop_before_the_marker(folder, inbox, monkeypatch)
    done = folder.write(inbox)
    assert (done.rows, done.is_new, len(done.earlier), done.completed) == (1, True, 1, ())
    assert read_n(folder) == [1, 2, 3]


def test_a_batch_that_was_begun_otherwise_is_left_as_it_is(folder, inbox, monkeypatch):
    stop_before_the_marker(folder, inbox, monkeypatch, sort_by="n")
    put(inbox, "b", 3)
    done = folder.write(inbox)
    assert (done.rows, done.completed, read_n(folder)) == (3, (), [1, 2, 3])


@pytest.mark.parametrize(
    ("begun", "options", "other", "told"),
    [
        ({"k": [1], "v": [1]}, {"partition_by": "k"}, {"k": [3], "v": [3]}, "partitioned by nothing now, the batch by"),
        ({"v": [1]}, {}, {"v": ["x"]}, "its column 'v' is string now, int64 in the batch"),
        ({"v": [1]}, {}, {"V": [3]}, "it has the column 'V' now, the batch 'v'"),
    ],
)
def test_a_batch_that_the_table_has_outgrown_is_not_completed(folder, monkeypatch, begun, options, other, told):
    stop_before_the_marker(folder, pa.table(begun), monkeypatch, batch_id="a", **options)
    folder.write(pa.table(other), batch_id="b")
    with pytest.raises(lk.StaleFile, match=f"'a' was begun before .*{told}.*\n.*another batch_id"):
        folder.write(pa.table(begun), batch_id="a", **options)
    assert folder.open().polars().collect().height == 1


def test_of_two_first_batches_with_other_keys_one_is_refused(folder, monkeypatch):
    from lakekit.ingest.writing import Job

    rows, run = pa.table({"k": [1], "v": [1]}), Job.run

    def run_later(job, *args):  # another comes to its end after this one was begun
        monkeypatch.setattr(Job, "run", run)
        folder.write(rows, batch_id="flat")
        return run(job, *args)

    monkeypatch.setattr(Job, "run", run_later)
    with pytest.raises(lk.StaleFile, match="partitioned by nothing now, the batch by k"):
        folder.write(rows, batch_id="by k", partition_by="k")
    assert folder.open().polars().collect().height == 1


@pytest.mark.parametrize(("name", "what"), [("partition_by", "partition by"), ("sort_by", "sort by")])
def test_names_of_columns_are_looked_at_even_where_the_batch_is_complete(folder, inbox, name, what):
    folder.write(inbox)
    with pytest.raises(lk.InvalidArgument, match=f"No column 'day' to {what}"):
        folder.write(inbox, **{name: "day"})


def test_of_two_runs_that_overlap_only_one_takes_a_file(home, inbox, monkeypatch):
    from lakekit.ingest.writing import Job

    files, run = [inbox / "a.csv", inbox / "b.csv"], Job.run
    put(inbox, "b", 3)

    def run_later(job, *args):  # a run that was begun before b.csv came is completed meanwhile
        monkeypatch.setattr(Job, "run", run)
        home.write(files[:1])
        return run(job, *args)

    monkeypatch.setattr(Job, "run", run_later)
    with pytest.raises(lk.StaleFile, match=r"a\.csv was taken into .* by another batch while this one was written"):
        home.write(files)
    assert home.write(files).rows == 1
    assert read_n(home) == [1, 2, 3]
