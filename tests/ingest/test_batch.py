"""A batch from every kind of source is the same table, arrives once, and goes on where it was left."""

import datetime as dt
import gzip
import io
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

import lakekit as lk

ROWS = pa.table(
    {
        "n": pa.array([1, 2, None, -4], pa.int64()),
        "x": pa.array([0.5, None, 3.0, 1e300]),
        "s": ["a", "", None, 'say "hi", ümläut\nand more'],
        "b": [True, None, False, True],
        "d": pa.array([dt.date(2024, 1, 5), None, dt.date(1969, 12, 31), dt.date(2024, 2, 29)]),
        "t": pa.array(["2024-01-05 10:00:00.25", None] * 2).cast(pa.timestamp("us")),
    }
)
JSON = pl.from_arrow(ROWS.drop_columns(["d", "t"])).write_ndjson()


def to_csv() -> bytes:
    sink = io.BytesIO()
    pa_csv.write_csv(ROWS, sink)
    return sink.getvalue()


def to_bytes(kind: str) -> bytes:
    if kind == "csv":
        return to_csv()
    if kind == "csv.gz":
        return gzip.compress(to_csv())
    if kind == "csv.zst":
        return pa.compress(to_csv(), codec="zstd", asbytes=True)
    if kind == "tsv":
        sink = io.BytesIO()
        pa_csv.write_csv(ROWS, sink, pa_csv.WriteOptions(delimiter="\t"))
        return sink.getvalue()
    sink = io.BytesIO()
    (pq if kind == "parquet" else orc).write_table(ROWS, sink)
    return sink.getvalue()


def read_back(home) -> pa.Table:
    return home.open().polars().collect().to_arrow()


def assert_equal(found: pa.Table, expected: pa.Table) -> None:
    assert found.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "csv.zst", "tsv", "parquet", "orc"])
def test_files_of_every_format_give_the_same_table(home, tmp_path, kind):
    source = tmp_path / f"in.{kind}"
    source.write_bytes(to_bytes(kind))
    done = home.write(source)
    assert (done.rows, done.rows_read, done.quarantined, len(done.files)) == (4, 4, 0, 1)
    assert_equal(read_back(home), ROWS)


@pytest.mark.parametrize("ending", ["ndjson", "jsonl.gz", "json.zst"])
def test_ndjson_gives_the_types_that_its_values_have(folder, tmp_path, ending):
    data = JSON.encode()
    if ending.endswith("gz"):
        data = gzip.compress(data)
    elif ending.endswith("zst"):
        data = pa.compress(data, codec="zstd", asbytes=True)
    (tmp_path / f"in.{ending}").write_bytes(data)
    folder.write(tmp_path / f"in.{ending}")
    assert_equal(read_back(folder), ROWS.drop_columns(["d", "t"]))


def in_memory(kind: str):
    con = duckdb.connect()
    con.register("rows", ROWS)
    return {
        "arrow table": lambda: ROWS,
        "arrow reader": lambda: ROWS.to_reader(),
        "record batch": lambda: ROWS.to_batches()[0],
        "polars frame": lambda: pl.from_arrow(ROWS),
        "polars lazy frame": lambda: pl.from_arrow(ROWS).lazy(),
        "duckdb relation": lambda: con.sql("SELECT * FROM rows"),
    }[kind]()


@pytest.mark.parametrize(
    "kind", ["arrow table", "arrow reader", "record batch", "polars frame", "polars lazy frame", "duckdb relation"]
)
def test_data_in_memory_of_every_kind_gives_the_same_table(folder, kind):
    assert folder.write(in_memory(kind), batch_id=kind).rows == 4
    assert_equal(read_back(folder), ROWS)


def test_sources_on_s3_are_found_by_a_glob_and_by_their_prefix(s3, bucket, aws):
    client = aws.boto3("s3")
    for name in ("in/a.csv", "in/deep/b.csv", "in/_SUCCESS"):
        client.put_object(Bucket=bucket, Key=name, Body=b"n\n1\n" if name.endswith("csv") else b"")
    assert s3.write(f"s3://{bucket}/in/*.csv").rows == 1
    assert s3.write(f"s3://{bucket}/in/**/*.csv", batch_id="all").rows == 2
    assert s3.write(f"s3://{bucket}/in", batch_id="folder").rows == 2


def test_the_same_batch_twice_writes_nothing_twice(home):
    first = home.write(ROWS, batch_id="day 1")
    before = home.list()
    again = home.write(ROWS, batch_id="day 1")
    assert home.list() == before
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.files, again.rows, again.size_bytes) == (first.files, first.rows, first.size_bytes)
    assert "nothing written now" in repr(again)


def test_files_are_a_batch_of_their_own(folder, tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(b"n\n1\n")
    assert folder.write(source).is_new
    assert not folder.write([source]).is_new
    assert read_back(folder)["n"].to_pylist() == [1]


def test_a_batch_id_cannot_be_taken_by_other_files(folder, tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(b"n\n1\n")
    folder.write(source, batch_id="mine")
    source.write_bytes(b"n\n2\n")
    with pytest.raises(lk.errors.StaleFile, match=r"'mine' was written from another source: .*in\.csv changed"):
        folder.write(source, batch_id="mine")
    assert read_back(folder)["n"].to_pylist() == [1]


def test_data_in_memory_needs_an_id(folder):
    with pytest.raises(lk.InvalidArgument, match="polars DataFrame needs a batch_id"):
        folder.write(pl.DataFrame({"n": [1]}))
    assert folder.list() == []


def test_a_delta_table_is_refused_with_the_way_to_append(home):
    from lakekit.storage import open_writer

    open_writer(home.url, home.storage).put_new("_delta_log/00000000000000000000.json", b"{}")
    with pytest.raises(lk.InvalidArgument, match=r"has a Delta log.*\n.*write_deltalake"):
        home.write(ROWS, batch_id="x")
    assert home.list() == ["_delta_log/00000000000000000000.json"]


def test_rows_are_sorted_within_files_and_the_footer_tells_it(folder):
    rows = pa.table({"k": [1, 2, 1, 1], "s": ["b", "z", None, "a"]})
    folder.write(rows, batch_id="x", partition_by="k", sort_by="s")
    file = pq.ParquetFile(f"{folder.url}/{[path for path in folder.list() if path.startswith('k=1/')][0]}")
    assert file.read()["s"].to_pylist() == ["a", "b", None]
    assert file.metadata.row_group(0).sorting_columns[0].column_index == 0
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.metadata.row_group(0).column(0).has_offset_index


def test_files_end_near_their_target(folder):
    numbers = pl.Series(range(400_000)).hash(7).alias("h").to_frame()  # 400,000 x 8 B that do not compress: 3.2 MB
    done = folder.write(numbers, batch_id="x", target_file_bytes=1_000_000)
    sizes = sorted(Path(folder.url, path).stat().st_size for path in done.files)
    # a part of 65,536 rows takes more than 524 kB, two of them more than 1 MB: 400,000 / 131,072 = 3.05, so 3 files
    # are full, and one has the rest
    assert len(sizes) == 4
    assert all(1_000_000 < size < 1_400_000 for size in sizes[1:])
    assert sorted(read_back(folder)["h"].to_pylist()) == sorted(numbers["h"])


def test_a_batch_without_rows_is_complete_and_leaves_no_file(folder, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"n,s\n")
    done = folder.write(tmp_path / "in.csv")
    assert (done.rows, done.files) == (0, ())
    assert not folder.write(tmp_path / "in.csv").is_new


def test_what_cannot_be_written_says_so_before_anything_is_written(folder, tmp_path):
    with pytest.raises(lk.NoFilesFound, match=r"No file at .*\*\.csv"):
        folder.write(f"{tmp_path}/*.csv")
    (tmp_path / "a.csv").write_bytes(b"n\n1\n")
    (tmp_path / "b.json").write_bytes(b"{}\n")
    with pytest.raises(lk.InvalidArgument, match="several formats: csv .* ndjson"):
        folder.write([tmp_path / "a.csv", tmp_path / "b.json"])
    (tmp_path / "c.xyz").write_bytes(b"")
    with pytest.raises(lk.InvalidArgument, match=r"format of .*c\.xyz cannot be told"):
        folder.write(tmp_path / "c.xyz")
    with pytest.raises(lk.InvalidArgument, match="A dict is no source"):
        folder.write({})
    with pytest.raises(lk.InvalidArgument, match="No column 'k' to partition by"):
        folder.write(ROWS, batch_id="x", partition_by="k")
    with pytest.raises(lk.InvalidArgument, match="No column 'k' to sort by"):
        folder.write(ROWS, batch_id="x", sort_by="k")
    assert folder.list() == []


def test_encryption_is_asked_for_on_every_object(s3, aws, bucket):
    key = aws.boto3("kms").create_key()["KeyMetadata"]["KeyId"]
    s3.write(ROWS, batch_id="x", encryption=lk.ingest.Encryption(kms_key_id=key))
    told = [aws.boto3("s3").head_object(Bucket=bucket, Key=f"table/{path}") for path in s3.list()]
    assert len(told) == 3 and {one["ServerSideEncryption"] for one in told} == {"aws:kms"}  # plan, file, marker


def test_a_result_shows_itself_as_text_and_as_html(folder, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"n,s\n1,a\n2\n")
    done = folder.write(tmp_path / "in.csv", batch_id="<b>")
    assert repr(done).startswith("Batch <b>: 1 row in 1 file (")
    assert "1 of 2 rows quarantined" in repr(done)
    assert "&lt;b&gt;" in done._repr_html_() and "<b>:" not in done._repr_html_()


@pytest.mark.parametrize("batch_id", ["", " ", 5, b"x", "\ud800"])
def test_an_id_that_is_none_is_refused(folder, batch_id):
    with pytest.raises(lk.InvalidArgument, match="is no text"):
        folder.write(ROWS, batch_id=batch_id)
    assert not Path(folder.url).exists()


def test_columns_that_no_file_can_have_are_refused(folder, tmp_path):
    (tmp_path / "in.csv").write_text("1,2\n")
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "in.parquet")
    for columns, what in ((["a", "a"], "a column twice"), ([], "no columns"), ("ab", "no columns")):
        with pytest.raises(lk.InvalidArgument, match=what):
            folder.write(lk.ingest.Files(tmp_path / "in.csv", columns=columns))
    with pytest.raises(lk.ColumnNameConflict, match="'a' stands twice"):
        folder.write(tmp_path / "in.parquet")
    with pytest.raises(lk.InvalidArgument, match="a NUL character"):
        folder.write(pa.table({"s": [{"a\0": 1}]}), batch_id="x")
    with pytest.raises(lk.InvalidArgument, match="A column of the batch has no name"):
        folder.write(pa.table({"": [1]}), batch_id="x")
    deep = pa.int64()
    for _ in range(33):
        deep = pa.list_(deep)
    with pytest.raises(lk.InvalidArgument, match="'s' is nested more than 32 levels deep"):
        folder.write(pa.table({"s": pa.array([None], deep)}), batch_id="x")
    with pytest.raises(lk.InvalidArgument, match="a struct without fields"):
        folder.write(pa.table({"s": [{}]}), batch_id="x")
    assert not Path(folder.url).exists()
