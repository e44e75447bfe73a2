"""Partition values: one type for all values of a key, and only where nothing is lost by it."""

from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.manifest.partition_types import NOT_OF_TYPE, infer_type, parse_type_name, parse_value

TIME = pa.timestamp("us")


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2", "0"], pa.int64()),
        (["-1", "-20"], pa.int64()),
        (["9223372036854775807", "-9223372036854775808"], pa.int64()),  # 2**63 - 1 and -2**63: 19 digits
        (["9223372036854775808"], pa.string()),  # 2**63
        (["12345678901234567890"], pa.string()),  # 20 digits
        (["01", "2"], pa.string()),
        (["00"], pa.string()),
        (["-0"], pa.string()),
        (["+1"], pa.string()),
        (["1e5", "2"], pa.string()),
        (["1.0"], pa.string()),
        (["0x1F"], pa.string()),
        ([" 1"], pa.string()),
        (["1_000"], pa.string()),
        (["٣"], pa.string()),  # a digit, but not an ASCII one
        (["1", "a"], pa.string()),
        (["true", "false"], pa.string()),
        (["NULL", "1"], pa.string()),
        ([], pa.string()),
        ([""], pa.string()),
        (["", "1"], pa.int64()),
        (["2024-01-05", "2023-12-31"], pa.date32()),
        (["2024-02-30"], pa.string()),  # February has 29 days then
        (["2023-02-29"], pa.string()),
        (["2024-1-5"], pa.string()),
        (["20240105"], pa.int64()),
        (["2024-01"], pa.string()),
        (["2024-W01-1"], pa.string()),
        (["10000-01-01"], pa.string()),
        (["2024-01-05", "x"], pa.string()),
        (["2024-01-05", "5"], pa.string()),
        (["2024-01-05 10:00:00"], TIME),
        (["2024-01-05T10:00:00.123456"], TIME),
        (["2024-01-05 10:00:00", "2024-01-05"], TIME),
        (["2024-01-05 24:00:00"], pa.string()),
        (["2024-01-05 10:00:61"], pa.string()),
        (["2024-01-05 10:00:00.1234567"], pa.string()),  # more than microseconds
        (["2024-01-05T10:00:00Z"], pa.string()),  # zones are not guessed at
        (["2024-01-05 10:00"], pa.string()),
    ],
)
def test_the_type_of_a_key_is_that_of_all_its_values(texts, kind):
    assert infer_type(texts) == kind


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_of_64_bits_come_back_as_they_were(numbers):
    texts = [str(number) for number in numbers]
    assert [parse_value(text, infer_type(texts)) for text in texts] == numbers


@given(st.lists(st.dates(), min_size=1))
def test_dates_come_back_as_they_were(days):
    texts = [day.isoformat() for day in days]
    assert [parse_value(text, infer_type(texts)) for text in texts] == days


@given(st.lists(st.text(min_size=1), min_size=1))
def test_any_text_is_a_value_of_the_type_that_is_inferred_for_it(texts):
    kind = infer_type(texts)
    values = [parse_value(text, kind) for text in texts]
    assert NOT_OF_TYPE not in values
    assert pa.array(values, kind).to_pylist() == values


@given(st.lists(st.text("0123456789-e. T:", min_size=1), min_size=1))
def test_two_texts_that_differ_are_never_the_same_value(texts):
    kind = infer_type(texts)
    if kind != TIME:  # 2024-01-05 and 2024-01-05 00:00:00 are
        assert len({parse_value(text, kind) for text in texts}) == len(set(texts))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("007", "string", "007"),
        ("007", "int32", 7),
        ("", "string", ""),
        ("", "int64", None),
        ("", "date", None),
        ("127", "int8", 127),
        ("255", "uint8", 255),
        ("1.5", "double", 1.5),
        ("1e5", "float", 100000.0),
        ("true", "bool", True),
        ("0", "bool", False),
        ("2024-01-05", "date", date(2024, 1, 5)),
        ("2024-01-05 10:30:00", "timestamp", datetime.fromisoformat("2024-01-05 10:30")),
        ("2024-01-05", "timestamp", datetime.fromisoformat("2024-01-05")),
        ("18446744073709551615", "uint64", 2**64 - 1),
    ],
)
def test_a_declared_type_says_what_a_value_is(text, kind, value):
    assert parse_value(text, parse_type_name(kind, "k")) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("128", "int8"),
        ("-1", "uint64"),
        ("1.5", "int32"),
        ("a", "int64"),
        ("abc", "double"),
        ("yes", "bool"),
        ("2024-1-5", "date"),
        ("2024-01-05 10:00:00", "date"),
        ("noon", "timestamp"),
        ("99999999999999999999", "int64"),
    ],
)
def test_a_text_that_is_not_of_the_declared_type_is_told_apart(text, kind):
    assert parse_value(text, parse_type_name(kind, "k")) is NOT_OF_TYPE


@pytest.mark.parametrize(
    ("given_type", "kind"),
    [
        ("int", pa.int64()),
        ("INT32", pa.int32()),
        ("String", pa.string()),
        ("date", pa.date32()),
        ("timestamp", pa.timestamp("us")),
        ("float", pa.float64()),
        ("double", pa.float64()),
        ("bool", pa.bool_()),
        (pa.int16(), pa.int16()),
        (pa.date32(), pa.date32()),
    ],
)
def test_types_are_declared_by_name_or_as_arrow_types(given_type, kind):
    assert parse_type_name(given_type, "k") == kind


@pytest.mark.parametrize(
    "given_type", ["integer", "", "decimal(10,2)", pa.list_(pa.int64()), pa.timestamp("ns"), 5, None, int]
)
def test_a_type_that_no_key_can_have_is_refused_with_those_that_it_can(given_type):
    with pytest.raises(InvalidArgument, match="The partition key 'year' was declared as") as caught:
        parse_type_name(given_type, "year")
    assert "use one of int, string, date, timestamp, bool" in caught.value.hint
