"""Small tables to compact: many files, drift, odd values; and all rows of a table as something to compare."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import lakekit as lk

ALL = lk.compaction.Rules(closed_after=timedelta(0))  # however fresh the files are


def write_files(folder: Path, files: dict[str, pa.Table]) -> Path:
    for path, table in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / path)
    return folder


def make_events(folder: Path, *, days: int = 3, files: int = 4, rows: int = 10) -> Path:
    """Days of files with ids that are all different: ids 0 to days * files * rows - 1."""
    return write_files(
        folder,
        {
            f"day=2026-01-{day + 1:02}/part-{file}.parquet": pa.table(
                {"id": pa.array(range(start := (day * files + file) * rows, start + rows)), "x": [float(file)] * rows}
            )
            for day in range(days)
            for file in range(files)
        },
    )


def count_rows(frame: pl.DataFrame) -> Counter:
    """Every row with how often it is there, whatever the order; floats by their bits, so that NaN and -0.0 count."""
    return Counter(map(repr, frame.rows()))


def list_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
