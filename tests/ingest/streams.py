"""Streams to read in tests: kinesalite (npm), which closes shards, and Kafka's mock cluster, which is a real broker.

It must not be collected: it holds no test.
"""

import contextlib
import ctypes
import importlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lakekit.ingest.stored import list_ranges, read_quarantined
from lakekit.storage import Storage

ROOT = Path(__file__).parents[2]
NO_KINESALITE = (
    "kinesalite is not installed: npm install --prefix .venv/node kinesalite@3.3.3,"
    " or LAKEKIT_KINESALITE=…/node_modules/kinesalite"
)
SERVE = """
process.on('uncaughtException', error => { if (error.message !== 'aborted') throw error })
const serve = require(process.argv[1])({createStreamMs: 5, deleteStreamMs: 5, updateStreamMs: 5, shardLimit: 999})
serve.listen(0, '127.0.0.1', () => console.log(serve.address().port))
"""  # its own command listens on every address, and it ends where a client is killed in the middle of a request


def find_kinesalite():
    """The folder of kinesalite, or None: named, or in node_modules of this checkout."""
    for folder in (os.environ.get("LAKEKIT_KINESALITE"), ROOT / ".venv/node/node_modules/kinesalite"):
        if folder and Path(folder).is_dir() and shutil.which("node"):
            return str(folder)
    return None


@contextlib.contextmanager
def run_kinesalite():
    """The Storage that reaches a kinesalite of its own."""
    folder = find_kinesalite()
    if folder is None:
        pytest.skip(NO_KINESALITE)
    process = subprocess.Popen(["node", "-e", SERVE, folder], stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        keys = {"access_key_id": "kinesalite", "secret_access_key": "not-a-secret"}
        yield Storage(region="us-east-1", endpoint_url=url, **keys)
    finally:
        process.terminate()
        process.wait(10)


def make_stream(storage, name, shards=1):
    """An active stream of Kinesis; its boto3 client."""
    client = storage.boto3("kinesis")
    client.create_stream(StreamName=name, ShardCount=shards)
    wait_until_active(client, name)
    return client


def wait_until_active(client, name):
    for _ in range(200):
        if client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        time.sleep(0.02)
    raise TimeoutError(f"{name} did not become active")


def put_records(client, name, payloads):
    """Put these bytes, each under a partition key of its own number, 500 a call."""
    for start in range(0, len(payloads), 500):
        batch = [
            {"Data": data, "PartitionKey": str(start + number)}
            for number, data in enumerate(payloads[start : start + 500])
        ]
        assert client.put_records(StreamName=name, Records=batch)["FailedRecordCount"] == 0


def make_json(ids):
    """A record for each id."""
    return [json.dumps({"id": one, "usd": one / 4}).encode() for one in ids]


@contextlib.contextmanager
def run_kafka():
    """A producer, and the addresses of the cluster that it keeps alive: a broker's real protocol, in this process."""
    ck = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    producer = ck.Producer(
        {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "message.max.bytes": 30_000_000, "log_level": 0}
    )
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield producer, ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    producer.flush()


def give_controller(producer):
    """Let the mock have the controller that it names, broker 0, without which it tells no ids of topics.

    Python has no call for it, and the pointer to the cluster's client lies behind the head of the producer's object.
    """
    folder = Path(importlib.import_module("confluent_kafka").__file__).parents[1]
    found = [*folder.glob("confluent_kafka.libs/librdkafka-*"), *folder.glob("confluent_kafka/.dylibs/librdkafka*")]
    if not found:
        pytest.skip("librdkafka is not a file of confluent-kafka's own here")
    library = ctypes.CDLL(str(found[0]))
    library.rd_kafka_handle_mock_cluster.restype = ctypes.c_void_p
    library.rd_kafka_handle_mock_cluster.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_broker_add.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    client = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__).value
    assert library.rd_kafka_mock_broker_add(library.rd_kafka_handle_mock_cluster(client), 0) == 0


def produce(producer, topic, payloads, partition=0):
    """Put these values into one partition."""
    for data in payloads:
        producer.produce(topic, data, key=b"k", partition=partition)
        producer.poll(0)
    assert producer.flush(10) == 0


def read_ids(table_url, storage=None):
    """The ids of all rows of a table, sorted."""
    from lakekit import open_table

    return sorted(open_table(table_url, storage=storage).polars().collect()["id"].to_list())


def count_stored(table_url, storage=None):
    """Records, rows and quarantined records of all ranges that are stored."""
    ranges = list_ranges(table_url, storage=storage)
    assert ranges["quarantined"].sum() == read_quarantined(table_url, storage=storage).height
    return ranges["records"].sum(), ranges["rows"].sum(), ranges["quarantined"].sum()
