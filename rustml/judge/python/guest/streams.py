"""The standard streams of a candidate: what it prints goes to the tests, what it reads comes from them.

This file runs inside the sandbox and imports nothing of rustml.
"""

import io
from collections.abc import Callable

MOST = 1 << 20
"""Characters that one message carries; what is printed beyond them is lost."""


class Printed(io.StringIO):
    """Standard output, or standard error."""

    def write(self, text: str) -> int:
        """Keep `text` until the next message."""
        if self.tell() < MOST:
            super().write(text[: MOST - self.tell()])
        return len(text)

    def taken(self) -> list[str]:
        """What was printed since the last call."""
        text = self.getvalue()
        if text:
            self.seek(0)
            self.truncate()
        return [text] if text else []


class Asked(io.TextIOBase):
    """Standard input."""

    def __init__(self, line: Callable[[], str]) -> None:
        self._line = line

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """The next line, empty at the end."""
        return self._line()[: size if size >= 0 else None]

    def read(self, size: int | None = -1, /) -> str:
        """All lines that are left."""
        text = "".join(iter(self.readline, ""))
        return text[:size] if size is not None and size >= 0 else text
