"""Types become one where that type holds every value of all of them, and only there."""

from itertools import combinations, permutations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.manifest.types import (
    describe_type,
    may_change_values,
    normalize_field,
    normalize_type,
    stored_type,
    unify_types,
)

TYPES = {
    "i8": pa.int8(),
    "i16": pa.int16(),
    "i32": pa.int32(),
    "i64": pa.int64(),
    "u8": pa.uint8(),
    "u16": pa.uint16(),
    "u32": pa.uint32(),
    "u64": pa.uint64(),
    "f32": pa.float32(),
    "f64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "us": pa.timestamp("us"),
    "ns": pa.timestamp("ns"),
    "usz": pa.timestamp("us", "UTC"),
    "nsz": pa.timestamp("ns", "UTC"),
    "t_us": pa.time64("us"),
    "t_ns": pa.time64("ns"),
} | {f"{p},{s}": pa.decimal128(p, s) for p, s in ((10, 2), (20, 0), (38, 10), (12, 2), (21, 2), (22, 2))}

# What two numbers become. int32 has up to 10 digits, int64 19, uint64 20: int32 and decimal(10,2) need 10 + 2 of them.
NUMBERS = """
      i8    i16   i32   i64   u8    u16   u32   u64   f32   f64   10,2  20,0  38,10
i8    i8    i16   i32   i64   i16   i32   i64   20,0  f64   f64   10,2  20,0  38,10
i16   i16   i16   i32   i64   i16   i32   i64   20,0  f64   f64   10,2  20,0  38,10
i32   i32   i32   i32   i64   i32   i32   i64   20,0  f64   f64   12,2  20,0  38,10
i64   i64   i64   i64   i64   i64   i64   i64   20,0  f64   f64   21,2  20,0  38,10
u8    i16   i16   i32   i64   u8    u16   u32   u64   f64   f64   10,2  20,0  38,10
u16   i32   i32   i32   i64   u16   u16   u32   u64   f64   f64   10,2  20,0  38,10
u32   i64   i64   i64   i64   u32   u32   u32   u64   f64   f64   12,2  20,0  38,10
u64   20,0  20,0  20,0  20,0  u64   u64   u64   u64   f64   f64   22,2  20,0  38,10
f32   f64   f64   f64   f64   f64   f64   f64   f64   f32   f64   -     -     -
f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   f64   -     -     -
10,2  10,2  10,2  12,2  21,2  10,2  10,2  12,2  22,2  -     -     10,2  22,2  38,10
20,0  20,0  20,0  20,0  20,0  20,0  20,0  20,0  20,0  -     -     22,2  20,0  38,10
38,10 38,10 38,10 38,10 38,10 38,10 38,10 38,10 38,10 -     -     38,10 38,10 38,10
"""
OTHERS = {"date us": "us", "date ns": "ns", "us ns": "ns", "usz nsz": "nsz", "t_us t_ns": "t_ns"}
NAMES = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "10,2", "20,0", "38,10", "bool", "text"]
NAMES += ["bytes", "date", "us", "ns", "usz", "nsz", "t_us", "t_ns"]


def read_reference():
    """By pair of names, what they become: from the tables above, and None for all other pairs."""
    head, *lines = (line.split() for line in NUMBERS.strip().splitlines())
    reference = {
        (row, column): TYPES.get(cell) for row, *cells in lines for column, cell in zip(head, cells, strict=True)
    }
    for pair, result in OTHERS.items():
        left, right = pair.split()
        reference[left, right] = reference[right, left] = TYPES[result]
    same = {(name, name): TYPES[name] for name in NAMES}
    return {(left, right): None for left in NAMES for right in NAMES} | same | reference


REFERENCE = read_reference()


def test_two_types_become_one_as_the_table_says():
    found = {pair: unify_types(*(TYPES[name] for name in pair)) for pair in REFERENCE}
    assert {pair: kind for pair, kind in found.items() if kind != REFERENCE[pair]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_null_gives_way_to_any_type(name):
    assert unify_types(pa.null(), TYPES[name]) == unify_types(TYPES[name], pa.null()) == TYPES[name]


def test_nothing_is_null():
    assert unify_types() == unify_types(pa.null()) == unify_types(pa.null(), pa.null()) == pa.null()


def test_decimals_that_need_more_than_38_digits_have_no_type():
    assert unify_types(pa.decimal128(38, 0), pa.decimal128(38, 1)) is None
    assert unify_types(pa.int64(), pa.decimal128(38, 19)) == pa.decimal128(38, 19)  # 19 + 19 digits
    assert unify_types(pa.uint64(), pa.decimal128(38, 19)) is None  # 20 + 19


def test_three_types_become_one_in_any_order():
    for kinds, result in [
        ((pa.int64(), pa.uint64(), pa.float64()), pa.float64()),
        ((pa.int32(), pa.uint32(), pa.decimal128(38, 25)), pa.decimal128(38, 25)),
        ((pa.date32(), pa.timestamp("us"), pa.timestamp("ns")), pa.timestamp("ns")),
        ((pa.int8(), pa.null(), pa.int16()), pa.int16()),
        ((pa.int8(), pa.float32(), pa.decimal128(3, 1)), None),
    ]:
        assert {unify_types(*order) for order in permutations(kinds)} == {result}


def test_durations_of_one_unit_go_with_whole_numbers_and_not_with_another_unit():
    assert unify_types(pa.duration("ms"), pa.int64()) == pa.duration("ms")
    assert unify_types(pa.duration("ms"), pa.null(), pa.duration("ms")) == pa.duration("ms")
    assert unify_types(pa.duration("ms"), pa.duration("s")) is None
    assert unify_types(pa.duration("ms"), pa.float64()) is None


def test_a_nested_column_remembers_which_of_its_whole_numbers_are_durations_in_which_units():
    def nest(key: pa.DataType, wait: pa.DataType) -> pa.DataType:
        return pa.struct([("n", pa.int64()), ("m", pa.map_(key, pa.list_(wait))), ("t", pa.string())])

    stored, numbers = nest(pa.duration("s"), pa.duration("ms")), nest(pa.int64(), pa.int64())
    column = normalize_field(pa.field("c", stored))
    assert (column.type, stored_type(column)) == (numbers, stored)
    assert normalize_field(pa.field("c", numbers)).metadata is None


def test_a_column_of_durations_is_one_of_whole_numbers_that_remembers_their_unit():
    column = normalize_field(pa.field("wait", pa.duration("ms"), nullable=False))
    assert (column.name, column.type, stored_type(column)) == ("wait", pa.int64(), pa.duration("ms"))
    plain = normalize_field(pa.field("n", pa.int64(), metadata={"why": "test"}))
    assert (stored_type(plain), plain.metadata) == (pa.int64(), None)


def test_zoned_and_naive_times_never_mix():
    assert unify_types(pa.timestamp("us"), pa.timestamp("us", "UTC")) is None
    assert unify_types(pa.date32(), pa.timestamp("us", "UTC")) is None


def test_fields_of_structs_are_added_in_the_order_in_which_they_come():
    left = pa.struct([("b", pa.int32()), ("a", pa.string())])
    right = pa.struct([("c", pa.date32()), ("b", pa.float64())])
    fields = {"a": pa.string(), "b": pa.float64(), "c": pa.date32()}
    assert unify_types(left, right) == pa.struct([(name, fields[name]) for name in "bac"])
    assert unify_types(right, left) == pa.struct([(name, fields[name]) for name in "cba"])


def test_lists_and_maps_become_one_by_what_they_hold():
    assert unify_types(pa.list_(pa.int8()), pa.list_(pa.null())) == pa.list_(pa.int8())
    left = pa.map_(pa.int8(), pa.struct([("a", pa.int8())]))
    right = pa.map_(pa.int16(), pa.struct([("b", pa.int8())]))
    assert unify_types(left, right) == pa.map_(pa.int16(), pa.struct([("a", pa.int8()), ("b", pa.int8())]))
    assert unify_types(pa.list_(pa.int8()), pa.list_(pa.string())) is None
    assert unify_types(pa.map_(pa.int8(), pa.int8()), pa.map_(pa.string(), pa.int8())) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [*combinations([pa.int8(), pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.map_(pa.int8(), pa.int8())], 2)],
)
def test_one_kind_of_nesting_is_not_another(left, right):
    assert unify_types(left, right) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([("a", pa.int8())], [("A", pa.int8())]),
        ([("a", pa.int8()), ("a", pa.int8())], [("b", pa.int8())]),
        ([("a", pa.int8())], [("a", pa.string())]),
        ([("straße", pa.int8())], [("STRASSE", pa.int8())]),
    ],
)
def test_structs_whose_fields_do_not_go_together_have_no_type(left, right):
    assert unify_types(pa.struct(left), pa.struct(right)) is None


plain_types = st.sampled_from([*(TYPES[name] for name in NAMES), pa.null()])
any_types = st.recursive(
    plain_types,
    lambda inner: st.one_of(
        st.builds(pa.list_, inner),
        st.builds(pa.map_, plain_types.filter(lambda kind: kind != pa.null()), inner),
        st.builds(
            lambda fields: pa.struct(list(fields.items())), st.dictionaries(st.sampled_from("abcd"), inner, min_size=1)
        ),
    ),
    max_leaves=6,
)


def sort_fields(kind):
    """The same type with the fields of structs in the order of their names; None stays None."""
    if kind is None:
        return None
    if pa.types.is_struct(kind):
        return pa.struct(sorted(((field.name, sort_fields(field.type)) for field in kind), key=lambda field: field[0]))
    if pa.types.is_map(kind):
        return pa.map_(sort_fields(kind.key_type), sort_fields(kind.item_type))
    return pa.list_(sort_fields(kind.value_type)) if pa.types.is_list(kind) else kind


@given(st.lists(any_types, min_size=1, max_size=4), st.randoms())
def test_the_order_of_types_changes_nothing_but_the_order_of_fields(kinds, chance):
    shuffled = chance.sample(kinds, len(kinds))
    assert sort_fields(unify_types(*shuffled)) == sort_fields(unify_types(*kinds))


@given(any_types, any_types)
def test_a_type_that_holds_both_stays_when_one_is_added_again(left, right):
    both = unify_types(left, right)
    if both is not None:
        assert unify_types(both, left) == unify_types(both, right) == unify_types(both, both) == both


@given(any_types)
def test_a_type_with_itself_is_itself(kind):
    assert unify_types(kind, kind) == unify_types(kind) == kind


@given(any_types)
def test_normalized_types_stay_as_they_are(kind):
    assert normalize_type(kind) == kind


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.binary_view(), pa.binary()),
        (pa.binary(16), pa.binary()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.float16(), pa.float32()),
        (pa.date64(), pa.date32()),
        (pa.time32("s"), pa.time64("us")),
        (pa.time64("ns"), pa.time64("ns")),
        (pa.timestamp("s"), pa.timestamp("us")),
        (pa.timestamp("ms", "Europe/Paris"), pa.timestamp("us", "UTC")),
        (pa.timestamp("ns", "+02:00"), pa.timestamp("ns", "UTC")),
        (pa.duration("ms"), pa.int64()),
        (pa.decimal32(5, 2), pa.decimal128(5, 2)),
        (pa.decimal64(15, 2), pa.decimal128(15, 2)),
        (pa.decimal256(38, 2), pa.decimal128(38, 2)),
        (pa.decimal256(39, 2), pa.string()),
        (pa.uuid(), pa.string()),
        (pa.json_(), pa.string()),
        (pa.json_(pa.large_string()), pa.string()),
        (pa.bool8(), pa.int8()),
        (pa.opaque(pa.large_binary(), "geometry", "somebody"), pa.binary()),
        (pa.fixed_shape_tensor(pa.int8(), [2]), pa.list_(pa.int8())),
        (pa.list_(pa.int8(), 3), pa.list_(pa.int8())),
        (pa.large_list(pa.uuid()), pa.list_(pa.string())),
        (pa.list_view(pa.date64()), pa.list_(pa.date32())),
        (pa.large_list_view(pa.int8()), pa.list_(pa.int8())),
        (pa.list_(pa.field("element", pa.int8(), nullable=False)), pa.list_(pa.int8())),
        (pa.map_(pa.large_string(), pa.time32("ms"), keys_sorted=True), pa.map_(pa.string(), pa.time64("us"))),
        (pa.struct([pa.field("a", pa.float16(), nullable=False)]), pa.struct([("a", pa.float32())])),
    ],
)
def test_encodings_of_one_thing_are_shown_as_one_type(kind, shown):
    assert normalize_type(kind) == shown
    assert normalize_type(pa.struct([("x", pa.list_(kind))])) == pa.struct([("x", pa.list_(shown))])


@pytest.mark.parametrize(
    "nest", [lambda k: k, pa.list_, lambda k: pa.struct([("a", k)]), lambda k: pa.map_(pa.string(), k)]
)
def test_only_whole_numbers_of_64_bits_may_be_inexact_as_doubles(nest):
    for kind in (pa.int64(), pa.uint64()):
        assert may_change_values(nest(kind), nest(pa.float64()))
        assert not may_change_values(nest(kind), nest(pa.decimal128(20, 0)))
    for kind in (pa.int32(), pa.uint32(), pa.float32(), pa.null()):
        assert not may_change_values(nest(kind), nest(pa.float64()))
    assert not may_change_values(nest(pa.int64()), nest(pa.int64()))


def test_nanoseconds_may_not_reach_as_far_as_days_and_microseconds():
    for kind in (pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        zone = getattr(kind, "tz", None)
        assert may_change_values(kind, pa.timestamp("ns", zone))
        assert not may_change_values(kind, pa.timestamp("us", zone))
    assert not may_change_values(pa.timestamp("ns"), pa.timestamp("ns"))
    assert not may_change_values(pa.time64("us"), pa.time64("ns"))


def test_keys_of_maps_may_be_inexact_too():
    assert may_change_values(pa.map_(pa.int64(), pa.string()), pa.map_(pa.float64(), pa.string()))


def test_fields_that_are_added_are_not_inexact():
    assert not may_change_values(pa.struct([("a", pa.int8())]), pa.struct([("b", pa.float64()), ("a", pa.int8())]))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.int64(), "int64"),
        (pa.decimal128(10, 2), "decimal(10,2)"),
        (pa.date32(), "date"),
        (pa.timestamp("us"), "timestamp[us]"),
        (pa.timestamp("us", "UTC"), "timestamp[us, UTC]"),
        (pa.time64("us"), "time64[us]"),
        (pa.float64(), "double"),
        (pa.list_(pa.date32()), "list<date>"),
        (pa.map_(pa.string(), pa.decimal128(3, 1)), "map<string, decimal(3,1)>"),
        (pa.struct([("a", pa.list_(pa.string())), ("b", pa.int8())]), "struct<a: list<string>, b: int8>"),
    ],
)
def test_types_are_written_as_people_write_them(kind, text):
    assert describe_type(kind) == text
