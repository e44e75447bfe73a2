"""Which files of a log make one version of its table, by their names and times alone.

It must not open them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lakekit.delta.writing import LOG
from lakekit.errors import InvalidArgument

_COMMIT = re.compile(LOG + r"/(\d{20})\.json")
_CHECKPOINT = re.compile(LOG + r"/(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
_NEW_CHECKPOINT = re.compile(LOG + r"/\d{20}\.checkpoint\.[0-9a-fA-F-]{36}\.(json|parquet)")


@dataclass(frozen=True)
class Commits:
    """The files of a log.

    Attributes:
        by_version: path of each commit.
        times: when each was written.
        checkpoints: by version, the paths that make one, all of its parts.
        has_new: whether there are checkpoints of the second kind ("v2"), which lakekit does not read.
    """

    by_version: dict[int, str]
    times: dict[int, datetime]
    checkpoints: dict[int, list[str]]
    has_new: bool

    def choose(self, version: int) -> list[str] | None:
        """The last checkpoint that is not after a version and the commits since; None where they are not all there."""
        start = max((number for number in self.checkpoints if number <= version), default=-1)
        needed = range(start + 1, version + 1)
        if any(number not in self.by_version for number in needed):
            return None
        return [*self.checkpoints.get(start, ()), *(self.by_version[number] for number in needed)]

    @property
    def latest(self) -> int:
        """The highest number."""
        return max((*self.by_version, *self.checkpoints), default=-1)

    def find_version(self, as_of: int | datetime | None, url: str) -> int:
        """The version that was meant.

        Args:
            as_of: its number, a moment, or None for the last.
            url: the table, for messages.

        Raises:
            InvalidArgument: there is none such.
        """
        if as_of is None:
            return self.latest
        if isinstance(as_of, datetime):
            return self._find_at(as_of, url)
        if isinstance(as_of, bool) or not isinstance(as_of, int) or self.choose(as_of) is None or as_of < 0:
            readable = [number for number in sorted({*self.by_version, *self.checkpoints}) if self.choose(number)]
            there = f"versions {readable[0]} to {readable[-1]} can be read" if readable else "none can be read"
            raise InvalidArgument(f"The Delta table {url} has no version {as_of!r}: {there}.", hint="choose another.")
        return as_of

    def _find_at(self, moment: datetime, url: str) -> int:
        if moment.tzinfo is None:
            what = f"as_of={moment!r} has no time zone."
            raise InvalidArgument(what, hint="write datetime(2026, 11, 25, 9, tzinfo=UTC).")
        found, latest = None, None
        for version, time in sorted(self.times.items()):
            latest = time if latest is None else max(latest, time)  # clocks of writers may differ
            if latest <= moment and self.choose(version):
                found = version
        if found is None:
            first = min(self.times.values(), default=None)
            began = f"the first commit that is there is of {first:%Y-%m-%d %H:%M:%S} UTC" if first else "it has none"
            raise InvalidArgument(f"The Delta table {url} had no version at {moment}: {began}.")
        return found


def find_commits(listed: pl.DataFrame) -> Commits:
    """The files of the log right under a table's address, among all that is listed there."""
    found = listed.filter(pl.col("path").str.starts_with(f"{LOG}/")).select("path", "modified_at")
    by_version, times, parts, has_new = {}, {}, {}, False
    for path, modified_at in found.iter_rows():
        if match := _COMMIT.fullmatch(path):
            by_version[int(match[1])], times[int(match[1])] = path, modified_at
        elif match := _CHECKPOINT.fullmatch(path):
            parts.setdefault((int(match[1]), int(match[3] or 1)), []).append(path)
        elif _NEW_CHECKPOINT.fullmatch(path):
            has_new = True
    return Commits(by_version, times, _find_whole(parts.items()), has_new)


def _find_whole(parts: Iterable[tuple[tuple[int, int], list[str]]]) -> dict[int, list[str]]:
    return {version: sorted(paths) for (version, count), paths in parts if len(paths) == count}
