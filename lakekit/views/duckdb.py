"""A table as a DuckDB view over the files that the manifest names, each bound to the table's own columns and types.

It must not read data: DuckDB does, through lakekit's file system.
"""

from __future__ import annotations

import io
import itertools
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.errors import LakekitError, StaleFile
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.manifest.types import describe_type
from lakekit.views.filesystem import FILE_SYSTEM, PADDING_BYTES, PROTOCOL, MemoryFile, ShownFile, StoredFile
from lakekit.views.reader import CONFLICT_HINT, TableReader, describe_conflict
from lakekit.views.sqltypes import duckdb_type, quote_name, quote_text
from lakekit.views.transcode import LocalCopy, write_copy

if TYPE_CHECKING:
    from lakekit.views.source import ViewSource

_NUMBERS = itertools.count(1)
_SAFE = "-_.~+,:@! "  # characters of names and values that are shown as they are; DuckDB reads none of them specially
_CAST_BY_DUCKDB = {"UUID", "JSON"}  # types that DuckDB has, shown as text, which it writes as lakekit does

_NOT_OF_FILES = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
)

Layout = tuple[tuple[str, str], ...]  # for each file column its name and "file", "missing", or the type in conflict


class DuckDBView:
    """What DuckDB is shown of one table: the text of its view, and the files behind the names in it.

    Args:
        source: the table.
    """

    def __init__(self, source: ViewSource):
        self.source = source
        self.token = f"{re.sub(r'[^A-Za-z0-9_]+', '_', source.name)}-{next(_NUMBERS)}"
        self.last_error: LakekitError | None = None
        self.opened: set[str] = set()  # files that the query under way asked for
        self.is_stale = False
        self._copies: dict[tuple[str, str], LocalCopy] = {}
        self._lock = threading.Lock()
        self._plan: _Plan | None = None
        FILE_SYSTEM.providers[self.token] = self

    @property
    def plan(self) -> _Plan:
        """The plan for the table's manifest as it is now."""
        if self._plan is None or self._plan.manifest is not self.source.manifest:
            self._plan = _Plan(self.source.manifest, self.token)
            self._plan.choose_copies(self)
        return self._plan

    def open_shown(self, path: str) -> ShownFile:
        """The file that DuckDB asks for by one of the view's names."""
        if path in self._opened_plan.headers:
            return self._opened_plan.headers[path]
        return self._open_stored(self._find_path(path))

    @property
    def _opened_plan(self) -> _Plan:
        return self._plan or self.plan

    def _find_path(self, shown: str) -> str:
        known = self._opened_plan.paths.get(shown) or self._opened_plan.probes.get(shown)
        if known is None:
            raise StaleFile(f"{shown} is not, or no longer, a file of {self.source.name}.", hint="refresh the table.")
        return known

    def _open_stored(self, path: str) -> ShownFile:
        manifest = self.source.manifest
        if path in manifest.problems:
            raise manifest.problems[path]
        position = manifest.positions.get(path)
        if position is None:
            raise StaleFile(f"{path} is no longer a file of {self.source.name}.", hint="run the query again.")
        row = manifest.files.row(position, named=True)
        self.opened.add(path)
        if row["schema_id"] in self._opened_plan.copied:
            return self._find_copy(path, row)
        footer = manifest.footers.get(path, row["etag"])
        return StoredFile(self.source.store, path, row["etag"], row["size_bytes"], footer, _naive(row["modified_at"]))

    def _find_copy(self, path: str, row: Mapping[str, Any]) -> LocalCopy:
        key = path, row["etag"]
        with self._lock:
            if key not in self._copies:
                reader = TableReader(self.source.store, self.source.manifest)
                columns = self._opened_plan.columns_of(row["schema_id"])
                self._copies[key] = write_copy(reader, path, columns, _naive(row["modified_at"]))
            return self._copies[key]

    def describe_shown(self, path: str) -> dict[str, Any]:
        """Size and time of a shown file."""
        shown = self.open_shown(path)
        return {"size": shown.size_bytes, "modified_at": shown.modified_at}

    def note_error(self, error: LakekitError) -> None:
        """Remember an error that DuckDB is about to wrap, so that the caller can be given it as it was."""
        self.last_error = error
        self.is_stale = self.is_stale or isinstance(error, StaleFile)

    def forget_query(self) -> None:
        """Begin a new query: no error, no file opened."""
        self.last_error = None
        self.opened.clear()

    def find_damage(self, error: duckdb.Error) -> LakekitError | None:
        """The file that a reading error of DuckDB's is about, found by decoding those that the query opened."""
        if isinstance(error, _NOT_OF_FILES):
            return None
        reader = TableReader(self.source.store, self.source.manifest)
        for path in sorted(self.opened):
            try:
                for _ in reader.read_files([path]):
                    pass
            except LakekitError as found:
                return found
        return None


def create_view(con: duckdb.DuckDBPyConnection, name: str, view: DuckDBView) -> None:
    """Register lakekit's file system in a connection and create, or replace, the view of a table in it.

    In a database file the view is temporary: it would outlive the session that it needs.
    """
    if PROTOCOL not in con.list_filesystems():
        con.register_filesystem(FILE_SYSTEM)
    persistent = con.execute(
        "SELECT path IS NOT NULL FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0][0]
    kind = "TEMP VIEW" if persistent else "VIEW"
    con.execute(f"CREATE OR REPLACE {kind} {quote_name(name)} AS {view.plan.sql}")


@dataclass(frozen=True)
class _Group:
    """Files that supply the same of the table's columns in the same way."""

    layout: Layout
    paths: list[str]
    rows: int

    @property
    def from_file(self) -> list[str]:
        return [name for name, how in self.layout if how == "file"]


class _Plan:
    """How one manifest is shown to DuckDB."""

    def __init__(self, manifest: Manifest, token: str):
        self.manifest = manifest
        self.token = token
        self.copied: set[str] = set()
        self.paths: dict[str, str] = {}
        self.headers: dict[str, MemoryFile] = {}
        self.probes = {
            f"{PROTOCOL}://{token}/probe-{kind.schema_id}": kind.example
            for kind in manifest.kinds
            if kind.example not in manifest.problems
        }

    def choose_copies(self, view: DuckDBView) -> None:
        """Find the schemas that DuckDB reads otherwise than lakekit, by asking DuckDB, with footers from memory."""
        view._plan = self
        con = duckdb.connect()
        con.register_filesystem(FILE_SYSTEM)
        by_example = {kind.example: kind for kind in self.manifest.kinds}
        for probe, example in self.probes.items():
            kind = by_example[example]
            supplies = self.manifest.schema.supplies[kind.schema_id]
            checked = any(how == "checked" for how in supplies.values())
            if checked or not _reads_alike(con, probe, kind.schema, supplies):
                self.copied.add(kind.schema_id)
        con.close()

    def columns_of(self, schema_id: str) -> list[str]:
        """The columns that files of this schema are shown with."""
        return [name for name, how in self._layout_of(schema_id) if how == "file"] or self._filler

    @cached_property
    def _filler(self) -> list[str]:
        fields = self.manifest.schema.file_columns
        return [fields[0].name] if fields else []

    def _layout_of(self, schema_id: str | None) -> Layout:
        """An unreadable file is laid out as if it had all columns: the query that asks for it must open it."""
        schema = self.manifest.schema
        names = [column.name for column in schema.file_columns]
        if schema_id is None:
            return tuple((name, "file") for name in names)
        kinds = {kind.schema_id: kind for kind in self.manifest.kinds}
        layout = []
        for name in names:
            how = schema.supplies[schema_id][name]
            if how == "conflict":
                layout.append((name, describe_type(kinds[schema_id].schema.field(name).type)))
            else:
                layout.append((name, "missing" if how == "missing" and schema_id not in self.copied else "file"))
        return tuple(layout)

    @cached_property
    def groups(self) -> list[_Group]:
        """The files of the table, by layout."""
        layouts: dict[str | None, Layout] = {}
        found: dict[Layout, _Group] = {}
        files = self.manifest.files.select("path", "schema_id", "rows")
        for path, schema_id, rows in files.iter_rows():
            if schema_id not in layouts:
                layouts[schema_id] = self._layout_of(schema_id)
            group = found.get(layouts[schema_id])
            if group is None:
                found[layouts[schema_id]] = _Group(layouts[schema_id], [path], rows or 0)
            else:
                group.paths.append(path)
                found[layouts[schema_id]] = _Group(group.layout, group.paths, group.rows + (rows or 0))
        return list(found.values())

    @cached_property
    def sql(self) -> str:
        """The query behind the view."""
        return "\nUNION ALL ".join(self._select_group(number, group) for number, group in enumerate(self.groups))

    def _select_group(self, number: int, group: _Group) -> str:
        schema = self.manifest.schema
        expressions = [self._expression(name, how, group) for name, how in group.layout]
        expressions += [quote_name(key) for key in schema.keys]
        files = [self._show_header(number, group), *map(self._show_file, group.paths)]
        bound = {name: duckdb_type(schema.arrow.field(name).type) for name in self._bound_names(group)}
        options = [f"bound_schema={_struct({name: quote_text(kind) for name, kind in bound.items()})}"]
        if schema.keys:
            types = _struct({key: bound[key] for key in schema.keys})
            options += ["hive_partitioning=true", "hive_types_autocast=false", f"hive_types={types}"]
        else:
            options += ["hive_partitioning=false"]
        options.append(f"explicit_cardinality={max(group.rows, 1)}")
        return f"SELECT {', '.join(expressions)} FROM read_parquet([{', '.join(files)}], {', '.join(options)})"

    def _bound_names(self, group: _Group) -> list[str]:
        return [*(group.from_file or self._filler), *self.manifest.schema.keys]

    def _expression(self, name: str, how: str, group: _Group) -> str:
        if how == "file":
            return quote_name(name)
        kind = duckdb_type(self.manifest.schema.arrow.field(name).type)
        if how == "missing":
            return f"CAST(NULL AS {kind}) AS {quote_name(name)}"
        what = describe_conflict(self.manifest, name, group.paths[0])
        text = f"TypeConflict: {what} Met in "
        return f"CAST(error(concat({quote_text(text)}, filename, {quote_text(f'. Hint: {CONFLICT_HINT}')})) AS {kind}) AS {quote_name(name)}"

    def _show_header(self, number: int, group: _Group) -> str:
        """An empty file with the group's columns, so that binding the view opens no file of the lake."""
        folders = "".join(f"{_show(key)}={HIVE_NULL}/" for key in self.manifest.schema.keys)
        shown = f"{PROTOCOL}://{self.token}/{folders}columns-{number}"
        schema = self.manifest.schema.arrow
        names = [name for name in self._bound_names(group) if name not in self.manifest.schema.keys]
        fields = [schema.field(name) for name in names] or [pa.field("", pa.bool_())]
        sink = io.BytesIO()
        pq.write_table(pa.schema(fields).empty_table(), sink)
        header = MemoryFile(sink.getvalue(), datetime(2000, 1, 1))
        self.headers[shown] = header
        return _file_literal(shown, header.size_bytes, header.modified_at, str(number))

    def _show_file(self, path: str) -> str:
        manifest = self.manifest
        values = zip(manifest.schema.keys, manifest.partitioning.values_of(path), strict=True)
        folders = "".join(f"{_show(key)}={_show_value(value)}/" for key, value in values)
        rest = "/".join(_show(part) for part in _without_keys(path, manifest.schema.keys))
        shown = f"{PROTOCOL}://{self.token}/{folders}{rest}"
        while shown in self.paths and self.paths[shown] != path:
            shown += "~"
        self.paths[shown] = path
        row = manifest.files.row(manifest.positions[path], named=True)
        size = None if row["schema_id"] in self.copied else row["size_bytes"] + PADDING_BYTES
        return _file_literal(shown, size, _naive(row["modified_at"]), row["etag"])


def _reads_alike(
    con: duckdb.DuckDBPyConnection, probe: str, schema: pa.Schema, supplies: Mapping[str, str]
) -> bool:
    """Whether DuckDB sees the columns of a footer with the types under which lakekit shows them."""
    try:
        relation = con.sql(f"SELECT * FROM read_parquet({quote_text(probe)}, hive_partitioning=false)")
    except duckdb.Error:
        return False
    seen = dict(zip(relation.columns, map(str, relation.types), strict=True))
    for name, how in supplies.items():
        if how in ("missing", "conflict"):
            continue
        expected = str(con.sqltype(duckdb_type(schema.field(name).type)))
        if seen.get(name) != expected and not (seen.get(name) in _CAST_BY_DUCKDB and expected == "VARCHAR"):
            return False
    return True


def _without_keys(path: str, keys: Sequence[str]) -> list[str]:
    """The parts of a path that are not ``key=value`` folders."""
    parts = path.split("/")
    return [part for part in parts[:-1] if not ("=" in part and part.partition("=")[0] in keys)] + parts[-1:]


def _show(text: str) -> str:
    return quote(text, safe=_SAFE)


def _show_value(value: Any) -> str:
    if value is None:
        return HIVE_NULL
    if isinstance(value, bool):
        return str(value).lower()
    return _show(str(value))


def _struct(items: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{quote_name(name)}: {value}" for name, value in items.items()) + "}"


def _file_literal(shown: str, size_bytes: int | None, modified_at: datetime, etag: str) -> str:
    return (
        f"{{filename: {quote_text(shown)}, file_size: {'NULL::BIGINT' if size_bytes is None else size_bytes}, "
        f"last_modified: TIMESTAMP {quote_text(str(modified_at))}, etag: {quote_text(etag)}}}"
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
