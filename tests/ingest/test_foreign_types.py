"""Columns of DuckDB, Polars and Arrow that Parquet or Arrow do not have: stored as what they are, or refused."""

from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk


def write(source, folder, **options):
    return lk.ingest.write_batch(source, folder, batch_id="all", **options)


def read(folder):
    return lk.open_table(folder).polars().collect()


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["x", "y", "a longer one, which lies outside of its view"])])
@pytest.mark.parametrize("nested", ["plain", "list", "struct"])
def test_categories_of_a_polars_frame_are_texts(tmp_path, kind, nested):
    texts = ["x", None, "a longer one, which lies outside of its view"]
    column = pl.Series("v", texts, dtype=kind)
    frame = pl.DataFrame({"n": [1, 2, 3], "v": column})
    if nested != "plain":
        frame = frame.with_columns(pl.concat_list("v") if nested == "list" else pl.struct("v").alias("v"))
    done = write(frame, tmp_path, sort_by="n")
    assert (done.rows, done.quarantined) == (3, 0)
    wrap = {"plain": lambda one: one, "list": lambda one: [one], "struct": lambda one: {"v": one}}[nested]
    assert read(tmp_path)["v"].to_list() == [wrap(one) for one in texts]


def test_texts_in_a_dictionary_become_numbers_no_other_way_than_plain_ones(tmp_path):
    lk.ingest.write_batch(pa.table({"n": [1]}), tmp_path, batch_id="numbers")
    done = write(pa.table({"n": pa.array(["7", "07", None]).dictionary_encode()}), tmp_path)
    assert (done.rows, done.quarantined) == (2, 1)  # 07 would lose its zero
    assert sorted(read(tmp_path)["n"].to_list(), key=str) == [1, 7, None]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("340282366920938463463374607431768211455::UHUGEINT", "UHUGEINT"),  # Arrow is given -1
        ("[1::UHUGEINT]", "UHUGEINT"),
        ("{'a': MAP {1: [1::UHUGEINT]}}", "UHUGEINT"),
        ("'10:00:00+02'::TIMETZ", "TIME WITH TIME ZONE"),  # Arrow is given 10:00
        ("1::BIGNUM", "BIGNUM"),
        ("'101'::BIT", "BIT"),
    ],
)
def test_types_of_duckdb_that_arrow_would_be_given_as_other_values_are_refused(tmp_path, value, kind):
    with pytest.raises(lk.InvalidArgument, match=f"'v' is or holds {kind}"):
        write(duckdb.connect().sql(f"SELECT {value} AS v"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_hugeint_of_39_digits_is_quarantined_and_one_of_38_is_stored(tmp_path):
    most = 10**38 - 1
    done = write(duckdb.connect().sql(f"SELECT unnest([{most}::HUGEINT, {most + 1}, -{most}]) AS v"), tmp_path)
    assert (done.rows, done.quarantined) == (2, 1)
    assert sorted(read(tmp_path)["v"].to_list()) == [Decimal(-most), Decimal(most)]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "column",
    [
        pl.Series([2**100], dtype=pl.Int128),
        pl.Series([[1]], dtype=pl.List(pl.Int128)),
        pl.Series([{"a": 1}], dtype=pl.Struct({"a": pl.UInt128})),
        pl.Series([object()], dtype=pl.Object),  # Arrow is given addresses in memory
    ],
    ids=lambda column: str(column.dtype),
)
def test_types_of_polars_that_arrow_does_not_have_are_refused(tmp_path, column, lazy):
    frame = pl.DataFrame({"v": column})
    with pytest.raises(lk.InvalidArgument, match="'v' is or holds "):
        write(frame.lazy() if lazy else frame, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_decimals_that_count_in_hundreds_are_whole_numbers(tmp_path):
    column = pa.array([Decimal("1E+2"), None], pa.decimal128(5, -2))  # up to 99999 hundreds: 7 digits
    write(pa.table({"v": column, "n": [1, 2]}), tmp_path, sort_by="n")
    table = lk.open_table(tmp_path)
    assert table.schema.field("v").type == pa.decimal128(7, 0)
    assert read(tmp_path)["v"].to_list() == [Decimal(100), None]


def test_rows_without_a_column_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(lk.InvalidArgument, match="no columns"):
        write(pa.table({"v": [1, 2]}).select([]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_partition_key_whose_folders_would_be_hidden_is_refused(tmp_path):
    with pytest.raises(lk.InvalidArgument, match="readers pass over"):
        write(pa.table({".k": [1], "v": [2]}), tmp_path, partition_by=".k")
    assert list(tmp_path.iterdir()) == []
    write(pa.table({"_k": [1], "v": [2]}), tmp_path, partition_by="_k")
    assert read(tmp_path).to_dicts() == [{"v": 2, "_k": 1}]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": "x"}, {"b": "y", "a": 2}, {"a": 2, "b": "y"}),
        ({"a": 1}, {"z": 0.5, "a": 2}, {"a": 2, "z": 0.5}),
        ([{"a": {"p": 1, "q": 2}}], [{"a": {"q": 3, "p": 4}}], [{"a": {"p": 4, "q": 3}}]),
    ],
)
def test_fields_of_structs_may_come_in_another_order_than_in_the_table(tmp_path, before, after, expected):
    lk.ingest.write_batch(pa.table({"n": [1], "s": [before]}), tmp_path, batch_id="before")
    done = write(pa.table({"n": [2], "s": [after]}), tmp_path)
    assert (done.rows, done.quarantined) == (1, 0)
    table = lk.open_table(tmp_path)
    assert table.polars().filter(pl.col("n") == 2).collect()["s"].to_list() == [expected]
    assert table.duckdb(duckdb.connect()).filter("n = 2").select("s").fetchall() == [(expected,)]


def test_durations_take_the_unit_of_the_table_which_could_not_be_read_in_two(tmp_path):
    lk.ingest.write_batch(pa.table({"d": pa.array([5], pa.duration("s"))}), tmp_path, batch_id="seconds")
    done = write(pa.table({"d": pa.array([7000, 1500], pa.duration("ms"))}), tmp_path)
    assert (done.rows, done.quarantined, done.widened) == (1, 1, ())  # 1.5 s are no whole seconds
    assert sorted(read(tmp_path)["d"].to_list()) == [5, 7]
