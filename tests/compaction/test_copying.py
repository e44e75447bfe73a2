"""A compacted copy has the rows of its table, is closed until it is verified, is resumed, and costs no original."""

import datetime as dt
import decimal
import json
import math
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.compaction import Rules, copying, discard, plan, run
from lakekit.manifest.batches import make_token, name_file, name_marker
from lakekit.storage.writer import Writer
from tests.compaction.lakes import ALL, count_rows, list_files, make_events, write_files
from tests.manifest.places import make_place


@pytest.fixture
def events(tmp_path):
    """3 days of 4 files of 10 rows."""
    return make_events(tmp_path / "events")


def test_files_of_a_partition_become_one_and_the_originals_stay(events, tmp_path):
    before = list_files(events)
    table = lk.open_table(events)
    made = plan(table, tmp_path / "copy", rules=ALL)
    assert (made.files_before, made.files_after, made.rows) == (12, 3, 120)  # 3 days x 4 files x 10 rows
    assert not (tmp_path / "copy").exists()  # a plan writes nothing
    outcome = run(made)
    assert (outcome.rows, outcome.files_after, outcome.written) == (120, 3, 3)
    copy = lk.open_table(tmp_path / "copy")
    assert copy.files["path"].str.extract("^(.*)/compact-[0-9a-f]{24}.parquet$").to_list() == [
        "day=2026-01-01",
        "day=2026-01-02",
        "day=2026-01-03",
    ]
    assert count_rows(copy.polars().collect()) == count_rows(table.polars().collect())
    assert list_files(events) == before


def test_the_copy_is_the_same_on_s3(tmp_path):
    place = make_place("s3", tmp_path)
    for path, content in list_files(make_events(tmp_path / "events", days=2)).items():
        place.put(path, content)
    table = place.open() if hasattr(place, "open") else lk.open_table(place.store.address.url, storage=place.storage)
    into = f"s3://{place.store.address.bucket}/copy-{tmp_path.name}"
    made = plan(table, into, rules=ALL)
    assert run(made).written == 2
    copy = lk.open_table(into, storage=place.storage)
    assert copy.polars().collect()["id"].sort().to_list() == list(range(80))  # 2 days x 4 files x 10 rows


def test_files_go_together_up_to_the_target_and_never_across_partitions(tmp_path):
    rows = pa.table({"id": range(1000)})
    folder = write_files(tmp_path / "t", {f"p={p}/{n}.parquet": rows for p in "ab" for n in range(5)})
    size = (folder / "p=a/0.parquet").stat().st_size
    made = plan(lk.open_table(folder), tmp_path / "c", rules=Rules(target_bytes=2 * size, closed_after=timedelta(0)))
    # five files, two fit in one: 2 + 2 + 1 in each of two partitions; the last one is fine as it is
    assert [len(one.sources) for one in made.bins] == [2, 2, 1, 2, 2, 1]
    assert [one.as_it_is for one in made.bins] == [False, False, True] * 2
    assert all(len({path.split("/")[0] for path in one.paths}) == 1 for one in made.bins)
    run(made)
    same = made.bins[2].output
    assert same == "p=a/4.parquet" and (tmp_path / "c" / same).read_bytes() == (folder / same).read_bytes()


def test_an_open_partition_is_copied_file_by_file(events, tmp_path):
    table = lk.open_table(events)
    newest = table.files["modified_at"].max()
    made = plan(table, tmp_path / "copy", as_of=newest + timedelta(minutes=59))
    assert made.files_after == 12 and all(one.as_it_is for one in made.bins)  # closed after an hour
    assert "not compacted: 12 files" in repr(made) and "within the last hour; closed_after=timedelta(0)" in repr(made)
    made = plan(table, tmp_path / "copy", as_of=newest + timedelta(minutes=60))
    assert made.files_after == 3 and "not compacted" not in repr(made)


def test_drift_is_healed_and_every_odd_value_stays(tmp_path):
    old = pa.table(
        {
            "i": pa.array([1, None], pa.int32()),
            "f": pa.array([-0.0, math.nan]),
            "d": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)),
            "k": pa.array(["a", None]).dictionary_encode(),
        }
    )
    new = pa.table(
        {
            "i": pa.array([2**40, None], pa.int64()),
            "f": pa.array([0.0, math.inf]),
            "d": pa.array([decimal.Decimal("-9.999"), None], pa.decimal128(12, 3)),
            "k": pa.array(["", "ä"]),
            "t": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("ms", "Europe/Paris")),
            "b": pa.array([b"\0\xff", None]),
            "n": pa.array(
                [{"x": [1, None], "m": [("k", 1.0)]}, None],
                pa.struct([("x", pa.list_(pa.int16())), ("m", pa.map_(pa.string(), pa.float64()))]),
            ),
            "w": pa.array([1, None], pa.duration("ms")),
            "ws": pa.array([[{"w": 1}], None], pa.list_(pa.struct([("w", pa.duration("ms"))]))),
        }
    )
    odd = "a%2Fb c=%3D"
    files = {f"k1={odd}/a.parquet": old, f"k1={odd}/b.parquet": new, "k1=__HIVE_DEFAULT_PARTITION__/c.parquet": new}
    table = lk.open_table(write_files(tmp_path / "t", files))
    run(plan(table, tmp_path / "c", rules=ALL))
    copy = lk.open_table(tmp_path / "c")
    assert table.drift and not copy.drift
    assert copy.schema.equals(table.schema)
    assert copy.files.height == 2  # two partitions
    assert count_rows(copy.polars().collect()) == count_rows(table.polars().collect())
    bits = copy.arrow().read_all().sort_by("i")["f"].to_numpy()
    assert sorted(map(str, bits)) == sorted(["-0.0", "nan", "0.0", "inf", "0.0", "inf"])
    written = pq.read_schema(tmp_path / "c" / copy.files["path"][0])
    assert written.field("ws").type.value_type.field("w").type == pa.duration("ms")
    assert written.field("w").type == pa.duration("ms")  # other readers see durations, as before


def test_rows_are_sorted_where_asked(tmp_path):
    files = {"a.parquet": pa.table({"id": [3, 1, None]}), "b.parquet": pa.table({"id": [2, 0]})}
    table = lk.open_table(write_files(tmp_path / "t", files))
    run(plan(table, tmp_path / "c", rules=Rules(sort_by=["id"], closed_after=timedelta(0))))
    assert lk.open_table(tmp_path / "c").arrow().read_all()["id"].to_pylist() == [0, 1, 2, 3, None]
    with pytest.raises(lk.InvalidArgument, match="sort_by names 'day'.*\n.*can be sorted by: id"):
        plan(table, tmp_path / "c2", rules=Rules(sort_by=["day"]))


def test_lakekit_does_not_open_a_copy_before_it_is_verified(events, tmp_path, monkeypatch):
    table = lk.open_table(events)
    made = plan(table, tmp_path / "lake" / "copy", rules=ALL)
    with monkeypatch.context() as patch:
        patch.setattr("lakekit.compaction.copying.verify_copy", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(made)
    assert (
        len(list((tmp_path / "lake/copy").rglob("*.parquet"))) == 3
    )  # all is there, and nobody knows that it is right
    with pytest.raises(
        lk.IncompleteTable, match="(?s)copy that is not finished.*Hint: finish it with lk.compaction.run"
    ):
        lk.open_table(tmp_path / "lake" / "copy")
    assert "copy" in lk.open_lake(tmp_path / "lake").failed
    again = run(plan(lk.open_table(events), tmp_path / "lake" / "copy", rules=ALL))
    assert again.written == 0  # nothing is written twice
    assert lk.open_table(tmp_path / "lake" / "copy").files.height == 3


def _interrupt(*_):
    raise KeyboardInterrupt


def test_an_interrupted_copy_goes_on_where_it_was_though_files_came_since(events, tmp_path, monkeypatch):
    made = plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    with monkeypatch.context() as patch:
        patch.setattr("lakekit.compaction.copying.verify_copy", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(made)
    next((tmp_path / "copy").rglob("compact-*")).unlink()  # as if it had been interrupted earlier
    write_files(events, {"day=2026-01-01/late.parquet": pa.table({"id": [999], "x": [0.0]})})
    again = plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    assert again.id == made.id and "1 file came since" in repr(again)
    assert run(again).written == 1
    assert lk.open_table(tmp_path / "copy").files["rows"].sum() == 120


def test_an_address_that_is_not_empty_or_overlaps_is_refused(events, tmp_path):
    table = lk.open_table(events)
    with pytest.raises(lk.InvalidArgument, match="overlap"):
        plan(table, events / "compact")
    with pytest.raises(lk.InvalidArgument, match="overlap"):
        plan(table, tmp_path)
    other = make_events(tmp_path / "other", days=1)
    with pytest.raises(lk.InvalidArgument, match="holds 4 files, such as day=2026-01-01/part-0.parquet"):
        plan(table, other)
    run(plan(table, tmp_path / "copy", rules=ALL))
    with pytest.raises(lk.InvalidArgument, match="finished copy"):
        plan(table, tmp_path / "copy", rules=Rules(target_bytes=1, closed_after=timedelta(0)))


def test_a_file_that_is_no_part_of_the_copy_stops_it(events, tmp_path):
    made = plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    write_files(tmp_path / "copy", {"stranger.parquet": pa.table({"id": [1]})})
    with pytest.raises(lk.InvalidArgument, match="holds 1 file that came since"):
        run(made)


def test_a_copy_whose_rows_differ_stays_closed(events, tmp_path, monkeypatch):
    made = plan(lk.open_table(events), tmp_path / "copy", rules=ALL)
    wrong = made.bins[1].output
    write_files(tmp_path / "copy", {wrong: pa.table({"id": range(40), "x": [0.0] * 40})})
    (tmp_path / "copy/_lakekit").mkdir()
    (tmp_path / "copy/_lakekit/copy.json").write_bytes(made.as_json())
    with pytest.raises(
        lk.RowsDiffer, match=f"{wrong} does not hold the rows of its 4 files: the column 'id' went from"
    ):
        run(made)
    with pytest.raises(lk.IncompleteTable):
        lk.open_table(tmp_path / "copy")
    assert discard(tmp_path / "copy") == 3
    assert [path for path in (tmp_path / "copy").rglob("*") if path.is_file()] == []


def test_a_finished_copy_is_not_discarded(events, tmp_path):
    run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL))
    with pytest.raises(lk.InvalidArgument, match="finished"):
        discard(tmp_path / "copy")
    assert lk.open_table(tmp_path / "copy").files.height == 3


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_copy_that_is_discarded_while_it_is_made_stays_closed(events, tmp_path, monkeypatch, when):
    into, put, done = tmp_path / "copy", Writer.put_new, []

    def discard_before(self, path, content):
        if path.endswith(".parquet"):
            done.append(path)
            if len(done) == when:
                discard(str(into))
        return put(self, path, content)

    monkeypatch.setattr(Writer, "put_new", discard_before)
    monkeypatch.setattr("lakekit.compaction.ahead.MOST_AT_ONCE", 1)  # one after another
    made = plan(lk.open_table(events), into, rules=ALL)
    with pytest.raises(lk.StaleFile, match="was discarded while it was being made"):
        run(made)
    monkeypatch.undo()
    with pytest.raises(lk.IncompleteTable, match="not finished and verified"):
        lk.open_table(into)
    assert run(made).written == 2  # of 3: the one that was under way when it was discarded is there
    assert lk.open_table(into).polars().collect().height == 120


def test_a_copy_that_is_discarded_while_it_is_verified_stays_closed(events, tmp_path, monkeypatch):
    into, verify = tmp_path / "copy", copying.verify_copy

    def verify_after(plan_, digests):
        discard(str(into))
        return verify(plan_, digests)

    monkeypatch.setattr(copying, "verify_copy", verify_after)
    with pytest.raises(lk.LakekitError, match="any more|No Parquet file"):
        run(plan(lk.open_table(events), into, rules=ALL))
    assert list_files(into) == {}


def test_a_copy_that_is_discarded_when_it_was_just_verified_stays_closed(events, tmp_path, monkeypatch):
    into, verify = tmp_path / "copy", copying.verify_copy

    def verify_before(plan_, digests):
        told = verify(plan_, digests)
        discard(str(into))
        return told

    monkeypatch.setattr(copying, "verify_copy", verify_before)
    with pytest.raises(lk.StaleFile, match="was discarded while it was being made"):
        run(plan(lk.open_table(events), into, rules=ALL))
    with pytest.raises(lk.IncompleteTable, match="not finished and verified"):
        lk.open_table(into)


def test_archived_files_are_left_out_and_told(tmp_path):
    place = make_place("s3", tmp_path)
    for path, content in list_files(make_events(tmp_path / "events", days=1)).items():
        place.put(path, content)
    address, storage = place.store.address, place.storage
    key = address.full_path("day=2026-01-01/part-3.parquet")
    storage.boto3("s3").copy_object(
        Bucket=address.bucket,
        Key=key,
        CopySource=f"{address.bucket}/{key}",
        StorageClass="GLACIER",
        MetadataDirective="REPLACE",
    )
    table = lk.open_table(address.url, storage=storage)
    made = plan(table, f"s3://{address.bucket}/copy-{tmp_path.name}", rules=ALL)
    assert [path for path, _ in made.left_out] == ["day=2026-01-01/part-3.parquet"] and "GLACIER" in made.left_out[0][1]
    assert "left out: 1 file" in repr(made) and run(made).rows == 30  # 3 of the 4 files of 10 rows


def test_the_record_tells_all_that_was_compared(events, tmp_path):
    run(plan(lk.open_table(events), tmp_path / "copy", rules=ALL))
    told = json.loads((tmp_path / "copy/_lakekit/verified.json").read_text())
    digest = next(iter(told["digests"].values()))
    assert digest["rows"] == 40 and set(digest["columns"]) == {"id", "x", "day"}
    assert digest["columns"]["id"]["nulls"] == 0 and len(digest["columns"]["id"]["checksum"]) == 16


def test_files_of_batches_are_data_in_the_copy_too(tmp_path):
    token, rows = make_token("one"), pa.table({"id": range(10)})
    folder = write_files(tmp_path / "t", {f"day={day}/{name_file(token, day)}": rows for day in (1, 2)})
    marker = folder / name_marker(token, 2)
    marker.parent.mkdir()
    marker.write_text("{}")
    half = name_file(make_token("not complete"), 0)
    write_files(folder, {f"day=1/{half}": rows})
    made = plan(lk.open_table(folder), tmp_path / "c", rules=ALL)
    assert [one.as_it_is for one in made.bins] == [True, True]
    assert run(made).rows == 20  # two files of 10 rows; the third belongs to a batch that is not complete
    assert lk.open_table(tmp_path / "c").files["rows"].to_list() == [10, 10]


def test_a_column_that_the_caller_did_not_ask_for_is_not_lost(events, tmp_path):
    table = lk.open_table(events, schema=pa.schema([("id", pa.int64())]))
    with pytest.raises(lk.InvalidArgument, match="leaves out 'x': it would be lost"):
        plan(table, tmp_path / "copy")
