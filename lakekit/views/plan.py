"""How a manifest is shown to DuckDB: its files in groups, each with a query over read_parquet.

It must not open a file of the lake; it asks DuckDB, over footers in memory, how DuckDB would type them.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.errors import UnsupportedTable
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.manifest.paths import PathList
from lakekit.manifest.schema import FileKind
from lakekit.manifest.types import describe_type
from lakekit.views.alike import lacks_struct
from lakekit.views.counted import RowCounter
from lakekit.views.explain import mark_key
from lakekit.views.filesystem import FILES_FUNCTION, NARROW_VARIABLE, PADDING_BYTES, PROTOCOL, MemoryFile
from lakekit.views.groups import (
    Group,
    KeyRange,
    KnownFile,
    Layout,
    list_told,
    make_distinct,
    name_files,
    next_number,
    show_folders,
    split_group,
    tell_file,
    tell_files,
)
from lakekit.views.keyvalues import KeyValues
from lakekit.views.reader import describe_conflict
from lakekit.views.sqltypes import (
    duckdb_type,
    find_unnameable,
    name_key_type,
    quote_name,
    quote_text,
    select_error,
    write_struct,
)
from lakekit.views.transcode import NO_COLUMN

_WORD = re.compile(r"[^\W\d]\w*")  # names of keys that stand in a path as they are; DuckDB decodes none
_HEADER_TIME = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # any time will do, so long as it stays the same

_SEEDS = 2**32 - 1


class ViewPlan:
    """How one manifest is shown to DuckDB.

    Args:
        manifest: the table.
        token: what stands for the table in the names of its files.

    Attributes:
        known: the files by path.
        paths: by the name that DuckDB is shown, the path of the file.
        headers: by name, the empty files from which DuckDB learns the columns of a group.
        counts: by name, what makes a file of so many rows, for queries that read no column.
        copied: schemas whose files are shown as rewritten copies.
        groups: the files by layout.
        refusal: why the table is no view that DuckDB can have, and has no groups; None if it is one.
        key_values: the values of keys, to ask which folders of a group meet a condition.
    """

    def __init__(self, manifest: Manifest, token: str):
        self.manifest = manifest
        self.token = token
        self.known: Mapping[str, KnownFile] = _KnownFiles(manifest)
        self.paths = _ShownPaths(manifest.entries["path"])
        self.headers: dict[str, MemoryFile] = {}
        self.counts: dict[str, tuple[RowCounter, int]] = {}
        self.copied: set[str] = set()
        self.groups: list[Group] = []
        self._counters: dict[int, RowCounter] = {}
        self.refusal = _refuse_nameless(manifest)
        self.key_values = KeyValues(manifest.partitioning)

    def build(self, is_read_alike: Callable[[str, FileKind], bool], previous: ViewPlan | None = None) -> None:
        """Fill in the plan.

        Args:
            is_read_alike: whether DuckDB types the footer of a shown file as lakekit types files of this kind.
            previous: the plan that views were made by; where the columns are the same, they stay good.
        """
        if self.refusal is not None:
            return
        self.copied = {kind.schema_id for kind in self.manifest.kinds if self._needs_copy(kind, is_read_alike)}
        schema_ids = self.manifest.entries["schema_id"]
        by_layout: dict[Layout, list[str | None]] = {}
        for schema_id in schema_ids.unique(maintain_order=True):  # None for files that cannot be read
            by_layout.setdefault(self._layout_of(schema_id), []).append(schema_id)
        files = {
            layout: np.flatnonzero(schema_ids.is_in(ids, nulls_equal=True).to_numpy())
            for layout, ids in by_layout.items()
        }
        for group, positions in self._keep_groups(previous, files) or self._make_groups(files):
            self._fill(group, positions)

    def _make_groups(self, files: Mapping[Layout, np.ndarray]) -> list[tuple[Group, np.ndarray]]:
        return [
            (Group(layout, within), part)
            for layout, positions in files.items()
            for within, part in split_group(self.manifest, positions)
        ]

    def _keep_groups(
        self, previous: ViewPlan | None, files: Mapping[Layout, np.ndarray]
    ) -> list[tuple[Group, np.ndarray]]:
        """Groups as in the previous plan, if a view made by it would show all of this plan's files; else none."""
        if previous is None or previous.manifest.schema.arrow != self.manifest.schema.arrow:
            return []
        ranges: dict[Layout, dict[KeyRange | None, int]] = {}
        for group in previous.groups:
            ranges.setdefault(group.layout, {})[group.within] = group.number
        if ranges.keys() != files.keys():
            return []
        kept = []
        for layout, positions in files.items():
            numbers = ranges[layout]
            within = [one for one in numbers if one is not None]
            parts = split_group(self.manifest, positions, within)
            if [one for one, _ in parts] != list(numbers):
                return []
            kept += [(Group(layout, one, numbers[one]), part) for one, part in parts]
        return kept

    def _fill(self, group: Group, positions: np.ndarray) -> None:
        """Give a group its files, and each of them a name."""
        self.groups.append(group)
        group.header = self._show_header(group)
        shown = name_files(self.manifest, positions, f"{PROTOCOL}://{self.token}/", self.marked_keys(group))
        shown = make_distinct(shown, self._is_taken)
        self.paths.add(shown, positions)
        files = self.manifest.entries[positions]
        is_copied = files["schema_id"].is_in(sorted(self.copied)).fill_null(False)
        group.paths = PathList(self.manifest.entries["path"], positions)
        group.rows, group.folders = positions, self.manifest.folders.numbers[positions]
        group.plain = (files["schema_id"].is_not_null() & ~is_copied).to_numpy()
        group.shown = tell_files(shown, files, is_copied, hash(self.manifest.names) & _SEEDS)

    def _is_taken(self, shown: str) -> bool:
        """Whether a name is that of a header, or of a file while the plan is made or in another group."""
        return shown in self.headers or shown in self.paths

    def _needs_copy(self, kind: FileKind, is_read_alike: Callable[[str, FileKind], bool]) -> bool:
        if kind.example in self.manifest.problems:
            return False
        if kind.is_altered and self._outgrows(kind):
            return True
        columns = self.manifest.schema.file_columns
        if any(lacks_struct(kind.types[one.name], one.type) for one in columns if one.name in kind.types):
            return True
        if kind.is_doubtful or "checked" in self.manifest.schema.supplies[kind.schema_id].values():
            return True
        # a name of its own: under that of an earlier plan, DuckDB would be shown what that plan made of the file
        probe = f"{PROTOCOL}://{self.token}/schema-{kind.schema_id}-{next_number()}"
        self.paths.probes[probe] = kind.example
        return not is_read_alike(probe, kind)

    def _outgrows(self, kind: FileKind) -> bool:
        """Whether the names of now are so much longer than those in the files that a footer has no room for them."""
        path, footers = kind.example, self.manifest.footers
        etag = self.manifest.entries["etag"][self.manifest.find(path)]
        return len(footers.get(path, etag)) - len(footers.get_stored(path, etag)) > PADDING_BYTES

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

    def shown_keys(self, group: Group) -> dict[str, str]:
        """By the name that the group's files show, the partition key."""
        return {marked: key for key, marked in self.marked_keys(group).items()}

    def sql(self) -> str:
        """The query behind the view.

        Of a union that is only counted DuckDB reads the first column, so that it is given one that costs nothing.
        """
        if self.refusal is not None:
            return f"{select_error(f'UnsupportedTable: {self.refusal}')} AND {quote_text(self.token)} IS NOT NULL"
        if not self.groups:
            fields = [(quote_name(one.name), duckdb_type(one.type)) for one in self.manifest.schema.arrow]
            columns = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in fields]
            return f"SELECT {', '.join(columns)} WHERE {quote_text(self.token)} IS NULL"
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
        options = [f"bound_schema={write_struct(texts)}"]
        if keys:
            types = write_struct({marked: name_key_type(bound[marked]) for marked in keys.values()})
            options += ["hive_partitioning=true", "hive_types_autocast=false", f"hive_types={types}"]
        else:
            options += ["hive_partitioning=false"]
        narrowed = f"coalesce(getvariable('{NARROW_VARIABLE}'), '')"
        files = f"{FILES_FUNCTION}({quote_text(self.token)}, {group.number}, {narrowed})"
        source = f"read_parquet({files}, {', '.join(options)})"
        return f"{', '.join(expressions)} FROM {source}{self._limit(group.within, keys)}"

    def _limit(self, within: KeyRange | None, marked: Mapping[str, str]) -> str:
        """The condition that all rows of a group meet whose files are a range of a key."""
        if within is None:
            return ""
        name = quote_name(marked[within.key])
        if within.is_null:
            return f" WHERE {name} IS NULL"
        kind = duckdb_type(self.manifest.schema.arrow.field(within.key).type)
        limits = [(">=", within.start), ("<", within.end)]
        told = [
            f"{name} {sign} CAST({quote_text(str(value))} AS {kind})" for sign, value in limits if value is not None
        ]
        return f" WHERE {' AND '.join(told)}"

    def _expression(self, name: str, how: str, group: Group) -> str:
        if how == "file":
            return quote_name(name)
        kind = duckdb_type(self.manifest.schema.arrow.field(name).type)
        if how == "missing":
            return f"CAST(NULL AS {kind}) AS {quote_name(name)}"
        error = describe_conflict(self.manifest, name, group.paths[0])
        what = quote_text(f"TypeConflict: {error.what} Hint: {error.hint}")
        text = f"concat({what}, left(filename, 0))"  # of each row, so that it is raised where one is read
        return f"CAST(error({text}) AS {kind}) AS {quote_name(name)}"

    def list_counts(self, group: Group, positions: Sequence[int]) -> pa.ListArray:
        """Files of a group for a query that reads no column of them: one a folder, that has as many rows as they.

        Those that cannot be read are listed as they are, and opening them is an error.
        """
        where = np.array(positions, np.int64)
        rows = self.manifest.entries["rows"].gather(group.rows[where]).to_numpy()
        is_known = ~np.isnan(rows.astype(float))
        used, folders = np.unique(group.folders[where[is_known]], return_inverse=True)
        totals = np.bincount(folders, weights=rows[is_known].astype(float), minlength=len(used)).astype(np.int64)
        samples = dict(zip(group.folders.tolist(), range(len(group.paths)), strict=True))
        # no empty file among them: its keys are NULL, and DuckDB would plan for that
        told = [] if is_known.all() and len(used) else [group.list_files(where[~is_known]).values]
        told += [self._tell_rows(group, samples[folder], total) for folder, total in zip(used, totals, strict=True)]
        return list_told(pa.concat_arrays(told))

    def list_samples(self, group: Group) -> pa.ListArray:
        """Files of a group to plan a query by: one of each folder, led by one more that lakekit made.

        What the plan leaves out then holds for any rows, and not only for those of the files that are shown now: where
        conditions on keys leave the first file alone, DuckDB plans by its bounds, and by how many rows it has.
        """
        if group.leader is None:
            last = len(group.paths) - 1  # perhaps the same once more
            return group.list_files([group.samples[0], last] if len(group.samples) == 1 else group.samples)
        rows = self.manifest.entries["rows"][int(group.rows[group.leader])]
        first, samples = self._tell_rows(group, group.leader, rows), group.shown.take(pa.array(group.samples))
        return list_told(pa.concat_arrays([first, samples]))

    def _tell_rows(self, group: Group, position: int, rows: int) -> pa.StructArray:
        """A file that tells nothing but how many rows it has, in the folder of a file of the group."""
        counter = self._counters.get(group.number)
        if counter is None:
            counter = self._counters[group.number] = RowCounter(self._schema_of(group), _HEADER_TIME)
        shown = f"{self._begin_names(group, position)}({group.number}) {rows} rows"  # no file is shown with parentheses
        self.counts[shown] = counter, int(rows)
        return tell_file(shown, None, _HEADER_TIME)

    def _begin_names(self, group: Group, position: int) -> str:
        """The folders of keys below which a file of a group is shown."""
        values = self.manifest.partitioning.values_of(group.paths[position])
        return show_folders(f"{PROTOCOL}://{self.token}/", self.marked_keys(group), values)

    def _schema_of(self, group: Group) -> pa.Schema:
        """The columns that the files of a group show; there is at least one."""
        schema = self.manifest.schema.arrow
        return pa.schema([schema.field(name) for name in group.from_file] or [pa.field(NO_COLUMN, pa.bool_())])

    def _show_header(self, group: Group) -> pa.StructArray:
        folders = "".join(f"{key}={HIVE_NULL}/" for key in self.marked_keys(group).values())
        shown = f"{PROTOCOL}://{self.token}/{folders}columns-{group.number}"
        while self._is_taken(shown):
            shown += "~"
        sink = io.BytesIO()
        pq.write_table(self._schema_of(group).empty_table(), sink)
        self.headers[shown] = MemoryFile(sink.getvalue(), _HEADER_TIME)
        return tell_file(shown, self.headers[shown].size_bytes, _HEADER_TIME)


class _KnownFiles(Mapping[str, KnownFile]):
    """The files of a manifest by path, each made when it is asked for."""

    def __init__(self, manifest: Manifest):
        self._manifest = manifest
        columns = [pl.col(name) for name in KnownFile.__slots__ if name != "modified_at"]
        moment = pl.col("modified_at").dt.replace_time_zone(None)
        self._rows = manifest.entries.select(*columns, moment).select(KnownFile.__slots__)

    def __getitem__(self, path: str) -> KnownFile:
        position = self._manifest.find(path)
        if position is None:
            raise KeyError(path)
        return KnownFile(*self._rows.row(position))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows["path"].to_list())

    def __len__(self) -> int:
        return self._rows.height


class _ShownPaths(Mapping[str, str]):
    """By the name that DuckDB is shown, the path of the file; names are looked up when one is first asked for.

    Attributes:
        probes: names that files have only while the plan is made.
    """

    def __init__(self, column: pl.Series):
        self.probes: dict[str, str] = {}
        self._column = column
        self._names: list[tuple[pl.Series, np.ndarray]] = []
        self._positions: dict[str, int] = {}  # of the names up to now
        self._lock = threading.Lock()

    def add(self, names: pl.Series, positions: np.ndarray) -> None:
        """Show these files by these names."""
        self._names.append((names, positions))

    def _find(self, shown: str) -> int | None:
        if self._names:
            with self._lock:
                while self._names:
                    names, positions = self._names[-1]
                    self._positions.update(zip(names.to_list(), positions.tolist(), strict=True))
                    self._names.pop()
        return self._positions.get(shown)

    def __getitem__(self, shown: str) -> str:
        if shown in self.probes:
            return self.probes[shown]
        position = self._find(shown)
        if position is None:
            raise KeyError(shown)
        return self._column[position]

    def __contains__(self, shown: object) -> bool:
        return shown in self.probes or self._find(str(shown)) is not None

    def __iter__(self) -> Iterator[str]:
        self._find("")
        return iter([*self.probes, *self._positions])

    def __len__(self) -> int:
        return len(list(iter(self)))


def _refuse_nameless(manifest: Manifest) -> UnsupportedTable | None:
    reason = find_unnameable(manifest.schema.arrow)
    what = f"The table {manifest.name} {reason}, which SQL has no word for."
    return UnsupportedTable(what, hint="read it with polars() or arrow().") if reason else None
