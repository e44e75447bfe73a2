"""Units of every operation: rounding steps, consistency, transactions, missing items, and what always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument

NAN = float("nan")
SIZES = st.integers(0, 409_600)
RATES = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("size", "strong"), [(0, 1), (1, 1), (4096, 1), (4097, 2), (8192, 2), (8193, 3), (409_600, 100)]
)
def test_reads_are_rounded_up_to_4_kb(size, strong):
    assert ddb.count_read_units(size, consistency="strong") == strong
    assert ddb.count_read_units(size) == strong / 2
    assert ddb.count_read_units(size, consistency="transactional") == strong * 2


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2048, 2), (409_600, 400)])
def test_writes_are_rounded_up_to_1_kb(size, units):
    assert ddb.count_write_units(size) == units
    assert ddb.count_write_units(size, transactional=True) == 2 * units


@given(SIZES, SIZES, RATES, RATES, st.sampled_from(["eventual", "strong", "transactional"]))
def test_units_never_fall_when_size_or_rate_grows(one, other, rate, more, consistency):
    small, large = sorted([one, other])
    few, many = sorted([rate, more])
    assert ddb.count_write_units(small, count=few) <= ddb.count_write_units(large, count=many)
    low = ddb.count_read_units(small, consistency=consistency, count=few)
    assert low <= ddb.count_read_units(large, consistency=consistency, count=many)
    assert ddb.count_query_units(small) <= ddb.count_query_units(large)


@given(st.lists(SIZES, min_size=1, max_size=10))
def test_a_transaction_is_twice_a_batch(sizes):
    assert ddb.count_transact_write_units(sizes) == 2 * ddb.count_batch_write_units(sizes)
    assert ddb.count_transact_get_units(sizes) == 2 * ddb.count_batch_get_units(sizes, consistency="strong")


@given(st.lists(st.integers(1, 409_600), min_size=1, max_size=10))
def test_a_query_never_costs_more_than_getting_each_item(sizes):
    assert ddb.count_query_units(sum(sizes)) <= ddb.count_batch_get_units(sizes)


def test_a_query_rounds_once_a_page_and_has_a_least_for_each_partition():
    assert ddb.count_query_units(4097, consistency="strong") == 2
    assert ddb.count_query_units(2 * 4097, consistency="strong", pages=2) == 4  # 2 + 2, where one page has 3
    assert ddb.count_query_units(2 * 4097, consistency="strong") == 3
    assert ddb.count_query_units(0, consistency="strong", partitions=4) == 4
    assert ddb.count_query_units(0, partitions=4) == 2


def test_a_scan_reads_all_pages_whatever_a_filter_returns():
    # 2.5 MiB: two pages of 256, and 128 of half a page
    assert ddb.count_scan_units(2.5 * 2**20, consistency="strong") == 256 + 256 + 128
    assert ddb.count_pages(2.5 * 2**20) == 3


def test_a_put_counts_the_larger_of_both_items_and_an_update_the_whole_item():
    assert ddb.count_put_units(500, before_bytes=5000) == 5  # 5,000 / 1,024 = 4.9
    assert ddb.count_put_units(5000, before_bytes=500) == 5
    assert ddb.count_update_units(5000, 5001) == 5
    assert ddb.count_update_units(5000, 10) == 5  # an update that removes most of it


def test_a_delete_counts_what_it_deletes():
    assert ddb.count_delete_units(3000) == 3
    assert ddb.count_delete_units(None) == 1
    assert ddb.count_delete_units(3000, transactional=True) == 6


def test_a_condition_that_fails_is_billed_for_the_larger_item():
    assert ddb.count_failed_write_units(2000, 3000) == 3
    assert ddb.count_failed_write_units(310 * 1024, count=2) == 620


def test_a_retried_transaction_reads_and_ttl_is_free_at_home():
    assert ddb.count_transact_retry_units([500, 5000]) == 2 * (1 + 2)
    assert ddb.count_ttl_delete_units(1500) == 0
    assert ddb.count_ttl_delete_units(1500, replicas=3) == 2 * 3


def test_a_local_index_fetches_items_one_by_one():
    query = ddb.count_fetching_query_units(10 * 100, [5000] * 10)
    assert (query.index_units, query.fetch_units, query.units) == (0.5, 10.0, 10.5)  # 1,000 B; 10 x 2 x 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.count_read_units(-1), "size_bytes=-1 was given"),
        (lambda: ddb.count_read_units(float("nan")), "size_bytes=nan was given"),
        (lambda: ddb.count_read_units("4 KB"), "size_bytes='4 KB' was given"),
        (lambda: ddb.count_read_units(100, count=-1), "count=-1 was given"),
        (lambda: ddb.count_read_units(100, consistency="weak"), "consistency='weak' was given"),
        (lambda: ddb.count_write_units(409_601), "size_bytes=409,601 was given; 409,600"),
        (lambda: ddb.count_batch_get_units([1] * 101), "BatchGetItem was given 101 items"),
        (lambda: ddb.count_batch_write_units([]), "BatchWriteItem was given 0 items"),
        (lambda: ddb.count_batch_write_units([1] * 26), "BatchWriteItem was given 26 items"),
        (lambda: ddb.count_transact_get_units([1] * 101), "TransactGetItems was given 101 items"),
        (lambda: ddb.count_batch_write_units(5), "sizes_bytes=5 was given"),
        # 41 x 409,600 bytes are 16,793,600; 11 x 409,600 are 4,505,600
        (lambda: ddb.count_batch_get_units([409_600] * 41), "BatchGetItem was given 16,793,600 bytes in 41 items"),
        (lambda: ddb.count_transact_get_units([409_600] * 11), "4,505,600 bytes.*\n.*4 MB"),
        (lambda: ddb.count_transact_write_units([409_600] * 11), "TransactWriteItems was given 4,505,600 bytes"),
        (lambda: ddb.count_put_units(-5), "after_bytes=-5 was given"),
        (lambda: ddb.count_put_units(None), "after_bytes=None was given"),
        (lambda: ddb.count_put_units(500, before_bytes=-3), "before_bytes=-3 was given"),
        (lambda: ddb.count_put_units(500, before_bytes=NAN), "before_bytes=nan was given"),
        (lambda: ddb.count_update_units(-9, 300), "before_bytes=-9 was given"),
        (lambda: ddb.count_update_units(300, NAN), "after_bytes=nan was given"),
        (lambda: ddb.count_failed_write_units(-5), "existing_bytes=-5 was given"),
        (lambda: ddb.count_failed_write_units(100, NAN), "new_bytes=nan was given"),
        (lambda: ddb.count_fetching_query_units(100, 5), "items_bytes=5 was given"),
        (lambda: ddb.count_query_units(10, pages=1.5), "pages=1.5 was given.*\n.*a whole number"),
        (lambda: ddb.count_ttl_delete_units(3000, replicas=1.5), "replicas=1.5 was given"),
        (lambda: ddb.count_ttl_delete_units(None), "size_bytes=None was given"),
        (lambda: ddb.get_dax_target_rps(1, utilisation_percent="80", nodes=3), "utilisation_percent='80'"),
        (lambda: ddb.get_vector_write_bytes(8.5), "dimensions=8.5 was given"),
        (lambda: ddb.count_query_units(10, pages=0), "pages=0 was given"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
