"""The files of a table as a frame: its columns are promised, one row stands for each file."""

import os
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from tests.manifest.encrypted import encrypt
from tests.manifest.places import make_parquet

PROMISED = {
    "path": pl.String,
    "size_bytes": pl.Int64,
    "modified_at": pl.Datetime("us", "UTC"),
    "etag": pl.String,
    "storage_class": pl.String,
    "restored": pl.Boolean,
    "rows": pl.Int64,
    "row_groups": pl.Int32,
    "schema_id": pl.String,
}


def stats_of(frame, column):
    """Bounds and counts of a column by file."""
    return [tuple(row[column].values()) for row in frame["stats"].to_list()]


def test_the_columns_of_the_frame_are_those_that_were_promised(place):
    place.write("day=2024-01-05/n=1/x.parquet", {"a": [1], "s": ["x"]})
    frame = place.read().files
    partition = pl.Struct({"day": pl.Date, "n": pl.Int64})
    bounds = pl.Struct({"min": pl.Int64, "max": pl.Int64, "null_count": pl.Int64})
    texts = pl.Struct({"min": pl.String, "max": pl.String, "null_count": pl.Int64})
    assert dict(frame.schema) == PROMISED | {"partition": partition, "stats": pl.Struct({"a": bounds, "s": texts})}


def test_a_table_without_keys_and_flat_columns_has_the_same_columns(place):
    place.write("x.parquet", {"l": [[1]]})
    assert dict(place.read().files.schema) == PROMISED | {"partition": pl.Struct({}), "stats": pl.Struct({})}


def test_each_file_is_a_row_in_the_order_of_paths(place):
    before = datetime.now(UTC).replace(microsecond=0)
    place.write("b.parquet", {"n": range(5)}, row_group_size=2)
    place.write("a.parquet", {"n": [1]})
    frame, (first, second) = place.read().files, place.store.list_objects()
    assert frame["path"].to_list() == ["a.parquet", "b.parquet"]
    assert frame["rows"].to_list() == [1, 5]
    assert frame["row_groups"].to_list() == [1, 3]
    assert frame["size_bytes"].to_list() == [first.size_bytes, second.size_bytes]
    assert frame["etag"].to_list() == [first.etag, second.etag]
    assert frame["storage_class"].to_list() == ["STANDARD", "STANDARD"]
    assert frame["schema_id"].n_unique() == 1
    assert before <= frame["modified_at"][0] <= datetime.now(UTC)


def test_storage_classes_are_told(s3):
    s3.put("a.parquet", make_parquet({"n": [1]}), StorageClass="STANDARD_IA")
    s3.put("b.parquet", make_parquet({"n": [1]}), StorageClass="GLACIER_IR")
    assert s3.read().files["storage_class"].to_list() == ["STANDARD_IA", "GLACIER_IR"]


def test_partition_values_are_typed(folder):
    folder.write("d=2024-01-05/i=1/s=x/t=2024-01-05 10%3A00%3A00/f.parquet", {"a": [1]})
    null = "__HIVE_DEFAULT_PARTITION__"
    folder.write(f"d={null}/i={null}/s={null}/t={null}/f.parquet", {"a": [1]})
    frame = folder.read(partitions={"i": "int16"}).files
    assert frame.schema["partition"] == pl.Struct({"d": pl.Date, "i": pl.Int16, "s": pl.String, "t": pl.Datetime("us")})
    assert frame["partition"].to_list() == [
        {"d": date(2024, 1, 5), "i": 1, "s": "x", "t": datetime.fromisoformat("2024-01-05 10:00")},
        {"d": None, "i": None, "s": None, "t": None},
    ]


def test_statistics_have_the_type_of_the_table(folder):
    folder.write("a.parquet", {"n": pa.array([1, 2], pa.int8()), "d": pa.array([Decimal("1.5")] * 2)})
    folder.write("b.parquet", {"n": pa.array([2**40, None]), "d": pa.array([Decimal("12.25")] * 2)})
    frame = folder.read().files
    assert stats_of(frame, "n") == [(1, 2, 0), (2**40, 2**40, 1)]
    assert stats_of(frame, "d") == [(Decimal("1.50"),) * 2 + (0,), (Decimal("12.25"),) * 2 + (0,)]
    kinds = {field.name: field.dtype for field in frame.schema["stats"].fields}
    assert kinds["n"] == pl.Struct({"min": pl.Int64, "max": pl.Int64, "null_count": pl.Int64})
    assert kinds["d"] == pl.Struct({"min": pl.Decimal(4, 2), "max": pl.Decimal(4, 2), "null_count": pl.Int64})


def test_times_of_every_unit_are_told_in_that_of_the_table(folder):
    noon = datetime.fromisoformat("2024-01-05 12:00")
    for unit in ("s", "ms", "us"):
        folder.write(f"{unit}.parquet", {"t": pa.array([noon], pa.timestamp(unit))})
    assert stats_of(folder.read().files, "t") == [(noon, noon, 0)] * 3
    folder.write("ns.parquet", {"t": pa.array([noon], pa.timestamp("ns"))})
    frame = folder.read().files
    assert frame.schema["stats"].fields[0].dtype.fields[0].dtype == pl.Datetime("ns")
    assert stats_of(frame, "t") == [(noon, noon, 0)] * 4


def test_nanoseconds_are_told_to_the_last(folder):
    folder.write("x.parquet", {"t": pa.array([1704456000_000000001], pa.timestamp("ns"))})
    low = folder.read().files["stats"].struct.field("t").struct.field("min")
    assert low.cast(pl.Int64).to_list() == [1704456000_000000001]


def test_a_column_that_a_file_lacks_is_null_in_all_its_rows(folder):
    folder.write("a.parquet", {"n": [1, 2, 3]})
    folder.write("b.parquet", {"n": [1], "new": [5]})
    assert stats_of(folder.read().files, "new") == [(None, None, 3), (5, 5, 0)]


def test_values_that_are_checked_or_in_conflict_have_no_bounds(folder):
    folder.write("a.parquet", {"n": [2**60, None]})
    folder.write("b.parquet", {"n": [0.5]})
    folder.write("c.parquet", {"n": ["x", None, None]})
    assert stats_of(folder.read().files, "n") == [(None, None, 1), (0.5, 0.5, 0), (None, None, 2)]


def test_bounds_that_no_value_of_the_type_can_have_are_unknown(folder):
    folder.write("a.parquet", {"t": pa.array([date(9999, 12, 31)], pa.date32())})
    folder.write("b.parquet", {"t": pa.array([0], pa.timestamp("ns"))})
    epoch = datetime.fromisoformat("1970-01-01")
    assert stats_of(folder.read().files, "t") == [(None, None, 0), (epoch, epoch, 0)]


def test_a_file_that_cannot_be_read_tells_only_what_the_listing_does(folder):
    folder.write("a.parquet", {"a": [1], "b": ["x"]})
    folder.put("b.parquet", b"this was to be a file of Parquet")
    folder.put("c.parquet", encrypt("a", plaintext_footer=True))
    frame = folder.read().files
    assert frame["path"].to_list() == ["a.parquet", "b.parquet", "c.parquet"]
    assert frame["size_bytes"][1] == 32
    for column in ("rows", "row_groups", "schema_id"):
        assert frame[column].is_null().to_list() == [False, True, True]
    assert stats_of(frame, "a") == [(1, 1, 0), (None, None, None), (None, None, None)]


@pytest.mark.parametrize("name", ['x"; DROP', "a b", "", "ü", "path", "stats"])
def test_columns_and_keys_may_have_any_name(folder, name):
    folder.write("x.parquet", {name: [1], "other": [2]})
    assert stats_of(folder.read().files, name) == [(1, 1, 0)]


def test_rows_of_many_schemas_stand_where_their_files_do(folder):
    for number in range(6):
        folder.write(f"{number}.parquet", {"n": pa.array([number], pa.int8() if number % 2 else pa.int64())})
    frame = folder.read().files
    assert stats_of(frame, "n") == [(number, number, 0) for number in range(6)]
    assert frame["schema_id"].n_unique() == 2
    assert os.path.basename(frame["path"][5]) == "5.parquet"
