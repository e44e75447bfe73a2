"""A panel for transfers: how much, over which link, by when; days and cost of each route out.

It must not compute anything that lk.transfer does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipywidgets import Checkbox, FloatLogSlider, FloatSlider, HBox, IntSlider, VBox

from lakekit.planning.answer import format_share, format_usd
from lakekit.planning.bill import use_book
from lakekit.planning.duration import format_bits, format_days, format_decimal_bytes
from lakekit.planning.routes import Route, TransferNeed, TransferPlan, plan_transfer
from lakekit.prices import PriceBook
from lakekit.widgets.panel import BLUE, INK, ORANGE, RED, Answer, Panel, make_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDE = {"style": {"description_width": "9em"}, "layout": {"width": "26em"}}
_TENTHS, _WHOLE = ({"readout_format": form, **_WIDE} for form in (",.1f", ",.0f"))


class TransferPanel(Panel):
    """How to bring data into S3: days and cost by route, and the one to take.

    Controls: terabytes (of 10**12 bytes), mbit_s, utilisation, deadline_days (0 for none), local_access, has_snow.

    Args:
        book: the prices; us-east-1 if not given.

    Attributes:
        plan: the TransferPlan of the last answer.

    Example:
        >>> panel = TransferPanel()
        >>> panel.set(terabytes=100, mbit_s=1000, utilisation=0.8)
        >>> panel.plan.best.name, round(panel.plan.best.days, 2)
        ('DataSync Basic', 11.57)
    """

    plan: TransferPlan

    def __init__(self, book: PriceBook | None = None):
        self._book = use_book(book)
        amounts = {
            "terabytes": FloatLogSlider(100, min=-1, max=4, step=0.05, description="TB", **_TENTHS),
            "mbit_s": FloatLogSlider(1000, min=1, max=5, step=0.05, description="Mbit/s", **_WHOLE),
            "utilisation": FloatSlider(0.8, min=0.05, max=1, step=0.05, description="share of link", **_WIDE),
        }
        wishes = {
            "deadline_days": IntSlider(0, min=0, max=365, description="deadline, days", **_WIDE),
            "local_access": Checkbox(False, description="NFS or SMB go on", **_WIDE),
            "has_snow": Checkbox(False, description="has Snow already", **_WIDE),
        }
        arrangement = [HBox([VBox([*amounts.values()]), VBox([*wishes.values()])])]
        super().__init__(amounts | wishes, arrangement=arrangement)

    @property
    def need(self) -> TransferNeed:
        """What is to be moved, as the controls say it."""
        values = self.values
        return TransferNeed(
            round(values["terabytes"] * 1e12),
            round(values["mbit_s"] * 1e6),
            utilisation=round(values["utilisation"], 2),
            deadline_days=values["deadline_days"] or None,
            keeps_local_access=values["local_access"],
            has_snow=values["has_snow"],
        )

    def answer(self) -> Answer:
        self.plan = plan_transfer(self.need, book=self._book)
        text = self._describe()
        return Answer(text, self._draw(), self._write_code(), details=self.plan._repr_html_())

    def _describe(self) -> str:
        need, best = self.need, self.plan.best
        link_days = format_days(need.count_days(need.bits_per_s))
        link = f"{format_share(need.utilisation)} of {format_bits(need.bits_per_s)}"
        deadline = f" The deadline is {format_days(need.deadline_days)}." if need.deadline_days else ""
        cost = "price not established" if best.usd is None else format_usd(best.usd)
        days = "" if best.days is None else f"{format_days(best.days)}, "
        size = format_decimal_bytes(need.size_bytes)
        return f"{size} take {link_days} at {link}.{deadline} Take {best.name}: {days}{cost}."

    def _write_code(self) -> str:
        need = self.need
        return (
            "import lakekit as lk\n\n"
            f"need = lk.transfer.TransferNeed({need.size_bytes}, {need.bits_per_s}, utilisation={need.utilisation:g}, "
            f"deadline_days={need.deadline_days}, keeps_local_access={need.keeps_local_access}, "
            f"has_snow={need.has_snow})\n"
            "plan = lk.transfer.plan_transfer(need)\n"
        )

    def _draw(self) -> Figure:
        routes = [route for route in self.plan.routes if route.days]
        figure = make_figure(height_inches=0.6 + 0.45 * len(routes))
        axes = style_axes(figure.add_subplot(), title="Days by route", x_label="days")
        colours = [ORANGE if route.name == self.plan.best.name else BLUE for route in routes]
        bars = axes.barh([route.name for route in routes], [route.days for route in routes], color=colours)
        axes.bar_label(bars, [_label(route) for route in routes], padding=4, color=INK, fontsize=9)
        axes.invert_yaxis()
        longest = max([*(route.days for route in routes), self.need.deadline_days or 0])
        axes.set_xlim(0, longest * 1.4)
        if self.need.deadline_days:
            axes.axvline(self.need.deadline_days, color=RED, linestyle="--", linewidth=1.5)
            name = f"deadline, {format_days(self.need.deadline_days)}"
            axes.annotate(name, (self.need.deadline_days, len(routes) - 0.45), color=RED, fontsize=9, xytext=(4, 6),
                          textcoords="offset points", annotation_clip=False)  # fmt: skip
        return figure


def _label(route: Route) -> str:
    return f"{format_days(route.days)}, {format_usd(route.usd)}"
