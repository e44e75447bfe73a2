"""What can be written behind ``lakekit``, and the help for it.

It must not run anything.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import lakekit
from lakekit.cli import commands, tables

_EXAMPLES = """examples:
  lakekit ls s3://bucket/lake
  lakekit drift data/sample/lake weather
  lakekit sql data/sample/lake "SELECT origin, count(*) FROM flights GROUP BY ALL"
  lakekit preview s3://bucket/lake "SELECT * FROM flights WHERE date = '2013-03-05'" --json
  lakekit compact s3://bucket/lake/events --into s3://bucket/compacted/events
  lakekit workshop ~/lakekit-workshop
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; what it parses has ``run``, the function to call with it."""
    parser = argparse.ArgumentParser(
        prog="lakekit",
        description="Parquet on S3, or in a folder, as tables: what is there, what it says, what it costs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lakekit {lakekit.__version__}")
    add = _Adder(parser.add_subparsers(metavar="COMMAND", required=True))
    add.lake_command("ls", commands.list_tables, "list the tables of a lake", "lakekit ls s3://bucket/lake")
    for name, run, what in (
        ("schema", commands.show_schema, "show a table's columns and types"),
        ("drift", commands.show_drift, "show which columns differ between files"),
    ):
        command = add.lake_command(name, run, what, f"lakekit {name} data/sample/lake weather")
        command.add_argument("table", help="the name of a table")
    for name, run, what in (
        ("sql", commands.run_sql, "run a query"),
        ("preview", commands.preview_sql, "say what a query would cost, without reading data"),
    ):
        example = f'lakekit {name} data/sample/lake "SELECT count(*) FROM flights"'
        add.lake_command(name, run, what, example).add_argument("query", help="SQL in DuckDB's dialect; - reads stdin")
    _add_sizes(add)
    _add_compact(add)
    _add_ingest(add)
    _add_cdc(add)
    _add_tier(add)
    _add_dynamodb(add)
    workshop = add.command(
        "workshop", commands.open_workshop, "copy the notebooks and the sample, and open them", "lakekit workshop"
    )
    workshop.add_argument("folder", nargs="?", default="lakekit-workshop", help="where to (default: %(default)s)")
    workshop.add_argument("--no-lab", action="store_true", help="only copy, do not open JupyterLab")
    return parser


class _Adder:
    """Adds commands that look alike."""

    def __init__(self, commands: argparse._SubParsersAction):
        self._commands = commands

    def command(self, name: str, run: Callable, what: str, example: str) -> argparse.ArgumentParser:
        """A command with an example in its help."""
        command = self._commands.add_parser(
            name,
            help=what,
            description=f"{what.capitalize()}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print JSON instead of text")
        return command

    def lake_command(self, name: str, run: Callable, what: str, example: str) -> argparse.ArgumentParser:
        """A command on a lake, wherever it is."""
        return self._command_at("a lake", name, run, what, example)

    def table_command(self, name: str, run: Callable, what: str, example: str) -> argparse.ArgumentParser:
        """A command on one table, wherever it is."""
        return self._command_at("a table, such as lake/flights", name, run, what, example)

    def _command_at(self, kind: str, name: str, run: Callable, what: str, example: str) -> argparse.ArgumentParser:
        command = self.command(name, run, what, example)
        command.add_argument("url", help=f"{kind}: a folder, s3://bucket/prefix, or another fsspec URL")
        where = command.add_argument_group("where it is, when AWS's own settings do not say")
        where.add_argument("--region", help="such as eu-west-1")
        where.add_argument("--profile", help="a profile of ~/.aws/config")
        where.add_argument("--endpoint-url", help="another service than AWS, such as http://127.0.0.1:9000")
        where.add_argument("--anonymous", action="store_true", help="sign nothing, for public buckets")
        return command


def _add_sizes(add: _Adder) -> None:
    example = "lakekit sizes data/sample/lake/turbines_hourly"
    sizes = add.table_command("sizes", tables.show_sizes, "show how large a table's files are, and the cost", example)
    sizes.add_argument("--latency-ms", type=float, default=30.0, help="of a request (default: %(default)s)")


def _add_compact(add: _Adder) -> None:
    example = "lakekit compact data/sample/lake/flights --into build/flights"
    compact = add.table_command(
        "compact", tables.compact, "plan few big files in place of many; --run does it", example
    )
    compact.add_argument("--into", metavar="URL", help="an empty place for the copy (default: in place, for Delta)")
    compact.add_argument("--target-mib", type=int, default=256, help="size of a file (default: %(default)s)")
    compact.add_argument("--sort-by", metavar="COLUMN", action="append", help="may be given again")
    compact.add_argument(
        "--closed-after-hours", type=float, default=1.0, help="without a change, of a partition (default: %(default)s)"
    )
    compact.add_argument("--run", dest="run_it", action="store_true", help="carry the plan out; else it is only shown")


def _add_ingest(add: _Adder) -> None:
    example = "lakekit ingest s3://bucket/lake/events 'new/*.csv' --partition-by day"
    ingest = add.table_command("ingest", tables.ingest, "bring files into a table, each file once", example)
    ingest.description += (
        " The same command again, as from cron, takes\nthe files that came since; one that has changed is an error,"
        " which names it.\n\nExit codes: 0 all rows are in the table; 3 some are in its quarantine; 1 an error."
    )
    ingest.add_argument("files", nargs="+", help="CSV, TSV, NDJSON, Parquet or ORC: addresses or globs")
    ingest.add_argument("--partition-by", metavar="COLUMN", action="append", help="may be given again")
    ingest.add_argument("--sort-by", metavar="COLUMN", action="append", help="may be given again")
    ingest.add_argument("--batch-id", metavar="TEXT", help="the same again writes nothing (default: of the new files)")


def _add_cdc(add: _Adder) -> None:
    example = "lakekit cdc s3://bucket/dms/hr/employee --key id --timestamp changed_at"
    cdc = add.table_command("cdc", tables.show_state, "show the rows of a database's table by its changes", example)
    cdc.add_argument("--key", metavar="COLUMN", action="append", required=True, help="may be given again")
    cdc.add_argument("--format", choices=("dms", "debezium"), default="dms", help="(default: %(default)s)")
    cdc.add_argument("--timestamp", metavar="COLUMN", help="the TimestampColumnName of DMS")
    cdc.add_argument("--columns", metavar="NAME", nargs="+", help="of CSV without a header, in their order")
    cdc.add_argument("--as-of", metavar="MOMENT", help="such as 2026-11-25T12:00:00Z (default: now)")


def _add_tier(add: _Adder) -> None:
    example = "lakekit tier s3://bucket/lake/events --access-logs logs/ --restore-hours 12"
    tier = add.table_command("tier", commands.plan_tiers, "plan which partitions should go cold", example)
    tier.add_argument("--access-logs", metavar="FOLDER", help="S3 server access logs; without, ages alone count")
    tier.add_argument("--horizon-months", type=int, default=12, help="months ahead (default: %(default)s)")
    tier.add_argument("--growth-percent", type=float, default=0.0, help="a month (default: %(default)s)")
    tier.add_argument("--restore-hours", type=float, help="how long a query may wait for an archive (default: not)")
    tier.add_argument("--recreatable", action="store_true", help="the data could be made again")
    tier.add_argument("--rules", action="store_true", help="print the lifecycle rules as JSON, to apply elsewhere")


def _add_dynamodb(add: _Adder) -> None:
    example = "lakekit dynamodb items.json --partition-key player --reads 200 --writes 50 --items-stored 1000000"
    model = add.command("dynamodb", commands.price_dynamodb, "price a DynamoDB table in each capacity mode", example)
    model.add_argument("items", help="a JSON file: one item, or a list of them")
    model.add_argument("--partition-key", required=True, metavar="NAME", help="the attribute that is the partition key")
    model.add_argument("--reads", type=float, default=0.0, help="a second (default: %(default)s)")
    model.add_argument("--writes", type=float, default=0.0, help="a second (default: %(default)s)")
    model.add_argument("--items-stored", type=int, default=1, help="how many (default: %(default)s)")
    model.add_argument("--strong", action="store_true", help="reads are strongly consistent")
    model.add_argument("--region", default="us-east-1", help="whose prices (default: %(default)s)")
