"""How a long function tells its caller how far it is."""

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called with the units of work that are done, and with how many there are."""


def no_progress(done: int, total: int) -> None:
    """Show nothing: the default of every function that takes a ProgressCallback."""
