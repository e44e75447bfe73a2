"""The background loop: one thread, bounded work, and nothing left behind."""

import asyncio
import functools
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import Future

import pytest

from lakekit.storage.loop import get_background_loop, iterate_as_completed, run_in_loop, start_all_in_loop


async def get_thread():
    return threading.current_thread().name


def test_everything_runs_in_one_thread():
    assert {run_in_loop(get_thread()) for _ in range(3)} == {"lakekit-io"}


def test_an_error_comes_back():
    async def fail():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        run_in_loop(fail())


def test_results_come_in_the_order_they_finish():
    start = functools.partial(start_all_in_loop, asyncio.sleep)
    assert [request for request, _ in iterate_as_completed([0.2, 0.0], start, at_most=2)] == [0.0, 0.2]


def start_at_once(started, batch, finish):
    """Requests that are done as soon as they begin."""
    started += batch
    for number in batch:
        future = Future()
        future.set_result(number)
        finish(number, future)
    return lambda: None


def test_no_more_than_asked_are_under_way_and_requests_are_read_lazily():
    started, numbers = [], iter(range(100))
    iterator = iterate_as_completed(numbers, functools.partial(start_at_once, started), at_most=4)
    next(iterator)
    assert started == [0, 1, 2, 3, 4, 5, 6, 7]  # four that are done, and four under way while those are taken
    iterator.close()
    assert next(numbers) == 8


def test_the_first_requests_are_under_way_before_the_last_are_looked_up():
    started, started_before = [], []

    def look_up():
        for number in range(100):
            started_before.append(len(started))
            yield number

    iterator = iterate_as_completed(look_up(), functools.partial(start_at_once, started), at_most=80)
    first, _ = next(iterator)
    assert started_before[0] == 0 and started_before[79] >= 32
    assert sorted([first, *(number for number, _ in iterator)]) == list(range(100))


def test_requests_that_wait_are_asked_for_again_when_others_have_been_taken():
    taken = []

    def one_by_one():
        for number in range(5):
            while len(taken) < number:
                yield None
            yield number

    for number, _ in iterate_as_completed(one_by_one(), functools.partial(start_at_once, []), at_most=4):
        taken.append(number)
    assert taken == [0, 1, 2, 3, 4]


def test_leaving_early_cancels_the_rest():
    cancelled = []

    async def wait(number):
        try:
            await asyncio.sleep(0 if number == 0 else 60)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    iterator = iterate_as_completed(range(3), functools.partial(start_all_in_loop, wait), at_most=3)
    next(iterator)
    iterator.close()
    run_in_loop(asyncio.sleep(0.05))
    assert sorted(cancelled) == [1, 2]


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_ctrl_c_stops_a_wait_at_once():
    code = (
        "import asyncio\nfrom lakekit.storage.loop import run_in_loop\n"
        "print('on', flush=True)\nrun_in_loop(asyncio.sleep(60))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < 2 and b"KeyboardInterrupt" in said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_gets_a_loop_of_its_own():
    run_in_loop(get_thread())
    child = os.fork()
    if child == 0:
        os._exit(0 if run_in_loop(get_thread()) == "lakekit-io" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Answer:
    """Something that can be seen to be forgotten."""


def test_what_was_handed_out_is_not_kept():
    alive = weakref.WeakSet()

    async def fetch(number):
        answer = Answer()
        alive.add(answer)
        return answer

    most = 0
    for _, task in iterate_as_completed(range(500), functools.partial(start_all_in_loop, fetch), at_most=4):
        task.result()
        most = max(most, len(alive))
    assert most <= 2 * 4 + 2  # under way or waiting to be taken; the one here, and the one before it


def test_errors_that_nobody_takes_any_more_are_not_printed():
    async def fail(number):
        raise ValueError(number)

    loop, said = get_background_loop(), []
    loop.set_exception_handler(lambda loop, context: said.append(context["message"]))
    try:
        answers = iterate_as_completed(range(8), functools.partial(start_all_in_loop, fail), at_most=8)
        next(answers)
        time.sleep(0.1)  # the others have failed as well
        answers.close()
        del answers
        gc.collect()
        run_in_loop(get_thread())
    finally:
        loop.set_exception_handler(None)
    assert said == []
