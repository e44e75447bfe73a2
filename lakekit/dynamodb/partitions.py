"""How many partitions a table has at least, whether its hottest key fits one, and how to spread a key that does not.

It must not simulate: `heat` follows partitions over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb import limits
from lakekit.dynamodb.capacity import get_partition_limit
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument


@dataclass(frozen=True)
class Partitions:
    """How many partitions a table has at least, and by what.

    Attributes:
        by_reads, by_writes, by_size: that each needs by itself.
        legacy_2016: the formula of 2016, which adds up reads and writes; newer pages treat them as independent.
    """

    by_reads: int
    by_writes: int
    by_size: int
    legacy_2016: int

    @property
    def at_least(self) -> int:
        """The lower bound: the largest of the three. There may be more, for partitions split and never merge."""
        return max(self.by_reads, self.by_writes, self.by_size)


def count_partitions(*, read_units: float = 0, write_units: float = 0, size_bytes: float = 0) -> Partitions:
    """The least number of partitions for a capacity (units a second) and a size.

    Example:
        >>> count_partitions(write_units=30_000).at_least, count_partitions(write_units=500, size_bytes=15 * 2**30)
        (30, Partitions(by_reads=1, by_writes=1, by_size=2, legacy_2016=2))
    """
    read = check_number("read_units", read_units) / limits.PARTITION_READ_UNITS
    write = check_number("write_units", write_units) / limits.PARTITION_WRITE_UNITS
    size = check_number("size_bytes", size_bytes) / limits.PARTITION_BYTES
    read_count, write_count, size_count = (max(1, math.ceil(part)) for part in (read, write, size))
    return Partitions(read_count, write_count, size_count, max(1, math.ceil(read + write), size_count))


def count_units_per_partition(units_per_s: float, partitions: int) -> float:
    """The even share of a capacity, before adaptive capacity lends from one partition to another.

    Example:
        >>> count_units_per_partition(500, 2)
        250.0
    """
    return check_number("units_per_s", units_per_s) / check_number("partitions", partitions, least=1)


def count_shards(units_per_s: float, *, kind: str = "write", headroom: float = 1.0) -> int:
    """Over how many key suffixes to spread one key, so that each stays within a partition.

    Args:
        units_per_s: of that key at its peak.
        kind: "write" (1,000 units a second each) or "read" (3,000).
        headroom: the share of a partition to use, such as 0.8; hashing puts two suffixes on one partition at times.

    Example:
        >>> count_shards(4500), count_shards(4500, headroom=0.8)
        (5, 6)
    """
    if not 0 < headroom <= 1:
        raise InvalidArgument(f"headroom={headroom} was given.", hint="above 0, at most 1.")
    return max(1, math.ceil(check_number("units_per_s", units_per_s) / (get_partition_limit(kind) * headroom) - 1e-9))


def count_read_shards(
    items_per_s: float, item_bytes: float, *, partition_units: float = limits.PARTITION_READ_UNITS
) -> int:
    """Over how many partition keys to spread items that are all read, by strong queries, within a second.

    Args:
        items_per_s: items to read in a second.
        item_bytes: mean size; queries add sizes up before they round.
        partition_units: read units a second of one partition.

    Example:
        >>> count_read_shards(600_000, 250)  # 16 items a unit, 48,000 a second: 12.5
        13
    """
    items_per_unit = limits.READ_STEP_BYTES / check_number("item_bytes", item_bytes, least=1)
    units = check_number("items_per_s", items_per_s) / items_per_unit
    return max(1, math.ceil(units / check_number("partition_units", partition_units, least=1)))


@dataclass(frozen=True)
class HotKey:
    """The hottest key against what one partition can do.

    Attributes:
        kind: "read" or "write".
        units_per_s, limit: of the key at its peak, and of a partition.
        shards: suffixes to spread the key over; 1 when it fits.
        advice: what to do, in a sentence or two.
    """

    kind: str
    units_per_s: float
    limit: int
    shards: int
    advice: str

    @property
    def fits(self) -> bool:
        """Whether one partition can serve it."""
        return self.units_per_s <= self.limit


def check_hot_key(
    units_per_s: float, top_share: float, *, kind: str = "write", is_one_item: bool = False, can_split: bool = True
) -> HotKey:
    """Whether the hottest key of a table or index fits a partition, and what to do if it does not.

    Args:
        units_per_s: of all keys together, at the peak.
        top_share: the part of it that goes to the hottest key, 0 to 1.
        kind: "read" or "write".
        is_one_item: all of it hits one item, not many items under one partition key.
        can_split: DynamoDB may split the key's items over partitions: there is a sort key, it does not only grow,
            and the table has no local index.

    Example:
        >>> check_hot_key(20_000, 0.2, is_one_item=True).shards
        4
    """
    if not 0 <= top_share <= 1:
        raise InvalidArgument(f"top_share={top_share} was given.", hint="between 0 and 1: 0.2 for 20 of 100 requests.")
    units, limit = check_number("units_per_s", units_per_s) * top_share, get_partition_limit(kind)
    shards = count_shards(units, kind=kind)
    text = f"The hottest key takes {units:,.0f} {kind} units a second; a partition gives {limit:,}."
    if units <= limit:
        advice = f"{text} It fits."
    elif kind == "read" and is_one_item:
        advice = f"{text} Cache it (DAX, or in the application), or keep {shards} copies under different keys."
    elif can_split and not is_one_item:
        advice = f"{text} It is throttled for minutes, until DynamoDB splits it; {shards} suffixes avoid that."
    else:
        advice = f"{text} No split helps: write it as {shards} keys with suffixes, and add up when reading."
    return HotKey(kind, units, limit, shards, advice)


@dataclass(frozen=True)
class WriteSharding:
    """How to spread a key: the suffixes, and what it costs to read it whole.

    Attributes:
        shards: how many suffixes.
        keys: the first of them.
        extra_queries: queries more to read everything under the key.
    """

    shards: int
    keys: tuple[str, ...]
    extra_queries: int

    def _rows(self) -> list[tuple[str, str]]:
        keys = ", ".join(self.keys)
        return [("suffixes", str(self.shards)), ("keys", keys), ("more queries", str(self.extra_queries))]

    def __str__(self) -> str:
        return format_text_table(["write sharding", ""], self._rows())

    def _repr_html_(self) -> str:
        return format_html_table("Write sharding", ["", ""], self._rows())


def plan_write_sharding(key: str, units_per_s: float, *, kind: str = "write", headroom: float = 0.8) -> WriteSharding:
    """The suffixes for one key that is too hot: `key#0`, `key#1`, …, chosen by a hash of what is written.

    Example:
        >>> plan_write_sharding("2026-11-27", 3000).keys  # 3,000 / (1,000 x 0.8), rounded up
        ('2026-11-27#0', '2026-11-27#1', '2026-11-27#2', '…')
    """
    shards = count_shards(units_per_s, kind=kind, headroom=headroom)
    names = tuple(f"{key}#{number}" for number in range(min(shards, 3)))
    return WriteSharding(shards, names + (("…",) if shards > 3 else ()), shards - 1)


def get_collection_share(size_bytes: float) -> float:
    """How full the 10 GB are that one partition key value may hold, in a table with a local index.

    Example:
        >>> get_collection_share(5 * 2**30)
        0.5
    """
    return check_number("size_bytes", size_bytes) / limits.COLLECTION_BYTES
