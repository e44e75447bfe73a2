"""A Kinesis data stream as a source: shards with their parents, GetRecords within its limits, iterators that died.

It must not store anything, in Kinesis or elsewhere: where reading goes on is told by the files of the table.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakekit.arguments import require_text
from lakekit.errors import InvalidArgument, NoFilesFound, RecordsLost, StorageFailed
from lakekit.ingest.source import Checkpoint, OnLoss, Page, Record, Shard, describe_loss
from lakekit.storage import Storage, resolve_storage, translate_error
from lakekit.storage.answers import read_answer
from lakekit.units import MIB

# Kinesis Data Streams API reference, "GetRecords" and "GetShardIterator", read 2026-11
MOST_RECORDS_A_CALL = 10_000
CALL_SECONDS = 0.2  # five calls a second for each shard
READ_BYTES_PER_S = 2 * MIB  # of each shard; a call may give 10 MiB at once, and then none for five seconds
LIST_SECONDS = 5.0  # a listing of the shards serves so long
IDLE_SECONDS = 1.0  # between two calls where nothing new is
SEQUENCE_DIGITS = 56  # of a sequence number; longer ones are not known

MOST_BACKOFF_SECONDS = 30.0
MOST_FAILURES = 8  # in a row, that are not throttling
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "KMSThrottlingException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
}
_EXPIRED = {"ExpiredIteratorException"}
_PASSING = {"InternalFailure", "ServiceUnavailable", "InternalFailureException", "500", "502", "503", "504"}
_MOST_THREADS = 8


def kinesis(stream_name: str, *, storage: Storage | None = None) -> KinesisSource:
    """A Kinesis data stream, to be read by `stream`; nothing is asked yet.

    It needs the rights kinesis:DescribeStreamSummary, ListShards, GetShardIterator and GetRecords. Enhanced fan-out is
    not used: other consumers of the stream share the 2 MiB/s of each shard with this one.

    Args:
        stream_name: its name; one without an ARN.
        storage: region, profile or endpoint; the environment's if not given.

    Example:
        >>> kinesis("orders")
        KinesisSource('orders')
    """
    require_text("stream_name", stream_name, hint='write kinesis("orders"), without an ARN')
    if any(letter in stream_name for letter in "/: "):
        what = f"{stream_name!r} is no name of a stream."
        raise InvalidArgument(what, hint='write kinesis("orders"), without an ARN')
    return KinesisSource(stream_name, resolve_storage(storage, f"the Kinesis stream {stream_name}"))


@dataclass(frozen=True, repr=False)
class KinesisSource:
    """A Kinesis data stream; made by `kinesis`.

    Attributes:
        name: of the stream.
        storage: how it is reached.
    """

    name: str
    storage: Storage

    kind = "kinesis"

    @property
    def client(self) -> Any:
        """The boto3 client."""
        return self.storage.boto3("kinesis")

    def describe(self) -> dict[str, Any]:
        """What DescribeStreamSummary tells."""
        try:
            return self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        except Exception as exc:
            raise self.translate(exc, "kinesis:DescribeStreamSummary") from exc

    def identify(self) -> str:
        told = self.describe()
        return f"{told['StreamARN']} created {told['StreamCreationTimestamp'].astimezone(UTC).isoformat()}"

    def list_shards(self) -> list[Shard]:
        return [
            Shard(one["ShardId"], tuple(filter(None, (one.get("ParentShardId"), one.get("AdjacentParentShardId")))))
            for one in self.read_shards()
        ]

    def read_shards(self) -> list[dict[str, Any]]:
        """The shards as ListShards tells them, sorted by id."""
        asked, found = {"StreamName": self.name}, []
        try:
            while True:
                answer = self.client.list_shards(**asked)
                found += answer["Shards"]
                if not answer.get("NextToken"):
                    return sorted(found, key=lambda one: one["ShardId"])
                asked = {"NextToken": answer["NextToken"]}
        except Exception as exc:
            raise self.translate(exc, "kinesis:ListShards") from exc

    def name_range(self, position: str | None) -> str:
        return f"after-{position or '0' * SEQUENCE_DIGITS}"

    def position_after(self, position: str) -> str:
        return position

    def open_session(self, *, on_loss: OnLoss) -> KinesisSession:
        return KinesisSession(self, on_loss)

    def translate(self, exc: Exception, action: str) -> Exception:
        """An error of boto3 as one of lakekit's."""
        if read_answer(exc, self.storage).code == "ResourceNotFoundException":
            return NoFilesFound(
                f"There is no Kinesis stream {self.name!r} (tried {action}).",
                hint="look at the spelling, the region and the account",
            )
        return translate_error(exc, action=action, url=f"the Kinesis stream {self.name}", storage=self.storage)

    def __repr__(self) -> str:
        return f"KinesisSource({self.name!r})"


@dataclass
class _Reading:
    """Where one shard is being read."""

    iterator: str | None = None
    position: str | None = None  # of the last record that was handed over, or is stored
    next_at: float = 0.0
    failures: int = 0
    is_closed: bool = False


class KinesisSession:
    """Reads the shards of a Kinesis stream; keeps to the limits of each.

    Attributes:
        throttled: how often Kinesis asked for patience.
        expired: how many iterators had died, and were replaced.
    """

    def __init__(self, source: KinesisSource, on_loss: OnLoss):
        self.source = source
        self.on_loss = on_loss
        self.throttled = self.expired = 0
        self._readings: dict[str, _Reading] = {}
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="lakekit-kinesis")
        self._retention: timedelta | None = None
        self._closed: set[str] = set()
        self._listed_at = -LIST_SECONDS

    def start(self, shard: str, checkpoint: Checkpoint) -> None:
        if self.on_loss == "raise" and checkpoint.arrived_at is not None and shard not in self._readings:
            self._refuse_a_gap(shard, checkpoint)
        if time.monotonic() - self._listed_at > LIST_SECONDS:
            self._closed = {one["ShardId"] for one in self.source.read_shards() if _is_closed(one)}
            self._listed_at = time.monotonic()
        # the mark is set before the read that finds nothing more in it: a closed shard gets no records
        self._readings[shard] = _Reading(position=checkpoint.position, is_closed=shard in self._closed)

    def _refuse_a_gap(self, shard: str, checkpoint: Checkpoint) -> None:
        """Sequence numbers have gaps, so only time tells whether records may have gone unread."""
        if self._retention is None:
            self._retention = timedelta(hours=self.source.describe()["RetentionPeriodHours"])
        age = datetime.now(UTC) - checkpoint.arrived_at
        if age > self._retention:
            kept = f"{self._retention.total_seconds() / 3600:,.0f} hours"
            raise RecordsLost(
                f"The last record stored of {shard} of {self.source.name} came {age.total_seconds() / 3600:,.0f} hours"
                f" ago, and the stream keeps records for {kept}: what came next may be gone. Kinesis does not tell how"
                " many records.",
                hint=f"{describe_loss()}; do so where the shard was quiet. A longer retention helps next time",
            )

    def read(self, seconds: float) -> list[Page]:
        if not self._readings:
            time.sleep(seconds)
            return []
        soonest = min(reading.next_at for reading in self._readings.values())
        time.sleep(min(max(soonest - time.monotonic(), 0), seconds))
        due = [shard for shard, reading in self._readings.items() if reading.next_at <= time.monotonic()]
        pages = [page for page in self._threads.map(self._read_shard, due) if page is not None]
        for page in pages:
            if page.is_ended:
                del self._readings[page.shard]
        return pages

    def _read_shard(self, shard: str) -> Page | None:
        reading = self._readings[shard]
        try:
            if reading.iterator is None:
                reading.iterator = self._ask_iterator(shard, reading.position)
            answer = self.source.client.get_records(ShardIterator=reading.iterator, Limit=MOST_RECORDS_A_CALL)
        except Exception as exc:
            self._bear(exc, reading)
            return None
        reading.failures = 0
        return self._take(shard, reading, answer)

    def _take(self, shard: str, reading: _Reading, answer: dict[str, Any]) -> Page:
        records = [_make_record(one) for one in answer["Records"]]
        reading.iterator = answer.get("NextShardIterator")
        reading.position = records[-1].position if records else reading.position
        lag_ms = answer.get("MillisBehindLatest")
        is_empty = not records and not lag_ms
        size_bytes = sum(record.size_bytes for record in records)
        wait = IDLE_SECONDS if is_empty else max(CALL_SECONDS, size_bytes / READ_BYTES_PER_S)
        reading.next_at = time.monotonic() + wait
        # AWS ends a closed shard with no iterator; an emulator that does not says at least that nothing is left
        ended = reading.iterator is None or (reading.is_closed and is_empty)
        return Page(shard, records, reading.position, is_empty or ended, ended, lag_ms=lag_ms)

    def _ask_iterator(self, shard: str, position: str | None) -> str:
        asked = {"ShardIteratorType": "TRIM_HORIZON"}
        if position is not None:
            asked = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(int(position))}
        answer = self.source.client.get_shard_iterator(StreamName=self.source.name, ShardId=shard, **asked)
        return answer["ShardIterator"]

    def _bear(self, exc: Exception, reading: _Reading) -> None:
        """Waits longer after each failure, for a random time so that workers do not knock together; or gives up."""
        answer = read_answer(exc, self.source.storage)
        reading.iterator = None if answer.code in _EXPIRED else reading.iterator
        if answer.code in _EXPIRED:
            self.expired += 1
            return
        reading.failures += 1
        if answer.code in _THROTTLED:
            self.throttled += 1
        elif reading.failures >= MOST_FAILURES or not (answer.code in _PASSING or answer.kind == "no connection"):
            raise self.source.translate(exc, "kinesis:GetRecords") from exc
        most = min(MOST_BACKOFF_SECONDS, CALL_SECONDS * 2**reading.failures)
        reading.next_at = time.monotonic() + max(CALL_SECONDS, random.uniform(0, most))

    def close(self) -> None:
        self._readings.clear()
        self._threads.shutdown(wait=True)


def _is_closed(shard: dict[str, Any]) -> bool:
    return "EndingSequenceNumber" in shard.get("SequenceNumberRange", {})


def _make_record(told: dict[str, Any]) -> Record:
    sequence = told["SequenceNumber"]
    if len(sequence) > SEQUENCE_DIGITS or not sequence.isdigit():
        raise StorageFailed(f"Kinesis gave the sequence number {sequence!r}, of more than {SEQUENCE_DIGITS} digits.")
    arrived = told.get("ApproximateArrivalTimestamp")
    return Record(
        sequence.zfill(SEQUENCE_DIGITS),
        arrived.astimezone(UTC) if arrived is not None else None,
        bytes(told["Data"]),
        told.get("PartitionKey"),
    )
