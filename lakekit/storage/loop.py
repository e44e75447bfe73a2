"""One event loop in one background thread, on which all requests of all stores wait for their answers.

It must not know what runs on it: it starts, hands over coroutines, and lets the waiting thread be interrupted.
"""

import contextlib
import functools
import itertools
import os
import queue
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_BEGUN_AT_ONCE = 32  # the first requests are under way while the next ones are looked up
_WAKE_SECONDS = 1.0  # a blocked wait looks this often for Ctrl-C, where the platform does not wake it

_lock = threading.Lock()
_loop: "asyncio.AbstractEventLoop | None" = None
_process = 0


def make_event_loop() -> "asyncio.AbstractEventLoop":
    """A new event loop: uvloop's, which takes two thirds of asyncio's time for a request; asyncio's on Windows, for
    which there is no uvloop.
    """
    if sys.platform == "win32":
        import asyncio

        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def get_background_loop() -> "asyncio.AbstractEventLoop":
    """The running event loop of lakekit's one background thread; started at first use, and again after a fork."""
    global _loop, _process
    with _lock:
        if _loop is None or _process != os.getpid():
            _loop, _process = make_event_loop(), os.getpid()
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


class _Finished(Protocol):
    """A Future of either kind that is done: of concurrent.futures or of asyncio."""

    def exception(self) -> BaseException | None: ...

    def result(self) -> Any: ...


Finish = Callable[[T, _Finished], None]
Cancel = Callable[[], None]


def iterate_as_completed(
    requests: Iterable[T | None], start: Callable[[Sequence[T], Finish], Cancel], *, at_most: int
) -> Iterator[tuple[T, _Finished]]:
    """Each request with its finished future, in the order they finish, `at_most` of them under way at a time.

    Those that are done are handed out while the next ones are under way, so that at most twice as many are in memory.
    Leaving the iterator early cancels the rest.

    Args:
        requests: read lazily, as there is room. A None says "no more for now": the iterator is asked again when what
            is done has been taken, and must have a request then if nothing is under way.
        start: begins some requests and returns at once, with what cancels them; for each that is done it calls the
            function that it is given, from any thread.
        at_most: how many may be under way, at least 1.
    """
    done: queue.SimpleQueue[tuple[int, T, _Finished]] = queue.SimpleQueue()
    waiting, found = iter(requests), []
    under_way: dict[int, tuple[Cancel, int]] = {}  # by number of a batch, what cancels it and how many are not done
    count, at_most, numbers = 0, max(at_most, 1), itertools.count()

    def begin(batch: Sequence[T]) -> tuple[int, tuple[Cancel, int]]:
        number = next(numbers)
        cancel = start(batch, lambda request, future: done.put((number, request, future)))
        return number, (cancel, len(batch))

    try:
        while True:
            while wanted := min(at_most - count, _BEGUN_AT_ONCE):
                batch = list(itertools.takewhile(lambda request: request is not None, islice(waiting, wanted)))
                if batch:
                    count += len(batch)
                    under_way.update([begin(batch)])
                if len(batch) < wanted:
                    break
            if not count and not found:
                return
            while found:  # taken from its end, so that nothing is kept here that was handed out
                yield found.pop()
            for number, request, future in _take_all(done) if count else ():
                found.append((request, future))
                count -= 1
                cancel, left = under_way.pop(number)
                if left > 1:
                    under_way[number] = cancel, left - 1
                del future
            found.reverse()
    finally:
        for cancel, _ in under_way.values():
            cancel()


def _take_all(done: queue.SimpleQueue) -> list:
    """What is in a queue, as soon as anything is."""
    while True:
        try:
            found = [done.get(timeout=_WAKE_SECONDS)]
            break
        except queue.Empty:
            continue
    with contextlib.suppress(queue.Empty):
        while True:
            found.append(done.get_nowait())
    return found


def start_all_in_loop(fetch: Callable[[T], Coroutine[Any, Any, Any]], requests: Sequence[T], finish: Finish) -> Cancel:
    """Begins a coroutine for each request on the background loop, all with one call across threads.

    Args:
        fetch: makes the coroutine of a request; called on the loop.
        requests: what to begin.
        finish: called on the loop with each request and its task when that is done, cancelled ones not included.
    """
    loop = get_background_loop()
    tasks: set[asyncio.Task] = set()  # those that are not done: they hold what they fetched

    def end(request: T, task: "asyncio.Task") -> None:
        tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: asyncio would print those that nobody takes
            finish(request, task)

    def begin() -> None:
        for request in requests:
            task = loop.create_task(fetch(request))
            tasks.add(task)
            task.add_done_callback(functools.partial(end, request))

    def cancel() -> None:
        for task in list(tasks):
            task.cancel()

    loop.call_soon_threadsafe(begin)
    return lambda: loop.call_soon_threadsafe(cancel)
