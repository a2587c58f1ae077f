"""Progress of long work: one moving line on a terminal, one line per ten seconds in a log file."""

import sys
import time
from types import TracebackType
from typing import TextIO

LOG_EVERY_SECONDS = 10.0
REDRAW_EVERY_SECONDS = 0.2


class Progress:
    """Counts items of a known total and prints done, rate and time left. Work without items prints nothing.

    An instance is also a plain callback `(done, total)`, which is all that library code needs to know about it.
    """

    def __init__(self, label: str, total: int = 0, stream: TextIO | None = None) -> None:
        self.label, self.total, self.done = label, total, 0
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._started = time.monotonic()
        self._shown = self._started

    def __call__(self, done: int, total: int | None = None) -> None:
        """Record that `done` items are done, and print it where the last line is old enough."""
        self.done, self.total = done, total if total is not None else self.total
        now = time.monotonic()
        if now - self._shown >= (REDRAW_EVERY_SECONDS if self._moving else LOG_EVERY_SECONDS):
            self._shown = now
            self._print(self.line(), end="")

    def begin(self, label: str) -> None:
        """Start to count another kind of item, whose rate and time left are counted anew."""
        if label != self.label:
            self.label, self.done, self.total = label, 0, 0
            self._started = self._shown = time.monotonic()

    def line(self) -> str:
        """One line such as `sft  120/200  5.1/s  16 s left`."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / elapsed
        left = f"{(self.total - self.done) / rate:.0f} s left" if rate and self.total else ""
        speed = f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each" if rate else ""
        return f"  {self.label}  {self.done:,}/{self.total:,}  {speed}  {left}".rstrip()

    def _print(self, text: str, end: str) -> None:
        if self._moving:
            self._stream.write(f"\r\x1b[K{text}{end}")
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not (self.done or self.total):
            return
        seconds = time.monotonic() - self._started
        ending = "" if kind is None else f"  stopped ({kind.__name__})"
        self._print(f"  {self.label}  {self.done:,}/{self.total:,}  in {seconds:.1f} s{ending}", end="\n")
