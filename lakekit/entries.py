"""Where the tables of a lake are read when not in its own folders: small numbered files, of which the last counts.

It must not open tables. An entry is never changed: a switch adds one, and so does the way back.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument, StaleFile
from lakekit.storage.store import open_store
from lakekit.storage.writer import open_writer
from lakekit.units import KIB

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage

ENTRIES = "_lakekit/entries"  # below a lake; hidden, like all names with a "_"
_NAME = re.compile(r"(.+)/(\d{6})\.json")


@dataclass(frozen=True)
class Entry:
    """Where a table is read.

    Attributes:
        url: there.
        before: where it was read before.
        number: of the entry, from 1.
        since: when it was written, in UTC.
    """

    url: str
    before: str
    number: int
    since: datetime


class Entries:
    """The entries under an address; nothing is asked of it until it is read.

    Example:
        >>> from lakekit.storage import parse_address
        >>> Entries(parse_address("build/no-entries"), None).read()
        {}
    """

    def __init__(self, address: Address, storage: Storage | None):
        self.address = address
        self.storage = storage

    def read(self) -> dict[str, Entry]:
        """The last entry of each table.

        Raises:
            InvalidArgument: one that this lakekit cannot read.
        """
        store = open_store(self.address, self.storage)
        last: dict[str, tuple[int, Any]] = {}
        for one in store.list_objects():
            match = _NAME.fullmatch(one.path)
            if match:
                last[match[1]] = max(last.get(match[1], (0, None)), (int(match[2]), one), key=lambda pair: pair[0])
        found = {}
        for name, (number, one) in last.items():
            try:
                told = json.loads(bytes(store.read_range(one.path, 0, 64 * KIB, etag=one.etag)))
                found[name] = Entry(told["url"], told["before"], number, one.modified_at.astimezone(UTC))
            except (ValueError, KeyError, TypeError) as exc:
                what = f"{self.address.join(one.path)} is no entry that this lakekit can read."
                raise InvalidArgument(what, hint="upgrade lakekit.") from exc
        return found

    def put(self, name: str, url: str, *, before: str, number: int) -> None:
        """Add an entry: from now on that is where the table is read.

        Raises:
            StaleFile: another entry of that number came first.
            AccessDenied, StorageFailed, …: the place cannot be written to.
        """
        told = json.dumps({"format": 1, "url": url, "before": before}).encode()
        if not open_writer(self.address, self.storage).put_new(f"{name}/{number:06d}.json", told):
            what = f"{name} was switched by someone else at the same time."
            raise StaleFile(what, hint="refresh the lake, and look where the table is read now.")
