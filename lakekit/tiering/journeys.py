"""What objects cost on a way through classes: storage, moves, the fee for leaving too early; when a move pays back.

It must not choose a way; the planner weighs single moves, this adds up any row of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.tiering.classes import DAYS_PER_MONTH, check_class, get_billed_size, is_move_allowed, list_stays
from lakekit.tiering.costs import count_objects, early_deletion_fee, files_cost, transition_cost
from lakekit.units import GIB, KIB


@dataclass(frozen=True)
class Journey:
    """USD of objects on their way through classes.

    Attributes:
        storage_usd: for the days in each class, monitoring and overhead included.
        transition_usd: for the moves.
        early_usd: for leaving a class before its minimum, the deletion at the end too.
    """

    storage_usd: float
    transition_usd: float
    early_usd: float

    @property
    def usd(self) -> float:
        return self.storage_usd + self.transition_usd + self.early_usd


@dataclass(frozen=True)
class Payback:
    """Whether a move earns its cost back: once ``transition_usd``, then ``saving_usd_per_month``.

    ``sinking`` is (months, USD saved a month) before that, while Intelligent-Tiering lets unread files sink.
    """

    objects: int
    transition_usd: float
    saving_usd_per_month: float
    sinking: tuple[tuple[float, float], ...] = ()

    @property
    def payback_months(self) -> float | None:
        """Months until the move has paid for itself; None when it never does."""
        passed, owed_usd = 0.0, self.transition_usd
        for months, saving in (*self.sinking, (math.inf, self.saving_usd_per_month)):
            if saving > 0 and owed_usd <= saving * months:
                return passed + owed_usd / saving
            passed, owed_usd = passed + months, owed_usd - saving * months
        return None


def journey_cost(
    size_gb: float,
    file_kib: float,
    *,
    steps: Sequence[tuple[float, str]],
    days: float,
    book: PriceBook | None = None,
) -> Journey:
    """What so many GB in files of a size cost from their creation to their deletion, when nothing reads them.

    In Intelligent-Tiering files of 128 KiB and more sink meanwhile: FREQUENT for 30 days, INFREQUENT for 60, then
    ARCHIVE_INSTANT. A step may name a tier, such as "INTELLIGENT_TIERING.FREQUENT"; they stay in that one.

    Args:
        size_gb, file_kib: how much, in files of which size.
        steps: from which day in which class, such as ``[(0, "STANDARD"), (30, "STANDARD_IA")]``; begins with day 0.
        days: until they are deleted.
        book: prices.

    Raises:
        InvalidArgument: the days do not rise from 0, or a move goes up the waterfall.

    Example:
        >>> way = journey_cost(1024, 256 * 1024, steps=[(0, "STANDARD"), (30, "STANDARD_IA")], days=50)
        >>> round(way.early_usd, 2)  # 10 of 30 days were left: 1,024 GB x 0.0125 x 10 / 30.42
        4.21
    """
    book = book or load_book()
    starts = [day for day, _ in steps]
    if not steps or starts[0] != 0 or any(one >= other for one, other in pairwise([*starts, days])):
        what = f"The days {starts} and the end {days} do not rise from 0."
        raise InvalidArgument(what, hint="steps begin with day 0, and each is later than the one before.")
    for (_, one), (_, other) in pairwise(steps):
        if not is_move_allowed(one, other):
            what = f"Nothing moves from {one} to {other} by lifecycle."
            raise InvalidArgument(what, hint="moves go down the waterfall; see list_moves.")
    objects, storage, moves, early = count_objects(size_gb, file_kib), 0.0, 0.0, 0.0
    for (start, name), end in zip(steps, [*starts[1:], days], strict=True):
        billed_gb = objects * (get_billed_size(check_class(name), file_kib * KIB).billed_bytes - file_kib * KIB) / GIB
        for tier, stay in list_stays(name, end - start):
            storage += files_cost(tier, size_gb, file_kib, book=book) * stay / DAYS_PER_MONTH
        early += early_deletion_fee(name, size_gb + billed_gb, end - start, book=book).usd
        moves += transition_cost(name, objects, book=book) if start else 0.0
    return Journey(storage, moves, early)


def transition_payback(
    from_class: str, to_class: str, size_gb: float, file_kib: float, *, book: PriceBook | None = None
) -> Payback:
    """What moving so many GB in files of a size costs once, and saves a month in storage, when nothing reads them.

    Raises:
        InvalidArgument: a lifecycle may not make that move.

    Example:
        >>> small = transition_payback("STANDARD", "DEEP_ARCHIVE", 1024, 256)
        >>> small.objects, round(small.transition_usd, 2), round(small.payback_months, 2)
        (4194304, 209.72, 9.68)
        >>> round(transition_payback("STANDARD", "DEEP_ARCHIVE", 1024, 128 * 1024).transition_usd, 2)
        0.41
    """
    if not is_move_allowed(from_class, to_class):
        what = f"A lifecycle may not move from {from_class} to {to_class}."
        raise InvalidArgument(what, hint="moves go down the waterfall; see list_moves.")
    objects = count_objects(size_gb, file_kib)
    savings = []
    for one, days in list_stays(from_class, math.inf):
        for other, other_days in list_stays(to_class, math.inf):  # no move has Intelligent-Tiering on both sides
            costs = [files_cost(name, size_gb, file_kib, book=book) for name in (one, other)]
            savings.append((min(days, other_days) / DAYS_PER_MONTH, costs[0] - costs[1]))
    return Payback(objects, transition_cost(to_class, objects, book=book), savings[-1][1], tuple(savings[:-1]))
