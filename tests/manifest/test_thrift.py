"""Thrift fields are read from any bytes: all of sound ones, and a ValueError for the rest."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakekit.manifest.thrift import read_fields
from tests.manifest.parquet_surgery import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    Items,
    Struct,
    write_struct,
)
from tests.manifest.places import cut_footer, make_parquet

whole_numbers = st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from([I16, I32, I64]), whole_numbers),
        st.tuples(st.just(BINARY), st.binary(max_size=300)),
        st.sampled_from([(TRUE, None), (FALSE, None)]),
    ),
    lambda inner: st.one_of(
        st.builds(lambda fields: (STRUCT, Struct(fields)), st.dictionaries(st.integers(1, 2000), inner, max_size=4)),
        st.builds(lambda numbers: (LIST, Items(I64, numbers)), st.lists(whole_numbers, max_size=20)),
    ),
)


def to_plain(kind, value):
    """What read_fields should give for a value of the writer in parquet_surgery."""
    if kind in (TRUE, FALSE):
        return kind == TRUE
    if kind == STRUCT:
        return {number: to_plain(*item) for number, item in value.fields.items()}
    return [to_plain(value.kind, item) for item in value.values] if kind == LIST else value


@given(st.dictionaries(st.integers(1, 32767), values, max_size=6))
def test_what_was_written_is_read(fields):
    assert read_fields(write_struct(Struct(fields))) == to_plain(STRUCT, Struct(fields))


def test_fields_may_be_numbered_from_the_one_before_or_in_full():
    near = bytes([0x15, 0x02, 0x15, 0x04, 0])  # field 1 = 1, field 1 + 1 = 2
    far = bytes([0x05, 0x02, 0x02, 0x05, 0x04, 0x04, 0])  # field 1 = 1, field 2 = 2
    assert read_fields(near) == read_fields(far) == {1: 1, 2: 2}


def test_numbers_are_signed():
    assert read_fields(bytes([0x16, 0x01, 0])) == {1: -1}
    assert read_fields(bytes([0x16, *[0xFF] * 9, 0x01, 0])) == {1: -(2**63)}


def test_bytes_after_the_struct_do_not_matter():
    assert read_fields(bytes([0x15, 0x02, 0]) + b"signature") == {1: 1}


def test_types_that_parquet_does_not_use_are_read_over():
    text = bytes([0x18, 2]) + b"hi"
    double = bytes([0x17]) + bytes(8)
    byte, uuid, some_set = bytes([0x13, 9]), bytes([0x1D]) + bytes(16), bytes([0x1A, 0x13, 7])
    a_map = bytes([0x1B, 1, 0x85, 1]) + b"k" + bytes([2])  # one entry, binary to i32
    assert read_fields(double + byte + uuid + some_set + a_map + bytes([0x1B, 0]) + text + b"\0") == {
        1: bytes(8),
        2: b"\x09",
        3: bytes(16),
        4: [b"\x07"],
        5: [(b"k", 1)],
        6: [],
        7: b"hi",
    }


def test_lists_of_booleans_take_a_byte_each():
    assert read_fields(bytes([0x19, 0x31, 1, 2, 1, 0])) == {1: [b"\1", b"\2", b"\1"]}
    assert write_struct(Struct({1: (LIST, Items(BYTE, [1])), 2: (DOUBLE, 0.0)}))[-9:] == bytes(9)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "ends in the middle"),
        (bytes([0x15]), "ends in the middle"),
        (bytes([0x15, 0x02]), "ends in the middle"),
        (bytes([0x18, 200, 1]) + b"hi", "claims 200 bytes"),
        (bytes([0x19, 0xF1, *[0xFF] * 8, 0x7F]), "bytes or elements"),  # a list of 2**63 - 1 booleans would take ages
        (bytes([0x1B, *[0xFF] * 8, 0x7F, 0x33]), "bytes or elements"),
        (bytes([0x15, *[0xFF] * 20]), "more than 64 bits"),
        (bytes([0x1E, 0]), "unknown type"),
        (bytes([0x19, 0x10]), "unknown type"),
        (bytes([0x15, 0x02, 0x05, 0x02, 0x04, 0]), "field 1 stands twice"),
        (bytes([0x1C]) * 5000, "nested too deep"),
        (bytes([0x19, *[0x19] * 5000]), "nested too deep"),
    ],
)
def test_bytes_that_are_no_struct_are_refused(data, what):
    with pytest.raises(ValueError, match=what):
        read_fields(data)


@given(st.binary(max_size=200))
@example(cut_footer(make_parquet({"n": [1, None], "s": ["a", "b"]}))[:-9])
def test_any_bytes_give_fields_or_a_value_error(data):
    try:
        assert isinstance(read_fields(data), dict)
    except ValueError as exc:
        assert str(exc)


@pytest.mark.parametrize("begin", [b"\x19\xf3", b"\x1b"])  # field 1: a list of bytes, a map
def test_a_list_of_more_elements_than_pyarrow_reads_is_refused(begin):
    a_million, one_more = b"\xc0\x84\x3d", b"\xc1\x84\x3d"  # 0x40 + (0x04 << 7) + (0x3d << 14) = 1,000,000
    rest = b"\x33" + bytes(3_000_000)  # of the map: keys and values are bytes
    assert len(read_fields(begin + a_million + rest)[1]) == 1_000_000
    with pytest.raises(ValueError, match="1,000,001 elements, at most 1,000,000 are read"):
        read_fields(begin + one_more + rest)
