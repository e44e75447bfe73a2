"""One footer for several Parquet files that lie end to end: with the row groups of all, each where it is now.

It must not see data, nor change anything in a footer but where things are and how many rows there are.
"""

from __future__ import annotations

import functools
import itertools
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lakekit.manifest.floats import PAGE_INDEX, BoundSearch
from lakekit.manifest.footers import MAGIC
from lakekit.manifest.thrift import (
    Visit,
    begin_structs,
    read_integer,
    skip_value,
    walk_items,
    walk_struct,
    write_integer,
)
from lakekit.units import KIB

JOINED_BYTES = 256 * KIB  # files up to this size are better read together: to copy them costs less than to open each
JOINED_FILES = 16  # at most, so that most are dealt with while others are still under way
JOINED_FOOTER_BYTES = 8 * KIB  # a longer footer costs more to change than a reader takes to open its file

# Field numbers of Parquet's structs (apache/parquet-format, parquet.thrift, read 2026-11)
_ROWS, _ROW_GROUPS, _TEXTS = 3, 4, 5  # of FileMetaData
_COLUMNS, _METADATA = 1, 3  # of RowGroup, of ColumnChunk
_GROUP_POSITIONS = (5,)  # file_offset
_CHUNK_POSITIONS = (2,)  # file_offset
_PAGE_POSITIONS = (9, 10, 11, 14)  # data_page_offset, index_page_, dictionary_page_, bloom_filter_
_GEO = b"geo"  # the one text by which engines read columns otherwise (geoparquet.org, 1.1)
_REMEMBERED = 4_096  # footers as they were cut; each takes about three times its size
_REMEMBERED_RUNS = 512  # of a table: its files that were joined


@dataclass(frozen=True)
class CutFooter:
    """A footer without bounds of floating-point columns or pages, and where in it stands what joining changes.

    Attributes:
        kind: the same for files that can be joined: with the same columns, by the same writer.
        rows: of the file.
        groups: how many row groups it has.
        footer: its bytes.
        spans: where the number of rows, and the list of row groups, begin and end in it, and where it ends.
        positions: where the first row group begins in it; then, for each position that row groups tell of something in
            the file, where that number begins and ends, and itself.
    """

    kind: tuple[bytes, ...] = field(repr=False)
    rows: int
    groups: int
    footer: bytes = field(repr=False)
    spans: tuple[int, int, int, int, int] = field(repr=False)
    positions: array[int] = field(repr=False)

    def move_groups(self, start: int) -> bytes:
        """The row groups of a file that begins at this byte."""
        footer, moved = self.footer, []
        numbers = iter(self.positions)
        at = next(numbers)
        for begin, end, position in zip(numbers, numbers, numbers, strict=True):
            moved += footer[at:begin], write_integer(position + start)
            at = end
        return b"".join([*moved, footer[at : self.spans[3]]])


def join_footers(footers: Sequence[CutFooter], sizes: Sequence[int]) -> bytes:
    """The footer (Thrift, length, magic) to stand behind files that lie end to end.

    Args:
        footers: theirs, at least one.
        sizes: in bytes, of the files in the same order.

    Raises:
        ValueError: they are not of one kind.

    Example:
        >>> import io, pyarrow as pa, pyarrow.parquet as pq
        >>> def write(numbers):
        ...     sink = io.BytesIO()
        ...     pq.write_table(pa.table({"n": numbers}), sink)
        ...     return sink.getvalue()
        >>> files = [write([1, 2]), write([3])]
        >>> cut = [cut_footer(file[-int.from_bytes(file[-8:-4], "little") - 8 :]) for file in files]
        >>> joined = b"".join(files) + join_footers(cut, [len(file) for file in files])
        >>> pq.read_table(io.BytesIO(joined))["n"].to_pylist()
        [1, 2, 3]
    """
    if len({footer.kind for footer in footers}) > 1:
        raise ValueError("they are not of one kind")
    first = footers[0].footer
    rows_at, rows_end, groups_at, groups_end, end = footers[0].spans
    rows = write_integer(sum(footer.rows for footer in footers))
    begin = first[:rows_at] + rows + first[rows_end:groups_at] + begin_structs(sum(footer.groups for footer in footers))
    starts = itertools.accumulate(sizes, initial=0)
    groups = [footer.move_groups(start) for footer, start in zip(footers, starts)]  # noqa: B905  where the last ends
    joined = b"".join([begin, *groups, first[groups_end:end]])
    return joined + len(joined).to_bytes(4, "little") + MAGIC


Join = Callable[[tuple[tuple[str, str, int], ...]], tuple[tuple[tuple[int, ...], bytes | None], ...]]


def make_joiner(find_footer: Callable[[str, str], bytes | None]) -> Join:
    """What joins the footers of a table's files, and remembers what it was asked for last.

    It takes files that lie end to end, as path, etag and size in bytes. In their order it gives, for those that are of
    one kind, the number of row groups of each, and the footer that belongs behind them all; for a file that is read as
    it is (0,) and None.

    Args:
        find_footer: the footer of a file, by path and etag; None where it is not at hand.
    """
    return functools.lru_cache(_REMEMBERED_RUNS)(functools.partial(_join, find_footer))


def _join(
    find_footer: Callable[[str, str], bytes | None], files: tuple[tuple[str, str, int], ...]
) -> tuple[tuple[tuple[int, ...], bytes | None], ...]:
    footers = [_try_to_cut(find_footer(path, etag)) for path, etag, _ in files]
    parts: list[tuple[tuple[int, ...], bytes | None]] = []
    for kind, alike in itertools.groupby(zip(footers, files, strict=True), lambda pair: pair[0] and pair[0].kind):
        cut, sizes = zip(*[(footer, size_bytes) for footer, (_, _, size_bytes) in alike], strict=True)
        if kind is None:
            parts += [((0,), None)] * len(cut)
        else:
            parts.append((tuple(footer.groups for footer in cut), join_footers(cut, sizes)))
    return tuple(parts)


def _try_to_cut(footer: bytes | None) -> CutFooter | None:
    try:
        return None if footer is None else cut_footer(footer)
    except (ValueError, IndexError):
        return None


@functools.lru_cache(_REMEMBERED)
def cut_footer(footer: bytes) -> CutFooter:
    """A sound footer (Thrift, length, magic), ready to be joined.

    Raises:
        ValueError, IndexError: it is not sound, its fields stand in no usual order, or it is longer than
            JOINED_FOOTER_BYTES.
    """
    if len(footer) > JOINED_FOOTER_BYTES:
        raise ValueError("it is too long")
    found = _Search()
    end = found.search(footer)
    rows_at, rows_end = found.spans.get(_ROWS, (0, 0))
    groups_at, groups_end = found.spans.get(_ROW_GROUPS, (0, 0))
    texts_at, texts_end = found.spans.get(_TEXTS, (end, end))
    if not 0 < rows_at < rows_end < groups_at < groups_end <= texts_at:
        raise ValueError("its fields stand in no usual order")
    texts = footer[texts_at:texts_end]
    parts = footer[:rows_at], footer[groups_end:texts_at], footer[texts_end:end], texts if _GEO in texts else b""
    spans = rows_at, rows_end, groups_at, groups_end, end
    found.positions.insert(0, found.groups[0] if found.groups else groups_end)
    return CutFooter(parts, found.rows, len(found.groups), found.hide(footer), spans, found.positions)


class _Search(BoundSearch):
    """Also finds what joining changes.

    Attributes:
        rows: of the file.
        spans: by field of the footer, where its value begins and ends.
        groups: where each row group begins.
        positions: of each position of something in the file, where its number begins and ends, and itself.
    """

    def __init__(self):
        super().__init__()
        self.rows = 0
        self.spans: dict[int, tuple[int, int]] = {}
        self.groups: list[int] = []
        self.positions = array("q")
        in_pages: Visit = dict.fromkeys(_PAGE_POSITIONS, self._note_position)
        in_chunk: Visit = dict.fromkeys(PAGE_INDEX, self.hide_field)  # it tells where pages are in their own file
        in_chunk |= dict.fromkeys(_CHUNK_POSITIONS, self._note_position)
        self.in_other_chunk = {_METADATA: lambda data, at, kind, place: walk_struct(data, at, in_pages)} | in_chunk
        self.in_metadata |= in_pages
        self.in_chunk |= in_chunk
        self.in_group |= dict.fromkeys(_GROUP_POSITIONS, self._note_position)
        self.in_footer |= {_ROWS: self._note_rows, _TEXTS: self._note_texts}

    def visit_groups(self, data: bytes, at: int, kind: int, place: int) -> int:
        end = walk_items(data, at, self.visit_group)
        self.spans[_ROW_GROUPS] = at, end
        return end

    def visit_group(self, data: bytes, at: int) -> int:
        self.groups.append(at)
        return super().visit_group(data, at)

    def _note_rows(self, data: bytes, at: int, kind: int, place: int) -> int:
        self.rows, end = read_integer(data, at)
        self.spans[_ROWS] = at, end
        return end

    def _note_texts(self, data: bytes, at: int, kind: int, place: int) -> int:
        end = skip_value(data, at, kind)
        self.spans[_TEXTS] = at, end
        return end

    def _note_position(self, data: bytes, at: int, kind: int, place: int) -> int:
        position, end = read_integer(data, at)
        if position > 0:  # some writers have 0 for what is not there
            self.positions.extend((at, end, position))
        return end
