"""Which statements, functions and methods of Python tests are tests, and what of them asserts.

The judge counts by this file, and the sandbox runs by it. It imports nothing of rustml.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BLOCKS = (
    ast.For, ast.While, ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncFor, ast.AsyncWith, ast.Match,
)  # fmt: skip
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_APART = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_ASSERTING = ("pytest.raises", "pytest.warns", "pytest.fail", "raises")
_RUNNERS = ("unittest.main", "pytest.main")


@dataclass(frozen=True)
class Step:
    """One step of the tests: a statement, or a function or method that is called when all statements ran."""

    node: ast.stmt
    test: bool
    owner: str = ""
    """The class that a method is called for."""
    statement: bool = True


def steps(body: Sequence[ast.stmt]) -> list[Step]:
    """The steps of tests, in the order in which they run."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    with_pytest = imports_pytest(nodes)
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    plan = [Step(node, is_test(node)) for node in body]
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    for node in body:
        if isinstance(node, ast.ClassDef):
            plan += _methods(node, classes, with_pytest)
        elif isinstance(node, _FUNCTIONS) and _runs(node, 0, with_pytest) and not _is_awaited(node, used):
            plan.append(Step(node, test=True, statement=False))
    return plan


def imports_pytest(nodes: Sequence[ast.AST]) -> bool:
    """Whether the tests import pytest, so that fixtures and parameters mean what they mean there."""
    direct = any(isinstance(node, ast.Import) and any(one.name == "pytest" for one in node.names) for node in nodes)
    return direct or any(isinstance(node, ast.ImportFrom) and node.module == "pytest" for node in nodes)


def is_test(node: ast.stmt) -> bool:
    """Whether a top-level statement is a test: an assertion, a call, or a block that holds an assertion."""
    if isinstance(node, _BLOCKS):
        return any(map(_holds_assertion, ast.iter_child_nodes(node)))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return dotted(node.value.func) not in _RUNNERS
    return isinstance(node, ast.Assert)


def assertion(node: ast.AST) -> bool:
    """Whether a node asserts: the statement, or a call as unittest, mocks and pytest name them."""
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        return name.startswith("assert") or dotted(function) in _ASSERTING
    return isinstance(node, ast.Assert)


def asserting_lines(nodes: Sequence[ast.AST]) -> frozenset[int]:
    """The lines of all assertions, and of the blocks that one watches, as `with pytest.raises` does."""
    spans = [node for node in nodes if assertion(node)]
    spans += [
        node
        for node in nodes
        if isinstance(node, (ast.With, ast.AsyncWith)) and any(assertion(item.context_expr) for item in node.items)
    ]
    lines = (range(node.lineno, (node.end_lineno or 0) + 1) for node in spans)  # type: ignore[attr-defined]
    return frozenset(line for span in lines for line in span)


def _methods(kind: ast.ClassDef, classes: dict[str, ast.ClassDef], with_pytest: bool) -> Iterator[Step]:
    """The tests of a class: of `unittest.TestCase`, or named `Test…` as pytest wants it."""
    lineage = list(_lineage(kind, classes))
    case = any(dotted(base).endswith("TestCase") for one in lineage for base in one.bases)
    inside = {node.name: node for one in reversed(lineage) for node in one.body if isinstance(node, _FUNCTIONS)}
    if case or (kind.name.startswith("Test") and "__init__" not in inside):
        for node in inside.values():
            if _runs(node, 1, with_pytest or case):
                yield Step(node, test=True, owner=kind.name, statement=False)


def _lineage(kind: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """A class and those of the tests that it derives from, each once."""
    seen: dict[str, ast.ClassDef] = {}
    waiting = [kind.name]
    while waiting:
        name = waiting.pop(0)
        if name in classes and name not in seen:
            seen[name] = classes[name]
            waiting += [dotted(base) for base in classes[name].bases]
    yield from seen.values()


def _runs(node: ast.FunctionDef | ast.AsyncFunctionDef, bound: int, with_fixtures: bool) -> bool:
    """Whether a function is a test. One with parameters is a helper, unless something can fill them."""
    given, held = node.args, len(node.args.posonlyargs) + len(node.args.args)
    static = any(dotted(one) == "staticmethod" for one in node.decorator_list)
    free = held - len(given.defaults) - (0 if static else bound) + given.kw_defaults.count(None)
    return node.name.startswith("test") and (free <= 0 or with_fixtures)


def _is_awaited(node: ast.stmt, used: set[str]) -> bool:
    """Whether a coroutine's function is one that the tests run themselves."""
    return isinstance(node, ast.AsyncFunctionDef) and node.name in used


def dotted(node: ast.AST) -> str:
    """A name with its attributes, `a.b.c`; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _holds_assertion(node: ast.AST) -> bool:
    """Whether running `node` may run an assertion of its own."""
    if isinstance(node, _APART):
        return False
    return assertion(node) or any(map(_holds_assertion, ast.iter_child_nodes(node)))
