"""Which S3 storage class is the cheapest for how often data is read and how fast it must come.

It must not look at a bucket: lakekit's tiering measures and plans there. This answers the question in general.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakekit.arguments import require_number
from lakekit.planning.answer import Answer, format_figure, format_seconds
from lakekit.planning.bill import use_book
from lakekit.prices import PriceBook
from lakekit.units import GIB, KIB, MIB, format_bytes

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html and
# lifecycle-transition-general-considerations.html, read 2026-04-13
BILLED_FLOOR_BYTES = {"STANDARD_IA": 128 * KIB, "ONEZONE_IA": 128 * KIB, "GLACIER_IR": 128 * KIB}
LEAST_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30, "GLACIER_IR": 90, "GLACIER": 90, "DEEP_ARCHIVE": 180}
ARCHIVE_OVERHEAD_BYTES = {"GLACIER": 32 * KIB, "DEEP_ARCHIVE": 32 * KIB}  # at the archive's price
ARCHIVE_INDEX_BYTES = {"GLACIER": 8 * KIB, "DEEP_ARCHIVE": 8 * KIB}  # at STANDARD's
# restoring-objects-retrieval-options.html, read 2026-04-13: a Standard restore; Bulk takes 12 and 48 hours
RESTORE_SECONDS = {"GLACIER": 5 * 3600, "DEEP_ARCHIVE": 12 * 3600}
BULK_RESTORE_SECONDS = {"GLACIER": 12 * 3600, "DEEP_ARCHIVE": 48 * 3600}
CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, repr=False)
class ClassChoice(Answer):
    """The cheapest class.

    Attributes:
        storage_class: its name.
        usd_per_gb_month: storing and reading one GB for a month, by class; only of those that may be used.
        reasons, against, would_change: in words; against is by class.
    """

    storage_class: str
    usd_per_gb_month: dict[str, float]
    reasons: tuple[str, ...]
    against: dict[str, str]
    would_change: tuple[str, ...]

    def title(self) -> str:
        cost = self.usd_per_gb_month.get(self.storage_class)
        return self.storage_class if cost is None else f"{self.storage_class}: {cost:.4g} USD a GB and month"

    def facts(self) -> list[tuple[str, str]]:
        facts = [(name, f"{cost:.4g} USD a GB and month") for name, cost in self.usd_per_gb_month.items()]
        return facts + [(f"not {name}", text) for name, text in self.against.items()]


def choose_storage_class(
    reads_per_month: float | None,
    *,
    wait_s: float = 1,
    object_bytes: int = 128 * MIB,
    kept_days: float = 365,
    book: PriceBook | None = None,
) -> ClassChoice:
    """The cheapest class for data of which each byte is read so often in a month.

    Args:
        reads_per_month: full reads; None for unknown or changing, which is what Intelligent-Tiering is for.
        wait_s: how long a reader may wait; archives need hours.
        object_bytes: the size of one object: small ones are billed as more than they are.
        kept_days: how long the data stays, at least.
        book: the prices; us-east-1 if not given.

    Example:
        >>> choose_storage_class(2).storage_class, choose_storage_class(1).storage_class
        ('STANDARD', 'STANDARD_IA')
        >>> choose_storage_class(0.3).storage_class, choose_storage_class(0.05, wait_s=86_400).storage_class
        ('GLACIER_IR', 'DEEP_ARCHIVE')
        >>> choose_storage_class(None).storage_class
        'INTELLIGENT_TIERING'
    """
    require_number("wait_s", wait_s)
    require_number("object_bytes", object_bytes, at_least=1)
    require_number("kept_days", kept_days, above=0)
    if reads_per_month is None:
        return _choose_unknown(object_bytes)
    require_number("reads_per_month", reads_per_month)
    book, against, usd = use_book(book), {}, {}
    for name in CLASSES:
        text = _object_to(name, wait_s, kept_days)
        if text:
            against[name] = text
        else:
            usd[name] = price_gb_month(name, reads_per_month, object_bytes=object_bytes, wait_s=wait_s, book=book)
    best = min(usd, key=lambda name: usd[name])
    reasons = (f"{format_figure(reads_per_month)} reads a month, {format_bytes(object_bytes)} an object",)
    changes = [f"{name} from here: {text}" for name, text in against.items() if name != "ONEZONE_IA"]
    break_evens = _find_break_evens(best, usd, object_bytes, wait_s, book)
    return ClassChoice(best, usd, reasons, against, (*break_evens, *changes))


def price_gb_month(
    storage_class: str, reads_per_month: float, *, object_bytes: int, wait_s: float, book: PriceBook
) -> float:
    """Storing one GB for a month and reading it so often, requests included, in USD.

    Example:
        >>> from lakekit.prices import load_book
        >>> book = load_book(as_of="2026-11-25")
        >>> round(price_gb_month("STANDARD_IA", 1, object_bytes=2**30, wait_s=1, book=book), 4)  # 0.0125 + 0.01
        0.0225
    """
    objects = GIB / object_bytes
    floor = BILLED_FLOOR_BYTES.get(storage_class, 0)
    billed = max(object_bytes, floor) + ARCHIVE_OVERHEAD_BYTES.get(storage_class, 0)
    storage = book.usd(f"s3.storage.{storage_class}") * billed / object_bytes
    storage += book.usd("s3.storage.STANDARD") * ARCHIVE_INDEX_BYTES.get(storage_class, 0) / object_bytes
    if storage_class in RESTORE_SECONDS:
        tier = "Bulk" if wait_s >= BULK_RESTORE_SECONDS[storage_class] else "Standard"
        read = book.usd(f"s3.restore.data.{storage_class}.{tier}")
        read += book.cost_usd(f"s3.restore.request.{storage_class}.{tier}", objects)
    else:
        read = book.usd(f"s3.retrieval.{storage_class}")
        read += book.cost_usd(f"s3.request.GET.{storage_class}", objects)
    return storage + read * reads_per_month


def _object_to(storage_class: str, wait_s: float, kept_days: float) -> str:
    if storage_class == "ONEZONE_IA":
        return "one zone only: for what can be made again"
    if kept_days < LEAST_DAYS.get(storage_class, 0):
        return f"billed for {LEAST_DAYS[storage_class]} days at least, kept for {kept_days:g}"
    if wait_s < RESTORE_SECONDS.get(storage_class, 0):
        restore = format_seconds(RESTORE_SECONDS[storage_class])
        return f"must be restored first, {restore}; engines cannot read it meanwhile"
    return ""


def _find_break_evens(best: str, usd: dict[str, float], object_bytes: int, wait_s: float, book: PriceBook) -> list[str]:
    """Above and below how many reads a month another class is cheaper; costs are straight lines."""
    texts = []
    given = {"object_bytes": object_bytes, "wait_s": wait_s, "book": book}
    own_base, own_read = _line(best, given)
    for name in usd:
        base, read = _line(name, given)
        if name != best and read != own_read and (own_base - base) / (read - own_read) > 0:
            reads = (own_base - base) / (read - own_read)
            texts.append(f"{'below' if read > own_read else 'above'} {reads:.3g} reads a month: {name}")
    return texts


def _line(storage_class: str, given: dict) -> tuple[float, float]:
    base = price_gb_month(storage_class, 0, **given)
    return base, price_gb_month(storage_class, 1, **given) - base


def _choose_unknown(object_bytes: int) -> ClassChoice:
    reasons = ("it moves objects by what is read, 30 and 90 days after the last read, without a fee for reading",)
    small = (f"objects of {format_bytes(object_bytes)} never move: below 128 KB; compact first",)
    return ClassChoice(
        "INTELLIGENT_TIERING",
        {},
        reasons + (small if object_bytes < 128 * KIB else ()),
        {},
        ("a known number of reads a month: a class chosen by price",),
    )
