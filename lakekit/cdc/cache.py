"""The files of a journal as Parquet on this computer: each is read once for as long as it does not change.

It must not write anywhere else, and nobody but the user may read what it writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.cdc.files import JournalFile, hash_name, remove_quietly
from lakekit.manifest.cache import table_folder, write_whole
from lakekit.storage import Store, parse_address, resolve_storage
from lakekit.storage.folder import FolderStore
from lakekit.storage.store import OnProgress

_FORMAT = "changes-2"  # the folder; another name when what is kept changes


class JournalCache:
    """What is kept of one journal, as it is read with one set of options.

    Args:
        store: where the journal is.
        options: texts that tell how it is read.
    """

    def __init__(self, store: Store, options: Iterable[str]):
        told = "\n".join([store.address.url, *options])
        self.folder = table_folder(_FORMAT, told, store.storage.endpoint_url)

    def locate(self, file: JournalFile, what: str, suffix: str = ".parquet") -> Path:
        """The place for what is made of this version of a file."""
        return self.folder / f"{hash_name(file.path)}-{hash_name(file.etag)}-{hash_name(what)}{suffix}"

    def write(self, file: JournalFile, what: str, schema: pa.Schema, batches: Iterable[pa.Table]) -> None:
        """Keep the rows that are made of a file; another version of it goes."""
        target = self.locate(file, what)

        def fill(output: object) -> None:
            with pq.ParquetWriter(output, schema, compression="zstd", write_statistics=True) as writer:
                for batch in batches:
                    writer.write_table(batch)

        write_whole(self.folder, ".parquet", fill, target.stem)
        for other in self.folder.glob(f"{hash_name(file.path)}-*"):
            if not other.name.startswith(f"{hash_name(file.path)}-{hash_name(file.etag)}-"):
                remove_quietly(other)

    def write_text(self, file: JournalFile, what: str, text: str) -> None:
        """Keep a note on a file."""
        target = self.locate(file, what, ".json")
        write_whole(self.folder, ".json", lambda output: output.write(text.encode()), target.stem)

    def open(self, names: Iterable[str]) -> ChosenStore:
        """A store that lists these files of the cache alone."""
        address = parse_address(self.folder)
        return ChosenStore(address, resolve_storage(None, address), set(names))


class ChosenStore(FolderStore):
    """Some files of a folder."""

    def __init__(self, address: object, storage: object, names: set[str]):
        super().__init__(address, storage)  # type: ignore[arg-type]
        self._names = names

    def list_columns(self, *, on_progress: OnProgress | None = None) -> pl.DataFrame:
        """The listing of these files; see `lakekit.storage.columns.list_columns`."""
        listed = super().list_columns(on_progress=on_progress)
        return listed.filter(pl.col("path").is_in(sorted(self._names)))
