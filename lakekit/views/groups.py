"""The files of a view in groups: which go together, what DuckDB is told of each, and by which name.

It must not loop over files: tables have a million of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.manifest.manifest import Manifest
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.views.filesystem import PADDING_BYTES

SPLIT_FILES = 20_000  # files of a group above which it is cut in ranges of a key; DuckDB prunes 400 files a ms
MOST_RANGES = 16  # each costs DuckDB a scan to plan

_SAFE = "-_.~+,:@! "  # characters of names and values that are shown as they are; DuckDB reads none of them specially
_PLAIN = r"^[A-Za-z0-9_.\-~+,:@! ]*$"  # names that hold no others
_TOLD = {"filename": pa.string(), "file_size": pa.int64(), "last_modified": pa.timestamp("us"), "etag": pa.string()}
_OWN_NAME = "/(columns|schema)-"  # how names of headers and probes end; see plan.py
_ETAGS = 10**15  # DuckDB keeps texts of up to 15 characters in place

Layout = tuple[tuple[str, str], ...]  # for each file column its name and "file", "missing", or the type in conflict
_NUMBERS = itertools.count(1)


def next_number() -> int:
    """A number that no group, and nothing else that takes one, has had in this process."""
    return next(_NUMBERS)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the manifest knows of one file; its time in UTC without a zone, as DuckDB takes it."""

    path: str
    schema_id: str | None
    rows: int | None
    size_bytes: int
    modified_at: datetime
    etag: str


@dataclass(frozen=True)
class KeyRange:
    """The values of a partition key that the files of a group have.

    Attributes:
        key: its name.
        start: the lowest value; None for no limit.
        end: the first value above; None for no limit.
        is_null: whether the value is NULL, in all of them; then there are no limits.
    """

    key: str
    start: Any = None
    end: Any = None
    is_null: bool = False


@dataclass
class Group:
    """Files that supply the same of the table's columns in the same way.

    Attributes:
        layout: how each file column is supplied.
        within: where a large group was cut, the range of a key whose files these are.
        number: what tells the group from all others of this process.
        paths: its files.
        rows: where they stand in ``manifest.files``.
        folders: for each, the number of its folder.
        plain: for each file, whether it is neither unreadable nor shown as a copy.
        header: an empty file with the group's columns, as DuckDB is told of it.
        shown: the files as DuckDB is told of them.
    """

    layout: Layout
    within: KeyRange | None = None
    number: int = field(default_factory=next_number)
    paths: Sequence[str] = ()
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    folders: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    plain: np.ndarray = field(default_factory=lambda: np.empty(0, bool), repr=False)
    header: pa.StructArray | None = field(default=None, repr=False)
    shown: pa.StructArray | None = field(default=None, repr=False)

    @property
    def from_file(self) -> list[str]:
        """The columns that the files hold."""
        return [name for name, how in self.layout if how == "file"]

    @property
    def samples(self) -> np.ndarray:
        """Positions of files, one for each folder."""
        return self._sampled[0]

    @property
    def sample_numbers(self) -> np.ndarray:
        """For each file, which of the samples is of its folder."""
        return self._sampled[1]

    @cached_property
    def leader(self) -> int | None:
        """The first of the samples that is plain, by whose rows DuckDB guesses how many there are; None for none."""
        plain = self.samples[self.plain[self.samples]]
        return int(plain[0]) if len(plain) else None

    @cached_property
    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self.folders, return_index=True, return_inverse=True)[1:]

    def list_files(
        self, positions: Sequence[int] | np.ndarray | None = None, names: Mapping[int, str] | None = None
    ) -> pa.ListArray:
        """One list of files of the group, as read_parquet takes it.

        DuckDB binds a view by the first file, and guesses by it how many rows there are. So a plain file leads, one
        that opens without a request; where there is none, an empty file with the group's columns does.

        Args:
            positions: which of ``paths``; all if not given.
            names: by position, what some are called instead; those that share a name are listed once.
        """
        chosen = np.arange(len(self.paths)) if positions is None else np.array(positions, np.int64)
        plain = chosen[self.plain[chosen]]
        if len(plain):
            chosen = np.array([plain[0], *chosen[chosen != plain[0]]], np.int64) if plain[0] != chosen[0] else chosen
        shown = self.shown if positions is None and len(plain) and chosen[0] == 0 else self.shown.take(pa.array(chosen))
        if names:
            known = shown.field("filename").to_pylist()
            renamed = [names.get(position, name) for position, name in zip(chosen.tolist(), known, strict=True)]
            shown = pa.StructArray.from_arrays([pa.array(renamed), *shown.flatten()[1:]], fields=list(shown.type))
            firsts = {name: place for place, name in reversed(list(enumerate(renamed)))}
            shown = shown.take(pa.array(sorted(firsts.values()))) if len(firsts) < len(renamed) else shown
        if not len(plain):
            shown = pa.concat_arrays([self.header, shown])
        return list_told(shown)


def list_told(files: pa.StructArray) -> pa.ListArray:
    """One list of these files, as read_parquet takes it."""
    return pa.ListArray.from_arrays(pa.array([0, len(files)], pa.int32()), files)


def tell_files(names: pl.Series, files: pl.DataFrame, is_copied: pl.Series, seed: int = 0) -> pa.StructArray:
    """The files as read_parquet takes them.

    Args:
        names: by which they are shown.
        files: their rows of the manifest.
        is_copied: whether a file is shown as a copy, whose size is not known yet.
        seed: another number where files are shown with other names of columns, as DuckDB keeps what it has read.
    """
    told = files.select(
        filename=names,
        file_size=pl.when(~is_copied).then(pl.col("size_bytes") + PADDING_BYTES),
        last_modified=pl.col("modified_at").dt.replace_time_zone(None),
        etag=(pl.col("etag").hash(seed) % _ETAGS).cast(pl.String),
    ).to_arrow(compat_level=pl.CompatLevel.oldest())
    arrays = [told.column(name).combine_chunks().cast(kind) for name, kind in _TOLD.items()]
    return pa.StructArray.from_arrays(arrays, names=list(_TOLD))


def tell_file(name: str, size_bytes: int | None, modified_at: datetime) -> pa.StructArray:
    """A file that lakekit made, in the same way."""
    values = (name, size_bytes, modified_at, "columns")
    arrays = [pa.array([value], kind) for value, kind in zip(values, _TOLD.values(), strict=True)]
    return pa.StructArray.from_arrays(arrays, names=list(_TOLD))


def name_files(manifest: Manifest, positions: np.ndarray, root: str, marked: Mapping[str, str]) -> pl.Series:
    """The names by which DuckDB is shown files: clean ``key=value`` folders, whatever the layout of the lake.

    Args:
        manifest: the table.
        positions: which of its files.
        root: what all names begin with, ending with "/".
        marked: by partition key, the name under which it is shown.
    """
    folders, keys = manifest.folders, manifest.schema.keys
    numbers = folders.numbers[positions]
    used, where = np.unique(numbers, return_inverse=True)
    begins = []
    for number in used:
        folder = folders.names[number]
        parts = folder.split("/") if folder else []
        begin = show_folders(root, marked, manifest.partitioning.values[folder])
        begins.append(begin + "".join(f"{show_text(part)}/" for part in parts if not _is_of_key(part, keys)))
    names = manifest.entries["path"].gather(positions).str.extract(r"([^/]*)$")
    is_plain = names.str.contains(_PLAIN)
    if not is_plain.all():
        shown_names = [name if plain else show_text(name) for name, plain in zip(names, is_plain, strict=True)]
        names = pl.Series(shown_names, dtype=pl.String)
    return pl.Series(begins, dtype=pl.String).gather(where) + names


def show_folders(root: str, marked: Mapping[str, str], values: Sequence[Any]) -> str:
    """The folders that tell DuckDB the values of partition keys, ending with "/"."""
    return root + "".join(f"{key}={_show_value(value)}/" for key, value in zip(marked.values(), values, strict=True))


def _is_of_key(part: str, keys: Sequence[str]) -> bool:
    return "=" in part and part.partition("=")[0] in keys


def show_text(text: str) -> str:
    """A name as it is shown to DuckDB, with percent escapes for what it might read specially."""
    return quote(text, safe=_SAFE)


def _show_value(value: Any) -> str:
    if value is None:
        return HIVE_NULL
    if isinstance(value, bool):
        return str(value).lower()
    return show_text(str(value))


def make_distinct(names: pl.Series, is_taken: Callable[[str], bool]) -> pl.Series:
    """The same names, with "~" after those that stand twice or are taken; what comes first keeps its name.

    Args:
        names: of files of one group. Those of files of two groups differ anyway: by their keys, else by their paths.
        is_taken: whether a name is in use; only asked for names such as lakekit gives to what it makes.
    """
    if names.n_unique() == len(names) and not any(map(is_taken, names.filter(names.str.contains(_OWN_NAME)))):
        return names
    seen: set[str] = set()
    distinct = []
    for name in names:
        while name in seen or is_taken(name):
            name += "~"
        seen.add(name)
        distinct.append(name)
    return pl.Series(distinct, dtype=pl.String)


def split_group(
    manifest: Manifest, positions: np.ndarray, kept: Sequence[KeyRange] = ()
) -> list[tuple[KeyRange | None, np.ndarray]]:
    """Files in ranges of the key that has most values, where there are many files; else all in one without a range.

    A condition on that key then rules out whole ranges while DuckDB plans, and it need not look at each file.

    Args:
        manifest: the table.
        positions: the files, rising.
        kept: ranges to keep to, those of an earlier plan; nothing comes back where these files do not fill them.
    """
    ranges = kept or _choose_ranges(manifest, positions)
    if not ranges:
        return [(None, positions)]
    values = manifest.find_values(ranges[0].key).gather(positions)
    parts = []
    for one in ranges:
        if one.is_null:
            inside = values.is_null()
        else:
            above = values >= one.start if one.start is not None else values.is_not_null()
            inside = (above & (values < one.end) if one.end is not None else above).fill_null(False)
        parts.append((one, positions[inside.to_numpy()]))
    if all(len(part) for _, part in parts) and sum(len(part) for _, part in parts) == len(positions):
        return parts
    return [] if kept else [(None, positions)]


def _choose_ranges(manifest: Manifest, positions: np.ndarray) -> list[KeyRange]:
    """Ranges of about as many files each, by a key of whole numbers, dates or times; none where they would not pay."""
    types = dict(zip(manifest.partitioning.keys, manifest.partitioning.types, strict=True))
    keys = [key for key, kind in types.items() if _is_ordered_alike(kind)]
    if len(positions) <= SPLIT_FILES or not keys:
        return []
    columns = {key: manifest.find_values(key).gather(positions) for key in keys}
    key = max(keys, key=lambda name: columns[name].n_unique())
    counts = columns[key].drop_nulls().alias("value").value_counts(sort=False).sort("value")
    pieces = min(MOST_RANGES, counts.height)
    if pieces < 2:
        return []
    piece = (counts["count"].cum_sum() - 1) * pieces // counts["count"].sum()
    is_first = (piece != piece.shift(1)).fill_null(False)
    starts = [None, *counts["value"].filter(is_first).to_list()]
    ranges = [KeyRange(key, start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return ranges + ([KeyRange(key, is_null=True)] if columns[key].null_count() else [])


def _is_ordered_alike(kind: pa.DataType) -> bool:
    """Whether DuckDB orders values of a type as lakekit does, whatever its settings: text may have a collation."""
    types = pa.types
    return types.is_integer(kind) or types.is_date32(kind) or (types.is_timestamp(kind) and kind.tz is None)
