"""Files of which DuckDB is told nothing but how many rows they have: enough for queries that read no column of a file.

It must not be shown to a query that reads columns: DuckDB then raises an error, since there are none.
"""

from __future__ import annotations

import io
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.footers import MAGIC
from lakekit.manifest.thrift import skip_value, walk_items, walk_struct, write_integer
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
        spans: list[tuple[int, int]] = []

        def note(data: bytes, at: int, kind: int, place: int) -> int:
            spans.append((at, skip_value(data, at, kind)))
            return spans[-1][1]

        def visit_groups(data: bytes, at: int, kind: int, place: int) -> int:
            return walk_items(data, at, lambda data, at: walk_struct(data, at, {_GROUP_ROWS: note}))

        walk_struct(self._footer, 0, {_FILE_ROWS: note, _FILE_ROW_GROUPS: visit_groups})
        footer, at = b"", 0
        for start, end in spans:
            footer += self._footer[at:start] + write_integer(rows)
            at = end
        footer += self._footer[at:]
        return MemoryFile(self._begin + footer + len(footer).to_bytes(4, "little") + MAGIC, self._modified_at)
