"""Kinesis Data Streams by number: shards, put units, packing of small records, resharding, on-demand capacity.

It must not know prices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lakekit.arguments import require_number
from lakekit.planning.answer import Answer, format_figure, format_share
from lakekit.units import GIB, KIB, MIB, format_bytes, format_number_of

# https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html, read 2026
SHARD_IN_BYTES_PER_S = MIB  # the text of PutRecord says 10 MiB; the limits page and every calculation 1
SHARD_IN_RECORDS_PER_S = 1000
SHARD_OUT_BYTES_PER_S = 2 * MIB  # shared by all consumers, or for each one with enhanced fan-out
SHARD_READS_PER_S = 5  # GetRecords, shared by all consumers
# https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html, read 2026
MOST_FAN_OUT_CONSUMERS = 20
MOST_FAN_OUT_CONSUMERS_ADVANTAGE = 50
FAN_OUT_SECONDS = 0.07
SHARED_SECONDS = 0.2  # one consumer; five take turns, and wait a second
# https://pypi.org/project/botocore/1.44.5/, kinesis service model, read 2026-11-17
MOST_RECORD_BYTES = 10 * MIB
DEFAULT_MOST_RECORD_BYTES = MIB
PUT_RECORDS_MOST = 500
PUT_RECORDS_MOST_BYTES = 10 * MIB
RESHARDS_PER_DAY = 10
# https://aws.amazon.com/kinesis/data-streams/pricing/, read 2025-11
PUT_UNIT_BYTES = 25 * KIB
# https://docs.aws.amazon.com/streams/latest/dev/kinesis-kpl-concepts.html, read 2022-08-31
PACKED_RECORD_BYTES = 50 * KIB
# https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html, read 2026
ON_DEMAND_START_BYTES_PER_S = 4 * MIB
ON_DEMAND_MOST_BYTES_PER_S = 10 * GIB  # us-east-1, us-west-2, eu-west-1
ON_DEMAND_MOST_BYTES_PER_S_ELSEWHERE = 200 * MIB
FORMULA = "ceil(max(bytes in / 1 MiB/s, records in / 1,000/s, bytes out / 2 MiB/s))"


@dataclass(frozen=True)
class StreamLoad:
    """What flows into a stream and who reads it.

    Attributes:
        record_bytes: the size of one record, with its partition key.
        records_per_s: how many arrive, on average.
        peak_factor: how much more arrives in the busiest minutes; provisioned shards must hold that.
        shared_consumers: applications that read with GetRecords and share 2 MiB/s a shard.
        fan_out_consumers: applications with enhanced fan-out, each with 2 MiB/s a shard of its own.
        retention_hours: how long records can be read again; 24 to 8,760.

    Example:
        >>> StreamLoad(512, 10_000, shared_consumers=4).in_bytes_per_s
        5120000
    """

    record_bytes: float
    records_per_s: float
    peak_factor: float = field(default=1, kw_only=True)
    shared_consumers: int = field(default=1, kw_only=True)
    fan_out_consumers: int = field(default=0, kw_only=True)
    retention_hours: float = field(default=24, kw_only=True)

    def __post_init__(self):
        require_number("record_bytes", self.record_bytes, above=0, most=MOST_RECORD_BYTES)
        require_number("records_per_s", self.records_per_s)
        require_number("peak_factor", self.peak_factor, at_least=1)
        require_number("shared_consumers", self.shared_consumers)
        require_number("fan_out_consumers", self.fan_out_consumers, most=MOST_FAN_OUT_CONSUMERS_ADVANTAGE)
        require_number("retention_hours", self.retention_hours, at_least=24, most=8760)

    @property
    def in_bytes_per_s(self) -> float:
        """Bytes that arrive in a second, on average."""
        return self.record_bytes * self.records_per_s

    @property
    def latency_s(self) -> float:
        """From the put to the slowest consumer: 70 ms with fan-out, 200 ms for each that shares."""
        return max(SHARED_SECONDS * self.shared_consumers, FAN_OUT_SECONDS if self.fan_out_consumers else 0)


@dataclass(frozen=True, repr=False)
class ShardCount(Answer):
    """How many shards a stream needs, and what decides it.

    Attributes:
        shards: the answer, at least 1.
        decided_by: "bytes in", "records in" or "bytes out".
        needs: the shards that each of the three would need, not rounded.
        formula: the formula behind ``shards``.
        by_formula: what AWS's three published formulas give: "calculator" is the one used, for it alone counts
            records; "guide" is that of the developer guide (records rounded up to 1 KB, divided by 1,024), "guide 2022"
            that of its older edition (divided by 1,000).
    """

    shards: int
    decided_by: str
    needs: dict[str, float]
    formula: str
    by_formula: dict[str, int]
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        return f"{format_number_of(self.shards, 'shard')}, decided by {self.decided_by}"

    def facts(self) -> list[tuple[str, str]]:
        facts = [(name, f"{format_figure(need)} shards") for name, need in self.needs.items()]
        others = ", ".join(f"{name} {count}" for name, count in self.by_formula.items())
        return [*facts, ("formula", self.formula), ("by formula", others)]

    @property
    def would_change(self) -> tuple[str, ...]:
        """Where the next shard begins, and where one less would do."""
        need = self.needs[self.decided_by]
        if not need:
            return ()
        room = self.shards / need - 1
        more = f"more {self.decided_by}"
        when = f"from {format_share(room)} {more} on" if room >= 0.0005 else f"with any {more}"
        texts = [f"{self.shards + 1} shards {when}"]
        if self.decided_by == "records in" and self.needs["bytes in"] < need:
            texts.append(f"packing small records: bytes alone need {format_figure(self.needs['bytes in'])}")
        if self.decided_by == "bytes out":
            texts.append("enhanced fan-out: each consumer then has 2 MiB/s a shard of its own")
        return tuple(texts)


def count_shards(in_bytes_per_s: float, records_per_s: float = 0, *, out_bytes_per_s: float = 0) -> ShardCount:
    """How many shards hold a stream: the most of bytes in, records in and bytes out.

    AWS prints three formulas; this is that of its calculator, the only one that counts records. The two others are
    in the answer's ``by_formula``.

    Args:
        in_bytes_per_s: bytes put in a second.
        records_per_s: records put in a second.
        out_bytes_per_s: bytes that all consumers without enhanced fan-out read together in a second.

    Example:
        >>> count_shards(5_120_000, 10_000, out_bytes_per_s=4 * 5_120_000)
        10 shards, decided by records in
          bytes in: 4.88 shards
          records in: 10 shards
          bytes out: 9.77 shards
          formula: ceil(max(bytes in / 1 MiB/s, records in / 1,000/s, bytes out / 2 MiB/s))
          by formula: calculator 10, guide 10, guide 2022 10
          would change it: 11 shards with any more records in
          would change it: packing small records: bytes alone need 4.88
    """
    given = {"in_bytes_per_s": in_bytes_per_s, "records_per_s": records_per_s, "out_bytes_per_s": out_bytes_per_s}
    for name, value in given.items():
        require_number(name, value)
    needs = {
        "bytes in": in_bytes_per_s / SHARD_IN_BYTES_PER_S,
        "records in": records_per_s / SHARD_IN_RECORDS_PER_S,
        "bytes out": out_bytes_per_s / SHARD_OUT_BYTES_PER_S,
    }
    decided_by = max(needs, key=lambda name: needs[name])
    has_size = 0 < in_bytes_per_s <= records_per_s * MOST_RECORD_BYTES
    record_kib = round_up(in_bytes_per_s / records_per_s / KIB) if has_size else 0
    guide_in = max(needs["bytes in"], records_per_s * record_kib * KIB / SHARD_IN_BYTES_PER_S)
    by_formula = {
        "calculator": round_up(needs[decided_by]),
        "guide": round_up(max(guide_in, needs["bytes out"])),
        "guide 2022": round_up(max(needs["bytes in"], needs["bytes out"]) * 1024 / 1000),
    }
    return ShardCount(by_formula["calculator"], decided_by, needs, FORMULA, by_formula)


def count_shards_of(load: StreamLoad) -> ShardCount:
    """How many shards hold the peak of a load; consumers with enhanced fan-out bring their own 2 MiB/s.

    Example:
        >>> count_shards_of(StreamLoad(512, 10_000, shared_consumers=4)).shards
        10
        >>> count_shards_of(StreamLoad(5120, 1000, shared_consumers=4)).shards  # 4 x 4.88 / 2 = 9.77
        10
        >>> count_shards_of(StreamLoad(5120, 1000, shared_consumers=0, fan_out_consumers=4)).shards
        5
    """
    peak_bytes = load.in_bytes_per_s * load.peak_factor
    return count_shards(
        peak_bytes, load.records_per_s * load.peak_factor, out_bytes_per_s=peak_bytes * load.shared_consumers
    )


def count_put_units(record_bytes: float, records: float = 1) -> float:
    """How many put units records cost: one for each 25 KB of a record, and for the rest of it.

    Example:
        >>> count_put_units(5 * 1024), count_put_units(1000 * 1024), count_put_units(25 * 1024 + 1)
        (1, 40, 2)
    """
    require_number("record_bytes", record_bytes, above=0, most=MOST_RECORD_BYTES)
    require_number("records", records)
    return round_up(record_bytes / PUT_UNIT_BYTES) * records


@dataclass(frozen=True, repr=False)
class PackedRecords(Answer):
    """Small records packed into large ones, as the Kinesis Producer Library does.

    Attributes:
        records_per_packed: user records in one Kinesis record.
        packed_per_s: Kinesis records a second.
        packed_bytes: the size of one.
    """

    records_per_packed: int
    packed_per_s: int
    packed_bytes: float
    notes: tuple[str, ...] = ("consumers must unpack them: the Kinesis Client Library does, others need code",)

    def title(self) -> str:
        return f"{format_number_of(self.packed_per_s, 'record')} a second"

    def facts(self) -> list[tuple[str, str]]:
        return [("packed together", f"{self.records_per_packed:,}"), ("size", format_bytes(round(self.packed_bytes)))]


def pack_records(
    record_bytes: float, records_per_s: float, *, packed_bytes: float = PACKED_RECORD_BYTES
) -> PackedRecords:
    """How many Kinesis records small ones become when packed, 50 KB each if not said otherwise.

    Example:
        >>> pack_records(512, 1000).packed_per_s  # 51,200 / 512 = 100 in each
        10
    """
    require_number("record_bytes", record_bytes, above=0, most=MOST_RECORD_BYTES)
    require_number("records_per_s", records_per_s)
    require_number("packed_bytes", packed_bytes, above=0, most=MOST_RECORD_BYTES)
    together = max(1, int(packed_bytes // record_bytes))
    return PackedRecords(together, math.ceil(records_per_s / together), together * record_bytes)


def count_put_calls(record_bytes: float, records_per_s: float) -> int:
    """PutRecords calls a second: at most 500 records and 10 MiB in each (5 MiB before 2025).

    Example:
        >>> count_put_calls(512, 10_000), count_put_calls(100 * 1024, 10_000)  # 500 a call; 102 a call
        (20, 99)
    """
    require_number("record_bytes", record_bytes, above=0, most=MOST_RECORD_BYTES)
    require_number("records_per_s", records_per_s)
    together = min(PUT_RECORDS_MOST, int(PUT_RECORDS_MOST_BYTES // record_bytes))
    return math.ceil(records_per_s / together)


def plan_resharding(from_shards: int, to_shards: int) -> list[int]:
    """The steps of UpdateShardCount, each at most double and at least half of the one before; ten in 24 hours.

    Example:
        >>> plan_resharding(10, 100), plan_resharding(9, 2)
        ([20, 40, 80, 100], [5, 3, 2])
    """
    require_number("from_shards", from_shards, at_least=1)
    require_number("to_shards", to_shards, at_least=1)
    steps, shards = [], from_shards
    while shards != to_shards:
        shards = min(to_shards, shards * 2) if shards < to_shards else max(to_shards, math.ceil(shards / 2))
        steps.append(shards)
    return steps


@dataclass(frozen=True, repr=False)
class OnDemandCapacity(Answer):
    """What a stream in on-demand mode takes at once, before it throttles.

    Attributes:
        write_bytes_per_s: it doubles the peak of the last 30 days, beginning at 4 MiB/s.
        read_bytes_per_s: twice as much.
        is_enough: whether twice the peak is within the Region's limit.
    """

    write_bytes_per_s: float
    read_bytes_per_s: float
    is_enough: bool
    notes: tuple[str, ...] = ("a load that more than doubles within 15 minutes is throttled until it has grown",)

    def title(self) -> str:
        rates = [f"{format_bytes(round(rate))}/s" for rate in (self.write_bytes_per_s, self.read_bytes_per_s)]
        return f"on-demand takes {rates[0]} in and {rates[1]} out"

    def facts(self) -> list[tuple[str, str]]:
        return [("enough for twice the peak", "yes" if self.is_enough else "no: that is the Region's limit")]


def find_on_demand_capacity(peak_bytes_per_s: float, *, is_large_region: bool = True) -> OnDemandCapacity:
    """How much an on-demand stream takes after a peak within the last 30 days.

    Args:
        peak_bytes_per_s: the highest rate in of the last 30 days.
        is_large_region: us-east-1, us-west-2 or eu-west-1 go to 10 GB/s, all others to 200 MB/s.

    Example:
        >>> find_on_demand_capacity(50 * 2**20).write_bytes_per_s / 2**20
        100.0
    """
    require_number("peak_bytes_per_s", peak_bytes_per_s)
    limit = ON_DEMAND_MOST_BYTES_PER_S if is_large_region else ON_DEMAND_MOST_BYTES_PER_S_ELSEWHERE
    wanted = max(float(ON_DEMAND_START_BYTES_PER_S), 2.0 * peak_bytes_per_s)
    write = min(wanted, float(limit))
    return OnDemandCapacity(write, 2 * write, wanted <= limit)


def round_up(need: float) -> int:
    """A need as whole pieces, at least one; what a float adds behind the ninth digit does not count.

    Example:
        >>> round_up(9.96), round_up(3 * 0.1 / 0.1), round_up(0)
        (10, 3, 1)
    """
    return max(1, math.ceil(round(need, 9)))
