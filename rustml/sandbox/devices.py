"""Device nodes of a sandbox's own.

A bound node of the machine's is the machine's inode: its owner outside can change its mode and times from
inside. Nodes of its own behave the same and belong to nobody else.
"""

import contextlib
import os
import stat
import weakref
from pathlib import Path

from rustml.sandbox.workdir import WorkingFolder

NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
"""Name → major and minor number (https://docs.kernel.org/admin-guide/devices.html)."""


class Devices:
    """The files to bind at /dev: own nodes where this user may make them, else the machine's."""

    def __init__(self) -> None:
        """Make the nodes. An ordinary user may not; then the machine's nodes do not belong to that user either."""
        working = WorkingFolder()  # locked: without its lock the next judge would sweep it
        self._remove = weakref.finalize(self, working.remove)
        self.own = _filled(working.path)
        if not self.own:
            self.close()
        self._folder = working.path if self.own else Path("/dev")

    def binds(self, *, every: bool) -> list[str]:
        """The words for bubblewrap that show `every` harmless device, or /dev/null alone."""
        names = list(NODES) if every and self.own else [] if every else ["null"]
        binds = [word for name in names for word in ("--dev-bind", str(self._folder / name), f"/dev/{name}")]
        return ["--dev", "/dev", *binds] if every else binds

    def close(self) -> None:
        """Remove the nodes. A second call does nothing."""
        self._remove()


def _filled(folder: Path) -> bool:
    """Whether the folder holds nodes that work: a mount without devices makes them, and refuses to open them."""
    with contextlib.suppress(OSError):
        for name, (major, minor) in NODES.items():
            os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            (folder / name).chmod(0o666)
        (folder / "null").write_bytes(b"-")
        return True
    return False
