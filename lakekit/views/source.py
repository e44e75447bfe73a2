"""What a view reads: a store and the manifest as it is now, refreshed once when a file has changed or is gone.

It must not know the engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from lakekit.errors import IncompleteTable, StaleFile
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import ALWAYS, Predicate
from lakekit.manifest.types import describe_type
from lakekit.views.reader import TableReader

if TYPE_CHECKING:
    from lakekit.receipts.ledger import Ledger
    from lakekit.receipts.tally import ReaderScan
    from lakekit.storage import Store


class ViewSource(Protocol):
    """A table as the views see it."""

    name: str
    store: Store
    manifest: Manifest
    ledger: Ledger
    find_successor: Callable[[], ViewSource | None] | None

    def refresh(self) -> object:
        """Read the listing again and the footers that are new; sets ``manifest``."""


def read_tables(
    source: ViewSource,
    choose: Callable[[Manifest], Sequence[str]],
    columns: Sequence[str] | None,
    promised: pa.Schema,
    predicate: Predicate = ALWAYS,
    *,
    scan: ReaderScan | None = None,
) -> Iterator[pa.Table]:
    """The tables of the files that ``choose`` picks, begun again once if a file changed before the first of them.

    A table of a lake that was switched to a copy, and whose files were retired since, is then read from the copy.

    Args:
        source: the table.
        choose: the paths to read, of a manifest.
        columns: names of the promised columns that are wanted; None for all of them.
        promised: the schema when the view was made. Columns that came later are left out.
        predicate: row groups in which it is true for no row are left out.
        scan: notes which files are read, for a receipt.

    Raises:
        StaleFile: a file changed after rows were handed out, or again after the refresh, or the table no longer has
            the columns that the view promised; rows of two versions never mix.
    """
    wanted = promised.names if columns is None else columns
    for attempt in (1, 2):
        manifest, started = source.manifest, False
        _check_promise(source.name, promised, manifest.schema.arrow)
        try:
            reader = TableReader(source.store, manifest)
            if scan is not None:
                reader.on_part = scan.note_part
            for table in reader.read_files(choose(manifest), wanted, predicate):
                started = True
                yield table
            return
        except StaleFile:
            renewed = _renew(source)
            if started or attempt == 2:
                raise
            if renewed is not source and scan is not None and scan.follow is not None:
                scan = scan.follow(renewed)
            source = renewed


def _renew(source: ViewSource) -> ViewSource:
    """The table as it is now; where its files were retired, the one that its lake reads under its name."""
    try:
        source.refresh()
    except IncompleteTable:
        successor = source.find_successor() if source.find_successor is not None else None
        if successor is None or successor is source:
            raise
        return successor
    return source


def _check_promise(name: str, promised: pa.Schema, found: pa.Schema) -> None:
    for field in promised:
        index = found.get_field_index(field.name)
        if index < 0 or not found.field(index).type.equals(field.type):
            now = "is gone" if index < 0 else f"is now {describe_type(found.field(index).type)}"
            what = f"The column {field.name!r} of {name} was {describe_type(field.type)} and {now}: files have changed."
            raise StaleFile(what, hint="make the frame or reader again from the table.")
