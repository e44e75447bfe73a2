"""How long bytes take over a link, what link a deadline needs, and the parts of a large upload.

It must not know prices or products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lakekit.arguments import require_number
from lakekit.errors import InvalidArgument
from lakekit.planning.answer import Answer, format_figure, format_share
from lakekit.units import GIB, MIB, TIB, format_bytes

# https://docs.aws.amazon.com/datasync/latest/userguide/datasync-large-migration-timelines.html, read 2026
FORMULA = "days = bytes x 8 / (bits per second x utilisation x 3,600 x hours per day)"
CUT_OVER_SHARE = 0.3  # of the migration's time, at most, for switching over
DEFAULT_UTILISATION = 0.8  # what every table of AWS counts; 100 TB over 1 Gbit/s: 11.57 days, 9.26 at 100 %
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, read 2026-04-13
MOST_PARTS = 10_000
PART_BYTES = (5 * MIB, 5 * GIB)
MOST_OBJECT_BYTES = MOST_PARTS * PART_BYTES[1]  # 48.8 TiB; "50 TB" elsewhere; gateways and old tools stop at 5 TiB
GATEWAY_OBJECT_BYTES = 5 * TIB


@dataclass(frozen=True, repr=False)
class TransferTime(Answer):
    """How long a transfer takes.

    Attributes:
        days: of transfer.
        size_bytes, bits_per_s, utilisation, hours_per_day: what it was computed from.
    """

    days: float
    size_bytes: float
    bits_per_s: float
    utilisation: float
    hours_per_day: float

    @property
    def days_with_cut_over(self) -> float:
        """The same with up to 30 % more, which AWS advises to plan for the switch."""
        return self.days * (1 + CUT_OVER_SHARE)

    def title(self) -> str:
        return f"{format_days(self.days)} at {format_share(self.utilisation)} of {format_bits(self.bits_per_s)}"

    def facts(self) -> list[tuple[str, str]]:
        return [
            ("size", format_decimal_bytes(self.size_bytes)),
            ("with 30 % for the cut-over", format_days(self.days_with_cut_over)),
            ("formula", FORMULA),
        ]


def count_days(
    size_bytes: float, bits_per_s: float, *, utilisation: float = DEFAULT_UTILISATION, hours_per_day: float = 24
) -> TransferTime:
    """How many days a transfer takes; the utilisation is always printed with the answer, for AWS's tables differ by it.

    Args:
        size_bytes: what is moved; 100 TB are 100e12 bytes, 100 TiB are 100 * lk.TIB.
        bits_per_s: of the link; 1 Gbit/s is 1e9. A rate in MB/s is times 8e6, with utilisation=1.
        utilisation: the share of the link that the transfer gets.
        hours_per_day: when it may run.

    Example:
        >>> round(count_days(100e12, 1e9).days, 2), round(count_days(100e12, 1e9, utilisation=1).days, 2)
        (11.57, 9.26)
        >>> round(count_days(82e12, 10 * 8e6, utilisation=1).days, 1)  # AWS once printed 85.42; this is the arithmetic
        94.9
    """
    require_number("size_bytes", size_bytes)
    require_number("bits_per_s", bits_per_s, above=0)
    require_number("utilisation", utilisation, above=0, most=1)
    require_number("hours_per_day", hours_per_day, above=0, most=24)
    days = size_bytes * 8 / (bits_per_s * utilisation * 3600 * hours_per_day)
    return TransferTime(days, size_bytes, bits_per_s, utilisation, hours_per_day)


def find_bits_per_s(
    size_bytes: float, days: float, *, utilisation: float = DEFAULT_UTILISATION, hours_per_day: float = 24
) -> float:
    """The link that moves so much in so many days.

    Example:
        >>> round(find_bits_per_s(100e12, 7) / 1e9, 2)  # Gbit/s: 8e14 / (7 x 86,400 x 0.8) / 1e9
        1.65
    """
    require_number("days", days, above=0)
    at_one = count_days(size_bytes, 1, utilisation=utilisation, hours_per_day=hours_per_day)
    return at_one.days / days


@dataclass(frozen=True, repr=False)
class UploadParts(Answer):
    """How a large object is uploaded in parts.

    Attributes:
        least_part_bytes: the smallest part size with which it fits into 10,000 parts; not whole.
        part_bytes: the same rounded up to whole MiB, at least 5.
        parts: how many of those.
    """

    least_part_bytes: float
    part_bytes: int
    parts: int

    def title(self) -> str:
        return f"{self.parts:,} parts of {format_bytes(self.part_bytes)}"

    def facts(self) -> list[tuple[str, str]]:
        return [("at least", f"{self.least_part_bytes / MIB:.4f} MiB a part")]

    @property
    def notes(self) -> tuple[str, ...]:
        """What else to know of an object of that size."""
        if self.parts * self.part_bytes <= GATEWAY_OBJECT_BYTES:
            return ()
        return ("above 5 TiB: File Gateway, and tools from before December 2025, do not take it",)


def plan_parts(object_bytes: float, *, most_parts: int = MOST_PARTS) -> UploadParts:
    """The parts of a multipart upload: 10,000 at most, of 5 MiB to 5 GiB each.

    That makes 48.8 TiB, which is taken as the largest object; AWS also says 50 TB, and said 5 TB until December 2025.

    Raises:
        InvalidArgument: more than S3 takes as one object, 48.8 TiB.

    Example:
        >>> parts = plan_parts(2**40)
        >>> round(parts.least_part_bytes / 2**20, 4), parts.part_bytes // 2**20, parts.parts
        (104.8576, 105, 9987)
    """
    require_number("object_bytes", object_bytes, above=0)
    require_number("most_parts", most_parts, at_least=1, most=MOST_PARTS)
    least = object_bytes / most_parts
    if least > PART_BYTES[1]:
        raise InvalidArgument(
            f"An object of {format_bytes(round(object_bytes))} needs parts of {format_bytes(math.ceil(least))}; "
            f"the most is {format_bytes(PART_BYTES[1])}.",
            hint=f"S3 takes {format_bytes(MOST_OBJECT_BYTES)} as one object; write several",
        )
    part = min(PART_BYTES[1], max(PART_BYTES[0], math.ceil(least / MIB) * MIB))
    return UploadParts(least, part, math.ceil(object_bytes / part))


def format_bits(bits_per_s: float) -> str:
    """The speed of a link as text, in decimal units, as links are sold.

    Example:
        >>> format_bits(100e6), format_bits(1e9), format_bits(2.5e9)
        ('100 Mbit/s', '1 Gbit/s', '2.5 Gbit/s')
    """
    rate, unit = (bits_per_s / 1e9, "Gbit/s") if bits_per_s >= 1e9 else (bits_per_s / 1e6, "Mbit/s")
    return f"{format_figure(rate)} {unit}"


def format_decimal_bytes(size_bytes: float) -> str:
    """A size in decimal units, as disks are sold and transfers are planned: 1 TB is 10**12 bytes.

    Example:
        >>> format_decimal_bytes(100e12), format_decimal_bytes(1.5e9)
        ('100 TB', '1.5 GB')
    """
    for limit, unit in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size_bytes >= limit:
            return f"{format_figure(size_bytes / limit)} {unit}"
    return f"{size_bytes:,.0f} B"


def format_days(days: float) -> str:
    """Days as text; hours below two days.

    Example:
        >>> format_days(11.574), format_days(0.5), format_days(0.0001)
        ('11.6 days', '12 hours', '0.0024 hours')
    """
    return f"{format_figure(days)} days" if days >= 2 else f"{format_figure(days * 24)} hours"
