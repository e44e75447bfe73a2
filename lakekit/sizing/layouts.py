"""Other ways in which the rows of a table could lie in files, as far as statistics tell what these would hold.

It must not open anything, nor claim more of a new file than that its values lie between bounds.

A new file is made of old ones, whole: its bounds reach from their lowest to their highest. Only sorting splits them:
the values of an old file are then taken to lie evenly between its bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from lakekit.manifest.bounds import ColumnBounds, read_file_bounds
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import Predicate, list_columns
from lakekit.manifest.pruning import judge

POINTS = 64  # evenly between the bounds of a file, that its values are taken to be when they are sorted


@dataclass(frozen=True)
class Layout:
    """Files as they are or would be.

    Attributes:
        name: what was done.
        size_bytes: of each file.
        partitions: how many folders.
        bounds: what is known of a column in each file.
        has_rows: whether there may be rows.
        folders: of each old file, the folder that its rows go to.
        row_groups: of each file, where that is known.
    """

    name: str
    size_bytes: np.ndarray
    partitions: int
    bounds: Callable[[str], ColumnBounds]
    has_rows: np.ndarray
    folders: np.ndarray
    row_groups: pl.Series | None = None

    def choose(self, conditions: Sequence[Predicate]) -> np.ndarray:
        """The files that may hold a row that one of the conditions is true for."""
        kept = np.zeros(len(self.size_bytes), bool)
        for condition in conditions:
            bounds = {column: self.bounds(column) for column in list_columns(condition)}
            kept |= judge(condition, bounds, self.has_rows).true
        return kept


def layout_now(manifest: Manifest) -> Layout:
    """The files as they are."""
    known: dict[str, ColumnBounds] = {}

    def bounds(column: str) -> ColumnBounds:
        if column not in known:
            known[column] = read_file_bounds(manifest, column)
        return known[column]

    entries = manifest.entries
    has_rows = (entries["rows"] > 0).fill_null(True).to_numpy()
    folders = entries["path"].str.replace(r"[^/]*$", "").rank("dense").to_numpy()
    return Layout(
        "as it is",
        entries["size_bytes"].to_numpy(),
        len(set(folders)),
        bounds,
        has_rows,
        folders,
        entries["row_groups"],
    )


def regroup(manifest: Manifest, now: Layout, name: str, keys: Mapping[str, str | None], target_bytes: int) -> Layout:
    """The files merged up to the target within each partition, in the order of their paths.

    Args:
        manifest: the table.
        now: its files as they are.
        name: of the new layout.
        keys: the partition keys that stay, each with "month" or "year" if it is coarsened, else None.
        target_bytes: that a new file reaches at most, if it is not an old one that is larger.
    """
    values = manifest.entries["partition"].struct.unnest() if keys else pl.DataFrame()
    parts = [values[key].dt.truncate({"month": "1mo", "year": "1y"}[to]) if to else values[key]
             for key, to in keys.items()]  # fmt: skip
    if parts:
        folders = pl.DataFrame(parts).select(pl.struct(pl.all()).rank("dense").alias("at"))["at"].to_numpy()
    else:
        folders = np.zeros(len(now.size_bytes), np.int64)
    return _merge(now, name, folders, _pack(folders, now.size_bytes, target_bytes))


def _pack(folders: np.ndarray, size_bytes: np.ndarray, target_bytes: int) -> np.ndarray:
    """The number of the new file that each old one goes to; files of a folder, one after the other."""
    number, filled, numbers = -1, 0, np.zeros(len(folders), np.int64)
    last = None
    for row in np.argsort(folders, kind="stable"):
        if folders[row] != last or filled + size_bytes[row] > target_bytes:
            number, filled, last = number + 1, 0, folders[row]
        filled += int(size_bytes[row])
        numbers[row] = number
    return numbers


def _merge(now: Layout, name: str, folders: np.ndarray, numbers: np.ndarray) -> Layout:
    count = int(numbers.max()) + 1 if len(numbers) else 0
    size_bytes = np.zeros(count, np.int64)
    np.add.at(size_bytes, numbers, now.size_bytes)
    return Layout(
        name,
        size_bytes,
        len(set(folders)),
        lambda column: _widen(now.bounds(column), numbers, count),
        _any_of(now.has_rows, numbers, count),
        folders,
    )


def _any_of(flags: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    found = np.zeros(count, bool)
    found[numbers[flags]] = True
    return found


def _widen(old: ColumnBounds, numbers: np.ndarray, count: int) -> ColumnBounds:
    """From the lowest to the highest of the old files; unknown where one of them is."""
    is_unknown = old.has_value & (old.low.is_null() | old.high.is_null()).to_numpy()
    unknown = _any_of(is_unknown, numbers, count)
    frame = pl.DataFrame({"to": numbers, "low": old.low, "high": old.high}).group_by("to").agg(
        pl.col("low").min(), pl.col("high").max()
    ).sort("to")  # fmt: skip
    known = pl.Series(~unknown)
    low, high = (pl.select(pl.when(known).then(frame[name])).to_series() for name in ("low", "high"))
    flags = (_any_of(found, numbers, count) for found in (old.has_value, old.has_nan, old.has_null))
    return ColumnBounds(old.type, low, high, *flags)


def sort_by(base: Layout, now: Layout, rows: pl.Series, column: str, target_bytes: int) -> Layout | None:
    """The same partitions, each written as files of one size in the order of a column.

    None where statistics do not tell enough: for text, for files without bounds, or where no partition has enough
    bytes for two files, so that sorting would split none.

    Args:
        base: the partitions.
        now: the files as they are.
        rows: of each of these.
        column: to sort by.
        target_bytes: of a new file.
    """
    old = now.bounds(column)
    if not _can_lie_evenly(old) or rows.null_count():
        return None
    sizes, parts, lows, highs = [], [], [], []
    for folder in np.unique(base.folders):
        members = np.flatnonzero(base.folders == folder)
        total = int(now.size_bytes[members].sum())
        count = max(1, -(-total // target_bytes))
        for low, high in _split(old, members, rows.to_numpy()[members], count):
            lows.append(low)
            highs.append(high)
            sizes.append(total // count)
            parts.append(members)
    if len(sizes) == base.partitions:
        return None
    numbers = np.concatenate([np.full(len(members), number) for number, members in enumerate(parts)])
    members, count = np.concatenate(parts), len(parts)
    ends = [pl.Series(values, dtype=pl.Float64).round().cast(pl.Int64) if not old.low.dtype.is_float()
            else pl.Series(values, dtype=pl.Float64) for values in (lows, highs)]  # fmt: skip
    low, high = (series.cast(old.low.dtype) for series in ends)

    def bounds(asked: str) -> ColumnBounds:
        wide = _widen(_take(now.bounds(asked), members), numbers, count)
        return replace(wide, low=low, high=high) if asked == column else wide

    name = f"{base.name}, sorted by {column}"
    return Layout(name, np.array(sizes), base.partitions, bounds, np.ones(count, bool), base.folders)


def _can_lie_evenly(old: ColumnBounds) -> bool:
    """Whether values between the bounds can be counted with: of numbers and times, where every file tells them."""
    kind = old.low.dtype
    if kind.is_decimal() or not (kind.is_numeric() or kind.is_temporal()):
        return False
    ends = pl.concat([old.low, old.high])
    return not ends.null_count() and bool((ends.to_physical().cast(pl.Float64).abs() < 2.0**62).all())


def _take(old: ColumnBounds, rows: np.ndarray) -> ColumnBounds:
    flags = (found[rows] for found in (old.has_value, old.has_nan, old.has_null))
    return ColumnBounds(old.type, old.low.gather(rows), old.high.gather(rows), *flags)


def _split(old: ColumnBounds, members: np.ndarray, rows: np.ndarray, count: int) -> list[tuple[float, float]]:
    """The bounds of ``count`` files of equally many rows, of the old files' values, in order."""
    low, high = (series.gather(members).to_physical().cast(pl.Float64).to_numpy() for series in (old.low, old.high))
    points = np.linspace(low, high, POINTS, axis=1).ravel()
    weights = np.repeat(rows / POINTS, POINTS)
    order = np.argsort(points, kind="stable")
    points, filled = points[order], np.cumsum(weights[order])
    cuts = np.searchsorted(filled, filled[-1] * np.arange(1, count) / count)
    starts, ends = [0, *cuts], [*cuts, len(points) - 1]
    return [(points[start], points[end]) for start, end in zip(starts, ends, strict=True)]
