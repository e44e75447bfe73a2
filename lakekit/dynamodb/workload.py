"""A workload: what is stored, how it is asked for and how often, and the units a second that this makes.

It must not know about capacity: what is served and what is not is for `throughput`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lakekit.dynamodb.demand import Demand
from lakekit.dynamodb.design import TableDesign
from lakekit.dynamodb.entities import Entity
from lakekit.dynamodb.indexes import INDEX_WRITES
from lakekit.dynamodb.limits import (
    BATCH_GET_ITEMS,
    BATCH_WRITE_ITEMS,
    GLOBAL_TABLE_OVERHEAD_BYTES,
    ITEM_BYTES,
    STORED_ITEM_OVERHEAD_BYTES,
    TRANSACTION_ITEMS,
)
from lakekit.dynamodb.pattern_units import count_pattern_units
from lakekit.dynamodb.skew import Keys
from lakekit.dynamodb.traffic import DAY_S, Curve, make_curve
from lakekit.dynamodb.units import check_number, check_whole
from lakekit.errors import InvalidArgument

READS = ("GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
MOST_ITEMS = dict.fromkeys(("GetItem", "PutItem", "UpdateItem", "DeleteItem"), 1) | {
    "BatchGetItem": BATCH_GET_ITEMS,
    "BatchWriteItem": BATCH_WRITE_ITEMS,
    "TransactGetItems": TRANSACTION_ITEMS,
    "TransactWriteItems": TRANSACTION_ITEMS,
}


@dataclass(frozen=True)
class AccessPattern:
    """One kind of request, and how often it comes.

    Attributes:
        name: such as "show profile".
        operation: as DynamoDB calls it: GetItem, BatchGetItem, TransactGetItems, Query, Scan, PutItem, UpdateItem,
            DeleteItem, BatchWriteItem, TransactWriteItems.
        entity: the name of what is read or written; a Scan looks for it and reads all the others, too.
        rate: requests a second: a number or a curve.
        consistency: of a read: "eventual" or "strong".
        index: the index that a Query or Scan reads.
        items: that one request reads or writes: 1, or as many as a batch or transaction takes, or a Query finds; a Scan
            reads the whole table or index.
        missing_share: of reads and deletes that find nothing.
        failed_share: of writes whose condition fails; they are billed, and write no index.
        replaced_share: of puts that replace an item, as large as before.
        before_bytes: size of the item before an update, if it was larger than after.
        changes: what an update or a replacing put does to each index: an event of INDEX_WRITES. By default an index
            that projects all sees "projected_changed", one of keys only "unprojected_changed".
        fetches: a Query of a local index asks for attributes that the index does not have.

    Raises:
        InvalidArgument: a value that means nothing; names pattern and parameter.
    """

    name: str
    operation: str
    entity: str
    rate: Curve | float
    consistency: str = "eventual"
    index: str | None = None
    items: float = 1
    missing_share: float = 0.0
    failed_share: float = 0.0
    replaced_share: float = 0.0
    before_bytes: float = 0.0
    changes: Mapping[str, str] = field(default_factory=dict)
    fetches: bool = False

    def __post_init__(self):
        if self.operation not in READS + WRITES:
            raise self._refuse("operation", self.operation, f"one of {', '.join(READS + WRITES)}.")
        if self.consistency not in ("eventual", "strong"):
            raise self._refuse("consistency", self.consistency, "eventual or strong; transactions are operations.")
        for name in ("missing_share", "failed_share", "replaced_share"):
            if check_number(f"{name} of {self.name!r}", getattr(self, name)) > 1:
                raise self._refuse(name, getattr(self, name), "between 0 and 1.")
        for index, event in self.changes.items():
            if event not in INDEX_WRITES:
                raise self._refuse(f"changes[{index!r}]", event, f"one of {', '.join(INDEX_WRITES)}.")
        if self.index and self.operation not in ("Query", "Scan"):
            raise self._refuse("index", self.index, "only Query and Scan read an index.")
        for name in ("items", "before_bytes"):
            check_number(f"{name} of {self.name!r}", getattr(self, name))
        if self.items > MOST_ITEMS.get(self.operation, self.items):
            hint = f"{MOST_ITEMS[self.operation]} at most in one {self.operation}; more of them are a higher rate."
            raise self._refuse("items", self.items, hint)
        if self.before_bytes > ITEM_BYTES:
            raise self._refuse("before_bytes", self.before_bytes, f"{ITEM_BYTES:,} (400 KB) are the most.")
        try:
            object.__setattr__(self, "rate", make_curve(self.rate))
        except InvalidArgument as error:
            raise self._refuse("rate", self.rate, "requests a second, 0 or more, or a curve.") from error

    def _refuse(self, name: str, value: Any, hint: str) -> InvalidArgument:
        return InvalidArgument(f"The access pattern {self.name!r} has {name}={value!r}.", hint=hint)

    @property
    def is_read(self) -> bool:
        """Whether it reads."""
        return self.operation in READS


@dataclass(frozen=True)
class Workload:
    """A table with what it stores and how it is used.

    Attributes:
        table: its design.
        entities: kinds of items.
        patterns: kinds of requests.
        keys: how requests fall on partition keys, for the table and for each index, by name; evenly by default.
        regions: in how many regions it is replicated. Rates are those of all regions together; reads are taken to
            be spread evenly over them.

    Raises:
        InvalidArgument: a pattern of an unknown entity or index.
    """

    table: TableDesign
    entities: tuple[Entity, ...]
    patterns: tuple[AccessPattern, ...]
    keys: Mapping[str, Keys] = field(default_factory=dict)
    regions: int = 1

    def __post_init__(self):
        object.__setattr__(self, "entities", tuple(self.entities))
        object.__setattr__(self, "patterns", tuple(self.patterns))
        check_whole("regions", self.regions, least=1)
        for pattern in self.patterns:
            self.entity(pattern.entity)
            for name in filter(None, (pattern.index, *pattern.changes)):
                self.table.index(name)
            index = self.table.index(pattern.index) if pattern.index else None
            if index and not index.is_local and pattern.consistency == "strong":
                raise InvalidArgument(
                    f"The access pattern {pattern.name!r} reads the global index {index.name!r} strongly.",
                    hint='global indexes give eventual reads only: consistency="eventual".',
                )
        unknown = set(self.keys) - {self.table.name, *(index.name for index in self.table.indexes)}
        if unknown:
            raise InvalidArgument(f"keys names {sorted(unknown)}.", hint="names of the table and its indexes.")

    def entity(self, name: str) -> Entity:
        """The entity of that name.

        Raises:
            InvalidArgument: there is none.
        """
        for entity in self.entities:
            if entity.name == name:
                return entity
        known = ", ".join(entity.name for entity in self.entities)
        raise InvalidArgument(f"There is no entity {name!r}.", hint=f"there are: {known or 'none'}.")

    def get_stored_bytes(self) -> dict[str, float]:
        """Bytes that storage bills in each region, by name: the table with its local indexes, and each global index."""
        overhead = STORED_ITEM_OVERHEAD_BYTES + (GLOBAL_TABLE_OVERHEAD_BYTES if self.regions > 1 else 0)
        stored = {self.table.name: sum(one.count * (one.sizes.mean_bytes + overhead) for one in self.entities)}
        for index in self.table.indexes:
            found = [(entity.count, entity.entry(index.name)) for entity in self.entities]
            size = sum(n * e.share * (e.sizes.mean_bytes + STORED_ITEM_OVERHEAD_BYTES) for n, e in found)
            home = self.table.name if index.is_local else index.name
            stored[home] = stored.get(home, 0.0) + size
        return stored


def compute_demand(workload: Workload, *, days: float = 7, step_s: float = 60) -> Demand:
    """Units a second that a workload asks of its table and of each global index, in each step, in each region.

    Args:
        days: how long; a week by default, from a Monday on.
        step_s: seconds in a step: 1 to see bursts, 60 for a week.

    Example:
        >>> games = TableDesign("games", "id")
        >>> get = AccessPattern("show", "GetItem", "player", rate=100)
        >>> demand = compute_demand(Workload(games, (Entity("player", 3000, 10),), (get,)), days=1)
        >>> demand.get("games", "read").mean().item()  # 100 x 0.5
        50.0
    """
    count = round(check_number("days", days) * DAY_S / check_number("step_s", step_s, least=1))
    if count < 1:
        raise InvalidArgument(f"days={days} holds no step of {step_s} s.", hint="a longer time, or a shorter step.")
    resources = (workload.table.name, *(index.name for index in workload.table.indexes if not index.is_local))
    units = {kind: np.zeros((len(resources), count)) for kind in ("read", "write")}
    touching = np.zeros((len(resources), count))
    for pattern in workload.patterns:
        # every region writes all that is written, and reads only its own part
        rate = pattern.rate.sample(count=count, step_s=step_s) / (workload.regions if pattern.is_read else 1)
        kind, needed = "read" if pattern.is_read else "write", count_pattern_units(pattern, workload)
        for row, name in enumerate(resources):
            units[kind][row] += rate * needed.get(name, 0.0)
            if kind == "write" and row and needed.get(name):
                touching[row] += rate * needed[workload.table.name]
    return Demand(
        resources=resources,
        read=units["read"],
        write=units["write"],
        touching=touching,
        step_s=step_s,
        stored_bytes=workload.get_stored_bytes(),
        keys=dict(workload.keys),
        regions=workload.regions,
        can_split_key=bool(workload.table.sort_key) and not workload.table.has_local_index,
    )
