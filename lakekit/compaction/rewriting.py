"""Files of a bin as one local Parquet file of the table's schema, read and written a row group at a time.

It must not put anything into the lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.compaction.digests import Digest
from lakekit.errors import LakekitError, StorageFailed
from lakekit.manifest.types import normalize_type, stored_type
from lakekit.storage import RangeRequest
from lakekit.units import MIB

if TYPE_CHECKING:
    from lakekit.compaction.plans import Bin
    from lakekit.manifest.manifest import Manifest
    from lakekit.storage import Store
    from lakekit.views.reader import TableReader

ROW_GROUP_ROWS = 1_000_000  # Athena and DuckDB want 100,000 to 1,000,000; DuckDB's guide "File formats", read 2026-11
ROW_GROUP_BYTES = 128 * MIB  # in memory, of a row group that is written
PART_BYTES = 16 * MIB  # of a file that is copied as it is, at a time


def write_bin(reader: TableReader, bin_: Bin, sort_by: Sequence[str], to: Path) -> Digest:
    """The digest of a bin's rows, which stand in the local file afterwards.

    Raises:
        CorruptFile, TypeConflict, StaleFile, …: as the reader does.
        StorageFailed: the local disk is full, or does not take it.
    """
    manifest, digest = reader.manifest, Digest()
    schema = choose_file_schema(manifest)
    names = [column.name for column in schema]
    order = [pq.SortingColumn(names.index(name)) for name in sort_by]
    try:
        with pq.ParquetWriter(to, schema, compression="zstd", sorting_columns=order or None) as writer:
            for table in _gather(_read(reader, bin_.paths, sort_by)):
                digest.add(table)
                writer.write_table(_cast_back(table.select(names), schema), row_group_size=ROW_GROUP_ROWS)
    except LakekitError:
        raise
    except OSError as exc:
        raise explain_disk(exc, to, bin_) from exc
    return digest


def copy_bin(store: Store, bin_: Bin, to: Path) -> None:
    """The bytes of the one file of a bin, in the local file afterwards."""
    source = bin_.sources[0]
    starts = range(0, source.size_bytes, PART_BYTES)
    try:
        with to.open("wb") as file:
            for start in starts:
                length = min(PART_BYTES, source.size_bytes - start)
                request = RangeRequest(source.path, start, length, source.etag)
                file.write(store.read_range(request.path, start, length, etag=source.etag))
    except LakekitError:
        raise
    except OSError as exc:
        raise explain_disk(exc, to, bin_) from exc


def explain_disk(exc: OSError, to: Path, bin_: Bin) -> StorageFailed:
    """The error of a local disk that is full or does not take a file."""
    what = f"{bin_.output} could not be written to {to.parent} first ({exc.strerror or exc})."
    return StorageFailed(what, hint="make room there, or set TMPDIR to a disk with room, and run the plan again.")


def choose_file_schema(manifest: Manifest) -> pa.Schema:
    """The columns of a new file: the table's, but durations as such where all files have them in one unit."""
    columns = []
    for column in manifest.schema.file_columns:
        kinds = {stored_type(kind.schema.field(column.name)) for kind in manifest.kinds if column.name in kind.types}
        kind = next(iter(kinds), column.type)
        is_alike = len(kinds) == 1 and normalize_type(kind).equals(column.type) and not pa.types.is_interval(kind)
        columns.append(pa.field(column.name, kind if is_alike else column.type))
    return pa.schema(columns)


def _cast_back(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        column if column.type.equals(field.type) else column.cast(field.type)
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _read(reader: TableReader, paths: Sequence[str], sort_by: Sequence[str]) -> Iterator[pa.Table]:
    if not sort_by:
        yield from reader.read_files(paths)
        return
    tables = list(reader.read_files(paths))
    if tables:
        yield pa.concat_tables(tables).sort_by([(name, "ascending") for name in sort_by])


def _gather(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of the size of a row group: small ones put together, large ones cut."""
    held: list[pa.Table] = []
    rows = size_bytes = 0
    for table in tables:
        most = max(1, int(ROW_GROUP_BYTES / max(1, table.nbytes) * table.num_rows)) if table.num_rows else 1
        for start in range(0, table.num_rows, min(most, ROW_GROUP_ROWS)):
            piece = table.slice(start, min(most, ROW_GROUP_ROWS))
            if held and (rows + piece.num_rows > ROW_GROUP_ROWS or size_bytes + piece.nbytes > ROW_GROUP_BYTES):
                yield pa.concat_tables(held)
                held, rows, size_bytes = [], 0, 0
            held.append(piece)
            rows, size_bytes = rows + piece.num_rows, size_bytes + piece.nbytes
    if held:
        yield pa.concat_tables(held)
