"""Waiting for futures: each comes once, errors come through, and Ctrl-C ends the wait whichever thread receives it."""

import subprocess
import sys
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from rustml.futures import as_finished, result

INTERRUPTED = """
import signal, threading, time
from concurrent.futures import ThreadPoolExecutor
from rustml.futures import as_finished, result

signal.signal(signal.SIGINT, signal.default_int_handler)
over = threading.Event()

def work():
    time.sleep(1)  # the main thread waits by now
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # this one receives it, as if it had started a process
    over.wait(60)

with ThreadPoolExecutor(1) as pool:
    future = pool.submit(work)
    try:
        {wait}
    except KeyboardInterrupt:
        print("interrupted", "late" if future.done() else "in time")
    over.set()
"""


@pytest.mark.parametrize("wait", ["result(future)", "list(as_finished([future]))"])
def test_ctrl_c_ends_the_wait_where_another_thread_receives_it(wait: str) -> None:
    argv = [sys.executable, "-c", INTERRUPTED.format(wait=wait)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "interrupted in time\n", done.stderr


def test_each_future_comes_once_as_it_finishes() -> None:
    first, second, third = Future[int](), Future[int](), Future[int]()
    waiting = as_finished([first, second, third])
    second.set_result(2)
    assert next(waiting) is second
    first.cancel()
    third.set_exception(ValueError("three"))
    assert set(waiting) == {first, third}


def test_results_and_errors_come_through() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert result(pool.submit(len, "abc")) == 3
        with pytest.raises(ZeroDivisionError):
            result(pool.submit(divmod, 1, 0))
    cancelled = Future[int]()
    cancelled.cancel()
    cancelled.set_running_or_notify_cancel()
    with pytest.raises(CancelledError):
        result(cancelled)
