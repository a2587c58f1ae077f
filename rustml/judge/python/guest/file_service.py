"""Files of a candidate where nothing can be mounted: it writes them, and the tests' process makes and removes them.

So their number is limited, and with the size of each all that they hold. The limit counts what was ever made: a removed
file keeps its content as long as somebody has it open.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable
from typing import Any

MOST = 64
"""Files and folders that one candidate may make; each file holds so many parts of the whole at most."""
_REAL = {name: getattr(os, name) for name in ("open", "mkdir", "rename", "replace", "remove", "rmdir")}
_realpath, _close = os.path.realpath, os.close


class Files:
    """The tests' end: what it is asked for, in one folder; in none where that is empty."""

    def __init__(self, folder: str) -> None:
        self._folder = _realpath(folder) if folder else ""
        self._left = MOST

    def do(self, what: str, paths: list[str], *, exclusive: bool) -> None:
        """Make an empty file or a folder, move or remove one. Raises OSError."""
        names = [self._inside(str(path)) for path in paths]
        if what == "create":
            self._create(*names, exclusive=exclusive)
        elif what in ("mkdir", "rename", "replace", "remove", "rmdir"):
            self._spend(what == "mkdir")
            _REAL[what](*names)

    def _create(self, name: str, *, exclusive: bool) -> None:
        try:
            self._spend(not os.path.lexists(name))
            _close(_REAL["open"](name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        except FileExistsError:
            if exclusive:
                raise

    def _spend(self, makes: bool) -> None:
        if makes and not self._left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._left -= makes

    def _inside(self, path: str) -> str:
        parent, name = _realpath(os.path.dirname(path)), os.path.basename(path)  # noqa: PTH119, PTH120
        if not self._folder or not f"{parent}/".startswith(f"{self._folder}/") or name in ("", ".", ".."):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return f"{parent}/{name}"


def install(ask: Callable[..., Any]) -> None:
    """The candidate's end: the functions that make, move and remove files ask the tests' process."""

    def made(path: Any, *, exclusive: bool) -> None:
        if exclusive or not os.path.lexists(path):
            asked("create", path, exclusive=exclusive)

    def asked(what: str, *paths: Any, exclusive: bool = False) -> None:
        ask("file", what, [os.path.abspath(os.fsdecode(path)) for path in paths], exclusive)  # noqa: PTH100

    def opened(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        by_name = not isinstance(file, int) and named.get("opener") is None
        if by_name and set(mode) & set("wax"):
            made(file, exclusive="x" in mode)
        return real_open(file, mode.replace("x", "w") if by_name else mode, *given, **named)

    def descriptor(path: Any, flags: int, mode: int = 0o777, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if flags & os.O_CREAT and not named:
            made(path, exclusive=bool(flags & os.O_EXCL))
            flags &= ~(os.O_CREAT | os.O_EXCL)
        return int(_REAL["open"](path, flags, mode, **named))

    real_open = io.open
    builtins.open = io.open = opened
    os.open = descriptor
    os.mkdir = lambda path, mode=0o777, **_: asked("mkdir", path)  # noqa: ARG005 - modes do not change
    os.remove = os.unlink = lambda path, **_: asked("remove", path)
    os.rmdir = lambda path, **_: asked("rmdir", path)
    os.rename = lambda src, dst, **_: asked("rename", src, dst)
    os.replace = lambda src, dst, **_: asked("replace", src, dst)
