"""Exit codes with which a command says that it was not started as it should be: a fault of the machine."""

GROUP_REFUSED = 96
"""The command could not enter its control group."""
NOT_CONFINED = 97
"""A process could not give up what it has to give up before it runs a candidate.

The programs inside the sandbox say it too, and cannot import this: `harness/confine.rs`, `guest/confine.py`.
"""
