"""Damage is found before pyarrow meets it, which would end the process."""

import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit.errors import CorruptFile, EncryptedFile
from lakekit.manifest.damage import Leaf, find_footer_flaw, has_defined_order, list_leaves
from lakekit.manifest.footers import Footer, FooterParser
from lakekit.manifest.pages import verify_file
from tests.manifest.parquet_surgery import BINARY, I32, I64, LIST, STRUCT, Items, Struct, edit_footer, list_chunks
from tests.manifest.places import cut_footer, make_parquet

ROOT = Path(__file__).parents[2]
NUMBERS = {"n": pa.array([1, 2, 3], pa.int64()), "s": ["a", "b", "c"]}


def parse(data):
    return FooterParser().parse(cut_footer(data), "x.parquet", len(data))


def change_chunk(index, number, kind, value):
    """A file of two columns with one field of a column's metadata set."""
    return edit_footer(make_parquet(NUMBERS), lambda fields: list_chunks(fields)[index].put(number, kind, value))


def change_bound(data, index, field, bound):
    return edit_footer(data, lambda fields: list_chunks(fields)[index][12].put(field, BINARY, bound))


def drop_a_column(fields):
    fields[4][0][1].values.pop()


def add_a_column(fields):
    fields[4][0][1].values.append(fields[4][0][1][0])


def drop_metadata(fields):
    fields[4][0][1][0].drop(3)


def encrypt_a_column(fields):
    fields[4][0][1][1].put(8, STRUCT, Struct({1: (STRUCT, Struct())}))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (drop_a_column, "row group 0 has 1 columns, the schema 2"),
        (add_a_column, "row group 0 has 3 columns, the schema 2"),
        (drop_metadata, "column 0 of row group 0 has no metadata"),
        (encrypt_a_column, "column 1 of row group 0 is encrypted, though the file is not"),
        (lambda fields: list_chunks(fields)[0].put(1, I32, 1), "column 0 of row group 0 is not INT64"),
        (lambda fields: list_chunks(fields)[0].put(1, I32, 99), "column 0 of row group 0 is not INT64"),
        (lambda fields: list_chunks(fields)[1].put(1, I32, -7), "column 1 of row group 0 is not BYTE_ARRAY"),
    ],
)
def test_a_footer_that_contradicts_its_schema_is_corrupt(change, what):
    outcome = parse(edit_footer(make_parquet(NUMBERS), change))
    assert isinstance(outcome.error, CorruptFile)
    assert "x.parquet is damaged" in str(outcome.error)
    assert what in str(outcome.error)


def test_level_counts_that_the_column_does_not_have_are_a_flaw():
    sizes = Struct({3: (LIST, Items(I64, [0, 3]))})  # n is optional: levels 0 and 1
    assert isinstance(parse(change_chunk(0, 16, STRUCT, sizes)), Footer)
    for wrong in (
        Struct({3: (LIST, Items(I64, [0, 3, 0]))}),
        Struct({2: (LIST, Items(I64, [3, 0]))}),  # it does not repeat
        Struct({1: (I64, 3)}),  # only byte arrays count bytes
    ):
        assert "counts bytes or levels that it does not have" in str(parse(change_chunk(0, 16, STRUCT, wrong)).error)


def test_a_column_of_text_counts_its_bytes():
    assert isinstance(parse(change_chunk(1, 16, STRUCT, Struct({1: (I64, 3)}))), Footer)


def test_values_of_another_kind_than_parquet_says_are_a_flaw():
    leaves = [Leaf("INT64", 8)]
    assert find_footer_flaw({}, leaves) == "there are no row groups"
    assert find_footer_flaw({4: 5}, leaves) == "there are no row groups"
    assert find_footer_flaw({4: [{}]}, leaves) == "row group 0 has no columns"
    assert find_footer_flaw({4: [{1: [5]}]}, leaves) == "row group 0 has no columns"
    assert find_footer_flaw({4: [{1: [{3: b""}]}]}, leaves) == "column 0 of row group 0 has no metadata"
    assert find_footer_flaw({4: [{1: [{3: {1: b"2"}}]}]}, leaves).endswith("is not INT64, as the schema has it")
    assert find_footer_flaw({4: [{1: [{3: {1: 2, 16: 1}}]}]}, leaves).endswith("levels that it does not have")
    assert find_footer_flaw({4: [{1: [{3: {1: 2, 16: {2: 1}}}]}]}, leaves).endswith("levels that it does not have")
    assert find_footer_flaw({4: [{1: [{3: {1: 2, 12: 1}}]}]}, leaves).endswith("bounds that are not INT64")
    assert find_footer_flaw({4: [{1: [{3: {1: 2, 12: {1: 5}}}]}]}, leaves).endswith("bounds that are not INT64")
    assert find_footer_flaw({4: [{1: [{3: {1: 2}}]}]}, leaves) == ""


@pytest.mark.parametrize("bound", [b"", b"\0", b"\0" * 7, b"\0" * 9])
def test_bounds_that_are_no_value_of_the_type_are_a_flaw_where_pyarrow_would_read_them(bound):
    for field in (5, 6):  # min_value and max_value, which count where an order is defined
        outcome = parse(change_bound(make_parquet(NUMBERS), 0, field, bound))
        assert "column 0 of row group 0 has bounds that are not INT64" in str(outcome.error)
    for field in (1, 2):  # min and max, which count where it is not
        data = change_bound(make_parquet(NUMBERS), 0, field, bound)
        assert parse(data).stats["n"].max == 3
        assert verify_file(data, "x.parquet") is None
        outcome = parse(edit_footer(data, lambda fields: fields.drop(7)))
        assert "column 0 of row group 0 has bounds that are not INT64" in str(outcome.error)


def test_bounds_of_text_have_any_length():
    data = change_bound(make_parquet(NUMBERS), 1, 6, b"")
    assert parse(data).stats["s"].min == ""


def test_bounds_of_a_fixed_width_have_that_width():
    data = make_parquet({"d": pa.array([b"abcd"], pa.binary(4))})
    assert parse(data).stats["d"].min == b"abcd"
    assert "has bounds that are not FIXED_LEN_BYTE_ARRAY" in str(parse(change_bound(data, 0, 6, b"abc")).error)


def test_an_order_is_defined_when_each_column_has_one():
    leaves = [Leaf("INT64", 8), Leaf("BYTE_ARRAY", 0)]
    assert has_defined_order({7: [{1: {}}, {1: {}}]}, leaves)
    assert not has_defined_order({}, leaves)
    assert not has_defined_order({7: []}, leaves)
    assert not has_defined_order({7: [{1: {}}]}, leaves)
    assert not has_defined_order({7: [{1: {}}, {2: {}}]}, leaves)
    assert not has_defined_order({7: [1, 2]}, leaves)


def test_leaves_know_how_deep_they_lie():
    data = make_parquet({"a": pa.array([[1]], pa.list_(pa.int32())), "b": pa.array([{"x": 1.5}])})
    leaves = list_leaves(pq.read_metadata(io.BytesIO(data)).schema)
    assert leaves == (Leaf("INT32", 4, 1, 3), Leaf("DOUBLE", 8, 0, 2))


FUZZ = """
    import io, os, random, sys
    import pyarrow as pa, pyarrow.parquet as pq
    from lakekit.errors import LakekitError
    from lakekit.manifest.footers import Footer, FooterParser, footer_size
    from lakekit.manifest.pages import verify_file

    table = pa.table({
        "i": pa.array([1, None, 3], pa.int64()), "b": [True, False, None], "s": ["a", "bb", None], "f": [1.5, 2, None],
        "d": pa.array([1, None, -2], pa.decimal128(10, 2)), "t": pa.array([1, 2, 3], pa.timestamp("ns")),
        "l": [[1], [2, 3], None], "st": [{"x": 1}, None, {"x": 3}],
    })
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=2)
    sound, outcomes = sink.getvalue(), {}
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for seed in range(first, last):
        print(seed, flush=True)
        chance, data = random.Random(seed), bytearray(sound)
        size = int.from_bytes(data[-8:-4], "little") + 8
        for _ in range(chance.choice([1, 1, 2, 5])):
            data[chance.randrange(len(data) - size, len(data))] ^= 1 << chance.randrange(8)
        data = bytes(data)
        try:
            size = footer_size(data, "x", len(data))
            outcome = FooterParser().parse(data[-size:], "x", len(data))
            error = verify_file(data, "x") if isinstance(outcome, Footer) else outcome.error
        except LakekitError as raised:
            error = raised
        assert error is None or isinstance(error, LakekitError), error
        outcomes[type(error).__name__] = outcomes.get(type(error).__name__, 0) + 1
    print(sorted(outcomes))
"""


def test_no_damaged_footer_ends_the_process_or_raises_anything_else():
    """One to five flipped bits; without the checks pyarrow 26 ends the process at about one footer in a hundred."""
    command = [sys.executable, "-c", textwrap.dedent(FUZZ), "0", "2000"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False)
    lines = answer.stdout.splitlines()
    assert answer.returncode == 0, f"seed {lines[-1:]}: {answer.stderr[-1000:]}"
    assert lines[-1] == "['CorruptFile', 'EncryptedFile', 'NoneType']"


def test_the_errors_of_damage_are_those_of_bad_values_too():
    assert issubclass(CorruptFile, ValueError)
    assert issubclass(EncryptedFile, ValueError)
