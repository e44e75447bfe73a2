"""A consumer that is killed at any moment and started again stores each record once; so do two that share a shard."""

import math
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
ids = iter(range(10**9))


@pytest.fixture(scope="module")
def processes():
    """Processes that have lakekit loaded and nothing else, so that a kill meets work and not imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ingest.consumer"])
    return context


def make_round():
    """150 new records, and the ids of the 147 of them that are rows."""
    rows = [next(ids) for _ in range(147)]
    return make_json(rows) + [b"no JSON", b"\xff\xfe", b"[]"], rows


def kill_and_restart(processes, put, arguments):
    """Put records and kill the consumer at a random moment of its work, until so many were killed in it; then let one
    end. Gives the ids of all rows, and how many times records were put."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance, expected, killed, times = random.Random(seed), [], 0, 0
    longest = math.inf  # how long one takes that nobody kills, as the quickest so far tells
    while killed < ROUNDS:
        payloads, rows = make_round()
        put(payloads)
        expected += rows
        times += 1
        process, began = processes.Process(target=consumer.consume, args=arguments), time.monotonic()
        process.start()
        process.join(chance.uniform(0.01, longest) if times > 1 else None)
        seconds = time.monotonic() - began
        process.kill()
        process.join()
        assert process.exitcode in (0, -9), process.exitcode
        if process.exitcode == 0:
            longest = min(longest, seconds)
        else:
            killed += 1
    process = processes.Process(target=consumer.consume, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
    print(f"killed {killed} times of {times}, within {longest:.2f} s")
    return expected, times


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
        expected, times = kill_and_restart(processes, put, ("kinesis", name, reach, table))
        assert read_ids(table) == sorted(expected)
        assert count_stored(table) == (150 * times, 147 * times, 3 * times)


@pytest.mark.torture
def test_a_consumer_of_kafka_that_is_killed_stores_each_record_once(processes, tmp_path):
    with run_kafka() as (producer, servers):
        table = str(tmp_path / "orders")
        put = lambda payloads: produce(producer, "killed", payloads, partition=random.randrange(2))  # noqa: E731
        produce(producer, "killed", [])
        expected, times = kill_and_restart(processes, put, ("kafka", "killed", {"bootstrap.servers": servers}, table))
        assert read_ids(table) == sorted(expected)
        assert count_stored(table) == (150 * times, 147 * times, 3 * times)


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
        assert count_stored(table) == (150 * ROUNDS, 147 * ROUNDS, 3 * ROUNDS)


class memory_aws:
    """The embedded AWS, which ends with this process."""

    def __enter__(self):
        return embedded_aws()

    def __exit__(self, *error):
        pass
