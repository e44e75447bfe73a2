"""What is no row goes to the quarantine with file, line, reason and raw text; good rows arrive, and none is lost."""

import base64
import gzip
import json

import pyarrow as pa
import pytest

import lakekit as lk


def write(home, tmp_path, name: str, data: bytes, **options):
    """Writes one file; its rows by column, and what the quarantine holds as (line, reason, raw)."""
    (tmp_path / name).write_bytes(data)
    done = home.write(tmp_path / name, **options)
    assert done.rows + done.quarantined == done.rows_read
    told = [json.loads(line) for path in done.quarantine for line in home.read(path).splitlines()]
    assert all(one["file"].endswith(name) for one in told)
    rows = home.open().polars().collect().rows() if done.rows else []
    return rows, [(one["line"], one["reason"], one.get("text", one.get("base64"))) for one in told]


def test_a_bad_line_of_json_is_set_apart_with_its_line(home, tmp_path):
    data = b'{"a": 1}\n{"a": \n\n[1]\n{"a": 2}{"a": 3}\n{"a": 4, "a": 5}\n{"a": NaN}\n{}\n{"a": 6}'
    rows, bad = write(home, tmp_path, "in.ndjson", data)
    assert rows == [(1,), (6,)]
    assert [(line, raw) for line, _, raw in bad] == [
        (2, '{"a": '),
        (4, "[1]"),
        (5, '{"a": 2}{"a": 3}'),
        (6, '{"a": 4, "a": 5}'),
        (7, '{"a": NaN}'),
        (8, "{}"),
    ]
    reasons = [reason for _, reason, _ in bad]
    assert reasons[0].startswith("it is not JSON") and reasons[1] == "it is JSON, but no object: list"
    assert "'a' stands twice" in reasons[3] and reasons[5] == "its object is empty"


def test_values_of_another_type_than_most_go_to_the_quarantine(folder, tmp_path):
    data = b'{"a": 1, "b": "x"}\n{"a": "one", "b": "y"}\n{"a": 2.5}\n{"b": {"c": 1}}\n{"a": 123456789012345678901}'
    rows, bad = write(folder, tmp_path, "in.json", data)
    assert sorted(rows) == [(1.0, "x"), (2.5, None)]
    assert sorted(bad) == [
        (2, "the column 'a' is double, and 'one' is not", '{"a": "one", "b": "y"}'),
        (4, "the column 'b' is string, and {'c': 1} is not", '{"b": {"c": 1}}'),
        (5, "its values have types that do not go together", '{"a": 123456789012345678901}'),
    ]


def test_a_csv_row_with_too_few_or_too_many_fields_is_set_apart(home, tmp_path):
    rows, bad = write(home, tmp_path, "in.csv", b'a,b\n1,x\n2\n"3\n3",y,z\n\n4,"p\nq"\n5,r')
    assert rows == [("1", "x"), ("4", "p\nq"), ("5", "r")] or rows == [(1, "x"), (4, "p\nq"), (5, "r")]
    assert bad == [(3, "it has 1 fields, not 2", "2"), (4, "it has 3 fields, not 2", '"3\n3",y,z')]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv", b'a,b\n1,x\n2,"y\n3,z\n4,w\n')
    assert rows == [(1, "x"), (3, "z"), (4, "w")]
    assert bad == [(3, "a quoted field that begins here does not end", '2,"y')]


def test_bytes_that_are_not_utf8_and_nul_are_set_apart_as_they_are(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv", b"a,b\n1,caf\xe9\n2,\xc3\xa9\n3,x\0y\n")
    assert rows == [(2, "é")]
    assert bad == [
        (2, "it is not UTF-8", base64.b64encode(b"1,caf\xe9").decode()),
        (4, "it holds a NUL byte", "3,x\0y"),
    ]
    assert write(folder, tmp_path, "in.json", b'{"b": "\xe9"}\n')[1][0][1] == "it is not UTF-8"


def test_a_file_in_utf16_is_quarantined_line_by_line(folder, tmp_path):
    data = "a,b\n1,x\n".encode("utf-16")
    _, bad = write(folder, tmp_path, "in.csv", data)
    assert [reason for _, reason, _ in bad] == [
        "the first line of the file, which should name the columns, is not UTF-8 text"
    ] * 3
    assert b"\n".join(read_raw(raw) for _, _, raw in bad) == data


def read_raw(text: str) -> bytes:
    """Raw text, or base64 of what is no UTF-8; a lone NUL is UTF-8."""
    try:
        return base64.b64decode(text, validate=True) if "\0" not in text else text.encode()
    except ValueError:
        return text.encode()


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_no_part_of_values(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv", b'\xef\xbb\xbfa,b\r\n1,x\r\n2,"y\r\nz"\r\n3\r\n')
    assert (rows, bad) == ([(1, "x"), (2, "y\r\nz")], [(5, "it has 1 fields, not 2", "3")])
    assert folder.open().schema.names == ["a", "b"]


def test_a_file_whose_lines_end_with_carriage_returns_is_an_error_and_not_a_header_without_rows(folder, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a,b\r1,2\r3,4\r")
    with pytest.raises(lk.InvalidArgument, match=r"The first line of .*in\.csv goes on behind a carriage return"):
        folder.write(tmp_path / "in.csv")
    assert folder.list() == []


def nest(levels: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"b": ' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}\n"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"c":', b"}")])
def test_what_is_nested_deeper_than_readers_bear_goes_to_the_quarantine(folder, tmp_path, opening, closing):
    levels = (32, 33, 90, 500, 100_000)
    data = b'{"a": 1}\n' + b"".join(nest(one, opening, closing) for one in levels)
    rows, bad = write(folder, tmp_path, "in.ndjson", data)
    assert len(rows) == 2  # 32 levels with the object itself are read back
    told = [(line, reason) for line, reason, _ in bad]
    assert told == [(line, "it is nested too deeply: more than 32 levels") for line in range(3, 7)]
    done = lk.ingest.stream(lk.ingest.MemorySource("deep", {"0": data.splitlines()}), tmp_path / "stream")
    assert (done.rows, done.quarantined) == (2, 4)
    assert lk.open_table(tmp_path / "stream").polars().collect().height == 2


def test_a_field_without_a_name_goes_to_the_quarantine(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.ndjson", b'{"": 1}\n{"a": 1}\n{"a": 2, "b": {"": 1}}\n')
    assert rows == [(1,)]
    assert [(line, reason) for line, reason, _ in bad] == [
        (line, "it is not JSON: a field has an empty name") for line in (1, 3)
    ]


def test_a_record_of_20_mb_is_kept_in_pieces(folder, tmp_path):
    data = b"a,b\n1,x\n2," + b"y" * 20_000_000 + b"\n3,z\n"
    rows, bad = write(folder, tmp_path, "in.csv", data)
    assert rows == [(1, "x"), (3, "z")]
    # 20,000,002 bytes are one piece of 16 MiB = 16,777,216 and one of 3,222,786
    assert [(line, len(raw)) for line, _, raw in bad] == [(3, 16_777_216), (3, 3_222_786)]
    assert "".join(raw for _, _, raw in bad) == "2," + "y" * 20_000_000


@pytest.mark.parametrize("name", ["in.csv.gz", "in.ndjson.gz", "in.csv.zst"])
def test_of_a_truncated_file_the_rows_before_arrive_and_the_broken_one_is_told(folder, tmp_path, name):
    import pyarrow as pa

    line = b'{"n": %d}\n' if "json" in name else b"%d\n"
    numbers = [n * 7_919 % 1_000_003 for n in range(100_000)]
    data = (b"" if "json" in name else b"n\n") + b"".join(line % n for n in numbers)
    packed = gzip.compress(data) if name.endswith("gz") else pa.compress(data, codec="zstd", asbytes=True)
    rows, bad = write(folder, tmp_path, name, packed[: len(packed) // 2])
    assert len(bad) == 1 and "stream ends early" in bad[0][1] and "all behind it are missing" in bad[0][1]
    assert [n for (n,) in rows] == numbers[: len(rows)]
    assert len(rows) > 10_000  # about half of them
    assert bad[0][0] == len(rows) + (1 if "json" in name else 2)  # the line behind the last good one


def test_a_gzip_file_whose_checksum_is_wrong_is_refused_as_its_rows_may_be_others(folder, tmp_path):
    packed = gzip.compress(b"n\n1\n2\n")
    damaged = packed[:-8] + b"\1\2\3\4" + packed[-4:]  # RFC 1952: the last eight bytes are CRC-32 and length
    for data in (damaged, gzip.compress(b"n\n0\n") + damaged, b"n\n1\n"):
        (tmp_path / "in.csv.gz").write_bytes(data)
        with pytest.raises(lk.CorruptFile, match=r"in\.csv\.gz is no gzip file, or damaged .*\n.*nothing of the batch"):
            folder.write(tmp_path / "in.csv.gz")
    assert folder.list() == []


def test_of_a_gzip_file_with_something_behind_it_all_rows_arrive_and_the_rest_is_told(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv.gz", gzip.compress(b"n\n1\n2\n") + b"\0" * 512)
    assert rows == [(1,), (2,)]
    assert len(bad) == 1 and bad[0][0] == 4 and "behind the gzip stream stands something else" in bad[0][1]


def test_a_gzip_file_of_no_bytes_is_told(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv.gz", b"")
    assert rows == [] and len(bad) == 1 and "the gzip stream ends early" in bad[0][1]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'id,"name\n1,ada\n2,alan\n', "a quote that does not end"),
        (b'id,"name\n1,"ada"\n2,alan\n', "quotes that do not go together"),  # else a column is called 'name\n1,ada"'
    ],
)
def test_a_header_with_a_quote_that_is_not_closed_is_an_error_and_no_row_is_taken_for_it(folder, tmp_path, data, told):
    (tmp_path / "in.csv").write_bytes(data)
    with pytest.raises(lk.InvalidArgument, match=f"first line of .*in.csv, which should name the columns, .*{told}"):
        folder.write(tmp_path / "in.csv")
    assert folder.list() == []


def test_a_name_of_two_lines_in_quotes_is_one(folder, tmp_path):
    rows, bad = write(folder, tmp_path, "in.csv", b'id,"full\nname"\n1,ada\n')
    assert (rows, bad, folder.open().schema.names) == ([(1, "ada")], [], ["id", "full\nname"])


def test_a_header_that_names_a_column_twice_is_an_error_and_nothing_is_written(folder, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a,a\n1,2\n")
    with pytest.raises(lk.InvalidArgument, match=r"names the column 'a' twice"):
        folder.write(tmp_path / "in.csv")
    assert folder.list() == []
    done = folder.write(lk.ingest.Files(tmp_path / "in.csv", columns=["a", "b"]))
    assert (done.rows, folder.open().schema.names) == (2, ["a", "b"])  # the first line is a row then


def test_the_quarantine_is_hidden_from_every_reader_of_the_table(folder, tmp_path):
    import duckdb
    import polars as pl
    import pyarrow.dataset as ds

    write(folder, tmp_path, "in.csv", b"a,b\n1,x\n2\n")
    assert [path for path in folder.list() if path.startswith("_quarantine/")]
    assert folder.open().files.height == 1 and folder.open().skipped.height == 0
    assert duckdb.sql(f"SELECT count(*) FROM '{folder.url}/**/*.parquet'").fetchall() == [(1,)]
    assert ds.dataset(folder.url).to_table().num_rows == 1
    assert pl.scan_parquet(f"{folder.url}/**/*.parquet").collect().height == 1
    assert pl.scan_parquet(folder.url, hidden_file_prefix="_").collect().height == 1


def test_what_json_can_say_and_a_table_cannot_hold_is_set_apart(folder, tmp_path):
    data = b'{"a": 1.5}\n{"a": 1e400}\n{"a": {"b": -1e999}}\n{"a\\u0000b": 1}\n{"c": {}}\n{"a": 2, "c": null}\n'
    rows, bad = write(folder, tmp_path, "in.ndjson", data)
    assert sorted(rows) == [(1.5, None), (2.0, None)]  # 1e400 is no infinity, and "a\0b" no second "a"
    assert sorted((line, reason) for line, reason, _ in bad) == [
        (2, "it is not JSON: 1e400 is beyond what a double holds"),
        (3, "it is not JSON: -1e999 is beyond what a double holds"),
        (4, "it is not JSON: the name 'a\\x00b' holds a NUL character"),
        (5, "the column 'c' is string, and {} is not"),
    ]


@pytest.mark.parametrize(
    ("batch_id", "quarantine"),
    [
        ("..", "_quarantine/%2E./_part-00000.ndjson"),  # and not the table's own folder
        (".", "_quarantine/%2E/_part-00000.ndjson"),
        ("a/../b", "_quarantine/a%2F..%2Fb/_part-00000.ndjson"),
        # 400 letters are more than a disk's names take: 160 of them, and the first 16 digits of SHA-256
        ("x" * 400, f"_quarantine/{'x' * 160}-7b0bd700ce066ef3/_part-00000.ndjson"),
    ],
)
def test_the_quarantine_of_every_batch_lies_in_a_folder_of_its_own(folder, tmp_path, batch_id, quarantine):
    (tmp_path / "in.csv").write_text("a,b\n1,2\n3\n")
    assert folder.write(tmp_path / "in.csv", batch_id=batch_id).quarantine == (quarantine,)
    assert b"it has 1 fields, not 2" in folder.read(quarantine)


def test_partition_times_finer_than_a_path_can_tell_are_set_apart(folder):
    rows = pa.table({"k": pa.array([1_000, 1_001], pa.timestamp("ns")), "n": [1, 2]})
    done = folder.write(rows, batch_id="x", partition_by="k")
    assert (done.rows, done.quarantined) == (1, 1)
    assert "the partition key 'k' is finer than a microsecond" in folder.read(done.quarantine[0]).decode()
