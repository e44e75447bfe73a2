"""The stored files of one shard, each beginning where the one before it ends: at once the data and the checkpoint.

    table/kinesis-orders/shardId-000000000000/after-0000….parquet
    table/kinesis-orders/shardId-000000000000/after-4965….parquet

The name of a file says where its range **begins**, so it follows from the end of the file before it and from nothing
else: two workers that hold the same shard by mistake want the same name, the store lets one of them have it, and the
other drops what it holds and goes on behind the winner's end. Where a range ends stands in the file's own footer.
So one put of one object is the whole commit: there is no moment at which rows are stored and the position is not.

A folder by hour of arrival, as Firehose has it, would not do: which hour a range begins in is known only from its
first record, and two workers need not see the same one (retention may have taken it from the slower of them); they
would then write two names, and both would win. One file for each partition of event time would need a commit of its
own, which no reader but lakekit could honour. So a file holds its range as it came; `_arrived_at` and the event time
prune by the statistics in the footers, a late event is a row like any other, and compaction sorts rows by event time.

It must not read a stream, nor decode. The newest file of each shard must stay where it is: it is the checkpoint.
Compaction leaves it alone; what it makes of the others may lie beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from lakekit.errors import CorruptFile, InvalidArgument, LakekitError
from lakekit.ingest.parquet import encode_segment, encode_table
from lakekit.ingest.source import Checkpoint, Source, is_same
from lakekit.manifest.footers import FOOTER_TAIL_BYTES, footer_size, read_metadata, read_schema
from lakekit.manifest.streams import find_checkpoints, find_stream_folder, is_compacted
from lakekit.storage.writer import MOST_PUT_BYTES

if TYPE_CHECKING:
    from lakekit.storage import Store, Writer

FOOTER_KEY = "lakekit.stream"


@dataclass(frozen=True, kw_only=True)
class Range:
    """What the footer of a stored file says of its range.

    Attributes:
        stream: which stream: `Source.identify`.
        shard: which shard.
        begin: the position before it, where the range before it ends; None for the first.
        end: where it ends: its last record's position (Kinesis), or the next offset (Kafka).
        records: how many the range had; rows + quarantined + skipped.
        rows: how many are in the file.
        quarantined: how many are in the quarantine file.
        skipped: tombstones that were left out, as was asked.
        quarantine: the path of the quarantine file of this very attempt; "" for none.
        arrived_at: when the newest record came into the stream, ISO 8601; "" if not told.
        is_ended: the shard ends here.
        writer: who wrote it.
    """

    stream: str
    shard: str
    begin: str | None
    end: str | None
    records: int
    rows: int
    quarantined: int = 0
    skipped: int = 0
    quarantine: str = ""
    arrived_at: str = ""
    is_ended: bool = False
    writer: str = ""


class Chain:
    """The files of one shard in one table.

    Args:
        store, writer: of the table.
        folder: of the shard, relative to the table.
        shard: its name.
        stream: the stream's identity, which its files must have.
    """

    def __init__(self, store: Store, writer: Writer, folder: str, shard: str, stream: str):
        self.store = store
        self.writer = writer
        self.folder = folder
        self.shard = shard
        self.stream = stream

    def read_end(self) -> tuple[Checkpoint, pa.Schema]:
        """Where the stored files end, and the columns of the last one; one listing, and one footer.

        Raises:
            InvalidArgument: they are those of another stream.
            CorruptFile: the newest file cannot be read, or was not written by a stream; or it is gone, and what
                compaction made of others is there.
        """
        there = [one.path for one in self.store.list_objects(self.folder) if one.path.endswith(".parquet")]
        paths = [path for path in there if not is_compacted(path)]
        if there and not paths:
            raise CorruptFile(
                f"{self.store.address.join(self.folder)} holds compacted rows, and no file that a stream wrote: where"
                " it stopped is not known, and every record would come again.",
                hint="go on where the stream wrote before, or into a new table",
            )
        if not paths:
            return Checkpoint(), pa.schema([])
        newest = max(paths)  # names are as long as each other, and sort as positions do
        found, schema = self.read_range(newest)
        if not is_same(found.stream, self.stream):
            raise InvalidArgument(
                f"{self.store.address.join(newest)} holds records of {found.stream}, not of {self.stream}.",
                hint="a stream that was made anew, or another of the same name, needs a table of its own",
            )
        arrived = datetime.fromisoformat(found.arrived_at) if found.arrived_at else None
        return Checkpoint(found.end, arrived, found.is_ended, len(paths)), schema

    def read_range(self, path: str) -> tuple[Range, pa.Schema]:
        """What the footer of a file says: its range and its columns.

        Raises:
            CorruptFile: it cannot be read, or was not written by a stream.
        """
        return read_range(self.store, path)

    def commit(self, name: str, table: pa.Table, told: Range) -> int:
        """Store a range; the bytes of the file, or 0 where another file begins there already."""
        footer = {FOOTER_KEY: json.dumps(asdict(told), sort_keys=True)}
        content = encode_table(table, metadata=footer)
        path = f"{self.folder}/{name}.parquet"
        if self.writer.put_new(path, content):
            return len(content)
        return len(content) if self._is_own(path, told) else 0

    def _is_own(self, path: str, told: Range) -> bool:
        """Whether the file is what this worker just wrote: its put arrived, the answer did not."""
        return self.read_range(path)[0] == told


def read_range(store: Store, path: str) -> tuple[Range, pa.Schema]:
    """What the footer of a stored file says: its range and its columns.

    Raises:
        CorruptFile: it cannot be read, or was not written by a stream.
    """
    try:
        tail = bytes(store.read_suffix(path, FOOTER_TAIL_BYTES))
        size = footer_size(tail, path, len(tail) if len(tail) < FOOTER_TAIL_BYTES else MOST_PUT_BYTES)
        if size > len(tail):
            tail = bytes(store.read_suffix(path, size))
        metadata = read_metadata(tail[-size:])
        schema = read_schema(tail[-size:], metadata)
        told = json.loads((metadata.metadata or {})[FOOTER_KEY.encode()])
        return Range(**told), schema.remove_metadata()
    except LakekitError:
        raise
    except (KeyError, TypeError, ValueError, pa.ArrowException, OSError) as exc:
        raise CorruptFile(
            f"{store.address.join(path)} was not written by lk.ingest.stream ({type(exc).__name__}).",
            hint="leave the folders of a stream to it; the newest file of each is its checkpoint",
        ) from exc


def find_unended(store: Store, source: Source) -> Iterator[tuple[Range, pa.Schema]]:
    """The newest range, and its columns, of each shard that the stream no longer lists and whose files do not end it.

    Raises:
        CorruptFile: a newest file cannot be read, or was not written by a stream.
    """
    folder = name_folder(source.kind, source.name, "").strip("/")
    newest = find_checkpoints(one.path for one in store.list_objects(folder))
    listed = {name_folder(source.kind, source.name, shard.name) for shard in source.list_shards()}  # later than files
    for path in sorted(newest):
        if find_stream_folder(path) not in listed:
            found, schema = read_range(store, path)
            if not found.is_ended:
                yield found, schema


def name_folder(kind: str, stream: str, shard: str) -> str:
    """The folder of a shard in its table; never one that readers take for hidden.

    Example:
        >>> name_folder("kafka", "_orders", "0")
        'kafka-_orders/0'
        >>> name_folder("memory", "orders", "_new")
        'memory-orders/%5Fnew'
    """
    named = encode_segment(shard)
    if named.startswith((".", "_")):
        named = f"%{ord(named[0]):02X}{named[1:]}"
    return f"{kind}-{encode_segment(stream)}/{named}"
