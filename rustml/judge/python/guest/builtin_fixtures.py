"""The fixtures that pytest brings along: tmp_path, capsys, monkeypatch, request.

This file runs inside the sandbox and imports nothing of rustml.
"""

import collections
import importlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Captured = collections.namedtuple("Captured", "out err")
_ABSENT: Any = object()


class Request:
    """What a fixture is told about the test that needs it."""

    def __init__(self, param: Any, instance: Any, value: Callable[[str], Any], later: Callable[[Any], Any]) -> None:
        self.param, self.instance, self.getfixturevalue, self.addfinalizer = param, instance, value, later


class Capture:
    """What was printed."""

    def __init__(self) -> None:
        self._streams = io.StringIO(), io.StringIO()

    def __enter__(self) -> "Capture":
        self._before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self._streams
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before

    def readouterr(self) -> Any:
        """Standard output and standard error since the last call."""
        texts = [stream.getvalue() for stream in self._streams]
        for stream in self._streams:
            stream.seek(0)
            stream.truncate()
        return Captured(*texts)


class Patches:
    """Changes that are taken back after the test."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], Any]] = []

    def setattr(self, target: Any, name: Any, value: Any = _ABSENT, raising: bool = True) -> None:
        """Set an attribute, also by its dotted path."""
        if value is _ABSENT:
            value, (path, _, name) = name, target.rpartition(".")
            target = importlib.import_module(path)
        before = getattr(target, name) if raising else getattr(target, name, _ABSENT)
        self._undo.append(lambda: delattr(target, name) if before is _ABSENT else setattr(target, name, before))
        setattr(target, name, value)

    def delattr(self, target: Any, name: str, raising: bool = True) -> None:  # noqa: ARG002 - pytest's name
        """Delete an attribute."""
        before = getattr(target, name)
        self._undo.append(lambda: setattr(target, name, before))
        delattr(target, name)

    def setitem(self, target: Any, key: Any, value: Any) -> None:
        """Set an item."""
        before = target.get(key, _ABSENT)
        self._undo.append(lambda: target.pop(key) if before is _ABSENT else target.__setitem__(key, before))
        target[key] = value

    def delitem(self, target: Any, key: Any, raising: bool = True) -> None:
        """Delete an item."""
        if key in target or raising:
            before = target.pop(key)
            self._undo.append(lambda: target.__setitem__(key, before))

    def setenv(self, name: str, value: str, prepend: Any = None) -> None:  # noqa: ARG002 - pytest's name
        """Set a variable of the environment."""
        self.setitem(os.environ, name, value)

    def delenv(self, name: str, raising: bool = True) -> None:
        """Delete a variable of the environment."""
        self.delitem(os.environ, name, raising)

    def chdir(self, path: Any) -> None:
        """Change the working folder."""
        before = os.getcwd()  # noqa: PTH109
        self._undo.append(lambda: os.chdir(before))
        os.chdir(path)

    def undo(self) -> None:
        """Take everything back."""
        while self._undo:
            self._undo.pop()()


@contextmanager
def _patches() -> Iterator[Patches]:
    patches = Patches()
    try:
        yield patches
    finally:
        patches.undo()


@contextmanager
def _folder() -> Iterator[Any]:
    tempfile, pathlib = importlib.import_module("tempfile"), importlib.import_module("pathlib")
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


FIXTURES: dict[str, Callable[[], Any]] = {
    "tmp_path": _folder,
    "capsys": Capture,
    "monkeypatch": _patches,
}
