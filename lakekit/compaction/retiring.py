"""Originals on their way out: which ones a verified copy stands for, and their removal when asked for by name.

It must not remove a file that the copy does not stand for, nor anything while the copy is not as it was verified.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakekit.compaction.copying import find_copy
from lakekit.compaction.history import find_retired, read_commits
from lakekit.compaction.leases import hold_lease
from lakekit.compaction.plans import FORMAT
from lakekit.compaction.records import Survey, survey
from lakekit.display import format_text_table
from lakekit.errors import IncompleteTable, InvalidArgument
from lakekit.manifest.listing import COPY_BEGUN, COPY_VERIFIED, RETIRED
from lakekit.manifest.streams import find_checkpoints
from lakekit.progress import Progress
from lakekit.storage import open_store, open_writer, parse_address
from lakekit.table import Table, require_table
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage, StoredObject

KEPT_FOR = timedelta(
    days=7
)  # as long as Delta Lake keeps files that no snapshot names any more; its docs, read 2026-11


@dataclass(frozen=True)
class Retirement:
    """Which originals would go. Made by ``retire``; nothing is touched before ``run(…, confirm=…)``.

    Attributes:
        table: the compacted table that stands for them.
        address: where they are.
        files: path and etag of each.
        size_bytes: of all.
        storage_class: to which they would move; None to remove them.
        notes: why some, or all, stay.
    """

    table: Table = field(repr=False)
    address: Address
    files: tuple[tuple[str, str], ...]
    size_bytes: int
    storage_class: str | None
    older_than: timedelta
    as_of: datetime
    storage: Storage | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """What ``run`` wants to be told: the table's name, or the originals' address where the copy alone tells it."""
        known = self.table.url, self.table.switched_from
        return self.table.name if self.address.url in known else self.address.url

    def __repr__(self) -> str:
        what = f"moves to {self.storage_class}" if self.storage_class else "is removed"
        count = format_number_of(len(self.files), "original")
        lines = [f"Retire {count} ({format_bytes(self.size_bytes)}) of {self.table.name} under {self.address.url}"]
        shown = [(path,) for path, _ in self.files[:10]]
        if shown:
            lines.append(format_text_table(["path"], shown))
        if len(self.files) > 10:
            lines.append(f"… and {len(self.files) - 10:,} more")
        if self.files:
            lines.append(f"Each {what} by lk.compaction.run(this, confirm={self.named!r}), and not before.")
        return "\n".join([*lines, *self.notes])


@dataclass(frozen=True)
class Retired:
    """What went: how many originals, and from where."""

    url: str
    files: int
    size_bytes: int

    def __repr__(self) -> str:
        return f"{format_number_of(self.files, 'original')} ({format_bytes(self.size_bytes)}) under {self.url} retired"


def retire(
    table: Table,
    *,
    older_than: timedelta = KEPT_FOR,
    as_of: datetime | None = None,
    storage_class: str | None = None,
    storage: Storage | None = None,
) -> Retirement:
    """Which originals of a compacted table could go; nothing happens until ``run`` is given the table's name.

    Where no lake was switched to the copy, its record alone tells where they are: ``run`` is then given that address.

    The newest file of each shard of a stream stays, whatever is asked: it is the stream's checkpoint.

    Args:
        table: the compacted one, as people read it by now.
        older_than: originals stay for so long after the copy was verified, or after no snapshot needed them.
        as_of: when "now" is; the time of the call if not given.
        storage_class: move them there, such as "DEEP_ARCHIVE", and remove none; S3 only.
        storage: how to reach the originals; as the table is reached if not given.

    Raises:
        IncompleteTable: the copy is not verified, or is not as it was then; or files came to the originals that it
            does not hold.
        InvalidArgument: the table is no compacted one.

    Example:
        >>> import lakekit as lk
        >>> lk.compaction.retire(lk.open_table("data/sample/lake/weather"))
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: .../weather is no copy that lk.compaction made.
        Hint: plan(table, into=…) makes one.
    """
    require_table(table)
    moment = as_of or datetime.now(UTC)
    if moment.tzinfo is None or older_than < timedelta(0):
        what = f"as_of={as_of!r} has no time zone, or older_than={older_than} is negative."
        raise InvalidArgument(what, hint="give as_of=datetime.now(UTC), and timedelta(days=7).")
    there = survey(table.store.address, table.store.storage)
    if COPY_BEGUN not in there.records and there.has_log:
        return _retire_in_place(table, there, older_than, moment, storage_class)
    begun, verified, found = find_copy(table.store.address, table.store.storage)
    _check_copy(table.url, verified, found)
    address = parse_address(begun["source"])
    if storage is None and address.scheme == table.store.address.scheme:
        storage = table.store.storage
    if storage_class and address.scheme != "s3":
        raise InvalidArgument(f"{address.url} has no storage classes.", hint="leave storage_class out.")
    originals = survey(address, storage)
    files, notes = _keep_checkpoints(_find_originals(begun, originals, address), originals)
    since = next(
        one.modified_at
        for one in open_store(table.store.address, table.store.storage).list_objects()
        if one.path == COPY_VERIFIED
    )
    if since > moment - older_than:
        notes += (f"The copy was verified at {since:%Y-%m-%d %H:%M} UTC: originals stay for {older_than} after that.",)
        files = []
    notes += _warn_of_iceberg(originals)
    pairs = tuple((one.path, one.etag) for one in files)
    size_bytes = sum(one.size_bytes for one in files)
    return Retirement(table, address, pairs, size_bytes, storage_class, older_than, moment, storage, notes)


def _retire_in_place(
    table: Table, found: Survey, older_than: timedelta, as_of: datetime, storage_class: str | None
) -> Retirement:
    """The originals that compactions took out of a Delta table's log, and that no late snapshot names."""
    address, storage = table.store.address, table.store.storage
    if storage_class and address.scheme != "s3":
        raise InvalidArgument(f"{address.url} has no storage classes.", hint="leave storage_class out.")
    commits = read_commits(address, storage)
    files = find_retired(address, storage, commits, as_of - older_than)
    for commit in commits:
        if commit.is_ours and commit.removes & files:
            _check_outputs(table.url, commit.about["verified"], found)
    there, kept = _keep_checkpoints([found.objects[path] for path in sorted(files & found.objects.keys())], found)
    pairs = tuple((one.path, one.etag) for one in there)
    size_bytes = sum(one.size_bytes for one in there)
    notes = (f"Snapshots of the last {older_than} need none of them.", *kept, *_warn_of_iceberg(found))
    return Retirement(table, address, pairs, size_bytes, storage_class, older_than, as_of, storage, notes)


def _warn_of_iceberg(originals: Survey) -> tuple[str, ...]:
    """A word where an Iceberg table may still name the originals: only its catalog could tell."""
    if not originals.has_iceberg:
        return ()
    return (
        "They were published as Iceberg, too: publish again before, as its readers fail where a file is gone;"
        " its earlier snapshots cannot be read after.",
    )


def _keep_checkpoints(files: list[StoredObject], found: Survey) -> tuple[list[StoredObject], tuple[str, ...]]:
    """The files without those from which streams go on, and a word on these."""
    checkpoints = find_checkpoints(found.objects)
    kept = [one for one in files if one.path in checkpoints]
    if not kept:
        return files, ()
    count = format_number_of(len(kept), "newest file")
    note = f"{count} of streams, such as {kept[0].path}: left there, as checkpoints."
    return [one for one in files if one.path not in checkpoints], (note,)


def _check_outputs(url: str, verified: dict[str, str], found: Survey) -> None:
    _check_copy(url, {"outputs": list(verified.items())}, found)


def _check_copy(url: str, verified: dict[str, Any], found: Survey) -> None:
    """IncompleteTable where a file of the copy is not the one that was verified; files may have come since."""
    for path, etag, *_ in verified["outputs"]:
        now = found.objects.get(path)
        if now is None or now.etag != etag:
            what = f"{path} of the copy {url} {'is gone' if now is None else 'was replaced'} since it was verified."
            raise IncompleteTable(what, hint="keep the originals, and make another copy.")


def _find_originals(begun: dict[str, Any], found: Survey, address: Address) -> list[StoredObject]:
    """The originals that are still there, as the versions that were copied."""
    copied = {path: etag for _, _, sources in begun["bins"] for path, etag, *_ in sources}
    foreign = sorted(path for path, one in found.objects.items() if copied.get(path) != one.etag)
    if foreign and RETIRED not in found.records:
        what = f"{format_number_of(len(foreign), 'file')} under {address.url} is not in the copy, such as {foreign[0]}."
        raise IncompleteTable(what, hint="make another copy that holds them, and switch to that.")
    gone = sorted(copied.keys() - found.objects.keys())
    if gone and RETIRED not in found.records:
        what = f"{gone[0]} under {address.url} is gone, and nobody retired it."
        raise IncompleteTable(what, hint="look who removes files there.")
    return [one for path, one in sorted(found.objects.items()) if copied.get(path) == one.etag]


def _tell_copy(url: str) -> bytes:
    return json.dumps({"format": FORMAT, "copy": url}, indent=1).encode()


def run_retirement(asked: Retirement, confirm: str | None) -> Retired:
    """Remove or move the originals of a plan, after looking again; see ``run``."""
    if confirm != asked.named:
        what = f"confirm={confirm!r} is not what names these originals, {asked.named!r}: nothing was touched."
        raise InvalidArgument(what, hint=f"run(plan, confirm={asked.named!r}) retires {len(asked.files)} files.")
    if asked.address != asked.table.store.address:
        return _remove_originals(asked, lambda: None)
    with hold_lease(asked.address, asked.storage) as renew:  # else an undo could name again what goes
        return _remove_originals(asked, renew)


def _remove_originals(asked: Retirement, renew: Callable[[], None]) -> Retired:
    now = retire(
        asked.table,
        older_than=asked.older_than,
        as_of=asked.as_of,
        storage_class=asked.storage_class,
        storage=asked.storage,
    )
    files = sorted(set(asked.files) & set(now.files))
    if not files:
        return Retired(asked.address.url, 0, 0)
    writer = open_writer(asked.address, asked.storage)
    if asked.address != asked.table.store.address:  # in place, the log says what is data
        writer.put_new(RETIRED, _tell_copy(asked.table.url))
    with Progress(f"Retiring originals of {asked.table.name}", len(files)) as progress:
        for path, etag in files:
            if asked.storage_class:
                writer.move(path, asked.storage_class, etag=etag)
            else:
                writer.remove(path, etag=etag)
            progress.advance()
            renew()
    return Retired(asked.address.url, len(files), now.size_bytes)
