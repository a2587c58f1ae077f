"""Waiting for the futures of a pool of threads, so that Ctrl-C ends the wait.

A thread that starts a process blocks its signals for that moment, and may take what came meanwhile once it unblocks
them (signal(7)). Python notes such a signal, but the main thread sleeps on, and raises KeyboardInterrupt when it wakes.
So it wakes every now and then.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

LOOK_SECONDS = 0.5
"""How late KeyboardInterrupt may be raised."""
T = TypeVar("T")


def as_finished(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Each future once it has finished, failed or was cancelled."""
    pending = set(futures)
    while pending:
        wait(pending, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        finished = {future for future in pending if future.done()}  # `wait` itself knows no future that was cancelled
        pending -= finished
        yield from finished


def result(future: Future[T]) -> T:
    """What the future returns, once it does. Raises what it raised."""
    (finished,) = as_finished([future])
    return finished.result()
