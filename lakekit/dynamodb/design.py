"""A table as it is designed: its keys and its indexes, checked against what DynamoDB allows.

It must not hold items or traffic, nor create anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakekit.dynamodb import limits
from lakekit.dynamodb.items import ItemSize, check_item, get_item_bytes, is_dynamodb_json
from lakekit.errors import InvalidArgument

PROJECTIONS = ("ALL", "KEYS_ONLY", "INCLUDE")
TABLE_CLASSES = ("STANDARD", "STANDARD_IA")
MOST_KEY_PARTS = 4  # attributes in one key of a GSI; AWS agent toolkit for DynamoDB, 2026-08


@dataclass(frozen=True)
class Index:
    """A secondary index: global (GSI) unless it is local.

    Attributes:
        name: as in CreateTable.
        partition_key: an attribute, or up to four for a global index. A local index has its table's.
        sort_key: an attribute, or up to four, or none. A local index needs one.
        projection: "ALL", "KEYS_ONLY", or "INCLUDE" with the attributes of `include`.
        include: attributes that are projected beside the keys.
        is_local: an LSI: shares the table's partition key and its capacity.

    Raises:
        InvalidArgument: what DynamoDB would refuse; names the index.

    Example:
        >>> Index("by_city", "city", projection="INCLUDE", include=("name",)).keys
        ('city',)
    """

    name: str
    partition_key: str | tuple[str, ...]
    sort_key: str | tuple[str, ...] | None = None
    projection: str = "ALL"
    include: tuple[str, ...] = ()
    is_local: bool = False

    def __post_init__(self):
        if not self.name or not self.partition_key:
            raise InvalidArgument(f"The index {self.name!r} lacks a name or a partition key.", hint="give both.")
        if self.projection not in PROJECTIONS:
            raise InvalidArgument(
                f"The index {self.name!r} has projection={self.projection!r}.", hint=f"one of {', '.join(PROJECTIONS)}."
            )
        if bool(self.include) != (self.projection == "INCLUDE"):
            raise InvalidArgument(
                f"The index {self.name!r} has projection={self.projection!r} and include={self.include}.",
                hint='include=("name", …) goes with projection="INCLUDE".',
            )
        parts = max(len(list_names(self.partition_key)), len(list_names(self.sort_key)))
        if parts > (1 if self.is_local else MOST_KEY_PARTS):
            raise InvalidArgument(
                f"The index {self.name!r} has a key of {parts} attributes.",
                hint="a local index takes one in each key, a global one up to four.",
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """The attributes an item must carry to be in the index."""
        return list_names(self.partition_key) + list_names(self.sort_key)

    @property
    def kind(self) -> str:
        """ "GSI" or "LSI"."""
        return "LSI" if self.is_local else "GSI"


@dataclass(frozen=True)
class TableDesign:
    """A table: its name, its key and its indexes.

    Attributes:
        name: of the table.
        partition_key, sort_key: attributes; the second may be none.
        indexes: global and local ones.
        table_class: "STANDARD" or "STANDARD_IA".

    Raises:
        InvalidArgument: what DynamoDB would refuse; names table and index.

    Example:
        >>> games = TableDesign("games", "player", "played_at", indexes=(Index("by_score", "game", "score"),))
        >>> games.index("by_score").keys
        ('game', 'score')
    """

    name: str
    partition_key: str
    sort_key: str | None = None
    indexes: tuple[Index, ...] = ()
    table_class: str = "STANDARD"

    def __post_init__(self):
        object.__setattr__(self, "indexes", tuple(self.indexes))
        if not self.name or not self.partition_key:
            raise InvalidArgument(f"The table {self.name!r} lacks a name or a partition key.", hint="give both.")
        if self.table_class not in TABLE_CLASSES:
            raise InvalidArgument(
                f"The table {self.name!r} has table_class={self.table_class!r}.",
                hint=f"one of {', '.join(TABLE_CLASSES)}.",
            )
        for index in self.indexes:
            self._check_index(index)
        self._check_counts()

    def _check_index(self, index: Index) -> None:
        if [other.name for other in self.indexes].count(index.name) > 1:
            raise InvalidArgument(f"The table {self.name!r} has two indexes {index.name!r}.", hint="rename one.")
        if index.name == self.name:
            raise InvalidArgument(
                f"The index {index.name!r} has the name of its table.",
                hint="rename it: units and bills are told apart by name.",
            )
        if index.is_local and (index.partition_key != self.partition_key or not index.sort_key or not self.sort_key):
            raise InvalidArgument(
                f"The local index {index.name!r} does not fit the table {self.name!r}.",
                hint="it shares the table's partition key, both need a sort key; or make it global.",
            )

    def _check_counts(self) -> None:
        counts = {
            "local indexes": (sum(index.is_local for index in self.indexes), limits.LSI_PER_TABLE),
            "global indexes": (sum(not index.is_local for index in self.indexes), limits.GSI_PER_TABLE),
            "included attributes": (sum(len(i.include) for i in self.indexes), limits.INCLUDED_ATTRIBUTES),
        }
        for what, (count, most) in counts.items():
            if count > most:
                raise InvalidArgument(f"The table {self.name!r} has {count} {what}.", hint=f"{most} are the most.")

    @property
    def keys(self) -> tuple[str, ...]:
        """The attributes of the primary key."""
        return list_names(self.partition_key) + list_names(self.sort_key)

    @property
    def has_local_index(self) -> bool:
        """Whether a partition key value is held to 10 GB, and its items cannot be split over partitions."""
        return any(index.is_local for index in self.indexes)

    def index(self, name: str) -> Index:
        """The index of that name.

        Raises:
            InvalidArgument: there is none.
        """
        for index in self.indexes:
            if index.name == name:
                return index
        raise InvalidArgument(
            f"The table {self.name!r} has no index {name!r}.",
            hint=f"it has {', '.join(index.name for index in self.indexes) or 'none'}.",
        )


def project_entry(item: Mapping[str, Any], index: Index, table: TableDesign) -> dict[str, Any] | None:
    """What an index keeps of an item: keys of table and index, and what is projected; None if it is not in the index.

    Example:
        >>> games, by_city = TableDesign("games", "id"), Index("by_city", "city", projection="KEYS_ONLY")
        >>> project_entry({"id": 1, "city": "Rome", "score": 9}, by_city, games)
        {'id': 1, 'city': 'Rome'}
        >>> project_entry({"id": 2, "score": 9}, by_city, games) is None
        True
    """
    if any(key not in item for key in index.keys):
        return None
    if index.projection == "ALL":
        return dict(item)
    kept = {*table.keys, *index.keys, *index.include}
    return {name: value for name, value in item.items() if name in kept}


def get_entry_bytes(item: Mapping[str, Any], index: Index, table: TableDesign) -> int | None:
    """The bytes of an item's entry in an index, without the 100 bytes of storage; None if it is not in the index.

    Example:
        >>> games, by_city = TableDesign("games", "id"), Index("by_city", "city", projection="KEYS_ONLY")
        >>> get_entry_bytes({"id": 1, "city": "Rome", "text": "x" * 900}, by_city, games)  # 2 + 2, and 4 + 4
        12
    """
    entry = project_entry(item, index, table)
    form = "dynamodb" if is_dynamodb_json(item) else "python"
    return None if entry is None else get_item_bytes(entry, form=form)


def check_item_in_table(item: Mapping[str, Any], table: TableDesign) -> ItemSize:
    """The size of an item that the table would take: keys of table and indexes, and 400 KB with its LSI entries.

    Raises:
        InvalidArgument: it would be refused; names the attribute.

    Example:
        >>> games = TableDesign("games", "id", indexes=(Index("by_city", "city"),))
        >>> check_item_in_table({"id": "a", "city": ""}, games)
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: The key attribute 'city' is empty.
        Hint: a key has at least one byte.
    """
    measured = check_item(item, partition_key=table.partition_key, sort_key=table.sort_key or "")
    for index in table.indexes:
        for key in list_names(index.partition_key):
            check_item(item, partition_key=key if key in item else "")
        for key in list_names(index.sort_key):
            check_item(item, sort_key=key if key in item else "")
    local = {index.name: get_entry_bytes(item, index, table) or 0 for index in table.indexes if index.is_local}
    if measured.size_bytes + sum(local.values()) > limits.ITEM_BYTES:
        sizes = ", ".join(f"{name!r} {size:,}" for name, size in local.items())
        raise InvalidArgument(
            f"The item has {measured.size_bytes:,} bytes, and with its entries in local indexes ({sizes}) "
            f"more than {limits.ITEM_BYTES:,}.",
            hint="project less into local indexes, or make the item smaller.",
        )
    return measured


def list_names(key: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The attributes of a key: one, several, or none."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)
