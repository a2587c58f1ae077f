"""What one sandboxed process may use up, as arguments of `prlimit`."""

import shutil
from dataclasses import dataclass

from rustml.errors import EnvironmentFault

MEBIBYTE = 1 << 20
WALL_PER_CPU = 10
"""Wall seconds that a compilation gets per second of processor time: it only waits where the machine is busy."""


@dataclass(frozen=True, kw_only=True)
class ProcessLimits:
    """Limits of each process of a command."""

    cpu_seconds: float
    """Processor time, rounded up to whole seconds."""
    memory_mb: int
    """Writable memory, MiB."""
    file_mb: int
    """Length of one file, MiB."""
    open_files: int = 256

    def prlimit(self) -> list[str]:
        """The words that start a command under these limits, to stand in front of it."""
        return [
            "prlimit",
            "--core=0",
            f"--cpu={int(self.cpu_seconds) + 1}:{int(self.cpu_seconds) + 3}",
            f"--data={self.memory_mb * MEBIBYTE}",
            f"--fsize={self.file_mb * MEBIBYTE}",
            f"--nofile={self.open_files}",
            "--",
        ]


def check_prlimit() -> None:
    """Raises EnvironmentFault where `prlimit` is not installed."""
    if shutil.which("prlimit") is None:
        raise EnvironmentFault("`prlimit` is not on PATH: install it with `apt-get install util-linux`")
