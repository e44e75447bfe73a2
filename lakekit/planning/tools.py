"""The tools that bring data into a lake: for each, what speaks against it for a need, what for it, and its price.

It must not choose: choose.py takes the first that nothing speaks against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from lakekit.planning.answer import format_seconds
from lakekit.planning.bill import SECONDS_PER_MONTH, Bill, join_bills
from lakekit.planning.firehose import (
    DEFAULT_CONVERT_BUFFER_BYTES,
    MOST_ACTIVE_PARTITIONS,
    MOST_INTERVAL_S,
    Buffer,
    Extras,
    check_direct_put,
    plan_files,
    price_firehose,
)
from lakekit.planning.firehose import MOST_RECORD_BYTES as FIREHOSE_RECORD_BYTES
from lakekit.planning.flink import price_flink
from lakekit.planning.kafka import KafkaLoad, plan_kafka
from lakekit.planning.kinesis import plan_stream
from lakekit.planning.moving import price_storage_gateway, price_transfer_family
from lakekit.planning.needs import IngestNeed
from lakekit.planning.queries import price_athena
from lakekit.planning.routes import TransferNeed, TransferPlan, plan_transfer
from lakekit.planning.shards import (
    FAN_OUT_SECONDS,
    MOST_FAN_OUT_CONSUMERS,
    MOST_FAN_OUT_CONSUMERS_ADVANTAGE,
    SHARED_SECONDS,
    StreamLoad,
)
from lakekit.planning.shards import MOST_RECORD_BYTES as KINESIS_RECORD_BYTES
from lakekit.planning.video import price_video
from lakekit.prices import PriceBook
from lakekit.units import format_bytes

EVENT_SECONDS = 10  # what an S3 event and the start of a function take, generously; no figure of AWS
JOB_SECONDS = 600  # a job that is started when something arrives; Glue and EMR take minutes to begin
BATCH_SECONDS = 3600  # below an hour a batch job mostly starts, stops and pays its minimum
LEAST_BUFFER_SECONDS = 60  # Firehose can be quicker; its files are then too small to be read
SCHEDULE_SECONDS = 3600  # DataSync's shortest schedule
DMS_SECONDS = 60  # CdcMaxBatchInterval's default; botocore 1.44.5, dms service model, read 2026-11-17
FILES_BEFORE = (
    "records must be collected in files first, by their programs or by Firehose with 900 s; that is not in the price"
)
FILES_AFTER = "files for the lake: Firehose or a channel reads the stream, besides the others; that is not in the price"
LOW_RATE_BYTES_PER_S = 200 * 1024  # steady loads below are not for streams: AWS's whitepaper, known through notes


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: of the service.
        family: "batch", "micro-batch", "stream", "database", "transfer", "media" or "messaging".
        object_to: what speaks against it for a need; empty when nothing does.
        argue_for: what speaks for it, with numbers.
        price: a month's bill, or None where there is none to be told.
    """

    name: str
    family: str
    object_to: Callable[[IngestNeed], str]
    argue_for: Callable[[IngestNeed], list[str]]
    price: Callable[[IngestNeed, PriceBook | None], Bill | None]


def make_stream_load(need: IngestNeed) -> StreamLoad:
    """The load that a need puts on a stream: fan-out where sharing would be too slow."""
    shares = SHARED_SECONDS * need.consumers <= need.latency_s
    return StreamLoad(
        min(need.record_bytes, KINESIS_RECORD_BYTES),
        need.records_per_s,
        shared_consumers=need.consumers if shares else 0,
        fan_out_consumers=0 if shares else min(need.consumers, MOST_FAN_OUT_CONSUMERS),
        retention_hours=max(24, need.replay_hours),
    )


def make_buffer(need: IngestNeed) -> Buffer:
    """How Firehose would buffer: as much as the latency allows, and Parquet of what it can convert."""
    interval_s = min(MOST_INTERVAL_S, need.latency_s)
    return Buffer(size_bytes=DEFAULT_CONVERT_BUFFER_BYTES, interval_s=interval_s, convert=need.data_format == "json")


def _no_price(need: IngestNeed, book: PriceBook | None) -> None:
    return None


def _add_note(bill: Bill, note: str) -> Bill:
    return replace(bill, notes=(*bill.notes, note))


def _object_to_queue(need: IngestNeed) -> str:
    if need.kind != "tasks":
        return "a queue gives each message to one worker and forgets it"
    if need.replay_hours:
        return f"a queue forgets what was taken; {need.replay_hours:g} hours of replay are asked for"
    return f"a queue gives each message to one worker; {need.consumers} read all" if need.consumers > 1 else ""


def _object_to_video(need: IngestNeed) -> str:
    return "" if need.kind == "media" else "it takes video and audio only"


def _price_video(need: IngestNeed, book: PriceBook | None) -> Bill:
    days = max(1, need.replay_hours / 24)
    return price_video(need.bytes_per_day, retention_days=days, consumed_share=need.consumers, book=book)


def _object_to_kafka(need: IngestNeed) -> str:
    return "" if need.kind == "kafka" else "no program speaks Kafka; brokers are the most to run"


def _argue_for_kafka(need: IngestNeed) -> list[str]:
    texts = ["the programs keep the protocol that they speak"]
    if need.latency_s >= 300:
        texts.append("MSK's delivery channels write to S3 every 5 to 15 minutes without a consumer of your own")
    return [*texts, FILES_AFTER]


def _price_kafka(need: IngestNeed, book: PriceBook | None) -> Bill:
    load = KafkaLoad(need.bytes_per_s, need.bytes_per_s * need.consumers, retention_hours=max(1, need.replay_hours))
    plan = plan_kafka(load, book=book)
    return _add_note(plan.bills[plan.kind], FILES_AFTER)


def _object_to_full_load(need: IngestNeed) -> str:
    if need.kind != "database":
        return "it reads databases"
    return "the database goes on changing" if need.stays_in_sync else ""


def _object_to_cdc(need: IngestNeed) -> str:
    if need.kind != "database":
        return "it reads databases"
    if not need.stays_in_sync:
        return "the database does not change any more"
    if need.latency_s < DMS_SECONDS:
        return f"its files come every {DMS_SECONDS} s; {format_seconds(need.latency_s)} are asked for"
    return ""


def _argue_for_cdc(need: IngestNeed) -> list[str]:
    return [
        f"a full load, then changes every {DMS_SECONDS} s or 32 MB",
        "its row groups of 10,000 rows must be compacted; lk.cdc shows the current state meanwhile",
    ]


def _object_to_gateway(need: IngestNeed) -> str:
    if need.kind != "files" or not need.on_premises:
        return "no files on premises"
    if need.keeps_local_access or (need.stays_in_sync and need.latency_s < SCHEDULE_SECONDS):
        return ""
    return "no program on premises needs the files, and a copy an hour is enough"


def make_transfer_need(need: IngestNeed) -> TransferNeed:
    """The same as something to be moved."""
    return TransferNeed(need.bytes_per_day, need.bits_per_s, deadline_days=need.deadline_days)


@lru_cache(maxsize=256)
def _plan_route(need: TransferNeed) -> TransferPlan:
    """The plan at the usual prices, which do not decide the route; every route asks for it."""
    return plan_transfer(need)


def make_route_tool(route: str) -> Tool:
    """A way of moving files from premises, as a tool: it is the answer when plan_transfer takes it."""

    def object_to(need: IngestNeed) -> str:
        if need.kind != "files" or not need.on_premises:
            return "no files on premises"
        if need.stays_in_sync and need.latency_s < SCHEDULE_SECONDS:
            return f"a copy an hour at best; {format_seconds(need.latency_s)} are asked for"
        plan = _plan_route(make_transfer_need(need))
        return "" if plan.best.name == route else f"{plan.best.name} is: {plan.reasons[-1]}"

    def argue_for(need: IngestNeed) -> list[str]:
        plan = _plan_route(make_transfer_need(need))
        return [*plan.reasons, *plan.notes]

    def price(need: IngestNeed, book: PriceBook | None) -> Bill | None:
        return plan_transfer(make_transfer_need(need), book=book)[route].bill

    return Tool(route, "transfer", object_to, argue_for, price)


def _object_to_family(need: IngestNeed) -> str:
    return "" if need.kind == "partner-files" else "nobody sends files by SFTP"


def _object_to_batch(need: IngestNeed) -> str:
    if need.kind in ("database", "media", "partner-files"):
        return f"it reads files; this is {need.kind}"
    if need.kind == "files" and need.on_premises:
        return "the files must come into S3 first"
    if need.latency_s < (JOB_SECONDS if need.arrives_every_s >= BATCH_SECONDS else BATCH_SECONDS):
        often = "a job takes minutes" if need.arrives_every_s >= BATCH_SECONDS else "a job an hour at best"
        return f"{often}; {format_seconds(need.latency_s)} are asked for"
    if need.replay_hours and need.is_stream:
        return "consumers want to read the stream again"
    return ""


def _object_to_events(need: IngestNeed) -> str:
    if need.kind != "files" or need.on_premises:
        return "no files that land in S3"
    if need.latency_s < EVENT_SECONDS:
        return f"an event takes seconds; {format_seconds(need.latency_s)} are asked for"
    return ""


def _argue_for_events(need: IngestNeed) -> list[str]:
    return [
        f"each file starts its own small job: seconds, within the {format_seconds(need.latency_s)} asked for",
        "one small file in makes one small file out: compact them later",
    ]


def _argue_for_batch(need: IngestNeed) -> list[str]:
    texts = [f"{format_seconds(need.latency_s)} are enough for a job, which costs only while it runs"]
    if need.arrives_every_s >= BATCH_SECONDS:
        texts.append(f"it arrives every {format_seconds(need.arrives_every_s)}: a stream would be idle in between")
    if need.is_stream:
        texts.append(FILES_BEFORE)
    if need.data_format in ("parquet", "orc"):
        texts.append(f"{need.data_format} is columnar already: copy, and compact where files are small")
    return texts


def _price_family(need: IngestNeed, book: PriceBook | None) -> Bill:
    return price_transfer_family(need.bytes_per_s * SECONDS_PER_MONTH, book=book)


def _price_gateway(need: IngestNeed, book: PriceBook | None) -> Bill:
    return price_storage_gateway(need.bytes_per_s * SECONDS_PER_MONTH, book=book)


def _price_batch(need: IngestNeed, book: PriceBook | None) -> Bill:
    interval_s = max(need.arrives_every_s, min(need.latency_s, 86_400))
    bill = price_athena(need.bytes_per_s * interval_s, queries=SECONDS_PER_MONTH / interval_s, book=book)
    return _add_note(bill, FILES_BEFORE) if need.is_stream else bill


def _object_to_firehose(need: IngestNeed) -> str:
    if not need.is_stream:
        return f"it takes single records; this is {need.kind}"
    if need.record_bytes > FIREHOSE_RECORD_BYTES:
        return f"records of {format_bytes(round(need.record_bytes))}, at most {format_bytes(FIREHOSE_RECORD_BYTES)}"
    if need.needs_state:
        return "it changes single records; windows and joins need a program with state"
    if need.replay_hours:
        return f"it keeps nothing to read again; {need.replay_hours:g} hours of replay are asked for"
    if need.consumers > 1:
        return f"it delivers to one place; {need.consumers} programs read"
    if need.latency_s < LEAST_BUFFER_SECONDS:
        files = plan_files(need.bytes_per_s, make_buffer(need))
        return f"{format_seconds(need.latency_s)} would make files of {format_bytes(round(files.file_bytes))}"
    return ""


def _argue_for_firehose(need: IngestNeed) -> list[str]:
    files = plan_files(need.bytes_per_s, make_buffer(need))
    texts = [f"nothing to run: {files.title()}", *files.notes]
    texts += [f"{text}: ask AWS for more" for text in check_direct_put(need.bytes_per_s, need.records_per_s)]
    if need.data_format == "json":
        texts.append("JSON becomes Parquet on the way, by a schema in Glue")
    elif need.data_format in ("csv", "text", "avro"):
        texts.append(f"{need.data_format} needs a Lambda before it can become Parquet")
    if need.record_bytes < 5 * 1024:
        texts.append(f"each record is billed as 5 KB: {5 * 1024 / need.record_bytes:.3g} x; join records before")
    texts.append(f"partitions by keys in the data: at most {MOST_ACTIVE_PARTITIONS} at once, chosen at creation")
    return texts


def _price_firehose(need: IngestNeed, book: PriceBook | None) -> Bill:
    month = need.bytes_per_s * SECONDS_PER_MONTH
    extras = Extras(convert=need.data_format == "json")
    return price_firehose(month, record_bytes=min(need.record_bytes, FIREHOSE_RECORD_BYTES), extras=extras, book=book)


def _object_to_stream(need: IngestNeed) -> str:
    if not need.is_stream and need.kind != "database":
        return f"it takes single records; this is {need.kind}"
    if need.record_bytes > KINESIS_RECORD_BYTES:
        return f"records of {format_bytes(round(need.record_bytes))}, at most {format_bytes(KINESIS_RECORD_BYTES)}"
    if need.latency_s < FAN_OUT_SECONDS:
        asked = format_seconds(need.latency_s)
        return f"{asked} are asked for; enhanced fan-out takes {format_seconds(FAN_OUT_SECONDS)}"
    return ""


def _object_to_kinesis(need: IngestNeed) -> str:
    if need.needs_state:
        return "windows and joins need a program with state: Flink"
    return _object_to_stream(need)


def _argue_for_stream(need: IngestNeed) -> list[str]:
    load = make_stream_load(need)
    way = "enhanced fan-out" if load.fan_out_consumers else "shared reads"
    texts = [f"{way}: {format_seconds(load.latency_s)} from put to consumer; kept for {load.retention_hours:g} hours"]
    if need.consumers > MOST_FAN_OUT_CONSUMERS and load.fan_out_consumers:
        texts.append(
            f"{need.consumers} consumers want fan-out: {MOST_FAN_OUT_CONSUMERS} may have it, and are priced; "
            f"in Advantage mode {MOST_FAN_OUT_CONSUMERS_ADVANTAGE}"
        )
    if need.kind == "database":
        texts.append("DMS writes the changes into the stream")
    if need.bytes_per_s < LOW_RATE_BYTES_PER_S:
        rates = [format_bytes(round(rate)) for rate in (need.bytes_per_s, LOW_RATE_BYTES_PER_S)]
        texts.append(f"{rates[0]}/s is little: below {rates[1]}/s ask whether it must be a stream")
    return texts


def _price_stream(need: IngestNeed, book: PriceBook | None) -> Bill:
    plan = plan_stream(make_stream_load(need), book=book)
    return plan.bills[plan.mode]


def _argue_for_kinesis(need: IngestNeed) -> list[str]:
    return [*_argue_for_stream(need), FILES_AFTER]


def _price_kinesis(need: IngestNeed, book: PriceBook | None) -> Bill:
    return _add_note(_price_stream(need, book), FILES_AFTER)


def _price_flink(need: IngestNeed, book: PriceBook | None) -> Bill:
    return join_bills("Kinesis and Flink, a month", [_price_stream(need, book), price_flink(1, book=book)])


def _argue_for_flink(need: IngestNeed) -> list[str]:
    return ["keeps state, and restarts from it: exactly once into the lake", *_argue_for_stream(need)]


def _say(text: str) -> Callable[[IngestNeed], list[str]]:
    return lambda need: [text]


_NO_ORDER = _say("messaging is not streaming: no order, no replay")
_ONE_PASS = _say("one pass, then nothing runs")
_SFTP = _say("an SFTP address in front of S3")
_LOCAL = _say("NFS and SMB go on, with a local cache; the objects are in S3")
TOOLS = (
    Tool("SQS", "messaging", _object_to_queue, _NO_ORDER, _no_price),
    Tool("Kinesis Video Streams", "media", _object_to_video, _say("made for media"), _price_video),
    Tool("MSK", "stream", _object_to_kafka, _argue_for_kafka, _price_kafka),
    Tool("DMS full load", "database", _object_to_full_load, _ONE_PASS, _no_price),
    Tool("DMS full load and CDC", "database", _object_to_cdc, _argue_for_cdc, _no_price),
    Tool("Transfer Family", "transfer", _object_to_family, _SFTP, _price_family),
    Tool("S3 File Gateway", "transfer", _object_to_gateway, _LOCAL, _price_gateway),
    make_route_tool("DataSync Basic"),
    make_route_tool("DataSync Enhanced"),
    make_route_tool("temporary Direct Connect 10G"),
    make_route_tool("Data Transfer Terminal"),
    Tool("Glue or Athena job", "batch", _object_to_batch, _argue_for_batch, _price_batch),
    Tool("S3 events and Lambda", "micro-batch", _object_to_events, _argue_for_events, _no_price),
    Tool("Firehose", "micro-batch", _object_to_firehose, _argue_for_firehose, _price_firehose),
    Tool("Kinesis Data Streams", "stream", _object_to_kinesis, _argue_for_kinesis, _price_kinesis),
    Tool("Flink on Kinesis Data Streams", "stream", _object_to_stream, _argue_for_flink, _price_flink),
)
