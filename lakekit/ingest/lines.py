"""Text cut into blocks of whole records, with the line on which each begins, and what is no record set apart.

It must not know columns: a record is a line of NDJSON, or of CSV with the lines that its quotes hold together.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lakekit.ingest.chunks import BrokenStream
from lakekit.ingest.quarantine import BadRow
from lakekit.units import MIB

MOST_RECORD_BYTES = 16 * MIB  # a longer record goes to the quarantine; DuckDB's limit of a JSON object too
TOO_LONG = f"it is longer than {MOST_RECORD_BYTES:,} bytes"


@dataclass(frozen=True)
class Record:
    """One record: the line where it begins, its bytes without the end of the line, and its fields if it is CSV."""

    line: int
    raw: bytes
    fields: int = 1


@dataclass
class Block:
    """Whole records, one after another.

    Attributes:
        data: their bytes.
        line: the number of the first line.
        delimiter: of CSV; None for NDJSON.
        bad: what stood there or before and is no record.
    """

    data: bytes
    line: int
    delimiter: str | None = None
    bad: list[BadRow] = field(default_factory=list)

    @cached_property
    def records(self) -> list[Record]:
        """The records; empty lines are none."""
        if self.delimiter is not None:
            return split_csv(self.data, self.line, self.delimiter, is_end=True)[0]
        lines = enumerate(self.data.split(b"\n"), self.line)
        return [Record(line, raw.rstrip(b"\r")) for line, raw in lines if raw.strip()]


def split_csv(data: bytes, line: int, delimiter: str, *, is_end: bool) -> tuple[list[Record], int]:
    """The whole records at the beginning of CSV text, and how many bytes they take; quotes as Python's csv has them.

    Args:
        data: the text, from the start of a record on.
        line: the number of its first line.
        delimiter: between fields.
        is_end: whether no more text follows, so that a last line without its end is whole.

    Example:
        >>> split_csv(b'1,"a\\nb"\\n2,c\\n3', 1, ",", is_end=False)
        ([Record(line=1, raw=b'1,"a\\nb"', fields=2), Record(line=3, raw=b'2,c', fields=2)], 12)
    """
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MOST_RECORD_BYTES))
    lines = _cut_lines(data)
    if lines and not is_end and not lines[-1].endswith(b"\n"):
        lines.pop()
    taken, records, used, is_over = 0, [], 0, False

    def feed() -> Iterator[str]:
        nonlocal taken, is_over
        while taken < len(lines):
            taken += 1
            text = lines[taken - 1].decode("latin-1").rstrip("\r\n")
            yield text.replace("\0", "\ufffd").replace("\r", "\ufffd") + "\n"  # which the reader would stumble over
        is_over = True

    reader, first = csv.reader(feed(), delimiter=delimiter), 0
    while True:
        fields = next(reader, None)
        if fields is None or is_over:  # over in the middle of a record: its quotes do not end here
            break
        raw = b"".join(lines[first:taken])
        used += len(raw)
        if raw.strip(b"\r\n"):
            records.append(Record(line + first, raw.rstrip(b"\n").rstrip(b"\r"), len(fields)))
        first = taken
    return records, used


def _cut_lines(data: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


class Cutter:
    """Cuts the bytes of one file into blocks.

    Args:
        file: its name, for the quarantine.
        delimiter: of CSV; None for NDJSON.
    """

    def __init__(self, file: str, delimiter: str | None):
        self.file = file
        self.delimiter = delimiter
        self.line = 1
        self._held = b""
        self._pieces = 0  # of a record that is too long, so far

    def cut(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        """The blocks, in order; the last of a broken stream tells what could not be read."""
        try:
            for chunk in chunks:
                self._held += chunk
                yield from self._take(is_end=False)
        except BrokenStream as exc:
            bad = BadRow(self.file, self.line, f"{exc}: this record and all behind it are missing", self._held)
            yield Block(b"", self.line, self.delimiter, [bad])
            return
        while self._held:
            yield from self._take(is_end=True)

    def _take(self, *, is_end: bool) -> Iterator[Block]:
        """What can be cut off now; all that is held at the end."""
        bad = self._drop_long(is_end=is_end)
        size = 0 if self._pieces else self._find_end(is_end=is_end)
        if not size and self._held and (is_end or len(self._held) > MOST_RECORD_BYTES):
            bad.append(self._drop_line("a quoted field that begins here does not end"))
        data, self._held = self._held[:size], self._held[size:]
        if data or bad:
            yield Block(data, self.line, self.delimiter, bad)
        self.line += data.count(b"\n")
        if bad and not self._pieces and len(self._held) > MOST_RECORD_BYTES:
            yield from self._take(is_end=is_end)

    def _find_end(self, *, is_end: bool) -> int:
        """How many bytes hold whole records."""
        if self.delimiter is not None and b'"' in self._held:
            return split_csv(self._held, self.line, self.delimiter, is_end=is_end)[1]
        return len(self._held) if is_end else self._held.rfind(b"\n") + 1

    def _drop_long(self, *, is_end: bool) -> list[BadRow]:
        """The beginning of a line that is too long, or more of it, in pieces as they come."""
        end = self._held.find(b"\n")
        if not self._pieces and (end >= 0 or len(self._held) <= MOST_RECORD_BYTES):
            return []
        raw, _, self._held = self._held.partition(b"\n")
        bad = []
        for start in range(0, len(raw), MOST_RECORD_BYTES):
            piece = raw[start : start + MOST_RECORD_BYTES]
            bad.append(BadRow(self.file, self.line, TOO_LONG, piece, self._pieces))
            self._pieces += 1
        if end >= 0 or is_end:
            self._pieces, self.line = 0, self.line + 1
        return bad

    def _drop_line(self, reason: str) -> BadRow:
        raw, _, self._held = self._held.partition(b"\n")
        bad = BadRow(self.file, self.line, reason, raw.rstrip(b"\r"))
        self.line += 1
        return bad
