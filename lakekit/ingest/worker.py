"""One run over the shards of a stream: read, buffer, store when a buffer is full or old, begin anew after a lost race.

It must not know which stream it is, nor what the records mean.
"""

from __future__ import annotations

import hashlib
import time
import uuid
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import pyarrow as pa

from lakekit.errors import RecordsLost
from lakekit.ingest.chain import Chain, Range, find_unended, name_folder
from lakekit.ingest.progress import ShardProgress, StreamProgress
from lakekit.ingest.quarantine import BadRow, Quarantine, cut_pieces
from lakekit.ingest.ranges import POSITION_COLUMNS, Reader, extend_schema
from lakekit.ingest.source import OnLoss, Page, Record, Shard, Source, describe_loss
from lakekit.storage import Store, Writer
from lakekit.units import format_number_of

REFRESH_SECONDS = 30.0  # between two looks for new shards
READ_SECONDS = 1.0  # the longest wait for records
PROGRESS_SECONDS = 0.5
RECORD_BYTES = 350  # a record takes so much beside its data, with position, time and key; measured with Python 3.11
_NOTHING = {"records": 0, "rows": 0, "quarantined": 0, "skipped": 0, "quarantine": "", "is_ended": True}


@dataclass(frozen=True)
class Limits:
    """When a buffer is stored.

    Attributes:
        buffer_bytes: as soon as it holds so many bytes.
        buffer_seconds: as soon as its first record has waited so long.
        memory_bytes: as soon as all buffers together hold so much, the largest of them.
    """

    buffer_bytes: int
    buffer_seconds: float
    memory_bytes: int


@dataclass
class Held:
    """What a worker knows of one of its shards.

    Attributes:
        chain: its files.
        stored: where they end.
        records, size_bytes: the buffer.
        since: when its first record came, on the monotonic clock.
        last: the newest page, without its records.
        was_caught_up: whether there was nothing more to read at least once.
        done: how many records were stored.
        is_ended: it is stored to its end.
    """

    chain: Chain
    stored: str | None
    is_ended: bool = False
    records: list[Record] = field(default_factory=list)
    size_bytes: int = 0
    since: float = 0.0
    last: Page | None = None
    was_caught_up: bool = False
    done: int = 0

    @property
    def memory_bytes(self) -> int:
        """How much memory the buffer takes; many small records take more than their bytes."""
        return self.size_bytes + RECORD_BYTES * len(self.records)

    def add(self, page: Page, now: float) -> None:
        """Take a page into the buffer."""
        if page.records and not self.records:
            self.since = now
        self.records += page.records
        self.size_bytes += sum(record.size_bytes for record in page.records)
        self.last = replace(page, records=())
        self.was_caught_up |= page.is_caught_up

    def take(self, limit_bytes: int | None = None) -> list[Record]:
        """The first records of the buffer, as many as reach the limit, or all; they leave it."""
        count, size_bytes = len(self.records), self.size_bytes
        if limit_bytes is not None:
            count = size_bytes = 0
            while size_bytes < limit_bytes and count < len(self.records):
                size_bytes += self.records[count].size_bytes
                count += 1
        taken, self.records = self.records[:count], self.records[count:]
        self.size_bytes -= size_bytes
        return taken


class Worker:
    """Brings the records of a source into a table."""

    def __init__(self, source: Source, store: Store, writer: Writer, reader: Reader, limits: Limits):
        self.source = source
        self.store = store
        self.writer = writer
        self.reader = reader
        self.limits = limits
        self.schema = pa.schema([])
        self.share = (0, 1)
        self.on_loss: OnLoss = "raise"
        self.show: Callable[[StreamProgress], None] | None = None
        self.progress = StreamProgress()
        self._held: dict[str, Held] = {}
        self._waiting: tuple[str, ...] = ()
        self._name = uuid.uuid4().hex
        self._stream = source.identify()

    def run(self, until: Callable[[StreamProgress], bool] | None) -> StreamProgress:
        """Read and store until `until` says so, or until all is read that was there; what it did.

        Args:
            until: asked after each read; None for "nothing more is there".
        """
        self._began = shown = time.monotonic()
        self._session = self.source.open_session(on_loss=self.on_loss)
        try:
            self._refresh()
            while not (until(self._tell()) if until else self._is_caught_up()):
                for page in self._session.read(self._find_wait()):
                    self._held[page.shard].add(page, time.monotonic())
                self._store_due()
                if time.monotonic() - self._refreshed > REFRESH_SECONDS:
                    self._refresh()
                if self.show and time.monotonic() - shown > PROGRESS_SECONDS:
                    shown = time.monotonic()
                    self.show(self._tell())
            self._store_all()
        finally:
            self._session.close()
        if self.show:
            self.show(self._tell())
        return self._tell()

    def _is_caught_up(self) -> bool:
        return all(held.is_ended or held.was_caught_up for held in self._held.values())

    def _find_wait(self) -> float:
        """Seconds until a buffer is too old, or a second."""
        waiting = [held.since for held in self._held.values() if held.records]
        due = min(waiting, default=float("inf")) + self.limits.buffer_seconds - time.monotonic()
        return min(max(due, 0), READ_SECONDS)

    def _store_due(self) -> None:
        ended = False
        for held in self._held.values():
            while held.size_bytes >= self.limits.buffer_bytes:
                if not self._store(held, held.take(self.limits.buffer_bytes)):
                    break
            old = held.records and time.monotonic() - held.since >= self.limits.buffer_seconds
            is_last = held.last is not None and held.last.is_ended and not held.is_ended
            if old or is_last:
                self._store(held, held.take(), is_last=is_last)
            ended |= held.is_ended and is_last
        while sum(held.memory_bytes for held in self._held.values()) > self.limits.memory_bytes:
            largest = max(self._held.values(), key=lambda held: held.memory_bytes)
            self._store(largest, largest.take())
        if ended:
            self._refresh()  # their children can begin

    def _store_all(self) -> None:
        for held in self._held.values():
            if held.records:
                self._store(held, held.take())

    def _store(self, held: Held, records: list[Record], *, is_last: bool = False) -> bool:
        """Store a range and say whether that worked; where another worker was first, go on behind what is stored."""
        content = self.reader.read(records, self.schema, held.chain.shard, held.chain.folder)
        end = self.source.position_after(records[-1].position) if records else held.stored
        name = self.source.name_range(held.stored)
        arrived = max((one.arrived_at for one in records if one.arrived_at is not None), default=None)
        told = Range(
            stream=self._stream,
            shard=held.chain.shard,
            begin=held.stored,
            end=end,
            records=len(records),
            rows=content.table.num_rows,
            quarantined=len(content.bad),
            skipped=content.skipped,
            quarantine=self._put_aside(f"{held.chain.folder}/{name}", content.bad),
            arrived_at=arrived.isoformat() if arrived is not None else "",
            is_ended=is_last and not held.records,
            writer=self._name,
        )
        size_bytes = held.chain.commit(name, content.table, told)
        if not size_bytes:
            self._begin_anew(held)
            return False
        self.schema = content.schema
        held.stored, held.is_ended = end, told.is_ended
        held.done += len(records)
        held.since = time.monotonic()
        self._count(told, size_bytes)
        return True

    def _put_aside(self, name: str, bad: list[BadRow]) -> str:
        """Store the bad records of a range, before its rows; the folder, whose name tells what is in it."""
        if not bad:
            return ""
        told = "\n".join(f"{row.file} {row.reason}" for row in bad)
        quarantine = Quarantine(self.writer, f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}")
        quarantine.put(piece for row in bad for piece in cut_pieces(row))
        quarantine.flush()
        return quarantine.folder

    def _count(self, told: Range, size_bytes: int) -> None:
        so_far = self.progress
        self.progress = replace(
            so_far,
            records=so_far.records + told.records,
            rows=so_far.rows + told.rows,
            quarantined=so_far.quarantined + told.quarantined,
            skipped=so_far.skipped + told.skipped,
            files=so_far.files + 1,
            size_bytes=so_far.size_bytes + size_bytes,
        )

    def _begin_anew(self, held: Held) -> None:
        """Another worker stored a range from the same position: what is held here is dropped, and read again."""
        self.progress = replace(self.progress, lost_races=self.progress.lost_races + 1)
        held.take()
        held.last, held.was_caught_up = None, False
        self._begin(held)

    def _begin(self, held: Held) -> None:
        """Read a shard from where its files end."""
        checkpoint, columns = held.chain.read_end()
        found = [column for column in columns if column.name not in (*POSITION_COLUMNS.names, *self.schema.names)]
        self.schema = extend_schema(self.schema, pa.schema(found))
        held.stored, held.is_ended = checkpoint.position, checkpoint.is_ended
        if not checkpoint.is_ended:
            self._session.start(held.chain.shard, checkpoint)

    def _refresh(self) -> None:
        """Begin the shards of this worker that are new and whose parents are stored to their end."""
        self._refreshed = time.monotonic()
        shards = {shard.name: shard for shard in self.source.list_shards()}
        again = True
        while again:
            again, waiting = False, []
            for shard in shards.values():
                if shard.name in self._held or not is_of_share(shard.name, self.share):
                    continue
                if all(self._is_stored(parent) for parent in shard.parents if parent in shards or parent in self._held):
                    held = Held(self._make_chain(shard.name), None)
                    self._begin(held)
                    if held.stored is None and not shards.keys() >= set(shard.parents):
                        self._refuse_lost()
                    self._held[shard.name] = held
                    again |= held.is_ended
                else:
                    waiting.append(shard)
        self._waiting = tuple(shard.name for shard in waiting if self._waits_for_others(shard, shards))

    def _refuse_lost(self) -> None:
        """RecordsLost where a shard is not listed any more, and its files do not reach its end.

        Where one goes on all the same, an empty range says that nothing more comes.
        """
        for found, schema in find_unended(self.store, self.source):
            if found.shard in self._held:
                continue
            if self.on_loss == "raise":
                raise RecordsLost(
                    f"The shard {found.shard} of {self.source.name} is gone, and was not stored to its end: what came"
                    f" after {found.end}, where its newest file of {format_number_of(found.records, 'record')} ends,"
                    " may be lost.",
                    hint=f"{describe_loss()}. A longer retention helps next time",
                )
            told = Range(**{**asdict(found), **_NOTHING, "begin": found.end, "writer": self._name})
            self._make_chain(found.shard).commit(self.source.name_range(found.end), schema.empty_table(), told)

    def _is_stored(self, shard: str) -> bool:
        if shard in self._held:
            return self._held[shard].is_ended
        return not is_of_share(shard, self.share) and self._make_chain(shard).read_end()[0].is_ended

    def _waits_for_others(self, shard: Shard, shards: dict[str, Shard]) -> bool:
        """Whether a parent, or its parent, is another worker's."""
        parents = [parent for parent in shard.parents if parent in shards]
        return any(
            not is_of_share(parent, self.share) or self._waits_for_others(shards[parent], shards) for parent in parents
        )

    def _make_chain(self, shard: str) -> Chain:
        folder = name_folder(self.source.kind, self.source.name, shard)
        return Chain(self.store, self.writer, folder, shard, self._stream)

    def _tell(self) -> StreamProgress:
        shards = tuple(_describe(name, held) for name, held in sorted(self._held.items()))
        seconds = time.monotonic() - self._began
        return replace(self.progress, shards=shards, seconds=seconds, waiting=self._waiting)


def _describe(name: str, held: Held) -> ShardProgress:
    lag = (held.last.lag_ms, held.last.lag_records) if held.last is not None else (None, None)
    return ShardProgress(name, held.stored, held.done, len(held.records), *lag, held.is_ended)


def is_of_share(shard: str, share: tuple[int, int]) -> bool:
    """Whether a shard is of the worker number i of n: by a number made of its name, the same on every machine.

    Example:
        >>> [is_of_share("shardId-000000000000", (i, 2)) for i in range(2)]
        [True, False]
    """
    number, workers = share
    return zlib.crc32(shard.encode()) % workers == number
