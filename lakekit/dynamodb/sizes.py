"""How large items are, as a distribution: units are rounded up item by item, so a mean size gives wrong units.

It must not measure an item itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lakekit.display import format_html_table, format_text_table
from lakekit.dynamodb import limits
from lakekit.dynamodb.items import get_item_bytes
from lakekit.dynamodb.rows import is_table, measure_frame
from lakekit.dynamodb.units import check_number, get_read_factor
from lakekit.errors import InvalidArgument
from lakekit.units import format_bytes, format_number_of

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class Sizes:
    """A distribution of sizes: how many items have how many bytes. Make one with `make_sizes` or `measure_items`.

    Attributes:
        bytes: sizes that occur, ascending.
        counts: how many items of each; need not be whole, for a share is as good.
    """

    bytes: np.ndarray
    counts: np.ndarray

    @property
    def count(self) -> float:
        """How many items were measured."""
        return float(self.counts.sum())

    @property
    def mean_bytes(self) -> float:
        """The mean size, right for storage and for nothing that is rounded up."""
        return self.get_mean(lambda size: size)

    @property
    def largest_bytes(self) -> int:
        """The largest size that occurs."""
        return int(self.bytes[-1])

    def get_mean(self, function: Callable[[np.ndarray], Any]) -> float:
        """The mean of any function of the size, such as the units of a write."""
        return float(np.dot(function(self.bytes), self.counts) / self.counts.sum())

    def get_quantile(self, share: float) -> int:
        """The size that this share of the items does not exceed: 0.5 is the median.

        Example:
            >>> make_sizes([100, 100, 300]).get_quantile(0.5)
            100
        """
        if not 0 <= share <= 1:
            raise InvalidArgument(f"share={share} was given.", hint="between 0 and 1: 0.99 for 99 of 100.")
        reached = np.cumsum(self.counts) / self.counts.sum()
        return int(self.bytes[min(np.searchsorted(reached, share - 1e-12), len(self.bytes) - 1)])

    def mean_write_units(self) -> float:
        """Write units an item needs on average: each is rounded up to 1 KB by itself.

        Example:
            >>> sizes = make_sizes([900, 1200])  # one unit, and two
            >>> sizes.mean_write_units(), -(-sizes.mean_bytes // 1024)  # the mean would say 2
            (1.5, 2.0)
        """
        return self.get_mean(lambda size: np.maximum(np.ceil(size / limits.WRITE_STEP_BYTES), 1))

    def mean_read_units(self, consistency: str = "eventual") -> float:
        """Read units to get one item, on average: each is rounded up to 4 KB by itself.

        Example:
            >>> make_sizes([900, 5000]).mean_read_units("strong")
            1.5
        """
        factor = get_read_factor(consistency)
        return factor * self.get_mean(lambda size: np.maximum(np.ceil(size / limits.READ_STEP_BYTES), 1))

    def scale(self, factor: float) -> Sizes:
        """The same distribution with every item larger by a factor; for sensitivity."""
        check_number("factor", factor)
        return make_sizes(dict(zip((self.bytes * factor).tolist(), self.counts.tolist(), strict=True)))

    def __repr__(self) -> str:
        return (
            f"Sizes: {format_number_of(round(self.count), 'item')}, mean {format_bytes(round(self.mean_bytes))}, "
            f"largest {format_bytes(self.largest_bytes)}, {self.mean_write_units():.2f} write units each"
        )

    def _rows(self) -> list[tuple[str, int]]:
        return [(f"{share:.0%}", self.get_quantile(share)) for share in QUANTILES]

    def __str__(self) -> str:
        return f"{self!r}\n{format_text_table(['share of items', 'bytes or less'], self._rows())}"

    def _repr_html_(self) -> str:
        return format_html_table(repr(self), ["share of items", "bytes or less"], self._rows())


def make_sizes(sizes: Any) -> Sizes:
    """A distribution from sizes that are known: one number, many, or a mapping of size to count.

    Raises:
        InvalidArgument: no sizes, a negative one, or one that is no number.

    Example:
        >>> make_sizes({200: 3, 5000: 1}).mean_bytes  # (3 x 200 + 5000) / 4
        1400.0
    """
    if isinstance(sizes, Sizes):
        return sizes
    if isinstance(sizes, Mapping):
        values, counts = list(sizes.keys()), list(sizes.values())
    else:
        values = list(sizes) if isinstance(sizes, Iterable) else [sizes]
        counts = [1] * len(values)
    try:
        bytes_, weights = np.asarray(values, dtype=float), np.asarray(counts, dtype=float)
    except (TypeError, ValueError) as exc:
        raise InvalidArgument(f"sizes={sizes!r:.60} are no numbers of bytes.", hint="make_sizes([300, 900])") from exc
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InvalidArgument(f"sizes has a count of {weights.min():g} in it.", hint="a count is a number, 0 or more.")
    if not len(bytes_) or not weights.sum() > 0:
        raise InvalidArgument("No sizes were given.", hint="make_sizes([300, 900]), or measure_items(items).")
    if not (np.isfinite(bytes_).all() and (bytes_ >= 0).all()):
        raise InvalidArgument(f"sizes has {bytes_.min():g} bytes in it.", hint="a size is 0 or more bytes.")
    unique, position = np.unique(bytes_, return_inverse=True)
    return Sizes(unique, np.bincount(position.ravel(), weights=weights, minlength=len(unique)))


def measure_items(items: Any, **options: Any) -> Sizes:
    """The distribution of the sizes of many items.

    Args:
        items: items (see `get_item_bytes`), or a table whose rows are items (see `measure_frame`).
        options: of `get_item_bytes` or of `measure_frame`.

    Example:
        >>> measure_items([{"id": 7}, {"id": 7, "name": "Ann"}])  # 4 bytes, and 4 + 7
        Sizes: 2 items, mean 8 B, largest 11 B, 1.00 write units each
    """
    if isinstance(items, Mapping | str):
        items = [items]
    if isinstance(items, list | tuple) or not is_table(items):
        return make_sizes([get_item_bytes(item, **options) for item in items])
    return make_sizes(measure_frame(items, **options).to_numpy())
