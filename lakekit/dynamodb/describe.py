"""A table as it is: keys, indexes, mode, sizes of a few items, what CloudWatch saw; and the workload that makes.

This is the one module that asks AWS. It reads only, it says before how much at most, and it stops there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb import limits
from lakekit.dynamodb.demand import KINDS, Demand
from lakekit.dynamodb.design import Index, TableDesign
from lakekit.dynamodb.entities import Entity, make_entity
from lakekit.dynamodb.items import get_item_bytes
from lakekit.dynamodb.traffic import Recorded
from lakekit.dynamodb.units import check_number, count_query_units
from lakekit.dynamodb.workload import AccessPattern, Workload
from lakekit.errors import InvalidArgument, UnknownTable
from lakekit.storage import Storage, resolve_storage, translate_error
from lakekit.units import format_bytes

PAGE_ITEMS = 100  # of one Scan request of the sample
MOST_PAGE_UNITS = count_query_units(limits.PAGE_BYTES + limits.ITEM_BYTES)  # a page may end one item after 1 MiB
PERIOD_S = 60  # CloudWatch keeps datapoints of a minute for 15 days
MOST_DAYS = 15
METRICS = {"read": "ConsumedReadCapacityUnits", "write": "ConsumedWriteCapacityUnits"}
CLASSES = {"STANDARD_INFREQUENT_ACCESS": "STANDARD_IA"}


@dataclass(frozen=True, repr=False)
class DescriptionPlan:
    """What describing a table would read. Of `plan_description`; `describe_table` carries it out.

    Attributes:
        name: of the table.
        storage: how it is reached.
        facts: what DescribeTable said, which is free.
        most_items: of the sample.
        as_of, days: the time that CloudWatch is asked for; None for not at all.
    """

    name: str
    storage: Storage
    facts: Mapping[str, Any]
    most_items: int
    as_of: datetime | None
    days: float

    @property
    def pages(self) -> int:
        """Scan requests at most."""
        return math.ceil(self.most_items / PAGE_ITEMS)

    @property
    def most_read_units(self) -> float:
        """Read units that the sample costs at most."""
        return self.pages * MOST_PAGE_UNITS

    @property
    def metric_queries(self) -> int:
        """Metrics asked of CloudWatch, which bills them after the first million requests of a month."""
        return 0 if self.as_of is None else 2 * (1 + len(self.facts.get("GlobalSecondaryIndexes") or []))

    def __repr__(self) -> str:
        return (
            f"DescriptionPlan of {self.name}: at most {self.most_items:,} items in {self.pages} Scan requests, "
            f"{self.most_read_units:,.0f} read units at most; {self.metric_queries} metrics of CloudWatch"
        )


@dataclass(frozen=True, eq=False, repr=False)
class TableDescription:
    """A table as it is. Of `describe_table`.

    Attributes:
        table: keys and indexes.
        key_types: of each key attribute.
        mode: "PAY_PER_REQUEST" or "PROVISIONED".
        capacity: (read, write) units a second that are provisioned, by table or index name.
        items, size_bytes: as DescribeTable says, which it renews every six hours.
        entity: measured on the sample; None if the table is empty.
        sampled_items, sampled_read_units: what the sample was, and cost.
        demand: units a second of this region as CloudWatch saw them; None if it was not asked or has nothing.
        started_at: when its first minute began.
        regions: that hold a replica, this one among them; 1 for an ordinary table.
    """

    table: TableDesign
    key_types: Mapping[str, str]
    mode: str
    capacity: Mapping[str, tuple[float, float]]
    items: int
    size_bytes: int
    entity: Entity | None
    sampled_items: int
    sampled_read_units: float
    demand: Demand | None
    started_at: datetime | None = None
    regions: int = 1

    def to_workload(self, *, consistency: str = "eventual") -> Workload:
        """The workload that the sample and CloudWatch make: GetItem and PutItem of typical items, as often as it takes.

        Which operations were used is nowhere to be read. `demand` has the units as they were. The rates keep their day
        of the week and their time of day; of a global table, the reads of all regions are taken to be like this one's.

        Raises:
            InvalidArgument: the table is empty, or CloudWatch has nothing of it.
        """
        if self.entity is None or self.demand is None:
            missing = "items" if self.entity is None else "consumption in CloudWatch"
            raise InvalidArgument(f"The table {self.table.name!r} has no {missing}.", hint="build a Workload by hand.")
        read, write = (self.demand.get(self.table.name, kind) for kind in KINDS)
        each = self.entity.sizes.mean_read_units(consistency), self.entity.sizes.mean_write_units()
        asked = (read * self.regions / each[0], write / each[1])  # every region reads for itself, and writes all
        rates = [Recorded(tuple(rate.tolist()), self.demand.step_s, self.started_at) for rate in asked]
        patterns = (
            AccessPattern("reads", "GetItem", self.entity.name, rates[0], consistency=consistency),
            AccessPattern("writes", "PutItem", self.entity.name, rates[1]),
        )
        return Workload(self.table, (self.entity,), patterns, regions=self.regions)

    def _rows(self) -> list[tuple[str, str]]:
        keys = ", ".join(f"{name} ({kind})" for name, kind in self.key_types.items())
        indexes = ", ".join(f"{index.name} ({index.kind}, {index.projection})" for index in self.table.indexes)
        sizes = repr(self.entity.sizes) if self.entity else "the table is empty"
        return [
            ("keys", keys),
            ("indexes", indexes or "none"),
            ("mode", f"{self.mode}, {self.table.table_class}" + (f", {self.regions} regions" * (self.regions > 1))),
            ("stored", f"{self.items:,} items, {format_bytes(self.size_bytes)}"),
            ("sample", f"{self.sampled_items:,} items for {self.sampled_read_units:g} read units. {sizes}"),
            ("consumed", repr(self.demand) if self.demand else "not asked, or nothing there"),
        ]

    def __repr__(self) -> str:
        return f"TableDescription of {self.table.name}: {self.items:,} items, {self.mode}"

    def __str__(self) -> str:
        return f"{self!r}\n{format_text_table(['what', 'is'], self._rows())}"

    def _repr_html_(self) -> str:
        return format_html_table(repr(self), ["what", "is"], self._rows())


def plan_description(
    name: str, *, storage: Storage | None = None, most_items: int = 200, as_of: datetime | None = None, days: float = 7
) -> DescriptionPlan:
    """What describing a table would read: look at it, then hand it to `describe_table`. Only DescribeTable is called.

    Args:
        storage: how AWS is reached; `lk.embedded_aws()` for the one in this process.
        most_items: of the sample, from the start of a Scan, which follows a hash of the key.
        as_of: the end of the time to ask CloudWatch for, with a zone; None asks nothing.
        days: the length of that time, 15 at most.

    Raises:
        UnknownTable: there is no such table; names those there are.
        AccessDenied: and the action that is missing.
        InvalidArgument: an as_of without a zone, or a number that means nothing.
    """
    storage = resolve_storage(storage, name)
    check_number("most_items", most_items, least=1)
    if not 0 < check_number("days", days) <= MOST_DAYS:
        raise InvalidArgument(f"days={days} was given.", hint=f"CloudWatch keeps minutes for {MOST_DAYS} days.")
    if as_of is not None and as_of.tzinfo is None:
        raise InvalidArgument(f"as_of={as_of} has no time zone.", hint="datetime.now(UTC), for example.")
    client = storage.boto3("dynamodb")
    try:
        facts = client.describe_table(TableName=name)["Table"]
    except Exception as exc:
        if type(exc).__name__ == "ResourceNotFoundException":
            raise UnknownTable(f"There is no DynamoDB table {name!r}.", hint=_list_tables(client)) from exc
        raise translate_error(exc, action="dynamodb:DescribeTable", url=f"table {name}", storage=storage) from exc
    return DescriptionPlan(name, storage, facts, int(most_items), as_of, days)


def describe_table(plan: DescriptionPlan | str, *, storage: Storage | None = None) -> TableDescription:
    """A table as it is, read as a plan says; a name is planned as `plan_description` does by itself.

    Raises:
        UnknownTable, AccessDenied: as for `plan_description`.

    Example:
        >>> from lakekit import embedded_aws
        >>> from lakekit.dynamodb import TableDesign, apply_plan, create_plan
        >>> apply_plan(create_plan(TableDesign("doc-players", "player")), embedded_aws())
        >>> item = {"player": {"S": "ann"}, "level": {"N": "7"}}
        >>> _ = embedded_aws().boto3("dynamodb").put_item(TableName="doc-players", Item=item)
        >>> describe_table("doc-players", storage=embedded_aws()).entity.sizes.mean_bytes  # 6 + 3, and 5 + 2
        16.0
    """
    if isinstance(plan, str):
        plan = plan_description(plan, storage=storage)
    facts = plan.facts
    table = _read_design(facts)
    items, units = _read_sample(plan)
    known = {key: items[0][key] for key in table.keys} if items else {}
    count = max(facts.get("ItemCount", 0), len(items))
    entity = make_entity("item", items, table, count=count) if known else None
    billing = (facts.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED")
    owners = [facts | {"IndexName": table.name}, *(facts.get("GlobalSecondaryIndexes") or [])]
    return TableDescription(
        table=table,
        key_types={one["AttributeName"]: one["AttributeType"] for one in facts["AttributeDefinitions"]},
        mode=billing,
        capacity={owner["IndexName"]: _read_capacity(owner) for owner in owners},
        items=count,
        size_bytes=facts.get("TableSizeBytes", 0) or round(count * (entity.sizes.mean_bytes if entity else 0)),
        entity=entity,
        sampled_items=len(items),
        sampled_read_units=units,
        demand=_read_demand(plan, table, entity) if plan.as_of else None,
        started_at=_get_end(plan) - timedelta(days=plan.days) if plan.as_of else None,
        regions=_count_regions(facts),
    )


def _list_tables(client: Any) -> str:
    try:
        names = client.list_tables(Limit=10)["TableNames"]
    except Exception:  # whoever may describe may not be allowed to list
        return "look at the spelling, the region and the account."
    return f"tables of this region and account: {', '.join(names) or 'none'}."


def _read_design(facts: Mapping[str, Any]) -> TableDesign:
    indexes = []
    for field, is_local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
        for one in facts.get(field) or []:
            keys = _read_keys(one)
            projection = one["Projection"]
            include = tuple(projection.get("NonKeyAttributes") or ())
            kind = projection["ProjectionType"]
            indexes.append(Index(one["IndexName"], *keys, kind, include, is_local))
    table_class = (facts.get("TableClassSummary") or {}).get("TableClass", "STANDARD")
    key, sort = _read_keys(facts)
    return TableDesign(facts["TableName"], key, sort, tuple(indexes), CLASSES.get(table_class, table_class))


def _read_keys(owner: Mapping[str, Any]) -> tuple[Any, Any]:
    """Partition and sort key: a name, several, or None."""
    parts = [
        tuple(part["AttributeName"] for part in owner["KeySchema"] if part["KeyType"] == kind)
        for kind in ("HASH", "RANGE")
    ]
    key, sort = (part[0] if len(part) == 1 else part or None for part in parts)
    return key, sort


def _count_regions(facts: Mapping[str, Any]) -> int:
    """Regions with a replica: those that are named, and this one, which an answer may name or not."""
    replicas = {one["RegionName"] for one in facts.get("Replicas") or []}
    own = facts["TableArn"].split(":")[3]  # arn:aws:dynamodb:us-east-1:…
    return len(replicas | {own})


def _read_capacity(owner: Mapping[str, Any]) -> tuple[float, float]:
    units = owner.get("ProvisionedThroughput") or {}
    return units.get("ReadCapacityUnits", 0), units.get("WriteCapacityUnits", 0)


def _read_sample(plan: DescriptionPlan) -> tuple[list[dict[str, Any]], float]:
    """Some items in DynamoDB JSON, and the read units they cost by our own count."""
    items: list[dict[str, Any]] = []
    units, start = 0.0, {}
    client = plan.storage.boto3("dynamodb")
    for _ in range(plan.pages):
        limit = min(PAGE_ITEMS, plan.most_items - len(items))
        try:
            page = client.scan(TableName=plan.name, Limit=limit, **start)
        except Exception as exc:
            where = {"url": f"table {plan.name}", "storage": plan.storage}
            raise translate_error(exc, action="dynamodb:Scan", **where) from exc
        items += page["Items"]
        units += _count_page_units(page["Items"])
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    return items, units


def _count_page_units(items: list[dict[str, Any]]) -> float:
    return count_query_units(sum(get_item_bytes(item, form="dynamodb") for item in items))


def _get_end(plan: DescriptionPlan) -> datetime:
    """The whole minute up to which CloudWatch is asked."""
    return plan.as_of.replace(second=0, microsecond=0)


def _read_demand(plan: DescriptionPlan, table: TableDesign, entity: Entity | None) -> Demand | None:
    """Units a second of table and global indexes, minute by minute; None if nothing was consumed."""
    resources = (table.name, *(index.name for index in table.indexes if not index.is_local))
    count = round(plan.days * 86_400 / PERIOD_S)
    units = {kind: np.zeros((len(resources), count)) for kind in KINDS}
    for row, kind, minute, value in _read_metrics(plan, resources, _get_end(plan)):
        if 0 <= minute < count:
            units[kind][row, minute] = value / PERIOD_S
    if not any(array.any() for array in units.values()):
        return None
    touching = np.minimum(units["write"], units["write"][0])
    touching[0] = 0
    regions = _count_regions(plan.facts)
    stored = Workload(table, (entity,), (), regions=regions).get_stored_bytes() if entity else {}
    return Demand(resources, units["read"], units["write"], touching, PERIOD_S, stored, regions=regions)


def _read_metrics(
    plan: DescriptionPlan, resources: tuple[str, ...], end: datetime
) -> Iterator[tuple[int, str, int, float]]:
    """Row of the resource, kind, minute since the start, and units, for every datapoint there is."""
    start = end - timedelta(days=plan.days)
    queries, places = [], {}
    for row, resource in enumerate(resources):
        for kind, metric in METRICS.items():
            dimensions = [{"Name": "TableName", "Value": plan.name}]
            if row:
                dimensions.append({"Name": "GlobalSecondaryIndexName", "Value": resource})
            of = {"Namespace": "AWS/DynamoDB", "MetricName": metric, "Dimensions": dimensions}
            queries.append({"Id": f"{kind}{row}", "MetricStat": {"Metric": of, "Period": PERIOD_S, "Stat": "Sum"}})
            places[f"{kind}{row}"] = (row, kind)
    client, more = plan.storage.boto3("cloudwatch"), {}
    while True:
        try:
            answer = client.get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=end, **more)
        except Exception as exc:
            where = {"url": f"table {plan.name}", "storage": plan.storage}
            raise translate_error(exc, action="cloudwatch:GetMetricData", **where) from exc
        for result in answer["MetricDataResults"]:
            for time, value in zip(result["Timestamps"], result["Values"], strict=True):
                yield *places[result["Id"]], round((time - start).total_seconds() // PERIOD_S), value
        if not answer.get("NextToken"):
            return
        more = {"NextToken": answer["NextToken"]}
