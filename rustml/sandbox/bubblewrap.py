"""The sandbox of bubblewrap: which part of the machine a command sees, and what it may use up.

Everything a command needs is bound read-only into an empty root. There is no network, no /proc, no environment, no
device but what the mounts name, and the process tree dies with its first process and with us.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rustml.errors import SandboxUnavailable
from rustml.sandbox.command import Command
from rustml.sandbox.devices import Devices
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import ProcessLimits, check_prlimit

INSTALL = "install it with `apt-get install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap` (Fedora)"
_FILTER_FD = 9
_OPEN_FILTER = f'exec "$@" {_FILTER_FD}<"$0"'


class Bubblewrap:
    """Commands in namespaces of their own."""

    isolated = True
    mounts = True

    def __init__(self, groups: Sequence[str] = ()) -> None:
        """Try it. `groups` are the controllers of the control groups that commands run in; the name says them.

        Raises SandboxUnavailable, with what to install or to switch on, and EnvironmentFault without `prlimit`.
        """
        held = f"+cgroups({','.join(groups)})" if groups else ""
        self.name = f"bubblewrap+rlimits{held}"
        check_prlimit()
        self._devices = Devices()
        self._check()

    def close(self) -> None:
        """Remove the sandbox's own device nodes."""
        self._devices.close()

    def _check(self) -> None:
        if shutil.which("bwrap") is None:
            raise SandboxUnavailable(f"bubblewrap is missing, and untrusted code runs nowhere else: {INSTALL}")
        mounts = Mounts(read={path: str(path) for path in _system_folders()}, may_mount=True)
        limits = ProcessLimits(cpu_seconds=10, memory_mb=256, file_mb=1)
        argv = self.wrap(Command(["/usr/bin/true"], mounts, limits))
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"bubblewrap does not start: {error}") from error
        if done.returncode != 0:
            raise SandboxUnavailable(
                f"bubblewrap refuses to start: {done.stderr.strip()}; unprivileged user namespaces may be switched "
                "off: try `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`"
            )

    def wrap(self, command: Command) -> list[str]:
        """The words that start the command inside this sandbox."""
        mounts, limits = command.mounts, command.limits.prlimit()
        variables = [word for name, value in command.environment.items() for word in ("--setenv", name, value)]
        options = ["bwrap", *_NAMESPACES, *_identity(mounts), *_binds(mounts, self._devices), *variables]
        options += ["--remount-ro", "/", "--chdir", mounts.work]
        if command.system_calls is None:
            return [*limits, *options, "--", *command.argv]
        opened = ["/bin/sh", "-c", _OPEN_FILTER, str(command.system_calls)]
        return [*opened, *limits, *options, "--seccomp", str(_FILTER_FD), "--", *command.argv]

    def path(self, host: Path, inside: str) -> str:  # noqa: ARG002 - a command sees its mounts alone
        """The path inside."""
        return inside


_NAMESPACES = (
    "--unshare-all",
    "--unshare-user",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    "--hostname",
    "judge",
)


def _identity(mounts: Mounts) -> list[str]:
    # The first process of the judge's commands keeps CAP_SYS_ADMIN over its own namespaces, to give each candidate a
    # private /tmp; a candidate runs in a child that has none left.
    user = "0" if mounts.may_mount else "1000"
    options = ["--uid", user, "--gid", user, "--cap-drop", "ALL"]
    return [*options, "--cap-add", "CAP_SYS_ADMIN"] if mounts.may_mount else options


def _binds(mounts: Mounts, devices: Devices) -> list[str]:
    options = [word for host, inside in mounts.read.items() for word in ("--ro-bind", str(host), inside)]
    options += [word for host, inside in mounts.write.items() for word in ("--bind", str(host), inside)]
    options += devices.binds(every=mounts.devices)
    size = ["--size", str(mounts.tmp_mb << 20), "--tmpfs"] if mounts.tmp_mb else ["--dir"]
    return [*options, *size, "/tmp"]  # noqa: S108 - a folder inside


def _system_folders() -> list[Path]:
    folders = [path for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists()]
    with contextlib.suppress(OSError):
        folders += [path for path in (Path("/nix/store"),) if path.exists()]
    return folders
