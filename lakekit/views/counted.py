"""Files of which DuckDB is told nothing but how many rows they have: enough for queries that read no column of a file.

It must not be shown to a query that reads columns: DuckDB then raises an error, since there are none.
"""

from __future__ import annotations

import io
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.footers import MAGIC
from lakekit.manifest.thrift import find_fields, write_integer
from lakekit.views.filesystem import MemoryFile

# Field numbers of Parquet's structs (apache/parquet-format, parquet.thrift, read 2026-11)
_FILE_ROWS, _FILE_ROW_GROUPS, _GROUP_ROWS = 3, 4, 3


class RowCounter:
    """Makes files with some columns and any number of rows.

    Args:
        schema: the columns.
        modified_at: of the files.
    """

    def __init__(self, schema: pa.Schema, modified_at: datetime):
        sink = io.BytesIO()
        pq.write_table(pa.table([pa.nulls(1, field.type) for field in schema], schema=schema), sink, compression="none")
        data = sink.getvalue()
        size = int.from_bytes(data[-8:-4], "little")
        self._begin, self._footer = data[: -8 - size], data[-8 - size : -8]
        self._modified_at = modified_at

    def make_file(self, rows: int) -> MemoryFile:
        """A file that says it has so many rows, in one row group."""
        fields = find_fields(self._footer, 0)
        group_start = fields[_FILE_ROW_GROUPS][0] + 1  # behind the list's own header
        spans = [fields[_FILE_ROWS], find_fields(self._footer, group_start)[_GROUP_ROWS]]
        footer, at = b"", 0
        for start, end in spans:
            footer += self._footer[at:start] + write_integer(rows)
            at = end
        footer += self._footer[at:]
        return MemoryFile(self._begin + footer + len(footer).to_bytes(4, "little") + MAGIC, self._modified_at)
