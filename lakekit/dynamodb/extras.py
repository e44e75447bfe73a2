"""DAX in front of a table, and vector indexes on it: sizes in requests and bytes.

It must not price DAX nodes: sources disagree on them, so the price is yours to bring.
"""

from __future__ import annotations

from collections.abc import Iterable

from lakekit.dynamodb.units import check_number, check_whole, count_transact_get_units
from lakekit.errors import InvalidArgument
from lakekit.units import KIB

# awslabs amazon-dynamodb-tools, tools/dax_calculator, 2026-08-13
DAX_MISS_FACTOR = 10
DAX_WRITE_FACTOR = 25
DAX_MOST_NODES = 11

VECTOR_NUMBER_BYTES = 4  # a float of 32 bits for each dimension
VECTOR_KEY_BYTES = 9  # of a table key as short as was measured; AWS agent toolkit, 2026-08: 9 to 35
VECTOR_MOST_DIMENSIONS = 4096
VECTOR_LEAST_BYTES = KIB  # billed for each request


def get_dax_normalised_rps(*, hits: float, misses: float, writes: float, kb: float, nodes: int) -> float:
    """The load of a DAX cluster as requests of 1 KB a second: a miss weighs ten times, a write 25 times on every node.

    Args:
        hits, misses, writes: a second.
        kb: size of an item in KB.
        nodes: of the cluster.

    Example:
        >>> get_dax_normalised_rps(hits=100_000, misses=0, writes=500, kb=3, nodes=5)  # 300,000 + 500 x 25 x 3 x 5
        487500
    """
    for name, value in (("hits", hits), ("misses", misses), ("writes", writes), ("kb", kb)):
        check_number(name, value)
    _check_nodes(nodes)
    return hits * kb + misses * kb * DAX_MISS_FACTOR + writes * DAX_WRITE_FACTOR * kb * nodes


def get_dax_target_rps(normalised_rps: float, *, utilisation_percent: float = 80, nodes: int) -> float:
    """What the nodes together should be able to do: room for the utilisation, and for the loss of one node.

    Example:
        >>> get_dax_target_rps(135_000, utilisation_percent=80, nodes=3)  # x max(100 / 80, 3 / 2)
        202500.0
    """
    check_number("normalised_rps", normalised_rps)
    if not 0 < check_number("utilisation_percent", utilisation_percent) <= 100:
        raise InvalidArgument(f"utilisation_percent={utilisation_percent} was given.", hint="above 0, at most 100.")
    _check_nodes(nodes)
    survivors = nodes / (nodes - 1) if nodes > 1 else 1.0
    return normalised_rps * max(100 / utilisation_percent, survivors)


def _check_nodes(nodes: int) -> None:
    if not 1 <= check_whole("nodes", nodes) <= DAX_MOST_NODES:
        raise InvalidArgument(f"nodes={nodes} was given.", hint=f"1 to {DAX_MOST_NODES}.")


def count_dax_readback_units(sizes_bytes: Iterable[float]) -> float:
    """Read units more that a TransactWriteItems through DAX costs: it reads every item back in a transaction.

    Example:
        >>> count_dax_readback_units([500, 500, 500])
        6.0
    """
    return count_transact_get_units(sizes_bytes)


def get_vector_write_bytes(
    dimensions: int, *, key_bytes: float = VECTOR_KEY_BYTES, projected_bytes: float = 0
) -> float:
    """Bytes that one write to a vector index is billed for: 4 for each dimension, the keys, and what is projected.

    Args:
        key_bytes: names and values of the table's key; 9 to 35 were measured for short ones.
        projected_bytes: of other attributes that the index keeps; none with KEYS_ONLY.

    Example:
        >>> get_vector_write_bytes(1024), get_vector_write_bytes(8)
        (4105, 1024)
    """
    if not 1 <= check_whole("dimensions", dimensions) <= VECTOR_MOST_DIMENSIONS:
        raise InvalidArgument(f"dimensions={dimensions} was given.", hint=f"1 to {VECTOR_MOST_DIMENSIONS:,}.")
    own = check_number("key_bytes", key_bytes) + check_number("projected_bytes", projected_bytes)
    return max(VECTOR_LEAST_BYTES, dimensions * VECTOR_NUMBER_BYTES + own)
