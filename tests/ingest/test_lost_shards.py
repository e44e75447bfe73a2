"""Shards that the stream no longer lists: what of them was not stored is told, and never passed over in silence."""

import pytest

from lakekit.errors import RecordsLost
from lakekit.ingest import MemorySource, StreamOptions, list_ranges, stream
from lakekit.ingest.worker import is_of_share
from tests.ingest.streams import make_json, read_ids

CONTINUE = StreamOptions(on_loss="continue")


def forget(source, shard):
    """Let a stream no longer list a shard, as Kinesis after its retention."""
    del source.shards[shard]


@pytest.fixture
def half_stored(tmp_path):
    """A stream whose shard p was split into q when 2 of its 5 records were stored, and is gone; and its table."""
    source, table = MemorySource("orders", {"p": make_json([1, 2])}), str(tmp_path / "orders")
    stream(source, table)
    source.append("p", make_json([3, 4, 5]))
    source.split("p", ["q"])
    source.append("q", make_json([6]))
    forget(source, "p")
    return source, table


def test_a_parent_that_is_gone_and_was_not_stored_to_its_end_is_a_loss(half_stored):
    source, table = half_stored
    with pytest.raises(RecordsLost, match=r"shard p of orders is gone.* newest file of 2 records") as told:
        stream(source, table)
    assert 'on_loss="continue"' in str(told.value)
    assert read_ids(table) == [1, 2]


def test_who_goes_on_after_a_loss_is_not_told_of_it_again(half_stored):
    source, table = half_stored
    assert stream(source, table, options=CONTINUE).records == 1
    source.split("q", ["r", "s"])
    source.append("r", make_json([7]))
    forget(source, "q")  # it was not read since: whether more came there, nobody knows
    with pytest.raises(RecordsLost, match="shard q"):
        stream(source, table)
    assert stream(source, table, options=CONTINUE).records == 1
    assert stream(source, table).records == 0  # s is still empty, and begins again with each run
    assert read_ids(table) == [1, 2, 6, 7]
    assert list_ranges(table).filter(shard="p")["is_ended"].to_list() == [False, True]


def test_a_grandparent_is_not_forgotten_where_the_shard_between_is_gone_too(half_stored):
    source, table = half_stored
    source.split("q", ["r"])
    forget(source, "q")  # whose record was never seen
    with pytest.raises(RecordsLost, match="shard p"):
        stream(source, table)


def test_parents_that_are_stored_to_their_end_or_were_gone_before_are_no_loss(tmp_path):
    table = str(tmp_path / "orders")
    source = MemorySource("orders", {"p": make_json([1])})
    source.split("p", ["q"])
    stream(source, table)
    forget(source, "p")
    source.append("q", make_json([2]))
    assert stream(source, table).records == 1
    other = MemorySource("others", {"p": make_json([1])})
    other.split("p", ["q"])
    other.append("q", make_json([2]))
    forget(other, "p")
    assert stream(other, str(tmp_path / "others")).records == 1


def test_a_parent_of_another_worker_is_looked_at_as_well(half_stored):
    source, table = half_stored
    other = next(number for number in (0, 1) if is_of_share("q", (number, 2)))
    with pytest.raises(RecordsLost, match="shard p"):
        stream(source, table, options=StreamOptions(worker=(other, 2)))


def test_records_that_expire_in_a_shard_of_which_nothing_is_stored_cannot_be_told(tmp_path):
    source = MemorySource("orders", {"a": make_json([1]), "b": []})
    stream(source, tmp_path)
    source.append("b", make_json([10, 11, 12, 13, 14]))
    source.expire("b", 3)
    assert stream(source, tmp_path).records == 2  # 13 and 14, as for one who comes to the stream late
    assert read_ids(tmp_path) == [1, 13, 14]
