"""A request to stop, whatever signal it comes by, ends a stage as Ctrl-C does."""

from types import FrameType


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Signal handler: end as Ctrl-C does."""
    raise KeyboardInterrupt
