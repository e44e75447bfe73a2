"""A table as a stream of Arrow record batches.

It must not hold more than a few row groups at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from lakekit.manifest.predicates import ALWAYS
from lakekit.receipts.ledger import record_scan
from lakekit.receipts.tally import Needs
from lakekit.views.source import read_tables

if TYPE_CHECKING:
    from lakekit.views.source import ViewSource


def read_arrow(source: ViewSource) -> pa.RecordBatchReader:
    """All rows of a table as a pyarrow RecordBatchReader with the table's schema.

    Raises, while it is read: CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile.
    """
    schema = source.manifest.schema.arrow

    def batches() -> Iterator[pa.RecordBatch]:
        with record_scan(source, "arrow", Needs(schema.names, ALWAYS), f"SELECT * FROM {source.name}") as scan:
            for table in read_tables(source, lambda known: known.entries["path"].to_list(), None, schema, scan=scan):
                yield from table.to_batches()

    return pa.RecordBatchReader.from_batches(schema, batches())
