"""What S3 charges, line by line: storage, requests, retrieval, transitions, early deletion; where classes break even.

It must not choose anything: each function answers one question from the price book, and says it in USD.

GB is 2**30 bytes and KB 2**10, as S3 bills; a month is 1/12 of 365 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakekit.arguments import require_number
from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.tiering.classes import (
    ARCHIVE_BYTES,
    ARCHIVES,
    DAYS_PER_MONTH,
    MIN_BILLED_BYTES,
    MINIMUM_DAYS,
    STANDARD_BYTES,
    check_class,
    check_tier,
    get_billed_size,
    is_readable,
    list_stays,
)
from lakekit.units import GIB, KIB, MIB


@dataclass(frozen=True)
class RequestCost:
    """USD for requests, by kind, and in all."""

    put_usd: float
    get_usd: float
    delete_usd: float

    @property
    def usd(self) -> float:
        return self.put_usd + self.get_usd + self.delete_usd


@dataclass(frozen=True)
class RetrievalCost:
    """USD for taking data out of a class: for the requests, for the GB, and in all."""

    request_usd: float
    gb_usd: float

    @property
    def usd(self) -> float:
        return self.request_usd + self.gb_usd


@dataclass(frozen=True)
class ArchiveCost:
    """What a month in an archive class costs: the data, and 32 KB + 8 KB more for each object."""

    objects: int
    data_usd: float
    archive_overhead_gb: float
    archive_overhead_usd: float
    standard_gb: float
    standard_usd: float

    @property
    def total_usd(self) -> float:
        return self.data_usd + self.archive_overhead_usd + self.standard_usd


@dataclass(frozen=True)
class EarlyDeletion:
    """The fee for leaving a class before its minimum: the days that remain, and USD for them."""

    charged_days: float
    usd: float


def get_storage_id(storage_class: str) -> str:
    """The id of a class's storage price; Intelligent-Tiering without a tier is its FREQUENT one."""
    suffix = ".FREQUENT" if check_class(storage_class) == "INTELLIGENT_TIERING" else ""
    return f"s3.storage.{storage_class}{suffix}"


def storage_cost(storage_class: str, size_gb: float, *, months: float = 1, book: PriceBook | None = None) -> float:
    """USD for keeping so many GB in a class; tiers where the price has them.

    Example:
        >>> storage_cost("STANDARD", 10_000), storage_cost("INTELLIGENT_TIERING.INFREQUENT", 20_000)
        (230.0, 250.0)
    """
    require_number("months", months)
    return (book or load_book()).cost_usd(get_storage_id(storage_class), size_gb) * months


def request_cost(
    storage_class: str, *, put: int = 0, get: int = 0, delete: int = 0, book: PriceBook | None = None
) -> RequestCost:
    """USD for requests: PUT, COPY and POST; GET and the rest; DELETE, which is free. For LIST see ``list_cost``.

    Example:
        >>> cost = request_cost("STANDARD", put=310_000, get=620_000, delete=310_000)
        >>> round(cost.put_usd, 3), round(cost.get_usd, 3), cost.delete_usd
        (1.55, 0.248, 0.0)
    """
    book, name = book or load_book(), check_class(storage_class).partition(".")[0]
    return RequestCost(
        book.cost_usd(f"s3.request.PUT.{name}", put),
        book.cost_usd(f"s3.request.GET.{name}", get),
        float(book.cost_usd("s3.request.DELETE", delete)),
    )


def list_cost(requests: int, *, book: PriceBook | None = None) -> float:
    """USD for LIST requests, of 1,000 keys each: the rate of STANDARD, whatever the class of what is listed.

    Example:
        >>> list_cost(1000)
        0.005
    """
    return (book or load_book()).cost_usd("s3.request.LIST", requests)


def retrieval_cost(
    storage_class: str, size_gb: float, *, requests: int = 0, tier: str = "Standard", book: PriceBook | None = None
) -> RetrievalCost:
    """USD for taking so many GB out of a class: per GB where it is read at once, a restore where it is archived.

    Args:
        storage_class: of the objects.
        size_gb: how much.
        requests: how many objects are restored; only archives charge for that here, a GET is in ``request_cost``.
        tier: of the restore: Standard, Bulk or Expedited.
        book: prices.

    Example:
        >>> retrieval_cost("STANDARD_IA", 300).usd, retrieval_cost("DEEP_ARCHIVE", 60_000, requests=60_000).usd
        (3.0, 1206.0)
    """
    book, name = book or load_book(), check_class(storage_class)
    if is_readable(name):
        return RetrievalCost(0.0, book.cost_usd(f"s3.retrieval.{name.partition('.')[0]}", size_gb))
    if name in ARCHIVES:
        check_tier(name, tier)
    requested = book.cost_usd(f"s3.restore.request.{name}.{tier}", requests)
    return RetrievalCost(float(requested), float(book.cost_usd(f"s3.restore.data.{name}.{tier}", size_gb)))


def transition_cost(to_class: str, objects: int, *, book: PriceBook | None = None) -> float:
    """USD for a lifecycle that moves so many objects into a class; nothing is charged for their bytes.

    Example:
        >>> transition_cost("INTELLIGENT_TIERING", 20_000), transition_cost("DEEP_ARCHIVE", 60_000)
        (0.2, 3.0)
    """
    if check_class(to_class) == "STANDARD":
        raise InvalidArgument("No lifecycle moves to STANDARD.", hint="the way up is a restore and a copy.")
    return (book or load_book()).cost_usd(f"s3.transition.{to_class}", objects)


def monitoring_cost(objects: int, *, book: PriceBook | None = None) -> float:
    """USD a month for watching objects in Intelligent-Tiering; only those of 128 KiB and more are watched.

    Example:
        >>> monitoring_cost(1_000_000)
        2.5
    """
    return (book or load_book()).cost_usd("s3.monitoring.INTELLIGENT_TIERING", objects)


def early_deletion_fee(
    storage_class: str, size_gb: float, stored_days: float, *, book: PriceBook | None = None
) -> EarlyDeletion:
    """The fee for deleting, overwriting or moving objects before the minimum of their class.

    Example:
        >>> early_deletion_fee("GLACIER", 1, 60).charged_days  # of at least 90
        30
    """
    require_number("stored_days", stored_days)
    days = max(0, MINIMUM_DAYS.get(check_class(storage_class), 0) - stored_days)
    return EarlyDeletion(days, storage_cost(storage_class, size_gb, months=days / DAYS_PER_MONTH, book=book))


def count_objects(size_gb: float, file_kib: float) -> int:
    """How many files of a size hold so many GB.

    Example:
        >>> count_objects(1024, 256)
        4194304
    """
    require_number("size_gb", size_gb)
    require_number("file_kib", file_kib, above=0)
    return -int(-size_gb * GIB // (file_kib * KIB))


def archive_cost(storage_class: str, size_gb: float, file_kib: float, *, book: PriceBook | None = None) -> ArchiveCost:
    """What a month of so many GB in files of a size costs in an archive, with the 40 KB it keeps for each object.

    Example:
        >>> cost = archive_cost("DEEP_ARCHIVE", 100, 10)  # 100 GB of 10 KB files
        >>> cost.objects, round(cost.data_usd, 4), round(cost.total_usd, 4)
        (10485760, 0.099, 2.2558)
    """
    if is_readable(storage_class):
        raise InvalidArgument(f"{storage_class} is not an archive.", hint=f"archives are {', '.join(ARCHIVES)}.")
    objects = count_objects(size_gb, file_kib)
    archive_gb, standard_gb = objects * ARCHIVE_BYTES / GIB, objects * STANDARD_BYTES / GIB
    return ArchiveCost(
        objects=objects,
        data_usd=storage_cost(storage_class, size_gb, book=book),
        archive_overhead_gb=archive_gb,
        archive_overhead_usd=storage_cost(storage_class, archive_gb, book=book),
        standard_gb=standard_gb,
        standard_usd=storage_cost("STANDARD", standard_gb, book=book),
    )


def files_cost(storage_class: str, size_gb: float, file_kib: float, *, book: PriceBook | None = None) -> float:
    """USD a month for so many GB in files of a size: minimum sizes, overhead and monitoring included.

    Example:
        >>> round(files_cost("STANDARD_IA", 1, 64), 4)  # 64 KiB are billed as 128: 2 GB x 0.0125
        0.025
    """
    book = book or load_book()
    is_small = file_kib < MIN_BILLED_BYTES / KIB
    if check_class(storage_class).startswith("INTELLIGENT_TIERING") and is_small:
        storage_class = "INTELLIGENT_TIERING"  # such files are FREQUENT for ever, and not watched
    objects, one = count_objects(size_gb, file_kib), get_billed_size(storage_class, file_kib * KIB)
    extra_gb = objects * (one.billed_bytes - one.size_bytes) / GIB
    usd = storage_cost(storage_class, size_gb + extra_gb, book=book)
    usd += storage_cost("STANDARD", objects * one.standard_bytes / GIB, book=book)
    watched = storage_class.startswith("INTELLIGENT_TIERING") and not is_small
    return usd + (monitoring_cost(objects, book=book) if watched else 0)


def split_cost(
    sizes_gb: Mapping[str, float], classes: Mapping[str, str], *, book: PriceBook | None = None
) -> tuple[float, float]:
    """USD a month for storage when all is STANDARD, and when each part is in a class of its own.

    Args:
        sizes_gb: GB by part, such as ``{"hot": 10_240, "cold": 61_440}``.
        classes: the class of each part.
        book: prices.

    Example:
        >>> sizes = {"hot": 10_240, "warm": 30_720, "cold": 61_440}
        >>> classes = {"hot": "STANDARD", "warm": "STANDARD_IA", "cold": "GLACIER"}
        >>> tuple(round(usd, 2) for usd in split_cost(sizes, classes))
        (2304.0, 840.7)
    """
    if sizes_gb.keys() != classes.keys():
        what = f"Sizes are of {', '.join(sizes_gb)}; classes of {', '.join(classes)}."
        raise InvalidArgument(what, hint="give both for each part.")
    by_class: dict[str, float] = {}
    for part, size_gb in sizes_gb.items():
        by_class[classes[part]] = by_class.get(classes[part], 0) + size_gb
    tiered = sum(storage_cost(name, size_gb, book=book) for name, size_gb in by_class.items())
    return storage_cost("STANDARD", sum(sizes_gb.values()), book=book), tiered


def break_even_bytes(from_class: str, to_class: str, months: float, *, book: PriceBook | None = None) -> float | None:
    """The object size, in bytes, above which a move pays for itself within so many months; None: no size does.

    Counted are storage at the first step of its price, monitoring, and the transition; no reads, no minimum size.

    Example:
        >>> round(break_even_bytes("STANDARD", "STANDARD_IA", 1) / 2**20, 4)  # MiB
        0.9752
    """
    require_number("months", months)
    book = book or load_book()
    if not months:
        return None
    usd = [
        sum(book.usd(get_storage_id(tier)) * days for tier, days in list_stays(name, months * DAYS_PER_MONTH))
        for name in (from_class, to_class)
    ]
    saving = (usd[0] - usd[1]) / (months * DAYS_PER_MONTH)
    if saving <= 0:
        return None
    overhead = monitoring_cost(1, book=book) if to_class == "INTELLIGENT_TIERING" else 0.0
    if to_class in ARCHIVES:
        overhead = (
            ARCHIVE_BYTES * book.usd(f"s3.storage.{to_class}") + STANDARD_BYTES * book.usd("s3.storage.STANDARD")
        ) / GIB
    return (book.price(f"s3.transition.{to_class}").usd_each / months + overhead) / saving * GIB


def break_even_reads(cold_class: str, warm_class: str = "STANDARD", *, book: PriceBook | None = None) -> float | None:
    """How often a month all data may be read before the colder class costs more; fees for GET are not counted.

    None when the colder class costs no more to read than the warmer one.

    Example:
        >>> round(break_even_reads("STANDARD_IA"), 2), round(break_even_reads("GLACIER_IR", "STANDARD_IA"), 3)
        (1.05, 0.425)
    """
    book = book or load_book()
    dearer = retrieval_cost(cold_class, 1, book=book).gb_usd - retrieval_cost(warm_class, 1, book=book).gb_usd
    cheaper = book.usd(get_storage_id(warm_class)) - book.usd(get_storage_id(cold_class))
    return cheaper / dearer if dearer > 0 else None


def break_even_monitoring_bytes(tier: str = "INFREQUENT", *, book: PriceBook | None = None) -> float:
    """The object size, in bytes, below which an object in a tier of Intelligent-Tiering costs more than in STANDARD.

    Example:
        >>> round(break_even_monitoring_bytes() / 1024, 1)  # KiB
        249.7
    """
    book = book or load_book()
    saving = book.usd("s3.storage.STANDARD") - book.usd(f"s3.storage.INTELLIGENT_TIERING.{tier}")
    if saving <= 0:
        raise InvalidArgument(f"The {tier} tier costs no less than STANDARD.", hint="take another tier.")
    return book.price("s3.monitoring.INTELLIGENT_TIERING").usd_each / saving * GIB


def scan_request_cost(
    size_gb: float, file_kib: float, *, requests_per_file: float = 1, book: PriceBook | None = None
) -> float:
    """USD for the GETs of reading all of a table in files of a size; Parquet needs two or three a file.

    Example:
        >>> round(scan_request_cost(1024, 128), 4), round(scan_request_cost(1024, 256 * 1024), 4)  # 1 TB
        (3.3554, 0.0016)
    """
    return request_cost("STANDARD", get=count_objects(size_gb, file_kib) * requests_per_file, book=book).get_usd


def part_size_bytes(object_bytes: int, *, max_parts: int = 10_000) -> float:
    """The least size of a part for an upload of so many bytes, in bytes; S3 takes 10,000 parts of 5 MiB to 5 GiB.

    Example:
        >>> part_size_bytes(1024 * 2**30) / 2**20  # MiB
        104.8576
    """
    require_number("object_bytes", object_bytes)
    require_number("max_parts", max_parts, at_least=1)
    least = max(5 * MIB if object_bytes > 5 * MIB else 0, object_bytes / max_parts)
    if least > 5 * GIB:
        what = f"An object of {object_bytes:,} bytes does not fit into {max_parts:,} parts."
        raise InvalidArgument(what, hint="the largest is 48.8 TiB: 10,000 parts of 5 GiB.")
    return least
