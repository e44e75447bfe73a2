"""A batch of rows written to a table, so that each arrives exactly once and lakekit's readers see all of them or none.

It must not change or delete anything: it puts new files, and never one over another.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument
from lakekit.ingest.parquet import check_keys, check_order, encode_table, measure_rows
from lakekit.ingest.place import choose_keys, find_columns, look_at, open_existing, read_whole
from lakekit.ingest.plan import Plan, check_begin, check_listing, check_same, name_plan, read_plan
from lakekit.ingest.result import BatchResult
from lakekit.ingest.sources import FileSource, MemorySource, open_source
from lakekit.ingest.text import Part
from lakekit.ingest.writing import Job, convert_part, hash_part
from lakekit.storage import Encryption, Storage, Writer, open_writer
from lakekit.units import KIB, MIB

if TYPE_CHECKING:
    from lakekit.table import Table

USUAL_SHARE = 0.3  # bytes in a file for each byte in memory, where the sample is too small to tell
_SAMPLE_BYTES = 64 * KIB
_LEAST_TARGET_BYTES = 64 * KIB


def write_batch(
    source: Any,
    table_url: str | os.PathLike,
    *,
    partition_by: str | Sequence[str] | None = None,
    sort_by: str | Sequence[str] = (),
    target_file_bytes: int = 256 * MIB,
    batch_id: str | None = None,
    encryption: Encryption | None = None,
    storage: Storage | None = None,
) -> BatchResult:
    """The batch as it was written: files, rows, and what was quarantined.

    Rows are streamed, in about 512 MiB of memory at most, however many they are: a few blocks, 64 MiB that wait for
    their file to fill, and one row group, or one file of up to 128 MiB where it is sorted. The rest waits on this
    machine's disk. Text files are read twice, once for their types. Columns that the table has get the
    table's types, or wider ones; rows that do not fit, and what is no row at all, go to
    ``<table>/_quarantine/<batch_id>/`` with file, line, reason and raw text.

    The same ``batch_id`` again writes nothing twice, and completes what was killed. lakekit's readers see a batch once
    its marker is there, ``_batches/…json``, which is put last; other readers list files as they come, and see part of
    a batch while it is being written, or after it was killed until it is completed.

    Args:
        source: addresses or globs of CSV, TSV, NDJSON (also .gz, .zst), Parquet or ORC files, in a folder or on S3;
            a `Files`, to say more about them; an Arrow table or reader, a Polars frame or lazy frame, a DuckDB
            relation. Data in memory must be the same when a batch is completed, or there is an error.
        table_url: the folder or S3 prefix of the table, which may be new.
        partition_by: columns that become folders; those of the table if not given.
        sort_by: columns by which the rows of each file are sorted.
        target_file_bytes: about how big a file may become.
        batch_id: any text but an empty one; for files made of their addresses and versions if not given, for other
            data needed.
        encryption: how S3 encrypts what is written.
        storage: how the table, and files as the source, are reached.

    Raises:
        StaleFile: the source is not the one that the batch was begun or written with.
        InvalidArgument: arguments that can mean nothing; a table of Delta, whose log would not know of the batch.
        PartitionMismatch, ColumnNameConflict: columns that do not go with the table's.
        NoFilesFound, CorruptFile: a source that cannot be read.

    Example:
        >>> import tempfile, pyarrow as pa
        >>> import lakekit as lk
        >>> folder = tempfile.mkdtemp()
        >>> done = lk.ingest.write_batch(pa.table({"n": [3, 1]}), folder, batch_id="first", sort_by="n")
        >>> done.rows, lk.open_table(folder).polars().collect()["n"].to_list()
        (2, [1, 3])
        >>> lk.ingest.write_batch(pa.table({"n": [3, 1]}), folder, batch_id="first", sort_by="n").is_new
        False
    """
    started = time.monotonic()
    if target_file_bytes < _LEAST_TARGET_BYTES:
        what = f"target_file_bytes={target_file_bytes:,} makes files too small to be of use."
        raise InvalidArgument(what, hint=f"at least {_LEAST_TARGET_BYTES:,}; 128 to 512 MiB are usual.")
    writer = open_writer(table_url, storage, encryption=encryption)
    opened = open_source(source, storage)
    batch_id = _check_id(batch_id) if batch_id is not None else opened.make_batch_id()
    place = look_at(writer.address, writer.storage, batch_id)
    if place.marker is not None:
        return _recall(writer, place.marker, opened, started)
    asked = {"sort_by": _as_names(sort_by), "target_file_bytes": target_file_bytes}
    if partition_by is not None:
        asked["partition_by"] = _as_names(partition_by)
    parts, first, plan = opened.read(), None, None
    if not (place.has_plan and opened.can_reread):
        first = next(parts, None)
        parts = itertools.chain([first] if first is not None else [], parts)
    if not place.has_plan:
        table = open_existing(writer.address, writer.storage) if place.has_data else None
        plan = _make_plan(table, opened, batch_id, asked, first)
        if not writer.put_new(plan.path, plan.as_json()):  # another was faster
            plan = None
    if plan is None:
        plan = read_plan(read_whole(writer.address, writer.storage, name_plan(batch_id)))
    check_same(plan, asked, opened.listing)
    if not opened.can_reread:
        check_begin(plan, hash_part(first, plan.schema))
    with tempfile.TemporaryDirectory(prefix="lakekit-batch-") as scratch:
        return Job(writer, plan, Path(scratch), can_reread=opened.can_reread).run(parts, place.files, started)


def _check_id(batch_id: str) -> str:
    """The id, where it is one: nothing at all would be the same for every batch whose id someone forgot."""
    is_text = isinstance(batch_id, str) and bool(batch_id.strip())
    if not is_text or batch_id.encode(errors="replace").decode() != batch_id:
        raise InvalidArgument(f"batch_id={batch_id!r} is no text.", hint='batch_id="flights-2026-11-25", for example.')
    return batch_id


def _as_names(columns: str | Sequence[str]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _recall(writer: Writer, marker: str, source: FileSource | MemorySource, started: float) -> BatchResult:
    """The result of a batch that is complete."""
    told = json.loads(read_whole(writer.address, writer.storage, marker))
    check_listing(told["batch_id"], told.pop("listing"), source.listing, "written")
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return BatchResult(**told, table_url=writer.address.url, seconds=time.monotonic() - started, is_new=False)


def _make_plan(
    table: Table | None, source: FileSource | MemorySource, batch_id: str, asked: dict[str, Any], first: Part | None
) -> Plan:
    keys = choose_keys(table, asked.get("partition_by"))
    typing = source.choose_types(find_columns(table))
    check_keys(typing.schema, keys)
    check_order(typing.schema, asked["sort_by"])
    share = USUAL_SHARE
    if first is not None:
        rows = convert_part(first, typing.schema)[0]
        if (size_bytes := measure_rows(rows)) >= _SAMPLE_BYTES:
            share = round(len(encode_table(rows)) / size_bytes, 4)
    return Plan(
        batch_id=batch_id,
        listing=source.listing,
        partition_by=keys,
        sort_by=asked["sort_by"],
        target_file_bytes=asked["target_file_bytes"],
        schema=typing.schema,
        widened=typing.widened,
        encoded_share=max(share, 0.001),
        begin="" if source.can_reread else hash_part(first, typing.schema),
    )
