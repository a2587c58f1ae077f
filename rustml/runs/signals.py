"""SIGTERM ends a stage as Ctrl-C does."""

from types import FrameType


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Signal handler that raises KeyboardInterrupt."""
    raise KeyboardInterrupt
