"""Glue: jobs by the DPU-second, crawlers, the Data Catalog.

It must not guess how long a job runs: minutes go in.
"""

from __future__ import annotations

import math

from lakekit.arguments import require_choice, require_number
from lakekit.planning.bill import Bill, make_bill
from lakekit.prices import PriceBook

# https://aws.amazon.com/glue/pricing/, read 2025
LEAST_JOB_SECONDS = 60
LEAST_CRAWLER_SECONDS = 600  # guides say 10 minutes, the pricing page 1: an estimate takes the longer
FREE_CATALOG_OBJECTS = 1_000_000
FREE_CATALOG_REQUESTS = 1_000_000
PYTHON_SHELL_DPU = 1 / 16
KINDS = {
    "spark": "glue.dpu_hour",
    "streaming": "glue.dpu_hour",
    "flex": "glue.flex_dpu_hour",  # may wait for spare capacity, and may be interrupted
    "notebook": "glue.dpu_hour",
    "crawler": "glue.crawler_dpu_hour",
    "python-shell": "glue.python_shell_hour",
}
# https://docs.aws.amazon.com/glue/latest/dg/grouping-input-files.html, read 2023
GROUPS_FILES_ABOVE = 50_000  # by itself, for text formats; never for Parquet, ORC or Avro


def price_glue(
    dpus: float, minutes: float, *, kind: str = "spark", runs: int = 1, book: PriceBook | None = None
) -> Bill:
    """What runs of a job cost: by the second, at least one minute; a crawler at least ten.

    Args:
        dpus: of 4 vCPU and 16 GB each; a Python shell has 1/16 or 1.
        minutes: how long one run takes.
        kind: "spark", "streaming", "flex", "notebook", "crawler" or "python-shell".
        runs: how many.
        book: the prices; us-east-1 if not given.

    Example:
        >>> round(price_glue(5, 24).usd, 2), round(price_glue(10, 60 * 60).usd, 2)  # 5 x 0.4 h x 0.44; 600 x 0.44
        (0.88, 264.0)
    """
    require_choice("kind", kind, KINDS)
    require_number("dpus", dpus, above=0)
    require_number("minutes", minutes)
    require_number("runs", runs)
    least = LEAST_CRAWLER_SECONDS if kind == "crawler" else LEAST_JOB_SECONDS
    seconds = max(least, math.ceil(round(minutes * 60, 6)))
    quantity = dpus * seconds / 3600 * runs / (PYTHON_SHELL_DPU if kind == "python-shell" else 1)
    notes = []
    if minutes * 60 < least:
        notes.append(f"a run of {minutes * 60:g} s is charged as {least} s")
    if kind == "crawler":
        notes.append("crawlers are counted with 10 minutes at least; the pricing page says 1")
    return make_bill(f"Glue {kind}, {dpus:g} DPU", [("DPU-hours", KINDS[kind], quantity)], book=book, notes=notes)


def price_catalog(
    objects: float,
    requests: float,
    *,
    free_objects: float = FREE_CATALOG_OBJECTS,
    free_requests: float = FREE_CATALOG_REQUESTS,
    book: PriceBook | None = None,
) -> Bill:
    """A month of the Data Catalog, the first million of each free. Charges: "objects", "requests".

    Example:
        >>> bill = price_catalog(200_000, 300_000_000, free_objects=0, free_requests=0)
        >>> bill["objects"], bill["requests"]
        (2.0, 300.0)
        >>> price_catalog(200_000, 900_000).usd
        0.0
    """
    given = {"objects": objects, "requests": requests, "free_objects": free_objects, "free_requests": free_requests}
    for name, value in given.items():
        require_number(name, value)
    lines = [
        ("objects", "glue.catalog.objects", max(0, objects - free_objects)),
        ("requests", "glue.catalog.requests", max(0, requests - free_requests)),
    ]
    return make_bill("Glue Data Catalog, a month", lines, book=book)
