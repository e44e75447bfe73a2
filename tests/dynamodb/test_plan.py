"""A plan is looked at first, then carried out: on the embedded DynamoDB the table comes out as it was designed."""

import json
import uuid

import pytest

from lakekit import dynamodb as ddb
from lakekit import embedded_aws
from lakekit.dynamodb import Index, TableDesign
from lakekit.errors import InvalidArgument, LakekitError

POLICY = ddb.ScalingPolicy(60, 10, 500)


def make_design(**options):
    name = f"games-{uuid.uuid4().hex[:8]}"
    indexes = (
        Index("by_city", "city", projection="INCLUDE", include=("score",)),
        Index("by_rank", "player", "rank", "KEYS_ONLY", is_local=True),
    )
    return TableDesign(name, "player", "at", indexes, **options)


def create(plan):
    storage = embedded_aws()
    ddb.apply_plan(plan, storage)
    return storage.boto3("dynamodb").describe_table(TableName=plan.name)["Table"]


def test_nothing_is_made_before_it_is_carried_out():
    plan = ddb.create_plan(make_design(), ddb.Autoscaled(POLICY, POLICY))
    assert plan.name not in embedded_aws().boto3("dynamodb").list_tables()["TableNames"]
    assert "nothing is done before apply_plan" in repr(plan)
    assert "create_table" in str(plan)
    assert "put_scaling_policy" in plan._repr_html_()


def test_an_on_demand_table_comes_out_as_designed():
    design = make_design()
    plan = ddb.create_plan(design, key_types={"at": "N", "rank": "N"}, continuous_backup=True, tags={"team": "lake"})
    table = create(plan)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert types == {"player": "S", "at": "N", "city": "S", "rank": "N"}
    projection = table["GlobalSecondaryIndexes"][0]["Projection"]
    assert projection == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["score"]}
    assert table["LocalSecondaryIndexes"][0]["KeySchema"][1] == {"AttributeName": "rank", "KeyType": "RANGE"}
    backups = embedded_aws().boto3("dynamodb").describe_continuous_backups(TableName=plan.name)
    description = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert description["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_provisioned_table_has_its_capacity_and_its_indexes_theirs():
    table = create(ddb.create_plan(make_design(), ddb.Provisioned(20, 10, {"by_city": (5, 10)})))
    units = [
        (one["ProvisionedThroughput"]["ReadCapacityUnits"], one["ProvisionedThroughput"]["WriteCapacityUnits"])
        for one in (table, table["GlobalSecondaryIndexes"][0])
    ]
    assert units == [(20, 10), (5, 10)]


def test_autoscaling_is_registered_for_the_table_and_each_global_index():
    plan = ddb.create_plan(make_design(), ddb.Autoscaled(POLICY, POLICY))
    create(plan)
    client = embedded_aws().boto3("application-autoscaling")
    targets = client.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    mine = [one for one in targets if f"table/{plan.name}" in one["ResourceId"]]
    assert sorted(one["ScalableDimension"] for one in mine) == [
        "dynamodb:index:ReadCapacityUnits",
        "dynamodb:index:WriteCapacityUnits",
        "dynamodb:table:ReadCapacityUnits",
        "dynamodb:table:WriteCapacityUnits",
    ]
    assert {(one["MinCapacity"], one["MaxCapacity"]) for one in mine} == {(10, 500)}
    policies = client.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    mine = [one for one in policies if f"table/{plan.name}" in one["ResourceId"]]
    assert len(mine) == 4
    assert {one["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for one in mine} == {60.0}


def test_cloudformation_says_the_same():
    plan = ddb.create_plan(make_design(), ddb.Autoscaled(POLICY, POLICY), continuous_backup=True)
    resources = json.loads(plan.cloudformation)["Resources"]
    kinds = sorted(one["Type"].rpartition("::")[2] for one in resources.values())
    assert kinds == ["ScalableTarget"] * 4 + ["ScalingPolicy"] * 4 + ["Table"]
    assert resources["Table"]["Properties"]["KeySchema"] == plan.create_table["KeySchema"]
    assert resources["Table"]["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    for number in range(4):
        assert resources[f"Policy{number}"]["Properties"]["ScalingTargetId"] == {"Ref": f"Target{number}"}
        assert resources[f"Target{number}"]["DependsOn"] == "Table"


def test_terraform_says_the_same():
    design = make_design(table_class="STANDARD_IA")
    plan = ddb.create_plan(design, ddb.Autoscaled(POLICY, POLICY), key_types={"at": "N"}, tags={"team": "lake"})
    text = plan.terraform
    for line in (
        'billing_mode   = "PROVISIONED"',
        'table_class    = "STANDARD_INFREQUENT_ACCESS"',
        'hash_key       = "player"',
        'non_key_attributes = ["score"]',
        "max_capacity       = 500",
        "target_value       = 60.0",
        'predefined_metric_type = "DynamoDBReadCapacityUtilization"',
        '"team" = "lake"',
    ):
        assert line in text
    assert text.count("{") == text.count("}")
    assert text.count('resource "') == 1 + 4 + 4
    local = text[text.index("local_secondary_index") :].partition("}")[0]
    assert "hash_key" not in local  # it is the table's


def test_nothing_in_a_text_is_a_template_of_terraform():
    plan = ddb.create_plan(TableDesign("t", "id"), tags={"owner": 'a "${path.cwd}" %{if}'})
    assert r'"owner" = "a \"$${path.cwd}\" %%{if}"' in plan.terraform


def test_a_cap_on_on_demand_is_planned():
    plan = ddb.create_plan(TableDesign("t", "id"), ddb.OnDemand(most_read=100, most_write=50))
    assert plan.create_table["OnDemandThroughput"] == {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50}
    assert "max_write_request_units = 50" in plan.terraform


def test_the_cheapest_of_a_comparison_can_be_planned():
    found = ddb.compare_modes(ddb.make_demand("t", write=500, days=1))
    plan = ddb.create_plan(TableDesign("t", "id"), found.get_mode())
    assert plan.create_table["ProvisionedThroughput"]["WriteCapacityUnits"] == 500


def test_an_autoscaled_table_is_created_where_its_comparison_started():
    table = TableDesign("t", "id", indexes=(Index("by_x", "x"),))
    puts = ddb.AccessPattern("put", "PutItem", "item", rate=ddb.Recorded((1400, 700), step_s=43_200))
    workload = ddb.Workload(table, (ddb.Entity("item", 900),), (puts,))
    found = ddb.compare_modes(workload, options=ddb.CompareOptions(days=1))
    create = ddb.create_plan(table, found.get_mode(found.get("autoscaled"))).create_table
    units = [one["ProvisionedThroughput"] for one in (create, create["GlobalSecondaryIndexes"][0])]
    # the first minute has 1,400 writes a second: 1,400 / 0.7 = 2,000; and no reads: the least of the policy, 5
    assert units == [{"ReadCapacityUnits": 5, "WriteCapacityUnits": 2000}] * 2
    assert found.simulations["autoscaled"].lane("t", "write").capacity[0] == 2000
    # by hand it is what was said, or the least
    by_hand = ddb.create_plan(table, ddb.Autoscaled(start={("t", "write"): 70})).create_table
    assert by_hand["ProvisionedThroughput"] == {"ReadCapacityUnits": 5, "WriteCapacityUnits": 70}


def test_a_type_of_no_key_is_an_error():
    with pytest.raises(InvalidArgument, match="'score': 'N'.*\n.*player, at, city, rank"):
        ddb.create_plan(make_design(), key_types={"score": "N"})
    with pytest.raises(InvalidArgument, match="'at': 'DATE'"):
        ddb.create_plan(make_design(), key_types={"at": "DATE"})


def test_what_aws_refuses_is_lakekits_error():
    plan = ddb.create_plan(make_design())
    create(plan)
    with pytest.raises(LakekitError, match=plan.name):
        ddb.apply_plan(plan, embedded_aws())
