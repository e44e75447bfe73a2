"""Standard or Standard-IA: both bills, and AWS's rule of thumb for when to change.

It must not look at reads and writes one by one: only sums count here.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakekit.dynamodb.bill import Bill
from lakekit.dynamodb.cost import price_on_demand, price_provisioned, price_storage
from lakekit.dynamodb.design import TABLE_CLASSES
from lakekit.dynamodb.rates import DEFAULT_REGION, HOURS_PER_MONTH, Rates, get_rates
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

# WorkingWithTables.tableclasses.html, read 2026-11-23; exact prices differ a little from region to region
IA_STORAGE_LESS = 0.6  # storage costs 60 % less in Standard-IA
IA_THROUGHPUT_MORE = 0.25  # and throughput 25 % more


@dataclass(frozen=True)
class TableClasses:
    """The bills of a month in both classes.

    Attributes:
        standard, standard_ia: bills.
    """

    standard: Bill
    standard_ia: Bill

    @property
    def saving_usd(self) -> float:
        """What Standard-IA saves; negative if it costs more."""
        return self.standard.usd - self.standard_ia.usd

    @property
    def cheapest(self) -> str:
        """ "STANDARD" or "STANDARD_IA"."""
        return "STANDARD_IA" if self.saving_usd > 0 else "STANDARD"


def compare_table_classes(
    *,
    size_bytes: float,
    capacity: tuple[float, float] = (0, 0),
    request_units: tuple[float, float] = (0, 0),
    hours: float = HOURS_PER_MONTH,
    rates: str | Rates = DEFAULT_REGION,
) -> TableClasses:
    """A month in Standard and in Standard-IA. Reserved capacity exists for Standard only, and is not looked at here.

    Args:
        size_bytes: stored.
        capacity: RCU and WCU, if it is provisioned.
        request_units: read and write units of the month, if it is on-demand.

    Example:
        >>> classes = compare_table_classes(size_bytes=13.61 * 2**30, capacity=(5, 5))
        >>> round(classes.standard.usd, 2), round(classes.standard_ia.usd, 2), round(classes.saving_usd, 2)
        (6.25, 4.9, 1.35)
    """
    bills = []
    for name in TABLE_CLASSES:
        own = get_rates(rates, table_class=name)
        bill = price_provisioned(read_units=capacity[0], write_units=capacity[1], hours=hours, rates=own)
        bill += price_on_demand(read_units=request_units[0], write_units=request_units[1], rates=own)
        bills.append(bill + price_storage(size_bytes, rates=own))
    return TableClasses(*bills)


def get_table_class_break_even(from_class: str, to_class: str) -> float:
    """Storage cost as a part of throughput cost, both of the class a table is in, at which the other costs the same.

    Leave Standard above it, leave Standard-IA below it.

    Example:
        >>> round(get_table_class_break_even("STANDARD", "STANDARD_IA"), 4)  # 0.25 / 0.6
        0.4167
        >>> round(get_table_class_break_even("STANDARD_IA", "STANDARD"), 4)  # (1 - 1 / 1.25) / (1 / 0.4 - 1)
        0.1333
    """
    _check_classes(from_class, to_class)
    if from_class == to_class:
        raise InvalidArgument(f"From {from_class} to {to_class} nothing changes.", hint="name the other class.")
    if from_class == "STANDARD":
        return IA_THROUGHPUT_MORE / IA_STORAGE_LESS
    return (1 - 1 / (1 + IA_THROUGHPUT_MORE)) / (1 / (1 - IA_STORAGE_LESS) - 1)


def get_table_class_saving(throughput_usd: float, storage_usd: float, *, from_class: str) -> float:
    """What changing the class saves, by the rule of thumb; negative if it costs more.

    Args:
        throughput_usd, storage_usd: of a month, in the class the table is in.

    Example:
        >>> round(get_table_class_saving(6000, 168, from_class="STANDARD_IA"), 2)  # 1,200 less, and 252 more
        948.0
    """
    check_number("throughput_usd", throughput_usd)
    check_number("storage_usd", storage_usd)
    _check_classes(from_class, from_class)
    if from_class == "STANDARD":
        return storage_usd * IA_STORAGE_LESS - throughput_usd * IA_THROUGHPUT_MORE
    throughput = throughput_usd * (1 - 1 / (1 + IA_THROUGHPUT_MORE))
    return throughput - storage_usd * (1 / (1 - IA_STORAGE_LESS) - 1)


def _check_classes(*names: str) -> None:
    for name in names:
        if name not in TABLE_CLASSES:
            raise InvalidArgument(f"The table class {name!r} is unknown.", hint=f"{' or '.join(TABLE_CLASSES)}.")
