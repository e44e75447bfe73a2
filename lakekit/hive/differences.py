"""Where another engine would answer otherwise than lakekit does over the same files.

It must not refuse anything: it tells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from lakekit.manifest.partitions import HIVE_NULL
from lakekit.storage.store import ARCHIVE_CLASSES
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from lakekit.hive.layout import Partition
    from lakekit.table import Table

MOST_COMMENT = 255  # characters that Glue takes; botocore's model of Glue, 2026-11
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
# Rows missing and no error: https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html, read 2026-04-13
_ARCHIVED = {
    "athena": "Athena leaves archived objects out without a word, and its answers are smaller",
    "redshift": "Redshift Spectrum fails on, or leaves out, archived objects",
    "spark": "Spark fails on archived objects",
    "duckdb": "DuckDB fails on archived objects, with a message about credentials",
}
_NAMES = {"athena": "Athena", "redshift": "Redshift Spectrum", "spark": "Spark", "duckdb": "DuckDB"}


def find_differences(table: Table, partitions: list[Partition], engine: str) -> list[str]:
    """Sentences, one for each way in which the engine's answers may differ.

    Args:
        table: as lakekit reads it.
        partitions: as `list_partitions` gives them.
        engine: "athena", "redshift", "spark" or "duckdb".
    """
    found = [*_of_files(table, engine), *_of_drift(table, engine)]
    if engine == "duckdb":
        return found
    return [*found, *_of_names(table, engine), *_of_times(table, engine), *_of_values(table, partitions, engine)]


def _of_files(table: Table, engine: str) -> list[str]:
    classes = table.manifest.entries["storage_class"]
    archived = classes.is_in(ARCHIVE_CLASSES).sum()
    told = []
    if archived:
        told.append(f"{_ARCHIVED[engine]}: {format_number_of(archived, 'file')} here.")
    left_out = table.skipped.height
    if left_out and engine != "duckdb":
        told.append(
            f"{_NAMES[engine]} reads every file in a folder whose name does not begin with '.' or '_', the "
            f"{format_number_of(left_out, 'file')} that lakekit left out as well; see table.skipped."
        )
    return told


def _of_drift(table: Table, engine: str) -> list[str]:
    told = []
    for column, variants in table.drift.variants.items():
        kept = [one for one in variants if one.supply not in ("missing", "same")]
        for one in kept:
            where = f"{column!r} is {one.type} in {format_number_of(len(one.paths), 'file')}, such as {one.paths[0]}, "
            where += f"and {table.drift.types[column]} in the table"
            if one.supply == "conflict":
                told.append(f"{where}: queries that ask for it there fail, in lakekit too.")
            elif engine == "duckdb":
                told.append(f"{where}: DuckDB converts without checking that values stay the same.")
            elif not (engine == "spark" and _widens(one.type, table.drift.types[column])):
                told.append(f"{where}: {_NAMES[engine]} fails when it reads the column there; compaction makes it one.")
        if engine == "redshift" and any(one.supply == "missing" for one in variants):
            told.append(
                f"{column!r} is missing in some files: Redshift must find columns by name, and not by position."
            )
    return told


def _widens(stored: str, kind: str) -> bool:
    """What Spark 4 reads under a wider type: https://issues.apache.org/jira/browse/SPARK-40876, read 2026-11."""
    order = ("int8", "int16", "int32", "int64")
    if stored in order and kind in order:
        return order.index(stored) <= order.index(kind)
    return (stored, kind) in (("float", "double"), ("int32", "double"))


def _of_names(table: Table, engine: str) -> list[str]:
    names = table.schema.names
    folded = [name for name in names if name != name.lower()]
    told = []
    if folded and engine != "spark":
        told.append(f"Names are kept in small letters: {', '.join(map(repr, folded[:5]))} become so.")
    odd = [name for name in names if not _WORD.fullmatch(name.lower())]
    if odd and engine != "spark":
        told.append(f"{', '.join(map(repr, odd[:5]))}: names with other than letters, digits and _ must be quoted.")
    return told


def _of_times(table: Table, engine: str) -> list[str]:
    zoned = [field.name for field in table.schema if pa.types.is_timestamp(field.type) and field.type.tz]
    naive = [field.name for field in table.schema if pa.types.is_timestamp(field.type) and not field.type.tz]
    fine = [field.name for field in table.schema if pa.types.is_timestamp(field.type) and field.type.unit == "ns"]
    told = []
    if zoned and engine != "spark":
        told.append(f"{_NAMES[engine]} shows {', '.join(map(repr, zoned))} as UTC without a zone.")
    if naive and engine == "spark":
        told.append(f"Spark takes {', '.join(map(repr, naive))} for times in the session's zone; set it to UTC.")
    if fine:
        cut = "milliseconds" if engine == "athena" else "microseconds"
        told.append(f"{', '.join(map(repr, fine))} have nanoseconds: {_NAMES[engine]} fails on them or cuts at {cut}.")
    elif zoned + naive and engine == "athena":
        told.append(f"Athena shows {', '.join(map(repr, zoned + naive))} to the millisecond; files hold microseconds.")
    return told


def _of_values(table: Table, partitions: list[Partition], engine: str) -> list[str]:
    told = []
    nulls = [
        key for index, key in enumerate(table.manifest.schema.keys) if any(p.values[index] is None for p in partitions)
    ]
    if nulls:
        told.append(
            f"{', '.join(map(repr, nulls))} is NULL in some partitions, {HIVE_NULL} in the catalog: "
            f"{_NAMES[engine]} must read that as NULL, and conditions on the key leave it out."
        )
    if any("%" in one.folder for one in partitions):
        told.append(
            "Folder names hold escapes (%): values come from the catalog and are right; MSCK REPAIR would change them."
        )
    return told


def tell_column(table: Table, column: str) -> str:
    """The comment of a column with drift, "" for others; without numbers, which would change with each new file."""
    variants = table.drift.variants.get(column)
    if not variants:
        return ""
    types = list(dict.fromkeys(one.type for one in variants if one.supply != "missing"))
    parts = [f"files hold {' or '.join(types)}"] if len(types) > 1 else []
    parts += ["missing in some files"] if any(one.supply == "missing" for one in variants) else []
    return f"drift: {'; '.join(parts)}"[:MOST_COMMENT] if parts else ""


def make_fits(table: Table):
    """Whether the files' statistics prove that an unsigned column fits the signed type of its width."""

    def fits(column: str) -> bool:
        stats = table.manifest.find_stats(column) if column in table.schema.names else None
        if stats is None:
            return False
        kind = table.schema.field(column).type
        frame = pl.DataFrame({"high": stats[1], "nulls": stats[2], "rows": table.manifest.entries["rows"]})
        unknown = frame.filter(pl.col("high").is_null() & (pl.col("nulls") != pl.col("rows")).fill_null(True))
        highest = frame["high"].max()
        return unknown.is_empty() and (highest is None or highest < 2 ** (kind.bit_width - 1))

    return fits
