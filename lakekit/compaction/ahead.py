"""Pieces of work done a few at a time, so that little is in memory and much is under way.

It must not know what the work is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lakekit.units import MIB

MOST_AT_ONCE = 4
MOST_BYTES_AT_ONCE = 64 * MIB  # as stored; a larger piece is worked on alone

One, Done = TypeVar("One"), TypeVar("Done")


def work_ahead(
    pieces: Iterable[One], work: Callable[[One], Done], size_bytes: Callable[[One], int]
) -> Iterator[tuple[One, Done]]:
    """Each piece with what its work gave, in order; after an error or an interrupt no further piece is begun.

    Example:
        >>> list(work_ahead([1, 2], lambda one: one * 10, lambda one: 8))
        [(1, 10), (2, 20)]
    """
    under_way: deque[tuple[One, int, Future[Done]]] = deque()
    threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="lakekit-compact")
    try:
        for piece in pieces:
            size = size_bytes(piece)
            while under_way and (
                len(under_way) >= MOST_AT_ONCE or sum(one[1] for one in under_way) + size > MOST_BYTES_AT_ONCE
            ):
                done = under_way.popleft()
                yield done[0], done[2].result()
            under_way.append((piece, size, threads.submit(work, piece)))
        while under_way:
            done = under_way.popleft()
            yield done[0], done[2].result()
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
