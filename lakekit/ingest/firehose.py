"""What Firehose delivered as JSON, as rows: under ``yyyy/MM/dd/HH/``, gzipped or not, with newlines between or without.

It must not write, nor pass over an object that is none: it is an error, or kept for the quarantine. (Parquet that
Firehose delivered is a table as it is: ``open_table(url, template="{year:int}/{month:int}/{day:int}/{hour:int}")``.)
"""

from __future__ import annotations

import codecs
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from lakekit.arguments import require_choice, require_kind, require_text
from lakekit.errors import ColumnNameConflict, CorruptFile, NoFilesFound
from lakekit.ingest.decode import JSON_DECODER, TOO_DEEP, Poison, is_too_deep
from lakekit.ingest.parquet import store_rows, store_schema
from lakekit.ingest.quarantine import BadRow
from lakekit.ingest.rows import type_rows
from lakekit.manifest.listing import is_hidden
from lakekit.manifest.partitions import read_partitions
from lakekit.manifest.types import unify_types
from lakekit.storage import Storage, Store, open_store
from lakekit.units import MIB

TEMPLATE = "{year:int}/{month:int}/{day:int}/{hour:int}"  # Firehose's own prefix, in UTC; developer guide, read 2026-11
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 4 * MIB  # read at a time
PIECE_BYTES = 1 * MIB  # unpacked, and made to rows, at a time
MOST_OBJECT_BYTES = 16 * MIB  # more without an end is damage: a record of Firehose has 1,000 KiB at most
PART_ROWS = 20_000
_SPACE = re.compile(r"[ \t\r\n]*")
_LONGEST_WORD = len("-Infinity")  # that may be cut at the end of a piece


def read_firehose(
    url: str | os.PathLike,
    *,
    template: str | None = TEMPLATE,
    schema: pa.Schema | None = None,
    on_bad: Literal["raise", "keep"] = "raise",
    storage: Storage | None = None,
) -> FirehoseRows:
    """The rows of JSON files that Firehose delivered, to be read once: by `write_batch`, Polars, DuckDB or Arrow.

    Gzip is known by its first bytes and not by a name. The files are read twice where no schema is given: for the
    types of the columns, then for the rows; a few MiB are in memory. Columns: those of the objects in order of their
    appearance, then year, month, day and hour of the folder (UTC).

    Args:
        url: the prefix under which the years lie, or one above fewer levels with a template of fewer.
        template: the folders below it; None if the files lie right there, or the folders should not be columns.
        schema: columns and types, for objects that have others or more to be bad.
        on_bad: raise at what is no object of that schema, or go on and keep it in ``.bad``.
        storage: options; the environment's if not given.

    Raises:
        NoFilesFound: no file there.
        PartitionMismatch: a file does not lie where the template says.
        CorruptFile: at something that is no JSON object, names file and number; or damaged gzip.
        ColumnNameConflict: objects have a field of the name of a folder's key.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp(), "2026/11/25/13")
        >>> folder.mkdir(parents=True)
        >>> _ = (folder / "clicks-1-2026-11-25-13-00-07-5f0c").write_bytes(b'{"id": 1}{"id": 2}')
        >>> read_firehose(folder.parents[3]).read_all().to_pylist()[1]
        {'id': 2, 'year': 2026, 'month': 11, 'day': 25, 'hour': 13}
    """
    require_choice("on_bad", on_bad, ("raise", "keep"))
    if template is not None:
        require_text("template", template, hint=f'template="{TEMPLATE}" is that of Firehose; None for no folders.')
    if schema is not None:
        hint = 'write schema=pa.schema([("id", pa.int64())]).'
        require_kind("schema", schema, pa.Schema, what="a schema of pyarrow", hint=hint)
    store = open_store(url, storage)
    listed = [one for one in store.list_objects() if one.path and not is_hidden(one.path, one.size_bytes)]
    files = {one.path: (one.size_bytes, one.etag) for one in listed if not one.path.endswith(".parquet")}
    if not files:
        there = f"{len(listed):,} objects there, all Parquet" if listed else "nothing there"
        hint = f'open_table(url, template="{TEMPLATE}") reads Parquet' if listed else "look at the prefix"
        raise NoFilesFound(f"No JSON file of Firehose under {store.address.url} ({there}).", hint=hint)
    return FirehoseRows(store, files, template, schema, on_bad)


class FirehoseRows:
    """Rows that Firehose delivered; made by `read_firehose`. Whatever takes Arrow streams takes it.

    Attributes:
        schema: the columns.
        files: the paths of the files, sorted.
        bad: what was no object of that schema, after reading with ``on_bad="keep"``.
    """

    def __init__(
        self,
        store: Store,
        files: dict[str, tuple[int, str]],
        template: str | None,
        schema: pa.Schema | None,
        on_bad: str,
    ):
        self.store = store
        self.bad: list[BadRow] = []
        self._files = files
        self._is_fixed = schema is not None
        self._on_bad = on_bad
        self._partitioning = read_partitions(list(files), template=template) if template else None
        self._keys = dict(zip(self._partitioning.keys, self._partitioning.types, strict=True)) if template else {}
        self._fields = store_schema(schema) if schema is not None else pa.schema([])
        if schema is None:
            self._fields = self._find_fields()
        clash = [name for name in self._fields.names if name.casefold() in self._keys]
        if clash:
            raise ColumnNameConflict(
                f"The objects under {store.address.url} have a field {clash[0]!r}, as a folder's key is called.",
                hint='name the folders otherwise, such as template="{at_year:int}/…", or give template=None',
            )
        self.schema = pa.schema([*self._fields, *self._keys.items()])

    @property
    def files(self) -> list[str]:
        return list(self._files)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.read().__arrow_c_stream__(requested_schema)

    def read(self) -> pa.RecordBatchReader:
        """The rows as a stream of record batches, file by file in the order of their paths."""
        self.bad = []
        return pa.RecordBatchReader.from_batches(self.schema, self._read_batches())

    def read_all(self) -> pa.Table:
        """All rows at once."""
        return self.read().read_all()

    def _find_fields(self) -> pa.Schema:
        """The columns over all files, as wide as they need; bad objects are told of when the rows are read."""
        types: dict[str, pa.DataType] = {}
        for path in self._files:
            for part in self._read_parts(path, []):
                for field in type_rows([one.fields for one in part], pa.schema([]))[0].schema:
                    wider = unify_types(types.get(field.name, pa.null()), field.type)
                    types[field.name] = wider if wider is not None else types[field.name]
        return pa.schema(list(types.items()))

    def _read_batches(self) -> Iterator[pa.RecordBatch]:
        for path in self._files:
            values = self._partitioning.values_of(path) if self._partitioning else ()
            before = len(self.bad)
            for part in self._read_parts(path, self.bad):
                rows = self._type_part(part, path)
                for (key, kind), value in zip(self._keys.items(), values, strict=True):
                    rows = rows.append_column(key, pa.array([value] * rows.num_rows, kind))
                self._refuse(before)
                yield from store_rows(rows, self.schema).to_batches()
            self._refuse(before)

    def _type_part(self, part: list[Found], path: str) -> pa.Table:
        """The rows of a part; what does not fit is bad."""
        reasons = self._find_more(part) if self._is_fixed else {}
        rows, misfits = type_rows(
            [{} if number in reasons else one.fields for number, one in enumerate(part)], self._fields
        )
        for number, reason in sorted((reasons | misfits).items()):
            self.bad.append(part[number].as_bad(self.store.address.join(path), reason))
        fits = [number not in reasons for number in range(len(part)) if number not in misfits]
        columns = {field.name: pa.nulls(len(fits), field.type) for field in self._fields}
        columns |= {name: rows[name] for name in rows.column_names if name in columns}
        if not columns:  # objects without a field
            return pa.table({"": pa.nulls(sum(fits))}).select([])
        return pa.table(columns).filter(pa.array(fits, pa.bool_()))

    def _find_more(self, part: list[Found]) -> dict[int, str]:
        """Objects with a field that a given schema does not have, also deep inside."""
        if type_rows([one.fields for one in part], self._fields)[0].schema.equals(self._fields):
            return {}
        reasons = {}
        for number, one in enumerate(part):
            for field in type_rows([one.fields], self._fields)[0].schema:
                if field.name not in self._fields.names or not field.type.equals(self._fields.field(field.name).type):
                    reasons[number] = f"{field.name}: a field that is not in the schema"
        return reasons

    def _refuse(self, before: int) -> None:
        if self._on_bad == "raise" and len(self.bad) > before:
            first = self.bad[before]
            raise CorruptFile(
                f"{first.file}: object {first.line:,} is no row: {first.reason}.",
                hint='on_bad="keep" goes on, and keeps such objects in .bad for the quarantine',
            )

    def _read_parts(self, path: str, bad: list[BadRow]) -> Iterator[list[Found]]:
        """The objects of a file, some thousands at a time; what is none goes to the bad ones."""
        part: list[Found] = []
        letters = 0
        for found in split_objects(self._read_text(path)):
            if found.reason:
                bad.append(found.as_bad(self.store.address.join(path), found.reason))
                continue
            part.append(found)
            letters += len(found.text)
            if len(part) >= PART_ROWS or letters >= PIECE_BYTES:
                yield part
                part, letters = [], 0
        if part:
            yield part

    def _read_text(self, path: str) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")  # what is no UTF-8 shows when it is typed
        try:
            for chunk in _unpack(self._read_chunks(path)):
                yield decoder.decode(chunk)
            yield decoder.decode(b"", final=True)
        except (zlib.error, EOFError) as exc:
            raise CorruptFile(
                f"{self.store.address.join(path)} is damaged: its gzip does not unpack ({exc}).",
                hint="read the other files by a narrower prefix, and ask the bucket for another version of this one",
            ) from exc

    def _read_chunks(self, path: str) -> Iterator[bytes]:
        size_bytes, etag = self._files[path]
        for start in range(0, size_bytes, CHUNK_BYTES):
            yield bytes(self.store.read_range(path, start, min(CHUNK_BYTES, size_bytes - start), etag=etag))


def _unpack(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes, of all members one after another where they are gzip."""
    unpacker, is_first, is_packed = None, True, False
    for chunk in chunks:
        if is_first:
            is_first, is_packed = False, chunk.startswith(GZIP_MAGIC)
        if not is_packed:
            yield chunk
            continue
        while chunk:
            unpacker = unpacker or zlib.decompressobj(wbits=31)
            yield unpacker.decompress(chunk, PIECE_BYTES)
            chunk = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            unpacker = None if unpacker.eof else unpacker
    if unpacker is not None:
        raise EOFError("it ends in the middle")


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a file, or what stands there instead of one.

    Attributes:
        number: which it is, from 1.
        text: as it stands there.
        fields: of the object.
        reason: why it is none; "" for an object.
    """

    number: int
    text: str
    fields: dict[str, Any]
    reason: str = ""

    def as_bad(self, file: str, reason: str) -> BadRow:
        """As a row for the quarantine; its "line" is the number of the object."""
        return BadRow(file, self.number, reason, self.text.encode("utf-8", "surrogateescape"))


def split_objects(texts: Iterator[str]) -> Iterator[Found]:
    """JSON objects that stand one after another, with or without white space between.

    What is no JSON takes the rest of its line with it: where the next object begins cannot be known.

    Example:
        >>> found = split_objects(iter(['{"a": 1}{"a"', ': 2}\\n7\\noops {}\\n{}']))
        >>> [one.reason or one.fields for one in found]
        [{'a': 1}, {'a': 2}, 'JSON, but not an object: int', 'not JSON: Expecting value', {}]
    """
    text, start, number, is_end = "", 0, 0, False
    texts = iter(texts)
    while True:
        start = _SPACE.match(text, start).end()
        end, fields, reason = _take_value(text, start, is_end=is_end)
        if end > start:
            number += 1
            yield Found(number, text[start:end], fields, reason)
            start = end
        elif is_end:
            return
        else:
            more = next(texts, None)
            is_end = more is None
            text, start = text[start:] + (more or ""), 0


def _take_value(text: str, start: int, *, is_end: bool) -> tuple[int, dict[str, Any], str]:
    """Where the value that begins here ends, its fields, and what is wrong; the start for the end: more is needed."""
    if start == len(text):
        return start, {}, ""
    try:
        found, end = JSON_DECODER.raw_decode(text, start)
    except json.JSONDecodeError as exc:
        is_cut = exc.msg.startswith("Unterminated") or exc.pos >= len(text) - _LONGEST_WORD
        if is_cut and not is_end and len(text) - start < MOST_OBJECT_BYTES:
            return start, {}, ""
        newline = text.find("\n", start)
        return newline if newline > start else len(text), {}, f"not JSON: {exc.msg}"
    except (Poison, RecursionError, ValueError) as exc:
        reason = TOO_DEEP if isinstance(exc, RecursionError) else str(exc)[:100]
        return _find_end(text, start), {}, reason
    if end == len(text) and not is_end and not isinstance(found, dict):  # a number may go on
        return start, {}, ""
    if not isinstance(found, dict):
        return end, {}, f"JSON, but not an object: {type(found).__name__}"
    return (end, {}, TOO_DEEP) if is_too_deep(found) else (end, found, "")


def _find_end(text: str, start: int) -> int:
    """Where JSON ends that is well formed and still no row, such as one with a name twice; else the line."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (RecursionError, ValueError):
        newline = text.find("\n", start)
        return newline if newline > start else len(text)
