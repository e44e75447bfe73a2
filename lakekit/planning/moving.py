"""What AWS's services for moving data cost: DataSync, Storage Gateway, Transfer Family, DMS; and what is left of Snow.

It must not choose among them: routes.py does.
"""

from __future__ import annotations

from dataclasses import dataclass

from lakekit.arguments import require_choice, require_number
from lakekit.planning.bill import HOURS_PER_MONTH, Bill, Charge, make_bill, use_book
from lakekit.prices import PriceBook
from lakekit.units import GIB, format_bytes

# https://docs.aws.amazon.com/datasync/latest/userguide/datasync-limits.html, read 2026
DATASYNC_AGENT_BITS_PER_S = 10e9  # of one task through an agent
DATASYNC_AGENTLESS_BITS_PER_S = 5e9
DATASYNC_BASIC_FILES = 50_000_000  # 25 million between AWS services; no limit in Enhanced mode
# https://docs.aws.amazon.com/storagegateway/latest/vgw/resource-gateway-limits.html, read 2026
GATEWAYS = {
    "S3 File Gateway": "NFS and SMB: 50 shares, files of 5 TiB, a cache of 150 GiB to 64 TiB",
    "Volume Gateway, cached": "iSCSI: 32 volumes of 32 TiB",
    "Volume Gateway, stored": "iSCSI: 32 volumes of 16 TiB, all of it kept on premises",
    "Tape Gateway": "for backup software: tapes in S3, archived to GLACIER or DEEP_ARCHIVE",
    "FSx File Gateway": "closed to new customers since 2024-10-28",
}
# https://aws.amazon.com/data-transfer-terminal/, read 2026-02
TERMINALS = "Los Angeles, New York, Munich, Seattle, Phoenix, London, Paris, Sydney, Tokyo".split(", ")
# https://pypi.org/project/botocore/1.44.5/, dms service model, read 2026-11-17
DMS_FILE_BYTES = 32_000 * 1000  # a CDC file, or 60 seconds, whichever comes first
DMS_ROW_GROUP_ROWS = 10_000  # 10,024 in a guide of 2023; ten times below what engines like: compact afterwards


def price_datasync(
    size_bytes: float, *, mode: str = "basic", executions: int = 1, book: PriceBook | None = None
) -> Bill:
    """What DataSync costs. Charges: "copied", "executions" (Enhanced mode only).

    Example:
        >>> round(price_datasync(297 * 2**30, mode="enhanced").usd, 3)  # 297 x 0.015 + 0.55
        5.005
        >>> round(price_datasync(1000 * 2**30).usd, 2)
        12.5
    """
    mode = mode.lower()
    require_choice("mode", mode, ("basic", "enhanced"))
    require_number("size_bytes", size_bytes)
    require_number("executions", executions)
    lines = [("copied", f"datasync.{mode}", size_bytes / GIB)]
    if mode == "enhanced":
        lines.append(("executions", "datasync.enhanced_execution", executions))
    return make_bill(f"DataSync {mode}, {format_bytes(round(size_bytes))}", lines, book=book)


def price_storage_gateway(written_bytes: float, *, gateways: int = 1, book: PriceBook | None = None) -> Bill:
    """A month of writing through a Storage Gateway, up to a cap for each. Charge: "written".

    Neither price nor cap could be read on a page of AWS; S3's storage and requests come on top.

    Example:
        >>> price_storage_gateway(1000 * 2**30).usd, price_storage_gateway(100_000 * 2**30).usd
        (10.0, 125.0)
    """
    require_number("written_bytes", written_bytes)
    require_number("gateways", gateways, at_least=1)
    book = use_book(book)
    price, gb = book.price("storagegateway.written"), written_bytes / GIB
    usd = min(price.cost_usd(gb), book.usd("storagegateway.cap") * gateways)
    return Bill(f"Storage Gateway, {format_bytes(round(written_bytes))} written", (Charge("written", gb, usd, price),))


def price_transfer_family(
    size_bytes: float, *, protocols: int = 1, hours: float = HOURS_PER_MONTH, book: PriceBook | None = None
) -> Bill:
    """What an SFTP, FTPS or AS2 endpoint costs, used or not. Charges: "protocols", "data".

    Example:
        >>> bill = price_transfer_family(1000 * 2**30)  # 730 x 0.30; 1,000 x 0.04
        >>> bill["protocols"], bill["data"]
        (219.0, 40.0)
    """
    require_number("size_bytes", size_bytes)
    require_number("protocols", protocols, at_least=1)
    require_number("hours", hours)
    lines = [
        ("protocols", "transferfamily.protocol_hour", protocols * hours),
        ("data", "transferfamily.data", size_bytes / GIB),
    ]
    return make_bill("Transfer Family", lines, book=book)


def price_dms(
    instance: str = "t2.micro",
    *,
    hours: float = HOURS_PER_MONTH,
    multi_az: bool = False,
    storage_bytes: float = 0,
    book: PriceBook | None = None,
) -> Bill:
    """What a DMS replication instance costs. Charges: "instance", "storage".

    Args:
        instance: its class; those with a price: book.ids("dms.instance_hour").
        hours: of running; a month if not given.
        multi_az: with a standby in a second zone.
        storage_bytes: beyond what the instance brings; has a price for multi_az only.
        book: the prices; us-east-1 if not given.

    Example:
        >>> round(price_dms().usd, 2), round(price_dms(multi_az=True).usd, 2)  # 730 x 0.018; x 0.036
        (13.14, 26.28)
    """
    require_number("hours", hours)
    require_number("storage_bytes", storage_bytes)
    zones = "multi" if multi_az else "single"
    lines = [
        ("instance", f"dms.instance_hour.{instance.removeprefix('dms.')}.{zones}", hours),
        ("storage", f"dms.storage.gp2.{zones}", storage_bytes / GIB * hours / HOURS_PER_MONTH),
    ]
    return make_bill(f"DMS {instance}, {zones} zone", lines, book=book)


@dataclass(frozen=True)
class SnowDevice:
    """What became of a device of the Snow family.

    Attributes:
        name: the device.
        status: in words.
        since: the date of it, as far as it is known.
        is_for_new_customers: false for all of them.
        source: where it was read.
    """

    name: str
    status: str
    since: str
    is_for_new_customers: bool
    source: str


# read 2026
_SNOW = "https://docs.aws.amazon.com/snowball/latest/developer-guide/snowball-edge-availability-change.html"
SNOW_ALTERNATIVES = (
    "DataSync, over a temporary hosted Direct Connect where the link is too slow",
    "AWS Data Transfer Terminal",
    "devices of partners (Seagate, Tsecond)",
    "Outposts, for computing at the edge",
)


def list_snow_devices() -> tuple[SnowDevice, ...]:
    """The state of the Snow family: nothing of it can be ordered by new customers.

    AWS's API still lists every device, and study guides still recommend them; neither changes that.

    Example:
        >>> [device.name for device in list_snow_devices() if device.is_for_new_customers]
        []
    """
    return (
        SnowDevice("Snowmobile", "retired", "2024-03", False, "secondary; no page of AWS names the day"),
        SnowDevice("Snowcone", "discontinued", "2024-11-12", False, _SNOW),
        SnowDevice("Snowball Edge, older models (80 TB, 52 vCPU, GPU)", "discontinued", "2024-11-12", False, _SNOW),
        SnowDevice("Snowball Edge (210 TB, Compute Optimized)", "existing customers only", "2025-11-07", False, _SNOW),
    )
