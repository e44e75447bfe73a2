"""A Kafka topic as a source: partitions that are assigned and not subscribed to, read committed, offsets not stored.

It must not commit offsets, join a group, or show what is in a client's configuration: it may hold passwords.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lakekit.arguments import require_text
from lakekit.errors import InvalidArgument, MissingPackage, NoFilesFound, RecordsLost, StorageFailed
from lakekit.ingest.memory_source import format_offset
from lakekit.ingest.source import ID_MARK, Checkpoint, OnLoss, Page, Record, Shard, describe_loss
from lakekit.storage.secret import MASK, Secret, scrub_secrets
from lakekit.units import MIB

ASK_SECONDS = 30.0
MOST_MESSAGES = 10_000  # of one read
READ_BYTES = 8 * MIB  # of one read, by the size of the records before it
_SHOWN = ("bootstrap.servers", "metadata.broker.list", "client.id", "security.protocol", "sasl.mechanism")
_PUBLIC = {"true", "false", "plain", "scram-sha-256", "scram-sha-512", "sasl_ssl", "sasl_plaintext", "ssl", "all"}
# What exactly once rests on; nobody may set it otherwise
_FIXED = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",  # an offset that is gone is an error, never another offset
    "isolation.level": "read_committed",
}
_USUAL = {
    "group.id": "lakekit",  # never joined
    "queued.max.messages.kbytes": 16384,  # read ahead
    "fetch.wait.max.ms": 100,  # how long a broker waits for more before it answers
}


def kafka(topic: str, config: Mapping[str, Any]) -> KafkaSource:
    """A Kafka topic, to be read by `stream`; nothing is asked yet.

    Partitions are assigned, no consumer group is joined, and no offset is committed: the files of the table are the
    checkpoint. Records of transactions that were aborted are not read, those of open ones wait. Offsets may have gaps
    (transactions, compaction). A compacted topic gives the records that are left when it is read; a null value is a
    tombstone, see `StreamOptions.on_tombstone`.

    A topic that was deleted and made again has another id, which brokers tell since Kafka 2.8, and is refused where the
    old one was stored. Of older brokers, of a cluster without a controller, and of librdkafka's mock cluster it is seen
    only while the new topic ends before what is stored.

    Args:
        topic: its name.
        config: of librdkafka, such as ``{"bootstrap.servers": "broker:9092", "security.protocol": "SASL_SSL", …}``;
            it is never shown, neither here nor in errors.

    Raises:
        InvalidArgument: no name, no servers, or a setting that exactly once does not allow.

    Example:
        >>> kafka("orders", {"bootstrap.servers": "broker:9092", "sasl.password": "not-shown"})
        KafkaSource('orders', 'broker:9092')
    """
    hint = 'write kafka("orders", {"bootstrap.servers": "host:9092"})'
    require_text("topic", topic, hint=hint)
    if not isinstance(config, Mapping) or not all(isinstance(name, str) and name for name in config):
        raise InvalidArgument(f"config is a {type(config).__name__}, not settings by name.", hint=hint)
    for name, value in _FIXED.items():
        if name in config and str(config[name]).lower() != str(value).lower():
            what = f"The configuration sets {name} to {config[name]!r}; a stream into a table needs {value!r}."
            raise InvalidArgument(what, hint="leave it out")
    if not config.get("bootstrap.servers") and not config.get("metadata.broker.list"):
        raise InvalidArgument(
            'The configuration names no brokers ("bootstrap.servers").', hint='add {"bootstrap.servers": "host:9092"}'
        )
    return KafkaSource(topic, config)


class KafkaSource:
    """A Kafka topic; made by `kafka`.

    Attributes:
        name: of the topic.
    """

    kind = "kafka"

    def __init__(self, topic: str, config: Mapping[str, Any]):
        self.name = topic
        self._config = {key: Secret(value) if isinstance(value, str) else value for key, value in config.items()}

    def make_consumer(self) -> Any:
        """A consumer of confluent-kafka with this configuration.

        Raises:
            MissingPackage: it is not installed.
            InvalidArgument: librdkafka does not know a setting.
        """
        try:
            import confluent_kafka
        except ImportError as exc:
            raise MissingPackage(
                f"Kafka needs confluent-kafka, which is not installed ({exc}).", hint='pip install "lakekit[kafka]"'
            ) from exc
        plain = self._reveal()
        try:
            return confluent_kafka.Consumer({**_USUAL, "logger": _silent_logger(), **plain, **_FIXED})
        except confluent_kafka.KafkaException as exc:
            raise InvalidArgument(
                f"librdkafka does not take the configuration of {self.name}: {self.scrub(str(exc.args[0].str()))}",
                hint="see the names in librdkafka's CONFIGURATION.md",
            ) from None

    def _reveal(self) -> dict[str, Any]:
        return {key: value.reveal() if isinstance(value, Secret) else value for key, value in self._config.items()}

    def read_metadata(self, consumer: Any) -> Any:
        """What the brokers tell of the topic.

        Raises:
            StorageFailed: no broker answers.
            NoFilesFound: there is no such topic.
        """
        try:
            told = consumer.list_topics(self.name, timeout=ASK_SECONDS)
        except Exception as exc:
            raise self.translate(exc, "list its partitions") from None
        topic = told.topics.get(self.name)
        if topic is None or topic.error is not None or not topic.partitions:
            said = f" ({self.scrub(topic.error.str())})" if topic is not None and topic.error is not None else ""
            raise NoFilesFound(
                f"There is no Kafka topic {self.name!r} at {self.servers}{said}.", hint="look at the spelling"
            )
        return told

    def identify(self) -> str:
        told = self._ask(lambda told: told)
        topic_id = self._ask_id() if told.controller_id in told.brokers else ""
        return f"kafka topic {self.name} of cluster {told.cluster_id or '?'}{ID_MARK * bool(topic_id)}{topic_id}"

    def _ask_id(self) -> str:
        """The id that the brokers gave the topic when it was made; "" from brokers before Kafka 2.8, which give none.

        librdkafka asks the controller of the cluster, and waits where there is none, as in its own mock cluster.

        Raises:
            StorageFailed: the brokers do not answer, or refuse.
        """
        import confluent_kafka as ck
        from confluent_kafka.admin import AdminClient

        plain = {name: value for name, value in self._reveal().items() if name != "on_commit"}
        try:
            client = AdminClient({"logger": _silent_logger(), **plain})
            asked = client.describe_topics(ck.TopicCollection([self.name]), request_timeout=ASK_SECONDS)
            told = str(asked[self.name].result().topic_id)
        except ck.KafkaException as exc:
            if exc.args[0].code() in (ck.KafkaError._UNSUPPORTED_FEATURE, ck.KafkaError.UNSUPPORTED_VERSION):
                return ""
            raise self.translate(exc, "tell the id") from None
        return "" if told.strip("A=") == "" else told  # sixteen bytes of 0 stand for none

    def list_shards(self) -> list[Shard]:
        return self._ask(lambda told: [Shard(str(one)) for one in sorted(told.topics[self.name].partitions)])

    def _ask(self, take: Any) -> Any:
        consumer = self.make_consumer()
        try:
            return take(self.read_metadata(consumer))
        finally:
            consumer.close()

    def name_range(self, position: str | None) -> str:
        return f"from-{position or format_offset(0)}"

    def position_after(self, position: str) -> str:
        return format_offset(int(position) + 1)

    def open_session(self, *, on_loss: OnLoss) -> KafkaSession:
        return KafkaSession(self, on_loss)

    @property
    def servers(self) -> str:
        """The brokers, as they may be shown."""
        value = self._config.get("bootstrap.servers") or self._config.get("metadata.broker.list") or ""
        return scrub_secrets(value.reveal() if isinstance(value, Secret) else str(value))

    def scrub(self, text: str) -> str:
        """A text without anything that the configuration holds and need not show."""
        hidden = {
            value.reveal()
            for key, value in self._config.items()
            if isinstance(value, Secret) and key not in _SHOWN and value.reveal().lower() not in _PUBLIC
        }
        return scrub_secrets(text, hidden)

    def translate(self, exc: Exception, action: str) -> StorageFailed:
        """An error of confluent-kafka as one of lakekit's."""
        return StorageFailed(
            f"Kafka at {self.servers} failed to {action} of {self.name}: {self.scrub(str(exc))}",
            hint="are the brokers up, and do the address, the security protocol and the rights fit?",
        )

    def __repr__(self) -> str:
        return f"KafkaSource({self.name!r}, {self.servers or MASK!r})"


class KafkaSession:
    """Reads partitions of a Kafka topic with one consumer."""

    def __init__(self, source: KafkaSource, on_loss: OnLoss):
        self.source = source
        self.on_loss = on_loss
        self._consumer = source.make_consumer()
        self._messages = 100  # of the next read
        self._next: dict[int, int] = {}  # by partition: the offset from which it goes on

    def start(self, shard: str, checkpoint: Checkpoint) -> None:
        import confluent_kafka as ck

        number = int(shard)
        low, high = self._ask_watermarks(number)
        offset = int(checkpoint.position) if checkpoint.position else low
        if offset < low:
            self._refuse_a_gap(shard, offset, low)
        if offset > high:
            raise RecordsLost(
                f"Partition {shard} of {self.source.name} ends at offset {high:,}, and {offset:,} are stored:"
                " the topic was made anew, or lost records.",
                hint="take another table for the new topic",
            )
        where = ck.TopicPartition(self.source.name, number, max(offset, low))
        try:
            if number in self._next:
                self._consumer.incremental_unassign([where])
            self._consumer.incremental_assign([where])
        except ck.KafkaException as exc:
            raise self.source.translate(exc, "assign partitions") from None
        self._next[number] = max(offset, low)

    def _ask_watermarks(self, number: int) -> tuple[int, int]:
        import confluent_kafka as ck

        try:
            return self._consumer.get_watermark_offsets(
                ck.TopicPartition(self.source.name, number), timeout=ASK_SECONDS, cached=False
            )
        except ck.KafkaException as exc:
            raise self.source.translate(exc, f"tell the offsets of partition {number}") from None

    def _refuse_a_gap(self, shard: str, offset: int, low: int) -> None:
        if self.on_loss == "continue":
            return
        raise RecordsLost(
            f"{low - offset:,} offsets of partition {shard} of {self.source.name} are gone before they were stored:"
            f" {offset:,} to {low - 1:,}, as many records at most.",
            hint=f"{describe_loss(offset=f'{low:,}')}; a longer retention of the topic helps next time",
        )

    def read(self, seconds: float) -> list[Page]:
        import confluent_kafka as ck

        if not self._next:
            time.sleep(seconds)
            return []
        try:
            messages = self._consumer.consume(self._messages, timeout=min(seconds, 0.25))
        except ck.KafkaException as exc:
            raise self.source.translate(exc, "read records") from None
        self._messages = _count_next(messages)
        records: dict[int, list[Record]] = {}
        ends: dict[int, int] = {}
        for message in messages:
            number = message.partition()
            if message.error() is not None:
                self._bear(message, ends)
            elif number in self._next and message.offset() >= self._next[number]:
                records.setdefault(number, []).append(_make_record(message))
                self._next[number] = message.offset() + 1
                ends.pop(number, None)
        return [self._make_page(number, records.get(number, []), ends) for number in sorted({*records, *ends})]

    def _bear(self, message: Any, ends: dict[int, int]) -> None:
        """An event among the messages: the end of a partition, an offset that is gone, or trouble that passes."""
        import confluent_kafka as ck

        error, number = message.error(), message.partition()
        if error.code() == ck.KafkaError._PARTITION_EOF:
            if number in self._next and message.offset() >= self._next[number]:
                ends[number] = message.offset()
            return
        if error.code() in (ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE):
            low, _ = self._ask_watermarks(number)
            offset = self._next.pop(number)
            self._refuse_a_gap(str(number), offset, low)
            self._consumer.incremental_unassign([ck.TopicPartition(self.source.name, number)])
            self.start(str(number), Checkpoint(format_offset(max(low, offset))))
            return
        if error.fatal() or not error.retriable() and error.code() not in _list_passing_codes():
            raise self.source.translate(ck.KafkaException(error), "read records")

    def _make_page(self, number: int, records: list[Record], ends: Mapping[int, int]) -> Page:
        import confluent_kafka as ck

        where = ck.TopicPartition(self.source.name, number)
        _, high = self._consumer.get_watermark_offsets(where, cached=True)
        behind = max(high - self._next[number], 0)
        if number in ends:  # what is left are marks of transactions, or records of open ones
            behind = max(high - ends[number], 0)
        return Page(str(number), records, format_offset(self._next[number]), number in ends, lag_records=behind)

    def close(self) -> None:
        self._next.clear()
        self._consumer.close()


def _count_next(messages: list[Any]) -> int:
    """How many messages of this size a read may take, so that they fit in memory."""
    size_bytes = sum(len(message) for message in messages)
    return min(max(READ_BYTES * len(messages) // size_bytes, 1), MOST_MESSAGES) if size_bytes else 100


def _make_record(message: Any) -> Record:
    kind, at_ms = message.timestamp()
    key = message.key()
    return Record(
        format_offset(message.offset()),
        datetime.fromtimestamp(at_ms / 1000, UTC) if kind and at_ms >= 0 else None,
        message.value(),
        key.decode("utf-8", "backslashreplace") if key is not None else None,
    )


def _list_passing_codes() -> set[int]:
    """Errors that librdkafka goes on after by itself."""
    from confluent_kafka import KafkaError as E

    return {E._TRANSPORT, E._ALL_BROKERS_DOWN, E._TIMED_OUT, E._RESOLVE, E._MAX_POLL_EXCEEDED}


def _silent_logger() -> Any:
    """librdkafka writes to standard error where no logger is; its words may hold what must not show."""
    import logging

    logger = logging.getLogger("lakekit.ingest")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
