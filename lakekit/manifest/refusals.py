"""What to say when there is nothing to read under an address, or what is there must first be restored.

It must not raise: it makes the errors, others decide.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lakekit.errors import ArchivedFile, LakekitError, NoFilesFound
from lakekit.storage.inventory import format_moment
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.manifest.listing import Listing
    from lakekit.storage import Store, StoredObject

_HEADS_AT_ONCE = 32
_MOST_ASKED = 1_000  # archived objects of an inventory
_MOST_SUGGESTIONS = 5


def find_archived(store: Store, files: Sequence[StoredObject]) -> list[StoredObject]:
    """The files that must be restored before they can be read.

    A listing by AWS tells which archived objects have been restored; other services are asked for each. An inventory
    does not tell: where few objects are archived S3 is asked for each, where many are all are taken for archived.
    """
    archived = [item for item in files if item.is_archived]
    if not archived or not _must_ask(store, len(archived)):
        return archived
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as threads:
        restored = threads.map(store.is_restored, [item.path for item in archived])
        return [item for item, is_restored in zip(archived, restored, strict=True) if not is_restored]


def _must_ask(store: Store, archived: int) -> bool:
    from lakekit.storage.session import find_endpoint

    if getattr(store, "listed_at", None) is not None:
        return archived <= _MOST_ASKED
    return store.address.scheme == "s3" and find_endpoint(store.storage, "s3") is not None


def describe_archived(archived: Sequence[StoredObject], files: Sized, table: str) -> dict[str, LakekitError]:
    """For each archived file the error that it deserves."""
    classes = " and ".join(sorted({item.storage_class for item in archived}))
    size, count = format_bytes(sum(item.size_bytes for item in archived)), format_number_of(len(files), "file")
    return {
        item.path: ArchivedFile(
            f"{item.path} is archived in {item.storage_class}; {len(archived):,} of {count} of {table} ({size}) are "
            f"archived, in {classes}.",
            hint='restore them first, or leave them out with on_archived="skip" (the table is then partial).',
        )
        for item in archived
    }


def describe_absence(store: Store, listing: Listing, skipped: Sequence[tuple[str, str]]) -> NoFilesFound:
    """The error for an address under which no Parquet file can be read; says what is there instead.

    Args:
        store: where.
        listing: what lies there.
        skipped: path and reason of data files that were left out.
    """
    url = store.address.url
    if listing.log is not None and not listing.log.files.height:
        what = f"Version {listing.log.version} of the Delta table {url} has no file."
        return NoFilesFound(what, hint="open another version, as_of=…, or write to it first.")
    if store.find_root_file() is not None:
        what = f"{url} is a file, and a table is a folder or prefix of files."
        return NoFilesFound(what, hint=f"open {url.rpartition('/')[0] or '/'}.")
    reason = f" All data files were left out: {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
    listed_at = getattr(store, "listed_at", None)
    by = f", by the S3 Inventory report of {format_moment(listed_at)}" if listed_at is not None else ""
    what = f"No Parquet file under {url.rstrip('/')}/ ({listing.describe()}{by}).{reason}"
    return NoFilesFound(what, hint=suggest_folders(store))


def suggest_folders(store: Store) -> str:
    """A hint for an address under which nothing was found: the folders in it, or else beside it."""
    from lakekit.storage import open_store

    parent, _, name = store.address.url.rstrip("/").rpartition("/")
    here = [f"{folder}/" for folder in store.list_folders() if folder[0] not in "._"][:_MOST_SUGGESTIONS]
    if here:
        return f"folders in it: {', '.join(here)}."
    try:
        beside = open_store(parent, store.storage).list_folders()
    except (LakekitError, ValueError):
        beside = []
    beside = [f"{folder}/" for folder in beside if folder != name and folder[0] not in "._"][:_MOST_SUGGESTIONS]
    return f"folders that exist beside it: {', '.join(beside)}." if beside else "check the address."
