"""The price book: what AWS charges, by region, each price with its unit, date, source and how sure it is.

It must not compute the cost of anything: it hands out prices, the lenses make bills of them.

    >>> from lakekit import prices
    >>> book = prices.load_book("us-east-1", as_of="2026-11-25")
    >>> book.usd("s3.storage.STANDARD_IA"), book.price("s3.request.GET.STANDARD").unit
    (0.0125, '1,000 requests')
"""

from lakekit.prices.book import Price, PriceBook, StalePrices, Tier
from lakekit.prices.files import list_regions, load_book, save_book
from lakekit.prices.refresh import refresh_book

__all__ = [
    "Price",
    "PriceBook",
    "StalePrices",
    "Tier",
    "list_regions",
    "load_book",
    "refresh_book",
    "save_book",
]
