"""Files of a table as Arrow tables of its schema, read a row group at a time, with the next ones under way.

It must not filter rows: it reads the files it is told to.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.errors import CorruptFile, LakekitError, TypeConflict
from lakekit.manifest.cast import cast_column
from lakekit.manifest.footers import open_parquet, read_metadata
from lakekit.manifest.joined import JOINED_BYTES, JOINED_FILES
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import ALWAYS, Predicate
from lakekit.manifest.pruning import choose_row_groups
from lakekit.manifest.types import describe_type
from lakekit.storage import RangeRequest
from lakekit.units import MIB, format_number_of
from lakekit.views.filesystem import WHOLE_FILE_BYTES
from lakekit.views.sparse import SparseFile, plan_ranges

if TYPE_CHECKING:
    from lakekit.storage import Store

READ_AHEAD_BYTES = 128 * MIB  # under way or not yet decoded, beside the row group that passes it
DECODE_AHEAD_BYTES = 64 * MIB  # of what is decoded before it is asked for
VALUE_BYTES = 8  # of a decoded value, about: a file of equal ones may be stored in a thousandth
DECODE_THREADS = min(4, os.cpu_count() or 1)
COLUMN_THREADS = (os.cpu_count() or 1) > DECODE_THREADS  # else they take the processors from other row groups


_Data = dict[tuple[int, int], memoryview]  # by first byte, and the one after the last, what is there


@dataclass(frozen=True)
class _Part:
    """One row group of a large file, with its leaves that are wanted; or all of a small file.

    Attributes:
        ranges: the bytes that it takes: first, and the one after the last; none where only the rows are counted.
        metadata: of a large file; a small one is fetched with its footer.
    """

    path: str
    ranges: tuple[tuple[int, int], ...]
    leaves: tuple[int, ...] = ()
    metadata: pq.FileMetaData | None = None
    group: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(end - start for start, end in self.ranges)

    @property
    def is_small(self) -> bool:
        """Whether it is all of a file that may go with others."""
        return self.metadata is None and 0 < self.size_bytes <= JOINED_BYTES


_Fetched = tuple[_Part, _Data]


class TableReader:
    """Reads files of one manifest into Arrow tables.

    Args:
        store: where the files are.
        manifest: what is known of them.

    Attributes:
        on_part: called with the path of a file that was fetched, and the number of the row group; None for all of it.
    """

    def __init__(self, store: Store, manifest: Manifest):
        self.on_part: Callable[[str, int | None], None] | None = None
        self.store = store
        self.manifest = manifest
        self._files: dict[str, tuple[int, str, str, int]] = {}  # size, etag, schema and rows of those asked for
        self._leaves: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}

    def read_files(
        self, paths: Sequence[str], columns: Sequence[str] | None = None, predicate: Predicate = ALWAYS
    ) -> Iterator[pa.Table]:
        """Arrow tables of these files in their order: one for each row group of a large file; small files go together.

        Args:
            paths: files of the manifest.
            columns: names of the table's columns, in the order wanted; None for all.
            predicate: row groups of large files in which it is true for no row are left out.

        Raises:
            CorruptFile, EncryptedFile, ArchivedFile: before anything is read, where a file is known to be unreadable.
            TypeConflict: a wanted column's values cannot be shown as the table's type.
            StaleFile: a file changed since the manifest was made.
        """
        names = tuple(columns) if columns is not None else tuple(self.manifest.schema.arrow.names)
        for path in paths:
            if path in self.manifest.problems:
                raise self.manifest.problems[path]
        self._look_up(paths)
        for path in paths:
            self._refuse_conflicts(path, names)
        under_way: deque[tuple[Future[pa.Table], int]] = deque()
        held_bytes = 0
        threads = ThreadPoolExecutor(DECODE_THREADS, thread_name_prefix="lakekit-decode")
        try:
            for parts in self._gather(self._fetch(self._plan(paths, names, predicate)), len(names)):
                size_bytes = sum(self._estimate(part, len(names)) for part, _ in parts)
                under_way.append((threads.submit(self._decode, parts, names), size_bytes))
                held_bytes += size_bytes
                while under_way and (
                    under_way[0][0].done() or (held_bytes > DECODE_AHEAD_BYTES and len(under_way) > DECODE_THREADS)
                ):
                    future, size_bytes = under_way.popleft()
                    held_bytes -= size_bytes
                    if (table := future.result()).num_rows:
                        yield table
            while under_way:  # taken out, so that nothing is kept here that was handed out
                if (table := under_way.popleft()[0].result()).num_rows:
                    yield table
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _gather(self, fetched: Iterable[_Fetched], columns: int) -> Iterator[list[_Fetched]]:
        """Parts with their bytes: small files of the same columns, that follow each other, together.

        What is done with each table, to cast it and to hand it over, costs more than to decode a small file.
        """
        together: list[_Fetched] = []
        last = None
        for part, data in fetched:
            is_small = part.is_small and self._estimate(part, columns) <= WHOLE_FILE_BYTES
            kind = self._files[part.path][2] if is_small else None
            if together and (kind != last or len(together) == JOINED_FILES):
                yield together
                together = []
            if kind is None:
                yield [(part, data)]
            else:
                together.append((part, data))
                last = kind
        if together:
            yield together

    def _estimate(self, part: _Part, columns: int) -> int:
        """How many bytes a part takes, fetched or decoded, whichever is more."""
        of_group = part.metadata.row_group(part.group) if part.metadata is not None else None
        rows = of_group.num_rows if of_group is not None else self._files[part.path][3] or 0
        return max(part.size_bytes, rows * columns * VALUE_BYTES)

    def _look_up(self, paths: Sequence[str]) -> None:
        entries = self.manifest.entries
        if len(paths) < entries.height:
            entries = entries.filter(pl.col("path").is_in(list(paths)))
        known = entries.select("path", "size_bytes", "etag", "schema_id", "rows").iter_rows()
        self._files.update((path, tuple(rest)) for path, *rest in known)

    def _refuse_conflicts(self, path: str, names: Iterable[str]) -> None:
        supplies = self.manifest.schema.supplies[self._files[path][2]]
        for name in names:
            if supplies.get(name) == "conflict":
                raise describe_conflict(self.manifest, name, path)

    def _plan(self, paths: Iterable[str], names: tuple[str, ...], predicate: Predicate) -> Iterator[_Part]:
        for path in paths:
            size, etag, schema_id, _ = self._files[path]
            if not self._reads_data(schema_id, names):
                yield _Part(path, ())
                continue
            if size <= WHOLE_FILE_BYTES:
                yield _Part(path, ((0, size),))
                continue
            metadata = read_metadata(self.manifest.footers.get(path, etag))
            leaves = self._find_leaves(path, metadata, names)
            whole = predicate == ALWAYS
            for group in range(metadata.num_row_groups) if whole else choose_row_groups(self.manifest, path, predicate):
                if metadata.row_group(group).num_rows:
                    ranges = plan_ranges(metadata, group, leaves, size)
                    yield _Part(path, tuple(ranges), leaves, metadata, group)

    def _reads_data(self, schema_id: str, names: tuple[str, ...]) -> bool:
        """Whether files with this schema hold any of these columns; else their number of rows tells it all."""
        supplies = self.manifest.schema.supplies[schema_id]
        return any(supplies.get(name, "missing") != "missing" for name in names)

    def _find_leaves(self, path: str, metadata: pq.FileMetaData, names: tuple[str, ...]) -> tuple[int, ...]:
        """The Parquet leaves of the wanted columns. By position: a name with a dot may mean two things."""
        key = self._files[path][2], names
        if key not in self._leaves:
            wanted = set(names) - set(self.manifest.schema.keys)
            indices, position = [], 0
            for field in metadata.schema.to_arrow_schema():
                leaves = _count_leaves(field.type)
                if field.name in wanted:
                    indices += range(position, position + leaves)
                position += leaves
            self._leaves[key] = tuple(indices)
        return self._leaves[key]

    def _fetch(self, plan: Iterable[_Part]) -> Iterator[_Fetched]:
        """Each part with its bytes, in the order of the plan; later parts are under way meanwhile."""
        waiting: deque[_Part] = deque()
        held_bytes = 0

        def requests() -> Iterator[RangeRequest | None]:
            nonlocal held_bytes
            for part in plan:
                while held_bytes and held_bytes + part.size_bytes > READ_AHEAD_BYTES:
                    yield None
                waiting.append(part)
                held_bytes += part.size_bytes
                for start, end in part.ranges:
                    yield RangeRequest(part.path, start, end - start, self._files[part.path][1])

        by_range: dict[tuple[str, int], memoryview] = {}
        for request, outcome in self.store.read_many(requests(), keep=True):
            if isinstance(outcome, LakekitError):
                raise outcome
            by_range[request.path, request.start] = outcome
            while waiting and all((waiting[0].path, start) in by_range for start, _ in waiting[0].ranges):
                part = waiting.popleft()
                held_bytes -= part.size_bytes
                if self.on_part is not None and part.ranges:
                    self.on_part(part.path, None if part.metadata is None else part.group)
                yield part, {(start, end): by_range.pop((part.path, start)) for start, end in part.ranges}
        for part in waiting:  # those that take no bytes
            yield part, {}

    def _decode(self, parts: list[_Fetched], names: tuple[str, ...]) -> pa.Table:
        if not parts[0][0].ranges:
            return self._align(pa.table({}), [(part.path, self._files[part.path][3]) for part, _ in parts], names)
        if len(parts) > 1:
            with contextlib.suppress(TypeConflict, pa.ArrowException, OSError, ValueError):  # one by one they tell more
                return self._decode_joined(parts, names)
        aligned = []
        for part, data in parts:
            table, rows = self._decode_part(part, data, names)
            aligned.append(self._align(table, [(part.path, rows)], names))
        return pa.concat_tables(aligned)

    def _decode_joined(self, parts: list[_Fetched], names: tuple[str, ...]) -> pa.Table:
        """Small files with the same columns at once: to open each takes longer than to copy and decode it.

        Raises:
            TypeConflict, ArrowException, OSError, ValueError: that cannot be done.
        """
        if any(len(data[part.ranges[0]]) != part.size_bytes for part, data in parts):
            raise ValueError("a file is shorter than it was: those behind it would stand elsewhere")
        keys = tuple((part.path, self._files[part.path][1], part.size_bytes) for part, _ in parts)
        renames = self.manifest.names is not None
        rest, tables = iter(parts), []
        for groups, footer in (((0,), None),) * len(keys) if renames else self.manifest.footers.join(keys):
            contents = [data[part.ranges[0]] for part, data in itertools.islice(rest, len(groups))]
            parquet = self._open_whole(memoryview(b"".join([*contents, footer])) if footer else contents[0])
            leaves = self._find_leaves(parts[0][0].path, parquet.metadata, names)
            ends = [*itertools.accumulate(groups)] if footer else [parquet.num_row_groups]
            for start, end in itertools.pairwise([0, *ends]):  # else damage to one would move the rows of the next
                chosen = list(range(start, end))
                tables.append(parquet.reader.read_row_groups(chosen, column_indices=leaves, use_threads=False))
        files = [(path, self._files[path][3]) for path, _, _ in keys]
        if [table.num_rows for table in tables] != [rows for _, rows in files]:
            raise ValueError(f"{[table.num_rows for table in tables]} rows in {files}")
        return self._align(pa.concat_tables(tables), files, names)

    def _decode_part(self, part: _Part, data: _Data, names: tuple[str, ...]) -> tuple[pa.Table, int]:
        """The wanted columns of a part as they are stored, and how many rows it has."""
        try:
            if part.metadata is None:
                parquet = self._open_whole(data[part.ranges[0]])
                leaves = self._find_leaves(part.path, parquet.metadata, names)
                rows = parquet.metadata.num_rows
                return parquet.reader.read_all(column_indices=leaves, use_threads=False), rows
            rows = part.metadata.row_group(part.group).num_rows
            source = pa.PythonFile(SparseFile(data, self._files[part.path][0]), mode="r")
            parquet = open_parquet(source, part.metadata)
            table = parquet.reader.read_row_group(part.group, column_indices=part.leaves, use_threads=COLUMN_THREADS)
            return table, rows
        except (pa.ArrowException, OSError, ValueError) as exc:
            raise describe_damage(part.path, exc) from exc

    def _open_whole(self, data: memoryview) -> pq.ParquetFile:
        """A small file from its bytes, with the names that its columns have in the table."""
        names = self.manifest.names
        if names is None:
            return open_parquet(pa.BufferReader(data))
        footer = bytes(data[-int.from_bytes(data[-8:-4], "little") - 8 :])
        renamed = names.rename(footer)
        return open_parquet(pa.BufferReader(data), None if renamed is footer else read_metadata(renamed))

    def _align(self, table: pa.Table, files: Sequence[tuple[str, int]], names: Sequence[str]) -> pa.Table:
        """The columns of files as the table's: cast, filled with NULL, partition values added.

        Args:
            table: the rows of files that have the same columns.
            files: their paths, each with the number of its rows.
            names: the columns that are wanted.

        Raises:
            TypeConflict: a value that the table's type does not hold unchanged.
        """
        schema, (path, _) = self.manifest.schema, files[0]
        values = [self.manifest.partitioning.values_of(path) for path, _ in files]
        supplies = schema.supplies[self._files[path][2]]
        rows = sum(rows for _, rows in files)
        columns = []
        for name in names:
            kind = schema.arrow.field(name).type
            if name in schema.keys:
                key = schema.keys.index(name)
                told = [
                    pa.repeat(pa.scalar(of_file[key], kind), rows)
                    for of_file, (_, rows) in zip(values, files, strict=True)
                ]
                columns.append(pa.chunked_array(told))
            elif supplies[name] == "missing":
                columns.append(pa.chunked_array([pa.nulls(rows, kind)]))
            else:
                columns.append(self._cast(table.column(name), kind, path, name))
        if not columns:
            return pa.table({"": pa.nulls(rows)}).select([])
        return pa.Table.from_arrays(columns, schema=pa.schema([schema.arrow.field(name) for name in names]))

    def _cast(self, column: pa.ChunkedArray, kind: pa.DataType, path: str, name: str) -> pa.ChunkedArray:
        try:
            return cast_column(column, kind)
        except (pa.ArrowException, ValueError) as exc:
            what = (
                f"The column {name!r} is {describe_type(column.type)} in {path}, and a value of it is not a "
                f"{describe_type(kind)} unchanged: {exc}."
            )
            raise TypeConflict(what, hint=CONFLICT_HINT) from exc


CONFLICT_HINT = (
    "leave the column or these files out of the query, or open the table with "
    'on_type_conflict="string" to read it as text.'
)


def describe_conflict(manifest: Manifest, name: str, path: str) -> TypeConflict:
    """The error for a column that this file holds as a type which cannot become the table's."""
    kinds = {kind.schema_id: kind for kind in manifest.kinds}
    schema_id = manifest.entries["schema_id"][manifest.find(path)]
    table_type = describe_type(manifest.schema.arrow.field(name).type)
    file_type = describe_type(kinds[schema_id].types[name])
    if file_type == "interval":
        what = (
            f"The column {name!r} of {manifest.name} holds intervals, which Polars and pyarrow do not read, in {path}."
        )
        return TypeConflict(what, hint="leave the column out of the query, or read the file with DuckDB alone.")
    supplies = manifest.schema.supplies
    others = [kind for kind in manifest.kinds if supplies[kind.schema_id][name] not in ("conflict", "missing")]
    elsewhere = f", such as {others[0].example}" if others else ""
    what = (
        f"The column {name!r} of {manifest.name} is {file_type} in {path}; it is read as {table_type} from "
        f"{format_number_of(sum(kind.files for kind in others), 'other file')}{elsewhere}, "
        "and no type holds the values of all unchanged."
    )
    return TypeConflict(what, hint=CONFLICT_HINT)


def describe_damage(path: str, error: Exception) -> CorruptFile:
    """The error for a file whose pages do not decode."""
    return CorruptFile(
        f"{path} is damaged: its data does not decode ({' '.join(str(error).split())[:200]}).",
        hint="replace the file, or leave it out by a filter on its partition.",
    )


def _count_leaves(kind: pa.DataType) -> int:
    if pa.types.is_dictionary(kind):
        return 1
    if isinstance(kind, pa.BaseExtensionType):
        return _count_leaves(kind.storage_type)
    if kind.num_fields == 0:
        return 1
    return sum(_count_leaves(kind.field(index).type) for index in range(kind.num_fields))
