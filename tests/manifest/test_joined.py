"""Files joined end to end hold the rows of all, whoever wrote and whoever reads them."""

import io

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.manifest.joined import JOINED_FOOTER_BYTES, CutFooter, cut_footer, join_footers, make_joiner

ROWS = 1_000
NAN = float("nan")


def make_table(first: int) -> pa.Table:
    """Rows with n counting from first, half of the texts NULL, nested values, and NaN."""
    numbers = list(range(first, first + ROWS))
    return pa.table({
        "n": numbers,
        "text": [None if n % 2 else f"text {n % 50}" for n in numbers],
        "x": [NAN if n == first else n / 2 for n in numbers],
        "list": [[n] * (n % 3) for n in numbers],
        "struct": [{"a": n, "b": [str(n)]} for n in numbers],
    })  # fmt: skip


def write(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def cut_file(file: bytes) -> CutFooter:
    return cut_footer(file[-int.from_bytes(file[-8:-4], "little") - 8 :])


def join(files: list[bytes]) -> bytes:
    return b"".join([*files, join_footers([cut_file(file) for file in files], [len(file) for file in files])])


OPTIONS = {
    "as pyarrow writes": {},
    "several row groups": {"row_group_size": 300},
    "no dictionary": {"use_dictionary": False, "compression": "none"},
    "page index": {"write_page_index": True, "data_page_size": 512, "row_group_size": 300},
    "pages of version 2": {"data_page_version": "2.0", "compression": "zstd"},
    "version 1.0": {"version": "1.0", "compression": "gzip"},
    "no statistics": {"write_statistics": False},
    "no schema of Arrow's": {"store_schema": False},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_joined_files_hold_the_rows_of_all(options, tmp_path):
    tables = [make_table(number * ROWS) for number in range(3)]
    files = [write(table, **options) for table in tables]
    joined, path = join(files), tmp_path / "joined.parquet"
    path.write_bytes(joined)
    expected = pa.concat_tables([pq.read_table(io.BytesIO(file)) for file in files])
    assert pq.read_table(path).drop_columns("x").equals(expected.drop_columns("x"))
    assert pl.read_parquet(path).equals(pl.from_arrow(expected))
    con = duckdb.connect()
    assert con.execute("SELECT count(*), sum(n), max(n) FROM read_parquet($1)", [str(path)]).fetchall() == [
        (3 * ROWS, sum(range(3 * ROWS)), 3 * ROWS - 1)
    ]
    query = "SELECT n, text, struct.b FROM read_parquet($1) WHERE n = $2"
    assert con.execute(query, [str(path), 2 * ROWS + 8]).fetchall() == [(2 * ROWS + 8, "text 8", ["2008"])]
    assert con.execute("SELECT count(*) FROM read_parquet($1) WHERE x > 1e9", [str(path)]).fetchall() == [(3,)]  # NaN
    assert pq.read_metadata(path).num_row_groups == sum(
        pq.read_metadata(io.BytesIO(file)).num_row_groups for file in files
    )


def test_what_duckdb_wrote_with_bloom_filters_is_found_by_them(tmp_path):
    con, files = duckdb.connect(), []
    for number in range(3):
        path = tmp_path / f"{number}.parquet"
        query = f"SELECT 'city ' || (i % 40 * 10 + {number}) AS city, i FROM range(20_000) AS r(i)"
        con.execute(f"COPY ({query}) TO '{path}' (ROW_GROUP_SIZE 4096)")
        files.append(path.read_bytes())
    joined = tmp_path / "joined.parquet"
    joined.write_bytes(join(files))
    probed = con.execute("FROM parquet_bloom_probe($1, 'city', 'city 21')", [str(joined)]).fetchall()
    assert [excluded for *_, excluded in probed] == [True] * 5 + [False] * 5 + [True] * 5  # in the second file alone
    query = "SELECT count(*) FROM read_parquet($1) WHERE city = $2"
    for city, rows in (("city 21", 500), ("city 20", 500), ("city 29", 0)):
        assert con.execute(query, [str(joined), city]).fetchall() == [(rows,)]


def test_what_polars_wrote_is_joined(tmp_path):
    frames = [pl.DataFrame({"n": range(number, number + 10), "s": ["a"] * 10}) for number in (0, 10)]
    files = []
    for frame in frames:
        frame.write_parquet(sink := io.BytesIO())
        files.append(sink.getvalue())
    assert pl.read_parquet(io.BytesIO(join(files))).equals(pl.concat(frames))


def test_only_files_of_the_same_columns_and_writer_are_joined():
    first = write(pa.table({"x": [1]}))
    others = {
        "another type": write(pa.table({"x": [1.5]})),
        "another name": write(pa.table({"y": [1]})),
        "another writer": first.replace(b"parquet-cpp-arrow", b"parquet-cpp-other"),
        "shapes": write(pa.table({"x": [1]}, metadata={"geo": "{}"})),
    }
    for other in others.values():
        with pytest.raises(ValueError, match="not of one kind"):
            join([first, other])
    told = write(pa.table({"x": [2]}, metadata={"made": "here"}))
    assert pq.read_table(io.BytesIO(join([first, told])))["x"].to_pylist() == [1, 2]


def test_bounds_of_floating_point_are_hidden_and_others_kept():
    files = [write(make_table(first), write_page_index=True) for first in (0, ROWS)]
    metadata = pq.read_metadata(io.BytesIO(join(files)))
    for number, group in enumerate(metadata.row_group(group) for group in (0, 1)):
        assert group.column(0).statistics.max == (number + 1) * ROWS - 1
        assert not group.column(2).statistics.has_min_max
        assert not any(group.column(column).has_column_index for column in range(group.num_columns))


def test_files_without_rows_and_without_row_groups_are_joined():
    schema = pa.schema([("n", pa.int64())])
    sink = io.BytesIO()
    pq.ParquetWriter(sink, schema).close()
    files = [sink.getvalue(), write(schema.empty_table()), write(pa.table({"n": [1]})), sink.getvalue()]
    assert pq.read_table(io.BytesIO(join(files)))["n"].to_pylist() == [1]


def test_a_long_footer_is_refused():
    wide = write(pa.table({f"column {number}": [1] for number in range(200)}))
    assert int.from_bytes(wide[-8:-4], "little") > JOINED_FOOTER_BYTES
    with pytest.raises(ValueError, match="too long"):
        cut_file(wide)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all", bytes(100), b"\x19" * 50 + b"\x20\0\0\0PAR1"])
def test_what_is_no_parquet_file_is_an_error_and_no_answer(content):
    with pytest.raises((ValueError, IndexError)):
        cut_file(content)


def test_a_joiner_joins_neighbours_of_one_kind_and_asks_for_each_footer_once():
    numbers, texts = pa.table({"n": list(range(10))}), pa.table({"t": ["a"]})
    files = {"a": numbers, "b": numbers, "c": texts, "d": numbers, "e": numbers}
    contents = {path: write(table, row_group_size=4) for path, table in files.items()}
    asked = []

    def find_footer(path: str, etag: str) -> bytes | None:
        asked.append((path, etag))
        return None if path == "d" else contents[path][-int.from_bytes(contents[path][-8:-4], "little") - 8 :]

    join_files = make_joiner(find_footer)
    keys = tuple((path, "v1", len(content)) for path, content in contents.items())
    both, text, unknown, last = join_files(keys)
    assert both[0] == (3, 3)  # row groups of a and of b: 4, 4 and 2 rows
    assert unknown == ((0,), None)
    assert (text[0], last[0]) == ((1,), (3,))
    whole = contents["a"] + contents["b"] + both[1]
    assert pq.read_table(io.BytesIO(whole))["n"].to_pylist() == [*range(10), *range(10)]
    assert join_files(keys) == (both, text, unknown, last)
    assert asked == [(path, "v1") for path in "abcde"]
