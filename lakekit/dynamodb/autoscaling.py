"""How target tracking moves a provisioned capacity: up after two minutes, down after fifteen, and not too often.

It must not serve requests; `lanes` does, and asks this after each minute.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from lakekit.dynamodb import limits
from lakekit.dynamodb.units import check_number, check_whole
from lakekit.errors import InvalidArgument

MINUTES_PER_DAY = 1440
ROUNDING = 1e-9  # 70 / 0.7 is 100, and not 101, whatever floating point makes of it


@dataclass(frozen=True)
class ScalingPolicy:
    """One policy: of the reads or the writes of a table or index.

    Attributes:
        target_percent: of the capacity that should be used, 20 to 90; the console proposes 70.
        least, most: units a second between which it stays.

    Raises:
        InvalidArgument: a target or bounds that Application Auto Scaling refuses.

    Example:
        >>> ScalingPolicy(target_percent=95)
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: target_percent=95 was given.
        Hint: 20 to 90.
    """

    target_percent: float = 70
    least: float = 5
    most: float = 40_000

    def __post_init__(self):
        low, high = limits.TARGET_PERCENT
        if not low <= check_number("target_percent", self.target_percent) <= high:
            raise InvalidArgument(f"target_percent={self.target_percent} was given.", hint=f"{low} to {high}.")
        check_number("least", self.least, least=1)
        check_number("most", self.most, least=self.least)


@dataclass(frozen=True)
class ScalingSettings:
    """How autoscaling behaves in time. AWS documents the first two; the others are assumptions to play with.

    Attributes:
        out_minutes: consecutive minutes above the target before it scales out (AWS).
        in_points: consecutive one-minute points below it before it scales in (AWS).
        out_delay_minutes: from the alarm until more capacity is there: AWS says a few minutes for the alarm, and
            several for the update. 0 is instant, as AWS's own simulators have it.
        in_delay_minutes: the same for less capacity.
        in_factor: scale in only when the capacity is this many times what is needed. AWS says "lower than the target",
            which is 1; its simulators use 1.2; https://repost.aws/knowledge-center/dynamodb-auto-scaling tells of 20
            points below the target: at a target of 70 %, when 50 of 100 units are consumed, which is 1.4.
        out_cooldown_minutes, in_cooldown_minutes: after a change, none of the same kind for so long. 0 for DynamoDB.
        shares_decreases: a decrease of reads and one of writes come from one budget.
    """

    out_minutes: int = limits.SCALE_OUT_MINUTES
    in_points: int = limits.SCALE_IN_POINTS
    out_delay_minutes: int = 3
    in_delay_minutes: int = 3
    in_factor: float = 1.2
    out_cooldown_minutes: int = 0
    in_cooldown_minutes: int = 0
    shares_decreases: bool = True

    def __post_init__(self):
        for name in ("out_minutes", "in_points"):
            check_whole(name, getattr(self, name), least=1)
        for name in ("out_delay_minutes", "in_delay_minutes", "out_cooldown_minutes", "in_cooldown_minutes"):
            check_number(name, getattr(self, name))
        check_number("in_factor", self.in_factor, least=1)


def get_target_capacity(consumed_units: float, *, target_percent: float = 70) -> int:
    """The capacity of which a consumption is the target share, rounded up.

    Example:
        >>> get_target_capacity(100, target_percent=70)
        143
    """
    check_number("consumed_units", consumed_units)
    ScalingPolicy(target_percent)
    return math.ceil(consumed_units * 100 / target_percent - ROUNDING)


def clamp_capacity(units: float, *, least: float = 1, most: float = math.inf) -> float:
    """A capacity within the bounds of a policy.

    Example:
        >>> clamp_capacity(143, least=5, most=100), clamp_capacity(2, least=5)
        (100, 5)
    """
    return max(least, min(most, units))


class DecreaseBudget:
    """How often capacity may go down: four at once, one more each hour, 27 in a UTC day; going up is never counted.

    Example:
        >>> budget = DecreaseBudget()
        >>> [budget.take(minute) for minute in (0, 1, 2, 3, 4, 59, 60)]
        [True, True, True, True, False, False, True]
    """

    def __init__(self):
        self._tokens = float(limits.DECREASES_AT_ONCE)
        self._at = 0
        self._day = 0
        self._taken_today = 0

    def take(self, minute: int) -> bool:
        """Whether a decrease is allowed in this minute; if it is, it is counted."""
        earned = (minute - self._at) * limits.DECREASES_PER_HOUR / 60
        self._tokens = min(float(limits.DECREASES_AT_ONCE), self._tokens + earned)
        self._at = minute
        if minute // MINUTES_PER_DAY != self._day:
            self._day, self._taken_today = minute // MINUTES_PER_DAY, 0
        if self._tokens < 1 - ROUNDING or self._taken_today >= limits.DECREASES_PER_DAY:
            return False
        self._tokens -= 1
        self._taken_today += 1
        return True


def count_decreases(hours: float = 24) -> int:
    """How many decreases fit into so many hours of one UTC day: 4, and one for each hour.

    Example:
        >>> count_decreases(24), count_decreases(1)
        (27, 5)
    """
    earned = limits.DECREASES_AT_ONCE + math.floor(check_number("hours", hours) * limits.DECREASES_PER_HOUR)
    return min(limits.DECREASES_PER_DAY, earned) if hours <= 24 else earned


class Scaler:
    """One policy at work: told each minute's consumption, it answers when the capacity should change, and to what."""

    def __init__(self, policy: ScalingPolicy, settings: ScalingSettings, budget: DecreaseBudget):
        self._policy, self._settings, self._budget = policy, settings, budget
        self._recent: deque[float] = deque(maxlen=settings.in_points)
        self._latest: deque[float] = deque(maxlen=settings.out_minutes)
        self._pending: tuple[int, float] | None = None
        self._last_out = self._last_in = -(10**9)
        self._target = policy.target_percent / 100

    def advance(self, minute: int, consumed: float, capacity: float) -> float:
        """The capacity of the next minute, after one in which so many units a second were consumed."""
        self._recent.append(consumed)
        self._latest.append(consumed)
        if self._pending is not None:
            due, units = self._pending
            if minute + 1 < due:
                return capacity
            self._pending = None
            return units
        is_full = len(self._latest) == self._settings.out_minutes
        if is_full and min(self._latest) > self._target * capacity + ROUNDING:
            return self._scale_out(minute, capacity)
        if capacity > self._policy.least and len(self._recent) >= self._settings.in_points:
            return self._scale_in(minute, capacity)
        return capacity

    def _scale_out(self, minute: int, capacity: float) -> float:
        peak = max(self._latest)
        wanted = min(math.ceil(peak / self._target - ROUNDING), self._policy.most)
        if wanted <= capacity or minute - self._last_out < self._settings.out_cooldown_minutes:
            return capacity
        self._last_out = minute
        return self._change(minute, capacity, wanted, self._settings.out_delay_minutes)

    def _scale_in(self, minute: int, capacity: float) -> float:
        floor = capacity * self._target / self._settings.in_factor
        if self._recent[-1] > floor:
            return capacity
        peak = max(self._recent)
        needed = math.ceil(peak / self._target - ROUNDING)
        wanted = max(needed, self._policy.least)
        is_calm = capacity > self._settings.in_factor * needed and wanted < capacity
        if not is_calm or minute - self._last_in < self._settings.in_cooldown_minutes:
            return capacity
        if not self._budget.take(minute):
            return capacity
        self._last_in = minute
        return self._change(minute, capacity, wanted, self._settings.in_delay_minutes)

    def _change(self, minute: int, capacity: float, wanted: float, delay: int) -> float:
        if not delay:
            return wanted
        self._pending = (minute + 1 + delay, wanted)
        return capacity


@dataclass(frozen=True)
class ScheduledScaling:
    """Bounds of a policy that change by the clock.

    Attributes:
        night_min, day_min: least capacity at night and by day.
        max: most capacity at all times.
        day_cron, night_cron: when each begins, as Application Auto Scaling writes it.
    """

    night_min: float
    day_min: float
    max: float
    day_cron: str
    night_cron: str


def plan_scheduled_scaling(
    *,
    night: Sequence[float],
    day: Sequence[float],
    peak: float,
    day_starts: str = "08:45",
    night_starts: str = "17:15",
) -> ScheduledScaling:
    """Scheduled bounds for a table with quiet nights: the lowest of what each needs, and one upper bound.

    Args:
        night, day: what is consumed then, lowest and highest.
        peak: the most there may be.
        day_starts, night_starts: times in UTC, Monday to Friday; a little before the load moves.

    Example:
        >>> plan = plan_scheduled_scaling(night=(90, 100), day=(800, 1200), peak=1500)
        >>> plan.night_min, plan.day_min, plan.max, plan.day_cron
        (90, 800, 1500, 'cron(45 8 ? * MON-FRI *)')
    """
    for name, value in (("night", night), ("day", day), ("peak", (peak,))):
        if not isinstance(value, Sequence) or not value:
            raise InvalidArgument(f"{name}={value!r} was given.", hint="units a second, lowest and highest.")
        for number in value:
            check_number(name, number)
    if max(*night, *day) > peak:
        raise InvalidArgument(f"peak={peak} is below the day's {max(*night, *day)}.", hint="the most of all times.")
    crons = (_write_cron("day_starts", day_starts), _write_cron("night_starts", night_starts))
    return ScheduledScaling(min(night), min(day), peak, *crons)


def _write_cron(name: str, text: str) -> str:
    """ "08:45" as Application Auto Scaling writes it."""
    try:
        at = time.fromisoformat(text)
        if at != time(at.hour, at.minute):
            raise ValueError("seconds and zones have no place in it")
    except (TypeError, ValueError) as exc:
        raise InvalidArgument(f"{name}={text!r} was given.", hint='hours and minutes in UTC: "08:45".') from exc
    return f"cron({at.minute} {at.hour} ? * MON-FRI *)"
