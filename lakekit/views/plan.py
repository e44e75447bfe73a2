"""How a manifest is shown to DuckDB: its files in groups, each with a query over read_parquet.

It must not open a file of the lake; it asks DuckDB, over footers in memory, how DuckDB would type them.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.manifest import Manifest
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.manifest.schema import FileKind
from lakekit.manifest.types import describe_type
from lakekit.views.explain import mark_key
from lakekit.views.filesystem import PADDING_BYTES, PROTOCOL, MemoryFile
from lakekit.views.reader import CONFLICT_HINT, describe_conflict
from lakekit.views.sqltypes import duckdb_type, quote_name, quote_text
from lakekit.views.transcode import NO_COLUMN

_GROUP_NUMBERS = itertools.count(1)
_WORD = re.compile(r"[^\W\d]\w*")  # names of keys that stand in a path as they are; DuckDB decodes none
_SAFE = "-_.~+,:@! "  # characters of names and values that are shown as they are; DuckDB reads none of them specially
_CAST_BY_DUCKDB = {"UUID", "JSON"}  # types that DuckDB has, shown as text, which it writes as lakekit does

_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4_RAW"}  # what DuckDB 2.0 decompresses
_STRANGE_CODECS = "SELECT 1 FROM parquet_metadata($1) WHERE compression NOT IN (SELECT unnest($2)) LIMIT 1"
_HEADER_TIME = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # any time will do, so long as it stays the same

FILES_FUNCTION = "lakekit_files"  # the DuckDB function that lists a group's files: token, number, narrowing
NARROW_VARIABLE = "lakekit_narrowing"  # the DuckDB variable that names the shorter lists of the query under way
_FILE = {"filename": pa.string(), "file_size": pa.int64(), "last_modified": pa.timestamp("us"), "etag": pa.string()}

Layout = tuple[tuple[str, str], ...]  # for each file column its name and "file", "missing", or the type in conflict


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the manifest knows of one file."""

    path: str
    schema_id: str | None
    rows: int | None
    size_bytes: int
    modified_at: datetime
    etag: str


@dataclass
class Group:
    """Files that supply the same of the table's columns in the same way.

    Attributes:
        layout: how each file column is supplied.
        number: what tells the group from all others of this process.
        paths: its files.
        rows: where they stand in ``manifest.files``.
        samples: positions of files, one for each folder.
        folders: for each file, which of the samples lies in its folder.
        plain: positions of the files that are neither unreadable nor shown as copies.
        shown: the files as DuckDB is told of them, after an empty one with the group's columns.
    """

    layout: Layout
    number: int = field(default_factory=lambda: next(_GROUP_NUMBERS))
    paths: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list, repr=False)
    samples: list[int] = field(default_factory=list, repr=False)
    folders: list[int] = field(default_factory=list, repr=False)
    plain: set[int] = field(default_factory=set, repr=False)
    shown: pa.StructArray | None = field(default=None, repr=False)

    @property
    def from_file(self) -> list[str]:
        """The columns that the files hold."""
        return [name for name, how in self.layout if how == "file"]

    def list_files(
        self, positions: Sequence[int] | None = None, names: Mapping[int, str] | None = None
    ) -> pa.ListArray:
        """One list of files of the group, as read_parquet takes it.

        DuckDB binds a view by the first file, and guesses by it how many rows there are. So a plain file leads, one
        that opens without a request; where there is none, an empty file with the group's columns does.

        Args:
            positions: which of ``paths``; all if not given.
            names: by position, what some are called instead.
        """
        chosen = range(len(self.paths)) if positions is None else positions
        leader = next((position for position in chosen if position in self.plain), None)
        order = [-1] if leader is None else [leader]
        order += [position for position in chosen if position != leader]
        files = self.shown.take(pa.array([position + 1 for position in order]))
        if names:
            known = files.field("filename").to_pylist()
            renamed = [names.get(position, name) for position, name in zip(order, known, strict=True)]
            columns = [pa.array(renamed, pa.string()), *files.flatten()[1:]]
            files = pa.StructArray.from_arrays(columns, fields=list(files.type))
        return pa.ListArray.from_arrays(pa.array([0, len(order)], pa.int32()), files)


class ViewPlan:
    """How one manifest is shown to DuckDB.

    Args:
        manifest: the table.
        token: what stands for the table in the names of its files.

    Attributes:
        known: the files by path.
        paths: by the name that DuckDB is shown, the path of the file.
        headers: by name, the empty files from which DuckDB learns the columns of a group.
        copied: schemas whose files are shown as rewritten copies.
        groups: the files by layout.
    """

    def __init__(self, manifest: Manifest, token: str):
        self.manifest = manifest
        self.token = token
        self.known = _list_known(manifest)
        self.paths: dict[str, str] = {}
        self.headers: dict[str, MemoryFile] = {}
        self.copied: set[str] = set()
        self.groups: list[Group] = []

    def build(self, is_read_alike: Callable[[str, FileKind], bool], previous: ViewPlan | None = None) -> None:
        """Fill in the plan.

        Args:
            is_read_alike: whether DuckDB types the footer of a shown file as lakekit types files of this kind.
            previous: the plan that views were made by; where the columns are the same, they stay good.
        """
        self.copied = {kind.schema_id for kind in self.manifest.kinds if self._needs_copy(kind, is_read_alike)}
        layouts = {schema_id: self._layout_of(schema_id) for schema_id in self._shown_schemas()}
        numbers = self._keep_numbers(previous, set(layouts.values()))
        groups: dict[Layout, Group] = {}
        folders: dict[tuple[int, str], int] = {}
        told: dict[int, list[tuple[str, int | None, datetime, str]]] = {}
        for row, file in enumerate(self.known.values()):
            schema_id = None if file.path in self.manifest.problems else file.schema_id
            group = groups.get(layouts[schema_id])
            if group is None:
                group = groups[layouts[schema_id]] = Group(layouts[schema_id], **numbers.get(layouts[schema_id], {}))
                told[group.number] = [self._show_header(group)]
            folder = group.number, file.path.rpartition("/")[0]
            if folder not in folders:
                folders[folder] = len(group.samples)
                group.samples.append(len(group.paths))
            group.folders.append(folders[folder])
            if schema_id is not None and schema_id not in self.copied:
                group.plain.add(len(group.paths))
            group.paths.append(file.path)
            group.rows.append(row)
            shown_bytes = None if schema_id in self.copied else file.size_bytes + PADDING_BYTES
            told[group.number].append((self._name_file(file.path, group), shown_bytes, file.modified_at, file.etag))
        self.groups = list(groups.values())
        for group in self.groups:
            columns_told = [
                pa.array(column, kind)
                for column, kind in zip(zip(*told[group.number], strict=True), _FILE.values(), strict=True)
            ]
            group.shown = pa.StructArray.from_arrays(columns_told, names=list(_FILE))

    def _shown_schemas(self) -> set[str | None]:
        problems = self.manifest.problems
        return {None if file.path in problems else file.schema_id for file in self.known.values()}

    def _keep_numbers(self, previous: ViewPlan | None, layouts: set[Layout]) -> dict[Layout, dict[str, int]]:
        """The numbers of the previous plan's groups, if a view made by it would show all of this plan's files."""
        if previous is None or previous.manifest.schema.arrow != self.manifest.schema.arrow:
            return {}
        numbers = {group.layout: {"number": group.number} for group in previous.groups}
        return numbers if numbers.keys() == layouts else {}

    def _needs_copy(self, kind: FileKind, is_read_alike: Callable[[str, FileKind], bool]) -> bool:
        if kind.example in self.manifest.problems:
            return False
        if kind.is_doubtful or "checked" in self.manifest.schema.supplies[kind.schema_id].values():
            return True
        # a name of its own: under that of an earlier plan, DuckDB would be shown what that plan made of the file
        probe = f"{PROTOCOL}://{self.token}/schema-{kind.schema_id}-{next(_GROUP_NUMBERS)}"
        self.paths[probe] = kind.example
        return not is_read_alike(probe, kind)

    def columns_of(self, schema_id: str) -> list[str]:
        """The columns that copies of files with this schema hold."""
        return [name for name, how in self._layout_of(schema_id) if how == "file"]

    def _layout_of(self, schema_id: str | None) -> Layout:
        """An unreadable file (None) is laid out as if it had all columns: a query that asks for it must open it."""
        schema = self.manifest.schema
        names = [column.name for column in schema.file_columns]
        if schema_id is None:
            return tuple((name, "file") for name in names)
        kind = next(kind for kind in self.manifest.kinds if kind.schema_id == schema_id)
        layout = []
        for name in names:
            how = schema.supplies[schema_id][name]
            if how == "conflict":
                layout.append((name, describe_type(kind.schema.field(name).type)))
            else:
                layout.append((name, "missing" if how == "missing" and schema_id not in self.copied else "file"))
        return tuple(layout)

    def marked_keys(self, group: Group) -> dict[str, str]:
        """By partition key, the name that the group's files show it under."""
        keys = self.manifest.schema.keys
        names = [key if _WORD.fullmatch(key) else f"key-{position}" for position, key in enumerate(keys)]
        return {key: mark_key(name, group.number) for key, name in zip(keys, names, strict=True)}

    def sql(self) -> str:
        """The query behind the view.

        Of a union that is only counted DuckDB reads the first column, so that it is given one that costs nothing.
        """
        if len(self.groups) == 1:
            return f"SELECT {self._select_group(self.groups[0])}"
        union = "\nUNION ALL ".join(f"SELECT true, {self._select_group(group)}" for group in self.groups)
        return f"SELECT {', '.join(map(quote_name, self.manifest.schema.arrow.names))} FROM ({union})"

    def _select_group(self, group: Group) -> str:
        schema, keys = self.manifest.schema, self.marked_keys(group)
        expressions = [self._expression(name, how, group) for name, how in group.layout]
        expressions += [f"{quote_name(marked)} AS {quote_name(key)}" for key, marked in keys.items()]
        bound = {name: schema.arrow.field(name).type for name in group.from_file} or {NO_COLUMN: pa.bool_()}
        bound |= {marked: schema.arrow.field(key).type for key, marked in keys.items()}
        texts = {name: quote_text(duckdb_type(kind)) for name, kind in bound.items()}
        options = [f"bound_schema={_struct(texts)}"]
        if keys:
            types = _struct({marked: duckdb_type(bound[marked]) for marked in keys.values()})
            options += ["hive_partitioning=true", "hive_types_autocast=false", f"hive_types={types}"]
        else:
            options += ["hive_partitioning=false"]
        narrowed = f"coalesce(getvariable('{NARROW_VARIABLE}'), '')"
        files = f"{FILES_FUNCTION}({quote_text(self.token)}, {group.number}, {narrowed})"
        return f"{', '.join(expressions)} FROM read_parquet({files}, {', '.join(options)})"

    def _expression(self, name: str, how: str, group: Group) -> str:
        if how == "file":
            return quote_name(name)
        kind = duckdb_type(self.manifest.schema.arrow.field(name).type)
        if how == "missing":
            return f"CAST(NULL AS {kind}) AS {quote_name(name)}"
        what = quote_text(f"TypeConflict: {describe_conflict(self.manifest, name, group.paths[0])} Met in ")
        text = f"concat({what}, filename, {quote_text(f'. Hint: {CONFLICT_HINT}')})"
        return f"CAST(error({text}) AS {kind}) AS {quote_name(name)}"

    def _show_header(self, group: Group) -> tuple[str, int, datetime, str]:
        folders = "".join(f"{key}={HIVE_NULL}/" for key in self.marked_keys(group).values())
        shown = self._free_name(f"{PROTOCOL}://{self.token}/{folders}columns-{group.number}")
        schema = self.manifest.schema.arrow
        fields = [schema.field(name) for name in group.from_file] or [pa.field(NO_COLUMN, pa.bool_())]
        sink = io.BytesIO()
        pq.write_table(pa.schema(fields).empty_table(), sink)
        self.headers[shown] = MemoryFile(sink.getvalue(), _HEADER_TIME)
        return shown, self.headers[shown].size_bytes, _HEADER_TIME, "columns"

    def _name_file(self, path: str, group: Group) -> str:
        """The name that DuckDB is shown for a file: clean ``key=value`` folders, whatever the layout of the lake."""
        manifest = self.manifest
        values = zip(self.marked_keys(group).values(), manifest.partitioning.values_of(path), strict=True)
        folders = "".join(f"{key}={_show_value(value)}/" for key, value in values)
        rest = "/".join(_show(part) for part in _without_keys(path, manifest.schema.keys))
        shown = self._free_name(f"{PROTOCOL}://{self.token}/{folders}{rest}")
        self.paths[shown] = path
        return shown

    def _free_name(self, shown: str) -> str:
        while shown in self.paths or shown in self.headers:
            shown += "~"
        return shown


def is_read_alike(con: duckdb.DuckDBPyConnection, shown: str, schema: pa.Schema, supplies: Mapping[str, str]) -> bool:
    """Whether DuckDB reads files with this footer as lakekit does: the same types, and codecs that it has."""
    try:
        relation = con.sql(f"SELECT * FROM read_parquet({quote_text(shown)}, hive_partitioning=false)")
        strange = con.execute(_STRANGE_CODECS, [shown, sorted(_CODECS)]).fetchall()
    except duckdb.Error:
        return False
    if strange:
        return False
    seen = dict(zip(relation.columns, map(str, relation.types), strict=True))
    for name, how in supplies.items():
        if how in ("missing", "conflict"):
            continue
        expected = str(con.sqltype(duckdb_type(schema.field(name).type)))
        if seen.get(name) != expected and not (seen.get(name) in _CAST_BY_DUCKDB and expected == "VARCHAR"):
            return False
    return True


def _list_known(manifest: Manifest) -> dict[str, KnownFile]:
    """The files by path; their times in UTC without a zone, as DuckDB takes them."""
    columns = [pl.col(name) for name in KnownFile.__slots__ if name != "modified_at"]
    frame = manifest.files.select(*columns, pl.col("modified_at").dt.replace_time_zone(None))
    return {row[0]: KnownFile(*row) for row in frame.select(KnownFile.__slots__).iter_rows()}


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
