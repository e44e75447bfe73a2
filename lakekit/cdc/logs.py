"""What a journal's changes tell of the database's log: where it begins, what was before, and whether it is one log.

It must not read anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lakekit.cdc.debezium import CHANGE, SNAPSHOT, Change
from lakekit.errors import InvalidArgument

APART_SECONDS = 60  # a snapshot that began so soon after the first change is the first
LATE_SECONDS = 86_400  # no transaction lasts so long


class Log(NamedTuple):
    """The changes of one server; rows of snapshots are none.

    Attributes:
        first: the lowest position.
        since: the earliest commit time, in seconds since 1970; None if a change has none.
        last: the highest position.
        last_at: its commit time.
        until: the latest commit time.
    """

    first: Sequence[int]
    since: float | None
    last: Sequence[int]
    last_at: float | None
    until: float | None


def note_change(logs: dict[str, Log], change: Change) -> None:
    """Count a change in, by its server, if it bears a position of the log."""
    if change.phase == CHANGE and any(change.order[:2]):
        at = change.committed_at and change.committed_at.timestamp()
        log = Log(list(change.order), at, list(change.order), at, at)
        logs[change.server] = _join(logs.get(change.server, log), log)


def join_logs(noted: Iterable[Mapping[str, Sequence[Any]]]) -> dict[str, Log]:
    """What was noted of files, by server."""
    logs: dict[str, Log] = {}
    for one in noted:
        for server, told in one.items():
            logs[server] = _join(logs.get(server, Log(*told)), Log(*told))
    return logs


def _join(one: Log, other: Log) -> Log:
    last = max(one, other, key=lambda log: log.last)
    since = None if one.since is None or other.since is None else min(one.since, other.since)
    until = None if one.until is None or other.until is None else max(one.until, other.until)
    return Log(min(one.first, other.first), since, last.last, last.last_at, until)


def is_first_snapshot(change: Change, logs: Mapping[str, Log]) -> bool:
    """Whether it is a row of a snapshot before which the journal has no change: it comes before all changes.

    The position alone does not tell: PostgreSQL logs some of what a transaction does before a snapshot, which sees
    nothing of it, for the transaction ends later.
    """
    if change.phase != SNAPSHOT:
        return False
    log = logs.get(change.server)
    if log is None or not any(change.order[:2]) or log.first >= list(change.order):
        return True
    at = change.committed_at and change.committed_at.timestamp()
    return at is not None and log.since is not None and at <= log.since + APART_SECONDS


def check_logs(logs: Mapping[str, Log], url: str) -> None:
    """Raise where a log began anew, so that its positions tell no order.

    Raises:
        InvalidArgument: it did.
    """
    for log in logs.values():
        if log.last_at is not None and log.until is not None and log.until - log.last_at > LATE_SECONDS:
            hours = (log.until - log.last_at) / 3600
            what = f"The log's last position in {url} was committed {hours:.0f} h before other changes: it began anew."
            raise InvalidArgument(what, hint='order by time instead: order_by="source.ts_ms"; or begin a new journal.')
