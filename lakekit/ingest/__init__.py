"""Rows brought into a table: batches of files or data in memory, written so that each row arrives exactly once.

It must not change or delete a file that is there: it only adds some.

Who sees what of a batch, as S3 puts one file at a time and other readers take whatever they list:

- lakekit's tables and lakes: all of a batch or nothing, always; the files of one that is not complete are listed on
  ``table.skipped``. Its marker in ``_batches/`` is put last, and decides; whoever copies a table copies it too.
- other readers (plain DuckDB, Polars, Spark, Athena): each file whole, but a batch in part from its first file to its
  last; after a kill until the rerun. No row twice: a rerun from files gives the same rows in files of the same names.
- plain Polars refuses a folder that holds anything but Parquet: ``scan_parquet("t/**/*.parquet")``, or
  ``scan_parquet("t", hidden_file_prefix="_")``.
- whoever needs it atomic for all readers publishes a Delta log.
"""

from lakekit.ingest.batch import write_batch
from lakekit.ingest.firehose import FirehoseRows, read_firehose
from lakekit.ingest.kafka_source import KafkaSource, kafka
from lakekit.ingest.kinesis_source import KinesisSource, kinesis
from lakekit.ingest.memory_source import MemorySource
from lakekit.ingest.progress import StreamProgress
from lakekit.ingest.quarantine import BadRow, Quarantine
from lakekit.ingest.result import BatchResult
from lakekit.ingest.sources import Files
from lakekit.ingest.stored import list_ranges, read_quarantined
from lakekit.ingest.streaming import StreamOptions, stream
from lakekit.storage.writer import Encryption

__all__ = [
    "BadRow",
    "BatchResult",
    "Encryption",
    "Files",
    "FirehoseRows",
    "KafkaSource",
    "KinesisSource",
    "MemorySource",
    "Quarantine",
    "StreamOptions",
    "StreamProgress",
    "kafka",
    "kinesis",
    "list_ranges",
    "read_firehose",
    "read_quarantined",
    "stream",
    "write_batch",
]
