"""A consumer that is killed at any moment and started again stores each record once; so do two that share a shard."""

import multiprocessing
import os
import random
import time

import pytest

from lakekit import embedded_aws
from tests.ingest import consumer
from tests.ingest.streams import (
    count_stored,
    make_json,
    make_stream,
    produce,
    put_records,
    read_ids,
    run_kafka,
    run_kinesalite,
)

ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "2"))
RECORDS_A_ROUND = 150  # 147 rows, 3 that are none
ids = iter(range(10**9))


@pytest.fixture(scope="module")
def processes():
    """Processes that have lakekit loaded and nothing else, so that a kill meets work and not imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ingest.consumer"])
    return context


def make_round():
    """New records of one round, and the ids of those that are rows."""
    rows = [next(ids) for _ in range(RECORDS_A_ROUND - 3)]
    return make_json(rows) + [b"no JSON", b"\xff\xfe", b"[]"], rows


def kill_and_restart(processes, put, arguments):
    """Put records, and kill the consumer at a random moment, round by round; then let it end. Gives all ids."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance, expected, killed = random.Random(seed), [], 0
    for _ in range(ROUNDS):
        payloads, rows = make_round()
        put(payloads)
        expected += rows
        process = processes.Process(target=consumer.consume, args=arguments)
        process.start()
        process.join(chance.uniform(0.02, 0.9))
        killed += process.is_alive()
        process.kill()
        process.join()
    process = processes.Process(target=consumer.consume, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
    print(f"killed {killed} of {ROUNDS}")
    return expected


@pytest.mark.torture
@pytest.mark.parametrize("server", ["kinesalite", "moto"])
def test_a_consumer_of_kinesis_that_is_killed_stores_each_record_once(processes, server, tmp_path):
    with run_kinesalite() if server == "kinesalite" else memory_aws() as storage:
        name = f"killed-{os.getpid()}-{time.time_ns()}"
        client = make_stream(storage, name, shards=2)
        reach = {"region": "us-east-1", "endpoint_url": storage.endpoint_url}
        reach |= {"access_key_id": storage.access_key_id.reveal(), "secret_access_key": "not-a-secret"}
        table = str(tmp_path / "orders")
        put = lambda payloads: put_records(client, name, payloads)  # noqa: E731
        expected = kill_and_restart(processes, put, ("kinesis", name, reach, table))
        assert read_ids(table) == sorted(expected)
        records = ROUNDS * RECORDS_A_ROUND
        assert count_stored(table) == (records, records - 3 * ROUNDS, 3 * ROUNDS)


@pytest.mark.torture
def test_a_consumer_of_kafka_that_is_killed_stores_each_record_once(processes, tmp_path):
    with run_kafka() as (producer, servers):
        table = str(tmp_path / "orders")
        put = lambda payloads: produce(producer, "killed", payloads, partition=random.randrange(2))  # noqa: E731
        produce(producer, "killed", [])
        expected = kill_and_restart(processes, put, ("kafka", "killed", {"bootstrap.servers": servers}, table))
        assert read_ids(table) == sorted(expected)
        records = ROUNDS * RECORDS_A_ROUND
        assert count_stored(table) == (records, records - 3 * ROUNDS, 3 * ROUNDS)


@pytest.mark.torture
def test_workers_that_hold_the_same_shard_by_mistake_store_each_record_once(processes, tmp_path):
    with run_kinesalite() as storage:
        client = make_stream(storage, "zombies")
        reach = {"region": "us-east-1", "endpoint_url": storage.endpoint_url}
        reach |= {"access_key_id": "kinesalite", "secret_access_key": "not-a-secret"}
        table, expected = str(tmp_path / "orders"), []
        for _ in range(ROUNDS):
            payloads, rows = make_round()
            put_records(client, "zombies", payloads)
            expected += rows
            arguments = ("kinesis", "zombies", reach, table)
            pair = [processes.Process(target=consumer.consume, args=arguments) for _ in range(3)]
            for process in pair:
                process.start()
            for process in pair:
                process.join()
                assert process.exitcode == 0
        assert read_ids(table) == sorted(expected)
        records = ROUNDS * RECORDS_A_ROUND
        assert count_stored(table) == (records, records - 3 * ROUNDS, 3 * ROUNDS)


class memory_aws:
    """The embedded AWS, which ends with this process."""

    def __enter__(self):
        return embedded_aws()

    def __exit__(self, *error):
        pass
