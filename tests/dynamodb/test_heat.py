"""Single partitions refuse what is above their limit, and split where the heat is, as far as keys can be split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import HeatSettings, make_even_keys, make_hot_key, make_zipf_keys
from lakekit.dynamodb.heat import follow_heat, split_partition, spread_keys

MANY = make_even_keys(1_000_000)


def follow(units, keys, *, partitions=1, minutes=10, can_split_key=False):
    settings = HeatSettings(split_after_minutes=minutes)
    start = spread_keys(keys, partitions)
    return follow_heat(np.array(units, float), 1000, start, settings, key_splits=(60, can_split_key, keys))


def test_within_the_limit_nothing_is_refused_or_split():
    heat = follow([1000] * 60, MANY)
    assert heat.throttled.sum() == 0
    assert heat.splits == ()
    assert set(heat.partitions) == {1}


def test_a_hot_partition_splits_after_its_time_and_then_serves_all():
    # 1,500 of 1,000 for ten minutes: 500 refused in each; then two partitions with 750 each
    heat = follow([1500] * 20, MANY)
    assert heat.throttled.tolist() == pytest.approx([500] * 10 + [0] * 10)
    assert heat.partitions.tolist() == [1] * 10 + [2] * 10
    assert heat.splits == (10,)


def test_a_pause_starts_the_wait_anew():
    heat = follow(([1500] * 9 + [0]) * 5, MANY)
    assert heat.splits == ()
    assert heat.throttled.sum() == pytest.approx(5 * 9 * 500)


def test_a_single_key_above_the_limit_is_never_served_in_full():
    # 80 % of 2,000 on one key: 1,600 of 1,000; the other 400 go elsewhere after the split
    keys = make_hot_key(0.8, name="BREAKING")
    heat = follow([2000] * 60, keys)
    assert heat.throttled[0] == pytest.approx(1000)  # 2,000 on one partition
    assert heat.throttled[-1] == pytest.approx(600)
    assert heat.keys[-1] == "BREAKING"
    assert len(heat.splits) == 1


def test_a_key_with_a_sort_key_can_be_split_until_it_fits():
    heat = follow([2000] * 60, make_hot_key(0.8), can_split_key=True)
    assert heat.throttled[-1] == 0
    assert heat.partitions[-1] == 3  # the others, and two halves of the key


def test_the_hottest_partition_and_its_key_are_named():
    heat = follow([4000] * 2, make_hot_key(0.5, name="a"), partitions=4)
    # the key's partition has 0.5 x 4,000 and a quarter of the other half: 2,500; the others 500 each
    assert heat.throttled.tolist() == pytest.approx([1500, 1500])
    assert heat.keys == ("a", "a")
    assert len(set(heat.hottest)) == 1
    alike = follow([4000] * 2, MANY)
    assert alike.keys == ("", "")


@given(st.floats(0.3, 2), st.integers(1, 8), st.integers(0, 5))
def test_shares_add_up_after_any_splits(exponent, partitions, splits):
    pieces = spread_keys(make_zipf_keys(10_000, exponent=exponent), partitions)
    assert sum(piece.share for piece in pieces) == pytest.approx(1)
    for _ in range(splits):
        hottest = max(pieces, key=lambda piece: piece.share)
        halves = split_partition(hottest, can_split_key=True)
        pieces = [piece for piece in pieces if piece is not hottest] + list(halves)
        assert sum(piece.share for piece in pieces) == pytest.approx(1)
        assert max(half.share for half in halves) < hottest.share or hottest.share == 0


def test_a_lone_key_cannot_be_split_unless_its_items_can():
    alone = spread_keys(make_hot_key(1.0), 1)[0]
    assert split_partition(alone, can_split_key=False) is None
    assert [half.share for half in split_partition(alone, can_split_key=True)] == [0.5, 0.5]


def test_another_seed_puts_keys_elsewhere():
    keys = make_zipf_keys(1000)
    places = {tuple(len(one.keys) for one in spread_keys(keys, 4, seed=seed)) for seed in range(3)}
    assert len(places) > 1
