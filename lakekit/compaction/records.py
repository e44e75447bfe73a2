"""What is kept beside a copy: that it was begun and by which plan, that it was verified, that originals were retired.

It must not hold data. A record is written once, whole, and never changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument
from lakekit.manifest.batches import FOLDER
from lakekit.manifest.listing import RECORDS, is_hidden
from lakekit.storage.store import open_store
from lakekit.units import GIB

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage, StoredObject


@dataclass(frozen=True)
class Survey:
    """What lies under an address.

    Attributes:
        objects: data files by path.
        records: the paths of records.
        has_log: whether a Delta log is there.
        has_iceberg: whether metadata lies there that ``lk.publish.iceberg`` has put.
        marks: the paths of markers and plans of batches.
    """

    objects: dict[str, StoredObject]
    records: frozenset[str]
    has_log: bool = False
    has_iceberg: bool = False
    marks: frozenset[str] = frozenset()

    @property
    def files(self) -> list[str]:
        return sorted(self.objects)


def survey(address: Address, storage: Storage | None) -> Survey:
    """What lies there now; nothing is not an error."""
    found = open_store(address, storage).list_objects()
    records = frozenset(one.path for one in found if one.path.startswith(RECORDS))
    has_log = any(one.path.startswith("_delta_log/") for one in found)
    has_iceberg = any(one.path.startswith("_iceberg/") for one in found)
    marks = frozenset(one.path for one in found if one.path.startswith(f"{FOLDER}/"))
    objects = {one.path: one for one in found if not is_hidden(one.path, one.size_bytes)}
    return Survey(objects, records, has_log, has_iceberg, marks)


def read_record(address: Address, storage: Storage | None, path: str) -> dict[str, Any]:
    """A record.

    Raises:
        InvalidArgument: it is not one of lakekit, or of a later one.
    """
    content = bytes(open_store(address, storage).read_range(path, 0, GIB))
    try:
        told = json.loads(content)
        if told["format"] == 1:
            return told
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidArgument(f"{address.join(path)} is no record that this lakekit can read.", hint="upgrade lakekit.")
