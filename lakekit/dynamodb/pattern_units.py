"""The units that one request of an access pattern needs on average, on the table and on each global index.

It must round item by item, as DynamoDB does: it works on distributions of sizes, never on means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lakekit.dynamodb import limits
from lakekit.dynamodb.design import Index
from lakekit.dynamodb.indexes import INDEX_WRITES
from lakekit.dynamodb.sizes import Sizes
from lakekit.dynamodb.units import count_scan_units, get_read_factor

if TYPE_CHECKING:
    from lakekit.dynamodb.workload import AccessPattern, Entity, Workload

DRAWS = 2000  # of queries, to round sums of items whose sizes differ
MOST_DRAWN_ITEMS = 256  # above it the sum is spread so far that rounding adds half a step on average


def count_pattern_units(pattern: AccessPattern, workload: Workload) -> dict[str, float]:
    """Units of one request by name of table or global index; read units of a read, write units of a write.

    Example:
        >>> from lakekit.dynamodb import AccessPattern, Entity, Index, TableDesign, Workload
        >>> table = TableDesign("games", "id", indexes=(Index("by_city", "city"),))
        >>> put = AccessPattern("join", "PutItem", "player", rate=1)
        >>> count_pattern_units(put, Workload(table, (Entity("player", 1500),), (put,)))
        {'games': 2.0, 'by_city': 2.0}
    """
    entity = workload.entity(pattern.entity)
    if pattern.is_read:
        return _count_reads(pattern, entity, workload)
    return _count_writes(pattern, entity, workload)


def _count_reads(pattern: AccessPattern, entity: Entity, workload: Workload) -> dict[str, float]:
    index = workload.table.index(pattern.index) if pattern.index else None
    home = index.name if index and not index.is_local else workload.table.name
    factor = get_read_factor("transactional" if pattern.operation == "TransactGetItems" else pattern.consistency)
    if pattern.operation == "Scan":
        return {home: count_scan_units(_sum_scanned_bytes(workload, index), consistency=pattern.consistency)}
    found, missing = 1 - pattern.missing_share, pattern.missing_share
    if pattern.operation != "Query":
        each = entity.sizes.mean_read_units("strong") * found + missing
        return {home: pattern.items * each * factor}
    steps = count_query_steps(entity.entry(index.name).sizes if index else entity.sizes, pattern.items)
    if pattern.fetches and index and index.is_local:
        steps += pattern.items * entity.sizes.mean_read_units("strong")
    return {home: (steps * found + missing) * factor}


def _sum_scanned_bytes(workload: Workload, index: Index | None) -> float:
    """Bytes that a Scan reads: of everything in the table, or in the index, whatever kind of items it looks for."""
    if index is None:
        return sum(one.count * one.sizes.mean_bytes for one in workload.entities)
    found = [(one.count, one.entry(index.name)) for one in workload.entities]
    return sum(count * entry.share * entry.sizes.mean_bytes for count, entry in found)


def count_query_steps(sizes: Sizes, items: float) -> float:
    """Steps of 4 KB that a query for so many items needs on average: sizes are added up, then rounded up once a page.

    Items of one size are exact. Of different sizes, 2,000 queries are drawn, always the same ones.

    Example:
        >>> from lakekit.dynamodb import make_sizes
        >>> count_query_steps(make_sizes(1024), 5), count_query_steps(make_sizes(41914), 25)
        (2.0, 256.0)
    """
    if items == 0:
        return 1.0
    if items * sizes.mean_bytes > limits.PAGE_BYTES:  # whole pages end where the limit is, between two items
        pages, rest = divmod(items * sizes.mean_bytes, limits.PAGE_BYTES)
        return float(pages * (limits.PAGE_BYTES // limits.READ_STEP_BYTES) + np.ceil(rest / limits.READ_STEP_BYTES))
    if len(sizes.bytes) == 1:
        return float(max(1, np.ceil(items * sizes.bytes[0] / limits.READ_STEP_BYTES)))
    if items == 1:
        return sizes.mean_read_units("strong")
    if items > MOST_DRAWN_ITEMS or items != int(items):
        return max(1.0, items * sizes.mean_bytes / limits.READ_STEP_BYTES + 0.5)
    drawn = np.random.default_rng(0).choice(sizes.bytes, (DRAWS, int(items)), p=sizes.counts / sizes.counts.sum())
    return float(np.maximum(np.ceil(drawn.sum(axis=1) / limits.READ_STEP_BYTES), 1).mean())


def _count_writes(pattern: AccessPattern, entity: Entity, workload: Workload) -> dict[str, float]:
    factor = limits.TRANSACTION_FACTOR if pattern.operation == "TransactWriteItems" else 1
    missing = pattern.missing_share if pattern.operation == "DeleteItem" else 0.0
    base = entity.sizes.get_mean(lambda size: _count_steps(np.maximum(size, pattern.before_bytes)))
    units = {workload.table.name: pattern.items * factor * (base * (1 - missing) + missing)}
    written = pattern.items * (1 - pattern.failed_share) * (1 - missing)
    for index in workload.table.indexes:
        home = workload.table.name if index.is_local else index.name
        units[home] = units.get(home, 0.0) + written * _count_index_units(pattern, entity, index)
    return units


def _count_index_units(pattern: AccessPattern, entity: Entity, index: Index) -> float:
    """Write units of one index for one item that is written, on average."""
    entry = entity.entry(index.name)
    kept = "unprojected_changed" if index.projection == "KEYS_ONLY" else "projected_changed"
    changed = pattern.changes.get(index.name, kept)
    if pattern.operation == "DeleteItem":
        writes = INDEX_WRITES["deleted"]
    elif pattern.operation == "UpdateItem":
        writes = INDEX_WRITES[changed]
    else:
        replaced = pattern.replaced_share
        writes = (1 - replaced) * INDEX_WRITES["inserted"] + replaced * INDEX_WRITES[changed]
    return writes * entry.share * entry.sizes.get_mean(_count_steps)


def _count_steps(size: np.ndarray) -> np.ndarray:
    return np.maximum(np.ceil(size / limits.WRITE_STEP_BYTES), 1)
