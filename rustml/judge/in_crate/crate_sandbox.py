"""Sandboxes for crates: to build one with cargo, to compile a candidate in it, to run its tests.

Nothing that a candidate's compilation or tests can write outlives them: the crate and everything built for it are
bound read-only, and each run has an output folder of its own. There is no network.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.limits import Limits
from rustml.judge.rust import toolchain
from rustml.judge.rust.toolchain import Toolchain
from rustml.sandbox import seccomp
from rustml.sandbox.bubblewrap import Bubblewrap
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import WALL_PER_CPU, ProcessLimits
from rustml.sandbox.processes import Completed, Processes

SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
RUNTIME = ("/usr/lib", "/lib", "/lib64")
WORK = "/crate"
REFUSED = seccomp.REACHING_OUT | seccomp.CONNECTIONS
"""System calls that fail in a test program: a crate's own tests may try them and go on."""


class CrateSandbox:
    """Runs commands under bubblewrap, and nowhere else."""

    def __init__(self, limits: Limits) -> None:
        """Raises SandboxUnavailable without bubblewrap, EnvironmentFault without a toolchain."""
        self._bubblewrap = Bubblewrap()
        self.limits = limits
        self.tools: Toolchain = toolchain.find()
        self.processes = Processes()
        self._filter = tempfile.NamedTemporaryFile(prefix="rustml-filter-")  # noqa: SIM115 - lives as long as this
        self._filter.write(seccomp.program(REFUSED, kill=False))
        self._filter.flush()

    def close(self) -> None:
        """End everything that still runs."""
        self.processes.close()
        self._bubblewrap.close()
        self._filter.close()

    def compile(self, argv: Sequence[str], mounts: Mounts, environment: Mapping[str, str], *, cpu: float) -> Completed:
        """Run cargo or a compiler: `argv[0]` is a program of the toolchain, seen under /rust/bin.

        `mounts` are added to those of the system and the toolchain; `cpu` is in seconds.
        """
        system = {**_existing(SYSTEM), self.tools.sysroot: "/rust"}
        variables = {"PATH": "/rust/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/rust/lib", **environment}
        memory, disk = 2 * self.limits.memory_mb, 16 * self.limits.disk_mb
        limits = ProcessLimits(cpu_seconds=cpu, memory_mb=memory, file_mb=disk, open_files=1024)
        words = [f"/rust/bin/{argv[0]}", *argv[1:]]
        wrapped = self._bubblewrap.wrap(Command(words, _beside(system, mounts), limits, variables))
        return _started(self.processes.run(wrapped, seconds=WALL_PER_CPU * cpu, output=1 << 24))

    def run(
        self,
        program: Path,
        arguments: Sequence[str],
        mounts: Mounts,
        *,
        cpu: float,
        seconds: float,
        environment: Mapping[str, str],
    ) -> Completed:
        """Run a test program: no other process, no socket, no capability, and a private /tmp of `disk_mb`."""
        disk = self.limits.disk_mb
        visible = replace(_beside({**_existing(RUNTIME), program: "/t"}, mounts), tmp_mb=disk)
        limits = ProcessLimits(cpu_seconds=cpu, memory_mb=self.limits.memory_mb, file_mb=disk)
        command = Command(["/t", *arguments], visible, limits, {**environment, "LD_LIBRARY_PATH": "/rust/lib"})
        wrapped = self._bubblewrap.wrap(command, system_calls=Path(self._filter.name))
        return _started(self.processes.run(wrapped, seconds=seconds))


def _started(result: Completed) -> Completed:
    """Raises JudgeFault where the sandbox itself failed: that says nothing of what should have run in it."""
    if result.returncode != 0 and result.stderr.startswith((b"bwrap: ", b"prlimit: ", b"/bin/sh: ")):
        raise JudgeFault(f"the sandbox did not start: {result.stderr[:200].decode('utf-8', 'replace').strip()}")
    return result


def _beside(system: Mapping[Path, str], mounts: Mounts) -> Mounts:
    """The mounts after those of the system, with the devices that build scripts and tests expect."""
    return replace(mounts, read={**system, **mounts.read}, work=WORK, devices=True)


def _existing(folders: Sequence[str]) -> dict[Path, str]:
    return {Path(folder): folder for folder in folders if Path(folder).exists()}
