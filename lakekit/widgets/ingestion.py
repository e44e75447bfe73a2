"""A panel for streams: rate, record size and consumers in; shards, Firehose's files and the monthly cost out.

It must not compute anything that lk.streams does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipywidgets import Checkbox, FloatLogSlider, FloatSlider, HBox, IntSlider, SelectionSlider, VBox

from lakekit.errors import InvalidArgument
from lakekit.planning.answer import format_figure, format_seconds, format_usd
from lakekit.planning.bill import SECONDS_PER_MONTH, Bill, use_book
from lakekit.planning.firehose import Buffer, DeliveredFiles, Extras, plan_files, price_firehose
from lakekit.planning.kinesis import StreamPlan, plan_stream
from lakekit.planning.shards import StreamLoad
from lakekit.prices import PriceBook
from lakekit.units import KIB, MIB, format_bytes, format_number_of
from lakekit.widgets.panel import BLUE, GREEN, INK, ORANGE, Answer, Panel, make_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD_SIZES = [100, 256, 512, *(kib * KIB for kib in (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000))]
_WIDE = {"style": {"description_width": "9em"}, "layout": {"width": "26em"}}


class IngestionPanel(Panel):
    """What a stream of records needs and costs: Kinesis shards by mode, and the files that Firehose makes of it.

    Controls: records_per_s, record_bytes, consumers, fan_out, peak_factor; buffer_mib, interval_s and parquet are
    Firehose's.

    Args:
        book: the prices; us-east-1 if not given.

    Attributes:
        plan: the StreamPlan of the last answer.
        files: the DeliveredFiles.
        firehose: the Bill of a month of Firehose; None beyond what its price list knows.

    Example:
        >>> panel = IngestionPanel()
        >>> panel.set(records_per_s=10_000, record_bytes=512, consumers=4)
        >>> panel.plan.shards.shards, round(panel.plan.bills["provisioned"].usd, 2)
        (10, 477.42)
    """

    plan: StreamPlan
    files: DeliveredFiles
    firehose: Bill | None

    def __init__(self, book: PriceBook | None = None):
        self._book = use_book(book)
        sizes = [(format_bytes(size), size) for size in RECORD_SIZES]
        stream = {
            "records_per_s": FloatLogSlider(
                1000, min=0, max=6, step=0.1, description="records a second", readout_format=",.0f", **_WIDE
            ),
            "record_bytes": SelectionSlider(options=sizes, value=KIB, description="size of a record", **_WIDE),
            "consumers": IntSlider(1, min=1, max=20, description="consumers", **_WIDE),
            "peak_factor": FloatSlider(1, min=1, max=50, step=0.5, description="peak / average", **_WIDE),
            "fan_out": Checkbox(False, description="enhanced fan-out", **_WIDE),
        }
        firehose = {
            "buffer_mib": IntSlider(128, min=1, max=128, description="buffer, MiB", **_WIDE),
            "interval_s": IntSlider(300, min=0, max=900, step=15, description="interval, s", **_WIDE),
            "parquet": Checkbox(True, description="JSON to Parquet", **_WIDE),
        }
        arrangement = [HBox([VBox([*stream.values()]), VBox([*firehose.values()])])]
        super().__init__(stream | firehose, arrangement=arrangement)

    @property
    def load(self) -> StreamLoad:
        """What flows, as the controls say it."""
        values = self.values
        return StreamLoad(
            values["record_bytes"],
            round(values["records_per_s"]),
            peak_factor=values["peak_factor"],
            shared_consumers=0 if values["fan_out"] else values["consumers"],
            fan_out_consumers=values["consumers"] if values["fan_out"] else 0,
        )

    @property
    def buffer(self) -> Buffer:
        """How Firehose buffers, as the controls say it."""
        values = self.values
        return Buffer(size_bytes=values["buffer_mib"] * MIB, interval_s=values["interval_s"], convert=values["parquet"])

    def answer(self) -> Answer:
        load, buffer = self.load, self.buffer
        files = plan_files(load.in_bytes_per_s, buffer)
        month_bytes = load.in_bytes_per_s * SECONDS_PER_MONTH
        extras, ends = Extras(convert=buffer.convert), ""
        try:
            bill = price_firehose(month_bytes, record_bytes=load.record_bytes, extras=extras, book=self._book)
        except InvalidArgument as beyond:  # more than the price list knows; all else still holds
            bill, ends = None, f" {beyond.what}"
        self.plan, self.files, self.firehose = plan_stream(load, book=self._book), files, bill
        text = self._describe() + ends
        details = self.plan._repr_html_() + files._repr_html_() + (bill._repr_html_() if bill else "")
        return Answer(text, self._draw(), self._write_code(), details=details)

    def _describe(self) -> str:
        plan, files = self.plan, self.files
        shards = f"{format_number_of(plan.shards.shards, 'shard')}, decided by {plan.shards.decided_by}"
        others = ", ".join(f"{mode} {format_usd(bill.usd)}" for mode, bill in plan.bills.items() if mode != plan.mode)
        return (
            f"Kinesis: {shards}; {plan.mode} is cheapest, {format_usd(plan.usd_per_month)} a month ({others}). "
            f"Firehose: files of {format_bytes(round(files.file_bytes))} before compression, at most "
            f"{format_seconds(files.freshness_s)} old, {format_figure(files.files_per_day)} a day; "
            f"{format_usd(self.firehose.usd) + ' a month' if self.firehose else 'price not known'}."
        )

    def _write_code(self) -> str:
        load, buffer = self.load, self.buffer
        return (
            "import lakekit as lk\n\n"
            f"load = lk.streams.StreamLoad({load.record_bytes}, {load.records_per_s}, "
            f"peak_factor={load.peak_factor:g}, shared_consumers={load.shared_consumers}, "
            f"fan_out_consumers={load.fan_out_consumers})\n"
            "plan = lk.streams.plan_stream(load)\n"
            f"buffer = lk.streams.Buffer(size_bytes={buffer.size_bytes // MIB} * lk.MIB, "
            f"interval_s={buffer.interval_s:g}, convert={buffer.convert})\n"
            "files = lk.streams.plan_files(load.in_bytes_per_s, buffer)\n"
            f"firehose = lk.streams.price_firehose(load.in_bytes_per_s * {SECONDS_PER_MONTH}, "
            f"record_bytes=load.record_bytes, extras=lk.streams.Extras(convert={buffer.convert}))\n"
        )

    def _draw(self) -> Figure:
        figure = make_figure(height_inches=2.6)
        left, right = figure.subplots(1, 2)
        style_axes(left, title="Shards that each limit asks for")
        needs = self.plan.shards.needs
        colours = [ORANGE if name == self.plan.shards.decided_by else BLUE for name in needs]
        _draw_bars(left, list(needs), list(needs.values()), colours, [format_figure(need) for need in needs.values()])
        style_axes(right, title="USD a month")
        costs = {f"Kinesis\n{mode}": bill.usd for mode, bill in self.plan.bills.items()}
        colours = [ORANGE if mode == self.plan.mode else BLUE for mode in self.plan.bills] + [GREEN]
        if self.firehose:
            costs["Firehose"] = self.firehose.usd
        labels = [f"{usd:,.0f}" for usd in costs.values()]
        _draw_bars(right, list(costs), list(costs.values()), colours[: len(costs)], labels)
        return figure


def _draw_bars(axes, names: list[str], values: list[float], colours: list[str], labels: list[str]) -> None:
    """Horizontal bars, the first at the top, each with its value at its end."""
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, labels, padding=3, color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(values) * 1.25 or 1)
    axes.tick_params(labelsize=8)
