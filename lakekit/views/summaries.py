"""Counts, lowest and highest values that the manifest knows exactly: queries for these alone need no file.

It must not answer what is not certain: bounds of text may be cut short, those of floating-point numbers leave NaN out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lakekit.manifest.manifest import Manifest
from lakekit.views.explain import Step
from lakekit.views.names import find_table_select

_STEPS = {"READ_PARQUET", "UNION", "PROJECTION", "UNGROUPED_AGGREGATE", "EMPTY_RESULT"}
_LIMITS = ("LIMIT", "STREAMING_LIMIT")  # of the query: it has one
_FUNCTIONS = {"count_star": 0, "count": 1, "min": 1, "max": 1}  # with how many arguments


@dataclass(frozen=True)
class Aggregate:
    """One column of the answer: count_star, count, min or max, and of which column."""

    function: str
    column: str | None = None


def read_aggregates(query: str) -> list[Aggregate] | None:
    """What a query asks of one table, where it asks for nothing but aggregates of columns.

    Example:
        >>> read_aggregates("SELECT count(*), min(x) FROM t WHERE n = 1")
        [Aggregate(function='count_star', column=None), Aggregate(function='min', column='x')]
        >>> read_aggregates("SELECT min(x + 1) FROM t"), read_aggregates("SELECT min(x) FROM t GROUP BY n")
        (None, None)
    """
    node = find_table_select(query)
    if node is None or node["modifiers"]:
        return None
    found = [_read_aggregate(entry) for entry in node["select_list"]]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _read_aggregate(entry: dict[str, Any]) -> Aggregate | None:
    if entry["class"] != "FUNCTION" or entry["function_name"] not in _FUNCTIONS:
        return None
    if entry["filter"] or entry["distinct"] or entry["order_bys"]["orders"] or entry["schema"]:
        return None
    arguments = [argument["expression"] for argument in entry["arguments"]]
    if len(arguments) != _FUNCTIONS[entry["function_name"]]:
        return None
    if not arguments:
        return Aggregate("count_star")
    is_column = arguments[0]["class"] == "COLUMN_REF" and len(arguments[0]["column_names"]) == 1
    return Aggregate(entry["function_name"], arguments[0]["column_names"][0]) if is_column else None


def only_aggregates(steps: Sequence[Step], aggregates: Sequence[Aggregate]) -> bool:
    """Whether a plan does nothing but scan and make these aggregates: a macro of the user's may be called like one.

    Args:
        steps: of the plan, the last one first.
        aggregates: see :func:`read_aggregates`.
    """
    steps = steps[1:] if steps and steps[0].name in _LIMITS else steps
    told = {text.partition("(")[0] for step in steps for text in step.read("Aggregates")}
    return {step.name for step in steps} <= _STEPS and {aggregate.function for aggregate in aggregates} <= told


def summarize(manifest: Manifest, rows: np.ndarray, aggregates: Sequence[Aggregate]) -> list[pa.Scalar] | None:
    """What the aggregates are over some files; None if the manifest does not know one of them for certain.

    Args:
        manifest: the table.
        rows: the files, as positions in ``manifest.files``.
        aggregates: of columns of the table, whatever the case of their names.
    """
    counts = manifest.entries["rows"].gather(rows)
    broken = {manifest.find(path) for path in manifest.problems}
    if counts.null_count() or not broken.isdisjoint(rows.tolist()):
        return None
    total = int(counts.sum())
    answers = []
    for aggregate in aggregates:
        answer = _summarize_column(manifest, rows, counts, aggregate) if aggregate.column else pa.scalar(total)
        if answer is None:
            return None
        answers.append(answer)
    return answers


def _summarize_column(
    manifest: Manifest, rows: np.ndarray, counts: pl.Series, aggregate: Aggregate
) -> pa.Scalar | None:
    schema = manifest.schema.arrow
    named = [name for name in schema.names if name.casefold() == aggregate.column.casefold()]
    found = _find_bounds(manifest, named[0]) if len(named) == 1 else None
    if found is None:
        return None
    has_rows, kind = counts > 0, schema.field(named[0]).type
    low, high, nulls = (values.gather(rows).filter(has_rows) for values in found)
    if nulls.null_count():
        return None
    counts = counts.filter(has_rows)
    if aggregate.function == "count":
        return pa.scalar(int(counts.sum()) - int(nulls.sum()))
    bounds = (low if aggregate.function == "min" else high).filter(counts > nulls)
    if not is_exact(kind) or bounds.null_count():
        return None
    array = bounds.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(kind)
    return pc.min_max(array)[aggregate.function] if len(array) else pa.scalar(None, kind)


def _find_bounds(manifest: Manifest, column: str) -> tuple[pl.Series, pl.Series, pl.Series] | None:
    """Lowest, highest and number of NULL of a column in each file; None for one that may not be readable at all."""
    if column in manifest.schema.keys:
        values = manifest.find_values(column)
        return values, values, values.is_null() * manifest.entries["rows"]
    supplies = {how[column] for how in manifest.schema.supplies.values()}
    return manifest.find_stats(column) if supplies <= {"same", "widened", "missing"} else None


def is_exact(kind: pa.DataType) -> bool:
    """Whether bounds of a type are values that are there, and are compared alike by all."""
    types = pa.types
    return types.is_integer(kind) or types.is_decimal(kind) or types.is_date32(kind) or types.is_timestamp(kind)
