"""Columns of an Iceberg table are those of its schema by their numbers, whatever its files call them."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    UUIDType,
)

import lakekit as lk
from lakekit.units import MIB
from tests.iceberg.places import add_entry, make_data_file, read_all, sort_rows, with_ids


def create(place, **columns):
    """A table with these columns, and a function that appends rows to it under the names of now."""
    table = place.create(pa.schema(list(columns.items())))

    def append(**values):
        schema = pa.schema([field.remove_metadata() for field in table.schema().as_arrow()])
        table.append(pa.table({name: pa.array(values[name], schema.field(name).type) for name in schema.names}))

    return table, append


def test_columns_come_go_are_renamed_and_moved(place):
    table, append = create(place, a=pa.int32(), b=pa.string())
    append(a=[1], b=["x"])
    table.update_schema().add_column("c", DoubleType()).commit()
    append(a=[2], b=["y"], c=[2.5])
    table.update_schema().rename_column("a", "id").move_first("c").commit()
    append(id=[3], b=["z"], c=[3.5])
    table.update_schema(allow_incompatible_changes=True).delete_column("b").commit()
    append(id=[4], c=[4.5])
    assert place.check_snapshots() == [1, 2, 3, 4]
    found = place.open()
    assert found.schema.names == ["c", "id"]
    assert read_all(found).rows() == [(None, 1), (2.5, 2), (3.5, 3), (4.5, 4)]  # c, id
    assert found.duckdb().filter("id < 3 AND c IS NULL").fetchall() == [(None, 1)]
    assert found.polars().filter(pl.col("id") == 2).collect().rows() == [(2.5, 2)]
    with duckdb.connect() as con:
        found.duckdb(con, "t")
        assert con.sql("SELECT count(*), min(id), max(id), count(c) FROM t").fetchall() == [(4, 1, 4, 3)]


def test_a_name_that_is_used_again_does_not_bring_back_what_was_dropped(folder):
    table, append = create(folder, id=pa.int64(), x=pa.int64())
    append(id=[1], x=[100])
    table.update_schema(allow_incompatible_changes=True).delete_column("x").commit()
    table.update_schema().add_column("x", LongType()).commit()
    append(id=[2], x=[200])
    found = folder.open()
    assert read_all(found).rows() == [(1, None), (2, 200)]
    assert folder.check_snapshots() == [1, 2]
    assert found.polars().filter(pl.col("x") == 100).collect().height == 0
    assert found.duckdb().filter("x = 100").fetchall() == []
    assert found.duckdb().filter("x IS NULL").fetchall() == [(1, None)]
    with duckdb.connect() as con:
        found.duckdb(con, "t")
        assert con.sql("SELECT count(x), min(x), max(x) FROM t").fetchall() == [(1, 200, 200)]


def test_two_columns_that_exchange_their_names_keep_their_values(folder):
    table, append = create(folder, a=pa.int64(), b=pa.int64())
    append(a=[1], b=[10])
    table.update_schema().rename_column("a", "c").commit()
    table.update_schema().rename_column("b", "a").commit()
    table.update_schema().rename_column("c", "b").commit()
    append(a=[20], b=[2])
    assert read_all(folder.open()).rows() == [(10, 1), (20, 2)]  # a, b
    folder.check_snapshots()


def test_a_name_in_other_letters_is_another_column(folder):
    table, append = create(folder, id=pa.int64(), Old=pa.int64())
    append(id=[1], Old=[5])
    table.update_schema(allow_incompatible_changes=True).delete_column("Old").commit()
    table.update_schema().add_column("old", LongType()).commit()
    append(id=[2], old=[6])
    table.update_schema(allow_incompatible_changes=True).delete_column("old").commit()
    table.update_schema().add_column("OLD", StringType()).commit()
    append(id=[3], OLD=["seven"])
    assert read_all(folder.open()).rows() == [(None, 1), (None, 2), ("seven", 3)]  # OLD, id
    folder.check_snapshots()


def test_types_are_promoted(folder):
    table, append = create(folder, i=pa.int32(), f=pa.float32(), m=pa.decimal128(5, 2))
    append(i=[2**31 - 1, None], f=[0.5, float("nan")], m=[Decimal("1.25"), None])
    update = table.update_schema()
    update.update_column("i", LongType()).update_column("f", DoubleType())
    update.update_column("m", DecimalType(9, 2)).commit()
    append(i=[2**40], f=[0.1], m=[Decimal("1234567.25")])
    assert folder.check_snapshots() == [2, 3]
    found = folder.open()
    assert found.schema.types == [pa.int64(), pa.float64(), pa.decimal128(9, 2)]
    assert found.duckdb().filter("i > 2147483646").select("i").order("i").fetchall() == [(2**31 - 1,), (2**40,)]


def test_structs_lists_and_maps_change_inside(folder):
    point = pa.struct([("x", pa.int32()), ("old", pa.string())])
    table, append = create(
        folder, id=pa.int64(), s=point, l=pa.list_(point), m=pa.map_(pa.string(), point), p=pa.list_(pa.int32())
    )
    one = {"x": 1, "old": "gone"}
    append(id=[1, 2], s=[one, None], l=[[one, one], None], m=[[("k", one)], None], p=[[1, None], []])
    update = table.update_schema(allow_incompatible_changes=True)
    for path in (("s",), ("l", "element"), ("m", "value")):
        update.rename_column((*path, "x"), "y").delete_column((*path, "old")).update_column((*path, "x"), LongType())
    update.commit()
    update = table.update_schema()
    for path in (("s",), ("l", "element"), ("m", "value")):
        update.add_column((*path, "old"), IntegerType())
    update.update_column(("p", "element"), LongType())
    update.commit()
    two = {"y": 2**40, "old": 5}
    append(id=[3], s=[two], l=[[two]], m=[[("k", two)]], p=[[2**40]])
    found = folder.open()
    values = {row["id"]: row for row in found.arrow().read_all().to_pylist()}
    assert values[1]["s"] == {"y": 1, "old": None} and values[1]["l"] == [{"y": 1, "old": None}] * 2
    assert values[1]["m"] == [("k", {"y": 1, "old": None})] and values[1]["p"] == [1, None]
    assert values[2]["s"] is None and values[3]["l"] == [two]
    rows = found.duckdb().select("id, s.y, l[1].old, m['k'].y").order("id").fetchall()
    assert rows == [(1, 1, None, 1), (2, None, None, None), (3, 2**40, 5, 2**40)]
    assert sorted(found.polars().collect().drop("m").rows()) == sorted(
        pl.DataFrame(found.duckdb().to_arrow_table()).drop("m").rows()
    )


def test_all_types_are_read_as_they_are(folder):
    moment = datetime(2024, 1, 5, 3, 4, 5, 678901, tzinfo=UTC)
    columns = {
        "yes": pa.array([True, None]),
        "i": pa.array([1, None], pa.int32()),
        "l": pa.array([2**60, None], pa.int64()),
        "f": pa.array([0.5, None], pa.float32()),
        "d": pa.array([0.1, None], pa.float64()),
        "m": pa.array([Decimal("-12345678901234567890123456789012345.678"), None], pa.decimal128(38, 3)),
        "day": pa.array([date(1969, 12, 31), None]),
        "clock": pa.array([time(23, 59, 59, 999999), None], pa.time64("us")),
        "naive": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("us")),
        "at": pa.array([moment, None], pa.timestamp("us", "UTC")),
        "s": pa.array(["ä" * 40, None]),
        "b": pa.array([b"\xff\x00", None], pa.binary()),
        "fix": pa.array([b"abcd", None], pa.binary(4)),
    }
    table = folder.create(pa.table(columns).schema)
    table.append(pa.table(columns))
    found = folder.open()
    assert read_all(found).equals(folder.scan())
    assert read_all(found).equals(sort_rows(pl.DataFrame(pa.table(columns))))
    assert found.polars().filter(pl.col("s") == "ä" * 40, pl.col("at") == moment).collect().height == 1
    with duckdb.connect() as con:
        found.duckdb(con, "t")  # bounds of long texts are cut short in metadata, and are not the values
        found = con.sql("SELECT min(s) = repeat('ä', 40), max(b), count(*) FROM t").fetchall()
        assert found == [(True, b"\xff\x00", 2)]


def test_uuids_are_text(folder):
    from pyiceberg.schema import Schema

    schema = Schema(NestedField(1, "u", UUIDType()), NestedField(2, "id", LongType()))
    table = folder.catalog.create_table("n.t", schema, location=folder.url)
    one = UUID("12345678-1234-5678-9abc-def012345678")
    data = pa.table({"u": pa.array([one.bytes, None], pa.uuid()), "id": [1, 2]}, schema=with_ids(table))
    folder.add_file(table, "data/u.parquet", data)
    assert read_all(folder.open()).rows() == [(1, str(one)), (2, None)]


def test_nanoseconds_of_the_third_version_are_read(folder):
    from pyiceberg.schema import Schema
    from pyiceberg.types import TimestampNanoType

    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "at", TimestampType()))
    table = folder.catalog.create_table("n.t", schema, location=folder.url)
    nanos = pa.array([1_704_424_000_123_456_789], pa.timestamp("ns"))
    numbered = pa.schema([set_id("id", pa.int64(), 1), set_id("at", nanos.type, 2)])
    data = pa.table({"id": [1], "at": nanos}, schema=numbered)
    folder.add_file(table, "data/n.parquet", data)
    edit_metadata(table, lambda told: told["schemas"][0]["fields"][1].update(type=str(TimestampNanoType())), version=3)
    found = folder.open()
    assert found.schema.field("at").type == pa.timestamp("ns")
    assert read_all(found)["at"].dt.epoch("ns").to_list() == [1_704_424_000_123_456_789]


def set_id(name, kind, number):
    return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})


def edit_metadata(table, edit, version=None):
    """Change what the newest metadata says."""
    import json

    path = Path(table.catalog.load_table("n.t").metadata_location)
    told = json.loads(path.read_text())
    edit(told)
    if version is not None:
        told |= {"format-version": version, "next-row-id": 0}
    path.write_text(json.dumps(told))


def test_a_default_is_an_error_where_a_file_needs_it(folder):
    table, append = create(folder, id=pa.int64())
    append(id=[1])
    table.update_schema().add_column("x", IntegerType()).commit()
    append(id=[2], x=[5])

    def set_default(told):
        told["schemas"][-1]["fields"][1]["initial-default"] = 7

    edit_metadata(table, set_default, version=3)
    with pytest.raises(lk.UnsupportedTable, match=r"\.parquet lacks the column 'x', for which .* has a default value"):
        folder.open()
    first = table.snapshots()[0].snapshot_id
    assert read_all(folder.open(as_of=first)).rows() == [(1,)]  # the schema of then has no x


@pytest.mark.parametrize("kind", ["variant", "geometry"])
def test_types_that_are_not_read_are_named(folder, kind):
    table, append = create(folder, id=pa.int64(), x=pa.string())
    append(id=[1], x=["a"])
    edit_metadata(table, lambda told: told["schemas"][0]["fields"][1].update(type=kind), version=3)
    with pytest.raises(lk.UnsupportedTable, match=kind):
        folder.open()


def test_a_column_of_no_type_yet_is_null(folder):
    table, append = create(folder, id=pa.int64())
    append(id=[1])

    def add(told):
        told["schemas"][0]["fields"].append({"id": 9, "name": "later", "required": False, "type": "unknown"})

    edit_metadata(table, add, version=3)
    assert read_all(folder.open()).rows() == [(1, None)]


def test_encrypted_manifests_are_refused(folder):
    table, append = create(folder, id=pa.int64())
    append(id=[1])
    edit_metadata(table, lambda told: told["snapshots"][0].update({"key-id": "k"}), version=3)
    with pytest.raises(lk.UnsupportedTable, match="manifests that .* names are encrypted"):
        folder.open()


def test_files_without_ids_are_read_by_the_map_of_names(folder, tmp_path):
    table, append = create(folder, id=pa.int64(), s=pa.struct([("x", pa.int64())]))
    path = Path(folder.url, "data/plain.parquet")
    path.parent.mkdir()
    pq.write_table(pa.table({"s": [{"x": 5}], "id": [1]}), path)
    table.add_files([str(path)])
    assert table.properties.keys() >= {"schema.name-mapping.default"} or table.refresh()
    assert read_all(folder.open()).rows() == [(1, {"x": 5})]
    table.update_schema().rename_column("id", "nr").rename_column(("s", "x"), "y").commit()
    append(nr=[2], s=[{"y": 6}])
    assert read_all(folder.open()).rows() == [(1, {"y": 5}), (2, {"y": 6})]
    folder.check_snapshots()
    edit_metadata(table, lambda told: told["properties"].pop("schema.name-mapping.default"))
    with pytest.raises(lk.UnsupportedTable, match="have no field ids, and its metadata has no schema.name-mapping"):
        folder.open()
    edit_metadata(table, lambda told: told["properties"].update({"schema.name-mapping.default": "no json"}))
    with pytest.raises(lk.CorruptFile, match="is no map of names"):
        folder.open()


def test_a_column_that_only_the_partition_tells_has_its_value(folder):
    table, _ = create(folder, id=pa.int64(), k=pa.string())
    with table.update_spec() as update:
        update.add_identity("k")
    without = pa.schema([set_id("id", pa.int64(), 1)])
    for value in ("a", "b"):
        data = pa.table({"id": [ord(value)]}, schema=without)
        folder.add_file(table, f"data/k={value}/x.parquet", data, values=(value,))
    found = folder.open()
    assert read_all(found).rows() == [(97, "a"), (98, "b")]
    assert found.duckdb().filter("k = 'b'").select("id").fetchall() == [(98,)]
    with table.update_spec() as update:
        update.remove_field("k")
    both = pa.table({"id": [1], "k": ["c"]}, schema=with_ids(table))
    folder.add_file(table, "data/y.parquet", both)
    with pytest.raises(lk.UnsupportedTable, match=r"x\.parquet lacks a column that is 'a' in its rows"):
        folder.open()


def test_files_of_one_folder_in_different_partitions_are_read_by_their_own_columns(folder):
    table, _ = create(folder, id=pa.int64(), k=pa.string())
    with table.update_spec() as update:
        update.add_identity("k")
    for number, value in enumerate(["a", "b"]):
        data = pa.table({"id": [number], "k": [value]}, schema=with_ids(table))
        folder.add_file(table, f"data/{number}.parquet", data, values=(value,))
    found = folder.open()
    assert found.manifest.schema.keys == () and read_all(found).rows() == [(0, "a"), (1, "b")]
    folder.check_snapshots()


def test_a_refresh_after_a_renaming_shows_new_names_in_the_same_connection(folder):
    table, append = create(folder, id=pa.int64(), a=pa.int64())
    append(id=[1], a=[10])
    found = folder.open()
    with duckdb.connect() as con:
        found.duckdb(con, "t")
        assert con.sql("SELECT * FROM t").fetchall() == [(1, 10)]
        table.update_schema().rename_column("a", "b").commit()
        table.update_schema().add_column("a", LongType()).commit()
        found.refresh()
        assert con.sql("SELECT id, b, a FROM t").fetchall() == [(1, 10, None)]
        assert con.sql("SELECT count(a) FROM t").fetchall() == [(0,)]


@pytest.mark.parametrize("length", [10_000, 40_000])  # within the padding of files as DuckDB is shown them, and not
def test_names_may_be_long(folder, length):
    table, append = create(folder, id=pa.int64(), x=pa.int64())
    append(id=[1], x=[10])
    name = "n" * length
    table.update_schema().rename_column("x", name).commit()
    found = folder.open()
    assert read_all(found).rows() == [(1, 10)]
    assert found.duckdb().select(f"max({name})").fetchall() == [(10,)]


def test_large_files_are_read_in_parts_under_their_new_names(folder):
    table, append = create(folder, id=pa.int64(), x=pa.int64())
    numbers = range(200_000)
    data = pa.table({"id": numbers, "x": [n * 7919 % 1_000_003 for n in numbers]}, schema=with_ids(table))
    path = Path(folder.url, "data/big.parquet")
    path.parent.mkdir()
    pq.write_table(data, path, row_group_size=20_000, compression="none", use_dictionary=False)
    assert path.stat().st_size > MIB  # so that it is not fetched whole
    add_entry(table, make_data_file(str(path), path.stat().st_size, 200_000))
    table.update_schema().rename_column("id", "number").rename_column("x", "id").commit()
    found = folder.open()
    few = found.polars().filter(pl.col("number") == 150_000).collect()
    assert few.rows() == [(150_000, 150_000 * 7919 % 1_000_003)]
    assert found.duckdb().filter("number BETWEEN 5 AND 7").select("number").fetchall() == [(5,), (6,), (7,)]
    with duckdb.connect() as con:
        found.duckdb(con, "t")
        assert con.sql("SELECT count(*), sum(number), min(number), max(number) FROM t").fetchall() == [
            (200_000, 199_999 * 200_000 // 2, 0, 199_999)
        ]


def test_spark_reads_the_new_names(folder):
    table, append = create(folder, id=pa.int64(), x=pa.int64())
    append(id=[1], x=[10])
    table.update_schema().rename_column("x", "y").commit()
    table.update_schema().add_column("x", LongType()).commit()
    append(id=[2], y=[20], x=[200])
    from lakekit.spark.scan import Scan

    found = folder.open()
    scan = Scan.unpack(Scan(found.manifest, found.store, found.schema).pack())  # as it arrives at a worker
    read = [row for part in scan.split() for batch in part.read() for row in batch.to_pylist()]
    assert sorted(read, key=lambda row: row["id"]) == [{"id": 1, "y": 10, "x": None}, {"id": 2, "y": 20, "x": 200}]


def test_a_compacted_copy_has_the_columns_of_now(folder, tmp_path):
    table, append = create(folder, id=pa.int64(), x=pa.int64())
    append(id=[1], x=[10])
    append(id=[3], x=[30])
    table.delete("id = 3")
    table.update_schema(allow_incompatible_changes=True).rename_column("id", "nr").delete_column("x").commit()
    table.update_schema().add_column("x", LongType()).commit()
    found = folder.open()
    lk.compaction.run(lk.compaction.plan(found, into=str(tmp_path / "copy")))
    assert read_all(lk.open_table(tmp_path / "copy")).rows() == [(1, None)]
