"""A real table, on the embedded DynamoDB, is read within bounds that are told before, and becomes a workload."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakekit import dynamodb as ddb
from lakekit import embedded_aws
from lakekit.dynamodb import Index, TableDesign
from lakekit.errors import InvalidArgument, LakekitError, UnknownTable

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_table(count=0, mode=None, **options):
    indexes = (Index("by_city", "city", projection="KEYS_ONLY"), Index("by_rank", "id", "rank", is_local=True))
    design = TableDesign(f"players-{uuid.uuid4().hex[:8]}", "id", "at", indexes, **options)
    ddb.apply_plan(ddb.create_plan(design, mode, key_types={"at": "N", "rank": "N"}), embedded_aws())
    client = embedded_aws().boto3("dynamodb")
    for start in range(0, count, 25):
        puts = [{"PutRequest": {"Item": make_item(number)}} for number in range(start, min(start + 25, count))]
        client.batch_write_item(RequestItems={design.name: puts})
    return design


def make_item(number):
    item = {"id": {"S": f"player-{number:04}"}, "at": {"N": "1"}, "text": {"S": "x" * 500}}
    return item | ({"city": {"S": "Rome"}} if number % 2 else {})


def put_metric(design, metric, sums, index=None):
    dimensions = [{"Name": "TableName", "Value": design.name}]
    if index:
        dimensions.append({"Name": "GlobalSecondaryIndexName", "Value": index})
    data = [
        {"MetricName": metric, "Dimensions": dimensions, "Timestamp": NOON - timedelta(minutes=ago), "Value": float(n)}
        for ago, n in sums.items()
    ]
    embedded_aws().boto3("cloudwatch").put_metric_data(Namespace="AWS/DynamoDB", MetricData=data)


def test_a_plan_tells_what_will_be_read_and_reads_nothing_itself():
    design = make_table(30)
    plan = ddb.plan_description(design.name, storage=embedded_aws(), most_items=250, as_of=NOON)
    # 3 pages of at most 1 MiB and one item: (1,048,576 + 409,600) / 4,096 = 356 steps, halved
    assert (plan.pages, plan.most_read_units, plan.metric_queries) == (3, 3 * 178, 4)
    assert "at most 250 items in 3 Scan requests, 534 read units at most; 4 metrics" in repr(plan)


def test_a_table_comes_back_as_it_was_designed():
    design = make_table(30)
    found = ddb.describe_table(design.name, storage=embedded_aws())
    assert found.table == design
    assert found.key_types == {"id": "S", "at": "N", "city": "S", "rank": "N"}
    assert found.mode == "PAY_PER_REQUEST"
    assert (found.sampled_items, found.items) == (30, 30)
    # id 2+11, at 2+2, text 4+500; city 4+4 in every second; 15,750 bytes are 4 steps of 4 KB, halved
    assert found.entity.sizes.bytes.tolist() == [521, 529]
    assert found.sampled_read_units == 2.0
    assert found.entity.entry("by_city").share == 0.5
    assert found.entity.entry("by_city").sizes.mean_bytes == 13 + 4 + 8
    assert found.demand is None
    assert design.name in str(found)
    assert "read units" in found._repr_html_()


def test_no_more_is_read_than_was_planned():
    design = make_table(130)
    found = ddb.describe_table(ddb.plan_description(design.name, storage=embedded_aws(), most_items=101))
    assert found.sampled_items == 101
    assert found.sampled_read_units <= 2 * 178


def test_provisioned_capacity_is_read_for_table_and_index():
    design = make_table(0, ddb.Provisioned(20, 10, {"by_city": (5, 6)}))
    found = ddb.describe_table(design.name, storage=embedded_aws())
    assert found.capacity == {design.name: (20, 10), "by_city": (5, 6)}
    assert found.mode == "PROVISIONED"


def test_consumption_becomes_demand_minute_by_minute():
    design = make_table(10)
    put_metric(design, "ConsumedReadCapacityUnits", {60: 600, 59: 1200})
    put_metric(design, "ConsumedWriteCapacityUnits", {60: 300})
    put_metric(design, "ConsumedWriteCapacityUnits", {60: 150}, index="by_city")
    plan = ddb.plan_description(design.name, storage=embedded_aws(), as_of=NOON, days=1)
    demand = ddb.describe_table(plan).demand
    assert demand.resources == (design.name, "by_city")
    assert demand.steps == 1440
    assert demand.get(design.name, "read")[1379:1383].tolist() == [0, 10, 20, 0]  # 1440 - 60 = 1380
    assert demand.get(design.name, "write")[1380] == 5
    assert demand.get("by_city", "write")[1380] == 2.5
    assert demand.touching[1, 1380] == 2.5


def test_the_workload_asks_for_the_units_that_were_consumed():
    design = make_table(10)
    put_metric(design, "ConsumedReadCapacityUnits", {60: 600})
    put_metric(design, "ConsumedWriteCapacityUnits", {60: 300})
    found = ddb.describe_table(ddb.plan_description(design.name, storage=embedded_aws(), as_of=NOON, days=1))
    workload = found.to_workload()
    demand = ddb.compute_demand(workload, days=1)
    # an hour before noon is minute 660 of its day
    assert demand.get(design.name, "read")[660] == pytest.approx(10)
    # puts of an item without rank write no local entry; those with a city write one to by_city
    assert demand.get(design.name, "write")[660] == pytest.approx(5)
    assert demand.get("by_city", "write")[660] == pytest.approx(2.5)
    assert ddb.compare_modes(found.demand).cheapest.usd > 0


@pytest.mark.parametrize("named", [("eu-west-1", "us-west-2"), ("us-east-1", "eu-west-1", "us-west-2")])
def test_a_global_table_is_priced_in_all_of_its_regions(named):
    design = make_table(10)
    put_metric(design, "ConsumedReadCapacityUnits", {60: 600})
    put_metric(design, "ConsumedWriteCapacityUnits", {60: 300})
    plan = ddb.plan_description(design.name, storage=embedded_aws(), as_of=NOON, days=1)
    replicas = [{"RegionName": region, "ReplicaStatus": "ACTIVE"} for region in named]
    found = ddb.describe_table(replace(plan, facts={**plan.facts, "Replicas": replicas}))
    # the embedded AWS is us-east-1: with the two others three, whether it names itself or not
    assert found.regions == found.demand.regions == 3
    assert "PAY_PER_REQUEST, STANDARD, 3 regions" in str(found)
    assert found.demand.stored_bytes[design.name] == pytest.approx(10 * (525 + 100 + 48))
    bill = ddb.compare_modes(found.demand).get("on-demand").bill
    # 300 units of a day in each of three regions, 730 / 24 times a month
    assert bill.get("replicated writes") == pytest.approx(3 * 300 * 730 / 24 * 0.625 / 1e6)
    # the workload asks each region for what this one was asked
    again = ddb.compute_demand(found.to_workload(), days=1)
    assert again.get(design.name, "read")[660] == pytest.approx(10)
    assert again.get(design.name, "write")[660] == pytest.approx(5)


def test_an_empty_table_has_no_sizes_and_makes_no_workload():
    found = ddb.describe_table(make_table().name, storage=embedded_aws())
    assert found.entity is None
    assert "the table is empty" in str(found)
    with pytest.raises(InvalidArgument, match="has no items"):
        found.to_workload()


def test_without_consumption_there_is_no_demand():
    design = make_table(5)
    found = ddb.describe_table(ddb.plan_description(design.name, storage=embedded_aws(), as_of=NOON))
    assert found.demand is None
    with pytest.raises(InvalidArgument, match="no consumption in CloudWatch"):
        found.to_workload()


def test_an_unknown_table_names_those_there_are():
    design = make_table()
    with pytest.raises(UnknownTable, match=r"no DynamoDB table 'plyers'"):
        ddb.describe_table("plyers", storage=embedded_aws())
    assert design.name in embedded_aws().boto3("dynamodb").list_tables()["TableNames"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"most_items": 0}, "most_items=0"),
        ({"days": 20}, "days=20"),
        ({"as_of": NOON.replace(tzinfo=None)}, "has no time zone"),
    ],
)
def test_bounds_that_mean_nothing_name_the_parameter(options, message):
    with pytest.raises(InvalidArgument, match=message):
        ddb.plan_description("players", storage=embedded_aws(), **options)


def test_what_the_service_refuses_is_lakekits_error():
    with pytest.raises(LakekitError, match="no name!"):
        ddb.describe_table("no name!", storage=embedded_aws())
