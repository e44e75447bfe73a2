"""How the bill moves when the guesses do not hold: more or fewer requests, larger items, more data.

It must not compare in any other way than `compare` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb.compare import DEFAULT_OPTIONS, CompareOptions, Comparison, compare_modes
from lakekit.dynamodb.rates import DEFAULT_REGION, Rates
from lakekit.dynamodb.units import check_number
from lakekit.dynamodb.workload import Workload
from lakekit.errors import InvalidArgument

WHAT = ("rate", "size", "count")
MODES = ("on-demand", "provisioned", "autoscaled")


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity:
    """A month in each mode, for several factors. Of `estimate_sensitivity`.

    Attributes:
        what: that was changed: "rate", "size" or "count".
        factors: ascending.
        comparisons: for each factor.
    """

    what: str
    factors: tuple[float, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def rows(self) -> list[tuple]:
        """For each factor: it, USD a month of each mode without reserved capacity, and the cheapest of all."""
        return [
            (factor, *(round(comparison.get(mode).usd, 2) for mode in MODES), comparison.cheapest.name)
            for factor, comparison in zip(self.factors, self.comparisons, strict=True)
        ]

    @property
    def text(self) -> str:
        """Whether the choice holds, in a sentence."""
        names = list(dict.fromkeys(comparison.cheapest.name for comparison in self.comparisons))
        span = f"from {self.factors[0]:g} to {self.factors[-1]:g} times the {self.what}"
        if len(names) == 1:
            return f"The choice holds {span}: {names[0]}."
        changes = [
            f"{now.cheapest.name} up to {factor:g} times"
            for factor, now, after in zip(self.factors, self.comparisons, self.comparisons[1:], strict=False)
            if now.cheapest.name != after.cheapest.name
        ]
        return f"The choice changes {span}: {'; '.join(changes)}; then {self.comparisons[-1].cheapest.name}."

    def __repr__(self) -> str:
        return f"Sensitivity: {self.text}"

    def __str__(self) -> str:
        return f"{self.text}\n{format_text_table([f'x {self.what}', *MODES, 'cheapest'], self.rows)}"

    def _repr_html_(self) -> str:
        return format_html_table(self.text, [f"x {self.what}", *MODES, "cheapest"], self.rows, note="USD a month.")


def estimate_sensitivity(
    workload: Workload,
    *,
    what: str = "rate",
    factors: Sequence[float] = (0.25, 0.5, 1, 2, 4),
    rates: str | Rates = DEFAULT_REGION,
    options: CompareOptions = DEFAULT_OPTIONS,
) -> Sensitivity:
    """A month in each mode if there were so many times the requests, the bytes in an item, or the items.

    Args:
        what: "rate" of all patterns, "size" of all items and entries, or "count" of items stored.
        factors: to multiply by.

    Example:
        >>> from lakekit.dynamodb import AccessPattern, Entity, TableDesign, Workload
        >>> put = AccessPattern("put", "PutItem", "player", rate=10)
        >>> workload = Workload(TableDesign("games", "id"), (Entity("player", 500),), (put,))
        >>> found = estimate_sensitivity(workload, factors=(1, 2), options=CompareOptions(days=1))
        >>> [row[1] for row in found.rows]  # 730 x 3,600 x 10 x 0.625 / 1,000,000, and twice
        [16.43, 32.85]
    """
    if what not in WHAT:
        raise InvalidArgument(f"what={what!r} was given.", hint=f"one of {', '.join(WHAT)}.")
    if not factors:
        raise InvalidArgument("factors is empty.", hint="for example (0.5, 1, 2).")
    ordered = tuple(sorted(check_number("factors", factor) for factor in factors))
    changed = [scale_workload(workload, what, factor) for factor in ordered]
    comparisons = tuple(compare_modes(one, rates=rates, options=options) for one in changed)
    return Sensitivity(what, ordered, comparisons)


def scale_workload(workload: Workload, what: str, factor: float) -> Workload:
    """The same workload with all rates, sizes or counts times a factor.

    Raises:
        InvalidArgument: sizes beyond 400 KB; the item would not exist.
    """
    if what == "rate":
        patterns = tuple(replace(pattern, rate=pattern.rate * factor) for pattern in workload.patterns)
        return replace(workload, patterns=patterns)
    if what == "count":
        return replace(workload, entities=tuple(replace(one, count=one.count * factor) for one in workload.entities))
    entities = []
    for entity in workload.entities:
        sizes = entity.sizes.scale(factor)
        if sizes.largest_bytes > 400 * 1024:
            raise InvalidArgument(
                f"{factor:g} times the size of {entity.name!r} is {sizes.largest_bytes:,} bytes.",
                hint="409,600 (400 KB) are the most; take smaller factors.",
            )
        entries = {name: replace(entry, sizes=entry.sizes.scale(factor)) for name, entry in entity.entries.items()}
        entities.append(replace(entity, sizes=sizes, entries=entries))
    return replace(workload, entities=tuple(entities))
