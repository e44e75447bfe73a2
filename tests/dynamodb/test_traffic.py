"""Rates over time keep their area at any step: constant, by the hour, by the day, a spike, and as recorded."""

from datetime import UTC, datetime

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


def make_log(minutes, values):
    at = [datetime(2026, 11, 2, 8, minute, tzinfo=UTC) for minute in minutes]
    return pl.DataFrame({"at": at, "n": values})


def test_rows_become_rates_in_order_and_a_missing_minute_is_zero():
    curve = read_traffic(make_log([3, 0, 1], [30.0, 60, 120]), time="at", value="n", counts=True)
    assert curve.per_s == (1, 2, 0, 0.5)
    assert curve.started_at == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert curve.days == 4 / 1440
    assert read_traffic(make_log([0, 1], [5, 6]), time="at", value="n").per_s == (5, 6)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (make_log([0], [1]), "1 rows"),
        (make_log([0, 1], [1, None]), "1 in 'n' are no traffic"),
        (make_log([0, 0], [1, 2]), "one occurs twice"),
        (make_log([0, 2, 5], [1, 2, 3]), "not multiples of 120 s apart"),
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
        (lambda: Spike(1, -3), "height=-3"),
        (lambda: Weekly(Constant(1), (1, 2)), "day_factors has 2 numbers"),
        (lambda: Recorded(()), "per_s has nothing"),
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
