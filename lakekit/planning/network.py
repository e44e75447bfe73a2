"""What moving bytes between networks costs: out to the internet, over Direct Connect, between zones and Regions.

It must not know how long it takes: duration.py does. Into S3 from the internet costs nothing but the requests.
"""

from __future__ import annotations

from collections.abc import Mapping

from lakekit.arguments import require_choice, require_number
from lakekit.errors import InvalidArgument
from lakekit.planning.bill import HOURS_PER_MONTH, Bill, Charge, join_bills, make_bill, use_book
from lakekit.prices import Price, PriceBook
from lakekit.units import GIB, format_bytes

FREE_OUT_BYTES = 100 * GIB  # a month, all services and Regions; https://aws.amazon.com/s3/pricing/, read 2025-12
# https://docs.aws.amazon.com/directconnect/latest/UserGuide/Welcome.html, read 2026; 400G has no price here
PORT_BITS_PER_S = {"1G": 1e9, "10G": 10e9, "100G": 100e9}


def price_internet_out(size_bytes: float, *, free_bytes: float = FREE_OUT_BYTES, book: PriceBook | None = None) -> Bill:
    """A month of bytes out to the internet, in tiers; the first 100 GB are free (an FAQ example still says 1 GB).

    Example:
        >>> from lakekit.units import GIB
        >>> round(price_internet_out(63_488 * GIB).usd, 2)  # 10,140 x 0.09 + 40,960 x 0.085 + 12,288 x 0.07
        5254.36
        >>> round(price_internet_out(57_000 * GIB, free_bytes=0).usd, 2)
        4809.2
    """
    require_number("size_bytes", size_bytes)
    require_number("free_bytes", free_bytes)
    price = use_book(book).price("transfer.internet_out")
    gb, free_gb = size_bytes / GIB, min(size_bytes, free_bytes) / GIB
    usd = price.cost_usd(gb) - price.cost_usd(free_gb)  # the free GB are those of the first tier
    name = f"internet out, {format_bytes(round(size_bytes))}"
    if gb <= free_gb:
        return Bill(name, (), unused=("internet out",))
    return Bill(name, (Charge("internet out", gb - free_gb, usd, price),))


def price_direct_connect(
    out_bytes: float = 0, *, port: str = "1G", hours: float = HOURS_PER_MONTH, book: PriceBook | None = None
) -> Bill:
    """What a dedicated Direct Connect port and bytes out over it cost; bytes in are free. Charges: "port", "out".

    The provider's line to the port is not AWS's, and not in it.

    Example:
        >>> round(price_direct_connect(51_200 * 2**30).usd, 2)  # 730 x 0.30 + 51,200 x 0.02
        1243.0
    """
    require_choice("port", port, PORT_BITS_PER_S)
    require_number("out_bytes", out_bytes)
    require_number("hours", hours)
    lines = [
        ("port", f"directconnect.port_hour.{port}", hours),
        ("out", "transfer.direct_connect_out", out_bytes / GIB),
    ]
    notes = ["the provider's line to the port is not in it"]
    return make_bill(f"Direct Connect {port}", lines, book=book, notes=notes)


def price_cross_zone(size_bytes: float, *, directions: int = 1, book: PriceBook | None = None) -> Bill:
    """Bytes between availability zones, charged in each direction; through S3 they are free.

    Example:
        >>> price_cross_zone(2000 * 2**30).usd
        20.0
    """
    require_number("size_bytes", size_bytes)
    require_number("directions", directions, at_least=1, most=2)
    return make_bill(
        "between zones", [("between zones", "transfer.cross_az", size_bytes / GIB * directions)], book=book
    )


def price_between_regions(size_bytes: float, *, to_region: str = "", book: PriceBook | None = None) -> Bill:
    """Bytes out to another Region; a few Regions have a price of their own.

    Example:
        >>> round(price_between_regions(1000 * 2**30, to_region="us-east-2").usd, 2)  # 0.01; to others 0.02
        10.0
    """
    require_number("size_bytes", size_bytes)
    book = use_book(book)
    own = f"transfer.region_to_region.{to_region}"
    price_id = own if own in book.prices else "transfer.region_to_region.default"
    return make_bill("between Regions", [("between Regions", price_id, size_bytes / GIB)], book=book)


def price_acceleration(
    size_bytes: float, *, direction: str = "in", edge: str = "near", book: PriceBook | None = None
) -> Bill:
    """What S3 Transfer Acceleration adds, in or out; nothing when it was not faster.

    Args:
        size_bytes: what is moved.
        direction: "in" or "out".
        edge: "near" for edges in the US, Europe and Japan, "far" for all others; matters on the way in.
        book: the prices; us-east-1 if not given.

    Example:
        >>> price_acceleration(1000 * 2**30).usd, price_acceleration(1000 * 2**30, edge="far").usd
        (40.0, 80.0)
    """
    require_choice("direction", direction, ("in", "out"))
    require_choice("edge", edge, ("near", "far"))
    require_number("size_bytes", size_bytes)
    price_id = f"s3.acceleration.in.{edge}" if direction == "in" else "s3.acceleration.out"
    return make_bill("S3 Transfer Acceleration", [("acceleration", price_id, size_bytes / GIB)], book=book)


def price_access_point(
    size_bytes: float,
    *,
    between_regions_bytes: float = 0,
    internet_out_bytes: float = 0,
    accelerated: Mapping[float, float] | None = None,
    book: PriceBook | None = None,
) -> Bill:
    """What an S3 Multi-Region Access Point costs.

    Charges: "routing", "between Regions", "internet out", "acceleration".

    Args:
        size_bytes: all that passes through it.
        between_regions_bytes: what of it goes to a bucket of another Region than the one of the request.
        internet_out_bytes: what of it goes out to the internet; no free part is taken off.
        accelerated: USD per GB of acceleration over the internet, and the bytes at that rate; the rates depend on
            the client's country and the bucket's Region, so they are given.
        book: the prices; us-east-1 if not given.

    Example:
        >>> from lakekit.units import GIB
        >>> round(price_access_point(10 * GIB).usd, 3)  # 10 x 0.0033
        0.033
        >>> rates = {0.0025: 10 * GIB, 0.005: 10 * GIB, 0.05: 10 * GIB}
        >>> round(price_access_point(30 * GIB, internet_out_bytes=20 * GIB, accelerated=rates).usd, 3)
        2.474
    """
    given = {"size_bytes": size_bytes, "between_regions_bytes": between_regions_bytes}
    for name, value in (given | {"internet_out_bytes": internet_out_bytes}).items():
        require_number(name, value)
    book = use_book(book)
    charges = []
    for usd_per_gb, part_bytes in sorted((accelerated or {}).items()):
        require_number("accelerated", usd_per_gb)
        require_number("accelerated", part_bytes)
        price = Price("given", usd_per_gb, "GB", "given", "given", "user")
        charges.append(Charge("acceleration", part_bytes / GIB, price.cost_usd(part_bytes / GIB), price))
    if sum((accelerated or {}).values()) > size_bytes or internet_out_bytes > size_bytes:
        raise InvalidArgument("A part is larger than size_bytes, all that passes.", hint="give the sum as size_bytes")
    lines = [
        ("routing", "s3.multi_region_access_point", size_bytes / GIB),
        ("between Regions", "transfer.region_to_region.default", between_regions_bytes / GIB),
        ("internet out", "transfer.internet_out", internet_out_bytes / GIB),
    ]
    name = "S3 Multi-Region Access Point"
    return join_bills(name, [make_bill(name, lines, book=book), Bill(name, tuple(charges))])
