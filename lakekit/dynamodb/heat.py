"""Partitions as ranges of hashed keys: what a hot one is refused, and how DynamoDB splits it while the heat lasts.

It must not know about the capacity of the table: this is only what single partitions can do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakekit.dynamodb.skew import Keys
from lakekit.dynamodb.units import check_number, check_whole


@dataclass(frozen=True)
class HeatSettings:
    """How partitions behave. AWS documents their limits, and that they split; how soon is an assumption.

    Attributes:
        split_after_minutes: of heat without a pause before a partition splits ("minutes" is all AWS says).
        seed: of the hash that puts keys on partitions; another one moves the hot keys to others.
    """

    split_after_minutes: float = 10
    seed: int = 0

    def __post_init__(self):
        check_number("split_after_minutes", self.split_after_minutes)
        check_whole("seed", self.seed)


@dataclass
class Partition:
    """A range of hashed keys.

    Attributes:
        low, high: of the range, between 0 and 1.
        keys: positions of the hot keys in it, hottest first; their shares stand beside.
        rest: the share of all other keys in it.
        is_divided: it is part of one key, which is spread over several partitions.
    """

    low: float
    high: float
    keys: list[tuple[int, float, float]]  # position in Keys, hash, share
    rest: float
    is_divided: bool = False

    @property
    def share(self) -> float:
        """Of all requests."""
        return self.rest + sum(share for _, _, share in self.keys)


@dataclass(frozen=True)
class Heat:
    """What partitions did with a series of requests.

    Attributes:
        throttled: units a second that single partitions refused, for each step.
        partitions: how many there were, for each step.
        hottest: number of the partition that refused most in each step, -1 where none did.
        key: name of its hottest key, "" where many are alike.
        splits: steps in which a partition was split.
    """

    throttled: np.ndarray
    partitions: np.ndarray
    hottest: np.ndarray
    keys: tuple[str, ...]
    splits: tuple[int, ...]


def spread_keys(keys: Keys, partitions: int, *, seed: int = 0) -> list[Partition]:
    """Partitions of equal ranges, with the hot keys where a hash puts them and the others spread evenly.

    Example:
        >>> from lakekit.dynamodb import make_hot_key
        >>> sorted(round(one.share, 3) for one in spread_keys(make_hot_key(0.4), 2))  # 0.6 / 2, and 0.4 more
        [0.3, 0.7]
    """
    hashes = np.random.default_rng(seed).random(len(keys.shares))
    edges = np.linspace(0, 1, partitions + 1)
    made = [Partition(low, high, [], keys.rest / partitions) for low, high in zip(edges, edges[1:], strict=False)]
    for position, (place, share) in enumerate(zip(hashes.tolist(), keys.shares, strict=True)):
        made[min(int(place * partitions), partitions - 1)].keys.append((position, place, share))
    return made


def split_partition(one: Partition, *, can_split_key: bool) -> tuple[Partition, Partition] | None:
    """Two halves of equal heat, as near as whole keys allow; None if there is nothing to split.

    Example:
        >>> from lakekit.dynamodb import make_hot_key
        >>> whole = spread_keys(make_hot_key(0.5), 1)[0]
        >>> [round(half.share, 2) for half in split_partition(whole, can_split_key=False)]  # the hot key goes alone
        [0.5, 0.5]
    """
    if len(one.keys) <= 1 and one.rest < 1e-12:
        if not can_split_key or not one.keys:
            return None
        position, place, share = one.keys[0]
        halves = [Partition(one.low, one.high, [(position, place, share / 2)], 0.0, True) for _ in range(2)]
        return halves[0], halves[1]
    top = max(one.keys, key=lambda key: key[2], default=None)
    if top and top[2] >= one.share / 2:  # the hottest key alone, and all the others
        others = [key for key in one.keys if key is not top]
        return Partition(one.low, one.high, [top], 0.0), Partition(one.low, one.high, others, one.rest)
    middle = _find_middle(one)
    width = one.high - one.low
    left_rest = one.rest * (middle - one.low) / width if width else one.rest / 2
    left = Partition(one.low, middle, [key for key in one.keys if key[1] < middle], left_rest)
    right = Partition(middle, one.high, [key for key in one.keys if key[1] >= middle], one.rest - left_rest)
    return left, right


def _find_middle(one: Partition) -> float:
    """Where half of the heat lies below."""
    low, high = one.low, one.high
    for _ in range(40):
        middle = (low + high) / 2
        share = one.rest * (middle - one.low) / (one.high - one.low)
        share += sum(key[2] for key in one.keys if key[1] < middle)
        low, high = (middle, high) if share < one.share / 2 else (low, middle)
    return (low + high) / 2


def follow_heat(
    units: np.ndarray, limit: float, partitions: list[Partition], settings: HeatSettings, *, key_splits: tuple
) -> Heat:
    """What single partitions refuse of a series, and how they split.

    Args:
        units: asked for, a second, in each step.
        limit: units a second of a partition: 3,000 reads or 1,000 writes.
        partitions: at the start; not changed.
        key_splits: seconds in a step, whether one key can be split, and the Keys.

    Example:
        >>> from lakekit.dynamodb import make_hot_key
        >>> keys = make_hot_key(1.0, name="a")
        >>> load, one = np.full(3, 1500.0), spread_keys(keys, 1)
        >>> heat = follow_heat(load, 1000, one, HeatSettings(), key_splits=(60, False, keys))
        >>> heat.throttled.tolist(), heat.keys
        ([500.0, 500.0, 500.0], ('a', 'a', 'a'))
    """
    step_s, can_split_key, keys = key_splits
    partitions = list(partitions)
    shape = len(units)
    throttled, counts = np.zeros(shape), np.zeros(shape, dtype=int)
    hottest, names, splits = np.full(shape, -1), [""] * shape, []
    patience = max(1, round(settings.split_after_minutes * 60 / step_s))
    start = 0
    while start < shape:
        shares = np.array([one.share for one in partitions])
        end = _find_split(units[start:], limit, shares.max(), patience)
        end = shape if end is None else start + end
        part = units[start:end]
        hot = np.flatnonzero(shares * part.max(initial=0) > limit)
        if len(hot):
            over = np.maximum(part[:, None] * shares[hot] - limit, 0)
            throttled[start:end] = over.sum(axis=1)
            top = int(hot[shares[hot].argmax()])
            for step in np.flatnonzero(throttled[start:end]) + start:
                hottest[step], names[step] = top, _name_hot_key(partitions[top], keys)
        counts[start:end] = len(partitions)
        if end < shape:
            partitions, did_split = _split_hot(partitions, units[end - 1], limit, can_split_key)
            if not did_split:
                patience = shape + 1  # nothing is left to split: no need to look again
            else:
                splits.append(end)
        start = end
    return Heat(throttled, counts, hottest, tuple(names), tuple(splits))


def _find_split(units: np.ndarray, limit: float, top_share: float, patience: int) -> int | None:
    """The step after which a partition has been hot for long enough, counted from the start; None if never."""
    hot = units * top_share > limit
    if patience > len(units) or not hot.any():
        return None
    runs = np.cumsum(np.concatenate([[0], hot]))
    full = np.flatnonzero(runs[patience:] - runs[:-patience] == patience)
    return int(full[0]) + patience if len(full) else None


def _split_hot(
    partitions: list[Partition], units: float, limit: float, can_split_key: bool
) -> tuple[list[Partition], bool]:
    made, did_split = [], False
    for one in partitions:
        halves = split_partition(one, can_split_key=can_split_key) if one.share * units > limit else None
        did_split |= halves is not None
        made.extend(halves or (one,))
    return made, did_split


def _name_hot_key(one: Partition, keys: Keys) -> str:
    """The key that stands out of a partition, if one has at least a tenth of its heat."""
    top = max(one.keys, key=lambda key: key[2], default=None)
    return keys.name(top[0]) if top and top[2] >= one.share / 10 else ""
