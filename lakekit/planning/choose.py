"""Which tool brings data into the lake: by kind, rate, latency, replay and place; with reasons, numbers, alternatives.

It must not know prices or limits of its own: the tools bring theirs.

    >>> from lakekit.planning import choose
    >>> choose.choose_tool(choose.IngestNeed("events", latency_s=300, bytes_per_day=50 * 2**30)).tool
    'Firehose'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lakekit.errors import InvalidArgument
from lakekit.planning.answer import Answer, format_seconds, format_usd
from lakekit.planning.bill import Bill, use_book
from lakekit.planning.duration import format_bits
from lakekit.planning.needs import CONTINUOUS_S, FORMATS, KINDS, IngestNeed
from lakekit.planning.storage_class import ClassChoice, choose_storage_class
from lakekit.planning.tools import TOOLS
from lakekit.prices import PriceBook
from lakekit.units import format_bytes

__all__ = [
    "CONTINUOUS_S",
    "FORMATS",
    "KINDS",
    "ClassChoice",
    "IngestNeed",
    "ToolChoice",
    "choose_storage_class",
    "choose_tool",
]

NONE = "none of these"


@dataclass(frozen=True, repr=False)
class ToolChoice(Answer):
    """The tool for a need.

    Attributes:
        need: what was asked.
        tool: its name; "none of these" where something speaks against each.
        family: "batch", "micro-batch", "stream", "database", "transfer", "media" or "messaging"; "" for none.
        bill: what it costs a month (a transfer: once); None where that depends on more than was told.
        reasons: what speaks for it, with numbers.
        against: by tool, why not the others; "would do as well" for those that are only more to run.
        would_change: which other answer to which question leads to which tool.
    """

    need: IngestNeed
    tool: str
    family: str
    bill: Bill | None
    reasons: tuple[str, ...]
    against: dict[str, str]
    would_change: tuple[str, ...]

    @property
    def usd(self) -> float | None:
        """What it costs a month (a transfer: once), or None."""
        return self.bill.usd if self.bill is not None else None

    def title(self) -> str:
        cost = "" if self.bill is None else f", {self.bill.name}: {format_usd(self.bill.usd)}"
        return f"{self.tool} ({self.family}){cost}" if self.family else self.tool

    def facts(self) -> list[tuple[str, str]]:
        tools: dict[str, list[str]] = {}
        for name, text in self.against.items():
            tools.setdefault(text, []).append(name)
        return [(f"not {', '.join(names)}", text) for text, names in tools.items()]


def choose_tool(need: IngestNeed, *, book: PriceBook | None = None) -> ToolChoice:
    """The first tool, from the least to run to the most, that nothing speaks against.

    Messaging, media, Kafka, databases and files on premises have tools of their own. For the rest latency decides:
    an hour or more is a batch, a minute or more a micro-batch, less a stream; replay, several consumers and state
    need a stream as well.

    Args:
        need: what is to come into the lake.
        book: the prices; us-east-1 if not given. What has no price there is chosen all the same, without one.

    Example:
        >>> choice = choose_tool(IngestNeed("events", latency_s=0.2, bytes_per_day=50 * 2**30, replay_hours=24))
        >>> choice.tool, round(choice.usd, 2)  # 10.95 + 1,594.7 x 0.014
        ('Kinesis Data Streams', 33.28)
        >>> choice.against["Firehose"]
        'it keeps nothing to read again; 24 hours of replay are asked for'
    """
    book, found, against = use_book(book), None, {}
    for tool in TOOLS:
        objection = tool.object_to(need)
        if not objection and found is None:
            found = tool
        else:
            against[tool.name] = objection or "would do as well, with more to run"
    changes = tuple(find_changes(need))
    if found is None:
        reasons = ("something speaks against each tool; see the list",)
        return ToolChoice(need, NONE, "", None, reasons, against, changes)
    reasons = found.argue_for(need)
    try:
        bill = found.price(need, book)
    except InvalidArgument as unpriced:  # more than the price list knows, or a region without that price
        bill = None
        reasons.append(f"no price: {unpriced.what}")
    return ToolChoice(need, found.name, found.family, bill, tuple(reasons), against, changes)


def find_tool_name(need: IngestNeed) -> str:
    """The name of the tool for a need, without its reasons."""
    return next((tool.name for tool in TOOLS if not tool.object_to(need)), NONE)


def find_changes(need: IngestNeed) -> list[str]:
    """Which other answer to one of the questions leads to another tool, found by asking again, nearest first.

    Example:
        >>> find_changes(IngestNeed("tasks", latency_s=1))[0]
        'replay_hours 24 instead of 0: Kinesis Data Streams'
    """
    now, texts = find_tool_name(need), []
    for name, values, show in _NUMBERS:
        texts += _find_threshold(need, now, name, values, show)
    for name in ("needs_state", "stays_in_sync", "on_premises", "keeps_local_access"):
        other = not getattr(need, name)
        tool = find_tool_name(replace(need, **{name: other}))
        if tool != now:
            texts.append(f"{name}={other}: {tool}")
    if need.kind == "events":
        texts.append("programs that speak Kafka: MSK")
    return texts


def _find_threshold(
    need: IngestNeed, now: str, name: str, values: tuple[float, ...], show: Callable[[Any], str]
) -> list[str]:
    """The nearest value below and above that leads elsewhere, narrowed down to two digits."""
    value, texts = getattr(need, name), []
    if value is None:
        return []
    below = [other for other in reversed(values) if other < value]
    above = [other for other in values if other > value]
    for word, others in (("below", below), ("from", above)):
        same = value
        for other in others:
            tool = find_tool_name(replace(need, **{name: other}))
            if tool != now:
                text = _describe_threshold(need, name, (same, other), word, show)
                texts.append(f"{text}: {tool}")
                break
            same = other
    return texts


def _describe_threshold(
    need: IngestNeed, name: str, between: tuple[float, float], word: str, show: Callable[[Any], str]
) -> str:
    same, other = between
    if name in _WHOLE:
        return f"{name} {show(other)} instead of {show(getattr(need, name))}"
    tool = find_tool_name(replace(need, **{name: same}))
    for _ in range(20):
        middle = (same + other) / 2
        if find_tool_name(replace(need, **{name: middle})) == tool:
            same = middle
        else:
            other = middle
    edge = same if word == "below" else other  # the last that stays, or the first that goes
    return f"{name} {word} {show(edge)}"


def _show_days(days: float) -> str:
    return f"{days:.3g} days"


_WHOLE = ("replay_hours", "consumers")
_NUMBERS: tuple[tuple[str, tuple[float, ...], Callable[[Any], str]], ...] = (
    ("latency_s", (0.01, 0.1, 1, 30, 120, 1800, 7200, 86_400), format_seconds),
    ("arrives_every_s", (0, 1800, 7200, 86_400), format_seconds),
    ("replay_hours", (0, 24), lambda hours: f"{hours:g}"),
    ("consumers", (1, 2), lambda count: f"{count:g}"),
    ("record_bytes", (1024, 2_000_000, 20_000_000), lambda size: format_bytes(round(size))),
    ("bytes_per_day", tuple(10.0**power for power in range(6, 18)), lambda size: format_bytes(round(size))),
    ("bits_per_s", tuple(10.0**power for power in range(6, 12)), format_bits),
    ("deadline_days", (0.01, 0.1, 1, 10, 100, 1000), _show_days),
)
