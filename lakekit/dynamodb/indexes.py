"""What a write costs in the indexes: none, one or two writes each, by what changes, sized by the index entry.

It must not know about traffic or prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakekit.dynamodb import limits
from lakekit.dynamodb.design import Index, TableDesign, get_entry_bytes, project_entry
from lakekit.dynamodb.items import get_item_bytes
from lakekit.dynamodb.units import check_number, count_write_units
from lakekit.errors import InvalidArgument

# How many writes an index needs for what happens to an item; GSI.html, read 2026-11-23
INDEX_WRITES = {
    "inserted": 1,  # a new item that carries the index keys
    "added": 1,  # an update defines an index key that was missing before
    "key_changed": 2,  # the old entry is deleted, a new one put
    "removed": 1,  # an update removes an index key
    "deleted": 1,  # the item goes
    "projected_changed": 1,  # an attribute that the index keeps, and that is no key of it
    "unprojected_changed": 0,  # only attributes that it does not keep
    "not_in_index": 0,  # the item carries no index key, before and after
}


@dataclass(frozen=True)
class IndexWrite:
    """What one write of an item does to one index.

    Attributes:
        event: a key of INDEX_WRITES.
        writes: 0, 1 or 2.
        units: write units, of the index (GSI) or of the table (LSI).
    """

    event: str
    writes: int
    units: float


@dataclass(frozen=True)
class ItemWrite:
    """Write units of one write, and where they are billed.

    Attributes:
        base_units: of the item itself, doubled in a transaction.
        indexes: what happens to each index, by name.
        local_units: write units in local indexes, which the table pays.
    """

    base_units: float
    indexes: Mapping[str, IndexWrite]
    local_units: float

    @property
    def table_units(self) -> float:
        """What counts against the capacity of the table: the item and its local indexes."""
        return self.base_units + self.local_units

    @property
    def units(self) -> float:
        """All units, which on-demand bills."""
        return self.base_units + sum(write.units for write in self.indexes.values())


def count_index_writes(event: str) -> int:
    """How many writes an index needs: 0, 1 or 2, each of `count_write_units(entry)`; the table's own write is extra.

    Raises:
        InvalidArgument: no such event.

    Example:
        >>> count_index_writes("key_changed"), count_index_writes("unprojected_changed")
        (2, 0)
    """
    if event not in INDEX_WRITES:
        raise InvalidArgument(f"event={event!r} was given.", hint=f"one of {', '.join(INDEX_WRITES)}.")
    return INDEX_WRITES[event]


def count_index_write_units(event: str, entry_bytes: float, *, before_bytes: float | None = None) -> float:
    """Write units of an index for one event and the size of its entry: keys of table and index, and what is projected.

    Args:
        entry_bytes: of the entry after, or of the one that goes.
        before_bytes: of the entry before, when its size changes, too.

    Example:
        >>> count_index_write_units("inserted", 4 * 1024), count_index_write_units("key_changed", 100)
        (4.0, 2.0)
    """
    writes = count_index_writes(event)
    before = check_number("entry_bytes", entry_bytes)
    if before_bytes is not None:
        before = check_number("before_bytes", before_bytes)
    if writes == 2:
        return count_write_units(before) + count_write_units(entry_bytes)
    return writes * count_write_units(max(before, entry_bytes))


def compare_entries(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, index: Index, table: TableDesign
) -> IndexWrite:
    """What an index has to write when an item changes from one state to another; None where there is no item.

    Example:
        >>> games, by_city = TableDesign("games", "id"), Index("by_city", "city", projection="KEYS_ONLY")
        >>> compare_entries({"id": 1, "city": "Rome"}, {"id": 1, "city": "Oslo"}, by_city, games)
        IndexWrite(event='key_changed', writes=2, units=2.0)
        >>> compare_entries({"id": 1, "city": "Rome"}, {"id": 1, "city": "Rome", "score": 9}, by_city, games).units
        0.0
    """
    old = None if before is None else project_entry(before, index, table)
    new = None if after is None else project_entry(after, index, table)
    event = _name_event(before, after, (old, new), index)
    sizes = [get_entry_bytes(item, index, table) for item, entry in ((before, old), (after, new)) if entry is not None]
    if not sizes:
        return IndexWrite(event, 0, 0.0)
    return IndexWrite(event, INDEX_WRITES[event], count_index_write_units(event, sizes[-1], before_bytes=sizes[0]))


def _name_event(before: Any, after: Any, entries: tuple[Any, Any], index: Index) -> str:
    old, new = entries
    if old is None and new is None:
        return "not_in_index"
    if old is None:
        return "inserted" if before is None else "added"
    if new is None:
        return "deleted" if after is None else "removed"
    if any(old[key] != new[key] for key in index.keys):
        return "key_changed"
    return "projected_changed" if old != new else "unprojected_changed"


def count_item_write(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    table: TableDesign,
    *,
    transactional: bool = False,
) -> ItemWrite:
    """Write units of one put, update or delete, on the table and on each index.

    In a transaction the item counts twice and index entries once, as was measured on DynamoDB.

    Args:
        before: the item as it was, None if there was none.
        after: the item as it becomes, None for a delete.

    Raises:
        InvalidArgument: neither state is given, or an item cannot be measured.

    Example:
        >>> games = TableDesign("games", "id", indexes=(Index("by_city", "city"),))
        >>> write = count_item_write(None, {"id": 1, "city": "Rome", "text": "x" * 1500}, games, transactional=True)
        >>> write.base_units, write.indexes["by_city"].units, write.units  # 2 KB twice, and 2 KB once
        (4.0, 2.0, 6.0)
    """
    if before is None and after is None:
        raise InvalidArgument("before and after are both None.", hint="give the item in at least one state.")
    size = max(get_item_bytes(item) for item in (before, after) if item is not None)
    base = count_write_units(size, transactional=transactional)
    writes = {index.name: compare_entries(before, after, index, table) for index in table.indexes}
    local = sum(writes[index.name].units for index in table.indexes if index.is_local)
    return ItemWrite(base, writes, local)


def get_stored_entry_bytes(entry_bytes: float) -> float:
    """What storage is billed for one index entry: its bytes and 100.

    Example:
        >>> get_stored_entry_bytes(60)
        160
    """
    return check_number("entry_bytes", entry_bytes) + limits.STORED_ITEM_OVERHEAD_BYTES
