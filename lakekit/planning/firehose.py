"""Firehose: what a record is billed as, how big the files become and how fresh they are, what a month costs.

It must not know who reads the files: the sizes it hints at are those of lakekit's layout advice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakekit.arguments import require_choice, require_number
from lakekit.planning.answer import Answer, format_figure, format_seconds
from lakekit.planning.bill import Bill, make_bill
from lakekit.planning.shards import round_up
from lakekit.prices import PriceBook
from lakekit.units import GIB, KIB, MIB, format_bytes, format_number_of

# https://aws.amazon.com/firehose/pricing/, read 2025
RECORD_STEP_BYTES = 5 * KIB  # each record, not each call; not with MSK as source, nor for vended logs
# https://pypi.org/project/botocore/1.44.5/, firehose service model, read 2026-11-17
MOST_RECORD_BYTES = 1000 * KIB
BUFFER_BYTES = (1 * MIB, 128 * MIB)
DEFAULT_BUFFER_BYTES = 5 * MIB
LEAST_CONVERT_BUFFER_BYTES = 64 * MIB  # with conversion to Parquet or ORC, or with dynamic partitioning
DEFAULT_CONVERT_BUFFER_BYTES = 128 * MIB
MOST_INTERVAL_S = 900  # 0 to 900; the limits page still says 60 to 900
DEFAULT_INTERVAL_S = 300
# https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html, read 2026
MOST_ACTIVE_PARTITIONS = 500
# https://docs.aws.amazon.com/firehose/latest/dev/limits.html, read 2026; the text of the API still says 5,000 records
DIRECT_PUT_LIMITS = {
    "us-east-1, us-west-2, eu-west-1": {"records_per_s": 500_000, "bytes_per_s": 5 * MIB, "requests_per_s": 2000},
    "elsewhere": {"records_per_s": 100_000, "bytes_per_s": 1 * MIB, "requests_per_s": 1000},
}
TARGET_FILE_BYTES = 128 * MIB  # the lower end of what engines like; see lakekit's advice on file sizes
SMALL_FILE_BYTES = 64 * MIB
SOURCES = {"direct-put": "firehose.ingest", "kinesis": "firehose.ingest", "msk": "firehose.msk_source"}
SOURCES |= {"vended-logs": "firehose.vended_logs"}
ROUNDED_SOURCES = ("direct-put", "kinesis")


@dataclass(frozen=True, repr=False)
class RoundedRecord(Answer):
    """What a record counts as on Firehose's bill.

    Attributes:
        record_bytes: its size.
        billed_bytes: the next multiple of 5 KB.
        multiplier: how much more is billed than sent.
    """

    record_bytes: float
    billed_bytes: int
    multiplier: float

    def title(self) -> str:
        sizes = [format_bytes(round(size)) for size in (self.record_bytes, self.billed_bytes)]
        return f"{sizes[0]} are billed as {sizes[1]}, {format_figure(self.multiplier)} times as much"

    def facts(self) -> list[tuple[str, str]]:
        return []

    @property
    def would_change(self) -> tuple[str, ...]:
        """How to pay for less."""
        if self.multiplier < 1.1:
            return ()
        return ("several records joined to one before they are sent, or MSK as the source: no rounding there",)


def round_record(record_bytes: float) -> RoundedRecord:
    """What Firehose bills for one record: its size rounded up to 5 KB.

    Example:
        >>> [round_record(kb * 1024).billed_bytes // 1024 for kb in (1, 3, 5, 42)]
        [5, 5, 5, 45]
        >>> round_record(1024).multiplier
        5.0
    """
    require_number("record_bytes", record_bytes, above=0, most=MOST_RECORD_BYTES)
    billed = round_up(record_bytes / RECORD_STEP_BYTES) * RECORD_STEP_BYTES
    return RoundedRecord(record_bytes, billed, billed / record_bytes)


def count_active_partitions(new_partitions_per_s: float, interval_s: float) -> float:
    """How many partitions dynamic partitioning holds open at once: those that came within one buffer interval.

    Firehose takes 500 in one stream; more go to the error prefix.

    Example:
        >>> count_active_partitions(3, 60)
        180
    """
    require_number("new_partitions_per_s", new_partitions_per_s)
    require_number("interval_s", interval_s, most=MOST_INTERVAL_S)
    return new_partitions_per_s * interval_s


@dataclass(frozen=True, repr=False)
class DeliveredFiles(Answer):
    """What Firehose puts into the lake.

    Attributes:
        file_bytes: what one file holds, before compression or conversion.
        stored_bytes: the size of the file in the lake: file_bytes times what is left by compression.
        trigger: what closes a file: "interval" or "size".
        freshness_s: how long a record waits for its file, at most.
        files_per_day: of all partitions together.
        reasons, notes, would_change: in words.
    """

    file_bytes: float
    stored_bytes: float
    trigger: str
    freshness_s: float
    files_per_day: float
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()

    def title(self) -> str:
        return f"files of {format_bytes(round(self.stored_bytes))}, at most {format_seconds(self.freshness_s)} old"

    def facts(self) -> list[tuple[str, str]]:
        return [
            ("closed by", self.trigger),
            ("before compression", format_bytes(round(self.file_bytes))),
            ("files a day", format_figure(self.files_per_day)),
        ]


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """How a Firehose stream buffers: it delivers when either is reached, the size or the interval.

    Attributes:
        size_bytes: 1 to 128 MiB; at least 64 with conversion or dynamic partitioning. AWS's default is 5 MiB.
        interval_s: 0 to 900, as the API says; the limits page still says 60 to 900. AWS's default is 300.
        convert: whether JSON becomes Parquet or ORC.
        partitions: how many partitions are written at once; each has a buffer of its own.
        stored_share: the bytes stored for each byte that came, such as 0.2 for Parquet of JSON.
    """

    size_bytes: int = DEFAULT_BUFFER_BYTES
    interval_s: float = DEFAULT_INTERVAL_S
    convert: bool = False
    partitions: int = 1
    stored_share: float = 1.0

    def __post_init__(self):
        needs_large = self.convert or self.partitions > 1
        least = LEAST_CONVERT_BUFFER_BYTES if needs_large else BUFFER_BYTES[0]
        require_number("size_bytes", self.size_bytes, at_least=least, most=BUFFER_BYTES[1])
        require_number("interval_s", self.interval_s, most=MOST_INTERVAL_S)
        require_number("partitions", self.partitions, at_least=1)
        require_number("stored_share", self.stored_share, above=0, most=10)


def plan_files(in_bytes_per_s: float, buffer: Buffer | None = None) -> DeliveredFiles:
    """How big the files become that Firehose delivers, and how fresh they are.

    Whichever is reached first closes a file, so a record waits min(interval, size / rate). Choose the size first,
    then the interval.

    Args:
        in_bytes_per_s: bytes that arrive in a second, in all partitions together, evenly spread.
        buffer: how the stream buffers; AWS's defaults if not given.

    Example:
        >>> files = plan_files(0.5 * 2**20, Buffer(size_bytes=128 * 2**20, interval_s=60, convert=True))
        >>> files.file_bytes / 2**20, files.trigger, files.freshness_s
        (30.0, 'interval', 60)
    """
    require_number("in_bytes_per_s", in_bytes_per_s, above=0)
    buffer = buffer if buffer is not None else Buffer()
    rate = in_bytes_per_s / buffer.partitions
    interval_s = max(1.0, buffer.interval_s) if buffer.interval_s < 1 else buffer.interval_s
    full_s = buffer.size_bytes / rate
    trigger, waits_s = ("size", full_s) if full_s <= interval_s else ("interval", interval_s)
    file_bytes = rate * waits_s
    stored = file_bytes * buffer.stored_share
    reasons = (
        f"{format_bytes(buffer.size_bytes)} are full after {format_seconds(full_s)}; the interval is "
        f"{format_seconds(buffer.interval_s)}",
    )
    notes = ["an interval of 0 is counted as 1 second here"] if buffer.interval_s < 1 else []
    if stored < SMALL_FILE_BYTES:
        notes.append(f"files below {format_bytes(SMALL_FILE_BYTES)}: plan to compact them")
    if buffer.partitions > MOST_ACTIVE_PARTITIONS:
        notes.append(f"{buffer.partitions} partitions at once; a stream takes {MOST_ACTIVE_PARTITIONS}")
    return DeliveredFiles(
        file_bytes,
        stored,
        trigger,
        waits_s,
        buffer.partitions * 86_400 / waits_s,
        reasons,
        tuple(notes),
        tuple(_describe_changes(rate, buffer, stored)),
    )


def _describe_changes(rate: float, buffer: Buffer, stored: float) -> list[str]:
    if stored >= TARGET_FILE_BYTES:
        return []
    wanted = min(TARGET_FILE_BYTES / buffer.stored_share, BUFFER_BYTES[1])
    wanted_s = math.ceil(wanted / rate)
    most = min(BUFFER_BYTES[1], rate * MOST_INTERVAL_S)
    if wanted_s <= MOST_INTERVAL_S:
        text = f"a buffer of {format_bytes(round(wanted))} and {format_seconds(wanted_s)} fills to the brim"
        return [text] if wanted > buffer.size_bytes or wanted_s > buffer.interval_s else []
    text = f"even 900 s collect only {format_bytes(round(most))} a file"
    return [f"{text}{' and partition: use fewer' if buffer.partitions > 1 else ''}"]


def check_direct_put(in_bytes_per_s: float, records_per_s: float, *, region: str = "us-east-1") -> list[str]:
    """Which quotas of Direct PUT a load is above, in words; none when it is within. AWS raises them on request.

    The limits page is used: 500,000 records a second in large Regions, 100,000 elsewhere; the API's text says 5,000.

    Example:
        >>> check_direct_put(6 * 2**20, 1000)
        ['6 MiB/s is above the 5 MiB/s of Direct PUT in us-east-1']
    """
    require_number("in_bytes_per_s", in_bytes_per_s)
    require_number("records_per_s", records_per_s)
    large = next(iter(DIRECT_PUT_LIMITS))
    limits = DIRECT_PUT_LIMITS[large if region in large.split(", ") else "elsewhere"]
    texts = []
    if in_bytes_per_s > limits["bytes_per_s"]:
        rates = [f"{format_bytes(round(rate))}/s" for rate in (in_bytes_per_s, limits["bytes_per_s"])]
        texts.append(f"{rates[0]} is above the {rates[1]} of Direct PUT in {region}")
    if records_per_s > limits["records_per_s"]:
        most = format_number_of(limits["records_per_s"], "record")
        texts.append(f"{records_per_s:,.0f} records a second are above the {most} of Direct PUT in {region}")
    return texts


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What else Firehose does, and is paid for.

    Attributes:
        convert: JSON becomes Parquet or ORC.
        partitioned: dynamic partitioning; its prices could not be read on a page of AWS.
        objects: files delivered by dynamic partitioning.
        jq_hours: hours in which keys are taken out of JSON.
        vpc_zone_hours: hours x zones of delivery into a VPC.
    """

    convert: bool = False
    partitioned: bool = False
    objects: float = 0
    jq_hours: float = 0
    vpc_zone_hours: float = 0


def price_firehose(
    size_bytes: float,
    *,
    record_bytes: float | None = None,
    source: str = "direct-put",
    extras: Extras | None = None,
    book: PriceBook | None = None,
) -> Bill:
    """What Firehose costs for an amount of data. Charges: "ingest", "convert", and those of Extras.

    Args:
        size_bytes: what is sent.
        record_bytes: the size of one record; when given, each is rounded up to 5 KB (not from MSK, not vended logs).
        source: "direct-put", "kinesis", "msk" or "vended-logs".
        extras: conversion, dynamic partitioning, delivery into a VPC.
        book: the prices; us-east-1 if not given.

    Example:
        >>> round(price_firehose(1024 * 2**30, extras=Extras(convert=True)).usd, 2)  # 1,024 x (0.029 + 0.018)
        48.13
        >>> price_firehose(1024 * 2**30, record_bytes=1024)["ingest"] / price_firehose(1024 * 2**30)["ingest"]
        5.0
    """
    require_number("size_bytes", size_bytes)
    require_choice("source", source, SOURCES)
    extras = extras if extras is not None else Extras()
    is_rounded = record_bytes is not None and source in ROUNDED_SOURCES
    gb = size_bytes / GIB * (round_record(record_bytes).multiplier if is_rounded else 1)
    lines = [
        ("ingest", SOURCES[source], gb),
        ("convert", "firehose.convert", gb * extras.convert),
        ("partitioning", "firehose.dynamic_partitioning.data", gb * extras.partitioned),
        ("partitioned objects", "firehose.dynamic_partitioning.objects", extras.objects),
        ("partitioning JQ", "firehose.dynamic_partitioning.jq_hour", extras.jq_hours),
        ("VPC", "firehose.vpc.data", gb * bool(extras.vpc_zone_hours)),
        ("VPC hours", "firehose.vpc.az_hour", extras.vpc_zone_hours),
    ]
    unrounded = record_bytes is None and source in ROUNDED_SOURCES
    notes = ["without record_bytes nothing is rounded; records not of 5, 10, 15 … KB cost more"] if unrounded else []
    return make_bill(f"Firehose, {format_bytes(round(size_bytes))} sent", lines, book=book, notes=notes)
