"""A batch of rows written to a table, so that each arrives exactly once and lakekit's readers see all of them or none.

It must not change or delete anything: it puts new files, and never one over another.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.arguments import require_whole, show_value, take_names
from lakekit.errors import InvalidArgument, StaleFile, StorageFailed
from lakekit.ingest.earlier import check_claims, find_begun, find_earlier
from lakekit.ingest.parquet import check_keys, check_order, encode_table, measure_rows
from lakekit.ingest.place import (
    Place,
    check_encryption,
    check_fits,
    choose_keys,
    find_columns,
    keep_keys,
    keep_units,
    list_other_markers,
    look_at,
    open_existing,
    read_whole,
    refuse_retired,
)
from lakekit.ingest.plan import (
    Plan,
    check_begin,
    check_content,
    check_listing,
    check_reading,
    check_same,
    name_plan,
    read_plan,
)
from lakekit.ingest.result import BatchResult
from lakekit.ingest.sources import FileSource, MemorySource, open_source
from lakekit.ingest.text import Part
from lakekit.ingest.writing import Job, convert_part, hash_parts
from lakekit.manifest.listing import is_hidden
from lakekit.storage import Address, Encryption, Storage, Writer, open_writer
from lakekit.units import GIB, KIB, MIB

if TYPE_CHECKING:
    from lakekit.table import Table

USUAL_SHARE = 0.3  # bytes in a file for each byte in memory, where the sample is too small to tell
_SAMPLE_BYTES = 64 * KIB
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_LEAST_TARGET, _MOST_TARGET = 64 * KIB, 4 * GIB  # bytes: smaller files are of no use, and one put takes 5 GiB


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
    table's types, or wider ones, and partition keys those that its paths tell; rows that do not fit, such as a number
    of more digits than its column holds, and what is no row at all, go to ``<table>/_quarantine/<batch_id>/`` with
    file, line, reason and raw text.

    The same ``batch_id`` again writes nothing twice, and completes what was killed. lakekit's readers see a batch once
    its marker is there, ``_batches/…json``, which is put last; other readers list files as they come, and see part of
    a batch while it is being written, or after it was killed until it is completed.

    Args:
        source: addresses or globs of CSV, TSV, NDJSON (also .gz, .zst), Parquet or ORC files, in a folder or on S3;
            a `Files`, to say more about them; an Arrow table or reader, a Polars frame or lazy frame, a DuckDB
            relation. Folders such as ``day=2024-01-05`` are columns of the files in them. Data in memory is read
            through whenever its id is given again, also of a batch that is complete, and must be the same rows in the
            same order, by a hash of all of them. So a reader, which can be read once, must be made anew for a rerun;
            and what gives its rows in any order (a query without ORDER BY) should be sorted, or put into a file first.
        table_url: the folder or S3 prefix of the table, which may be new.
        partition_by: columns that become folders; those of the table if not given.
        sort_by: columns by which the rows of each file are sorted.
        target_file_bytes: about how big a file may become.
        batch_id: any text but an empty one; for files made of their addresses and versions if not given, for other
            data needed. Without it files are left out that a batch of the table holds, and one that was begun with
            some of them is completed first: so the same glob, given again, takes the files that came since. An id
            stands for the rows, not for how they are written: of a batch that is complete, other ``sort_by``,
            ``partition_by`` or ``target_file_bytes`` change nothing.
        encryption: how S3 encrypts what is written.
        storage: how the table, and files as the source, are reached.

    Raises:
        StaleFile: the source is not the one that the batch was begun or written with: other files, or other rows; a
            file, given without a batch_id, has changed since a batch took it, or is being taken by a batch that was
            begun earlier, less than a day ago: run again when that is done; a batch that was begun no longer fits the
            table, which others have changed.
        InvalidArgument: arguments that can mean nothing; a table of Delta, whose log would not know of the batch;
            Parquet files of the table itself, or those of one with a log, as the source.
        IncompleteTable: a compacted copy that is not finished, or originals that were retired.
        PartitionMismatch, ColumnNameConflict: columns that do not go with the table's.
        NoFilesFound, CorruptFile: a source that cannot be read.
        StorageFailed, AccessDenied: the table's store, or this machine's disk, takes no more; the same call completes
            the batch when it does again.

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
    asked = _check_asked(partition_by, sort_by, target_file_bytes)
    check_encryption(encryption)
    writer = open_writer(table_url, storage, encryption=encryption)
    opened = open_source(source, storage)
    _refuse_own_files(opened, writer.address)
    chosen_id = _check_id(batch_id) if batch_id is not None else opened.make_batch_id()
    place = look_at(writer.address, writer.storage, chosen_id)
    if batch_id is None and place.marker is None and isinstance(opened, FileSource):
        return _write_rest(writer, place, opened, asked, started)
    return _write(writer, place, opened, asked, started)


def _write(
    writer: Writer, place: Place, source: FileSource | MemorySource, asked: dict[str, Any], started: float
) -> BatchResult:
    done = _recall if place.marker is not None else _complete
    return done(writer, place, source, asked, started)


def _write_rest(writer: Writer, place: Place, source: FileSource, asked: dict[str, Any], started: float) -> BatchResult:
    """The batch of those files that no other holds; batches that were begun with some of them are completed first."""
    earlier = find_earlier(source, place.others, writer)
    rest, done = source.without(earlier), []
    for batch_id, part in find_begun(rest, place.begun, writer, asked):
        other = look_at(writer.address, writer.storage, batch_id)
        done.append(_write(writer, other, part, asked, time.monotonic()))
        rest = rest.without([file.url for file in part.files])
    if rest.files:
        if len(rest.files) < len(source.files):
            place = look_at(writer.address, writer.storage, rest.make_batch_id())
        done.append(_write(writer, place, rest, asked, started))
    if not done:
        nothing = BatchResult(place.batch_id, writer.address.url, (), 0, 0, 0, 0, (), (), 0.0, is_new=False)
        done.append(replace(nothing, seconds=time.monotonic() - started))
    return replace(done[-1], earlier=tuple(sorted(earlier)), completed=tuple(done[:-1]))


def _complete(
    writer: Writer, place: Place, source: FileSource | MemorySource, asked: dict[str, Any], started: float
) -> BatchResult:
    """Begin a batch, or go on with one that was begun, and write all of it."""
    if place.begun:  # before a plan is noted that would stand in the way of others
        _check_claims(writer, place, source)
    parts, first, plan = source.read(), None, None
    if not (place.has_plan and source.can_reread):
        first = next(parts, None)
        parts = itertools.chain([first] if first is not None else [], parts)
    table = open_existing(writer.address, writer.storage) if place.has_data else None
    if not place.has_plan:
        plan = _make_plan(table, source, place.batch_id, asked, first)
        if not writer.put_new(plan.path, plan.as_json()):  # another was faster
            plan = None
        _check_claims(writer, place, source)
    if plan is None:
        plan = read_plan(read_whole(writer.address, writer.storage, name_plan(place.batch_id)))
    check_same(plan, asked, source.listing, source.reading)
    if not source.can_reread:
        check_begin(plan, hash_parts(_list_first(first), plan))
    if table is not None:
        check_fits(plan, table)
    check = partial(_check_late, writer, place, source, plan, table)
    with tempfile.TemporaryDirectory(prefix="lakekit-batch-") as scratch:
        job = Job(writer, plan, Path(scratch), can_reread=source.can_reread, check=check)
        with _telling_full_disk(scratch):
            return job.run(parts, place.files, started)


def _check_late(
    writer: Writer, place: Place, source: FileSource | MemorySource, plan: Plan, table: Table | None
) -> None:
    """Raise where others have meanwhile made the table, or columns of it, that this batch was to bring; or its rows."""
    refuse_retired(writer.address, writer.storage)
    if _check_claims(writer, place, source):
        taken = find_earlier(source, list_other_markers(writer.address, writer.storage, place), writer)
        if taken:
            raise StaleFile(
                f"{min(taken)} was taken into {writer.address.url} by another batch while this one was written.",
                hint="the same call again takes the files that no batch holds.",
            )
    known = table.schema.names if table is not None else ()
    if set(plan.schema.names).issubset(known) or not look_at(writer.address, writer.storage, place.batch_id).has_data:
        return
    if (now := open_existing(writer.address, writer.storage)) is not None:
        check_fits(plan, now)


def _check_claims(writer: Writer, place: Place, source: FileSource | MemorySource) -> bool:
    """Whether no other batch may hold its files, as it has no id of its own; raise where one was begun with some."""
    is_shared = isinstance(source, FileSource) and place.batch_id == source.make_batch_id()
    if is_shared:
        check_claims(source, place.batch_id, writer, datetime.now(UTC))
    return is_shared


@contextlib.contextmanager
def _telling_full_disk(scratch: str) -> Iterator[None]:
    """Raises an error of lakekit where this machine's disk holds no more of the files that are being made."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _NO_ROOM:
            raise
        where = os.path.dirname(scratch)
        raise StorageFailed(
            f"{where}, where files are made before they are put, takes no more ({exc.strerror or exc}).",
            hint="make room, or name another folder by TMPDIR; then the same call completes the batch.",
        ) from exc


def _check_asked(partition_by: Any, sort_by: Any, target_file_bytes: Any) -> dict[str, Any]:
    """How the batch is to be written, as its plan notes it."""
    hint = "target_file_bytes=256 * lk.MIB is usual."
    require_whole("target_file_bytes", target_file_bytes, at_least=_LEAST_TARGET, most=_MOST_TARGET, hint=hint)
    hint = 'name columns: sort_by="day", or sort_by=["day", "origin"].'
    asked = {"sort_by": take_names("sort_by", sort_by, hint=hint), "target_file_bytes": target_file_bytes}
    if partition_by is not None:
        asked["partition_by"] = take_names("partition_by", partition_by, hint=hint.replace("sort_by", "partition_by"))
    return asked


def _refuse_own_files(source: FileSource | MemorySource, table: Address) -> None:
    """InvalidArgument where a file that the table has already is to be written into it once more."""
    if not isinstance(source, FileSource) or source.asked.format != "parquet":
        return
    for file in source.files:
        path = file.url.removeprefix(f"{table.url.rstrip('/')}/")
        if path != file.url and not is_hidden(path, file.size_bytes):
            what = f"{file.url} is a file of the table itself: its rows would be there twice."
            raise InvalidArgument(what, hint="lk.compaction makes few files of many; give files that lie elsewhere.")


def _check_id(batch_id: str) -> str:
    """The id, where it is one: nothing at all would be the same for every batch whose id someone forgot."""
    is_text = isinstance(batch_id, str) and bool(batch_id.strip())
    if not is_text or batch_id.encode(errors="replace").decode() != batch_id:
        what = f"batch_id={show_value(batch_id)} is no text."
        raise InvalidArgument(what, hint='name what the batch holds, such as batch_id="flights, day 1".')
    return batch_id


def _list_first(first: Part | None) -> list[Part]:
    return [first] if first is not None else []


def _recall(
    writer: Writer, place: Place, source: FileSource | MemorySource, asked: dict[str, Any], started: float
) -> BatchResult:
    """The result of a batch that is complete, where it was made of this very source."""
    refuse_retired(writer.address, writer.storage, place)
    told = json.loads(read_whole(writer.address, writer.storage, str(place.marker)))
    batch_id = told["batch_id"]
    check_listing(batch_id, told.pop("listing"), source.listing, "written")
    check_reading(batch_id, told.pop("reading", source.reading), source.reading, "written")
    content = told.pop("content", "")
    plan = read_plan(read_whole(writer.address, writer.storage, name_plan(batch_id))) if place.has_plan else None
    if plan is not None:
        check_keys(plan.schema, asked.get("partition_by", ()))
        check_order(plan.schema, asked["sort_by"])
    if content and plan is not None:
        check_content(batch_id, content, hash_parts(source.read(), plan))
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return BatchResult(**told, table_url=writer.address.url, seconds=time.monotonic() - started, is_new=False)


def _make_plan(
    table: Table | None, source: FileSource | MemorySource, batch_id: str, asked: dict[str, Any], first: Part | None
) -> Plan:
    keys = choose_keys(table, asked.get("partition_by"))
    typing = keep_keys(keep_units(source.choose_types(find_columns(table)), table), table, source)
    check_keys(typing.schema, keys)
    check_order(typing.schema, asked["sort_by"])
    share = USUAL_SHARE
    if first is not None:
        rows = convert_part(first, typing.schema)[0]
        if (size_bytes := measure_rows(rows)) >= _SAMPLE_BYTES:
            share = round(len(encode_table(rows)) / size_bytes, 4)
    plan = Plan(
        batch_id=batch_id,
        listing=source.listing,
        partition_by=keys,
        sort_by=asked["sort_by"],
        target_file_bytes=asked["target_file_bytes"],
        schema=typing.schema,
        widened=typing.widened,
        encoded_share=max(share, 0.001),
        reading=source.reading,
    )
    return plan if source.can_reread else replace(plan, begin=hash_parts(_list_first(first), plan))
