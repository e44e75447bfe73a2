"""Units a second that are asked of a table and its global indexes, step by step.

It must not know what asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lakekit.dynamodb.skew import Keys
from lakekit.dynamodb.traffic import DAY_S, Curve, make_curve
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

KINDS = ("read", "write")


@dataclass(frozen=True, eq=False, repr=False)
class Demand:
    """Read and write units a second for each resource (the table first, then global indexes) and step.

    Attributes:
        resources: names.
        read, write: units a second, one row for each resource, one column for each step.
        touching: write units a second of the table that come with a write to the index, for each resource.
        step_s: seconds in a step.
        stored_bytes: that storage bills, by resource.
        keys: how requests fall on partition keys, by resource.
        regions: that hold a replica; all numbers are those of one region.
        can_split_key: whether DynamoDB can split the items of one key of the table over partitions.
    """

    resources: tuple[str, ...]
    read: np.ndarray
    write: np.ndarray
    touching: np.ndarray
    step_s: float = 60
    stored_bytes: Mapping[str, float] = field(default_factory=dict)
    keys: Mapping[str, Keys] = field(default_factory=dict)
    regions: int = 1
    can_split_key: bool = False

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.read.shape[1]

    @property
    def days(self) -> float:
        """How long it is."""
        return self.steps * self.step_s / DAY_S

    def get(self, resource: str, kind: str) -> np.ndarray:
        """Units a second of one resource, "read" or "write", for each step.

        Raises:
            InvalidArgument: no such resource or kind.
        """
        if resource not in self.resources or kind not in KINDS:
            raise InvalidArgument(f"There is no {kind} of {resource!r}.", hint=f"of {', '.join(self.resources)}.")
        return getattr(self, kind)[self.resources.index(resource)]

    def sum_units(self, kind: str) -> float:
        """All units of the whole time, of table and indexes."""
        return float(getattr(self, kind).sum() * self.step_s)

    def scale(self, factor: float) -> Demand:
        """The same with every rate times a factor.

        Example:
            >>> make_demand("games", write=10, days=1).scale(2).get("games", "write")[0].item()
            20.0
        """
        check_number("factor", factor)
        return _replace(self, read=self.read * factor, write=self.write * factor, touching=self.touching * factor)

    def resample(self, step_s: float) -> Demand:
        """The same in shorter steps, each as high as the one it was part of.

        Raises:
            InvalidArgument: the step does not divide the one there is.
        """
        times = self.step_s / step_s
        if times != round(times):
            raise InvalidArgument(f"step_s={step_s:g} does not divide {self.step_s:g}.", hint="60 seconds, or less.")
        arrays = {name: np.repeat(getattr(self, name), round(times), axis=1) for name in ("read", "write", "touching")}
        return _replace(self, step_s=step_s, **arrays)

    def to_frame(self) -> pl.DataFrame:
        """One row for each step and resource: seconds (f64), resource, read_units, write_units (a second)."""
        import polars as pl

        seconds = np.arange(self.steps) * float(self.step_s)
        return pl.concat(
            pl.DataFrame({"seconds": seconds, "read_units": self.read[row], "write_units": self.write[row]})
            .with_columns(resource=pl.lit(name))
            .select("seconds", "resource", "read_units", "write_units")
            for row, name in enumerate(self.resources)
        )

    def __repr__(self) -> str:
        parts = [
            f"{name} {self.read[row].mean():,.1f} read and {self.write[row].mean():,.1f} write units a second"
            for row, name in enumerate(self.resources)
        ]
        return f"Demand of {self.days:g} days in steps of {self.step_s:g} s: {'; '.join(parts)} on average"


def _replace(demand: Demand, **changes: object) -> Demand:
    fields = {name: getattr(demand, name) for name in Demand.__dataclass_fields__}
    return Demand(**(fields | changes))


def make_demand(
    table: str, *, read: Curve | float = 0, write: Curve | float = 0, days: float = 7, step_s: float = 60
) -> Demand:
    """The demand of a table without indexes, whose read and write units a second are known.

    Args:
        read, write: units a second: numbers, or curves, such as a recording by CloudWatch.

    Example:
        >>> make_demand("games", read=30, write=10, days=1)
        Demand of 1 days in steps of 60 s: games 30.0 read and 10.0 write units a second on average
    """
    count = round(check_number("days", days) * DAY_S / check_number("step_s", step_s, least=1))
    if count < 1:
        raise InvalidArgument(f"days={days} holds no step of {step_s} s.", hint="a longer time, or a shorter step.")
    rates = [make_curve(curve).sample(count=count, step_s=step_s)[None, :] for curve in (read, write)]
    return Demand((table,), *rates, np.zeros((1, count)), step_s)
