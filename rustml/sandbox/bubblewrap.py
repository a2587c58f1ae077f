"""The sandbox: which part of the machine a command sees, and what it may use up.

Everything a command needs is bound read-only into an empty root; one folder at most is writable. There is no network,
no /proc, no environment, no device but /dev/null, and the process tree dies with its first process and with us.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rustml.errors import EnvironmentFault, SandboxUnavailable
from rustml.sandbox.process_limits import MEBIBYTE

Kind = Literal["bubblewrap", "none"]
INSTALL = "install it with `apt-get install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap` (Fedora)"


@dataclass(frozen=True)
class View:
    """What a command sees of the file system: host path → path inside."""

    read: dict[Path, str] = field(default_factory=dict)
    write: dict[Path, str] = field(default_factory=dict)
    temporary: bool = False
    """Whether there is an empty /tmp to mount something on."""


class Sandbox:
    """Wraps commands. With kind `none` a command sees the whole machine under rlimits: for trusted code alone."""

    def __init__(self, kind: Kind = "bubblewrap", groups: Sequence[str] = ()) -> None:
        """`groups` are the controllers of the control groups that commands run in; the name says them."""
        self.kind: Kind = kind
        held = f"+cgroups({','.join(groups)})" if groups else ""
        self.name = f"{kind}+rlimits{held}" if kind == "bubblewrap" else "none"
        if shutil.which("prlimit") is None:
            raise EnvironmentFault("`prlimit` is not on PATH: install it with `apt-get install util-linux`")
        if kind == "bubblewrap":
            self._check()

    def _check(self) -> None:
        if shutil.which("bwrap") is None:
            raise SandboxUnavailable(f"bubblewrap is missing, and untrusted code runs nowhere else: {INSTALL}")
        system = {path: str(path) for path in _system_folders()}
        argv = self.wrap(["/usr/bin/true"], View(read=system, temporary=True), seconds=10, memory_mb=256, file_mb=1)
        try:
            tried = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxUnavailable(f"bubblewrap does not start: {error}") from error
        if tried.returncode != 0:
            raise SandboxUnavailable(
                f"bubblewrap refuses to start: {tried.stderr.strip()}; unprivileged user namespaces may be switched "
                "off: try `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`"
            )

    def wrap(
        self,
        argv: Sequence[str],
        view: View,
        *,
        seconds: float,
        memory_mb: int,
        file_mb: int,
        environment: dict[str, str] | None = None,
    ) -> list[str]:
        """`argv` inside this sandbox. `seconds` of processor time, `memory_mb` a process, `file_mb` a file."""
        limits = [
            "prlimit",
            "--core=0",
            f"--cpu={int(seconds) + 1}:{int(seconds) + 3}",
            f"--data={memory_mb * MEBIBYTE}",
            f"--fsize={file_mb * MEBIBYTE}",
            "--nofile=256",
            "--",
        ]
        variables = (environment or {}).items()
        if self.kind == "none":
            return [*limits, "env", "-i", *(f"{name}={value}" for name, value in variables), *argv]
        settings = [word for name, value in variables for word in ("--setenv", name, value)]
        return [*limits, *_bubblewrap(view), *settings, "--", *argv]

    def path(self, host: Path, inside: str) -> str:
        """How a command in this sandbox calls the file `host` that a view shows as `inside`."""
        return inside if self.kind == "bubblewrap" else str(host)


def _bubblewrap(view: View) -> list[str]:
    # The first process keeps CAP_SYS_ADMIN over its own namespaces, to give each candidate a private /tmp;
    # a candidate runs in a child that has none left.
    options = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        "judge",
    ]
    options += ["--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    for host, inside in view.read.items():
        options += ["--ro-bind", str(host), inside]
    for host, inside in view.write.items():
        options += ["--bind", str(host), inside]
    options += ["--dev-bind", "/dev/null", "/dev/null"]
    if view.temporary:
        options += ["--dir", "/tmp"]  # noqa: S108 - a mount point inside
    return [*options, "--remount-ro", "/", "--chdir", "/"]


def _system_folders() -> list[Path]:
    found = [path for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists()]
    with contextlib.suppress(OSError):
        found += [path for path in (Path("/nix/store"),) if path.exists()]
    return found
