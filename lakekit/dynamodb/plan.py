"""The plan of a table: the CreateTable call, its autoscaling policies, and the same for CloudFormation and Terraform.

It must not change anything in AWS but in `apply_plan`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb import limits
from lakekit.dynamodb.design import Index, TableDesign, list_names
from lakekit.dynamodb.terraform import write_terraform
from lakekit.dynamodb.throughput import Autoscaled, Mode, OnDemand, Provisioned
from lakekit.errors import InvalidArgument
from lakekit.storage import Storage, translate_error

KEY_TYPES = ("S", "N", "B")
CLASS_NAMES = {"STANDARD": "STANDARD", "STANDARD_IA": "STANDARD_INFREQUENT_ACCESS"}
DIMENSIONS = {"read": "ReadCapacityUnits", "write": "WriteCapacityUnits"}
METRICS = {"read": "DynamoDBReadCapacityUtilization", "write": "DynamoDBWriteCapacityUtilization"}


@dataclass(frozen=True, repr=False)
class TablePlan:
    """Everything that makes a table, to look at first. Of `create_plan`; `apply_plan` carries it out.

    Attributes:
        name: of the table.
        create_table: arguments of boto3's `create_table`.
        calls: what follows, in order: service, method, arguments.
        cloudformation: a template, as JSON.
        terraform: the same as HCL.
    """

    name: str
    create_table: Mapping[str, Any]
    calls: tuple[tuple[str, str, Mapping[str, Any]], ...]
    cloudformation: str
    terraform: str

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = [("dynamodb", "create_table", json.dumps(self.create_table))]
        return rows + [(service, method, json.dumps(arguments)) for service, method, arguments in self.calls]

    def __repr__(self) -> str:
        return f"TablePlan of {self.name}: {1 + len(self.calls)} calls; nothing is done before apply_plan"

    def __str__(self) -> str:
        return f"{self!r}\n{format_text_table(['service', 'call', 'arguments'], self._rows())}"

    def _repr_html_(self) -> str:
        return format_html_table(repr(self), ["service", "call", "arguments"], self._rows())


def create_plan(
    table: TableDesign,
    mode: Mode | None = None,
    *,
    key_types: Mapping[str, str] | None = None,
    continuous_backup: bool = False,
    tags: Mapping[str, str] | None = None,
) -> TablePlan:
    """The plan of a table in a mode of capacity.

    Args:
        mode: `OnDemand` (the default), `Provisioned` or `Autoscaled`, such as a comparison's `get_mode()`. What is
            autoscaled is created with its `start`, and where it has none, with the least of the policy.
        key_types: "S", "N" or "B" of each key attribute; "S" for those that are not named.
        continuous_backup: switch point-in-time recovery on.

    Raises:
        InvalidArgument: a type of something that is no key; names it.

    Example:
        >>> plan = create_plan(TableDesign("games", "player", "played_at"), key_types={"played_at": "N"})
        >>> plan.create_table["BillingMode"], plan.create_table["AttributeDefinitions"][1]
        ('PAY_PER_REQUEST', {'AttributeName': 'played_at', 'AttributeType': 'N'})
    """
    mode = OnDemand() if mode is None else mode
    types = _get_key_types(table, key_types or {})
    create = _make_create_table(table, mode, types)
    if tags:
        create["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    calls = list(_make_scaling_calls(table, mode)) if isinstance(mode, Autoscaled) else []
    if continuous_backup:
        on = {"PointInTimeRecoveryEnabled": True}
        backup = {"TableName": table.name, "PointInTimeRecoverySpecification": on}
        calls.append(("dynamodb", "update_continuous_backups", backup))
    template = _make_template(create, calls, continuous_backup)
    terraform = write_terraform(create, calls, continuous_backup=continuous_backup)
    return TablePlan(table.name, create, tuple(calls), json.dumps(template, indent=2), terraform)


def apply_plan(plan: TablePlan, storage: Storage) -> None:
    """Creates the table of a plan, waits until it is there, and makes the other calls.

    Raises:
        LakekitError: AWS refuses; what was made before stays.

    Example:
        >>> from lakekit import embedded_aws
        >>> apply_plan(create_plan(TableDesign("doc-games", "player")), embedded_aws())
        >>> embedded_aws().boto3("dynamodb").describe_table(TableName="doc-games")["Table"]["TableStatus"]
        'ACTIVE'
    """
    client = storage.boto3("dynamodb")
    action = "dynamodb:CreateTable"
    try:
        client.create_table(**plan.create_table)
        client.get_waiter("table_exists").wait(TableName=plan.name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        for service, method, arguments in plan.calls:
            action = f"{service}:{method}"
            getattr(storage.boto3(service), method)(**arguments)
    except Exception as exc:
        raise translate_error(exc, action=action, url=f"table {plan.name}", storage=storage) from exc


def _get_key_types(table: TableDesign, given: Mapping[str, str]) -> dict[str, str]:
    keys = dict.fromkeys((*table.keys, *(key for index in table.indexes for key in index.keys)), "S")
    for name, kind in given.items():
        if name not in keys or kind not in KEY_TYPES:
            raise InvalidArgument(
                f"key_types has {name!r}: {kind!r}.", hint=f"keys: {', '.join(keys)}; types: {', '.join(KEY_TYPES)}."
            )
    return keys | dict(given)


def _make_key_schema(owner: TableDesign | Index) -> list[dict[str, str]]:
    parts = [(name, "HASH") for name in list_names(owner.partition_key)]
    parts += [(name, "RANGE") for name in list_names(owner.sort_key)]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in parts]


def _make_index(index: Index, mode: Mode) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.include:
        projection["NonKeyAttributes"] = list(index.include)
    made = {"IndexName": index.name, "KeySchema": _make_key_schema(index), "Projection": projection}
    if not index.is_local and not isinstance(mode, OnDemand):
        made["ProvisionedThroughput"] = _make_throughput(mode, index.name)
    return made


def _make_throughput(mode: Provisioned | Autoscaled, resource: str) -> dict[str, int]:
    """Capacity at the start: as provisioned, or where autoscaling starts, or the least of its policies."""
    units = {
        kind: mode.get(resource, kind)
        if isinstance(mode, Provisioned)
        else mode.start.get((resource, kind), mode.get(resource, kind).least)
        for kind in DIMENSIONS
    }
    return {DIMENSIONS[kind]: math.ceil(value) for kind, value in units.items()}


def _make_create_table(table: TableDesign, mode: Mode, types: Mapping[str, str]) -> dict[str, Any]:
    is_on_demand = isinstance(mode, OnDemand)
    create: dict[str, Any] = {
        "TableName": table.name,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        "KeySchema": _make_key_schema(table),
        "BillingMode": "PAY_PER_REQUEST" if is_on_demand else "PROVISIONED",
        "TableClass": CLASS_NAMES[table.table_class],
    }
    if not is_on_demand:
        create["ProvisionedThroughput"] = _make_throughput(mode, table.name)
    elif (mode.most_read, mode.most_write) != (limits.TABLE_READ_QUOTA, limits.TABLE_WRITE_QUOTA):
        most = {"MaxReadRequestUnits": math.ceil(mode.most_read), "MaxWriteRequestUnits": math.ceil(mode.most_write)}
        create["OnDemandThroughput"] = most
    for name, is_local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
        indexes = [_make_index(index, mode) for index in table.indexes if index.is_local == is_local]
        if indexes:
            create[name] = indexes
    return create


def _make_scaling_calls(table: TableDesign, mode: Autoscaled) -> Any:
    """A target and a policy for the reads and the writes of the table and of each global index."""
    resources = {table.name: (f"table/{table.name}", "table")}
    for index in table.indexes:
        if not index.is_local:
            resources[index.name] = (f"table/{table.name}/index/{index.name}", "index")
    for name, (resource, scope) in resources.items():
        for kind, dimension in DIMENSIONS.items():
            policy = mode.get(name, kind)
            common = {
                "ServiceNamespace": "dynamodb",
                "ResourceId": resource,
                "ScalableDimension": f"dynamodb:{scope}:{dimension}",
            }
            bounds = {"MinCapacity": math.ceil(policy.least), "MaxCapacity": math.ceil(policy.most)}
            yield "application-autoscaling", "register_scalable_target", common | bounds
            tracking = {
                "TargetValue": float(policy.target_percent),
                "PredefinedMetricSpecification": {"PredefinedMetricType": METRICS[kind]},
                "ScaleOutCooldown": mode.settings.out_cooldown_minutes * 60,
                "ScaleInCooldown": mode.settings.in_cooldown_minutes * 60,
            }
            named = {"PolicyName": f"{name}-{kind}", "PolicyType": "TargetTrackingScaling"}
            configuration = {"TargetTrackingScalingPolicyConfiguration": tracking}
            yield "application-autoscaling", "put_scaling_policy", common | named | configuration


def _make_template(create: Mapping[str, Any], calls: list, continuous_backup: bool) -> dict[str, Any]:
    """A CloudFormation template: the table, and what Application Auto Scaling needs."""
    properties = dict(create)
    if continuous_backup:
        properties["PointInTimeRecoverySpecification"] = {"PointInTimeRecoveryEnabled": True}
    resources: dict[str, Any] = {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}
    target = ""
    for number, (_, method, arguments) in enumerate(call for call in calls if call[0] != "dynamodb"):
        if method == "register_scalable_target":
            target = f"Target{number // 2}"
            kind = "AWS::ApplicationAutoScaling::ScalableTarget"
            resources[target] = {"Type": kind, "DependsOn": "Table", "Properties": dict(arguments)}
        else:
            kept = {"PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration"}
            own = {name: value for name, value in arguments.items() if name in kept}
            own["ScalingTargetId"] = {"Ref": target}
            kind = "AWS::ApplicationAutoScaling::ScalingPolicy"
            resources[f"Policy{number // 2}"] = {"Type": kind, "Properties": own}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
