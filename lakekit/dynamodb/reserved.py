"""Reserved capacity: blocks of 100 units paid for a year or three, used or not, and how many of them pay off.

It must not know where a series of capacity comes from. Only provisioned capacity of Standard tables of one region is
eligible: no on-demand, no Standard-IA, no replicated writes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lakekit.dynamodb import limits
from lakekit.dynamodb.rates import DEFAULT_REGION, HOURS_PER_MONTH, Rates, get_rates
from lakekit.dynamodb.units import check_number, check_whole
from lakekit.errors import InvalidArgument

HOURS_PER_YEAR = 8760
MONTHS_PER_YEAR = 12
TERMS_YEARS = (1, 3)


@dataclass(frozen=True)
class ReservedBlock:
    """The price of a block of 100 units for a term.

    Attributes:
        kind: "read" or "write".
        years: of the term.
        upfront_usd: once.
        usd_per_hour: for every hour of the term.
        plain_usd_per_hour: what 100 units cost an hour without a reservation.
    """

    kind: str
    years: int
    upfront_usd: float
    usd_per_hour: float
    plain_usd_per_hour: float

    @property
    def effective_usd_per_hour(self) -> float:
        """With the upfront fee spread over the term."""
        return self.upfront_usd / (self.years * HOURS_PER_YEAR) + self.usd_per_hour

    @property
    def saving(self) -> float:
        """The part saved if all 100 units are needed at every hour, 0 to 1."""
        return 1 - self.effective_usd_per_hour / self.plain_usd_per_hour

    @property
    def break_even_share(self) -> float:
        """The part of all hours in which the block must be needed to pay off."""
        return self.effective_usd_per_hour / self.plain_usd_per_hour


def get_reserved_block(kind: str = "write", *, years: int = 1, rates: str | Rates = DEFAULT_REGION) -> ReservedBlock:
    """What a block of 100 reads or writes costs in a region.

    Raises:
        InvalidArgument: no such term, Standard-IA, or no price known for the region.

    Example:
        >>> block = get_reserved_block("write", years=1)
        >>> round(block.saving * 100, 2)  # 1 - (150 / 8,760 + 0.0128) / 0.065
        53.96
    """
    rates = get_rates(rates)
    if kind not in ("read", "write") or years not in TERMS_YEARS:
        raise InvalidArgument(f"kind={kind!r} and years={years!r} were given.", hint='"read" or "write", 1 or 3 years.')
    if rates.table_class != "STANDARD":
        raise InvalidArgument("Reserved capacity was asked for STANDARD_IA.", hint="it is for STANDARD tables only.")
    first = f"dynamodb.reserved.{years}y.{kind}"
    plain = rates.usd(rates.id("provisioned", kind)) * limits.RESERVED_BLOCK_UNITS
    return ReservedBlock(kind, years, rates.usd(f"{first}.upfront"), rates.usd(f"{first}.hour"), plain)


def get_reserved_saving(*, upfront_usd: float, usd_per_hour: float, plain_usd_per_hour: float, years: int = 1) -> float:
    """The part that a reservation saves when it is used at every hour, 0 to 1, from prices of one unit or of a block.

    Example:
        >>> round(get_reserved_saving(upfront_usd=0.339, usd_per_hour=0.000029, plain_usd_per_hour=0.000147), 4)
        0.5395
    """
    block = ReservedBlock(
        "write",
        check_whole("years", years, least=1),
        check_number("upfront_usd", upfront_usd),
        check_number("usd_per_hour", usd_per_hour),
        check_number("plain_usd_per_hour", plain_usd_per_hour, least=1e-12),
    )
    return block.saving


def count_blocks(units: float) -> int:
    """Blocks of 100 that cover a capacity.

    Example:
        >>> count_blocks(49_800), count_blocks(150)
        (498, 2)
    """
    return math.ceil(check_number("units", units) / limits.RESERVED_BLOCK_UNITS)


def get_reserved_upfront(units: float, *, kind: str, years: int = 1, rates: str | Rates = DEFAULT_REGION) -> float:
    """USD to pay at once for a reserved capacity, in blocks of 100.

    Example:
        >>> round(get_reserved_upfront(49_800, kind="read", rates="ap-northeast-1"), 2)  # 498 x 34.20
        17031.6
    """
    return count_blocks(units) * get_reserved_block(kind, years=years, rates=rates).upfront_usd


def get_reserved_month(
    units: float,
    *,
    kind: str,
    years: int = 1,
    hours: float = HOURS_PER_MONTH,
    rates: str | Rates = DEFAULT_REGION,
) -> dict[str, float]:
    """A month of a reserved capacity in USD: the hourly fees, the upfront fee spread over the term, and both.

    Args:
        hours: in the month.

    Example:
        >>> month = get_reserved_month(100, kind="write")  # 730 x 0.0128, and 150 / 12
        >>> {name: round(usd, 2) for name, usd in month.items()}
        {'hourly': 9.34, 'upfront_share': 12.5, 'effective': 21.84}
    """
    block, blocks = get_reserved_block(kind, years=years, rates=rates), count_blocks(units)
    hourly = blocks * block.usd_per_hour * check_number("hours", hours)
    share = blocks * block.upfront_usd / (MONTHS_PER_YEAR * years)
    return {"hourly": hourly, "upfront_share": share, "effective": hourly + share}


@dataclass(frozen=True)
class ReservedChoice:
    """How many blocks are cheapest for a series of capacity.

    Attributes:
        kind, years: of the blocks.
        blocks: how many; 0 when none pays off.
        upfront_usd: to pay at once.
        usd_per_hour: on average with them, the upfront fee spread over the term.
        plain_usd_per_hour: on average without.
    """

    kind: str
    years: int
    blocks: int
    upfront_usd: float
    usd_per_hour: float
    plain_usd_per_hour: float

    @property
    def saving(self) -> float:
        """The part saved of what it costs without, 0 to 1."""
        return 1 - self.usd_per_hour / self.plain_usd_per_hour if self.plain_usd_per_hour else 0.0


def choose_reserved_blocks(
    hourly_units: Sequence[float] | np.ndarray,
    *,
    kind: str,
    years: int = 1,
    rates: str | Rates = DEFAULT_REGION,
) -> ReservedChoice:
    """The number of blocks that makes a series of provisioned capacity cheapest: every hour is billed for each number.

    The series is taken to repeat over the whole term.

    Args:
        hourly_units: capacity of table and indexes together in each hour.

    Example:
        >>> choose_reserved_blocks([100] * 12 + [300] * 12, kind="write").blocks  # half of the time is more than 46 %
        3
        >>> choose_reserved_blocks([100] * 16 + [300] * 8, kind="write").blocks
        1
    """
    block = get_reserved_block(kind, years=years, rates=rates)
    try:
        series = np.asarray(hourly_units, dtype=float)
    except (TypeError, ValueError) as exc:
        what = f"hourly_units={hourly_units!r:.60} is no series."
        raise InvalidArgument(what, hint="one capacity for each hour.") from exc
    if series.ndim != 1 or not len(series) or not (np.isfinite(series).all() and (series >= 0).all()):
        raise InvalidArgument(f"hourly_units={series!r:.60} is no series.", hint="one capacity for each hour.")
    size = limits.RESERVED_BLOCK_UNITS
    unit_usd = block.plain_usd_per_hour / size
    counts = np.arange(math.ceil(series.max() / size) + 1)
    # what is above so many blocks, on average: from the sorted series and its sums
    ordered = np.sort(series)
    above = np.concatenate([np.cumsum(ordered[::-1])[::-1], [0.0]])
    place = np.searchsorted(ordered, counts * size, side="right")
    over = (above[place] - (len(series) - place) * counts * size) / len(series)
    costs = counts * block.effective_usd_per_hour + over * unit_usd
    best = int(costs.argmin())
    return ReservedChoice(
        kind, years, best, best * block.upfront_usd, float(costs[best]), float(series.mean() * unit_usd)
    )
