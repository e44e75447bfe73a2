"""The policies of lk.iam allow what compaction really calls, as a real S3 server heard it, and hold nothing else."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Schema

import lakekit as lk
from lakekit.compaction import plan, retire, run
from lakekit.storage import open_writer
from lakekit.storage.sandbox import start_sandbox
from tests.compaction.deltas import append
from tests.compaction.lakes import ALL, list_files, make_events

BUCKET = "lake"
ACTION_OF_KIND = {
    "LIST": "s3:ListBucket",
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """A real S3 server with a table of 2 days of 2 files, once as Parquet alone, once published as Delta."""
    from lakekit.storage.clients import make_delta_options

    folder = make_events(tmp_path_factory.mktemp("events"), days=2, files=2)
    with start_sandbox() as server:
        client = server.storage.boto3("s3")
        client.create_bucket(Bucket=BUCKET)
        for path, content in list_files(folder).items():
            for prefix in ("mine/plain", "mine/delta"):
                client.put_object(Bucket=BUCKET, Key=f"{prefix}/{path}", Body=content)
        table = lk.open_table(f"s3://{BUCKET}/mine/delta", storage=server.storage)
        options = make_delta_options(table.store.address, server.storage)
        schema = Schema.from_arrow(pa.schema(list(table.schema)))
        delta = DeltaTable.create(table.url, schema, partition_by=["day"], storage_options=options)
        append(delta, table, table.files["path"].to_list())
        open_writer(f"s3://{BUCKET}/other", server.storage).put_new("a", b"")  # it is not Amazon's, and is tried once
        yield server


def hear(sandbox, act):
    """What IAM is asked while something is done: action, resource and context of each call."""
    sandbox.reset()
    act()
    asked = []
    for request in sandbox.log():
        bucket, _, rest = request.path.partition("/")
        action = ACTION_OF_KIND[request.kind]
        if action == "s3:ListBucket":
            asked.append((action, f"arn:aws:s3:::{bucket}", {"s3:prefix": rest}))
        else:
            asked.append((action, f"arn:aws:s3:::{bucket}/{rest}", {}))
    return asked


def refuse(asked, *policies):
    """The calls that none of the policies allows."""
    return [one for one in asked if not any(policy.allows(one[0], one[1], context=one[2]) for policy in policies)]


def test_a_copy_reads_the_one_place_and_writes_the_other(sandbox):
    source, into = f"s3://{BUCKET}/mine/plain", f"s3://{BUCKET}/mine/copy"

    def copy():
        assert run(plan(lk.open_table(source, storage=sandbox.storage), into, rules=ALL)).files_after == 2

    asked = hear(sandbox, copy)
    read, compact = lk.iam.policy("read", source), lk.iam.policy("compact", into)
    assert refuse(asked, read, compact) == []
    assert {action for action, _, _ in asked} | {"s3:AbortMultipartUpload"} == set(compact.actions)
    assert refuse(asked, read) and refuse(asked, compact)  # each is needed

    def retire_all():
        table = lk.open_table(into, name="copy", storage=sandbox.storage)
        assert run(retire(table, older_than=timedelta(0)), confirm=source).files == 4

    asked = hear(sandbox, retire_all)
    assert refuse(asked, read, compact)  # neither may delete
    assert refuse(asked, read, compact, lk.iam.policy("compact", source, may_delete=True)) == []


def test_in_place_all_is_below_the_table(sandbox):
    url = f"s3://{BUCKET}/mine/delta"

    def compact():
        assert run(plan(lk.open_table(url, storage=sandbox.storage), rules=ALL)).files_after == 2

    asked = hear(sandbox, compact)
    assert refuse(asked, lk.iam.policy("compact", url)) == []
    assert refuse(asked, lk.iam.policy("read", url))

    def retire_all():
        late = datetime.now(UTC) + timedelta(days=8)
        table = lk.open_table(url, storage=sandbox.storage)
        assert run(retire(table, as_of=late), confirm="delta").files == 4

    asked = hear(sandbox, retire_all)
    assert refuse(asked, lk.iam.policy("compact", url, may_delete=True)) == []
