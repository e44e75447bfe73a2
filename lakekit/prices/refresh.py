"""A price book brought up to date from the AWS Price List, when its owner asks and there is a network.

It must not be called by lakekit itself, and keeps every price that the list does not answer without doubt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from lakekit.display import format_text_table
from lakekit.errors import InvalidArgument, StorageFailed
from lakekit.prices.book import Price, PriceBook, Tier
from lakekit.prices.files import load_book, read_day

PRICE_LIST_REGION = "us-east-1"  # the Price List answers for all regions, but only from a few
_PAGE = 100

# Usage types of the Price List without their region's prefix; S3 user guide, "Understanding your billing and usage
# reports", and the DynamoDB and Kinesis offers, read 2026-11.
_STORAGE = {
    "STANDARD": "ByteHrs", "STANDARD_IA": "SIA-ByteHrs", "ONEZONE_IA": "ZIA-ByteHrs", "GLACIER_IR": "GIR-ByteHrs",
    "GLACIER": "GlacierByteHrs", "DEEP_ARCHIVE": "GDA-ByteHrs", "INTELLIGENT_TIERING.FREQUENT": "INT-FA-ByteHrs",
    "INTELLIGENT_TIERING.INFREQUENT": "INT-IA-ByteHrs", "INTELLIGENT_TIERING.ARCHIVE_INSTANT": "INT-AIA-ByteHrs",
    "INTELLIGENT_TIERING.ARCHIVE_ACCESS": "INT-AA-ByteHrs",
    "INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS": "INT-DAA-ByteHrs",
}  # fmt: skip
_SHORT = {"STANDARD_IA": "SIA", "ONEZONE_IA": "ZIA", "GLACIER_IR": "GIR", "INTELLIGENT_TIERING": "INT"}
_S3 = (
    {f"TimedStorage-{usage}": f"s3.storage.{name}" for name, usage in _STORAGE.items()}
    | {f"Requests-{short}-Tier1": f"s3.request.PUT.{name}" for name, short in _SHORT.items()}
    | {f"Requests-{short}-Tier2": f"s3.request.GET.{name}" for name, short in _SHORT.items()}
    | {f"Retrieval-{short}": f"s3.retrieval.{name}" for name, short in _SHORT.items() if short != "INT"}
    | {"Requests-Tier1": "s3.request.PUT.STANDARD", "Requests-Tier2": "s3.request.GET.STANDARD"}
    | {"Monitoring-Automation-INT": "s3.monitoring.INTELLIGENT_TIERING"}
)
_DYNAMODB = {
    "WriteRequestUnits": "dynamodb.on_demand.write.STANDARD",
    "ReadRequestUnits": "dynamodb.on_demand.read.STANDARD",
    "IA-WriteRequestUnits": "dynamodb.on_demand.write.STANDARD_IA",
    "IA-ReadRequestUnits": "dynamodb.on_demand.read.STANDARD_IA",
    "WriteCapacityUnit-Hrs": "dynamodb.provisioned.write.STANDARD",
    "ReadCapacityUnit-Hrs": "dynamodb.provisioned.read.STANDARD",
    "IA-WriteCapacityUnit-Hrs": "dynamodb.provisioned.write.STANDARD_IA",
    "IA-ReadCapacityUnit-Hrs": "dynamodb.provisioned.read.STANDARD_IA",
    "TimedStorage-ByteHrs": "dynamodb.storage.STANDARD",
    "IA-TimedStorage-ByteHrs": "dynamodb.storage.STANDARD_IA",
}
_KINESIS = {"Storage-ShardHour": "kinesis.shard_hour", "PutRequestPayloadUnits": "kinesis.put_unit"}
SERVICES: Mapping[str, Mapping[str, str]] = {
    "AmazonS3": _S3,
    "AmazonS3GlacierDeepArchive": {"TimedStorage-GDA-ByteHrs": "s3.storage.DEEP_ARCHIVE"},
    "AmazonDynamoDB": _DYNAMODB,
    "AmazonKinesis": _KINESIS,
}


@dataclass(frozen=True, repr=False)
class Refreshed:
    """What a refresh found.

    Attributes:
        book: the book with the prices of the list; save it with ``save_book``.
        changed: for each id whose price is another now: the one before (None where there was none), and the new one.
        missing: the ids that the list had no answer for, or several; they are as they were.
    """

    book: PriceBook
    changed: Mapping[str, tuple[float | None, float]]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        rows = [(id, before, after) for id, (before, after) in self.changed.items()]
        head = f"Prices of {self.book.region}: {len(rows)} changed, {len(self.missing)} not found and kept"
        return f"{head}\n{format_text_table(['id', 'before', 'now'], rows)}" if rows else head


def refresh_book(
    book: PriceBook,
    *,
    client: Any = None,
    services: Iterable[str] = tuple(SERVICES),
    as_of: date | str | None = None,
) -> Refreshed:
    """Asks the AWS Price List for the prices of the book's region. Needs a network and the action pricing:GetProducts.

    Args:
        book: what to refresh; it is not changed.
        client: a boto3 client of "pricing"; made from the environment if not given.
        services: service codes to ask for; those of ``SERVICES`` can be.
        as_of: the day of the refresh; today if not given.

    Raises:
        InvalidArgument: a service that lakekit does not know how to ask for.
        StorageFailed: the Price List did not answer.

    Example:
        >>> refreshed = refresh_book(load_book("eu-west-1"))  # doctest: +SKIP
        >>> save_book(refreshed.book, "prices.json")  # doctest: +SKIP
    """
    services = tuple(services)
    if unknown := [name for name in services if name not in SERVICES]:
        raise InvalidArgument(
            f"Prices of {unknown[0]!r} cannot be refreshed.", hint=f"there are {', '.join(SERVICES)}."
        )
    day = read_day(as_of) if as_of is not None else datetime.now(UTC).date()
    found: dict[str, list[_Found]] = {}
    for service in services:
        for product in _fetch_products(client or _make_client(), service, book.region):
            for id, price in read_product(product, SERVICES[service]):
                found.setdefault(id, []).append(price)
    wanted = sorted({id for service in services for id in SERVICES[service].values()})
    sure = {id: found[id][0] for id in wanted if len({price.tiers for price in found.get(id, ())}) == 1}
    patterns = {**load_book(as_of=date.min).prices, **book.prices}  # units and notes; of no day
    fresh = {id: _apply(patterns[id], price) for id, price in sure.items() if id in patterns}
    changed = {
        id: (book.prices[id].value if id in book.prices else None, price.value)
        for id, price in fresh.items()
        if id not in book.prices or (price.value, price.tiers) != (book.prices[id].value, book.prices[id].tiers)
    }
    missing = tuple(id for id in wanted if id not in fresh)
    return Refreshed(replace(book, as_of=day, prices={**book.prices, **fresh}), changed, missing)


@dataclass(frozen=True)
class _Found:
    """A price as the list has it: USD for a single thing in each step, and the day of the list."""

    tiers: tuple[Tier, ...]
    as_of: str


def read_product(product: Mapping[str, Any], usage_types: Mapping[str, str]) -> Iterator[tuple[str, _Found]]:
    """The id and on-demand price of a product of the Price List, where its usage type is one that is wanted.

    Usage types outside us-east-1 begin with a short name of the region: EUC1-TimedStorage-ByteHrs.
    """
    usage = product.get("product", {}).get("attributes", {}).get("usagetype", "")
    id = usage_types.get(usage) or usage_types.get(usage.partition("-")[2])
    if id is None:
        return
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        steps = sorted(term.get("priceDimensions", {}).values(), key=lambda step: float(step.get("beginRange", 0)))
        tiers = tuple(_read_step(step) for step in steps if "USD" in step.get("pricePerUnit", {}))
        if tiers:
            yield id, _Found(tiers, str(product.get("publicationDate") or term.get("effectiveDate", ""))[:10])


def _read_step(step: Mapping[str, Any]) -> Tier:
    end = step.get("endRange", "Inf")
    return Tier(None if end == "Inf" else float(end), float(step["pricePerUnit"]["USD"]))


def _apply(pattern: Price, found: _Found) -> Price:
    """The price of the list in the unit of the book; a free first step, which belongs to the account, is left out."""
    tiers = tuple(Tier(tier.up_to, round(tier.usd * pattern.per, 12)) for tier in found.tiers)
    if len(tiers) > 1 and tiers[0].usd == 0:
        tiers = tiers[1:]
    return replace(
        pattern,
        value=tiers[0].usd,
        tiers=tiers if len(tiers) > 1 else (),
        source="https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html",
        as_of=found.as_of or "undated",
        confidence="price-list",
    )


def _fetch_products(client: Any, service: str, region: str) -> Iterator[dict[str, Any]]:
    filters = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
    try:
        pages = client.get_paginator("get_products").paginate(
            ServiceCode=service, Filters=filters, FormatVersion="aws_v1", PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            yield from map(json.loads, page.get("PriceList", ()))
    except Exception as exc:
        what = f"The AWS Price List did not answer for {service} in {region}: {exc}"
        raise StorageFailed(
            what, hint="it needs a network and the action pricing:GetProducts; the book is as it was."
        ) from exc


def _make_client() -> Any:
    import boto3

    try:
        return boto3.client("pricing", region_name=PRICE_LIST_REGION)
    except Exception as exc:
        raise StorageFailed(f"No client for the AWS Price List: {exc}", hint="give client=.") from exc
