"""What LakeExplorer shows of a table: its partitions with files, bytes, rows, class and drift, and its columns.

It must not read anything but the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from lakekit.manifest.drift import describe_schema
from lakekit.units import format_bytes, format_count, format_number_of
from lakekit.widgets.panel import BLUE, INK, ORANGE, PURPLE, RED

if TYPE_CHECKING:
    from lakekit.table import Table

RAMP = (BLUE, PURPLE, "#c2438f", RED, ORANGE)  # from little to much; hues, for light and dark pages leave no lightness
MIXED = "several"


@dataclass(frozen=True)
class Measure:
    """A number that each partition has.

    Attributes:
        column: where it stands in the frame of partitions.
        title: what it is, with its unit.
        format: a value as text.
    """

    column: str
    title: str
    format: Callable[[int], str]


def list_ticks(most: int, measure: Measure) -> list[int]:
    """Up to six round values from 0 on; of bytes, multiples of a power of two.

    Example:
        >>> list_ticks(4000, MEASURES["bytes"]), list_ticks(3, MEASURES["files"])
        ([0, 1024, 2048, 3072], [0, 1, 2, 3])
    """
    steps = [1, 2] if measure.format is format_bytes else [1, 2, 5]
    base, step = 2 if len(steps) == 2 else 10, 1
    for power in range(64):
        for factor in steps:
            step = factor * base**power
            if most <= 5 * step:
                return list(range(0, most + 1, step))
    return [0]


MEASURES = {
    "files": Measure("files", "files", format_count),
    "bytes": Measure("size_bytes", "bytes", format_bytes),
    "rows": Measure("rows", "rows", format_count),
    "drift": Measure("drifting", "drifting columns", format_count),
}


def list_partitions(table: Table) -> pl.DataFrame:
    """One row for each partition, sorted by its keys.

    Columns: name (``date=2013-03-05/hour=7``), values (a list of Python objects, one for each key), files, size_bytes,
    rows, classes (a list), drifting (how many columns are of another type than the table's, or missing).

    Example:
        >>> import lakekit as lk
        >>> list_partitions(lk.open_table("data/sample/lake/weather")).row(0, named=True)["rows"]
        72
    """
    keys = table.manifest.schema.keys
    names = [f"key {key}" for key in keys]  # a key may be called rows
    columns = [table.manifest.find_values(key).alias(name) for key, name in zip(keys, names, strict=True)]
    files = table.manifest.entries.select("path", "size_bytes", "rows", "storage_class", *columns)
    groups = files.with_columns(differing=list_differing(table)).group_by(names or pl.lit(0), maintain_order=True)
    differing = pl.col("differing").list.explode(keep_nulls=False, empty_as_null=False)
    found = groups.agg(
        pl.len().cast(pl.Int64).alias("files"),
        pl.col("size_bytes", "rows").sum(),
        pl.col("storage_class").unique().sort().alias("classes"),
        differing.n_unique().cast(pl.Int64).alias("drifting"),
    ).sort(names or "files")
    values = found.select(names).rows() if keys else [()] * found.height
    return found.select("files", "size_bytes", "rows", "classes", "drifting").with_columns(
        name=pl.Series([name_partition(keys, row) for row in values], dtype=pl.String),
        values=pl.Series(values, dtype=pl.Object),
    )


def list_differing(table: Table) -> pl.Series:
    """For each file, in order, the columns that it holds with another type than the table's, or does not hold."""
    paths = table.manifest.entries["path"].to_list()
    differing: dict[str, list[str]] = {path: [] for path in paths}
    for column, variants in table.drift.variants.items():
        for variant in variants:
            for path in variant.paths if variant.supply != "same" else ():
                differing[path].append(column)
    return pl.Series([differing[path] for path in paths], dtype=pl.List(pl.String))


def name_partition(keys: Sequence[str], values: Sequence[Any]) -> str:
    """``date=2013-03-05/hour=7``; empty for a table without keys.

    Example:
        >>> name_partition(["year", "zip"], [2013, None])
        'year=2013/zip=NULL'
    """
    return "/".join(f"{key}={'NULL' if value is None else value}" for key, value in zip(keys, values, strict=True))


def select_files(table: Table, values: Sequence[Any] | None) -> pl.DataFrame:
    """The files of one partition, or of all, without their statistics."""
    entries = table.manifest.entries
    if values is None:
        return entries
    pairs = zip(table.manifest.schema.keys, values, strict=True)
    return entries.filter(*(table.manifest.find_values(key).eq_missing(pl.lit(value)) for key, value in pairs))


def list_columns(table: Table, path: str | None = None) -> list[tuple[str, str, str]]:
    """Each column with its type and what drifts: how files hold it, or how this one does.

    Example:
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> list_columns(weather)[-3:-1]
        [('visib', 'double', 'int64 in 24 files, double in 7 files'), ('time_hour', 'timestamp[us, UTC]', '')]
        >>> list_columns(weather, "date=2013-03-01/part-0.parquet")[-3]
        ('visib', 'double', 'here int64')
    """
    return [(name, kind, _describe_drift(table, name, path)) for name, kind in describe_schema(table.schema)]


def _describe_drift(table: Table, column: str, path: str | None) -> str:
    variants = table.drift.variants.get(column, ())
    if path is None:
        return ", ".join(f"{v.type} in {format_number_of(len(v.paths), 'file')}" for v in variants)
    return next((f"here {v.type}" for v in variants if path in set(v.paths) and v.supply != "same"), "")


def colour_numbers(numbers: Sequence[int], measure: Measure) -> tuple[list[str], dict[str, str]]:
    """A colour for each number, and the legend: what each colour stands for.

    Up to five different numbers have a colour each; more are put into five equal spans.

    Example:
        >>> colour_numbers([0, 3, 0], MEASURES["drift"])
        (['#1f77d0', '#d1690e', '#1f77d0'], {'0': '#1f77d0', '3': '#d1690e'})
    """
    steps = sorted(set(numbers))
    if len(steps) <= len(RAMP):
        ramp = [RAMP[round(n * (len(RAMP) - 1) / max(len(steps) - 1, 1))] for n in range(len(steps))]
        colours = dict(zip(steps, ramp, strict=True))
        return [colours[number] for number in numbers], {measure.format(step): colours[step] for step in steps}
    low, width = steps[0], (steps[-1] - steps[0]) / len(RAMP)
    places = [min(int((number - low) / width), len(RAMP) - 1) for number in numbers]
    bounds = [low + round(width * place) for place in range(len(RAMP) + 1)]
    texts = [measure.format(bound) for bound in bounds]
    if len(set(texts)) < len(texts):  # all are nearly the same, and only exact numbers tell them apart
        texts = [format_count(bound) for bound in bounds]
    names = [f"{start} to {end}" for start, end in pairwise(texts)]
    return [RAMP[place] for place in places], dict(zip(names, RAMP, strict=True))


def colour_classes(classes: Sequence[Sequence[str]], palette: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """A colour for each partition by the storage class of its files, and the legend.

    Example:
        >>> colour_classes([["STANDARD"], ["GLACIER", "STANDARD"]], {"STANDARD": "#dc3b3b"})
        (['#dc3b3b', '#767676'], {'STANDARD': '#dc3b3b', 'several': '#767676'})
    """
    names = [found[0] if len(found) == 1 else MIXED for found in classes]
    legend = {name: palette.get(name, INK) for name in dict.fromkeys(names)}
    return [legend[name] for name in names], legend
