"""The same folder or glob again, as from cron: each file is taken once, and what was begun is completed."""

import threading
from datetime import timedelta

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.ingest import batch, earlier, writing
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


def test_the_files_of_a_batch_that_was_begun_otherwise_wait_for_it_for_a_day(home, inbox, monkeypatch):
    stop_before_the_marker(home, inbox, monkeypatch, sort_by="n")
    put(inbox, "b", 3)
    before = home.list()
    with pytest.raises(lk.StaleFile, match=r"a\.csv is being taken .*'files-.*\n.*the call that began it completes it"):
        home.write(inbox)
    assert home.list() == before
    with monkeypatch.context() as patch:
        patch.setattr(earlier, "SETTLED", timedelta(0))  # as if the plan were of yesterday
        done = home.write(inbox)
    assert (done.rows, done.completed, read_n(home)) == (3, (), [1, 2, 3])


def test_the_files_of_a_batch_that_was_begun_otherwise_are_free_once_it_is_complete(folder, inbox, monkeypatch):
    stop_before_the_marker(folder, inbox, monkeypatch, sort_by="n")
    folder.write(inbox, sort_by="n")
    put(inbox, "b", 3)
    assert (folder.write(inbox).rows, read_n(folder)) == (1, [1, 2, 3])


@pytest.mark.parametrize(
    ("begun", "options", "other", "told"),
    [
        ({"k": [1], "v": [1]}, {"partition_by": "k"}, {"k": [3], "v": [3]}, "partitioned by nothing now, the batch by"),
        ({"v": [1]}, {}, {"v": ["x"]}, "its column 'v' is string now, int64 in the batch"),
        ({"k": [1.0], "v": [1]}, {"partition_by": "k"}, {"k": [1], "v": [3]}, "'k' is int64 now, double in the batch"),
        ({"v": [1]}, {}, {"V": [3]}, "it has the column 'V' now, the batch 'v'"),
    ],
)
def test_a_batch_that_the_table_has_outgrown_is_not_completed(folder, monkeypatch, begun, options, other, told):
    stop_before_the_marker(folder, pa.table(begun), monkeypatch, batch_id="a", **options)
    keys = {"partition_by": "k"} if "'k'" in told else {}
    folder.write(pa.table(other), batch_id="b", **keys)
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


def meet(home, monkeypatch, first, stage, second):
    """What became of two calls, the second of which is made when the first has come to a stage of its run."""
    outcomes, done = [], getattr(*stage)

    def call(source):
        try:
            outcomes.append(home.write(source).rows)
        except lk.StaleFile as error:
            outcomes.append(error)

    def go_on(*args, **options):
        monkeypatch.setattr(*stage, done)
        call(second)
        return done(*args, **options)

    monkeypatch.setattr(*stage, go_on)
    call(first)
    monkeypatch.setattr(*stage, done)
    return outcomes[::-1]


STAGES = [(batch, "look_at"), (batch, "_make_plan"), (writing.Job, "run"), (writing.Job, "_commit")]


@pytest.mark.parametrize("stage", STAGES, ids=[name for _, name in STAGES])
@pytest.mark.parametrize("is_wider", [False, True])
def test_of_two_runs_that_overlap_each_file_is_taken_once_whenever_they_meet(
    folder, inbox, monkeypatch, stage, is_wider
):
    put(inbox, "b", 3)
    few, many = [inbox / "a.csv"], [inbox / "a.csv", inbox / "b.csv"]
    first, second = (many, few) if is_wider else (few, many)
    outcomes = meet(folder, monkeypatch, first, stage, second)
    assert any(isinstance(one, int) for one in outcomes)
    assert read_n(folder) in ([1, 2], [1, 2, 3])
    for source in (few, many):
        folder.write(source)
    assert read_n(folder) == [1, 2, 3]


def test_of_two_runs_that_overlap_the_later_one_writes_nothing(home, inbox, monkeypatch):
    put(inbox, "b", 3)
    many, few = [inbox / "a.csv", inbox / "b.csv"], [inbox / "a.csv"]
    rows, error = meet(home, monkeypatch, many, (writing.Job, "run"), few)
    assert rows == 3
    assert "a.csv is being taken into" in str(error) and "run again when it is done" in error.hint
    assert len([path for path in home.list() if path.endswith(".parquet")]) == 1
    assert read_n(home) == [1, 2, 3]


def test_a_run_that_is_about_to_put_its_marker_is_seen(home, inbox, monkeypatch):
    put(inbox, "b", 3)
    put_new, told = Writer.put_new, []

    def put_later(writer, path, content):
        if path.startswith("_batches/") and not path.endswith(".plan.json"):
            monkeypatch.setattr(Writer, "put_new", put_new)
            with pytest.raises(lk.StaleFile, match=r"a\.csv is being taken into"):
                home.write(inbox / "a.csv")
            told.append(path)
        return put_new(writer, path, content)

    monkeypatch.setattr(Writer, "put_new", put_later)
    assert home.write(inbox).rows == 3
    assert len(told) == 1
    assert read_n(home) == [1, 2, 3]


def test_of_two_runs_that_note_their_plans_at_once_one_goes_on(home, inbox, monkeypatch):
    put(inbox, "b", 3)
    sources, both = [[inbox / "a.csv"], [inbox / "a.csv", inbox / "b.csv"]], threading.Barrier(2, timeout=30)
    make_plan, put_new, outcomes = batch._make_plan, Writer.put_new, []

    def make_together(*args):  # both have looked, and seen nothing
        both.wait()
        return make_plan(*args)

    def put_together(writer, path, content):
        is_new = put_new(writer, path, content)
        if path.endswith(".plan.json"):
            both.wait()
        return is_new

    def write(source):
        try:
            outcomes.append(home.write(source).rows)
        except lk.StaleFile as error:
            outcomes.append(str(error).partition(" is being")[0])

    with monkeypatch.context() as patch:
        patch.setattr(batch, "_make_plan", make_together)
        patch.setattr(Writer, "put_new", put_together)
        threads = [threading.Thread(target=write, args=(source,)) for source in sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [one for one in outcomes if isinstance(one, str)] == [str(inbox / "a.csv")], outcomes
    for source in sources:
        home.write(source)
    assert read_n(home) == [1, 2, 3]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nobody_is_locked_out_by_runs_that_overlapped_and_were_killed(folder, inbox, monkeypatch, order):
    put(inbox, "b", 3)
    sources = [[inbox / "a.csv"], [inbox / "a.csv", inbox / "b.csv"]]
    first, second = (sources[number] for number in order)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "check_claims", lambda *args: None)
        patch.setattr(batch, "find_begun", lambda *args: [])
        stop_before_the_marker(folder, first, monkeypatch)
        stop_before_the_marker(folder, second, monkeypatch)
    folder.write(sources[1])
    assert read_n(folder) == [1, 2, 3]
    assert folder.write(sources[0]).rows in (0, 2)
    assert read_n(folder) == [1, 2, 3]


def test_a_file_that_another_batch_took_meanwhile_is_not_taken_again(home, inbox, monkeypatch):
    run = writing.Job.run

    def run_later(job, *args):  # a batch with a name asks nobody
        monkeypatch.setattr(writing.Job, "run", run)
        home.write([inbox / "a.csv"], batch_id="first")
        return run(job, *args)

    put(inbox, "b", 3)
    monkeypatch.setattr(writing.Job, "run", run_later)
    with pytest.raises(lk.StaleFile, match=r"a\.csv was taken into .* by another batch while this one was written"):
        home.write(inbox)
    assert home.write(inbox).rows == 1
    assert read_n(home) == [1, 2, 3]
