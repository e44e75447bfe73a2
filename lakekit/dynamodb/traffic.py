"""Requests a second over time: constant, by the hour or the day, a spike, or as recorded; they add up with `+`.

It must not know what a request does. Times are seconds since the start, which is a Monday at 00:00 UTC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lakekit.dynamodb.rows import read_frame
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

HOUR_S, DAY_S = 3600, 86_400
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)  # one of many


class Curve:
    """A rate over time. Add curves with `+`, scale one with `*`.

    Example:
        >>> curve = Constant(10) + Spike(at_hour=1, height=90, hold_minutes=30)
        >>> curve.sample(count=4, step_s=1800).tolist()  # each half hour of two hours
        [10.0, 10.0, 100.0, 10.0]
        >>> (2 * Constant(3)).sample(count=1, step_s=60).tolist()
        [6.0]
    """

    def sample(self, *, count: int, step_s: float = 60) -> np.ndarray:
        """The mean rate of each of `count` steps of `step_s` seconds."""
        starts = np.arange(count) * float(step_s)
        return self._mean(starts, float(step_s))

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        raise NotImplementedError

    def __add__(self, other: Curve | float) -> Curve:
        return Sum((self, make_curve(other)))

    __radd__ = __add__

    def __mul__(self, factor: float) -> Curve:
        return Scaled(self, check_number("factor", factor))

    __rmul__ = __mul__


def make_curve(rate: Curve | float) -> Curve:
    """A curve from a curve, or from a number of requests a second.

    Example:
        >>> make_curve(5)
        Constant(per_s=5)
    """
    return rate if isinstance(rate, Curve) else Constant(rate)


@dataclass(frozen=True)
class Sum(Curve):
    """Several curves added up."""

    parts: tuple[Curve, ...]

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        return sum(part._mean(starts, step_s) for part in self.parts)


@dataclass(frozen=True)
class Scaled(Curve):
    """A curve times a number."""

    curve: Curve
    factor: float

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        return self.curve._mean(starts, step_s) * self.factor


@dataclass(frozen=True)
class Constant(Curve):
    """The same rate at all times.

    Raises:
        InvalidArgument: a negative rate.

    Example:
        >>> Constant(-1)
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: per_s=-1 was given.
        Hint: a number, 0 or more.
    """

    per_s: float

    def __post_init__(self):
        check_number("per_s", self.per_s)

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        return np.full(len(starts), float(self.per_s))


@dataclass(frozen=True)
class Daily(Curve):
    """A wave that is highest at one hour of the day (UTC), and lowest twelve hours from it; its mean is in the middle.

    Example:
        >>> Daily(low=10, high=50, peak_hour=20).sample(count=24, step_s=3600).mean().round(6).item()
        30.0
    """

    low: float
    high: float
    peak_hour: float = 20.0

    def __post_init__(self):
        check_number("low", self.low)
        check_number("high", self.high, least=self.low)
        if check_number("peak_hour", self.peak_hour) > 24:
            raise InvalidArgument(f"peak_hour={self.peak_hour} was given.", hint="an hour of the day, 0 to 24.")

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        turn = 2 * math.pi / DAY_S
        begin, end = (turn * (times - self.peak_hour * HOUR_S) for times in (starts, starts + step_s))
        wave = (np.sin(end) - np.sin(begin)) / (turn * step_s)  # the mean of the cosine over each step
        return self.low + (self.high - self.low) * (1 + wave) / 2


@dataclass(frozen=True)
class Weekly(Curve):
    """A curve times a factor for each day of the week, Monday first.

    Example:
        >>> weekdays = Weekly(Constant(10), (1, 1, 1, 1, 1, 0.5, 0))
        >>> weekdays.sample(count=7, step_s=86400).tolist()
        [10.0, 10.0, 10.0, 10.0, 10.0, 5.0, 0.0]
    """

    curve: Curve
    day_factors: tuple[float, ...]

    def __post_init__(self):
        if not isinstance(self.day_factors, Sequence):
            raise InvalidArgument(f"day_factors={self.day_factors!r} was given.", hint="seven numbers, Monday first.")
        if len(self.day_factors) != 7:
            raise InvalidArgument(f"day_factors has {len(self.day_factors)} numbers.", hint="seven, Monday first.")
        for factor in self.day_factors:
            check_number("day_factors", factor)

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        day = ((starts + step_s / 2) // DAY_S).astype(int) % 7
        return make_curve(self.curve)._mean(starts, step_s) * np.asarray(self.day_factors, dtype=float)[day]


@dataclass(frozen=True)
class Spike(Curve):
    """Once, so many requests a second more: it rises in a straight line, holds, and falls.

    Attributes:
        at_hour: hours after the start that the rise begins.
        height: requests a second more, at its top.
        rise_minutes, hold_minutes, fall_minutes: how long each lasts; 0 is at once.

    Example:
        >>> Spike(at_hour=0, height=60, rise_minutes=2, hold_minutes=1).sample(count=4).tolist()
        [15.0, 45.0, 60.0, 0.0]
    """

    at_hour: float
    height: float
    rise_minutes: float = 0
    hold_minutes: float = 60
    fall_minutes: float = 0

    def __post_init__(self):
        for name in ("at_hour", "height", "rise_minutes", "hold_minutes", "fall_minutes"):
            check_number(name, getattr(self, name))

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        rise_s, fall_s = self.rise_minutes * 60, self.fall_minutes * 60
        begin = self.at_hour * HOUR_S
        end = begin + rise_s + self.hold_minutes * 60

        def area(times: np.ndarray) -> np.ndarray:
            return _ramp_area(times - begin, rise_s) - _ramp_area(times - end, fall_s)

        return self.height * (area(starts + step_s) - area(starts)) / step_s


def _ramp_area(times: np.ndarray, length_s: float) -> np.ndarray:
    """The area under a line that rises from 0 to 1 within a time, and then stays."""
    after = np.maximum(times, 0)
    if not length_s:
        return after
    return np.where(after < length_s, after**2 / (2 * length_s), after - length_s / 2)


@dataclass(frozen=True)
class Recorded(Curve):
    """Rates as they were, or 24 for the hours of a day; it begins anew after its end.

    Attributes:
        per_s: requests (or units) a second in each step.
        step_s: how long a step is, in seconds.
        started_at: when the first began, with a zone: it keeps its day of the week and its time of day in UTC, beside
            other curves; before them comes what the recording ends with. None is a Monday at 00:00.

    Raises:
        InvalidArgument: no rates, or what is no rate; a start without a zone.

    Example:
        >>> Recorded((10, 20), step_s=60).sample(count=4, step_s=30).tolist()
        [10.0, 10.0, 20.0, 20.0]
        >>> Recorded((10, 20), step_s=60).sample(count=2, step_s=120).tolist()
        [15.0, 15.0]
        >>> noon = Recorded((7, 0), step_s=12 * 3600, started_at=datetime(2026, 11, 25, 12, tzinfo=UTC))
        >>> noon.sample(count=4, step_s=12 * 3600).tolist()  # a Monday, and a Tuesday
        [0.0, 7.0, 0.0, 7.0]
    """

    per_s: tuple[float, ...]
    step_s: float = 60
    started_at: datetime | None = None

    def __post_init__(self):
        try:
            values = np.asarray(self.per_s, dtype=float)
        except (TypeError, ValueError) as exc:
            raise InvalidArgument(f"per_s={self.per_s!r:.60} are no rates.", hint="numbers, 0 or more.") from exc
        if self.started_at is not None and self.started_at.tzinfo is None:
            raise InvalidArgument(f"started_at={self.started_at} has no time zone.", hint="tzinfo=UTC, for example.")
        object.__setattr__(self, "per_s", tuple(values.tolist()))
        check_number("step_s", self.step_s, least=1)
        if not len(values) or not (np.isfinite(values).all() and (values >= 0).all()):
            lowest = values.min() if len(values) else "nothing"
            raise InvalidArgument(f"per_s has {lowest} in it.", hint="rates are numbers, 0 or more.")

    def _mean(self, starts: np.ndarray, step_s: float) -> np.ndarray:
        edges = np.arange(len(self.per_s) + 1) * float(self.step_s)
        areas = np.concatenate([[0.0], np.cumsum(np.asarray(self.per_s) * self.step_s)])
        if self.started_at is not None:
            starts = starts - (self.started_at - MONDAY).total_seconds() % (7 * DAY_S)

        def area(times: np.ndarray) -> np.ndarray:
            rounds, rest = np.divmod(times, edges[-1])
            return rounds * areas[-1] + np.interp(rest, edges, areas)

        return np.maximum((area(starts + step_s) - area(starts)) / step_s, 0)

    @property
    def days(self) -> float:
        """How long the recording is."""
        return len(self.per_s) * self.step_s / DAY_S

    def __repr__(self) -> str:
        mean = sum(self.per_s) / len(self.per_s)
        return f"Recorded({len(self.per_s)} steps of {self.step_s:g} s, mean {mean:,.1f} a second)"


def read_traffic(frame: Any, *, time: str, value: str, counts: bool = False, period_s: float | None = None) -> Recorded:
    """A recorded curve from a table with times and values, such as a log by the minute or CloudWatch's datapoints.

    Periods without a row are 0: CloudWatch leaves them out.

    Args:
        frame: of Polars, pandas, Arrow or DuckDB.
        time, value: names of columns. Times without a zone are UTC.
        counts: values are sums over each period (CloudWatch's Sum), not rates a second.
        period_s: how many seconds one value stands for (CloudWatch's Period). By default the longest that all times
            are multiples of apart. Rows every five minutes are then periods of five minutes: say 60 if they are
            minutes, and the four between them had no traffic.

    Raises:
        InvalidArgument: no such column, fewer than two rows, a NULL, two rows at one time, or times out of step; or
            periods that are missing where it cannot be told how long they are.

    Example:
        >>> import polars as pl
        >>> minutes = pl.datetime_range(pl.datetime(2026, 11, 2), pl.datetime(2026, 11, 2, 0, 2), "1m", eager=True)
        >>> read_traffic(pl.DataFrame({"at": minutes, "n": [60, 120, 0]}), time="at", value="n", counts=True).per_s
        (1.0, 2.0, 0.0)
    """
    import polars as pl

    frame = read_frame(frame)
    for name in (time, value):
        if name not in frame.columns:
            raise InvalidArgument(f"The table has no column {name!r}.", hint=f"it has {', '.join(frame.columns)}.")
    if frame.height < 2 or frame[time].null_count() or frame[value].null_count():
        raise InvalidArgument(
            f"{frame.height} rows with {frame[time].null_count()} NULL in {time!r} and {frame[value].null_count()} in "
            f"{value!r} are no traffic.",
            hint="two rows at least, and drop_nulls() if a NULL means nothing.",
        )
    if not (frame[time].dtype.is_temporal() and frame[value].dtype.is_numeric()):
        types = f"{time!r} is of type {frame[time].dtype}, and {value!r} of type {frame[value].dtype}"
        raise InvalidArgument(f"The column {types}.", hint="cast them to a timestamp and to numbers.")
    micros = frame[time].cast(pl.Datetime("us")).dt.epoch("us").to_numpy()
    order = np.argsort(micros, kind="stable")
    micros, values = micros[order], frame[value].cast(pl.Float64).to_numpy()[order]
    step_s = _find_period_s(np.diff(micros), time, period_s)
    places = np.rint((micros - micros[0]) / (step_s * 1e6)).astype(int)
    rates = np.zeros(places[-1] + 1)
    rates[places] = values / (step_s if counts else 1)
    return Recorded(tuple(rates.tolist()), step_s, datetime.fromtimestamp(micros[0] / 1e6, UTC))


def _find_period_s(gaps_us: np.ndarray, time: str, period_s: float | None) -> float:
    """The seconds that each value stands for: as said, or what divides all gaps between two rows."""
    if period_s is not None:
        check_number("period_s", period_s, least=1)
    shortest_s, found_s = gaps_us.min() / 1e6, np.gcd.reduce(gaps_us) / 1e6
    step_s = found_s if period_s is None else float(period_s)
    is_known = found_s == shortest_s or found_s % 60 == 0  # else it is what clocks are off by
    if not shortest_s or (found_s % step_s if period_s else not is_known):
        what = f"period_s={period_s:g}" if period_s else f"{shortest_s:g} s apart, the shortest time between two"
        raise InvalidArgument(
            f"The times in {time!r} are not multiples of {what}, or one occurs twice.",
            hint="say period_s=, or group them by the minute first, for example with dt.truncate and group_by.",
        )
    missing = round(gaps_us.sum() / 1e6 / step_s) - len(gaps_us)
    if period_s is None and missing and step_s > 60:
        raise InvalidArgument(
            f"The times in {time!r} are multiples of {step_s:g} s apart, and {missing} of them are missing.",
            hint=f"period_s={step_s:g} if each value stands for that long, period_s=60 if it stands for one minute.",
        )
    return step_s
