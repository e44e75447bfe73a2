"""What requests cost, by storage classes, and what a glob view would send."""

from collections import Counter

import pytest

from lakekit.receipts.cost import Usage, price_usage
from lakekit.receipts.receipt import format_usd
from lakekit.units import GIB


def test_requests_are_paid_by_kind():
    usage = Usage(listed=3, put=2, got=Counter(STANDARD=2928))
    # us-east-1: LIST and PUT 0.005, GET 0.0004 for 1,000
    assert price_usage(usage, "us-east-1") == pytest.approx(5 * 0.005 / 1000 + 2928 * 0.0004 / 1000)


@pytest.mark.parametrize(
    ("storage_class", "usd_per_thousand", "usd_per_gb"),
    [
        ("STANDARD", 0.0004, 0),
        ("INTELLIGENT_TIERING", 0.0004, 0),
        ("STANDARD_IA", 0.001, 0.01),
        ("ONEZONE_IA", 0.001, 0.01),
        ("GLACIER_IR", 0.01, 0.03),
        ("GLACIER", 0.0004, 0),  # a restored copy; the restore was paid for
        ("SNOW", 0.0004, 0),  # unknown: as STANDARD
    ],
)
def test_classes_for_rare_use_charge_for_each_gb(storage_class, usd_per_thousand, usd_per_gb):
    usage = Usage(got=Counter({storage_class: 500}), read_bytes=Counter({storage_class: 2 * GIB}))
    assert price_usage(usage, "us-east-1") == pytest.approx(usd_per_thousand / 2 + 2 * usd_per_gb)


def test_a_region_without_prices_of_s3_is_billed_as_us_east_1():
    usage = Usage(got=Counter(STANDARD=1000))
    assert price_usage(usage, None) == price_usage(usage, "no-where-1") == pytest.approx(0.0004)


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "0.00"), (0.5, "0.50"), (8 * 0.0004 / 1000, "0.0000032"), (1234.5678, "1,234.5678"), (1e-12, "0.00")],
)
def test_dollars_are_written_so_that_one_request_shows(usd, text):
    assert format_usd(usd) == text
