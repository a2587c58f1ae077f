"""Control groups (cgroup v2), where this user may make them: limits on a whole process tree, which ends as one.

Nothing here assumes that they are there. A group is made below the judge's own group, with the controllers that the
group above passes on (https://docs.kernel.org/admin-guide/cgroup-v2.html); without any there is no group, and
resource limits and the PID namespace hold alone. Settings of the machine's root group are never touched.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from rustml.sandbox.exit_codes import GROUP_REFUSED

WANTED = ("memory", "pids")
"""Controllers that are worth a group: what they limit is the tree, where a resource limit is about one process."""
PROCESSES = 256
"""Processes and threads of one command at most."""
_ENTER = f'echo 0 > "$0/cgroup.procs" || exit {GROUP_REFUSED}; exec "$@"'
_PATIENCE_SECONDS = 5.0


def own_group(mounts: Path = Path("/proc/self/mounts"), membership: Path = Path("/proc/self/cgroup")) -> Path | None:
    """The folder of the version 2 group that this process is in; None where that hierarchy is not mounted."""
    try:
        points = [words[1] for line in mounts.read_text().splitlines() if (words := line.split())[2] == "cgroup2"]
        inside = [line[3:] for line in membership.read_text().splitlines() if line.startswith("0::")]
    except OSError:
        return None
    if not points or not inside:
        return None
    return Path(points[0]) / inside[0].lstrip("/")


class Group:
    """The group of one command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def enter(self, argv: Sequence[str]) -> list[str]:
        """`argv`, run inside the group from its first instruction on; exit code GROUP_REFUSED where it cannot enter."""
        return ["sh", "-c", _ENTER, str(self.path), *argv]

    def remove(self) -> None:
        """End all processes in it and remove it. A group that the kernel keeps busy is left for the next sweep."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.path.exists():
            with contextlib.suppress(OSError):
                self._kill()
            try:
                self.path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.002)

    def _kill(self) -> None:
        whole = self.path / "cgroup.kill"
        if whole.exists():
            whole.write_text("1")
            return
        for pid in map(int, (self.path / "cgroup.procs").read_text().split()):  # a kernel before 5.14
            if pid > 0:  # 0 is a process of another PID namespace, and to kill 0 would be to kill ourselves
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


class Cgroups:
    """A judge's own group, with one group below it for each command that runs."""

    def __init__(self, parent: Path, name: str) -> None:
        """Make the group `name` below `parent`. Raises OSError where this user may not."""
        self._path = parent / name
        self.controllers = _passed_on(parent)
        self._path.mkdir()
        self._numbers = itertools.count()
        if self.controllers:
            try:
                (self._path / "cgroup.subtree_control").write_text(_switched_on(self.controllers))
            except OSError:
                self._path.rmdir()
                raise

    def group(self, memory_bytes: int) -> Group:
        """A fresh group of at most so much memory, none of it swap, and PROCESSES processes. Raises OSError.

        0 bytes set no limit on memory.
        """
        group = Group(self._path / f"command-{next(self._numbers)}")
        group.path.mkdir()
        limits = {"memory": {"memory.max": memory_bytes, "memory.swap.max": 0}, "pids": {"pids.max": PROCESSES}}
        for controller in self.controllers:
            for file, limit in limits[controller].items() if memory_bytes or controller != "memory" else ():
                if file != "memory.swap.max" or (group.path / file).exists():  # no file without swap accounting
                    (group.path / file).write_text(str(limit))
        return group

    def remove(self) -> None:
        """Remove the group and all below it."""
        remove_tree(self._path)


def remove_tree(path: Path) -> None:
    """End everything in a judge's group and remove it with the groups of its commands."""
    if path.is_dir():
        for child in path.iterdir():
            if child.is_dir():
                Group(child).remove()
        Group(path).remove()


def open_groups(name: str, parent: Path | None = None) -> Cgroups | None:
    """Groups for a judge, or None where they cannot be made or would limit nothing."""
    parent = parent or own_group()
    if parent is None:
        return None
    try:
        groups = Cgroups(parent, name)
    except OSError:
        return None
    if not groups.controllers:
        groups.remove()
        return None
    return groups


def _passed_on(parent: Path) -> tuple[str, ...]:
    """The wanted controllers that groups below `parent` have, switched on first where `parent` is ours to set."""
    offered = _words(parent / "cgroup.controllers")
    absent = [name for name in WANTED if name in offered - _words(parent / "cgroup.subtree_control")]
    is_root = not (parent / "cgroup.type").exists()
    if absent and not is_root:
        with contextlib.suppress(OSError):  # busy: it holds processes of its own, and then may not pass anything on
            (parent / "cgroup.subtree_control").write_text(_switched_on(absent))
    passed = _words(parent / "cgroup.subtree_control")
    return tuple(name for name in WANTED if name in passed)


def _switched_on(controllers: Sequence[str]) -> str:
    return " ".join(f"+{name}" for name in controllers)


def _words(file: Path) -> set[str]:
    try:
        return set(file.read_text().split())
    except OSError:
        return set()
