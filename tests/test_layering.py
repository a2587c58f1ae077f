"""The house rules, read off the source: who imports whom, what starts light, how long anything is."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "rustml").rglob("*.py"), *(ROOT / "entrypoints").rglob("*.py")])

# What a room may import besides itself. Siblings in the middle speak through files.
GROUND = {"errors", "io", "progress", "futures", "cache_layout", "records", "origin", "hub_datasets", "profile", "chat"}
GROUND |= {"covering_tests", "contents", "git_repository", "cargo", "licence", "similarity", "sharding"}
MACHINERY = {"rust", "sandbox", "models"}
MAKERS = {"judge", "generation", "tasks"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "io": set(),
    "progress": set(),
    "futures": set(),
    "cache_layout": set(),
    "hub_datasets": {"errors"},
    "cargo": {"errors", "origin"},
    "git_repository": {"errors"},
    "contents": {"errors", "io"},
    "origin": {"records"},
    "covering_tests": set(),
    "records": {"covering_tests", "errors", "io"},
    "profile": {"errors"},
    "chat": {"errors", "profile", "records"},
    "licence": {"errors", "records"},
    "similarity": {"io", "records", "profile"},
    "sharding": {"errors", "io", "progress", "records"},
    "rust": GROUND,
    "sandbox": GROUND,
    "models": GROUND,
    "tasks": GROUND | {"rust"},
    "judge": GROUND | MACHINERY | {"tasks"},
    "generation": GROUND | MACHINERY,
    "banks": GROUND | MACHINERY | MAKERS,
    "corpus": GROUND | MACHINERY | MAKERS | {"banks"},
    "pairs": GROUND | MACHINERY | MAKERS | {"banks"},
    "edits": GROUND | MACHINERY | MAKERS,
    "teaching": GROUND | MACHINERY | MAKERS,
    "mining": GROUND | MACHINERY | MAKERS,
    "training": GROUND | MACHINERY | MAKERS | {"banks"},
    "evaluation": GROUND | MACHINERY | MAKERS | {"banks"},
    "testing": GROUND | MACHINERY | MAKERS,
    "runs": GROUND,
    "release": GROUND | MACHINERY | MAKERS | {"banks", "evaluation", "runs"},
    "serving": GROUND | MACHINERY | MAKERS | {"banks", "evaluation"},
}
ALLOWED["stages"] = set(ALLOWED)
ALLOWED["testing"] = GROUND | MAKERS  # shipped doubles, which no other room imports

# Inside the judge, from the bottom up: what lies directly in `judge` is either its ground or its API.
JUDGE_GROUND = {"judge.limits", "judge.judging", "judge.verdicts", "judge.case_report", "judge.cache"}
JUDGE: dict[str, set[str]] = {
    "judge.limits": set(),
    "judge.judging": set(),
    "judge.verdicts": set(),
    "judge.case_report": set(),
    "judge.cache": {"judge.verdicts"},
    "judge.screening": set(),
    "judge.rust": JUDGE_GROUND | {"judge.screening"},
    "judge.python": JUDGE_GROUND,
    "judge": JUDGE_GROUND | {"judge.screening", "judge.rust", "judge.python", "judge.in_crate"},
    "judge.in_crate": JUDGE_GROUND | {"judge.rust"},
    "judge.remote": JUDGE_GROUND,
    "judge.cluster": JUDGE_GROUND | {"judge.remote"},
}
MAY_IMPORT_MLFLOW = {"runs", "release"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> str:
    """`judge` of `rustml.judge.rust.lints`; empty for anything that is not below rustml."""
    return module.split(".")[1] if module.startswith("rustml.") else ""


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, lazily or not; `from rustml import chat` is `rustml.chat`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (_imported(str(node.module), alias.name) for alias in node.names)


def _imported(module: str, name: str) -> str:
    place = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if place.with_suffix(".py").exists() or place.is_dir() else module


IMPORTS = {module_of(path): frozenset(imports_of(path)) for path in SOURCES}


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        "import os.path\nfrom rustml import chat, licence\nfrom rustml.judge import Judge\n"
        "def f():\n    from rustml.training.pretrain import save\n    import mlflow\n"
    )
    assert set(imports_of(source)) == {
        "os.path",
        "rustml.chat",
        "rustml.licence",
        "rustml.judge",
        "rustml.training.pretrain",
        "mlflow",
    }


@pytest.mark.parametrize("module", sorted(m for m in IMPORTS if part_of(m)))
def test_imports_point_one_way(module: str) -> None:
    part = part_of(module)
    assert part in ALLOWED, f"{module}: a new part needs its place in the order"
    wrong = {name for name in IMPORTS[module] if part_of(name) not in {"", part} | ALLOWED[part]}
    assert not wrong, f"{module} imports {sorted(wrong)}"


def subroom_of(module: str) -> str:
    """`judge.rust` of `rustml.judge.rust.lints`, `judge` of a module of its API; empty outside the judge."""
    parts = module.split(".")[1:]
    if parts[:1] != ["judge"]:
        return ""
    named = ".".join(parts[:2])
    return named if named in JUDGE else "judge"


@pytest.mark.parametrize("module", sorted(m for m in IMPORTS if subroom_of(m)))
def test_imports_inside_the_judge_point_one_way(module: str) -> None:
    room = subroom_of(module)
    wrong = {name for name in IMPORTS[module] if subroom_of(name) not in {"", room} | JUDGE[room]}
    assert not wrong, f"{module} imports {sorted(wrong)}"


def test_no_room_imports_the_doubles_for_tests() -> None:
    assert not [module for module, names in IMPORTS.items() if "rustml.testing" in names]


@pytest.mark.parametrize("rooms", [ALLOWED, JUDGE], ids=["rustml", "judge"])
def test_the_order_has_no_circle(rooms: dict[str, set[str]]) -> None:
    order: list[str] = []
    waiting = dict(rooms)
    while waiting:
        free = [part for part, needs in waiting.items() if needs <= set(order)]
        assert free, f"a circle among {sorted(waiting)}"
        order += free
        waiting = {part: needs for part, needs in waiting.items() if part not in free}


def test_nothing_in_rustml_imports_an_entry_point() -> None:
    wrong = [m for m, names in IMPORTS.items() if part_of(m) and any(n.startswith("entrypoints") for n in names)]
    assert not wrong


def test_few_rooms_import_mlflow() -> None:
    users = {part_of(m) for m, names in IMPORTS.items() if any(n.split(".")[0] == "mlflow" for n in names)}
    assert users - {""} <= MAY_IMPORT_MLFLOW


def test_help_of_every_command_loads_no_model_library() -> None:
    """`--help`, and a mistyped option, answer before torch could be imported; the help of all commands is at once."""
    program = """
import json, sys
from click.testing import CliRunner
from entrypoints.__main__ import main
from entrypoints._support.group import command_names, load_command

def help_of(command, *words):
    done = CliRunner().invoke(command, [*words, "--help"])
    assert done.exit_code == 0 and "--" in done.output, (words, done.output)

def loaded(*names):
    return [name for name in names if name in sys.modules]

help_of(main)
assert not loaded("rustml", "mlflow"), "the list of commands imports none of them"
for name in command_names():
    help_of(load_command(name))
    help_of(main, name)
print(json.dumps(loaded(
    "torch", "transformers", "trl", "torchao", "vllm", "datasets", "peft", "accelerate", "openai", "sklearn", "mlflow"
)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module_of(path)}.{node.name}", _length(node)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring: what a reader has to hold in mind."""
    documented = ast.get_docstring(node) is not None
    body = node.body[1:] if documented else node.body
    return int(node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_function_is_longer_than_forty_lines() -> None:
    long = [(name, lines) for path in SOURCES for name, lines in _functions(path) if lines > 40]
    assert not long


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    long = {module_of(path): count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300}
    assert not long


def test_there_is_no_module_of_leftovers() -> None:
    assert not [path for path in SOURCES if path.stem in ("utils", "util", "helpers", "misc", "common")]


def _at_import(path: Path) -> Iterator[str]:
    """Calls that a module makes for their effect when it is imported."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield f"{module_of(path)}, line {node.lineno}"


def test_importing_a_module_does_nothing() -> None:
    programs = ROOT / "rustml" / "judge" / "python" / "guest"  # run inside the sandbox, never imported
    modules = [path for path in SOURCES if path.stem != "preload" and programs not in path.parents]
    calls = [call for path in modules for call in _at_import(path)]
    assert not calls, "only stages.preload is imported for its effect"
