"""Kinesis Video Streams: what cameras cost a month.

It must not be taken for a stream of records: it takes media only.
"""

from __future__ import annotations

from lakekit.arguments import require_number
from lakekit.planning.bill import Bill, make_bill
from lakekit.prices import PriceBook
from lakekit.units import GIB

# https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/tiered-storage.html, read 2026
WARM_LEAST_DAYS = 30
WARM_NOTE = "the warm tier stores for less, charges each 1,000 fragments and 30 days at least; its prices are not known"
DAYS_PER_MONTH = 30  # what AWS's examples count


def price_video(
    bytes_per_day: float,
    *,
    retention_days: float = 1,
    consumed_share: float = 1,
    hls_share: float = 0,
    book: PriceBook | None = None,
) -> Bill:
    """A month of Kinesis Video Streams in the hot tier. Charges: "ingested", "consumed", "HLS", "stored".

    The warm tier is charged by fragments, and for at least 30 days; AWS's prices of it could not be read, so none is
    guessed: a bill for 30 days or more says so.

    Args:
        bytes_per_day: what all cameras send in a day.
        retention_days: how long it is kept.
        consumed_share: how often each byte is read by programs; 0.5 for half of it, 2 for twice.
        hls_share: how often each byte is watched through HLS.
        book: the prices; us-east-1 if not given.

    Example:
        >>> from lakekit.units import MIB
        >>> bill = price_video(7000 * MIB, consumed_share=0, hls_share=2)  # 30 x 7,000/1,024 x 0.0085, and so on
        >>> [round(bill[name], 2) for name in ("ingested", "HLS", "stored")]
        [1.74, 4.88, 0.16]
    """
    given = {"bytes_per_day": bytes_per_day, "consumed_share": consumed_share, "hls_share": hls_share}
    for name, value in (given | {"retention_days": retention_days}).items():
        require_number(name, value)
    gb = bytes_per_day / GIB
    lines = [
        ("ingested", "kinesisvideo.ingested", gb * DAYS_PER_MONTH),
        ("consumed", "kinesisvideo.consumed", gb * DAYS_PER_MONTH * consumed_share),
        ("HLS", "kinesisvideo.hls", gb * DAYS_PER_MONTH * hls_share),
        ("stored", "kinesisvideo.stored", gb * retention_days),
    ]
    notes = [WARM_NOTE] if retention_days >= WARM_LEAST_DAYS else []
    return make_bill("Kinesis Video Streams, a month", lines, book=book, notes=notes)
