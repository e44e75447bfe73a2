"""Footers without the bounds of floating-point columns, which leave NaN out and yet are believed by DuckDB.

It must not change a footer's length, nor anything else in it: what lies where in the file stays true.

DuckDB 2.0 takes NaN for the greatest value, and skips row groups, and pages, by bounds that do not tell of it: a file
with 1, 2 and NaN has no row for ``x > 5`` then, and NaN is among those for ``x <= 2``.
"""

from __future__ import annotations

import functools

from lakekit.manifest.thrift import Fields, Visit, read_fields, skip_value, walk_items, walk_struct

# Field and type numbers of Parquet (apache/parquet-format, parquet.thrift, read 2026-11)
_SCHEMA, _ROW_GROUPS, _COLUMNS, _METADATA, _STATISTICS = 2, 4, 1, 3, 12
_TYPE, _CHILDREN, _LOGICAL_TYPE, _FLOAT16 = 1, 5, 10, 15
_FLOATING = (4, 5)  # FLOAT, DOUBLE
_BOUNDS = (1, 2, 5, 6)  # max, min, max_value, min_value
PAGE_INDEX = (4, 5, 6, 7)  # of a column chunk, where the bounds of its pages stand, and where these begin
_STRUCT = 12
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
    found = BoundSearch()
    found.search(footer)
    return found.hide(footer)


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


class BoundSearch:
    """Where in a footer the headers stand that are to be changed so that nobody knows these fields; found in one pass.

    Of fields that follow each other that is the first: the others count from it, unless they tell their own number.

    Attributes:
        places: positions in the footer.
        in_metadata: by field of the metadata of a floating-point column chunk, what is called for it.
        in_chunk: likewise of the chunk.
        in_other_chunk: likewise of a chunk of another type.
        in_group: likewise of a row group.
        in_footer: likewise of the footer.
    """

    def __init__(self):
        self.places: list[int] = []
        self._leaves: tuple[bool, ...] = ()
        self._leaf = 0
        self._is_first = True
        in_statistics: Visit = dict.fromkeys(_BOUNDS, self.hide_field)
        self.in_metadata: Visit = {_STATISTICS: functools.partial(self._visit_struct, in_statistics)}
        self.in_chunk: Visit = dict.fromkeys(PAGE_INDEX, self.hide_field)
        self.in_chunk[_METADATA] = lambda data, at, kind, place: walk_struct(data, at, self.in_metadata)
        self.in_other_chunk: Visit = {}
        self.in_group: Visit = {_COLUMNS: self._visit_chunks}
        self.in_footer: Visit = {_SCHEMA: self._visit_schema, _ROW_GROUPS: self.visit_groups}

    def search(self, footer: bytes) -> int:
        """Go through a footer; where it ends."""
        return walk_struct(footer, 0, self.in_footer)

    def hide(self, footer: bytes) -> bytes:
        """The footer that was searched, without these fields."""
        hidden = bytearray(footer)
        for place in self.places:
            if hidden[place] > 15:  # the step from the field before stands in the upper half of the header
                hidden[place] |= _FAR << 4
            else:  # the number itself, doubled, stands behind the header
                hidden[place + 1] += 2 * _FAR
        return bytes(hidden)

    def visit_groups(self, data: bytes, at: int, kind: int, place: int) -> int:
        """Go through the row groups; where they end."""
        if not any(self._leaves):
            return skip_value(data, at, kind)
        return walk_items(data, at, self.visit_group)

    def visit_group(self, data: bytes, at: int) -> int:
        """Go through one row group; where it ends."""
        return walk_struct(data, at, self.in_group)

    def hide_field(self, data: bytes, at: int, kind: int, place: int) -> int:
        """Note a field, one of some that follow each other in a struct; where it ends."""
        if self._is_first or data[place] <= 15:
            self.places.append(place)
        self._is_first = False
        return skip_value(data, at, kind)

    def _visit_struct(self, visit: Visit, data: bytes, at: int, kind: int, place: int) -> int:
        self._is_first = True
        end = walk_struct(data, at, visit)
        self._is_first = True
        return end

    def _visit_schema(self, data: bytes, at: int, kind: int, place: int) -> int:
        end = skip_value(data, at, kind)
        self._leaves = _list_leaves(data[at:end])
        return end

    def _visit_chunks(self, data: bytes, at: int, kind: int, place: int) -> int:
        self._leaf = -1
        return walk_items(data, at, self._visit_chunk)

    def _visit_chunk(self, data: bytes, at: int) -> int:
        self._leaf += 1
        visit = self.in_chunk if self._leaves[self._leaf] else self.in_other_chunk
        return self._visit_struct(visit, data, at, _STRUCT, at)


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
