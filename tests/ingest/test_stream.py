"""A stream becomes a table: each record once, as a row or in the quarantine, however often it is begun anew."""

import datetime as dt
import json
import os
import resource
import threading
import time

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.errors import CorruptFile, InvalidArgument, RecordsLost
from lakekit.ingest import MemorySource, StreamOptions, list_ranges, read_quarantined, stream
from lakekit.ingest.worker import Held
from tests.ingest.streams import count_stored, make_json, read_ids

AT_ONCE = StreamOptions(buffer_seconds=0)


@pytest.fixture
def table(tmp_path):
    return str(tmp_path / "orders")


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """An address to write to, and how it is reached."""
    if request.param == "folder":
        return str(tmp_path / "orders"), None
    aws = lk.embedded_aws()
    bucket = f"stream-{time.time_ns()}"
    aws.boto3("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/orders", aws


def test_a_second_run_goes_on_after_the_last_record_that_is_stored(place):
    url, storage = place
    source = MemorySource("orders", {"a": make_json(range(100)), "b": make_json(range(100, 150))})
    first = stream(source, url, storage=storage)
    assert (first.records, first.rows, first.files, first.lag_records) == (150, 150, 2, 0)
    assert stream(source, url, storage=storage).records == 0
    source.append("a", make_json(range(150, 160)))
    assert stream(source, url, storage=storage).records == 10
    assert read_ids(url, storage) == list(range(160))
    assert count_stored(url, storage) == (160, 160, 0)


def test_what_is_no_row_is_quarantined_with_position_and_reason_and_the_good_rows_arrive(place):
    url, storage = place
    kpl = bytes.fromhex("f3899ac2") + b"\x0a\x01k" + bytes.fromhex("9d1e9e01e6d8cf37eb7b4b8d4d9e4d5f")
    bad = [b"{", b'{"id": 1, "id": 2}', b'{"id": NaN}', b"\xff{}", b"", b"[1]", b'"text"', b'{"id": "x"}']
    bad += [b"[" * 100_000, b" " * (11 * lk.MIB), b'{"_shard": 1}', b'{"ID": 3}', b'{"id": %s}' % (b"9" * 5000), kpl]
    source = MemorySource("orders", {"a": [*make_json([0]), *bad, *make_json([1])]})
    done = stream(source, url, storage=storage)
    assert (done.records, done.rows, done.quarantined) == (16, 2, 14)
    assert read_ids(url, storage) == [0, 1]
    told = read_quarantined(url, storage=storage)
    assert told["position"].to_list() == [f"{offset:020d}" for offset in range(1, 15)]
    assert told["data"].to_list() == bad
    reasons = told["reason"].to_list()
    expected = ["not JSON", "'id' stands twice", "NaN", "not UTF-8", "empty", "not an object: list"]
    expected += ["not an object: str", "the column is int64", "nested too deeply", "11,534,336 bytes"]
    # and what only begins as an aggregate of the producer library does, with a digest that is wrong
    expected += ["_shard: a field", "only in case", "not JSON that can be read", "not UTF-8"]
    assert [word for word, reason in zip(expected, reasons, strict=True) if word not in reason] == []


def test_records_aggregated_by_the_producer_library_are_never_taken_for_rows(table):
    import hashlib

    message = b"\x0a\x01k\x1a\x05\x08\x00\x1a\x01x"
    packed = bytes.fromhex("f3899ac2") + message + hashlib.md5(message, usedforsecurity=False).digest()
    options = StreamOptions(decode=lambda data: {"size": len(data)})
    assert stream(MemorySource("o", {"0": [packed, b"x"]}), table, options=options).quarantined == 1
    assert "Kinesis Producer Library" in read_quarantined(table)["reason"][0]


def test_a_decoder_of_ones_own_is_used_and_what_it_raises_is_the_reason(table):
    def decode(data):
        number, word = data.decode().split(",")
        return {"n": int(number), "word": word}

    source = MemorySource("words", {"0": [b"1,one", b"two,2", b"3"]})
    done = stream(source, table, options=StreamOptions(decode=decode))
    assert (done.rows, done.quarantined) == (1, 2)
    assert [reason.partition(":")[0] for reason in read_quarantined(table)["reason"]] == ["ValueError"] * 2
    nothing = stream(MemorySource("none", {"0": [b"x"]}), table, options=StreamOptions(decode=lambda data: None))
    assert (nothing.rows, nothing.quarantined) == (0, 1)


def test_a_new_field_is_a_column_and_a_value_of_another_type_is_not(table):
    source = MemorySource("orders", {"0": [b'{"id": 1}']})
    stream(source, table)
    source.append("0", [b'{"id": 2, "city": "Bern"}', b'{"id": 2.5}'])
    done = stream(source, table)
    assert (done.rows, done.quarantined) == (1, 1)
    frame = lk.open_table(table).polars().sort("id").collect()
    assert frame.select("id", "city").rows() == [(1, None), (2, "Bern")]
    assert read_quarantined(table)["reason"].to_list() == ["id: 2.5 has no place in int64"]


def test_a_given_schema_types_what_json_cannot_tell(table):
    schema = pa.schema([("at", pa.timestamp("us", "UTC")), ("usd", pa.decimal128(10, 2))])
    source = MemorySource("orders", {"0": [b'{"at": "2026-11-25T13:00:00Z", "usd": 0.1}', b'{"at": "today"}']})
    done = stream(source, table, options=StreamOptions(schema=schema))
    assert (done.rows, done.quarantined) == (1, 1)
    assert lk.open_table(table).schema.field("at").type == pa.timestamp("us", "UTC")
    with pytest.raises(InvalidArgument, match="'_position'"):
        stream(source, table, options=StreamOptions(schema=pa.schema([("_position", pa.int64())])))


def test_a_table_that_batches_began_keeps_its_types(table):
    lk.ingest.write_batch(pa.table({"id": pa.array([1], pa.int32())}), table, batch_id="first")
    done = stream(MemorySource("orders", {"0": [b'{"id": 2}', b'{"id": 3000000000}']}), table)
    assert (done.rows, done.quarantined) == (1, 1)  # 3,000,000,000 is more than an int32 holds
    assert lk.open_table(table).schema.field("id").type == pa.int32()
    assert read_ids(table) == [1, 2]


def test_a_partitioned_table_is_refused(tmp_path):
    lk.ingest.write_batch(pa.table({"k": [1], "x": [1]}), tmp_path, batch_id="first", partition_by="k")
    with pytest.raises(InvalidArgument, match="partitioned by k"):
        stream(MemorySource("orders", {"0": [b"{}"]}), tmp_path)


def test_a_table_of_delta_is_refused(tmp_path):
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log/00000000000000000000.json").write_text("{}")
    with pytest.raises(InvalidArgument, match="is a table of Delta"):
        stream(MemorySource("orders", {"0": [b"{}"]}), tmp_path)


def test_what_is_written_to_s3_is_encrypted_as_asked():
    aws = lk.embedded_aws()
    bucket = f"encrypted-{time.time_ns()}"
    aws.boto3("s3").create_bucket(Bucket=bucket)
    options = StreamOptions(encryption=lk.ingest.Encryption(kms_key_id="alias/lake"))
    stream(MemorySource("orders", {"0": [b"{}", b"?"]}), f"s3://{bucket}/t", options=options, storage=aws)
    told = [one["Key"] for one in aws.boto3("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert len(told) == 2  # the rows, and the quarantine
    for key in told:
        assert aws.boto3("s3").head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == "aws:kms"


def test_rows_say_where_they_were_and_late_events_are_rows_like_others(table):
    events = [b'{"id": 1, "at": "2026-11-25"}', b'{"id": 2, "at": "2020-01-01"}']  # the second is six years late
    stream(MemorySource("orders", {"s": events}), table, options=StreamOptions(schema=pa.schema([("at", pa.date32())])))
    row = lk.open_table(table).polars().filter(pl.col("at") < dt.date(2021, 1, 1)).collect().row(0, named=True)
    assert (row["id"], row["_shard"], row["_position"]) == (2, "s", "00000000000000000001")
    assert row["_arrived_at"].isoformat() == "2026-01-01T00:00:00.001000+00:00"


def test_files_are_cut_at_the_size_of_the_buffer(table):
    record = json.dumps({"id": 1, "text": "x" * 1000}).encode()
    assert len(record) == 1021
    source = MemorySource("orders", {"0": [record] * 5000}, page_records=700)
    done = stream(source, table, options=StreamOptions(buffer_bytes=lk.MIB))
    # 1,048,576 / 1021 = 1027.01: 1,028 records reach a MiB; 4 x 1,028 = 4,112, and 888 are left
    assert list_ranges(table)["records"].to_list() == [1028, 1028, 1028, 1028, 888]
    assert done.files == 5


def test_a_buffer_is_stored_when_its_first_record_has_waited_long_enough(table):
    source = MemorySource("orders", {"0": make_json([1])})
    seen = []
    options = StreamOptions(buffer_seconds=0.3, on_progress=seen.append)
    done = stream(source, table, until=lambda progress: progress.records == 1, options=options)
    assert done.records == 1 and 0.3 <= done.seconds < 5
    assert seen[-1].records == 1


def test_all_buffers_together_hold_no_more_than_they_may(table):
    shards = {str(number): [b'{"t": "%s"}' % (b"x" * 100_000)] * 10 for number in range(8)}  # 1 MB each
    source = MemorySource("orders", shards, page_records=1)
    most = []

    def is_read(told):
        most.append(sum(one.buffered for one in told.shards))
        return told.lag_records == 0

    stream(source, table, until=is_read)
    assert max(most) == 80  # all of it
    most.clear()
    done = stream(source, f"{table}-2", until=is_read, options=StreamOptions(memory_bytes=2 * lk.MIB))
    assert max(most) <= 20 and done.rows == 80  # 2 MiB hold 20 records of 100,008 and 350 bytes


def test_of_two_that_hold_one_shard_each_range_is_stored_once_and_the_loser_goes_on_behind_it(table):
    source = MemorySource("orders", {"0": make_json(range(2000))}, page_records=50)
    done = []
    threads = [threading.Thread(target=lambda: done.append(stream(source, table, options=AT_ONCE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_ids(table) == list(range(2000))
    assert sum(one.rows for one in done) == 2000
    ranges = list_ranges(table)
    assert ranges["begin"].to_list()[1:] == ranges["end"].to_list()[:-1]  # one after another, no gap and no overlap


def test_one_that_stood_still_for_long_does_not_store_what_others_stored_meanwhile(table):
    source = MemorySource("orders", {"0": [*make_json(range(10)), b"?"]})
    overtaken = []

    def stand_still(told):
        if not overtaken and sum(one.buffered for one in told.shards):
            overtaken.append(stream(source, table))  # another worker stores the same records, and more
            source.append("0", make_json(range(10, 20)))
            overtaken.append(stream(source, table))
        return bool(overtaken) and told.lag_records == 0 and told.lost_races == 1

    done = stream(source, table, until=stand_still, options=StreamOptions(buffer_seconds=0.1))
    assert (done.records, done.lost_races) == (0, 1)
    assert read_ids(table) == list(range(20))
    assert count_stored(table) == (21, 20, 1)


def test_workers_share_the_shards(table):
    source = MemorySource("orders", {str(n): make_json(range(10 * n, 10 * n + 10)) for n in range(20)})
    done = [stream(source, table, options=StreamOptions(worker=(number, 3))) for number in range(3)]
    assert sum(len(one.shards) for one in done) == 20 and all(len(one.shards) >= 3 for one in done)
    assert read_ids(table) == list(range(200))


def test_children_begin_when_their_parents_are_stored_to_the_end(table):
    source = MemorySource("orders", {"0": make_json(range(10))}, page_records=3)
    source.split("0", ["1", "2"])
    source.append("1", make_json(range(10, 20)))
    source.split("1", ["3"])
    source.split("2", ["3"])
    source.append("3", make_json(range(20, 30)))
    done = stream(source, table, options=AT_ONCE)
    assert read_ids(table) == list(range(30))
    assert [one.is_ended for one in done.shards] == [True, True, True, False]
    again = stream(source, table)
    assert again.records == 0 and again.files == 0  # an ended shard is not read again


def test_a_child_waits_for_another_worker_to_end_its_parent(table):
    from lakekit.ingest.worker import is_of_share

    mine = [name for name in map(str, range(50)) if is_of_share(name, (0, 2))][0]
    other = [name for name in map(str, range(50)) if is_of_share(name, (1, 2))][0]
    source = MemorySource("orders", {other: make_json(range(5))})
    source.split(other, [mine])
    source.append(mine, make_json(range(5, 10)))
    first = stream(source, table, options=StreamOptions(worker=(0, 2)))
    assert (first.records, first.waiting) == (0, (mine,))
    assert stream(source, table, options=StreamOptions(worker=(1, 2))).records == 5
    assert stream(source, table, options=StreamOptions(worker=(0, 2))).records == 5
    assert read_ids(table) == list(range(10))


def test_records_that_are_gone_before_they_were_stored_are_an_error_that_counts_them(table):
    source = MemorySource("orders", {"0": make_json(range(10))})
    stream(source, table)
    source.append("0", make_json(range(10, 100)))
    source.expire("0", 50)
    with pytest.raises(RecordsLost, match=r"40 records of shard '0' of orders are gone .* 10 to 49.(.|\n)*on_loss"):
        stream(source, table)
    stream(source, table, options=StreamOptions(on_loss="continue"))
    assert read_ids(table) == [*range(10), *range(50, 100)]


def test_tombstones_are_quarantined_or_skipped_and_counted(table):
    source = MemorySource("orders", {"0": [None, *make_json([1]), None]})
    done = stream(source, table, options=StreamOptions(on_tombstone="skip"))
    assert (done.records, done.rows, done.quarantined, done.skipped) == (3, 1, 0, 2)
    assert stream(source, f"{table}-2").quarantined == 2


def test_a_range_without_a_row_moves_the_checkpoint_too(table):
    source = MemorySource("orders", {"0": [b"?"] * 5})
    assert stream(source, table).quarantined == 5
    assert stream(source, table).records == 0
    source.append("0", make_json([7]))
    stream(source, table)
    assert read_ids(table) == [7]


def test_rows_without_fields_are_rows(table):
    done = stream(MemorySource("orders", {"0": [b"{}", b'{"a": null}']}), table)
    assert (done.rows, lk.open_table(table).polars().collect().height) == (2, 2)


def test_the_files_of_another_stream_of_that_name_are_not_gone_on_with(table, monkeypatch):
    source = MemorySource("orders", {"0": make_json([1])})
    stream(source, table)
    again = MemorySource("orders", {"0": make_json([1])})
    again.identify = lambda: "memory:orders, made anew"
    with pytest.raises(InvalidArgument, match="holds records of memory:orders, not of memory:orders, made anew"):
        stream(again, table)


def test_a_stream_of_the_same_name_with_another_id_is_refused_and_one_whose_id_is_told_later_is_not(table):
    source = MemorySource("orders", {"0": make_json([1])})
    stream(source, table)
    for number, identity in enumerate(["memory:orders, id 7", "memory:orders", "memory:orders, id 7"]):
        source.identify = lambda identity=identity: identity  # as brokers that are upgraded, and back
        source.append("0", make_json([number + 2]))
        assert stream(source, table).records == 1
    source.identify = lambda: "memory:orders, id 8"
    with pytest.raises(InvalidArgument, match="holds records of memory:orders, id 7, not of memory:orders, id 8"):
        stream(source, table)


def test_a_file_that_no_stream_wrote_is_not_taken_for_a_checkpoint(table, tmp_path):
    stream(MemorySource("orders", {"0": make_json([1])}), table)
    pq.write_table(pa.table({"id": [1]}), f"{table}/memory-orders/0/from-99999999999999999999.parquet")
    with pytest.raises(CorruptFile, match="was not written by lk.ingest.stream"):
        stream(MemorySource("orders", {"0": make_json([1])}), table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buffer_bytes": lk.MIB - 1}, "between 1 MiB and 128 MiB"),
        ({"buffer_bytes": 128 * lk.MIB + 1}, "between 1 MiB and 128 MiB"),
        ({"buffer_seconds": 901}, "between 0 and 900"),
        ({"worker": (2, 2)}, "worker=\\(2, 2\\)"),
        ({"on_loss": "ignore"}, "on_loss='ignore'"),
        ({"on_tombstone": "drop"}, "on_tombstone='drop'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        StreamOptions(**options)


@pytest.mark.parametrize("until", ["soon", -1, float("nan"), True, None])
def test_until_must_say_when_to_stop(table, until):
    with pytest.raises(InvalidArgument, match="until="):
        stream(MemorySource("orders", {"0": []}), table, until=until)


def test_it_stops_after_so_many_seconds_and_stores_what_it_holds(table):
    done = stream(MemorySource("orders", {"0": make_json([1])}), table, until=0.2)
    assert (done.records, done.files) == (1, 1) and 0.2 <= done.seconds < 5


def test_a_buffer_gives_its_first_records_up_to_a_size():
    from lakekit.ingest.source import Page, Record

    held = Held(None, None)
    held.add(Page("0", [Record(str(n), None, b"x" * 10) for n in range(5)], "4"), 0.0)
    assert [one.position for one in held.take(25)] == ["0", "1", "2"]
    assert (held.size_bytes, len(held.records)) == (20, 2)
    assert len(held.take()) == 2 and held.size_bytes == 0


def test_progress_shows_itself(table):
    done = stream(MemorySource("orders", {"0": [*make_json([1]), b"?"]}), table)
    assert done.as_frame().select("shard", "position", "records", "lag_records").row(0) == ("0", f"{2:020d}", 2, 0)
    assert "rows: 1 in 1 file" in repr(done) and "<table" in done._repr_html_()


class Counted:
    """So many records, made when they are asked for."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, part):
        return [b'{"id": %d, "usd": %d.25}' % (i, i % 100) for i in range(*part.indices(self.count))]


SOAKED = 1_000_000 if int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "3")) >= 50 else 100_000


@pytest.mark.torture
def test_a_long_stream_is_stored_whole(table):
    source = MemorySource("long", {str(shard): Counted(SOAKED // 4) for shard in range(4)})
    done = stream(source, table, options=StreamOptions(buffer_bytes=lk.MIB))
    assert (done.records, done.rows, done.quarantined) == (SOAKED, SOAKED, 0)
    sums = pl.len(), pl.col("id").sum(), pl.col("usd").sum()
    told = lk.open_table(table).polars().select(*sums).collect()
    ids = 4 * sum(range(SOAKED // 4))
    usd = SOAKED / 100 * (sum(range(100)) + 25)  # each hundred: 0.25 + 1.25 + … + 99.25
    assert told.row(0) == (SOAKED, ids, usd)
    assert lk.open_table(table).polars().select("_shard", "_position").unique().collect().height == SOAKED
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{SOAKED:,} records in {done.seconds:.1f} s, {done.files} files, at most {most // 1024} MiB resident")


def test_no_name_of_a_shard_hides_its_rows(tmp_path):
    shards = {name: [json.dumps({"n": n}).encode()] for n, name in enumerate([".a", "_b", "../c", "d=1", "e f%", "g"])}
    for _ in range(2):  # the second finds all of it stored
        stream(MemorySource("odd", shards), tmp_path / "t")
    rows = lk.open_table(tmp_path / "t").polars().select("n", "_shard").collect().rows()
    assert sorted(rows) == list(enumerate(shards))
