"""Pruning by statistics against the engines: no file and no row group is left out that holds a row they would find."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

import lakekit as lk
from lakekit.manifest.predicates import Predicate
from lakekit.manifest.pruning import choose_files, choose_row_groups, covers_all
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.expressions import read_polars_expression
from lakekit.views.reader import TableReader
from tests.views.lakes import Place, to_parquet
from tests.views.predicates import FAMILIES, Condition, draw_column, draw_condition

EXAMPLES = int(os.environ.get("EXAMPLES", 40))  # a table and a condition each; more are for a long search


@st.composite
def draw_file(draw: st.DrawFn, families: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    """A file's rows, and options to write them with."""
    rows = draw(st.integers(0, 8))
    columns = {"n": pa.array(range(rows), pa.int64())}
    for name, family in families.items():
        if draw(st.integers(0, 5)):  # else the file lacks it
            columns[name] = draw(draw_column(family, draw(st.sampled_from(family.types)), rows))
    options = {
        "writer": draw(st.sampled_from(["pyarrow", "pyarrow", "pyarrow", "duckdb", "polars"])),
        "row_group_size": draw(st.integers(1, 5)),
        "data_page_version": draw(st.sampled_from(["1.0", "2.0"])),
        "version": draw(st.sampled_from(["1.0", "2.4", "2.6"])),
        "write_statistics": draw(st.sampled_from([True, True, True, False, ["c0"]])),
        "write_page_index": draw(st.booleans()),
        "use_dictionary": draw(st.booleans()),
    }
    return pa.table(columns), options


@st.composite
def draw_case(draw: st.DrawFn) -> tuple[list[tuple[pa.Table, dict[str, Any]]], Condition]:
    """Files, and a condition on their columns or the key k."""
    names = draw(st.lists(st.sampled_from(sorted(FAMILIES)), min_size=1, max_size=3))
    families = {f"c{number}": FAMILIES[name] for number, name in enumerate(names)}
    files = draw(st.lists(draw_file(families), min_size=1, max_size=4))
    present = {
        name: family for name, family in families.items() if any(name in table.column_names for table, _ in files)
    }
    return files, draw(draw_condition({**present, "k": FAMILIES["bytes"]}))


def open_files(files: list[tuple[pa.Table, dict[str, Any]]], folder: str) -> lk.Table:
    """The files as a table with the key k, the number of the file."""
    place = Place(folder)
    for number, (table, options) in enumerate(files):
        place.put(f"t/k={number}/a.parquet", write_file(table, **options))
    return place.open_table()


def write_file(table: pa.Table, *, writer: str, **options: Any) -> bytes:
    """The table as Parquet by one of three writers; the options are pyarrow's."""
    if writer == "pyarrow" or any(map(pa.types.is_duration, table.schema.types)):  # others store those otherwise
        return to_parquet(table, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.parquet")
        if writer == "polars":
            pl.from_arrow(table).write_parquet(path, row_group_size=options["row_group_size"])
        else:
            duckdb.from_arrow(table, connection=duckdb.connect()).write_parquet(str(path))
        return path.read_bytes()


def read_rows(table: lk.Table) -> pa.Table:
    """All rows, with the number of their file and of their row group."""
    reader, parts = TableReader(table.store, table.manifest), []
    for number, path in enumerate(table.files["path"]):
        metadata = pq.read_metadata(io.BytesIO(table.store.read_range(path, 0, table.files["size_bytes"][number])))
        groups = [group for group in range(metadata.num_row_groups) for _ in range(metadata.row_group(group).num_rows)]
        for part in reader.read_files([path]):  # one, for the file is small
            part = part.append_column("file", pa.array([number] * part.num_rows, pa.int64()))
            parts.append(part.append_column("group", pa.array(groups, pa.int64())))
    return pa.concat_tables(parts) if parts else table.schema.empty_table()


def check(table: lk.Table, predicate: Predicate, found: set[tuple[int, int]], files: set[int]) -> None:
    """Whether what holds the rows found is kept, of these files."""
    kept = choose_files(table.manifest, predicate)
    assert {file for file, _ in found} & files <= set(np.flatnonzero(kept).tolist()), predicate
    for number, path in enumerate(table.files["path"]):
        if number in files:
            groups = choose_row_groups(table.manifest, path, predicate)
            assert {group for file, group in found if file == number} <= set(groups), predicate


def check_covered(table: lk.Table, predicate: Predicate, found: list[int], files: set[int]) -> None:
    """Whether in files that are said to match as a whole each row is found."""
    covered = set(np.flatnonzero(covers_all(table.manifest, predicate)).tolist()) & files
    rows = table.files["rows"].to_list()
    assert {number: found.count(number) for number in covered} == {number: rows[number] for number in covered}, (
        predicate
    )


def list_scans(con: duckdb.DuckDBPyConnection, condition: str) -> Iterator[tuple[int, list[str]]]:
    """For each scan of the view t the number of its group, and the conditions on it."""
    plan = con.execute(f"EXPLAIN (FORMAT json) SELECT * FROM t WHERE {condition}").fetchall()[0][1]

    def walk(node: dict[str, Any], above: list[str]) -> Iterator[tuple[int, list[str]]]:
        info = node["extra_info"]
        texts = [text for key in ("Filters", "File Filters", "Expression") for text in as_list(info.get(key))]
        if node["name"] == "READ_PARQUET":
            marked = next(name for name in as_list(info["Projections"]) if name.startswith("k@"))
            yield int(marked.removeprefix("k@")), above + texts
        for child in node["children"]:
            yield from walk(child, above + texts if node["name"] == "FILTER" else above)

    for root in json.loads(plan):
        yield from walk(root, [])


def as_list(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


@settings(max_examples=EXAMPLES)
@given(draw_case())
def test_no_file_and_no_row_group_is_left_out_that_duckdb_finds_rows_in(case):
    files, condition = case
    with tempfile.TemporaryDirectory() as folder:
        table = open_files(files, folder)
        con = duckdb.connect()
        con.execute("SET TimeZone = 'America/New_York'")
        rows = read_rows(table)  # noqa: F841
        try:
            found = con.sql(f'SELECT file, "group" FROM rows WHERE {condition.sql}').fetchall()
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.OutOfRangeException):
            return  # types that are not compared
        view = table.view
        table.duckdb(con, "t")
        groups = {group.number: group.paths for group in view.plan.groups}
        numbers = {path: number for number, path in enumerate(table.files["path"])}
        for group, texts in list_scans(con, condition.sql):
            predicate = read_duckdb_conditions(texts, table.schema, {f"k@{group}": "k"})
            members = {numbers[path] for path in groups[group]}
            check(table, predicate, set(found), members)
            check_covered(table, predicate, [file for file, _ in found], members)


@settings(max_examples=EXAMPLES)
@given(draw_case())
def test_no_file_and_no_row_group_is_left_out_that_polars_finds_rows_in(case):
    files, condition = case
    with tempfile.TemporaryDirectory() as folder:
        table = open_files(files, folder)
        rows = pl.from_arrow(read_rows(table))
        try:
            expressions = [condition.polars, *hand_over(condition.polars, rows.drop("file", "group"))]
        except pl.exceptions.PolarsError:
            return  # types that are not compared
        for expression in expressions:  # Polars may hand over a part of it, and check the rest itself
            found = rows.filter(expression).select("file", "group").rows()
            predicate = read_polars_expression(expression, table.schema)
            check(table, predicate, set(found), set(range(len(files))))
            check_covered(table, predicate, [file for file, _ in found], set(range(len(files))))


def hand_over(condition: pl.Expr, frame: pl.DataFrame) -> list[pl.Expr]:
    """The filter as Polars hands it to a view."""
    handed = []

    def read(columns: Any, predicate: pl.Expr | None, rows: Any, batch: Any) -> Iterator[pl.DataFrame]:
        if predicate is not None:
            handed.append(predicate)
        yield frame.clear()

    register_io_source(read, schema=frame.schema).filter(condition).collect()
    return handed
