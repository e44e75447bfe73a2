"""One schema over files that differ, and how each of them supplies its columns."""

import pyarrow as pa
import pytest

from lakekit.errors import ColumnNameConflict
from lakekit.manifest.schema import FileKind, unify_schemas
from lakekit.manifest.types import normalize_field

I32, I64, F64, TEXT = pa.int32(), pa.int64(), pa.float64(), pa.string()


def make_kinds(*columns, files=()):
    """A kind for each of these columns, named 0, 1, …; files says how many of each there are, 1 if not."""
    kinds = []
    for number, fields in enumerate(columns):
        count = files[number] if files else 1
        paths = tuple(f"k{number}/{index}.parquet" for index in range(count))
        kinds.append(FileKind(str(number), pa.schema(list(fields.items())), paths, paths[0]))
    return kinds


def unify(*columns, files=(), keys=None, **options):
    return unify_schemas(make_kinds(*columns, files=files), keys or {}, **options)


def list_supplies(schema, column):
    return [schema.supplies[schema_id][column] for schema_id in sorted(schema.supplies)]


def test_columns_stand_in_the_order_in_which_they_appear_and_keys_after_them():
    schema = unify({"b": I64, "a": TEXT}, {"a": TEXT, "c": F64, "b": I64}, keys={"day": pa.date32()})
    assert schema.arrow == pa.schema([("b", I64), ("a", TEXT), ("c", F64), ("day", pa.date32())])
    assert schema.keys == ("day",)
    assert [field.name for field in schema.file_columns] == ["b", "a", "c"]


def test_a_column_that_a_file_lacks_is_missing_there():
    assert list_supplies(unify({"a": I64}, {"a": I64, "b": TEXT}), "b") == ["missing", "same"]


def test_columns_are_widened_to_hold_all_values():
    schema = unify({"a": I32}, {"a": I64}, {"a": pa.null()})
    assert schema.arrow.field("a").type == I64
    assert list_supplies(schema, "a") == ["widened", "same", "widened"]


def test_a_column_of_nothing_but_null_has_that_type():
    assert unify({"a": pa.null()}).arrow.field("a").type == pa.null()


def test_whole_numbers_and_doubles_are_checked_unless_they_are_known_to_be_exact():
    schema = unify({"a": I64}, {"a": F64})
    assert schema.arrow.field("a").type == F64
    assert list_supplies(schema, "a") == ["checked", "same"]
    known = unify({"a": I64}, {"a": F64}, holds=lambda *asked: asked == ("0", "a", F64))
    assert list_supplies(known, "a") == ["widened", "same"]
    assert list_supplies(unify({"a": I32}, {"a": F64}), "a") == ["widened", "same"]


def test_times_that_nanoseconds_may_not_reach_are_checked_unless_they_are_known_to():
    columns = {"a": pa.date32()}, {"a": pa.timestamp("us")}, {"a": pa.timestamp("ns")}
    assert list_supplies(unify(*columns), "a") == ["checked", "checked", "same"]
    assert list_supplies(unify(*columns, holds=lambda *asked: True), "a") == ["widened", "widened", "same"]


def make_durations(*units):
    return [
        FileKind(
            str(number), pa.schema([normalize_field(pa.field("a", kind))]), (f"{number}.parquet",), f"{number}.parquet"
        )
        for number, kind in enumerate(units)
    ]


def test_durations_are_whole_numbers_of_one_unit():
    schema = unify_schemas(make_durations(pa.duration("ms"), pa.duration("ms"), pa.int64()), {})
    assert schema.arrow == pa.schema([("a", I64)])
    assert schema.arrow.field("a").metadata is None
    assert list_supplies(schema, "a") == ["same", "same", "same"]


def test_durations_of_two_units_are_in_conflict():
    kinds = make_durations(pa.duration("ms"), pa.duration("s"), pa.duration("ms"))
    schema = unify_schemas(kinds, {})
    assert (schema.arrow.field("a").type, list_supplies(schema, "a")) == (I64, ["same", "conflict", "same"])
    assert list_supplies(unify_schemas(kinds, {}, conflicts_as_text=True), "a") == ["checked"] * 3
    declared = unify_schemas(kinds, {}, declared=pa.schema([("a", I64)]))
    assert list_supplies(declared, "a") == ["same"] * 3


NESTED = {  # around a type
    "list": pa.list_,
    "struct": lambda kind: pa.struct([("x", pa.string()), ("d", kind)]),
    "map": lambda kind: pa.map_(pa.string(), kind),
    "list of structs": lambda kind: pa.list_(pa.struct([("d", kind)])),
}


@pytest.mark.parametrize("nest", NESTED.values(), ids=NESTED)
def test_durations_of_two_units_are_in_conflict_in_nested_columns_too(nest):
    units = [nest(pa.duration("ms")), nest(pa.duration("s")), nest(I64)]
    schema = unify_schemas(make_durations(*units), {})
    assert schema.arrow.field("a").type == nest(I64)
    assert list_supplies(schema, "a") == ["same", "conflict", "same"]
    declared = unify_schemas(make_durations(*units), {}, declared=schema.arrow)
    assert list_supplies(declared, "a") == ["same"] * 3


@pytest.mark.parametrize("other", [F64, pa.decimal128(20, 2), I32], ids=str)
def test_durations_and_numbers_that_have_no_unit_are_in_conflict_whichever_file_comes_first(other):
    first = unify_schemas(make_durations(pa.duration("ms"), other), {})
    assert (first.arrow.field("a").type, list_supplies(first, "a")) == (I64, ["same", "conflict"])
    last = unify_schemas(make_durations(other, pa.duration("ms")), {})
    assert (last.arrow.field("a").type, list_supplies(last, "a")) == (other, ["same", "conflict"])


def test_of_types_that_do_not_go_together_that_of_most_files_stays():
    schema = unify({"a": TEXT}, {"a": I64}, files=(1, 2))
    assert schema.arrow.field("a").type == I64
    assert list_supplies(schema, "a") == ["conflict", "same"]


def test_among_equals_the_first_path_decides():
    schema = unify({"a": TEXT}, {"a": I64})
    assert schema.arrow.field("a").type == TEXT
    assert list_supplies(schema, "a") == ["same", "conflict"]


def test_files_are_counted_by_the_type_and_not_by_the_schema():
    schema = unify({"a": TEXT}, {"a": I64}, {"a": I64, "b": TEXT}, files=(3, 2, 2))
    assert schema.arrow.field("a").type == I64  # 2 + 2 files against 3


def test_what_goes_with_the_most_frequent_type_is_widened_and_the_rest_in_conflict():
    schema = unify({"a": I64}, {"a": TEXT}, {"a": F64}, {"a": pa.date32()}, files=(5, 2, 1, 1))
    assert schema.arrow.field("a").type == F64
    assert list_supplies(schema, "a") == ["checked", "conflict", "same", "conflict"]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_three_types_become_one_whichever_comes_first(order):
    kinds = [pa.int64(), pa.uint64(), pa.float64()]
    schema = unify(*({"a": kinds[index]} for index in order))
    assert schema.arrow.field("a").type == F64
    assert "conflict" not in list_supplies(schema, "a")


def test_fields_of_a_struct_may_come_in_any_order_and_be_added_anywhere():
    first = pa.struct([("b", I64), ("c", I64)])
    second = pa.struct([("a", TEXT), ("b", I64)])
    schema = unify({"s": first}, {"s": second})
    assert schema.arrow.field("s").type == pa.struct([("b", I64), ("c", I64), ("a", TEXT)])
    assert list_supplies(schema, "s") == ["widened", "widened"]


def test_fields_of_structs_that_differ_only_in_case_are_in_conflict():
    schema = unify({"s": pa.struct([("a", I64)])}, {"s": pa.struct([("A", I64)])})
    assert list_supplies(schema, "s") == ["same", "conflict"]


def test_a_column_in_conflict_may_become_text():
    columns = ({"a": I64}, {"a": TEXT}, {"a": pa.date32()})
    schema = unify(*columns, conflicts_as_text=True)
    assert schema.arrow.field("a").type == TEXT
    assert list_supplies(schema, "a") == ["checked", "same", "checked"]


def test_a_column_without_a_conflict_stays_what_it_is():
    schema = unify({"a": I32, "b": I64}, {"a": I64, "b": TEXT}, conflicts_as_text=True)
    assert [field.type for field in schema.arrow] == [I64, TEXT]


def test_nested_columns_in_conflict_do_not_become_text():
    schema = unify({"a": pa.list_(I64)}, {"a": TEXT}, conflicts_as_text=True)
    assert schema.arrow.field("a").type == pa.list_(I64)
    assert list_supplies(schema, "a") == ["same", "conflict"]


def test_the_path_wins_over_a_column_of_the_same_name():
    schema = unify({"day": TEXT, "n": I64}, keys={"day": pa.date32()})
    assert schema.arrow == pa.schema([("n", I64), ("day", pa.date32())])


def test_declared_columns_take_the_place_of_those_found():
    declared = pa.schema([("b", F64), ("new", pa.large_string()), ("a", I64), ("day", TEXT)])
    schema = unify({"a": I32, "b": F64, "c": TEXT}, keys={"day": pa.date32()}, declared=declared)
    assert schema.arrow == pa.schema([("b", F64), ("new", TEXT), ("a", I64), ("day", pa.date32())])
    assert schema.supplies["0"] == {"b": "same", "new": "missing", "a": "widened"}


def test_a_declared_type_that_does_not_hold_a_files_values_is_in_conflict():
    assert unify({"a": I64}, declared=pa.schema([("a", I32)])).supplies["0"] == {"a": "conflict"}
    assert unify({"a": I64}, declared=pa.schema([("a", TEXT)])).supplies["0"] == {"a": "conflict"}
    as_text = unify({"a": I64}, declared=pa.schema([("a", TEXT)]), conflicts_as_text=True)
    assert as_text.supplies["0"] == {"a": "checked"}


def test_names_that_differ_only_in_case_are_refused_with_both_files():
    with pytest.raises(
        ColumnNameConflict, match=r"'Id' \(in k0/0.parquet\) and 'id' \(in k1/0.parquet\) differ only in"
    ):
        unify({"Id": I64}, {"id": I64})
    with pytest.raises(ColumnNameConflict, match=r"'a' \(in k0/0.parquet\) and 'A' \(in k0/0.parquet\)"):
        unify({"a": I64, "A": I64})
    with pytest.raises(ColumnNameConflict, match=r"'Day' \(in the paths\) and 'day' \(in k0/0.parquet\)"):
        unify({"day": I64}, keys={"Day": I64})
    with pytest.raises(ColumnNameConflict, match=r"'id' \(in k0/0.parquet\) and 'ID' \(in the declared schema\)"):
        unify({"id": I64}, declared=pa.schema([("ID", I64)]))


def test_a_name_that_stands_twice_in_one_file_is_refused():
    twice = FileKind("0", pa.schema([("a", I64), ("a", TEXT)]), ("x.parquet",), "x.parquet")
    with pytest.raises(ColumnNameConflict, match="The column 'a' stands twice in x.parquet") as caught:
        unify_schemas([twice], {})
    assert caught.value.hint == "rename one of the two where the file is written."


@pytest.mark.parametrize("nest", [lambda kind: kind, pa.list_, lambda kind: pa.map_(TEXT, pa.struct([("x", kind)]))])
@pytest.mark.parametrize("names", [("a", "a"), ("a", "A")])
def test_fields_of_one_struct_that_engines_cannot_tell_apart_are_refused(nest, names):
    kind = nest(pa.struct([pa.field(name, I64) for name in names]))
    with pytest.raises(ColumnNameConflict, match=f"The column 's' has the fields {names[0]!r} and {names[1]!r} in one"):
        unify({"s": kind})


def test_the_same_name_may_stand_in_different_structs():
    inner = pa.struct([("a", I64)])
    kind = pa.struct([("a", inner), ("b", pa.map_(inner, inner))])
    assert unify({"a": kind}).arrow.field("a").type == kind


def test_a_kind_counts_its_files():
    kind = make_kinds({"a": I64}, files=(3,))[0]
    assert (kind.files, kind.types) == (3, {"a": I64})
