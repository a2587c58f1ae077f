"""The candidate's module under the names by which the tests import it.

This file runs inside the sandbox and imports nothing of rustml.
"""

import sys
import types
from collections.abc import Iterable
from typing import Any

PACKAGE = "tests"
"""The package from which relative imports of the tests start."""
CANDIDATE = "candidate"
"""What the candidate's classes and functions call their module."""


class Library(types.ModuleType):
    """The candidate's module: what is read or set here is read or set there."""

    def __init__(self, name: str, offered: dict[str, Any], link: Any) -> None:
        super().__init__(name)
        public = [one for one in offered if one[:1] != "_"]
        vars(self).update({"\x00link": link, "\x00offered": offered, "__all__": public, "__path__": []})

    def __getattr__(self, name: str) -> Any:
        if name not in self.__dict__["\x00offered"]:
            raise AttributeError(name)
        try:
            return self.__dict__["\x00link"].request("name", name)
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:2] == "__" or isinstance(value, types.ModuleType):
            super().__setattr__(name, value)
        else:
            self.__dict__["\x00link"].request("define", name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__:
            super().__delattr__(name)
        else:
            self.__dict__["\x00link"].request("undefine", name)


def install(names: Iterable[str], offered: dict[str, Any], link: Any) -> None:
    """Let the tests import the candidate by these names, and by those below the same packages."""
    roots = set()
    for name in names:
        whole = PACKAGE + name if name.startswith(".") else name
        parts = whole.rstrip(".").replace("..", ".").split(".")
        root = ".".join(parts[:2]) if parts[0] == PACKAGE and len(parts) > 1 else parts[0]
        if root.split(".")[0] not in sys.stdlib_module_names and root != "pytest":
            roots.add(root)
    for name in (PACKAGE, CANDIDATE):
        sys.modules.setdefault(name, Library(name, offered, link))
    sys.meta_path.append(_Finder(frozenset(roots), offered, link))


class _Finder:
    def __init__(self, roots: frozenset[str], offered: dict[str, Any], link: Any) -> None:
        self._roots, self._offered, self._link = roots, offered, link

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """How to make the module `name`, where it is the candidate's."""
        if not any(name == root or name.startswith(root + ".") for root in self._roots):
            return None
        import importlib.machinery  # noqa: PLC0415 - rarely needed

        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> Any:
        """The module."""
        return Library(spec.name, self._offered, self._link)

    def exec_module(self, module: Any) -> None:
        """Nothing: it is complete."""
