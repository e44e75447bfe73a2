"""What DynamoDB charges in one region and table class, out of the price book, with dates and sources.

It must not compute a bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from lakekit.dynamodb.design import TABLE_CLASSES
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument
from lakekit.prices import Price, PriceBook, load_book

DEFAULT_REGION = "us-east-1"
HOURS_PER_MONTH = 730  # AWS's own templates and tools; others use 720, 732 or 744
BEFORE_CUT = {"read": 0.25, "write": 1.25}  # USD a million on-demand units in us-east-1 until the cut
CUT_ON = "2024-11-01"  # on-demand halved; aws.amazon.com/about-aws/whats-new/2024/11/amazon-dynamo-db-reduces-prices-…
_IDS = {
    "on_demand": "dynamodb.on_demand.{kind}.{table_class}",
    "provisioned": "dynamodb.provisioned.{kind}.{table_class}",
    "storage": "dynamodb.storage.{table_class}",
}


@dataclass(frozen=True)
class Rates:
    """The prices of one region for tables of one class.

    Attributes:
        book: the price book.
        table_class: "STANDARD" or "STANDARD_IA".
        own: prices of yours by id, in USD for one unit (one request, one unit-hour, one GB-month).
    """

    book: PriceBook
    table_class: str = "STANDARD"
    own: Mapping[str, float] = field(default_factory=dict)

    @property
    def region(self) -> str:
        """Such as "us-east-1"."""
        return self.book.region

    def id(self, what: str, kind: str = "") -> str:
        """The id in the price book of "on_demand", "provisioned" or "storage"; kind: read, write, replicated_write."""
        return _IDS[what].format(kind=kind, table_class=self.table_class)

    def price(self, id: str) -> Price:
        """A price with its date and source.

        Raises:
            InvalidArgument: the region has none; names the id.
        """
        return self.book.price(id)

    def usd(self, id: str) -> float:
        """USD for one single thing: a request unit, a unit-hour, a GB-month."""
        return self.own[id] if id in self.own else self.book.price(id).usd_each

    def with_own(self, **own: float) -> Rates:
        """The same with prices of yours, by id with "_" for ".": negotiated, or those of another year.

        Example:
            >>> old = get_rates().with_own(dynamodb_on_demand_write_STANDARD=1.25e-6)
            >>> old.usd("dynamodb.on_demand.write.STANDARD")
            1.25e-06
        """
        ids = {id.replace(".", "_"): id for id in self.book.prices}
        for name, usd in own.items():
            if name not in ids:
                raise InvalidArgument(f"There is no price {name!r}.", hint="ids: rates.book.ids('dynamodb.').")
            check_number(name, usd)
        return replace(self, own={**self.own, **{ids[name]: usd for name, usd in own.items()}})

    def with_class(self, table_class: str) -> Rates:
        """The same region, another table class."""
        if table_class not in TABLE_CLASSES:
            raise InvalidArgument(f"table_class={table_class!r} was given.", hint=f"{' or '.join(TABLE_CLASSES)}.")
        return replace(self, table_class=table_class)


def get_rates(region: str | Rates = DEFAULT_REGION, *, table_class: str | None = None) -> Rates:
    """The prices of a region. Where others take `rates`, a region's name will do.

    Raises:
        InvalidArgument: an unknown region; the message lists those that are known.

    Example:
        >>> get_rates("eu-west-1").usd("dynamodb.storage.STANDARD")
        0.283
    """
    rates = region if isinstance(region, Rates) else Rates(_load(region))
    return rates if table_class is None else rates.with_class(table_class)


@lru_cache
def _load(region: str) -> PriceBook:
    return load_book(region)


def recognise_price(usd_per_million: float, *, kind: str = "write", rates: str | Rates = DEFAULT_REGION) -> str:
    """Whether an on-demand price that someone quotes is "current", "before 2024-11-01", or "unknown".

    Example:
        >>> recognise_price(1.25), recognise_price(0.125, kind="read"), recognise_price(0.7)
        ('before 2024-11-01', 'current', 'unknown')
    """
    if kind not in BEFORE_CUT:
        raise InvalidArgument(f"kind={kind!r} was given.", hint='"read" or "write".')
    rates = get_rates(rates)
    now = rates.usd(rates.id("on_demand", kind)) * 1e6
    for name, value in (("current", now), (f"before {CUT_ON}", 2 * now), (f"before {CUT_ON}", BEFORE_CUT[kind])):
        if abs(check_number("usd_per_million", usd_per_million) - value) < value / 1000:
            return name
    return "unknown"
