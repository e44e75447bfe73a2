"""What rows come from: files of one format, or data in memory; each as parts that are read one after another.

It must not keep what it has read, nor write anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pyarrow as pa

from lakekit.arguments import require_choice, show_value
from lakekit.errors import CorruptFile, InvalidArgument, LakekitError
from lakekit.ingest.chunks import SourceFile
from lakekit.ingest.finding import find_files
from lakekit.ingest.quarantine import BadRow
from lakekit.ingest.text import Part, check_columns, read_csv, read_ndjson
from lakekit.ingest.typing import Typing, choose_types, guess_text_types, unify_told_types
from lakekit.manifest.type_names import parse_types
from lakekit.storage import Storage

PART_ROWS = 65_536  # rows of typed data that are taken at a time
_FORMATS = {
    "csv": ("csv",),
    "tsv": ("tsv",),
    "ndjson": ("ndjson", "jsonl", "json"),
    "parquet": ("parquet", "parq", "pq"),
    "orc": ("orc",),
}
_NOT_IN_ARROW = frozenset(  # DuckDB gives -1 for the highest UHUGEINT, and 10:00+02 without its zone
    {"UHUGEINT", "TIME WITH TIME ZONE", "BIGNUM", "BIT", "Int128", "UInt128", "Object"}
)
_NESTED = ("list", "array", "struct", "map", "union")  # of DuckDB
_FORMAT_OF = {ending: name for name, endings in _FORMATS.items() for ending in endings}


@dataclass(frozen=True)
class Files:
    """Source files that need more said about them than their address.

    Attributes:
        paths: an address or a glob, or several: ``"in/*.csv"``, ``"s3://bucket/in/**/*.ndjson.gz"``. Folders such as
            ``day=2024-01-05`` are columns of the files in them.
        format: "csv", "tsv", "ndjson", "parquet" or "orc"; by the ending of their names if not given.
        delimiter: of CSV.
        columns: the names of CSV columns, for files whose first line does not tell them.
        types: types of columns, such as ``{"zip": "string", "price": "decimal(10,2)"}``; of others the table's, or
            what the values look like. So a zip code stays text where all of a file's could be numbers.
        storage: how they are reached.

    Raises:
        InvalidArgument: an attribute that can mean nothing.

    Example:
        >>> Files("in/*.txt", format="csv", delimiter=";", types={"zip": "string"}).delimiter
        ';'
    """

    paths: str | os.PathLike | Sequence[str | os.PathLike]
    format: str | None = None
    delimiter: str = ","
    columns: Sequence[str] | None = None
    types: Mapping[str, str | pa.DataType] | pa.Schema | None = None
    storage: Storage | None = None

    def __post_init__(self) -> None:
        paths = [self.paths] if isinstance(self.paths, str | os.PathLike) else self.paths
        is_list = isinstance(paths, Sequence) and not isinstance(paths, bytes) and len(paths) > 0
        if not is_list or not all(isinstance(one, os.PathLike) or (isinstance(one, str) and one) for one in paths):
            what = f"paths={show_value(self.paths)} names no files."
            raise InvalidArgument(what, hint='give an address or a glob, or a list: "in/*.csv", ["a.csv", "b.csv"].')
        if self.format is not None:
            require_choice("format", self.format, tuple(_FORMATS))
        delimiter = self.delimiter
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n' or ord(delimiter) > 127:
            what = f"delimiter={show_value(delimiter)} cannot stand between fields."
            raise InvalidArgument(what, hint='it is one letter of ASCII, such as ";".')
        if self.columns is not None:
            check_columns(self.columns)
        is_told = isinstance(self.types, Mapping | pa.Schema | None)
        if not is_told or None in parse_types(self.types, name="types").values():
            what = f"types={show_value(self.types)} gives no types."
            raise InvalidArgument(
                what, hint='write types={"zip": "string"}; columns that it does not name keep theirs.'
            )


class FileSource:
    """Files of one format, listed once.

    Attributes:
        files: in order of their addresses.
        asked: how to read them.
    """

    can_reread = True

    def __init__(self, asked: Files):
        paths = [asked.paths] if isinstance(asked.paths, str | os.PathLike) else asked.paths
        self.found = find_files([os.fspath(path) for path in paths], asked.storage)
        self.files = self.found.files
        self.asked = replace(asked, format=asked.format or _find_format(self.files))
        self.types = parse_types(asked.types, name="types")
        if self.asked.format == "tsv":
            self.asked = replace(self.asked, delimiter="\t")

    @property
    def has_texts(self) -> bool:
        """Whether their values have no types of their own."""
        return self.asked.format in ("csv", "tsv")

    @property
    def reading(self) -> str:
        """How they are read, in words: another way would make other rows of the same files."""
        asked = self.asked
        told = [str(asked.format), *([f"delimiter={asked.delimiter!r}"] if asked.format in ("csv", "tsv") else [])]
        told += [f"columns={list(asked.columns)}"] if asked.columns is not None else []
        told += [f"types={ {name: str(kind) for name, kind in self.types.items()} }"] if self.types else []
        told += [f"with {', '.join(self.found.keys)} of their folders"] if self.found.keys else []
        return ", ".join(told)

    @cached_property
    def listing(self) -> list[list[Any]]:
        """Address, size and etag of each file: what the batch is made of."""
        return [[file.url, file.size_bytes, file.etag] for file in self.files]

    def without(self, urls: Collection[str]) -> FileSource:
        """The same but for the files with these addresses."""
        rest = copy(self)
        rest.__dict__.pop("listing", None)
        rest.files = [file for file in self.files if file.url not in urls]
        return rest

    def make_batch_id(self) -> str:
        """An id that is the same for the same versions of the same files."""
        return f"files-{hashlib.sha256(json.dumps(self.listing).encode()).hexdigest()[:20]}"

    def choose_types(self, table: pa.Schema | None) -> Typing:
        """The types of all columns; text files are read once for it, of others the schemas."""
        known = table.names if table is not None else ()
        types = {name: kind for name, kind in self.found.keys.items() if name not in known} | self.types
        if self.has_texts:
            return guess_text_types((part.rows for part in self.read()), table, types)
        if self.asked.format == "ndjson":
            return unify_told_types((_tell(part.rows) for part in self.read()), table, types)
        told = (self._read_schema(file) for file in self.files)
        return unify_told_types(told, table, types)

    def _read_schema(self, file: SourceFile) -> tuple[pa.Schema, list[int]]:
        schema, rows = _read_schema(file, self.asked.format)
        schema = self.found.add_keys(schema.empty_table(), file.url).schema
        return schema, [rows] * len(schema)

    def read(self) -> Iterator[Part]:
        """The rows, file by file, from the beginning."""
        for file in self.files:
            if self.has_texts:
                parts = read_csv(file, self.asked.delimiter, self.asked.columns)
            elif self.asked.format == "ndjson":
                parts = read_ndjson(file)
            else:
                parts = _read_typed(file, self.asked.format)
            for part in parts:
                yield replace(part, rows=self.found.add_keys(part.rows, file.url)) if self.found.keys else part


class MemorySource:
    """Data in memory, or a stream of it, which can be read once.

    Attributes:
        schema: its columns.
        name: what it is called in the quarantine.
    """

    can_reread = False
    has_texts = False
    listing = None
    reading = ""
    types: Mapping[str, pa.DataType] = {}

    def __init__(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]], name: str):
        self.schema = schema
        self.name = name
        self._batches = batches

    def make_batch_id(self) -> str:
        """There is none to be found in the data."""
        raise InvalidArgument(
            f"A batch from a {self.name} needs a batch_id.",
            hint='give it a name of its own, such as batch_id="flights, day 1": the same twice writes nothing twice.',
        )

    def choose_types(self, table: pa.Schema | None) -> Typing:
        """The types of all columns."""
        if not len(self.schema):
            raise InvalidArgument("The batch has no columns.", hint="give rows with at least one.")
        return choose_types(self.schema, table)

    def read(self) -> Iterator[Part]:
        """The rows in parts of equal length, whatever the lengths in which they come."""
        start = 1
        for rows in _cut_evenly(self._batches(), self.schema):
            yield make_part(self.name, rows, start)
            start += rows.num_rows


def open_source(source: Any, storage: Storage | None = None) -> FileSource | MemorySource:
    """The source that someone means by a value: addresses, or data of Arrow, Polars or DuckDB.

    Args:
        source: what was given.
        storage: how files are reached, where the source does not say it.

    Raises:
        NoFilesFound: no file there.
        InvalidArgument: neither files nor data; files of several formats, or of one that is not known.
    """
    if isinstance(source, Files):
        return FileSource(source if source.storage is not None else replace(source, storage=storage))
    is_list = isinstance(source, list | tuple) and all(isinstance(one, str | os.PathLike) for one in source)
    if is_list or isinstance(source, str | os.PathLike):
        return FileSource(Files(source, storage=storage))
    kind = f"{type(source).__module__.partition('.')[0]} {type(source).__name__}"
    _refuse_kinds(source, kind)
    if kind == "polars LazyFrame":
        schema = source.collect_schema().to_frame().to_arrow().schema
        return MemorySource(schema, partial(_collect_lazily, source), kind)
    if isinstance(source, pa.Table):  # not by the C interface, which cuts names at a NUL character
        return MemorySource(source.schema, lambda: iter(source.to_batches()), kind)
    if hasattr(source, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(source)
        return MemorySource(reader.schema, lambda: iter(reader), kind)
    if isinstance(source, pa.RecordBatch):
        return MemorySource(source.schema, lambda: iter([source]), kind)
    raise InvalidArgument(
        f"A {type(source).__name__} is no source of rows.",
        hint="give addresses of files, or data of Arrow, Polars or DuckDB.",
    )


def _refuse_kinds(source: Any, kind: str) -> None:
    """InvalidArgument where DuckDB or Polars would hand over other values than it has, without a word."""
    if kind == "duckdb DuckDBPyRelation":
        columns = zip(source.columns, source.types, strict=True)
    elif kind in ("polars LazyFrame", "polars DataFrame"):
        columns = source.collect_schema().items()
    else:
        return
    for column, told in columns:
        unknown = _NOT_IN_ARROW.intersection(_name_kinds(told))
        if unknown:
            what = f"The column {column!r} is or holds {min(unknown)}, for which Arrow has no type."
            raise InvalidArgument(what, hint="cast it to text, or to a number or time that fits.")


def _name_kinds(told: Any) -> Iterator[str]:
    """The names of a type of DuckDB or Polars, and of those within it."""
    if hasattr(told, "base_type"):
        yield told.base_type().__name__
        inner = [getattr(told, "inner", None), *(field.dtype for field in getattr(told, "fields", ()))]
    else:
        yield str(told)
        inner = [one for _, one in told.children] if told.id in _NESTED else []
    for one in inner:
        if one is not None and not isinstance(one, int):
            yield from _name_kinds(one)


def _collect_lazily(frame: Any) -> Iterator[pa.RecordBatch]:
    for part in frame.collect_batches(maintain_order=True):
        yield from part.to_arrow().to_batches()


def _find_format(files: Sequence[SourceFile]) -> str:
    formats = {}
    for file in files:
        name = re.sub(r"\.(gz|zst)$", "", file.path.lower())
        formats.setdefault(_FORMAT_OF.get(name.rpartition(".")[2]), file.url)
    if None in formats:
        what = f"The format of {formats[None]} cannot be told from its name."
        raise InvalidArgument(what, hint='give Files(…, format="csv"), or a glob that leaves it out.')
    if len(formats) > 1:
        there = ", ".join(f"{name} ({url})" for name, url in sorted(formats.items()))
        raise InvalidArgument(f"The files are of several formats: {there}.", hint="write a batch of each.")
    return next(iter(formats))


def _tell(rows: pa.Table) -> tuple[pa.Schema, list[int]]:
    return rows.schema, [len(column) - column.null_count for column in rows.columns]


def _open_typed(file: SourceFile, kind: str) -> Any:
    if kind == "parquet":
        from lakekit.manifest.footers import open_parquet as open_file
    else:
        from pyarrow.orc import ORCFile as open_file
    try:
        return open_file(pa.PythonFile(file.open(), mode="r"))
    except (pa.ArrowException, OSError) as exc:
        if isinstance(exc, LakekitError):
            raise
        what = f"{file.url} is no {kind} file, or damaged ({str(exc).splitlines()[0]})."
        raise CorruptFile(what, hint="leave it out of the batch; nothing of the batch is written yet.") from exc


def _read_schema(file: SourceFile, kind: str) -> tuple[pa.Schema, int]:
    opened = _open_typed(file, kind)
    return (opened.schema_arrow, opened.metadata.num_rows) if kind == "parquet" else (opened.schema, opened.nrows)


def _read_typed(file: SourceFile, kind: str) -> Iterator[Part]:
    opened, start = _open_typed(file, kind), 1
    if kind == "parquet":
        batches = opened.iter_batches(PART_ROWS)
    else:
        batches = (opened.read_stripe(number) for number in range(opened.nstripes))
    try:
        for batch in batches:
            for first in range(0, batch.num_rows, PART_ROWS):
                rows = pa.Table.from_batches([batch.slice(first, PART_ROWS)])
                yield make_part(file.url, rows, start)
                start += rows.num_rows
    except (pa.ArrowException, OSError) as exc:
        if isinstance(exc, LakekitError):
            raise
        reason = f"the file is damaged: its rows from this one on cannot be read ({str(exc).splitlines()[0]})"
        yield Part(
            file.url, pa.schema([]).empty_table(), [BadRow(file.url, start, reason, b"")], lambda row: (None, b"")
        )


def make_part(file: str, rows: pa.Table, first: int) -> Part:
    """Rows that have types as a part; where one is told by its number, and its raw text is JSON."""

    def locate(row: int) -> tuple[int, bytes]:
        return first + row, json.dumps(rows.slice(row, 1).to_pylist()[0], default=str, ensure_ascii=False).encode()

    return Part(file, rows, (), locate)


def _cut_evenly(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while batch.num_rows:
            piece = batch.slice(0, PART_ROWS - count)
            batch = batch.slice(piece.num_rows)
            held.append(piece)
            count += piece.num_rows
            if count == PART_ROWS:
                yield pa.Table.from_batches(held, held[0].schema)
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held, held[0].schema)
