"""How long processes may take that wait rather than compute, as `Deadline` of the Rust harness counts it.

This file runs inside the sandbox and imports nothing of rustml.
"""

import os
import select
import time

PERIOD, WAITING, GRACE = 0.1, 16, 0.1
"""Seconds between two looks at a process, and a share: a process that computes for less than 1/WAITING of a period
counts as waiting. And seconds of processor time beyond its limit after which a process is ended from outside: its own
timer comes first unless it was disarmed."""


class Deadline:
    """The time left to some processes: wall time while they wait, processor time while they compute.

    The first of them may compute for `cpu` seconds, even where it changes its timers and signals.
    """

    def __init__(self, pids: tuple[int, ...], seconds: float, cpu: float) -> None:
        self._cpu = cpu
        self._pids, self._seconds, self._left, self._waited = pids, seconds, seconds, 0.0
        self._seen, self._computed = time.monotonic(), 0.0

    def reason(self) -> str:
        """What used the time up: waiting, or computing."""
        return "expired" if 2 * self._waited >= self._seconds and not self._overspent() else "spent"

    def next_look(self) -> float:
        """Seconds until the next look at the processes."""
        return min(self._left, PERIOD)

    def _overspent(self) -> bool:
        return _processor_time(self._pids[0]) > self._cpu + GRACE

    def exhausted(self) -> bool:
        """Whether the time is up. A period without computing counts whole, one of computing as processor time."""
        period = time.monotonic() - self._seen
        if period < min(self._left, PERIOD):
            return False
        computed = sum(map(_processor_time, self._pids))
        share = max(computed - self._computed, 0.0)
        waited = min(period, PERIOD) if share * WAITING < period else 0.0
        self._waited += waited
        self._left -= waited or share
        self._seen, self._computed = self._seen + period, computed
        return self._left <= 0 or self._overspent()


def _processor_time(pid: int) -> float:
    """Seconds that a process has computed."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # the kernel's number for the clock of another process
    except OSError:
        return 0.0


class JudgeGone(Exception):
    """The judge does not read the reports any more. Bubblewrap's own tie to its parent has a gap while it starts."""


def drain(fd: int, deadline: Deadline, judge: int) -> tuple[str, bool]:
    """Everything that arrives before the writers are gone; true if the deadline came first.

    `judge` is a pipe that the judge reads. Raises JudgeGone when it is closed.
    """
    pieces: list[bytes] = []
    both = select.poll()
    both.register(fd, select.POLLIN)
    both.register(judge, 0)
    while True:
        ready = {one for one, _ in both.poll(deadline.next_look() * 1000)}
        if judge in ready:
            raise JudgeGone
        if deadline.exhausted():
            return b"".join(pieces).decode(), True
        if ready:
            piece = os.read(fd, 65536)
            if not piece:
                return b"".join(pieces).decode(), False
            pieces.append(piece)
