"""Values are of one type for all files, or an error names the one that is not; none is rounded or dropped."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.cdc.values import choose_type, classify, convert
from lakekit.errors import InvalidArgument, TypeConflict


@given(st.one_of(st.text(max_size=12), st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,6})?", fullmatch=True)))
def test_what_a_text_looks_like_is_what_it_is_read_as_and_comes_back(text):
    kind = choose_type("c", {classify(text, is_text=True): "here"}, is_text=True)
    value = convert("c", [text], kind, lambda _: "here")[0].as_py()
    if pa.types.is_integer(kind):
        assert str(value) == text
    elif pa.types.is_floating(kind):
        assert value == float(text) and len(text.replace("-", "").replace(".", "").lstrip("0")) <= 15
    elif pa.types.is_string(kind):
        assert value == text


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        ({}, pa.string()),
        ({"int", "float"}, pa.float64()),
        ({"date", "moment"}, pa.timestamp("us")),
        ({"moment", "zoned"}, pa.string()),
        ({"int", "text"}, pa.string()),
        ({"bool", "int"}, pa.string()),
    ],
)
def test_texts_that_do_not_look_alike_are_text(kinds, kind):
    assert choose_type("c", dict.fromkeys(kinds, "here"), is_text=True) == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026-02-30", pa.date32()),
        ("2026-01-01 10:00:00+01", pa.timestamp("us")),  # a zone, and a type that has none
        ("1.234", pa.decimal128(5, 2)),
        (2**53 + 1, pa.float64()),
        (Decimal("0.1234567890123456789"), pa.float64()),
        ("123456789012345678.5", pa.float64()),
        (Decimal("1e400"), pa.float64()),
        ("yes", pa.bool_()),
        (1.5, pa.int64()),
        (True, pa.int64()),
        (b"x", pa.string()),
        ("%", pa.binary()),
    ],
)
def test_a_value_that_its_type_does_not_hold_is_an_error_with_its_place(value, kind):
    with pytest.raises(TypeConflict, match=r"The column 'c' is .*, and .* in a.csv, line 7 is none"):
        convert("c", [None, value], kind, lambda position: f"a.csv, line {6 + position}")


@pytest.mark.parametrize("text", ["0.30000000000000004", "1.0E23", "1.2345678901234568E17", "5.6843418860808015E-14"])
def test_a_number_that_was_made_of_a_double_is_one_though_it_has_many_digits(text):
    value = Decimal(text)
    assert classify(value, is_text=False) == "float"
    assert convert("c", [value, text], pa.float64(), str).to_pylist() == [float(text)] * 2


def test_times_are_utc_where_a_type_has_a_zone():
    kind = pa.timestamp("us", "UTC")
    told = convert("c", ["2026-01-01 10:00:00", "2026-01-01T10:00:00+02:00", "2026-01-01"], kind, str)
    assert [value.as_py().hour for value in told] == [10, 8, 0]


def test_a_type_that_no_text_is_read_as_is_refused():
    with pytest.raises(InvalidArgument, match="no text or JSON value is read as"):
        convert("a", [None], pa.list_(pa.int8()), str)


def test_bytes_are_bytes_in_whatever_a_driver_hands_them_over():
    values = [b"aGk=", bytearray(b"aGk="), memoryview(b"aGk="), "aGk="]  # only the text is base64, of "hi"
    assert convert("a", values, pa.binary(), str).to_pylist() == [b"aGk=", b"aGk=", b"aGk=", b"hi"]
