"""The summary of a table's footers kept on this computer: one file, read by mapping it into memory.

It must not trust the file: what is not exactly what was written, to the last bit, is as good as no file.

The file is Arrow tables one after another, each begun at a multiple of 64 bytes; then a JSON text that tells where
each lies and its CRC-32; then the length and the CRC-32 of that text, and a mark.
"""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa

from lakekit.manifest.cache import table_folder, write_whole
from lakekit.manifest.summary import EMPTY, FILE_COLUMNS, KindSummary, Summary

_FORMAT = "summary-2"  # the folder; another name when what is kept, or what it means, changes
_NAME, _SUFFIX = "footers", ".summary"
_MARK = b"LKSUMMRY"
_END = struct.Struct("<QL8s")  # length of the text, its checksum, the mark
_ALIGNMENT = 64
MOST_UNWRITTEN = 1_000  # files whose footers are parsed at each opening rather than the whole summary written anew
_NOT_SOUND = (OSError, ValueError, KeyError, TypeError, IndexError, struct.error, pa.ArrowException)


class SummaryCache:
    """The kept summary of one table.

    The last of several processes that write at once wins; each file is whole by itself.

    Args:
        url: the table's address; only its hash is kept.
        endpoint_url: where that address is looked up.
    """

    def __init__(self, url: str, endpoint_url: str | None = None):
        self._folder: Path | None = None
        self._summary: Summary | None = None
        self._added = 0  # files that were added since the file was written
        with contextlib.suppress(OSError):
            self._folder = table_folder(_FORMAT, url, endpoint_url)

    def load(self) -> Summary:
        """The summary that was kept; an empty one where there is none, or none that is sound."""
        if self._summary is None:
            self._summary = EMPTY
            if self._folder is not None:
                with contextlib.suppress(*_NOT_SOUND):
                    self._summary = _read(pa.memory_map(str(self._folder / f"{_NAME}{_SUFFIX}")).read_buffer())
        return self._summary

    def keep(self, summary: Summary, current: pl.DataFrame, *, added: int) -> None:
        """Keep this summary in place of the one before, on disk where enough has changed that writing it pays.

        Args:
            summary: what is known now.
            current: the files of the table now (path, etag); what is known of others may be forgotten.
            added: how many files were added since the last call.
        """
        self._summary = summary
        self._added += added
        changed = self._added + max(summary.files.height - current.height, 0)
        if changed and changed >= min(MOST_UNWRITTEN, summary.files.height // 10):
            self._summary = summary.keep_only(current)
            self._added = 0
            if self._folder is not None:
                with contextlib.suppress(OSError):
                    write_whole(self._folder, _SUFFIX, lambda file: _write(file, self._summary), name=_NAME)


class _Checked:
    """A file to write to that counts and sums up what is written."""

    closed = False

    def __init__(self, file: BinaryIO):
        self.file = file
        self.position = 0
        self.checksum = 0

    def write(self, data: Any) -> int:
        self.file.write(data)
        self.checksum = zlib.crc32(data, self.checksum)
        self.position += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def add_table(self, table: pa.Table) -> dict[str, int]:
        """Write a table; where it lies, and its checksum."""
        self.write(bytes(-self.position % _ALIGNMENT))
        start, self.checksum = self.position, 0
        with pa.ipc.new_file(pa.PythonFile(self, mode="w"), table.schema) as writer:
            writer.write_table(table)
        return {"start": start, "length": self.position - start, "checksum": self.checksum}


def _write(file: BinaryIO, summary: Summary) -> None:
    target = _Checked(file)
    described = {
        "pyarrow": pa.__version__,
        "files": target.add_table(summary.files.to_arrow(compat_level=pl.CompatLevel.oldest())),
        "kinds": [],
    }
    for kind in summary.kinds:
        schema = base64.b64encode(kind.schema.serialize().to_pybytes()).decode()
        told = {"schema_id": kind.schema_id, "is_doubtful": kind.is_doubtful, "schema": schema}
        described["kinds"].append(told | {"stats": target.add_table(kind.stats)})
    text = json.dumps(described).encode()
    file.write(text + _END.pack(len(text), zlib.crc32(text), _MARK))


def _read(data: pa.Buffer) -> Summary:
    """The summary in these bytes.

    Raises:
        those of _NOT_SOUND: it is not what was written.
    """
    length, checksum, mark = _END.unpack(data[-_END.size :].to_pybytes())
    text = data[data.size - _END.size - length : data.size - _END.size].to_pybytes() if length < data.size else b""
    if mark != _MARK or zlib.crc32(text) != checksum:
        raise ValueError("its end is not what was written")
    described = json.loads(text)
    if described["pyarrow"] != pa.__version__:
        raise ValueError("another version of pyarrow might read the footers in another way")
    files = pl.DataFrame(pl.from_arrow(_read_table(data, described["files"])))
    if dict(files.schema) != FILE_COLUMNS:
        raise ValueError("it has other columns")
    kinds = tuple(
        KindSummary(
            kind["schema_id"],
            pa.ipc.read_schema(pa.py_buffer(base64.b64decode(kind["schema"]))),
            kind["is_doubtful"],
            _read_table(data, kind["stats"]),
        )
        for kind in described["kinds"]
    )
    return Summary(files, kinds)


def _read_table(data: pa.Buffer, place: dict[str, int]) -> pa.Table:
    part = data.slice(place["start"], place["length"])
    if zlib.crc32(part) != place["checksum"]:
        raise ValueError("a table is not what was written")
    return pa.ipc.open_file(pa.BufferReader(part)).read_all()
