"""A listing as columns: one row for each object, and no Python object for each, so that a million are soon told.

It must not ask a store for more than its listing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from lakekit.storage.store import Store, StoredObject

if TYPE_CHECKING:
    import polars as pl

OnProgress = Callable[[int], None]
_tell = attrgetter("path", "size_bytes", "modified_at", "etag", "storage_class", "restored")


def list_columns(store: Store, *, on_progress: OnProgress | None = None) -> pl.DataFrame:
    """All objects under a store's address, one row for each, sorted by path: what ``list_objects`` gives, as columns.

    Columns: path (str), size_bytes (i64), modified_at (datetime, UTC), etag (str), storage_class (str), restored
    (bool); they mean what those of StoredObject do.

    Args:
        store: where.
        on_progress: called with the number found so far, now and then, in the calling thread.

    Raises:
        NoFilesFound, AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `Store.list_objects`.

    Example:
        >>> from lakekit.storage import open_store
        >>> list_columns(open_store("data/sample/lake/airlines"))["path"].to_list()
        ['part-0.parquet']
    """
    by_columns = getattr(store, "list_columns", None)
    if by_columns is not None:
        return by_columns(on_progress=on_progress)
    return tabulate_objects(store.list_objects(on_progress=on_progress))


def column_types() -> dict[str, pl.DataType]:
    """The columns of a listing and their types."""
    import polars as pl

    text, moment = pl.String(), pl.Datetime("us", "UTC")
    return {
        "path": text,
        "size_bytes": pl.Int64(),
        "modified_at": moment,
        "etag": text,
        "storage_class": text,
        "restored": pl.Boolean(),
    }


def tabulate_objects(objects: Iterable[StoredObject]) -> pl.DataFrame:
    """Objects as the columns of a listing, in their order."""
    import polars as pl

    rows = list(map(_tell, objects))
    columns = zip(*rows, strict=True) if rows else [()] * 6
    types = column_types()
    return pl.DataFrame(
        {name: pl.Series(column, dtype=types[name]) for name, column in zip(types, map(list, columns), strict=True)}
    )


def list_stored(listed: pl.DataFrame) -> list[StoredObject]:
    """Rows of a listing as objects."""
    return [StoredObject(*row) for row in listed.select(*column_types()).iter_rows()]
