"""The size of an item is exact, in Python and in DynamoDB JSON, and what DynamoDB refuses is named by its attribute."""

import json
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.dynamodb import check_item, get_item_bytes, get_number_bytes, measure_item
from lakekit.errors import InvalidArgument


def measure_by_hand(text: str) -> int:
    """The bytes of a number, found by writing it out and cutting the digits into pairs from the point outwards."""
    written = format(Decimal(text), "f")
    whole, _, fraction = written.lstrip("-").partition(".")
    whole, fraction = "0" * (len(whole) % 2) + whole, fraction + "0" * (len(fraction) % 2)
    pairs = [part[i : i + 2] for part in (whole, fraction) for i in range(0, len(part), 2)]
    while pairs and pairs[0] == "00":
        pairs.pop(0)
    while pairs and pairs[-1] == "00":
        pairs.pop()
    return 1 if not pairs else min(21, 1 + len(pairs) + written.startswith("-"))


def make_number(chance: random.Random) -> str:
    digits = "".join(chance.choices("0123456789", k=chance.randint(1, 38)))
    exponent = chance.randint(-45, 15)
    return f"{chance.choice(['', '-'])}{digits}E{exponent}"


def test_number_sizes_agree_with_an_independent_brute_force_on_200_000_random_numbers():
    chance = random.Random(20261125)
    numbers = [make_number(chance) for _ in range(200_000)]
    wrong = [number for number in numbers if get_number_bytes(number) != measure_by_hand(number)]
    assert wrong == []


@pytest.mark.parametrize(
    ("number", "size"),
    [
        (0, 1),
        (-0.0, 1),
        (7, 2),  # one pair, 07, and 1
        (100, 2),  # 01 00: the last pair is dropped
        (1000, 2),  # 10 00
        (10, 2),
        (101, 3),  # 01 01
        (0.1, 2),  # .10
        (0.01, 2),  # .01
        (0.001, 2),  # .00 10: the first pair is dropped
        (-27, 3),  # 27, 1, and 1 for the sign
        (Decimal("12.3456"), 4),  # 12 . 34 56
        ("123.4", 4),  # 01 23 . 40
        (1e22, 2),  # 01 and eleven pairs of zeros
        ("1E-130", 2),
        ("-9" * 1, 3),
        ("9" * 38, 20),  # 19 pairs and 1
        ("-" + "9" * 38, 21),  # and the sign: the most there is
    ],
)
def test_a_number_counts_its_pairs_of_digits(number, size):
    assert get_number_bytes(number) == size


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("1" * 39, "'n' has a number of 39 digits"),
        (float("nan"), "'n' is nan"),
        (float("-inf"), "'n' is -inf"),
        ("1E126", r"'n' has a number near 1E\+126"),
        ("1E-131", "'n' has a number near 1E-131"),
        ("seven", "'n' is no number"),
    ],
)
def test_a_number_that_dynamodb_refuses_is_an_error_with_its_attribute(number, message):
    with pytest.raises(InvalidArgument, match=message):
        get_item_bytes({"n": {"N": number}} if isinstance(number, str) else {"n": number})


def test_thirty_nine_digits_are_fine_when_the_last_are_zeros():
    assert get_number_bytes("1" * 38 + "0") == 21  # 20 pairs: 01 11 … 10, and 1


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("Zürich", 7),  # ü has two bytes in UTF-8
        ("😀", 4),
        ("", 0),
        (b"\x00\x01", 2),
        (True, 1),
        (None, 1),
        ([], 3),
        ({}, 3),
        (["a", "bc"], 3 + (1 + 1) + (1 + 2)),
        ({"k": "v", "kk": 7}, 3 + (1 + 1 + 1) + (1 + 2 + 2)),
        ([[["a"]]], 3 + 1 + 3 + 1 + 3 + 1 + 1),
        ({"a", "bc"}, 3),  # a set is its members
        ({1, 101}, 2 + 3),
        (frozenset([b"xy"]), 2),
        ((1, 2), 3 + (1 + 2) + (1 + 2)),
    ],
)
def test_a_value_of_each_type_has_its_size(value, size):
    assert get_item_bytes({"name": value}) == 4 + size


def test_the_name_counts_in_utf_8():
    assert get_item_bytes({"größe": 1}) == 7 + 2  # ö and ß have two bytes each


PYTHON = {"id": "a1", "n": Decimal("12.5"), "raw": b"\x00\xff", "tags": {"x", "yz"}, "on": True, "no": None}
PYTHON |= {"nest": {"list": [1, "two", {"deep": b"3"}]}}
TYPED = {
    "id": {"S": "a1"},
    "n": {"N": "12.5"},
    "raw": {"B": "AP8="},
    "tags": {"SS": ["x", "yz"]},
    "on": {"BOOL": True},
    "no": {"NULL": True},
    "nest": {"M": {"list": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"deep": {"B": "Mw=="}}}]}}},
}


def test_dynamodb_json_has_the_size_of_the_python_values_it_stands_for():
    assert get_item_bytes(TYPED) == get_item_bytes(PYTHON) == get_item_bytes(json.dumps(TYPED))


def test_boto3s_own_serializer_and_binary_agree():
    from boto3.dynamodb.types import Binary, TypeSerializer

    typed = {name: TypeSerializer().serialize(value) for name, value in PYTHON.items()}
    assert get_item_bytes(typed) == get_item_bytes(PYTHON)
    assert get_item_bytes({"raw": Binary(b"\x00\xff")}) == 3 + 2


def test_a_map_that_looks_like_a_type_can_be_said_to_be_python():
    item = {"size": {"S": "small"}}
    assert get_item_bytes(item) == 4 + 5
    assert get_item_bytes(item, form="python") == 4 + 3 + 1 + 1 + 5
    with pytest.raises(InvalidArgument, match="form='json' was given"):
        get_item_bytes(item, form="json")


def test_attributes_are_listed_largest_first_and_add_up():
    measured = measure_item({"id": 7, "text": "x" * 100, "tags": ["a"]})
    assert list(measured.attributes) == ["text", "tags", "id"]
    assert sum(measured.attributes.values()) == measured.size_bytes == 104 + 9 + 4
    assert measured.stored_bytes == measured.size_bytes + 100


def test_409_600_bytes_are_taken_and_one_more_is_refused_with_the_attributes_that_break_it():
    most = {"id": "a", "text": "x" * (409_600 - 4 - 3)}  # names of 2 and 4, and one letter
    assert check_item(most, partition_key="id").size_bytes == 409_600
    with pytest.raises(InvalidArgument, match=r"409,601 bytes; 409,600 \(400 KB\) are the most.*'text' 409,598 bytes"):
        check_item(most | {"text": most["text"] + "x"}, partition_key="id")
    assert not measure_item(most | {"text": most["text"] + "x"}).fits


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"other": 1}, "no key attribute 'id'; it has other"),
        ({"id": ""}, "The key attribute 'id' is empty"),
        ({"id": True}, "The key attribute 'id' is of type BOOL"),
        ({"id": "x" * 2049}, "The key attribute 'id' has 2,049 bytes"),
        ({"id": {"S": ""}}, "The key attribute 'id' is empty"),
    ],
)
def test_a_key_that_dynamodb_refuses_is_named(item, message):
    with pytest.raises(InvalidArgument, match=message):
        check_item(item, partition_key="id")


def test_a_sort_key_may_have_1_024_bytes():
    assert check_item({"id": 1, "at": "x" * 1024}, partition_key="id", sort_key="at").fits
    with pytest.raises(InvalidArgument, match="'at' has 1,025 bytes"):
        check_item({"id": 1, "at": "x" * 1025}, partition_key="id", sort_key="at")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"when": object()}, "'when' holds a object"),
        ({"tags": set()}, "'tags' is an empty set"),
        ({"tags": {"a", 1}}, "'tags' is a set of N, S"),
        ({"": 1}, "The name '' is not that of an attribute"),
        ({"a": {"b": [object()]}}, r"'a\.b\[0\]' holds"),
        ({"a": {"B": "no base64!"}}, "'a' is not base64"),
        ({"a": {"N": "1"}, "b": {"M": {"c": 1}}}, r"'b\.c' is not DynamoDB JSON"),
        ({"a": {"S": 5}}, "'a' is declared S and holds a int"),
        ({"a": {"NS": []}}, "'a' is an empty set"),
        ("{", "The item is not JSON"),
        ("[1]", "An item is a mapping of names to values, not a list"),
    ],
)
def test_what_is_no_item_is_an_error_that_names_the_attribute(item, message):
    with pytest.raises(InvalidArgument, match=message):
        get_item_bytes(item)


def test_32_levels_are_the_deepest():
    value = "x"
    for _ in range(32):
        value = [value]
    assert get_item_bytes({"a": value}) == 1 + 32 * 4 + 1
    with pytest.raises(InvalidArgument, match="nested deeper than 32 levels"):
        get_item_bytes({"a": [value]})


NAMES = st.sampled_from(["id", "größe", "b", "a longer name"])


@given(st.dictionaries(NAMES, st.text(max_size=20) | st.integers(-(10**37), 10**37)))
def test_an_item_is_the_sum_of_its_attributes(item):
    assert get_item_bytes(item, form="python") == sum(get_item_bytes({k: v}, form="python") for k, v in item.items())
