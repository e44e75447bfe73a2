"""What each command does: call the function, print what it gives.

It must not decide anything that the functions do not.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lakekit as lk
from lakekit.display import hide_controls
from lakekit.errors import InvalidArgument, NoFilesFound

if TYPE_CHECKING:
    import polars as pl

    from lakekit.lake import Lake


def list_tables(chosen: Namespace) -> None:
    """The tables of a lake."""
    lake = _open_lake(chosen)
    if not chosen.json:
        return print_text(lake)
    tables = []
    for name in lake:
        entries = lake[name].manifest.entries
        tables.append(
            {
                "table": name,
                "files": entries.height,
                "size_bytes": entries["size_bytes"].sum(),
                "rows": entries["rows"].sum(),
                "partition_keys": list(lake[name].manifest.schema.keys),
                "drift": list(lake[name].drift.variants),
                "storage_classes": entries["storage_class"].unique().sort().to_list(),
                "error": None,
            }
        )
    failed = [{"table": name, "error": str(error)} for name, error in lake.failed.items()]
    print_json(tables + failed)


def show_schema(chosen: Namespace) -> None:
    """The columns of a table."""
    from lakekit.manifest.drift import describe_schema

    table = _open_lake(chosen)[chosen.table]
    if not chosen.json:
        return print_text(table)
    keys = table.manifest.schema.keys
    columns = describe_schema(table.schema)
    print_json([{"column": name, "type": kind, "is_partition_key": name in keys} for name, kind in columns])


def show_drift(chosen: Namespace) -> None:
    """What differs between the files of a table."""
    drift = _open_lake(chosen)[chosen.table].drift
    print_json(drift.frame.to_dicts()) if chosen.json else print_text(drift)


def run_sql(chosen: Namespace) -> None:
    """The rows of a query."""
    query = _read_query(chosen)  # before Polars runs: from then on no Ctrl-C ends a wait for standard input
    relation = _open_lake(chosen).sql(query)
    rows = None if relation is None else relation.pl()
    if rows is None:
        return
    if chosen.json:
        return print_json(rows.to_dicts())
    print_rows(rows)


def preview_sql(chosen: Namespace) -> None:
    """What a query would cost."""
    query = _read_query(chosen)
    receipt = _open_lake(chosen).preview(query)
    print_json(receipt.row()) if chosen.json else print_text(receipt)


def plan_tiers(chosen: Namespace) -> None:
    """Where the partitions of a table should live."""
    table = lk.open_table(chosen.url, storage=choose_storage(chosen))
    reads: Any = lk.tiering.read_access_logs(chosen.access_logs) if chosen.access_logs else "age"
    waits = chosen.restore_hours
    constraints = lk.tiering.Constraints(
        answers_select=not waits, restore_hours=waits or None, recreatable=chosen.recreatable
    )
    assumptions = lk.tiering.Assumptions(
        horizon_months=chosen.horizon_months, growth_per_month=chosen.growth_percent / 100
    )
    book = lk.prices.load_book(chosen.region) if chosen.region else None
    plan = lk.tiering.plan(
        table, lk.tiering.heat(table, reads), constraints=constraints, assumptions=assumptions, book=book
    )
    if chosen.rules:
        print_text(lk.tiering.lifecycle(plan).to_json())
    elif chosen.json:
        totals = {name: getattr(plan, name) for name in ("now_usd", "plan_usd", "once_usd", "saving_usd", "prices")}
        print_json({**totals, "partitions": plan.frame.to_dicts()})
    else:
        print_text(plan.describe())


def price_dynamodb(chosen: Namespace) -> None:
    """A month of a DynamoDB table in each mode."""
    from lakekit import dynamodb as ddb

    items = _read_items(Path(chosen.items))
    table = ddb.TableDesign("table", chosen.partition_key)
    entity = ddb.make_entity("item", items, table, count=chosen.items_stored)
    consistency = "strong" if chosen.strong else "eventual"
    reads, writes = ddb.Constant(chosen.reads), ddb.Constant(chosen.writes)
    patterns = (
        ddb.AccessPattern("reads", "GetItem", "item", reads, consistency=consistency),
        ddb.AccessPattern("writes", "PutItem", "item", writes),
    )
    comparison = ddb.compare_modes(ddb.Workload(table, (entity,), patterns, {}), rates=chosen.region)
    if not chosen.json:
        return print_text(comparison)
    options = [{"name": option.name, "usd_per_month": option.usd} for option in comparison.options]
    print_json({"cheapest_uncommitted": comparison.cheapest_uncommitted.name, "options": options})


def open_workshop(chosen: Namespace) -> None:
    """The notebooks, copied, and JupyterLab at the first."""
    from lakekit.workshop import copy_workshop, open_lab

    copied = copy_workshop(chosen.folder)
    if chosen.json:
        print_json({"folder": str(copied.folder), "copied": copied.copied, "kept": copied.kept})
    else:
        print_text(copied)
    if not chosen.no_lab:
        open_lab(copied.folder)


def _open_lake(chosen: Namespace) -> Lake:
    return lk.open_lake(chosen.url, storage=choose_storage(chosen))


def choose_storage(chosen: Namespace) -> lk.Storage | None:
    given = {name: getattr(chosen, name) for name in ("region", "profile", "endpoint_url") if getattr(chosen, name)}
    if chosen.anonymous:
        given["anonymous"] = True
    return lk.Storage(**given) if given else None


def _read_query(chosen: Namespace) -> str:
    return sys.stdin.read() if chosen.query == "-" else chosen.query


def _read_items(path: Path) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NoFilesFound(f"No file {path}.", hint="a JSON file with an item, or a list of them.") from error
    except ValueError as error:
        raise InvalidArgument(f"{path} is not JSON: {error}.") from error
    items = parsed if isinstance(parsed, list) else [parsed]
    if not items or not all(isinstance(item, dict) for item in items):
        raise InvalidArgument(f"{path} holds no object of JSON, and no list of them.")
    return items


def print_rows(rows: pl.DataFrame) -> None:
    """All rows: what was asked for is not cut off."""
    import polars as pl

    everything = {"tbl_rows": -1, "tbl_cols": -1, "tbl_width_chars": -1, "fmt_str_lengths": 10_000}
    with pl.Config(**everything, tbl_hide_column_data_types=True):
        print_text(rows)


def print_json(value: dict[str, Any] | Sequence[Any]) -> None:
    """One line of JSON; times and decimals as text."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    print(hide_controls(text, lambda letter: f"\\u{ord(letter):04x}"))


def print_text(value: object) -> None:
    """A value as text, without what would tell a terminal to do something."""
    print(hide_controls(str(value)))
