"""Each write costs an index none, one or two writes, by what changes, and each is rounded up by the entry."""

import pytest

from lakekit.dynamodb import (
    Index,
    TableDesign,
    compare_entries,
    count_index_write_units,
    count_index_writes,
    get_stored_entry_bytes,
)
from lakekit.dynamodb import count_item_write as count
from lakekit.errors import InvalidArgument

GAMES = TableDesign("games", "id")
CITY = Index("by_city", "city", "rank")
KEYS_ONLY = Index("by_city", "city", "rank", "KEYS_ONLY")
SOME = Index("by_city", "city", "rank", "INCLUDE", ("score",))
IN = {"id": 1, "city": "Rome", "rank": 1, "score": 5}
OUT = {"id": 1, "city": "Rome", "score": 5}


@pytest.mark.parametrize(
    ("before", "after", "index", "event", "writes"),
    [
        (None, IN, CITY, "inserted", 1),
        (None, OUT, CITY, "not_in_index", 0),
        (OUT, OUT | {"score": 6}, CITY, "not_in_index", 0),
        (OUT, IN, CITY, "added", 1),
        (IN, OUT, CITY, "removed", 1),
        (IN, None, CITY, "deleted", 1),
        (OUT, None, CITY, "not_in_index", 0),
        (IN, IN | {"city": "Oslo"}, CITY, "key_changed", 2),
        (IN, IN | {"rank": 2}, KEYS_ONLY, "key_changed", 2),
        (IN, IN | {"score": 6}, CITY, "projected_changed", 1),
        (IN, IN | {"score": 6}, SOME, "projected_changed", 1),
        (IN, IN | {"score": 6}, KEYS_ONLY, "unprojected_changed", 0),
        (IN, IN | {"text": "x"}, SOME, "unprojected_changed", 0),
        (IN, IN, CITY, "unprojected_changed", 0),
    ],
)
def test_what_happens_to_an_entry_decides_how_many_writes(before, after, index, event, writes):
    found = compare_entries(before, after, index, GAMES)
    assert (found.event, found.writes, found.units) == (event, writes, float(writes))  # entries below 1 KB
    assert count_index_writes(event) == writes


def test_a_changed_key_deletes_the_old_entry_and_puts_the_new_one():
    before, after = IN | {"text": "x" * 3000}, IN | {"city": "Oslo", "text": "x" * 1500}
    assert compare_entries(before, after, CITY, GAMES).units == 3 + 2  # 3,000 and 1,500 bytes, and a little
    assert count_index_write_units("key_changed", 1500, before_bytes=3000) == 3 + 2


def test_a_changed_attribute_counts_the_larger_entry():
    before, after = IN | {"text": "x" * 3000}, IN | {"text": "x"}
    assert compare_entries(before, after, CITY, GAMES).units == 3


def test_a_transaction_doubles_the_item_and_not_its_entries():
    table = TableDesign("games", "id", indexes=(CITY,))
    item = IN | {"text": "x" * 1500}
    plain, doubled = count(None, item, table), count(None, item, table, transactional=True)
    assert (plain.base_units, plain.units) == (2, 2 + 2)
    assert (doubled.base_units, doubled.units) == (4, 4 + 2)


def test_local_entries_are_billed_to_the_table():
    table = TableDesign("games", "id", "at", (Index("by_rank", "id", "rank", is_local=True), Index("by_city", "city")))
    write = count(None, {"id": 1, "at": 2, "rank": 3, "city": "Rome"}, table)
    assert (write.base_units, write.local_units, write.table_units, write.units) == (1, 1, 2, 3)


def test_a_delete_is_as_large_as_what_goes():
    table = TableDesign("games", "id", indexes=(CITY,))
    write = count(IN | {"text": "x" * 2500}, None, table)
    assert (write.base_units, write.indexes["by_city"].event, write.units) == (3, "deleted", 6)


def test_what_means_nothing_is_an_error():
    with pytest.raises(InvalidArgument, match="event='moved' was given"):
        count_index_writes("moved")
    with pytest.raises(InvalidArgument, match="before and after are both None"):
        count(None, None, GAMES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: count_index_write_units("projected_changed", -5, before_bytes=10), "entry_bytes=-5"),
        (lambda: count_index_write_units("projected_changed", 5, before_bytes=-10), "before_bytes=-10"),
        (lambda: get_stored_entry_bytes(-500), "entry_bytes=-500"),
    ],
)
def test_sizes_below_nothing_are_errors(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
