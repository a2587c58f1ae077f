"""A limit on the processor time that the judge's own reading of a text takes: a busy machine is nobody's fault."""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SHORTEST = 0.02
"""Seconds between two looks at what the thread has computed."""


class TooSlow(Exception):
    """The time was up."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TooSlow inside the block, between two instructions of Python, once it has computed for `seconds`.

    It is raised in the thread that entered the block, and not behind the block; never for None.
    """
    if seconds is None:
        yield
        return
    watch = _Watch(threading.get_ident(), seconds)
    watch.look()
    try:
        yield
    finally:
        watch.end()


class _Watch:
    """Raises TooSlow in one thread, unless the end came first."""

    def __init__(self, thread: int, seconds: float) -> None:
        self._thread, self._lock = thread, threading.Lock()
        self._clock = time.pthread_getcpuclockid(thread)
        self._until = time.clock_gettime(self._clock) + seconds
        self._ended = self._rung = False

    def look(self) -> None:
        """Raise it if the thread has used its time; else look again when it may have."""
        with self._lock:
            if self._ended:
                return
            left = self._until - time.clock_gettime(self._clock)
            if left > 0:
                self._timer = threading.Timer(max(left, _SHORTEST), self.look)
                self._timer.daemon = True
                self._timer.start()
            else:
                self._rung = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(TooSlow))

    def end(self) -> None:
        try:
            with self._lock:
                self._ended = True
            self._timer.cancel()
            if self._rung:
                time.sleep(0.05)  # the exception is on its way: it must not arrive behind the block
        except TooSlow:
            with self._lock:
                self._ended = True
            raise
