"""A price book hands out prices with their units and sources, adds up tiers, and refuses what it does not know."""

from datetime import date

import pytest

from lakekit.errors import InvalidArgument
from lakekit.prices import Price, Tier, load_book
from lakekit.prices.book import read_date

DAY = "2026-11-25"
BOOK = load_book(as_of=DAY)
S3_PRICES = "https://aws.amazon.com/s3/pricing/"


def test_a_price_says_where_it_is_from():
    price = BOOK.price("s3.storage.STANDARD_IA")
    assert (price.value, price.unit, price.source, price.as_of) == (0.0125, "GB-month", S3_PRICES, "2025-12")
    assert price.confidence == "cross-checked"


def test_a_price_for_a_thousand_is_a_thousandth_each():
    # https://aws.amazon.com/s3/faqs/#Billing: 310,000 PUT x 0.005 / 1,000 = 1.55; 620,000 GET x 0.0004 / 1,000 = 0.248
    assert BOOK.cost_usd("s3.request.PUT.STANDARD", 310_000) == pytest.approx(1.55)
    assert BOOK.cost_usd("s3.request.GET.STANDARD", 620_000) == pytest.approx(0.248)
    assert BOOK.cost_usd("s3.request.DELETE", 310_000) == 0
    assert BOOK.price("s3.request.PUT.STANDARD").usd_each == pytest.approx(0.000005)


@pytest.mark.parametrize(
    ("id", "quantity", "usd"),
    [
        # AWS Price List through infracost, 2024-09: 10,240 x 0.09; then 40,960 x 0.085 + 5,800 x 0.07 on top
        ("transfer.internet_out", 10_240, 921.60),
        ("transfer.internet_out", 57_000, 921.60 + 3_481.60 + 406.00),
        ("s3.storage.STANDARD", 10_000, 230.0),
        ("s3.storage.STANDARD", 51_200, 51_200 * 0.023),
        ("s3.storage.STANDARD", 51_201, 51_200 * 0.023 + 0.022),
        ("s3.storage.STANDARD", 600_000, 51_200 * 0.023 + 460_800 * 0.022 + 88_000 * 0.021),
        ("s3.storage.STANDARD", 0, 0),
        ("transfer.cross_az", 2000, 20.0),
        ("s3.inventory", 10_000_000, 0.025),
        ("s3.storage_class_analysis", 10_000_000, 1.0),
    ],
)
def test_a_quantity_climbs_through_the_steps(id, quantity, usd):
    assert BOOK.tiered_usd(id, quantity) == pytest.approx(usd)


@pytest.mark.parametrize("quantity", [-1, float("nan"), float("inf"), "ten"])
def test_what_is_no_quantity_is_refused(quantity):
    with pytest.raises(InvalidArgument, match="is not a quantity of s3.storage.GLACIER"):
        BOOK.cost_usd("s3.storage.GLACIER", quantity)


def test_beyond_the_last_price_nothing_is_made_up():
    # the three steps of Firehose end at 512,000 + 1,536,000 + 3,072,000 GB
    with pytest.raises(InvalidArgument, match="firehose.ingest has prices for up to 5,120,000 GB, not for 5,120,001"):
        BOOK.cost_usd("firehose.ingest", 5_120_001)
    # 512,000 x 0.029 + 1,536,000 x 0.025 + 3,072,000 x 0.020
    assert BOOK.cost_usd("firehose.ingest", 5_120_000) == pytest.approx(14_848 + 38_400 + 61_440)


def test_an_unknown_price_names_those_that_are_close():
    with pytest.raises(
        InvalidArgument, match=r"(?s)no 's3.storage.STANDARDIA'.*Hint: did you mean s3.storage.STANDARD_IA"
    ):
        BOOK.usd("s3.storage.STANDARDIA")


def test_what_has_no_price_says_why():
    with pytest.raises(InvalidArgument, match="snow: closed to new customers since 2025-11-07"):
        BOOK.usd("snow.device")


def test_a_number_is_no_price():
    assert BOOK.number("s3.minimum_bytes.STANDARD_IA") == 128 * 1024
    with pytest.raises(InvalidArgument, match=r"is no price but a number"):
        BOOK.usd("s3.minimum_bytes.STANDARD_IA")
    with pytest.raises(InvalidArgument, match=r"is a price, no plain number"):
        BOOK.number("s3.storage.STANDARD")


def test_a_region_without_a_service_says_which_it_has():
    with pytest.raises(InvalidArgument, match="this book has prices of dynamodb, s3, transfer; load_book"):
        load_book("eu-central-1", as_of=DAY).usd("glue.dpu_hour")


def test_ids_are_found_by_how_they_begin():
    assert BOOK.ids("s3.restore.data.DEEP_ARCHIVE") == [
        "s3.restore.data.DEEP_ARCHIVE.Bulk",
        "s3.restore.data.DEEP_ARCHIVE.Standard",
    ]
    assert BOOK.ids() == sorted(BOOK.prices)


def test_own_prices_make_another_book():
    ours = BOOK.with_prices({"s3.storage.STANDARD": 0.02}, source="our contract", as_of="2026-01-01")
    # flat now: 100,000 x 0.02
    assert ours.cost_usd("s3.storage.STANDARD", 100_000) == pytest.approx(2000)
    assert ours.price("s3.storage.STANDARD").confidence == "user"
    assert BOOK.usd("s3.storage.STANDARD") == 0.023


@pytest.mark.parametrize("value", [-0.01, float("nan"), "0.02", True])
def test_own_prices_are_checked(value):
    with pytest.raises(InvalidArgument, match="is not a price of s3.storage.STANDARD"):
        BOOK.with_prices({"s3.storage.STANDARD": value}, source="x", as_of="2026")


def test_a_price_has_its_age():
    assert read_date("2025") == date(2025, 12, 31)
    old = {price.id for price in BOOK.find_old(date(2026, 11, 25))}
    assert "kinesis.shard_hour" in old  # read 2024-07-01
    assert "dynamodb.storage.STANDARD" not in old  # read 2026-09-06
    assert "s3.storage.STANDARD" not in old  # read 2025-12


def test_a_book_shows_itself_in_text_and_html():
    assert repr(BOOK).startswith("Prices of us-east-1 (US East (N. Virginia)), 2026-11-23: ")
    assert "dynamodb" in repr(BOOK)
    assert ">confidence</th>" in BOOK._repr_html_()


def test_steps_may_end():
    price = Price("p", 2.0, "GB", "2026", "https://example.com", "user", tiers=(Tier(10, 2.0), Tier(None, 1.0)))
    assert price.cost_usd(15) == 25  # 10 x 2 + 5 x 1
