"""How unevenly requests fall on partition keys: evenly, by a power law, one hot key, or as measured.

It must not know where a key lives; `heat` puts keys on partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lakekit.columns import exact_name
from lakekit.dynamodb.rows import read_frame
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

HOT_KEYS = 1000  # keys that are looked at one by one; all others share what is left evenly
SUMMED_KEYS = 100_000  # terms of a power law that are added up one by one; the tail is an integral


@dataclass(frozen=True)
class Keys:
    """Which share of the requests goes to which partition key.

    Attributes:
        count: how many keys there are.
        shares: of the hottest keys, descending; the others share the rest evenly.
        names: of the hottest keys, as far as they are known.

    Raises:
        InvalidArgument: shares that are no shares.
    """

    count: float
    shares: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self):
        check_number("count", self.count, least=max(1, len(self.shares)))
        total = sum(self.shares)
        if any(not 0 <= share <= 1 for share in self.shares) or total > 1 + 1e-9:
            raise InvalidArgument(f"shares add up to {total:g}.", hint="each between 0 and 1, 1 together at most.")
        if list(self.shares) != sorted(self.shares, reverse=True):
            raise InvalidArgument("shares are not in order.", hint="hottest first.")

    @property
    def rest(self) -> float:
        """The share of all keys that are not looked at one by one."""
        return max(0.0, 1 - sum(self.shares))

    @property
    def top_share(self) -> float:
        """The share of the hottest key."""
        even = self.rest / max(1, self.count - len(self.shares))
        return max(self.shares[0] if self.shares else 0.0, even)

    def name(self, position: int) -> str:
        """What a hot key is called: its name, or "key 1" for the hottest."""
        return self.names[position] if position < len(self.names) else f"key {position + 1}"


def make_even_keys(count: float) -> Keys:
    """Keys that are asked for equally often.

    Example:
        >>> make_even_keys(1000).top_share
        0.001
    """
    check_number("count", count, least=1)
    return Keys(count, (1 / count,) * int(count)) if count <= HOT_KEYS else Keys(count)


def make_hot_key(share: float, *, count: float = 1_000_000, name: str = "") -> Keys:
    """One key with a share of all requests, the others evenly.

    Example:
        >>> make_hot_key(0.2, name="BREAKING").top_share
        0.2
    """
    return Keys(count, (share,), (name,) if name else ())


def make_zipf_keys(count: float, *, exponent: float = 1.0) -> Keys:
    """Keys by a power law: the n-th hottest gets 1/n**exponent of the hottest's share.

    Args:
        exponent: 0 is even; 1 is Zipf's law, usual for what people look at.

    Example:
        >>> keys = make_zipf_keys(3)  # 1 : 1/2 : 1/3
        >>> [round(share * 11, 6) for share in keys.shares]
        [6.0, 3.0, 2.0]
    """
    check_number("exponent", exponent)
    check_number("count", count, least=1)
    single = int(min(count, SUMMED_KEYS))
    weights = np.arange(1, single + 1, dtype=float) ** -exponent
    total = weights.sum() + _get_tail(single, count, exponent)
    return Keys(count, tuple((weights[:HOT_KEYS] / total).tolist()))


def _get_tail(first: float, last: float, exponent: float) -> float:
    """The sum of n**-exponent above `first`, as the integral between the halves."""
    low, high = first + 0.5, last + 0.5
    if last <= first:
        return 0.0
    if abs(exponent - 1) < 1e-9:
        return float(np.log(high / low))
    return float((high ** (1 - exponent) - low ** (1 - exponent)) / (1 - exponent))


def measure_keys(frame: Any, column: str | Sequence[str]) -> Keys:
    """How requests fall on keys, from a table with one row for each request.

    Args:
        column: with the partition key; several together are a key, too.

    Example:
        >>> import polars as pl
        >>> measure_keys(pl.DataFrame({"player": ["ann", "bob", "ann", "ann"]}), "player")
        Keys(count=2, shares=(0.75, 0.25), names=('ann', 'bob'))
    """
    import polars as pl

    columns = [column] if isinstance(column, str) else list(column)
    frame = read_frame(frame)
    missing = [name for name in columns if name not in frame.columns]
    if missing or not frame.height:
        raise InvalidArgument(
            f"The table has {frame.height} rows and no column {missing}." if missing else "The table has no rows.",
            hint=f"it has the columns {', '.join(frame.columns)}.",
        )
    names = pl.concat_str(
        [pl.col(exact_name(name)).cast(pl.String) for name in columns], separator="#", ignore_nulls=True
    )
    counts = frame.select(names.alias("key")).group_by("key").len().sort(["len", "key"], descending=[True, False])
    top = counts.head(HOT_KEYS)
    return Keys(counts.height, tuple((top["len"] / frame.height).to_list()), tuple(top["key"].to_list()))
