"""The examples run as they stand."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from rustml.banks.sources.load import SOURCES
from rustml.evaluation.results.report_file import REPORT
from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.judge import Judge, Limits
from rustml.profile import load
from rustml.records import Problem, candidate_of, read_jsonl
from tests.release.conftest import evaluation_of

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_every_example_is_listed() -> None:
    listed = {
        line.split("`")[1].rstrip("/") for line in (EXAMPLES / "README.md").read_text().splitlines() if "| `" in line
    }
    assert listed == {path.name for path in EXAMPLES.iterdir()} - {"README.md", "__pycache__"}


def test_judge_ten_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    example("judge_ten_candidates")["main"]()
    lines = capsys.readouterr().out.splitlines()
    statuses = {line[:20].strip(): line[21:36].strip() for line in lines}
    assert len(statuses) == 10
    assert [name for name, status in statuses.items() if status == "passed"] == [
        "right",
        "right, with a loop",
        "a lint",
    ]
    assert statuses["wrong type"] == "compile_error"
    assert statuses["unsafe"] == "policy"


@pytest.mark.parametrize(("items", "passed"), [(60, True), (0, False)])
def test_gate_two_reports(items: int, passed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, right in (("candidate", items), ("baseline", 0)):
        (tmp_path / name).mkdir()
        rust, python = [n < right for n in range(100)], [True] * 400
        evaluation_of(name, rust=rust, python=python).save(tmp_path / name / REPORT)
    assert example("gate_two_reports")["main"](str(tmp_path / "candidate"), str(tmp_path / "baseline")) is passed
    assert capsys.readouterr().out.startswith("passed" if passed else "refused")


def test_the_own_suite_is_a_profile_whose_references_pass() -> None:
    profile = load(str(EXAMPLES / "own_suite" / "profile.yaml"))
    problems = list(read_jsonl(EXAMPLES.parent / profile.bank.benchmarks["own"], Problem))
    with Judge(Limits()) as judge:
        verdicts = judge.judge([candidate_of(problem, problem.reference, problem.id) for problem in problems])
    assert [verdict.status for verdict in verdicts] == ["passed"] * len(problems)
    assert profile.evaluation.suites["own"].problems == "own"


def test_the_profile_for_your_model_is_complete() -> None:
    assert load(str(EXAMPLES / "profile_for_your_model.yaml")).registered_model == "my-rust-coder"


@pytest.mark.slow
def test_serve_and_ask(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "small.yaml"
    settings.write_text(json.dumps({"extends": "tiny", "serve": {"context": 200, "max_new_tokens": 8}}))
    assert isinstance(example("serve_and_ask")["main"](str(tiny_model), "one", str(settings)), str)


def test_the_public_suites_are_asked_over_banks_that_the_profile_names() -> None:
    profile = load(str(EXAMPLES / "public_suites" / "profile.yaml"))
    own = load("tiny").evaluation.suites
    suites = {name: suite for name, suite in profile.evaluation.suites.items() if name not in own}
    assert {suite.problems for suite in suites.values()} == set(profile.bank.benchmarks) <= set(SOURCES)
    prefixes = [suite.metric_prefix for suite in profile.evaluation.suites.values()]
    assert len(set(prefixes)) == len(prefixes)
    on_hub = {name for name, source in profile.bank.benchmarks.items() if source == "hub"}
    assert on_hub == {name for name in profile.bank.benchmarks if SOURCES[name].hub is not None}
    assert all(PROTOCOLS[suite.protocol].asks_again for suite in suites.values() if suite.repair)
