"""Rows brought into a table: batches of files or data in memory, written so that each row arrives exactly once.

It must not change or delete a file that is there: it only adds some.
"""

from lakekit.ingest.batch import write_batch
from lakekit.ingest.quarantine import BadRow, Quarantine
from lakekit.ingest.result import BatchResult
from lakekit.ingest.sources import Files
from lakekit.storage.writer import Encryption

__all__ = ["BadRow", "BatchResult", "Encryption", "Files", "Quarantine", "write_batch"]
