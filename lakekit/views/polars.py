"""A table as a Polars LazyFrame: a filter opens only files, and row groups, that may hold rows for it.

It must not change what Polars would answer over the same rows in memory.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from lakekit.columns import exact_name
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import ALWAYS, Predicate
from lakekit.manifest.pruning import choose_files
from lakekit.receipts.ledger import record_scan
from lakekit.receipts.tally import Needs
from lakekit.views.expressions import read_polars_expression
from lakekit.views.source import read_tables

if TYPE_CHECKING:
    from lakekit.views.source import ViewSource

FRAME_ROWS = 50_000  # small files are handed to Polars together, about so many rows at a time
FRAME_SECONDS = 0.5  # or what came meanwhile: Polars looks for Ctrl-C only when it is handed something


def scan_source(source: ViewSource) -> pl.LazyFrame:
    """A LazyFrame over a table; nothing is read until it is collected.

    Raises, when collected: CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile.
    """
    promised = source.manifest.schema.arrow
    empty = _make_empty(promised)

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        predicate = drop_dynamic_parts(predicate)
        names = empty.columns
        wanted = names if with_columns is None else with_columns
        if predicate is not None:
            needed = set(wanted) | set(predicate.meta.root_names())
        else:
            needed = set(wanted)
        columns = [name for name in names if name in needed]
        schema = empty[columns].schema
        left = n_rows
        said = ALWAYS if predicate is None or n_rows is not None else read_polars_expression(predicate, promised)

        def choose(manifest: Manifest) -> list[str]:
            return choose_paths(manifest, predicate, said, n_rows)

        query = _describe_scan(source.name, columns, predicate)
        with record_scan(source, "polars", Needs(columns, said), query) as scan:
            tables = read_tables(source, choose, columns, promised, said, scan=scan)
            for table in join_small(tables, FRAME_ROWS if n_rows is None else min(FRAME_ROWS, n_rows)):
                frame = _to_frame(table, schema)
                if left is not None:
                    frame = frame.head(left)
                    left -= frame.height
                if predicate is not None:
                    frame = frame.filter(predicate)
                yield frame if columns == wanted else frame.select(map(exact_name, wanted))
                if left == 0:
                    return

    return register_io_source(read, schema=empty.schema, is_pure=True)


def _describe_scan(name: str, columns: Sequence[str], predicate: pl.Expr | None) -> str:
    """What a scan reads, as a receipt shows it."""
    condition = "" if predicate is None else f" WHERE {predicate}"
    return f"SELECT {', '.join(columns)} FROM {name}{condition}"


def join_small(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of at least this many, but for the last: each costs Polars a start."""
    waiting: list[pa.Table] = []
    handed_at = time.monotonic()
    for table in tables:
        waiting.append(table)
        if sum(part.num_rows for part in waiting) >= rows or time.monotonic() > handed_at + FRAME_SECONDS:
            yield pa.concat_tables(waiting)
            waiting, handed_at = [], time.monotonic()
    if waiting:
        yield pa.concat_tables(waiting)


def _make_empty(schema: pa.Schema) -> pl.DataFrame:
    """A frame of these columns; Polars would take the name "" from Arrow for none, and make one up."""
    frame = pl.from_arrow(schema.empty_table().rename_columns([str(number) for number in range(len(schema))]))
    frame.columns = schema.names
    return frame


def _to_frame(table: pa.Table, schema: pl.Schema) -> pl.DataFrame:
    if not schema:
        return pl.DataFrame(height=table.num_rows)
    return pl.from_arrow(table, schema=schema, rechunk=False)


def choose_paths(
    manifest: Manifest, predicate: pl.Expr | None, said: Predicate = ALWAYS, n_rows: int | None = None
) -> list[str]:
    """The files that may hold rows for which the predicate is true, by their partition values and statistics.

    Args:
        manifest: the table.
        predicate: Polars' filter; what it says of keys alone counts, whatever the functions in it.
        said: what it says in terms that statistics can tell something of.
        n_rows: so many rows are enough, before the filter.
    """
    if n_rows is not None:  # the first rows of all, and of these those that the filter lets through
        rows = manifest.entries["rows"].fill_null(0).to_numpy()
        return manifest.entries["path"].filter(pl.Series(np.cumsum(rows) - rows < n_rows)).to_list()
    keep = choose_files(manifest, said)
    if predicate is not None and manifest.schema.keys:
        relaxed = relax_predicate(json.loads(_to_json(predicate)), set(manifest.schema.keys))
        if relaxed is not None:
            values = manifest.entries["partition"].struct.unnest()
            keep = keep & values.select(_from_json(relaxed).fill_null(False).alias("keep"))["keep"].to_numpy()
    return manifest.entries["path"].filter(pl.Series(keep)).to_list()


def drop_dynamic_parts(predicate: pl.Expr | None) -> pl.Expr | None:
    """The predicate without the hints that Polars adds while a query runs, which no frame can be filtered by."""
    if predicate is None:
        return None
    tree = json.loads(_to_json(predicate))
    kept = _drop_dynamic(tree)
    return predicate if kept == tree else (None if kept is None else _from_json(kept))


def _drop_dynamic(tree: Any) -> Any:
    if isinstance(tree, dict) and str(tree.get("Display", {}).get("fmt_str", "")).startswith("dynamic_pred"):
        return None
    pair = _operands(tree, "And")
    if pair is None:
        return tree
    left, right = (_drop_dynamic(side) for side in pair)
    if left is None or right is None:
        return left if right is None else right
    return {"BinaryExpr": {**tree["BinaryExpr"], "left": left, "right": right}}


def relax_predicate(tree: Any, keys: set[str]) -> Any:
    """The strongest condition on partition columns alone that a serialized predicate implies; None for none.

    What does not look at partition columns only counts as perhaps true.
    """
    if _reads_only(tree, keys):
        return tree
    for operator in ("And", "Or"):
        pair = _operands(tree, operator)
        if pair is not None:
            left, right = (relax_predicate(side, keys) for side in pair)
            if left is None or right is None:
                return None if operator == "Or" else (left if right is None else right)
            return {"BinaryExpr": {**tree["BinaryExpr"], "left": left, "right": right}}
    return None


def _operands(tree: Any, operator: str) -> tuple[Any, Any] | None:
    binary = tree.get("BinaryExpr") if isinstance(tree, dict) else None
    if binary is None or binary.get("op") not in (operator, f"Logical{operator}"):
        return None
    return binary["left"], binary["right"]


def _reads_only(tree: Any, keys: set[str]) -> bool:
    try:
        expression = _from_json(tree)
        names = set(expression.meta.root_names())
        return bool(names) and names <= keys and expression.meta.is_row_separable()
    except pl.exceptions.PolarsError:  # a part that stands on its own nowhere else, such as an aggregate's
        return False


def _to_json(expression: pl.Expr) -> str:
    return expression.meta.serialize(format="json")


def _from_json(tree: Any) -> pl.Expr:
    return pl.Expr.deserialize(io.BytesIO(json.dumps(tree).encode()), format="json")
