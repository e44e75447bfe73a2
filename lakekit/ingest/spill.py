"""The rows of files that are being filled: in memory while they are few, beyond that on this machine's disk.

It must not know what the files are called, nor write to a store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from lakekit.ingest.parquet import measure_rows
from lakekit.units import MIB

MOST_HELD_BYTES = 64 * MIB  # of rows in memory, before all of them go to the disk


@dataclass
class _Spill:
    """Rows of many folders in one local file, which goes when all of them were taken."""

    path: Path
    left: int

    def take(self, number: int, rows: int) -> pa.Table:
        with pa.OSFile(str(self.path)) as file:
            batch = pa.ipc.open_file(file).get_batch(number)
        self.left -= 1
        if not self.left:
            self.path.unlink()
        return pa.Table.from_batches([batch])


@dataclass
class Filling:
    """A file that is being filled.

    Attributes:
        folder: where it will lie.
        rows, size_bytes: how many it has, and their size in memory.
    """

    folder: str
    rows: int = 0
    size_bytes: int = 0
    held: list[pa.Table] = field(default_factory=list)
    spilled: list[tuple[_Spill, int, int]] = field(default_factory=list)

    def take(self) -> Iterator[pa.Table]:
        """Its rows, in the order in which they came; once."""
        for spill, number, rows in self.spilled:
            yield spill.take(number, rows)
        yield from self.held


class Fillings:
    """All files that are being filled, by folder.

    Args:
        scratch: a local folder of its own.
        most_held_bytes: of rows in memory.
    """

    def __init__(self, scratch: Path, most_held_bytes: int = MOST_HELD_BYTES):
        self._scratch = scratch
        self._most_held_bytes = most_held_bytes
        self._open: dict[str, Filling] = {}
        self._held_bytes = 0
        self._spills = 0

    def add(self, folder: str, rows: pa.Table) -> Filling:
        """Put rows behind those of a folder; its file as it is now."""
        filling = self._open.setdefault(folder, Filling(folder))
        size_bytes = measure_rows(rows)
        filling.held.append(rows)
        filling.rows += rows.num_rows
        filling.size_bytes += size_bytes
        self._held_bytes += size_bytes
        if self._held_bytes > self._most_held_bytes:
            self._spill()
        return filling

    def close(self, filling: Filling) -> None:
        """It is full: what comes for its folder now begins another."""
        del self._open[filling.folder]
        self._held_bytes -= sum(map(measure_rows, filling.held))

    def list_open(self) -> list[Filling]:
        """Those that are not full, sorted by folder."""
        return [self._open[folder] for folder in sorted(self._open)]

    def _spill(self) -> None:
        held = [filling for filling in self._open.values() if filling.held]
        path = self._scratch / f"{self._spills:06d}.arrow"
        self._spills += 1
        spill = _Spill(path, 0)
        schema = held[0].held[0].schema
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as writer:
            for filling in held:
                for batch in pa.concat_tables(filling.held).combine_chunks().to_batches():  # 2 GiB of text at most
                    writer.write_batch(batch)
                    filling.spilled.append((spill, spill.left, batch.num_rows))
                    spill.left += 1
                filling.held = []
        self._held_bytes = 0
