"""Files that Firehose delivered are read as tables: Parquet by a template, JSON gzipped or not, newlines or not."""

import gzip
import json
import tracemalloc

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.errors import ColumnNameConflict, CorruptFile, NoFilesFound, PartitionMismatch
from lakekit.ingest.firehose import split_objects

HOUR = "2026/11/25/13"


@pytest.fixture
def deliver(tmp_path):
    """Puts a file where Firehose would, and gives the prefix."""

    def put(content, hour=HOUR, name="clicks-1-2026-11-25-13-00-07-5f0c"):
        file = tmp_path / "clicks" / hour / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return tmp_path / "clicks"

    return put


def pack_twice(data):
    """Gzip of two members."""
    return gzip.compress(data[:50]) + gzip.compress(data[50:])


def make_objects(count, between=b""):
    return between.join(json.dumps({"id": i, "text": "}{" * (i % 3)}).encode() for i in range(count))


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n  "])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, pack_twice])
def test_objects_are_found_whatever_stands_between_them_and_however_they_are_packed(deliver, between, pack):
    url = deliver(pack(make_objects(500, between)))
    rows = lk.ingest.read_firehose(url).read_all()
    assert rows["id"].to_pylist() == list(range(500))
    assert rows.schema.names == ["id", "text", "year", "month", "day", "hour"]
    assert set(rows["hour"].to_pylist()) == {13}


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_an_object_that_is_cut_between_two_pieces_is_one_object(size):
    text = '{"a": "é\\u00e9\\n", "b": [1.5e3, true, null]}{"a": {}}\n{"n": -12}'
    pieces = iter([text[start : start + size] for start in range(0, len(text), size)])
    found = [one.fields for one in split_objects(pieces)]
    assert found == [{"a": "éé\n", "b": [1500.0, True, None]}, {"a": {}}, {"n": -12}]


def test_parquet_that_firehose_delivered_is_a_table_as_it_is(tmp_path):
    for hour in (13, 14):
        folder = tmp_path / f"2026/11/25/{hour}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [hour]}), folder / f"clicks-{hour}.parquet")
    table = lk.open_table(tmp_path, template="{year:int}/{month:int}/{day:int}/{hour:int}")
    late = table.polars().filter(pl.col("hour") == 14).collect()
    assert late.rows() == [(14, 2026, 11, 25, 14)]
    with pytest.raises(NoFilesFound, match="2 objects there, all Parquet"):
        lk.ingest.read_firehose(tmp_path)


def test_rows_go_into_a_partitioned_table_and_into_engines(deliver, tmp_path):
    deliver(gzip.compress(make_objects(10)))
    url = deliver(make_objects(5, b"\n"), "2026/11/25/14", "clicks-77aa.gz")  # only its name says that it is packed
    done = lk.ingest.write_batch(
        lk.ingest.read_firehose(url), tmp_path / "table", partition_by=["year", "month", "day", "hour"], batch_id="1"
    )
    assert done.rows == 15
    table = lk.open_table(tmp_path / "table").polars().collect()
    assert table.group_by("hour").len().sort("hour").rows() == [(13, 10), (14, 5)]
    assert pl.DataFrame(lk.ingest.read_firehose(url)).height == 15
    with duckdb.connect() as con:
        con.register("clicks", lk.ingest.read_firehose(url).read())
        assert con.sql("SELECT count(*), sum(id) FROM clicks").fetchall() == [(15, 45 + 10)]  # 0..9 and 0..4


def test_numbers_of_later_files_widen_those_of_earlier_ones_and_new_fields_are_columns(deliver):
    deliver(b'{"n": 1}')
    url = deliver(b'{"n": 2.5, "tags": ["a"]}', "2026/11/25/14")
    assert lk.ingest.read_firehose(url, template=None).read_all().to_pylist() == [
        {"n": 1.0, "tags": None},
        {"n": 2.5, "tags": ["a"]},
    ]


def test_what_is_no_object_is_an_error_with_file_and_number_or_is_kept(deliver):
    url = deliver(b'{"id": 1}\n{"id": oops}\n[3]{"id": 4}{"id": 5, "id": 6}{"id": "x"}\n{"id": 7}\n{"id": 8')
    with pytest.raises(CorruptFile, match=r"5f0c: object 2 is no row: not JSON: Expecting value"):
        lk.ingest.read_firehose(url).read_all()
    rows = lk.ingest.read_firehose(url, on_bad="keep")
    assert rows.read_all()["id"].to_pylist() == [1, 4, 7]
    kept = sorted((one.line, one.raw) for one in rows.bad)
    assert kept == [
        (2, b'{"id": oops}'),
        (3, b"[3]"),
        (5, b'{"id": 5, "id": 6}'),
        (6, b'{"id": "x"}'),
        (8, b'{"id": 8'),
    ]


def test_bytes_that_are_no_utf_8_are_bad_and_kept_as_they_are(deliver):
    rows = lk.ingest.read_firehose(deliver(b'{"id": "a"}{"id": "\xff"}'), on_bad="keep")
    assert rows.read_all()["id"].to_pylist() == ["a"]
    assert [one.raw for one in rows.bad] == [b'{"id": "\xff"}']


def test_a_given_schema_makes_more_fields_bad_also_deep_inside(deliver):
    schema = pa.schema([("id", pa.int32()), ("at", pa.struct([("x", pa.int64())]))])
    url = deliver(b'{"id": 1}{"id": 2, "more": 0}{"id": 3, "at": {"x": 1, "y": 2}}{"id": 4, "at": {"x": 5}}')
    rows = lk.ingest.read_firehose(url, template=None, schema=schema, on_bad="keep")
    assert rows.read_all().to_pylist() == [{"id": 1, "at": None}, {"id": 4, "at": {"x": 5}}]
    assert [one.reason for one in rows.bad] == [
        "more: a field that is not in the schema",
        "at: a field that is not in the schema",
    ]


def test_damaged_gzip_a_wrong_folder_and_a_taken_name_are_told(deliver, tmp_path):
    packed = gzip.compress(make_objects(1000))
    with pytest.raises(CorruptFile, match="gzip does not unpack"):
        lk.ingest.read_firehose(deliver(packed[:-50])).read_all()
    with pytest.raises(ColumnNameConflict, match="'hour'"):
        lk.ingest.read_firehose(deliver(b'{"hour": 5}'))
    with pytest.raises(PartitionMismatch, match="level 4"):
        lk.ingest.read_firehose(deliver(b"{}", "2026/11/25"))
    with pytest.raises(NoFilesFound, match="nothing there"):
        lk.ingest.read_firehose(tmp_path / "none")


def test_what_firehose_of_the_embedded_aws_delivers_is_read():
    aws = lk.embedded_aws()
    aws.boto3("s3").create_bucket(Bucket="firehose-lake")
    firehose = aws.boto3("firehose")
    where = {"RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": "arn:aws:s3:::firehose-lake"}
    firehose.create_delivery_stream(
        DeliveryStreamName="clicks", ExtendedS3DestinationConfiguration=where | {"Prefix": "clicks/"}
    )
    firehose.put_record_batch(
        DeliveryStreamName="clicks", Records=[{"Data": json.dumps({"id": i}).encode()} for i in range(20)]
    )
    rows = lk.ingest.read_firehose("s3://firehose-lake/clicks", storage=aws).read_all()
    assert rows["id"].to_pylist() == list(range(20))
    assert rows.schema.names == ["id", "year", "month", "day", "hour"]


def test_a_large_file_is_read_in_pieces(deliver):
    content = b"".join(b'{"id": %d, "text": "%s"}' % (i, b"x" * 1000) for i in range(15_000))  # 15 MB
    url = deliver(gzip.compress(content, 1))
    rows = lk.ingest.read_firehose(url, schema=pa.schema([("id", pa.int64()), ("text", pa.string())]))
    tracemalloc.start()
    assert sum(batch.num_rows for batch in rows.read()) == 15_000
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 12 * lk.MIB  # some pieces of 1 MiB: unpacked, as text, as fields; and not 15 MB of each
