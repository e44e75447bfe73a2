"""Price books come from files: one a region with lakekit, or the user's own, checked before it is believed."""

import json
import re
import warnings
from datetime import UTC, date, datetime

import pytest

from lakekit.errors import InvalidArgument
from lakekit.prices import StalePrices, list_regions, load_book, save_book
from lakekit.prices.book import read_date

DAY = "2026-11-25"
CONFIDENCES = {"cross-checked", "official", "price-list", "secondary", "derived", "conflict", "unverified"}


@pytest.mark.parametrize("region", list_regions())
def test_every_price_has_a_unit_a_date_a_source_and_a_confidence(region):
    book = load_book(region, as_of=DAY)
    assert book.region == region
    for price in [*book.prices.values(), *book.numbers.values()]:
        assert price.unit and price.source.startswith("https://") and price.confidence in CONFIDENCES, price
        assert read_date(price.as_of) or price.as_of == "undated", price
        assert price.per == int(re.match(r"[\d,]*", price.unit)[0].replace(",", "") or 1), price


def test_dynamodb_has_prices_in_every_region_and_the_rest_in_one():
    assert len(list_regions()) == 31
    for region in list_regions():
        assert len(load_book(region, as_of=DAY).ids("dynamodb.")) >= 14
    # US East and Frankfurt, 1,000,000 write units on demand
    assert load_book(as_of=DAY).usd("dynamodb.on_demand.write.STANDARD") == 0.625
    assert load_book("eu-central-1", as_of=DAY).usd("dynamodb.on_demand.write.STANDARD") == 0.7625
    services = {id.partition(".")[0] for id in load_book(as_of=DAY).ids()}
    expected = "athena datasync directconnect dms dynamodb emr_serverless firehose flink glue kinesis msk redshift s3"
    assert services == {*expected.split(), "storagegateway", "transfer", "transferfamily"}


def test_an_unknown_region_lists_those_there_are():
    with pytest.raises(InvalidArgument, match=r"(?s)'eu-north-9'.*af-south-1, .*us-west-2"):
        load_book("eu-north-9", as_of=DAY)


@pytest.mark.parametrize(("day", "is_stale"), [("2027-11-23", False), ("2027-11-24", True), ("2030-01-01", True)])
def test_a_book_older_than_a_year_is_returned_with_a_warning(day, is_stale):
    # the book is of 2026-11-23; a year has 365 days
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load_book(as_of=day).usd("s3.storage.GLACIER") == 0.0036
    assert [issubclass(one.category, StalePrices) for one in caught] == ([True] if is_stale else [])


def test_the_warning_says_how_old_and_what_to_do():
    with pytest.warns(StalePrices, match=r"is of 2026-11-23, 403 days before 2027-12-31. Hint: .*refresh_book"):
        load_book(as_of=date(2027, 12, 31))


@pytest.mark.parametrize("day", [date(2026, 11, 25), datetime(2026, 11, 25, 3, tzinfo=UTC)])
def test_a_day_may_be_a_date_or_a_time(day):
    assert load_book(as_of=day).age_days(date(2026, 11, 25)) == 2


def test_what_is_no_day_is_refused():
    with pytest.raises(InvalidArgument, match="'tomorrow' is not a day"):
        load_book(as_of="tomorrow")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_book_that_was_saved_is_the_same_when_loaded(region, tmp_path):
    book = load_book(region, as_of=DAY)
    assert load_book(file=save_book(book, tmp_path / "ours.json"), as_of=DAY) == book


def write_book(tmp_path, change):
    """The path of a small book after a change to its JSON."""
    entry = {"value": 0.02, "unit": "GB-month", "as_of": "2026", "source": "c", "confidence": "user"}
    content = {"region": "here", "as_of": "2026-01-01", "sources": {"c": "our contract"}, "prices": {"s3.x": entry}}
    change(content)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_an_own_book_replaces_the_shipped_one(tmp_path):
    book = load_book(file=write_book(tmp_path, lambda content: None), as_of=DAY)
    assert (book.region, book.ids(), book.usd("s3.x")) == ("here", ["s3.x"], 0.02)
    with pytest.raises(InvalidArgument, match="is the price book of here, not of eu-west-1"):
        load_book("eu-west-1", file=tmp_path / "own.json", as_of=DAY)


BROKEN = {
    "lacks region": lambda c: c.pop("region"),
    "as_of 'soon' is not a date": lambda c: c.update(as_of="soon"),
    "prices in 'EUR'": lambda c: c.update(currency="EUR"),
    "s3.x lacks unit": lambda c: c["prices"]["s3.x"].pop("unit"),
    "must have value or tiers": lambda c: c["prices"]["s3.x"].pop("value"),
    "s3.x has -1": lambda c: c["prices"]["s3.x"].update(value=-1),
    "s3.x has '0.02'": lambda c: c["prices"]["s3.x"].update(value="0.02"),
    "s3.x has True": lambda c: c["prices"]["s3.x"].update(value=True),
    "s3.x is from 'd'": lambda c: c["prices"]["s3.x"].update(source="d"),
    "is for 0 things": lambda c: c["prices"]["s3.x"].update(per=0),
    "s3.x is 0.02": lambda c: c["prices"].update({"s3.x": 0.02}),
    "is not a price book": lambda c: c.update(prices=[]),
    "do not rise": lambda c: (
        c["prices"].update(
            {"s3.x": c["prices"]["s3.x"] | {"tiers": [{"up_to": 5, "usd": 1}, {"up_to": 5, "usd": 2}]}, "value": None}
        )
        or c["prices"]["s3.x"].pop("value")
        or c["prices"].pop("value")
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_file_that_is_no_price_book_is_an_error_that_names_the_entry(message, tmp_path):
    with pytest.raises(InvalidArgument, match=message):
        load_book(file=write_book(tmp_path, BROKEN[message]), as_of=DAY)


def test_a_file_that_is_missing_or_no_json_is_an_error(tmp_path):
    with pytest.raises(InvalidArgument, match="There is no price book"):
        load_book(file=tmp_path / "none.json", as_of=DAY)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="cannot be read as JSON"):
        load_book(file=tmp_path / "bad.json", as_of=DAY)
