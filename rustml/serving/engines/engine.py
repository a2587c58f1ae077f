"""What a serving engine decides: the command that serves a checkpoint over the OpenAI API, its health, its needs."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from rustml.errors import EnvironmentFault
from rustml.models import checkpoint
from rustml.profile.serve import ServeSection


class ServingEngine(ABC):
    """One value of `serve.engine`. To add an engine: a file with a subclass, a row in `ENGINES`, the profile's type."""

    name: ClassVar[str]
    package: ClassVar[str]
    """Python package that must be installed."""
    health: ClassVar[str] = "/health"
    """Path that answers with success once the server can be asked."""
    uncached: ClassVar[tuple[str, ...]] = ()
    """Options by which a prompt that was asked before costs what it cost at first: a load test repeats prompts."""

    @abstractmethod
    def command(self, folder: Path, model: str, section: ServeSection, socket: Path) -> list[str]:
        """The command line that serves the checkpoint in `folder` under the name `model`, thinking off by default.

        It listens on the Unix socket `socket` and nowhere else.
        """

    def obstacle(self, folder: Path) -> str:
        """Why the engine cannot serve the checkpoint in `folder` as it is; empty where it can.

        Such a checkpoint is an adapter, which is merged into its base before it is served. Raises InputError for a
        folder without a checkpoint.
        """
        return f"{self.name} takes no adapters" if checkpoint.kind(folder) == "adapter" else ""

    def environment(self, section: ServeSection) -> Mapping[str, str]:  # noqa: ARG002
        """Environment variables of the server, beside this process's."""
        return {}

    def check_installed(self) -> None:
        """Raises EnvironmentFault where the engine's package is missing."""
        if importlib.util.find_spec(self.package) is None:
            raise EnvironmentFault(
                f"{self.package} is not installed, and serving with {self.name} needs it: make setup"
            )
