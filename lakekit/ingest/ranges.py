"""The records of one range as a table and a quarantine: decoded piece by piece, typed against the columns so far.

It must not store anything, nor change the columns for good: the range may lose the race for its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lakekit.ingest.decode import Decode, Poison, decode_record
from lakekit.ingest.parquet import store_rows
from lakekit.ingest.quarantine import BadRow
from lakekit.ingest.rows import type_rows
from lakekit.ingest.source import Record
from lakekit.units import MIB

PIECE_BYTES = 4 * MIB  # of records are decoded at a time; as Python objects they take some ten times that
PIECE_RECORDS = 20_000
POSITION_COLUMNS = pa.schema(
    [("_shard", pa.string()), ("_position", pa.string()), ("_arrived_at", pa.timestamp("us", "UTC"))]
)


@dataclass(frozen=True)
class Content:
    """What a range holds.

    Attributes:
        table: its rows, with `_shard`, `_position` and `_arrived_at` as the last columns.
        schema: the columns of the records after it.
        bad: the records that are no rows, for the quarantine.
        skipped: how many tombstones were left out.
    """

    table: pa.Table
    schema: pa.Schema
    bad: list[BadRow]
    skipped: int


@dataclass(frozen=True)
class Reader:
    """How records become rows.

    Attributes:
        decode: bytes to fields.
        most_record_bytes: longer ones go to the quarantine.
        skip_tombstones: leave records without a value out, instead of putting them into the quarantine.
    """

    decode: Decode
    most_record_bytes: int
    skip_tombstones: bool

    def read(self, records: Sequence[Record], schema: pa.Schema, shard: str, folder: str) -> Content:
        """The content of a range.

        Args:
            records: of one shard, in order.
            schema: the columns so far, without those of the position.
            shard: its name, for the column.
            folder: of the shard in the table; with the position it names a bad record.
        """
        tables, bad, skipped = [], {}, 0
        for piece in cut_pieces(records):
            rows, kept = [], []
            for record in piece:
                if record.data is None and self.skip_tombstones:
                    skipped += 1
                    continue
                try:
                    rows.append(decode_record(record, self.decode, self.most_record_bytes))
                    kept.append(record)
                except Poison as exc:
                    bad[record.position] = _make_bad_row(record, str(exc), folder)
            typed, misfits = type_rows(rows, schema, reserved=POSITION_COLUMNS.names)
            for number, reason in misfits.items():
                bad[kept[number].position] = _make_bad_row(kept[number], reason, folder)
            kept = [record for number, record in enumerate(kept) if number not in misfits]
            schema = extend_schema(schema, typed.schema)
            tables.append(_add_positions(typed, kept, shard))
        final = pa.schema([*schema, *POSITION_COLUMNS])
        stored = [store_rows(table, final) for table in tables]
        table = pa.concat_tables(stored) if stored else final.empty_table()
        return Content(table, schema, [bad[position] for position in sorted(bad)], skipped)


def cut_pieces(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records in pieces that are decoded at a time."""
    piece, size_bytes = [], 0
    for record in records:
        piece.append(record)
        size_bytes += record.size_bytes
        if size_bytes >= PIECE_BYTES or len(piece) >= PIECE_RECORDS:
            yield piece
            piece, size_bytes = [], 0
    if piece:
        yield piece


def extend_schema(known: pa.Schema, found: pa.Schema) -> pa.Schema:
    """The columns so far with those that were found: new ones at the end, structs with their new fields.

    Example:
        >>> import pyarrow as pa
        >>> extend_schema(pa.schema([("a", pa.int64())]), pa.schema([("b", pa.string())])).names
        ['a', 'b']
    """
    types = {field.name: field.type for field in known} | {field.name: field.type for field in found}
    return pa.schema(list(types.items()))


def _add_positions(typed: pa.Table, kept: Sequence[Record], shard: str) -> pa.Table:
    columns = {name: typed[name] for name in typed.column_names}
    values = ([shard] * len(kept), [one.position for one in kept], [one.arrived_at for one in kept])
    for field, column in zip(POSITION_COLUMNS, values, strict=True):
        columns[field.name] = pa.array(column, field.type)
    return pa.table(columns)


def _make_bad_row(record: Record, reason: str, folder: str) -> BadRow:
    key = f" (key {record.key!r})" if record.key is not None else ""
    return BadRow(f"{folder}/{record.position}", None, f"{reason}{key}", record.data or b"")
