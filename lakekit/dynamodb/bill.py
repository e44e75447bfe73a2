"""A bill: lines with quantity, price, date and source, that add up.

It must not know what the lines are for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb.rates import Rates

_COLUMNS = ["what", "quantity", "unit", "USD each", "USD", "price of"]


@dataclass(frozen=True)
class Line:
    """One line of a bill.

    Attributes:
        what: such as "writes, on-demand".
        quantity, unit: how much of what.
        usd_each: for one of them.
        as_of, source: of the price.
        id: of the price in the book.
    """

    what: str
    quantity: float
    unit: str
    usd_each: float
    as_of: str = ""
    source: str = ""
    id: str = ""

    @property
    def usd(self) -> float:
        """Quantity times price."""
        return self.quantity * self.usd_each


@dataclass(frozen=True)
class Bill:
    """Lines that add up. Bills add up with `+`, and repeat with `*`.

    Attributes:
        lines: of the bill.
        region: whose prices they are.
        note: what else to know.
    """

    lines: tuple[Line, ...]
    region: str = ""
    note: str = ""

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(line.usd for line in self.lines)

    def get(self, what: str) -> float:
        """USD of the lines that begin with a text.

        Example:
            >>> Bill((Line("writes, on-demand", 10, "WRU", 0.5), Line("storage", 2, "GB", 0.25))).get("writes")
            5.0
        """
        return sum(line.usd for line in self.lines if line.what.startswith(what))

    def __add__(self, other: Bill) -> Bill:
        notes = dict.fromkeys(note for note in (self.note, other.note) if note)
        return Bill(self.lines + other.lines, self.region or other.region, " ".join(notes))

    def __mul__(self, factor: float) -> Bill:
        lines = (
            Line(line.what, line.quantity * factor, line.unit, line.usd_each, line.as_of, line.source, line.id)
            for line in self.lines
        )
        return Bill(tuple(lines), self.region, self.note)

    @property
    def sources(self) -> dict[str, str]:
        """Addresses of the prices, with their dates."""
        return {line.source: line.as_of for line in self.lines if line.source}

    def _rows(self) -> list[tuple]:
        rows = [
            (line.what, f"{line.quantity:,.1f}", line.unit, f"{line.usd_each:.6g}", f"{line.usd:,.2f}", line.as_of)
            for line in self.lines
        ]
        return [*rows, ("total", "", "", "", f"{self.usd:,.2f}", "")]

    def _describe_sources(self) -> str:
        text = f"{self.note} " if self.note else ""
        return text + "Prices: " + "; ".join(f"{source} ({as_of})" for source, as_of in self.sources.items())

    def __str__(self) -> str:
        return f"Bill of {self.region}\n{format_text_table(_COLUMNS, self._rows())}\n{self._describe_sources()}"

    def _repr_html_(self) -> str:
        return format_html_table(f"Bill of {self.region}", _COLUMNS, self._rows(), note=self._describe_sources())


def make_line(what: str, quantity: float, id: str, rates: Rates) -> Line:
    """A line at the price of an id."""
    price = rates.price(id)
    source, as_of = ("your own price", "") if id in rates.own else (price.source, price.as_of)
    # the unit of one single thing: prices are for a million, lines are not
    unit = price.unit.removeprefix(f"{price.per:,} ") if price.per > 1 else price.unit
    has_steps = bool(price.tiers) and id not in rates.own and quantity > 0
    usd_each = price.cost_usd(quantity) / quantity if has_steps else rates.usd(id)
    return Line(what, quantity, unit, usd_each, as_of, source, id)


def make_bill(lines: Iterable[Line], rates: Rates, *, note: str = "") -> Bill:
    """A bill of a region; lines of nothing are left out."""
    return Bill(tuple(line for line in lines if line.quantity), rates.region, note)
