"""Tables that are published as Delta, by their listing alone; and what other readers of Delta find in them."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction

import lakekit as lk


def publish(folder: Path) -> lk.Table:
    """A Delta log over all files of a folder, as ``lk.publish`` would write it."""
    table = lk.open_table(folder)
    fields = [(one.name, pa.string() if pa.types.is_null(one.type) else one.type) for one in table.schema]
    keys = list(table.manifest.schema.keys)
    delta = DeltaTable.create(str(folder), Schema.from_arrow(pa.schema(fields)), partition_by=keys)
    append(delta, table, table.files["path"].to_list())
    return table


def append(delta: DeltaTable, table: lk.Table, paths: list[str]) -> None:
    """Let a log name these files too."""
    rows = table.files.filter(pl.col("path").is_in(paths))
    actions = [
        AddAction(
            path=row["path"],
            size=row["size_bytes"],
            partition_values={
                name: None if value is None else str(value) for name, value in (row["partition"] or {}).items()
            },
            modification_time=int(row["modified_at"].timestamp() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": row["rows"]}),
        )
        for row in rows.iter_rows(named=True)
    ]
    keys = list(table.manifest.schema.keys)
    delta.create_write_transaction(actions=actions, mode="append", schema=delta.schema(), partition_by=keys)


def read_delta(folder: Path, version: int | None = None) -> Counter:
    """Every row that deltalake finds, with how often it is there."""
    found = DeltaTable(str(folder), version=version).to_pyarrow_table()
    return Counter(map(repr, pl.DataFrame(pl.from_arrow(found)).select(sorted(found.column_names)).rows()))
