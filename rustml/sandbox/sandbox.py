"""What every sandbox does, and the sandboxes by name: a second one is a file beside `bubblewrap.py` and a line here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rustml.errors import InputError, SandboxUnavailable
from rustml.sandbox.bubblewrap import Bubblewrap
from rustml.sandbox.command import Command
from rustml.sandbox.landlock import Landlock
from rustml.sandbox.unconfined import Unconfined


class Sandbox(Protocol):
    """Wraps commands, so that they see no more than they need."""

    name: str
    """What it holds, for verdicts and cache keys: such as `bubblewrap+rlimits`."""
    isolated: bool
    """Whether a command opens its mounts alone. Without it only trusted code may run."""
    mounts: bool
    """Whether a command has a file system of its own: it sees its mounts at their paths inside, and may mount. Each
    candidate then gets a private, writable /tmp. Else it sees the machine's paths, and opens its mounts alone."""

    def wrap(self, command: Command) -> list[str]:
        """The words that start the command inside this sandbox."""
        ...

    def path(self, host: Path, inside: str) -> str:
        """How a command in this sandbox calls the file `host` that is mounted at `inside`."""
        ...

    def close(self) -> None:
        """Remove what the sandbox made for itself; commands that still run are not ended."""
        ...


def _first_that_holds(groups: Sequence[str]) -> Sandbox:
    """Bubblewrap, else Landlock. Raises SandboxUnavailable with what both say; never goes without."""
    try:
        return Bubblewrap(groups)
    except SandboxUnavailable as first:
        try:
            return Landlock(groups)
        except SandboxUnavailable as second:
            raise SandboxUnavailable(f"{first}; and {second}") from second


SANDBOXES: Mapping[str, Callable[[Sequence[str]], Sandbox]] = {
    "bubblewrap": Bubblewrap, "landlock": Landlock, "auto": _first_that_holds, "none": Unconfined
}  # fmt: skip
"""By name. Each is called with the controllers of the control groups that commands run in."""


def open_sandbox(name: str, groups: Sequence[str] = ()) -> Sandbox:
    """The sandbox of this name, after it was tried.

    Raises InputError for an unknown name, EnvironmentFault or SandboxUnavailable where this machine cannot run it.
    """
    if name not in SANDBOXES:
        raise InputError(f"there is no sandbox {name!r}; known: {', '.join(SANDBOXES)}")
    return SANDBOXES[name](groups)
