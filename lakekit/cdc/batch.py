"""Changes of one file, typed, and how they are kept: each with what was captured of it and with its position.

It must not read anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakekit.cdc.dms import CsvForm
from lakekit.cdc.files import JournalFile
from lakekit.cdc.positions import make_positions
from lakekit.errors import InvalidArgument

OP, COMMITTED_AT, FILE, ROW, POSITION = "_op", "_committed_at", "_file", "_row", "_position"
KEPT = "_kept_"  # and the name of a column: whether a change left it as it was, and does not tell its value
CAPTURED = pa.schema(
    [
        (OP, pa.string()),
        (COMMITTED_AT, pa.timestamp("us", "UTC")),
        (FILE, pa.string()),
        (ROW, pa.int64()),
        (POSITION, pa.binary()),
    ]
)


@dataclass(frozen=True)
class JournalForm:
    """How a journal is to be read; see :func:`lakekit.cdc.open_state`.

    Attributes:
        key: the columns that tell rows apart.
        format: "dms" or "debezium".
        columns: declared columns, each with its type or None.
        timestamp: DMS's column of commit times.
        order_by: columns that order the changes, before their commit time.
        csv: how DMS wrote CSV.
        before: how the names of DMS's before-image columns begin.
    """

    key: tuple[str, ...]
    format: str = "dms"
    columns: Mapping[str, pa.DataType | None] = field(default_factory=dict)
    timestamp: str | None = None
    order_by: tuple[str, ...] = ()
    csv: CsvForm = CsvForm()
    before: str = "BI_"


@dataclass(frozen=True)
class Batch:
    """Some changes of a file.

    Attributes:
        data: their rows, typed.
        ops: I, U, D or T.
        committed: commit times.
        lines: where each stands, from 1.
        second: whether it is the second change of its line.
        orders: what orders them, the most telling first.
        names: what that is called.
    """

    data: pa.Table
    ops: pa.Array
    committed: pa.Array
    lines: np.ndarray
    second: np.ndarray
    orders: Sequence[Any]
    names: Sequence[str]


def finish_batch(file: JournalFile, batch: Batch, form: JournalForm) -> pa.Table:
    """The rows as they are kept: with what was captured, and a deletion for each row whose key was changed."""
    _check_keys(file, batch, form)
    positions = make_positions(file, batch.orders, batch.lines, batch.second, batch.names)
    paths = pa.array([file.path] * len(batch.lines), pa.string())
    captured = [batch.ops, batch.committed, paths, pa.array(batch.lines, pa.int64()), positions]
    whole = pa.Table.from_arrays([*batch.data.columns, *captured], schema=pa.schema([*batch.data.schema, *CAPTURED]))
    befores = {name: form.before + name for name in form.key}
    if not any(before in batch.data.column_names for before in befores.values()):
        return whole
    old = {name: _find_before(batch.data, name, before) for name, before in befores.items()}
    moved = pc.equal(batch.ops, "U")
    changed = pa.array(np.zeros(len(batch.lines), bool))
    for name, values in old.items():
        changed = pc.or_(changed, pc.fill_null(pc.not_equal(values, batch.data[name].combine_chunks()), False))
    moved = pc.and_(moved, changed)
    if not pc.any(moved).as_py():
        return whole
    first = make_positions(file, batch.orders, batch.lines, np.zeros(len(batch.lines), bool), batch.names)
    gone = whole
    for name, values in [*old.items(), (OP, pa.array(["D"] * len(batch.lines))), (POSITION, first)]:
        gone = gone.set_column(gone.schema.get_field_index(name), gone.schema.field(name), values)
    return pa.concat_tables([whole, gone.filter(moved)])


def _find_before(data: pa.Table, name: str, before: str) -> pa.Array:
    now = data[name].combine_chunks()
    if before not in data.column_names:
        return now
    return pc.coalesce(data[before].combine_chunks().cast(now.type), now)


def _check_keys(file: JournalFile, batch: Batch, form: JournalForm) -> None:
    for name in form.key:
        missing = np.asarray(pc.and_(batch.data[name].combine_chunks().is_null(), pc.not_equal(batch.ops, "T")))
        if missing.any():
            row = batch.lines[missing.argmax()]
            what = (
                f"{file.path}, row {row}, has no value in {name!r}, a column of the key: the row cannot be told apart."
            )
            raise InvalidArgument(what, hint=f"name a key without NULL; now key={list(form.key)}.")
