"""A stream into a table: Kinesis shards or Kafka partitions, buffered as Firehose does, each record exactly once.

It must not keep anything beside the table: its files are the checkpoint (see chain.py), and a restart goes on after
the last record that is stored.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lakekit.arguments import require_choice, require_kind, require_whole, show_value
from lakekit.errors import CorruptFile, InvalidArgument, NoFilesFound
from lakekit.ingest.decode import Decode, decode_json
from lakekit.ingest.place import check_encryption
from lakekit.ingest.progress import StreamProgress
from lakekit.ingest.source import OnLoss, Source
from lakekit.planning.firehose import BUFFER_BYTES, MOST_INTERVAL_S
from lakekit.storage import Encryption, Storage, Store, open_store, open_writer
from lakekit.units import MIB, format_bytes

if TYPE_CHECKING:
    import pyarrow as pa

Until = Literal["caught up", "forever"] | float | Callable[[StreamProgress], bool]


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a stream is read, buffered and typed.

    Attributes:
        decode: from the bytes of a record to its fields; JSON objects in UTF-8 if not given. Whatever it raises puts
            the record into the quarantine. Call it with what the producer wrote: gunzip, Avro, a CSV line.
        schema: columns and types to begin with; otherwise those of the table, and of what comes first. With several
            workers on a new table, give it: each would find types by itself.
        buffer_bytes: a file is written when a shard's buffer holds so much, 1 to 128 MiB; 5 MiB as Firehose.
        buffer_seconds: or when its first record has waited so long, 0 to 900 s; 300 s as Firehose. 0 writes what each
            read gives.
        memory_bytes: all buffers together take at most so much, and what one read gives; then the largest is written.
            A record takes 350 bytes beside its data.
        worker: (i, n): this is worker number i of n, from 0, and reads only its share of the shards.
        on_loss: raise RecordsLost where the stream no longer holds what comes next, or go on with what there is.
        on_tombstone: what to do with a record of Kafka that has a key and no value: put it into the quarantine, or
            skip it and count it.
        most_record_bytes: longer records go to the quarantine.
        encryption: how S3 encrypts what is written; by its own keys if not given.
        on_progress: called with a StreamProgress every half second, and at the end.

    Example:
        >>> StreamOptions(buffer_bytes=64 * MIB).buffer_seconds
        300
    """

    decode: Decode = decode_json
    schema: pa.Schema | None = None
    buffer_bytes: int = 5 * MIB
    buffer_seconds: float = 300
    memory_bytes: int = 256 * MIB
    worker: tuple[int, int] = (0, 1)
    on_loss: OnLoss = "raise"
    on_tombstone: Literal["quarantine", "skip"] = "quarantine"
    most_record_bytes: int = 10 * MIB  # the largest of Kinesis; API reference, "GetRecords", read 2026-11
    encryption: Encryption | None = None
    on_progress: Callable[[StreamProgress], None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        least, most = BUFFER_BYTES
        hint = "write buffer_bytes=64 * lk.MIB; for sooner, take fewer buffer_seconds"
        require_kind("buffer_bytes", self.buffer_bytes, int, what="a whole number", hint=hint)
        if not least <= self.buffer_bytes <= most:
            what = f"buffer_bytes={self.buffer_bytes:,} is not between {format_bytes(least)} and {format_bytes(most)}."
            raise InvalidArgument(what, hint=hint)
        hint = "take buffer_seconds=300"
        require_kind("buffer_seconds", self.buffer_seconds, (int, float), what="a number", hint=hint)
        if not 0 <= self.buffer_seconds <= MOST_INTERVAL_S:
            what = f"buffer_seconds={self.buffer_seconds} is not between 0 and {MOST_INTERVAL_S}."
            raise InvalidArgument(what, hint=hint)
        for name, value in (("memory_bytes", self.memory_bytes), ("most_record_bytes", self.most_record_bytes)):
            require_whole(name, value, at_least=1, hint=f"write {name}=64 * lk.MIB, for example.")
        _check_worker(self.worker)
        require_choice("on_loss", self.on_loss, ("raise", "continue"))
        require_choice("on_tombstone", self.on_tombstone, ("quarantine", "skip"))
        _check_objects(self)


def _check_worker(worker: Any) -> None:
    is_pair = isinstance(worker, tuple | list) and len(worker) == 2 and all(type(one) is int for one in worker)
    if not (is_pair and 0 <= worker[0] < worker[1]):
        what = f"worker={show_value(worker)} is no number of a worker and how many there are."
        raise InvalidArgument(what, hint="the first of three is worker=(0, 3), the last (2, 3)")


def _check_objects(options: StreamOptions) -> None:
    """The functions, the schema and the encryption of options."""
    import pyarrow as pa

    hint = "decode takes the bytes of a record and gives its fields: decode=lambda data: json.loads(gunzip(data))."
    require_kind("decode", options.decode, Callable, what="a function", hint=hint)
    if options.schema is not None:
        hint = 'write schema=pa.schema([("id", pa.int64())]).'
        require_kind("schema", options.schema, pa.Schema, what="a schema of pyarrow", hint=hint)
    check_encryption(options.encryption)
    if options.on_progress is not None:
        hint = "on_progress is called with a StreamProgress: on_progress=print."
        require_kind("on_progress", options.on_progress, Callable, what="a function", hint=hint)


def stream(
    source: Source,
    table_url: str | os.PathLike,
    *,
    until: Until = "caught up",
    options: StreamOptions | None = None,
    storage: Storage | None = None,
) -> StreamProgress:
    """What was read of a stream and stored in a table, each record exactly once: as a row, or in the quarantine.

    Files are Parquet, one for each range of a shard, under ``<table>/<kind>-<stream>/<shard>/``. Rows get three columns
    at the end: ``_shard``, ``_position`` (sequence number or offset, as text that sorts) and ``_arrived_at`` (UTC).
    Records that are no row (no JSON, a value that does not fit its column's type, aggregated by the Kinesis Producer
    Library) lie in ``<table>/_quarantine/`` with position and reason, before the rows of their range can be seen.
    Stop it however you like, also by pulling the plug: the next run goes on after the last range that is stored.

    Columns have the types of the table as it was when the call began; what others add while it runs, such as batches
    beside a stream "forever", is known to the next call.

    A table that was published as Delta after the stream had begun it takes more of that stream; publish it again, and
    the log names the new files. Compaction never takes the newest file of a shard: the stream goes on from there.

    Several workers share the shards by ``StreamOptions.worker``; should two read one shard, each range is still stored
    once. Children of a split or merged Kinesis shard begin when their parents are stored to the end; a parent that the
    stream no longer lists, and that is not, is a loss. A shard of which nothing is stored yet begins at the oldest
    record that it holds: whether others had expired before, also between two runs that saw it empty, cannot be told.

    Memory: the buffers (``memory_bytes`` at most, or one page more: 10 MiB a shard with Kinesis, some 24 MiB with
    Kafka), and while a file is written about three times ``buffer_bytes`` beside 50 MiB.

    Args:
        source: `kinesis(…)`, `kafka(…)` or a MemorySource.
        table_url: a folder or an S3 prefix: a new table, or one without partition folders.
        until: "caught up": each shard was read to where nothing more came; a number of seconds; "forever"; or a
            function of the StreamProgress that says when it is enough. What is buffered then is stored.
        options: see StreamOptions.
        storage: how the table is reached; the environment's if not given.

    Raises:
        RecordsLost: the stream no longer holds what comes after the stored records, and how many those were.
        InvalidArgument: the table is partitioned or Delta's, or belongs to a stream of that name that was made anew.
        IncompleteTable: the table's files were retired, as a compacted copy stands for them; go on there.
        CorruptFile: the newest file of a shard, from which the stream would go on, is damaged or gone.
        NoFilesFound: there is no such stream.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the stream or the store refuses.

    Example:
        >>> import tempfile
        >>> import lakekit as lk
        >>> orders = lk.ingest.MemorySource("orders", {"0": [b'{"id": 1, "usd": 2.5}', b'{"id": 2, "usd": "?"}']})
        >>> done = lk.ingest.stream(orders, tempfile.mkdtemp() + "/orders")
        >>> done.records, done.rows, done.quarantined
        (2, 1, 1)
    """
    from lakekit.ingest.ranges import Reader
    from lakekit.ingest.worker import Limits, Worker

    options = options if options is not None else StreamOptions()
    hint = "write options=lk.ingest.StreamOptions(buffer_seconds=60)."
    require_kind("options", options, StreamOptions, what="a StreamOptions", hint=hint)
    hint = 'make one: lk.ingest.kinesis("orders"), lk.ingest.kafka("orders", {…}), or a MemorySource.'
    require_kind("source", source, Source, what="a stream", hint=hint)
    stop = _make_until(until)
    writer = open_writer(table_url, storage, encryption=options.encryption)
    store = open_store(writer.address, writer.storage)
    reader = Reader(options.decode, options.most_record_bytes, options.on_tombstone == "skip")
    limits = Limits(options.buffer_bytes, options.buffer_seconds, options.memory_bytes)
    worker = Worker(source, store, writer, reader, limits)
    worker.schema = _find_schema(source, store, options.schema)
    worker.share = options.worker
    worker.on_loss = options.on_loss
    worker.show = options.on_progress
    return worker.run(stop)


def _make_until(until: Until) -> Callable[[StreamProgress], bool] | None:
    if callable(until):
        return until
    if until == "caught up":
        return None
    if until == "forever":
        return lambda progress: False
    if isinstance(until, bool) or not isinstance(until, int | float) or math.isnan(until) or until < 0:
        what = f"until={show_value(until)} says not when to stop."
        raise InvalidArgument(what, hint='take "caught up", "forever", a number of seconds, or a function')
    deadline = time.monotonic() + until
    return lambda progress: time.monotonic() >= deadline


def _find_schema(source: Source, store: Store, declared: pa.Schema | None) -> pa.Schema:
    """The columns to begin with: those declared, then others of the table, whoever added them.

    Raises:
        InvalidArgument: a column has the name of one that is added, or the table is Delta's or Iceberg's, or has
            partition folders.
        IncompleteTable: it is a copy that is not verified, or originals that were retired.
    """
    import pyarrow as pa

    from lakekit.delta import LOG
    from lakekit.iceberg import METADATA
    from lakekit.ingest.chain import name_folder
    from lakekit.ingest.parquet import store_schema
    from lakekit.ingest.ranges import POSITION_COLUMNS
    from lakekit.manifest.listing import COPY_BEGUN, RECORDS, refuse_records

    if declared is not None:
        taken = [name for name in declared.names if name.casefold() in POSITION_COLUMNS.names]
        if taken:
            what = f"The column {taken[0]!r} of the schema has the name of one that the stream adds."
            raise InvalidArgument(what, hint=f"the stream adds {', '.join(POSITION_COLUMNS.names)}: name it otherwise")
    folders = store.list_folders()
    goes_on = name_folder(source.kind, source.name, "").strip("/") in folders
    if RECORDS.strip("/") in folders:
        records = frozenset(one.path for one in store.list_objects(RECORDS.strip("/")))
        refuse_records(records, store.address.url)
        if COPY_BEGUN in records:
            _refuse_lost(source, store)
    if LOG in folders and not (goes_on and _is_published(store)):
        what = f"{store.address.url} is a table of Delta, whose log would not know of the files of a stream."
        raise InvalidArgument(what, hint="take another table; lk.publish can make a Delta table of it later")
    if METADATA in folders and any(one.path.endswith(".metadata.json") for one in store.list_objects(METADATA)):
        what = f"{store.address.url} is an Iceberg table, whose metadata would not know of the files of a stream."
        raise InvalidArgument(what, hint="take another table")
    found, keys = _read_columns(store)
    if keys and not goes_on:
        what = f"{store.address.url} is partitioned by {', '.join(keys)}; a stream stores files by shard."
        raise InvalidArgument(what, hint="take another table; compaction can sort its rows into partitions")
    known = store_schema(declared) if declared is not None else pa.schema([])
    return pa.schema([*known, *(field for field in found if field.name not in (*known.names, *POSITION_COLUMNS.names))])


def _refuse_lost(source: Source, store: Store) -> None:
    """CorruptFile where the table is a compacted copy that holds rows of a shard, and not the file to go on from."""
    from lakekit.ingest.chain import name_folder
    from lakekit.manifest.listing import COPY_BEGUN
    from lakekit.manifest.streams import find_stream_folder
    from lakekit.units import GIB

    bins = json.loads(bytes(store.read_suffix(COPY_BEGUN, GIB)))["bins"]
    folders = {find_stream_folder(path) for _, _, sources in bins for path, *_ in sources} - {None}
    for folder in sorted(one for one in folders if one.startswith(name_folder(source.kind, source.name, ""))):
        if not any(find_stream_folder(one.path) for one in store.list_objects(folder)):
            raise CorruptFile(
                f"{store.address.url} holds compacted rows of {folder}, and no file that a stream wrote: where it"
                " stopped is not known, and every record would come again.",
                hint="go on where the stream wrote before, or into a new table",
            )


def _is_published(store: Store) -> bool:
    """Whether the log there is one that ``lk.publish`` keeps, which takes in new files when it is published again."""
    from lakekit.delta import PUBLISHED
    from lakekit.delta.replay import read_history
    from lakekit.storage.columns import list_columns

    history = read_history(store, list_columns(store))
    return history.metadata.get("configuration", {}).get(PUBLISHED) == "true"


def _read_columns(store: Store) -> tuple[pa.Schema, tuple[str, ...]]:
    """The columns of a table's files and its partition keys; none where it is not there.

    Of a stream only the newest file of each shard is opened: it has the columns of those before.
    """
    import pyarrow as pa

    from lakekit.manifest.cache import FooterCache
    from lakekit.manifest.manifest import TableOptions, read_manifest
    from lakekit.manifest.streams import find_checkpoints, find_stream_folder
    from lakekit.storage.columns import list_columns

    shown, address = open_store(store.address, store.storage), store.address
    listed = list_columns(shown)
    newest = find_checkpoints(listed["path"])
    older = [path for path in listed["path"] if path not in newest and find_stream_folder(path) is not None]
    listed = listed.filter(~listed["path"].is_in(older))
    shown.list_columns = lambda on_progress=None: listed
    cache = FooterCache(f"{address.url}#stream", store.storage.endpoint_url)  # the table's own keeps all files
    options = TableOptions(ignore_log=True)
    try:
        manifest = read_manifest(shown, address.name, options, cache, progress=lambda done, total: None)
    except NoFilesFound:
        return pa.schema([]), ()
    return pa.schema(manifest.schema.file_columns), manifest.schema.keys
