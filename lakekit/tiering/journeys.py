"""What objects cost on a way through classes, day by day: storage, moves, and the fee for leaving a class too early.

It must not choose a way; the planner weighs single moves, this adds up any row of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.tiering.classes import DAYS_PER_MONTH, check_class, get_billed_size, is_move_allowed
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


def journey_cost(
    size_gb: float,
    file_kib: float,
    *,
    steps: Sequence[tuple[float, str]],
    days: float,
    book: PriceBook | None = None,
) -> Journey:
    """What so many GB in files of a size cost from their creation to their deletion, when nothing reads them.

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
        storage += files_cost(name, size_gb, file_kib, book=book) * (end - start) / DAYS_PER_MONTH
        early += early_deletion_fee(name, size_gb + billed_gb, end - start, book=book).usd
        moves += transition_cost(name, objects, book=book) if start else 0.0
    return Journey(storage, moves, early)
