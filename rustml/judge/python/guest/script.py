"""What the text of Python tests says: its steps, the classes it asks for, where its assertions are.

This file runs inside the sandbox and imports nothing of rustml.
"""

import ast
import re
import sys
from typing import Any

import plan  # type: ignore[import-not-found]
from private_names import PrivateNames  # type: ignore[import-not-found]

FILE = "tests.py"
_REPLACING = frozenset({"patch", "monkeypatch", "MonkeyPatch", "setattr", "delattr"})
_SURROUNDING = frozenset({"environ", "setenv", "delenv", "putenv", "unsetenv", "chdir"})
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


class Script:
    """The tests of one candidate. Raises SyntaxError where they are not Python."""

    def __init__(self, text: str) -> None:
        self._body = ast.parse(text).body
        self._nodes = [node for statement in self._body for node in ast.walk(statement)]
        self.classes = _classes(self._nodes)
        """The names of classes, by their capital letter, that the tests use and do not define themselves."""
        self.stops = any(isinstance(node, ast.Name) and node.id == "StopIteration" for node in self._nodes)
        """Whether they name StopIteration, and so catch it themselves."""
        self.with_pytest = plan.imports_pytest(self._nodes)
        self._asserting = plan.asserting_lines(self._nodes)
        self.private = PrivateNames(self._nodes)
        """The private attributes of their objects that they leave to the candidate."""

    @property
    def texts(self) -> frozenset[str | bytes]:
        """The texts that stand in them."""
        constants = (node.value for node in self._nodes if isinstance(node, ast.Constant))
        return frozenset(value for value in constants if isinstance(value, (str, bytes)))

    @property
    def patched(self) -> frozenset[str]:
        """The modules of the standard library in which they may replace something."""
        named = _modules(self._nodes)
        stored = (node.value for node in self._nodes if isinstance(node, ast.Attribute) and not _is_read(node))
        words = {_word(node) for node in self._nodes}
        if not (words & _REPLACING or any(plan.dotted(target) in named for target in stored)):
            return frozenset()
        dotted = {text.rpartition(".")[0] for text in self.texts if isinstance(text, str) and _DOTTED.fullmatch(text)}
        return frozenset({"builtins", *named.values(), *dotted})

    @property
    def surroundings(self) -> bool:
        """Whether they may change the environment or the working folder."""
        return bool({_word(node) for node in self._nodes} & _SURROUNDING)

    def steps(self) -> list[tuple[str, Any]]:
        """What they are made of, in order: ("set-up", code), ("test", code), ("test", (class or "", function))."""
        return [
            (
                "test" if step.test else "set-up",
                compile(ast.Module([step.node], []), FILE, "exec") if step.statement else (step.owner, step.node.name),
            )
            for step in plan.steps(self._body)
        ]

    def imports(self, module: str) -> bool:
        """Whether they import a module, or something from it."""
        return any(
            (isinstance(node, ast.Import) and any(one.name.split(".")[0] == module for one in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == module)
            for node in self._nodes
        )

    def asserts(self, frame: Any, line: int) -> bool:
        """Whether a frame stands in an assertion of these tests."""
        return frame.f_code.co_filename == FILE and line in self._asserting

    def libraries(self, entry_point: str) -> frozenset[str]:
        """The modules that have to be the candidate's: those that the tests import the entry point from.

        `import x` counts where they use `x.entry_point`, `from x import *` always, and so does the entry point itself.
        """
        used = {
            node.value.id
            for node in self._nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == entry_point
        }
        names: set[str] = set()
        for node in self._nodes:
            if isinstance(node, ast.ImportFrom):
                taken = {one.name for one in node.names}
                names |= {"." * node.level + (node.module or "")} if taken & {entry_point, "*"} else set()
            elif isinstance(node, ast.Import):
                names |= {one.name for one in node.names if (one.asname or one.name) in used}
        return frozenset(names | {entry_point})


def _classes(nodes: list[ast.AST]) -> frozenset[str]:
    names = [node for node in nodes if isinstance(node, ast.Name)]
    defined = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.ImportFrom) and node.module and _is_known(node.module):
            defined |= {one.asname or one.name for one in node.names}
    return frozenset(node.id for node in names if node.id.lstrip("_")[:1].isupper()) - defined


def _modules(nodes: list[ast.AST]) -> dict[str, str]:
    """What they call modules of the standard library, and what those are."""
    found = {"builtins": "builtins"}
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update({one.asname or one.name: one.name for one in node.names if _is_known(one.name)})
        elif isinstance(node, ast.ImportFrom) and node.module and _is_known(node.module):
            found.update({one.asname or one.name: f"{node.module}.{one.name}" for one in node.names})
            found[node.module] = node.module
    return found


def _is_read(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Load)


def _word(node: ast.AST) -> str:
    """The name that a node holds."""
    for field in ("id", "attr", "arg", "name"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            return value
    return ""


def _is_known(module: str) -> bool:
    """Whether a module is the standard library's, or pytest."""
    return module.split(".", maxsplit=1)[0] in sys.stdlib_module_names | {"pytest"}
