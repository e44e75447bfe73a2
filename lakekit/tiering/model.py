"""What keeping a partition in a class costs over a horizon, split into what is its own and what depends on all others.

It must not choose; it makes the numbers that the planner chooses by.

Most of a bill is proportional: so much a GB, a request, an object. Only STANDARD and the FREQUENT tier have steps,
counted over everything that is in them. So each partition and class has three numbers: USD of its own, GB that count as
STANDARD, and GB that count as FREQUENT; two curves turn the sums of the GB into USD.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from lakekit.errors import InvalidArgument
from lakekit.prices import Price, PriceBook
from lakekit.tiering.classes import (
    ARCHIVE_BYTES,
    ARCHIVES,
    CLASSES,
    DAYS_BEFORE_IA,
    DAYS_PER_MONTH,
    FREQUENT_DAYS,
    INFREQUENT_DAYS,
    MIN_BILLED_BYTES,
    MINIMUM_DAYS,
    STANDARD_BYTES,
    WATERFALL,
    WITH_MINIMUM_SIZE,
    find_restore_tiers,
)
from lakekit.units import GIB


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What a plan must keep to.

    Attributes:
        answers_select: every file must be readable at once, so nothing colder than Glacier Instant. False allows
            archives, whose files queries refuse, and which Athena leaves out of its answers without a word.
        restore_hours: archives are allowed only with a restore that ends within so many hours.
        recreatable: data could be made again, so One Zone-IA will do.
        classes: only these may be moved to; all if not given.
    """

    answers_select: bool = True
    restore_hours: float | None = None
    recreatable: bool = False
    classes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.classes or () if name not in CLASSES]
        if unknown:
            raise InvalidArgument(f"{unknown[0]!r} is no class to plan with.", hint=f"there are {', '.join(CLASSES)}.")
        if self.restore_hours is not None and not self.restore_hours > 0:
            raise InvalidArgument(f"restore_hours is {self.restore_hours!r}.", hint="it is more than zero, or None.")


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a plan takes for granted.

    Attributes:
        horizon_months: over how many months costs are added up.
        growth_per_month: how much each partition, its files and its reads grow a month; 0.02 is 2 %.
        access_factor: how many times as many reads as were seen.
        small_files: "leave" those under 128 KiB where they are, as a lifecycle does, or "move" them too.
        restored_days: how long the copy of a restored object is kept.
        standard_gb_elsewhere: GB that the account has in STANDARD besides, for the steps of its price.
    """

    horizon_months: int = 12
    growth_per_month: float = 0.0
    access_factor: float = 1.0
    small_files: str = "leave"
    restored_days: float = 1.0
    standard_gb_elsewhere: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.horizon_months, int) and 1 <= self.horizon_months <= 240):
            what = f"horizon_months is {self.horizon_months!r}."
            raise InvalidArgument(what, hint="it is a whole number from 1 to 240.")
        if self.small_files not in ("leave", "move"):
            raise InvalidArgument(f"small_files is {self.small_files!r}.", hint='it is "leave" or "move".')
        if not -1 < self.growth_per_month <= 1:
            raise InvalidArgument(f"growth_per_month is {self.growth_per_month!r}.", hint="0.02 is 2 % a month.")
        for name in ("access_factor", "restored_days", "standard_gb_elsewhere"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise InvalidArgument(f"{name} is {value!r}.", hint="it is zero or more.")

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """How large everything is in each month, in terms of now."""
        return tuple((1 + self.growth_per_month) ** month for month in range(self.horizon_months))

    @cached_property
    def months(self) -> float:
        """Months of the size of now that the horizon is worth."""
        return sum(self.scales)


@dataclass(frozen=True)
class Cost:
    """What one choice costs over the horizon: USD of its own (of it, once), GB as STANDARD, GB as FREQUENT."""

    usd: float
    once_usd: float = 0.0
    standard_gb: float = 0.0
    frequent_gb: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.usd + other.usd,
            self.once_usd + other.once_usd,
            self.standard_gb + other.standard_gb,
            self.frequent_gb + other.frequent_gb,
        )


@dataclass(frozen=True)
class Part:
    """Files that are treated alike: all small, or none.

    Attributes:
        files, size_gb: how many, how large.
        small: whether they are under 128 KiB.
        requests, sent_gb: asked for and sent a month.
        visited, visited_gb: files visited a month, and their whole size.
    """

    files: float
    size_gb: float
    small: bool
    requests: float
    sent_gb: float
    visited: float
    visited_gb: float

    @property
    def floor_gb(self) -> float:
        """The size as classes with a minimum size bill it."""
        return self.files * MIN_BILLED_BYTES / GIB if self.small else self.size_gb


def split_parts(row: Mapping[str, Any], access_factor: float) -> list[Part]:
    """The small files and the others of a row of Heat.frame, where it has any; reads are shared by files and bytes."""
    parts = []
    for small in (True, False):
        files = row["small_files"] if small else row["files"] - row["small_files"]
        size = row["small_bytes"] if small else row["size_bytes"] - row["small_bytes"]
        if not files:
            continue
        of_files = access_factor * files / row["files"]
        of_bytes = access_factor * (size / row["size_bytes"] if row["size_bytes"] else 0)
        parts.append(
            Part(
                files=files,
                size_gb=size / GIB,
                small=small,
                requests=row["requests_per_month"] * of_files,
                sent_gb=row["bytes_per_month"] * of_bytes / GIB,
                visited=row["file_reads_per_month"] * of_files,
                visited_gb=row["file_bytes_per_month"] * of_bytes / GIB,
            )
        )
    return parts


class CostModel:
    """Costs of partitions in classes, from a price book, under assumptions and constraints."""

    def __init__(self, book: PriceBook, assumptions: Assumptions, constraints: Constraints):
        self.book, self.assumptions, self.constraints = book, assumptions, constraints
        for needed in ("s3.storage.STANDARD", "s3.storage.GLACIER", "s3.request.GET.STANDARD"):
            book.price(needed)  # a book of another region may have none of S3
        self._usd = {id: book.price(id).usd_each for id in book.ids("s3.")}

    def list_choices(self, storage_class: str, age_days: float) -> dict[str, str]:
        """The classes that a partition may be in from now on: its own first; those refused come with a reason."""
        limits, choices = self.constraints, {storage_class: ""}
        for name in CLASSES:
            if name == storage_class:
                continue
            if name not in WATERFALL[storage_class]:
                choices[name] = "not down the waterfall"
            elif limits.classes is not None and name not in limits.classes:
                choices[name] = "not among the classes given"
            elif name == "ONEZONE_IA" and not limits.recreatable:
                choices[name] = "one zone, and the data is not recreatable"
            elif name in ("STANDARD_IA", "ONEZONE_IA") and age_days < DAYS_BEFORE_IA:
                choices[name] = f"younger than {DAYS_BEFORE_IA} days"
            elif name in ARCHIVES and limits.answers_select:
                choices[name] = "must answer SELECT"
            elif name in ARCHIVES and not find_restore_tiers(name, limits.restore_hours):
                choices[name] = f"no restore within {limits.restore_hours:g} hours"
            else:
                choices[name] = ""
        return choices

    def compute_cost(self, row: Mapping[str, Any], to_class: str) -> Cost:
        """What a row of Heat.frame costs over the horizon when it is in a class from now on."""
        now, moves = row["storage_class"], to_class != row["storage_class"]
        total = Cost(0.0)
        for part in split_parts(row, self.assumptions.access_factor):
            stays = not moves or (part.small and self.assumptions.small_files == "leave")
            total += self._keep(part, now if stays else to_class, row["age_days"], fresh=not stays)
            if not stays:
                total += self._move(part, now, to_class, row["age_days"])
        return total

    def _keep(self, part: Part, name: str, age_days: float, *, fresh: bool) -> Cost:
        """Storage, requests and retrieval; a class with minimum days is paid for that long at least."""
        months, usd = self.assumptions.months, self._usd
        minimum = MINIMUM_DAYS.get(name, 0) - (0 if fresh else age_days)
        stored = max(months, minimum / DAYS_PER_MONTH)
        base = name.partition(".")[0]
        read = Cost(part.requests * usd.get(f"s3.request.GET.{base}", usd["s3.request.GET.STANDARD"]) * months)
        if name in ARCHIVES:
            kept_gb = part.size_gb + part.files * ARCHIVE_BYTES / GIB
            kept = Cost(kept_gb * usd[f"s3.storage.{name}"] * stored, 0, part.files * STANDARD_BYTES / GIB)
            return kept + read + self._restore(part, name)
        if name == "INTELLIGENT_TIERING":
            return read + self._watch(part, 0 if fresh else age_days)
        read += Cost(part.sent_gb * usd.get(f"s3.retrieval.{base}", 0.0) * months)
        if name == "STANDARD":
            return read + Cost(0, 0, part.size_gb)
        kept_gb = part.floor_gb if name in WITH_MINIMUM_SIZE else part.size_gb
        return read + Cost(kept_gb * usd[f"s3.storage.{name}"] * stored)

    def _restore(self, part: Part, name: str) -> Cost:
        """Each visit of a file restores it whole, by the cheapest tier that is quick enough."""
        copies_gb = part.visited_gb * self.assumptions.restored_days / DAYS_PER_MONTH
        tiers = (
            find_restore_tiers(name, self.constraints.restore_hours) or find_restore_tiers(name, None)[:1]
        )  # the quickest
        cheapest = min(
            part.visited * self._usd[f"s3.restore.request.{name}.{tier}"]
            + part.visited_gb * self._usd[f"s3.restore.data.{name}.{tier}"]
            for tier in tiers
        )
        return Cost(cheapest * self.assumptions.months, 0, copies_gb)

    def _watch(self, part: Part, unread_days: float) -> Cost:
        """Intelligent-Tiering: each file sinks when it is not read, and comes back when it is."""
        if part.small:
            return Cost(0, 0, 0, part.size_gb)
        rate = part.visited / part.files / DAYS_PER_MONTH  # a file's visits a day
        frequent, infrequent = _add_up_shares(rate, unread_days, self.assumptions.scales)
        usd, months = self._usd, self.assumptions.months
        own = infrequent * usd["s3.storage.INTELLIGENT_TIERING.INFREQUENT"]
        own += (months - frequent - infrequent) * usd["s3.storage.INTELLIGENT_TIERING.ARCHIVE_INSTANT"]
        watching = part.files * usd["s3.monitoring.INTELLIGENT_TIERING"] * months
        return Cost(own * part.size_gb + watching, 0, 0, part.size_gb * frequent / months)

    def _move(self, part: Part, now: str, to_class: str, age_days: float) -> Cost:
        """The transition of what is there and of what will come, and the fee for leaving too early."""
        moved = part.files * max(self.assumptions.scales) * self._usd[f"s3.transition.{to_class}"]
        fee = self._leave(part, now, age_days)
        return Cost(moved + fee, moved + fee)

    def _leave(self, part: Part, now: str, age_days: float) -> float:
        """USD for leaving a class before its minimum days are over."""
        days = max(0.0, MINIMUM_DAYS.get(now, 0) - age_days)
        kept_gb = part.floor_gb if now in WITH_MINIMUM_SIZE else part.size_gb
        kept_gb += part.files * ARCHIVE_BYTES / GIB if now in ARCHIVES else 0
        return kept_gb * self._usd.get(f"s3.storage.{now}", 0.0) * days / DAYS_PER_MONTH if days else 0.0

    def compact(self, row: Mapping[str, Any], files_after: int) -> float:
        """USD for compacting a row, now and as it grows: a GET for each file, its bytes, new files in STANDARD.

        The fee for removing the originals before their minimum days are over is part of it.
        """
        now, usd = row["storage_class"], self._usd
        base = now.partition(".")[0]
        done = row["files"] * usd.get(f"s3.request.GET.{base}", usd["s3.request.GET.STANDARD"])
        done += row["size_bytes"] / GIB * usd.get(f"s3.retrieval.{base}", 0.0)
        done += files_after * usd["s3.request.PUT.STANDARD"]
        fees = sum(self._leave(part, now, row["age_days"]) for part in split_parts(row, 1.0))
        return done * max(self.assumptions.scales) + fees

    def make_curves(self) -> tuple[Curve, Curve]:
        """USD over the horizon for GB that count as STANDARD, and as FREQUENT."""
        elsewhere = self.assumptions.standard_gb_elsewhere
        return (
            Curve(self.book.price("s3.storage.STANDARD"), self.assumptions.scales, elsewhere),
            Curve(self.book.price("s3.storage.INTELLIGENT_TIERING.FREQUENT"), self.assumptions.scales, 0.0),
        )


def share_of_tiers(visits_per_day: float, unread_days: float) -> tuple[float, float]:
    """The share of files in the FREQUENT and the INFREQUENT tier, so many days after the last certain read.

    Visits come at random. A file is FREQUENT when it was read within 30 days, INFREQUENT within 90.

    Example:
        >>> share_of_tiers(0.0, 10), share_of_tiers(0.0, 45), share_of_tiers(0.0, 100)
        ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
    """
    unread_30 = math.exp(-visits_per_day * FREQUENT_DAYS) if unread_days >= FREQUENT_DAYS else 0.0
    unread_90 = math.exp(-visits_per_day * INFREQUENT_DAYS) if unread_days >= INFREQUENT_DAYS else 0.0
    return 1 - unread_30, unread_30 - unread_90


@lru_cache(10_000)
def _add_up_shares(rate: float, unread_days: float, scales: tuple[float, ...]) -> tuple[float, float]:
    """Months of the size of now that are spent in the FREQUENT and in the INFREQUENT tier."""
    shares = [share_of_tiers(rate, unread_days + month * DAYS_PER_MONTH) for month in range(len(scales))]
    frequent = sum(scale * share for scale, (share, _) in zip(scales, shares, strict=True))
    return frequent, sum(scale * share for scale, (_, share) in zip(scales, shares, strict=True))


class Curve:
    """USD over the horizon for GB under a price with steps: a rising curve that bends down only.

    Args:
        price: USD a GB-month.
        scales: how large everything is in each month.
        elsewhere_gb: what fills the first steps already.
    """

    def __init__(self, price: Price, scales: Sequence[float], elsewhere_gb: float):
        self._price, self._scales, self._elsewhere = price, scales, elsewhere_gb

    def cost_usd(self, size_gb: float) -> float:
        """USD for GB of now."""
        used = self._price.cost_usd(self._elsewhere)
        return sum(self._price.cost_usd(scale * size_gb + self._elsewhere) - used for scale in self._scales)

    def list_lines(self, most_gb: float) -> list[tuple[float, float]]:
        """Straight lines (USD at zero, USD a GB), of which the lowest is the curve, anywhere from zero to most_gb."""
        ends = [tier.up_to for tier in self._price.tiers if tier.up_to is not None]
        bends = {(end - self._elsewhere) / scale for end in ends for scale in self._scales}
        edges = [0.0, *sorted(bend for bend in bends if 0 < bend < most_gb), max(most_gb, 1e-9)]
        lines = []
        for left, right in zip(edges, edges[1:], strict=False):
            slope = (self.cost_usd(right) - self.cost_usd(left)) / (right - left)
            lines.append((self.cost_usd(left) - slope * left, slope))
        return lines
