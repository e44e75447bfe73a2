"""Amazon MSK: brokers, Express brokers and Serverless for one load, with the month's cost of each that has a price.

It must not know Kafka's protocol, nor price what no source has a price for: Express is counted, and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lakekit.arguments import require_number
from lakekit.planning.answer import Answer, format_figure, format_usd
from lakekit.planning.bill import HOURS_PER_MONTH, SECONDS_PER_MONTH, Bill, make_bill, use_book
from lakekit.planning.shards import round_up
from lakekit.prices import PriceBook
from lakekit.units import GIB, MIB, format_bytes, format_number_of

# https://docs.aws.amazon.com/msk/latest/developerguide/limits.html, read 2026
SERVERLESS_IN_BYTES_PER_S = 200 * MIB
SERVERLESS_OUT_BYTES_PER_S = 400 * MIB
SERVERLESS_PARTITION_IN_BYTES_PER_S = 5 * MIB
SERVERLESS_PARTITION_OUT_BYTES_PER_S = 10 * MIB
SERVERLESS_PARTITIONS = 2400
LEAST_BROKERS = 3  # one in each of three zones
MOST_BROKERS = 60  # a cluster with KRaft; 30 with ZooKeeper
STANDARD_COPIES = 3  # on disks that are paid for
NO_EXPRESS_PRICE = "no verified price of what is written to them and stored, which AWS bills beside the brokers"
# sustained MB/s in and out of a broker. Express: https://docs.aws.amazon.com/msk/latest/developerguide/
# bestpractices-express.html, read through a copy, 2026-09; standard: no quota is published, a guideline, 2026-09
BROKERS = {
    "standard": ("kafka.m7g.large", 10 * MIB, 20 * MIB),
    "express": ("express.m7g.large", int(15.6 * MIB), int(31.2 * MIB)),
}


@dataclass(frozen=True)
class KafkaLoad:
    """What flows through a Kafka cluster.

    Attributes:
        in_bytes_per_s, out_bytes_per_s: written by producers and read by consumers, in a second.
        partitions: of all topics together, copies not counted.
        retention_hours: how long messages are kept.

    Example:
        >>> KafkaLoad(10 * 2**20, 20 * 2**20).partitions
        10
    """

    in_bytes_per_s: float
    out_bytes_per_s: float
    partitions: int = field(default=10, kw_only=True)
    retention_hours: float = field(default=24, kw_only=True)

    def __post_init__(self):
        require_number("in_bytes_per_s", self.in_bytes_per_s)
        require_number("out_bytes_per_s", self.out_bytes_per_s)
        require_number("partitions", self.partitions, at_least=1)
        require_number("retention_hours", self.retention_hours, above=0)

    @property
    def kept_gb(self) -> float:
        """GB of one copy of what is kept."""
        return self.in_bytes_per_s * self.retention_hours * 3600 / GIB


def price_brokers(
    brokers: int,
    instance: str = "kafka.m7g.large",
    *,
    storage_bytes: float = 0,
    hours: float = HOURS_PER_MONTH,
    book: PriceBook | None = None,
) -> Bill:
    """What brokers cost, and the disks of standard ones. Charges: "brokers", "storage".

    Args:
        brokers: how many.
        instance: such as "kafka.t3.small"; sizes with a price: book.ids("msk.broker_hour").
        storage_bytes: the disks of all brokers together, copies counted; Express brokers have none, and bill by what
            is written and stored, for which there is no verified price here.
        hours: a month if not given.
        book: the prices; us-east-1 if not given.

    Example:
        >>> bill = price_brokers(3, "kafka.t3.small", storage_bytes=300 * 2**30)  # 3 x 730 x 0.0456; 300 x 0.10
        >>> round(bill["brokers"], 2), round(bill["storage"], 2)
        (99.86, 30.0)
    """
    require_number("brokers", brokers, at_least=1)
    require_number("storage_bytes", storage_bytes)
    require_number("hours", hours)
    lines = [
        ("brokers", f"msk.broker_hour.{instance}", brokers * hours),
        ("storage", "msk.storage", storage_bytes / GIB * hours / HOURS_PER_MONTH),
    ]
    return make_bill(f"MSK, {brokers} x {instance}", lines, book=book)


def price_serverless(load: KafkaLoad, *, book: PriceBook | None = None) -> Bill:
    """A month of MSK Serverless. Charges: "cluster", "partitions", "in", "out", "storage".

    Example:
        >>> bill = price_serverless(KafkaLoad(2**20, 2 * 2**20))  # 730 x 0.75; 10 x 730 x 0.0015
        >>> round(bill["cluster"], 2), round(bill["partitions"], 2)
        (547.5, 10.95)
    """
    lines = [
        ("cluster", "msk.serverless.cluster_hour", HOURS_PER_MONTH),
        ("partitions", "msk.serverless.partition_hour", load.partitions * HOURS_PER_MONTH),
        ("in", "msk.serverless.in", load.in_bytes_per_s * SECONDS_PER_MONTH / GIB),
        ("out", "msk.serverless.out", load.out_bytes_per_s * SECONDS_PER_MONTH / GIB),
        ("storage", "msk.serverless.storage", load.kept_gb),
    ]
    return make_bill("MSK Serverless, a month", lines, book=book)


def count_brokers(load: KafkaLoad, kind: str = "standard") -> int:
    """How many brokers of size m7g.large a load needs: a multiple of three, by bytes in or bytes out.

    Example:
        >>> count_brokers(KafkaLoad(29 * 2**20, 58 * 2**20)), count_brokers(KafkaLoad(31 * 2**20, 0))  # 10 MiB/s each
        (3, 6)
    """
    _, in_each, out_each = BROKERS[kind]
    brokers = max(round_up(load.in_bytes_per_s / in_each), round_up(load.out_bytes_per_s / out_each))
    return round_up(brokers / LEAST_BROKERS) * LEAST_BROKERS


@dataclass(frozen=True, repr=False)
class KafkaPlan(Answer):
    """The kinds of MSK for one load, and the cheapest that holds it.

    Attributes:
        load: what flows.
        brokers: by kind, how many m7g.large.
        bills: by kind: "standard", "serverless"; of "express", what the brokers alone cost.
        kind: the cheapest that holds the load and has a price: never "express".
        refused: by kind, why it is not chosen: it does not hold the load, or has no price.
    """

    load: KafkaLoad
    brokers: dict[str, int]
    bills: dict[str, Bill]
    kind: str
    refused: dict[str, str]
    notes: tuple[str, ...] = ("brokers are counted in m7g.large; larger ones carry in proportion",)

    @property
    def usd_per_month(self) -> float:
        """What the cheapest kind costs."""
        return self.bills[self.kind].usd

    def title(self) -> str:
        return f"MSK {self.kind}: {format_usd(self.usd_per_month)} a month"

    def facts(self) -> list[tuple[str, str]]:
        facts = []
        for kind, bill in self.bills.items():
            alone = " alone" if kind == "express" else ""
            brokers = f", {format_number_of(self.brokers[kind], 'broker')}{alone}" if kind in self.brokers else ""
            refused = f"; not chosen: {self.refused[kind]}" if kind in self.refused else ""
            facts.append((kind, f"{format_usd(bill.usd)} a month{brokers}{refused}"))
        return facts

    @property
    def would_change(self) -> tuple[str, ...]:
        """Where another kind becomes the answer."""
        rate = f"{format_bytes(SERVERLESS_IN_BYTES_PER_S)}/s in, {SERVERLESS_PARTITIONS:,} partitions"
        return (f"serverless ends at {rate}; brokers cost the same when nothing flows",)


def plan_kafka(load: KafkaLoad, *, book: PriceBook | None = None) -> KafkaPlan:
    """Brokers and the month's cost of each kind of MSK, and the cheapest that holds the load.

    Express is counted and not chosen, as there is no verified price of what is written to it and stored. Where neither
    standard brokers nor Serverless hold the load, the answer is standard, with why it does not hold it in ``refused``.

    Example:
        >>> plan_kafka(KafkaLoad(2**20, 2 * 2**20)).kind
        'standard'
    """
    book = use_book(book)
    brokers = {kind: count_brokers(load, kind) for kind in BROKERS}
    disks = load.kept_gb * GIB * STANDARD_COPIES
    bills = {
        "standard": price_brokers(brokers["standard"], BROKERS["standard"][0], storage_bytes=disks, book=book),
        "express": price_brokers(brokers["express"], BROKERS["express"][0], book=book),
        "serverless": price_serverless(load, book=book),
    }
    refused = {
        kind: f"{count} brokers are more than a cluster has, {MOST_BROKERS}"
        for kind, count in brokers.items()
        if count > MOST_BROKERS
    }
    if text := _find_serverless_limit(load):
        refused["serverless"] = text
    refused["express"] = "; ".join([*([refused["express"]] if "express" in refused else []), NO_EXPRESS_PRICE])
    fitting = [kind for kind in bills if kind not in refused] or ["standard"]
    return KafkaPlan(load, brokers, bills, min(fitting, key=lambda kind: bills[kind].usd), refused)


def _find_serverless_limit(load: KafkaLoad) -> str:
    limits = {
        "in": (load.in_bytes_per_s, SERVERLESS_IN_BYTES_PER_S),
        "out": (load.out_bytes_per_s, SERVERLESS_OUT_BYTES_PER_S),
        "in each partition": (load.in_bytes_per_s / load.partitions, SERVERLESS_PARTITION_IN_BYTES_PER_S),
        "out of each partition": (load.out_bytes_per_s / load.partitions, SERVERLESS_PARTITION_OUT_BYTES_PER_S),
    }
    for where, (rate, most) in limits.items():
        if rate > most:
            return f"{format_bytes(round(rate))}/s {where}, at most {format_bytes(most)}/s"
    if load.partitions > SERVERLESS_PARTITIONS:
        return f"{format_figure(load.partitions)} partitions, at most {SERVERLESS_PARTITIONS:,}"
    return ""
