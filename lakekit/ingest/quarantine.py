"""Where rows wait that fit no table: as NDJSON files beside it, each with file, line, reason and the raw text.

It must not judge rows: others find out what is wrong with them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lakekit.arguments import require_kind, require_text
from lakekit.ingest.parquet import encode_segment
from lakekit.manifest.batches import make_token
from lakekit.storage import Writer
from lakekit.units import MIB

FOLDER = "_quarantine"  # hidden from tables by its underscore; so are the names in it, for readers that look at those
MOST_FILE_BYTES = 16 * MIB
MOST_NAME_BYTES = 200  # of a folder; disks take 255
MOST_CUT_BYTES = 160  # of an id that is longer


@dataclass(frozen=True)
class BadRow:
    """A row, or what should have been one, that did not fit.

    Attributes:
        file: the path or name of its source.
        line: where it begins there, from 1: a line of text, or a row of data that has no lines; None if unknown.
        reason: what is wrong with it.
        raw: the bytes as they came, without the end of the line.
        part: of a row that is too long to be kept in one piece, which piece this is, from 0.

    Example:
        >>> BadRow("a.csv", 3, "it has 2 fields, not 3", b"1,2").as_json()
        '{"file": "a.csv", "line": 3, "reason": "it has 2 fields, not 3", "text": "1,2"}'
    """

    file: str
    line: int | None
    reason: str
    raw: bytes
    part: int = 0

    def as_json(self) -> str:
        """One line of NDJSON: file, line, reason, part (after the first), and text, or base64 of what is no UTF-8."""
        told: dict[str, object] = {"file": self.file, "line": self.line, "reason": self.reason}
        if self.part:
            told["part"] = self.part
        try:
            told["text"] = self.raw.decode("utf-8")
        except UnicodeDecodeError:
            told["base64"] = base64.b64encode(self.raw).decode()
        return json.dumps(told, ensure_ascii=False)


def name_folder(batch_id: str) -> str:
    """The folder of a batch among all quarantines: its id as far as a path can hold it, and no other batch's.

    Example:
        >>> name_folder("day 1"), name_folder("..")
        ('day%201', '%2E.')
    """
    name = encode_segment(batch_id)
    if name.startswith("."):  # "." and ".." lead elsewhere
        name = f"%2E{name[1:]}"
    if len(name.encode()) <= MOST_NAME_BYTES:
        return name
    return f"{name.encode()[:MOST_CUT_BYTES].decode(errors='ignore')}-{make_token(batch_id)}"


class Quarantine:
    """The quarantine of one batch; files go to ``<table>/_quarantine/<batch_id>/``.

    Rows that are put again, in the same order, make the same files under the same names, so that a rerun writes
    nothing twice.

    Args:
        writer: of the table.
        batch_id: any text.
        refuse: makes the error for a file that is there already with other rows; without it such a file stays, and
            is taken for what an earlier run put of the same rows.

    Attributes:
        rows: how many rows were put, pieces of one counted once.
        paths: the files, relative to the table.

    Example:
        >>> import tempfile
        >>> from lakekit.storage import open_writer
        >>> with Quarantine(open_writer(tempfile.mkdtemp()), "day 1") as quarantine:
        ...     quarantine.put([BadRow("a.csv", 3, "it has 2 fields, not 3", b"1,2")])
        >>> quarantine.rows, quarantine.paths
        (1, ['_quarantine/day%201/_part-00000.ndjson'])
    """

    def __init__(self, writer: Writer, batch_id: str, refuse: Callable[[str], Exception] | None = None):
        require_kind("writer", writer, Writer, what="a Writer", hint="lakekit.storage.open_writer(url) makes one.")
        require_text("batch_id", batch_id, hint='name what the batch holds: "flights, day 1".')
        self.folder = f"{FOLDER}/{name_folder(batch_id)}"
        self.rows = 0
        self.paths: list[str] = []
        self._writer = writer
        self._refuse = refuse
        self._held: list[bytes] = []
        self._held_bytes = 0

    def put(self, rows: Iterable[BadRow]) -> None:
        """Take these rows; they are in the store after `flush` at the latest."""
        for row in rows:
            require_kind("row", row, BadRow, what="a BadRow", hint='BadRow("a.csv", 3, "2 fields, not 3", b"1,2")')
            line = row.as_json().encode() + b"\n"
            self.rows += not row.part
            self._held.append(line)
            self._held_bytes += len(line)
            if self._held_bytes >= MOST_FILE_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write what is held; after it nothing is."""
        if not self._held:
            return
        path = f"{self.folder}/_part-{len(self.paths):05d}.ndjson"
        content = b"".join(self._held)
        if not self._writer.put_new(path, content) and self._refuse and not self._writer.holds(path, content):
            raise self._refuse(path)
        self.paths.append(path)
        self._held, self._held_bytes = [], 0

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, kind: type | None, *rest: object) -> None:
        if kind is None:
            self.flush()


def cut_pieces(row: BadRow, most_bytes: int = MOST_FILE_BYTES) -> Iterator[BadRow]:
    """A row as pieces that are small enough for a file each.

    Example:
        >>> [piece.raw for piece in cut_pieces(BadRow("a", 1, "too long", b"abcde"), 2)]
        [b'ab', b'cd', b'e']
    """
    for part, start in enumerate(range(0, max(1, len(row.raw)), most_bytes)):
        yield BadRow(row.file, row.line, row.reason, row.raw[start : start + most_bytes], part)
