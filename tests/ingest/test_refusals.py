"""Arguments that can mean nothing are errors of lakekit, with the value and a hint, before anything is written."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import ingest
from lakekit.errors import InvalidArgument

ROWS = pa.table({"n": [1]})
STREAM = ingest.MemorySource("orders", {"0": [b'{"id": 1}']})
BAD_WRITES = [
    ("target_file_bytes", "256", 256.0e6, None, True, -1, 0, 65_535, 5 * lk.GIB),
    ("partition_by", 5, "", b"n", ["n", 5], {"n": 1}, {"n"}, ["n", "n"]),
    ("sort_by", 5, None, "", b"n", [""], ["n", "n"]),
    ("batch_id", 5, "", " ", b"x", ["x"]),
    ("encryption", "aws:kms", {}, True),
    ("storage", "s3", {"region": "eu-west-1"}, 5),
]
BAD_FILES = [
    ("paths", 5, None, "", b"in.csv", [], [5], ["a.csv", ""], {"a.csv"}),
    ("format", "CSV", "excel", "", 5, ["csv"]),
    ("delimiter", "", ";;", '"', "\n", 5, None, b";", "é"),
    ("columns", "ab", [], ["a", "a"], [5], ["a", ""], 5, {"a": "b"}),
    ("types", "string", ["zip"], {"zip": None}, {"zip": "money"}, {5: "int"}, 5),
    ("storage", "s3", {}),
]
BAD_OPTIONS = [
    ("decode", None, "json", 5),
    ("schema", {"id": "int64"}, "id", 5),
    ("buffer_bytes", "5", None, 5.0e6, True, 0, -1),
    ("buffer_seconds", "300", None, True, -1, float("nan"), float("inf")),
    ("memory_bytes", "1", None, 1.5, 0, -1),
    ("worker", None, 1, (1,), (0, 1, 2), ("0", "1"), (0.0, 1.0), (-1, 2), (0, 0), "01"),
    ("on_loss", None, "", True, ["raise"]),
    ("on_tombstone", None, "", True),
    ("most_record_bytes", "1", None, 0, -1, 1.5),
    ("encryption", "aws:kms", True),
    ("on_progress", "print", True),
]


def spread(cases):
    return [pytest.param(name, value, id=f"{name}={value!r}"[:60]) for name, *values in cases for value in values]


@pytest.mark.parametrize(("name", "value"), spread(BAD_WRITES))
def test_write_batch_refuses(folder, name, value):
    with pytest.raises(InvalidArgument, match=r"\nHint: ") as told:
        ingest.write_batch(ROWS, folder.url, **{"batch_id": "x", name: value})
    assert f"{name}=" in str(told.value)
    assert not Path(folder.url).exists()


@pytest.mark.parametrize("source", ["", None, 5, b"in.csv", [], [5], {}, ["a.csv", None]])
def test_write_batch_refuses_what_is_no_source(folder, source):
    with pytest.raises(InvalidArgument, match=r"(no source of rows|names no files)(.|\n)*Hint: "):
        ingest.write_batch(source, folder.url, batch_id="x")
    assert not Path(folder.url).exists()


@pytest.mark.parametrize("url", ["", " ", None, 5, b"x", [], "s3://", "ftp://x/y", "s3://bucket/*"])
def test_an_address_of_a_table_is_one(url, tmp_path):
    asked = [
        lambda: ingest.write_batch(ROWS, url, batch_id="x"),
        lambda: ingest.stream(STREAM, url),
        lambda: ingest.list_ranges(url),
        lambda: ingest.read_quarantined(url),
        lambda: ingest.read_firehose(url),
    ]
    for ask in asked[:2] if url == "ftp://x/y" else asked:  # others can be read, and are then not there
        with pytest.raises(InvalidArgument, match=r"\nHint: "):
            ask()


@pytest.mark.parametrize(("name", "value"), spread(BAD_FILES))
def test_files_refuses(tmp_path, name, value):
    (tmp_path / "in.csv").write_text("n\n1\n")
    with pytest.raises(InvalidArgument, match=r"\nHint: ") as told:
        ingest.write_batch(ingest.Files(**{"paths": tmp_path / "in.csv", name: value}), tmp_path / "table")
    assert f"{name}=" in str(told.value) or "declared as" in str(told.value)
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize(("name", "value"), spread(BAD_OPTIONS))
def test_stream_options_refuse(name, value):
    with pytest.raises(InvalidArgument, match=r"\nHint: ") as told:
        ingest.StreamOptions(**{name: value})
    assert f"{name}=" in str(told.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "orders"}, "source='orders' is not a stream"),
        ({"source": None}, "source=None is not a stream"),
        ({"options": {"buffer_seconds": 1}}, "options=.* is not a StreamOptions"),
        ({"until": []}, "until="),
        ({"until": "1"}, "until="),
        ({"storage": {}}, "storage=dict"),
    ],
)
def test_stream_refuses(tmp_path, arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        ingest.stream(**({"source": STREAM, "table_url": tmp_path / "table"} | arguments))
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ingest.kafka("", {"bootstrap.servers": "x:1"}),
        lambda: ingest.kafka(None, {"bootstrap.servers": "x:1"}),
        lambda: ingest.kafka("orders", None),
        lambda: ingest.kafka("orders", "x:1"),
        lambda: ingest.kafka("orders", {5: "x:1"}),
        lambda: ingest.kafka("orders", {"bootstrap.servers": ""}),
        lambda: ingest.kinesis(""),
        lambda: ingest.kinesis(None),
        lambda: ingest.kinesis(5),
        lambda: ingest.kinesis("arn:aws:kinesis:eu-west-1:1:stream/orders"),
        lambda: ingest.kinesis("orders", storage={"region": "eu-west-1"}),
        lambda: ingest.MemorySource("", {}),
        lambda: ingest.MemorySource(5, {}),
        lambda: ingest.MemorySource("orders", [b"{}"]),
        lambda: ingest.MemorySource("orders", {}, page_records=0),
        lambda: STREAM.append("1", [b"{}"]),
        lambda: STREAM.split("1", ["2"]),
        lambda: STREAM.expire("1", 1),
        lambda: STREAM.expire("0", -1),
        lambda: ingest.Quarantine("table", "x"),
        lambda: ingest.read_firehose(".", on_bad="skip"),
        lambda: ingest.read_firehose(".", template=5),
        lambda: ingest.read_firehose(".", template=""),
        lambda: ingest.read_firehose(".", schema={"id": "int64"}),
    ],
)
def test_sources_refuse(make):
    with pytest.raises(InvalidArgument, match=r"\nHint: "):
        make()


@pytest.mark.parametrize("record", ["text", 5, [b"{}"], bytearray(b"{}")])
def test_a_record_of_a_memory_source_is_bytes(tmp_path, record):
    with pytest.raises(InvalidArgument, match="is not bytes or None"):
        ingest.stream(ingest.MemorySource("orders", {"0": [record]}), tmp_path / "table")


def test_a_row_of_the_quarantine_is_one(folder):
    from lakekit.storage import open_writer

    with pytest.raises(InvalidArgument, match="is not a BadRow"):
        ingest.Quarantine(open_writer(folder.url), "x").put(["text"])


def test_a_file_in_the_place_of_a_table_is_refused_and_stays(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"mine")
    with pytest.raises(lk.InvalidArgument, match="is a file, and no folder"):
        lk.ingest.write_batch(pa.table({"n": [1]}), tmp_path / "t.parquet", batch_id="a")
    assert (tmp_path / "t.parquet").read_bytes() == b"mine"


def test_files_of_the_table_itself_are_not_written_into_it_again(home):
    home.write(pl.DataFrame({"n": [1, 2], "k": [1, 2]}), batch_id="x", partition_by="k")
    before = home.list()
    for source in (home.url, f"{home.url}/**/*.parquet"):
        with pytest.raises(lk.InvalidArgument, match="is a file of the table itself: its rows would be there twice"):
            home.write(source)
    assert home.list() == before
    assert home.open().polars().collect().height == 2
