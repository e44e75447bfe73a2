"""Prices and the book that holds those of one region.

It must not read files or ask AWS; it computes only what a quantity of one price costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument

MOST_DAYS = 365  # of age before a book is called stale
_MOST_SUGGESTIONS = 5


class StalePrices(UserWarning):
    """A price book is older than a year."""


@dataclass(frozen=True)
class Tier:
    """A step of a tiered price.

    Attributes:
        up_to: where the step ends, counted from zero in the price's unit; None where it has no end.
        usd: the price of one unit within the step.
    """

    up_to: float | None
    usd: float


@dataclass(frozen=True)
class Price:
    """One price, and where it is from.

    Attributes:
        id: its name in the book, such as ``"s3.storage.STANDARD"``.
        value: USD for one ``unit``; of a tiered price that of its first step.
        unit: what is paid for, such as ``"GB-month"`` or ``"1,000 requests"``; a GB is 2**30 bytes.
        as_of: the date of the copy that was read, such as ``"2025-12"``, ``"2026-09-06"``, ``"undated"``.
        source: the address where it was read.
        confidence: cross-checked, official, price-list, secondary, derived, conflict, unverified, or user.
        note: what else to know.
        per: how many single things one unit is: 1,000 for ``"1,000 requests"``.
        tiers: the steps of a tiered price; empty for others.
    """

    id: str
    value: float
    unit: str
    as_of: str
    source: str
    confidence: str
    note: str = ""
    per: int = 1
    tiers: tuple[Tier, ...] = ()

    @property
    def usd_each(self) -> float:
        """USD for a single thing: a request, an object, a GB-month."""
        return self.value / self.per

    def cost_usd(self, quantity: float) -> float:
        """What a quantity of single things costs, through the steps where there are any.

        Raises:
            InvalidArgument: the quantity is negative or no number, or beyond the last step that has a price.

        Example:
            >>> price = Price("x", 0.4, "1,000 requests", "2026", "https://example.com", "user", per=1000)
            >>> price.cost_usd(2500)
            1.0
        """
        if not (isinstance(quantity, int | float) and math.isfinite(quantity) and quantity >= 0):
            what = f"{quantity!r} is not a quantity of {self.id}."
            raise InvalidArgument(what, hint="it is a finite number, zero or more.")
        if not self.tiers:
            return quantity * self.value / self.per
        total, start = 0.0, 0.0
        for tier in self.tiers:
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            total += max(0.0, end - start) * tier.usd
            start = end
        if start < quantity:
            what = f"{self.id} has prices for up to {self.tiers[-1].up_to:,.0f} {self.unit}, not for {quantity:,.0f}."
            raise InvalidArgument(what, hint="AWS negotiates beyond that; write your price with book.with_prices(…).")
        return total / self.per


@dataclass(frozen=True, repr=False)
class PriceBook:
    """The prices of one region. Made by ``load_book``; never changed, ``with_prices`` makes another.

    Attributes:
        region: such as ``"us-east-1"``.
        name: the region's name in words.
        as_of: the day on which the book was put together; single prices carry dates of their own.
        prices: by id, USD.
        numbers: by id, what is no money but belongs to the bill: minimum sizes in bytes, minimum days, free amounts.
        unpriced: what has no price here, and why: a first part of an id, and a reason.
    """

    region: str
    name: str
    as_of: date
    prices: Mapping[str, Price]
    numbers: Mapping[str, Price]
    unpriced: Mapping[str, str]

    def price(self, id: str) -> Price:
        """A price with all that is known of it.

        Raises:
            InvalidArgument: the book has no such price; names those that are close.
        """
        if id in self.prices:
            return self.prices[id]
        raise self._describe_unknown(id)

    def usd(self, id: str) -> float:
        """The USD of one unit, as AWS prints it: of ``"1,000 requests"`` for a thousand. Tiered: of the first step.

        Example:
            >>> from lakekit.prices import load_book
            >>> load_book(as_of="2026-11-25").usd("s3.request.PUT.STANDARD")  # for 1,000 requests
            0.005
        """
        return self.price(id).value

    def cost_usd(self, id: str, quantity: float) -> float:
        """What a quantity costs, counted in single things (requests, GB), through steps where the price has them.

        Example:
            >>> from lakekit.prices import load_book
            >>> load_book(as_of="2026-11-25").cost_usd("s3.request.PUT.STANDARD", 310_000)  # 310 x 0.005
            1.55
        """
        return self.price(id).cost_usd(quantity)

    def tiered_usd(self, id: str, quantity: float) -> float:
        """The same as ``cost_usd``; the name under which one looks for it with a tiered price at hand.

        Example:
            >>> from lakekit.prices import load_book
            >>> load_book(as_of="2026-11-25").tiered_usd("transfer.internet_out", 57_000)  # 10,240 + 40,960 + 5,800 GB
            4809.2
        """
        return round(self.cost_usd(id, quantity), 10)

    def number(self, id: str) -> float:
        """A number of the bill that is no money, such as ``"s3.minimum_bytes.STANDARD_IA"``.

        Raises:
            InvalidArgument: the book has no such number; names those that are close.
        """
        if id in self.numbers:
            return self.numbers[id].value
        raise self._describe_unknown(id)

    def ids(self, prefix: str = "") -> list[str]:
        """The ids of all prices that begin so, sorted."""
        return sorted(id for id in self.prices if id.startswith(prefix))

    def with_prices(
        self, values: Mapping[str, float], *, source: str, as_of: str, confidence: str = "user"
    ) -> PriceBook:
        """A book in which some prices are yours: a negotiated rate, or one that AWS has changed.

        Args:
            values: USD for one unit, by id; the id must exist, a tiered price becomes a flat one.
            source: where your price is from.
            as_of: its date.
            confidence: how sure it is.

        Example:
            >>> from lakekit.prices import load_book
            >>> book = load_book(as_of="2026-11-25")
            >>> ours = book.with_prices({"s3.storage.STANDARD": 0.02}, source="our contract", as_of="2026-01-01")
            >>> ours.usd("s3.storage.STANDARD"), book.usd("s3.storage.STANDARD")
            (0.02, 0.023)
        """
        changed = dict(self.prices)
        for id, usd in values.items():
            if isinstance(usd, bool) or not isinstance(usd, int | float) or not math.isfinite(usd) or usd < 0:
                raise InvalidArgument(f"{usd!r} is not a price of {id}.", hint="it is USD, zero or more.")
            old = self.price(id)
            changed[id] = replace(old, value=float(usd), tiers=(), source=source, as_of=as_of, confidence=confidence)
        return replace(self, prices=changed)

    def age_days(self, as_of: date) -> int:
        """The age of the book on a day."""
        return (as_of - self.as_of).days

    def is_stale(self, as_of: date) -> bool:
        """Whether the book is older than a year on a day."""
        return self.age_days(as_of) > MOST_DAYS

    def find_old(self, as_of: date) -> list[Price]:
        """The prices whose own copy is older than a year on a day, or has no date, sorted by id."""
        return [
            self.prices[id]
            for id in self.ids()
            if (latest := read_date(self.prices[id].as_of)) is None or (as_of - latest).days > MOST_DAYS
        ]

    def _describe_unknown(self, id: str) -> InvalidArgument:
        what = f"The price book of {self.region} has no {id!r}."
        for first, reason in self.unpriced.items():
            if id == first or id.startswith(f"{first}."):
                return InvalidArgument(f"{what} {first}: {reason}.", hint="give the price yourself, if you know it.")
        if id in self.numbers:
            return InvalidArgument(f"{id!r} is no price but a number.", hint=f"book.number({id!r}).")
        if id in self.prices:
            return InvalidArgument(f"{id!r} is a price, no plain number.", hint=f"book.usd({id!r}).")
        known = [*self.prices, *self.numbers]
        close = get_close_matches(id, known, n=_MOST_SUGGESTIONS, cutoff=0.6)
        if close:
            return InvalidArgument(what, hint=f"did you mean {', '.join(close)}?")
        services = sorted({name.partition(".")[0] for name in self.prices})
        hint = f"this book has prices of {', '.join(services)}; load_book('us-east-1') has the most."
        return InvalidArgument(what, hint=hint)

    def _list_rows(self) -> Iterable[tuple[Any, ...]]:
        for id in self.ids():
            price = self.prices[id]
            value = f"{price.value:g}" + (" …" if price.tiers else "")
            yield id, value, price.unit, price.as_of, price.confidence

    def _describe(self) -> str:
        dates = sorted(price.as_of for price in self.prices.values() if read_date(price.as_of))
        span = f", read from copies of {dates[0]} to {dates[-1]}" if dates else ""
        return f"Prices of {self.region} ({self.name}), {self.as_of}: {len(self.prices)} prices in USD{span}"

    def __repr__(self) -> str:
        services: dict[str, int] = {}
        for id in self.ids():
            services[id.partition(".")[0]] = services.get(id.partition(".")[0], 0) + 1
        return f"{self._describe()}\n{format_text_table(['service', 'prices'], services.items())}"

    def _repr_html_(self) -> str:
        return format_html_table(self._describe(), ["id", "USD", "for one", "as of", "confidence"], self._list_rows())


def read_date(text: str) -> date | None:
    """The last day that a date of a price may mean: "2025" is 2025-12-31; None where it is no date.

    Example:
        >>> read_date("2025"), read_date("2025-11"), read_date("undated")
        (datetime.date(2025, 12, 31), datetime.date(2025, 11, 30), None)
    """
    from calendar import monthrange

    try:
        numbers = [int(part) for part in text.split("-")]
        year, month = numbers[0], numbers[1] if len(numbers) > 1 else 12
        return date(year, month, numbers[2] if len(numbers) > 2 else monthrange(year, month)[1])
    except (ValueError, IndexError):
        return None
