"""Footers are read as they are, and what is none gets the error that it deserves."""

import io
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.errors import CorruptFile, EncryptedFile, UnsupportedTable
from lakekit.manifest.footers import (
    MAX_FOOTER_BYTES,
    Footer,
    FooterParser,
    column_range,
    footer_size,
    open_parquet,
    read_metadata,
    read_schema,
)
from lakekit.manifest.pages import verify_file
from lakekit.manifest.types import describe_type
from tests.manifest.encrypted import encrypt
from tests.manifest.parquet_surgery import BINARY, I64, edit_footer, list_chunks
from tests.manifest.places import cut_footer, make_parquet

SOUND = make_parquet({"n": [1, 2, 3], "s": ["a", "b", None]})


def parse(data, parser=None):
    return (parser or FooterParser()).parse(cut_footer(data), "x.parquet", len(data))


def describe_columns(data):
    return {field.name: describe_type(field.type) for field in parse(data).schema}


def change_row_count(rows):
    return lambda fields: fields.put(3, I64, rows)


def move_chunk(number, value):
    return lambda fields: list_chunks(fields)[0].put(number, I64, value)


def test_a_footer_tells_rows_groups_and_columns():
    footer = parse(make_parquet({"n": range(5), "s": list("abcde")}, row_group_size=2))
    assert (footer.rows, footer.row_groups) == (5, 3)
    assert footer.schema.names == ["n", "s"]


def test_files_with_the_same_columns_have_the_same_schema_id():
    parser = FooterParser()
    same = [{"n": [1], "s": ["a"]}, {"n": [2, 3], "s": ["b", None]}]
    ids = [parse(make_parquet(columns), parser).schema_id for columns in same]
    ids += [parse(make_parquet(same[0], compression="zstd", row_group_size=1)).schema_id]
    assert len(set(ids)) == 1
    assert re.fullmatch("[0-9a-f]{12}", ids[0])


def test_remarks_of_the_writer_make_no_other_schema():
    plain = pa.schema([("n", pa.int64())])
    remarked = pa.schema([pa.field("n", pa.int64(), metadata={"why": "test"})], metadata={"pandas": "{}"})
    ids = {parse(make_parquet(pa.table({"n": [1]}, schema=schema))).schema_id for schema in (plain, remarked)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("n", pa.int32())]),
        pa.schema([("m", pa.int64())]),
        pa.schema([("n", pa.int64()), ("s", pa.string())]),
        pa.schema([pa.field("n", pa.int64(), nullable=False)]),
        pa.schema([("n", pa.timestamp("us"))]),
        pa.schema([("n", pa.duration("us"))]),  # the same to Parquet, not to Arrow
    ],
)
def test_other_columns_are_another_schema(schema):
    parser = FooterParser()
    first = parse(make_parquet(pa.schema([("n", pa.int64())]).empty_table()), parser).schema_id
    assert parse(make_parquet(schema.empty_table()), parser).schema_id != first


def test_a_schema_id_is_the_same_in_another_session():
    code = (
        "import sys\n"
        "from lakekit.manifest.footers import FooterParser\n"
        "data = sys.stdin.buffer.read()\n"
        "print(FooterParser().parse(data[4:], 'x', len(data)).schema_id)"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, input=SOUND, capture_output=True, cwd=Path(__file__).parents[2], check=True)
    assert answer.stdout.decode().strip() == parse(SOUND).schema_id


def test_columns_are_shown_with_types_that_every_engine_has():
    table = pa.table(
        {
            "uuid": pa.array([b"0" * 16], pa.uuid()),
            "json": pa.array(["{}"], pa.json_()),
            "words": pa.array(["a"]).dictionary_encode(),
            "big": pa.array(["a"], pa.large_string()),
            "paris": pa.array([0], pa.timestamp("ms", "Europe/Paris")),
            "half": pa.array([1.0], pa.float16()),
            "four": pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
            "wait": pa.array([1], pa.duration("s")),
        }
    )
    assert describe_columns(make_parquet(table)) == {
        "uuid": "string",
        "json": "string",
        "words": "string",
        "big": "string",
        "paris": "timestamp[us, UTC]",
        "half": "float",
        "four": "list<int32>",
        "wait": "int64",
    }


def test_int96_is_a_time_in_microseconds():
    data = make_parquet({"t": pa.array([1], pa.timestamp("ns"))}, use_deprecated_int96_timestamps=True)
    assert describe_columns(data) == {"t": "timestamp[us]"}


def test_files_of_duckdb_are_read(tmp_path):
    file = tmp_path / "d.parquet"
    duckdb.sql(
        "COPY (SELECT uuid() AS id, '{}'::JSON AS j, 1::HUGEINT AS h, TIME '10:00' AS t, MAP {'a': 1} AS m,"
        " {'x': [1, 2]} AS s, [{'y': 1.5}] AS l, TIMESTAMPTZ '2024-01-05 10:00:00+00' AS z, 'a'::BLOB AS b,"
        f" 1::UBIGINT AS u, 'x'::ENUM('x', 'y') AS e, DATE '2024-01-05' AS d) TO '{file}' (FORMAT parquet)"
    )
    assert describe_columns(file.read_bytes()) == {
        "id": "string",
        "j": "string",
        "h": "double",  # DuckDB writes it so
        "t": "time64[us]",
        "m": "map<string, int32>",
        "s": "struct<x: list<int32>>",
        "l": "list<struct<y: decimal(2,1)>>",
        "z": "timestamp[us, UTC]",
        "b": "binary",
        "u": "uint64",
        "e": "string",
        "d": "date",
    }


def test_files_of_polars_are_read():
    sink = io.BytesIO()
    pl.DataFrame(
        {"c": ["a", "b"], "t": [None, None], "l": [[1], []], "s": [{"x": 1}, {"x": None}]},
        schema={"c": pl.Categorical, "t": pl.Time, "l": pl.List(pl.Int8), "s": pl.Struct({"x": pl.Int64})},
    ).write_parquet(sink)
    assert describe_columns(sink.getvalue()) == {
        "c": "string",
        "t": "time64[ns]",
        "l": "list<int8>",
        "s": "struct<x: int64>",
    }


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it is 0 bytes long, and the smallest has 12"),
        (b"PAR1PAR1", "it is 8 bytes long"),
        (
            b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
            r"it ends with b'ror>'.*begins with b'<\?xml",
        ),
        (SOUND[:-4], r"it ends with b'.*\\x02\\x00\\x00', not b'PAR1'"),
        (SOUND[:100], "it ends with"),
        (SOUND[:-8] + b"\xff\xff\xff\x7fPAR1", "its footer claims 2,147,483,655 bytes, the whole file has"),
        (SOUND[:-8] + b"\xff\xff\xff\xffPAR1", "its footer claims 4,294,967,303 bytes"),
        (b"PAR1" + b"\x09\0\0\0PAR1", "its footer claims 17 bytes, the whole file has 12"),
    ],
)
def test_what_ends_like_no_parquet_file_is_corrupt_and_says_how(data, what):
    with pytest.raises(CorruptFile, match=f"^x.parquet is (not a Parquet file|damaged).*{what}") as caught:
        footer_size(data, "x.parquet", len(data))
    assert 'on_bad_file="skip"' in caught.value.hint


def test_a_footer_is_as_long_as_it_says_and_eight_bytes_more():
    size = int.from_bytes(SOUND[-8:-4], "little")
    assert footer_size(SOUND, "x", len(SOUND)) == footer_size(SOUND[-8:], "x", len(SOUND)) == size + 8


def test_a_footer_longer_than_64_mebibytes_is_not_read_and_its_file_is_not_called_damaged():
    tail = MAX_FOOTER_BYTES.to_bytes(4, "little") + b"PAR1"
    with pytest.raises(UnsupportedTable, match=r"x has a footer of 67,108,872 bytes; at most 67,108,864 .* are read"):
        footer_size(tail, "x", 2**40)
    assert footer_size((MAX_FOOTER_BYTES - 8).to_bytes(4, "little") + b"PAR1", "x", 2**40) == MAX_FOOTER_BYTES
    with pytest.raises(CorruptFile, match=r"claims 67,108,872 bytes, the whole file has 1,000"):
        footer_size(tail, "x", 1000)


@pytest.mark.parametrize("garbage", [b"\0" * 40, b"\xff" * 40, b"\x15" * 40, bytes(range(40))])
def test_a_footer_of_other_bytes_is_corrupt(garbage):
    data = b"PAR1" + garbage + len(garbage).to_bytes(4, "little") + b"PAR1"
    error = parse(data).error
    assert isinstance(error, CorruptFile)
    assert str(error).startswith("x.parquet is damaged: its footer does not decode (")
    assert error.what.count("\n") == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_row_count(4), "its footer counts 4 rows, its row groups hold 3"),
        (change_row_count(-3), "its footer counts -3 rows"),
        (lambda fields: fields[4][0].put(3, I64, -3), "row group 0 claims -3 rows"),
        (move_chunk(11, 2), "column 'n' claims bytes 2 to"),
        (move_chunk(7, 10**6), r"column 'n' claims bytes 4 to 1,000,004 of a file of \d+ bytes"),
        (move_chunk(7, -1), "column 'n' claims bytes 4 to 3 of"),
    ],
)
def test_a_footer_that_does_not_fit_its_file_is_corrupt(change, what):
    outcome = parse(edit_footer(SOUND, change))
    assert isinstance(outcome.error, CorruptFile)
    assert re.search(what, str(outcome.error))
    assert outcome.footer.schema.names == ["n", "s"]


def test_a_dictionary_at_offset_zero_is_none():
    without = make_parquet({"n": [1, 2, 3]}, use_dictionary=False)
    data = edit_footer(without, move_chunk(11, 0))
    column = read_metadata(cut_footer(data)).row_group(0).column(0)
    assert column_range(column) == (4, 4 + column.total_compressed_size)
    assert isinstance(parse(data), Footer)


def test_a_column_begins_with_its_dictionary():
    column = read_metadata(cut_footer(SOUND)).row_group(0).column(0)
    assert column.dictionary_page_offset < column.data_page_offset
    assert column_range(column)[0] == column.dictionary_page_offset == 4


def test_row_groups_without_rows_may_point_anywhere():
    data = edit_footer(make_parquet(pa.table({"n": pa.array([], pa.int64())})), move_chunk(9, 10**9))
    assert parse(data).rows == 0


@pytest.mark.parametrize("columns", [("a",), ("a", "b"), ()])
def test_an_encrypted_footer_is_an_encrypted_file(columns):
    data = encrypt(*columns)
    with pytest.raises(EncryptedFile, match="x.parquet is encrypted: its footer ends with PARE") as caught:
        footer_size(data, "x.parquet", len(data))
    assert 'on_bad_file="skip"' in caught.value.hint


@pytest.mark.parametrize("columns", [("a",), ("a", "b")])
def test_encrypted_columns_under_a_plain_footer_are_an_encrypted_file_with_known_columns(columns):
    data = encrypt(*columns, plaintext_footer=True)
    assert footer_size(data, "x.parquet", len(data)) == len(cut_footer(data))
    outcome = parse(data)
    assert isinstance(outcome.error, EncryptedFile)
    assert "its footer is plain, but columns need a key" in str(outcome.error)
    assert (outcome.footer.rows, outcome.footer.schema.names, outcome.footer.stats) == (2, ["a", "b"], {})


def test_encryption_is_noticed_whatever_the_writer_is_called():
    data = encrypt("a", plaintext_footer=True)
    for created_by in (b"", b"a", b"AES_GCM_V1", b"caf\xe9"):
        renamed = edit_footer(data, lambda fields, name=created_by: fields.put(6, BINARY, name))
        assert isinstance(parse(renamed).error, EncryptedFile)
    assert isinstance(parse(edit_footer(data, lambda fields: fields.drop(6))).error, EncryptedFile)


def test_a_footer_without_a_writer_is_read():
    assert parse(edit_footer(SOUND, lambda fields: fields.drop(6))).rows == 3


def test_a_footer_read_again_says_the_same():
    parser = FooterParser()
    first = parse(SOUND, parser)
    assert parser.parse_again(cut_footer(SOUND), first.has_order) == first
    assert FooterParser().parse_again(cut_footer(SOUND), True) == first


def test_a_footer_that_is_no_longer_what_it_was_is_a_value_error():
    with pytest.raises(ValueError, match="a kept footer does not decode"):
        FooterParser().parse_again(b"\0" * 50 + (50).to_bytes(4, "little") + b"PAR1", True)


def test_damaged_pages_of_a_small_file_are_found():
    data = bytearray(make_parquet({"n": range(1000)}, compression="zstd", use_dictionary=False))
    assert verify_file(bytes(data), "x.parquet") is None
    data[40:60] = bytes(20)
    error = verify_file(bytes(data), "x.parquet")
    assert isinstance(error, CorruptFile)
    assert str(error).startswith("x.parquet is damaged: its data does not decode (")


def test_readers_see_int96_in_microseconds_and_types_of_arrow():
    table = pa.table({"t": pa.array([1000], pa.timestamp("ns")), "u": pa.array([b"0" * 16], pa.uuid())})
    data = make_parquet(table, use_deprecated_int96_timestamps=True)
    schema = open_parquet(io.BytesIO(data)).schema_arrow
    assert [str(field.type) for field in schema] == ["timestamp[us]", "extension<arrow.uuid>"]
    assert read_schema(cut_footer(data), read_metadata(cut_footer(data))).equals(schema)


def test_footers_are_read_from_their_bytes_alone():
    assert read_metadata(cut_footer(SOUND)).equals(pq.read_metadata(io.BytesIO(SOUND)))
