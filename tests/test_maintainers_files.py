"""Files for maintainers agree with the package and its lock."""

import re
from pathlib import Path

import pytest
import yaml

import rustml

ROOT = Path(__file__).resolve().parents[1]


def test_pre_commit_runs_the_locked_ruff() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    locked = re.search(r"^ruff==(\S+)$", (ROOT / "requirements" / "cpu.in").read_text(), re.MULTILINE)
    assert locked is not None
    assert repository["rev"] == f"v{locked[1]}"
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-check", "ruff-format"]


def test_the_workflow_runs_the_script_that_is_there_on_the_locked_python() -> None:
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if step.get("run", "").startswith(".ci/")] == [".ci/run"]
    assert (ROOT / ".ci" / "run").is_file()
    (python,) = (step["with"]["python-version"] for step in steps if "setup-python" in step.get("uses", ""))
    assert f"=={python}" in (ROOT / "conda.yaml").read_text() or f"={python}" in (ROOT / "conda.yaml").read_text()


def test_the_changelog_knows_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"[{rustml.__version__}]" in text or f"To become {rustml.__version__}." in text


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md"])
def test_files_that_are_named_exist(name: str) -> None:
    paths = re.findall(r"`((?:docs|rustml|tests|requirements|profiles|\.ci)/[\w./-]*)`", (ROOT / name).read_text())
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_make_targets_that_are_named_exist() -> None:
    targets = re.findall(r"make ([\w-]+)", (ROOT / "CONTRIBUTING.md").read_text())
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
