"""Footers without the bounds of floating-point columns, which leave NaN out and yet are believed by DuckDB.

It must not change a footer's length, nor anything else in it: what lies where in the file stays true.

DuckDB 2.0 takes NaN for the greatest value, and skips row groups by bounds that do not tell of it: a file with 1, 2 and
NaN has no row for ``x > 5`` then, and NaN is among those for ``x <= 2``.
"""

from __future__ import annotations

import functools

from lakekit.manifest.thrift import Fields, Visit, read_fields, skip_value, walk_items, walk_struct

# Field and type numbers of Parquet (apache/parquet-format, parquet.thrift, read 2026-11)
_SCHEMA, _ROW_GROUPS, _COLUMNS, _METADATA, _STATISTICS = 2, 4, 1, 3, 12
_TYPE, _CHILDREN, _LOGICAL_TYPE, _FLOAT16 = 1, 5, 10, 15
_FLOATING = (4, 5)  # FLOAT, DOUBLE
_BOUNDS = (1, 2, 5, 6)  # max, min, max_value, min_value
_FAR = 15  # added to the number of a field, no reader knows it
_SMALLEST = 12  # bytes of a Parquet file


def hide_float_bounds(footer: bytes) -> bytes:
    """A sound footer (Thrift, and what follows) in which floating-point columns have no bounds.

    Raises:
        ValueError, IndexError: it is not sound.

    Example:
        >>> import io, pyarrow as pa, pyarrow.parquet as pq
        >>> sink = io.BytesIO()
        >>> pq.write_table(pa.table({"x": [1.5]}), sink)
        >>> size = int.from_bytes(sink.getvalue()[-8:-4], "little") + 8
        >>> hidden = b"PAR1" + hide_float_bounds(sink.getvalue()[-size:])
        >>> pq.read_metadata(io.BytesIO(hidden)).row_group(0).column(0).statistics.has_min_max
        False
    """
    hidden = bytearray(footer)
    for place in _Search(footer).places:
        if hidden[place] > 15:  # the step from the field before stands in the upper half of the header
            hidden[place] |= _FAR << 4
        else:  # the number itself, doubled, stands behind the header
            hidden[place + 1] += 2 * _FAR
    return bytes(hidden)


def hide_in_file(data: memoryview) -> memoryview:
    """The same for the bytes of a whole file; of what is no sound Parquet file, as they are.

    Example:
        >>> bytes(hide_in_file(memoryview(b"no Parquet")))
        b'no Parquet'
    """
    size = int.from_bytes(data[-8:-4], "little") + 8
    if data[-4:] != b"PAR1" or not _SMALLEST <= size + 4 <= len(data):
        return data
    footer = bytes(data[-size:])
    try:
        hidden = hide_float_bounds(footer)
    except (ValueError, IndexError):  # as its reader will find out
        return data
    return data if hidden == footer else memoryview(bytes(data[:-size]) + hidden)


class _Search:
    """Where the first bound of each floating-point column chunk has its header; found in one pass over a footer.

    Attributes:
        places: positions in the footer.
    """

    def __init__(self, footer: bytes):
        self.places: list[int] = []
        self._leaves: tuple[bool, ...] = ()
        self._leaf = 0
        self._bound: int | None = None
        self._in_statistics: Visit = dict.fromkeys(_BOUNDS, self._note_bound)
        self._in_metadata: Visit = {_STATISTICS: self._visit_statistics}
        self._in_column: Visit = {_METADATA: lambda data, at, kind, place: walk_struct(data, at, self._in_metadata)}
        self._in_group: Visit = {_COLUMNS: self._visit_columns}
        walk_struct(footer, 0, {_SCHEMA: self._visit_schema, _ROW_GROUPS: self._visit_groups})

    def _visit_schema(self, data: bytes, at: int, kind: int, place: int) -> int:
        end = skip_value(data, at, kind)
        self._leaves = _list_leaves(data[at:end])
        return end

    def _visit_groups(self, data: bytes, at: int, kind: int, place: int) -> int:
        if not any(self._leaves):
            return skip_value(data, at, kind)
        return walk_items(data, at, lambda data, at: walk_struct(data, at, self._in_group))

    def _visit_columns(self, data: bytes, at: int, kind: int, place: int) -> int:
        self._leaf = -1
        return walk_items(data, at, self._visit_column)

    def _visit_column(self, data: bytes, at: int) -> int:
        self._leaf += 1
        return walk_struct(data, at, self._in_column if self._leaves[self._leaf] else {})

    def _visit_statistics(self, data: bytes, at: int, kind: int, place: int) -> int:
        self._bound = None
        end = walk_struct(data, at, self._in_statistics)
        if self._bound is not None:
            self.places.append(self._bound)
        return end

    def _note_bound(self, data: bytes, at: int, kind: int, place: int) -> int:
        self._bound = place if self._bound is None else self._bound
        return skip_value(data, at, kind)


@functools.lru_cache(maxsize=256)
def _list_leaves(schema: bytes) -> tuple[bool, ...]:
    """For each leaf of a schema, the bytes of its list, whether it is of floating point."""
    elements: list[Fields] = []

    def read(data: bytes, at: int) -> int:
        elements.append(read_fields(data[at:]))
        return walk_struct(data, at, {})

    walk_items(schema, 0, read)
    return tuple(_is_floating(element) for element in elements[1:] if not element.get(_CHILDREN))


def _is_floating(element: Fields) -> bool:
    return element.get(_TYPE) in _FLOATING or _FLOAT16 in (element.get(_LOGICAL_TYPE) or {})
