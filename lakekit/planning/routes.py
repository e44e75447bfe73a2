"""Ways to bring a given amount of data into S3 by a given day: how long each takes, what it costs, which one to take.

It must not move anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lakekit.arguments import require_number
from lakekit.errors import InvalidArgument
from lakekit.planning.answer import Answer, format_share, format_usd
from lakekit.planning.bill import Bill, join_bills, make_bill, use_book
from lakekit.planning.duration import (
    CUT_OVER_SHARE,
    DEFAULT_UTILISATION,
    count_days,
    find_bits_per_s,
    format_bits,
    format_days,
    format_decimal_bytes,
)
from lakekit.planning.moving import (
    DATASYNC_AGENT_BITS_PER_S,
    DATASYNC_BASIC_FILES,
    SNOW_ALTERNATIVES,
    TERMINALS,
    price_datasync,
    price_storage_gateway,
)
from lakekit.planning.network import PORT_BITS_PER_S, price_direct_connect
from lakekit.prices import PriceBook
from lakekit.units import GIB

TEMPORARY_PORT = "10G"
USUAL_FILE_BYTES = GIB  # when the number of files is not told: what PUT requests are counted for


@dataclass(frozen=True)
class TransferNeed:
    """What is to be moved into S3, and how.

    Attributes:
        size_bytes: 100 TB are 100e12.
        bits_per_s: the link that is there; 1 Gbit/s is 1e9.
        utilisation: the share of it that the transfer gets.
        hours_per_day: when it may run.
        deadline_days: when all must be there; None for whenever.
        files: how many; one for each GiB if not given.
        keeps_local_access: programs on premises go on reading and writing it through NFS or SMB.
        has_snow: you are a customer of the Snow family from before 2025-11-07.

    Example:
        >>> TransferNeed(100e12, 1e9).files_or_guess
        93132
    """

    size_bytes: float
    bits_per_s: float
    utilisation: float = field(default=DEFAULT_UTILISATION, kw_only=True)
    hours_per_day: float = field(default=24, kw_only=True)
    deadline_days: float | None = field(default=None, kw_only=True)
    files: int | None = field(default=None, kw_only=True)
    keeps_local_access: bool = field(default=False, kw_only=True)
    has_snow: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        count_days(self.size_bytes, self.bits_per_s, utilisation=self.utilisation, hours_per_day=self.hours_per_day)
        if self.deadline_days is not None:
            require_number("deadline_days", self.deadline_days, above=0)
        if self.files is not None:
            require_number("files", self.files)

    @property
    def files_or_guess(self) -> int:
        """How many files, as told, or one for each GiB."""
        return self.files if self.files is not None else max(1, round(self.size_bytes / USUAL_FILE_BYTES))

    def count_days(self, bits_per_s: float) -> float:
        """The days it takes over a link."""
        given = {"utilisation": self.utilisation, "hours_per_day": self.hours_per_day}
        return count_days(self.size_bytes, bits_per_s, **given).days


@dataclass(frozen=True)
class Route:
    """One way to move it.

    Attributes:
        name: of the way.
        days: of transfer; None where no figure could be established.
        bill: what it costs once; None where no price could be established.
        fits: whether it is done by the deadline; None when that is open.
        why_not: what speaks against it; empty when nothing does.
        notes: what else to know.
    """

    name: str
    days: float | None
    bill: Bill | None
    fits: bool | None
    why_not: str = ""
    notes: tuple[str, ...] = ()

    @property
    def usd(self) -> float | None:
        """What it costs once, or None."""
        return self.bill.usd if self.bill is not None else None


@dataclass(frozen=True, repr=False)
class TransferPlan(Answer):
    """Every route for a transfer, and the one to take.

    Attributes:
        need: what is to be moved.
        routes: all of them, in the order in which they are preferred.
        best: the one to take.
        reasons, notes, would_change: in words.
    """

    need: TransferNeed
    routes: tuple[Route, ...]
    best: Route
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    would_change: tuple[str, ...]

    def __getitem__(self, name: str) -> Route:
        routes = {route.name: route for route in self.routes}
        if name not in routes:
            raise InvalidArgument(f"There is no route {name!r}.", hint=f"one of {', '.join(map(repr, routes))}")
        return routes[name]

    def title(self) -> str:
        return f"{self.best.name}: {_describe_days(self.best)}, {_describe_usd(self.best)}"

    def facts(self) -> list[tuple[str, str]]:
        return [
            (route.name, ", ".join(filter(None, [_describe_days(route), _describe_usd(route), _describe_fit(route)])))
            for route in self.routes
        ]


def plan_transfer(need: TransferNeed, *, book: PriceBook | None = None) -> TransferPlan:
    """How to bring data into S3: over the link with DataSync if that is in time, else over a temporary Direct Connect,
    else on disks to a Data Transfer Terminal. Where programs on premises go on using the data: a File Gateway.

    Example:
        >>> plan = plan_transfer(TransferNeed(100e12, 1e9, deadline_days=14))
        >>> plan.best.name, round(plan.best.days, 2), round(plan.best.usd, 2)
        ('DataSync Basic', 11.57, 1164.62)
        >>> plan_transfer(TransferNeed(100e12, 1e9, deadline_days=7)).best.name
        'temporary Direct Connect 10G'
    """
    book = use_book(book)
    routes = (
        *([_route_gateway(need, book)] if need.keeps_local_access else []),
        _route_datasync(need, "Basic", book),
        _route_datasync(need, "Enhanced", book),
        _route_upload(need, book),
        _route_direct_connect(need, book),
        _route_snow(need),
        _route_terminal(need),
    )
    possible = [route for route in routes if route.fits is not False and not route.why_not]
    # by hand is not proposed where a service is in time: it neither schedules, verifies nor resumes
    best = next((route for route in possible if route.name != "upload by hand"), routes[-1])
    return TransferPlan(need, routes, best, *_explain(need, routes, best))


def _route_datasync(need: TransferNeed, mode: str, book: PriceBook) -> Route:
    days = need.count_days(min(need.bits_per_s, DATASYNC_AGENT_BITS_PER_S))
    bill = join_bills(
        f"DataSync {mode}", [price_datasync(need.size_bytes, mode=mode, book=book), _price_puts(need, book)]
    )
    too_many = mode == "Basic" and need.files_or_guess > DATASYNC_BASIC_FILES
    why_not = f"{need.files_or_guess:,} files in a task, at most {DATASYNC_BASIC_FILES:,}" if too_many else ""
    notes = (
        ("one task goes up to 10 Gbit/s: split the work for more",)
        if need.bits_per_s > DATASYNC_AGENT_BITS_PER_S
        else ()
    )
    return Route(f"DataSync {mode}", days, bill, _fits(need, days), why_not, notes)


def _route_upload(need: TransferNeed, book: PriceBook) -> Route:
    days = need.count_days(need.bits_per_s)
    notes = ("nothing schedules, verifies or resumes it for you",)
    return Route("upload by hand", days, _price_puts(need, book), _fits(need, days), "", notes)


def _route_direct_connect(need: TransferNeed, book: PriceBook) -> Route:
    bits_per_s = PORT_BITS_PER_S[TEMPORARY_PORT]
    days = need.count_days(bits_per_s)
    name = f"temporary Direct Connect {TEMPORARY_PORT}"
    port = price_direct_connect(port=TEMPORARY_PORT, hours=days * 24, book=book)
    bill = join_bills(name, [port, price_datasync(need.size_bytes, book=book), _price_puts(need, book)])
    why_not = "the link that is there is as fast" if need.bits_per_s >= bits_per_s else ""
    notes = (
        "the days to set it up are not counted: ask early",
        "priced as a port of your own; a hosted connection of 50 Mbit/s to 25 Gbit/s costs what its partner says",
    )
    return Route(name, days, bill, _fits(need, days), why_not, notes)


def _route_gateway(need: TransferNeed, book: PriceBook) -> Route:
    days = need.count_days(need.bits_per_s)
    written = price_storage_gateway(need.size_bytes, book=book)
    bill = join_bills("S3 File Gateway", [written, _price_puts(need, book)])
    notes = ("programs go on with NFS or SMB and a local cache; the objects are in S3",)
    return Route("S3 File Gateway", days, bill, _fits(need, days), "", notes)


def _route_snow(need: TransferNeed) -> Route:
    if need.has_snow:
        return Route("Snowball Edge", None, None, None, "", ("210 TB a device, for those who already have Snow",))
    return Route("Snowball Edge", None, None, False, "closed to new customers since 2025-11-07")


def _route_terminal(need: TransferNeed) -> Route:
    notes = (f"you carry disks to {', '.join(TERMINALS[:-1])} or {TERMINALS[-1]}",)
    return Route("Data Transfer Terminal", None, None, None, "", notes)


def _price_puts(need: TransferNeed, book: PriceBook) -> Bill:
    return make_bill("S3 PUT", [("S3 PUT", "s3.request.PUT.STANDARD", need.files_or_guess)], book=book)


def _fits(need: TransferNeed, days: float) -> bool | None:
    return None if need.deadline_days is None else days <= need.deadline_days


def _explain(
    need: TransferNeed, routes: tuple[Route, ...], best: Route
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    link_days = need.count_days(need.bits_per_s)
    link = f"{format_share(need.utilisation)} of {format_bits(need.bits_per_s)}"
    reasons = [f"{format_decimal_bytes(need.size_bytes)} take {format_days(link_days)} at {link}"]
    changes = []
    if need.deadline_days is None:
        changes.append(f"a deadline below {format_days(link_days)}: a faster link, or disks")
    else:
        given = {"utilisation": need.utilisation, "hours_per_day": need.hours_per_day}
        needed = format_bits(find_bits_per_s(need.size_bytes, need.deadline_days, **given))
        in_time = link_days <= need.deadline_days
        reasons.append(f"the deadline is {format_days(need.deadline_days)}: {'in time' if in_time else 'too late'}")
        side = "a link of less" if in_time else "a link of more"
        changes.append(f"{side} than {needed}, or a deadline of {format_days(link_days)}")
    by_hand = next(route for route in routes if route.name == "upload by hand")
    if best.usd is not None and best.usd > by_hand.usd and by_hand.fits is not False:
        saved = format_usd(best.usd - by_hand.usd)
        changes.append(f"by hand it costs {saved} less, without schedule, verification or restart")
    notes = [*best.notes]
    with_cut_over = (best.days or 0) * (1 + CUT_OVER_SHARE)
    if need.deadline_days is not None and need.deadline_days < with_cut_over:
        notes.append("less than 30 % of the time is left for the cut-over, which AWS advises to plan")
    if best.name == "Data Transfer Terminal":
        notes.append(f"without Snow, AWS names: {'; '.join(SNOW_ALTERNATIVES)}")
    return tuple(reasons), tuple(notes), tuple(changes)


def _describe_days(route: Route) -> str:
    return "days not established" if route.days is None else format_days(route.days)


def _describe_fit(route: Route) -> str:
    return route.why_not or ("too late" if route.fits is False else "")


def _describe_usd(route: Route) -> str:
    return "price not established" if route.usd is None else format_usd(route.usd)
