"""A panel to walk through a lake: tables, partitions, files, columns and their drift, rows; and the same as code.

It must not read data unless rows are asked for: all else is in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from ipywidgets import Checkbox, Dropdown, HBox, IntSlider, VBox

from lakekit.columns import exact_name
from lakekit.display import escape_html, format_html_table
from lakekit.errors import InvalidArgument, LakekitError
from lakekit.units import format_bytes, format_count, format_number_of
from lakekit.widgets.cells import draw_calendar, draw_grid, draw_matrix, find_day
from lakekit.widgets.explorer_facts import (
    MEASURES,
    colour_classes,
    colour_numbers,
    list_columns,
    list_partitions,
    list_ticks,
    select_files,
)
from lakekit.widgets.panel import INK, RED, Answer, Panel, make_figure, style_axes
from lakekit.widgets.tiering import CLASS_COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lakekit.lake import Lake
    from lakekit.table import Table

MAX_SQUARES = 1500  # partitions in the picture; of more, those around the chosen one
MAX_FILES = 200  # to pick from
SHOWN_FILES = 10
SHOWN_ROWS = 8
COLOURS = ("files", "bytes", "rows", "class", "drift")
ALL = "all files"
_WIDE = {"style": {"description_width": "7em"}, "layout": {"width": "28em"}}


class LakeExplorer(Panel):
    """What lies in a lake: pick a table, move through its partitions, pick a file; see columns, drift and rows.

    Controls: table; colour ("files", "bytes", "rows", "class", "drift"); partition (its number, 0 for all of them);
    file (its path, or "all files"); rows (whether to read and show the first ones).

    Args:
        lake: from ``lk.open_lake``.
        values: of controls at the start, such as ``table="flights"``.

    Attributes:
        table: the Table that is shown.
        partitions: one row for each partition of it: name, files, size_bytes, rows, classes, drifting.
        files: the files of the chosen partition.

    Raises:
        InvalidArgument: a value of no control; no lake, or one without tables.

    Example:
        >>> import lakekit as lk
        >>> explorer = LakeExplorer(lk.open_lake("data/sample/lake"), table="weather", colour="drift")
        >>> explorer.set(partition=10)
        >>> explorer.text
        'weather, partition 10 of 31, date=2013-03-10: 1 file, 4.7 KiB, 69 rows; differs in wind_gust, precip, visib.'
    """

    table: Table
    partitions: pl.DataFrame
    files: pl.DataFrame

    def __init__(self, lake: Lake, **values: Any):
        if not isinstance(lake, Mapping):
            what = f"A lake is wanted, and a {type(lake).__name__} was given."
            raise InvalidArgument(what, hint='lk.open_lake("s3://bucket/prefix") opens one.')
        self._lake = lake
        if not lake:
            raise InvalidArgument(f"No table of {lake.url} can be opened.", hint="lake.failed says why.")
        # what the lake holds besides tables cannot be picked, and is named in the text
        controls = {
            "table": Dropdown(options=list(lake), value=_find_widest(lake), description="table", **_WIDE),
            "colour": Dropdown(options=COLOURS, description="colour by", **_WIDE),
            "partition": IntSlider(0, min=0, max=1, description="partition", continuous_update=False, **_WIDE),
            "file": Dropdown(options=[ALL], description="file", **_WIDE),
            "rows": Checkbox(False, description="show first rows", **_WIDE),
        }
        self.controls, self._is_held = controls, True
        controls["table"].observe(self._turn_to_table, "value")
        controls["partition"].observe(self._turn_to_partition, "value")
        self._turn_to_table()
        left = [controls[name] for name in ("table", "partition", "file")]
        right = [controls[name] for name in ("colour", "rows")]
        super().__init__(controls, arrangement=[HBox([VBox(left), VBox(right)])])
        if values:
            self.set(**values)

    def _turn_to_table(self, change: Any = None) -> None:
        """Fit the slider to the table's partitions; the answer follows."""
        self.table = self._lake[self.controls["table"].value]
        self.partitions = list_partitions(self.table)
        held, self._is_held = self._is_held, True
        slider = self.controls["partition"]
        slider.value, slider.max, slider.disabled = 0, self.partitions.height, self.partitions.height < 2
        self._is_held = held
        self._turn_to_partition()

    def _turn_to_partition(self, change: Any = None) -> None:
        """Fit the files to pick from to the partition; the answer follows."""
        self.files = select_files(self.table, self._chosen_values)
        held, self._is_held = self._is_held, True
        self.controls["file"].options = [ALL, *self.files["path"].head(MAX_FILES)]
        self._is_held = held

    @property
    def _chosen_values(self) -> Sequence[Any] | None:
        """The values of the chosen partition's keys; None for all partitions."""
        number = self.controls["partition"].value
        return self.partitions["values"][number - 1] if number else None

    @property
    def _chosen_file(self) -> str | None:
        path = self.controls["file"].value
        return None if path == ALL else path

    def answer(self) -> Answer:
        text = self._describe()
        details = self._show_files() + self._show_columns() + self._show_rows()
        return Answer(text, self._draw(), self._write_code(), details=details)

    def _describe(self) -> str:
        number, count = self.values["partition"], self.partitions.height
        where = f"all {format_count(count)} partitions" if self.table.manifest.schema.keys else "not partitioned"
        drifting = list(self.table.drift.variants)
        drift = f"drift in {', '.join(drifting)}" if drifting else "no drift"
        if number:
            where = f"partition {format_count(number)} of {format_count(count)}, {self._chosen_name}"
            differing = self._find_differing()
            drift = f"differs in {', '.join(differing)}" if differing else "as the table"
        size = format_bytes(self.files["size_bytes"].sum())
        total = f"{format_number_of(self.files.height, 'file')}, {size}, {format_number_of(self._rows, 'row')}"
        failed = f" Not a table: {', '.join(self._lake.failed)}." if self._lake.failed else ""
        return f"{self.table.name}, {where}: {total}; {drift}.{failed}"

    @property
    def _chosen_name(self) -> str:
        return self.partitions["name"][self.values["partition"] - 1]

    @property
    def _is_folder(self) -> bool:
        return self.table.store.address.scheme == "file"

    @property
    def _rows(self) -> int:
        return int(self.files["rows"].sum())

    def _find_differing(self) -> list[str]:
        """Columns that some file of the chosen partition holds with another type than the table's, or lacks."""
        paths = set(self.files["path"])
        return [
            column
            for column, variants in self.table.drift.variants.items()
            if any(v.supply != "same" and not paths.isdisjoint(v.paths) for v in variants)
        ]

    def _show_files(self) -> str:
        path = self._chosen_file
        files = self.files.filter(pl.col("path") == path) if path else self.files
        columns = ["path", "bytes", "rows", "row groups", "written, UTC", "storage class"]
        rows = [
            (f["path"], f["size_bytes"], f["rows"], f["row_groups"], f"{f['modified_at']:%F %R}", f["storage_class"])
            for f in files.head(SHOWN_FILES).iter_rows(named=True)
        ]
        if self._is_folder:  # which has no storage classes
            columns, rows = columns[:-1], [row[:-1] for row in rows]
        more = files.height - len(rows)
        picks = f", the first {MAX_FILES} of them to pick from" if files.height > MAX_FILES else ""
        note = f"and {format_number_of(more, 'file')} more{picks}" if more else ""
        return format_html_table(f"Files ({format_count(files.height)})", columns, rows, note=note)

    def _show_columns(self) -> str:
        rows = [(f"⚠ {name}" if drift else name, *rest, drift) for name, *rest, drift in self._list_columns()]
        title = f"Columns, and how {self._chosen_file} holds them" if self._chosen_file else "Columns"
        return format_html_table(title, ["column", "type", "drift"], rows)

    def _list_columns(self) -> list[tuple[str, str, str]]:
        return list_columns(self.table, self._chosen_file)

    def read_rows(self) -> pl.DataFrame:
        """The first rows of the chosen partition, or of the table: this reads data.

        Raises: as ``table.polars()`` when it is collected.
        """
        rows = self.table.polars()
        for key, value in zip(self.table.manifest.schema.keys, self._chosen_values or (), strict=False):
            column = pl.col(exact_name(key))
            rows = rows.filter(column.is_null() if value is None else column == pl.lit(value))
        return rows.head(SHOWN_ROWS).collect()

    def _show_rows(self) -> str:
        if not self.values["rows"]:
            return ""
        try:
            rows = self.read_rows()
        except LakekitError as error:
            return f'<pre style="color:{RED};white-space:pre-wrap">{escape_html(str(error))}</pre>'
        title = f"First rows of {self._chosen_name if self.values['partition'] else self.table.name}"
        return f'<div style="overflow-x:auto">{format_html_table(title, rows.columns, rows.rows())}</div>'

    def _write_code(self) -> str:
        pairs = list(zip(self.table.manifest.schema.keys, self._chosen_values or (), strict=False))
        lines = ["import datetime", ""] if any("datetime." in repr(value) for _, value in pairs) else []
        lines += ["import polars as pl", "", "import lakekit as lk", ""]
        lines += [] if self._is_folder else ["# with the storage= that you chose:"]
        lines += [f"lake = lk.open_lake({self._lake.url!r})", f"table = lake[{self.table.name!r}]"]
        files, rows = "table.files", "table.polars()"
        for key, value in pairs:
            is_it = ".is_null()" if value is None else f" == {value!r}"
            files += f".filter(pl.col('partition').struct.field({key!r}){is_it})"
            rows += f".filter(pl.col({exact_name(key)!r}){is_it})"
        if self._chosen_file:
            files += f".filter(pl.col('path') == {self._chosen_file!r})"
        lines += [f"files = {files}", "print(files.drop('stats'))", "print(table.schema, table.drift, sep='\\n\\n')"]
        return "\n".join([*lines, *([f"rows = {rows}.head({SHOWN_ROWS}).collect()"] if self.values["rows"] else [])])

    def _draw(self) -> Figure:
        number, count = self.values["partition"], self.partitions.height
        start = max(0, min(number - MAX_SQUARES // 2, count - MAX_SQUARES))
        shown = self.partitions.slice(start, MAX_SQUARES)
        chosen = number - 1 - start if number else None
        figure = make_figure(width_inches=9, height_inches=3)
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        some = "" if shown.height == count else f", {format_count(shown.height)} of {format_count(count)}"
        colours, legend = self._colour_partitions(shown)
        self._draw_partitions(left, shown, colours, chosen, some)
        self._draw_numbers(right, shown, colours, chosen, start + 1)
        handles = [left.scatter([], [], marker="s", s=60, color=colour) for colour in legend.values()]
        look = {"frameon": False, "labelcolor": INK, "fontsize": 8.5, "columnspacing": 1, "handletextpad": 0.2}
        figure.legend(handles, list(legend), loc="outside lower left", ncols=5, **look)
        return figure

    def _colour_partitions(self, shown: pl.DataFrame) -> tuple[list[str], dict[str, str]]:
        """A colour for each partition by what is asked for, and what each colour stands for."""
        if self.values["colour"] == "class":
            return colour_classes(shown["classes"].to_list(), CLASS_COLOURS)
        measure = MEASURES[self.values["colour"]]
        return colour_numbers(shown[measure.column].to_list(), measure)

    def _draw_partitions(
        self, axes: Axes, shown: pl.DataFrame, colours: list[str], chosen: int | None, some: str
    ) -> None:
        """A square for each partition."""
        colour_by = self.values["colour"]
        what = "storage class" if colour_by == "class" else MEASURES[colour_by].title
        title = f"{what} by partition{some}"
        names = shown["name"].to_list()
        days, pairs = [find_day(name) for name in names], [tuple(name.rpartition("/")[::2]) for name in names]
        if None not in days and len(set(days)) == len(days):
            which = None if chosen is None else days[chosen]
            draw_calendar(axes, dict(zip(days, colours, strict=True)), title=title, chosen=which)
        elif len(self.table.manifest.schema.keys) > 1:
            which = None if chosen is None else pairs[chosen]
            draw_matrix(axes, dict(zip(pairs, colours, strict=True)), title=title, chosen=which)
        else:
            draw_grid(axes, colours, title=title, chosen=chosen)

    def _draw_numbers(
        self, axes: Axes, shown: pl.DataFrame, colours: list[str], chosen: int | None, first: int
    ) -> None:
        """The number of each partition as a bar, in order and in the colour of its square; the chosen one is framed."""
        measure = MEASURES.get(self.values["colour"], MEASURES["bytes"])
        style_axes(axes, title=f"{measure.title}, in order", x_label="partition")
        numbers = shown[measure.column].to_list()
        places = range(first, first + len(numbers))
        bars = axes.bar(places, numbers, color=colours, width=0.8)
        if chosen is not None:
            bars[chosen].set(edgecolor=INK, linewidth=2.5)
        axes.set_ylim(0, max(numbers) * 1.1 or 1)
        ticks = list_ticks(max(numbers), measure)
        axes.set_yticks(ticks, [measure.format(tick) for tick in ticks])
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)


def _find_widest(lake: Lake) -> str:
    """The table with the most partitions, for a first look."""
    return max(lake, key=lambda name: len(lake[name].manifest.folders.names))
