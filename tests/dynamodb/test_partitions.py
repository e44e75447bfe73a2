"""The least number of partitions by reads, writes and size; the hottest key against one; suffixes that spread it."""

import pytest

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument

GIB = 2**30


@pytest.mark.parametrize(
    ("read", "write", "gib", "at_least", "legacy"),
    [
        (0, 0, 0, 1, 1),
        (3000, 1000, 10, 1, 2),  # 1 + 1 by the formula of 2016
        (3001, 1000, 10, 2, 3),  # 1.0003 + 1
        (7500, 500, 0, 3, 3),  # 2.5 + 0.5
        (0, 4500, 0, 5, 5),
        (100, 100, 55, 6, 6),
    ],
)
def test_partitions_are_the_most_that_reads_writes_or_size_need(read, write, gib, at_least, legacy):
    found = ddb.count_partitions(read_units=read, write_units=write, size_bytes=gib * GIB)
    assert (found.at_least, found.legacy_2016) == (at_least, legacy)


def test_a_key_within_the_limits_fits():
    key = ddb.check_hot_key(10_000, 0.1)
    assert (key.fits, key.units_per_s, key.shards) == (True, 1000, 1)
    assert key.advice.endswith("It fits.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "read", "is_one_item": True}, "Cache it"),
        ({}, "until DynamoDB splits it"),
        ({"can_split": False}, "No split helps"),
        ({"is_one_item": True}, "No split helps"),
    ],
)
def test_advice_for_a_hot_key_depends_on_what_can_be_split(options, words):
    key = ddb.check_hot_key(20_000, 0.2, **options)  # 4,000 units a second
    assert not key.fits
    assert words in key.advice
    assert key.shards == (2 if options.get("kind") == "read" else 4)


def test_suffixes_leave_headroom():
    plan = ddb.plan_write_sharding("BREAKING", 2500)  # 2,500 / 800 = 3.1
    assert (plan.shards, plan.extra_queries) == (4, 3)
    assert plan.keys == ("BREAKING#0", "BREAKING#1", "BREAKING#2", "…")
    assert ddb.plan_write_sharding("k", 100).keys == ("k#0",)
    assert "BREAKING#0" in str(plan)
    assert "BREAKING#0" in plan._repr_html_()


def test_a_collection_with_a_local_index_ends_at_10_gb():
    assert ddb.get_collection_share(12 * GIB) == 1.2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.count_partitions(read_units=-1), "read_units=-1"),
        (lambda: ddb.check_hot_key(100, 2), "top_share=2"),
        (lambda: ddb.count_shards(100, headroom=0), "headroom=0"),
        (lambda: ddb.count_read_shards(100, 0), "item_bytes=0"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
