"""What units, capacity and bytes cost: on-demand, provisioned, storage, backups, streams, exports, and the break-even.

It must not simulate, nor choose; `compare` does. Nothing is free unless `apply_free_tier` is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lakekit.dynamodb import limits
from lakekit.dynamodb.bill import Bill, make_bill, make_line
from lakekit.dynamodb.rates import DEFAULT_REGION, HOURS_PER_MONTH, Rates, get_rates
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument
from lakekit.units import GIB

SECONDS_PER_HOUR = 3600
_FREE = {
    "dynamodb.storage.STANDARD": "dynamodb.free.storage_gb",
    "dynamodb.provisioned.read.STANDARD": "dynamodb.free.read_unit_hours",
    "dynamodb.provisioned.write.STANDARD": "dynamodb.free.write_unit_hours",
    "dynamodb.provisioned.replicated_write.STANDARD": "dynamodb.free.replicated_write_unit_hours",
    "dynamodb.streams.read": "dynamodb.free.streams_reads",
}


def count_month_units(units_per_s: float, *, hours: float = HOURS_PER_MONTH) -> float:
    """Units of a month at a steady rate.

    Args:
        hours: in the month: 730 by default; AWS's tools use 720, 730, 732 or 744.

    Example:
        >>> count_month_units(100, hours=720)
        259200000
    """
    return check_number("units_per_s", units_per_s) * SECONDS_PER_HOUR * check_number("hours", hours)


def price_on_demand(
    *, read_units: float = 0, write_units: float = 0, replicated_units: float = 0, rates: str | Rates = DEFAULT_REGION
) -> Bill:
    """What on-demand request units cost.

    Args:
        read_units, write_units: of any time, all together (`count_month_units` turns a rate into a month).
        replicated_units: rWRU of a global table in this region.
        rates: a region, or `get_rates(…)` with a table class or prices of your own.

    Example:
        >>> round(price_on_demand(read_units=788_400_000).usd, 2)  # 788.4 x 0.125
        98.55
    """
    rates = get_rates(rates)
    quantities = {"read": read_units, "write": write_units, "replicated_write": replicated_units}
    lines = [
        make_line(f"{kind.replace('_', ' ')}s, on-demand", _check_kind(kind, units), rates.id("on_demand", kind), rates)
        for kind, units in quantities.items()
        if _check_kind(kind, units)
    ]
    return make_bill(lines, rates)


def price_provisioned(
    *,
    read_units: float = 0,
    write_units: float = 0,
    replicated_units: float = 0,
    hours: float = HOURS_PER_MONTH,
    rates: str | Rates = DEFAULT_REGION,
) -> Bill:
    """What provisioned capacity costs, used or not.

    Args:
        read_units, write_units: RCU and WCU of table and indexes together.
        replicated_units: rWCU of a global table in this region.
        hours: how long; a month of 730 by default.

    Example:
        >>> round(price_provisioned(read_units=10_000, write_units=1000).usd, 2)  # 730 x (1.30 + 0.65)
        1423.5
    """
    rates = get_rates(rates)
    check_number("hours", hours)
    quantities = {"read": read_units, "write": write_units, "replicated_write": replicated_units}
    lines = [
        make_line(f"{kind.replace('_', ' ')}s, provisioned", units * hours, rates.id("provisioned", kind), rates)
        for kind, units in quantities.items()
        if _check_kind(kind, units)
    ]
    return make_bill(lines, rates, note=f"{hours:g} hours.")


def _check_kind(kind: str, units: float) -> float:
    name = {"read": "read_units", "write": "write_units", "replicated_write": "replicated_units"}[kind]
    return check_number(name, units)


def get_storage_bytes(items: float, item_bytes: float, *, is_global: bool = False) -> float:
    """Bytes that storage bills for items (or index entries): 100 more for each, and 48 more in a global table.

    Example:
        >>> get_storage_bytes(1, 1024), get_storage_bytes(1, 1024, is_global=True)
        (1124, 1172)
    """
    extra = limits.STORED_ITEM_OVERHEAD_BYTES + (limits.GLOBAL_TABLE_OVERHEAD_BYTES if is_global else 0)
    return check_number("items", items) * (check_number("item_bytes", item_bytes) + extra)


def price_storage(size_bytes: float, *, rates: str | Rates = DEFAULT_REGION) -> Bill:
    """What bytes cost to keep for a month; a GB is 2**30 bytes, and the 100 bytes of each item are to be in it.

    Example:
        >>> tables = [(50e6, 200), (50e6, 100), (200e6, 500), (200e6, 150), (200e6, 200), (10e6, 300)]
        >>> round(price_storage(sum(get_storage_bytes(*table) for table in tables)).usd, 2)
        60.3
    """
    rates = get_rates(rates)
    stored = check_number("size_bytes", size_bytes) / GIB
    return make_bill([make_line("storage", stored, rates.id("storage"), rates)], rates)


@dataclass(frozen=True)
class Extras:
    """What else a month brings, in bytes and counts; all of it is nothing by default.

    Attributes:
        continuous_backup: point-in-time recovery of the table and its local indexes.
        backup_bytes: on-demand backups that are kept.
        restored_bytes: tables restored, or replicas added.
        full_export_bytes, incremental_export_bytes: exports to S3; they need continuous backup.
        imported_bytes: imports from S3, before compression.
        stream_reads: GetRecords requests; triggers of Lambda and global tables read free.
        kinesis_units: change data capture to Kinesis, 1 KB of the larger image each.
        vector_write_bytes, vector_search_bytes: of vector indexes, on-demand tables only.
        transfer_out_bytes: to the internet.
        cross_region_bytes: to replicas.
    """

    continuous_backup: bool = False
    backup_bytes: float = 0
    restored_bytes: float = 0
    full_export_bytes: float = 0
    incremental_export_bytes: float = 0
    imported_bytes: float = 0
    stream_reads: float = 0
    kinesis_units: float = 0
    vector_write_bytes: float = 0
    vector_search_bytes: float = 0
    transfer_out_bytes: float = 0
    cross_region_bytes: float = 0

    def __post_init__(self):
        for name in self.__dataclass_fields__:
            if name != "continuous_backup":
                check_number(name, getattr(self, name))
        if (self.full_export_bytes or self.incremental_export_bytes) and not self.continuous_backup:
            raise InvalidArgument(
                "An export is planned without continuous_backup.", hint="exports read it: continuous_backup=True."
            )


def price_extras(extras: Extras, *, table_bytes: float = 0, rates: str | Rates = DEFAULT_REGION) -> Bill:
    """What backups, exports, imports, streams, vectors and transfer cost in a month.

    Args:
        table_bytes: of the table with its local indexes, for continuous backup.

    Raises:
        InvalidArgument: the region's price is not known; names it.

    Example:
        >>> extras = Extras(continuous_backup=True, imported_bytes=10 * 2**30)
        >>> round(price_extras(extras, table_bytes=50 * 2**30).usd, 2)  # 50 x 0.20 + 10 x 0.15
        11.5
    """
    rates = get_rates(rates)
    kept = check_number("table_bytes", table_bytes) / GIB if extras.continuous_backup else 0.0
    vector = f"dynamodb.vector.{{}}.{rates.table_class}"
    quantities = [
        ("continuous backup", kept, "dynamodb.backup.continuous"),
        ("backups", extras.backup_bytes / GIB, "dynamodb.backup.on_demand"),
        ("restores", extras.restored_bytes / GIB, "dynamodb.backup.restore"),
        ("full exports", extras.full_export_bytes / GIB, "dynamodb.export.full"),
        ("incremental exports", extras.incremental_export_bytes / GIB, "dynamodb.export.incremental"),
        ("imports", extras.imported_bytes / GIB, "dynamodb.import.s3"),
        ("stream reads", extras.stream_reads, "dynamodb.streams.read"),
        ("capture to Kinesis", extras.kinesis_units, "dynamodb.kinesis_capture"),
        ("vector writes", extras.vector_write_bytes / GIB, vector.format("write")),
        ("vector searches", extras.vector_search_bytes / GIB, vector.format("search")),
        ("to the internet", extras.transfer_out_bytes / GIB, "transfer.internet_out"),
        ("to other regions", extras.cross_region_bytes / GIB, "transfer.region_to_region.default"),
    ]
    return make_bill([make_line(what, units, id, rates) for what, units, id in quantities if units], rates)


def apply_free_tier(bill: Bill) -> Bill:
    """A month's bill less the account's free tier: 25 GB, 18,600 unit-hours of each kind, 2.5 million stream reads.

    It is shared by all tables of an account in a region, each region has its own, and it never covers on-demand units
    or Standard-IA. The bill is one of a single region.

    Example:
        >>> apply_free_tier(price_provisioned(read_units=25, write_units=30)).get("writes")  # 21,900 - 18,600 hours
        2.145
    """
    rates = get_rates(bill.region)
    free = {id: rates.book.number(number) for id, number in _FREE.items()}
    lines = []
    for line in bill.lines:
        used = min(free.get(line.id, 0.0), line.quantity)
        if line.id in free:
            free[line.id] -= used
        lines.append(replace(line, quantity=line.quantity - used))
    return replace(bill, lines=tuple(lines), note=f"{bill.note} Less the free tier.".strip())


def get_break_even_utilisation(*, kind: str = "write", rates: str | Rates = DEFAULT_REGION) -> float:
    """The share of a provisioned capacity that must be used for on-demand to cost the same.

    Below it on-demand is cheaper. AWS's rule of thumb is 35 % (`limits.AWS_BREAK_EVEN_UTILISATION`): it leaves room
    for what autoscaling keeps in reserve.

    Example:
        >>> round(get_break_even_utilisation(), 4)  # 0.00065 / (3,600 x 0.000000625)
        0.2889
    """
    rates = get_rates(rates)
    if kind not in ("read", "write"):
        raise InvalidArgument(f"kind={kind!r} was given.", hint='"read" or "write".')
    hour = rates.usd(rates.id("provisioned", kind))
    return hour / (SECONDS_PER_HOUR * rates.usd(rates.id("on_demand", kind)))
