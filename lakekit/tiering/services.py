"""What the services around S3 charge: Express One Zone, Tables, Vectors, access points, inventories, Batch Operations.

It must not choose anything: each function answers one question from the price book, in USD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.units import GIB, KIB, TIB


@dataclass(frozen=True)
class ExpressCost:
    """USD of S3 Express One Zone, line by line."""

    storage_usd: float
    put_usd: float
    get_usd: float
    upload_usd: float
    retrieval_usd: float

    @property
    def total_usd(self) -> float:
        return self.storage_usd + self.put_usd + self.get_usd + self.upload_usd + self.retrieval_usd


@dataclass(frozen=True)
class VectorsCost:
    """USD of S3 Vectors for a month, line by line."""

    storage_usd: float
    put_usd: float
    query_usd: float

    @property
    def total_usd(self) -> float:
        return self.storage_usd + self.put_usd + self.query_usd


@dataclass(frozen=True)
class TablesCost:
    """USD of S3 Tables for a month, line by line."""

    storage_usd: float
    put_usd: float
    get_usd: float
    monitoring_usd: float
    compaction_usd: float

    @property
    def total_usd(self) -> float:
        return self.storage_usd + self.put_usd + self.get_usd + self.monitoring_usd + self.compaction_usd


def express_cost(
    storage_gb: float, *, put: int = 0, get: int = 0, request_kib: float = 0, book: PriceBook | None = None
) -> ExpressCost:
    """A month of Express One Zone: storage, requests of a size, and each GB that goes in or out.

    Example:
        >>> round(express_cost(10, put=1_000_000, get=9_000_000, request_kib=10).total_usd, 2)  # S3 FAQ, example 1
        2.58
    """
    book = book or load_book()
    return ExpressCost(
        storage_usd=book.cost_usd("s3.storage.EXPRESS_ONEZONE", storage_gb),
        put_usd=book.cost_usd("s3.request.PUT.EXPRESS_ONEZONE", put),
        get_usd=book.cost_usd("s3.request.GET.EXPRESS_ONEZONE", get),
        upload_usd=book.cost_usd("s3.upload.EXPRESS_ONEZONE", put * request_kib * KIB / GIB),
        retrieval_usd=book.cost_usd("s3.retrieval.EXPRESS_ONEZONE", get * request_kib * KIB / GIB),
    )


def vectors_cost(
    vectors: int,
    *,
    indexes: int = 1,
    kib_per_vector: float,
    query_kib_per_vector: float | None = None,
    queries: int = 0,
    written_share: float = 1 / 6,
    book: PriceBook | None = None,
) -> VectorsCost:
    """A month of S3 Vectors.

    Args:
        vectors: how many there are, over all indexes evenly.
        indexes: how many indexes hold them; a query searches one.
        kib_per_vector: data, metadata and key.
        query_kib_per_vector: what a query reads of each; all of it if not given.
        queries: in the month.
        written_share: of the vectors, written in the month; AWS's examples have a sixth.
        book: prices.

    Example:
        >>> cost = vectors_cost(
        ...     400_000_000, indexes=40, kib_per_vector=6.17, query_kib_per_vector=5.17, queries=10_000_000
        ... )
        >>> round(cost.storage_usd, 2), round(cost.put_usd, 2), round(cost.query_usd, 2)  # S3 pricing page, example 2
        (141.22, 78.46, 997.62)
    """
    if indexes < 1:
        raise InvalidArgument(f"{indexes!r} indexes hold no vectors.", hint="one or more.")
    book = book or load_book()
    size_gb = vectors * kib_per_vector * KIB / GIB
    in_index = vectors / indexes
    vector_tb = (kib_per_vector if query_kib_per_vector is None else query_kib_per_vector) * KIB / TIB
    first, above = min(in_index, 100_000) * vector_tb, max(in_index - 100_000, 0) * vector_tb
    searched = book.cost_usd("s3.vectors.query_data.first_100k_vectors", first)
    searched += book.cost_usd("s3.vectors.query_data.above", above)
    return VectorsCost(
        storage_usd=book.cost_usd("s3.vectors.storage", size_gb),
        put_usd=book.cost_usd("s3.vectors.PUT", size_gb * written_share),
        query_usd=book.cost_usd("s3.vectors.query", queries) + queries * searched,
    )


@dataclass(frozen=True)
class Compaction:
    """What S3 Tables compacts in a month: objects, GB, and whether by "binpack" or "sort"."""

    objects: int = 0
    size_gb: float = 0
    strategy: str = "binpack"


def tables_cost(
    storage_gb: float,
    *,
    objects: int = 0,
    put: int = 0,
    get: int = 0,
    compaction: Compaction | None = None,
    book: PriceBook | None = None,
) -> TablesCost:
    """A month of S3 Tables.

    Example:
        >>> cost = tables_cost(1024, objects=1000, put=30_000, get=500_000, compaction=Compaction(30_000, 50))
        >>> round(cost.storage_usd, 3), round(cost.put_usd, 3), round(cost.get_usd, 3), round(cost.compaction_usd, 3)
        (27.136, 0.15, 0.2, 0.31)
    """
    book, compacted = book or load_book(), compaction or Compaction()
    if compacted.strategy not in ("binpack", "sort"):
        raise InvalidArgument(f"{compacted.strategy!r} is not a strategy.", hint='"binpack", or "sort" (also z-order).')
    compaction_usd = book.cost_usd("s3.tables.compaction.objects", compacted.objects)
    compaction_usd += book.cost_usd(f"s3.tables.compaction.{compacted.strategy}", compacted.size_gb)
    return TablesCost(
        storage_usd=book.cost_usd("s3.tables.storage", storage_gb),
        put_usd=book.cost_usd("s3.tables.PUT", put),
        get_usd=book.cost_usd("s3.tables.GET", get),
        monitoring_usd=book.cost_usd("s3.tables.monitoring", objects),
        compaction_usd=compaction_usd,
    )


def access_point_cost(
    size_gb: float,
    *,
    cross_region_gb: float = 0,
    accelerated: Sequence[tuple[float, float]] = (),
    internet_out_gb: float = 0,
    book: PriceBook | None = None,
) -> float:
    """USD for data through a Multi-Region Access Point: routing, and the transfers that its way costs.

    Args:
        size_gb: all that is routed.
        cross_region_gb: of it, between two Regions.
        accelerated: GB and USD a GB of what came over the internet, by where it came from; see the pricing page.
        internet_out_gb: of it, out to the internet.
        book: prices.

    Example:
        >>> round(access_point_cost(10), 3)  # S3 pricing page, example 1
        0.033
        >>> rates = [(10, 0.0025), (10, 0.005), (10, 0.05)]  # example 3
        >>> round(access_point_cost(30, accelerated=rates, internet_out_gb=20), 3)
        2.474
    """
    book = book or load_book()
    usd = book.cost_usd("s3.multi_region_access_point", size_gb)
    usd += book.cost_usd("transfer.region_to_region.default", cross_region_gb)
    usd += sum(part_gb * rate for part_gb, rate in accelerated)
    return usd + book.cost_usd("transfer.internet_out", internet_out_gb)


def internet_out_cost(size_gb: float, *, free_gb: float | None = None, book: PriceBook | None = None) -> float:
    """USD for a month's data out to the internet, after what is free for an account.

    Args:
        size_gb: in the month.
        free_gb: GB that cost nothing; the 100 GB of every account if not given, 0 when they are used up elsewhere.
        book: prices.

    Example:
        >>> round(internet_out_cost(10_240, free_gb=0), 2), round(internet_out_cost(63_488), 2)
        (921.6, 5254.36)
    """
    book = book or load_book()
    free_gb = book.number("transfer.internet_out.free_gb") if free_gb is None else free_gb
    # the free GB are the first of the first step
    free = min(size_gb, free_gb)
    return book.cost_usd("transfer.internet_out", size_gb) - book.cost_usd("transfer.internet_out", free)


def inventory_cost(objects: int, *, reports: int = 1, book: PriceBook | None = None) -> float:
    """USD for S3 Inventory reports that list so many objects each.

    Example:
        >>> inventory_cost(10_000_000)
        0.025
    """
    return (book or load_book()).cost_usd("s3.inventory", objects * reports)


def analysis_cost(objects: int, *, book: PriceBook | None = None) -> float:
    """USD a month for Storage Class Analysis of so many objects.

    Example:
        >>> analysis_cost(10_000_000)
        1.0
    """
    return (book or load_book()).cost_usd("s3.storage_class_analysis", objects)


def batch_cost(objects: int, *, jobs: int = 1, book: PriceBook | None = None) -> float:
    """USD for S3 Batch Operations over so many objects; the operation itself is charged on top.

    Example:
        >>> batch_cost(1_000_000)
        1.25
    """
    book = book or load_book()
    return book.cost_usd("s3.batch.job", jobs) + book.cost_usd("s3.batch.object", objects)
