"""What compaction is going to do: which files become which, what is left out, and by which rules.

It must not read data, nor write: a plan can be printed, kept and thrown away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument
from lakekit.units import MIB, format_bytes, format_count, format_number_of

if TYPE_CHECKING:
    import pyarrow as pa

    from lakekit.storage import Address, Storage
    from lakekit.table import Table

FORMAT = 1  # of the records that are kept beside a copy
TARGET_BYTES = 256 * MIB  # a file of 128 MiB to 1 GiB suits Athena, Spark and DuckDB alike; their guides, read 2026-11
SORTED_BYTES = 128 * MIB  # as stored, of what is sorted at a time: it is in memory as a whole


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How to compact.

    Attributes:
        target_bytes: how big files should become, as they are stored.
        sort_by: columns of the files by which the rows of each new file are sorted, NULLs last.
        closed_after: a partition is closed, and is compacted, when none of its files was modified for so long;
            ``timedelta(0)`` takes all.

    Example:
        >>> Rules(sort_by=["user_id"], closed_after=timedelta(days=1)).sort_by
        ('user_id',)
    """

    target_bytes: int = TARGET_BYTES
    sort_by: Sequence[str] = ()
    closed_after: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        if isinstance(self.sort_by, str):
            raise InvalidArgument(f"sort_by={self.sort_by!r} is a text.", hint=f"write [{self.sort_by!r}].")
        object.__setattr__(self, "sort_by", tuple(self.sort_by))
        if self.target_bytes < 1:
            raise InvalidArgument(f"target_bytes={self.target_bytes} is no size.", hint="256 * lk.MIB is a good one.")
        if self.closed_after < timedelta(0):
            raise InvalidArgument(f"closed_after={self.closed_after} is negative.", hint="timedelta(0) takes all.")


@dataclass(frozen=True)
class Source:
    """One file that is compacted: where it is, which version, how big."""

    path: str
    etag: str
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Bin:
    """Files of one partition that become one file.

    Attributes:
        output: the path of the new file; it tells the sources and their versions.
        sources: the files, in the order of their paths.
        as_it_is: the one source is fine, and its bytes are copied.
    """

    output: str
    sources: tuple[Source, ...]
    as_it_is: bool = False

    @property
    def paths(self) -> list[str]:
        return [source.path for source in self.sources]

    @property
    def size_bytes(self) -> int:
        return sum(source.size_bytes for source in self.sources)

    @property
    def rows(self) -> int:
        return sum(source.rows for source in self.sources)


@dataclass(frozen=True)
class Plan:
    """What ``run`` will do. Made by ``plan``; nothing is written before.

    Attributes:
        table: the table that is compacted.
        into: where the new files go; None in place.
        bins: which files become which.
        left_out: path and reason of files that stay as they are and are in no bin.
        rules: by which it was made.
        storage: how to reach ``into``.
        notes: what else is to be known.
        version: of the Delta table that it was made for.
    """

    table: Table = field(repr=False)
    into: Address | None
    bins: tuple[Bin, ...]
    left_out: tuple[tuple[str, str], ...]
    rules: Rules
    storage: Storage | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    version: int | None = None

    @cached_property
    def id(self) -> str:
        """What names this plan: equal plans, also those of another process, have the same."""
        told = [self.table.url, [bin_.output for bin_ in self.bins], self.left_out, describe_types(self.schema)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table, which every new file will have."""
        return self.table.schema

    @property
    def files_before(self) -> int:
        return sum(len(bin_.sources) for bin_ in self.bins)

    @property
    def files_after(self) -> int:
        return len(self.bins)

    @property
    def rows(self) -> int:
        """How many rows the bins hold."""
        return sum(bin_.rows for bin_ in self.bins)

    @property
    def size_bytes(self) -> int:
        return sum(bin_.size_bytes for bin_ in self.bins)

    def as_json(self) -> bytes:
        """The plan as a record, from which it can be taken up again."""
        bins = [
            [bin_.output, bin_.as_it_is, [[one.path, one.etag, one.size_bytes, one.rows] for one in bin_.sources]]
            for bin_ in self.bins
        ]
        told = {"format": FORMAT, "id": self.id, "table": self.table.name, "source": self.table.url}
        told |= {"schema": describe_types(self.schema), "left_out": self.left_out, "bins": bins}
        return json.dumps(told, indent=1).encode()

    def describe(self) -> list[str]:
        """The plan in sentences."""
        where = f"into {self.into.url}" if self.into else "in place, by its Delta log"
        same = sum(bin_.as_it_is for bin_ in self.bins)
        lines = [
            f"Compact {self.table.name} {where}: {format_number_of(self.files_before, 'file')} "
            f"({format_bytes(self.size_bytes)}, {format_count(self.rows)} rows) become {format_count(self.files_after)}"
            + (f", {format_count(same)} of them copied as they are" if same else "")
        ]
        if self.left_out:
            lines.append(f"left out: {format_number_of(len(self.left_out), 'file')}, see .left_out")
        return [*lines, *self.notes, "Nothing is deleted; the originals stay."]

    def _tabulate(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        rows = [
            (bin_.output.rpartition("/")[0] or "(root)", len(bin_.sources), format_bytes(bin_.size_bytes), bin_.rows)
            for bin_ in self.bins
        ]
        return ["partition", "files", "size", "rows"], rows

    def __repr__(self) -> str:
        columns, rows = self._tabulate()
        more = [f"… and {len(rows) - 10:,} more files"] if len(rows) > 10 else []
        return "\n".join([*self.describe(), format_text_table(columns, rows[:10]), *more])

    def _repr_html_(self) -> str:
        columns, rows = self._tabulate()
        lines = self.describe()
        return format_html_table(lines[0], columns, rows, note="; ".join(lines[1:]))


def describe_types(schema: pa.Schema) -> list[list[str]]:
    """The columns and their types as texts, to be compared."""
    return [[column.name, str(column.type)] for column in schema]


def read_bins(told: dict[str, Any]) -> tuple[Bin, ...]:
    """The bins of a record that ``Plan.as_json`` made."""
    return tuple(
        Bin(output, tuple(Source(*source) for source in sources), as_it_is)
        for output, as_it_is, sources in told["bins"]
    )
