"""Does a workload belong in DynamoDB: a checklist with reasons, and what S3 would cost instead.

It must not decide for anyone: a checklist has answers, and its reader has the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb import limits
from lakekit.dynamodb.bill import Bill, make_bill, make_line
from lakekit.dynamodb.compare import CompareOptions, Comparison, compare_modes
from lakekit.dynamodb.cost import count_month_units
from lakekit.dynamodb.pattern_units import count_pattern_units
from lakekit.dynamodb.rates import DEFAULT_REGION, HOURS_PER_MONTH, Rates, get_rates
from lakekit.dynamodb.workload import Workload
from lakekit.errors import InvalidArgument
from lakekit.units import GIB, format_bytes

# AWS, Big Data Analytics Options (whitepaper), ideal usage patterns of DynamoDB, read 2026-11-23
USES = {
    "mobile apps": "many users, each with a few items found by user id",
    "gaming": "players, sessions and scores found by player id, at any load",
    "digital ad serving": "profiles found by id within milliseconds",
    "live voting": "many small writes at once; spread the counters over keys",
    "audience interaction": "many small writes during an event, then silence: on-demand",
    "sensor networks": "a stream of small readings, each device its own key",
    "log ingestion": "a stream of small items, expired by TTL; the history belongs in the lake",
    "access control": "permissions found by user or resource id",
    "metadata for S3 objects": "one small item for each object, found by its key",
    "e-commerce shopping carts": "one item for each cart, found by customer id",
    "web session management": "one item for each session, expired by TTL",
}
# The same whitepaper's antipatterns and AWS's agent toolkit for DynamoDB (2026-08): question, reason, instead
ANTIPATTERNS = {
    "has_joins": ("joins or transactions over many items", "a query reads one table by its keys", "Aurora, RDS"),
    "has_ad_hoc_analytics": ("new questions over all data", "each scans the table", "export to S3 and query the lake"),
    "is_prewritten": ("an application that speaks SQL", "it would have to be rewritten", "Aurora, RDS"),
    "has_counter_in_index": ("a counter as an index key", "each change is two index writes", "keep it out of keys"),
    "key_is_narrow": (
        "few, dated or growing partition keys",
        "all writes of an hour meet one partition",
        "another key, or suffixes (plan_write_sharding)",
    ),
    "ttl_is_security": ("expiry at the minute", "TTL deletes within days, not at once", "compare it when reading"),
}
SCAN_SHARE = 0.2  # of the read units; above it the table is read as a whole more than it should be
SMALL_IO_UNITS_PER_GIB_MONTH = 100_000  # below it the data mostly lies there; our line, not AWS's
BATCH_S = 300  # the lake alternative writes a file every five minutes
PUT, GET, STORED = "s3.request.PUT.STANDARD", "s3.request.GET.STANDARD", "s3.storage.STANDARD"


@dataclass(frozen=True)
class Needs:
    """What no workload tells. Everything is no by default.

    Attributes:
        use: one of USES, or "" for another.
        has_joins: questions need several kinds of items joined, or transactions over many.
        has_ad_hoc_analytics: people ask new questions of all the data.
        is_prewritten: the application exists and speaks SQL.
        largest_object_bytes: of what belongs to an item, wherever it is kept.
        has_counter_in_index: a number that changes all the time is an index key.
        key_is_narrow: the partition key has few values, or is a date or a number that only grows.
        ttl_is_security: something must be gone at the minute it expires.
    """

    use: str = ""
    has_joins: bool = False
    has_ad_hoc_analytics: bool = False
    is_prewritten: bool = False
    largest_object_bytes: float = 0
    has_counter_in_index: bool = False
    key_is_narrow: bool = False
    ttl_is_security: bool = False

    def __post_init__(self):
        if self.use and self.use not in USES:
            raise InvalidArgument(f"use={self.use!r} is not one of the known ones.", hint=f"{', '.join(USES)}.")


@dataclass(frozen=True)
class Check:
    """One line of the checklist.

    Attributes:
        question: what was asked.
        speaks: "for", "against" or "neither".
        reason: why, with numbers where there are any.
        instead: what to use if it speaks against.
    """

    question: str
    speaks: str
    reason: str
    instead: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The checklist, and the bills of DynamoDB and of S3. Of `check_fit`.

    Attributes:
        checks: lines of the checklist.
        dynamodb: the cheapest option of a month.
        s3_objects: the same as one S3 object an item, each read and written by itself.
        s3_lake: the same as files of a lake, written every five minutes, and read by none of the patterns.
        comparison: of the modes.
    """

    checks: tuple[Check, ...]
    dynamodb: Bill
    s3_objects: Bill
    s3_lake: Bill
    comparison: Comparison

    @property
    def against(self) -> tuple[Check, ...]:
        """What speaks against DynamoDB."""
        return tuple(check for check in self.checks if check.speaks == "against")

    @property
    def verdict(self) -> str:
        """In a sentence or two."""
        bills = (
            f"A month: DynamoDB ${self.dynamodb.usd:,.2f}, S3 with an object an item ${self.s3_objects.usd:,.2f}, "
            f"files in a lake ${self.s3_lake.usd:,.2f}."
        )
        if not self.against:
            return f"Nothing on the list speaks against DynamoDB. {bills}"
        reasons = "; ".join(f"{check.question}: {check.instead}" for check in self.against)
        return f"{len(self.against)} of {len(self.checks)} speak against DynamoDB ({reasons}). {bills}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(check.question, check.speaks, check.reason, check.instead) for check in self.checks]

    def __repr__(self) -> str:
        return f"Fit: {self.verdict}"

    def __str__(self) -> str:
        return f"{self.verdict}\n{format_text_table(['question', 'speaks', 'reason', 'instead'], self._rows())}"

    def _repr_html_(self) -> str:
        return format_html_table(self.verdict, ["question", "speaks", "reason", "instead"], self._rows())


def check_fit(
    workload: Workload,
    needs: Needs = Needs(),
    *,
    rates: str | Rates = DEFAULT_REGION,
    options: CompareOptions | None = None,
) -> Fit:
    """Whether a workload belongs in DynamoDB: what speaks for it and against it, and the bill of S3 beside.

    Example:
        >>> from lakekit.dynamodb import AccessPattern, Entity, TableDesign
        >>> show = AccessPattern("show cart", "GetItem", "cart", rate=20)
        >>> shop = Workload(TableDesign("carts", "customer"), (Entity("cart", 2000, 50_000),), (show,))
        >>> fit = check_fit(shop, Needs(use="e-commerce shopping carts"))
        >>> len(fit.against), fit.dynamodb.usd < fit.s3_objects.usd
        (0, True)
    """
    comparison = compare_modes(workload, rates=rates, options=options or CompareOptions(days=1))
    objects, lake = _price_s3(workload, get_rates(rates))
    checks = (*_check_needs(needs), *_check_workload(workload, comparison, needs))
    return Fit(checks, comparison.cheapest_uncommitted.bill, objects, lake, comparison)


def _check_needs(needs: Needs) -> list[Check]:
    known = USES.get(needs.use, "")
    use = Check("a use DynamoDB is made for", "for" if known else "neither", known or "none of the list was named")
    checks = [use]
    for name, (question, reason, instead) in ANTIPATTERNS.items():
        is_so = getattr(needs, name)
        said = (reason, instead) if is_so else ("no", "")
        checks.append(Check(question, "against" if is_so else "for", *said))
    return checks


def _check_workload(workload: Workload, comparison: Comparison, needs: Needs) -> list[Check]:
    largest = max(needs.largest_object_bytes, max((one.sizes.largest_bytes for one in workload.entities), default=0))
    is_large = largest > limits.ITEM_BYTES
    size = Check(
        "objects over 400 KB",
        "against" if is_large else "for",
        f"the largest has {format_bytes(round(largest))}",
        "S3, and an item that points to it" if is_large else "",
    )
    scanned = _get_scan_share(workload)
    scans = Check(
        "frequent scans",
        "against" if scanned > SCAN_SHARE else "for",
        f"{scanned:.0%} of the read units are scans",
        "export to S3 and query the lake" if scanned > SCAN_SHARE else "",
    )
    stored = sum(workload.get_stored_bytes().values()) / GIB
    demand = comparison.demand
    months = HOURS_PER_MONTH / (demand.days * 24)
    monthly = sum(demand.sum_units(kind) for kind in ("read", "write")) * months
    is_idle = stored >= 1 and monthly / stored < SMALL_IO_UNITS_PER_GIB_MONTH
    idle = Check(
        "much data, few requests",
        "against" if is_idle else "for",
        f"{stored:,.1f} GB and {monthly:,.0f} units a month",
        "S3, or Standard-IA if it must be found by key" if is_idle else "",
    )
    return [size, scans, idle]


def _get_scan_share(workload: Workload) -> float:
    units = {True: 0.0, False: 0.0}
    for pattern in workload.patterns:
        if pattern.is_read:
            rate = pattern.rate.sample(count=7 * 24, step_s=3600).mean()
            units[pattern.operation == "Scan"] += rate * sum(count_pattern_units(pattern, workload).values())
    return units[True] / (units[True] + units[False]) if any(units.values()) else 0.0


def _price_s3(workload: Workload, rates: Rates) -> tuple[Bill, Bill]:
    """A month of the same on S3 Standard: an object an item, and files of a lake."""
    note = ""
    if STORED not in rates.book.prices:
        rates, note = get_rates("us-east-1"), f"S3 prices of us-east-1, for those of {rates.region} are not known."
    raw = sum(entity.count * entity.sizes.mean_bytes for entity in workload.entities) / GIB
    requests = {True: 0.0, False: 0.0}
    for pattern in workload.patterns:
        rate = float(pattern.rate.sample(count=7 * 24, step_s=3600).mean())
        # on S3 each kind has a prefix of its own: only a Scan of DynamoDB reads the others as well
        items = workload.entity(pattern.entity).count if pattern.operation == "Scan" else max(pattern.items, 1)
        requests[pattern.is_read] += count_month_units(rate * items)
    files = count_month_units(1 / BATCH_S) if requests[False] else 0.0
    stored = make_line("storage", raw, STORED, rates)
    gets = make_line("reads, GET", requests[True], GET, rates)
    objects = make_bill([stored, gets, make_line("writes, PUT", requests[False], PUT, rates)], rates, note=note)
    lake = make_bill([stored, make_line("writes, PUT of files", files, PUT, rates)], rates, note=note)
    return objects, lake
