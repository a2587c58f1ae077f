"""The standard streams of a candidate: what it prints goes to the tests, what it reads comes from them.

This file runs inside the sandbox and imports nothing of rustml.
"""

import io
from collections.abc import Callable
from typing import Any

MOST = 1 << 20
"""Characters that one message carries; what is printed beyond them is lost."""


class _Bytes(io.BufferedIOBase):
    """The bytes behind a stream of text."""

    def __init__(self, text: "Printed | Asked") -> None:
        self._text = text

    def write(self, data: Any, /) -> int:
        """Print."""
        self._text.write(bytes(data).decode(errors="replace"))
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line, empty at the end."""
        return self._text.readline().encode()[: None if size is None or size < 0 else size]

    def read(self, size: int | None = -1, /) -> bytes:
        """All lines that are left."""
        return self._text.read().encode()[: None if size is None or size < 0 else size]


class Printed(io.StringIO):
    """Standard output, or standard error."""

    def write(self, text: str) -> int:
        """Keep `text` until the next message."""
        if self.tell() < MOST:
            super().write(text[: MOST - self.tell()])
        return len(text)

    @property
    def buffer(self) -> _Bytes:  # type: ignore[override]
        """What takes bytes."""
        return _Bytes(self)

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

    @property
    def buffer(self) -> _Bytes:
        """What gives bytes."""
        return _Bytes(self)

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
