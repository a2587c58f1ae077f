"""What the text of Python tests says: its steps, the classes it asks for, where its assertions are.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ast
from typing import Any

FILE = "tests.py"
COMPOUND = (ast.For, ast.While, ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncFor, ast.AsyncWith)
_APART = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def is_test(node: ast.stmt) -> bool:
    """Whether a top-level statement is a test: an assertion, a call, or a block that holds an assertion.

    `count_tests` of the examiner counts the same, and cannot import this.
    """
    if isinstance(node, COMPOUND):
        return any(map(holds_assertion, ast.iter_child_nodes(node)))
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))


def holds_assertion(node: ast.AST) -> bool:
    """Whether running `node` may run an assertion of its own."""
    if isinstance(node, (ast.Assert, *_APART)):
        return isinstance(node, ast.Assert)
    return any(map(holds_assertion, ast.iter_child_nodes(node)))


class Script:
    """The tests of one candidate. Raises SyntaxError where they are not Python."""

    def __init__(self, text: str) -> None:
        self._body = ast.parse(text).body
        nodes = [node for statement in self._body for node in ast.walk(statement)]
        self.classes = _classes(nodes)
        """The names of classes, by their capital letter, that the tests use and do not define themselves."""
        self.stops = any(isinstance(node, ast.Name) and node.id == "StopIteration" for node in nodes)
        """Whether they name StopIteration, and so catch it themselves."""
        spans = [range(node.lineno, (node.end_lineno or 0) + 1) for node in nodes if isinstance(node, ast.Assert)]
        self._asserted = frozenset(line for span in spans for line in span)

    def steps(self) -> list[tuple[str, Any]]:
        """What they are made of, in order: ("set-up", code) and ("test", code or the name of a function)."""
        plan: list[tuple[str, Any]] = []
        functions: list[tuple[str, Any]] = []
        for node in self._body:
            plan.append(("test" if is_test(node) else "set-up", compile(ast.Module([node], []), FILE, "exec")))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                functions.append(("test", node.name))
        return plan + functions

    def asserts(self, frame: Any, line: int) -> bool:
        """Whether a frame stands in an assertion of these tests."""
        return frame.f_code.co_filename == FILE and line in self._asserted


def _classes(nodes: list[ast.AST]) -> frozenset[str]:
    names = [node for node in nodes if isinstance(node, ast.Name)]
    defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, (ast.arg, ast.alias)):
            defined.add(node.arg if isinstance(node, ast.arg) else node.asname or node.name)
    return frozenset(node.id for node in names if node.id.lstrip("_")[:1].isupper()) - defined
