"""Engines that are paid for what they read or use: Athena, Redshift Spectrum, EMR Serverless.

It must not guess how much a query reads: lake.preview does.
"""

from __future__ import annotations

import math

from lakekit.arguments import require_number
from lakekit.planning.bill import Bill, make_bill
from lakekit.prices import PriceBook
from lakekit.units import MIB, TIB, format_bytes

# https://aws.amazon.com/athena/pricing/, read 2025; a TB is 2**40 bytes
ATHENA_STEP_BYTES = MIB
ATHENA_LEAST_BYTES = 10 * MIB


def bill_scanned_bytes(scanned_bytes: float) -> int:
    """The bytes that Athena bills for one query: rounded up to 1 MB, at least 10 MB.

    DDL and queries that fail are free; a query that is cancelled pays for what it read.

    Example:
        >>> bill_scanned_bytes(2**20) // 2**20, bill_scanned_bytes(10.5 * 2**20) // 2**20
        (10, 11)
    """
    require_number("scanned_bytes", scanned_bytes)
    return max(ATHENA_LEAST_BYTES, math.ceil(scanned_bytes / ATHENA_STEP_BYTES) * ATHENA_STEP_BYTES)


def price_athena(scanned_bytes: float, *, queries: float = 1, book: PriceBook | None = None) -> Bill:
    """What queries cost in Athena that read so many bytes each. Charge: "scanned".

    Example:
        >>> round(price_athena(30 * 2**30).usd, 4)  # 30 / 1,024 x 5
        0.1465
    """
    require_number("queries", queries)
    billed = bill_scanned_bytes(scanned_bytes)
    name = f"Athena, {queries:,g} x {format_bytes(billed)}"
    return make_bill(name, [("scanned", "athena.scanned", billed / TIB * queries)], book=book)


def price_spectrum(scanned_bytes: float, *, queries: float = 1, book: PriceBook | None = None) -> Bill:
    """What Redshift Spectrum costs for queries that read so many bytes each, rounded as Athena does it.

    Example:
        >>> price_spectrum(2**40).usd
        5.0
    """
    require_number("queries", queries)
    billed = bill_scanned_bytes(scanned_bytes)
    name = f"Redshift Spectrum, {queries:,g} x {format_bytes(billed)}"
    return make_bill(name, [("scanned", "redshift.spectrum_scanned", billed / TIB * queries)], book=book)


def price_emr_serverless(vcpu_hours: float, memory_gb_hours: float, *, book: PriceBook | None = None) -> Bill:
    """What a job costs on EMR Serverless (x86). Charges: "vCPU", "memory".

    Example:
        >>> round(price_emr_serverless(100, 400).usd, 2)  # 100 x 0.052624 + 400 x 0.0057785
        7.57
    """
    require_number("vcpu_hours", vcpu_hours)
    require_number("memory_gb_hours", memory_gb_hours)
    lines = [
        ("vCPU", "emr_serverless.vcpu_hour.x86", vcpu_hours),
        ("memory", "emr_serverless.gb_hour.x86", memory_gb_hours),
    ]
    return make_bill("EMR Serverless", lines, book=book)
