"""The code that decides a stage's output, found by the imports of its module.

Every module that the body reaches counts, with the programs beside it (in folders that are not packages). Code that
only draws, reports or keeps records is left out by rule: the rooms of OUTSIDE, and every module or package named
`report` or `plots`. Comments, docstrings and layout do not count, since they do not change an output.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the package."""
PACKAGE = "rustml"
OUTSIDE = frozenset({"cache_layout", "contents", "errors", "profile", "release", "runs"})
"""Rooms that do not change an output: the profile's values are part of a key themselves."""
DRAWING = frozenset({"plots", "report"})
PROGRAMS = (".py", ".rs")


class Source(NamedTuple):
    """What counts of one source."""

    tree: str
    """The syntax tree without docstrings and positions, as text."""
    imports: tuple[tuple[str, str], ...]
    """Modules, each with the name that is imported from it; empty where the module itself is."""


@cache
def code_digest(module: str, root: Path = ROOT) -> str:
    """SHA-256, in hex, of all code that `module` reaches. Raises ModuleNotFoundError when there is no such module."""
    if _file_of(module, root) is None:
        raise ModuleNotFoundError(f"{module} is not a module below {root}")
    digest = hashlib.sha256()
    for name in sorted(reached(module, root)):
        file = _file_of(name, root)
        assert file is not None
        digest.update(f"{name}\0{_source(_text(file)).tree}\0".encode())
        for program in _programs_beside(file):
            text = _source(_text(program)).tree if program.suffix == ".py" else _text(program)
            digest.update(f"{program.relative_to(root)}\0{text}\0".encode())
    return digest.hexdigest()


def reached(module: str, root: Path = ROOT) -> set[str]:
    """The module and all modules of the package that it imports, lazily or not, directly or through others."""
    names: set[str] = set()
    stack = [module]
    while stack:
        name = stack.pop()
        if name not in names and (name == module or not _outside(name)):
            names.add(name)
            file = _file_of(name, root)
            stack += [other for other in imports_of(file, root) if _file_of(other, root)] if file else []
    return names


def imports_of(file: Path, root: Path = ROOT) -> Iterator[str]:
    """Every module that a file imports; `from rustml import chat` is `rustml.chat`."""
    for module, name in _source(_text(file)).imports:
        inner = f"{module}.{name}"
        yield inner if name and _file_of(inner, root) else module


@cache
def _source(text: str) -> Source:
    """Parse a source. Stages share most of their modules, and each is parsed once per process."""
    tree = ast.parse(text)
    imports: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports += [(str(node.module), alias.name) for alias in node.names]
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [child for child in node.body if not _is_docstring(child)]
    return Source(ast.dump(tree), tuple(imports))


def _is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, or a string under an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _outside(name: str) -> bool:
    parts = name.split(".")
    return parts[1:2] != [] and (parts[1] in OUTSIDE or not DRAWING.isdisjoint(parts))


def _file_of(module: str, root: Path) -> Path | None:
    """The source of a module of the package; None for anything else."""
    if module.split(".", maxsplit=1)[0] != PACKAGE:
        return None
    path = root.joinpath(*module.split("."))
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _programs_beside(file: Path) -> list[Path]:
    """Sources in folders beside a module that are not packages: programs for a compiler or a sandbox."""
    folders = [folder for folder in file.parent.iterdir() if folder.is_dir() and not (folder / "__init__.py").exists()]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in PROGRAMS)
