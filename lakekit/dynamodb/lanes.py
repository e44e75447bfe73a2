"""Lanes of throughput, the reads or the writes of one table or index: what is served of each, step by step.

It must not know about partitions; `throughput` tells what they let through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
        by_table: writes that never reached an index, because the table refused them for another reason.
        bucket: units saved up at the end of each step; zeros in on-demand mode.
    """

    demand: np.ndarray
    capacity: np.ndarray
    served: np.ndarray
    by_capacity: np.ndarray
    by_partition: np.ndarray
    by_index: np.ndarray
    by_table: np.ndarray
    bucket: np.ndarray

    @property
    def throttled(self) -> np.ndarray:
        """Refused for any reason."""
        return self.by_capacity + self.by_partition + self.by_index + self.by_table


@dataclass(frozen=True, eq=False)
class Served:
    """What a capacity made of several lanes: one row for each, one column for each step.

    Attributes:
        capacity: units a second.
        able: what a lane itself would serve of what reaches it.
        served: what it served, without the writes that others refused.
        bucket: units saved up at the end of each step.
    """

    capacity: np.ndarray
    able: np.ndarray
    served: np.ndarray
    bucket: np.ndarray


class Requests:
    """Units a second asked of a table and its global indexes: reads each by itself, a write by all of them or by none.

    Lanes are the reads of the table and of each index, then the writes of the same.

    Args:
        reads, writes: that partitions let through; one row for the table and each index, one column for each step.
        asked: write units that are asked for, before partitions.
        touching: the part of `asked` of the table that comes with a write of the index, by row; zeros where an index
            does not hold its table back.
    """

    def __init__(self, reads: np.ndarray, writes: np.ndarray, asked: np.ndarray, touching: np.ndarray):
        self.reads, self.writes = reads, writes
        table = np.where(asked[0] > 0, asked[0], 1)
        self.per_write = np.where(asked[0] > 0, asked / table, 0)  # units of an index for each one of the table
        self.alone = np.where(asked[0] > 0, 0, asked)  # writes of an index in which the table had none
        self.per_entry = np.where(asked > 0, touching / np.where(asked > 0, asked, 1), 0)  # the other way round

    @property
    def lanes(self) -> int:
        """How many there are."""
        return 2 * len(self.reads)

    def reach(self, passed: np.ndarray) -> np.ndarray:
        """Write units that come to the table and each index, when the table lets so many of its own through."""
        return self.per_write * passed + self.alone

    def serve(self, step: Any, most: Any, least_of: Callable = min, most_of: Callable = max) -> tuple[list, list]:
        """What each lane is able to serve, and serves, with the units a second that it has at most in a step.

        The table takes or refuses a write first. What an index refuses of the rest, table and other indexes lose, too.
        """
        indexes, reads = range(1, len(self.reads)), range(len(self.reads))
        free = [least_of(self.reads[row][step], most[row]) for row in reads]
        passed = least_of(self.writes[0][step], most[len(self.reads)])
        able, reached, refused = [passed], [passed], 0.0
        for row in indexes:
            reached.append(self.per_write[row][step] * passed + self.alone[row][step])
            limit = least_of(self.writes[row][step], most[len(self.reads) + row])
            able.append(least_of(reached[row], limit))
            refused = most_of(refused, (reached[row] - able[row]) * self.per_entry[row][step])
        served = [most_of(0.0, passed - refused)]
        for row in indexes:
            rest = most_of(0.0, reached[row] - self.per_write[row][step] * refused)
            served.append(least_of(able[row], rest))
        return free + able, free + served

    def to_lists(self) -> Requests:
        """The same with lists of numbers, which are quicker to read one by one."""
        copy = object.__new__(Requests)
        copy.__dict__ = {name: array.tolist() for name, array in self.__dict__.items()}
        return copy


def serve_provisioned(
    requests: Requests,
    capacities: tuple[float, ...],
    *,
    step_s: float,
    burst: tuple[float, float],
    scalers: tuple[Callable[[int, float, float], float] | None, ...],
) -> Served:
    """What is served of requests by a capacity that is rented.

    Each second adds the capacity to what was saved, up to so many seconds of it; a request takes from both.

    Args:
        capacities: at the start, for each lane.
        step_s: seconds in a step; divides 60.
        burst: seconds that can be saved up, and the part of them that is there at the start, 0 to 1.
        scalers: for each lane, what answers with the next minute's capacity; None keeps it.

    Example:
        >>> reads, none = np.array([[5.0, 15.0]]), np.zeros((1, 2))
        >>> requests = Requests(reads, none, none, none)
        >>> out = serve_provisioned(requests, (10, 1), step_s=60, burst=(300, 0), scalers=(None, None))
        >>> out.served[0].tolist(), out.bucket[0].tolist()  # 5 saved in each of 60 seconds, spent in the next minute
        ([5.0, 15.0], [300.0, 0.0])
    """
    burst_s, filled = burst
    per_minute, lanes, quick = round(60 / step_s), range(requests.lanes), requests.to_lists()
    now, used = list(capacities), [0.0] * requests.lanes
    saved = [units * burst_s * filled for units in capacities]
    rows: list[tuple[list[float], ...]] = []
    for step in range(requests.reads.shape[1]):
        able, served = quick.serve(step, [now[lane] + saved[lane] / step_s for lane in lanes])
        for lane in lanes:
            left = saved[lane] + (now[lane] - served[lane]) * step_s
            saved[lane] = min(burst_s * now[lane], left if left > 0 else 0.0)
            used[lane] += served[lane]
        rows.append((now[:], able, served, saved[:]))
        if not (step + 1) % per_minute:
            minute = step // per_minute
            for lane, scaler in enumerate(scalers):
                if scaler is not None:
                    now[lane] = scaler(minute, used[lane] / per_minute, now[lane])
                used[lane] = 0.0
    return Served(*np.array(rows, dtype=float).transpose(1, 2, 0))


def serve_on_demand(
    requests: Requests, floors: np.ndarray, *, step_s: float, most: np.ndarray, doubling_minutes: float
) -> Served:
    """What on-demand serves of requests: of each lane twice the highest it served until 30 minutes ago.

    Args:
        floors: units a second served at once from the start, for each lane.
        most: the quota, or the cap that was set, for each lane.
        doubling_minutes: how old a peak must be before twice of it is served.

    Example:
        >>> reads, none = np.full((1, 90), 100.0), np.zeros((1, 90))
        >>> requests, floors, most = Requests(reads, none, none, none), np.array([30, 30]), np.array([40_000, 40_000])
        >>> served = serve_on_demand(requests, floors, step_s=60, most=most, doubling_minutes=30).served[0]
        >>> served[[0, 29, 30, 59, 60]].tolist()  # 30, after half an hour 60, then all
        [30.0, 30.0, 60.0, 60.0, 100.0]
    """
    steps = requests.reads.shape[1]
    lag = max(1, round(doubling_minutes * 60 / step_s))
    capacity, able, served = (np.empty((requests.lanes, steps)) for _ in range(3))
    peak = np.zeros((requests.lanes, steps))  # the highest served until then
    for start in range(0, steps, lag):
        part = slice(start, min(start + lag, steps))
        past = peak[:, start - lag : part.stop - lag] if start else np.zeros((requests.lanes, 1))
        doubled = np.maximum(floors[:, None], limits.ON_DEMAND_HEADROOM * past)
        capacity[:, part] = np.minimum(most[:, None], doubled)
        able[:, part], served[:, part] = requests.serve(part, capacity[:, part], np.minimum, np.maximum)
        peak[:, part] = np.maximum.accumulate(served[:, part], axis=1)
        if start:
            peak[:, part] = np.maximum(peak[:, part], peak[:, start - 1 : start])
    return Served(capacity, able, served, np.zeros_like(capacity))
