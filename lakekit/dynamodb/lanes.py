"""One lane of throughput, the reads or the writes of one table or index: what is served, step by step.

It must not know about partitions or other lanes; `throughput` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lakekit.dynamodb import limits


@dataclass(frozen=True, eq=False)
class Lane:
    """What became of the units a second asked for, for each step.

    Attributes:
        demand: asked for.
        capacity: to be had, without what was saved up.
        served: got.
        by_capacity: refused because the table's or index's capacity was used up.
        by_partition: refused by single partitions.
        by_index: writes of a table that were refused because an index could not follow.
        bucket: units saved up at the end of each step; zeros in on-demand mode.
    """

    demand: np.ndarray
    capacity: np.ndarray
    served: np.ndarray
    by_capacity: np.ndarray
    by_partition: np.ndarray
    by_index: np.ndarray
    bucket: np.ndarray

    @property
    def throttled(self) -> np.ndarray:
        """Refused for any reason."""
        return self.by_capacity + self.by_partition + self.by_index


def serve_provisioned(
    demands: tuple[np.ndarray, ...],
    capacities: tuple[float, ...],
    *,
    step_s: float,
    burst: tuple[float, float],
    scalers: tuple[Callable[[int, float, float], float] | None, ...],
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Capacity, served and saved-up units of lanes that scale together, such as the reads and writes of one table.

    Each second adds the capacity to what was saved, up to so many seconds of it; a request takes from both.

    Args:
        demands: units a second, one array for each lane.
        capacities: at the start, for each lane.
        step_s: seconds in a step; divides 60.
        burst: seconds that can be saved up, and the part of them that is there at the start, 0 to 1.
        scalers: for each lane, what answers with the next minute's capacity; None keeps it.

    Example:
        >>> out = serve_provisioned((np.array([5.0, 15.0]),), (10,), step_s=60, burst=(300, 0), scalers=(None,))
        >>> [array.tolist() for array in out[0]]  # 5 saved in each of 60 seconds, and spent in the next minute
        [[10.0, 10.0], [5.0, 15.0], [300.0, 0.0]]
    """
    burst_s, filled = burst
    per_minute = round(60 / step_s)
    steps = len(demands[0])
    asked = [demand.tolist() for demand in demands]
    out = [([0.0] * steps, [0.0] * steps, [0.0] * steps) for _ in demands]
    now = list(capacities)
    saved = [units * burst_s * filled for units in capacities]
    used = [0.0] * len(demands)
    for step in range(steps):
        for lane, demand in enumerate(asked):
            units = now[lane]
            most = units + saved[lane] / step_s
            got = demand[step] if demand[step] < most else most
            left = min(burst_s * units, saved[lane] + (units - got) * step_s)
            saved[lane] = left if left > 0 else 0.0
            capacity, served, bucket = out[lane]
            capacity[step], served[step], bucket[step] = units, got, saved[lane]
            used[lane] += got
        if not (step + 1) % per_minute:
            minute = step // per_minute
            for lane, scaler in enumerate(scalers):
                if scaler is not None:
                    now[lane] = scaler(minute, used[lane] / per_minute, now[lane])
                used[lane] = 0.0
    return [tuple(np.array(values, dtype=float) for values in lane) for lane in out]


def serve_on_demand(
    demand: np.ndarray, floor: float, *, step_s: float, most: float, doubling_minutes: float
) -> tuple[np.ndarray, np.ndarray]:
    """Capacity and served units of an on-demand lane: twice the highest it served until 30 minutes ago.

    Args:
        floor: units a second served at once from the start.
        most: the quota, or the cap that was set.
        doubling_minutes: how old a peak must be before twice of it is served.

    Example:
        >>> capacity, served = serve_on_demand(np.full(90, 100.0), 30, step_s=60, most=40_000, doubling_minutes=30)
        >>> served[[0, 29, 30, 59, 60]].tolist()  # 30, after half an hour 60, then all
        [30.0, 30.0, 60.0, 60.0, 100.0]
    """
    steps = len(demand)
    lag = max(1, round(doubling_minutes * 60 / step_s))
    capacity, served = np.empty(steps), np.empty(steps)
    peak = np.zeros(steps)  # the highest served until then
    for start in range(0, steps, lag):
        end = min(start + lag, steps)
        past = peak[start - lag : end - lag] if start else np.zeros(end - start)
        capacity[start:end] = np.minimum(most, np.maximum(floor, limits.ON_DEMAND_HEADROOM * past))
        served[start:end] = np.minimum(demand[start:end], capacity[start:end])
        peak[start:end] = np.maximum.accumulate(served[start:end])
        if start:
            peak[start:end] = np.maximum(peak[start:end], peak[start - 1])
    return capacity, served
