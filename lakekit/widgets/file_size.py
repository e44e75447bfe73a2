"""A panel for file sizes: a target and a latency in; the files now and compacted, what scans cost, and payback out.

It must not compute anything that lk.sizing does not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from ipywidgets import Checkbox, FloatSlider, HBox, IntSlider, SelectionSlider, VBox

from lakekit.display import format_html_table
from lakekit.layout import sizing
from lakekit.layout.sizing import ScanModel, SizeReport, Sizes
from lakekit.planning.answer import format_usd
from lakekit.prices import PriceBook, load_book
from lakekit.units import MIB, format_bytes, format_number_of
from lakekit.widgets.panel import BLUE, INK, ORANGE, RED, Answer, Panel, add_legend, make_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lakekit.table import Table

TARGETS = [MIB * 2**power for power in range(11)]
SHOWN_PARTITIONS = 8
_WIDE = {"style": {"description_width": "9em"}, "layout": {"width": "26em"}}


class FileSizePanel(Panel):
    """What the sizes of a table's files cost, and what compaction to a target would change and cost.

    Controls: target_mib, latency_ms, scans_per_day (full scans, for the payback), across_folders (files of several
    partitions may become one); without a table also files and file_kb (of 1,000 bytes), of a made-up lake of 365 days.

    Args:
        table: from ``lk.open_table``; the made-up lake of ``lk.sizing.example_files`` if not given.
        book: prices; those of us-east-1 if not given.

    Attributes:
        report: the SizeReport of the last answer.

    Example:
        >>> panel = FileSizePanel()
        >>> panel.report.frame["files"].to_list()
        [2920, 365]
        >>> panel.set(across_folders=True)
        >>> panel.report.frame["requests"].to_list()
        [2920, 10]
    """

    report: SizeReport

    def __init__(self, table: Table | None = None, *, book: PriceBook | None = None):
        self._table, self._book = table, book or load_book()
        targets = [(format_bytes(size), size // MIB) for size in TARGETS]
        wishes = {
            "target_mib": SelectionSlider(options=targets, value=256, description="target size", **_WIDE),
            "latency_ms": IntSlider(30, min=0, max=200, description="latency, ms", continuous_update=False, **_WIDE),
            "across_folders": Checkbox(False, description="merge partitions too", **_WIDE),
        }
        use = {
            "scans_per_day": FloatSlider(
                24, min=0, max=240, step=1, description="full scans a day", continuous_update=False, **_WIDE
            )
        }
        if table is None:
            use["files"] = IntSlider(
                2920, min=365, max=29200, step=365, description="files", continuous_update=False, **_WIDE
            )
            use["file_kb"] = IntSlider(26, min=1, max=2000, description="kB each", continuous_update=False, **_WIDE)
        super().__init__(wishes | use, arrangement=[HBox([VBox([*wishes.values()]), VBox([*use.values()])])])

    @property
    def sizes(self) -> Sizes:
        """The target, with the other lines moved where it would cross them."""
        target, usual = self.values["target_mib"] * MIB, Sizes()
        lines = ("alarm_bytes", "warn_bytes", "accepted_bytes")
        return replace(usual, target_bytes=target, **{name: min(getattr(usual, name), target) for name in lines})

    @property
    def model(self) -> ScanModel:
        """The model of seconds, with this latency."""
        return ScanModel(latency_ms=self.values["latency_ms"])

    @property
    def files(self) -> pl.DataFrame:
        """The files that are looked at: path and size_bytes at least."""
        if self._table is not None:
            return sizing.find_files(self._table)
        return sizing.example_files(self.values["files"], size_bytes=self.values["file_kb"] * 1000)

    def answer(self) -> Answer:
        self.report = sizing.report(
            self.files,
            sizes=self.sizes,
            model=self.model,
            book=self._book,
            across_folders=self.values["across_folders"],
        )
        details = self.report._repr_html_() + self._list_partitions()
        return Answer(self._describe(), self._draw(), self._write_code(), details=details)

    def _describe(self) -> str:
        now, then = self.report.frame.rows(named=True)
        lake = "" if self._table is not None else "A made-up lake: "
        files = format_number_of(now["files"], "file")
        return (
            f"{lake}{files}, {format_bytes(now['size_bytes'])}, become {then['files']:,}. "
            f"A full scan: {now['requests']:,} GETs and {now['seconds']:.2f} s now, "
            f"{then['requests']:,} and {then['seconds']:.2f} s compacted; an engine as installed "
            f"{now['engine_seconds']:.1f} s and {then['engine_seconds']:.1f} s. {self._describe_payback()}"
        )

    def _describe_payback(self) -> str:
        found, scans = self.report, self.values["scans_per_day"]
        cost = f"Compaction costs {format_usd(found.compaction_usd)} of requests"
        if found.payback_scans is None:
            return f"{cost} and saves no request." if found.compaction_usd else "No folder has files to merge."
        days = f", {found.payback_scans / scans:,.1f} days" if scans else ""
        return f"{cost}, paid back after {found.payback_scans:,.1f} full scans{days}."

    def _list_partitions(self) -> str:
        found = self.report.by_partition.with_columns(fewer=pl.col("files") - pl.col("files_after"))
        found = found.filter(pl.col("fewer") > 0).sort(["fewer", "partition"], descending=[True, False])
        rows = [
            (row["partition"] or "(all)", row["files"], row["files_after"], format_bytes(row["size_bytes"]),
             format_bytes(round(row["median_bytes"])))
            for row in found.head(SHOWN_PARTITIONS).iter_rows(named=True)
        ]  # fmt: skip
        title = f"Partitions where compaction matters most, {len(rows)} of {found.height:,}"
        columns = ["partition", "files", "compacted", "size", "median file"]
        return format_html_table(title, columns if rows else [], rows)

    def _write_code(self) -> str:
        values, sizes = self.values, self.sizes
        lines = ", ".join(
            f"{name}={getattr(sizes, name) // MIB} * lk.MIB"
            for name in ("alarm_bytes", "warn_bytes", "accepted_bytes", "target_bytes")
        )
        made = ""
        if self._table is None:
            made = f"table = lk.sizing.example_files({values['files']}, size_bytes={values['file_kb'] * 1000})\n"
        return (
            f"import lakekit as lk\n\n{made}"
            f"sizes = lk.sizing.Sizes({lines})\n"
            f"model = lk.sizing.ScanModel(latency_ms={values['latency_ms']})\n"
            f"report = lk.sizing.report(table, sizes=sizes, model=model, across_folders={values['across_folders']})\n"
        )

    def _draw(self) -> Figure:
        figure = make_figure(width_inches=9, height_inches=2.9)
        left, right = figure.subplots(1, 2, width_ratios=[2.4, 1])
        self._draw_sizes(left)
        _draw_seconds(right, self.report.frame)
        return figure

    def _draw_sizes(self, axes: Axes) -> None:
        style_axes(axes, title="Files by size", x_label="size of a file", y_label="files")
        layouts = (("now", self.report.histogram, BLUE, 0.0), ("compacted", self.report.histogram_after, ORANGE, 0.5))
        ends = [self.report.sizes.target_bytes]
        for label, bins, colour, offset in layouts:
            powers = np.log2(bins["from_bytes"].to_numpy().astype(float))
            axes.bar(powers + offset, bins["files"], width=0.45, align="edge", color=colour, label=label)
            ends += bins["from_bytes"].to_list()
        low, high = np.log2(min(ends)), np.log2(max(ends)) + 1
        axes.axvline(np.log2(self.report.sizes.target_bytes), color=RED, linestyle="--", linewidth=1.5, label="target")
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, None)
        ticks = np.arange(np.floor(low), high + 1, max(1, np.ceil((high - low) / 8)))
        axes.set_xticks(ticks, [format_bytes(int(2**power)) for power in ticks], fontsize=8)
        add_legend(axes, fontsize=9)


def _draw_seconds(axes: Axes, frame: pl.DataFrame) -> None:
    style_axes(axes, title="Seconds of a full scan")
    names = ["lakekit,\nnow", "compacted", "engine,\nnow", "compacted "]
    seconds = [*frame["seconds"], *frame["engine_seconds"]]
    bars = axes.barh(names, seconds, color=[BLUE, ORANGE, BLUE, ORANGE])
    axes.bar_label(bars, [f"{value:,.2f}" for value in seconds], padding=3, color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(seconds) * 1.3 or 1)
    axes.tick_params(labelsize=8)
