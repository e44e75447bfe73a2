"""A table published as Iceberg is the same rows for every reader, and publishing again changes only what is new."""

import datetime as dt
import json
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import lakekit as lk
from tests.delta.places import read_all, sort_rows
from tests.manifest.places import make_parquet
from tests.publish.iceberg_readers import list_planned, load, read_both

NAME = "lake.t"


@pytest.fixture
def sqlite(tmp_path):
    """A catalog that is not there yet."""
    return tmp_path / "catalogs/ice.sqlite"


def put_drifting(place):
    """5 rows under two keys that no file holds: int32 beside int64, a column that appears, a NULL, an escaped key."""
    old = {"id": pa.array([1, 2], pa.int32()), "f": [1.5, float("nan")]}
    new = {"id": pa.array([2**40, None], pa.int64()), "f": [-0.0, None], "s": ["x", None]}
    place.put("k=a%2Fb c/day=2024-01-05/old.parquet", make_parquet(old))
    place.put("k=__HIVE_DEFAULT_PARTITION__/day=2024-01-06/new.parquet", make_parquet(new))
    seven = {"id": pa.array([7], pa.int64()), "f": [7.0], "s": ["y"]}
    place.put("k=007/day=__HIVE_DEFAULT_PARTITION__/one.parquet", make_parquet(seven))
    return lk.open_table(place.url, storage=place.storage)


def publish(table, sqlite, **options):
    return lk.publish.iceberg(table, NAME, catalog=sqlite, **options).run()


def test_pyiceberg_polars_and_lakekit_read_the_same_rows_with_keys_that_stand_in_paths_alone(place, sqlite):
    table = put_drifting(place)
    before = read_all(table)  # DuckDB, Polars and Arrow, one like the other
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite)
    assert plan and not sqlite.exists() and "to be created" in repr(plan) and ".run()" in repr(plan)
    assert plan.changes[0][1] == f"lake.t at {table.url}/_iceberg, 5 columns by k, day"
    assert plan.warnings == ("Narrower in some files, which readers of Iceberg widen: id.",)
    done = plan.run()
    assert (done.files_added, done.files_removed) == (3, 0)
    there = load(sqlite, place)
    assert done.snapshot_id == there.current_snapshot().snapshot_id
    assert done.metadata_location == there.metadata_location and there.location() == plan.location
    assert read_both(there, place).equals(before) and before.height == 5
    assert set(before["k"]) == {"007", None, "a/b c"}
    table.refresh()
    assert (table.files.height, table.skipped.height) == (3, 0)  # the metadata is hidden from lakekit


def test_nothing_is_asked_for_data_and_no_data_is_written(place, sqlite):
    table = put_drifting(place)
    before = table.store.requests.snapshot()
    data = [(one.path, one.etag, one.modified_at) for one in table.store.list_objects()]
    publish(table, sqlite)
    counted = table.store.requests.since(before)
    assert counted["GET"] == 0 and counted["LIST"] > 0  # the footers are known
    found = list(table.store.list_objects())
    assert [(one.path, one.etag, one.modified_at) for one in found if not one.path.startswith("_iceberg/")] == data
    # one manifest, one list of manifests, one description
    assert sum(one.path.startswith("_iceberg/metadata/") for one in found) == 3


def test_files_outside_a_filter_are_not_planned(folder, sqlite):
    put_drifting(folder)
    publish(lk.open_table(folder.url), sqlite)
    there = load(sqlite, folder)
    assert list_planned(there, "k = '007'") == ["one.parquet"]
    assert list_planned(there, "k IS NULL") == ["new.parquet"]
    assert list_planned(there, "day = '2024-01-05'") == ["old.parquet"]
    assert list_planned(there, "id > 7") == ["new.parquet"]  # 1 to 2, 7 to 7, 2**40 to 2**40
    assert list_planned(there, "s = 'y'") == ["old.parquet", "one.parquet"]  # of old.parquet nothing is told of s
    assert list_planned(there, "f > 100.0") == ["new.parquet", "old.parquet", "one.parquet"]  # may be NaN: no bounds
    for text, rows in (("k > '0'", 3), ("k IS NULL", 2), ("id > 7", 1), ("id < 2", 1), ("day = '2024-01-05'", 2)):
        assert there.scan(row_filter=text).to_arrow().num_rows == rows, text
    assert pl.scan_iceberg(there).filter(pl.col("f").is_nan()).collect().height == 1


def test_bounds_are_told_as_iceberg_writes_them(folder, sqlite):
    columns = {
        "n": pa.array([-1, 5, None], pa.int32()),
        "f": [1.0, float("nan"), 3.0],
        "s": ["b" * 20, "a" * 20, None],
        "d": pa.array([dt.date(1969, 12, 31), dt.date(1970, 1, 2), None]),
        "t": pa.array([dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)] * 3, pa.timestamp("ms", "UTC")),
        "m": pa.array([Decimal("-1.50"), Decimal("2.25"), None], pa.decimal128(9, 2)),
        "w": pa.array([dt.time(0, 0, 1), None, None], pa.time64("us")),
    }
    folder.put("a.parquet", make_parquet(columns))
    publish(lk.open_table(folder.url), sqlite)
    row = load(sqlite, folder).inspect.files().to_pylist()[0]
    told = {
        name: (of["lower_bound"], of["upper_bound"], of["null_value_count"])
        for name, of in row["readable_metrics"].items()
    }
    utc = dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    assert told == {
        "n": (-1, 5, 1),
        "f": (None, None, 0),
        "s": ("a" * 16, "b" * 15 + "c", 1),  # 16 signs, the last one higher where something was cut off
        "d": (dt.date(1969, 12, 31), dt.date(1970, 1, 2), 1),
        "t": (utc, utc, 0),
        "m": (Decimal("-1.50"), Decimal("2.25"), 1),
        "w": (dt.time(0, 0, 1), dt.time(0, 0, 1), 2),
    }
    assert (row["record_count"], row["file_size_in_bytes"]) == (3, Path(folder.url, "a.parquet").stat().st_size)


def test_publishing_twice_makes_no_snapshot(place, sqlite):
    table = put_drifting(place)
    first = publish(table, sqlite)
    plan = lk.publish.iceberg(lk.open_table(place.url, storage=place.storage), NAME, catalog=sqlite)
    assert not plan and plan.changes == () and "nothing to change" in repr(plan)
    again = plan.run()
    assert (again.snapshot_id, again.files_added) == (first.snapshot_id, 0)
    assert again.metadata_location == first.metadata_location
    assert len(load(sqlite, place).snapshots()) == 1


def test_files_that_came_went_and_were_written_over_are_one_snapshot(place, sqlite):
    table = put_drifting(place)
    publish(table, sqlite)
    place.put("k=z/day=2024-01-07/more.parquet", make_parquet({"id": pa.array([8], pa.int64()), "late": [1.5]}))
    place.put(
        "k=a%2Fb c/day=2024-01-05/old.parquet", make_parquet({"id": pa.array([1, 3], pa.int32()), "f": [1.5, 2.5]})
    )
    place.remove("k=007/day=__HIVE_DEFAULT_PARTITION__/one.parquet")
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite)
    assert [what for what, _ in plan.changes] == ["change column", "add files", "replace files", "drop files"]
    assert plan.changes[0][1] == "late: new becomes double"
    assert [len(found) for found in (plan.added, plan.replaced, plan.gone)] == [1, 1, 1]
    done = plan.run()
    assert (done.files_added, done.files_removed) == (2, 2)
    there = load(sqlite, place)
    assert len(there.snapshots()) == 2 and there.current_snapshot().summary.operation.value == "overwrite"
    table.refresh()
    assert read_both(there, place).equals(read_all(table)) and read_all(table).height == 5
    assert sorted(there.scan().to_arrow()["id"].to_pylist(), key=str) == [1, 1099511627776, 3, 8, None]
    assert not lk.publish.iceberg(table, NAME, catalog=sqlite)


def test_new_files_are_appended_and_a_type_becomes_wider_with_them(folder, sqlite):
    folder.put(
        "a.parquet",
        make_parquet({"id": pa.array([1], pa.int32()), "m": [Decimal("1.5")], "f": pa.array([1.5], pa.float32())}),
    )
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    folder.put("b.parquet", make_parquet({"id": [2**40], "m": [Decimal("1234.5")], "f": [2.5]}))
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite)
    assert plan.changes[:3] == (
        ("change column", "id: int becomes long"),
        ("change column", "m: decimal(2, 1) becomes decimal(5, 1)"),
        ("change column", "f: float becomes double"),
    )
    plan.run()
    there = load(sqlite, folder)
    assert there.current_snapshot().summary.operation.value == "append"
    assert "commit.retry.num-retries" not in there.properties
    table.refresh()
    assert read_both(there, folder).equals(read_all(table))
    assert list_planned(there, "id > 1") == ["b.parquet"] and list_planned(there, "m < 2") == ["a.parquet"]
    assert not lk.publish.iceberg(table, NAME, catalog=sqlite)


def test_a_table_without_keys_loses_a_file(folder, sqlite):
    for name, value in (("a", 1), ("b", 2)):
        folder.put(f"{name}.parquet", make_parquet({"id": [value]}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    folder.remove("a.parquet")
    assert publish(table, sqlite).files_removed == 1
    assert load(sqlite, folder).scan().to_arrow()["id"].to_pylist() == [2]


def test_types_of_which_each_reader_makes_the_same(folder, sqlite):
    moment = dt.datetime(2024, 1, 1, 12, 0, 0, 123_000)  # noqa: DTZ001  without a zone, as is the column
    columns = {
        "small": pa.array([-1, None], pa.int8()),
        "big text": pa.array(["ä", None], pa.large_string()),
        "ms": pa.array([moment, None], pa.timestamp("ms")),
        "utc": pa.array([moment, None], pa.timestamp("us", "UTC")),
        "fixed": pa.array([b"ab", None], pa.binary(2)),
        "bytes": pa.array([b"\0", None], pa.large_binary()),
        "yes": [True, None],
        "a.b": [1, None],
        "list": pa.array([[1, None], None], pa.list_(pa.int32())),
        "struct": pa.array([{"a": "x", "b": [1.5]}, None]),
    }
    folder.put("übergroß=1/my key=x y/a.parquet", make_parquet(columns))
    folder.put("übergroß=2/my key=z/a.parquet", make_parquet({"yes": [False]}))
    table = lk.open_table(folder.url)
    before = read_all(table).with_columns(pl.col("small").cast(pl.Int32))  # Iceberg's smallest
    publish(table, sqlite)
    there = load(sqlite, folder)
    assert read_both(there, folder).equals(before)
    assert list_planned(there, "yes = false") == ["a.parquet"]
    assert not lk.publish.iceberg(table, NAME, catalog=sqlite)


def test_encodings_of_one_type_are_mixed(folder, sqlite):
    for name, kind in {"a": pa.string(), "b": pa.large_string()}.items():
        columns = {"s": pa.array([name], kind), "l": pa.array([[name]], pa.list_(kind))}
        folder.put(f"{name}.parquet", make_parquet(columns))
    folder.put("d.parquet", make_parquet({"l": pa.array([["d"]], pa.large_list(pa.large_string()))}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    assert read_both(load(sqlite, folder), folder).equals(read_all(table))


def test_columns_that_all_files_have_as_codes(folder, sqlite):
    for name in "ab":
        folder.put(f"{name}.parquet", make_parquet({"c": pa.array([name, None]).dictionary_encode()}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    there = load(sqlite, folder)
    assert there.scan().to_arrow()["c"].cast(pa.string()).to_pylist() == ["a", None, "b", None]
    assert there.scan(row_filter="c = 'b'").to_arrow().num_rows == 1
    assert sort_rows(pl.scan_iceberg(there).collect()).equals(read_all(table))


def test_maps_are_read_by_pyiceberg_as_by_lakekit(folder, sqlite):
    folder.put("a.parquet", make_parquet({"m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    assert load(sqlite, folder).scan().to_arrow()["m"].to_pylist() == table.arrow().read_all()["m"].to_pylist()


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (pa.uint32(), "uint32"),
        (pa.uint8(), "uint8"),
        (pa.float16(), "FLOAT16|halffloat"),
        (pa.time32("ms"), "time32"),
        (pa.timestamp("ns"), r"timestamp\[ns"),
        (pa.timestamp("us", "Europe/Paris"), r"timestamp\[us, tz=Europe"),
        (pa.duration("us"), "duration"),
        (pa.string_view(), "string_view"),
        (pa.null(), "NULLs alone"),
        (pa.uuid(), "UUID"),
        (pa.json_(), "JSON"),
        (pa.struct([("a", pa.list_(pa.uint64()))]), "uint64"),
    ],
)
def test_types_that_readers_of_iceberg_do_not_share_are_refused_by_column(folder, sqlite, kind, named):
    empty = pa.nulls(1, kind.storage_type).cast(kind) if isinstance(kind, pa.BaseExtensionType) else pa.nulls(1, kind)
    folder.put("a.parquet", make_parquet({"id": [1], "odd": empty}))
    with pytest.raises(lk.InvalidArgument, match=f"'odd' is or holds ({named}).*in a.parquet"):
        publish(lk.open_table(folder.url), sqlite)
    assert not Path(folder.url, "_iceberg").exists() and not sqlite.exists()


def test_times_of_spark_and_columns_with_ids_are_refused(folder, sqlite):
    folder.put(
        "a.parquet", make_parquet({"at": pa.array([0], pa.timestamp("ns"))}, use_deprecated_int96_timestamps=True)
    )
    with pytest.raises(lk.InvalidArgument, match="'at' is or holds INT96"):
        publish(lk.open_table(folder.url), sqlite)
    numbered = pa.schema([pa.field("at", pa.int64(), metadata={"PARQUET:field_id": "7"})])
    folder.put("a.parquet", make_parquet(pa.table({"at": [1]}, schema=numbered)))
    with pytest.raises(lk.InvalidArgument, match="have ids of their own"):
        publish(lk.open_table(folder.url), sqlite)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1]), pa.array([1.5])),
        (pa.array(["x"]), pa.array([1])),
        (pa.array([1], pa.decimal128(5, 1)), pa.array([1], pa.decimal128(5, 2))),
        (pa.array([0], pa.timestamp("us")), pa.array([0], pa.date32())),
        (pa.array([0], pa.timestamp("us")), pa.array([0], pa.timestamp("us", "UTC"))),
        (pa.array([b"ab"], pa.binary(2)), pa.array([b"a"])),
        (pa.array([{"a": 1}]), pa.array([{"a": 1, "b": 2}])),
        (pa.array([[1]], pa.list_(pa.int32())), pa.array([[1]], pa.list_(pa.int64()))),
        (pa.array(["a"]), pa.array(["a"]).dictionary_encode()),
    ],
)
def test_drift_that_iceberg_does_not_promote_is_refused_with_the_files(folder, sqlite, one, other):
    folder.put("a.parquet", make_parquet({"v": one}))
    folder.put("b.parquet", make_parquet({"v": other}))
    with pytest.raises(lk.TypeConflict, match=r"(?s)'v' is .*[ab].parquet.*Hint: compact") as told:
        publish(lk.open_table(folder.url), sqlite)
    assert "a.parquet" in str(told.value) or "b.parquet" in str(told.value)


def test_codes_that_some_files_lack_are_refused(folder, sqlite):
    folder.put("a.parquet", make_parquet({"id": [1], "v": pa.array(["a"]).dictionary_encode()}))
    folder.put("b.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.TypeConflict, match="'v' is dictionary.* in a.parquet and not in b.parquet, .*pyiceberg"):
        publish(lk.open_table(folder.url), sqlite)


def test_a_wider_type_is_not_taken_back_and_another_is_refused(folder, sqlite):
    folder.put("a.parquet", make_parquet({"id": [1]}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    folder.put("a.parquet", make_parquet({"id": pa.array([5], pa.int32())}))
    publish(table, sqlite)  # stays a long
    assert load(sqlite, folder).scan().to_arrow()["id"].to_pylist() == [5]
    folder.put("a.parquet", make_parquet({"id": [1.5]}))
    with pytest.raises(lk.TypeConflict, match="'id' is long in the Iceberg table and double in the files"):
        publish(table, sqlite)


def test_a_key_that_stands_in_files_too_is_published_where_bounds_prove_it_the_same(folder, sqlite):
    folder.put("k=1/a.parquet", make_parquet({"id": [1], "k": pa.array([1], pa.int32())}))
    folder.put("k=2/a.parquet", make_parquet({"id": [2]}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    assert read_both(load(sqlite, folder), folder).equals(read_all(table))
    folder.put("k=3/a.parquet", make_parquet({"id": [3], "k": pa.array([4], pa.int32())}))
    with pytest.raises(lk.TypeConflict, match="'k' is a column of k=1/a.parquet as well .*do not prove"):
        publish(table, sqlite)


def test_keys_of_floats_and_keys_that_change_are_refused(folder, sqlite):
    folder.put("k=1/a.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.InvalidArgument, match=r"'k' is double.*\n.*\"string\""):
        publish(lk.open_table(folder.url, partitions={"k": "double"}), sqlite)
    publish(lk.open_table(folder.url), sqlite)
    folder.put("k=x/a.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.TypeConflict, match="'k' is long in the Iceberg table and string in the files"):
        publish(lk.open_table(folder.url), sqlite)


def test_an_empty_text_is_a_key_and_not_null(folder, sqlite):
    folder.put("k=/a.parquet", make_parquet({"id": [1]}))
    folder.put("k=x/a.parquet", make_parquet({"id": [2]}))
    table = lk.open_table(folder.url)
    publish(table, sqlite)
    assert read_both(load(sqlite, folder), folder).equals(read_all(table))


def test_bad_files_are_refused_or_left_out_and_stay_named(folder, sqlite):
    folder.put("a.parquet", make_parquet({"id": [1]}))
    folder.put("b.parquet", make_parquet({"id": [2]}))
    publish(lk.open_table(folder.url), sqlite)
    folder.put("b.parquet", b"no Parquet")
    with pytest.raises(lk.CorruptFile):
        publish(lk.open_table(folder.url), sqlite)
    plan = lk.publish.iceberg(lk.open_table(folder.url, on_bad_file="skip"), NAME, catalog=sqlite)
    assert not plan and "Not part of it: 1 file, such as b.parquet" in plan.warnings[0]


def test_a_delta_table_is_published_as_its_log_says(folder, sqlite):
    table = put_drifting(folder)
    lk.publish.delta(table).run()
    table.refresh()
    publish(table, sqlite)
    DeltaTable(folder.url).delete("k = '007'")
    table.refresh()
    assert publish(table, sqlite).files_removed == 1  # the file is still there, and no longer in the table
    assert read_both(load(sqlite, folder), folder).equals(read_all(table)) and read_all(table).height == 4


def test_the_sample_lake_can_be_published(tmp_path, sqlite):
    shutil.copytree("data/sample/lake/flights", tmp_path / "flights")
    table = lk.open_table(tmp_path / "flights")
    before = sort_rows(table.polars().collect())
    assert publish(table, sqlite).files_added == 31
    metadata = json.loads(next((tmp_path / "flights/_iceberg/metadata").glob("*.metadata.json")).read_text())
    assert metadata["snapshots"][0]["summary"]["total-records"] == str(before.height)
    assert sort_rows(
        pl.scan_iceberg(str(next((tmp_path / "flights/_iceberg/metadata").glob("*.metadata.json")))).collect()
    ).equals(before)
