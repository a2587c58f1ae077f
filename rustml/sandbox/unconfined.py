"""No sandbox: a command sees the whole machine, under limits. For trusted code alone."""

from collections.abc import Sequence
from pathlib import Path

from rustml.sandbox.command import Command
from rustml.sandbox.process_limits import check_prlimit


class Unconfined:
    """Commands with limits and an empty environment, and nothing else."""

    name = "none"
    isolated = False
    mounts = False

    def __init__(self, groups: Sequence[str] = ()) -> None:  # noqa: ARG002 - the name says that nothing is held
        """Raises EnvironmentFault where `prlimit` is missing."""
        check_prlimit()

    def close(self) -> None:
        """Nothing was made."""

    def wrap(self, command: Command) -> list[str]:
        """The words that start the command under its limits; it sees everything."""
        variables = (f"{name}={value}" for name, value in command.environment.items())
        return [*command.limits.prlimit(), "env", "-i", *variables, *command.argv]

    def path(self, host: Path, inside: str) -> str:  # noqa: ARG002 - nothing is mounted
        """The file's own path."""
        return str(host)
