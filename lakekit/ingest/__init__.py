"""Rows brought into a table: batches of files or data in memory, written so that each row arrives exactly once.

It must not change or delete a file that is there: it only adds some.
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
