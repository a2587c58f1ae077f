"""`eval`, `exec` and `pickle` of the tests: text that is not their own is run where the candidate is.

A candidate's text could make objects in the tests' process that equal everything, or read what is expected.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ast
import builtins
import importlib
import sys
from collections.abc import Callable, Collection
from typing import Any

_PICKLING = ("pickle", "shelve", "multiprocessing", "concurrent", "dbm")
_MOST_KEPT = 1000
_PURE = frozenset({"abs", "bool", "divmod", "float", "int", "len", "max", "min", "pow", "round", "str", "sum"})
_DATA = (int, float, str, bool, complex)
_COMPUTING = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call,
)  # fmt: skip


class Running:
    """What takes the place of these functions, for tests that hold the texts `own`."""

    def __init__(self, link: Any, own: Collection[str | bytes]) -> None:
        self._link, self._own = link, own
        self._dumped: list[bytes] = []

    def names(self) -> dict[str, Any]:
        """The functions by their names."""
        return {"eval": self.evaluate, "exec": self.execute}

    def evaluate(self, text: Any, names: Any = None, inner: Any = None, /) -> Any:
        """`eval`."""
        if self._is_own(text):
            return builtins.eval(text, *_namespaces(names, inner, sys._getframe(1)))  # noqa: S307 - the tests' own
        held = {**(names or {}), **(inner or {})}
        if _computes(text, held):
            return builtins.eval(text, held)  # noqa: S307 - operators on data
        return self._link.request("evaluate", _text(text), held)

    def execute(self, text: Any, names: Any = None, inner: Any = None, /) -> None:
        """`exec`: what the text defines anew is added to the names, and replaces none of the tests'."""
        frame = sys._getframe(1)
        if self._is_own(text):
            builtins.exec(text, *_namespaces(names, inner, frame))  # noqa: S102 - the tests' own text
            return
        target = frame.f_globals if names is None else names if inner is None else inner
        given = {} if names is None else {**names, **(inner or {})}
        made = self._link.request("execute", _text(text), given)
        for name in made:
            if names is not None or not (name in target or hasattr(builtins, name)):
                target[name] = made[name]

    def _is_own(self, text: Any) -> bool:
        return type(text) in (str, bytes) and text in self._own

    def equip(self, imports: Callable[[str], bool]) -> None:
        """Put the functions of the standard library in their places, as far as the tests import it."""
        if any(map(imports, _PICKLING)):
            self._pickling(importlib.import_module("pickle"))
        for name in ("doctest", "runpy", "code", "timeit"):
            if imports(name):
                importlib.import_module(name).exec = _refused  # type: ignore[attr-defined]

    def _pickling(self, pickle: Any) -> None:
        dumps, loads = pickle.dumps, pickle.loads

        def dumped(*given: Any, **named: Any) -> bytes:
            made: bytes = dumps(*given, **named)
            self._dumped = [*self._dumped[-_MOST_KEPT:], made]
            return made

        def loaded(data: Any, /, **named: Any) -> Any:
            if any(data == one for one in self._dumped) or data in self._own:
                return loads(data, **named)
            return self._link.request("unpickle", bytes(data))

        class Unpickler(pickle._Unpickler):  # type: ignore[misc]
            def find_class(self, module: str, name: str) -> Any:
                if module != "copies" or name not in ("revived", "same"):
                    raise pickle.UnpicklingError(f"{module}.{name} does not arise from data")
                return super().find_class(module, name)

        pickle.dumps, pickle.loads = dumped, loaded
        pickle.load = lambda file, /, **named: Unpickler(file, **named).load()
        pickle.Unpickler = pickle._Unpickler = Unpickler


def _computes(text: Any, names: dict[str, Any]) -> bool:
    """Whether an expression computes with numbers and texts alone, its own and those of `names`.

    It may hold what is expected, which is not computed where the candidate is.
    """
    try:
        nodes = list(ast.walk(ast.parse(text.strip(), mode="eval"))) if type(text) is str else []
    except (SyntaxError, ValueError, RecursionError):
        return False
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    known = all(
        node.id in _PURE if node in called else type(names.get(node.id)) in _DATA
        for node in nodes
        if isinstance(node, ast.Name)
    )
    return bool(nodes) and known and all(isinstance(node, _COMPUTING) for node in nodes)


def _namespaces(names: Any, inner: Any, frame: Any) -> tuple[Any, Any]:
    if names is None:
        return frame.f_globals, frame.f_locals
    return names, names if inner is None else inner


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError("the tests run text alone")
    return str(text)


def _refused(*_: Any) -> None:
    raise RuntimeError("text is not run in the process of the tests")
