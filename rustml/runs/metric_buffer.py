"""A buffer for step metrics: one call to the store per step would slow training down."""

import time
from collections.abc import Callable, Mapping, Sequence

Point = tuple[str, float, int, int]
"""Name, value, Unix time in milliseconds, step."""
MAX_SECONDS, MAX_POINTS = 5.0, 500
"""How long points may wait, and how many one call to a tracking server may carry."""


class MetricBuffer:
    """Collects points and sends them in batches."""

    def __init__(self, send: Callable[[Sequence[Point]], None]) -> None:
        self._send = send
        self._points: list[Point] = []
        self._last_flush = time.monotonic()

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of one step."""
        now = int(time.time() * 1000)
        self._points += [(name, value, now, step) for name, value in metrics.items()]
        if time.monotonic() - self._last_flush > MAX_SECONDS or len(self._points) > MAX_POINTS:
            self.flush()

    def flush(self) -> None:
        """Send all points that wait."""
        for start in range(0, len(self._points), MAX_POINTS):
            self._send(self._points[start : start + MAX_POINTS])
        self._points = []
        self._last_flush = time.monotonic()
