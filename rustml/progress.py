"""How a long function tells its caller how far it is."""

from collections.abc import Callable

ProgressCallback = Callable[[int, int], object]
"""Called with the units of work that are done, and with their total."""
LabelledProgress = Callable[[str, int, int], object]
"""Called with what is counted, the units of it that are done, and their total."""


def no_progress(*_: object) -> None:
    """Show nothing: the default of every parameter that takes a progress callback."""
