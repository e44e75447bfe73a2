"""A Kafka topic is read as it was committed, each record once, and no secret of a configuration shows."""

import base64
import json
import pickle

import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument, NoFilesFound, RecordsLost, StorageFailed
from lakekit.ingest import StreamOptions, kafka, list_ranges, read_quarantined, stream
from lakekit.ingest.source import Checkpoint
from tests.ingest.streams import count_stored, give_controller, make_json, produce, read_ids, run_kafka

SECRET = "correct-horse-battery"


ck = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")


@pytest.fixture(scope="module")
def cluster():
    with run_kafka() as running:
        yield running


@pytest.fixture
def topic(request, cluster):
    """A topic of its own with four partitions, as the mock makes them, and the source that reads it."""
    producer, servers = cluster
    name = request.node.name[:100].replace("[", "-").replace("]", "")
    producer.list_topics(name, timeout=10)
    return name, kafka(name, {"bootstrap.servers": servers, "sasl.password": SECRET})


def test_records_of_all_partitions_arrive_once_and_a_restart_goes_on(cluster, topic, tmp_path):
    name, source = topic
    for partition in range(4):
        produce(cluster[0], name, make_json(range(100 * partition, 100 * partition + 100)), partition)
    produce(cluster[0], name, [b"no JSON"], 3)
    done = stream(source, tmp_path)
    assert (done.records, done.rows, done.quarantined, done.lag_records) == (401, 400, 1, 0)
    produce(cluster[0], name, make_json(range(400, 410)), 2)
    assert stream(source, tmp_path).records == 10
    assert read_ids(tmp_path) == list(range(410))
    assert count_stored(tmp_path) == (411, 410, 1)
    told = read_quarantined(tmp_path).row(0, named=True)
    assert (told["shard"], told["position"]) == (f"kafka-{name}/3", f"{100:020d}")
    assert told["reason"] == "not JSON: Expecting value at 0 (key 'k')"


def test_transactions_are_read_when_they_are_committed(cluster, topic, tmp_path):
    """The mock hands out records of aborted transactions too, so that only a real broker shows those left out."""
    name, source = topic
    writer = ck.Producer({"bootstrap.servers": cluster[1], "transactional.id": name, "log_level": 0})
    writer.init_transactions(10)
    for ids in (range(10), range(10, 20)):
        writer.begin_transaction()
        for value in make_json(ids):
            writer.produce(name, value, partition=0)
        writer.commit_transaction(10)
    done = stream(source, tmp_path)
    assert (done.records, done.lag_records) == (20, 0)
    assert read_ids(tmp_path) == list(range(20))
    assert stream(source, tmp_path).records == 0


def test_tombstones_have_a_key_and_no_value(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, [*make_json([1]), None])
    assert stream(source, tmp_path / "a").quarantined == 1
    reason = read_quarantined(tmp_path / "a")["reason"][0]
    assert reason == "a tombstone: the record has a key and no value (key 'k')"
    done = stream(source, tmp_path / "b", options=StreamOptions(on_tombstone="skip"))
    assert (done.records, done.rows, done.skipped) == (2, 1, 1)


def test_malformed_and_huge_records_are_quarantined_and_the_good_ones_arrive(cluster, topic, tmp_path):
    name, source = topic
    huge = b"x" * (4 * lk.MIB)
    bad = [b"{", b"\xff\xfe", b"", b"[]", b'{"id": "x"}', huge]
    produce(cluster[0], name, [*make_json([1]), *bad])
    produce(cluster[0], name, make_json([2]), 1)
    done = stream(source, tmp_path, options=StreamOptions(most_record_bytes=lk.MIB))
    assert (done.records, done.rows, done.quarantined) == (8, 2, 6)
    assert read_ids(tmp_path) == [1, 2]
    told = read_quarantined(tmp_path)
    assert [len(data) for data in told["data"]] == [1, 2, 0, 2, 11, 4 * lk.MIB]
    assert told["position"].to_list() == [f"{offset:020d}" for offset in range(1, 7)]


def test_offsets_that_are_gone_are_an_error_that_counts_them(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, make_json(range(10)))
    stream(source, tmp_path)
    produce(cluster[0], name, make_json(range(10, 20)))
    for _ in range(8):
        produce(cluster[0], name, [b"x" * 900_000])  # the mock keeps 5 MiB of a partition
    consumer = source.make_consumer()
    low, high = consumer.get_watermark_offsets(ck.TopicPartition(name, 0), timeout=5)
    consumer.close()
    assert 20 < low < high == 28
    with pytest.raises(RecordsLost, match=rf"{low - 10} offsets of partition 0 of \w+ are gone .* 10 to {low - 1}, as"):
        stream(source, tmp_path)
    done = stream(source, tmp_path, options=StreamOptions(on_loss="continue"))
    assert (done.records, done.quarantined) == (28 - low, 28 - low)
    assert list_ranges(tmp_path)["end"].to_list() == [f"{10:020d}", f"{28:020d}"]


def test_a_topic_that_ends_before_what_is_stored_was_made_anew(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, make_json(range(10)))
    session = source.open_session(on_loss="continue")
    with pytest.raises(RecordsLost, match="ends at offset 10, and 11 are stored"):
        session.start("0", Checkpoint(f"{11:020d}"))
    session.close()


def test_a_lost_race_reads_again_from_where_the_winner_ends(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, make_json(range(10)))
    overtaken = []

    def stand_still(told):
        if not overtaken and sum(one.buffered for one in told.shards):
            overtaken.append(stream(source, tmp_path))
            produce(cluster[0], name, make_json(range(10, 20)))
        return bool(overtaken) and told.records == 10

    done = stream(source, tmp_path, until=stand_still, options=StreamOptions(buffer_seconds=0.2))
    assert (done.lost_races, done.records) == (1, 10)
    assert read_ids(tmp_path) == list(range(20))


def test_secrets_of_the_configuration_do_not_show(topic):
    source = topic[1]
    shown = [repr(source), str(vars(source)), f"{source}", str(source.__dict__)]
    assert not any(SECRET in text for text in shown)
    assert SECRET not in repr(pickle.loads(pickle.dumps(source)))
    assert source.scrub(f"login with {SECRET} failed") == "login with *** failed"
    with pytest.raises(InvalidArgument) as caught:
        kafka("orders", {"bootstrap.servers": "x:1", "sasl.passwort": SECRET}).identify()
    assert "sasl.passwort" in str(caught.value) and SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_that_exactly_once_does_not_allow_are_refused():
    with pytest.raises(InvalidArgument, match="enable.auto.commit"):
        kafka("orders", {"bootstrap.servers": "x:1", "enable.auto.commit": True})
    with pytest.raises(InvalidArgument, match="isolation.level"):
        kafka("orders", {"bootstrap.servers": "x:1", "isolation.level": "read_uncommitted"})
    with pytest.raises(InvalidArgument, match="names no brokers"):
        kafka("orders", {"group.id": "mine"})
    assert kafka("orders", {"bootstrap.servers": "x:1", "enable.auto.commit": "false"}).name == "orders"


def test_a_topic_or_a_cluster_that_is_not_there_is_told(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("lakekit.ingest.kafka_source.ASK_SECONDS", 1.0)
    with pytest.raises(StorageFailed, match="Kafka at 127.0.0.1:9 failed to list its partitions of orders"):
        stream(kafka("orders", {"bootstrap.servers": "127.0.0.1:9"}), tmp_path)
    with pytest.raises(NoFilesFound, match="There is no Kafka topic 'nowhere'"):
        stream(kafka("nowhere", {"bootstrap.servers": cluster[1], "allow.auto.create.topics": False}), tmp_path)


def test_a_reader_sees_json_of_any_field(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, [json.dumps({"id": 1, "who": {"name": "é"}, "tags": ["a"]}).encode()])
    stream(source, tmp_path)
    row = lk.open_table(tmp_path).polars().collect().row(0, named=True)
    assert (row["who"], row["tags"], row["_shard"]) == ({"name": "é"}, ["a"], "0")


def test_a_record_of_20_mb_is_quarantined_whole_and_those_beside_it_arrive(cluster, topic, tmp_path):
    """Of a partition the mock keeps 5 MiB, but one batch of records always, however big it is."""
    name, source = topic
    huge = b'{"id": 1, "text": "' + b"x" * 20_000_000 + b'"}'
    produce(cluster[0], name, [huge], 0)
    produce(cluster[0], name, make_json([0, 2]), 1)
    done = stream(source, tmp_path)
    assert (done.records, done.rows, done.quarantined) == (3, 2, 1)
    told = read_quarantined(tmp_path).row(0, named=True)
    assert told["data"] == huge and told["position"] == f"{0:020d}"
    assert told["reason"] == "20,000,021 bytes, more than most_record_bytes = 10,485,760 (key 'k')"
    assert read_ids(tmp_path) == [0, 2]
    assert stream(source, tmp_path).records == 0


def test_a_record_of_20_mb_is_a_row_where_such_are_asked_for(cluster, topic, tmp_path):
    name, source = topic
    produce(cluster[0], name, [b'{"id": 1, "text": "' + b"x" * 20_000_000 + b'"}'])
    assert stream(source, tmp_path, options=StreamOptions(most_record_bytes=32 * lk.MIB)).rows == 1
    assert lk.open_table(tmp_path).polars().collect()["text"].str.len_bytes().to_list() == [20_000_000]


def test_a_topic_whose_cluster_has_no_controller_is_known_by_its_name_and_the_cluster(cluster, topic):
    """The mock names broker 0 as its controller and has a broker 1: it tells no ids of topics, and nothing waits."""
    name, source = topic
    told = cluster[0].list_topics(name, timeout=10)
    assert told.controller_id not in told.brokers
    assert source.identify() == f"kafka topic {name} of cluster {told.cluster_id}"


def test_a_topic_is_known_by_the_id_that_its_brokers_gave_it(tmp_path):
    with run_kafka() as (producer, servers):
        give_controller(producer)
        told = {}
        for name in ("one", "other"):
            produce(producer, name, make_json([1]))
            config = {"bootstrap.servers": servers, "sasl.password": SECRET, "on_commit": print}
            before, _, told[name] = kafka(name, config).identify().partition(", id ")
            assert before.startswith(f"kafka topic {name} of cluster ")
            assert len(base64.b64decode(told[name] + "==")) == 16
            assert kafka(name, config).identify() == f"{before}, id {told[name]}"
        assert told["one"] != told["other"]
        stream(kafka("one", config), tmp_path)
        assert list_ranges(tmp_path)["stream"][0].endswith(told["one"])
