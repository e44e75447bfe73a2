"""One workload priced in every mode on the same series: which is cheapest, by how much, and why.

It must not have prices or rules of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb.bill import Bill, make_bill, make_line
from lakekit.dynamodb.cost import Extras, apply_free_tier, get_break_even_utilisation, price_extras, price_storage
from lakekit.dynamodb.demand import KINDS, Demand
from lakekit.dynamodb.rates import DEFAULT_REGION, HOURS_PER_MONTH, Rates, get_rates
from lakekit.dynamodb.reserved import ReservedChoice, choose_reserved_blocks, get_reserved_block
from lakekit.dynamodb.simulation import Simulation, format_share
from lakekit.dynamodb.throughput import (
    Autoscaled,
    Mode,
    OnDemand,
    Provisioned,
    ThroughputSettings,
    simulate_throughput,
)
from lakekit.dynamodb.units import check_number
from lakekit.dynamodb.workload import Workload, compute_demand
from lakekit.errors import InvalidArgument

SECONDS_PER_HOUR = 3600
_COLUMNS = ["mode", "class", "reserved", "USD a month", "throughput", "storage", "other", "throttled"]


@dataclass(frozen=True)
class CompareOptions:
    """What to compare, and how.

    Attributes:
        days, step_s: of the series, when a workload is given.
        hours_per_month: 730 by default.
        provisioned: a fixed capacity; by default the peak of table and of each index, so that nothing is throttled.
        autoscaled: policies; by default a target of 70 %.
        on_demand: where on-demand starts.
        reserved_years: terms to look at.
        settings: of the simulation.
        extras: what a month brings beside throughput and storage.
        most_throttled: the part of all units that may be throttled in a mode that is called cheapest.
        free_tier: subtract the account's free tier, in each region.
    """

    days: float = 7
    step_s: float = 60
    hours_per_month: float = HOURS_PER_MONTH
    provisioned: Provisioned | None = None
    autoscaled: Autoscaled = Autoscaled()
    on_demand: OnDemand = OnDemand()
    reserved_years: tuple[int, ...] = (1, 3)
    settings: ThroughputSettings = ThroughputSettings()
    extras: Extras = Extras()
    most_throttled: float = 0.001
    free_tier: bool = False

    def __post_init__(self):
        check_number("hours_per_month", self.hours_per_month, least=1)
        if check_number("most_throttled", self.most_throttled) > 1:
            raise InvalidArgument(f"most_throttled={self.most_throttled} was given.", hint="a part of all, 0 to 1.")


DEFAULT_OPTIONS = CompareOptions()


@dataclass(frozen=True)
class Option:
    """One way to pay for a month.

    Attributes:
        mode: "on-demand", "provisioned" or "autoscaled".
        table_class: of all tables and indexes.
        years: of reserved capacity, 0 without.
        bill: of the month, in all regions.
        reserved: blocks of reads and of writes.
        throttled_share: of all units.
    """

    mode: str
    table_class: str
    years: int
    bill: Bill
    reserved: tuple[ReservedChoice, ...] = ()
    throttled_share: float = 0.0

    @property
    def usd(self) -> float:
        """Of the month, everything."""
        return self.bill.usd

    @property
    def name(self) -> str:
        """Such as "autoscaled, STANDARD, reserved 3 years"."""
        return f"{self.mode}, {self.table_class}" + (f", reserved {self.years} y" if self.years else "")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A month in every mode, cheapest first. Of `compare_modes`.

    Attributes:
        options: ways to pay.
        simulations: by mode.
        demand: the series.
        region: whose prices.
        most_throttled: above it a mode is not called cheapest.
    """

    options: tuple[Option, ...]
    simulations: Mapping[str, Simulation]
    demand: Demand
    region: str
    most_throttled: float
    break_even: Mapping[str, float] = field(default_factory=dict)

    @property
    def cheapest(self) -> Option:
        """The cheapest that throttles little; if all throttle more, the cheapest of those that throttle least."""
        return self._find_cheapest(self.options)

    @property
    def cheapest_uncommitted(self) -> Option:
        """The same without reserved capacity: nothing to pay for years to come."""
        return self._find_cheapest([option for option in self.options if not option.years])

    def _find_cheapest(self, options: Sequence[Option]) -> Option:
        fine = [option for option in options if option.throttled_share <= self.most_throttled]
        least = min(option.throttled_share for option in options)
        return (fine or [option for option in options if option.throttled_share <= least + 1e-12])[0]

    def get(self, mode: str, *, table_class: str = "STANDARD", years: int = 0) -> Option:
        """One of the options.

        Raises:
            InvalidArgument: it was not compared.
        """
        for option in self.options:
            if (option.mode, option.table_class, option.years) == (mode, table_class, years):
                return option
        known = "; ".join(option.name for option in self.options)
        raise InvalidArgument(f"There is no {mode}, {table_class}, {years} years.", hint=f"there are: {known}.")

    def get_mode(self, option: Option | None = None) -> Mode:
        """The capacity of an option, by default of the cheapest, as `create_plan` takes it.

        One that is autoscaled starts where its simulation did.
        """
        simulation = self.simulations[(option or self.cheapest).mode]
        if not isinstance(simulation.mode, Autoscaled):
            return simulation.mode
        return replace(
            simulation.mode, start={place: lane.capacity[0].item() for place, lane in simulation.lanes.items()}
        )

    @property
    def utilisation(self) -> float:
        """The mean write and read rate as a part of their peaks, weighted by what they cost at the peak."""
        rates = get_rates(self.region)
        weights = {kind: rates.usd(rates.id("provisioned", kind)) for kind in KINDS}
        peak = sum(getattr(self.demand, kind).max(axis=1).sum() * weights[kind] for kind in KINDS)
        mean = sum(getattr(self.demand, kind).mean(axis=1).sum() * weights[kind] for kind in KINDS)
        return float(mean / peak) if peak else 0.0

    @property
    def reason(self) -> str:
        """Why the cheapest is cheapest, in a few sentences; with what is cheaper and throttles too much."""
        best = self.cheapest
        passed: dict[str, Option] = {}  # the cheapest of each mode that costs less, and throttles more
        rivals = []
        for option in self.options:  # cheapest first
            if option.usd < best.usd and option.throttled_share > best.throttled_share:
                passed.setdefault(option.mode, option)
            elif option.mode not in (best.mode, *passed):
                rivals.append(option)
        most = max(self.most_throttled, best.throttled_share)
        limit = f" of what throttles {format_share(most) + ' at most' if most else 'nothing'}" if passed else ""
        text = f"{best.name} costs least{limit}, ${best.usd:,.2f} a month. {self._compare_use(best)}"
        if rivals:
            rival = rivals[0]
            is_lossy = rival.throttled_share > self.most_throttled
            loss = f" and throttle {format_share(rival.throttled_share)}" if is_lossy else ""
            text += f"; {rival.name} would be ${rival.usd:,.2f}{loss}"
        told = [
            f"{one.name} for ${one.usd:,.2f} throttles {format_share(one.throttled_share)}" for one in passed.values()
        ]
        cheaper = f" Passed over: {'; '.join(told)}." if told else ""
        extra = ""
        if best.table_class == "STANDARD_IA" and any(option.table_class == "STANDARD" for option in self.options):
            extra = f" Standard-IA pays: storage is {best.bill.get('storage') / best.usd:.0%} of the bill."
        return f"{text}.{cheaper}{extra}"

    def _compare_use(self, best: Option) -> str:
        """How much of the peak is used, and beside it the parity, where that speaks for the mode."""
        share, even = self.utilisation, self.break_even["write"]
        parity = f"{even:.0%} at which a plain capacity costs the same as on-demand"
        if best.years:
            even *= get_reserved_block("write", years=best.years, rates=self.region).break_even_share
            parity = f"{even:.0%} at which a capacity reserved for {best.years} y costs the same as on-demand"
        text = f"On average {share:.0%} of the peak is used"
        if (best.mode == "on-demand") != (share < even):  # another reason decides
            return text
        return f"{text}, {'below' if share < even else 'above'} the {parity}"

    def _rows(self) -> list[tuple]:
        rows = []
        for option in self.options:
            storage = option.bill.get("storage")
            throughput = option.bill.get("reads") + option.bill.get("writes") + option.bill.get("replicated writes")
            throughput += option.bill.get("reserved")
            other = max(0.0, option.usd - throughput - storage)  # what floating point leaves is nothing
            parts = [f"{usd:,.2f}" for usd in (option.usd, throughput, storage, other)]
            years = f"{option.years} y" if option.years else ""
            rows.append((option.mode, option.table_class, years, *parts, f"{option.throttled_share:.2%}"))
        return rows

    def _describe_sources(self) -> str:
        dates = sorted({line.as_of for option in self.options for line in option.bill.lines if line.as_of})
        sources = sorted({line.source for option in self.options for line in option.bill.lines if line.source})
        return f"Prices of {self.region}, of {dates[0]} to {dates[-1]}: {'; '.join(sources)}" if dates else ""

    def __repr__(self) -> str:
        return f"Comparison: {self.reason}"

    def __str__(self) -> str:
        return f"{self.reason}\n{format_text_table(_COLUMNS, self._rows())}\n{self._describe_sources()}"

    def _repr_html_(self) -> str:
        return format_html_table(self.reason, _COLUMNS, self._rows(), note=self._describe_sources())


def compare_modes(
    workload: Workload | Demand,
    *,
    rates: str | Rates = DEFAULT_REGION,
    table_classes: tuple[str, ...] = ("STANDARD", "STANDARD_IA"),
    options: CompareOptions = DEFAULT_OPTIONS,
) -> Comparison:
    """A month of a workload in every mode, on the same series: on-demand, provisioned, autoscaled, and reserved blocks.

    Every mode is simulated, so that what it throttles is known, and then billed by the hour or by the unit. The time
    that was simulated is taken to repeat until the month is full.

    Raises:
        InvalidArgument: an unknown region; lists those that are known.

    Example:
        >>> from lakekit.dynamodb import make_demand
        >>> comparison = compare_modes(make_demand("games", read=100, write=100, days=1))
        >>> round(comparison.get("on-demand").usd, 2)  # 730 x 3,600 x 100 x (0.125 + 0.625) / 1,000,000
        197.1
        >>> round(comparison.get("provisioned").usd, 2)  # 730 x 100 x (0.00013 + 0.00065)
        56.94
        >>> comparison.cheapest.name
        'provisioned, STANDARD, reserved 3 y'
    """
    rates = get_rates(rates)
    if not table_classes:
        raise InvalidArgument("table_classes is empty.", hint='for example ("STANDARD",).')
    demand = workload
    if isinstance(workload, Workload):
        demand = compute_demand(workload, days=options.days, step_s=options.step_s)
    modes = {
        "on-demand": options.on_demand,
        "provisioned": options.provisioned or provision_for_peak(demand),
        "autoscaled": options.autoscaled,
    }
    simulations = {name: simulate_throughput(demand, mode, options.settings) for name, mode in modes.items()}
    made = []
    for table_class in table_classes:
        own = rates.with_class(table_class)
        for name, simulation in simulations.items():
            terms = [0, *(years for years in options.reserved_years if _can_reserve(name, demand, own, years))]
            made += [_price_option(name, simulation, own, options, years) for years in terms]
    made.sort(key=lambda option: (option.usd, option.name))
    even = {kind: get_break_even_utilisation(kind=kind, rates=rates) for kind in KINDS}
    return Comparison(tuple(made), simulations, demand, rates.region, options.most_throttled, even)


def provision_for_peak(demand: Demand, *, headroom: float = 1.0) -> Provisioned:
    """The fixed capacity that serves every step of a demand: the peak of the table and of each index, rounded up.

    Args:
        headroom: times the peak.

    Example:
        >>> from lakekit.dynamodb import make_demand
        >>> provision_for_peak(make_demand("games", read=10.2, days=1))
        Provisioned(read=11, write=1, indexes={})
    """
    check_number("headroom", headroom)
    peaks = {
        name: tuple(max(1, math.ceil(demand.get(name, kind).max() * headroom - 1e-9)) for kind in KINDS)
        for name in demand.resources
    }
    return Provisioned(*peaks.pop(demand.resources[0]), peaks)


def _can_reserve(mode: str, demand: Demand, rates: Rates, years: int) -> bool:
    """Reserved blocks are for provisioned capacity of Standard tables in one region, where the term is sold."""
    is_priced = f"dynamodb.reserved.{years}y.write.hour" in rates.book.prices
    return mode != "on-demand" and rates.table_class == "STANDARD" and demand.regions == 1 and is_priced


def _price_option(mode: str, simulation: Simulation, rates: Rates, options: CompareOptions, years: int) -> Option:
    """A month in one mode; reserved blocks replace the provisioned lines."""
    demand = simulation.demand
    month = options.hours_per_month / (demand.days * 24)
    reserved: tuple[ReservedChoice, ...] = ()
    if mode == "on-demand":
        bill = _price_requests(simulation, rates) * month
    elif years:
        hourly = _get_hourly_capacity(simulation)
        reserved = tuple(choose_reserved_blocks(hourly[kind], kind=kind, years=years, rates=rates) for kind in KINDS)
        bill = _price_reserved(reserved, hourly, rates) * options.hours_per_month
    else:
        bill = _price_capacity(simulation, rates) * month
    table = next(iter(demand.resources))
    bill += price_storage(sum(demand.stored_bytes.values()), rates=rates)
    bill += price_extras(options.extras, table_bytes=demand.stored_bytes.get(table, 0), rates=rates)
    if options.free_tier:
        bill = apply_free_tier(bill)
    bill *= demand.regions
    return Option(mode, rates.table_class, years, bill, reserved, simulation.throttled_share)


def _get_kinds(demand: Demand, resource: str) -> dict[str, str]:
    """The kind of price of reads and writes: writes of a global table itself are replicated ones."""
    is_replicated = demand.regions > 1 and resource == demand.resources[0]
    return {"read": "read", "write": "replicated_write" if is_replicated else "write"}


def _price_requests(simulation: Simulation, rates: Rates) -> Bill:
    """What was served in one region, by the unit; throttled requests are not billed."""
    demand, lines = simulation.demand, []
    for (resource, kind), lane in simulation.lanes.items():
        units = float(lane.served.sum() * demand.step_s)
        price = _get_kinds(demand, resource)[kind]
        what = f"{price.replace('_', ' ')}s of {resource}, on-demand"
        lines.append(make_line(what, units, rates.id("on_demand", price), rates))
    return make_bill(lines, rates)


def _price_capacity(simulation: Simulation, rates: Rates) -> Bill:
    """What was provisioned in one region in each hour."""
    demand, lines = simulation.demand, []
    for (resource, kind), lane in simulation.lanes.items():
        hours = float(_sum_hours(lane.capacity, demand.step_s).sum())
        price = _get_kinds(demand, resource)[kind]
        what = f"{price.replace('_', ' ')}s of {resource}, provisioned"
        lines.append(make_line(what, hours * _get_part(demand), rates.id("provisioned", price), rates))
    return make_bill(lines, rates)


def _sum_hours(capacity: np.ndarray, step_s: float) -> np.ndarray:
    """Capacity of each hour that is billed: the highest within it."""
    per_hour = round(SECONDS_PER_HOUR / step_s)
    padded = np.concatenate([capacity, np.full(-len(capacity) % per_hour, capacity[-1])])
    return padded.reshape(-1, per_hour).max(axis=1)


def _get_part(demand: Demand) -> float:
    """The hours there are over the hours that are billed, when the time is no whole number of hours."""
    hours = demand.days * 24
    return hours / math.ceil(hours - 1e-9)


def _get_hourly_capacity(simulation: Simulation) -> dict[str, np.ndarray]:
    """Capacity of table and indexes together in each hour."""
    step_s = simulation.demand.step_s
    return {
        kind: sum(_sum_hours(lane.capacity, step_s) for (_, of), lane in simulation.lanes.items() if of == kind)
        for kind in KINDS
    }


def _price_reserved(choices: tuple[ReservedChoice, ...], hourly: Mapping[str, np.ndarray], rates: Rates) -> Bill:
    """A mean hour with reserved blocks: fees, the upfront fee spread over the term, and what they do not cover."""
    bill = Bill((), rates.region)
    for choice in choices:
        first = f"dynamodb.reserved.{choice.years}y.{choice.kind}"
        over = float(np.maximum(hourly[choice.kind] - choice.blocks * 100, 0).mean())
        lines = [
            make_line(f"reserved {choice.kind}s, hourly", choice.blocks, f"{first}.hour", rates),
            make_line(f"reserved {choice.kind}s, upfront", choice.blocks, f"{first}.upfront", rates),
            make_line(f"{choice.kind}s above, provisioned", over, rates.id("provisioned", choice.kind), rates),
        ]
        lines[1] = replace(lines[1], quantity=choice.blocks / (choice.years * 8760))
        bill += make_bill(lines, rates)
    return bill
