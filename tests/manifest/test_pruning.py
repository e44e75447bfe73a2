"""Which files and row groups stay for a predicate: exactly those whose statistics allow a row that it is true for."""

import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from lakekit.manifest.predicates import (
    ALWAYS,
    NEVER,
    NOT_TRUE,
    NULL,
    UNKNOWN,
    And,
    Comparison,
    In,
    IsNull,
    IsTrue,
    Not,
    Or,
    StartsWith,
)
from lakekit.manifest.pruning import choose_row_groups
from tests.manifest.parquet_surgery import BINARY, edit_footer, list_chunks
from tests.manifest.places import make_parquet
from tests.manifest.pruned import compare, covered, kept, write_each

NAN = math.nan
moment = datetime.fromisoformat


@pytest.fixture
def numbers(folder):
    """Files with n from 1 to 3, 4 to 6, 7 to 9 with a NULL, and of NULL alone."""
    files = [[1, 2, 3], [4, 5, 6], [7, None, 9], [None, None]]
    return write_each(folder, *({"n": pa.array(values, pa.int64())} for values in files))


@pytest.mark.parametrize(
    ("operator", "value", "files", "whole_files"),
    [
        ("=", 5, [1], []),
        ("=", 6, [1], []),
        ("=", 8, [2], []),  # within the bounds, though it is not there
        ("=", 10, [], []),
        ("<>", 5, [0, 1, 2], [0]),  # file 2 has a NULL
        ("<", 4, [0], [0]),
        ("<", 5, [0, 1], [0]),
        ("<=", 3, [0], [0]),
        ("<=", 0, [], []),
        (">", 6, [2], []),
        (">", 5, [1, 2], []),
        (">=", 4, [1, 2], [1]),
        (">", 9, [], []),
    ],
)
def test_a_comparison_keeps_the_files_whose_bounds_allow_it(numbers, operator, value, files, whole_files):
    predicate = compare("n", operator, value)
    assert (kept(numbers, predicate), covered(numbers, predicate)) == (files, whole_files)


@pytest.mark.parametrize(
    ("predicate", "files", "whole_files"),
    [
        (IsNull("n"), [2, 3], [3]),
        (Not(IsNull("n")), [0, 1, 2], [0, 1]),
        (In("n", pa.array([0, 3, 4, 10])), [0, 1], []),
        (In("n", pa.array([10, 11])), [], []),
        (In("n", pa.array([], pa.int64())), [], []),
        (Not(In("n", pa.array([10, 11]))), [0, 1, 2], [0, 1]),
        (Not(Or((In("n", pa.array([10])), NULL))), [], []),  # n NOT IN (10, NULL) is never true
        (Not(compare("n", "<", 7)), [2], []),
        (IsTrue(compare("n", "<", 7)), [0, 1], [0, 1]),
        (Not(IsTrue(compare("n", "<", 7))), [2, 3], [2, 3]),
        (Not(IsTrue(compare("n", "=", 2))), [0, 1, 2, 3], [1, 2, 3]),
        (And((compare("n", ">=", 3), compare("n", "<=", 4))), [0, 1], []),
        (Or((compare("n", "<", 2), compare("n", ">", 8))), [0, 2], []),
        (Or((compare("n", "<", 2), IsNull("n"))), [0, 2, 3], [3]),
        (Or((Not(IsNull("n")), NULL)), [0, 1, 2], [0, 1]),
        (And((compare("n", ">", 3), UNKNOWN)), [1, 2], []),
        (Or((compare("n", ">", 3), UNKNOWN)), [0, 1, 2, 3], [1]),
        (ALWAYS, [0, 1, 2, 3], [0, 1, 2, 3]),
        (NEVER, [], []),
        (NULL, [], []),
        (Not(NOT_TRUE), [0, 1, 2, 3], []),
    ],
)
def test_conditions_are_joined_as_in_sql(numbers, predicate, files, whole_files):
    assert (kept(numbers, predicate), covered(numbers, predicate)) == (files, whole_files)


@pytest.mark.parametrize(
    ("kind", "low", "high", "below", "above"),
    [
        (pa.int8(), -5, 5, -6, 6),
        (pa.uint64(), 2**63, 2**64 - 2, 2**63 - 1, 2**64 - 1),
        (pa.string(), "b", "é", "a\U0001f600", "\uffff"),
        (pa.string(), "a\0", "z" * 100, "a", "z" * 101),
        (pa.binary(), b"\x01", b"\x7f\xff", b"\x00\xff", b"\x80"),
        (pa.bool_(), True, True, False, None),
        (pa.date32(), date(1969, 12, 30), date(2024, 1, 5), date(1969, 12, 29), date(2024, 1, 6)),
        (pa.timestamp("us"), moment("1969-01-01"), moment("2024-01-05"), moment("1968-01-01"), moment("2024-01-06")),
        (pa.timestamp("ns"), 5, 7, 4, 8),
        (pa.timestamp("us", "UTC"), datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 5, tzinfo=UTC), None, None),
        (pa.time64("ns"), 1001, 86399_999_999_999, 1000, None),
        (pa.decimal128(10, 2), Decimal("-1.50"), Decimal("24.00"), Decimal("-1.51"), Decimal("24.01")),
        (pa.decimal128(38, 0), Decimal(10**37), Decimal(10**37 + 1), Decimal(10**37 - 1), Decimal(10**37 + 2)),
    ],
)
def test_each_type_is_ordered_as_the_engines_order_it(folder, kind, low, high, below, above):
    manifest = write_each(folder, {"c": pa.array([low, high], kind)})
    for value in (low, high):
        assert kept(manifest, compare("c", "=", value, kind)) == [0]
    for value in filter(lambda value: value is not None, (below, above)):
        assert kept(manifest, compare("c", "=", value, kind)) == []
    if below is not None:
        assert kept(manifest, compare("c", "<=", below, kind)) == []
    if above is not None:
        assert kept(manifest, compare("c", ">=", above, kind)) == []


def test_nan_is_above_all_numbers_and_no_statistics_tell_of_it(folder):
    manifest = write_each(folder, {"x": [1.0, 2.0]}, {"x": [5.0, NAN]}, {"x": pa.array([None], pa.float64())})
    assert kept(manifest, compare("x", "<", 5.0)) == [0]
    assert kept(manifest, compare("x", "<", 1.0)) == []
    assert kept(manifest, compare("x", ">", 100.0)) == [0, 1]  # either may hold NaN, for all that the bounds tell
    assert kept(manifest, compare("x", "=", NAN)) == [0, 1]
    assert kept(manifest, compare("x", "=", 3.0)) == []
    assert kept(manifest, And((compare("x", ">=", 3.0), compare("x", "<=", 4.0)))) == []  # NaN is not below 4
    assert kept(manifest, And((compare("x", ">=", 3.0), compare("x", "<=", NAN)))) == [0, 1]
    assert kept(manifest, In("x", pa.array([3.0, NAN]))) == [0, 1]
    assert covered(manifest, compare("x", "<=", 2.0)) == []  # NaN would not be
    assert covered(manifest, Not(IsNull("x"))) == [0, 1]


def test_minus_zero_is_zero(folder):
    manifest = write_each(folder, {"x": [-0.0]}, {"x": [0.0]})
    for zero in (0.0, -0.0):
        assert kept(manifest, compare("x", "=", zero)) == [0, 1]
        assert kept(manifest, In("x", pa.array([zero]))) == [0, 1]
        assert kept(manifest, compare("x", "<", zero)) == []


def test_whole_numbers_widened_to_doubles_hold_no_nan(folder):
    manifest = write_each(folder, {"x": pa.array([1, 2], pa.int32())}, {"x": [7.5]})
    assert kept(manifest, compare("x", ">", 100.0)) == [1]
    assert covered(manifest, compare("x", "<", 3.0)) == [0]


def test_a_column_that_a_file_lacks_is_null_there(folder):
    manifest = write_each(folder, {"n": [1]}, {"n": [1], "late": [5]}, {"n": [1], "list": [[1]]})
    assert kept(manifest, compare("late", "=", 5)) == [1]
    assert kept(manifest, compare("late", "<>", 5)) == []
    assert (kept(manifest, IsNull("late")), covered(manifest, IsNull("late"))) == ([0, 2], [0, 2])
    assert (kept(manifest, IsNull("list")), covered(manifest, IsNull("list"))) == ([0, 1, 2], [0, 1])
    assert kept(manifest, Not(IsNull("list"))) == [2]


def test_columns_are_compared_as_the_type_of_the_table(folder):
    """1.25 is between 1 and 2, and what the files hold has one digit, two, or none."""
    kinds = [pa.decimal128(5, 1), pa.decimal128(10, 2), pa.int32()]
    manifest = write_each(folder, *({"d": pa.array([1, 2], kind)} for kind in kinds), {"d": pa.array([3], kinds[0])})
    assert str(manifest.schema.arrow.field("d").type) == "decimal128(12, 2)"
    assert kept(manifest, compare("d", "=", Decimal("1.25"), pa.decimal128(12, 2))) == [0, 1, 2]
    assert kept(manifest, compare("d", "<", Decimal("2.999"), pa.decimal128(13, 3))) == [0, 1, 2]
    assert kept(manifest, compare("d", ">", 2.5)) == [3]


@pytest.mark.parametrize(
    ("value", "files"),
    [
        (pa.scalar(2.5), [1, 2]),  # as DOUBLE
        (pa.scalar(Decimal("2.5")), [1, 2]),
        (pa.scalar(Decimal(2**64)), []),
        (pa.scalar(2**60, pa.int64()), [2]),
        (pa.scalar(float(2**60)), [2]),
        (pa.scalar(float(2**60 + 8 * 256)), []),  # the eighth double after 2**60
        (pa.scalar("2"), [0, 1, 2]),  # which is not for statistics to say
    ],
)
def test_numbers_are_compared_with_numbers_of_another_type(folder, value, files):
    """n > value, over 1 to 2, 2 to 3, and a number that as a double is 2**60."""
    manifest = write_each(folder, {"n": [1, 2]}, {"n": [2, 3]}, {"n": [2**60 + 1]})
    assert kept(manifest, Comparison("n", ">", value)) == files


def test_bounds_that_are_made_floats_are_moved_apart_where_they_may_be_rounded(folder):
    """Of 2**53 + 1, either neighbour may be made: 2**53 and 2**53 + 2."""
    manifest = write_each(folder, {"n": [2**53 + 1]})
    for neighbour in (2.0**53, 2.0**53 + 2):
        assert kept(manifest, compare("n", "=", neighbour)) == [0]
        assert covered(manifest, compare("n", "=", neighbour)) == []


def test_times_are_compared_with_dates_of_any_zone(folder):
    stamps = [moment("2024-01-01 12:00:00"), moment("2024-01-05 12:00:00")]
    manifest = write_each(
        folder,
        *(
            {"at": pa.array([stamp], pa.timestamp("us")), "z": pa.array([stamp], pa.timestamp("us", "UTC"))}
            for stamp in stamps
        ),
    )
    assert kept(manifest, compare("at", "=", date(2024, 1, 1))) == [0]
    assert kept(manifest, compare("at", ">", date(2024, 1, 1))) == [1]
    assert kept(manifest, compare("z", "=", date(2023, 12, 31))) == [0]  # where it is yesterday
    assert kept(manifest, compare("z", "=", date(2024, 1, 3))) == []
    assert kept(manifest, compare("at", "<", datetime(2024, 1, 2, 10, tzinfo=UTC))) == [0]


def test_nanoseconds_made_microseconds_may_be_rounded_or_cut(folder):
    """1,999 ns are 1 µs as Polars has it, and 2 as DuckDB does."""
    manifest = write_each(folder, {"ns": pa.array([1999], pa.timestamp("ns"))})
    for micros in (1, 2):
        assert kept(manifest, compare("ns", "=", micros, pa.timestamp("us"))) == [0]
        assert covered(manifest, compare("ns", "=", micros, pa.timestamp("us"))) == []
    assert kept(manifest, compare("ns", ">", 2, pa.timestamp("us"))) == []


def test_times_without_bounds_stay_whatever_they_are_compared_with(folder):
    folder.write(
        "0.parquet", {"z": pa.array([1, 2], pa.timestamp("us", "UTC"))}, write_statistics=False, row_group_size=1
    )
    folder.write("1.parquet", {"n": [1, 2]}, row_group_size=1)
    manifest = folder.read()
    for value in (date(2024, 1, 1), moment("2024-01-01"), moment("2024-01-01").replace(tzinfo=UTC)):
        assert kept(manifest, compare("z", ">", value)) == [0]
        assert choose_row_groups(manifest, "0.parquet", compare("z", ">", value)) == [0, 1]
        assert choose_row_groups(manifest, "1.parquet", compare("z", ">", value)) == []


def test_dates_beyond_what_a_timestamp_holds_stay(folder):
    manifest = write_each(folder, {"d": pa.array([2**31 - 1], pa.date32())}, {"d": pa.array([0], pa.date32())})
    assert kept(manifest, compare("d", ">", moment("2024-01-01"), pa.timestamp("us"))) == [0]
    assert kept(manifest, compare("d", "<", moment("2024-01-01"), pa.timestamp("us"))) == [0, 1]


def test_text_with_a_prefix_lies_together(folder):
    manifest = write_each(folder, {"s": ["aa", "ab"]}, {"s": ["abc", "abd"]}, {"s": ["a", "b"]}, {"s": ["ac"]})
    assert kept(manifest, StartsWith("s", "ab")) == [0, 1, 2]
    assert kept(manifest, StartsWith("s", "abc")) == [1, 2]
    assert kept(manifest, StartsWith("s", "abe")) == [2]  # "ab" is shorter: nothing from "aa" to "ab" begins so
    assert covered(manifest, StartsWith("s", "ab")) == [1]
    assert kept(manifest, Not(StartsWith("s", "ab"))) == [0, 2, 3]
    assert kept(manifest, StartsWith("s", "")) == covered(manifest, StartsWith("s", "")) == [0, 1, 2, 3]


def test_shortened_text_still_bounds(folder):
    """Of "münchen" to "ulm" a writer told "mü" to "un"."""

    def shorten(fields):
        list_chunks(fields)[0][12].put(6, BINARY, "mü".encode())
        list_chunks(fields)[0][12].put(5, BINARY, b"un")

    folder.put("0.parquet", edit_footer(make_parquet({"s": ["münchen", "ulm"]}), shorten))
    manifest = folder.read()
    for there in ("münchen", "ulm"):
        assert kept(manifest, compare("s", "=", there)) == [0]
        assert kept(manifest, StartsWith("s", there)) == [0]
    assert kept(manifest, compare("s", "<", "mü")) == kept(manifest, compare("s", ">", "un")) == []


def test_what_has_no_statistics_stays(folder):
    folder.write("0.parquet", {"n": [1, 2]}, write_statistics=False)
    folder.put("1.parquet", edit_footer(make_parquet({"n": [1, 2]}), lambda fields: list_chunks(fields)[0][12].drop(3)))
    folder.write("2.parquet", {"n": [1, 2]})
    manifest = folder.read()
    assert kept(manifest, compare("n", "=", 2)) == [0, 1, 2]
    assert kept(manifest, compare("n", "=", 3)) == [0]
    assert kept(manifest, IsNull("n")) == [0, 1]
    assert covered(manifest, compare("n", "<", 3)) == [2]


def test_a_file_without_rows_never_stays(folder):
    manifest = write_each(folder, {"n": pa.array([], pa.int64())}, {"n": [1]}, write_statistics=False)
    assert kept(manifest, ALWAYS) == kept(manifest, IsNull("n")) == [1]


def test_a_file_that_cannot_be_read_stays_unless_its_folder_excludes_it(folder):
    folder.write("k=1/a.parquet", {"n": [1]})
    folder.put("k=2/a.parquet", b"no Parquet at all")
    folder.put("k=3/a.parquet", b"nor this one")
    manifest = folder.read()
    assert len(manifest.problems) == 2
    assert kept(manifest, compare("n", "=", 1)) == [0, 1, 2]
    assert kept(manifest, compare("n", "=", 5)) == [1, 2]
    assert kept(manifest, And((compare("n", "=", 5), compare("k", "<", 3)))) == [1]
    assert covered(manifest, Not(IsNull("n"))) == covered(manifest, compare("k", "<", 9)) == [0]


def test_a_file_whose_column_is_in_conflict_stays_unless_another_column_excludes_it(folder):
    manifest = write_each(folder, {"n": [1], "m": [1]}, {"n": [2], "m": [1]}, {"n": ["x"], "m": [2]})
    assert kept(manifest, compare("n", "=", 5)) == [2]
    assert kept(manifest, IsNull("n")) == [2]
    assert kept(manifest, And((compare("n", "=", 5), compare("m", "=", 1)))) == []
    assert kept(manifest, Or((compare("n", "=", 5), compare("m", "=", 1)))) == [0, 1, 2]
    assert covered(manifest, Not(IsNull("n"))) == [0, 1]


def test_a_file_whose_values_are_checked_when_read_stays(folder):
    """2**60 + 1 is no double: reading it beside doubles is an error, whatever is asked of it."""
    manifest = write_each(folder, {"x": [0.5, 1.5]}, {"x": [2**60 + 1]})
    assert set(manifest.schema.supplies[manifest.files["schema_id"][1]].values()) == {"checked"}
    assert kept(manifest, compare("x", "=", -1.0)) == kept(manifest, IsNull("x")) == [1]


def test_partition_keys_have_their_exact_value(folder):
    for value in ("1", "2", "__HIVE_DEFAULT_PARTITION__"):
        folder.write(f"k={value}/a.parquet", {"n": [1, 2]})
    manifest = folder.read()
    assert manifest.files["path"].to_list()[2].startswith("k=__HIVE")
    assert (kept(manifest, compare("k", "=", 2)), covered(manifest, compare("k", "=", 2))) == ([1], [1])
    assert kept(manifest, compare("k", "<>", 2)) == [0]
    assert (kept(manifest, IsNull("k")), covered(manifest, IsNull("k"))) == ([2], [2])
    assert kept(manifest, Or((compare("k", "=", 1), compare("n", "=", 9)))) == [0]


def test_nan_may_be_in_any_of_many_columns(folder):
    """Five columns from 1 to 2, in files 1 and 2 with NaN in all and in the last; the first three are judged apart."""
    names = ["a", "b", "c", "d", "e"]
    files = [{name: [1.0, 2.0] for name in names} for _ in range(3)]
    files[1] = {name: [1.0, 2.0, NAN] for name in names}
    files[2]["e"] = [1.0, NAN]
    manifest = write_each(folder, *files)
    assert kept(manifest, And(tuple(compare(name, ">", 9.0) for name in names))) == [0, 1, 2]  # no bounds tell of NaN
    assert kept(manifest, And((compare("a", ">", 9.0), compare("a", "<", 10.0), compare("e", ">", 9.0)))) == []
    assert kept(manifest, And(tuple(compare(name, "<", 1.0) for name in names))) == []
    assert covered(manifest, Or(tuple(compare(name, "<=", 2.0) for name in names))) == []


def test_uuids_and_durations_are_bounded_as_they_are_shown(folder):
    low, high = uuid.UUID(int=1), uuid.UUID(int=2**127)
    columns = {"u": pa.array([low.bytes, high.bytes], pa.uuid()), "w": pa.array([5, 7], pa.duration("ms"))}
    folder.write("0.parquet", columns, row_group_size=1)
    manifest = folder.read()
    assert choose_row_groups(manifest, "0.parquet", compare("u", "=", str(high))) == [1]
    assert choose_row_groups(manifest, "0.parquet", compare("w", "<", 6)) == [0]
    assert kept(manifest, compare("u", ">", str(high))) == kept(manifest, compare("w", "=", 8)) == []


def test_a_deep_predicate_excludes_nothing(folder):
    manifest = write_each(folder, {"n": [1, 2]})
    predicate = compare("n", "=", 5)
    for _ in range(20_000):
        predicate = Not(predicate)
    assert (kept(manifest, predicate), covered(manifest, predicate)) == ([0], [])


def test_predicates_are_shown_as_conditions():
    numbers = In("n", pa.array(range(7)))
    assert (
        repr(Or((compare("s", "=", "x"), Not(IsTrue(numbers)))))
        == "(s = 'x') OR (NOT ((n IN (0, 1, 2, 3, 4, …)) IS TRUE))"
    )
    assert repr(And((StartsWith("s", "ab"), UNKNOWN))) == "(s LIKE 'ab'%) AND (true or false or NULL)"
    assert repr(compare("t", ">", 1, pa.time64("ns"))) == "t > 00:00:00.000000001"
