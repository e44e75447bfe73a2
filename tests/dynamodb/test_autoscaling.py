"""Target tracking: up after two minutes, down after fifteen points, within bounds, and as often as decreases allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.dynamodb.autoscaling import Scaler
from lakekit.errors import InvalidArgument

INSTANT = ddb.ScalingSettings(out_delay_minutes=0, in_delay_minutes=0)


def follow(consumption, *, capacity=100, policy=None, settings=INSTANT, budget=None):
    """The capacity of each minute under a scaler, the first as given."""
    scaler = Scaler(policy or ddb.ScalingPolicy(70, 5, 1000), settings, budget or ddb.DecreaseBudget())
    found = []
    for minute, consumed in enumerate(consumption):
        found.append(capacity)
        capacity = scaler.advance(minute, consumed, capacity)
    return found


def test_it_scales_out_after_two_minutes_above_the_target_and_not_after_one():
    # 100 of 100 is above 70 in minutes 0 and 1; then ceil(100 / 0.7) = 143
    assert follow([100, 100, 100, 100]) == [100, 100, 143, 143]
    assert follow([100, 50, 100, 50, 100]) == [100] * 5


def test_at_the_target_nothing_moves():
    assert follow([70] * 60) == [100] * 60


def test_it_scales_in_after_fifteen_points_to_what_the_highest_of_them_needs():
    # the highest of minutes 0 to 14 is 21: ceil(21 / 0.7) = 30; then 29 would do, but 30 is less than 1.2 x 29
    assert follow([21] + [20] * 20) == [100] * 15 + [30] * 6
    assert follow([20] * 20)[14:16] == [100, 29]  # ceil(20 / 0.7) = 29


def test_a_single_point_above_puts_the_decrease_off():
    # the 60 in minute 5 needs 86, and 100 is less than 1.2 x 86; it has left the 15 points after minute 19
    found = follow([20] * 5 + [60] + [20] * 20)
    assert found[20] == 100
    assert found[21] == 29


def test_it_scales_in_only_where_a_fifth_too_much_is_there():
    # 60 needs 86, and 100 is less than 1.2 x 86 = 103.2; told to scale in at once below the target, it does
    assert follow([60] * 30) == [100] * 30
    below = ddb.ScalingSettings(out_delay_minutes=0, in_delay_minutes=0, in_factor=1.0)
    assert follow([60] * 30, settings=below)[15] == 86
    # 20 points below the target of 70 are 50 of 100; 70 / 50 = 1.4, and 50 needs 72: 100 is less than 1.4 x 72 = 100.8
    points = ddb.ScalingSettings(out_delay_minutes=0, in_delay_minutes=0, in_factor=1.4)
    assert follow([50] * 30, settings=points) == [100] * 30
    assert follow([49] * 30, settings=points)[15] == 70


def test_bounds_hold():
    policy = ddb.ScalingPolicy(70, 50, 120)
    assert follow([200] * 4, policy=policy)[2:] == [120, 120]
    assert follow([0] * 20, policy=policy)[15:] == [50] * 5


def test_a_change_takes_its_time_and_no_other_is_begun_meanwhile():
    slow = ddb.ScalingSettings(out_delay_minutes=3)
    # the alarm is raised with minute 1; three minutes later than at once: minute 5 has 143
    assert follow([100] * 7, settings=slow) == [100] * 5 + [143] * 2


def test_minutes_above_the_target_are_counted_against_the_capacity_that_is_there():
    slow = ddb.ScalingSettings(out_delay_minutes=3)
    # 90, 90 of 100 ask for ceil(90 / 0.7) = 129, which is there from minute 5 on; its target is 90.3. Of the 90 before
    # and the 120 after it only the latter is above, and one minute is not two
    assert follow([90] * 5 + [120] + [80] * 10, settings=slow) == [100] * 5 + [129] * 11
    # 120 twice are: after minute 6, and the three minutes that it takes, there are ceil(120 / 0.7) = 172
    assert follow([90] * 5 + [120, 120] + [80] * 5, settings=slow) == [100] * 5 + [129] * 5 + [172] * 2


def test_a_cooldown_keeps_changes_of_a_kind_apart():
    calm = ddb.ScalingSettings(out_delay_minutes=0, out_cooldown_minutes=10)
    # up with minute 1; again above the target from minute 2 on, but not before minute 11
    assert follow([100, 100] + [143] * 12, settings=calm) == [100, 100] + [143] * 10 + [205] * 2  # 143 / 0.7 = 204.3


def test_decreases_are_four_at_once_one_an_hour_and_27_a_day():
    budget = ddb.DecreaseBudget()
    taken = [minute for minute in range(2 * 1440) if budget.take(minute)]
    assert taken[:4] == [0, 1, 2, 3]
    assert len([minute for minute in taken if minute < 1440]) == 27 == ddb.count_decreases(24)
    # none on the second day before its first hour is earned: 4 + 23 by 23:00, and one earned at 24:00
    assert taken[27] == 1440


def test_a_day_of_constant_decreases_ends_with_27():
    budget = ddb.DecreaseBudget()
    day = [budget.take(minute) for minute in range(0, 1440, 10)]
    assert sum(day) == 27


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=200))
def test_capacity_never_leaves_its_bounds(consumption):
    policy = ddb.ScalingPolicy(70, 10, 500)
    assert all(10 <= units <= 500 for units in follow(consumption, policy=policy))


def test_targets_are_rounded_up_but_not_by_floating_point():
    assert ddb.get_target_capacity(70, target_percent=70) == 100
    assert ddb.get_target_capacity(70.1, target_percent=70) == 101
    assert ddb.get_target_capacity(30_000, target_percent=70) == 42_858
    assert ddb.clamp_capacity(5000, most=300) == 300


def test_schedules_move_the_least_capacity():
    plan = ddb.plan_scheduled_scaling(night=(90, 100), day=(800, 1200), peak=1500)
    assert (plan.night_min, plan.day_min, plan.max) == (90, 800, 1500)
    assert plan.night_cron == "cron(15 17 ? * MON-FRI *)"


def plan_day(day_starts):
    return ddb.plan_scheduled_scaling(night=(1,), day=(2,), peak=3, day_starts=day_starts)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ddb.ScalingPolicy(10), "target_percent=10"),
        (lambda: ddb.ScalingPolicy("70"), "target_percent='70'"),
        (lambda: ddb.ScalingPolicy(70, 0), "least=0"),
        (lambda: ddb.ScalingPolicy(70, 10, 5), "most=5"),
        (lambda: ddb.ScalingSettings(out_minutes=0), "out_minutes=0"),
        (lambda: ddb.ScalingSettings(in_points=1.5), "in_points=1.5"),
        (lambda: ddb.ScalingSettings(in_factor=0.5), "in_factor=0.5"),
        (lambda: ddb.plan_scheduled_scaling(night=(), day=(2,), peak=3), r"night=\(\) was given"),
        (lambda: ddb.plan_scheduled_scaling(night=1, day=(2,), peak=3), "night=1 was given"),
        (lambda: plan_day("08:45+02:00"), r"day_starts='08:45\+02:00' was given.*\n.*in UTC"),
        (lambda: plan_day("08:45:30"), "day_starts='08:45:30' was given"),
        (lambda: ddb.plan_scheduled_scaling(night=(1,), day=(2,), peak=1), "peak=1 is below"),
        (lambda: ddb.plan_scheduled_scaling(night=(1,), day=(2,), peak=3, day_starts="25:00"), "day_starts='25:00'"),
    ],
)
def test_what_application_autoscaling_refuses_is_an_error(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()
