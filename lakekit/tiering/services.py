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


@dataclass(frozen=True, kw_only=True)
class VectorUse:
    """A month of S3 Vectors.

    Attributes:
        vectors: how many there are, over all indexes evenly.
        kib_per_vector: data, metadata and key.
        query_kib_per_vector: what a query reads of each; all of it if not given.
        indexes: how many indexes hold them; a query searches one.
        queries: in the month.
        written_share: of the vectors, written in the month; AWS's examples have a sixth.
    """

    vectors: int
    kib_per_vector: float
    query_kib_per_vector: float | None = None
    indexes: int = 1
    queries: int = 0
    written_share: float = 1 / 6


def vectors_cost(use: VectorUse, *, book: PriceBook | None = None) -> VectorsCost:
    """What a month of S3 Vectors costs.

    Raises:
        InvalidArgument: no index holds the vectors.

    Example:
        >>> use = VectorUse(
        ...     vectors=400_000_000, indexes=40, kib_per_vector=6.17, query_kib_per_vector=5.17, queries=10_000_000
        ... )
        >>> cost = vectors_cost(use)
        >>> round(cost.storage_usd, 2), round(cost.put_usd, 2), round(cost.query_usd, 2)  # S3 pricing page, example 2
        (141.22, 78.46, 997.62)
    """
    if use.indexes < 1:
        raise InvalidArgument(f"{use.indexes!r} indexes hold no vectors.", hint="one or more.")
    book = book or load_book()
    size_gb = use.vectors * use.kib_per_vector * KIB / GIB
    in_index = use.vectors / use.indexes
    read_kib = use.kib_per_vector if use.query_kib_per_vector is None else use.query_kib_per_vector
    first, above = (count * read_kib * KIB / TIB for count in (min(in_index, 100_000), max(in_index - 100_000, 0)))
    searched = book.cost_usd("s3.vectors.query_data.first_100k_vectors", first)
    searched += book.cost_usd("s3.vectors.query_data.above", above)
    return VectorsCost(
        storage_usd=book.cost_usd("s3.vectors.storage", size_gb),
        put_usd=book.cost_usd("s3.vectors.PUT", size_gb * use.written_share),
        query_usd=book.cost_usd("s3.vectors.query", use.queries) + use.queries * searched,
    )


@dataclass(frozen=True, kw_only=True)
class TablesUse:
    """A month of S3 Tables.

    Attributes:
        storage_gb, objects: what is there.
        put, get: requests.
        compacted_objects, compacted_gb: what S3 compacts.
        strategy: "binpack", or "sort" (also z-order).
    """

    storage_gb: float = 0
    objects: int = 0
    put: int = 0
    get: int = 0
    compacted_objects: int = 0
    compacted_gb: float = 0
    strategy: str = "binpack"


def tables_cost(use: TablesUse, *, book: PriceBook | None = None) -> TablesCost:
    """What a month of S3 Tables costs.

    Raises:
        InvalidArgument: there is no such strategy.

    Example:
        >>> cost = tables_cost(TablesUse(storage_gb=1024, put=30_000, compacted_objects=30_000, compacted_gb=50))
        >>> round(cost.storage_usd, 3), round(cost.put_usd, 3), round(cost.compaction_usd, 3)
        (27.136, 0.15, 0.31)
    """
    book = book or load_book()
    if use.strategy not in ("binpack", "sort"):
        raise InvalidArgument(f"{use.strategy!r} is not a strategy.", hint='"binpack", or "sort" (also z-order).')
    compaction_usd = book.cost_usd("s3.tables.compaction.objects", use.compacted_objects)
    compaction_usd += book.cost_usd(f"s3.tables.compaction.{use.strategy}", use.compacted_gb)
    return TablesCost(
        storage_usd=book.cost_usd("s3.tables.storage", use.storage_gb),
        put_usd=book.cost_usd("s3.tables.PUT", use.put),
        get_usd=book.cost_usd("s3.tables.GET", use.get),
        monitoring_usd=book.cost_usd("s3.tables.monitoring", use.objects),
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
