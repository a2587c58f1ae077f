"""Sandboxes for crates: to build one with cargo, to compile a candidate in it, to run its tests.

Nothing that a candidate's compilation or tests can write outlives them: the crate and everything built for it can be
read alone, and each run has an output folder of its own. There is no network.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rustml.errors import InputError, JudgeFault
from rustml.judge.limits import Limits
from rustml.judge.rust import toolchain
from rustml.judge.rust.toolchain import Toolchain
from rustml.sandbox import seccomp
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import WALL_PER_CPU, ProcessLimits
from rustml.sandbox.processes import Completed, Processes
from rustml.sandbox.sandbox import open_sandbox
from rustml.sandbox.workdir import private_folder

SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
RUNTIME = ("/usr/lib", "/lib", "/lib64")
WORK, RUST, TEMPORARY = "/crate", "/rust", "/tmp"  # noqa: S108 - a folder inside
REFUSED = seccomp.REACHING_OUT | seccomp.CONNECTIONS
"""System calls that fail in a test program: a crate's own tests may try them and go on."""
NOT_STARTED = (b"bwrap: ", b"prlimit: ", b"/bin/sh: ")
LAUNCHER_REFUSED, LAUNCHER = 95, b"landlock: "
"""Exit code and first words of Landlock's launcher where it starts nothing."""


class CrateSandbox:
    """Runs commands in the sandbox of a name, and nowhere else."""

    def __init__(self, limits: Limits, sandbox: str = "auto") -> None:
        """`sandbox` is `bubblewrap`, `landlock`, or `auto` for the first of both that holds.

        Raises SandboxUnavailable without it, EnvironmentFault without a toolchain, InputError for another name.
        """
        self._sandbox = open_sandbox(sandbox)
        if not self._sandbox.isolated:
            raise InputError(f"candidates are judged in their crates in a sandbox alone, not with `sandbox: {sandbox}`")
        self.limits = limits
        self.tools: Toolchain = toolchain.find()
        self.processes = Processes()
        self._filter = tempfile.NamedTemporaryFile(prefix="rustml-filter-")  # noqa: SIM115 - lives as long as this
        self._filter.write(seccomp.program(REFUSED, kill=False))
        self._filter.flush()

    @property
    def name(self) -> str:
        """What holds, for verdicts."""
        name = self._sandbox.name
        return name if "seccomp" in name else f"{name}+seccomp"

    @property
    def renames(self) -> bool:
        """Whether a command sees files at other paths than the machine's own."""
        return self._sandbox.mounts

    def path(self, host: Path, inside: str) -> str:
        """How a command calls the file `host` that is mounted at `inside`."""
        return self._sandbox.path(host, inside)

    def close(self) -> None:
        """End everything that still runs."""
        self.processes.close()
        self._sandbox.close()
        self._filter.close()

    def compile(self, argv: Sequence[str], mounts: Mounts, environment: Mapping[str, str], *, cpu: float) -> Completed:
        """Run cargo or a compiler: `argv[0]` is a program of the toolchain, `cpu` is in seconds.

        `mounts` are added to those of the system and the toolchain. Messages name files by their paths inside, in
        every sandbox.
        """
        rust = self.path(self.tools.sysroot, RUST)
        variables = {"PATH": f"{rust}/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": f"{rust}/lib", **environment}
        memory, disk = 2 * self.limits.memory_mb, 16 * self.limits.disk_mb
        limits = ProcessLimits(cpu_seconds=cpu, memory_mb=memory, file_mb=disk, open_files=1024)
        words = [f"{rust}/bin/{argv[0]}", *argv[1:]]
        visible = _beside({**_existing(SYSTEM), self.tools.sysroot: RUST}, mounts)
        command = Command(words, visible, limits, variables, spawns=True, metadata_ignored=True)
        wrapped = self._sandbox.wrap(command)
        result = _started(self.processes.run(wrapped, seconds=WALL_PER_CPU * cpu, output=1 << 24))
        return replace(result, stderr=self._as_inside(result.stderr, visible))

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
        """Run a test program: no other process, no socket, no capability, and a private folder for its files."""
        disk = self.limits.disk_mb
        limits = ProcessLimits(cpu_seconds=cpu, memory_mb=self.limits.memory_mb, file_mb=disk)
        system = {**_existing(RUNTIME), program: "/t", self.tools.sysroot / "lib": f"{RUST}/lib"}
        libraries = f"{self.path(self.tools.sysroot, RUST)}/lib"
        with self._with_temporary(_beside(system, mounts)) as visible:
            temporary = next((str(folder) for folder in visible.write), TEMPORARY)
            variables = {**environment, "LD_LIBRARY_PATH": libraries, "TMPDIR": temporary}
            command = Command(
                [self.path(program, "/t"), *arguments],
                visible,
                limits,
                variables,
                system_calls=Path(self._filter.name),
                metadata_ignored=True,
            )
            return _started(self.processes.run(self._sandbox.wrap(command), seconds=seconds))

    @contextmanager
    def _with_temporary(self, mounts: Mounts) -> Iterator[Mounts]:
        """The mounts with a /tmp of `disk_mb`, or with a folder of the machine's for it, which nobody else can open."""
        if self.renames:
            yield replace(mounts, tmp_mb=self.limits.disk_mb)
            return
        with private_folder("rustml-in-crate-tmp-") as folder:
            yield replace(mounts, write={folder: TEMPORARY})

    def _as_inside(self, text: bytes, mounts: Mounts) -> bytes:
        if not self.renames:
            shown = {str(host.absolute()): inside for host, inside in (*mounts.read.items(), *mounts.write.items())}
            for host in sorted(shown, key=len, reverse=True):
                text = text.replace(os.fsencode(host), shown[host].encode()) if host != shown[host] else text
        return text


def _started(result: Completed) -> Completed:
    """Raises JudgeFault where the sandbox itself failed: that says nothing of what should have run in it."""
    refused = result.returncode == LAUNCHER_REFUSED and result.stderr.startswith(LAUNCHER)
    if refused or (result.returncode != 0 and result.stderr.startswith(NOT_STARTED)):
        raise JudgeFault(f"the sandbox did not start: {result.stderr[:200].decode('utf-8', 'replace').strip()}")
    return result


def _beside(system: Mapping[Path, str], mounts: Mounts) -> Mounts:
    """The mounts after those of the system, with the devices that build scripts and tests expect."""
    return replace(mounts, read={**system, **mounts.read}, devices=True)


def _existing(folders: Sequence[str]) -> dict[Path, str]:
    return {Path(folder): folder for folder in folders if Path(folder).exists()}
