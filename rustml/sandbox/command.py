"""A command to be run in a sandbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits


@dataclass(frozen=True)
class Command:
    """What is started, what it sees, and what it may use up."""

    argv: Sequence[str]
    mounts: Mounts
    limits: ProcessLimits
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of it; nothing is inherited."""
