"""What a view reads: a store and the manifest as it is now, refreshed once when a file turns out to have changed.

It must not know the engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from lakekit.errors import StaleFile
from lakekit.manifest.manifest import Manifest
from lakekit.views.reader import TableReader

if TYPE_CHECKING:
    from lakekit.storage import Store


class ViewSource(Protocol):
    """A table as the views see it."""

    name: str
    store: Store
    manifest: Manifest

    def refresh(self) -> object:
        """Read the listing again and the footers that are new; sets ``manifest``."""


def read_tables(
    source: ViewSource, choose: Callable[[Manifest], Sequence[str]], columns: Sequence[str] | None
) -> Iterator[pa.Table]:
    """The tables of the files that ``choose`` picks, begun again once if a file changed before the first of them.

    Raises:
        StaleFile: a file changed after rows were handed out, or again after the refresh, or the refreshed table has
            other columns or types than the view promised; rows of two versions never mix.
    """
    schema = source.manifest.schema.arrow
    for attempt in (1, 2):
        manifest, started = source.manifest, False
        try:
            for table in TableReader(source.store, manifest).read_files(choose(manifest), columns):
                started = True
                yield table
            return
        except StaleFile:
            source.refresh()
            if started or attempt == 2 or not source.manifest.schema.arrow.equals(schema):
                raise
