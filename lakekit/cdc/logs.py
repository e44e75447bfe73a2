"""What a journal's changes tell of the database's log: where it begins, what was before, whether it is one log; and
whether they are of one table.

It must not read anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from lakekit.cdc.debezium import CHANGE, SNAPSHOT, Change
from lakekit.errors import InvalidArgument

APART_SECONDS = 60  # a snapshot that began so soon after the first change is the first
# PostgreSQL and SQL Server tell when a transaction was committed; MySQL when a statement began, Oracle when it changed
# the row, which is earlier by as long as they run. What ran for longer than this, and is the journal's last, is refused
# though its log is one, until the next change comes; a longer bound would miss a server that failed over.
LATE_SECONDS = 3_600
# A snapshot has the position at which it began, and the moment in which a table was read, after all tables before it
READ_SECONDS = 86_400
_HINT = 'order by time instead: order_by="source.ts_ms"; or begin a new journal.'
_BEFORE_ALL = (None,) * 3  # a place in the log


class Log(NamedTuple):
    """What the events of one server tell of its log.

    Attributes:
        first: the lowest position of a change; None if there are only rows of snapshots.
        since: the earliest commit time of a change, in seconds since 1970; None if one has none.
        last: the highest position of a change.
        last_at: its commit time.
        until: the latest commit time.
        begins: the earliest time of any event; None if one has none.
        ends: the latest.
        reads: each position of a snapshot, with the earliest time of its rows.
    """

    first: Sequence[int] | None
    since: float | None
    last: Sequence[int] | None
    last_at: float | None
    until: float | None
    begins: float | None
    ends: float | None
    reads: Sequence[tuple[Sequence[int], float]] = ()


def note_change(logs: dict[str, Log], change: Change) -> None:
    """Count an event in, by its server, if it bears a position of the log."""
    if not any(change.order[:2]):
        return
    at, place = change.committed_at and change.committed_at.timestamp(), list(change.order)
    log = Log(None, None, None, None, None, at, at)
    if change.phase == CHANGE:
        log = Log(place, at, place, at, at, at, at)
    elif change.phase == SNAPSHOT and at is not None:
        log = log._replace(reads=[(place, at)])
    logs[change.server] = _join(logs[change.server], log) if change.server in logs else log


def join_logs(noted: Iterable[Mapping[str, Sequence[Any]]]) -> dict[str, Log]:
    """What was noted of files, by server."""
    logs: dict[str, Log] = {}
    for one in noted:
        for server, told in one.items():
            logs[server] = _join(logs.get(server, Log(*told)), Log(*told))
    return logs


def _join(one: Log, other: Log) -> Log:
    begins, ends = _choose(min, one.begins, other.begins), _choose(max, one.ends, other.ends)
    reads = one.reads or other.reads
    if one.reads and other.reads:
        earliest: dict[tuple[int, ...], float] = {}
        for place, at in (*one.reads, *other.reads):
            earliest[tuple(place)] = min(at, earliest.get(tuple(place), at))
        reads = sorted(earliest.items())
    if one.first is None or other.first is None or one.last is None or other.last is None:
        told = other if one.first is None else one
        return told._replace(begins=begins, ends=ends, reads=reads)
    first, last = min(one.first, other.first), one if one.last >= other.last else other
    since, until = _choose(min, one.since, other.since), _choose(max, one.until, other.until)
    return Log(first, since, last.last, last.last_at, until, begins, ends, reads)


def _choose(choose: Any, one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else choose(one, other)


def find_place(change: Change, logs: Mapping[str, Log], ranks: Mapping[str, int]) -> Sequence[Any]:
    """What orders a change: the rank of its server where there are several, then its position in the server's log."""
    place = _BEFORE_ALL if is_first_snapshot(change, logs) else change.order
    return (ranks.get(change.server), *place) if ranks else place


def is_first_snapshot(change: Change, logs: Mapping[str, Log]) -> bool:
    """Whether it is a row of a snapshot before which its server has no change: it comes before all changes.

    The position alone does not tell: PostgreSQL logs some of what a transaction does before a snapshot, which sees
    nothing of it, for the transaction ends later.
    """
    if change.phase != SNAPSHOT:
        return False
    log = logs.get(change.server)
    if log is None or log.first is None or not any(change.order[:2]) or log.first >= list(change.order):
        return True
    at = change.committed_at and change.committed_at.timestamp()
    return at is not None and log.since is not None and at <= log.since + APART_SECONDS


def check_logs(logs: Mapping[str, Log], url: str) -> None:
    """Raise where a log began anew, so that its positions tell no order.

    Raises:
        InvalidArgument: it did.
    """
    for log in logs.values():
        if log.last is None or log.until is None:
            continue
        if log.last_at is not None and log.until - log.last_at > LATE_SECONDS:
            hours = (log.until - log.last_at) / 3600
            what = f"The log's last position in {url} was committed {hours:.0f} h before other changes: it began anew."
            raise InvalidArgument(what, hint=_HINT)
        for place, at in log.reads:
            told = [number for number in place[:2] if number]
            if at - log.until > READ_SECONDS and told < list(log.last[: len(told)]):
                hours = (at - log.until) / 3600
                what = f"A snapshot in {url} was read {hours:.0f} h after the last change, and its position is before"
                raise InvalidArgument(f"{what} that change's: the log began anew.", hint=_HINT)


def rank_servers(logs: Mapping[str, Log], url: str) -> dict[str, int]:
    """Which server came when, where there are several: positions of different logs tell nothing of each other.

    Raises:
        InvalidArgument: one had changes before another had its last.
    """
    if len(logs) < 2:
        return {}
    ordered = sorted(logs, key=lambda server: (logs[server].begins or 0, logs[server].ends or 0, server))
    for one, other in pairwise(ordered):
        ends, begins = logs[one].ends, logs[other].begins
        if ends is None or begins is None or ends >= begins:
            what = f"{url} has events of the servers {one!r}, until {_tell(ends)}, and {other!r}, from {_tell(begins)}:"
            hint = 'give each server a journal of its own; or order by time: order_by="source.ts_ms".'
            raise InvalidArgument(f"{what} positions in two logs do not tell which change is later.", hint=hint)
    return {server: rank for rank, server in enumerate(ordered)}


def check_tables(noted: Iterable[tuple[Sequence[str], str]], url: str) -> None:
    """Raise where changes are of two tables: their rows would be taken for one another by the key.

    Args:
        noted: the names of a table, as far as they are told, and where they stand.
        url: the journal's.

    Raises:
        InvalidArgument: two tables; names both.
    """
    known: dict[int, tuple[Sequence[str], str]] = {}
    for names, place in noted:
        for part, name in enumerate(names):
            before, there = known.setdefault(part, (names, place)) if name else (names, place)
            if before[part] != name:
                one, other = (".".join(filter(None, each)) for each in (before, names))
                what = f"{url} has changes of {one} in {there}, and of {other} in {place}: a journal has one table."
                raise InvalidArgument(what, hint="keep the changes of each table in a folder of its own.")


def _tell(at: float | None) -> str:
    return "an unknown time" if at is None else f"{datetime.fromtimestamp(at, UTC):%F %T}"
