"""Compiled crates that candidates and their tests may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rustml.sandbox.sandbox import Sandbox

INSIDE = "/target"
"""Where the compiled crates lie for the compiler: their flags say it, as cargo called it so."""


@dataclass(frozen=True)
class Externs:
    """A set of compiled crates; nothing of it changes once it is made."""

    folder: Path
    """Cargo's folder of outputs."""
    arguments: tuple[str, ...]
    """The compiler's arguments that name the crates and where they lie."""

    @property
    def mounts(self) -> dict[Path, str]:
        """What a compilation sees of it, read-only."""
        return {self.folder: INSIDE}

    def flags(self, sandbox: Sandbox) -> Sequence[str]:
        """The arguments as a command in this sandbox has to give them."""
        root = sandbox.path(self.folder, INSIDE)
        return [word.replace(f"={INSIDE}/", f"={root}/") for word in self.arguments]


def extern_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Of a call of the compiler by cargo, what names other crates and where they lie."""
    pairs = pairwise(arguments)
    return tuple(word for option, value in pairs if option in ("--extern", "-L") for word in (option, value))
