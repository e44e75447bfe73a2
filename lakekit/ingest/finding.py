"""Which files addresses and globs mean, and what the folders in which they lie say of their rows.

It must not open a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lakekit.errors import InvalidArgument, NoFilesFound
from lakekit.ingest.chunks import SourceFile
from lakekit.manifest.batches import is_of_batch
from lakekit.manifest.listing import RECORDS, is_hidden, list_table, refuse_records
from lakekit.manifest.partitions import read_partitions
from lakekit.storage import Storage, Store, StoredObject, open_store

_LOG = re.compile(r"(^|.*/)(_delta_log/|metadata/[^/]+\.metadata\.json$)")  # of Delta, of Iceberg


@dataclass(frozen=True)
class Found:
    """Files, and what their folders say.

    Attributes:
        files: in order of their addresses.
        keys: names of folders such as ``day=2024-01-05``, with one type for all values.
        values: of each file that lies in such folders, by its address.
    """

    files: list[SourceFile]
    keys: Mapping[str, pa.DataType] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def add_keys(self, rows: pa.Table, file: str) -> pa.Table:
        """The rows of a file with a column for each key; in place of one of that name, as in a table."""
        for name, kind in self.keys.items():
            column = pa.repeat(pa.scalar(self.values[file][name], kind), rows.num_rows)
            if name in rows.column_names:
                rows = rows.drop_columns([name])
            rows = rows.append_column(name, column)
        return rows


def find_files(paths: Sequence[str], storage: Storage | None) -> Found:
    """The files that addresses and globs mean, each once.

    Keys are told by the folders below an address, or below those before the first star of a glob, and by folders such
    as ``day=2024-01-05`` that lie right above.

    Raises:
        NoFilesFound: one of the addresses means none.
        InvalidArgument: files of a table that has a log, which tells what of them are its rows.
        IncompleteTable: files of a compacted copy that is not finished, or of originals that were retired.
        PartitionMismatch: files under different keys.
    """
    found = {file.url: file for path in paths for file in _list_path(path, storage)}
    below = {url: _find_path_of_keys(file) for url, file in found.items()}
    told = read_partitions(list(below.values()))
    values = {url: dict(zip(told.keys, told.values_of(path), strict=True)) for url, path in below.items()}
    return Found([found[url] for url in sorted(found)], dict(zip(told.keys, told.types, strict=True)), values)


def _find_path_of_keys(file: SourceFile) -> str:
    """The path of a file from the first folder on that may be named by a key."""
    root = file.store.address
    while "=" in root.name and root.parent is not None:
        root = root.parent
    return file.url.removeprefix(root.url).lstrip("/")


def _list_path(path: str, storage: Storage | None) -> list[SourceFile]:
    from fsspec.utils import glob_translate

    has_glob = re.search(r"[*?\[]", path) and not os.path.exists(path)
    base = re.split(r"[*?\[]", path, maxsplit=1)[0].rpartition("/")[0] if has_glob else path
    base = base or ("/" if path.startswith("/") else ".")
    store = open_store(base, storage)
    if not has_glob and (single := store.find_root_file()) is not None:
        parent = open_store(store.address.parent, storage)
        return [SourceFile(parent, store.address.name, single.size_bytes, single.etag)]
    there = listed = store.list_objects()
    if has_glob:
        pattern = re.compile(glob_translate(path[len(base) :].lstrip("/") if base != "." else path))
        listed = [one for one in listed if pattern.match(one.path)]
    else:
        listed = [one for one in listed if not is_hidden(one.path, one.size_bytes)]
    listed = _keep_rows([one for one in listed if not one.path.endswith("/")], there, store)
    if not listed:
        raise NoFilesFound(f"No file at {path}.", hint="give a file, a folder, or a glob such as in/*.csv.")
    return [SourceFile(store, one.path, one.size_bytes, one.etag) for one in listed]


def _keep_rows(chosen: list[StoredObject], there: Sequence[StoredObject], store: Store) -> list[StoredObject]:
    """Those of the files whose rows are in the tables that lie there: none of a batch that is not complete."""
    logs = {found[1]: one.path for one in there if (found := _LOG.match(one.path))}
    for root, log in logs.items():
        if any(one.path.startswith(root) for one in chosen):
            url = store.address.join(root.rstrip("/"))
            kind = "a Delta table" if "_delta_log/" in log else "an Iceberg table"
            raise InvalidArgument(
                f"{url} is {kind}: its log, {log}, tells which files are its rows, and they are not all that is there.",
                hint=f'give its rows and an id: write_batch(lk.open_table("{url}").polars(), …, batch_id="…").',
            )
    refuse_records(frozenset(one.path for one in there if one.path.startswith(RECORDS)), store.address.url)
    if any(is_of_batch(one.path) for one in chosen):
        incomplete = frozenset(list_table(store).batches.incomplete)
        chosen = [one for one in chosen if one.path not in incomplete]
    return chosen
