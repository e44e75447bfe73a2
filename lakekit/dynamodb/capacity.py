"""What a capacity can do: bytes and requests a second, the burst bucket, where on-demand starts, global tables.

It must not follow traffic over time; `throughput` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakekit.dynamodb import limits
from lakekit.dynamodb.units import check_number, check_whole, get_read_factor
from lakekit.errors import InvalidArgument


@dataclass(frozen=True)
class Throughput:
    """Bytes a second that a capacity can read or write, by kind.

    Attributes are bytes; divide by `lakekit.KIB` for the KB of AWS.
    """

    strong_read_bytes_per_s: float
    eventual_read_bytes_per_s: float
    transactional_read_bytes_per_s: float
    write_bytes_per_s: float
    transactional_write_bytes_per_s: float


def get_throughput(read_units: float, write_units: float) -> Throughput:
    """What a table of this capacity can do at most, with items that fill their steps of 4 KB and 1 KB.

    Example:
        >>> six = get_throughput(6, 6)
        >>> six.strong_read_bytes_per_s / 1024, six.transactional_write_bytes_per_s / 1024
        (24.0, 3.0)
    """
    read = check_number("read_units", read_units) * limits.READ_STEP_BYTES
    write = check_number("write_units", write_units) * limits.WRITE_STEP_BYTES
    strong, eventual, transactional = (read / get_read_factor(kind) for kind in ("strong", "eventual", "transactional"))
    return Throughput(strong, eventual, transactional, float(write), write / limits.TRANSACTION_FACTOR)


def get_bytes_per_read_unit(consistency: str = "eventual") -> float:
    """How many bytes one read unit reads at most: 4 KB strong, 8 KB eventual (and so for any GSI), 2 KB transactional.

    Example:
        >>> get_bytes_per_read_unit("eventual")
        8192.0
    """
    return limits.READ_STEP_BYTES / get_read_factor(consistency)


def get_requests_per_s(units_per_s: float, units_per_request: float) -> float:
    """How many requests a second a capacity serves; times 60 for a minute.

    Example:
        >>> get_requests_per_s(10, 2) * 60  # writes of 2 KB in a minute, with 10 WCU
        300.0
    """
    if check_number("units_per_request", units_per_request) == 0:
        raise InvalidArgument("units_per_request=0 was given.", hint="the least is 0.5, for an eventual read.")
    return check_number("units_per_s", units_per_s) / units_per_request


def get_most_requests_per_item_per_s(units_per_request: float, *, kind: str = "read") -> float:
    """How often a second a single item can be read or written: no partition gives more than 3,000 and 1,000 units.

    Example:
        >>> get_most_requests_per_item_per_s(5)  # strong reads of 20 KB
        600.0
    """
    return get_requests_per_s(get_partition_limit(kind), units_per_request)


def get_partition_limit(kind: str) -> int:
    """Units a second of one partition, and so of one key: 3,000 to "read", 1,000 to "write".

    Raises:
        InvalidArgument: another kind.
    """
    if kind not in ("read", "write"):
        raise InvalidArgument(f"kind={kind!r} was given.", hint='"read" or "write".')
    return limits.PARTITION_READ_UNITS if kind == "read" else limits.PARTITION_WRITE_UNITS


def get_burst_units(units_per_s: float) -> float:
    """The most that unused capacity adds up to: 300 seconds of it. Best effort: AWS may use it for maintenance.

    Example:
        >>> get_burst_units(100)
        30000
    """
    return check_number("units_per_s", units_per_s) * limits.BURST_SECONDS


def get_warm_throughput(*, read_units: float | None = None, write_units: float | None = None) -> dict[str, float]:
    """Units a second that are served at once: 12,000 and 4,000 of a new on-demand table, else what is provisioned.

    Example:
        >>> get_warm_throughput(), get_warm_throughput(read_units=500, write_units=100)
        ({'read': 12000, 'write': 4000}, {'read': 500, 'write': 100})
    """
    read = limits.NEW_ON_DEMAND_READ_UNITS if read_units is None else check_number("read_units", read_units)
    write = limits.NEW_ON_DEMAND_WRITE_UNITS if write_units is None else check_number("write_units", write_units)
    return {"read": read, "write": write}


def get_on_demand_after_switch(*, past_read_units: float = 0, past_write_units: float = 0) -> dict[str, float]:
    """Units a second that a table serves once it is switched to on-demand: its provisioned high, 12,000/4,000 at least.

    A page of 2023 prints 10,000 reads for a past of 10,000; new tables start at 12,000, and so that is the floor.

    Example:
        >>> get_on_demand_after_switch(past_read_units=10_000, past_write_units=10_000)
        {'read': 12000, 'write': 10000}
    """
    return {
        "read": max(limits.NEW_ON_DEMAND_READ_UNITS, check_number("past_read_units", past_read_units)),
        "write": max(limits.NEW_ON_DEMAND_WRITE_UNITS, check_number("past_write_units", past_write_units)),
    }


def get_on_demand_capacity(previous_peak_units: float, *, kind: str = "read", is_new: bool = False) -> float:
    """Units a second that on-demand serves at once: twice its previous peak, and the start of a new table at least.

    Args:
        is_new: False gives the rule by itself, as AWS's examples do; True applies the floor of a new table.

    Example:
        >>> get_on_demand_capacity(100_000), get_on_demand_capacity(50, kind="write", is_new=True)
        (200000, 4000)
    """
    doubled = limits.ON_DEMAND_HEADROOM * check_number("previous_peak_units", previous_peak_units)
    get_partition_limit(kind)
    floor = limits.NEW_ON_DEMAND_READ_UNITS if kind == "read" else limits.NEW_ON_DEMAND_WRITE_UNITS
    return max(doubled, floor) if is_new else doubled


@dataclass(frozen=True)
class SharedCapacity:
    """How partitions share a table's capacity.

    Attributes:
        static_share: units a second of each, were it split evenly once and for all.
        served: units a second that each partition gets with adaptive capacity.
        throttled: units a second that each is refused.
    """

    static_share: float
    served: tuple[float, ...]
    throttled: tuple[float, ...]


def share_capacity(table_units: float, partition_loads: Sequence[float], *, kind: str = "write") -> SharedCapacity:
    """What each partition gets of a table's capacity: a busy one takes what others leave, up to a partition's limit.

    When all together want more than the table has, each first gets its static share, and what is left goes to the
    busy ones in proportion.

    Example:
        >>> share_capacity(400, [50, 50, 50, 150])
        SharedCapacity(static_share=100.0, served=(50, 50, 50, 150), throttled=(0, 0, 0, 0))
    """
    if not partition_loads:
        raise InvalidArgument("partition_loads is empty.", hint="one load for each partition, in units a second.")
    loads = [check_number("partition_loads", load) for load in partition_loads]
    share = check_number("table_units", table_units) / len(loads)
    wanted = [min(load, get_partition_limit(kind)) for load in loads]
    first = [min(load, share) for load in wanted]
    more = [load - got for load, got in zip(wanted, first, strict=True)]
    left = min(table_units - sum(first), sum(more))
    part = left / sum(more) if sum(more) else 0
    served = tuple(got + extra * part if extra else got for got, extra in zip(first, more, strict=True))
    served = tuple(int(units) if units == int(units) else units for units in served)
    return SharedCapacity(share, served, tuple(load - got for load, got in zip(loads, served, strict=True)))


@dataclass(frozen=True)
class GlobalTableUnits:
    """Write units of a global table.

    Attributes:
        write_units: ordinary ones (WRU or WCU), of a table in one region, and of global indexes.
        replicated_units: rWRU or rWCU over all regions together, the region of the write included.
        replicated_units_per_region: in each region; every replica writes all that any region writes.
    """

    write_units: float
    replicated_units: float
    replicated_units_per_region: float


def count_global_table_units(
    write_units: float | Sequence[float], *, regions: int | None = None, index_units: float = 0
) -> GlobalTableUnits:
    """What writes cost in a global table (version 2019.11.21): one replicated unit in every region for each unit.

    Args:
        write_units: of all regions together, or a list: one for each region.
        regions: how many replicas; 1 is an ordinary table. Left out with a list.
        index_units: write units of global indexes, which are ordinary ones in every region.

    Example:
        >>> count_global_table_units(150, regions=2)
        GlobalTableUnits(write_units=0, replicated_units=300, replicated_units_per_region=150)
        >>> count_global_table_units([5, 10, 5]).replicated_units_per_region
        20
    """
    written, regions = _sum_regions(write_units, regions)
    indexes = check_number("index_units", index_units) * regions
    if regions == 1:
        return GlobalTableUnits(written + indexes, 0, 0)
    return GlobalTableUnits(indexes, written * regions, written)


def count_legacy_global_table_units(write_units: float | Sequence[float], *, regions: int | None = None) -> float:
    """Write units of the version of 2017, over all regions: twice each write in every region.

    Only for tables that were never moved to the version of 2019; `count_global_table_units` is for all others. In
    each region it is the result divided by the number of regions.

    Example:
        >>> count_legacy_global_table_units(10, regions=3)  # (10 + 10 + 10) x 2
        60
    """
    written, regions = _sum_regions(write_units, regions)
    return 2 * written * regions


def _sum_regions(write_units: float | Sequence[float], regions: int | None) -> tuple[float, int]:
    if isinstance(write_units, Sequence):
        regions = len(write_units) if regions is None else regions
        if regions != len(write_units):
            raise InvalidArgument(f"regions={regions}, and {len(write_units)} rates were given.", hint="leave it out.")
        write_units = sum(check_number("write_units", one) for one in write_units)
    return check_number("write_units", write_units), check_whole("regions", regions, least=1)
