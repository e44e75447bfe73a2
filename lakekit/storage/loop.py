"""One event loop in one background thread, on which all requests of all stores wait for their answers.

It must not know what runs on it: it starts, hands over coroutines, and lets the waiting thread be interrupted.
"""

import os
import queue
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_WAKE_SECONDS = 1.0  # a blocked wait looks this often for Ctrl-C, where the platform does not wake it

_lock = threading.Lock()
_loop: "asyncio.AbstractEventLoop | None" = None
_process = 0


def get_background_loop() -> "asyncio.AbstractEventLoop":
    """The running event loop of lakekit's one background thread; started at first use, and again after a fork."""
    import asyncio

    global _loop, _process
    with _lock:
        if _loop is None or _process != os.getpid():
            _loop, _process = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="lakekit-io", daemon=True).start()
        return _loop


def start_in_loop(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """A future of the coroutine, which now runs on the background loop."""
    import asyncio

    return asyncio.run_coroutine_threadsafe(coroutine, get_background_loop())


def run_in_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns or raises; Ctrl-C stops the wait and cancels it.

    Example:
        >>> async def answer():
        ...     return 42
        >>> run_in_loop(answer())
        42
    """
    future = start_in_loop(coroutine)
    try:
        while True:
            try:
                return future.result(timeout=_WAKE_SECONDS)
            except TimeoutError:
                if future.done():  # the coroutine's own TimeoutError, not ours
                    return future.result()
    except BaseException:
        future.cancel()
        raise


def iterate_as_completed(
    requests: Iterable[T], start: Callable[[T], Future], *, at_most: int
) -> Iterator[tuple[T, Future]]:
    """Each request with its finished future, in the order they finish, `at_most` of them under way at a time.

    A request counts as under way until the caller has taken it, so what waits in memory is bounded too. Leaving the
    iterator early cancels the rest.

    Args:
        requests: read lazily, one for each that is taken.
        start: begins one request and returns its future at once.
        at_most: how many may be under way, at least 1.
    """
    done: queue.SimpleQueue[tuple[T, Future]] = queue.SimpleQueue()
    under_way: set[Future] = set()
    waiting = iter(requests)

    def start_next(count: int) -> None:
        for request in islice(waiting, count):
            future = start(request)
            under_way.add(future)
            future.add_done_callback(lambda finished, request=request: done.put((request, finished)))

    try:
        start_next(max(at_most, 1))
        while under_way:
            try:
                request, future = done.get(timeout=_WAKE_SECONDS)
            except queue.Empty:
                continue
            under_way.discard(future)
            start_next(1)
            yield request, future
    finally:
        for future in under_way:
            future.cancel()
