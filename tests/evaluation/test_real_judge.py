"""The seam to the judge with the real thing: a table of answers, and a real model, through the sandbox."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import create_autospec

import msgspec
import pytest
import transformers

from rustml.errors import EnvironmentFault, JudgeFault
from rustml.evaluation.context import EvalContext, judge_protocol, open_context
from rustml.evaluation.evaluate import evaluate
from rustml.evaluation.suites.suite import Suite
from rustml.generation.engines.transformers import TransformersEngine
from rustml.judge import Judge, Limits
from rustml.profile import load
from rustml.profile.compute import ComputeSection
from rustml.testing import FakeGenerator, FakeTokenizer
from tests.support.evaluation_doubles import made_suite

TESTS = "#[test]\nfn adds() {\n    assert_eq!(f(2), 3);\n}\n"
ANSWERS = {
    "task 0": "```rust\nfn f(x: i64) -> i64 {\n    x + 1\n}\n```",
    "task 1": "```rust\nfn f(x: i64) -> i64 {\n    return x + 1;\n}\n```",
    "task 2": "```rust\nfn f(x: i64) -> i64 {\n    x + 2\n}\n```",
    "task 3": "```rust\nfn f(x: i64) -> i64 {\n    String::new()\n}\n```",
    "task 4": "I would rather not.",
}
PROTOCOL = judge_protocol(Limits(), {"rust": "rustc 1"})


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    try:
        made = Judge(Limits())
    except EnvironmentFault as error:
        pytest.skip(f"no judge here: {error}")
    with made:
        yield made


def suite() -> Suite:
    made = made_suite(5)
    problems = tuple(msgspec.structs.replace(problem, tests=TESTS) for problem in made.problems)
    return dataclasses.replace(made, problems=problems)


def test_a_suite_without_tests_is_compiled_and_linted_alone(judge: Judge, checkpoint: Path, tmp_path: Path) -> None:
    generator = FakeGenerator(lambda prompt, _: ANSWERS[prompt])
    made = suite()
    bare = tuple(msgspec.structs.replace(problem, tests="", entry_point="") for problem in made.problems)
    asked = dataclasses.replace(made, problems=bare, group="untested")
    context = EvalContext(generator, FakeTokenizer(), judge, PROTOCOL)
    report = evaluate(checkpoint, [asked], context, tmp_path)
    outcomes = [samples[0] for samples in report.suites["rust"].outcomes.values()]
    assert [outcome.status for outcome in outcomes] == ["untested"] * 3 + ["compile_error", "format"]
    assert report.metrics()["rust.mean_lints"] == pytest.approx(1 / 3)
    assert report.metrics()["rust.compile_rate"] == 0.6


def test_each_kind_of_answer_gets_its_verdict(judge: Judge, checkpoint: Path, tmp_path: Path) -> None:
    context = EvalContext(FakeGenerator(lambda prompt, _: ANSWERS[prompt]), FakeTokenizer(), judge, PROTOCOL)
    report = evaluate(checkpoint, [suite()], context, tmp_path)
    outcomes = {item: samples[0] for item, samples in report.suites["rust"].outcomes.items()}
    assert [outcome.status for outcome in outcomes.values()] == ["passed", "passed", "wrong", "compile_error", "format"]
    assert outcomes["p/0"].clippy_clean is True
    assert outcomes["p/1"].lints == ("clippy::needless_return",)
    assert outcomes["p/3"].errors == ("E0308",)
    assert report.suites["rust"].failures() == {"wrong": 1, "E0308": 1, "format": 1}
    assert report.metrics()["rust.clippy_clean_of_passing"] == 0.5


def test_a_real_model_is_measured_end_to_end(judge: Judge, tiny_model: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(load("tiny").evaluation, batch_size=4, suites={}, lifecycle=(), shown=())
    single = ComputeSection(dtype="float32", attention="eager")
    profile = msgspec.structs.replace(load("tiny"), evaluation=section, compute=single)
    with open_context(profile, tiny_model, judge, PROTOCOL) as context:
        report = evaluate(tiny_model, [suite()], context, tmp_path)
    assert report.metrics()["rust.items"] == 5
    assert report.metrics()["rust.faults"] == 0
    protocol = report.suites["rust"].protocol
    assert protocol["engine"]["version"] == transformers.__version__
    assert "rustc" in protocol["judge"]["rust"]


def test_the_engine_is_closed_where_an_evaluation_fails(
    judge: Judge, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = create_autospec(TransformersEngine.close)
    monkeypatch.setattr(TransformersEngine, "close", close)
    profile = msgspec.structs.replace(load("tiny"), compute=ComputeSection(dtype="float32", attention="eager"))
    with pytest.raises(JudgeFault), open_context(profile, tiny_model, judge, PROTOCOL) as context:
        raise JudgeFault("the judge is gone")
    close.assert_called_once_with(context.generator)
