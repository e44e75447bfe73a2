"""Transfers: how long, by which route, at what cost; into S3, out of it, and between networks.

It must not hold rules of its own: this is where all of them are found.

    >>> from lakekit.planning import transfer
    >>> round(transfer.count_days(100e12, 1e9, utilisation=0.8).days, 2)  # 100 TB over 1 Gbit/s
    11.57
"""

from lakekit.planning.bill import Bill, Charge
from lakekit.planning.duration import TransferTime, UploadParts, count_days, find_bits_per_s, plan_parts
from lakekit.planning.moving import (
    GATEWAYS,
    SNOW_ALTERNATIVES,
    TERMINALS,
    SnowDevice,
    list_snow_devices,
    price_datasync,
    price_dms,
    price_storage_gateway,
    price_transfer_family,
)
from lakekit.planning.network import (
    price_acceleration,
    price_access_point,
    price_between_regions,
    price_cross_zone,
    price_direct_connect,
    price_internet_out,
)
from lakekit.planning.routes import Route, TransferNeed, TransferPlan, plan_transfer

__all__ = [
    "GATEWAYS",
    "SNOW_ALTERNATIVES",
    "TERMINALS",
    "Bill",
    "Charge",
    "Route",
    "SnowDevice",
    "TransferNeed",
    "TransferPlan",
    "TransferTime",
    "UploadParts",
    "count_days",
    "find_bits_per_s",
    "list_snow_devices",
    "plan_parts",
    "plan_transfer",
    "price_acceleration",
    "price_access_point",
    "price_between_regions",
    "price_cross_zone",
    "price_datasync",
    "price_direct_connect",
    "price_dms",
    "price_internet_out",
    "price_storage_gateway",
    "price_transfer_family",
]
