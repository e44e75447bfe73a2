"""What AWS DMS writes into CSV files, as changes of rows.

It must not decide types: every value stays a text.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lakekit.arguments import require_kind, show_value
from lakekit.cdc.debezium import Change, refuse_op
from lakekit.cdc.files import JournalFile, open_text
from lakekit.cdc.values import parse_commit_time
from lakekit.errors import CorruptFile, InvalidArgument

OP = "Op"  # the name of DMS's column of operations, with AddColumnName or in Parquet
OPS = ("I", "U", "D")
SEQUENCE = "AR_H_CHANGE_SEQ"  # a header column of DMS that orders all changes of a task, where a rule adds it
_LONGEST_CELL = 1 << 30  # characters; LOBs are long


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How DMS was told to write CSV; the defaults are DMS's own (API reference, "S3Settings", read 2026-11).

    Attributes:
        delimiter: CsvDelimiter.
        null: CsvNullValue; a text that reads so cannot be told from NULL.
        header: AddColumnName; None finds out: then the first cell of some file is Op.
        load_op: includeOpForFullLoad, where there is no header; None finds out: then all
            first cells of a file are I, and there is one more than columns.
    """

    delimiter: str = ","
    null: str = "NULL"
    header: bool | None = None
    load_op: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            what = f"delimiter={show_value(self.delimiter)} cannot stand between cells."
            raise InvalidArgument(what, hint='it is one letter, such as ";".')
        require_kind("null", self.null, str, what="a text", hint='null="NULL" is the default of DMS.')
        for name, value in (("header", self.header), ("load_op", self.load_op)):
            if value is not None:
                hint = "True or False, as in the DMS endpoint; left out, the files tell."
                require_kind(name, value, bool, what="True or False", hint=hint)


@dataclass(frozen=True)
class CsvLayout:
    """What the cells of a journal's lines are.

    Attributes:
        form: how DMS wrote.
        columns: the table's columns in their order, where there is no header.
        timestamp: the name of TimestampColumnName, if there is one.
        order_by: columns that order the changes.
    """

    form: CsvForm
    columns: tuple[str, ...]
    timestamp: str | None
    order_by: tuple[str, ...] = ()


def find_header(first_lines: Sequence[Sequence[str]], layout: CsvLayout) -> bool:
    """Whether the files begin with the names of their columns.

    Args:
        first_lines: of each file, where it has one.
        layout: what is known of it.

    Raises:
        InvalidArgument: there is none, and the columns were not declared.
    """
    if layout.form.header is not None:
        return layout.form.header
    if any(cells[0] == OP for cells in first_lines):
        return True
    if not layout.columns:
        shown = ", ".join(first_lines[0][:8]) if first_lines else "nothing"
        what = f"The CSV files have no header, and their columns were not declared. A first line: {shown}."
        raise InvalidArgument(what, hint="give columns=[…] in the source table's order, or csv=CsvForm(header=True).")
    return False


def read_first_line(file: JournalFile, local: Path, form: CsvForm) -> list[str] | None:
    """The cells of a file's first line; None for an empty one."""
    return next((cells for _, cells in _read_cells(file, local, form)), None)


def read_lines(file: JournalFile, local: Path, layout: CsvLayout, has_header: bool) -> Iterator[Change]:
    """The changes of a file, in its order.

    Raises:
        InvalidArgument: no column of operations, an unknown operation, a line with more or fewer cells than others.
        CorruptFile: it is not UTF-8, not whole, or no CSV.
    """
    names: list[str] | None = None
    for line, cells in _read_cells(file, local, layout.form):
        if names is None:
            names = cells if has_header else _name_cells(file, local, cells, layout)
            _check_names(file, names, layout)
            if has_header:
                continue
        if len(cells) != len(names):
            what = f"{file.path}, line {line}, has {len(cells)} cells; the file has {len(names)} columns."
            raise InvalidArgument(what, hint="a cut or damaged line, or a delimiter in a text without quotes.")
        row: dict[str, Any] = dict(
            zip(names, (None if cell == layout.form.null else cell for cell in cells), strict=True)
        )
        op = row.pop(OP, "I") if file.is_load else row.pop(OP)
        if op not in OPS:
            raise refuse_op(op, file, line, OPS)
        yield Change(line, op, _read_moment(row, file, line, layout), [row.get(name) for name in layout.order_by], row)


def _read_cells(file: JournalFile, local: Path, form: CsvForm) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line, with the number of the line on which they begin."""
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    with open_text(file, local) as text:
        reader = csv.reader(text, delimiter=form.delimiter, strict=True)
        begin = 1
        try:
            for cells in reader:
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
        except csv.Error as exc:
            what = f"{file.path}, line {begin}, is not CSV: {exc}."
            raise CorruptFile(what, hint="replace the file, or give its delimiter: csv=CsvForm(delimiter=…).") from exc


def _name_cells(file: JournalFile, local: Path, cells: Sequence[str], layout: CsvLayout) -> list[str]:
    """The names of a file's cells: Op and the timestamp come first, unless the declared columns have them elsewhere.

    A file with fewer cells is from before the last columns were added.
    """
    added = [OP] if _has_op(file, local, layout) and OP not in layout.columns else []
    added += [layout.timestamp] if layout.timestamp and layout.timestamp not in layout.columns else []
    names = [*added, *layout.columns]
    if len(cells) > len(names):
        what = f"{file.path} has {len(cells)} cells a line, and {len(names)} columns are known: {', '.join(names)}."
        raise InvalidArgument(what, hint="declare the columns that were added, or timestamp= where DMS writes one.")
    return names[: len(cells)]


def _has_op(file: JournalFile, local: Path, layout: CsvLayout) -> bool:
    if not file.is_load or layout.form.load_op is not None:
        return not file.is_load or bool(layout.form.load_op)
    widths = {len(cells) for _, cells in _read_cells(file, local, layout.form) if cells[0] == "I"}
    if any(cells[0] != "I" for _, cells in _read_cells(file, local, layout.form)):
        return False
    if max(widths) <= len(layout.columns) + (layout.timestamp is not None and layout.timestamp not in layout.columns):
        what = f"All lines of {file.path} begin with I: that is the operation, or the first column's value."
        raise InvalidArgument(what, hint="say which: csv=CsvForm(load_op=True), as includeOpForFullLoad is, or False.")
    return True


def _check_names(file: JournalFile, names: Sequence[str], layout: CsvLayout) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        what = f"{file.path} names the column {twice[0]!r} twice: {', '.join(names)}."
        raise InvalidArgument(what, hint="its second value would hide the first: rename one of them.")
    if OP not in names and not file.is_load:
        raise refuse_without_op(file.path, names)
    if layout.timestamp and layout.timestamp not in names and not file.is_load:
        raise refuse_without_timestamp(file.path, layout.timestamp, names)


def refuse_without_op(path: str, names: Sequence[str]) -> InvalidArgument:
    """The error for a file of changes that does not say what they are."""
    what = f"{path} has no column {OP!r}; it has {', '.join(names)}."
    return InvalidArgument(what, hint="only full loads (LOAD…) may lack it; see cdcInsertsOnly in the DMS endpoint.")


def refuse_without_timestamp(path: str, timestamp: str, names: Sequence[str]) -> InvalidArgument:
    """The error for a file without the column of commit times."""
    what = f"{path} has no column {timestamp!r} for commit times; it has {', '.join(names)}."
    return InvalidArgument(what, hint="timestamp= is the name that TimestampColumnName has in the DMS endpoint.")


def _read_moment(row: dict[str, Any], file: JournalFile, line: int, layout: CsvLayout) -> datetime | None:
    """The commit time, taken out of the row."""
    if layout.timestamp is None:
        return None
    return read_moment(row.pop(layout.timestamp, None), file, line)


def read_moment(value: Any, file: JournalFile, line: int) -> datetime | None:
    """A commit time; NULL only in full loads.

    Raises:
        InvalidArgument: it is none.
    """
    if value is None and file.is_load:
        return None
    try:
        return parse_commit_time(value)
    except (TypeError, ValueError, OverflowError) as exc:
        what = f"{file.path}, row {line}, has the commit time {value!r}, which is none."
        raise InvalidArgument(what, hint="DMS writes yyyy-MM-dd HH:mm:ss.SSSSSS, in UTC.") from exc
