"""Managed Service for Apache Flink: KPUs, how a run is billed, what a month costs.

It must not guess how many KPUs a program needs: parallelism goes in.
"""

from __future__ import annotations

import math

from lakekit.arguments import require_number
from lakekit.planning.bill import HOURS_PER_MONTH, Bill, make_bill
from lakekit.prices import PriceBook
from lakekit.units import GIB

# https://aws.amazon.com/managed-service-apache-flink/pricing/, read 2025
LEAST_RUN_SECONDS = 600
ORCHESTRATION_KPUS = 1  # charged with each application
STORAGE_BYTES_PER_KPU = 50 * GIB
# https://docs.aws.amazon.com/kinesisanalytics/latest/dev/discontinuation.html, read 2026
SQL_APPLICATIONS_DELETED_FROM = "2026-01-27"  # Kinesis Data Analytics for SQL is gone: use Flink


def bill_run_seconds(run_s: float) -> int:
    """The seconds that a run is charged for: each one begun, at least ten minutes.

    Example:
        >>> bill_run_seconds(1210), bill_run_seconds(90)  # 20 min 10 s; a short one
        (1210, 600)
    """
    require_number("run_s", run_s)
    return max(LEAST_RUN_SECONDS, math.ceil(run_s))


def count_kpus(parallelism: int, *, parallelism_per_kpu: int = 1) -> int:
    """The KPUs of an application (1 vCPU and 4 GB each); orchestration's own KPU is added by ``price_flink``.

    Example:
        >>> count_kpus(10, parallelism_per_kpu=4)
        3
    """
    require_number("parallelism", parallelism, at_least=1)
    require_number("parallelism_per_kpu", parallelism_per_kpu, at_least=1)
    return math.ceil(parallelism / parallelism_per_kpu)


def price_flink(
    kpus: float,
    *,
    hours: float = HOURS_PER_MONTH,
    backup_bytes: float = 0,
    storage_bytes: float | None = None,
    book: PriceBook | None = None,
) -> Bill:
    """What an application costs. Charges: "KPUs", "orchestration", "running storage", "backups".

    Args:
        kpus: of the application, without that of orchestration.
        hours: of running; a month if not given.
        backup_bytes: what its snapshots hold, kept for as long.
        storage_bytes: running storage; 50 GB for each KPU if not given, as AWS's price page counts it. (AWS's agent
            toolkit, read 2026, calls those 50 GB included; then give what is above.)
        book: the prices; us-east-1 if not given.

    Example:
        >>> bill = price_flink(4, backup_bytes=100 * 2**30)  # 5 x 730 x 0.11 + 200 x 0.10 + 100 x 0.023
        >>> round(bill.usd, 2)
        423.8
    """
    require_number("kpus", kpus, at_least=1)
    require_number("hours", hours)
    require_number("backup_bytes", backup_bytes)
    storage_bytes = kpus * STORAGE_BYTES_PER_KPU if storage_bytes is None else storage_bytes
    require_number("storage_bytes", storage_bytes)
    months = hours / HOURS_PER_MONTH
    lines = [
        ("KPUs", "flink.kpu_hour", kpus * hours),
        ("orchestration", "flink.kpu_hour", ORCHESTRATION_KPUS * hours),
        ("running storage", "flink.running_storage", storage_bytes / GIB * months),
        ("backups", "flink.backup", backup_bytes / GIB * months),
    ]
    return make_bill(f"Flink, {kpus:g} KPU", lines, book=book)
