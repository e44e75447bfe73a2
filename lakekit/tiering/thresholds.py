"""Where hot ends and warm begins, and what is assumed where there are no logs.

It must not look at a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakekit.errors import InvalidArgument

TEMPERATURES = ("hot", "warm", "cold", "archive")


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Where hot ends and warm begins, and so on; the defaults are those of AWS's class table, read 2026-04-13.

    Attributes:
        hot_days: younger is hot, whoever reads it; how often an older one is read is counted from that age on.
        hot_reads_per_month: read more often is hot.
        warm_days: read, or written, within so many days is warm at least.
        warm_reads_per_month: read more often is warm at least; a third is once a quarter.
        cold_reads_per_month: read more often is cold at least; a sixth is twice a year.
        cold_days: with ages alone, younger is cold and older is archive.
        visit_minutes: requests less than so many minutes apart are one read: a query asks for a file several times.
    """

    hot_days: float = 30
    hot_reads_per_month: float = 1
    warm_days: float = 90
    warm_reads_per_month: float = 1 / 3
    cold_reads_per_month: float = 1 / 6
    cold_days: float = 365
    visit_minutes: float = 30

    def __post_init__(self) -> None:
        rates = (self.hot_reads_per_month, self.warm_reads_per_month, self.cold_reads_per_month)
        days = (self.hot_days, self.warm_days, self.cold_days)
        if not (rates[0] >= rates[1] >= rates[2] >= 0 and 0 <= days[0] <= days[1] <= days[2]):
            what = f"From hot to cold, reads a month must fall and days rise; they are {rates} and {days}."
            raise InvalidArgument(what, hint="change the others with them.")
        if not self.visit_minutes > 0:
            raise InvalidArgument(f"visit_minutes is {self.visit_minutes!r}.", hint="it is more than zero.")


@dataclass(frozen=True, kw_only=True)
class AgeOnly:
    """No logs: what is old is taken to be cold. Reads a month of all of a partition, by temperature, are assumed.

    Attributes:
        reads_per_month: by temperature.
    """

    reads_per_month: Mapping[str, float] = field(
        default_factory=lambda: {"hot": 4.0, "warm": 1.0, "cold": 0.25, "archive": 1 / 12}
    )

    def __post_init__(self) -> None:
        missing = [name for name in TEMPERATURES if not self.reads_per_month.get(name, -1) >= 0]
        if missing:
            what = f"Reads a month are missing, or negative, for {', '.join(missing)}."
            raise InvalidArgument(what, hint=f"give a number for each of {', '.join(TEMPERATURES)}.")
