"""The cheapest class for each partition under constraints, what it saves, when it pays back, and what would change it.

It must not move anything: a plan is a table to look at, and to make a lifecycle of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.tiering.classes import WATERFALL, is_readable
from lakekit.tiering.model import Assumptions, Constraints, Cost, CostModel, Curve
from lakekit.tiering.plans import CompactFirst, Plan, find_payback
from lakekit.units import MIB

if TYPE_CHECKING:
    from lakekit.tiering.temperature import Heat, TieredTable

COMPACTED_BYTES = 256 * MIB  # what a compaction would make; the default target size
ACCESS_FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0)
_SMALLEST_USD = 1e-9
_COMPACTED = "compacted, then "  # a choice for a partition, before the class that its new files are in


def plan(
    table: TieredTable,
    heat: Heat,
    *,
    constraints: Constraints | None = None,
    assumptions: Assumptions | None = None,
    book: PriceBook | None = None,
) -> Plan:
    """The cheapest class for each partition: storage, requests, retrieval, moves, minimum sizes and days counted.

    The result is the cheapest of all assignments of classes to partitions that the constraints and the waterfall
    allow, also where steps of a price tie partitions together.

    Args:
        table: from ``lk.open_table``.
        heat: what ``heat`` found for it.
        constraints: what to keep to; by default every file answers a SELECT, and no class with one zone.
        assumptions: horizon, growth, how much is read; by default 12 months, no growth, as seen.
        book: prices; those of us-east-1 if not given.

    Raises:
        InvalidArgument: the heat is of another table, or a file is in a class that has no price.

    Example:
        >>> import lakekit as lk
        >>> flights = lk.open_table("data/sample/lake/flights")
        >>> found = lk.tiering.heat(flights, "age", as_of="2100-01-01").resize(size_bytes=lk.TIB, files=4096)
        >>> cold = plan(flights, found, book=lk.prices.load_book(as_of="2026-11-25"))
        >>> cold.frame["to"].unique().to_list(), round(cold.now_usd, 2), round(cold.plan_usd, 2)
        (['GLACIER_IR'], 282.63, 79.99)
    """
    if heat.table != table.name:
        raise InvalidArgument(f"The heat is of {heat.table}, not of {table.name}.", hint="call heat(table, …) first.")
    book = book or load_book()
    model = CostModel(book, assumptions or Assumptions(), constraints or Constraints())
    rows = list(heat.frame.iter_rows(named=True))
    if unknown := [row for row in rows if row["storage_class"] not in WATERFALL]:
        where, name = unknown[0]["folder"] or table.name, unknown[0]["storage_class"]
        what = f"{where} has files in {name}, which has no prices here."
        raise InvalidArgument(what, hint="plan a table without them.")
    costs = _list_costs(model, rows)
    best = _choose(model, costs)
    now, then = _pick(costs, [row["storage_class"] for row in rows]), _pick(costs, best)
    address = table.store.address
    return Plan(
        table=table.name,
        bucket=address.bucket if address.scheme == "s3" else "",
        prefix=address.prefix if address.scheme == "s3" else "",
        frame=_make_frame(model, rows, now, best, then),
        costs=_list_all_costs(model, rows, then),
        now_usd=_add_up(model, now),
        plan_usd=_add_up(model, then),
        once_usd=sum(cost.once_usd for cost in then),
        sensitivity=_vary_access(model, rows, best),
        compact_first=_compact_first(model, rows, costs, best),
        assumptions=model.assumptions,
        constraints=model.constraints,
        prices=f"{book.region}, {book.as_of}",
    )


def choose_classes(model: CostModel, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The class for each row so that the sum of all costs is least; of equals, the one that stays.

    The curves of STANDARD and FREQUENT bend down only, so each is the lowest of a few straight lines. Under straight
    lines every partition can choose for itself; the best over all pairs of lines is the best there is.
    """
    return _choose(model, _list_costs(model, rows))


def _list_costs(model: CostModel, rows: Sequence[dict[str, Any]]) -> list[dict[str, Cost]]:
    """For each row the cost in each class that it may be in, its own first."""
    costs = []
    for row in rows:
        choices = model.list_choices(row["storage_class"], row["age_days"])
        costs.append({name: model.compute_cost(row, name) for name, why in choices.items() if not why})
    return costs


def _choose(model: CostModel, costs: Sequence[dict[str, Cost]]) -> list[str]:
    lines = [
        curve.list_lines(sum(max(map(get_gb, choices.values())) for choices in costs))
        for curve, get_gb in zip(model.make_curves(), (_standard_gb, _frequent_gb), strict=True)
    ]
    best: tuple[float, list[str]] = (math.inf, [])
    for (standard_base, standard_usd), (frequent_base, frequent_usd) in product(*lines):
        total, names = standard_base + frequent_base, []
        for choices in costs:
            priced = [
                (cost.usd + cost.standard_gb * standard_usd + cost.frequent_gb * frequent_usd, name)
                for name, cost in choices.items()
            ]
            least = min(usd for usd, _ in priced)
            total += least
            names.append(next(name for usd, name in priced if usd <= least + _SMALLEST_USD))
        if total < best[0] - _SMALLEST_USD:
            best = (total, names)
    return best[1]


def _standard_gb(cost: Cost) -> float:
    return cost.standard_gb


def _frequent_gb(cost: Cost) -> float:
    return cost.frequent_gb


def add_costs(model: CostModel, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> float:
    """USD over the horizon when each row is in a class, steps of prices included."""
    return _add_up(model, [model.compute_cost(row, name) for row, name in zip(rows, names, strict=True)])


def _add_up(model: CostModel, costs: Sequence[Cost]) -> float:
    total = sum(costs, Cost(0.0))
    standard, frequent = model.make_curves()
    return total.usd + standard.cost_usd(total.standard_gb) + frequent.cost_usd(total.frequent_gb)


def _pick(costs: Sequence[dict[str, Cost]], names: Sequence[str]) -> list[Cost]:
    return [choices[name] for choices, name in zip(costs, names, strict=True)]


def _share_costs(model: CostModel, costs: Sequence[Cost]) -> list[float]:
    """USD by row; what steps of prices save is shared by GB."""
    standard, frequent = model.make_curves()
    rates = _average(standard, _standard_gb, costs), _average(frequent, _frequent_gb, costs)
    return [cost.usd + cost.standard_gb * rates[0] + cost.frequent_gb * rates[1] for cost in costs]


def _average(curve: Curve, get_gb: Callable[[Cost], float], costs: Sequence[Cost]) -> float:
    size_gb = sum(map(get_gb, costs))
    return curve.cost_usd(size_gb) / size_gb if size_gb else curve.cost_usd(1.0)


def _list_all_costs(model: CostModel, rows: Sequence[dict[str, Any]], then: Sequence[Cost]) -> pl.DataFrame:
    """Every class down the waterfall for each row, refused or not; steps of prices as the plan reaches them."""
    standard, frequent = model.make_curves()
    standard_usd, frequent_usd = _average(standard, _standard_gb, then), _average(frequent, _frequent_gb, then)
    made = []
    for row in rows:
        for name, why in model.list_choices(row["storage_class"], row["age_days"]).items():
            if name == row["storage_class"] or name in WATERFALL[row["storage_class"]]:
                cost = model.compute_cost(row, name)
                usd = cost.usd + cost.standard_gb * standard_usd + cost.frequent_gb * frequent_usd
                made.append((row["folder"], row["storage_class"], name, usd, cost.once_usd, why or None))
    columns = {"folder": pl.String, "storage_class": pl.String, "to": pl.String}
    columns |= {"usd": pl.Float64, "once_usd": pl.Float64, "refused": pl.String}
    return pl.DataFrame(made, schema=columns, orient="row")


def _make_frame(
    model: CostModel, rows: Sequence[dict[str, Any]], now: Sequence[Cost], best: Sequence[str], then: Sequence[Cost]
) -> pl.DataFrame:
    months = model.assumptions.horizon_months
    made = []
    usd = zip(_share_costs(model, now), _share_costs(model, then), strict=True)
    for row, name, cost, (now_usd, plan_usd) in zip(rows, best, then, usd, strict=True):
        moves = name != row["storage_class"]
        made.append(
            {key: row[key] for key in ("folder", "files", "size_bytes", "age_days", "temperature", "reads_per_month")}
            | {"storage_class": row["storage_class"], "to": name, "now_usd": now_usd, "plan_usd": plan_usd}
            | {"once_usd": cost.once_usd, "saving_usd": now_usd - plan_usd}
            | {"payback_months": find_payback(now_usd, plan_usd, cost.once_usd, months) if moves else None}
            | {"reason": _explain(model, row, name)}
        )
    kinds = {"payback_months": pl.Float64, "folder": pl.String, "reason": pl.String}
    return pl.DataFrame(made, schema_overrides=kinds, infer_schema_length=None)


def _explain(model: CostModel, row: dict[str, Any], name: str) -> str:
    refused = [
        f"{other} {why}" for other, why in model.list_choices(row["storage_class"], row["age_days"]).items() if why
    ]
    left = f"; left out: {', '.join(refused)}" if refused else ""
    kept = f", {row['small_files']:,} small files stay" if _leaves_some(model, row, name) else ""
    return f"{'cheapest' if name != row['storage_class'] else 'no other is cheaper'}{kept}{left}"


def _leaves_some(model: CostModel, row: dict[str, Any], name: str) -> bool:
    return bool(name != row["storage_class"] and row["small_files"] and model.assumptions.small_files == "leave")


def _vary_access(model: CostModel, rows: Sequence[dict[str, Any]], best: Sequence[str]) -> pl.DataFrame:
    found = []
    stay = [row["storage_class"] for row in rows]
    for factor in ACCESS_FACTORS:
        access = model.assumptions.access_factor * factor
        varied = CostModel(model.book, replace(model.assumptions, access_factor=access), model.constraints)
        costs = _list_costs(varied, rows)
        choices = (stay, best, _choose(varied, costs))
        found.append([factor, *(_add_up(varied, _pick(costs, names)) for names in choices)])
    return pl.DataFrame(found, schema=["access_factor", "now_usd", "plan_usd", "best_usd"], orient="row")


def _compact_first(
    model: CostModel, rows: Sequence[dict[str, Any]], costs: Sequence[dict[str, Cost]], best: Sequence[str]
) -> CompactFirst:
    """The best plan when each partition may be compacted to files of 256 MiB before; those are, where it saves."""
    compacted = [_compact_row(row) for row in rows]
    prices = [model.compact(row, new["files"]) if new else 0.0 for row, new in zip(rows, compacted, strict=True)]
    choices = []
    for kept, new, usd in zip(costs, compacted, prices, strict=True):
        more = _list_costs(model, [new])[0] if new else {}
        choices.append(kept | {_COMPACTED + name: cost + Cost(usd, usd) for name, cost in more.items()})
    again = _choose(model, choices)
    files_after, compaction_usd, held_back = 0, 0.0, []
    for row, new, usd, name, then in zip(rows, compacted, prices, best, again, strict=True):
        is_compacted = new is not None and then.startswith(_COMPACTED)
        files_after += new["files"] if is_compacted else row["files"]
        compaction_usd += usd if is_compacted else 0.0
        if is_compacted and name == row["storage_class"] and then.removeprefix(_COMPACTED) in WATERFALL[name]:
            held_back.append(row["folder"])
    before, plan_usd = sum(row["files"] for row in rows), _add_up(model, _pick(choices, again))
    saving_usd = _add_up(model, _pick(costs, best)) - plan_usd
    return CompactFirst(before, files_after, compaction_usd, plan_usd, saving_usd, tuple(held_back))


def _compact_row(row: dict[str, Any]) -> dict[str, Any] | None:
    """The row as a compaction leaves it: larger files, new in STANDARD; None where it can make nothing of them."""
    files = min(row["files"], max(1, -(-row["size_bytes"] // COMPACTED_BYTES)))
    if files == row["files"] or not is_readable(row["storage_class"]) or not row["size_bytes"]:
        return None
    share = files / row["files"]
    small = row["size_bytes"] / files < 128 * 1024
    return row | {
        "storage_class": "STANDARD",
        "age_days": 0.0,
        "files": files,
        "small_files": files if small else 0,
        "small_bytes": row["size_bytes"] if small else 0,
        "requests_per_month": row["requests_per_month"] * share,
        "file_reads_per_month": row["file_reads_per_month"] * share,
    }
