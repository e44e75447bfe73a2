"""A design is checked as CreateTable would, and says what an index keeps of an item."""

import pytest

from lakekit.dynamodb import Index, TableDesign, check_item_in_table, get_entry_bytes, project_entry
from lakekit.errors import InvalidArgument

GAMES = TableDesign("games", "player", "at")
ITEM = {"player": "ann", "at": 5, "city": "Rome", "score": 90, "text": "x" * 50}


@pytest.mark.parametrize(
    ("index", "kept"),
    [
        (Index("i", "city"), set(ITEM)),
        (Index("i", "city", projection="KEYS_ONLY"), {"player", "at", "city"}),
        (Index("i", "city", "score", "INCLUDE", ("text",)), set(ITEM)),
        (Index("i", "city", projection="INCLUDE", include=("score",)), {"player", "at", "city", "score"}),
        (Index("i", ("city", "score"), projection="KEYS_ONLY"), {"player", "at", "city", "score"}),
    ],
)
def test_an_index_keeps_the_keys_and_what_is_projected(index, kept):
    assert set(project_entry(ITEM, index, GAMES)) == kept


def test_an_item_without_all_keys_of_an_index_is_not_in_it():
    by_city = Index("i", "city", "rank")
    assert project_entry(ITEM, by_city, GAMES) is None
    assert get_entry_bytes(ITEM, by_city, GAMES) is None


def test_the_size_of_an_entry_is_that_of_what_it_keeps():
    # player 6+3, at 2+2, city 4+4; the same in DynamoDB JSON
    keys_only = Index("i", "city", projection="KEYS_ONLY")
    typed = {"player": {"S": "ann"}, "at": {"N": "5"}, "city": {"S": "Rome"}, "text": {"S": "x"}}
    assert get_entry_bytes(ITEM, keys_only, GAMES) == get_entry_bytes(typed, keys_only, GAMES) == 9 + 4 + 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Index("i", ""), "lacks a name or a partition key"),
        (lambda: Index("i", "a", projection="SOME"), "'i' has projection='SOME'"),
        (lambda: Index("i", "a", include=("b",)), "projection='ALL' and include="),
        (lambda: Index("i", "a", projection="INCLUDE"), "projection='INCLUDE' and include="),
        (lambda: Index("i", ("a", "b", "c", "d", "e")), "a key of 5 attributes"),
        (lambda: Index("i", ("a", "b"), "c", is_local=True), "a key of 2 attributes"),
        (lambda: TableDesign("", "a"), "lacks a name"),
        (lambda: TableDesign("t", "a", table_class="COLD"), "table_class='COLD'"),
        (lambda: TableDesign("t", "a", indexes=(Index("i", "b"), Index("i", "c"))), "two indexes 'i'"),
        (lambda: TableDesign("t", "a", indexes=(Index("t", "b"),)), "index 't' has the name of its table"),
        (lambda: TableDesign("t", "a", "s", (Index("i", "b", "c", is_local=True),)), "local index 'i' does not fit"),
        (lambda: TableDesign("t", "a", None, (Index("i", "a", "c", is_local=True),)), "local index 'i' does not fit"),
        (lambda: TableDesign("t", "a", indexes=tuple(Index(f"i{n}", "b") for n in range(21))), "21 global indexes"),
        (
            lambda: TableDesign("t", "a", "s", tuple(Index(f"i{n}", "a", "b", is_local=True) for n in range(6))),
            "6 local indexes",
        ),
        (
            lambda: TableDesign("t", "a", indexes=(Index("i", "b", None, "INCLUDE", ("x",) * 101),)),
            "101 included attributes",
        ),
        (lambda: GAMES.index("by_city"), "no index 'by_city'"),
    ],
)
def test_what_dynamodb_refuses_is_an_error_that_names_it(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()


def test_an_item_and_its_local_entries_share_400_kb():
    table = TableDesign("t", "id", "at", (Index("by_rank", "id", "rank", is_local=True),))
    item = {"id": "a", "at": 1, "rank": 2, "text": "x" * 200_000}
    assert check_item_in_table(item, table).size_bytes == 3 + 4 + 6 + 200_004
    with pytest.raises(InvalidArgument, match=r"'by_rank' 210,017\) more than 409,600"):
        check_item_in_table(item | {"text": "x" * 210_000}, table)
    assert check_item_in_table({"id": "a", "at": 1, "text": "x" * 300_000}, table).fits  # it is not in the index


def test_a_key_of_an_index_is_checked_where_it_is():
    table = TableDesign("t", "id", indexes=(Index("by_city", "city"),))
    assert check_item_in_table({"id": "a"}, table).fits
    for wrong in ("", True):
        with pytest.raises(InvalidArgument, match="key attribute 'city'"):
            check_item_in_table({"id": "a", "city": wrong}, table)
