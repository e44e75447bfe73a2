"""Many paths as one sequence that holds no text of its own: positions in the column of a table's paths.

It must not know what the paths are for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

_MOST_SHOWN = 10  # paths in a repr


class PathList(Sequence[str]):
    """Some of a table's paths, in order; equal to a tuple of the same texts.

    Args:
        column: all paths, sorted.
        positions: which of them, rising.

    Example:
        >>> PathList(pl.Series(["a", "b", "c"]), np.array([0, 2])) == ("a", "c")
        True
    """

    def __init__(self, column: pl.Series, positions: np.ndarray):
        self.column = column
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return PathList(self.column, self.positions[index])
        return self.column[int(self.positions[index])]

    def __iter__(self) -> Iterator[str]:
        return iter(self.column.gather(self.positions).to_list())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sequence) and not isinstance(other, str):
            return len(self) == len(other) and tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        if len(self) <= _MOST_SHOWN:
            return repr(tuple(self))
        return f"<{len(self):,} paths from {self[0]!r} to {self[-1]!r}>"


def find_path(column: pl.Series, path: str) -> int | None:
    """The position of a path in a sorted column of paths, found by halving it; None where it is not there.

    Example:
        >>> find_path(pl.Series(["a", "b", "c"]), "c")
        2
    """
    position = bisect_left(range(len(column)), path, key=column.__getitem__)
    return position if position < len(column) and column[position] == path else None


def merge_paths(lists: Sequence[Sequence[str]]) -> Sequence[str]:
    """The paths of several lists as one, sorted; lists of one column stay positions in it."""
    first = lists[0]
    if len(lists) == 1 and isinstance(first, PathList):
        return first
    if all(isinstance(one, PathList) and one.column is first.column for one in lists):
        return PathList(first.column, np.sort(np.concatenate([one.positions for one in lists])))
    return tuple(sorted(path for one in lists for path in one))
