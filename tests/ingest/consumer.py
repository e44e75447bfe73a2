"""A consumer in a process of its own, that a test kills: it stores whatever each read gives.

It must not be collected: it holds no test.
"""

import importlib
import os

import pyarrow as pa

from lakekit import ingest
from lakekit.ingest import kafka_source, kinesis_source
from lakekit.storage import Storage

# what a run would load is there before it begins, so that a kill meets work
for late in ("lakekit.ingest.worker", "lakekit.manifest.manifest", "polars", "boto3", "confluent_kafka"):
    importlib.import_module(late)
pa.array([1])  # loads pandas where it is


def consume(kind, name, reach, table_url, small_reads=True):
    """Read a stream until nothing more is there; small and quick reads, so that there are many moments to be killed."""
    os.environ["LAKEKIT_PROGRESS"] = "off"
    if small_reads:
        kinesis_source.MOST_RECORDS_A_CALL = kafka_source.MOST_MESSAGES = 40
    kinesis_source.CALL_SECONDS, kinesis_source.IDLE_SECONDS, kinesis_source.READ_BYTES_PER_S = 0.005, 0.02, 1e9
    source = ingest.kinesis(name, storage=Storage(**reach)) if kind == "kinesis" else ingest.kafka(name, reach)
    ingest.stream(source, table_url, options=ingest.StreamOptions(buffer_seconds=0))
