"""A journal's files made into one local table: typed once for all, each change with its time and its position.

It must not say what the state is: it only tells what happened, in which order.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from lakekit.cdc.batch import CAPTURED, KEPT, JournalForm, finish_batch
from lakekit.cdc.dms import OP, SEQUENCE
from lakekit.cdc.files import JournalFile, Kind, find_files
from lakekit.cdc.parquet import ParquetJournal
from lakekit.cdc.text import TextJournal
from lakekit.errors import ColumnNameConflict, InvalidArgument
from lakekit.manifest.manifest import TableOptions
from lakekit.storage import Store
from lakekit.table import Table


@dataclass(frozen=True)
class Journal:
    """A journal that was read.

    Attributes:
        table: every change with its row, in files on this computer.
        form: how it was read, with what was found out.
        columns: the source table's columns.
        files: the files it was read from, in their order.
        kind: what they are.
        others: paths of other files there, which are of no journal.
        kept: columns whose values some changes do not tell, since they were not changed.
    """

    table: Table
    form: JournalForm
    columns: tuple[str, ...]
    files: tuple[JournalFile, ...]
    kind: Kind
    others: tuple[str, ...]
    kept: tuple[str, ...] = ()


def read_journal(store: Store, form: JournalForm) -> Journal:
    """The journal under a store's address; only files that are new, or typed anew, are read.

    Raises: see :func:`lakekit.cdc.open_state`.
    """
    kind, files, others = find_files(store, form.format, is_ordered=bool(form.order_by))
    if kind == "parquet":
        if form.columns:
            what = f"columns= was given, and {store.address.url} holds Parquet files, which have types of their own."
            raise InvalidArgument(what, hint="leave columns= out.")
        source: TextJournal | ParquetJournal = ParquetJournal(store)
    else:
        source = TextJournal(store, kind, files, form)
    with source:
        fields = source.list_fields()
        form = replace(form, order_by=form.order_by or _find_order(fields, form))
        marks = [pa.field(KEPT + name, pa.bool_()) for name in source.kept]
        columns = _check_columns(fields, form, {*CAPTURED.names, *(one.name for one in marks)})
        data = pa.schema([*(one for one in fields if one.name not in (form.timestamp, source.op)), *marks])
        schema = pa.schema([*data, *CAPTURED])
        cache, what = source.cache(form), f"{schema} {form} {source.tell_basis()}"
        lacking = [file for file in files if not cache.locate(file, what).exists()]
        for file, batches in source.read(lacking, data, form):
            cache.write(file, what, schema, (finish_batch(file, batch, form) for batch in batches))
        chosen = cache.open(cache.locate(file, what).name for file in files)
    table = Table(chosen, store.address.name, TableOptions())
    return Journal(table, form, columns, tuple(files), kind, others, source.kept)


def _find_order(fields: Sequence[pa.Field], form: JournalForm) -> tuple[str, ...]:
    found = [one.name for one in fields if one.name.upper() == SEQUENCE]
    return tuple(found) if form.format == "dms" else ()


def _check_columns(fields: Sequence[pa.Field], form: JournalForm, own: set[str]) -> tuple[str, ...]:
    """The columns of the source table among those of a journal."""
    names = [one.name for one in fields]
    wanted = [*form.key, *(form.order_by if form.format == "dms" else ())]
    for name in wanted + ([form.timestamp] if form.timestamp else []):
        if name not in names:
            raise _refuse_name(name, names, "key=" if name in form.key else "order_by= or timestamp=")
    cut = [name for name in names if "\0" in name]
    if cut:
        what = f"The journal has a column {cut[0]!r}, whose name readers of Parquet cut at its NUL character."
        raise InvalidArgument(what, hint="rename it where it comes from.")
    taken = set(names) & own
    if taken:
        what = f"The table has a column {taken.pop()!r}, which is what lakekit calls its own of a change."
        raise ColumnNameConflict(what, hint=f"rename it where it comes from: {', '.join(CAPTURED.names)} are taken.")
    added = {form.timestamp, OP, *(name for name in form.order_by if name.upper().startswith(("AR_H_", "LK_")))}
    added |= {name for name in names if name.startswith(form.before) and name.removeprefix(form.before) in names}
    return tuple(name for name in names if name not in added)


def _refuse_name(name: str, names: Sequence[str], where: str) -> InvalidArgument:
    close = difflib.get_close_matches(name, names, n=1)
    what = f"The journal has no column {name!r}, which {where} names; it has {', '.join(names)}."
    return InvalidArgument(what, hint=f"did you mean {close[0]!r}?" if close else "name columns as the journal does.")
