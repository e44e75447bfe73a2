"""The storage classes of S3: which moves a lifecycle may make, what is billed at least, how long a restore takes.

It must not know prices; those are in the price book.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from lakekit.errors import InvalidArgument
from lakekit.units import KIB

MIN_BILLED_BYTES = 128 * KIB  # of IA and Glacier Instant; also the least that a lifecycle moves and INT watches
ARCHIVE_BYTES, STANDARD_BYTES = 32 * KIB, 8 * KIB  # index of an archived object; both: storage class guide, 2026-04
DAYS_PER_MONTH = 365 / 12

# S3 user guide, "Transitioning objects using Amazon S3 Lifecycle", read 2026-04-13
_INSTANT_INT = ("ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
WATERFALL: Mapping[str, tuple[str, ...]] = {
    "STANDARD": ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "STANDARD_IA": ("INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "INTELLIGENT_TIERING": _INSTANT_INT,
    "INTELLIGENT_TIERING.FREQUENT": _INSTANT_INT,
    "INTELLIGENT_TIERING.INFREQUENT": _INSTANT_INT,
    "INTELLIGENT_TIERING.ARCHIVE_INSTANT": ("GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "INTELLIGENT_TIERING.ARCHIVE_ACCESS": ("GLACIER", "DEEP_ARCHIVE"),
    "INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS": ("DEEP_ARCHIVE",),
    "ONEZONE_IA": ("GLACIER", "DEEP_ARCHIVE"),
    "GLACIER_IR": ("GLACIER", "DEEP_ARCHIVE"),
    "GLACIER": ("DEEP_ARCHIVE",),
    "DEEP_ARCHIVE": (),
    "REDUCED_REDUNDANCY": (),
    "EXPRESS_ONEZONE": (),
}
CLASSES = ("STANDARD", *WATERFALL["STANDARD"])  # what a plan chooses among
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
WITH_MINIMUM_SIZE = ("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR")
MINIMUM_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30, "GLACIER_IR": 90, "GLACIER": 90, "DEEP_ARCHIVE": 180}
DAYS_BEFORE_IA = 30  # in S3 before a lifecycle may move to an IA class
FREQUENT_DAYS, INFREQUENT_DAYS = 30, 90  # Intelligent-Tiering moves down then; user guide, read 2026-04-13

# hours within which a restore ends, as AWS words it ("1-5 min", "3-5 h"); user guide, read 2026-04-13
RESTORE_HOURS: Mapping[tuple[str, str], tuple[float, float]] = {
    ("GLACIER", "Expedited"): (1 / 60, 5 / 60),
    ("GLACIER", "Standard"): (3, 5),
    ("GLACIER", "Bulk"): (5, 12),
    ("DEEP_ARCHIVE", "Standard"): (12, 12),
    ("DEEP_ARCHIVE", "Bulk"): (48, 48),
}


@dataclass(frozen=True)
class BilledSize:
    """What S3 bills for one object.

    Attributes:
        size_bytes: its own size.
        billed_bytes: what is billed at the rate of its class.
        standard_bytes: what is billed at the STANDARD rate on top.
        extra_bytes: how much more than its size is billed, in all.
    """

    size_bytes: int
    billed_bytes: int
    standard_bytes: int = 0

    @property
    def extra_bytes(self) -> int:
        return self.billed_bytes + self.standard_bytes - self.size_bytes


def check_class(storage_class: str) -> str:
    """The storage class itself, when S3 has it.

    Raises:
        InvalidArgument: it has not; names the one that was probably meant.
    """
    if storage_class in WATERFALL:
        return storage_class
    close = get_close_matches(str(storage_class).upper().replace("-", "_"), list(WATERFALL), n=1, cutoff=0.4)
    hint = f"did you mean {close[0]}? " if close else ""
    raise InvalidArgument(f"{storage_class!r} is not a storage class.", hint=f"{hint}there are {', '.join(CLASSES)}.")


def is_move_allowed(from_class: str, to_class: str) -> bool:
    """Whether a lifecycle may move objects from one class to another: only down the waterfall.

    The way up is a restore and a copy.

    Example:
        >>> is_move_allowed("STANDARD", "GLACIER_IR"), is_move_allowed("INTELLIGENT_TIERING", "STANDARD_IA")
        (True, False)
    """
    return check_class(to_class) in WATERFALL[check_class(from_class)]


def list_moves(from_class: str) -> tuple[str, ...]:
    """The classes that a lifecycle may move to from a class.

    Example:
        >>> list_moves("GLACIER_IR")
        ('GLACIER', 'DEEP_ARCHIVE')
    """
    return WATERFALL[check_class(from_class)]


def is_readable(storage_class: str) -> bool:
    """Whether objects of a class answer a GET at once; GLACIER_IR does, GLACIER and DEEP_ARCHIVE must be restored.

    Example:
        >>> is_readable("GLACIER_IR"), is_readable("GLACIER")
        (True, False)
    """
    restored = (*ARCHIVES, "INTELLIGENT_TIERING.ARCHIVE_ACCESS", "INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS")
    return check_class(storage_class) not in restored


def list_stays(storage_class: str, days: float) -> list[tuple[str, float]]:
    """Where files are for so many days when nothing reads them, and how long: in Intelligent-Tiering they sink.

    Example:
        >>> list_stays("INTELLIGENT_TIERING", 100)[1:]
        [('INTELLIGENT_TIERING.INFREQUENT', 60), ('INTELLIGENT_TIERING.ARCHIVE_INSTANT', 10)]
    """
    if check_class(storage_class) != "INTELLIGENT_TIERING":
        return [(storage_class, days)]
    tiers = (("FREQUENT", 0, FREQUENT_DAYS), ("INFREQUENT", FREQUENT_DAYS, INFREQUENT_DAYS))
    tiers = (*tiers, ("ARCHIVE_INSTANT", INFREQUENT_DAYS, math.inf))
    return [(f"{storage_class}.{tier}", min(days, end) - start) for tier, start, end in tiers if start < days]


def get_billed_size(storage_class: str, size_bytes: int) -> BilledSize:
    """What S3 bills for an object of a size: 128 KiB at least, or 32 KiB + 8 KiB more, depending on the class.

    Example:
        >>> get_billed_size("ONEZONE_IA", 6 * 1024).extra_bytes // 1024  # S3 FAQ, billing
        122
        >>> get_billed_size("DEEP_ARCHIVE", 10 * 1024)
        BilledSize(size_bytes=10240, billed_bytes=43008, standard_bytes=8192)
    """
    if not isinstance(size_bytes, int | float) or isinstance(size_bytes, bool) or not size_bytes >= 0:
        raise InvalidArgument(f"{size_bytes!r} is not a size in bytes.", hint="it is zero or more.")
    if check_class(storage_class) in WITH_MINIMUM_SIZE:
        return BilledSize(size_bytes, max(size_bytes, MIN_BILLED_BYTES))
    if not is_readable(storage_class):
        return BilledSize(size_bytes, size_bytes + ARCHIVE_BYTES, STANDARD_BYTES)
    return BilledSize(size_bytes, size_bytes)


def check_tier(storage_class: str, tier: str) -> str:
    """The restore tier, when the class has it.

    Raises:
        InvalidArgument: the class needs no restore, or has no such tier.
    """
    tiers = [name for archive, name in RESTORE_HOURS if archive == storage_class]
    if tier in tiers:
        return tier
    if not tiers:
        what = f"{check_class(storage_class)} is read without a restore."
        raise InvalidArgument(what, hint=f"only {' and '.join(ARCHIVES)} are restored.")
    raise InvalidArgument(f"{storage_class} has no restore tier {tier!r}.", hint=f"it has {', '.join(tiers)}.")


def find_restore_tiers(storage_class: str, within_hours: float | None) -> list[str]:
    """The restore tiers that end within so many hours, in the worst case; all of them for None.

    Example:
        >>> find_restore_tiers("GLACIER", 12), find_restore_tiers("DEEP_ARCHIVE", 12)
        (['Expedited', 'Standard', 'Bulk'], ['Standard'])
    """
    return [
        tier
        for (archive, tier), (_, hours) in RESTORE_HOURS.items()
        if archive == storage_class and (within_hours is None or hours <= within_hours)
    ]
