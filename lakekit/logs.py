"""Tables whose files a log of their own names, whatever its format: Delta's, or the metadata of Iceberg.

It must not know how either is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

    from lakekit.manifest.logged import LoggedFiles, ReadLog
    from lakekit.manifest.manifest import TableOptions
    from lakekit.storage import Store


def make_log_reader(options: TableOptions) -> ReadLog | None:
    """What reads the log of a table that has one; what it has read once it does not read again.

    Where both lie at one place, as where a Delta table is published as Iceberg too, Delta's is read, unless the
    metadata was named.

    Args:
        options: which version, and which metadata.
    """
    if options.ignore_log:
        return None
    from lakekit.delta import LogReader
    from lakekit.iceberg import MetadataReader

    as_of, is_named = options.as_of, options.metadata is not None
    readers = [MetadataReader(as_of, options.metadata)]
    if not is_named:
        readers.insert(0, LogReader(as_of, skips_lost=options.on_bad_file == "skip"))

    def read(store: Store, listed: pl.DataFrame) -> LoggedFiles | None:
        for reader in readers:
            found = reader(store, listed)
            if found is not None:
                return found
        if as_of is not None:
            what = f"{store.address.url} has no Delta log or Iceberg metadata, and only such a table has a past."
            raise InvalidArgument(what, hint="leave as_of= out; lk.publish.delta(table) begins a log.")
        return None

    return read
