"""A large Parquet file as those ranges of it that hold some columns.

It must not fetch them: it tells which they are, and then passes for the file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow.parquet as pq

from lakekit.manifest.footers import column_range
from lakekit.units import KIB

GAP_BYTES = 256 * KIB  # unwanted bytes between two wanted ranges that cost less than another request
SLACK_BYTES = 128  # pyarrow reads up to 100 bytes past a chunk of old parquet-mr files (PARQUET-816)


def plan_ranges(
    metadata: pq.FileMetaData, number: int, leaves: Sequence[int], size_bytes: int
) -> list[tuple[int, int]]:
    """The byte ranges of some leaves of a row group, joined where the gap between them is small.

    Those of a single leaf are what DuckDB asks for, too, so that each engine finds what the other has kept.
    """
    group, slack = metadata.row_group(number), SLACK_BYTES if "parquet-mr" in (metadata.created_by or "").lower() else 0
    joined: list[tuple[int, int]] = []
    for start, end in sorted(column_range(group.column(leaf)) for leaf in leaves):
        end = min(end + slack, size_bytes)
        if joined and start - joined[-1][1] <= GAP_BYTES:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class SparseFile(io.RawIOBase):
    """A file of which only some ranges are here; pyarrow reads no others."""

    def __init__(self, ranges: dict[tuple[int, int], memoryview], size_bytes: int):
        self._ranges = sorted(ranges.items())
        self._size = size_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._position, self._size)[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def size(self) -> int:
        return self._size

    def read(self, length: int = -1) -> bytes:
        start = self._position
        end = self._size if length < 0 else min(start + length, self._size)
        for (low, high), data in self._ranges:
            if low <= start and end <= high:
                self._position = end
                return data[start - low : end - low]
        raise OSError(f"bytes {start} to {end} were not fetched")
