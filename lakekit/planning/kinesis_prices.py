"""What Kinesis Data Streams cost: shards, fan-out, retention, on-demand, the Advantage mode; by quantity and by load.

It must not size a stream, nor compare modes: shards.py and kinesis.py do.
"""

from __future__ import annotations

from lakekit.arguments import require_number
from lakekit.planning.bill import HOURS_PER_MONTH, SECONDS_PER_MONTH, Bill, join_bills, make_bill
from lakekit.planning.shards import StreamLoad, count_put_units, count_shards_of, round_up
from lakekit.prices import PriceBook
from lakekit.units import GIB, KIB, MIB

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


def price_on_demand_retention(
    *, extended_bytes: float = 0, long_bytes: float = 0, book: PriceBook | None = None
) -> Bill:
    """What keeping records for longer than a day costs in on-demand mode, a month.

    Charges: "extended retention", "long retention".

    Args:
        extended_bytes: what is older than a day and not than 7 days.
        long_bytes: what is older than 7 days.
        book: the prices; us-east-1 if not given.

    Example:
        >>> bill = price_on_demand_retention(extended_bytes=100 * 2**30, long_bytes=1000 * 2**30)
        >>> round(bill["extended retention"], 2), round(bill["long retention"], 2)  # 100 x 0.10; 1,000 x 0.023
        (10.0, 23.0)
    """
    require_number("extended_bytes", extended_bytes)
    require_number("long_bytes", long_bytes)
    lines = [
        ("extended retention", "kinesis.on_demand.extended_retention", extended_bytes / GIB),
        ("long retention", "kinesis.on_demand.long_retention", long_bytes / GIB),
    ]
    return make_bill("Kinesis on-demand retention", lines, book=book)


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
    read = _month_bytes(load)
    use = price_on_demand_bytes(
        _rounded_month_gb(load) * GIB,
        read * load.shared_consumers,
        fan_out_bytes=read * load.fan_out_consumers,
        book=book,
    )
    middle_hours = min(load.retention_hours, EXTENDED_RETENTION_HOURS) - SHORT_RETENTION_HOURS
    kept = price_on_demand_retention(
        extended_bytes=_hours_gb(load, middle_hours) * GIB,
        long_bytes=_kept_gb(load, EXTENDED_RETENTION_HOURS) * GIB,
        book=book,
    )
    return join_bills("Kinesis on-demand, a month", [use, kept])


def price_advantage_bytes(
    in_bytes: float,
    out_bytes: float = 0,
    *,
    fan_out_bytes: float = 0,
    hours: float = HOURS_PER_MONTH,
    book: PriceBook | None = None,
) -> Bill:
    """What the on-demand Advantage mode costs for all bytes of an account. Charges: "in", "out", "fan-out".

    At least 25 MiB/s in and 25 MiB/s out are charged, whatever flows; there is no price for the stream itself.

    Example:
        >>> bill = price_advantage_bytes(100_000 * 2**30, 200_000 * 2**30)  # 100,000 x 0.032 + 200,000 x 0.016
        >>> round(bill.usd, 2)
        6400.0
    """
    given = {"in_bytes": in_bytes, "out_bytes": out_bytes, "fan_out_bytes": fan_out_bytes, "hours": hours}
    for name, value in given.items():
        require_number(name, value)
    least = ADVANTAGE_LEAST_BYTES_PER_S * hours * 3600
    rest = max(0.0, least - out_bytes - fan_out_bytes)  # of the commitment, at the price of reading
    lines = [
        ("in", "kinesis.advantage.in", max(least, in_bytes) / GIB),
        ("out", "kinesis.advantage.out", (out_bytes + rest) / GIB),
        ("fan-out", "kinesis.advantage.fan_out", fan_out_bytes / GIB),
    ]
    note = "Advantage is set for the account: its 25 MiB/s in and out are charged once, for all streams together"
    return make_bill("Kinesis on-demand Advantage", lines, book=book, notes=[note])


def price_advantage(load: StreamLoad, *, book: PriceBook | None = None) -> Bill:
    """A month of the on-demand Advantage mode, as if this stream were the only one of the account.

    At least 25 MiB/s in and 25 MiB/s out are charged, whatever flows; other streams of the account count towards it.

    Example:
        >>> bill = price_advantage(StreamLoad(1024, 1000))  # 25 MiB/s x 2,628,000 s = 64,160.16 GB
        >>> round(bill["in"], 2), round(bill["out"], 2)
        (2053.12, 1026.56)
    """
    read = _month_bytes(load)
    use = price_advantage_bytes(
        _rounded_month_gb(load) * GIB,
        read * load.shared_consumers,
        fan_out_bytes=read * load.fan_out_consumers,
        book=book,
    )
    lines = [("retention", "kinesis.advantage.storage", _kept_gb(load, SHORT_RETENTION_HOURS))]
    return join_bills("Kinesis on-demand Advantage, a month", [use, make_bill("retention", lines, book=book)])


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
