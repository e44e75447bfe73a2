"""Many reads at a time, of one store or of several together, each handed out as it is done.

It must not know how a store reads: the store gives what starts reads, and takes what came of them.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakekit.errors import LakekitError
from lakekit.storage.loop import Cancel, Finish, iterate_as_completed
from lakekit.units import MIB

if TYPE_CHECKING:
    from lakekit.storage.store import RangeRequest, Store

REQUESTS_AT_ONCE = 256  # 240 small files at 30 ms: half the time of 64; S3 takes 5,500 a second, a Python starts fewer
BYTES_AT_ONCE = 64 * MIB  # under way: fills 17 Gbit/s at 30 ms, and what is asked for first still comes first

StartReads = Callable[[Sequence["RangeRequest"], Finish], Cancel]
Asked = tuple["Store", "RangeRequest"]


@dataclass(frozen=True, slots=True)
class _Recalled:
    """A read that was done before: a finished future of what the cache held."""

    data: memoryview

    def exception(self) -> None:
        return None

    def result(self) -> memoryview:
        return self.data


class Pace:
    """Holds requests back while many bytes are under way: more at once would all come later, and none sooner.

    Attributes:
        under_way_bytes: of requests that were let go; whoever takes the answer subtracts it.
    """

    def __init__(self) -> None:
        self.under_way_bytes = 0

    def slow(self, asked: Iterable[Asked | None]) -> Iterator[Asked | None]:
        """These requests, each with its store, and None for as long as the next one must wait."""
        for one in asked:
            if one is not None:
                _, request = one
                while self.under_way_bytes and self.under_way_bytes + request.length > BYTES_AT_ONCE:
                    yield None
                self.under_way_bytes += request.length
            yield one


def read_together(
    asked: Iterable[Asked | None], stores: Iterable[Store], *, concurrency: int = REQUESTS_AT_ONCE, keep: bool = False
) -> Iterator[tuple[Store, RangeRequest, memoryview | LakekitError]]:
    """Each request with its store, and with its bytes or the error that reading it gave, in the order they arrive.

    Args:
        asked: requests, each after its store; see :meth:`Store.read_many`.
        stores: those that are asked.
        concurrency: how many requests may be under way, to all of them; a folder takes fewer.
        keep: take from this computer's cache what is there, and put there what is not.
    """
    with contextlib.ExitStack() as opened:
        reads = {store: opened.enter_context(store.open_reads(concurrency)) for store in dict.fromkeys(stores)}

        def start(batch: Sequence[Asked], finish: Finish) -> Cancel:
            cancels = []
            for store, (start_reads, _) in reads.items():
                own = [request for of, request in batch if of is store]
                hand = functools.partial(_hand_over, finish, store)
                missing = [request for request in own if not (keep and _recall(store, request, hand))]
                if missing:
                    cancels.append(start_reads(missing, hand))
            return lambda: [cancel() for cancel in cancels]

        pace, at_most = Pace(), min((most for _, most in reads.values()), default=1)
        for (store, request), future in iterate_as_completed(pace.slow(asked), start, at_most=at_most):
            pace.under_way_bytes -= request.length
            outcome = store.take_outcome(request, future)
            if keep and not isinstance(future, _Recalled) and not isinstance(outcome, LakekitError):
                store.keep(request, outcome)
            yield store, request, outcome


def _hand_over(finish: Finish, store: Store, request: RangeRequest, future: object) -> None:
    finish((store, request), future)


def _recall(store: Store, request: RangeRequest, finish: Finish) -> bool:
    """Whether the cache has a range, which then is done."""
    data = store.recall(request)
    if data is None:
        return False
    finish(request, _Recalled(data))
    return True


def fetch_local(
    wanted: Iterable[tuple[Store, Sequence[RangeRequest], int]],
) -> Iterator[tuple[Store, RangeRequest, str | memoryview]]:
    """Each request with the local file that holds the range, or its bytes, as they come; what is not on this computer
    is asked for at once, of all stores.

    Args:
        wanted: stores, each with what to fetch, and up to which size the bytes of a range are wanted: the cache may
            throw away a file at any time. See :meth:`Store.find_local`.

    Raises: as :meth:`Store.read_range`, for the first that fails.
    """
    found = [(store, *store.find_local(requests, copied_bytes)) for store, requests, copied_bytes in wanted]
    asked = [(store, request) for store, _, missing in found for request in missing]
    for store, request, outcome in read_together(asked, [store for store, _ in asked]):
        if isinstance(outcome, LakekitError):
            raise outcome
        store.keep(request, outcome)
        yield store, request, outcome
    for store, here, _ in found:
        for request, local in here:
            yield store, request, local
