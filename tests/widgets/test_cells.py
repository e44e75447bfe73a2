"""Partitions are squares in a calendar, in a grid of two keys, or in rows; the chosen one has a frame."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from lakekit.widgets.cells import draw_calendar, draw_grid, draw_matrix, find_day
from lakekit.widgets.panel import BLUE, RED, make_figure


def test_the_calendar_has_a_square_for_each_day():
    axes = Figure().add_subplot()
    days = {date(2026, 1, 1) + timedelta(days=number): RED for number in range(365)}
    draw_calendar(axes, days, title="days", chosen=date(2026, 1, 1))
    (squares,) = axes.collections
    assert len(squares.get_paths()) == 365
    (frame,) = axes.patches
    assert tuple(frame.get_center()) == (0, 3)  # 1 January 2026 is a Thursday, in the first week
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["Jan\n2026", "Feb", "Mar"]


def test_days_are_found_in_folders():
    assert find_day("date=2026-02-30/") is None
    assert find_day("2026-02-28/") == date(2026, 2, 28)
    assert find_day("") is None


def test_two_keys_make_rows_and_columns():
    axes = Figure().add_subplot()
    colours = {(f"day={day}", f"hour={hour}"): BLUE for day in range(3) for hour in range(24)}
    draw_matrix(axes, colours, title="hours", chosen=("day=2", "hour=5"))
    (squares,), (frame,) = axes.collections, axes.patches
    assert len(squares.get_paths()) == 72
    assert tuple(frame.get_center()) == (5, 2)
    # 24 columns with room for 12 names: every second
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["0", "2", "4"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "2"]
    assert axes.get_xlabel() == "hour"


def test_partitions_without_an_order_of_their_own_fill_rows_of_31():
    axes = Figure().add_subplot()
    draw_grid(axes, [BLUE] * 40, title="parts", chosen=32)
    (squares,), (frame,) = axes.collections, axes.patches
    assert len(squares.get_paths()) == 40
    assert tuple(frame.get_center()) == (1, 1)  # the second of the second row


DAYS = [f"day=2024-05-{day:02}" for day in range(1, 32)]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (DAYS, ["country=DE", "country=FR"]),
        (DAYS, [f"hour={hour}" for hour in range(24)]),
        (DAYS[:3], [f"region=eu-central-{number}" for number in range(8)]),
        (DAYS, [f"customer=a customer with the number {number}" for number in range(31)]),
    ],
)
def test_the_names_of_columns_do_not_touch(rows, columns):
    figure = make_figure(width_inches=9, height_inches=3)
    axes, _ = figure.subplots(1, 2, width_ratios=[1.5, 1])
    draw_matrix(axes, {(row, column): BLUE for row in rows for column in columns}, title="files")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 + 3 < right.x0 for left, right in pairwise(boxes))  # 3 of 900 pixels
