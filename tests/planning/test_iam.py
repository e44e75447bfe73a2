"""Policies name the table and nothing beside it, in every form an address has; what cannot be meant is refused."""

import json
from types import SimpleNamespace

import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.planning.iam import MOST_LETTERS, PURPOSES

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b"
STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks"
TABLE = "s3://lake/events"


def get_statements(policy):
    return {statement["Sid"]: statement for statement in policy.document["Statement"]}


def test_each_purpose_has_its_actions():
    read = ("s3:GetObject", "s3:ListBucket")
    write = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject")
    actions = {purpose: lk.iam.policy(purpose, TABLE).actions for purpose in PURPOSES}
    assert actions == {
        "read": read,
        "ingest": tuple(one for one in write if "Abort" not in one),
        "compact": write,
        "publish": write,
    }


def test_no_purpose_deletes_unless_asked_to():
    for purpose in PURPOSES:
        assert "Delete" not in lk.iam.policy(purpose, TABLE).text
    deletes = lk.iam.policy("compact", TABLE, may_delete=True)
    assert get_statements(deletes)["DeleteFiles"]["Resource"] == "arn:aws:s3:::lake/events/*"


def test_publishing_writes_logs_only():
    policy = lk.iam.policy("publish", TABLE)
    assert policy.allows("s3:PutObject", "arn:aws:s3:::lake/events/_delta_log/00000000000000000000.json")
    assert policy.allows("s3:PutObject", "arn:aws:s3:::lake/events/_iceberg/metadata/00000-a.metadata.json")
    assert not policy.allows("s3:PutObject", "arn:aws:s3:::lake/events/day=1/a.parquet")


@pytest.mark.parametrize(
    ("url", "resource", "prefix"),
    [
        ("s3://lake/events", "arn:aws:s3:::lake/events/*", "events/*"),
        ("s3://lake/events/", "arn:aws:s3:::lake/events/*", "events/*"),
        ("s3a://lake/a/b", "arn:aws:s3:::lake/a/b/*", "a/b/*"),
        ("s3://lake", "arn:aws:s3:::lake/*", None),
    ],
)
def test_every_form_of_an_address_names_the_same_folder(url, resource, prefix):
    statements = get_statements(lk.iam.policy("read", url))
    assert statements["ReadFiles"]["Resource"] == resource
    asked = statements["ListTable"].get("Condition", {}).get("StringLike", {}).get("s3:prefix")
    assert asked == prefix


def test_a_neighbour_whose_name_begins_the_same_is_not_reached():
    policy = lk.iam.policy("read", TABLE)
    assert not policy.allows("s3:GetObject", "arn:aws:s3:::lake/events_private/a.parquet")
    assert not policy.allows("s3:ListBucket", "arn:aws:s3:::lake", context={"s3:prefix": "events_private/"})
    assert not policy.allows("s3:ListBucket", "arn:aws:s3:::lake")  # a listing of the whole bucket


def test_letters_that_mean_something_in_a_policy_mean_themselves():
    address = lk.storage.Address("s3", "lake", "what?/100*$")
    policy = lk.iam.policy("read", address)
    assert get_statements(policy)["ReadFiles"]["Resource"] == "arn:aws:s3:::lake/what${?}/100${*}${$}/*"
    assert policy.allows("s3:GetObject", "arn:aws:s3:::lake/what?/100*$/a.parquet")
    assert not policy.allows("s3:GetObject", "arn:aws:s3:::lake/whatX/100*$/a.parquet")


def test_a_table_or_a_lake_stands_for_its_address():
    store = SimpleNamespace(address=lk.storage.Address("s3", "lake", "events"), storage=lk.Storage(region="cn-north-1"))
    policy = lk.iam.policy("read", SimpleNamespace(store=store))  # in China ARNs begin in another way
    assert get_statements(policy)["ReadFiles"]["Resource"] == "arn:aws-cn:s3:::lake/events/*"


def test_a_real_table_in_a_folder_has_no_iam():
    with pytest.raises(InvalidArgument, match="is not on S3"):
        lk.iam.policy("read", lk.open_table("data/sample/lake/airlines"))


def test_a_key_is_used_through_s3_only_and_taken_to_write_only_by_writers():
    read = get_statements(lk.iam.policy("read", TABLE, kms_key=KEY))["UseKey"]
    assert (read["Action"], read["Resource"]) == (["kms:Decrypt"], KEY)
    assert read["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    write = get_statements(lk.iam.policy("ingest", TABLE, kms_key=KEY))["UseKey"]
    assert write["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_a_stream_is_read_and_not_written():
    statement = get_statements(lk.iam.policy("ingest", TABLE, stream=STREAM))["ReadStream"]
    assert statement["Resource"] == STREAM
    assert not any("Put" in action for action in statement["Action"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"purpose": "write"}, "purpose='write'"),
        ({"purpose": "read", "stream": STREAM}, "To read a table, no stream is read"),
        ({"purpose": "ingest", "may_delete": True}, "To ingest a table, nothing is deleted"),
        ({"purpose": "read", "kms_key": "alias/mine"}, "kms_key='alias/mine' is no ARN of kms"),
        ({"purpose": "ingest", "stream": KEY}, "is no ARN of kinesis"),
        ({"purpose": "read", "place": "gs://lake/events"}, "is not on S3"),
        ({"purpose": "read", "place": lk.storage.Address("s3", "la*", "events")}, r"'la\*' is no bucket's name"),
        ({"purpose": "read", "place": lk.storage.Address("s3", "la?e", "events")}, r"'la\?e' is no bucket's name"),
        ({"purpose": "read", "place": "s3://${aws:username}/t"}, "is no bucket's name"),
        ({"purpose": "read", "kms_key": "arn:aws:kms:*:*:key/*"}, r"kms_key='arn:aws:kms.*' names more than one"),
        ({"purpose": "ingest", "stream": "arn:aws:kinesis:*:*:*"}, "stream='arn:aws:kinesis.*' names more than one"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        lk.iam.policy(**{"place": TABLE} | arguments)


def test_the_bucket_refuses_whoever_comes_without_tls():
    policy = lk.iam.bucket_policy(TABLE)
    everyone = {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"}
    both = {"Statement": [everyone, *policy.document["Statement"]]}
    arn = "arn:aws:s3:::lake/events/a.parquet"
    for secure, tls, allowed in (("true", "1.3", True), ("true", "1.2", True), ("true", "1.1", False)):
        context = {"aws:SecureTransport": secure, "s3:TlsVersion": tls}
        assert lk.iam.is_allowed(both, "s3:GetObject", arn, context=context) is allowed
    assert not lk.iam.is_allowed(both, "s3:GetObject", arn, context={"aws:SecureTransport": "false"})


def test_statements_that_the_bucket_has_stay():
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    old = {"Sid": "DenyOldTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    existing = {"Version": "2012-10-17", "Statement": [theirs, old]}
    for given in (existing, json.dumps(existing)):
        policy = lk.iam.bucket_policy(TABLE, existing=given)
        assert [one["Sid"] for one in policy.document["Statement"]] == ["Theirs", "DenyInsecureTransport", "DenyOldTls"]
    assert existing["Statement"] == [theirs, old]  # what was given is not changed
    again = lk.iam.bucket_policy(TABLE, existing=policy.document)
    assert again.text == policy.text


@pytest.mark.parametrize("existing", ["not json", {"Version": "2012-10-17"}, "[]"])
def test_an_existing_policy_that_is_none_is_never_dropped_in_silence(existing):
    with pytest.raises(InvalidArgument, match="existing policy is not a policy"):
        lk.iam.bucket_policy(TABLE, existing=existing)


def test_s3_takes_the_bucket_policy_and_gives_it_back():
    client = lk.embedded_aws().boto3("s3")
    client.create_bucket(Bucket="tls-only")
    policy = lk.iam.bucket_policy("s3://tls-only/events")
    client.put_bucket_policy(Bucket="tls-only", Policy=policy.json)
    assert json.loads(client.get_bucket_policy(Bucket="tls-only")["Policy"]) == policy.document
    client.delete_bucket(Bucket="tls-only")


def test_it_prints_as_json_and_shows_its_reasons():
    policy = lk.iam.policy("ingest", TABLE, kms_key=KEY, stream=STREAM)
    assert json.loads(str(policy)) == policy.document == json.loads(policy.json)
    assert len(policy.json) < MOST_LETTERS
    assert repr(policy).startswith("ingest s3://lake/events (")
    assert repr(policy).count("why:") == len(policy.document["Statement"]) == 5
    assert "<pre>{" in policy._repr_html_()


def test_a_document_that_is_changed_does_not_change_the_policy():
    policy = lk.iam.policy("read", TABLE)
    policy.document["Statement"].clear()
    assert len(policy.document["Statement"]) == 2
