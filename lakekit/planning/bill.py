"""A bill: what is charged, how much of it, at which price of which date, and the sum.

It must not decide how much is used: the services' own modules do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument
from lakekit.planning.answer import format_figure, format_usd
from lakekit.prices import Price, PriceBook, load_book

HOURS_PER_MONTH = 730  # what AWS's calculator counts; https://calculator.aws, read 2025
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
DOUBTFUL = ("secondary", "unverified", "conflict")  # how sure a price must be, not to be named in the notes


@dataclass(frozen=True)
class Charge:
    """One line of a bill.

    Attributes:
        what: such as ``"shards"``; the name that ``Bill[…]`` knows it by.
        quantity: how many single things: shard-hours, requests, GB.
        usd: what they cost.
        price: the price, with its unit, date, source and how sure it is.
    """

    what: str
    quantity: float
    usd: float
    price: Price


@dataclass(frozen=True, repr=False)
class Bill:
    """Charges and their sum in USD. ``bill["shards"]`` is the USD of one charge, ``bill.usd`` of all.

    Attributes:
        name: what is paid for.
        charges: one for each price.
        notes: what the sum leaves out, or which figure was chosen where AWS gives several.
        unused: the names of charges of which nothing is used; ``bill[…]`` is 0 for them.
    """

    name: str
    charges: tuple[Charge, ...]
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """The sum."""
        return sum((charge.usd for charge in self.charges), 0.0)

    def __getitem__(self, what: str) -> float:
        found = [charge.usd for charge in self.charges if charge.what == what]
        if not found and what not in self.unused:
            names = ", ".join(dict.fromkeys(charge.what for charge in self.charges)) or "no charges"
            raise InvalidArgument(f"The bill for {self.name} has no {what!r}.", hint=f"it has {names}.")
        return sum(found, 0.0)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The prices that were not read on a page of AWS, or on which pages differ."""
        doubtful = {charge.price.id: charge.price for charge in self.charges if charge.price.confidence in DOUBTFUL}
        texts = []
        for price in doubtful.values():
            note = f"; {price.note}" if price.note else ""
            texts.append(f"{price.id} is {price.confidence} (read {price.as_of}{note})")
        return tuple(texts)

    def _title(self) -> str:
        return f"{self.name}: {format_usd(self.usd)}"

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                charge.what,
                format_figure(charge.quantity / charge.price.per),
                charge.price.unit,
                f"{charge.price.value:g}{' …' if charge.price.tiers else ''}",
                format_usd(charge.usd),
            )
            for charge in self.charges
        ]

    def _remarks(self) -> list[str]:
        return [*self.notes, *self.doubts]

    def __repr__(self) -> str:
        table = format_text_table(["charge", "quantity", "unit", "price", "usd"], self._rows()) if self.charges else ""
        return "\n".join([self._title(), *([table] if table else []), *(f"  note: {text}" for text in self._remarks())])

    def _repr_html_(self) -> str:
        rows = [
            (*row, f"{charge.price.as_of}, {charge.price.confidence}")
            for row, charge in zip(self._rows(), self.charges, strict=True)
        ]
        columns = ["charge", "quantity", "unit", "price", "usd", "price read"]
        return format_html_table(self._title(), columns if rows else [], rows, note="; ".join(self._remarks()))


def make_bill(
    name: str, lines: Sequence[tuple[str, str, float]], *, book: PriceBook | None = None, notes: Sequence[str] = ()
) -> Bill:
    """The bill for quantities of things whose prices are in the book.

    Args:
        name: what is paid for.
        lines: name of the charge, id of the price, and how many single things; a line of quantity 0 is not looked up.
        book: the prices; us-east-1 if not given.
        notes: see Bill.

    Example:
        >>> make_bill("4 shards", [("shards", "kinesis.shard_hour", 4 * 730)]).usd
        43.8
    """
    book = use_book(book)
    charges = []
    for what, price_id, quantity in lines:
        if quantity:
            price = book.price(price_id)
            charges.append(Charge(what, quantity, price.cost_usd(quantity), price))
    unused = tuple(what for what, _, quantity in lines if not quantity)
    return Bill(name, tuple(charges), tuple(notes), unused)


def join_bills(name: str, bills: Sequence[Bill], *, notes: Sequence[str] = ()) -> Bill:
    """One bill with the charges of several, in their order."""
    charges = tuple(charge for bill in bills for charge in bill.charges)
    texts = dict.fromkeys([*notes, *(note for bill in bills for note in bill.notes)])
    return Bill(name, charges, tuple(texts), tuple(what for bill in bills for what in bill.unused))


def use_book(book: PriceBook | None) -> PriceBook:
    """The prices to use: those given, or those of us-east-1.

    Raises:
        InvalidArgument: it is something else, such as a region's name.
    """
    if book is None:
        return _load_default_book()
    if not isinstance(book, PriceBook):
        raise InvalidArgument(
            f"book={book!r} was given, not a price book.", hint='write book=lk.prices.load_book("eu-west-1").'
        )
    return book


@cache
def _load_default_book() -> Any:
    return load_book("us-east-1")
