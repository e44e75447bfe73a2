"""Partitions as coloured squares: a calendar where they are days, a grid of two keys or of rows where not.

It must not know what a colour means: who calls it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from lakekit.widgets.panel import INK, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 31  # of a grid without keys for its columns
_LABELS = 12  # along one side, at most
_LETTER_INCHES = 0.09  # of a label, rather more than on average
_GRID_INCHES = 4, 2  # of the squares of a picture, width and height, rather less than there are

Cell = tuple[int, int]  # row, column


def find_day(folder: str) -> date | None:
    """The day that the last part of a folder names, as in ``date=2026-01-31/``; None where it names none.

    Example:
        >>> find_day("region=eu/date=2026-01-31/"), find_day("month=1/")
        (datetime.date(2026, 1, 31), None)
    """
    try:
        return date.fromisoformat(folder.rstrip("/").rpartition("/")[2].rpartition("=")[2])
    except ValueError:
        return None


def draw_calendar(axes: Axes, colours: Mapping[date, str], *, title: str, chosen: date | None = None) -> None:
    """A calendar: a column for each week, a row for each weekday, a square for each day; the chosen one has a frame."""
    style_axes(axes, title=title)
    first = min(colours) - timedelta(days=min(colours).weekday())
    places = {day: (day.weekday(), (day - first).days // 7) for day in colours}
    weeks = (max(colours) - first).days // 7 + 1
    _draw_cells(axes, {places[day]: colour for day, colour in colours.items()}, (7, weeks), places.get(chosen))
    axes.set_yticks([0, 2, 4, 6], ["Mon", "Wed", "Fri", "Sun"])
    starts = [first + timedelta(weeks=week, days=6) for week in range(weeks)]  # a week is of the month it ends in
    ticks = [week for week in range(weeks) if week == 0 or starts[week].month != starts[week - 1].month]
    ticks = [week for week in ticks if week == 0 or (week > 1 and starts[week] <= max(colours))][:: 1 + weeks // 60]
    axes.set_xticks(ticks, [_name_month(starts[week], with_year=week == ticks[0]) for week in ticks])


def draw_matrix(
    axes: Axes, colours: Mapping[tuple[str, str], str], *, title: str, chosen: tuple[str, str] | None = None
) -> None:
    """A grid with a row for each first folder and a column for each second, both in the order in which they come.

    Args:
        axes: where to draw.
        colours: by folders, such as ``("date=2026-01-31", "hour=7")``; what stands before the last "=" names the axis.
        title: what the colours mean.
        chosen: the one with a frame.
    """
    keys = next(iter(colours))
    style_axes(axes, title=title, x_label=_split_key(keys[1])[0])
    rows = {name: number for number, name in enumerate(dict.fromkeys(row for row, _ in colours))}
    columns = {name: number for number, name in enumerate(dict.fromkeys(column for _, column in colours))}
    places = {names: (rows[names[0]], columns[names[1]]) for names in colours}
    cells = {places[names]: colour for names, colour in colours.items()}
    _draw_cells(axes, cells, (len(rows), len(columns)), places.get(chosen) if chosen else None)
    names, (width, height) = [_split_key(name)[1] for name in columns], _GRID_INCHES
    label = (max(map(len, names)) + 1) * _LETTER_INCHES
    ticks, shown = _thin_out(names, max(1, min(_LABELS, int(width / label))))
    square, room = height / len(rows), label * len(shown) / len(names)  # of a column, in inches
    axes.set_aspect("auto" if len(rows) < len(columns) else min(1, square / room))
    axes.set_xticks(ticks, shown)
    axes.set_yticks(*_thin_out([_split_key(name)[1] for name in rows]))


def _split_key(folder: str) -> tuple[str, str]:
    """("hour", "7") of hour=7, and ("", "7") of 7 or of a=1/7."""
    key, _, value = folder.rpartition("=")
    return ("", folder) if "/" in folder else (key, value)


def draw_grid(axes: Axes, colours: Sequence[str], *, title: str, chosen: int | None = None) -> None:
    """A square for each partition, in order, row by row."""
    style_axes(axes, title=title)
    places = [divmod(number, COLUMNS) for number in range(len(colours))]
    shape = (len(colours) - 1) // COLUMNS + 1, min(COLUMNS, len(colours))
    cells = dict(zip(places, colours, strict=True))
    _draw_cells(axes, cells, shape, None if chosen is None else places[chosen])
    axes.set_xticks([])
    axes.set_yticks([])


def _name_month(day: date, *, with_year: bool) -> str:
    """Jan, with the year below where it begins; in English, whatever the language of this machine."""
    name = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[day.month - 1]
    return f"{name}\n{day.year}" if with_year or day.month == 1 else name


def _thin_out(names: Sequence[str], most: int = _LABELS) -> tuple[list[int], list[str]]:
    """Positions and names of labels that have room."""
    every = (len(names) - 1) // most + 1
    return list(range(0, len(names), every)), list(names[::every])


def _draw_cells(axes: Axes, cells: Mapping[Cell, str], shape: tuple[int, int], chosen: Cell | None) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    squares = [Rectangle((column - 0.45, row - 0.45), 0.9, 0.9) for row, column in cells]
    axes.add_collection(PatchCollection(squares, facecolors=list(cells.values()), edgecolors="none"))
    if chosen is not None:
        row, column = chosen
        axes.add_patch(Rectangle((column - 0.56, row - 0.56), 1.12, 1.12, fill=False, edgecolor=INK, linewidth=2.5))
    rows, columns = shape
    axes.set_xlim(-0.7, columns - 0.3)
    axes.set_ylim(rows - 0.3, -0.7)
    axes.set_aspect("equal", anchor="W")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
