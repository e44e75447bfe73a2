"""Rows of a database without DMS, into a journal of Parquet files: all of them once, then what a watermark tells.

It must not overwrite or delete a file, nor keep a checkpoint anywhere else than in the files.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakekit.arguments import require_moment
from lakekit.cdc.arguments import check_given
from lakekit.cdc.batch import CAPTURED
from lakekit.cdc.checkpoint import decode_mark, encode_mark, reach_back
from lakekit.cdc.database import Database
from lakekit.cdc.dms import OP
from lakekit.cdc.rows import hash_row, is_marked
from lakekit.cdc.state import State, open_state
from lakekit.cdc.values import convert, parse_commit_time
from lakekit.columns import exact_name
from lakekit.errors import InvalidArgument, StaleFile, TypeConflict
from lakekit.manifest.footers import read_metadata
from lakekit.manifest.type_names import parse_types
from lakekit.manifest.types import describe_type, normalize_type, unify_types
from lakekit.storage import Storage, Writer, open_store, open_writer
from lakekit.table import Table, open_table
from lakekit.units import format_number_of

FILE_ROWS = 100_000  # of a file; so many are held in memory
TIMESTAMP, SEQUENCE = "lk_committed_at", "lk_sequence"

_NAME = re.compile(r"CDC(\d{8})\.parquet")
_NOTE = b"lakekit.extraction"  # in each file's metadata: of what it is, and how far it has come


@dataclass(frozen=True)
class Extraction:
    """What an extraction stored.

    Attributes:
        url: the journal.
        key: the columns of its key.
        files: names of the files that were written, in their order.
        inserted, updated, deleted: rows by operation; without ``snapshot`` an update may be an insertion.
        checkpoint: the watermark up to which all is stored, as the database has it.
        storage: with which options.
    """

    url: str
    key: tuple[str, ...]
    files: tuple[str, ...]
    inserted: int
    updated: int
    deleted: int
    checkpoint: Any
    storage: Storage | None = None

    def open_state(self) -> State:
        """The state of the journal; see :func:`lakekit.cdc.open_state`."""
        return open_state(self.url, key=self.key, timestamp=TIMESTAMP, order_by=SEQUENCE, storage=self.storage)


@dataclass(frozen=True)
class _Plan:
    """What to extract, and where to.

    Attributes:
        key, watermark, soft_delete, as_of, file_rows: as :func:`extract` has them.
        schema: of the source.
        start: from which watermark on; None for all.
        is_first: whether nothing is stored yet.
    """

    key: tuple[str, ...]
    watermark: str | None
    soft_delete: str | None
    as_of: datetime | None
    file_rows: int
    schema: pa.Schema
    start: Any
    is_first: bool
    snapshot: bool


def extract(
    connection: Any,
    source: str,
    url: str | Path,
    *,
    key: str | Sequence[str],
    watermark: str | None = None,
    overlap: timedelta | int | None = None,
    soft_delete: str | None = None,
    snapshot: bool = False,
    as_of: datetime | None = None,
    columns: Mapping[str, Any] | pa.Schema | None = None,
    file_rows: int = FILE_ROWS,
    storage: Storage | None = None,
) -> Extraction:
    """Store what is new in a table, or in the answer to a query, as files of a journal; what was stored is the result.

    The first call stores all rows, in the order of the watermark; each later one those whose watermark is at or after
    the last that was stored. The files are the checkpoint: each appears whole or not at all, so that a call that was
    killed is taken up by the next where its last file ends. Rows of that very watermark are read again, and stored
    only where they differ from what is stored of their key, so that none is missed and none stored twice. Two
    calls at a time are safe: the second to write a file fails.

    **What a watermark cannot see.** A transaction that commits later, with an older watermark than was stored
    meanwhile, is missed, unless ``overlap`` reaches back further than transactions last. A row that was deleted
    is not seen, unless a column marks it (``soft_delete``), or all rows are compared with what is stored
    (``snapshot=True``, say once a day). A row changed twice between two calls has one change in the journal.

    Memory: ``file_rows`` rows, and the keys since ``overlap``, with a hash each; with ``snapshot`` all keys.

    Args:
        connection: an open DB-API 2.0 or ADBC connection; nothing is written to it.
        source: the table's name, or a SELECT; it comes from you, and is run as it is.
        url: a folder, or an S3 prefix, for this table alone.
        key: the columns that tell rows apart.
        watermark: a column that grows with every change, such as ``"updated_at"`` or a version; never NULL. A time
            is taken for the commit time, in UTC where it has no zone. Have an index on it.
        overlap: how far to reach back before the last watermark: a timedelta, or a number.
        soft_delete: a column that is true, not 0, or set, in rows that count as deleted. Bytes of zeros are 0. Where it
            is another than before, all rows are read once.
        snapshot: read all rows, and store insertions, changes and deletions.
        as_of: the time of this call, in UTC; the commit time of rows whose watermark is no time, and of deletions
            that ``snapshot`` finds.
        columns: types by column, where the database does not tell them, or others are wanted.
        file_rows: rows of a file.
        storage: region, profile, endpoint or keys; the environment's if not given.

    Raises:
        InvalidArgument: a column that is not there, a watermark that is NULL or not in order, a journal of
            something else.
        TypeConflict: a value that is not of its column's type, or a column that is of another kind in the journal.
        StaleFile: another extraction into the same journal was faster.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import sqlite3, tempfile, lakekit as lk
        >>> con = sqlite3.connect(":memory:")
        >>> _ = con.execute("CREATE TABLE users (id INTEGER, name TEXT, changed TIMESTAMP)")
        >>> _ = con.execute("INSERT INTO users VALUES (1, 'Ada', '2026-01-05 10:00:00')")
        >>> run = lk.cdc.extract(con, "users", tempfile.mkdtemp(), key="id", watermark="changed")
        >>> run.files, run.inserted, run.open_state().polars().select("name").collect().item()
        (('CDC00000001.parquet',), 1, 'Ada')
    """
    keys = check_given(key, {"watermark": watermark, "soft_delete": soft_delete}, overlap, file_rows)
    writer = open_writer(url, storage)
    database = Database(connection, source, parse_types(columns))
    schema = database.read_schema()
    _check_arguments(schema, keys, watermark, soft_delete, snapshot)
    _check_moments(schema, watermark, snapshot, as_of)
    if watermark and (count := database.count_nulls(watermark)):
        what = f"The watermark {watermark!r} is NULL in {format_number_of(count, 'row')} of {source}."
        raise InvalidArgument(what, hint="rows without one are never seen again: fill it, or use snapshot=True alone.")
    names, table = _find_stored(url, storage)
    note = _read_note(table, names, keys, watermark) if table else {}
    if table:
        _check_types(schema, table)
    checkpoint = decode_mark(note.get("checkpoint"))
    is_whole = snapshot or checkpoint is None or note.get("soft_delete") != soft_delete  # then marks count anew
    start = None if is_whole else reach_back(checkpoint, overlap)
    plan = _Plan(keys, watermark, soft_delete, as_of, file_rows, schema, start, not names, snapshot)
    stored = _read_stored(table, plan) if table else {}
    files = _FileWriter(writer, plan, _find_number(names), note, checkpoint)
    _store_rows(database, plan, stored, files)
    return Extraction(str(url), keys, tuple(files.written), *files.counts.values(), files.checkpoint, storage)


def _check_arguments(
    schema: pa.Schema, key: Sequence[str], watermark: str | None, soft_delete: str | None, snapshot: bool
) -> None:
    for name in [*key, *([watermark] if watermark else []), *([soft_delete] if soft_delete else [])]:
        if name not in schema.names:
            what = f"The source has no column {name!r}; it has {', '.join(schema.names)}."
            raise InvalidArgument(what, hint="key=, watermark= and soft_delete= name columns of the source.")
    if not key or not (watermark or snapshot):
        raise InvalidArgument("Neither watermark= nor snapshot=True, or no key= was given.", hint="give key and one.")
    own = {OP.lower(), TIMESTAMP, SEQUENCE, *CAPTURED.names}
    taken = [name for name in schema.names if name.lower() in own]
    if taken:
        what = f"The source has a column {taken[0]!r}, a name that the journal has for its own."
        raise InvalidArgument(what, hint="rename it in a SELECT.")


def _check_types(schema: pa.Schema, table: Table) -> None:
    """TypeConflict where a column is of another kind than in the journal, which could no longer be read then."""
    for field in schema:
        before = table.schema.field(field.name).type if field.name in table.schema.names else field.type
        if unify_types(before, normalize_type(field.type)) is None:
            kinds = f"{describe_type(before)} in {table.url} and {describe_type(field.type)} in the source"
            hint = f'give columns={{"{field.name}": …}} as it was, or extract into another folder.'
            raise TypeConflict(f"The column {field.name!r} is {kinds}; nothing was stored.", hint=hint)


def _check_moments(schema: pa.Schema, watermark: str | None, snapshot: bool, as_of: datetime | None) -> None:
    is_time = watermark is not None and _is_time(schema.field(watermark).type)
    if as_of is None and (snapshot or not is_time):
        what = "as_of= is needed: nothing else tells when a row was changed or deleted."
        raise InvalidArgument(what, hint="give as_of=datetime.now(UTC).")
    if as_of is not None:
        require_moment("as_of", as_of)


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _find_stored(url: str | Path, storage: Storage | None) -> tuple[list[str], Table | None]:
    """The names of the files that are stored, in their order, and the table of them, if there are any."""
    store = open_store(url, storage)
    names = sorted(one.path for one in store.list_objects() if _NAME.fullmatch(one.path))
    return names, open_table(url, storage=storage) if names else None


def _find_number(names: Sequence[str]) -> int:
    """The number of the last file, whichever were removed before it; 0 if there is none."""
    last = _NAME.fullmatch(names[-1]) if names else None
    return int(last[1]) if last else 0


def _read_note(table: Table, names: Sequence[str], key: Sequence[str], watermark: str | None) -> dict[str, Any]:
    """What the last file says of itself."""
    etag = dict(table.files.select("path", "etag").rows())[names[-1]]
    told = read_metadata(table.manifest.footers.get(names[-1], etag)).metadata or {}
    note = json.loads(told.get(_NOTE, b"{}"))
    if note.get("key") != list(key) or (note["watermark"] or watermark) != (watermark or note["watermark"]):
        what = f"{table.url} was extracted with key={note.get('key')} and watermark={note.get('watermark')!r}."
        raise InvalidArgument(what, hint="extract with the same, or into another folder.")
    return note


def _read_stored(table: Table, plan: _Plan) -> dict[tuple, tuple[bytes, str]]:
    """By key, a hash of the row that is stored, and its operation: of all keys, or of those since the start.

    Not only rows since the start count, but all that were stored after the first of them.
    """
    changes = table.polars()
    if plan.start is not None and plan.watermark is not None:
        kind = plan.schema.field(plan.watermark).type
        start = convert(plan.watermark, [plan.start], kind, lambda _: "the checkpoint")[0].as_py()
        first = (
            changes.filter(pl.col(exact_name(plan.watermark)) >= start).select(pl.col(SEQUENCE).min()).collect().item()
        )
        changes = table.polars().filter(pl.col(SEQUENCE) >= (first or 0))
    found: dict[tuple, tuple[bytes, str]] = {}
    names = [name for name in table.schema.names if name in plan.schema.names]
    for frame in changes.select(OP, SEQUENCE, *map(exact_name, names)).sort(SEQUENCE).collect().iter_slices(10_000):
        for op, row in zip(frame[OP], frame[names].to_arrow().to_pylist(), strict=True):
            found[tuple(row[name] for name in plan.key)] = hash_row(row), op
    return found


def _store_rows(database: Database, plan: _Plan, stored: dict[tuple, tuple[bytes, str]], files: _FileWriter) -> None:
    order = (plan.watermark, *plan.key) if plan.watermark and not plan.snapshot else ()
    seen: set[tuple] = set()
    last: Any = None
    for table, raw in database.read(plan.schema, order, plan.start):  # type: ignore[arg-type]
        if order:
            last = _check_order(table, plan, last)
        ops = []
        for row in table.to_pylist():
            key = tuple(row[name] for name in plan.key)
            if any(value is None for value in key):
                what = f"A row of {database.source} has no value in its key {dict(zip(plan.key, key, strict=True))}."
                raise InvalidArgument(what, hint="name a key without NULL.")
            if plan.snapshot:
                seen.add(key)
            ops.append(_find_op(row, stored.get(key), plan))
        files.add(table, pa.array(ops, pa.string()), raw if order else None)
    if plan.snapshot:
        for part in _find_gone(stored, seen, plan):
            files.add(part, pa.array(["D"] * part.num_rows), None)
    files.finish()


def _find_op(row: Mapping[str, Any], known: tuple[bytes, str] | None, plan: _Plan) -> str | None:
    """What to store of a row; None where it is stored as it is."""
    is_gone = plan.soft_delete is not None and is_marked(row[plan.soft_delete])
    was_gone = known is not None and known[1] == "D"
    if known is not None and is_gone == was_gone and known[0] == hash_row(row):
        return None
    is_new = known is None or was_gone
    return "D" if is_gone else "I" if is_new and (plan.snapshot or plan.is_first) else "U"


def _find_gone(stored: Mapping[tuple, tuple[bytes, str]], seen: set[tuple], plan: _Plan) -> Iterator[pa.Table]:
    """Rows of keys that are stored and no longer in the source: nothing but their key."""
    gone = [key for key, (_, op) in stored.items() if op != "D" and key not in seen]
    for start in range(0, len(gone), FILE_ROWS):
        rows = [dict(zip(plan.key, key, strict=True)) for key in gone[start : start + FILE_ROWS]]
        yield pa.Table.from_pylist(rows, schema=plan.schema)


def _check_order(table: pa.Table, plan: _Plan, last: Any) -> Any:
    """The last watermark, after seeing that none is before another that came earlier."""
    values = table[plan.watermark].to_pylist()
    for before, value in zip([last, *values], values, strict=False):
        if before is not None and value < before:
            what = f"The database puts {value} after {before} in the order of {plan.watermark!r}."
            raise InvalidArgument(what, hint="times that are kept as text must all be written alike.")
    return values[-1]


class _FileWriter:
    """Collects changes, and stores them as the journal's next files.

    Args:
        writer: where to.
        plan: what is extracted.
        number: of the last file.
        note: what that says of itself.
        checkpoint: of that file.

    Attributes:
        written: names of files.
        counts: changes by operation.
        checkpoint: the watermark up to which all is stored.
    """

    def __init__(self, writer: Writer, plan: _Plan, number: int, note: Mapping[str, Any], checkpoint: Any):
        self.written: list[str] = []
        self.counts = {"I": 0, "U": 0, "D": 0}
        self.checkpoint = checkpoint
        self._writer, self._plan = writer, plan
        self._number, self._sequence = number, note.get("sequence", 0)
        # a snapshot may end halfway: the marks of all rows count as seen only where a watermark tells how far it came
        self._soft_delete = note.get("soft_delete") if plan.snapshot else plan.soft_delete
        self._waiting: list[pa.Table] = []
        self._next_checkpoint = checkpoint

    def add(self, table: pa.Table, ops: pa.Array, checkpoint: Any) -> None:
        """Take in the rows that have an operation; all up to the checkpoint are then there."""
        is_change = ops.is_valid()
        changes = table.filter(is_change).add_column(0, OP, ops.filter(is_change))
        if changes.num_rows:
            self._waiting.append(changes)
        self._next_checkpoint = checkpoint if checkpoint is not None else self._next_checkpoint
        if sum(part.num_rows for part in self._waiting) >= self._plan.file_rows:
            self.finish()

    def finish(self) -> None:
        """Store what waits."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        path = f"CDC{self._number + 1:08d}.parquet"
        content = self._encode(table)
        if not self._writer.put_new(path, content) and not self._writer.holds(path, content):
            what = f"{self._writer.address.join(path)} is there already: another extraction wrote it meanwhile."
            raise StaleFile(what, hint="run it again: it goes on where the other has come to.")
        self._waiting = []
        self._number += 1
        self._sequence += table.num_rows
        self.checkpoint = self._next_checkpoint
        self.written.append(path)
        for count in pc.value_counts(table[OP]).to_pylist():
            self.counts[count["values"]] += count["counts"]

    def _encode(self, table: pa.Table) -> bytes:
        sequence = pa.array(range(self._sequence + 1, self._sequence + table.num_rows + 1), pa.int64())
        table = table.add_column(1, TIMESTAMP, self._find_moments(table)).add_column(2, SEQUENCE, sequence)
        note = {
            "key": list(self._plan.key),
            "watermark": self._plan.watermark,
            "soft_delete": self._soft_delete,
            "checkpoint": encode_mark(self._next_checkpoint),
            "sequence": self._sequence + table.num_rows,
        }
        sink = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({_NOTE: json.dumps(note)}), sink, compression="zstd")
        return sink.getvalue()

    def _find_moments(self, table: pa.Table) -> pa.Array:
        """Commit times: the watermark where it is a time, else that of the call."""
        plan, kind = self._plan, pa.timestamp("us", "UTC")
        if plan.watermark is None or not _is_time(plan.schema.field(plan.watermark).type):
            return pa.array([plan.as_of] * table.num_rows, kind)
        told: Iterable[Any] = table[plan.watermark].to_pylist()
        made = [plan.as_of if value is None else _as_moment(value) for value in told]
        return pa.array(made, kind)


def _as_moment(value: date | datetime) -> datetime:
    is_moment = isinstance(value, datetime)
    return parse_commit_time(value) if is_moment else datetime(value.year, value.month, value.day, tzinfo=UTC)
