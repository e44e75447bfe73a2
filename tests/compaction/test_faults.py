"""A full disk, a lost permission, a replaced or a damaged file: a clear error, and the table as it was."""

import json
import os
import stat
import subprocess
import sys

import moto.settings
import pyarrow as pa
import pytest
from moto.core.authorization import ActionAuthenticatorMixin

import lakekit as lk
from lakekit.compaction import plan, run
from tests.compaction.lakes import ALL, count_rows, list_files, make_events, write_files

RUN = """
import resource, sys, lakekit as lk
from tests.compaction.lakes import ALL
table = lk.open_table(sys.argv[1])
made = lk.compaction.plan(table, sys.argv[2], rules=ALL)
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # a file that grows beyond it fails as on a full disk
try:
    lk.compaction.run(made)
except lk.StorageFailed as error:
    print(error)
    sys.exit(3)
"""


@pytest.fixture
def events(tmp_path):
    return make_events(tmp_path / "events", rows=5_000)


def test_a_full_disk_is_told_and_a_later_run_finishes(events, tmp_path):
    before = list_files(events)
    command = [
        sys.executable,
        "-c",
        RUN,
        str(events),
        str(tmp_path / "copy"),
        "20000",
    ]  # a file of 20,000 ids is longer
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "could not be written" in done.stdout and "Hint: make room there" in done.stdout
    assert list_files(events) == before
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(tmp_path / "copy")
    assert run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL)).rows == 60_000  # 3 x 4 x 5,000
    assert lk.open_table(tmp_path / "copy").polars().collect()["id"].n_unique() == 60_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_permission_that_is_lost_half_way_is_told_and_a_later_run_finishes(events, tmp_path):
    made = plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    last = tmp_path / "copy" / "day=2026-01-03"
    last.mkdir(parents=True)
    last.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(lk.AccessDenied, match="day=2026-01-03"):
        run(made)
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(tmp_path / "copy")
    last.chmod(0o755)
    assert run(made).files_after == 3


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
        with pytest.raises(lk.AccessDenied, match="s3:PutObject"):
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
