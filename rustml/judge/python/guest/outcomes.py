"""How a test may end by its own word, as pytest has it.

This file runs inside the sandbox and imports nothing of rustml.
"""


class Failed(BaseException):
    """The test says that it failed, or what it watches for did not come."""


class Skipped(BaseException):
    """The test says that it does not apply."""
