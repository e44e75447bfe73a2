"""Files that DuckDB would read differently, rewritten as Parquet of the table's own columns and types.

It must not touch the lake: the copies lie in a private temporary folder and go with the process.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from lakekit.views.reader import TableReader

NO_COLUMN = "no column"  # what a file without columns shows, as Parquet and DuckDB want at least one

_FOLDER: tempfile.TemporaryDirectory | None = None
_LOCK = threading.Lock()


@dataclass(frozen=True)
class LocalCopy:
    """A rewritten file on this computer's disk."""

    file: str = field(repr=False)
    size_bytes: int
    modified_at: datetime

    def read(self, start: int, length: int) -> bytes:
        handle = os.open(self.file, os.O_RDONLY)
        try:
            return os.pread(handle, length, start)
        finally:
            os.close(handle)


def write_copy(reader: TableReader, path: str, columns: Sequence[str], modified_at: datetime) -> LocalCopy:
    """A file's columns as the table has them, as uncompressed Parquet, written a row group at a time.

    Raises: as :meth:`TableReader.read_files`.
    """
    handle, name = tempfile.mkstemp(dir=_find_folder(), suffix=".parquet")
    os.close(handle)
    fields = [reader.manifest.schema.arrow.field(column) for column in columns]
    schema = pa.schema(fields or [(NO_COLUMN, pa.bool_())])  # Parquet knows no file without columns
    try:
        with pq.ParquetWriter(name, schema, compression="none", write_statistics=False) as writer:
            for table in reader.read_files([path], columns):
                writer.write_table(table if fields else pa.table({NO_COLUMN: pa.nulls(table.num_rows, pa.bool_())}))
    except BaseException:
        os.unlink(name)
        raise
    return LocalCopy(name, os.path.getsize(name), modified_at)


def _find_folder() -> str:
    global _FOLDER
    with _LOCK:
        if _FOLDER is None:
            _FOLDER = tempfile.TemporaryDirectory(prefix="lakekit-", ignore_cleanup_errors=True)
        return _FOLDER.name
