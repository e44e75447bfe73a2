"""Files of which DuckDB is told nothing but how many rows they have: enough for queries that read no column of a file.

It must not be shown to a query that reads columns: DuckDB then raises an error, since there are none.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.manifest.footers import MAGIC
from lakekit.manifest.thrift import Visit, skip_value, walk_items, walk_struct, write_integer
from lakekit.views.filesystem import MemoryFile

# Field numbers of Parquet's structs (apache/parquet-format, parquet.thrift, read 2026-11)
_FILE_ROWS, _FILE_ROW_GROUPS, _GROUP_COLUMNS, _GROUP_ROWS = 3, 4, 1, 3
_COLUMN_METADATA, _METADATA_VALUES, _METADATA_PAGES = 3, 5, 9
_NOWHERE = 2**50  # where the pages are said to be: to read them is an error


class RowCounter:
    """Makes files with some columns and any number of rows.

    Args:
        schema: the columns.
        modified_at: of the files.
    """

    def __init__(self, schema: pa.Schema, modified_at: datetime):
        sink = io.BytesIO()
        nothing = pa.table([pa.nulls(1, field.type) for field in schema], schema=schema)
        pq.write_table(nothing, sink, compression="none", use_dictionary=False, write_statistics=False)
        data = sink.getvalue()
        size = int.from_bytes(data[-8:-4], "little")
        self._begin, footer = data[: -8 - size], data[-8 - size : -8]
        self._modified_at = modified_at
        self._parts = _cut(footer)

    def make_file(self, rows: int) -> MemoryFile:
        """A file that says it has so many rows, in one row group."""
        footer = write_integer(rows).join(self._parts)
        return MemoryFile(self._begin + footer + len(footer).to_bytes(4, "little") + MAGIC, self._modified_at)


def _cut(footer: bytes) -> list[bytes]:
    """A footer cut where the number of its rows stands, with its pages said to be nowhere."""
    spans: list[tuple[int, int, bool]] = []

    def note(is_rows: bool) -> Callable[[bytes, int, int, int], int]:
        def visit(data: bytes, at: int, kind: int, place: int) -> int:
            spans.append((at, skip_value(data, at, kind), is_rows))
            return spans[-1][1]

        return visit

    def go_into(fields: Visit) -> Callable[[bytes, int, int, int], int]:
        return lambda data, at, kind, place: walk_struct(data, at, fields)

    def go_through(fields: Visit) -> Callable[[bytes, int, int, int], int]:
        return lambda data, at, kind, place: walk_items(data, at, lambda data, at: walk_struct(data, at, fields))

    metadata = go_into({_METADATA_VALUES: note(True), _METADATA_PAGES: note(False)})
    columns = go_through({_COLUMN_METADATA: metadata})
    groups = go_through({_GROUP_COLUMNS: columns, _GROUP_ROWS: note(True)})
    walk_struct(footer, 0, {_FILE_ROWS: note(True), _FILE_ROW_GROUPS: groups})
    parts, part, at = [], b"", 0
    for start, end, is_rows in spans:
        part += footer[at:start]
        at = end
        if is_rows:
            parts, part = [*parts, part], b""
        else:
            part += write_integer(_NOWHERE)
    return [*parts, part + footer[at:]]
