"""The sandbox of Landlock and seccomp, for machines without user namespaces: it needs no privilege.

A command sees the machine's own paths and opens none but those of its mounts. There are no namespaces: it has no
private /tmp, it can ask whether a file exists, and its processes are the machine's. What reaches others or lasts is
refused: sockets, signals to processes outside, sessions of its own, shared memory, and changes to the modes, owners,
times and attributes of files. It has no capability, also where root starts it.
"""

import ctypes
import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from rustml.errors import SandboxUnavailable
from rustml.sandbox import seccomp
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits, check_prlimit

OLDEST = 6
"""The version of Landlock's interface that refuses signals and abstract sockets to the outside (Linux 6.12)."""
_LAUNCHER = Path(__file__).with_name("landlock_launcher.py")
_VERSION_QUESTION = (444, None, 0, 1)
_OWN_PROCESSES = frozenset({"fork", "kill", "socketpair", "tkill", "vfork"})
_WATCHING = frozenset({"inotify_add_watch"})
"""Tells the names in folders that cannot be opened."""
REFUSED = (seccomp.REACHING_OUT | seccomp.CONNECTIONS | seccomp.METADATA | _WATCHING) - _OWN_PROCESSES
"""System calls that fail in every command. A candidate's own filter comes on top."""
GUARDS = (
    *seccomp.LOCAL_SOCKET_PAIRS,
    *(guard for guard in seccomp.OTHER_PROCESSES if guard.call not in ("mmap", "prctl")),
    seccomp.OTHER_LIMITS,
    seccomp.FILE_FLAGS,
)
"""Calls that fail for some arguments. A compiler may share memory with its children, and its process group ends it."""
_DEVICES = tuple(path for path in map(Path, ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")) if path.exists())


class Landlock:
    """Commands that open nothing but their mounts."""

    isolated = True
    mounts = False

    def __init__(self, groups: Sequence[str] = ()) -> None:
        """Try it. `groups` are the controllers of the control groups that commands run in; the name says them.

        Raises SandboxUnavailable where the kernel does not offer it, EnvironmentFault without `prlimit`.
        """
        held = f"+cgroups({','.join(groups)})" if groups else ""
        self.name = f"landlock+seccomp+rlimits{held}"
        check_prlimit()
        self._refusing = _filter(REFUSED)
        self._ignoring = _filter(REFUSED - seccomp.METADATA, seccomp.METADATA)
        self._check()

    def _check(self) -> None:
        version = int(ctypes.CDLL(None, use_errno=True).syscall(*_VERSION_QUESTION))
        if version < OLDEST:
            raise SandboxUnavailable(
                f"Landlock is {f'too old (version {version})' if version > 0 else 'not in this kernel'}: it has to be "
                f"version {OLDEST}, of Linux 6.12, and named in the kernel's parameter `lsm`"
            )
        limits = ProcessLimits(cpu_seconds=10, memory_mb=256, file_mb=1)
        system = {path: str(path) for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists()}
        argv = self.wrap(Command(["/usr/bin/true"], Mounts(read=system), limits))
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"Landlock's launcher does not start: {error}") from error
        if done.returncode != 0:
            raise SandboxUnavailable(f"Landlock refuses to start a command: {done.stderr.strip()}")

    def wrap(self, command: Command) -> list[str]:
        """The words that start the command, whose program is an absolute path, inside this sandbox."""
        mounts = command.mounts
        inside = {inside: str(host.absolute()) for host, inside in (*mounts.read.items(), *mounts.write.items())}
        devices = _DEVICES if mounts.devices else ()
        filters = [self._ignoring if command.metadata_ignored else self._refusing]
        filters += [command.system_calls.read_bytes().hex()] if command.system_calls else []
        wanted = {
            "read": [str(path.absolute()) for path in (*mounts.read, *devices)],
            "write": [str(path.absolute()) for path in mounts.write],
            "work": inside.get(mounts.work, "/"),
            "environment": dict(command.environment),
            "filters": filters,
            "spawns": command.spawns,
        }
        launcher = [sys.executable, "-I", "-S", "-B", str(_LAUNCHER), json.dumps(wanted)]
        return [*command.limits.prlimit(), *launcher, *command.argv]

    def path(self, host: Path, inside: str) -> str:  # noqa: ARG002 - nothing is mounted
        """The file's own path."""
        return str(host.absolute())

    def close(self) -> None:
        """Nothing was made."""


def _filter(refused: Collection[str], ignored: Collection[str] = ()) -> str:
    return seccomp.program(refused, kill=False, guards=GUARDS, processes=True, ignored=ignored).hex()
