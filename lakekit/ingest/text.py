"""CSV and NDJSON as tables: good records with the values as they stand there, bad ones with line, reason and raw text.

It must not choose types: CSV gives texts, NDJSON what each value is by itself.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import csv as pa_csv

from lakekit.arguments import show_value, take_names
from lakekit.errors import InvalidArgument
from lakekit.ingest.chunks import SourceFile
from lakekit.ingest.decode import JSON_DECODER, MOST_DEPTH, TOO_DEEP, is_too_deep
from lakekit.ingest.lines import MOST_RECORD_BYTES, TOO_LONG, Block, Cutter, Record
from lakekit.ingest.quarantine import BadRow, cut_pieces

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Part:
    """Some rows of a source.

    Attributes:
        file: where they come from.
        rows: the good ones, as they are told there.
        bad: the others.
        locate: for a row of ``rows``, its line and raw bytes.
    """

    file: str
    rows: pa.Table
    bad: Sequence[BadRow]
    locate: Callable[[int], tuple[int | None, bytes]]


def read_csv(file: SourceFile, delimiter: str, columns: Sequence[str] | None) -> Iterator[Part]:
    """The rows of a CSV file, all values as text; empty ones are NULL, quoted empty ones "".

    Args:
        file: with a first line that names the columns, unless they are given.
        delimiter: between fields.
        columns: their names, for a file without such a line.

    Raises:
        InvalidArgument: the first line names a column twice, or not at all, or its quotes do not go together.
    """
    names, is_first = list(columns) if columns is not None else None, True
    for block in _cut(file, delimiter):
        if names is None and block.data:
            if not is_first:  # what stood there was no record
                raise _refuse_header(file.url, "cannot be read: it has a quote that does not end, or is too long")
            names = _take_header(block, file.url)
        is_first = is_first and not block.bad
        yield _parse_block(file.url, block, names or [], _parse_csv)


def _take_header(block: Block, file: str) -> list[str]:
    """The names in the first record, which is cut off; none where it is not text."""
    records = block.records
    if not records:
        return []
    first = records[0]
    end = block.data.find(first.raw) + len(first.raw)
    end = block.data.find(b"\n", end) + 1 or len(block.data)
    if b"\0" in first.raw or not _is_utf8(first.raw):
        return []
    lines = csv.reader(io.StringIO(first.raw.decode(), newline=""), delimiter=block.delimiter)
    names = next(lines)
    block.line += block.data[:end].count(b"\n")
    block.data = block.data[end:]
    del block.records
    if next(lines, None) is not None:
        what = f"The first line of {file} goes on behind a carriage return: its lines do not end with line feeds."
        raise InvalidArgument(what, hint="write the file with line feeds, as by tr '\\r' '\\n'.")
    _check_quotes(first.raw.decode(), block.delimiter, file)
    wrong = [name for name, count in Counter(names).items() if count > 1 or not name.strip()]
    if wrong:
        what = f"The first line of {file} names the column {wrong[0]!r} twice, or a column not at all."
        raise InvalidArgument(what, hint="mend that line, or give the names: Files(…, columns=[…]).")
    return names


def _check_quotes(header: str, delimiter: str, file: str) -> None:
    """Raise InvalidArgument where a name goes on behind its quotes: these may hold lines that are rows."""
    try:
        list(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise _refuse_header(file, "has quotes that do not go together") from None


def _refuse_header(file: str, told: str) -> InvalidArgument:
    what = f"The first line of {file}, which should name the columns, {told}."
    return InvalidArgument(what, hint="mend that line, or give the names: Files(…, columns=[…]).")


def check_columns(names: Sequence[str]) -> None:
    """Raise InvalidArgument where these cannot be the names of a file's columns."""
    hint = 'give each its name: columns=["day", "rides"].'
    if isinstance(names, str) or not take_names("columns", names, hint=hint):
        raise InvalidArgument(f"columns={show_value(names)} names no columns.", hint=hint)


def read_ndjson(file: SourceFile) -> Iterator[Part]:
    """The rows of a file with one JSON object on each line, as several tables where the types of values differ."""
    for block in _cut(file, None):
        yield from _parse_json(file.url, block)


def _cut(file: SourceFile, delimiter: str | None) -> Iterator[Block]:
    """The records of a file in blocks, without the mark of UTF-8 with which some programs begin it."""
    is_first = True
    for block in Cutter(file.url, delimiter).cut(file.read_chunks()):
        if is_first and block.data.startswith(_BOM):
            block.data = block.data[len(_BOM) :]
        is_first = is_first and not block.data
        yield block


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _find_fault(record: Record, columns: int) -> str:
    """What is wrong with a record of CSV, before its values are looked at; "" for nothing."""
    if len(record.raw) > MOST_RECORD_BYTES:
        return TOO_LONG
    if not columns:
        return "the first line of the file, which should name the columns, is not UTF-8 text"
    if b"\0" in record.raw:
        return "it holds a NUL byte"
    if not _is_utf8(record.raw):
        return "it is not UTF-8"
    if columns != record.fields:
        return f"it has {record.fields} fields, not {columns}"
    return ""


def _parse_block(file: str, block: Block, names: list[str], parse: Callable[..., pa.Table | None]) -> Part:
    data = block.data
    if names and b"\0" not in data and len(data) <= MOST_RECORD_BYTES and _is_utf8(data):
        rows = parse(data, names, block.delimiter)
        lines = len(block.records) if b'"' in data or b"\r" in data else _count_lines(data)
        if rows is not None and rows.num_rows == lines:
            return Part(file, rows, block.bad, lambda row: (block.records[row].line, block.records[row].raw))
    good, bad = [], list(block.bad)
    for record in block.records:
        fault = _find_fault(record, len(names))
        if fault:
            bad += cut_pieces(BadRow(file, record.line, fault, record.raw))
        else:
            good.append(record)
    tables, kept = [], []
    for rows, records in _parse_records(good, names, block.delimiter, parse):
        if rows is None:
            reason = "it is not one row of CSV"
            bad += [BadRow(file, record.line, reason, record.raw) for record in records]
        else:
            tables.append(rows)
            kept += records
    rows = pa.concat_tables(tables) if tables else _make_empty(names)
    return Part(file, rows, bad, lambda row: (kept[row].line, kept[row].raw))


def _parse_records(
    records: list[Record], names: list[str], delimiter: str | None, parse: Callable[..., pa.Table | None]
) -> Iterator[tuple[pa.Table | None, list[Record]]]:
    """Records with their rows, or with None where one record is not one row; found by halves."""
    if not records:
        return
    rows = parse(b"\n".join(record.raw for record in records) + b"\n", names, delimiter)
    if rows is not None and rows.num_rows == len(records):
        yield rows, records
    elif len(records) == 1:
        yield None, records
    else:
        half = len(records) // 2
        yield from _parse_records(records[:half], names, delimiter, parse)
        yield from _parse_records(records[half:], names, delimiter, parse)


def _count_lines(data: bytes) -> int:
    """Lines that are not empty."""
    count = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    if data.startswith(b"\n") or b"\n\n" in data:
        return sum(1 for line in data.split(b"\n") if line)
    return count


def _make_empty(names: list[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def _parse_csv(data: bytes, names: list[str], delimiter: str) -> pa.Table | None:
    """The rows, or None where some have not as many fields as there are names."""
    if not data:
        return _make_empty(names)
    try:
        return pa_csv.read_csv(
            io.BytesIO(data),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _parse_json(file: str, block: Block) -> Iterator[Part]:
    records, values, bad = [], [], list(block.bad)
    for record in block.records:
        value, fault = _load_json(record.raw)
        if fault:
            bad += cut_pieces(BadRow(file, record.line, fault, record.raw))
        else:
            records.append(record)
            values.append(value)
    parts = []
    for chosen in _group_rows(values):
        for numbers, rows in _tabulate(values, chosen):
            if rows is None:
                reason = "its values have types that do not go together"
                bad += [BadRow(file, records[i].line, reason, records[i].raw) for i in numbers]
            else:
                parts.append((rows, [records[i] for i in numbers]))
    for rows, kept in parts or [(pa.schema([]).empty_table(), [])]:
        yield Part(file, rows, bad, lambda row, kept=kept: (kept[row].line, kept[row].raw))
        bad = []


def _load_json(raw: bytes) -> tuple[dict[str, Any], str]:
    """The object on a line, or what is wrong with it."""
    if len(raw) > MOST_RECORD_BYTES:
        return {}, TOO_LONG
    try:
        value = JSON_DECODER.decode(raw.decode("utf-8"))
        if isinstance(value, dict):
            if raw.count(b"{") + raw.count(b"[") > MOST_DEPTH and is_too_deep(value):
                return {}, f"it is {TOO_DEEP}"
            return (value, "") if value else ({}, "its object is empty")
        return {}, f"it is JSON, but no object: {type(value).__name__}"
    except UnicodeDecodeError:
        return {}, "it is not UTF-8"
    except RecursionError:
        return {}, f"it is {TOO_DEEP}"
    except ValueError as exc:
        return {}, f"it is not JSON: {exc}"


def _group_rows(values: list[dict[str, Any]]) -> list[list[int]]:
    """The numbers of rows whose columns have values of the same sorts, in order of the first row of each group."""
    sorts: dict[str, set[type]] = {}
    for value in values:
        for name, one in value.items():
            if one is not None:
                sorts.setdefault(name, set()).add(type(one))
    mixed = [name for name, found in sorts.items() if len(found) > 1]
    groups: dict[tuple[type, ...], list[int]] = {}
    for number, value in enumerate(values):
        groups.setdefault(tuple(type(value.get(name)) for name in mixed), []).append(number)
    return list(groups.values())


def _tabulate(values: list[dict[str, Any]], numbers: list[int]) -> Iterator[tuple[list[int], pa.Table | None]]:
    """Rows as tables, halved where their types do not go together; None for a row alone that makes none."""
    if not numbers:
        return
    try:
        made = pa.array([values[number] for number in numbers])
        made.validate(full=True)
        yield numbers, pa.Table.from_struct_array(made)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        if len(numbers) == 1:
            yield numbers, None
            return
        half = len(numbers) // 2
        yield from _tabulate(values, numbers[:half])
        yield from _tabulate(values, numbers[half:])
