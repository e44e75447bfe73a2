"""What a stream of records is to lakekit: shards, positions in them, and pages of records; kinesis and kafka are such.

It must not know how records are decoded or stored, nor read a clock: a source only hands over what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

OnLoss = Literal["raise", "continue"]
ID_MARK = ", id "  # before what a stream of the same name that is made anew has otherwise, where it is told


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a shard.

    Attributes:
        position: where it stands in its shard: text that sorts as the records do, all of one length.
        arrived_at: when the stream took it, in UTC; None where the stream does not tell.
        data: its bytes; None for a tombstone of Kafka.
        key: its partition key (Kinesis) or key (Kafka), for the quarantine; None where it has none.
    """

    position: str
    arrived_at: datetime | None
    data: bytes | None
    key: str | None = None

    @property
    def size_bytes(self) -> int:
        """How much of a buffer it fills."""
        return len(self.data or b"")


@dataclass(frozen=True, slots=True)
class Page:
    """What one read of a shard gave.

    Attributes:
        shard: its id.
        records: in the order of the shard.
        end: the position after the page, from which a later reader goes on; None where nothing was read yet.
        is_caught_up: nothing more was there when it was read.
        is_ended: the shard is closed, and this was its last page.
        lag_ms: how far behind the newest record the reader was, in milliseconds (Kinesis); None if not told.
        lag_records: how many offsets are left up to the newest record (Kafka, memory); None if not told.
    """

    shard: str
    records: Sequence[Record]
    end: str | None
    is_caught_up: bool = False
    is_ended: bool = False
    lag_ms: int | None = None
    lag_records: int | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of a stream, or partition of a topic.

    Attributes:
        name: its id; also the name of a folder.
        parents: the shards that it took over from; they are read to their end first.
    """

    name: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the stored files of a shard end.

    Attributes:
        position: the end of the last stored range; None before the first.
        arrived_at: when the last stored record came into the stream.
        is_ended: the shard was read to its end.
        files: how many ranges are stored.
    """

    position: str | None = None
    arrived_at: datetime | None = None
    is_ended: bool = False
    files: int = 0


class Session(Protocol):
    """What reads the shards of a source; used by one thread."""

    def start(self, shard: str, checkpoint: Checkpoint) -> None:
        """Read this shard from its checkpoint on, or from its oldest record; one that is being read begins anew there.

        Raises:
            RecordsLost: the stream no longer holds what comes next.
        """

    def read(self, seconds: float) -> list[Page]:
        """The pages that are there, of any of the shards; waits for at most so many seconds."""

    def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Source(Protocol):
    """A stream: what `lk.ingest.kinesis`, `lk.ingest.kafka` and `lk.ingest.MemorySource` give.

    Attributes:
        kind: "kinesis", "kafka", "memory".
        name: of the stream or topic.
    """

    kind: str
    name: str

    def identify(self) -> str:
        """A text that another stream does not have, nor one of the same name that was made anew; see `is_same`."""

    def list_shards(self) -> list[Shard]:
        """The shards that are there, sorted by name."""

    def name_range(self, position: str | None) -> str:
        """The name of the range that begins at a position, None for the very first."""

    def position_after(self, position: str) -> str:
        """Where a range ends whose last record stands at this position."""

    def open_session(self, *, on_loss: OnLoss) -> Session:
        """What reads it.

        Args:
            on_loss: raise when records are gone that were not stored, or go on with those that are there.
        """


def is_same(one: str, other: str) -> bool:
    """Whether two identities are of one stream; where only one of them ends with an id, the rest tells.

    Example:
        >>> is_same("topic a", "topic a, id 7"), is_same("topic a, id 8", "topic a, id 7")
        (True, False)
    """
    parts = [text.partition(ID_MARK) for text in (one, other)]
    return parts[0][0] == parts[1][0] and ("" in (parts[0][2], parts[1][2]) or parts[0] == parts[1])


def describe_loss(**facts: Any) -> str:
    """The hint of every RecordsLost."""
    return (
        'on_loss="continue" in StreamOptions goes on with the oldest record that is there'
        f"{' (' + ', '.join(f'{name} {value}' for name, value in facts.items()) + ')' if facts else ''}"
    )
