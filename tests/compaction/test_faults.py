"""A full disk, a lost permission, a replaced or a damaged file: a clear error, and the table as it was."""

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path

import moto.settings
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from moto.core.authorization import ActionAuthenticatorMixin

import lakekit as lk
from lakekit.compaction import plan, run
from lakekit.storage import open_writer
from tests.compaction.deltas import publish, read_delta
from tests.compaction.lakes import ALL, count_rows, list_files, make_events, write_files
from tests.compaction.workers import PROCESSES, compact_without_room
from tests.manifest.places import make_place
from tests.storage.lossy import lose_answers

NOBODY = 65534  # the user without rights, on Linux


@pytest.fixture
def events(tmp_path):
    return make_events(tmp_path / "events", rows=5_000)


def test_a_full_disk_is_told_and_a_later_run_finishes(events, tmp_path):
    before = list_files(events)
    told = fill_disk(events, str(tmp_path / "copy"))
    assert "could not be written" in told and "Hint: make room there" in told
    assert list_files(events) == before
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(tmp_path / "copy")
    assert run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL)).rows == 60_000  # 3 x 4 x 5,000
    assert lk.open_table(tmp_path / "copy").polars().collect()["id"].n_unique() == 60_000


def fill_disk(events, into):
    """What is told where the disk takes no file of 20,000 bytes, which is less than 20,000 ids need."""
    told = PROCESSES.Queue()
    child = PROCESSES.Process(target=compact_without_room, args=(str(events), into, told))
    child.start()
    answer = told.get(timeout=60)
    child.join()
    return answer


def test_in_place_a_full_disk_is_told_and_a_later_run_finishes(events):
    publish(events)
    before, rows = list_files(events), read_delta(events)
    assert "could not be written" in fill_disk(events, None)
    assert list_files(events).items() >= before.items() and read_delta(events) == rows
    assert DeltaTable(str(events)).version() == 1
    assert run(plan(lk.open_table(events), rules=ALL)).files_after == 3 and read_delta(events) == rows


@pytest.fixture
def shared():
    """A folder that any user may reach; those of pytest are closed to all but the one who runs it."""
    with tempfile.TemporaryDirectory(prefix="lakekit-faults-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextlib.contextmanager
def without_root(folder):
    """Root may write everywhere; while this lasts, the folder and this process are somebody else's."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_permission_that_is_lost_half_way_is_told_and_a_later_run_finishes(shared):
    events = make_events(shared / "events")
    before = list_files(events)
    made = plan(lk.open_table(events), shared / "copy", rules=ALL)
    last = shared / "copy" / "day=2026-01-03"
    last.mkdir(parents=True)
    last.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with without_root(shared):
        with pytest.raises(lk.AccessDenied, match="day=2026-01-03"):
            run(made)
        with pytest.raises(lk.IncompleteTable):
            lk.open_table(shared / "copy")
        assert list_files(events) == before
        last.chmod(0o755)
        assert run(made).files_after == 3


def test_in_place_a_permission_that_is_lost_before_the_commit_leaves_the_table_as_it_was(shared):
    events = make_events(shared / "events")
    publish(events)
    before, rows = list_files(events), read_delta(events)
    made, log = plan(lk.open_table(events), rules=ALL), events / "_delta_log"
    with without_root(shared):
        log.chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(lk.AccessDenied, match="00000000000000000002.json"):
            run(made)
        assert list_files(events).items() >= before.items()
        log.chmod(0o755)
    assert DeltaTable(str(events)).version() == 1 and read_delta(events) == rows
    assert run(made).version == 2 and read_delta(events) == rows


def test_in_place_a_commit_whose_answer_is_lost_is_known_as_ones_own(tmp_path):
    place = make_place("s3", tmp_path)
    for path, content in list_files(make_events(tmp_path / "events")).items():
        place.put(path, content)
    lk.publish.delta(lk.open_table(place.url, storage=place.storage)).run()
    with lose_answers(place.storage) as proxy:
        made = plan(lk.open_table(place.url, storage=proxy.storage), rules=ALL)
        proxy.loses = "PUT", "/_delta_log/"
        outcome = run(made)
        assert len(proxy.lost) == 1 and (outcome.version, outcome.files_after) == (1, 3)
    after = lk.open_table(place.url, storage=place.storage)
    assert after.version == 1 and after.polars().collect()["id"].sort().to_list() == list(range(120))


def test_rights_that_are_lost_half_way_on_s3_are_told(events, tmp_path, monkeypatch):
    root, bucket = lk.embedded_aws(), f"faults-{os.getpid()}"
    root.boto3("s3").create_bucket(Bucket=bucket)
    iam = root.boto3("iam")
    iam.create_user(UserName="compactor")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="compactor", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="compactor")["AccessKey"]
    storage = lk.Storage(
        region="us-east-1",
        endpoint_url=root.endpoint_url,
        access_key_id=key["AccessKeyId"],
        secret_access_key=key["SecretAccessKey"],
    )
    made = plan(lk.open_table(events), f"s3://{bucket}/copy", rules=ALL, storage=storage)
    open_writer(f"s3://{bucket}/other", storage).put_new("a", b"")  # the store was tried
    done = []

    def revoke(**_):  # after the record and one file, the user has no right any more
        done.append(1)
        if len(done) == 2:
            with monkeypatch.context() as unguarded:  # the embedded AWS knows no keys of its root
                unguarded.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", float("inf"))
                iam.delete_user_policy(UserName="compactor", PolicyName="p")

    storage.boto3("s3").meta.events.register("after-call.s3.PutObject", revoke)
    monkeypatch.setattr("lakekit.compaction.ahead.MOST_AT_ONCE", 1)  # one after another
    with monkeypatch.context() as patch:
        patch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        with pytest.raises(lk.AccessDenied, match="s3:GetObject on .*copy.json"):
            run(made)
    storage.boto3("s3").meta.events.unregister("after-call.s3.PutObject", revoke)
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(f"s3://{bucket}/copy", storage=root)
    iam.put_user_policy(UserName="compactor", PolicyName="p", PolicyDocument=document)
    assert run(made).written == 2  # of 3 files


def test_an_original_that_is_replaced_meanwhile_is_told(events, tmp_path):
    table = lk.open_table(events)
    made = plan(table, tmp_path / "copy", rules=ALL)
    write_files(events, {"day=2026-01-02/part-1.parquet": pa.table({"id": [7], "x": [0.0]})})
    with pytest.raises(lk.StaleFile, match="part-1.parquet has changed since it was listed"):
        run(made)
    with pytest.raises(lk.InvalidArgument, match="cannot be finished: day=2026-01-02/part-1.parquet has changed"):
        plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    lk.compaction.discard(tmp_path / "copy")
    run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL))
    assert count_rows(lk.open_table(tmp_path / "copy").polars().collect()) == count_rows(
        lk.open_table(events).polars().collect()
    )


def test_in_place_an_original_that_is_replaced_or_damaged_meanwhile_is_told(events):
    publish(events)
    made, path = plan(lk.open_table(events), rules=ALL), events / "day=2026-01-02/part-1.parquet"
    good = path.read_bytes()
    for content, error in ((good[:-8] + b"????PAR1", lk.StaleFile), (b"", lk.StaleFile)):
        path.write_bytes(content)
        with pytest.raises(error, match="part-1.parquet"):
            run(made)
        with pytest.raises(lk.LakekitError, match="part-1.parquet"):
            run(plan(lk.open_table(events), rules=ALL))
        assert DeltaTable(str(events)).version() == 1
    path.write_bytes(good)
    rows = read_delta(events)
    assert run(plan(lk.open_table(events), rules=ALL)).files_after == 3 and read_delta(events) == rows


def test_a_plan_for_a_table_that_was_refreshed_since_is_refused(events, tmp_path):
    table = lk.open_table(events)
    made = plan(table, tmp_path / "copy", rules=ALL)
    write_files(events, {"day=2026-01-02/part-1.parquet": pa.table({"id": [7], "x": [0.0]})})
    table.refresh()
    with pytest.raises(lk.StaleFile, match="part-1.parquet of events is not the version that was planned for"):
        run(made)
    assert not (tmp_path / "copy").exists()


def test_a_damaged_file_is_told_before_anything_is_written(events, tmp_path):
    (events / "day=2026-01-02/part-1.parquet").write_bytes(b"PAR1 is not enough PAR1")
    with pytest.raises(lk.CorruptFile, match="day=2026-01-02/part-1.parquet"):
        plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    made = plan(lk.open_table(events, on_bad_file="skip"), tmp_path / "copy", rules=ALL)
    assert [path for path, _ in made.left_out] == ["day=2026-01-02/part-1.parquet"]
    assert run(made).rows == 55_000  # 11 of 12 files of 5,000


def test_a_file_whose_pages_are_damaged_is_told_when_it_is_read(tmp_path):
    rows = 400_000  # more than 1 MiB, so that opening the table reads the footer alone
    folder = write_files(tmp_path / "t", {f"{name}.parquet": pa.table({"id": range(rows)}) for name in "ab"})
    path = folder / "b.parquet"
    content = bytearray(path.read_bytes())
    content[1000:200_000] = os.urandom(199_000)
    path.write_bytes(content)
    before = list_files(folder)
    with pytest.raises(lk.CorruptFile, match="b.parquet is damaged"):
        run(plan(lk.open_table(folder), tmp_path / "copy", rules=ALL))
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(tmp_path / "copy")
    assert list_files(folder) == before


def test_types_that_cannot_become_one_are_told(tmp_path):
    files = {"a.parquet": pa.table({"x": ["a"]}), "b.parquet": pa.table({"x": [1]})}
    table = lk.open_table(write_files(tmp_path / "t", files))
    with pytest.raises(lk.TypeConflict, match="'x'"):
        run(plan(table, tmp_path / "copy", rules=ALL))
