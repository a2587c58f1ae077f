"""What the tests replace in the standard library, the environment or the working folder: the candidate gets it too.

Where their text replaces anything at all, all modules of the standard library that they name are watched, so that it
does not matter how they write it.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import importlib
import os
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from operator import is_
from typing import Any

_NEVER = {"builtins": {"isinstance", "issubclass", "type", "__import__", "input"}}
"""Names by which the tests' own process works, or that have a way of their own."""
_ALONE = {"sys": {"argv", "exit", "platform", "maxsize", "version_info"}}
"""Of these modules no other name: it says something of the tests' own process."""
_OWN = frozenset({
    "unittest", "pytest", "warnings", "threading", "gc", "doctest", "importlib", "typing", "logging", "contextlib",
    "traceback", "linecache", "inspect", "types", "runpy", "code", "timeit", "multiprocessing", "concurrent", "asyncio",
})  # fmt: skip
"""Modules that hold the tests' own state."""
Change = tuple[str, str, bool, Any]
"""Module, name, whether it is replaced, and by what."""
ENVIRONMENT, FOLDER = "os.environ", "os.curdir"
"""What stands in the place of a module for a variable of the environment, and for the working folder."""
_getcwd = os.getcwd
_absent = object()


class Patches:
    """Watches modules for what the tests replace in them, and where `surroundings`, environment and working folder."""

    def __init__(self, modules: Collection[str], *, surroundings: bool) -> None:
        self._names, self._surroundings = modules, surroundings
        self._started = False
        self._watched: dict[str, Any] = {}

    def changes(self) -> list[Change]:
        """What changed since the last call."""
        if not self._started:  # now that the judge has replaced what it replaces itself
            self._start()
            return []
        found = [change for name in self._watched for change in self._of(name)]
        return [*found, *self._around()] if self._surroundings else found

    def _start(self) -> None:
        self._started = True
        modules = {name: _module(name) for name in sorted(self._names)}
        self._watched = {name: module for name, module in modules.items() if module is not None}
        self._original = {name: dict(vars(module)) for name, module in self._watched.items()}
        self._last = dict(self._original)
        self._environment, self._folder = dict(os.environ), _getcwd()

    def _of(self, name: str) -> Iterator[Change]:
        now, last = vars(self._watched[name]), self._last[name]
        if len(now) == len(last) and all(map(is_, now.values(), last.values())):
            return
        self._last[name] = dict(now)
        for one in _differing(now, last):
            value, known = now.get(one, _absent), one in _ALONE.get(name, {one}) - _NEVER.get(name, set())
            if known and one[:1] != "_" and not isinstance(value, types.ModuleType):
                back = value is self._original[name].get(one, _absent)
                yield name, one, not back, None if back or value is _absent else value

    def _around(self) -> Iterator[Change]:
        now, folder = dict(os.environ), _getcwd()
        for one in _differing(now, self._environment):
            yield ENVIRONMENT, one, one in now, now.get(one)
        if folder != self._folder:
            yield FOLDER, folder, True, folder
        self._environment, self._folder = now, folder


def _differing(now: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    return [one for one in {**last, **now} if now.get(one, _absent) is not last.get(one, _absent)]


def _module(name: str) -> Any:
    root = name.split(".", maxsplit=1)[0]
    if name == "builtins":
        return builtins
    if root not in sys.stdlib_module_names or root in _OWN:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
