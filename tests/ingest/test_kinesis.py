"""A Kinesis stream is read within its limits, through resharding, dead iterators and throttling, each record once."""

import datetime as dt
import json
import os
import time

import polars as pl
import pytest
from botocore.awsrequest import AWSResponse

import lakekit as lk
from lakekit.errors import InvalidArgument, NoFilesFound, RecordsLost
from lakekit.ingest import StreamOptions, kinesis, list_ranges, read_quarantined, stream
from lakekit.ingest.kinesis_source import KinesisSession
from lakekit.ingest.source import Checkpoint
from lakekit.storage import Storage
from tests.ingest.streams import (
    count_stored,
    make_json,
    make_stream,
    put_records,
    read_ids,
    run_kinesalite,
    wait_until_active,
)


@pytest.fixture(scope="module")
def kinesalite():
    with run_kinesalite() as storage:
        yield storage


@pytest.fixture
def aws():
    return lk.embedded_aws()


@pytest.fixture
def name(request):
    return f"{request.node.name[:60].strip('[]').replace('[', '-')}-{os.getpid()}-{time.time_ns()}"


class Answers:
    """Gives an AWS error instead of sending a call, so many times; then lets calls through."""

    def __init__(self, client, operation, codes):
        self.codes = list(codes)
        self.calls = []
        client.meta.events.register(f"before-send.kinesis.{operation}", self)

    def __call__(self, request, **_):
        self.calls.append(time.monotonic())
        if not self.codes:
            return None
        body = json.dumps({"__type": self.codes.pop(0), "message": "as the test wants it"}).encode()
        answer = AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.1"}, None)
        answer._content = body
        return answer


def make_own_storage(storage):
    """The same service through clients of its own, whose events a test may change."""
    keys = {"access_key_id": f"own-{time.time_ns()}", "secret_access_key": "not-a-secret"}
    return Storage(region="us-east-1", endpoint_url=storage.endpoint_url, **keys)


@pytest.mark.parametrize("server", ["moto", "kinesalite"])
def test_records_of_all_shards_arrive_once_and_a_restart_goes_on(request, server, name, tmp_path):
    storage = request.getfixturevalue("aws" if server == "moto" else "kinesalite")
    client = make_stream(storage, name, shards=3)
    put_records(client, name, [*make_json(range(600)), b"no JSON"])
    source = kinesis(name, storage=storage)
    done = stream(source, tmp_path / "t")
    assert (done.records, done.rows, done.quarantined, done.lag_ms) == (601, 600, 1, 0)
    put_records(client, name, make_json(range(600, 650)))
    assert stream(source, tmp_path / "t").records == 50
    assert read_ids(tmp_path / "t") == list(range(650))
    frame = lk.open_table(tmp_path / "t").polars().collect()
    assert frame["_position"].str.len_chars().unique().to_list() == [56]
    assert frame["_shard"].n_unique() == 3
    bad = read_quarantined(tmp_path / "t")
    assert bad["data"].to_list() == [b"no JSON"] and "(key '600')" in bad["reason"][0]


def test_a_table_on_s3_is_written_and_read(aws, name):
    aws.boto3("s3").create_bucket(Bucket="kinesis-lake")
    put_records(make_stream(aws, name), name, make_json(range(20)))
    url = f"s3://kinesis-lake/{time.time_ns()}"
    assert stream(kinesis(name, storage=aws), url, storage=aws).rows == 20
    assert stream(kinesis(name, storage=aws), url, storage=aws).rows == 0
    assert read_ids(url, aws) == list(range(20))


def test_shards_that_are_split_and_merged_are_read_parents_first(kinesalite, name, tmp_path):
    client = make_stream(kinesalite, name)
    source, table = kinesis(name, storage=kinesalite), tmp_path / "t"
    put_records(client, name, make_json(range(50)))
    assert stream(source, table).records == 50
    put_records(client, name, make_json(range(50, 100)))  # in the parent, not stored yet when it is split
    client.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    wait_until_active(client, name)
    put_records(client, name, make_json(range(100, 200)))  # in its children
    done = stream(source, table)
    assert done.records == 150
    assert [(one.shard[-1], one.is_ended) for one in done.shards] == [("0", True), ("1", False), ("2", False)]
    names = {"ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002"}
    client.merge_shards(StreamName=name, **names)
    wait_until_active(client, name)
    put_records(client, name, make_json(range(200, 250)))
    done = stream(source, table)
    assert [one.is_ended for one in done.shards] == [True, True, True, False]
    assert read_ids(table) == list(range(250))
    ended = list_ranges(table).filter(pl.col("is_ended"))
    assert ended["shard"].to_list() == [f"shardId-{number:012d}" for number in range(3)]


def test_two_workers_share_a_resharded_stream(kinesalite, name, tmp_path):
    client = make_stream(kinesalite, name, shards=2)
    source, table = kinesis(name, storage=kinesalite), tmp_path / "t"
    put_records(client, name, make_json(range(100)))
    client.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    wait_until_active(client, name)
    put_records(client, name, make_json(range(100, 200)))
    for number in (0, 1, 0, 1):  # a child may wait for a parent that is the other's
        stream(source, table, options=StreamOptions(worker=(number, 2)))
    assert read_ids(table) == list(range(200))


def test_an_iterator_that_died_is_replaced_after_the_last_record_that_was_read(kinesalite, name, tmp_path):
    storage = make_own_storage(kinesalite)
    client = make_stream(storage, name)
    put_records(client, name, make_json(range(100)))
    answers = Answers(client, "GetRecords", ["ExpiredIteratorException"])
    done = stream(kinesis(name, storage=storage), tmp_path / "t")
    assert done.rows == 100 and len(answers.calls) == 3  # died; the records; nothing more
    assert read_ids(tmp_path / "t") == list(range(100))


def test_throttling_is_waited_out_longer_and_longer(kinesalite, name, tmp_path, monkeypatch):
    storage = make_own_storage(kinesalite)
    client = make_stream(storage, name)
    put_records(client, name, make_json(range(10)))
    waits = []
    monkeypatch.setattr("lakekit.ingest.kinesis_source.random.uniform", lambda low, high: waits.append(high) or 0)
    answers = Answers(client, "GetRecords", ["KMSThrottlingException"] * 9)  # boto3 does not ask again by itself
    done = stream(kinesis(name, storage=storage), tmp_path / "t")
    assert done.rows == 10
    assert waits == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]  # at most; by chance between nothing and that
    assert len(answers.calls) == 9 + 2  # the records, and nothing more


def test_an_error_that_does_not_pass_ends_the_run_and_names_the_call(kinesalite, name, tmp_path):
    storage = make_own_storage(kinesalite)
    client = make_stream(storage, name)
    Answers(client, "GetRecords", ["AccessDeniedException"] * 9)
    with pytest.raises(lk.AccessDenied, match=f"kinesis:GetRecords of the Kinesis stream {name}"):
        stream(kinesis(name, storage=storage), tmp_path / "t")


def test_a_shard_is_asked_five_times_a_second_at_most(kinesalite, name, tmp_path):
    storage = make_own_storage(kinesalite)
    client = make_stream(storage, name)
    put_records(client, name, make_json(range(100)))
    answers = Answers(client, "GetRecords", [])
    stream(kinesis(name, storage=storage), tmp_path / "t", until=1.5)
    gaps = [later - sooner for sooner, later in zip(answers.calls, answers.calls[1:], strict=False)]
    assert len(gaps) >= 1 and min(gaps) >= 0.19


def test_two_mebibytes_a_second_are_read_of_a_shard_at_most(name, aws):
    session = KinesisSession(kinesis(name, storage=aws), "raise")
    reading = type("Reading", (), {"position": None, "is_closed": False, "iterator": "", "next_at": 0.0})()
    record = {"SequenceNumber": "1", "Data": b"x" * lk.MIB, "PartitionKey": "k"}
    began = time.monotonic()
    session._take("shard", reading, {"Records": [record] * 10, "NextShardIterator": "i", "MillisBehindLatest": 7})
    assert reading.next_at - began == pytest.approx(5, abs=0.5)  # 10 MiB at once, and then none for five seconds
    session.close()


def test_a_checkpoint_older_than_the_retention_is_an_error_unless_told_to_go_on(kinesalite, name):
    make_stream(kinesalite, name)
    source = kinesis(name, storage=kinesalite)
    old = Checkpoint("1".zfill(56), dt.datetime.now(dt.UTC) - dt.timedelta(hours=30), False, 1)
    session = source.open_session(on_loss="raise")
    with pytest.raises(RecordsLost, match=r"came 30 hours ago, and the stream keeps records for 24 hours"):
        session.start("shardId-000000000000", old)
    session.close()
    session = source.open_session(on_loss="continue")
    session.start("shardId-000000000000", old)
    session.close()


def test_a_stream_that_is_not_there_is_named(aws, kinesalite, tmp_path):
    for storage in (aws, kinesalite):
        with pytest.raises(NoFilesFound, match="There is no Kinesis stream 'nowhere'"):
            stream(kinesis("nowhere", storage=storage), tmp_path / "t")
    with pytest.raises(InvalidArgument, match="is no name of a stream"):
        kinesis("arn:aws:kinesis:us-east-1:123456789012:stream/orders")


def test_a_stream_that_was_made_anew_needs_another_table(kinesalite, name, tmp_path):
    client = make_stream(kinesalite, name)
    put_records(client, name, make_json(range(3)))
    stream(kinesis(name, storage=kinesalite), tmp_path / "t")
    client.delete_stream(StreamName=name)
    time.sleep(1.1)  # its creation is told in whole seconds
    make_stream(kinesalite, name)
    with pytest.raises(InvalidArgument, match="needs a table of its own"):
        stream(kinesis(name, storage=kinesalite), tmp_path / "t")
    assert count_stored(tmp_path / "t") == (3, 3, 0)
