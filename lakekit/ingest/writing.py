"""The writing of one batch by its plan: rows converted, parted, filled into files, put, and the marker last.

It must not choose anything: the plan says it all, so that the same source gives the same files again.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakekit.errors import LakekitError, StaleFile
from lakekit.ingest.chunks import SourceFile
from lakekit.ingest.converting import convert_column, describe_misfit
from lakekit.ingest.fingerprint import Fingerprint
from lakekit.ingest.parquet import encode_segment, sort_rows, split_partitions, write_file
from lakekit.ingest.plan import Plan
from lakekit.ingest.quarantine import BadRow, Quarantine, cut_pieces
from lakekit.ingest.result import BatchResult
from lakekit.ingest.spill import Filling, Fillings
from lakekit.ingest.text import Part
from lakekit.manifest.batches import name_file, name_marker
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.progress import Progress
from lakekit.storage import Writer, open_store
from lakekit.units import MIB

MOST_SORTED_BYTES = 128 * MIB  # of rows in memory, of one file that is sorted
MOST_FOLDER_BYTES = 255  # of a folder's name: what Linux, macOS and Windows take


def convert_part(part: Part, schema: pa.Schema, keys: Sequence[str] = ()) -> tuple[pa.Table, list[BadRow]]:
    """The rows of a part under the batch's types, and those that do not fit; keys are those of partitions."""
    rows, count = part.rows, part.rows.num_rows
    columns, reasons, names = [], {}, set(part.rows.column_names)  # which makes a list of all each time
    for field in schema:
        if field.name not in names:
            columns.append(pa.chunked_array([pa.nulls(count, field.type)]))
            continue
        column = rows.column(field.name)
        converted, is_bad = convert_column(column, field.type)
        columns.append(converted)
        for row in np.flatnonzero(is_bad) if is_bad is not None else ():
            reasons.setdefault(int(row), describe_misfit(column[int(row)].as_py(), field.name, field.type))
    table = pa.Table.from_arrays(columns, schema=schema)
    for key in keys:
        for is_bad, reason in _find_bad_keys(key, table.column(key)):
            for row in np.flatnonzero(is_bad):
                reasons.setdefault(int(row), f"the partition key {key!r} {reason}")
    if not reasons:
        return table, []
    is_good = np.ones(count, bool)
    is_good[list(reasons)] = False
    bad = []
    for row in sorted(reasons):
        line, raw = part.locate(row)
        bad += cut_pieces(BadRow(part.file, line, reasons[row], raw))
    return table.filter(pa.array(is_good)), bad


def _find_bad_keys(key: str, column: pa.ChunkedArray) -> Iterator[tuple[Any, str]]:
    """Where a value of a partition key is none that a path can tell, and why."""
    if pa.types.is_string(column.type):
        yield pc.equal(column, HIVE_NULL).fill_null(False), f"is {HIVE_NULL}, which means NULL in a path"
        room = MOST_FOLDER_BYTES - len(f"{encode_segment(key)}=".encode())
        long = column.filter(pc.greater(pc.binary_length(column), room // 3)).unique()  # "%20" is one letter
        too_long = [text for text in long.to_pylist() if len(encode_segment(text).encode()) > room]
        if too_long:
            told = f"makes a folder whose name is longer than {MOST_FOLDER_BYTES} bytes"
            yield pc.is_in(column, value_set=pa.array(too_long, column.type)), told
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        finer = np.asarray(column.cast(pa.int64()).fill_null(0)) % 1000 != 0
        yield finer, "is finer than a microsecond, the finest that a path tells"


def hash_parts(parts: Iterable[Part], plan: Plan) -> str:
    """What tells the rows of a source from others: their number, and a hash of them as the plan would write them."""
    content = Fingerprint()
    for part in parts:
        rows, misfits = convert_part(part, plan.schema, plan.partition_by)
        content.add(rows, [*_tell_names(part), *part.bad, *misfits])
    return content.tell()


def _tell_names(part: Part) -> list[BadRow]:
    """The names of its columns, in the place of a row: a column that the plan does not have would go unseen."""
    return [BadRow("", None, json.dumps(sorted(part.rows.column_names)), b"", part=1)]


def _hash_file(file: BinaryIO) -> str:
    """A hash of the rows of a Parquet file, by its row groups; "" where it cannot be read."""
    content = Fingerprint()
    with file, contextlib.suppress(pa.ArrowException):
        opened = pq.ParquetFile(pa.PythonFile(file, mode="r"))
        for number in range(opened.num_row_groups):
            content.add(opened.read_row_group(number))
        return content.tell()
    return ""


class Job:
    """One run of a batch.

    Args:
        writer: of the table.
        plan: what to write.
        scratch: a local folder of its own.
        can_reread: whether the source is files, whose versions the plan holds; else files that are there already are
            compared with those of this run.
        check: called before the marker is put, to raise where the table has become one that these files do not fit.
    """

    def __init__(
        self, writer: Writer, plan: Plan, scratch: Path, *, can_reread: bool, check: Callable[[], None] = lambda: None
    ):
        self.writer = writer
        self.plan = plan
        self.scratch = scratch
        self.can_reread = can_reread
        self.check = check
        self.files: dict[str, int] = {}  # size by path
        self.rows = 0
        self._content = None if can_reread else Fingerprint()
        keys = plan.partition_by
        self._sort_by = tuple(name for name in plan.sort_by if name not in keys)
        self._schema = pa.schema([field for field in plan.schema if field.name not in keys])

    def run(self, parts: Iterable[Part], found: frozenset[str], started: float) -> BatchResult:
        """Write all of it.

        Args:
            parts: the source.
            found: files of this batch that an earlier run has written.
            started: when, by the monotonic clock.
        """
        fillings, rows_read = Fillings(self.scratch), 0
        quarantine = Quarantine(self.writer, self.plan.batch_id, None if self.can_reread else self._refuse)
        with Progress(f"Rows of batch {self.plan.batch_id}") as progress:
            for part in parts:
                rows, misfits = convert_part(part, self.plan.schema, self.plan.partition_by)
                quarantine.put(part.bad)
                quarantine.put(misfits)
                if self._content is not None:
                    self._content.add(rows, [*_tell_names(part), *part.bad, *misfits])
                rows_read += part.rows.num_rows + sum(not row.part for row in part.bad)
                for folder, piece in split_partitions(rows, self.plan.partition_by):
                    filling = fillings.add(folder, piece)
                    if self._is_full(filling):
                        fillings.close(filling)
                        self._write(filling)
                progress.show(rows_read)
        for filling in fillings.list_open():
            self._write(filling)
        quarantine.flush()
        return self._commit(quarantine, rows_read, found, started)

    def _is_full(self, filling: Filling) -> bool:
        if self._sort_by and filling.size_bytes >= MOST_SORTED_BYTES:
            return True
        return filling.size_bytes * self.plan.encoded_share >= self.plan.target_file_bytes

    def _write(self, filling: Filling) -> None:
        name = name_file(self.plan.token, len(self.files))
        path = f"{filling.folder}/{name}" if filling.folder else name
        local = self.scratch / "file.parquet"
        parts = filling.take()
        if self._sort_by:
            parts = [sort_rows(pa.concat_tables(parts), self._sort_by)]
        about = {"lakekit.batch": self.plan.batch_id}
        rows = write_file(parts, self._schema, local, sort_by=self._sort_by, metadata=about)
        if rows != filling.rows:
            raise LakekitError(f"{path} holds {rows:,} of {filling.rows:,} rows.", hint="this is an error of lakekit.")
        is_there = not self.writer.put_new(path, local)
        self.files[path] = self._compare(path, local) if is_there and not self.can_reread else local.stat().st_size
        self.rows += rows
        local.unlink()

    def _compare(self, path: str, local: Path) -> int:
        """The size of the file that is there; raise where it is not the one to be written, nor has the same rows.

        Other versions of pyarrow write the same rows in other bytes.
        """
        store = open_store(self.writer.address.child(path), self.writer.storage)
        there = store.find_root_file()
        if there is None:
            raise self._refuse(path)
        file = SourceFile(open_store(self.writer.address, self.writer.storage), path, there.size_bytes, there.etag)
        with open(local, "rb") as ours:
            is_same = all(theirs == ours.read(len(theirs)) for theirs in file.read_chunks()) and not ours.read(1)
        if not is_same and _hash_file(file.open()) != _hash_file(open(local, "rb")):
            raise self._refuse(path)
        return there.size_bytes

    def _refuse(self, path: str) -> StaleFile:
        return StaleFile(
            f"The batch {self.plan.batch_id!r} was begun with other rows: {path} differs from what they make now.",
            hint="nothing of the two is mixed. Write the same rows again, or take another batch_id.",
        )

    def _commit(self, quarantine: Quarantine, rows_read: int, found: frozenset[str], started: float) -> BatchResult:
        """Put the marker; with it the batch is complete."""
        strange = sorted(found - self.files.keys())
        if strange:
            raise self._refuse(strange[0])
        if rows_read != self.rows + quarantine.rows:
            raise LakekitError(
                f"Of {rows_read:,} rows {self.rows:,} were written and {quarantine.rows:,} quarantined.",
                hint="this is an error of lakekit; the batch is not complete, and no reader of lakekit sees it.",
            )
        told = {
            "batch_id": self.plan.batch_id,
            "files": list(self.files),
            "rows": self.rows,
            "size_bytes": sum(self.files.values()),
            "rows_read": rows_read,
            "quarantined": quarantine.rows,
            "quarantine": quarantine.paths,
            "widened": list(self.plan.widened),
        }
        source = {"listing": self.plan.listing, "reading": self.plan.reading}
        source["content"] = self._content.tell() if self._content is not None else ""
        self.check()
        marker = json.dumps(told | source, indent=1, ensure_ascii=False).encode()
        path = name_marker(self.plan.token, len(self.files))
        if not self.writer.put_new(path, marker) and not self.writer.holds(path, marker):
            raise StaleFile(
                f"The batch {self.plan.batch_id!r} was completed meanwhile by another, with other rows.",
                hint=f"both have put files with {self.plan.token} in their names: compare them with {path}.",
            )
        told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        return BatchResult(**told, table_url=self.writer.address.url, seconds=time.monotonic() - started)
