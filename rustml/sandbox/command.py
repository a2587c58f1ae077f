"""A command to be run in a sandbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
    system_calls: Path | None = None
    """File with a seccomp filter that is installed before it starts, beside the sandbox's own."""
    spawns: bool = False
    """Whether it starts processes of its own, which have to end with it and with us."""
    metadata_ignored: bool = False
    """Whether changes to modes, owners and times of files seem to succeed where the sandbox refuses them."""
