"""The policies of lk.iam hold what lakekit really calls, no more and no less: calls are recorded, IAM is enforced."""

import itertools
import json
from contextlib import contextmanager
from pathlib import Path

import duckdb
import moto.settings
import pytest
from moto.core.authorization import ActionAuthenticatorMixin

import lakekit as lk
from lakekit.planning.rights import ACTION_OF_CALL, is_allowed
from lakekit.storage.sandbox import start_sandbox

BUCKET, TABLE = "lake", "some/lake/weather"
ARN = f"arn:aws:s3:::{BUCKET}"
SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "lake" / "weather"
ACTION_OF_KIND = {"LIST": "s3:ListBucket", "GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject"}
_numbers = itertools.count(1)


def upload(client):
    """The sample's weather, under a prefix, and a neighbour that no policy of the table may reach."""
    client.create_bucket(Bucket=BUCKET)
    for path in SAMPLE.rglob("*.parquet"):
        client.upload_file(str(path), BUCKET, f"{TABLE}/{path.relative_to(SAMPLE).as_posix()}")
    client.put_object(Bucket=BUCKET, Key="some/lake/weather_secret/a.txt", Body=b"x")


def read_everything(storage):
    """A session as people have it: open, look, query in each engine, refresh; the number of rows by each way."""
    table = lk.open_table(f"s3://{BUCKET}/{TABLE}", storage=storage)
    con = duckdb.connect()
    rows = [
        table.polars().collect().height,
        len(table.duckdb(con).fetchall()),
        table.arrow().read_all().num_rows,
        table.files["rows"].sum(),
    ]
    table.refresh()
    repr(table), table.drift, table.skipped
    return rows


@pytest.fixture(scope="module")
def sandbox():
    """A real S3 server of its own with the table on it."""
    with start_sandbox() as server:
        upload(server.storage.boto3("s3"))
        yield server


@pytest.fixture(scope="module")
def recorded(sandbox):
    """Every request of one reading session, as a real S3 server got it: action, resource and prefix."""
    sandbox.reset()
    assert read_everything(sandbox.storage) == [2227] * 4
    return [ask_iam(request) for request in sandbox.log()]


def ask_iam(request):
    """What IAM is asked about a request."""
    bucket, _, rest = request.path.partition("/")
    action = ACTION_OF_KIND[request.kind]
    if action == "s3:ListBucket":
        return action, f"arn:aws:s3:::{bucket}", {"s3:prefix": rest}
    return action, f"arn:aws:s3:::{bucket}/{rest}", {}


def test_every_call_of_a_reading_session_is_allowed(recorded):
    policy = lk.iam.policy("read", f"s3://{BUCKET}/{TABLE}")
    assert len(recorded) > 31  # the table has 31 files
    refused = [asked for asked in recorded if not policy.allows(asked[0], asked[1], context=asked[2])]
    assert refused == []


def test_nothing_is_allowed_that_a_reading_session_does_not_call(recorded):
    policy = lk.iam.policy("read", f"s3://{BUCKET}/{TABLE}")
    assert policy.actions == tuple(sorted({action for action, _, _ in recorded}))
    for dropped in policy.document["Statement"]:  # each statement is needed: without it some call is refused
        statements = [one for one in policy.document["Statement"] if one != dropped]
        rest = {"Version": "2012-10-17", "Statement": statements}
        assert not all(is_allowed(rest, action, arn, context=context) for action, arn, context in recorded)


def write_batches(storage, url: str, folder: Path):
    """An ingesting session as people have it: a new table, one more batch, and both again; rows in all."""
    (folder / "in.csv").write_text("n,k\n1,a\nx,b\n3\n")
    for batch in ("one", "two", "one", "two"):
        lk.ingest.write_batch(folder / "in.csv", url, partition_by="k", batch_id=batch, storage=storage)
    return lk.open_table(url, storage=storage).polars().collect().height


def test_the_ingest_policy_is_what_an_ingesting_session_calls_and_nothing_else(sandbox, tmp_path):
    url = f"s3://{BUCKET}/some/lake/new"
    sandbox.reset()
    assert write_batches(sandbox.storage, url, tmp_path) == 4  # two good rows a batch
    # what is tried of a store that is not Amazon's, whether it keeps to If-None-Match, needs no right there
    recorded = [ask_iam(request) for request in sandbox.log() if "/_lakekit/try-" not in request.path]
    policy = lk.iam.policy("ingest", url)
    assert [asked for asked in recorded if not policy.allows(asked[0], asked[1], context=asked[2])] == []
    assert policy.actions == tuple(sorted({action for action, _, _ in recorded}))


def test_a_policy_of_another_table_allows_none_of_the_calls(recorded):
    policy = lk.iam.policy("read", f"s3://{BUCKET}/some/lake/weath")
    assert not any(policy.allows(action, arn, context=context) for action, arn, context in recorded)


def test_every_call_of_a_session_with_a_lake_is_allowed_by_the_policy_of_the_lake(sandbox):
    sandbox.reset()
    lake = lk.open_lake(f"s3://{BUCKET}/some/lake", storage=sandbox.storage)
    assert lake.sql("SELECT count(*) FROM weather").fetchall() == [(2227,)]
    lake.refresh()
    policy = lk.iam.policy("read", lake)
    assert lk.iam.policy("read", lake["weather"]).text == lk.iam.policy("read", f"s3://{BUCKET}/{TABLE}").text
    for action, arn, context in map(ask_iam, sandbox.log()):
        assert policy.allows(action, arn, context=context), (action, arn, context)


def test_the_calls_of_boto3_are_those_that_the_actions_stand_for():
    """A session of boto3 alone, heard by its own events: uploads in one piece and in parts, reads, lists, aborts."""
    heard, client, key = [], lk.embedded_aws().boto3("s3"), f"{TABLE}/new.parquet"
    client.create_bucket(Bucket="heard")

    def hear(model, **_):
        heard.append(model.name)

    client.meta.events.register("before-call.s3", hear)
    client.put_object(Bucket="heard", Key=key, Body=b"x", IfNoneMatch="*")
    begun = client.create_multipart_upload(Bucket="heard", Key=key)["UploadId"]
    client.upload_part(Bucket="heard", Key=key, UploadId=begun, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(Bucket="heard", Key=key, UploadId=begun)
    client.head_object(Bucket="heard", Key=key)
    client.list_objects_v2(Bucket="heard", Prefix=TABLE)
    client.meta.events.unregister("before-call.s3", hear)
    client.delete_object(Bucket="heard", Key=key)
    client.delete_bucket(Bucket="heard")
    assert set(heard) <= ACTION_OF_CALL.keys()
    asked = {ACTION_OF_CALL[call] for call in heard}
    assert asked == set(lk.iam.policy("compact", f"s3://{BUCKET}/{TABLE}").actions)


@contextmanager
def iam_enforced():
    """While it lasts, the embedded AWS checks signatures and policies at every call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
        yield


def without_conditions(document):
    """The same policy without conditions, which moto 5.2 does not evaluate for S3 (it refuses what has one)."""
    statements = [{key: one[key] for key in one if key != "Condition"} for one in document["Statement"]]
    return json.dumps(document | {"Statement": statements})


@pytest.fixture
def sign_in():
    """Makes a user with one policy on the embedded AWS, and gives the Storage of that user."""
    root = lk.embedded_aws()
    client, iam = root.boto3("s3"), root.boto3("iam")
    upload(client)
    made = []

    def make_user(policy):
        name = f"user-{next(_numbers)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=without_conditions(policy.document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made.append((name, key["AccessKeyId"]))
        return lk.Storage(
            region="us-east-1",
            endpoint_url=root.endpoint_url,
            access_key_id=key["AccessKeyId"],
            secret_access_key=key["SecretAccessKey"],
        )

    yield make_user
    for name, key_id in made:
        iam.delete_access_key(UserName=name, AccessKeyId=key_id)
        iam.delete_user_policy(UserName=name, PolicyName="p")
        iam.delete_user(UserName=name)
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


def test_with_the_read_policy_a_table_is_read_and_a_write_is_refused(sign_in):
    reader = sign_in(lk.iam.policy("read", f"s3://{BUCKET}/{TABLE}"))
    with iam_enforced():
        assert read_everything(reader) == [2227] * 4
        with pytest.raises(Exception, match="AccessDenied"):
            reader.boto3("s3").put_object(Bucket=BUCKET, Key=f"{TABLE}/new.parquet", Body=b"x")
        with pytest.raises(Exception, match="AccessDenied"):
            reader.boto3("s3").delete_object(Bucket=BUCKET, Key=f"{TABLE}/date=2013-03-01/part-0.parquet")
        with pytest.raises(Exception, match="AccessDenied"):
            reader.boto3("s3").get_object(Bucket=BUCKET, Key="some/lake/weather_secret/a.txt")


def test_without_a_policy_reading_is_refused(sign_in):
    stranger = sign_in(lk.iam.policy("read", "s3://another/table"))
    with iam_enforced():
        with pytest.raises(lk.AccessDenied, match="s3:ListBucket"):
            read_everything(stranger)


def test_with_the_ingest_policy_files_are_put_and_none_is_deleted(sign_in):
    writer = sign_in(lk.iam.policy("ingest", f"s3://{BUCKET}/{TABLE}"))
    with iam_enforced():
        client = writer.boto3("s3")
        client.put_object(Bucket=BUCKET, Key=f"{TABLE}/new.parquet", Body=b"x")
        for key in (f"{TABLE}/new.parquet", "some/lake/weather_secret/a.txt"):
            with pytest.raises(Exception, match="AccessDenied"):
                client.delete_object(Bucket=BUCKET, Key=key)
        with pytest.raises(Exception, match="AccessDenied"):
            client.put_object(Bucket=BUCKET, Key="some/lake/weather_secret/b.txt", Body=b"x")


def test_with_the_ingest_policy_batches_are_written(sign_in, tmp_path):
    writer = sign_in(lk.iam.policy("ingest", f"s3://{BUCKET}/some/lake/new"))
    with iam_enforced():
        assert write_batches(writer, f"s3://{BUCKET}/some/lake/new", tmp_path) == 4


def test_encrypted_batches_need_the_key_as_the_policy_says():
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    policy = lk.iam.policy("ingest", f"s3://{BUCKET}/{TABLE}", kms_key=key)
    assert [one for one in policy.actions if one.startswith("kms:")] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_only_compacting_with_may_delete_deletes(sign_in):
    cleaner = sign_in(lk.iam.policy("compact", f"s3://{BUCKET}/{TABLE}", may_delete=True))
    keeper = sign_in(lk.iam.policy("compact", f"s3://{BUCKET}/{TABLE}"))
    key = f"{TABLE}/date=2013-03-01/part-0.parquet"
    with iam_enforced():
        with pytest.raises(Exception, match="AccessDenied"):
            keeper.boto3("s3").delete_object(Bucket=BUCKET, Key=key)
        cleaner.boto3("s3").delete_object(Bucket=BUCKET, Key=key)
