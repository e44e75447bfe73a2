"""A refresh takes from the Price List what it answers without doubt, and keeps the rest."""

import json

import boto3
import pytest
from botocore.stub import Stubber

from lakekit.errors import InvalidArgument, StorageFailed
from lakekit.prices import load_book, refresh_book

DAY = "2026-11-25"


def make_product(usage, *steps):
    """A product as get_products answers it: USD for each thing in steps of (begin, end, price)."""
    dimensions = {
        f"{usage}.{number}": {
            "unit": "GB-Mo", "beginRange": begin, "endRange": end, "pricePerUnit": {"USD": usd},
        }
        for number, (begin, end, usd) in enumerate(steps)
    }  # fmt: skip
    return json.dumps(
        {
            "product": {"sku": "X", "attributes": {"usagetype": usage, "regionCode": "eu-central-1"}},
            "terms": {
                "OnDemand": {"X.JRTCKXETXF": {"effectiveDate": "2026-11-01T00:00:00Z", "priceDimensions": dimensions}}
            },
            "publicationDate": "2026-11-20T10:00:00Z",
        }
    )


def refresh(products, *, region="eu-central-1"):
    """The refresh of a book, when the Price List has these products of S3."""
    client = boto3.client("pricing", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    filters = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    asked = {"ServiceCode": "AmazonS3", "Filters": filters, "FormatVersion": "aws_v1", "MaxResults": 100}
    with Stubber(client) as stub:
        for number, product in enumerate(products):  # one product a page
            token = {"NextToken": str(number + 1)} if number + 1 < len(products) else {}
            answer = {"FormatVersion": "aws_v1", "PriceList": [product]} | token
            stub.add_response("get_products", answer, asked | ({"NextToken": str(number)} if number else {}))
        refreshed = refresh_book(load_book(region, as_of=DAY), client=client, services=["AmazonS3"], as_of=DAY)
        stub.assert_no_pending_responses()
    return refreshed


def test_a_region_gets_prices_that_it_did_not_have():
    storage = make_product("EUC1-TimedStorage-ByteHrs", ("0", "51200", "0.0245"), ("51200", "Inf", "0.0235"))
    request = make_product("EUC1-Requests-Tier2", ("0", "Inf", "0.00000043"))
    refreshed = refresh([storage, request])
    book = refreshed.book
    # 51,200 x 0.0245 + 800 x 0.0235
    assert book.tiered_usd("s3.storage.STANDARD", 52_000) == pytest.approx(1254.4 + 18.8)
    assert book.usd("s3.request.GET.STANDARD") == pytest.approx(0.00043)  # for 1,000
    assert refreshed.changed["s3.storage.STANDARD"] == (None, 0.0245)
    assert book.price("s3.storage.STANDARD").as_of == "2026-11-20"
    assert str(book.as_of) == DAY
    assert "s3.storage.GLACIER" in refreshed.missing


def test_prices_that_did_not_change_are_not_called_changed():
    refreshed = refresh([make_product("TimedStorage-SIA-ByteHrs", ("0", "Inf", "0.0125"))], region="us-east-1")
    assert refreshed.changed == {}
    assert refreshed.book.usd("s3.storage.GLACIER") == 0.0036  # not in the answer: kept


def test_two_answers_that_differ_change_nothing():
    one = make_product("TimedStorage-SIA-ByteHrs", ("0", "Inf", "0.0125"))
    other = make_product("TimedStorage-SIA-ByteHrs", ("0", "Inf", "0.9"))
    refreshed = refresh([one, other], region="us-east-1")
    assert refreshed.book.usd("s3.storage.STANDARD_IA") == 0.0125
    assert "s3.storage.STANDARD_IA" in refreshed.missing


def test_a_service_that_cannot_be_asked_for_is_refused():
    with pytest.raises(InvalidArgument, match="Prices of 'AmazonEC2' cannot be refreshed"):
        refresh_book(load_book(as_of=DAY), client=object(), services=["AmazonEC2"])


def test_a_price_list_that_does_not_answer_leaves_the_book_as_it_was():
    client = boto3.client("pricing", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_client_error("get_products", "AccessDeniedException", "no pricing:GetProducts")
        with pytest.raises(StorageFailed, match="did not answer for AmazonS3 in us-east-1.*no pricing:GetProducts"):
            refresh_book(load_book(as_of=DAY), client=client, services=["AmazonS3"])
