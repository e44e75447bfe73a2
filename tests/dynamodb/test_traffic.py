"""Rates over time keep their area at any step: constant, by the hour, by the day, a spike, and as recorded."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import Constant, Daily, Recorded, Spike, Weekly, read_traffic
from lakekit.errors import InvalidArgument

CURVES = [
    Constant(7),
    Daily(10, 50, peak_hour=20),
    Weekly(Daily(1, 3), (1, 1, 1, 1, 2, 3, 0)),
    Spike(at_hour=2.5, height=40, rise_minutes=7, hold_minutes=13, fall_minutes=29),
    Recorded(tuple(range(24)), step_s=3600),
    2 * Constant(3) + Spike(at_hour=1, height=5),
]


@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_a_day_in_seconds_has_the_area_of_a_day_in_hours(curve):
    seconds = curve.sample(count=86_400, step_s=1)
    hours = curve.sample(count=24, step_s=3600)
    assert seconds.reshape(24, 3600).mean(axis=1) == pytest.approx(hours)
    assert (seconds >= 0).all()


def test_a_day_is_highest_at_its_peak_and_lowest_twelve_hours_from_it():
    minutes = Daily(10, 50, peak_hour=20).sample(count=1440)
    assert minutes.max() == pytest.approx(50, abs=0.01)
    assert minutes.argmax() in (1199, 1200)  # 20 x 60
    assert minutes.argmin() in (479, 480)


def test_a_spike_has_the_area_of_its_trapezoid():
    # 60 x (10 / 2 + 30 + 20 / 2) minutes = 2,700 unit-minutes
    spike = Spike(at_hour=5, height=60, rise_minutes=10, hold_minutes=30, fall_minutes=20).sample(count=1440)
    assert spike.sum() == pytest.approx(2700)
    assert spike[:300].max() == spike[360:].max() == 0
    assert spike[310:340].tolist() == pytest.approx([60] * 30)


def test_days_of_the_week_have_factors():
    week = Weekly(Constant(10), (1, 1, 1, 1, 1, 2, 0)).sample(count=14, step_s=86_400)
    assert week.tolist() == [10, 10, 10, 10, 10, 20, 0] * 2


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), st.sampled_from([1, 7, 30, 60, 90, 600]))
def test_a_recording_keeps_its_area_at_any_step(values, step_s):
    curve = Recorded(tuple(values), step_s=60)
    seconds = curve.sample(count=step_s * 10, step_s=1)
    steps = curve.sample(count=10, step_s=step_s)
    assert steps.sum() * step_s == pytest.approx(seconds.sum(), abs=1e-6)


def test_a_recording_begins_anew_after_its_end():
    assert Recorded((1, 2, 3), step_s=60).sample(count=7).tolist() == pytest.approx([1, 2, 3, 1, 2, 3, 1])


def test_a_recording_keeps_its_day_and_its_hour_beside_other_curves():
    # from a Wednesday at 15:00 on, a day with 100 at 20:00, which is its sixth hour
    evening = Recorded((0,) * 5 + (100,) + (0,) * 18, 3600, datetime(2026, 11, 4, 15, tzinfo=UTC))
    wave = Daily(0, 100, peak_hour=20.5)
    assert evening.sample(count=24, step_s=3600).argmax() == wave.sample(count=24, step_s=3600).argmax() == 20
    # of a week that began on that Wednesday, Monday is the sixth day, and on Wednesdays only there is its first
    week = Recorded((1, 2, 3, 4, 5, 6, 7), 86_400, datetime(2026, 11, 4, tzinfo=UTC))
    assert week.sample(count=8, step_s=86_400).tolist() == [6, 7, 1, 2, 3, 4, 5, 6]
    assert Weekly(week, (0, 0, 1, 0, 0, 0, 0)).sample(count=7, step_s=86_400).tolist() == [0, 0, 1, 0, 0, 0, 0]
    # another zone is the same moment: 17:00 of two hours east
    east = Recorded(evening.per_s, 3600, datetime(2026, 11, 4, 17, tzinfo=timezone(timedelta(hours=2))))
    assert east.sample(count=24, step_s=3600).tolist() == evening.sample(count=24, step_s=3600).tolist()


def make_log(minutes, values):
    at = [datetime(2026, 11, 2, 8, minute, tzinfo=UTC) for minute in minutes]
    return pl.DataFrame({"at": at, "n": values})


def test_rows_become_rates_in_order_and_a_missing_minute_is_zero():
    curve = read_traffic(make_log([3, 0, 1], [30.0, 60, 120]), time="at", value="n", counts=True)
    assert curve.per_s == (1, 2, 0, 0.5)
    assert curve.started_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert curve.days == 4 / 1440
    assert read_traffic(make_log([0, 1], [5, 6]), time="at", value="n").per_s == (5, 6)


def test_the_period_is_what_all_times_are_multiples_of_apart():
    # two and three minutes apart: minutes, of which three had no traffic
    curve = read_traffic(make_log([0, 2, 5], [60, 120, 180]), time="at", value="n", counts=True)
    assert (curve.step_s, curve.per_s) == (60, (1, 0, 2, 0, 0, 3))
    # every five minutes without a gap: periods of five minutes
    curve = read_traffic(make_log([0, 5, 10], [300, 300, 600]), time="at", value="n", counts=True)
    assert (curve.step_s, curve.per_s) == (300, (1, 1, 2))


def test_a_job_every_five_minutes_keeps_its_peak_when_the_period_is_said():
    # 18,000 units in one minute of five are 300 a second there, and not 60 all the time
    log = make_log([0, 5, 10], [18_000] * 3)
    curve = read_traffic(log, time="at", value="n", counts=True, period_s=60)
    assert curve.per_s == (300, 0, 0, 0, 0) * 2 + (300,)
    # rates a second have the same area: 3 minutes of 300
    rates = read_traffic(make_log([0, 5, 10], [300] * 3), time="at", value="n", period_s=60)
    assert rates.sample(count=11).sum() == 3 * 300
    sparse = read_traffic(make_log([0, 10, 25], [1, 2, 3]), time="at", value="n", period_s=300)
    assert sparse.per_s == (1, 0, 2, 0, 0, 3)
    with pytest.raises(InvalidArgument, match="not multiples of period_s=120"):
        read_traffic(log, time="at", value="n", period_s=120)
    with pytest.raises(InvalidArgument, match="period_s=0 was given"):
        read_traffic(log, time="at", value="n", period_s=0)


START = datetime(2026, 11, 2, tzinfo=UTC)
JITTER = pl.DataFrame({"at": [START + timedelta(seconds=seconds) for seconds in (0, 10, 21)], "n": [1, 2, 3]})


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (make_log([0], [1]), "1 rows"),
        (make_log([0, 1], [1, None]), "1 in 'n' are no traffic"),
        (make_log([0, 0], [1, 2]), "one occurs twice"),
        (make_log([0, 10, 25], [1, 2, 3]), "multiples of 300 s apart, and 3 of them are missing.*\n.*period_s=60 if"),
        (JITTER, "not multiples of 10 s apart"),
        (make_log([0, 1], ["a", "b"]), "'n' of type String"),
        (make_log([0, 1], [1, -2]), "per_s has -2"),
        (pl.DataFrame({"at": [1, 2], "n": [1, 2]}), "'at' is of type Int64"),
        (pl.DataFrame({"n": [1, 2]}), "no column 'at'"),
    ],
)
def test_what_is_no_traffic_is_an_error(frame, message):
    with pytest.raises(InvalidArgument, match=message):
        read_traffic(frame, time="at", value="n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-5), "per_s=-5"),
        (lambda: Daily(5, 1), "high=1"),
        (lambda: Daily(1, 5, peak_hour=float("nan")), "peak_hour=nan"),
        (lambda: Daily(1, 5, peak_hour="20"), "peak_hour='20'"),
        (lambda: Daily(1, 5, peak_hour=30), "peak_hour=30 was given.*\n.*0 to 24"),
        (lambda: Weekly(Constant(1), 2), "day_factors=2 was given"),
        (lambda: Spike(1, -3), "height=-3"),
        (lambda: Weekly(Constant(1), (1, 2)), "day_factors has 2 numbers"),
        (lambda: Recorded(()), "per_s has nothing"),
        (lambda: Recorded(("many",)), "per_s=\\('many',\\) are no rates"),
        (lambda: Recorded((1,), started_at=START.replace(tzinfo=None)), "2026-11-02 00:00:00 has no time zone"),
        (lambda: Constant(1) * -1, "factor=-1"),
    ],
)
def test_a_rate_that_means_nothing_names_the_parameter(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()


def test_curves_show_themselves_as_they_are_written():
    assert eval(repr(Daily(1, 2) + Constant(3)), {"Sum": type(Constant(1) + 1), "Daily": Daily, "Constant": Constant})
    assert repr(Recorded((1, 3))) == "Recorded(2 steps of 60 s, mean 2.0 a second)"
    assert np.allclose((1 + Constant(2)).sample(count=2), 3)
