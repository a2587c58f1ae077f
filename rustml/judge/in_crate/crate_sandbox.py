"""Sandboxes for crates: to build one with cargo, to compile a candidate in it, to run its tests.

Nothing that a candidate's compilation or tests can write outlives them: the crate and everything built for it are
bound read-only, and each run has an output folder of its own. There is no network in any of them.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.limits import Limits
from rustml.judge.rust import toolchain
from rustml.judge.rust.toolchain import Toolchain
from rustml.sandbox import seccomp
from rustml.sandbox.bubblewrap import Sandbox
from rustml.sandbox.processes import Completed, Processes

MEBIBYTE = 1 << 20
WALL = 10
"""Wall seconds a second of processor time: a compilation only waits where the machine is busy."""
SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
RUNTIME = ("/usr/lib", "/lib", "/lib64")


@dataclass(frozen=True)
class Mounts:
    """What a command sees besides system and toolchain: host path → path inside."""

    read: Mapping[Path, str] = field(default_factory=dict)
    """Bound read-only in this order; a later one may lie inside an earlier one."""
    write: Mapping[Path, str] = field(default_factory=dict)
    work: str = "/crate"
    """Where the command starts."""


class CrateSandbox:
    """Runs commands under bubblewrap. Raises SandboxUnavailable where there is none: there is no fallback."""

    def __init__(self, limits: Limits) -> None:
        Sandbox("bubblewrap")
        self.limits = limits
        self.tools: Toolchain = toolchain.find()
        self.processes = Processes()
        self._filter = tempfile.NamedTemporaryFile(prefix="rustml-filter-")  # noqa: SIM115 - lives as long as this
        self._filter.write(seccomp.program())
        self._filter.flush()

    def close(self) -> None:
        """End everything that still runs."""
        self.processes.close()
        self._filter.close()

    def compile(self, argv: Sequence[str], mounts: Mounts, environment: Mapping[str, str], *, cpu: float) -> Completed:
        """Run cargo or a compiler: `argv[0]` is a program of the toolchain, seen under /rust/bin."""
        system = [*_existing(SYSTEM), (self.tools.sysroot, "/rust")]
        variables = {"PATH": "/rust/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/rust/lib", **environment}
        memory = 2 * self.limits.memory_mb
        words = [f"/rust/bin/{argv[0]}", *argv[1:]]
        bound = [*_limits(cpu, memory, 16 * self.limits.disk_mb, 1024), *_bubblewrap(system, mounts, variables, 0)]
        return _started(self.processes.run([*bound, "--", *words], seconds=WALL * cpu, output=1 << 24))

    def run(self, program: Path, arguments: Sequence[str], mounts: Mounts, *, cpu: float, seconds: float) -> Completed:
        """Run a test program: no other process, no socket, no capability, and a private /tmp of `disk_mb`."""
        system = [*_existing(RUNTIME), (program, "/t")]
        limits = self.limits
        options = _bubblewrap(system, mounts, {"LD_LIBRARY_PATH": "/rust/lib"}, limits.disk_mb * MEBIBYTE)
        bound = [*_limits(cpu, limits.memory_mb, limits.disk_mb, 256), *options, "--seccomp", "9", "--", "/t"]
        opened = ["/bin/sh", "-c", 'exec "$@" 9<"$0"', self._filter.name]
        return _started(self.processes.run([*opened, *bound, *arguments], seconds=seconds))


def _started(done: Completed) -> Completed:
    """Raises JudgeFault where the sandbox itself failed: that says nothing of what should have run in it."""
    if done.returncode != 0 and done.stderr.startswith((b"bwrap: ", b"prlimit: ", b"/bin/sh: ")):
        raise JudgeFault(f"the sandbox did not start: {done.stderr[:200].decode('utf-8', 'replace').strip()}")
    return done


def _limits(cpu: float, memory_mb: int, file_mb: int, files: int) -> list[str]:
    return [
        "prlimit",
        "--core=0",
        f"--cpu={int(cpu) + 1}:{int(cpu) + 3}",
        f"--data={memory_mb * MEBIBYTE}",
        f"--fsize={file_mb * MEBIBYTE}",
        f"--nofile={files}",
        "--",
    ]


def _bubblewrap(
    system: Sequence[tuple[Path, str]], mounts: Mounts, variables: Mapping[str, str], tmp: int
) -> list[str]:
    words = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--hostname", "judge", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    for host, inside in (*system, *mounts.read.items()):
        words += ["--ro-bind", str(host), inside]
    for host, inside in mounts.write.items():
        words += ["--bind", str(host), inside]
    words += ["--dev", "/dev"]
    words += ["--size", str(tmp), "--tmpfs", "/tmp"] if tmp else ["--dir", "/tmp"]  # noqa: S108 - inside
    for name, value in variables.items():
        words += ["--setenv", name, value]
    return [*words, "--remount-ro", "/", "--chdir", mounts.work]


def _existing(folders: Sequence[str]) -> list[tuple[Path, str]]:
    return [(Path(folder), folder) for folder in folders if Path(folder).exists()]
