"""A workload against a capacity, step by step: how much is served, how much is throttled, where, when and why.

It must not know prices. What AWS does not document is a setting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lakekit.dynamodb import limits
from lakekit.dynamodb.autoscaling import DecreaseBudget, Scaler, ScalingPolicy, ScalingSettings
from lakekit.dynamodb.capacity import get_partition_limit
from lakekit.dynamodb.demand import KINDS, Demand
from lakekit.dynamodb.heat import Heat, HeatSettings, follow_heat, spread_keys
from lakekit.dynamodb.lanes import Lane, Requests, Served, serve_on_demand, serve_provisioned
from lakekit.dynamodb.partitions import count_partitions
from lakekit.dynamodb.simulation import Simulation
from lakekit.dynamodb.skew import Keys
from lakekit.dynamodb.units import check_number, check_whole
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
        start: capacity at the start by (resource, kind); by default a simulation starts with what its first step needs.
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
        for name, count in self.partitions.items():
            check_whole(f"partitions of {name!r}", count, least=1)
        if not 0 <= check_number("burst_filled", self.burst_filled) <= 1:
            raise InvalidArgument(f"burst_filled={self.burst_filled} was given.", hint="between 0 and 1.")


def simulate_throughput(demand: Demand, mode: Mode, settings: ThroughputSettings = ThroughputSettings()) -> Simulation:
    """What a capacity serves of a demand, step by step, and what is throttled and why.

    Each request passes its partition first, then the capacity of its table or index and what that has saved up;
    adaptive capacity lets a partition take all of it up to its own limit. A write that is refused is written nowhere:
    what the table refuses reaches no index, and what an index refuses is refused by the table and written to no other
    index.

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
    heats: dict[tuple[str, str], Heat] = {}
    units = {"read": demand.read.copy(), "write": demand.write.copy()}  # that partitions let through
    for kind in KINDS:
        for row, resource in enumerate(demand.resources):
            if kind == "write" and row:  # what the table's partitions refuse, those of its indexes never see
                units[kind][row] *= _divide(units[kind][0], demand.write[0], otherwise=1)
            heat = _follow_partitions(demand, (resource, kind), units[kind][row], (mode, settings))
            units[kind][row] -= heat.throttled
            heats[resource, kind] = heat
    touching = demand.touching if settings.has_backpressure else np.zeros_like(demand.touching)
    requests = Requests(units["read"], units["write"], demand.write, touching)
    served = _serve(requests, demand, (mode, settings))
    lanes = _make_lanes(demand, requests, served)
    return Simulation(demand, mode, lanes, heats)


def _divide(units: np.ndarray, of: np.ndarray, *, otherwise: float) -> np.ndarray:
    return np.where(of > 0, units / np.where(of > 0, of, 1), otherwise)


def _make_lanes(demand: Demand, requests: Requests, served: Served) -> dict[tuple[str, str], Lane]:
    """Each lane with what was refused by its partitions, its capacity, its indexes and its table, in this order."""
    count, lanes = len(demand.resources), {}
    reached = {"read": demand.read, "write": requests.reach(served.able[count])}
    reached["write"][0] = demand.write[0]
    for number, (kind, row) in enumerate((kind, row) for kind in KINDS for row in range(count)):
        asked, admitted = getattr(demand, kind)[row], (requests.reads, requests.writes)[kind == "write"][row]
        came = reached[kind][row]
        by_partition = _drop_traces(came - admitted)
        by_capacity = _drop_traces(np.minimum(came, admitted) - served.able[number])
        others = _drop_traces(asked - served.served[number] - by_partition - by_capacity)
        by_index, by_table = (np.zeros_like(others), others) if row else (others, np.zeros_like(others))
        refused = (by_capacity, by_partition, by_index, by_table)
        place = (demand.resources[row], kind)
        lanes[place] = Lane(asked, served.capacity[number], served.served[number], *refused, served.bucket[number])
    return lanes


def _drop_traces(units: np.ndarray) -> np.ndarray:
    """Units above what floating point leaves of nothing."""
    return np.where(units < 1e-9, 0, units)


def _serve(requests: Requests, demand: Demand, how: tuple[Mode, ThroughputSettings]) -> Served:
    """What the capacity of a mode serves of requests."""
    mode, settings = how
    names = demand.resources
    if isinstance(mode, OnDemand):
        floors = np.repeat((mode.read, mode.write), len(names))
        most = np.repeat((mode.most_read, mode.most_write), len(names))
        options = {"step_s": demand.step_s, "most": most, "doubling_minutes": mode.doubling_minutes}
        return serve_on_demand(requests, floors, **options)
    first = {"read": requests.reads[:, 0], "write": requests.writes[:, 0]}
    places = [(name, kind, first[kind][row]) for kind in KINDS for row, name in enumerate(names)]
    capacities = tuple(_get_start(mode, (name, kind), units) for name, kind, units in places)
    scalers: tuple = (None,) * len(places)
    if isinstance(mode, Autoscaled):
        budgets = {(name, kind): DecreaseBudget() for name, kind, _ in places}
        if mode.settings.shares_decreases:
            budgets |= {(name, "write"): budgets[name, "read"] for name in names}
        scalers = tuple(
            Scaler(mode.get(name, kind), mode.settings, budgets[name, kind]).advance for name, kind, _ in places
        )
    burst = (settings.burst_s, settings.burst_filled)
    return serve_provisioned(requests, capacities, step_s=demand.step_s, burst=burst, scalers=scalers)


def _get_start(mode: Provisioned | Autoscaled, lane: tuple[str, str], units: float) -> float:
    """Capacity at the start: as given, or what the first step needs."""
    if isinstance(mode, Provisioned):
        return mode.get(*lane)
    policy = mode.get(*lane)
    needed = math.ceil(float(units) * 100 / policy.target_percent - 1e-9)
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
