"""What a simulation found: served and throttled units by table, index, partition and key, as numbers and in words.

It must not simulate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb.demand import Demand
from lakekit.dynamodb.heat import Heat
from lakekit.dynamodb.lanes import Lane
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

REASONS = {
    "by_capacity": "capacity used up",
    "by_partition": "a partition at its limit",
    "by_index": "an index could not follow",
    "by_table": "the table refused the write",
}
CAUSES = ("by_capacity", "by_partition")  # the other reasons follow from these
_COLUMNS = ["table or index", "units", "asked", "capacity", "throttled", "of all", "worst"]


@dataclass(frozen=True, eq=False, repr=False)
class Simulation:
    """The course of a workload in one mode. Of `simulate_throughput`.

    Attributes:
        demand: what was asked for.
        mode: of capacity.
        lanes: by (table or index, "read" or "write").
        heats: what single partitions did, by the same.
    """

    demand: Demand
    mode: Any
    lanes: Mapping[tuple[str, str], Lane]
    heats: Mapping[tuple[str, str], Heat]

    def lane(self, resource: str, kind: str) -> Lane:
        """The reads or writes of a table or index.

        Raises:
            InvalidArgument: there is none of that name.
        """
        if (resource, kind) not in self.lanes:
            known = ", ".join(self.demand.resources)
            raise InvalidArgument(f"There is no {kind} of {resource!r}.", hint=f'"read" or "write" of {known}.')
        return self.lanes[resource, kind]

    @property
    def throttled_units(self) -> float:
        """All units that were refused, over the whole time."""
        return float(sum(lane.throttled.sum() for lane in self.lanes.values()) * self.demand.step_s)

    @property
    def throttled_share(self) -> float:
        """The part of all units that was refused, 0 to 1."""
        asked = sum(lane.demand.sum() for lane in self.lanes.values()) * self.demand.step_s
        return self.throttled_units / asked if asked else 0.0

    @property
    def throttled_minutes(self) -> float:
        """Minutes in which anything was refused."""
        any_lane = np.any([lane.throttled > 0 for lane in self.lanes.values()], axis=0)
        return float(any_lane.sum() * self.demand.step_s / 60)

    @property
    def throttles(self) -> pl.DataFrame:
        """Every refusal: one row for each step, lane and reason.

        Columns: seconds since the start (f64), resource, kind, reason (str), units_per_s (f64), partition (its number,
        i64) and key (str), which are null unless a single partition refused; key also where many are alike.
        """
        import polars as pl

        schema = {"seconds": pl.Float64, "resource": pl.String, "kind": pl.String, "reason": pl.String}
        schema |= {"units_per_s": pl.Float64, "partition": pl.Int64, "key": pl.String}
        frames = [pl.DataFrame(schema=schema)]
        for (resource, kind), lane in self.lanes.items():
            for field, reason in REASONS.items():
                steps = np.flatnonzero(getattr(lane, field) > 0)
                frame = pl.DataFrame({"seconds": steps * float(self.demand.step_s)})
                frame = frame.with_columns(resource=pl.lit(resource), kind=pl.lit(kind), reason=pl.lit(reason))
                frame = frame.with_columns(units_per_s=pl.Series(getattr(lane, field)[steps], dtype=pl.Float64))
                heat = self.heats[resource, kind] if field == "by_partition" else None
                where = heat.hottest[steps].tolist() if heat else [None] * len(steps)
                keys = [heat.keys[step] or None for step in steps] if heat else [None] * len(steps)
                where, keys = pl.Series(where, dtype=pl.Int64), pl.Series(keys, dtype=pl.String)
                frames.append(frame.with_columns(partition=where, key=keys))
        return pl.concat(frames).sort("seconds", "resource", "kind", "reason")

    def to_frame(self) -> pl.DataFrame:
        """One row for each step and lane: seconds, resource, kind, demand, capacity, served, throttled, saved_units."""
        import polars as pl

        seconds = np.arange(self.demand.steps) * float(self.demand.step_s)
        return pl.concat(
            pl.DataFrame(
                {
                    "seconds": seconds,
                    "demand": lane.demand,
                    "capacity": lane.capacity,
                    "served": lane.served,
                    "throttled": lane.throttled,
                    "saved_units": lane.bucket,
                }
            )
            .with_columns(resource=pl.lit(resource), kind=pl.lit(kind))
            .select("seconds", "resource", "kind", "demand", "capacity", "served", "throttled", "saved_units")
            for (resource, kind), lane in self.lanes.items()
        )

    @property
    def text(self) -> str:
        """What happened, in a sentence: how much was throttled, and where and why most of it."""
        if self.throttled_units < 1e-6:
            return "Nothing is throttled."
        share, minutes = self.throttled_share, self.throttled_minutes
        resource, kind, field = self._find_worst()
        where = f"most of it {kind}s of {resource}: {REASONS[field]}"
        if field == "by_partition":
            heat = self.heats[resource, kind]
            step = int(self.lanes[resource, kind].by_partition.argmax())
            hot = f" (key {heat.keys[step]!r})" if heat.keys[step] else ""
            where += f", partition {heat.hottest[step]} of {heat.partitions[step]}{hot}"
        return f"{format_share(share)} of all units is throttled, within {minutes:,.0f} minutes; {where}."

    def _find_worst(self) -> tuple[str, str, str]:
        sums = {
            (resource, kind, field): getattr(lane, field).sum()
            for (resource, kind), lane in self.lanes.items()
            for field in CAUSES
        }
        return max(sums, key=sums.get)

    def _rows(self) -> list[tuple]:
        rows = []
        for (resource, kind), lane in sorted(self.lanes.items(), key=lambda pair: self._order(pair[0])):
            asked = lane.demand.sum()
            share = lane.throttled.sum() / asked if asked else 0.0
            units = lane.throttled.sum() * self.demand.step_s
            mean, capacity = f"{lane.demand.mean():,.1f}/s", f"{lane.capacity.mean():,.1f}/s"
            worst = f"{lane.throttled.max():,.1f}/s"
            rows.append((resource, kind, mean, capacity, f"{units:,.0f}", format_share(share), worst))
        return rows

    def _order(self, lane: tuple[str, str]) -> tuple[int, str]:
        return self.demand.resources.index(lane[0]), lane[1]

    def __repr__(self) -> str:
        return f"Simulation of {self.demand.days:g} days, {type(self.mode).__name__}: {self.text}"

    def __str__(self) -> str:
        return f"{self!r}\n{format_text_table(_COLUMNS, self._rows())}"

    def _repr_html_(self) -> str:
        return format_html_table(repr(self), _COLUMNS, self._rows(), note="Asked and capacity are means over the time.")


def format_share(share: float) -> str:
    """A share in percent, with as many digits as show it."""
    return f"{share:.1%}" if share >= 0.001 or share == 0 else f"{share * 100:.1g}%"
