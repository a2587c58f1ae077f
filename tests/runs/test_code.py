"""What a stage's key sees of the code: every line that can change an output, and none that only draws."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustml.runs import code

STAGES = ("harvest", "bank", "curate", "pairs", "base", "sft", "evaluate", "grpo", "quantize", "serve")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A copy of the package to edit."""
    shutil.copytree(code.ROOT / "rustml", tmp_path / "rustml", ignore=shutil.ignore_patterns("__pycache__"))
    yield tmp_path
    code.code_digest.cache_clear()


def digests(root: Path) -> dict[str, str]:
    code.code_digest.cache_clear()
    return {stage: code.code_digest(f"rustml.stages.{stage}", root) for stage in STAGES}


def changed(root: Path, before: dict[str, str]) -> set[str]:
    return {stage for stage, digest in digests(root).items() if digest != before[stage]}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path} holds no {old!r}"
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("stage", STAGES)
def test_the_body_of_a_stage_is_in_its_key(copy: Path, stage: str) -> None:
    before = digests(copy)
    with (copy / "rustml" / "stages" / f"{stage}.py").open("a") as module:
        module.write("\nADDED = 1\n")
    assert stage in changed(copy, before)


def test_a_module_that_only_draws_is_in_no_key(copy: Path) -> None:
    before = digests(copy)
    for path in (copy / "rustml").rglob("*.py"):
        if not code.DRAWING.isdisjoint(path.relative_to(copy).with_suffix("").parts):
            path.write_text(path.read_text() + "\nADDED = 1\n")
    assert changed(copy, before) == set()


def test_comments_docstrings_and_layout_are_in_no_key(copy: Path) -> None:
    before = digests(copy)
    for path in (copy / "rustml").rglob("*.py"):
        text = path.read_text()
        if ast.get_docstring(ast.parse(text)):
            text = text.replace('"""', '"""Another sentence. ', 1)
        path.write_text("# a comment\n" + text + "\n\n# another\n")
    assert changed(copy, before) == set()


def test_a_program_for_the_sandbox_is_in_the_key_of_all_who_judge(copy: Path) -> None:
    before = digests(copy)
    with (copy / "rustml" / "judge" / "rust" / "harness" / "lib.rs").open("a") as harness:
        harness.write("\nfn added() {}\n")
    assert changed(copy, before) >= {"bank", "evaluate", "grpo", "serve"}
    assert changed(copy, before) & {"harvest", "curate", "base", "sft", "quantize"} == set()


def test_a_constant_far_down_is_in_the_key(copy: Path) -> None:
    before = digests(copy)
    edit(copy / "rustml" / "similarity" / "minhash.py", "MISS = ", "MISS = 2 * ")
    assert {"curate", "pairs"} <= changed(copy, before)
    assert "quantize" not in changed(copy, before)


def test_records_of_runs_are_in_no_key(copy: Path) -> None:
    before = digests(copy)
    with (copy / "rustml" / "runs" / "tracking.py").open("a") as module:
        module.write("\nADDED = 1\n")
    assert changed(copy, before) == set()


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        code.code_digest("rustml.no_such_module")
