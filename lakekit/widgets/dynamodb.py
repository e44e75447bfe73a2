"""DynamoDBPanel: an item, its traffic, and what that needs: units, partitions, throttling over a day, a month's bill.

It must not compute anything itself: it asks `lakekit.dynamodb`, and shows how to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ipywidgets import Dropdown, FloatSlider, GridBox, IntSlider, IntText, Layout, Text, Textarea

from lakekit import dynamodb as ddb
from lakekit.display import format_html_table
from lakekit.errors import InvalidArgument
from lakekit.prices import list_regions
from lakekit.units import format_bytes
from lakekit.widgets.dynamodb_picture import draw_day
from lakekit.widgets.panel import Answer, Panel

if TYPE_CHECKING:
    from lakekit.dynamodb import Comparison, Entity, TableDesign, Workload

ITEM = '{"player": "ann", "level": 7, "city": "Rome", "bio": "plays at night"}'
PASTED = "pasted JSON"
CURVES = ("constant", "by the hour", "working hours")
MODES = ("on-demand", "provisioned", "autoscaled")
DAY = ddb.CompareOptions(days=1)
LATE = {"continuous_update": False}
WIDE = {"layout": Layout(width="95%"), "style": {"description_width": "110px"}}


class DynamoDBPanel(Panel):
    """What a table of your items and your traffic needs and costs, live.

    Paste an item, or hand over tables of items and pick one; move the sliders. Its text names the cheapest mode and
    why; below are the bills, the course of a day in the chosen mode, and the same as code.

    Args:
        frames: tables whose rows are items, by name, to pick from beside the pasted item.
        values: of controls at the start: item, frame, items, reads, writes, consistency, indexes, projection, curve,
            spike, spike_minutes, hot_key_percent, mode, region.

    Attributes:
        comparison: every mode's bill and simulation, as `lakekit.dynamodb.compare_modes` gives it.

    Raises:
        InvalidArgument: a value of no control.

    Example:
        >>> panel = DynamoDBPanel(reads=100, writes=100, curve="constant")
        >>> panel.comparison.cheapest_uncommitted.name
        'provisioned, STANDARD'
        >>> panel.set(curve="by the hour", spike=20)
        >>> panel.comparison.cheapest_uncommitted.name
        'on-demand, STANDARD'
    """

    def __init__(self, frames: Mapping[str, Any] | None = None, **values: Any):
        self.comparison: Comparison | None = None
        self._frames = dict(frames or {})
        controls = _make_controls(list(self._frames))
        unknown = [name for name in values if name not in controls]
        if unknown:
            raise InvalidArgument(f"DynamoDBPanel has no {unknown[0]!r}.", hint=f"controls: {', '.join(controls)}.")
        for name, value in values.items():
            controls[name].value = value
        rest = [control for name, control in controls.items() if name != "item"]
        grid = GridBox(rest, layout=Layout(grid_template_columns="1fr 1fr"))
        super().__init__(controls, arrangement=[controls["item"], grid])

    def answer(self) -> Answer:
        """Bills, a day, and the code, for the controls as they are."""
        values = self.values
        items = _pick_items(values, self._frames)
        table = _make_table(values, items)
        entity = ddb.make_entity("item", items, table, count=max(1, values["items"]))
        workload = _make_workload(values, table, entity)
        self.comparison = ddb.compare_modes(workload, rates=values["region"], options=DAY)
        simulation = self.comparison.simulations[values["mode"]]
        best = self.comparison.cheapest_uncommitted
        chosen = self.comparison.get(values["mode"])
        text = (
            f"{best.mode} is cheapest without a commitment, ${best.usd:,.2f} a month "
            f"({chosen.mode}, as chosen: ${chosen.usd:,.2f}). {_explain(self.comparison)} "
            f"{values['mode']}: {simulation.text}"
        )
        rows = _list_facts(values, workload, self.comparison)
        details = format_html_table("", ["", ""], rows) + self.comparison._repr_html_()
        return Answer(text, draw_day(self.comparison, values["mode"]), _write_code(values), details=details)


def _make_controls(frames: list[str]) -> dict[str, Any]:
    def slide(description: str, value: float, most: float, **more: Any) -> FloatSlider:
        bounds = {"value": value, "min": 0, "max": most}
        return FloatSlider(**bounds, description=description, readout_format=",.0f", **LATE, **WIDE, **more)

    sources = {"options": [PASTED, *frames], "value": frames[0] if frames else PASTED}

    return {
        "item": Textarea(value=ITEM, description="item", rows=3, **LATE, **WIDE),
        "frame": Dropdown(**sources, description="items of", **WIDE),
        "items": IntText(value=1_000_000, description="items stored", **WIDE),
        "reads": slide("reads a second", 200, 10_000),
        "writes": slide("writes a second", 50, 10_000),
        "consistency": Dropdown(options=["eventual", "strong"], description="reads are", **WIDE),
        "indexes": Text(value="", placeholder="city, level", description="indexes on", **LATE, **WIDE),
        "projection": Dropdown(options=["ALL", "KEYS_ONLY"], description="they keep", **WIDE),
        "curve": Dropdown(options=CURVES, value="by the hour", description="over the day", **WIDE),
        "spike": slide("spike at noon, x", 0, 50, step=1),
        "spike_minutes": IntSlider(value=30, min=1, max=240, description="for minutes", **LATE, **WIDE),
        "hot_key_percent": slide("hottest key, %", 0, 100),
        "mode": Dropdown(options=MODES, value="autoscaled", description="mode", **WIDE),
        "region": Dropdown(options=list_regions(), value="us-east-1", description="region", **WIDE),
    }


def _pick_items(values: Mapping[str, Any], frames: Mapping[str, Any]) -> Any:
    if values["frame"] != PASTED:
        return frames[values["frame"]]
    try:
        parsed = json.loads(values["item"])
    except ValueError as exc:
        raise InvalidArgument(f"The item is not JSON: {exc}.", hint=f"for example {ITEM}") from exc
    items = parsed if isinstance(parsed, list) else [parsed]
    if not items or not all(isinstance(item, dict) and item for item in items):
        raise InvalidArgument("The item is no object of JSON.", hint=f"for example {ITEM}")
    return items


def _list_attributes(items: Any) -> list[str]:
    return list(items[0]) if isinstance(items, list) else list(ddb.read_frame(items).columns)


def _make_table(values: Mapping[str, Any], items: Any) -> TableDesign:
    """A table whose partition key is the first attribute, with an index on each that was named."""
    names = [name.strip() for name in values["indexes"].split(",") if name.strip()]
    attributes = _list_attributes(items)
    for name in names:
        if name not in attributes:
            raise InvalidArgument(f"No item has the attribute {name!r}.", hint=f"there are: {', '.join(attributes)}.")
    indexes = tuple(ddb.Index(f"by_{name}", name, projection=values["projection"]) for name in dict.fromkeys(names))
    return ddb.TableDesign("table", attributes[0], indexes=indexes)


def _make_curve(rate: float, values: Mapping[str, Any]) -> Any:
    shapes = {
        "constant": ddb.Constant(rate),
        "by the hour": ddb.Daily(low=rate * 0.2, high=rate * 1.8, peak_hour=20),
        # ten hours of 2 and fourteen of 2 / 7: (20 + 4) / 24 = 1
        "working hours": ddb.Recorded(tuple(rate * (2 if 8 <= hour < 18 else 2 / 7) for hour in range(24)), 3600),
    }
    spike = ddb.Spike(12, rate * values["spike"], rise_minutes=2, hold_minutes=values["spike_minutes"], fall_minutes=5)
    return shapes[values["curve"]] + spike


def _make_workload(values: Mapping[str, Any], table: TableDesign, entity: Entity) -> Workload:
    reads, writes = _make_curve(values["reads"], values), _make_curve(values["writes"], values)
    patterns = (
        ddb.AccessPattern("reads", "GetItem", "item", reads, consistency=values["consistency"]),
        ddb.AccessPattern("writes", "PutItem", "item", writes),
    )
    hot = values["hot_key_percent"] / 100
    keys = {"table": ddb.make_hot_key(hot, name="the hottest")} if hot else {}
    return ddb.Workload(table, (entity,), patterns, keys)


def _explain(comparison: Comparison) -> str:
    """Why, in a sentence."""
    share, even = comparison.utilisation, comparison.break_even["write"]
    side = "below" if share < even else "above"
    return f"On average {share:.0%} of the peak is used, {side} the {even:.0%} at which on-demand costs the same."


def _list_facts(values: Mapping[str, Any], workload: Workload, comparison: Comparison) -> list[tuple[str, str]]:
    sizes = workload.entities[0].sizes
    read, write = (ddb.count_pattern_units(pattern, workload) for pattern in workload.patterns)
    entries = ", ".join(f"{units:g} in {name}" for name, units in write.items() if name != "table")
    demand = comparison.demand
    peaks = {kind: float(demand.get("table", kind).max()) for kind in ("read", "write")}
    size_bytes = demand.stored_bytes["table"]
    parts = ddb.count_partitions(read_units=peaks["read"], write_units=peaks["write"], size_bytes=size_bytes)
    needs = f"{parts.by_reads} by reads, {parts.by_writes} by writes, {parts.by_size} by size"
    kind = max(peaks, key=lambda kind: peaks[kind] / (3000 if kind == "read" else 1000))
    top_share = max(values["hot_key_percent"] / 100, 1e-6)
    hot = ddb.check_hot_key(peaks[kind], top_share, kind=kind, is_one_item=True)
    return [
        ("item", f"{sizes.mean_bytes:,.0f} bytes on average, the largest {format_bytes(sizes.largest_bytes)}"),
        ("a read", f"{sum(read.values()):g} read units"),
        ("a write", f"{write['table']:g} write units{f', and {entries}' if entries else ''}"),
        ("at the peak", f"{peaks['read']:,.0f} read and {peaks['write']:,.0f} write units a second on the table"),
        ("partitions", f"at least {parts.at_least}: {needs}"),
        ("hottest key", hot.advice),
    ]


def _write_code(values: Mapping[str, Any]) -> str:
    """Python that computes the same, with the values of the controls written out."""
    names = [name.strip() for name in values["indexes"].split(",") if name.strip()]
    projection = values["projection"]
    indexes = "".join(f"ddb.Index('by_{name}', {name!r}, projection={projection!r}), " for name in names)
    if values["frame"] == PASTED:
        given = f"items = json.loads({values['item']!r})\nitems = items if isinstance(items, list) else [items]"
        first = "next(iter(items[0]))"
    else:
        given, first = f"items = …  # your table {values['frame']!r}", "items.columns[0]"
    hot = values["hot_key_percent"] / 100
    keys = f"{{'table': ddb.make_hot_key({hot:g})}}" if hot else "{}"
    reads, writes = (_make_curve(values[name], values) for name in ("reads", "writes"))
    return "\n".join(
        [
            "import json",
            "from lakekit import dynamodb as ddb",
            "from lakekit.dynamodb import AccessPattern, Constant, Daily, Recorded, Spike",
            "",
            given,
            f"table = ddb.TableDesign('table', {first}, indexes=({indexes}))",
            f"entity = ddb.make_entity('item', items, table, count={max(1, values['items'])})",
            "patterns = (",
            f"    AccessPattern('reads', 'GetItem', 'item', {_show(reads)}, consistency={values['consistency']!r}),",
            f"    AccessPattern('writes', 'PutItem', 'item', {_show(writes)}),",
            ")",
            f"workload = ddb.Workload(table, (entity,), patterns, {keys})",
            "options = ddb.CompareOptions(days=1)",
            f"comparison = ddb.compare_modes(workload, rates={values['region']!r}, options=options)",
            f"print(comparison.simulations[{values['mode']!r}].text)",
            "print(comparison)",
        ]
    )


def _show(curve: Any) -> str:
    """A curve as code; a recording in full, which its repr is not."""
    parts = curve.parts
    shown = [
        f"Recorded({part.per_s}, {part.step_s})" if isinstance(part, ddb.Recorded) else repr(part) for part in parts
    ]
    return " + ".join(shown)
