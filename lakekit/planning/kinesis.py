"""A Kinesis data stream for a load: shards, the month in each mode, the cheapest, and where another takes over.

It must not know prices or limits: kinesis_prices.py and shards.py do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakekit.planning.answer import Answer, format_figure, format_seconds, format_usd
from lakekit.planning.bill import Bill, use_book
from lakekit.planning.kinesis_prices import (
    ADVANTAGE_LEAST_BYTES_PER_S,
    price_advantage,
    price_on_demand,
    price_provisioned,
)
from lakekit.planning.shards import (
    MOST_FAN_OUT_CONSUMERS,
    MOST_FAN_OUT_CONSUMERS_ADVANTAGE,
    ShardCount,
    StreamLoad,
    count_shards_of,
    find_on_demand_capacity,
)
from lakekit.prices import PriceBook
from lakekit.units import MIB, format_bytes


@dataclass(frozen=True, repr=False)
class StreamPlan(Answer):
    """A Kinesis data stream for a load: shards, the month in each mode, and the cheapest.

    Attributes:
        load: what flows.
        shards: what provisioned mode needs.
        bills: by mode: "provisioned", "on-demand", "advantage".
        mode: the cheapest that holds the load.
        break_even_shards: from this many provisioned shards on, on-demand costs less for the same average load.
        break_even_peak: the peak factor of the load that needs so many; more peak than that speaks for on-demand.
        reasons, notes, would_change: in words.
    """

    load: StreamLoad
    shards: ShardCount
    bills: dict[str, Bill]
    mode: str
    break_even_shards: int
    break_even_peak: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    would_change: tuple[str, ...]

    @property
    def usd_per_month(self) -> float:
        """What the cheapest mode costs."""
        return self.bills[self.mode].usd

    def title(self) -> str:
        return f"Kinesis {self.mode}: {format_usd(self.usd_per_month)} a month"

    def facts(self) -> list[tuple[str, str]]:
        facts = [("shards for the peak", f"{self.shards.shards:,}, decided by {self.shards.decided_by}")]
        facts += [(mode, f"{format_usd(bill.usd)} a month") for mode, bill in self.bills.items()]
        has_peak = 1 <= self.break_even_peak < math.inf
        reach = f", a peak of {format_figure(self.break_even_peak)} x the average" if has_peak else ""
        return [
            *facts,
            ("on-demand is cheaper from", f"{self.break_even_shards:,} shards{reach}"),
            ("latency", format_seconds(self.load.latency_s)),
        ]


def plan_stream(load: StreamLoad, *, book: PriceBook | None = None) -> StreamPlan:
    """Shards, the monthly cost in each mode, the cheapest, and what would change that.

    Example:
        >>> plan_stream(StreamLoad(512, 10_000, shared_consumers=4)).mode
        'provisioned'
        >>> plan_stream(StreamLoad(512, 20, peak_factor=500)).mode  # 20 a second, but 10,000 at times
        'on-demand'
    """
    book, shards = use_book(book), count_shards_of(load)
    bills = {
        "provisioned": price_provisioned(load, shards=shards.shards, book=book),
        "on-demand": price_on_demand(load, book=book),
        "advantage": price_advantage(load, book=book),
    }
    # more consumers with fan-out than 20 are taken by Advantage only
    possible = ["advantage"] if load.fan_out_consumers > MOST_FAN_OUT_CONSUMERS else list(bills)
    mode = min(possible, key=lambda name: bills[name].usd)
    at = _find_break_even(load, bills["on-demand"].usd, book)
    average_need = max(shards.needs.values()) / load.peak_factor
    peak = at - 1  # what one shard less would still hold; the next bit of load needs the break-even number
    break_even_peak = peak / average_need if average_need else math.inf
    costs = ", ".join(f"{name} {format_usd(bills[name].usd)}" for name in possible)
    reasons = (
        f"{shards.decided_by} needs {format_figure(shards.needs[shards.decided_by])} shards at the peak",
        f"{mode} is {'cheapest' if len(possible) > 1 else 'the only mode for this'}: {costs}",
    )
    changes = _describe_changes(load, shards, at, break_even_peak)
    changes.append(_describe_advantage(bills))
    return StreamPlan(
        load, shards, bills, mode, at, break_even_peak, reasons, tuple(_describe_limits(load)), tuple(changes)
    )


def _find_break_even(load: StreamLoad, on_demand_usd: float, book: PriceBook) -> int:
    """The smallest number of shards that costs more than on-demand; each shard adds the same to the bill."""
    one = price_provisioned(load, shards=1, book=book).usd
    each = price_provisioned(load, shards=2, book=book).usd - one
    return max(1, math.floor((on_demand_usd - one) / max(each, 1e-9)) + 2)


def _describe_changes(load: StreamLoad, shards: ShardCount, at: int, peak: float) -> list[str]:
    is_above = shards.shards >= at
    side, mode = ("below", "provisioned") if is_above else ("from", "on-demand")
    texts = [f"{mode} costs less {side} {at:,} shards (now {shards.shards:,})"]
    if load.records_per_s and peak >= 1:
        side = "at most" if is_above else "above"
        texts[0] += f", which is a peak of {side} {format_figure(peak)} x the average (now {load.peak_factor:g} x)"
    if load.fan_out_consumers == 0 and load.shared_consumers > 2:
        texts.append("enhanced fan-out, if consumers may not wait for each other: 70 ms instead of 200 ms for each")
    return texts


def _describe_advantage(bills: dict[str, Bill]) -> str:
    advantage, on_demand = bills["advantage"].usd, bills["on-demand"].usd
    if advantage < on_demand:
        costs = f"{format_usd(advantage)} instead of {format_usd(on_demand)}"
        return f"Advantage costs less than on-demand already: {costs}, if the account commits to it"
    return f"from {format_bytes(ADVANTAGE_LEAST_BYTES_PER_S)}/s in and out in the whole account on: Advantage"


def _describe_limits(load: StreamLoad) -> list[str]:
    texts = []
    if load.record_bytes > MIB:
        texts.append("records above 1 MiB must be allowed (UpdateMaxRecordSize), and stay few: below 2 % of all")
    if load.fan_out_consumers > MOST_FAN_OUT_CONSUMERS:
        most = MOST_FAN_OUT_CONSUMERS_ADVANTAGE
        texts.append(f"{load.fan_out_consumers} fan-out consumers: 20 in every mode, {most} in Advantage only")
    if load.shared_consumers > 5:
        texts.append(f"{load.shared_consumers} consumers share 5 reads a second of each shard: use enhanced fan-out")
    if not find_on_demand_capacity(load.in_bytes_per_s * load.peak_factor).is_enough:
        texts.append("twice the peak is above the 10 GB/s that on-demand takes")
    return texts
