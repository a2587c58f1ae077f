"""Step metrics on their way to the store, a batch every few seconds: one call a step would slow training down."""

import time
from collections.abc import Callable, Mapping, Sequence

Point = tuple[str, float, int, int]
"""Name, value, Unix time in milliseconds, step."""
SECONDS, POINTS = 5.0, 500
"""How long points may wait, and how many one call to a tracking server may carry."""


class Curves:
    """Collects points and sends them in batches."""

    def __init__(self, send: Callable[[Sequence[Point]], None]) -> None:
        self._send, self._sent = send, time.monotonic()
        self._waiting: list[Point] = []

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Note the metrics of a step."""
        now = int(time.time() * 1000)
        self._waiting += [(name, value, now, step) for name, value in metrics.items()]
        if time.monotonic() - self._sent > SECONDS or len(self._waiting) > POINTS:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting."""
        for start in range(0, len(self._waiting), POINTS):
            self._send(self._waiting[start : start + POINTS])
        self._waiting, self._sent = [], time.monotonic()
