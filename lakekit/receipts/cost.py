"""What requests cost, by the storage classes of the files.

It must not know where the numbers come from: a query that ran, one that may run, or a glob view.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakekit.units import GIB

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest
    from lakekit.prices import PriceBook

PAGE_KEYS = 1000  # objects in one answer to ListObjectsV2; S3 API reference, read 2026-11
_DEFAULT_REGION = "us-east-1"
_NEEDED = "s3.request.LIST"


@dataclass
class Usage:
    """Requests and bytes by what they are billed as.

    Attributes:
        listed: LIST requests.
        put: PUT requests, of class STANDARD.
        got: GET and HEAD requests by storage class.
        read_bytes: by storage class.
        files: how many of ``got`` are HEADs of a glob view.
    """

    listed: int = 0
    put: int = 0
    got: Counter[str] = field(default_factory=Counter)
    read_bytes: Counter[str] = field(default_factory=Counter)
    files: int = 0

    def add(self, other: Usage) -> None:
        """Take in another one's numbers."""
        self.listed += other.listed
        self.put += other.put
        self.got.update(other.got)
        self.read_bytes.update(other.read_bytes)
        self.files += other.files


def price_usage(usage: Usage, region: str | None) -> float:
    """USD of requests, and of retrieval from classes that charge for it; within the region, so without transfer.

    Args:
        usage: the requests.
        region: whose prices; those of us-east-1 where it is unknown or has no book of S3's prices.

    Example:
        >>> price_usage(Usage(listed=100, got=Counter(STANDARD=5000)), "us-east-1")  # 0.1 x 0.005 + 5 x 0.0004
        0.0025
    """
    book = _find_book(region or _DEFAULT_REGION)
    usd = [book.cost_usd("s3.request.LIST", usage.listed), book.cost_usd("s3.request.PUT.STANDARD", usage.put)]
    for storage_class, times in usage.got.items():
        usd.append(book.cost_usd(_find_price(book, "request.GET", storage_class), times))
    for storage_class, size_bytes in usage.read_bytes.items():
        price = f"s3.retrieval.{storage_class}"
        if price in book.prices:  # the others are free to read, or paid for when they are restored
            usd.append(book.cost_usd(price, size_bytes / GIB))
    return math.fsum(usd)


@functools.lru_cache(maxsize=8)
def _find_book(region: str) -> PriceBook:
    import warnings

    from lakekit.prices import list_regions, load_book

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old book is told of where prices are asked for
        book = load_book(region if region in list_regions() else _DEFAULT_REGION)
        return book if _NEEDED in book.prices else load_book(_DEFAULT_REGION)


def _find_price(book: PriceBook, what: str, storage_class: str) -> str:
    price = f"s3.{what}.{storage_class}"
    return price if price in book.prices else f"s3.{what}.STANDARD"


class Classes:
    """The storage classes of a table's files."""

    def __init__(self, manifest: Manifest):
        self._manifest = manifest
        counts = manifest.entries["storage_class"].value_counts(sort=True)
        self.counts: Mapping[str, int] = dict(
            zip(counts["storage_class"].to_list(), counts["count"].to_list(), strict=True)
        )
        self._only = next(iter(self.counts)) if len(self.counts) == 1 else None

    def find(self, path: str | None) -> str:
        """The class of one file; STANDARD where that is not known."""
        if self._only is not None and path is not None:
            return self._only
        row = None if path is None else self._manifest.find(path)
        return "STANDARD" if row is None else self._manifest.entries["storage_class"][row]

    def count(self, paths: Iterable[str]) -> Counter[str]:
        """How many of these files are of each class."""
        return Counter(map(self.find, paths))


def glob_usage(classes: Classes, scanned: Iterable[str]) -> Usage:
    """What a statement over a glob view asks for: pages of a listing, HEAD and footer of each file, each file scanned.

    That is DuckDB's ``read_parquet('s3://…/**/*.parquet', union_by_name=true, hive_partitioning=true)``. As measured, a
    day of 8 files out of 2,920 costs it 2,928 GETs. A large file takes more than one, so that this is the least.
    """
    files = sum(classes.counts.values())
    got = Counter({name: 2 * count for name, count in classes.counts.items()})
    got.update(classes.count(scanned))
    return Usage(listed=-(-files // PAGE_KEYS), got=got, files=files)
