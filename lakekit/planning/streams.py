"""Streams: Kinesis, Firehose, Flink, MSK, Kinesis Video Streams, and the engines that read or shape what they deliver.

It must not hold rules of its own: this is where all of them are found.

    >>> from lakekit.planning import streams
    >>> plan = streams.plan_stream(streams.StreamLoad(record_bytes=512, records_per_s=10_000, shared_consumers=4))
    >>> plan.shards.shards, round(plan.usd_per_month, 2)
    (10, 477.42)
"""

from lakekit.planning.bill import HOURS_PER_MONTH, Bill, Charge
from lakekit.planning.firehose import (
    Buffer,
    DeliveredFiles,
    Extras,
    RoundedRecord,
    check_direct_put,
    count_active_partitions,
    plan_files,
    price_firehose,
    round_record,
)
from lakekit.planning.flink import bill_run_seconds, count_kpus, price_flink
from lakekit.planning.glue import price_catalog, price_glue
from lakekit.planning.kafka import (
    KafkaLoad,
    KafkaPlan,
    count_brokers,
    plan_kafka,
    price_brokers,
    price_serverless,
)
from lakekit.planning.kinesis import StreamPlan, plan_stream
from lakekit.planning.kinesis_prices import (
    price_advantage,
    price_advantage_bytes,
    price_fan_out,
    price_on_demand,
    price_on_demand_bytes,
    price_on_demand_retention,
    price_provisioned,
    price_retention,
    price_shards,
)
from lakekit.planning.queries import bill_scanned_bytes, price_athena, price_emr_serverless, price_spectrum
from lakekit.planning.shards import (
    OnDemandCapacity,
    PackedRecords,
    ShardCount,
    StreamLoad,
    count_put_calls,
    count_put_units,
    count_shards,
    count_shards_of,
    find_on_demand_capacity,
    pack_records,
    plan_resharding,
)
from lakekit.planning.video import price_video

__all__ = [
    "HOURS_PER_MONTH",
    "Bill",
    "Buffer",
    "Charge",
    "DeliveredFiles",
    "Extras",
    "KafkaLoad",
    "KafkaPlan",
    "OnDemandCapacity",
    "PackedRecords",
    "RoundedRecord",
    "ShardCount",
    "StreamLoad",
    "StreamPlan",
    "bill_run_seconds",
    "bill_scanned_bytes",
    "check_direct_put",
    "count_active_partitions",
    "count_brokers",
    "count_kpus",
    "count_put_calls",
    "count_put_units",
    "count_shards",
    "count_shards_of",
    "find_on_demand_capacity",
    "pack_records",
    "plan_files",
    "plan_kafka",
    "plan_resharding",
    "plan_stream",
    "price_advantage",
    "price_advantage_bytes",
    "price_athena",
    "price_brokers",
    "price_catalog",
    "price_emr_serverless",
    "price_fan_out",
    "price_firehose",
    "price_flink",
    "price_glue",
    "price_on_demand",
    "price_on_demand_bytes",
    "price_on_demand_retention",
    "price_provisioned",
    "price_retention",
    "price_serverless",
    "price_shards",
    "price_spectrum",
    "price_video",
    "round_record",
]
