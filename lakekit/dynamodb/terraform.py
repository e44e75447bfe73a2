"""A plan as Terraform: text in HCL for the AWS provider.

It must not know what the numbers mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_TYPES = {"HASH": "hash_key", "RANGE": "range_key"}


def write_terraform(create: Mapping[str, Any], calls: Iterable[tuple], *, continuous_backup: bool) -> str:
    """The resources of a table and of its autoscaling, from the arguments of the calls that would make them.

    Example:
        >>> create = {"TableName": "games", "BillingMode": "PAY_PER_REQUEST", "TableClass": "STANDARD"}
        >>> create |= {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": []}
        >>> print(write_terraform(create, [], continuous_backup=False).splitlines()[0])
        resource "aws_dynamodb_table" "games" {
    """
    label = re.sub(r"\W", "_", create["TableName"])
    lines = [f'resource "aws_dynamodb_table" "{label}" {{']
    lines += _write(
        1,
        name=create["TableName"],
        billing_mode=create["BillingMode"],
        table_class=create["TableClass"],
        **_read_keys(create),
        **_read_capacity(create),
    )
    for attribute in create["AttributeDefinitions"]:
        body = {"name": attribute["AttributeName"], "type": attribute["AttributeType"]}
        lines += ["", "  attribute {", *_write(2, **body), "  }"]
    for block, name in (("global_secondary_index", "Global"), ("local_secondary_index", "Local")):
        for index in create.get(f"{name}SecondaryIndexes", []):
            lines += ["", f"  {block} {{", *_write(2, **_read_index(index, is_local=name == "Local")), "  }"]
    if create.get("OnDemandThroughput"):
        most = create["OnDemandThroughput"]
        caps = {"max_read_request_units": most["MaxReadRequestUnits"]}
        caps["max_write_request_units"] = most["MaxWriteRequestUnits"]
        lines += ["", "  on_demand_throughput {", *_write(2, **caps), "  }"]
    if continuous_backup:
        lines += ["", "  point_in_time_recovery {", *_write(2, enabled=True), "  }"]
    if create.get("Tags"):
        tags = (f"    {_quote(tag['Key'])} = {_quote(tag['Value'])}" for tag in create["Tags"])
        lines += ["", "  tags = {", *tags, "  }"]
    lines.append("}")
    return "\n".join(lines + _write_scaling(calls, label)) + "\n"


def _read_keys(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {_TYPES[part["KeyType"]]: part["AttributeName"] for part in owner["KeySchema"]}


def _read_capacity(owner: Mapping[str, Any]) -> dict[str, Any]:
    units = owner.get("ProvisionedThroughput")
    return {"read_capacity": units["ReadCapacityUnits"], "write_capacity": units["WriteCapacityUnits"]} if units else {}


def _read_index(index: Mapping[str, Any], *, is_local: bool) -> dict[str, Any]:
    keys = _read_keys(index)
    if is_local:
        keys.pop("hash_key")  # it is the table's
    made = {"name": index["IndexName"], **keys, "projection_type": index["Projection"]["ProjectionType"]}
    if "NonKeyAttributes" in index["Projection"]:
        made["non_key_attributes"] = index["Projection"]["NonKeyAttributes"]
    return made | _read_capacity(index)


def _write_scaling(calls: Iterable[tuple], table: str) -> list[str]:
    lines: list[str] = []
    target = ""
    for _, method, arguments in calls:
        if method not in ("register_scalable_target", "put_scaling_policy"):
            continue
        name = re.sub(r"\W", "_", f"{arguments['ResourceId']}_{arguments['ScalableDimension'].rpartition(':')[2]}")
        if method == "register_scalable_target":
            target = f"aws_appautoscaling_target.{name}"
            lines += ["", f'resource "aws_appautoscaling_target" "{name}" {{']
            lines += _write(
                1,
                service_namespace=arguments["ServiceNamespace"],
                resource_id=arguments["ResourceId"],
                scalable_dimension=arguments["ScalableDimension"],
                min_capacity=arguments["MinCapacity"],
                max_capacity=arguments["MaxCapacity"],
            )
            lines += [f"  depends_on = [aws_dynamodb_table.{table}]", "}"]
            continue
        lines += _write_policy(name, target, arguments)
    return lines


def _write_policy(name: str, target: str, arguments: Mapping[str, Any]) -> list[str]:
    tracking = arguments["TargetTrackingScalingPolicyConfiguration"]
    lines = ["", f'resource "aws_appautoscaling_policy" "{name}" {{']
    lines += _write(1, name=arguments["PolicyName"], policy_type=arguments["PolicyType"])
    lines += [f"  {field} = {target}.{field}" for field in ("service_namespace", "resource_id", "scalable_dimension")]
    lines += ["", "  target_tracking_scaling_policy_configuration {"]
    lines += _write(
        2,
        target_value=tracking["TargetValue"],
        scale_out_cooldown=tracking["ScaleOutCooldown"],
        scale_in_cooldown=tracking["ScaleInCooldown"],
    )
    metric = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
    lines += ["    predefined_metric_specification {", *_write(3, predefined_metric_type=metric), "    }", "  }", "}"]
    return lines


def _write(depth: int, **values: Any) -> list[str]:
    """Assignments, aligned as terraform fmt has them."""
    width = max(map(len, values))
    return [f"{'  ' * depth}{name.ljust(width)} = {_quote(value)}" for name, value in values.items()]


def _quote(value: Any) -> str:
    """A value as HCL writes it, in whose texts ``${`` and ``%{`` mean nothing."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
