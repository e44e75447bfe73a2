"""What a Kinesis data stream costs a month: shards, on-demand, the Advantage mode, and where one becomes the cheaper.

It must not size a stream: shards.py does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakekit.planning.answer import Answer, format_figure, format_seconds, format_usd
from lakekit.planning.arguments import require_number
from lakekit.planning.bill import HOURS_PER_MONTH, SECONDS_PER_MONTH, Bill, join_bills, make_bill, use_book
from lakekit.planning.shards import (
    MOST_FAN_OUT_CONSUMERS,
    MOST_FAN_OUT_CONSUMERS_ADVANTAGE,
    ShardCount,
    StreamLoad,
    count_put_units,
    count_shards_of,
    find_on_demand_capacity,
    round_up,
)
from lakekit.prices import PriceBook
from lakekit.units import GIB, KIB, MIB, format_bytes

SHORT_RETENTION_HOURS = 24  # included in every mode
EXTENDED_RETENTION_HOURS = 7 * 24  # up to here by the shard-hour or at its own GB price, beyond by the GB-month
# https://aws.amazon.com/kinesis/data-streams/pricing/, read 2025-11
ADVANTAGE_LEAST_BYTES_PER_S = 25 * MIB  # in, and out as well; paid for the whole account, used or not
ON_DEMAND_RECORD_BYTES = KIB  # each record counts as a multiple of it


def price_shards(
    shards: float, *, put_units: float = 0, hours: float = HOURS_PER_MONTH, book: PriceBook | None = None
) -> Bill:
    """What provisioned shards and put units cost. Charges: "shards", "put units".

    Example:
        >>> bill = price_shards(4, put_units=6_500_000)  # 4 x 730 x 0.015; 6.5 x 0.014
        >>> round(bill["shards"], 2), round(bill["put units"], 3)
        (43.8, 0.091)
    """
    require_number("shards", shards)
    require_number("put_units", put_units)
    require_number("hours", hours)
    lines = [("shards", "kinesis.shard_hour", shards * hours), ("put units", "kinesis.put_unit", put_units)]
    return make_bill("Kinesis shards", lines, book=book)


def price_fan_out(consumer_shard_hours: float, size_bytes: float, *, book: PriceBook | None = None) -> Bill:
    """What enhanced fan-out costs with provisioned shards. Charges: "fan-out hours", "fan-out data".

    Args:
        consumer_shard_hours: consumers x shards x hours.
        size_bytes: what all of them read together.
        book: the prices; us-east-1 if not given.

    Example:
        >>> bill = price_fan_out(100, 100 * 2**30)  # 100 x 0.015; 100 x 0.013
        >>> round(bill["fan-out hours"], 2), round(bill["fan-out data"], 2)
        (1.5, 1.3)
    """
    require_number("consumer_shard_hours", consumer_shard_hours)
    require_number("size_bytes", size_bytes)
    lines = [
        ("fan-out hours", "kinesis.fan_out.consumer_shard_hour", consumer_shard_hours),
        ("fan-out data", "kinesis.fan_out.data", size_bytes / GIB),
    ]
    return make_bill("Kinesis enhanced fan-out", lines, book=book)


def price_retention(
    *, shard_hours: float = 0, stored_bytes: float = 0, retrieved_bytes: float = 0, book: PriceBook | None = None
) -> Bill:
    """What keeping records for longer than a day costs with provisioned shards.

    Charges: "extended retention", "long retention", "long retrieval".

    Args:
        shard_hours: shards x hours with a retention above 24 hours; up to 7 days this is all.
        stored_bytes: what is older than 7 days, kept for a month.
        retrieved_bytes: what is read of it.
        book: the prices; us-east-1 if not given.

    Example:
        >>> bill = price_retention(shard_hours=1000, stored_bytes=1000 * 2**30, retrieved_bytes=100 * 2**30)
        >>> [round(charge.usd, 2) for charge in bill.charges]  # 1,000 x 0.02; 1,000 x 0.023; 100 x 0.021
        [20.0, 23.0, 2.1]
    """
    given = {"shard_hours": shard_hours, "stored_bytes": stored_bytes, "retrieved_bytes": retrieved_bytes}
    for name, value in given.items():
        require_number(name, value)
    lines = [
        ("extended retention", "kinesis.extended_retention", shard_hours),
        ("long retention", "kinesis.long_retention", stored_bytes / GIB),
        ("long retrieval", "kinesis.long_retrieval", retrieved_bytes / GIB),
    ]
    return make_bill("Kinesis retention", lines, book=book)


def price_provisioned(load: StreamLoad, *, shards: int | None = None, book: PriceBook | None = None) -> Bill:
    """A month of a stream with provisioned shards: those that its peak needs, or as many as you say.

    Extended retention is charged by the shard-hour (one derived list labels the same price "per GB").

    Example:
        >>> bill = price_provisioned(StreamLoad(512, 10_000, shared_consumers=4))
        >>> [round(bill[name], 2) for name in ("shards", "put units")], round(bill.usd, 2)
        ([109.5, 367.92], 477.42)
    """
    shards = shards if shards is not None else count_shards_of(load).shards
    units = count_put_units(load.record_bytes, load.records_per_s * SECONDS_PER_MONTH)
    bills = [price_shards(shards, put_units=units, book=book)]
    if load.fan_out_consumers:
        hours = load.fan_out_consumers * shards * HOURS_PER_MONTH
        bills.append(price_fan_out(hours, load.fan_out_consumers * _month_bytes(load), book=book))
    if load.retention_hours > SHORT_RETENTION_HOURS:
        long_bytes = _kept_gb(load, EXTENDED_RETENTION_HOURS) * GIB
        bills.append(price_retention(shard_hours=shards * HOURS_PER_MONTH, stored_bytes=long_bytes, book=book))
    return join_bills(f"Kinesis, {shards:,} provisioned shards, a month", bills)


def price_on_demand_bytes(
    in_bytes: float,
    out_bytes: float = 0,
    *,
    fan_out_bytes: float = 0,
    hours: float = HOURS_PER_MONTH,
    book: PriceBook | None = None,
) -> Bill:
    """What on-demand mode costs for bytes, in as they are billed. Charges: "stream", "in", "out", "fan-out".

    Example:
        >>> bill = price_on_demand_bytes(1000 * 2**30, 2000 * 2**30)  # 29.20 + 1,000 x 0.08 + 2,000 x 0.04
        >>> round(bill.usd, 2)
        189.2
    """
    given = {"in_bytes": in_bytes, "out_bytes": out_bytes, "fan_out_bytes": fan_out_bytes, "hours": hours}
    for name, value in given.items():
        require_number(name, value)
    lines = [
        ("stream", "kinesis.on_demand.stream_hour", hours),
        ("in", "kinesis.on_demand.in", in_bytes / GIB),
        ("out", "kinesis.on_demand.out", out_bytes / GIB),
        ("fan-out", "kinesis.on_demand.fan_out", fan_out_bytes / GIB),
    ]
    return make_bill("Kinesis on-demand", lines, book=book)


def price_on_demand(load: StreamLoad, *, book: PriceBook | None = None) -> Bill:
    """A month of a stream in on-demand mode. Charges: "stream", "in", "out", "fan-out", and retention beyond a day.

    What comes in counts in steps of 1 KB a record; what is read counts as it is. (One copy of the price page has
    other prices than the price list; the price list is used.)

    Example:
        >>> bill = price_on_demand(StreamLoad(1024, 1000))  # 2,628,000 s x 1,000 KB = 2,506.26 GB
        >>> [round(bill[name], 2) for name in ("stream", "in", "out")]
        [29.2, 200.5, 100.25]
    """
    read, lines = _month_bytes(load), []
    use = price_on_demand_bytes(
        _rounded_month_gb(load) * GIB,
        read * load.shared_consumers,
        fan_out_bytes=read * load.fan_out_consumers,
        book=book,
    )
    if load.retention_hours > SHORT_RETENTION_HOURS:
        middle = min(load.retention_hours, EXTENDED_RETENTION_HOURS) - SHORT_RETENTION_HOURS
        lines.append(("extended retention", "kinesis.on_demand.extended_retention", _hours_gb(load, middle)))
        long = _kept_gb(load, EXTENDED_RETENTION_HOURS)
        lines.append(("long retention", "kinesis.on_demand.long_retention", long))
    return join_bills("Kinesis on-demand, a month", [use, make_bill("Kinesis retention", lines, book=book)])


def price_advantage(load: StreamLoad, *, book: PriceBook | None = None) -> Bill:
    """A month of the on-demand Advantage mode, as if this stream were the only one of the account.

    At least 25 MiB/s in and 25 MiB/s out are charged, whatever flows; other streams of the account count towards it.

    Example:
        >>> bill = price_advantage(StreamLoad(1024, 1000))  # 25 MiB/s x 2,628,000 s = 64,160.16 GB
        >>> round(bill["in"], 2), round(bill["out"], 2)
        (2053.12, 1026.56)
    """
    least = ADVANTAGE_LEAST_BYTES_PER_S * SECONDS_PER_MONTH / GIB
    gb = _month_bytes(load) / GIB
    shared, fan_out = gb * load.shared_consumers, gb * load.fan_out_consumers
    shared += max(0.0, least - shared - fan_out)  # the rest of the commitment, at the price of reading
    lines = [
        ("in", "kinesis.advantage.in", max(least, _rounded_month_gb(load))),
        ("out", "kinesis.advantage.out", shared),
        ("fan-out", "kinesis.advantage.fan_out", fan_out),
        ("retention", "kinesis.advantage.storage", _kept_gb(load, SHORT_RETENTION_HOURS)),
    ]
    note = "Advantage is set for the account: its 25 MiB/s in and out are charged once, for all streams together"
    return make_bill("Kinesis on-demand Advantage, a month", lines, book=book, notes=[note])


@dataclass(frozen=True, repr=False)
class StreamPlan(Answer):
    """A Kinesis data stream for a load: shards, the month in each mode, and the cheapest.

    Attributes:
        load: what flows.
        shards: what provisioned mode needs.
        bills: by mode: "provisioned", "on-demand", "advantage".
        mode: the cheapest.
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
    mode = min(bills, key=lambda name: bills[name].usd)
    at = _find_break_even(load, bills["on-demand"].usd, book)
    average_need = max(shards.needs.values()) / load.peak_factor
    peak = at - 1  # what one shard less would still hold; the next bit of load needs the break-even number
    break_even_peak = peak / average_need if average_need else math.inf
    reasons = (
        f"{shards.decided_by} needs {format_figure(shards.needs[shards.decided_by])} shards at the peak",
        f"{mode} is cheapest: {', '.join(f'{name} {format_usd(bill.usd)}' for name, bill in bills.items())}",
    )
    changes = _describe_changes(load, shards, at, break_even_peak)
    return StreamPlan(
        load, shards, bills, mode, at, break_even_peak, reasons, tuple(_describe_limits(load)), tuple(changes)
    )


def _find_break_even(load: StreamLoad, on_demand_usd: float, book: PriceBook) -> int:
    """The smallest number of shards that costs more than on-demand; each shard adds the same to the bill."""
    one = price_provisioned(load, shards=1, book=book).usd
    each = price_provisioned(load, shards=2, book=book).usd - one
    return max(1, math.floor((on_demand_usd - one) / each) + 2)


def _describe_changes(load: StreamLoad, shards: ShardCount, at: int, peak: float) -> list[str]:
    is_above = shards.shards >= at
    side, mode = ("below", "provisioned") if is_above else ("from", "on-demand")
    texts = [f"{mode} costs less {side} {at:,} shards (now {shards.shards:,})"]
    if load.records_per_s and peak >= 1:
        side = "at most" if is_above else "above"
        texts[0] += f", which is a peak of {side} {format_figure(peak)} x the average (now {load.peak_factor:g} x)"
    if load.fan_out_consumers == 0 and load.shared_consumers > 2:
        texts.append("enhanced fan-out, if consumers may not wait for each other: 70 ms instead of 200 ms for each")
    texts.append(f"from {format_bytes(ADVANTAGE_LEAST_BYTES_PER_S)}/s in and out in the whole account: Advantage")
    return texts


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


def _month_bytes(load: StreamLoad) -> float:
    return load.in_bytes_per_s * SECONDS_PER_MONTH


def _rounded_month_gb(load: StreamLoad) -> float:
    rounded = round_up(load.record_bytes / ON_DEMAND_RECORD_BYTES) * ON_DEMAND_RECORD_BYTES
    return rounded * load.records_per_s * SECONDS_PER_MONTH / GIB


def _hours_gb(load: StreamLoad, hours: float) -> float:
    """GB-months of what arrived in so many hours."""
    return load.in_bytes_per_s * hours * 3600 / GIB


def _kept_gb(load: StreamLoad, free_hours: float) -> float:
    """GB-months of what is older than so many hours and still kept."""
    return _hours_gb(load, max(0.0, load.retention_hours - free_hours))
