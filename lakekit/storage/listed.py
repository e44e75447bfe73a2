"""A prefix on S3 whose listing comes from an S3 Inventory report, and whose bytes from the bucket itself.

It must not hide how old the listing is.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument, LakekitError, StaleFile
from lakekit.storage.columns import list_stored
from lakekit.storage.inventory import Inventory, Report, format_moment
from lakekit.storage.reads import StartReads
from lakekit.storage.store import OnProgress, RangeRequest, Store, StoredObject

if TYPE_CHECKING:
    import polars as pl


class ListedStore(Store):
    """A store that is listed by an inventory.

    Args:
        store: where the objects are.
        inventory: what lists them.

    Attributes:
        listed_at: as of when the last listing is; None before the first.

    Raises:
        InvalidArgument: the store is not on S3.
    """

    def __init__(self, store: Store, inventory: Inventory):
        super().__init__(store.address, store.storage)
        if store.address.scheme != "s3":
            what = f"{store.address.url} is not on S3, and an inventory lists a bucket of S3."
            raise InvalidArgument(what, hint="leave inventory= out: the folder is listed.")
        self.inventory = inventory
        self.listed_at: datetime | None = None
        self.requests = store.requests
        self.threads = store.threads
        self._store = store

    def _find_report(self) -> Report:
        report = self.inventory.find_report()
        if report.bucket != self.address.bucket:
            what = f"The inventory report {report.url} lists the bucket {report.bucket}, not {self.address.bucket}."
            raise InvalidArgument(what, hint=f"give an inventory of {self.address.bucket}.")
        self.listed_at = report.created_at
        return report

    def list_columns(self, *, on_progress: OnProgress | None = None) -> pl.DataFrame:
        """All objects under the prefix, by the newest report; the columns of a listing, and tier."""
        import polars as pl

        prefix = f"{self.address.prefix}/" if self.address.prefix else ""
        rows = self.inventory.list_rows(self._find_report(), prefix)
        if on_progress:
            on_progress(rows.height)
        listed = rows.with_columns(pl.col("key").str.slice(len(prefix))).rename({"key": "path"})
        return listed.filter(pl.col("path") != "")

    def list_objects(self, prefix: str = "", *, on_progress: OnProgress | None = None) -> list[StoredObject]:
        """The same as objects; see `Store.list_objects`."""
        folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        listed = self.list_columns(on_progress=on_progress)
        return list_stored(listed.filter(listed["path"].str.starts_with(folder)))

    def list_folders(self) -> list[str]:
        """The names of the folders right under the prefix, sorted, by the newest report."""
        folders = self.list_columns()["path"].str.extract("^([^/]+)/").drop_nulls()
        return folders.unique().sort().to_list()

    def find_root_file(self) -> StoredObject | None:
        """The object that the address itself names; see `Store.find_root_file`."""
        return self._store.find_root_file()

    def is_restored(self, path: str) -> bool:
        """Whether an archived object can be read now; asks S3, as reports do not tell."""
        return self._store.is_restored(path)

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes of a range; see `Store.read_range`."""
        try:
            return self._store.read_range(path, start, length, etag=etag)
        except StaleFile as error:
            raise self._explain(error) from error

    def read_suffix(
        self, path: str, length: int, *, etag: str | None = None, size_bytes: int | None = None
    ) -> memoryview:
        """The last bytes of an object; see `Store.read_suffix`."""
        try:
            return self._store.read_suffix(path, length, etag=etag, size_bytes=size_bytes)
        except StaleFile as error:
            raise self._explain(error) from error

    def open_reads(self, concurrency: int) -> AbstractContextManager[tuple[StartReads, int]]:
        return self._store.open_reads(concurrency)

    def take_outcome(self, request: RangeRequest, future: Any) -> memoryview | LakekitError:
        outcome = self._store.take_outcome(request, future)
        return self._explain(outcome) if isinstance(outcome, StaleFile) else outcome

    def _explain(self, error: StaleFile) -> StaleFile:
        """That a file has changed or is gone, with what it was listed by."""
        if self.listed_at is None:
            return error
        explained = StaleFile(
            f"{error.what} It is listed in the S3 Inventory report of {format_moment(self.listed_at)}.",
            hint="refresh when the next report has come, open the table without inventory=, or leave out what is gone "
            'with on_bad_file="skip".',
        )
        explained.__cause__ = error
        return explained


def list_by_inventory(store: Store, inventory: str | Inventory | None) -> Store:
    """The same store, listed by an inventory; as it is where none is given.

    Args:
        store: where the objects are.
        inventory: its address, or itself.
    """
    if inventory is None:
        return store
    found = inventory if isinstance(inventory, Inventory) else Inventory(str(inventory), store.storage)
    return ListedStore(store, found)
