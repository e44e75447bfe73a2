"""Rows brought into a table: batches of files or data in memory, written so that each row arrives exactly once.

It must not change or delete a file that is there: it only adds some.
"""

from lakekit.ingest.kafka import KafkaSource, kafka
from lakekit.ingest.kinesis import KinesisSource, kinesis
from lakekit.ingest.memory import MemorySource
from lakekit.ingest.progress import StreamProgress
from lakekit.ingest.stored import list_ranges, read_quarantined
from lakekit.ingest.stream import StreamOptions, stream

__all__ = [
    "KafkaSource",
    "KinesisSource",
    "MemorySource",
    "StreamOptions",
    "StreamProgress",
    "kafka",
    "kinesis",
    "list_ranges",
    "read_quarantined",
    "stream",
]
