"""How much of what was fetched was needed, and which row groups were scanned, by the footers of the files.

It must not ask the store for anything: where no footer is at hand, all of a file counts as needed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lakekit.manifest.footers import column_range, read_metadata
from lakekit.manifest.predicates import ALWAYS
from lakekit.manifest.pruning import choose_row_groups
from lakekit.receipts.tally import Needs, TableTally
from lakekit.units import KIB

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from lakekit.manifest.manifest import Manifest

_SHORT_FOOTER_BYTES = 8 * KIB  # what is read of longer ones is not remembered: it may be long as well
_REMEMBERED = 4_096  # short footers, as they were read

Range = tuple[int, int]  # first byte, and the one after the last


@dataclass(frozen=True)
class Measured:
    """What one table's part of a query comes to.

    Attributes:
        wasted_bytes: fetched, of files that were scanned, and not needed.
        row_groups_scanned: row groups that data was read of.
    """

    wasted_bytes: int = 0
    row_groups_scanned: int = 0


def measure(tally: TableTally) -> Measured:
    """Look at the footer of each file that was scanned."""
    ranges: dict[str, list[Range]] = {}
    for path, start, length in tally.ranges:
        ranges.setdefault(path, []).append((start, start + length))
    parts: dict[str, list[tuple[int | None, Needs]]] = {}
    for scan in tally.scans:
        for path, group in scan.parts:
            parts.setdefault(path, []).append((group, scan.needs))
    fetched: dict[str, list[Range]] = {}
    for request in tally.requests:
        if request.path is not None and request.size_bytes:
            fetched.setdefault(request.path, []).append((request.start, request.start + request.size_bytes))
    linked_needs = _join_needs([needs() for needs in tally.needs]) if tally.linked else None
    wasted, groups = 0, 0
    for path in sorted(tally.scanned):
        file = _File(tally, path)
        needed = file.needed_of(ranges.get(path, []))
        for group, needs in parts.get(path, []):
            needed |= file.chunks(needs, None if group is None else [group])
        if path in tally.linked:
            needed |= file.chunks(linked_needs, None)
        groups += len({group for group, _ in needed})
        wasted += subtract(fetched.get(path, []), {span for _, span in needed}) if file.is_known else 0
    return Measured(wasted, groups)


def _join_needs(needs: list[Needs]) -> Needs | None:
    """What several scans need together; None where nothing is known."""
    if not needs:
        return None
    columns = {column for one in needs for column in one.columns}
    return Needs(columns, needs[0].predicate if len(needs) == 1 else ALWAYS)


@dataclass(frozen=True)
class _Chunks:
    """Where the column chunks of a file lie.

    Attributes:
        paths: of its leaves, with dots.
        spans: for each row group, the range of each leaf.
    """

    paths: tuple[str, ...]
    spans: tuple[tuple[Range, ...], ...]


def _read_chunks(footer: bytes) -> _Chunks:
    metadata = read_metadata(footer)
    groups, leaves = map(metadata.row_group, range(metadata.num_row_groups)), range(metadata.num_columns)
    spans = tuple(tuple(column_range(group.column(leaf)) for leaf in leaves) for group in groups)
    return _Chunks(tuple(list_paths(metadata)), spans)


_recall_chunks = functools.lru_cache(_REMEMBERED)(_read_chunks)


class _File:
    """The column chunks of one file."""

    def __init__(self, tally: TableTally, path: str):
        self._manifest, self._path = tally.manifest, path
        row = self._manifest.find(path)
        etag = None if row is None else self._manifest.entries["etag"][row]
        footer = (None if etag is None else self._manifest.footers.get(path, etag)) or b""
        self.is_known = bool(footer)
        read = _recall_chunks if len(footer) <= _SHORT_FOOTER_BYTES else _read_chunks
        self._chunks = read(footer) if footer else _Chunks((), ())

    def needed_of(self, asked: list[Range]) -> set[tuple[int, Range]]:
        """Row groups with the ranges asked for that touch them."""
        found = set()
        for group, spans in enumerate(self._chunks.spans if asked else ()):
            low, high = min(start for start, _ in spans), max(end for _, end in spans)
            found |= {(group, span) for span in asked if span[0] < high and low < span[1]}
        return found

    def chunks(self, needs: Needs | None, groups: list[int] | None) -> set[tuple[int, Range]]:
        """Row groups with the ranges of the column chunks that are needed of them."""
        spans = self._chunks.spans
        if groups is None:
            groups = find_row_groups(self._manifest, self._path, len(spans), needs)
        leaves = find_leaves(self._chunks.paths, None if needs is None else needs.columns)
        return {(group, spans[group][leaf]) for group in groups for leaf in leaves}


def find_row_groups(manifest: Manifest, path: str, groups: int, needs: Needs | None) -> list[int]:
    """The row groups of a file, which has so many, that may hold a row that is needed."""
    if needs is None or groups <= 1:  # what is one row group was chosen as a file
        return list(range(groups))
    return choose_row_groups(manifest, path, needs.predicate)


def list_paths(metadata: pq.FileMetaData) -> list[str]:
    """The paths of a file's leaves, with dots."""
    return [metadata.schema.column(leaf).path for leaf in range(metadata.num_columns)]


def find_leaves(paths: Sequence[str], columns: Iterable[str] | None) -> list[int]:
    """Which leaves, given by their paths, are of these columns; all for None."""
    if columns is None:
        return list(range(len(paths)))
    names = set(columns)
    return [
        leaf for leaf, path in enumerate(paths) if path in names or any(path.startswith(f"{name}.") for name in names)
    ]


def subtract(fetched: Iterable[Range], needed: Iterable[Range]) -> int:
    """How many fetched bytes are not needed; a byte that was fetched twice is counted twice.

    Example:
        >>> subtract([(0, 100)], [(10, 20), (15, 40), (90, 120)])  # 0 to 10 and 40 to 90
        60
    """
    joined: list[list[int]] = []
    for start, end in sorted(needed):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    spans = np.array(joined, np.int64).reshape(-1, 2)
    wasted = 0
    for start, end in fetched:
        within = np.clip(np.minimum(spans[:, 1], end) - np.maximum(spans[:, 0], start), 0, None).sum()
        wasted += end - start - int(within)
    return wasted
