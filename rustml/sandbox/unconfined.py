"""No sandbox: a command sees the whole machine, under limits. For trusted code alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits, check_prlimit


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

    def wrap(
        self,
        argv: Sequence[str],
        mounts: Mounts,  # noqa: ARG002 - a command sees everything
        limits: ProcessLimits,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """`argv` under limits."""
        variables = (environment or {}).items()
        return [*limits.prlimit(), "env", "-i", *(f"{name}={value}" for name, value in variables), *argv]

    def path(self, host: Path, inside: str) -> str:  # noqa: ARG002 - nothing is mounted
        """The file's own path."""
        return str(host)
