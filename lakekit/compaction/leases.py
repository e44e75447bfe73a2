"""One compaction, undo or retirement at a time: a lease, taken by the next number of a chain, that runs out.

It spares two compactors the same work; no row depends on that. That an undo names no file which a retirement is about
to remove does depend on it, for as long as the lease is renewed.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakekit.errors import LakekitError, StorageFailed
from lakekit.manifest.listing import RECORDS
from lakekit.storage import open_store, open_writer
from lakekit.units import KIB

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage

LASTS = timedelta(minutes=5)  # and is renewed while work goes on
_NAME = re.compile(re.escape(RECORDS) + r"lease-(\d{6})\.json")


class _Lease:
    """Numbers of the chain, put one after another by one owner."""

    def __init__(self, address: Address, storage: Storage, number: int):
        self.address, self.storage, self.number = address, storage, number
        self.owner = secrets.token_hex(8)
        self.put(LASTS)

    def put(self, lasts: timedelta) -> None:
        """Take the next number, for so long from now."""
        self.number += 1
        self.until = datetime.now(UTC) + lasts
        told = json.dumps({"owner": self.owner, "until": self.until.isoformat()}).encode()
        if open_writer(self.address, self.storage).put_new(_name(self.number), told):
            return
        found = _read(self.address, self.storage, self.number)  # a lost answer leaves one of our own
        if found["owner"] != self.owner:
            raise _refuse(self.address, found["until"])

    def renew(self) -> None:
        """Take it for longer where half of the time is over."""
        if self.until - datetime.now(UTC) < LASTS / 2:
            self.put(LASTS)


@contextlib.contextmanager
def hold_lease(address: Address, storage: Storage) -> Iterator[Callable[[], None]]:
    """While it lasts, nobody else compacts the table, undoes that or retires originals.

    It is given back at the end, and runs out if this is killed.

    Yields:
        What to call now and then, so that it does not run out before.

    Raises:
        StorageFailed: another holds it; says until when.
    """
    lease = _Lease(address, storage, _find_free(address, storage))
    try:
        yield lease.renew
    finally:
        with contextlib.suppress(LakekitError):  # it runs out by itself
            lease.put(timedelta(0))


def _name(number: int) -> str:
    return f"{RECORDS}lease-{number:06d}.json"


def _find_free(address: Address, storage: Storage) -> int:
    """The last number of the chain, 0 for none; raises while that lease lasts."""
    found = open_store(address, storage).list_objects(RECORDS.rstrip("/"))
    last = max((int(match[1]) for one in found if (match := _NAME.fullmatch(one.path))), default=0)
    if last:
        until = _read(address, storage, last)["until"]
        if datetime.fromisoformat(until) > datetime.now(UTC):
            raise _refuse(address, until)
    return last


def _read(address: Address, storage: Storage, number: int) -> dict[str, Any]:
    content = open_store(address, storage).read_range(_name(number), 0, 4 * KIB)
    return json.loads(bytes(content))


def _refuse(address: Address, until: str) -> StorageFailed:
    what = (
        f"Another compaction of {address.url}, an undo or a retirement, is under way;"
        f" its lease lasts until {until[:19]} UTC."
    )
    return StorageFailed(what, hint="wait for it; where it was killed, run again after that time.")
