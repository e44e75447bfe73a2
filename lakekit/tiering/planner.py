"""The cheapest class for each partition under constraints, what it saves, when it pays back, and what would change it.

It must not move anything: a plan is a table to look at, and to make a lifecycle of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import polars as pl

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument
from lakekit.prices import PriceBook, load_book
from lakekit.tiering.classes import WATERFALL
from lakekit.tiering.model import Assumptions, Constraints, Cost, CostModel, Curve
from lakekit.units import MIB, format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.tiering.temperature import Heat, TieredTable

COMPACTED_BYTES = 256 * MIB  # what a compaction would make; the default target size
ACCESS_FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0)
_SMALLEST_USD = 1e-9


@dataclass(frozen=True)
class CompactFirst:
    """What compacting to files of 256 MiB before tiering would change.

    Attributes:
        files, files_after: of the table, now and compacted.
        compaction_usd: for its requests: one GET for each file, one PUT for each new one.
        plan_usd: of the best plan over the compacted files, compaction included.
        saving_usd: of that against the plan as it is; negative when compacting does not pay.
        held_back: partitions that their many files keep from moving: the move would lose money, compacted it saves.
    """

    files: int
    files_after: int
    compaction_usd: float
    plan_usd: float
    saving_usd: float
    held_back: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Plan:
    """Where each partition should live, and what that costs and saves over the horizon.

    Attributes:
        table: its name.
        bucket, prefix: where its files are; "" for a folder.
        frame: one row for each folder and class, sorted: folder, files, size_bytes, age_days, temperature,
            reads_per_month, storage_class (now), to (from now on), now_usd, plan_usd (over the horizon, with moves),
            once_usd (transitions and early deletion, part of plan_usd), saving_usd, payback_months (None: no move, or
            never), reason.
        now_usd, plan_usd, once_usd: sums over the horizon: all stays, the plan, and its moves.
        sensitivity: access_factor, now_usd, plan_usd (this plan, read so many times as much), best_usd (the plan one
            would make then).
        compact_first: what compacting first would change.
        assumptions, constraints: under which.
        prices: the book's region and date.
    """

    table: str
    bucket: str
    prefix: str
    frame: pl.DataFrame
    now_usd: float
    plan_usd: float
    once_usd: float
    sensitivity: pl.DataFrame
    compact_first: CompactFirst
    assumptions: Assumptions
    constraints: Constraints
    prices: str

    @property
    def saving_usd(self) -> float:
        """What the plan saves over the horizon, its moves paid."""
        return self.now_usd - self.plan_usd

    @property
    def payback_months(self) -> float | None:
        """Months until the moves have paid for themselves; 0 when they cost nothing, None when there are none."""
        if not self.moves.height:
            return None
        return _find_payback(self.now_usd, self.plan_usd, self.once_usd, self.assumptions.horizon_months)

    @property
    def moves(self) -> pl.DataFrame:
        """The rows of ``frame`` that change their class."""
        return self.frame.filter(pl.col("to") != pl.col("storage_class"))

    def by_class(self) -> pl.DataFrame:
        """USD over the horizon by class, now and planned: storage_class, now_usd, plan_usd, now_bytes, plan_bytes."""
        now = self.frame.group_by("storage_class").agg(
            pl.col("now_usd").sum(), pl.col("size_bytes").sum().alias("now_bytes")
        )
        then = self.frame.group_by(pl.col("to").alias("storage_class")).agg(
            pl.col("plan_usd").sum(), pl.col("size_bytes").sum().alias("plan_bytes")
        )
        order = pl.DataFrame({"storage_class": list(WATERFALL)})
        joined = order.join(now, on="storage_class", how="left").join(then, on="storage_class", how="left")
        kept = joined.filter(pl.any_horizontal(pl.col("now_usd", "plan_usd").is_not_null())).fill_null(0)
        return kept.select("storage_class", "now_usd", "plan_usd", "now_bytes", "plan_bytes")

    def describe(self) -> str:
        """The plan in a few sentences."""
        months, moves = self.assumptions.horizon_months, self.moves
        saved = f" ({self.saving_usd / self.now_usd:.0%})" if self.now_usd > 0 else ""
        lines = [
            f"Plan for {self.table} over {format_number_of(months, 'month')}, prices of {self.prices}",
            f"all stays {_usd(self.now_usd)}, plan {_usd(self.plan_usd)}: saves {_usd(self.saving_usd)}{saved}",
        ]
        if moves.height:
            payback = self.payback_months
            back = "never" if payback is None else f"after {payback:.1f} months"
            size = format_bytes(moves["size_bytes"].sum())
            count = format_number_of(moves.height, "partition")
            lines.append(f"{count} move ({size}); moving costs {_usd(self.once_usd)} once, earned back {back}")
        else:
            lines.append("nothing moves: no class is cheaper under these constraints")
        doubled = self.sensitivity.filter(pl.col("access_factor") == 2.0)
        lines.append(f"read twice as much, this plan costs {_usd(doubled['plan_usd'].item())}")
        return "\n".join([*lines, *self.list_advice()])

    def list_advice(self) -> list[str]:
        """What to think of before applying the plan."""
        advice, first = [], self.compact_first
        if first.held_back or first.saving_usd > max(0.01 * self.plan_usd, 0.005):
            held = len(first.held_back)
            small = f" Small files make tiering lose money in {format_number_of(held, 'partition')}." if held else ""
            advice.append(
                f"Compact first, tier second: {first.files:,} files become {first.files_after:,}, and the plan costs "
                f"{_usd(first.plan_usd)}, {_usd(first.saving_usd)} less.{small}"
            )
        archived = self.moves.filter(pl.col("to").is_in(["GLACIER", "DEEP_ARCHIVE"])).height
        if archived:
            advice.append(
                f"{format_number_of(archived, 'partition')} would be archived: queries refuse them until restored, and "
                "Athena leaves them out without an error."
            )
        return advice

    def _list_rows(self) -> list[tuple[str, str, str, float, float]]:
        rows = self.by_class().iter_rows(named=True)
        return [
            (
                row["storage_class"],
                format_bytes(row["now_bytes"]),
                format_bytes(row["plan_bytes"]),
                round(row["now_usd"], 2),
                round(row["plan_usd"], 2),
            )
            for row in rows
        ]

    def __repr__(self) -> str:
        columns = ["class", "size now", "size planned", "USD now", "USD planned"]
        return f"{self.describe()}\n{format_text_table(columns, self._list_rows())}"

    def _repr_html_(self) -> str:
        columns = ["class", "size now", "size planned", "USD now", "USD planned"]
        title, _, rest = self.describe().partition("\n")
        return format_html_table(title, columns, self._list_rows(), note=rest.replace("\n", ". "))


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
        now_usd=_add_up(model, now),
        plan_usd=_add_up(model, then),
        once_usd=sum(cost.once_usd for cost in then),
        sensitivity=_vary_access(model, rows, best),
        compact_first=_compact_first(model, rows, best, _add_up(model, then)),
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
    return curve.cost_usd(size_gb) / size_gb if size_gb else 0.0


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
            | {"payback_months": _find_payback(now_usd, plan_usd, cost.once_usd, months) if moves else None}
            | {"reason": _explain(model, row, name)}
        )
    kinds = {"payback_months": pl.Float64, "folder": pl.String, "reason": pl.String}
    return pl.DataFrame(made, schema_overrides=kinds, infer_schema_length=None)


def _find_payback(now_usd: float, plan_usd: float, once_usd: float, months: int) -> float | None:
    a_month = (now_usd - (plan_usd - once_usd)) / months
    return once_usd / a_month if a_month > 0 else None


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
    model: CostModel, rows: Sequence[dict[str, Any]], best: Sequence[str], best_usd: float
) -> CompactFirst:
    """The plan over the same data in files of 256 MiB; a file of an archive cannot be compacted without a restore."""
    compacted = [_compact_row(row) for row in rows]
    costs = _list_costs(model, compacted)
    again = _choose(model, costs)
    before, after = sum(row["files"] for row in rows), sum(row["files"] for row in compacted)
    touched = [row for row, new in zip(rows, compacted, strict=True) if new["files"] < row["files"]]
    written = sum(new["files"] for row, new in zip(rows, compacted, strict=True) if new["files"] < row["files"])
    usd = sum(row["files"] * model.book.price("s3.request.GET.STANDARD").usd_each for row in touched)
    usd += written * model.book.price("s3.request.PUT.STANDARD").usd_each
    plan_usd = _add_up(model, _pick(costs, again)) + usd
    held_back = tuple(
        row["folder"] for row, name, then in zip(rows, best, again, strict=True) if name == row["storage_class"] != then
    )
    return CompactFirst(before, after, usd, plan_usd, best_usd - plan_usd, held_back)


def _compact_row(row: dict[str, Any]) -> dict[str, Any]:
    files = min(row["files"], max(1, -(-row["size_bytes"] // COMPACTED_BYTES)))
    if files == row["files"] or row["storage_class"] in ("GLACIER", "DEEP_ARCHIVE") or not row["size_bytes"]:
        return row
    share = files / row["files"]
    small = row["size_bytes"] / files < 128 * 1024
    return row | {
        "files": files,
        "small_files": files if small else 0,
        "small_bytes": row["size_bytes"] if small else 0,
        "requests_per_month": row["requests_per_month"] * share,
        "file_reads_per_month": row["file_reads_per_month"] * share,
    }


def _usd(value: float) -> str:
    return f"{'-' if value < -0.005 else ''}${abs(value):,.2f}"
