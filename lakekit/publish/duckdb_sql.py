"""A view in plain DuckDB SQL over the files of a manifest, for a DuckDB that has httpfs and no lakekit.

It must not use anything of lakekit at run time: the text is all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakekit.errors import InvalidArgument
from lakekit.hive.layout import Partition, format_value
from lakekit.units import format_number_of
from lakekit.views.sqltypes import duckdb_type, quote_name, quote_text

if TYPE_CHECKING:
    from lakekit.table import Table

MOST_FILES = 10_000  # listed in one statement: about 1 MB of text, that DuckDB parses in some 0.1 s
MOST_SCANS = 500  # in one UNION; each is planned for itself


def write_duckdb(
    table: Table, partitions: list[Partition], name: str, database: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The statement that creates the view, and warnings.

    Raises:
        InvalidArgument: too many files or partitions for one statement, or files that cannot be read.
    """
    files = table.manifest.entries["path"]
    if files.len() > MOST_FILES:
        what = f"{table.name} has {format_number_of(files.len(), 'file')}, and one statement lists {MOST_FILES:,}."
        raise InvalidArgument(what, hint="publish a Delta log, or compact the table first.")
    if table.manifest.problems:
        path, error = next(iter(table.manifest.problems.items()))
        what = f"{path} cannot be read: {error.what}"
        raise InvalidArgument(what, hint='open the table with on_bad_file="skip", or mend the file.')
    scans = _list_scans(table)
    if len(scans) > MOST_SCANS:
        what = f"{table.name} has {len(scans):,} partitions, and one statement joins {MOST_SCANS}."
        raise InvalidArgument(what, hint="publish a Delta log or a Glue table instead.")
    named = ".".join(quote_name(part) for part in [*([database] if database else []), name])
    text = "\nUNION ALL\n".join(scans)
    moment = table.manifest.entries["modified_at"].max()
    return (f"CREATE OR REPLACE VIEW {named} AS\n{text}",), (
        f"The view lists {format_number_of(files.len(), 'file')}, the last of {moment:%Y-%m-%d %H:%M} UTC: run this "
        "again when files come or go.",
    )


def _list_scans(table: Table) -> list[str]:
    """One SELECT for the files of each schema in each partition, with the keys' values as literals."""
    manifest = table.manifest
    entries = manifest.entries.select("path", "schema_id").with_columns(folder=manifest.folders.numbers)
    scans = []
    for (_, schema_id), group in entries.group_by("folder", "schema_id", maintain_order=True):
        paths = group["path"].to_list()
        values = manifest.partitioning.values_of(paths[0])
        scans.append(_write_scan(table, schema_id, paths, dict(zip(manifest.schema.keys, values, strict=True))))
    return scans


def _write_scan(table: Table, schema_id: str, paths: list[str], values: dict[str, object]) -> str:
    supplies, columns = table.manifest.schema.supplies[schema_id], []
    for field in table.schema:
        kind, name = duckdb_type(field.type), quote_name(field.name)
        if field.name in values:
            value = values[field.name]
            literal = "NULL" if value is None else quote_text(format_value(value))
            columns.append(f"CAST({literal} AS {kind}) AS {name}")
        elif supplies[field.name] == "missing":
            columns.append(f"CAST(NULL AS {kind}) AS {name}")
        elif supplies[field.name] == "conflict":
            what = f"TypeConflict: {field.name} is of another type in {paths[0]}"
            columns.append(f"CAST(error({quote_text(what)}) AS {kind}) AS {name}")
        else:
            columns.append(f"CAST({name} AS {kind}) AS {name}")
    listed = ", ".join(quote_text(_escape(table.store.address.join(path))) for path in paths)
    return f"SELECT {', '.join(columns)}\nFROM read_parquet([{listed}], hive_partitioning = false)"


def _escape(path: str) -> str:
    """A path in which DuckDB takes no character for a pattern."""
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in path)
