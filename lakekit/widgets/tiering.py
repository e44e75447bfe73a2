"""A panel for tiering: reads, horizon and growth in; a calendar of classes, cost now and planned, and the rules out.

It must not compute anything that lk.tiering does not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ipywidgets import Checkbox, Dropdown, FloatSlider, HBox, IntSlider, VBox

from lakekit.display import escape_html
from lakekit.errors import LakekitError
from lakekit.prices import PriceBook
from lakekit.tiering import Assumptions, Constraints, Heat, Plan, lifecycle, plan
from lakekit.widgets.cells import draw_calendar, draw_grid, find_day
from lakekit.widgets.panel import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    RED,
    Answer,
    Panel,
    make_figure,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lakekit.tiering.temperature import TieredTable

CLASS_COLOURS = {
    "STANDARD": RED,
    "STANDARD_IA": ORANGE,
    "INTELLIGENT_TIERING": PURPLE,
    "ONEZONE_IA": GREEN,
    "GLACIER_IR": BLUE,
    "GLACIER": "#2b8a99",
    "DEEP_ARCHIVE": INK,
    "REDUCED_REDUNDANCY": "#a5683c",
    "EXPRESS_ONEZONE": "#c2438f",
}
_WIDE = {"style": {"description_width": "11em"}, "layout": {"width": "26em"}}
_WAITS = {"must answer SELECT": 0.0, "5 minutes": 5 / 60, "5 hours": 5.0, "12 hours": 12.0, "48 hours": 48.0}


class TieringPanel(Panel):
    """Where each partition should live, as reads, horizon and growth change; with the lifecycle rules to copy.

    Controls: reads_per_month (the average over partitions; all are scaled alike), horizon_months, growth_percent (a
    month), restore (how long a query may wait for an archive: "must answer SELECT", "5 hours", …), recreatable.

    Args:
        table: from ``lk.open_table``.
        heat: what ``lk.tiering.heat`` found for it.
        book: prices; those of us-east-1 if not given.

    Attributes:
        plan: the Plan of the last answer.
    """

    plan: Plan

    def __init__(self, table: TieredTable, heat: Heat, *, book: PriceBook | None = None):
        self._table, self._heat, self._book = table, heat, book
        self._seen = heat.frame["reads_per_month"].mean() or 0.0
        most = 10 ** math.ceil(math.log10(max(20 * self._seen, 1e-3)))
        reads = FloatSlider(
            self._seen, min=0, max=most, step=most / 1000, description="reads a month", readout_format=".3g",
            disabled=not self._seen, continuous_update=False, **_WIDE,
        )  # fmt: skip
        reads.value = self._seen
        numbers = {
            "reads_per_month": reads,
            "horizon_months": IntSlider(
                12, min=1, max=60, description="months ahead", continuous_update=False, **_WIDE
            ),
            "growth_percent": FloatSlider(
                0, min=-5, max=10, step=0.5, description="growth a month, %", continuous_update=False, **_WIDE
            ),
        }
        wishes = {
            "restore": Dropdown(options=list(_WAITS), description="queries may wait", **_WIDE),
            "recreatable": Checkbox(False, description="could be made again", **_WIDE),
        }
        arrangement = [HBox([VBox([*numbers.values()]), VBox([*wishes.values()])])]
        super().__init__(numbers | wishes, arrangement=arrangement)

    @property
    def assumptions(self) -> Assumptions:
        """What the sliders say."""
        values = self.values
        # the slider rounds what was seen to its step: where it was not moved, reads are as seen
        moved = abs(values["reads_per_month"] - self._seen) > 1e-9
        factor = values["reads_per_month"] / self._seen if self._seen and moved else 1.0
        return Assumptions(
            horizon_months=values["horizon_months"],
            growth_per_month=round(values["growth_percent"] / 100, 4),
            access_factor=round(factor, 4),
        )

    @property
    def constraints(self) -> Constraints:
        """What the choices say."""
        hours = _WAITS[self.values["restore"]]
        return Constraints(
            answers_select=not hours, restore_hours=hours or None, recreatable=self.values["recreatable"]
        )

    def answer(self) -> Answer:
        self.plan = plan(
            self._table, self._heat, constraints=self.constraints, assumptions=self.assumptions, book=self._book
        )
        text = self.plan.describe().partition("\n")[2].replace("\n", ". ")
        rules = f"<details><summary>lifecycle rules, as JSON</summary>{_pre(self.lifecycle_json)}</details>"
        return Answer(text, self._draw(), self._write_code(), details=rules)

    @property
    def lifecycle_json(self) -> str:
        """The lifecycle configuration of the plan, to copy; or why there is none."""
        try:
            return lifecycle(self.plan).to_json()
        except LakekitError as error:
            return str(error)

    def _write_code(self) -> str:
        wanted, taken = self.constraints, self.assumptions
        hours = "" if wanted.restore_hours is None else f", restore_hours={wanted.restore_hours:g}"
        return (
            "import lakekit as lk\n\n"
            f"constraints = lk.tiering.Constraints(answers_select={wanted.answers_select}{hours}, "
            f"recreatable={wanted.recreatable})\n"
            f"assumptions = lk.tiering.Assumptions(horizon_months={taken.horizon_months}, "
            f"growth_per_month={taken.growth_per_month:g}, access_factor={taken.access_factor:g})\n"
            "plan = lk.tiering.plan(table, heat, constraints=constraints, assumptions=assumptions)\n"
            "print(lk.tiering.lifecycle(plan).to_json())\n"
        )

    def _draw(self) -> Figure:
        figure = make_figure(width_inches=9, height_inches=2.7)
        left, right = figure.subplots(1, 2, width_ratios=[3.2, 1])
        classes = dict(zip(self.plan.frame["folder"], self.plan.frame["to"], strict=True))
        days = {day: name for folder, name in classes.items() if (day := find_day(folder)) is not None}
        if len(days) == len(classes):
            colours = {day: CLASS_COLOURS[name] for day, name in days.items()}
            draw_calendar(left, colours, title="Where each day should live")
        else:
            colours = [CLASS_COLOURS[name] for name in classes.values()]
            draw_grid(left, colours, title="Where each partition should live")
        self._draw_costs(right)
        handles, labels = right.get_legend_handles_labels()
        look = {"frameon": False, "labelcolor": INK, "fontsize": 9, "ncols": 4}
        figure.legend(handles, labels, loc="outside lower left", **look)
        return figure

    def _draw_costs(self, axes: Axes) -> None:
        months = self.plan.assumptions.horizon_months
        style_axes(axes, title="USD a month", x_label="", y_label="")
        bottoms = [0.0, 0.0]
        for row in self.plan.by_class().iter_rows(named=True):
            heights = [row["now_usd"] / months, row["plan_usd"] / months]
            name = row["storage_class"]
            axes.bar(["now", "plan"], heights, bottom=bottoms, color=CLASS_COLOURS[name], label=name, width=0.6)
            bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
        for position, total in enumerate(bottoms):
            axes.annotate(f"{total:,.2f}", (position, total), ha="center", va="bottom", color=INK, fontsize=9)
        axes.set_ylim(0, max(bottoms) * 1.15 or 1)


def _pre(text: str) -> str:
    return f'<pre style="user-select:all;line-height:1.3">{escape_html(text)}</pre>'
