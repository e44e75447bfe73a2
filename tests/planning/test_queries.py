"""Engines that are paid for what they read: rounded up to a megabyte, ten at least."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.queries import bill_scanned_bytes, price_athena, price_emr_serverless, price_spectrum
from lakekit.units import MIB, TIB


@given(st.integers(0, 10**15))
def test_bytes_are_rounded_up_to_a_megabyte_and_to_ten_at_least(scanned):
    billed = bill_scanned_bytes(scanned)
    assert billed % MIB == 0
    assert billed >= max(scanned, 10 * MIB)
    assert billed - scanned < MIB or billed == 10 * MIB


def test_columns_and_compression_make_a_query_cheaper():
    # 3 TB of text; 1 TB compressed; a third of that when only one of three columns is read
    assert [round(price_athena(size).usd, 2) for size in (3 * TIB, TIB, TIB / 3)] == [15, 5, 1.67]


def test_many_small_queries_pay_the_minimum_each_time():
    assert price_athena(1, queries=1000).usd == pytest.approx(1000 * 10 / 2**20 * 5)


def test_spectrum_costs_the_same_and_emr_by_its_resources():
    assert price_spectrum(TIB, queries=2).usd == 10
    assert price_emr_serverless(10, 0).usd == pytest.approx(0.52624)


def test_negative_reads_are_refused():
    with pytest.raises(InvalidArgument, match="scanned_bytes=-1"):
        price_athena(-1)
