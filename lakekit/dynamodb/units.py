"""Read and write units of every operation: what DynamoDB's capacity, and its on-demand price, are counted in.

A function gives the units of one request; multiply by requests a second for capacity. Sizes are in bytes, of whole
items with names (`get_item_bytes`). It must not know about indexes (`indexes`) nor about prices (`cost`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lakekit.dynamodb import limits
from lakekit.errors import InvalidArgument
from lakekit.units import MIB

CONSISTENCIES = tuple(limits.READ_FACTORS)


def count_read_units(size_bytes: float | None, *, consistency: str = "eventual", count: float = 1) -> float:
    """Read units of GetItem: the item rounded up to 4 KB, times ½ (eventual), 1 (strong) or 2 (transactional).

    Args:
        size_bytes: of the item; None, or 0, for one that does not exist, which is billed the least.
        count: how many such reads, of any period: a second for capacity, a month for request units.

    Raises:
        InvalidArgument: a negative or impossible value; names the parameter.

    Example:
        >>> count_read_units(10 * 1024, consistency="strong")  # 12 KB / 4 KB
        3.0
        >>> count_read_units(None), count_read_units(8 * 1024, count=100)
        (0.5, 100.0)
    """
    factor = get_read_factor(consistency)
    _check_item_bytes(size_bytes)
    return _count_steps(size_bytes, limits.READ_STEP_BYTES) * factor * check_number("count", count)


def count_batch_get_units(sizes_bytes: Iterable[float | None], *, consistency: str = "eventual") -> float:
    """Read units of BatchGetItem: each item is rounded up by itself; None for a key that does not exist.

    Raises:
        InvalidArgument: more than 100 items or 16 MB, or an impossible value.

    Example:
        >>> count_batch_get_units([4096, 11, None])
        1.5
    """
    sizes = _list_sizes(sizes_bytes, "BatchGetItem", limits.BATCH_GET_ITEMS, limits.BATCH_GET_BYTES)
    return sum(count_read_units(size, consistency=consistency) for size in sizes)


def count_transact_get_units(sizes_bytes: Iterable[float | None]) -> float:
    """Read units of TransactGetItems: each item rounded up by itself, twice.

    Raises:
        InvalidArgument: more than 100 items or 4 MB, or an impossible value.

    Example:
        >>> count_transact_get_units([500, 500, 500])
        6.0
    """
    sizes = _list_sizes(sizes_bytes, "TransactGetItems", limits.TRANSACTION_ITEMS, limits.TRANSACTION_BYTES)
    return sum(count_read_units(size, consistency="transactional") for size in sizes)


def count_query_units(
    total_bytes: float, *, consistency: str = "eventual", pages: int = 1, partitions: int = 1
) -> float:
    """Read units of Query or Scan: all items that were read are added up, and rounded up once a page.

    Filters, projections and Select=COUNT change nothing: it is what is read that counts, not what is returned.

    Args:
        total_bytes: of the items that are read, together. From an index: of its entries.
        pages: how many requests it takes; a page ends after 1 MiB or at Limit. The bytes are taken to be spread evenly.
        partitions: that were looked at; each costs the least, even when it has nothing.

    Example:
        >>> count_query_units(1024 * 1024, consistency="strong")  # a full page: 1 MiB / 4 KB
        256.0
        >>> count_query_units(0), count_query_units(5 * 1024)  # nothing found; five items of 1 KB
        (0.5, 1.0)
    """
    factor = get_read_factor(consistency)
    check_number("total_bytes", total_bytes)
    pages, partitions = check_whole("pages", pages, least=1), check_whole("partitions", partitions, least=1)
    return max(_count_steps(total_bytes / pages, limits.READ_STEP_BYTES) * pages, partitions) * factor


def count_scan_units(total_bytes: float, *, consistency: str = "eventual") -> float:
    """Read units of a Scan of a whole table or index, in pages of 1 MiB.

    Example:
        >>> count_scan_units(10 * 1024**2)  # ten pages of 128
        1280.0
    """
    full, rest = divmod(check_number("total_bytes", total_bytes), limits.PAGE_BYTES)
    units = full * limits.PAGE_BYTES / limits.READ_STEP_BYTES + math.ceil(rest / limits.READ_STEP_BYTES)
    return max(units, 1) * get_read_factor(consistency)


def count_pages(total_bytes: float) -> int:
    """How many pages of 1 MiB a Query or Scan takes at least.

    Example:
        >>> count_pages(2.5 * 1024**2), count_pages(0)
        (3, 1)
    """
    return max(1, math.ceil(check_number("total_bytes", total_bytes) / limits.PAGE_BYTES))


@dataclass(frozen=True)
class FetchingQuery:
    """A query of a local index that fetches what the index does not project.

    Attributes:
        index_units, fetch_units: read units of the index pages, and of the items of the table.
        read_bytes: what they are counted as, in whole steps of 4 KB.
    """

    index_units: float
    fetch_units: float
    read_bytes: int

    @property
    def units(self) -> float:
        """Read units in all."""
        return self.index_units + self.fetch_units


def count_fetching_query_units(
    entries_bytes: float, items_bytes: Iterable[float], *, consistency: str = "eventual"
) -> FetchingQuery:
    """Read units of a Query of an LSI for attributes that it does not project: index pages, and each item by itself.

    Args:
        entries_bytes: of the index entries that are read, together.
        items_bytes: the size of each item of the table that has to be fetched.

    Example:
        >>> query = count_fetching_query_units(4 * 200, [300] * 4, consistency="strong")
        >>> query.units, query.read_bytes // 1024  # 4 KB of index, and 4 x 4 KB of the table
        (5.0, 20)
    """
    factor = get_read_factor(consistency)
    index = count_query_units(entries_bytes, consistency=consistency)
    if not isinstance(items_bytes, Iterable):
        raise InvalidArgument(f"items_bytes={items_bytes!r} was given.", hint="a list with the size of each item.")
    fetch = sum(count_read_units(size, consistency=consistency) for size in items_bytes)
    return FetchingQuery(index, fetch, round((index + fetch) / factor * limits.READ_STEP_BYTES))


def count_write_units(size_bytes: float | None, *, transactional: bool = False, count: float = 1) -> float:
    """Write units of a write whose size is known: rounded up to 1 KB, twice in a transaction.

    The size is the larger of before and after; `count_put_units` and its like find it.

    Args:
        size_bytes: None, or 0, for an item that does not exist, which is billed the least.
        count: how many such writes.

    Example:
        >>> count_write_units(2.5 * 1024), count_write_units(500, transactional=True), count_write_units(500, count=90)
        (3.0, 2.0, 90.0)
    """
    _check_item_bytes(size_bytes)
    factor = limits.TRANSACTION_FACTOR if transactional else 1
    return _count_steps(size_bytes, limits.WRITE_STEP_BYTES) * float(factor) * check_number("count", count)


def count_put_units(
    after_bytes: float, *, before_bytes: float | None = None, transactional: bool = False, count: float = 1
) -> float:
    """Write units of PutItem: the larger of the new item and of the one it replaces, if any.

    Example:
        >>> count_put_units(500), count_put_units(500, before_bytes=3000)
        (1.0, 3.0)
    """
    size = _pick_larger(before_bytes=before_bytes or 0, after_bytes=after_bytes)
    return count_write_units(size, transactional=transactional, count=count)


def count_update_units(
    before_bytes: float | None, after_bytes: float, *, transactional: bool = False, count: float = 1
) -> float:
    """Write units of UpdateItem: the larger of the whole item before and after, however little is changed.

    Example:
        >>> count_update_units(2000, 2010), count_update_units(None, 300)
        (2.0, 1.0)
    """
    size = _pick_larger(before_bytes=before_bytes or 0, after_bytes=after_bytes)
    return count_write_units(size, transactional=transactional, count=count)


def count_delete_units(size_bytes: float | None, *, transactional: bool = False, count: float = 1) -> float:
    """Write units of DeleteItem: the size of what is deleted; 1 when there is nothing (None).

    Example:
        >>> count_delete_units(1500), count_delete_units(None)
        (2.0, 1.0)
    """
    return count_write_units(size_bytes, transactional=transactional, count=count)


def count_failed_write_units(existing_bytes: float | None, new_bytes: float = 0, *, count: float = 1) -> float:
    """Write units of a write whose condition fails: those it would have had, for it is billed all the same.

    AWS's pages differ on which size counts; this is the larger of both (the newest page), and 1 was measured for a
    missing item and for small ones.

    Example:
        >>> count_failed_write_units(1024), count_failed_write_units(None), count_failed_write_units(310 * 1024)
        (1.0, 1.0, 310.0)
    """
    return count_write_units(_pick_larger(existing_bytes=existing_bytes or 0, new_bytes=new_bytes), count=count)


def count_batch_write_units(sizes_bytes: Iterable[float | None]) -> float:
    """Write units of BatchWriteItem: each put or delete is rounded up by itself.

    Example:
        >>> count_batch_write_units([1025, 11])
        3.0
    """
    sizes = _list_sizes(sizes_bytes, "BatchWriteItem", limits.BATCH_WRITE_ITEMS, limits.BATCH_WRITE_BYTES)
    return sum(count_write_units(size) for size in sizes)


def count_transact_write_units(sizes_bytes: Iterable[float | None]) -> float:
    """Write units of TransactWriteItems on the table: each item rounded up by itself, twice. Indexes are not doubled.

    Raises:
        InvalidArgument: more than 100 items or 4 MB, or an impossible value.

    Example:
        >>> count_transact_write_units([500, 500, 500])
        6.0
    """
    sizes = _list_sizes(sizes_bytes, "TransactWriteItems", limits.TRANSACTION_ITEMS, limits.TRANSACTION_BYTES)
    return sum(count_write_units(size, transactional=True) for size in sizes)


def count_transact_retry_units(sizes_bytes: Iterable[float | None]) -> float:
    """Read units of TransactWriteItems sent again with the same token after it succeeded: it reads, and writes nothing.

    Example:
        >>> count_transact_retry_units([500, 500])
        4.0
    """
    return count_transact_get_units(sizes_bytes)


def count_ttl_delete_units(size_bytes: float, *, replicas: int = 0) -> float:
    """Write units of a delete by TTL: none where it happens, and one replicated write in each other replica.

    Args:
        replicas: regions of the global table beside the one where the item expired.

    Example:
        >>> count_ttl_delete_units(3000), count_ttl_delete_units(3000, replicas=2)
        (0.0, 6.0)
    """
    return count_write_units(check_number("size_bytes", size_bytes)) * check_whole("replicas", replicas)


def get_read_factor(consistency: str) -> float:
    """Read units for each 4 KB: 0.5, 1 or 2.

    Raises:
        InvalidArgument: no such consistency.

    Example:
        >>> get_read_factor("strong")
        1.0
    """
    if consistency not in limits.READ_FACTORS:
        raise InvalidArgument(f"consistency={consistency!r} was given.", hint=f"one of {', '.join(CONSISTENCIES)}.")
    return limits.READ_FACTORS[consistency]


def check_number(name: str, value: float, *, least: float = 0) -> float:
    """The value, if it is a finite number that is not too small.

    Raises:
        InvalidArgument: it is not; names the parameter.

    Example:
        >>> check_number("count", 3)
        3
    """
    try:
        is_fine = math.isfinite(value) and value >= least and not isinstance(value, bool)
    except TypeError:
        is_fine = False
    if not is_fine:
        raise InvalidArgument(f"{name}={value!r} was given.", hint=f"a number, {least:g} or more.")
    return value


def check_whole(name: str, value: float, *, least: int = 0) -> int:
    """The value, if it is a whole number that is not too small.

    Raises:
        InvalidArgument: it is not; names the parameter.

    Example:
        >>> check_whole("regions", 3.0, least=1)
        3
    """
    if check_number(name, value, least=least) != int(value):
        raise InvalidArgument(f"{name}={value!r} was given.", hint=f"a whole number, {least} or more.")
    return int(value)


def _pick_larger(**sizes_bytes: float) -> float:
    return max(check_number(name, size) for name, size in sizes_bytes.items())


def _check_item_bytes(size_bytes: float | None) -> None:
    if size_bytes is not None and check_number("size_bytes", size_bytes) > limits.ITEM_BYTES:
        raise InvalidArgument(
            f"size_bytes={size_bytes:,} was given; {limits.ITEM_BYTES:,} (400 KB) are the most an item can have.",
            hint="check_item(item) names its largest attributes; for many items: count_query_units, or count=.",
        )


def _count_steps(size_bytes: float | None, step_bytes: int) -> int:
    return max(1, math.ceil((size_bytes or 0) / step_bytes))


def _list_sizes(sizes_bytes: Iterable[float | None], operation: str, most: int, most_bytes: int) -> list[float | None]:
    if not isinstance(sizes_bytes, Iterable):
        raise InvalidArgument(f"sizes_bytes={sizes_bytes!r} was given.", hint="a list with the size of each item.")
    sizes = list(sizes_bytes)
    if not 1 <= len(sizes) <= most:
        raise InvalidArgument(f"{operation} was given {len(sizes)} items.", hint=f"1 to {most} in one request.")
    total = sum(check_number("sizes_bytes", size or 0) for size in sizes)
    if total > most_bytes:
        what = f"{operation} was given {total:,} bytes in {len(sizes)} items."
        raise InvalidArgument(what, hint=f"{most_bytes:,} ({most_bytes // MIB} MB) are the most in one request.")
    return sizes
