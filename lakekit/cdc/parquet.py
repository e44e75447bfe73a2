"""What AWS DMS writes into Parquet files, as changes of rows; the types are those that lakekit gives the table.

It must not look at values but the captured ones: operation, commit time and what orders changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakekit.cdc.batch import Batch, JournalForm
from lakekit.cdc.cache import JournalCache
from lakekit.cdc.debezium import refuse_op
from lakekit.cdc.dms import OP, OPS, read_moment, refuse_without_op, refuse_without_timestamp
from lakekit.cdc.files import JournalFile
from lakekit.manifest.manifest import TableOptions
from lakekit.storage import Store
from lakekit.table import Table
from lakekit.views.reader import TableReader

_MOMENT = pa.timestamp("us", "UTC")


class ParquetJournal:
    """Parquet files of one table.

    Args:
        store: where they are.

    Raises: see :func:`lakekit.open_table`.
    """

    op = OP
    kept = ()

    def __init__(self, store: Store):
        self._table = Table(store, store.address.name, TableOptions())
        store.cache = None  # what is fetched is kept as this journal's own files
        self._store = store

    def __enter__(self) -> ParquetJournal:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cache(self, form: JournalForm) -> JournalCache:
        """Where its files are kept."""
        return JournalCache(self._store, ["parquet", repr(form)])

    def list_fields(self) -> list[pa.Field]:
        """The columns with their types over all files."""
        return list(self._table.schema)

    def tell_basis(self) -> str:
        """What else than its own bytes tells how a file is read: nothing."""
        return ""

    def read(
        self, files: Sequence[JournalFile], data: pa.Schema, form: JournalForm
    ) -> Iterator[tuple[JournalFile, Iterator[Batch]]]:
        """Each file with its changes."""
        for file in files:
            self._check_file(file, form)
            yield file, self._read_file(file, data, form)

    def _check_file(self, file: JournalFile, form: JournalForm) -> None:
        """Raise where a file lacks what was captured."""
        manifest = self._table.manifest
        position = manifest.find(file.path)
        schema_id = None if position is None else manifest.entries["schema_id"][position]
        if schema_id is None:  # it cannot be read, which reading it says
            return
        names = next(kind for kind in manifest.kinds if kind.schema_id == schema_id).schema.names
        if OP not in names and not file.is_load:
            raise refuse_without_op(file.path, names)
        if form.timestamp and form.timestamp not in names and not file.is_load:
            raise refuse_without_timestamp(file.path, form.timestamp, names)

    def _read_file(self, file: JournalFile, data: pa.Schema, form: JournalForm) -> Iterator[Batch]:
        done = 0
        for table in TableReader(self._store, self._table.manifest).read_files([file.path]):
            table = table.combine_chunks()
            lines = np.arange(done + 1, done + table.num_rows + 1)
            done += table.num_rows
            committed = _read_moments(file, table, lines, form)
            orders = [table[name].combine_chunks() for name in form.order_by]
            yield Batch(
                table.select(data.names),
                _read_ops(file, table, lines),
                committed,
                lines,
                np.ones(len(lines), bool),
                [*orders, committed],
                [*form.order_by, "commit time"],
            )


def _read_ops(file: JournalFile, table: pa.Table, lines: np.ndarray) -> pa.Array:
    if OP not in table.column_names:
        return pa.array(["I"] * table.num_rows, pa.string())
    ops = table[OP].combine_chunks().cast(pa.string())
    ops = pc.fill_null(ops, "I") if file.is_load else ops
    wrong = ~np.asarray(pc.fill_null(pc.is_in(ops, pa.array(OPS)), False), bool)
    if wrong.any():
        place = int(wrong.argmax())
        raise refuse_op(ops[place].as_py(), file, int(lines[place]), OPS)
    return ops


def _read_moments(file: JournalFile, table: pa.Table, lines: np.ndarray, form: JournalForm) -> pa.Array:
    """Commit times in UTC: DMS writes them as text, or as timestamps without a zone."""
    if form.timestamp is None:
        return pa.nulls(table.num_rows, _MOMENT)
    told = table[form.timestamp].combine_chunks()
    if pa.types.is_timestamp(told.type) and (file.is_load or not told.null_count):
        plain = told.cast(pa.timestamp("us", told.type.tz), safe=False)
        return plain.cast(_MOMENT) if told.type.tz else pc.assume_timezone(plain, "UTC")
    moments = [read_moment(value, file, int(line)) for value, line in zip(told.to_pylist(), lines, strict=True)]
    return pa.array(moments, _MOMENT)
