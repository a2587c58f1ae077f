"""Which private attributes of objects of the tests a candidate may use: those that the tests leave to it.

What the tests read themselves may hold what the candidate is to find out, as `self._secret` in a game does. What they
only compare with data that stands in their text holds a result, not an expectation.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_SHOWING = frozenset({"__init__", "__post_init__", "__new__", "__repr__", "__str__"})
"""Methods that make an object, or tell what is in it."""
_OTHERS = frozenset({"builtins", "typing", "abc", "collections.abc"})
"""Modules of classes that keep nothing private in their instances."""
_MANGLED = re.compile(r"_[A-Za-z0-9]\w*?(__\w+)")


class PrivateNames:
    """The private attributes that the tests read."""

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        harmless = set(_in_methods(nodes)) | set(_results(nodes))
        self._read = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store) and node not in harmless
        }
        self._read |= {name for node in nodes if isinstance(node, ast.MatchClass) for name in node.kwd_attrs}
        slots = set(_in_slots(nodes))
        constants = (node.value for node in nodes if isinstance(node, ast.Constant) and node not in slots)
        texts = (value for value in constants if isinstance(value, str))
        self._read |= {word for text in texts for word in re.findall(r"\b_\w+", text)}
        self._dynamic = _reads_all(nodes)

    def left_to(self, name: str, kind: type) -> bool:
        """Whether a candidate may use the attribute `name` of an instance of `kind`."""
        if name[:1] != "_" or name[-2:] == "__" or self._dynamic or not _is_plain(kind):
            return False
        mangled = _MANGLED.fullmatch(name)
        return name not in self._read and not (mangled and mangled[1] in self._read)


def _in_methods(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node.name in _SHOWING:
            yield from ast.walk(node)


def _in_slots(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__":
            yield from ast.walk(node)


def _results(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Attributes that are compared with data that stands in the text."""
    for node in nodes:
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr[:6] == "assert":
            sides = node.args
        if sum(map(_is_literal, sides)) >= len(sides) - 1:
            yield from sides


def _is_literal(node: ast.AST) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _reads_all(nodes: Iterable[ast.AST]) -> bool:
    """Whether the tests look at all attributes of an object, by `vars`, `__dict__` or a name that they compute."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("__dict__", "__getattribute__", "__slots__"):
            return True
        if isinstance(node, ast.Name) and node.id in ("vars", "attrgetter"):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            named = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            if not named:
                return True
    return False


def _is_plain(kind: Any) -> bool:
    """Whether the tests define the class and its bases, or nothing private is in them."""
    if f"{kind.__module__}.{kind.__name__}" == "types.SimpleNamespace":
        return True
    bases = [base for base in kind.__mro__ if base.__module__ != "tests"]
    return kind.__module__ == "tests" and all(base.__module__ in _OTHERS for base in bases)
