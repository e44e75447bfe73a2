"""Values become those of a wider type unchanged, however they are laid out in memory, or there is an error."""

import io
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.manifest.cast import cast_array, cast_column
from lakekit.manifest.types import normalize_type, unify_types

IDS = [uuid.UUID(int=1), uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), uuid.UUID(int=2**128 - 1)]
NOON = datetime.fromisoformat("2024-01-05 12:00")


def cast(values, from_type, to_type):
    """These values after the change of type; the result is checked from end to end."""
    made = cast_array(pa.array(values, from_type), to_type)
    made.validate(full=True)
    assert made.type == to_type
    return made.to_pylist()


@pytest.mark.parametrize(
    ("values", "from_type", "to_type", "result"),
    [
        ([1, None, -1], pa.int8(), pa.int64(), [1, None, -1]),
        ([2**64 - 1], pa.uint64(), pa.decimal128(20, 0), [Decimal(2**64 - 1)]),
        ([-(2**63)], pa.int64(), pa.decimal128(21, 2), [Decimal(-(2**63))]),
        ([2**53, -(2**53)], pa.int64(), pa.float64(), [2.0**53, -(2.0**53)]),
        ([0.5], pa.float32(), pa.float64(), [0.5]),
        ([1.5, None], pa.float16(), pa.float32(), [1.5, None]),
        ([Decimal("1.50")], pa.decimal128(3, 2), pa.decimal128(38, 10), [Decimal("1.50")]),
        ([Decimal("1.50")], pa.decimal256(50, 2), pa.string(), ["1.50"]),
        ([date(2024, 1, 5)], pa.date64(), pa.date32(), [date(2024, 1, 5)]),
        ([date(2024, 1, 5)], pa.date32(), pa.timestamp("us"), [datetime.fromisoformat("2024-01-05")]),
        ([NOON], pa.timestamp("s"), pa.timestamp("us"), [NOON]),
        ([NOON], pa.timestamp("us"), pa.timestamp("ns"), [NOON]),
        (
            [NOON.replace(tzinfo=UTC)],
            pa.timestamp("ms", "Asia/Tokyo"),
            pa.timestamp("us", "UTC"),
            [NOON.replace(tzinfo=UTC)],
        ),
        ([time(1, 2, 3)], pa.time32("s"), pa.time64("ns"), [time(1, 2, 3)]),
        ([5], pa.duration("ms"), pa.int64(), [5]),
        ([b"ab"], pa.binary(2), pa.binary(), [b"ab"]),
        (["a", None], pa.string_view(), pa.string(), ["a", None]),
        ([b"a", None], pa.binary_view(), pa.binary(), [b"a", None]),
        (["a"], pa.large_string(), pa.string(), ["a"]),
        ([None, None], pa.null(), pa.list_(pa.int64()), [None, None]),
        ([[None], []], pa.list_(pa.null()), pa.list_(pa.string()), [[None], []]),
    ],
)
def test_values_stay_what_they_are(values, from_type, to_type, result):
    assert cast(values, from_type, to_type) == result


@pytest.mark.parametrize(
    ("values", "from_type", "to_type"),
    [
        ([2**53 + 1], pa.int64(), pa.float64()),
        ([-(2**53) - 1], pa.int64(), pa.float64()),
        ([2**64 - 1], pa.uint64(), pa.float64()),
        ([2**31], pa.int64(), pa.int32()),
        ([1.5], pa.float64(), pa.int64()),
        ([Decimal("1.25")], pa.decimal128(3, 2), pa.decimal128(3, 1)),
        ([date(9999, 12, 31)], pa.date32(), pa.timestamp("ns")),
        ([datetime.fromisoformat("9999-12-31")], pa.timestamp("us"), pa.timestamp("ns")),
        ([1001], pa.timestamp("us"), pa.timestamp("ms")),
        ([b"\xff"], pa.binary(), pa.string()),
        (["a"], pa.string(), pa.int64()),
        ([[2**53 + 1]], pa.list_(pa.int64()), pa.list_(pa.float64())),
        ([{"a": 2**53 + 1}], pa.struct([("a", pa.int64())]), pa.struct([("a", pa.float64())])),
        ([[(2**53 + 1, 1)]], pa.map_(pa.int64(), pa.int8()), pa.map_(pa.float64(), pa.int8())),
        ([[1]], pa.list_(pa.int64()), pa.int64()),
    ],
)
def test_a_value_that_would_change_is_an_error(values, from_type, to_type):
    with pytest.raises((pa.ArrowInvalid, pa.ArrowNotImplementedError)):
        cast(values, from_type, to_type)


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, None], pa.int64(), ["1", None]),
        ([True], pa.bool_(), ["true"]),
        ([1.5, float("nan")], pa.float64(), ["1.5", "nan"]),
        ([Decimal("1.50")], pa.decimal128(10, 2), ["1.50"]),
        ([date(2024, 1, 5)], pa.date32(), ["2024-01-05"]),
        ([NOON], pa.timestamp("us"), ["2024-01-05 12:00:00.000000"]),
        ([NOON.replace(tzinfo=UTC)], pa.timestamp("us", "UTC"), ["2024-01-05 12:00:00.000000Z"]),
        ([time(1, 2, 3)], pa.time64("us"), ["01:02:03.000000"]),
        ([b"ab"], pa.binary(), ["ab"]),
    ],
)
def test_values_may_become_text(values, kind, texts):
    assert cast(values, kind, pa.string()) == texts


def test_uuids_are_written_with_dashes():
    array = pa.array([IDS[0].bytes, None, IDS[1].bytes, IDS[2].bytes], pa.uuid())
    texts = [str(IDS[0]), None, str(IDS[1]), str(IDS[2])]
    assert cast_array(array, pa.string()).to_pylist() == texts
    assert cast_array(array[1:3], pa.string()).to_pylist() == texts[1:3]
    assert cast_array(array[:0], pa.string()).to_pylist() == []
    assert cast_array(pa.array([], pa.uuid()), pa.string()).to_pylist() == []
    assert cast_array(pa.nulls(2, pa.uuid()), pa.string()).to_pylist() == [None, None]
    nested = pa.ListArray.from_arrays([0, 1, 4], array)
    assert cast_array(nested, pa.list_(pa.string())).to_pylist() == [texts[:1], texts[1:]]


def test_json_is_its_text():
    array = pa.ExtensionArray.from_storage(pa.json_(pa.large_string()), pa.array(['{"a": 1}'], pa.large_string()))
    assert cast_array(array, pa.string()).to_pylist() == ['{"a": 1}']


def test_dictionaries_are_their_values_at_any_depth():
    words = pa.array(["a", None, "b", "a"]).dictionary_encode()
    assert cast_array(words[1:], pa.string()).to_pylist() == [None, "b", "a"]
    nested = pa.StructArray.from_arrays([pa.ListArray.from_arrays([0, 2, 4], words)], names=["w"])
    made = cast_array(nested, pa.struct([("w", pa.list_(pa.string()))]))
    assert made.to_pylist() == [{"w": ["a", None]}, {"w": ["b", "a"]}]


LISTS = [[1, 2], None, [], [None, 3]]
LIST_KINDS = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]


@pytest.mark.parametrize("make", LIST_KINDS)
@pytest.mark.parametrize("part", [slice(None), slice(1, None), slice(0, 2), slice(2, 3), slice(0, 0)])
def test_lists_of_every_kind_and_slices_of_them_are_lists(make, part):
    array = pa.array([[0], *LISTS, [9]], make(pa.int32()))[1:-1]
    made = cast_array(array[part], pa.list_(pa.int64()))
    made.validate(full=True)
    assert made.to_pylist() == LISTS[part]


@pytest.mark.parametrize("make", LIST_KINDS)
def test_lists_of_every_kind_survive_parquet(make):
    sink = io.BytesIO()
    pq.write_table(pa.table({"l": pa.array(LISTS, make(pa.int32()))}), sink)
    column = pq.read_table(sink).column("l")
    made = cast_column(column, normalize_type(column.type))
    made.validate(full=True)
    assert (made.type, made.to_pylist()) == (pa.list_(pa.int32()), LISTS)


def test_views_that_overlap_or_stand_out_of_order_are_lists():
    array = pa.ListViewArray.from_arrays(pa.array([2, 0, 1]), pa.array([1, 2, 2]), pa.array([10, 20, 30]))
    assert cast_array(array, pa.list_(pa.int64())).to_pylist() == [[30], [10, 20], [20, 30]]


def test_lists_of_one_length_are_lists():
    array = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2))
    assert cast_array(array, pa.list_(pa.int64())).to_pylist() == [[1, 2], None, [3, 4]]
    assert cast_array(array[1:], pa.list_(pa.int64())).to_pylist() == [None, [3, 4]]


def test_what_lies_under_a_null_list_is_not_shown():
    array = pa.ListArray.from_arrays(pa.array([0, 2, 4]), pa.array([1, 2, 3, 4]), mask=pa.array([True, False]))
    assert cast_array(array, pa.list_(pa.float64())).to_pylist() == [None, [3.0, 4.0]]


def test_maps_and_slices_of_them_are_maps():
    array = pa.array([[("a", 1)], None, [], [("b", 2), ("c", None)]], pa.map_(pa.large_string(), pa.int8()))
    kind = pa.map_(pa.string(), pa.int64())
    for part in (slice(None), slice(1, None), slice(0, 2), slice(3, 4), slice(0, 0)):
        made = cast_array(array[part], kind)
        made.validate(full=True)
        assert made.to_pylist() == [[("a", 1)], None, [], [("b", 2), ("c", None)]][part]


def test_fields_of_structs_are_found_by_name_and_missing_ones_null():
    array = pa.array(
        [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}], pa.struct([("a", pa.int8()), ("b", pa.string())])
    )
    kind = pa.struct([("b", pa.string()), ("c", pa.list_(pa.date32())), ("a", pa.float64())])
    rows = [{"b": "x", "c": None, "a": 1.0}, None, {"b": "y", "c": None, "a": None}]
    assert cast_array(array, kind).to_pylist() == rows
    assert cast_array(array[1:], kind).to_pylist() == rows[1:]
    assert cast_array(array[2:], kind).to_pylist() == rows[2:]


def test_structs_may_gain_or_lose_all_fields():
    assert cast([{}, None], pa.struct([]), pa.struct([("a", pa.int8())])) == [{"a": None}, None]
    assert cast([{"a": 1}, None], pa.struct([("a", pa.int8())]), pa.struct([])) == [{}, None]


def test_fields_with_the_same_name_stay_in_their_places():
    columns = [pa.array([1], pa.int8()), pa.array(["x"], pa.large_string())]
    array = pa.StructArray.from_arrays(columns, names=["a", "a"])
    made = cast_array(array, pa.struct([pa.field("a", pa.int64()), pa.field("a", pa.string())]))
    assert [made.field(index).to_pylist() for index in (0, 1)] == [[1], ["x"]]


def test_a_column_of_no_chunks_has_the_type_too():
    made = cast_column(pa.chunked_array([], pa.int8()), pa.int64())
    assert (made.type, len(made)) == (pa.int64(), 0)


def test_a_column_of_the_type_is_handed_on():
    column = pa.chunked_array([[1, 2]])
    assert cast_column(column, pa.int64()) is column


PLAIN = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
PLAIN += [pa.float32(), pa.float64(), pa.decimal128(10, 2), pa.decimal128(38, 10), pa.bool_(), pa.string(), pa.binary()]
PLAIN += [
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("ns"),
    pa.timestamp("us", "UTC"),
    pa.time64("us"),
    pa.time64("ns"),
]
kinds = st.recursive(
    st.sampled_from(PLAIN),
    lambda inner: st.one_of(
        st.builds(pa.list_, inner),
        st.builds(pa.map_, st.sampled_from(PLAIN), inner),
        st.builds(
            lambda fields: pa.struct(list(fields.items())), st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
        ),
    ),
    max_leaves=5,
)


def make_relatives(kind):
    """A strategy for types that go together with this one."""
    if pa.types.is_list(kind):
        return make_relatives(kind.value_type).map(pa.list_)
    if pa.types.is_map(kind):
        return st.builds(pa.map_, make_relatives(kind.key_type), make_relatives(kind.item_type))
    if pa.types.is_struct(kind):
        fields = {field.name: make_relatives(field.type) for field in kind} | {"x": st.sampled_from(PLAIN)}
        return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: pa.struct(list(chosen.items())))
    return st.sampled_from([other for other in PLAIN if unify_types(kind, other) is not None])


def make_values(kind):
    """A strategy for values of a type that every wider type holds: small, and in the years that nanoseconds reach."""
    types = pa.types
    if types.is_list(kind):
        return st.none() | st.lists(make_values(kind.value_type), max_size=3)
    if types.is_map(kind):
        keys = make_values(kind.key_type).filter(lambda key: key is not None)
        return st.none() | st.lists(st.tuples(keys, make_values(kind.item_type)), max_size=3)
    if types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: make_values(field.type) for field in kind})
    if types.is_temporal(kind):
        step = 1000 if getattr(kind, "unit", "") == "ns" else 1  # Python's times have microseconds
        return st.none() | st.integers(0, 50_000).map(lambda number: number * step)
    if types.is_boolean(kind):
        return st.none() | st.booleans()
    if types.is_string(kind) or types.is_binary(kind):
        return st.none() | (st.text(max_size=3) if types.is_string(kind) else st.binary(max_size=3))
    numbers = st.integers(0 if types.is_unsigned_integer(kind) else -100, 100)
    return st.none() | (numbers.map(Decimal) if types.is_decimal(kind) else numbers)


def by_name(value, kind):
    """A value with structs as sets of their fields that are not null, so that added fields do not count."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        fields = {field.name: by_name(value[field.name], field.type) for field in kind}
        return {name: item for name, item in fields.items() if item is not None}
    if pa.types.is_map(kind):
        return [(by_name(key, kind.key_type), by_name(item, kind.item_type)) for key, item in value]
    if pa.types.is_list(kind):
        return [by_name(item, kind.value_type) for item in value]
    return datetime.combine(value, time()) if type(value) is date else value


@given(st.data())
def test_the_type_that_two_become_holds_the_values_of_both(data):
    left = data.draw(kinds)
    right = data.draw(make_relatives(left))
    both = unify_types(left, right)
    assert both is not None
    for kind in (left, right):
        array = pa.array(data.draw(st.lists(make_values(kind), max_size=5)), kind)
        start = data.draw(st.integers(0, len(array)))
        made = cast_array(array[start:], both)
        made.validate(full=True)
        assert made.type == both
        before = [by_name(value, kind) for value in array[start:].to_pylist()]
        assert [by_name(value, both) for value in made.to_pylist()] == before
