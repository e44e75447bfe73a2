"""A stream in this process, with the meaning of a real one: for notebooks, tests, and for trying a decoder.

It must not outlive the process: nothing of it is stored but what `stream` writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from lakekit.arguments import require_kind, require_text, require_whole, show_value
from lakekit.errors import InvalidArgument, RecordsLost
from lakekit.ingest.source import Checkpoint, OnLoss, Page, Record, Shard, describe_loss

IDLE_SECONDS = 0.05  # of a read that finds nothing new
_HINT = 'write MemorySource("orders", {"0": [b\'{"id": 1}\', b\'{"id": 2}\']}).'
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class MemorySource:
    """A stream of records that are in memory, or made when they are read.

    Args:
        name: of the stream.
        shards: by name, the records of each: bytes, from the first on. A sequence that makes them when asked
            (``__len__`` and slices) serves for millions.
        page_records: how many records one read gives at most.

    A record arrives one millisecond after the one before it, from 2026-01-01 on.

    Example:
        >>> source = MemorySource("orders", {"0": [b'{"id": 1}', b'{"id": 2}']})
        >>> source.append("0", [b'{"id": 3}'])
        >>> [shard.name for shard in source.list_shards()], len(source.shards["0"])
        (['0'], 3)
    """

    kind = "memory"

    def __init__(self, name: str, shards: Mapping[str, Iterable[bytes | None]], *, page_records: int = 10_000):
        require_text("name", name, hint=_HINT)
        require_kind("shards", shards, Mapping, what="shards by name", hint=_HINT)
        require_whole("page_records", page_records, at_least=1, hint="page_records=10_000 is usual.")
        self.name = name
        self.shards = {shard: one if hasattr(one, "__len__") else list(one) for shard, one in shards.items()}
        self.page_records = page_records
        self.parents: dict[str, tuple[str, ...]] = {}
        self.closed: set[str] = set()
        self.gone: dict[str, int] = {}

    def append(self, shard: str, records: Iterable[bytes | None]) -> None:
        """Put records at the end of a shard.

        Raises:
            InvalidArgument: it is closed, or not there.
        """
        self._check_shard(shard)
        if shard in self.closed:
            raise InvalidArgument(f"The shard {shard!r} is closed.", hint="append to one of its children")
        self.shards[shard] = [*self.shards[shard], *records]

    def split(self, shard: str, children: Iterable[str]) -> None:
        """Close a shard, and open others in its place."""
        self._check_shard(shard)
        self.closed.add(shard)
        for child in children:
            self.shards[child] = []
            self.parents[child] = (*self.parents.get(child, ()), shard)

    def expire(self, shard: str, count: int) -> None:
        """Let the first `count` records of a shard be gone, as after its retention."""
        self._check_shard(shard)
        require_whole("count", count, at_least=0, hint=f"{len(self.shards[shard]):,} records are there.")
        self.gone[shard] = count

    def _check_shard(self, shard: str) -> None:
        if shard not in self.shards:
            what = f"There is no shard {show_value(shard)} in {self.name}."
            raise InvalidArgument(what, hint=f"those that are there: {', '.join(sorted(self.shards)) or 'none'}")

    def identify(self) -> str:
        return f"memory:{self.name}"

    def list_shards(self) -> list[Shard]:
        return [Shard(name, self.parents.get(name, ())) for name in sorted(self.shards)]

    def name_range(self, position: str | None) -> str:
        return f"from-{position or format_offset(0)}"

    def position_after(self, position: str) -> str:
        return format_offset(int(position) + 1)

    def open_session(self, *, on_loss: OnLoss) -> MemorySession:
        return MemorySession(self, on_loss)

    def __repr__(self) -> str:
        return f"MemorySource({self.name!r}, {len(self.shards)} shards)"


class MemorySession:
    """Reads a MemorySource."""

    def __init__(self, source: MemorySource, on_loss: OnLoss):
        self.source = source
        self.on_loss = on_loss
        self.offsets: dict[str, int] = {}

    def start(self, shard: str, checkpoint: Checkpoint) -> None:
        offset = int(checkpoint.position or 0)
        oldest = self.source.gone.get(shard, 0)
        if offset < oldest and checkpoint.position and self.on_loss == "raise":
            raise RecordsLost(
                f"{oldest - offset:,} records of shard {shard!r} of {self.source.name} are gone before they were"
                f" stored: {offset:,} to {oldest - 1:,}.",
                hint=describe_loss(oldest=oldest),
            )
        self.offsets[shard] = max(offset, oldest)

    def read(self, seconds: float) -> list[Page]:
        pages = [self._read_shard(shard) for shard in list(self.offsets)]
        if not any(page.records for page in pages):
            time.sleep(min(seconds, IDLE_SECONDS))
        return pages

    def _read_shard(self, shard: str) -> Page:
        begin, held = self.offsets[shard], self.source.shards[shard]
        records = [
            Record(format_offset(begin + i), _EPOCH + timedelta(milliseconds=begin + i), _check_data(data))
            for i, data in enumerate(held[begin : begin + self.source.page_records])
        ]
        end = begin + len(records)
        ended = shard in self.source.closed and end == len(held)
        self.offsets[shard] = end
        if ended:
            del self.offsets[shard]
        return Page(shard, records, format_offset(end), end == len(held), ended, lag_records=len(held) - end)

    def close(self) -> None:
        self.offsets.clear()


def _check_data(data: bytes | None) -> bytes | None:
    if data is not None:
        require_kind("record", data, bytes, what="bytes or None", hint=_HINT)
    return data


def format_offset(offset: int) -> str:
    """An offset as text that sorts as numbers do: twenty digits hold every 64-bit one.

    Example:
        >>> format_offset(42)
        '00000000000000000042'
    """
    return f"{offset:020d}"
