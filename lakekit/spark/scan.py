"""What a Spark task is told of a table, and how it reads: lakekit's own reader, in the process where the task runs.

It must not ask for a listing: files, versions and partition values come from the manifest, so that each task reads
exactly what the table had when the view was made, or fails.
"""

from __future__ import annotations

import math
import pickle
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from lakekit.errors import MissingPackage, TypeConflict
from lakekit.manifest.footers import FOOTER_TAIL_BYTES, footer_size
from lakekit.manifest.manifest import Manifest
from lakekit.storage import Address, Storage, Store, open_store
from lakekit.storage.placed import PlacedStore
from lakekit.units import MIB
from lakekit.views.reader import TableReader
from lakekit.views.sqltypes import quote_name

if TYPE_CHECKING:
    from lakekit.manifest.partitions import Partitioning

TASK_BYTES = 64 * MIB  # of files that one task reads
LEAST_TASKS = 8  # where there are as many files, so that a small cluster is busy
_HINT = "Spark reads all columns of a view: columns=[…] names those that are wanted."
_TOLD = ["path", "size_bytes", "etag", "schema_id", "rows"]  # what the reader asks of a file


@dataclass(frozen=True)
class Scan:
    """A table to be read by tasks.

    Attributes:
        manifest: the files that are read, and no more.
        store: where they are.
        columns: the wanted ones, with the types in which Spark takes them.
        where: a condition in DuckDB's SQL that rows must meet; None for all rows.
    """

    manifest: Manifest
    store: Store
    columns: pa.Schema
    where: str | None = None

    def pack(self) -> bytes:
        """The scan as bytes, to be sent. Keys that the storage was given go along: they are what opens the files."""
        return f"{tell_version()}\n".encode() + zlib.compress(pickle.dumps(self), 1)

    @staticmethod
    def unpack(packed: bytes) -> Scan:
        """The scan of these bytes.

        Raises:
            MissingPackage: another version of lakekit has packed it.
        """
        version, _, content = packed.partition(b"\n")
        here, there = tell_version(), version.decode()
        if here != there:
            what = f"This view was made by lakekit {there}, and Spark's tasks have lakekit {here}."
            raise MissingPackage(what, hint=f"pip install lakekit=={there} where the tasks run.")
        return pickle.loads(zlib.decompress(content))

    def __getstate__(self) -> dict[str, Any]:
        """Without what only a listing needs; the store is opened anew where it arrives."""
        return {**self.__dict__, "manifest": _slim(self.manifest), "store": pack_store(self.store)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        store = unpack_store(state["store"])
        manifest = replace(state["manifest"], footers=_TailFooters(store, state["manifest"]))
        self.__dict__.update(state, store=store, manifest=manifest)

    def keep(self, chosen: np.ndarray) -> Scan:
        """The same of some files: a bool for each."""
        return replace(self, manifest=cut_manifest(self.manifest, np.flatnonzero(chosen)))

    def split(self) -> list[Scan]:
        """One scan for each task, with about as many bytes; none where there are no files."""
        sizes = self.manifest.entries["size_bytes"].to_numpy()
        if not len(sizes):
            return []
        wanted = max(math.ceil(sizes.sum() / TASK_BYTES), min(len(sizes), LEAST_TASKS))
        ends = np.cumsum(sizes)
        number = (ends - 1) * wanted // max(ends[-1], 1)
        return [
            replace(self, manifest=cut_manifest(self.manifest, np.flatnonzero(number == n))) for n in np.unique(number)
        ]

    def read(self) -> Iterator[pa.RecordBatch]:
        """The rows, as Spark takes them.

        Raises:
            CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile, …: what a file deserves.
        """
        reader, paths = TableReader(self.store, self.manifest), self.manifest.entries["path"].to_list()
        needed = find_needed(self.manifest, self.columns.names, self.where)
        try:
            for table in self._filter(reader.read_files(paths, needed)):
                yield from _hand_over(table.select(self.columns.names), self.columns, self.manifest.name).to_batches()
        except TypeConflict as error:
            raise TypeConflict(error.what, hint=f"{error.hint} {_HINT}") from error

    def _filter(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """The rows that meet the condition, as DuckDB says."""
        if self.where is None:
            yield from tables
            return
        import duckdb

        with duckdb.connect(config={"threads": 1}) as con:  # tasks run beside each other
            con.execute("SET TimeZone = 'UTC'")
            name = self.manifest.name
            query = f"SELECT coalesce(CAST(({self.where}) AS BOOLEAN), false) AS kept FROM {quote_name(name)}"
            for table in tables:
                con.register(name, table)
                yield table.filter(con.execute(query).to_arrow_table()["kept"])


def tell_version() -> str:
    """The version of the lakekit that is running."""
    return sys.modules["lakekit"].__version__


def find_needed(manifest: Manifest, columns: Sequence[str], where: str | None) -> list[str]:
    """The wanted columns and those that a condition may name, which are read as well."""
    text = (where or "").casefold()
    return [name for name in manifest.schema.arrow.names if name in columns or name.casefold() in text]


def _hand_over(table: pa.Table, columns: pa.Schema, name: str) -> pa.Table:
    arrays = []
    for field in columns:
        column = table.column(field.name)
        try:
            arrays.append(column if column.type.equals(field.type) else column.cast(field.type))
        except pa.ArrowInvalid as exc:
            what = f"The column {field.name!r} of {name} has a value that Spark's {field.type} does not hold: {exc}."
            raise TypeConflict(what) from exc
    return pa.Table.from_arrays(arrays, schema=columns)


def cut_manifest(manifest: Manifest, positions: np.ndarray) -> Manifest:
    """The manifest of some of the files only."""
    entries = manifest.entries[positions]
    paths = set(entries["path"].to_list())
    names = {path.rpartition("/")[0] for path in paths}
    values = {name: manifest.partitioning.values[name] for name in names}
    problems = {path: error for path, error in manifest.problems.items() if path in paths}
    return replace(
        manifest, entries=entries, partitioning=replace(manifest.partitioning, values=values), problems=problems
    )


def _slim(manifest: Manifest) -> Manifest:
    """What a task needs of a manifest."""
    kinds = tuple(replace(kind, paths=range(kind.files)) for kind in manifest.kinds)
    entries = manifest.entries.select(*_TOLD)
    skipped = manifest.skipped.clear()
    return replace(manifest, entries=entries, kinds=kinds, skipped=skipped, folders=None, footers=None, known=None)


class _TailFooters:
    """Footers read from the ends of the files themselves, for the row groups of large ones."""

    def __init__(self, store: Store, manifest: Manifest):
        self._store = store
        self._manifest = manifest

    def join(self, files: tuple[tuple[str, str, int], ...]) -> tuple[tuple[tuple[int, ...], None], ...]:
        """Small files are read as they are: their footers come with them."""
        return (((0,), None),) * len(files)

    def get(self, path: str, etag: str) -> bytes:
        """The footer of a file (Thrift, length, magic)."""
        size_bytes = self._manifest.entries["size_bytes"][self._manifest.find(path)]
        tail = self._store.read_suffix(path, FOOTER_TAIL_BYTES, etag=etag, size_bytes=size_bytes)
        size = footer_size(bytes(tail), path, size_bytes)
        if size > len(tail):
            tail = self._store.read_suffix(path, size, etag=etag, size_bytes=size_bytes)
        names = self._manifest.names
        return bytes(tail[-size:]) if names is None else names.rename(bytes(tail[-size:]))


def pack_store(store: Store) -> tuple[Address, Storage, Mapping[str, tuple[str, str]] | None]:
    """What a store is made of again elsewhere."""
    return store.address, store.storage, getattr(store, "places", None)


def unpack_store(packed: tuple[Address, Storage, Mapping[str, tuple[str, str]] | None]) -> Store:
    """The store of these."""
    address, storage, places = packed
    if places is None:
        return open_store(address, storage)
    return PlacedStore(address, storage, places=places)


def choose_by_keys(manifest: Manifest, partitioning: Partitioning, tests: Sequence[tuple[str, Any]]) -> np.ndarray:
    """Which files may hold rows for tests on partition keys: pairs of a key and a function of its value."""
    verdicts = {
        name: all(test(values[partitioning.keys.index(key)]) for key, test in tests)
        for name, values in partitioning.values.items()
    }
    folders = manifest.entries["path"].str.replace(r"/?[^/]*$", "")
    return folders.replace_strict(verdicts, return_dtype=pl.Boolean).to_numpy() if len(folders) else np.empty(0, bool)
