"""A limit on the time that the judge's own reading of a text takes."""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class TooSlow(Exception):
    """The time was up."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TooSlow inside the block, between two instructions of Python, after `seconds`; never for None.

    It is raised in the thread that entered the block, and not behind the block.
    """
    if seconds is None:
        yield
        return
    watch = _Watch(threading.get_ident())
    timer = threading.Timer(seconds, watch.ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Raises TooSlow in one thread, unless the end came first."""

    def __init__(self, thread: int) -> None:
        self._thread, self._lock = thread, threading.Lock()
        self._ended = self._rung = False

    def ring(self) -> None:
        with self._lock:
            if not self._ended:
                self._rung = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(TooSlow))

    def end(self) -> None:
        try:
            with self._lock:
                self._ended = True
            if self._rung:
                time.sleep(0.05)  # the exception is on its way: it must not arrive behind the block
        except TooSlow:
            with self._lock:
                self._ended = True
            raise
