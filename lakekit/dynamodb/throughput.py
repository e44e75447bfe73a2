"""A workload against a capacity, step by step: how much is served, how much is throttled, where, when and why.

It must not know prices. What AWS does not document is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lakekit.dynamodb import limits
from lakekit.dynamodb.autoscaling import DecreaseBudget, Scaler, ScalingPolicy, ScalingSettings
from lakekit.dynamodb.capacity import get_partition_limit
from lakekit.dynamodb.demand import KINDS, Demand
from lakekit.dynamodb.heat import Heat, HeatSettings, follow_heat, spread_keys
from lakekit.dynamodb.lanes import Lane, serve_on_demand, serve_provisioned
from lakekit.dynamodb.partitions import count_partitions
from lakekit.dynamodb.simulation import Simulation
from lakekit.dynamodb.skew import Keys
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

UNKNOWN_KEYS = Keys(1_000_000)  # many, alike: what is assumed where nothing is said


@dataclass(frozen=True)
class Provisioned:
    """A fixed capacity.

    Attributes:
        read, write: units a second of the table.
        indexes: the same for global indexes, as (read, write) by name; an index that is not named has the table's.

    Raises:
        InvalidArgument: less than 1 unit, which is the least there is.
    """

    read: float
    write: float
    indexes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self):
        for name, pair in {"the table": (self.read, self.write), **self.indexes}.items():
            for kind, units in zip(KINDS, pair, strict=True):
                check_number(f"{kind} of {name}", units, least=1)

    def get(self, resource: str, kind: str) -> float:
        """Units a second of a table or index."""
        return self.indexes.get(resource, (self.read, self.write))[KINDS.index(kind)]


@dataclass(frozen=True)
class Autoscaled:
    """A capacity that target tracking moves.

    Attributes:
        read, write: policies of the table.
        indexes: the same for global indexes, as (read, write) by name; one that is not named has the table's.
        start: capacity at the start by (resource, kind); by default what the first minute needs.
        settings: how it behaves in time.
    """

    read: ScalingPolicy = ScalingPolicy()
    write: ScalingPolicy = ScalingPolicy()
    indexes: Mapping[str, tuple[ScalingPolicy, ScalingPolicy]] = field(default_factory=dict)
    start: Mapping[tuple[str, str], float] = field(default_factory=dict)
    settings: ScalingSettings = ScalingSettings()

    def get(self, resource: str, kind: str) -> ScalingPolicy:
        """The policy of a table or index."""
        return self.indexes.get(resource, (self.read, self.write))[KINDS.index(kind)]


@dataclass(frozen=True)
class OnDemand:
    """Capacity by the request.

    Attributes:
        read, write: units a second that are served at once: 12,000 and 4,000 of a new table; more with warm
            throughput, or twice the peak of an older one.
        most_read, most_write: a cap of one's own; by default the quota of a table.
        doubling_minutes: how old a peak must be before twice of it is served.
    """

    read: float = limits.NEW_ON_DEMAND_READ_UNITS
    write: float = limits.NEW_ON_DEMAND_WRITE_UNITS
    most_read: float = limits.TABLE_READ_QUOTA
    most_write: float = limits.TABLE_WRITE_QUOTA
    doubling_minutes: float = limits.ON_DEMAND_DOUBLING_MINUTES

    def __post_init__(self):
        for name in ("read", "write", "most_read", "most_write", "doubling_minutes"):
            check_number(name, getattr(self, name), least=1)


Mode = Provisioned | Autoscaled | OnDemand


@dataclass(frozen=True)
class ThroughputSettings:
    """How DynamoDB behaves where AWS says "best effort", or nothing.

    Attributes:
        burst_s: seconds of unused capacity that are kept: 300, or 0 to count on none.
        burst_filled: the part of it that is there at the start.
        heat: how soon a hot partition splits.
        partitions: at the start, by table or index name; by default the least that capacity and size need.
        has_partitions: whether single partitions limit anything.
        has_backpressure: whether a throttled global index throttles the writes of its table.
    """

    burst_s: float = limits.BURST_SECONDS
    burst_filled: float = 0.0
    heat: HeatSettings = HeatSettings()
    partitions: Mapping[str, int] = field(default_factory=dict)
    has_partitions: bool = True
    has_backpressure: bool = True

    def __post_init__(self):
        check_number("burst_s", self.burst_s)
        if not 0 <= self.burst_filled <= 1:
            raise InvalidArgument(f"burst_filled={self.burst_filled} was given.", hint="between 0 and 1.")


def simulate_throughput(demand: Demand, mode: Mode, settings: ThroughputSettings = ThroughputSettings()) -> Simulation:
    """What a capacity serves of a demand, step by step, and what is throttled and why.

    Each request passes its partition first, then the capacity of its table or index and what that has saved up;
    adaptive capacity lets a partition take all of it up to its own limit. Indexes go first: what one refuses of its
    writes is refused by the table, too.

    Args:
        demand: of `compute_demand` or `make_demand`.
        mode: `Provisioned`, `Autoscaled` or `OnDemand`.

    Example:
        >>> from lakekit.dynamodb import make_demand
        >>> simulation = simulate_throughput(make_demand("games", write=12, days=1), Provisioned(read=1, write=10))
        >>> simulation.lane("games", "write").throttled[[0, -1]].tolist()  # 2 too many in each second
        [2.0, 2.0]
    """
    if demand.step_s > 60:
        demand = demand.resample(60)
    if 60 % demand.step_s:
        raise InvalidArgument(f"step_s={demand.step_s:g} does not divide a minute.", hint="1, 5, 10, 30 or 60.")
    lanes: dict[tuple[str, str], Lane] = {}
    heats: dict[tuple[str, str], Heat] = {}
    refused = np.zeros(demand.steps)  # part of the table's writes, refused because an index could not follow
    for resource in (*demand.resources[1:], demand.resources[0]):
        is_table = resource == demand.resources[0]
        by_index = demand.get(resource, "write") * refused if is_table else np.zeros(demand.steps)
        asked = {"read": demand.get(resource, "read"), "write": demand.get(resource, "write") - by_index}
        for kind in KINDS:
            heats[resource, kind] = _follow_partitions(demand, (resource, kind), asked[kind], (mode, settings))
        admitted = {kind: asked[kind] - heats[resource, kind].throttled for kind in KINDS}
        for kind, served in zip(KINDS, _serve(admitted, resource, demand.step_s, (mode, settings)), strict=True):
            lane = _make_lane(demand.get(resource, kind), admitted[kind], served, heats[resource, kind])
            lanes[resource, kind] = replace(lane, by_index=by_index if kind == "write" else lane.by_index)
        if not is_table and settings.has_backpressure:
            refused = np.maximum(refused, _get_backpressure(demand, resource, lanes[resource, "write"]))
    return Simulation(demand, mode, lanes, heats)


def _make_lane(demand: np.ndarray, admitted: np.ndarray, served: tuple, heat: Heat) -> Lane:
    capacity, got, bucket = served
    over = np.maximum(admitted - got, 0)
    over[over < 1e-9] = 0  # what floating point leaves
    return Lane(demand, capacity, got, over, heat.throttled, np.zeros(len(demand)), bucket)


def _get_backpressure(demand: Demand, resource: str, lane: Lane) -> np.ndarray:
    """The part of the table's write units that come with a write the index refused."""
    row = demand.resources.index(resource)
    table = demand.get(demand.resources[0], "write")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(lane.demand > 0, lane.throttled / lane.demand, 0)
        return np.nan_to_num(share * np.where(table > 0, demand.touching[row] / table, 0))


def _serve(
    admitted: Mapping[str, np.ndarray], resource: str, step_s: float, how: tuple[Mode, ThroughputSettings]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Capacity, served and saved-up units of reads and of writes."""
    mode, settings = how
    if isinstance(mode, OnDemand):
        served = []
        for kind, floor, most in zip(KINDS, (mode.read, mode.write), (mode.most_read, mode.most_write), strict=True):
            options = {"step_s": step_s, "most": most, "doubling_minutes": mode.doubling_minutes}
            capacity, got = serve_on_demand(admitted[kind], floor, **options)
            served.append((capacity, got, np.zeros(len(got))))
        return served
    demands = tuple(admitted[kind] for kind in KINDS)
    capacities = tuple(_get_start(mode, (resource, kind), admitted[kind]) for kind in KINDS)
    scalers: tuple = (None, None)
    if isinstance(mode, Autoscaled):
        budgets = [DecreaseBudget(), DecreaseBudget()]
        budgets = budgets[:1] * 2 if mode.settings.shares_decreases else budgets
        pairs = zip(KINDS, budgets, strict=True)
        scalers = tuple(Scaler(mode.get(resource, kind), mode.settings, budget).advance for kind, budget in pairs)
    burst = (settings.burst_s, settings.burst_filled)
    return serve_provisioned(demands, capacities, step_s=step_s, burst=burst, scalers=scalers)


def _get_start(mode: Provisioned | Autoscaled, lane: tuple[str, str], units: np.ndarray) -> float:
    """Capacity at the start: as given, or what the first step needs."""
    if isinstance(mode, Provisioned):
        return mode.get(*lane)
    policy = mode.get(*lane)
    needed = math.ceil(float(units[0]) * 100 / policy.target_percent - 1e-9)
    return mode.start.get(lane, max(policy.least, min(policy.most, needed)))


def _follow_partitions(
    demand: Demand, lane: tuple[str, str], units: np.ndarray, how: tuple[Mode, ThroughputSettings]
) -> Heat:
    """What single partitions of a lane refuse."""
    resource, kind = lane
    mode, settings = how
    keys = demand.keys.get(resource, UNKNOWN_KEYS)
    count = settings.partitions.get(resource) or _count_at_start(demand, resource, mode)
    if not settings.has_partitions:
        empty = np.zeros(len(units))
        return Heat(empty, empty.astype(int), empty.astype(int) - 1, ("",) * len(units), ())
    partitions = spread_keys(keys, count, seed=settings.heat.seed)
    can_split_key = demand.can_split_key and resource == demand.resources[0]
    key_splits = (demand.step_s, can_split_key, keys)
    return follow_heat(units, get_partition_limit(kind), partitions, settings.heat, key_splits=key_splits)


def _count_at_start(demand: Demand, resource: str, mode: Mode) -> int:
    """The least partitions for the capacity that a table or index has or comes to have: raising it adds partitions."""
    peaks = {kind: float(demand.get(resource, kind).max()) for kind in KINDS}
    if isinstance(mode, OnDemand):
        peaks = {"read": max(mode.read, peaks["read"]), "write": max(mode.write, peaks["write"])}
    elif isinstance(mode, Autoscaled):
        peaks = {kind: min(mode.get(resource, kind).most, units) for kind, units in peaks.items()}
    else:
        peaks = {kind: mode.get(resource, kind) for kind in KINDS}
    size = demand.stored_bytes.get(resource, 0)
    return count_partitions(read_units=peaks["read"], write_units=peaks["write"], size_bytes=size).at_least
