"""What a small file's pages hold is decoded once, within limits, whatever they claim."""

import io
import os
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.manifest import pages
from lakekit.manifest.pages import find_page_flaw, verify_file
from lakekit.units import MIB
from tests.manifest.parquet_surgery import I32, I64, edit_footer, list_chunks
from tests.manifest.places import make_parquet

ROOT = Path(__file__).parents[2]
OF_MANY_KINDS = {
    "i": pa.array([1, None, 3], pa.int64()),
    "s": ["a", "bb", None],
    "large": pa.array(["a", None, "ccc"], pa.large_string()),
    "view": pa.array([b"a", None, b"ccc"], pa.binary_view()),
    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "d": [Decimal("1.5"), None, Decimal("2.5")],
    "j": pa.array(["{}", None, "1"], pa.json_()),
    "l": [["a", "b"], [], None],
    "st": [{"x": "a", "y": 1}, None, {"x": "b", "y": 2}],
    "m": pa.array([[("k", "v")], [], None], pa.map_(pa.string(), pa.string())),
    "c": pa.array(["a", "b", "a"]).dictionary_encode(),
    "a.b": ["dot", "ted", "name"],
}


def damage(data):
    """The file with 20 bytes of its first page overwritten."""
    return data[:40] + bytes(20) + data[60:]


@pytest.fixture
def always_kept(monkeypatch):
    """Each value of a dictionary is decoded once, in files however small."""
    monkeypatch.setattr(pages, "MAX_REPEATED_BYTES", 6)  # three rows of two bytes


def test_pages_that_do_not_decode_are_told_of_small_files_only(monkeypatch):
    data = damage(make_parquet({"n": list(range(1000))}, compression="zstd", use_dictionary=False))
    assert "its data does not decode" in str(verify_file(data, "x.parquet"))
    monkeypatch.setattr(pages, "MAX_VERIFIED_CELLS", 999)
    assert find_page_flaw(data) == ""


def test_damage_is_found_where_values_are_decoded_once(always_kept):
    data = make_parquet({"s": [f"text {n}" for n in range(1000)]}, compression="zstd")
    assert find_page_flaw(data) == ""
    assert find_page_flaw(damage(data))


def test_a_sound_file_of_any_type_is_sound_where_values_are_decoded_once(always_kept):
    assert find_page_flaw(make_parquet(OF_MANY_KINDS)) == ""


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_texts_stored_as_differences_are_decoded_few_rows_at_a_time(always_kept, encoding):
    texts = {"s": [f"text {n}" for n in range(100)], "l": [["a"]] * 100}
    data = make_parquet(texts, use_dictionary=False, column_encoding={"s": encoding}, compression="zstd")
    assert find_page_flaw(data) == ""
    assert find_page_flaw(damage(data))


def test_decimals_that_are_texts_are_decoded_few_rows_at_a_time(always_kept):
    def call_a_decimal(fields):
        fields[2][1].put(6, I32, 5)  # converted type DECIMAL
        fields[2][1].put(8, I32, 4)  # precision
        fields[2][1].put(7, I32, 0)  # scale
        fields[2][1].drop(10)  # not the logical type of a binary

    data = edit_footer(make_parquet({"d": [b"\x01", b"\x02\x03"] * 50}, compression="zstd"), call_a_decimal)
    assert pq.read_schema(io.BytesIO(data)).types == [pa.decimal128(4, 0)]
    assert find_page_flaw(data) == ""
    assert find_page_flaw(damage(data))


def test_a_page_whose_header_does_not_decode_is_a_flaw():
    data = make_parquet({"n": [1, 2, 3]}, use_dictionary=False)
    assert find_page_flaw(data[:4] + b"\xff" * 8 + data[12:]).startswith("a page's header does not: ")
    assert find_page_flaw(data[:4] + bytes(8) + data[12:]) == "a page's header does not: 3"  # without field 3, its size


def test_pages_of_more_values_than_the_limit_are_not_decoded_whatever_the_footer_says(monkeypatch):
    def claim_one_value(fields):
        list_chunks(fields)[0].put(5, I64, 1)

    data = edit_footer(make_parquet({"l": [list(range(5000))]}, use_dictionary=False), claim_one_value)
    monkeypatch.setattr(pages, "MAX_VERIFIED_CELLS", 4_999)
    assert find_page_flaw(damage(data)) == ""
    monkeypatch.setattr(pages, "MAX_VERIFIED_CELLS", 5_000)
    assert find_page_flaw(data) == ""


DECODE = """
    import resource, sys
    import pyarrow as pa
    from lakekit.manifest.pages import find_page_flaw

    data = sys.stdin.buffer.read()
    print(repr(find_page_flaw(data)), pa.default_memory_pool().max_memory())
"""


@pytest.mark.parametrize("kind", ["text", "list", "fixed"])
def test_a_value_that_is_repeated_often_is_not_decoded_as_often(kind):
    """200,000 times 1 MiB of text in some 10 kB: 200 GB, were each written out."""
    text = ("a" * MIB).encode()
    many = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array([text.decode()]))
    if kind == "list":
        many = pa.ListArray.from_arrays(pa.array([0, 200_000], pa.int32()), many)
    if kind == "fixed":
        many = pa.array([text[: MIB // 4]] * 300, pa.binary(MIB // 4))  # 75 MiB
    data = make_parquet({"x": many}, compression="zstd", store_schema=False, write_statistics=False,
                        dictionary_pagesize_limit=2 * MIB)  # fmt: skip
    assert len(data) < 100_000
    command = [sys.executable, "-c", textwrap.dedent(DECODE)]
    answer = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, env=os.environ, check=False)
    assert answer.returncode == 0, answer.stderr[-1000:]
    flaw, peak_bytes = answer.stdout.decode().split()
    assert flaw == "''"
    assert int(peak_bytes) < 64 * MIB


@pytest.mark.parametrize("rows", [500, 5000])
def test_nested_texts_in_several_row_groups_are_sound(rows):
    texts = [f"user {number} at home" for number in range(5000)]
    columns = {
        "flat": texts,
        "struct": [{"name": text, "n": 1} for text in texts],
        "list": [[text, "x"] for text in texts],
        "map": pa.array([[(text, "v")] for text in texts], pa.map_(pa.string(), pa.string())),
    }
    assert find_page_flaw(make_parquet(columns, row_group_size=rows)) == ""


def test_an_index_that_no_value_of_the_dictionary_has_is_damage():
    data = bytearray(make_parquet({"s": [f"city number {number % 5}" for number in range(20_000)]}, compression="none"))
    at = pq.read_metadata(pa.BufferReader(bytes(data))).row_group(0).column(0).data_page_offset + 2000
    data[at : at + 2] = b"\xff\xff"  # 8 of the indices of three bits become 7 or so, of a dictionary of 5
    assert find_page_flaw(bytes(data)) == "value 7 of a dictionary of 5"
