"""Functions of the standard library that the tests replace for a while: the candidate gets the replacement too.

This file runs inside the sandbox and imports nothing of rustml.
"""

import importlib
import sys
from collections.abc import Collection
from typing import Any

_NEVER = frozenset({"builtins.isinstance", "builtins.__import__", "builtins.input"})


class Patches:
    """Watches what the tests say that they replace."""

    def __init__(self, names: Collection[str]) -> None:
        self._watched = [name.rpartition(".") for name in names if name not in _NEVER]
        self._original = {(module, name): _value(module, name) for module, _, name in self._watched}
        self._last = dict(self._original)

    def changes(self) -> list[tuple[str, str, bool, Any]]:
        """Module, name, whether it is replaced, and by what, for each change since the last call."""
        found = []
        for module, _, name in self._watched:
            value, place = _value(module, name), (module, name)
            if value is not self._last[place]:
                self._last[place] = value
                replaced = value is not self._original[place]
                found.append((module, name, replaced, value if replaced else None))
        return found


def _value(module: str, name: str) -> Any:
    if module.split(".", maxsplit=1)[0] not in sys.stdlib_module_names:
        return None
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
