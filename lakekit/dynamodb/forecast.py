"""A table that grows by the month: items, bytes, request units and what they cost, month by month.

It must not simulate: it is for on-demand, or for what a steady month needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakekit.dynamodb.cost import get_storage_bytes, price_on_demand, price_storage
from lakekit.dynamodb.rates import DEFAULT_REGION, Rates, get_rates
from lakekit.dynamodb.units import check_number, count_read_units, count_write_units
from lakekit.errors import InvalidArgument
from lakekit.units import GIB

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Growth:
    """How a table grows.

    Attributes:
        items_per_month: that are added; they stay.
        item_bytes: of each.
        writes_per_item: when it is added, once; with indexes, one more for each.
        reads_per_item: a month, of every item that is there at its end.
        consistency: of the reads.
        items_at_start: that are there before the first month.
        has_overhead: count the 100 bytes that storage bills with each item; AWS's own spreadsheet does not.
    """

    items_per_month: float
    item_bytes: float
    writes_per_item: float = 1
    reads_per_item: float = 0
    consistency: str = "eventual"
    items_at_start: float = 0
    has_overhead: bool = True

    def __post_init__(self):
        for name in ("items_per_month", "item_bytes", "writes_per_item", "reads_per_item", "items_at_start"):
            check_number(name, getattr(self, name))


def forecast_months(growth: Growth, *, months: int = 36, rates: str | Rates = DEFAULT_REGION) -> pl.DataFrame:
    """Month by month: what is stored at its end, what is read and written in it, and its bill on-demand.

    Columns: month (i64, from 1), items (f64), stored_gib, reads, writes, read_units, write_units, usd (f64).

    Example:
        >>> growth = Growth(10_000_000, 11 * 1024, reads_per_item=17, has_overhead=False)
        >>> row = forecast_months(growth, months=3).row(2, named=True)
        >>> row["reads"], round(row["stored_gib"] / 3, 1), row["write_units"]  # 17 x 30 million; 11 WRU each
        (510000000.0, 104.9, 110000000.0)
    """
    import polars as pl

    if not isinstance(months, int) or months < 1:
        raise InvalidArgument(f"months={months!r} was given.", hint="a whole number, 1 or more.")
    rates = get_rates(rates)
    overhead = get_storage_bytes(1, growth.item_bytes) if growth.has_overhead else growth.item_bytes
    each = (
        count_read_units(growth.item_bytes, consistency=growth.consistency),
        count_write_units(growth.item_bytes),
    )
    rows = []
    for month in range(1, months + 1):
        items = growth.items_at_start + month * growth.items_per_month
        reads, writes = items * growth.reads_per_item, growth.items_per_month * growth.writes_per_item
        read_units, write_units = reads * each[0], writes * each[1]
        bill = price_on_demand(read_units=read_units, write_units=write_units, rates=rates)
        bill += price_storage(items * overhead, rates=rates)
        rows.append((month, items, items * overhead / GIB, reads, writes, read_units, write_units, bill.usd))
    names = ["month", "items", "stored_gib", "reads", "writes", "read_units", "write_units", "usd"]
    schema = {name: pl.Int64 if name == "month" else pl.Float64 for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row")
