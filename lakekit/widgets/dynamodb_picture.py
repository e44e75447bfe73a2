"""The picture of DynamoDBPanel: a day of reads and writes with their capacity, and a month's bill in each mode.

It must not compute: it draws what a comparison holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lakekit.widgets.panel import BLUE, GREEN, INK, ORANGE, RED, add_legend, make_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lakekit.dynamodb import Comparison
    from lakekit.dynamodb.compare import Option


def draw_day(comparison: Comparison, mode: str) -> Figure:
    """Reads and writes of the table over the time that was simulated, in one mode, and the bills of all modes."""
    figure = make_figure(width_inches=10, height_inches=3.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=(3, 3, 2))
    simulation = comparison.simulations[mode]
    table = comparison.demand.resources[0]
    for axes, kind in ((left, "read"), (middle, "write")):
        style_axes(axes, title=f"{kind}s of the table, {mode}", x_label="hour", y_label="units a second")
        _draw_lane(axes, simulation.lane(table, kind), simulation.demand.step_s)
    add_legend(left, fontsize=8, loc="upper left")
    style_axes(right, title="USD a month", x_label="Standard, nothing reserved")
    right.xaxis.label.set_fontsize(8)  # wider than its axes, it would be cut off
    _draw_bills(right, comparison, mode)
    return figure


def _draw_lane(axes: Axes, lane: Any, step_s: float) -> None:
    hours = np.arange(len(lane.demand)) * step_s / 3600
    axes.plot(hours, lane.demand, color=BLUE, linewidth=1.2, label="asked")
    lost = {"where": lane.throttled > 0, "color": RED, "linewidth": 1.5, "zorder": 3, "label": "throttled"}
    axes.fill_between(hours, 0, lane.throttled, **lost)
    peak = float(lane.demand.max()) or 1.0
    if lane.capacity.min() <= 3 * peak:
        axes.plot(hours, lane.capacity, color=ORANGE, linewidth=1.2, drawstyle="steps-post", label="capacity")
    else:
        axes.plot([], [], color=ORANGE, label="capacity (far above)")
    axes.set_ylim(0, 1.35 * max(peak, min(float(lane.capacity.max()), 1.5 * peak)))
    axes.set_xlim(0, hours[-1] if len(hours) > 1 else 1)


def _draw_bills(axes: Axes, comparison: Comparison, mode: str) -> None:
    options = [comparison.get(name) for name in comparison.simulations]
    best = comparison.cheapest_uncommitted.mode
    colours = [GREEN if option.mode == best else INK for option in options]
    bars = axes.barh([option.mode for option in options], [option.usd for option in options], color=colours)
    axes.bar_label(bars, [_describe(option) for option in options], color=INK, fontsize=8)
    axes.set_xlim(0, 1.9 * max(option.usd for option in options) or 1)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(_make_few_ticks())
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == mode else "normal")


def _describe(option: Option) -> str:
    lost = f"\n throttles {option.throttled_share:.1%}" if option.throttled_share > 0.0005 else ""
    return f" {option.usd:,.2f}{lost}"


def _make_few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)
