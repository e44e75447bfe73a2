"""A plan as it is shown: where each partition should live, what that costs and saves, and what to think of first.

It must not compute costs; the planner does.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakekit.display import format_html_table, format_text_table
from lakekit.tiering.classes import WATERFALL
from lakekit.tiering.model import Assumptions, Constraints
from lakekit.units import format_bytes, format_number_of


@dataclass(frozen=True)
class CompactFirst:
    """What compacting to files of 256 MiB before tiering would change, in the partitions where that saves.

    A compaction writes into STANDARD, and the new files move down from there; STANDARD_IA takes none so young.

    Attributes:
        files, files_after: of the table, now and compacted.
        compaction_usd: for a GET of each file and what reading its class costs, a PUT for each new file, and the
            fee for removing the old ones before their minimum days are over.
        plan_usd: of the best plan with these partitions compacted, compaction included.
        saving_usd: of that against the plan as it is; 0 when compacting does not pay.
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
        costs: what each partition would cost in every class down the waterfall, the chosen one too: folder,
            storage_class (now), to, usd (over the horizon), once_usd (of it), refused (by
            which constraint; None where it may be).
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
    costs: pl.DataFrame
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
        return find_payback(self.now_usd, self.plan_usd, self.once_usd, self.assumptions.horizon_months)

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
        now, then, saving = map(format_usd, (self.now_usd, self.plan_usd, self.saving_usd))
        lines = [
            f"Plan for {self.table} over {format_number_of(months, 'month')}, prices of {self.prices}",
            f"all stays {now}, plan {then}: saves {saving}{saved}",
        ]
        if moves.height:
            payback = self.payback_months
            back = "never" if payback is None else f"after {payback:.1f} months"
            size = format_bytes(moves["size_bytes"].sum())
            count = format_number_of(moves.height, "partition")
            lines.append(f"{count} move ({size}); moving costs {format_usd(self.once_usd)} once, earned back {back}")
        else:
            lines.append("nothing moves: no class is cheaper under these constraints")
        doubled = self.sensitivity.filter(pl.col("access_factor") == 2.0)
        lines.append(f"read twice as much, this plan costs {format_usd(doubled['plan_usd'].item())}")
        return "\n".join([*lines, *self.list_advice()])

    def list_advice(self) -> list[str]:
        """What to think of before applying the plan."""
        advice, first = [], self.compact_first
        if first.held_back or first.saving_usd > max(0.01 * self.plan_usd, 0.005):
            held = len(first.held_back)
            small = f" Small files make tiering lose money in {format_number_of(held, 'partition')}." if held else ""
            advice.append(
                f"Compact first, tier second: {first.files:,} files become {first.files_after:,}, and the plan costs "
                f"{format_usd(first.plan_usd)}, {format_usd(first.saving_usd)} less.{small}"
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


def find_payback(now_usd: float, plan_usd: float, once_usd: float, months: int) -> float | None:
    """Months until what is spent once is earned back; None when it never is."""
    a_month = (now_usd - (plan_usd - once_usd)) / months
    return once_usd / a_month if a_month > 0 else None


def format_usd(value: float) -> str:
    """USD with two digits, and the sign before the dollar."""
    return f"{'-' if value < -0.005 else ''}${abs(value):,.2f}"
