"""A bill adds its charges, names its prices with their dates, and says which of them are doubtful."""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.planning.bill import Bill, join_bills, make_bill, use_book
from lakekit.planning.flink import price_flink


def test_the_sum_is_that_of_the_charges_and_each_is_found_by_name():
    bill = make_bill("two", [("a", "kinesis.shard_hour", 100), ("b", "kinesis.put_unit", 1_000_000)])
    assert (bill["a"], bill["b"], bill.usd) == (1.5, 0.014, 1.514)


def test_what_is_not_used_is_not_listed():
    bill = make_bill("none", [("a", "kinesis.shard_hour", 0), ("b", "no.such.price", 0)])
    assert (bill.charges, bill["a"], bill["b"], bill.usd) == ((), 0, 0, 0)
    assert join_bills("both", [bill, bill])["a"] == 0
    assert Bill("none", ()).usd == 0
    assert repr(Bill("none", ())) == "none: 0.00 USD"


def test_a_charge_that_is_not_there_is_an_error_that_names_those_that_are():
    with pytest.raises(InvalidArgument, match="has no 'shard'.\nHint: it has shards"):
        make_bill("x", [("shards", "kinesis.shard_hour", 1)])["shard"]


def test_charges_of_one_name_are_added():
    one = make_bill("one", [("a", "kinesis.shard_hour", 100)], notes=["n"])
    both = join_bills("both", [one, one])
    assert both["a"] == 3.0
    assert both.notes == ("n",)


def test_doubtful_prices_are_named_with_their_date():
    doubts = price_flink(1).doubts
    assert doubts[0].startswith("flink.kpu_hour is secondary (read 2025")
    assert make_bill("sure", [("a", "kinesis.shard_hour", 1)]).doubts == ()


def test_text_and_html_show_quantity_unit_price_and_sum():
    bill = make_bill("puts", [("PUT", "s3.request.PUT.STANDARD", 310_000)], notes=["a < b"])
    assert repr(bill).splitlines()[0] == "puts: 1.55 USD"
    assert repr(bill).splitlines()[2].split() == ["PUT", "310", "1,000", "requests", "0.005", "1.55", "USD"]
    html = bill._repr_html_()
    assert "2025-12" in html and "a &lt; b" in html


def test_a_region_instead_of_a_book_is_refused_with_the_way():
    with pytest.raises(InvalidArgument, match="load_book"):
        use_book("eu-west-1")
