"""Bounds of columns: read where they are sure, of each type and writer, and not where they may be wrong."""

import io
import math
import struct
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.manifest.footers import FooterParser
from lakekit.manifest.stats import ColumnStats, count_leaves
from tests.manifest.parquet_surgery import BINARY, edit_footer, list_chunks
from tests.manifest.places import cut_footer, make_parquet

NOTHING = ColumnStats(None, None, None)


def read_stats(data):
    return FooterParser().parse(cut_footer(data), "x.parquet", len(data)).stats


def stats_of(values, kind=None, **options):
    """The statistics of one column with these values, as pyarrow writes them."""
    return read_stats(make_parquet({"c": pa.array(values, kind)}, **options))["c"]


def make_legacy(values, kind, created_by=b"parquet-mr version 1.8.1 (build 4aba4dae)", **options):
    """A file as writers before Parquet 2.4 made it: bounds in the old fields, and no order of columns."""

    def forget_order(fields):
        fields.drop(7)
        fields.put(6, BINARY, created_by)
        for chunk in list_chunks(fields):
            chunk[12].put(1, BINARY, chunk[12][5])
            chunk[12].put(2, BINARY, chunk[12][6])
            chunk[12].drop(5, 6, 7, 8)

    return edit_footer(make_parquet({"c": pa.array(values, kind)}, **options), forget_order)


@pytest.mark.parametrize(
    ("values", "kind", "low", "high"),
    [
        ([3, 1, 2], pa.int64(), 1, 3),
        ([-5, 5], pa.int8(), -5, 5),
        ([2**63, 1], pa.uint64(), 1, 2**63),
        ([2**31, 1], pa.uint32(), 1, 2**31),
        ([1.5, -2.5], pa.float64(), -2.5, 1.5),
        ([1.5, -2.5], pa.float32(), -2.5, 1.5),
        ([True, False], pa.bool_(), False, True),
        (["b", "a"], pa.string(), "a", "b"),
        (["b", "é"], pa.large_string(), "b", "é"),
        ([b"\x01", b"\xff"], pa.binary(), b"\x01", b"\xff"),
        ([Decimal("-1.50"), Decimal("24.00")], pa.decimal128(10, 2), Decimal("-1.50"), Decimal("24.00")),
        ([Decimal("-1"), Decimal("2")], pa.decimal128(38, 0), Decimal("-1"), Decimal("2")),
    ],
)
def test_bounds_are_values_of_the_column(values, kind, low, high):
    assert stats_of([*values, None], kind) == ColumnStats(low, high, 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([date(2024, 1, 5), date(1969, 12, 31)], pa.date32()),
        ([date(2024, 1, 5), date(1969, 12, 31)], pa.date64()),
        ([datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("1969-12-31")], pa.timestamp("s")),
        ([datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("1969-12-31")], pa.timestamp("ms")),
        ([datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("1969-12-31")], pa.timestamp("us")),
        ([datetime(2024, 1, 5, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)], pa.timestamp("us", "Europe/Paris")),
        ([datetime(2024, 1, 5, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)], pa.timestamp("ms", "UTC")),
        ([1704412800_000000001, -1], pa.timestamp("ns")),
        ([time(13, 5), time(0, 0, 1)], pa.time32("ms")),
        ([time(13, 5), time(0, 0, 1)], pa.time64("us")),
        ([46800_000000001, 1], pa.time64("ns")),
        ([5, -5], pa.duration("ms")),
        ([9223372036854775807, -9223372036854775808], pa.int64()),
    ],
)
def test_bounds_are_such_that_an_arrow_array_of_the_shown_type_takes_them(values, kind):
    data = make_parquet({"c": pa.array(values, kind)})
    footer = FooterParser().parse(cut_footer(data), "x.parquet", len(data))
    shown, stats = footer.schema.field("c").type, footer.stats["c"]
    high, low = pa.array(values, kind).cast(shown)
    assert [low, high] == list(pa.array([stats.min, stats.max], shown))


def test_uuids_are_bounded_as_the_text_that_they_are_shown_as():
    low, high = uuid.UUID(int=1), uuid.UUID(int=2**127)
    assert stats_of([high.bytes, low.bytes], pa.uuid()) == ColumnStats(str(low), str(high), 0)


def test_what_is_shown_as_text_but_ordered_otherwise_has_no_bounds():
    assert stats_of([Decimal("9"), Decimal("10")], pa.decimal256(50, 0)) == ColumnStats(None, None, 0)


def test_half_floats_and_int96_have_no_bounds():
    assert stats_of([1.5], pa.float16()) == ColumnStats(None, None, 0)
    assert stats_of([1], pa.timestamp("ns"), use_deprecated_int96_timestamps=True).min is None


def test_dictionaries_are_bounded_by_their_values():
    assert stats_of(pa.array(["b", "a", "b"]).dictionary_encode()) == ColumnStats("a", "b", 0)


def test_bounds_are_over_all_row_groups():
    assert stats_of([1, 9, 5, None, -3, 4], row_group_size=2) == ColumnStats(-3, 9, 1)


def test_a_row_group_of_nothing_but_null_bounds_nothing():
    assert stats_of([None, None, 1, 2], pa.int64(), row_group_size=2) == ColumnStats(1, 2, 2)


def test_a_column_of_nothing_but_null_has_no_bounds_and_a_count():
    assert stats_of([None, None], pa.int64()) == ColumnStats(None, None, 2)
    assert stats_of([None, None], pa.null()).min is None


def test_a_file_without_rows_has_no_bounds():
    assert stats_of([], pa.int64()) == ColumnStats(None, None, 0)


def test_a_file_without_statistics_has_none():
    assert stats_of([1, 2], write_statistics=False) == NOTHING


def test_one_row_group_without_statistics_leaves_the_column_without():
    data = make_parquet({"c": [1, 2, 3, 4]}, row_group_size=2)
    assert read_stats(edit_footer(data, lambda fields: list_chunks(fields)[1].drop(12)))["c"] == NOTHING


def test_without_a_count_of_null_there_may_be_bounds():
    data = make_parquet({"c": [1, 2, 3, 4]}, row_group_size=2)
    assert read_stats(edit_footer(data, lambda fields: list_chunks(fields)[1][12].drop(3)))["c"] == ColumnStats(
        1, 4, None
    )


def test_with_one_bound_of_two_there_are_none():
    data = make_parquet({"c": [1, 2]})
    assert read_stats(edit_footer(data, lambda fields: list_chunks(fields)[0][12].drop(5)))["c"].min is None


@pytest.mark.parametrize("group", [0, 1])
def test_a_bound_that_is_no_number_leaves_the_column_without(group):
    def put_nan(fields):
        list_chunks(fields)[group][12].put(5, BINARY, struct.pack("<d", math.nan))

    data = edit_footer(make_parquet({"c": [1.0, 2.0, 3.0, 4.0]}, row_group_size=2), put_nan)
    assert read_stats(data)["c"] == ColumnStats(None, None, 0)


def test_values_that_are_no_numbers_are_not_in_the_bounds():
    assert stats_of([1.0, math.nan, 2.0]) == ColumnStats(1.0, 2.0, 0)


def test_bounds_the_wrong_way_round_are_not_believed():
    def swap(fields):
        stats = list_chunks(fields)[0][12]
        low, high = stats[6], stats[5]
        stats.put(5, BINARY, low)
        stats.put(6, BINARY, high)

    assert read_stats(edit_footer(make_parquet({"c": [1, 2]}), swap))["c"] == ColumnStats(None, None, 0)


def test_shortened_text_is_a_bound_unless_a_letter_was_cut():
    def shorten(text):
        return lambda fields: list_chunks(fields)[0][12].put(6, BINARY, text)

    data = make_parquet({"c": ["münchen", "ulm"]})
    assert read_stats(edit_footer(data, shorten("mü".encode())))["c"] == ColumnStats("mü", "ulm", 0)
    assert read_stats(edit_footer(data, shorten("mü".encode()[:-1])))["c"] == ColumnStats(None, None, 0)


def test_a_time_that_python_does_not_have_is_no_bound_or_a_number():
    assert stats_of([2**62], pa.timestamp("ms")) == ColumnStats(None, None, 0)
    assert stats_of([2**30], pa.date32()) == ColumnStats(2**30, 2**30, 0)


@pytest.mark.parametrize("created_by", [b"parquet-mr version 1.8.1 (build 4aba4dae)", b"impala version 2.6.0", b""])
def test_decimals_in_byte_arrays_of_a_file_without_an_order_have_no_bounds(created_by):
    """parquet-mr 1.8 compared their bytes as signed: of 1.00 and 2.00, stored as 00 64 and 00 C8, C8 = -56 is less."""
    values = [Decimal(number) for number in range(1, 25)]
    data = make_legacy(values, pa.decimal128(4, 2), created_by)

    def claim_two(fields):
        list_chunks(fields)[0][12].put(2, BINARY, (200).to_bytes(2, "big"))

    data = edit_footer(data, claim_two)
    told = pq.read_metadata(io.BytesIO(data)).row_group(0).column(0).statistics
    assert (told.min, told.max) == (2, 24)  # which pyarrow believes
    assert read_stats(data)["c"] == ColumnStats(None, None, 0)


@pytest.mark.parametrize(
    ("values", "kind", "low", "high"),
    [
        ([1, -2], pa.int64(), -2, 1),
        ([1, -2], pa.int8(), -2, 1),
        ([1.5, -2.5], pa.float64(), -2.5, 1.5),
        ([True, False], pa.bool_(), False, True),
        ([1, 2], pa.uint32(), None, None),
        ([1, 2], pa.uint64(), None, None),
        (["a", "b"], pa.string(), None, None),
        ([b"a", b"b"], pa.binary(1), None, None),
        ([b"a" * 16, b"b" * 16], pa.uuid(), None, None),
    ],
)
def test_without_an_order_only_signed_numbers_have_bounds(values, kind, low, high):
    stats = read_stats(make_legacy(values, kind, b"some writer"))["c"]
    assert stats == ColumnStats(low, high, 0)


@pytest.mark.parametrize("digits", [4, 15])
def test_decimals_in_whole_numbers_have_bounds_without_an_order(digits):
    values = [Decimal(1), Decimal(-24)]
    data = make_legacy(values, pa.decimal128(digits, 2), store_decimal_as_integer=True)
    assert read_stats(data)["c"] == ColumnStats(Decimal(-24), Decimal(1), 0)


@pytest.mark.parametrize(
    ("created_by", "is_believed"),
    [
        (b"parquet-cpp version 1.5.1-SNAPSHOT", False),
        (b"ClickHouse v25.3.1.1", False),
        (b"parquet-cpp-arrow version 4.0.0", True),
        (b"parquet-mr version 1.12.3 (build f8dced182c4c1fbdec6ccb3185537b5a01e6ed6b)", True),
        (b"parquet-rs version 54.0.0", True),
        (b"caf\xe9 1.0", True),
    ],
)
def test_writers_that_got_decimals_wrong_are_known(created_by, is_believed):
    table = {"c": pa.array([Decimal(-1), Decimal(2)], pa.decimal128(20, 0)), "s": ["a", "b"]}
    stats = read_stats(edit_footer(make_parquet(table), lambda fields: fields.put(6, BINARY, created_by)))
    assert (stats["c"].max, stats["s"].max) == (Decimal(2) if is_believed else None, "b")


def test_nested_columns_have_no_statistics_and_those_beside_them_their_own():
    table = pa.table(
        {
            "s": pa.array([{"x": 100, "y": 200}]),
            "s.x": [1],  # its name is the path of a leaf of the column before it
            "l": [[300]],
            "m": pa.array([[("k", 400)]], pa.map_(pa.string(), pa.int64())),
            "n": [2],
        }
    )
    stats = read_stats(make_parquet(table))
    assert stats == {"s.x": ColumnStats(1, 1, 0), "n": ColumnStats(2, 2, 0)}


@pytest.mark.parametrize(
    ("kind", "leaves"),
    [
        (pa.int64(), 1),
        (pa.dictionary(pa.int32(), pa.string()), 1),
        (pa.uuid(), 1),
        (pa.list_(pa.int64()), 1),
        (pa.map_(pa.string(), pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))])), 3),
        (pa.list_(pa.int64(), 3), 1),
    ],
)
def test_leaves_are_counted(kind, leaves):
    assert count_leaves(kind) == leaves
    written = make_parquet(pa.schema([("c", kind)]).empty_table())
    assert pq.read_metadata(io.BytesIO(written)).num_columns == leaves


def test_duckdbs_and_polars_statistics_are_read_like_pyarrows(tmp_path):
    file = tmp_path / "d.parquet"
    duckdb.sql(
        "COPY (SELECT i::INTEGER AS n, (i / 4)::DECIMAL(10, 2) AS d, i::UTINYINT AS u, DATE '2024-01-01' AS day,"
        f" 'x' || i AS s FROM generate_series(1, 3) AS r(i)) TO '{file}' (FORMAT parquet)"
    )
    stats = read_stats(file.read_bytes())
    assert (stats["n"].min, stats["n"].max, stats["u"].max, stats["s"].min) == (1, 3, 3, "x1")
    assert (stats["d"].min, stats["d"].max) == (Decimal("0.25"), Decimal("0.75"))
    pl.DataFrame({"n": [1, None, 3], "s": ["b", "a", None]}).write_parquet(file)
    assert read_stats(file.read_bytes()) == {"n": ColumnStats(1, 3, 1), "s": ColumnStats("a", "b", 1)}
