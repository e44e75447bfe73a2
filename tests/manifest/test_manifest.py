"""The manifest: everything known of a table, from a listing and footers, in a folder as on S3."""

import re

import pyarrow as pa
import pytest

from lakekit.errors import (
    ArchivedFile,
    ColumnNameConflict,
    CorruptFile,
    EncryptedFile,
    InvalidArgument,
    PartitionMismatch,
    PartitionTypeConflict,
    UnknownPartitionKey,
)
from lakekit.manifest.cache import MAX_SEGMENTS
from lakekit.manifest.manifest import TableOptions, read_manifest
from tests.manifest.encrypted import encrypt
from tests.manifest.parquet_surgery import edit_footer
from tests.manifest.places import make_parquet

BAD = b"this was to be a file of Parquet"


def test_a_manifest_tells_files_partitions_and_schema(place):
    place.write("day=2024-01-05/x.parquet", {"n": [1]})
    place.write("day=2024-01-06/x.parquet", {"n": [1.5], "new": ["a"]})
    manifest = place.read()
    assert (manifest.name, manifest.url) == ("t", place.store.address.url)
    assert manifest.files["path"].to_list() == ["day=2024-01-05/x.parquet", "day=2024-01-06/x.parquet"]
    assert manifest.positions == {"day=2024-01-05/x.parquet": 0, "day=2024-01-06/x.parquet": 1}
    schema = pa.schema([("n", pa.float64()), ("new", pa.string()), ("day", pa.date32())])
    assert manifest.schema.arrow == schema
    assert [kind.paths for kind in manifest.kinds] == [("day=2024-01-05/x.parquet",), ("day=2024-01-06/x.parquet",)]
    assert (manifest.problems, manifest.skipped.height, manifest.is_partial, manifest.is_delta) == ({}, 0, False, False)


def test_reading_takes_one_listing_and_one_request_a_file(s3):
    for number in range(4):
        s3.write(f"a={number}/x.parquet", {"n": [number]})
    store = s3.store
    s3.read(store)
    assert {kind: count for kind, count in store.requests.snapshot().items() if "bytes" not in kind} == {
        "LIST": 1,
        "GET": 4,
        "HEAD": 0,
        "PUT": 0,
    }


def test_a_second_session_asks_for_new_and_changed_files_only(place):
    for number in range(4):
        place.write(f"a={number}/x.parquet", {"n": [number]})
    assert [place.count_gets(), place.count_gets()] == [4, 0]
    place.write("a=1/x.parquet", {"n": [1, 2]})
    place.write("a=9/x.parquet", {"n": [1]})
    assert [place.count_gets(), place.count_gets()] == [2, 0]


def test_files_that_are_no_parquet_stand_with_their_reason_and_do_not_make_the_table_partial(place):
    place.write("b.parquet", {"n": [1]})
    place.put("a.json", b"{}")
    place.put("notes", b"no parquet, and no ending to tell")
    place.put("_SUCCESS", b"")
    place.put("sub_$folder$", b"")
    manifest = place.read()
    assert manifest.skipped.rows() == [
        ("a.json", "not Parquet by its name", 2, None),
        ("notes", "not Parquet by its content", 33, None),
    ]
    assert manifest.skipped.columns == ["path", "reason", "size_bytes", "rows"]
    assert manifest.files["path"].to_list() == ["b.parquet"]
    assert not manifest.is_partial
    assert place.count_gets() == 0


def test_markers_of_folders_are_no_files(s3):
    s3.put("a=1/", b"")
    s3.put("a=2/", b"")
    s3.write("a=1/x.parquet", {"n": [1]})
    assert s3.read().files["path"].to_list() == ["a=1/x.parquet"]


def test_a_delta_log_is_noticed(place):
    place.write("x.parquet", {"n": [1]})
    place.put("_delta_log/00000000000000000000.json", b"{}")
    assert place.read().is_delta


def test_a_bad_file_waits_for_a_query(place):
    place.write("a=1/x.parquet", {"a": [1], "b": ["x"]})
    place.put("a=2/x.parquet", BAD)
    place.put("a=3/x.parquet", b"")
    place.put("a=4/x.parquet", encrypt("a"))
    manifest = place.read()
    kinds = {path: type(error) for path, error in manifest.problems.items()}
    assert kinds == {"a=2/x.parquet": CorruptFile, "a=3/x.parquet": CorruptFile, "a=4/x.parquet": EncryptedFile}
    assert manifest.files.height == 4
    assert manifest.partitioning.values_of("a=3/x.parquet") == (3,)
    assert not manifest.is_partial


def test_bad_files_may_be_skipped_and_are_listed(place):
    place.write("a=1/x.parquet", {"a": [1]})
    place.put("a=2/x.parquet", BAD)
    place.put("a=3/x.parquet", b"")
    place.put("a=4/x.parquet", encrypt("a"))
    manifest = place.read(on_bad_file="skip")
    assert manifest.files["path"].to_list() == ["a=1/x.parquet"]
    assert manifest.skipped["path"].to_list() == ["a=2/x.parquet", "a=3/x.parquet", "a=4/x.parquet"]
    assert manifest.skipped["reason"][1] == (
        "a=3/x.parquet is not a Parquet file: it is 0 bytes long, and the smallest has 12."
    )
    assert (manifest.problems, manifest.is_partial) == ({}, True)


def test_archived_files_wait_for_a_query_and_are_not_asked_for(s3):
    s3.put("a=1/x.parquet", make_parquet({"n": [1]}))
    s3.put("a=2/x.parquet", make_parquet({"n": [1]}), StorageClass="DEEP_ARCHIVE")
    store = s3.store
    manifest = s3.read(store)
    assert [type(error) for error in manifest.problems.values()] == [ArchivedFile]
    assert manifest.files["storage_class"].to_list() == ["STANDARD", "DEEP_ARCHIVE"]
    assert store.requests.snapshot()["GET"] == 1


def test_what_is_left_out_has_its_size_and_the_rows_that_were_seen_before_it_was_archived(s3):
    data = make_parquet({"n": [1, 2, 3]})
    s3.put("a=1/x.parquet", data)
    s3.put("a=2/x.parquet", data)
    assert s3.read().files["restored"].to_list() == [None, None]
    s3.put("a=2/x.parquet", data, StorageClass="GLACIER")  # the same bytes, so the same etag
    s3.put("a=3/x.parquet", data + b"PAR1", StorageClass="GLACIER")  # never seen before
    manifest = s3.read(on_archived="skip")
    assert manifest.skipped.select("path", "size_bytes", "rows").rows() == [
        ("a=2/x.parquet", len(data), 3),
        ("a=3/x.parquet", len(data) + 4, None),
    ]
    assert s3.read().files["restored"].to_list() == [None, False, False]


def test_archived_files_may_be_skipped_and_bad_ones_not(s3):
    s3.put("a=1/x.parquet", make_parquet({"n": [1]}))
    s3.put("a=2/x.parquet", make_parquet({"n": [1]}), StorageClass="GLACIER")
    s3.put("a=3/x.parquet", BAD)
    manifest = s3.read(on_archived="skip")
    assert manifest.skipped["path"].to_list() == ["a=2/x.parquet"]
    assert "is archived in GLACIER" in manifest.skipped["reason"][0]
    assert list(manifest.problems) == ["a=3/x.parquet"]
    assert manifest.is_partial
    manifest = s3.read(on_bad_file="skip")
    assert (manifest.skipped["path"].to_list(), list(manifest.problems)) == (["a=3/x.parquet"], ["a=2/x.parquet"])


@pytest.mark.parametrize(
    ("content", "kind"),
    [(BAD, CorruptFile), (encrypt("a"), EncryptedFile), (encrypt("a", plaintext_footer=True), EncryptedFile)],
)
def test_when_no_file_can_be_read_the_first_error_is_raised(place, content, kind):
    place.put("b.parquet", content)
    place.put("a.parquet", content)
    with pytest.raises(kind, match="^a.parquet is"):
        place.read()


def test_when_all_files_are_archived_that_is_said(s3):
    s3.put("x.parquet", make_parquet({"n": [1]}), StorageClass="GLACIER")
    with pytest.raises(ArchivedFile, match="x.parquet is archived in GLACIER; 1 of 1 file of t"):
        s3.read()


def test_columns_of_a_file_with_a_plain_footer_are_known_though_it_cannot_be_read(folder):
    folder.write("x.parquet", {"a": [1]})
    folder.put("y.parquet", encrypt("a", plaintext_footer=True))
    manifest = folder.read()
    assert manifest.schema.arrow.names == ["a", "b"]
    assert [(kind.example, kind.files) for kind in manifest.kinds] == [("x.parquet", 1), ("y.parquet", 1)]
    assert repr(manifest.drift) == (
        "t: 1 column with drift\n  b: string\n    missing in 1 file: x.parquet -> NULL\n    string in 1 file: y.parquet"
    )


def test_the_example_of_a_schema_is_a_file_that_can_be_read(folder):
    folder.put("a.parquet", encrypt("a", plaintext_footer=True))
    folder.write("b.parquet", {"a": [1, 2], "b": ["x", "y"]})
    (kind,) = folder.read().kinds
    assert (kind.example, kind.paths) == ("b.parquet", ("a.parquet", "b.parquet"))


def test_files_of_one_schema_are_one_kind_however_many_there_are(folder):
    for number in range(30):
        folder.write(f"{number}.parquet", {"n": [number]})
    assert [kind.files for kind in folder.read().kinds] == [30]
    assert [kind.files for kind in folder.read().kinds] == [30]  # from the cache


def test_statistics_tell_whether_whole_numbers_are_exact_as_doubles(folder):
    folder.write("a.parquet", {"n": [2**53], "m": [2**53 + 1], "o": [None]})
    folder.write("b.parquet", {"n": [0.5], "m": [0.5], "o": pa.array([0.5])})
    manifest = folder.read(schema=None)
    supplies = manifest.schema.supplies[manifest.kinds[0].schema_id]
    assert supplies == {"n": "widened", "m": "checked", "o": "widened"}


def test_without_statistics_whole_numbers_are_checked_unless_there_are_none(folder):
    folder.write("a.parquet", {"n": [1], "m": pa.array([None], pa.int64())}, write_statistics=False)
    folder.write("b.parquet", {"n": [0.5], "m": [0.5]})
    supplies = folder.read().schema.supplies[folder.read().kinds[0].schema_id]
    assert supplies == {"n": "checked", "m": "checked"}
    folder.write(
        "a.parquet", pa.table({"n": pa.array([], pa.int64()), "m": pa.array([], pa.int64())}), write_statistics=False
    )
    supplies = folder.read().schema.supplies[folder.read().kinds[0].schema_id]
    assert supplies == {"n": "widened", "m": "widened"}


def test_statistics_tell_whether_nanoseconds_reach_far_enough(folder):
    for unit in ("ms", "us"):
        folder.write(f"a=1/{unit}.parquet", {"t": pa.array([0, 10**12], pa.timestamp(unit))})
    folder.write("a=1/date.parquet", {"t": pa.array([0], pa.date32())})
    folder.write("a=2/ns.parquet", {"t": pa.array([0], pa.timestamp("ns"))})
    manifest = folder.read()
    supplies = [manifest.schema.supplies[kind.schema_id]["t"] for kind in manifest.kinds]
    assert supplies == ["widened", "widened", "widened", "same"]
    folder.write("a=3/date.parquet", {"t": pa.array([2**21], pa.date32())})  # the year 7711
    manifest = folder.read()
    supplies = [manifest.schema.supplies[kind.schema_id]["t"] for kind in manifest.kinds]
    assert supplies == ["checked", "widened", "widened", "same"]


def test_durations_of_two_units_are_in_conflict(folder):
    folder.write("a.parquet", {"wait": pa.array([1], pa.duration("s"))})
    folder.write("b.parquet", {"wait": pa.array([1], pa.duration("ms"))})
    manifest = folder.read()
    assert manifest.schema.arrow.field("wait").type == pa.int64()
    assert "duration[ms] in 1 file: b.parquet -> TypeConflict when read" in repr(manifest.drift)


def make_unordered(columns, **options):
    """A file that does not say how its bounds are ordered, as old writers made them."""
    return edit_footer(make_parquet(columns, **options), lambda fields: fields.drop(7))


def test_files_whose_bounds_may_be_wrong_are_a_kind_of_their_own(folder):
    decimals = {"d": pa.array([1], pa.decimal128(20, 0))}
    folder.put("a.parquet", make_unordered(decimals))
    folder.write("b.parquet", decimals)
    for _ in range(2):
        kinds = folder.read().kinds
        assert [(kind.paths, kind.is_doubtful) for kind in kinds] == [(("a.parquet",), True), (("b.parquet",), False)]
        assert kinds[0].schema_id == f"{kinds[1].schema_id}-doubtful"
    assert not folder.read().drift


def test_bounds_of_signed_numbers_are_never_wrong(folder):
    numbers = {"n": [1], "f": [0.5], "d": pa.array([1], pa.decimal128(9, 2)), "l": [[1]]}
    folder.put("a.parquet", make_unordered(numbers, store_decimal_as_integer=True))
    assert not folder.read().kinds[0].is_doubtful


@pytest.mark.parametrize("kind", [pa.string(), pa.uint16(), pa.list_(pa.string()), pa.decimal128(20, 0), pa.uuid()])
def test_bounds_of_bytes_and_unsigned_numbers_without_an_order_may_be_wrong(folder, kind):
    folder.put("a.parquet", make_unordered(pa.table({"c": pa.nulls(1, kind)})))
    assert folder.read().kinds[0].is_doubtful


def test_a_column_of_null_with_a_count_is_exact(folder):
    folder.write("a.parquet", {"n": pa.array([None, None], pa.int64())})
    folder.write("b.parquet", {"n": [0.5]})
    assert folder.read().schema.supplies[folder.read().kinds[0].schema_id] == {"n": "widened"}


def test_templates_and_declared_types_are_used(place):
    place.write("2024/01/x.parquet", {"n": [1]})
    manifest = place.read(template="{year:int}/{month}", partitions={"month": "int8"})
    assert manifest.schema.arrow == pa.schema([("n", pa.int64()), ("year", pa.int64()), ("month", pa.int8())])


def test_a_declared_schema_is_used(place):
    place.write("x.parquet", {"n": pa.array([1], pa.int32()), "extra": [1]})
    manifest = place.read(schema=pa.schema([("more", pa.string()), ("n", pa.int64())]))
    assert manifest.schema.arrow == pa.schema([("more", pa.string()), ("n", pa.int64())])


def test_conflicts_may_become_text(place):
    place.write("a.parquet", {"n": [1]})
    place.write("b.parquet", {"n": ["x"]})
    assert place.read().schema.arrow.field("n").type == pa.int64()
    assert place.read(on_type_conflict="string").schema.arrow.field("n").type == pa.string()


@pytest.mark.parametrize(
    ("files", "options", "kind"),
    [
        (["a=1/x.parquet", "x.parquet"], {}, PartitionMismatch),
        (["a=1/a=2/x.parquet"], {}, PartitionMismatch),
        (["2024/x.parquet"], {"template": "{year}/{month}"}, PartitionMismatch),
        (["a=x/x.parquet"], {"partitions": {"a": "int"}}, PartitionTypeConflict),
        (["a=1/x.parquet"], {"partitions": {"b": "int"}}, UnknownPartitionKey),
        (["a=1/x.parquet"], {"partitions": {"a": "whole"}}, InvalidArgument),
        (["a=1/x.parquet"], {"template": "{a"}, InvalidArgument),
        (["N=1/x.parquet"], {}, ColumnNameConflict),
    ],
)
def test_paths_that_make_no_table_are_refused(place, files, options, kind):
    for path in files:
        place.write(path, {"n": [1]})
    with pytest.raises(kind):
        place.read(**options)


def test_bad_and_foreign_files_count_among_the_paths_only_where_they_may_be_data(place):
    place.write("a=1/x.parquet", {"n": [1]})
    place.put("README.md", b"# what this is")
    place.put("notes", b"no parquet, and no ending to tell")
    assert place.read().partitioning.keys == ("a",)
    place.put("bad.parquet", BAD)
    with pytest.raises(PartitionMismatch, match=re.escape("none in bad.parquet") + "|a in a=1/x.parquet"):
        place.read()
    assert place.read(on_bad_file="skip").partitioning.keys == ("a",)


@pytest.mark.parametrize("option", ["on_bad_file", "on_type_conflict", "on_archived"])
def test_a_choice_that_is_none_is_refused_with_those_that_are(option):
    with pytest.raises(InvalidArgument, match=f"{option}='ignore' is not a choice") as caught:
        TableOptions(**{option: "ignore"})
    assert caught.value.hint.startswith("it is one of 'raise', '")


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(InvalidArgument, match="schema is a dict, not a pyarrow.Schema"):
        TableOptions(schema={"n": "int64"})


def test_progress_begins_with_the_listing_and_ends_with_the_last_footer(place):
    for number in range(3):
        place.write(f"{number}.parquet", {"n": [number]})
    place.put("x.json", b"{}")
    seen = []
    read_manifest(
        place.store, "t", TableOptions(), place.open_cache(), progress=lambda done, total: seen.append((done, total))
    )
    assert seen[0] == (0, 4)
    assert seen[-3:] == [(1, 3), (2, 3), (3, 3)]


def test_many_small_sessions_leave_few_files_in_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    for number in range(20):
        folder.write(f"{number}.parquet", {"n": [number]})
        folder.read()
    assert len([*(tmp_path / "cache").rglob("*.footers")]) <= MAX_SEGMENTS + 1
    assert folder.count_gets() == 0
