"""Exit codes with which a command says that it was not started as it should be: a fault of the machine."""

GROUP_REFUSED = 96
"""The command could not enter its control group."""
