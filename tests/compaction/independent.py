"""All rows of a table without lakekit: pyarrow reads each file alone; paths, or the log, tell partitions."""

import json
import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

NULL = "__HIVE_DEFAULT_PARTITION__"


def read_folder(folder: Path, *, rows_by: Iterable[str], floats: Iterable[str] = ()) -> Counter:
    """Every row with how often it is there; the partition is what the path says.

    Args:
        folder: all its Parquet files are read.
        rows_by: the columns; one that a file lacks is NULL there.
        floats: columns whose integers count as floats.
    """
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")]
    return _count(folder, {path: _read_keys(path) for path in paths}, list(rows_by), set(floats))


def read_log(folder: Path, *, rows_by: Iterable[str], floats: Iterable[str] = ()) -> Counter:
    """The same of the files that a Delta log names."""
    return _count(folder, list_logged(folder), list(rows_by), set(floats))


def list_logged(folder: Path) -> dict[str, dict[str, str | None]]:
    """The files that a Delta log names, with their partitions: its commits one after another, adds less removes."""
    named: dict[str, dict[str, str | None]] = {}
    for commit in sorted((folder / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for action in actions:
            if "remove" in action:
                assert named.pop(unquote(action["remove"]["path"]), None) is not None, "removed what was not there"
        for action in actions:
            if "add" in action:
                path = unquote(action["add"]["path"])
                assert path not in named, f"{path} is there twice"
                named[path] = action["add"]["partitionValues"]
    return named


def _read_keys(path: str) -> dict[str, str | None]:
    keys = [part.partition("=") for part in path.split("/")[:-1] if "=" in part]
    return {key: None if value == NULL else unquote(value) for key, _, value in keys}


def _count(folder: Path, files: dict[str, dict[str, str | None]], names: list[str], floats: set[str]) -> Counter:
    rows: Counter = Counter()
    for path, keys in files.items():
        table = pq.ParquetFile(folder / path).read()
        columns = [_show(table.column(name), name in floats) if name in table.column_names else None for name in names]
        partition = tuple(sorted(keys.items()))
        for number in range(table.num_rows):
            rows[partition, tuple(None if column is None else column[number] for column in columns)] += 1
    return rows


def _show(column: pa.ChunkedArray, is_float: bool) -> list:
    """Values that are equal only where they are the same: floats by their bits, moments by nanoseconds since 1970."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_pylist()
    values = column.to_pylist()
    if is_float or pa.types.is_floating(column.type):
        return [None if value is None else struct.pack("<d", float(value)) for value in values]
    return [None if value is None else repr(value) for value in values]
